//! A span for each statement that goes to PostgreSQL, whatever the client: `tokio-postgres`, `sqlx`, another.
//!
//! ```no_run
//! use throughline_sdk::postgres::Database;
//!
//! # #[cfg(all(feature = "sqlx", feature = "tokio-postgres"))]
//! # async fn run(client: tokio_postgres::Client, pool: sqlx::PgPool) -> Result<(), Box<dyn std::error::Error>> {
//! let database = Database::from(&*pool.connect_options());
//! let query = database.query("SELECT name FROM customers WHERE phone = $1");
//! let name: String = query.run(|sql| sqlx::query_scalar(sql).bind("+15550100").fetch_one(&pool)).await?;
//!
//! let query = database.query("SELECT name FROM customers WHERE phone = $1");
//! let rows = query.run(|sql| client.query(sql, &[&"+15550100"])).await?;
//! # Ok(())
//! # }
//! ```

mod token;
mod sanitize;
mod summary;
mod failure;

use opentelemetry::trace::{FutureExt, SpanBuilder, SpanKind};
use opentelemetry::{Context, KeyValue, StringValue};

pub use failure::{DatabaseError, Failure};
pub use sanitize::sanitize;

use crate::span::Open;
use sanitize::{read, show};
use summary::summary;

/// A database that statements go to. Settings of a client tell which: `Database::from(&config)` for those of
/// `tokio-postgres`, `Database::from(&*pool.connect_options())` for `sqlx`.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Database {
    namespace: Option<StringValue>,
    server: Option<(StringValue, Option<u16>)>,
}

/// A statement for a database.
#[derive(Clone, Debug)]
pub struct Query<'s> {
    database: Database,
    statement: &'s str,
}

impl Database {
    /// The name of the database.
    #[must_use]
    pub fn namespace(mut self, name: impl Into<String>) -> Self {
        self.namespace = Some(name.into().into());
        self
    }

    /// The server's name or address, and its port.
    #[must_use]
    pub fn server(mut self, address: impl Into<String>, port: u16) -> Self {
        self.server = Some((address.into().into(), Some(port)));
        self
    }

    /// The folder of the server's socket.
    #[must_use]
    pub fn socket(mut self, path: impl Into<String>) -> Self {
        self.server = Some((path.into().into(), None));
        self
    }

    /// A statement, to be run once.
    pub fn query<'s>(&self, statement: &'s str) -> Query<'s> {
        Query { database: self.clone(), statement }
    }
}

impl<'s> Query<'s> {
    /// Runs the statement in a client span. The span holds its text without literals, and of an error the SQLSTATE,
    /// but not the message, which may quote them.
    pub async fn run<T, E, F>(self, run: impl FnOnce(&'s str) -> F) -> Result<T, E>
    where
        F: Future<Output = Result<T, E>>,
        E: DatabaseError,
    {
        let mut span = self.start();
        let done = run(self.statement).with_context(span.context().clone()).await;
        match done.as_ref().err().map_or(Failure::None, DatabaseError::failure) {
            Failure::None => {}
            Failure::Sqlstate(code) => {
                span.set(KeyValue::new("db.response.status_code", code.to_string()));
                span.fail(code.into_owned(), "");
            }
            Failure::Client(kind) => span.fail(kind, ""),
        }
        span.end();
        done
    }

    fn start(&self) -> Open {
        let tokens = read(self.statement);
        let summary = summary(&tokens);
        let mut attributes = vec![
            KeyValue::new("db.system.name", "postgresql"),
            KeyValue::new("db.query.text", show(&tokens)),
        ];
        let mut add = |key: &'static str, value: Option<StringValue>| {
            attributes.extend(value.map(|value| KeyValue::new(key, value)));
        };
        let is_named = !summary.text.is_empty();
        add("db.query.summary", is_named.then(|| summary.text.clone().into()));
        add("db.operation.name", summary.operation.map(StringValue::from));
        add("db.namespace", self.database.namespace.clone());
        let (address, port) = self.database.server.clone().unzip();
        add("server.address", address);
        let port = port.flatten().map(|port| KeyValue::new("server.port", i64::from(port)));
        attributes.extend(port);
        let name = if is_named { summary.text } else { "postgresql".to_owned() };
        let builder = SpanBuilder::from_name(name).with_kind(SpanKind::Client).with_attributes(attributes);
        Open::start(builder, &Context::current())
    }
}

/// Where several servers are named, it is not known which one answers.
#[cfg(feature = "tokio-postgres")]
impl From<&tokio_postgres::Config> for Database {
    fn from(config: &tokio_postgres::Config) -> Self {
        use tokio_postgres::config::Host;
        const PORT: u16 = 5432;

        let database = Self::default();
        let database = match config.get_dbname().or(config.get_user()) {
            Some(name) => database.namespace(name),
            None => database,
        };
        match config.get_hosts() {
            [Host::Tcp(name)] => database.server(name, config.get_ports().first().copied().unwrap_or(PORT)),
            #[cfg(unix)]
            [Host::Unix(path)] => database.socket(path.to_string_lossy()),
            _ => database,
        }
    }
}

#[cfg(feature = "sqlx")]
impl From<&sqlx::postgres::PgConnectOptions> for Database {
    fn from(options: &sqlx::postgres::PgConnectOptions) -> Self {
        let name = options.get_database().unwrap_or(options.get_username());
        let database = Self::default().namespace(name);
        match options.get_socket() {
            Some(path) => database.socket(path.to_string_lossy()),
            None => database.server(options.get_host(), options.get_port()),
        }
    }
}
