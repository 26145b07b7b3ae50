//! Arrow Flight SQL, read only: the questions of `/api/v1/sql` for ADBC, JDBC and what stands on them.
//!
//! A statement's handle and its ticket are its text, so that nothing is kept between two calls. The store answers with a stream of
//! Arrow IPC, of which each message goes on as it is (`ipc`); what is asked about tables is asked in SQL, too (`catalog`).

mod command;
mod ipc;
mod catalog;
mod message;

use axum::Router;
use axum::body::Bytes;
use axum::extract::{Path, Request, State};
use axum::http::HeaderMap;
use axum::response::Response;
use axum::routing::post;
use futures_util::{StreamExt, stream};
use store_api::sql::{Body, Format, Question};

use self::command::Command;
use self::ipc::Messages;
use crate::api::Api;
use crate::error::ApiError;
use crate::grpc::{self, Wrong, bytes, fields, framed, refused, streamed, text};
use crate::query::SqlParameters;
use crate::sql;

/// Bytes of a question: those of a statement, and what is around it.
const LARGEST: usize = 128 << 10;
/// Headers of a call, as the parameters of `/api/v1/sql`.
const ROWS: &str = "max-rows";
const SECONDS: &str = "max-seconds";

const PREPARE: &str = "CreatePreparedStatement";
const CLOSE: &str = "ClosePreparedStatement";

pub(crate) fn routes() -> Router<Api> {
    Router::new().route("/arrow.flight.protocol.FlightService/{method}", post(asked))
}

async fn asked(State(api): State<Api>, Path(method): Path<String>, request: Request) -> Response {
    answer(&api, &method, request).await.unwrap_or_else(|wrong| refused(&wrong))
}

async fn answer(api: &Api, method: &str, request: Request) -> Result<Response, Wrong> {
    let limits = Limits::of(request.headers())?;
    match method {
        "GetFlightInfo" => {
            let descriptor = grpc::question(request, LARGEST).await?;
            let command = command::of_descriptor(&descriptor)?;
            Ok(framed(vec![message::info(&descriptor, &command.ticket())]))
        }
        "GetSchema" => {
            let command = command::of_descriptor(&grpc::question(request, LARGEST).await?)?;
            let schema = schema(api, &command.text(api, &limits).await?, &limits).await?;
            Ok(framed(vec![message::schema(&schema)]))
        }
        "DoGet" => {
            let ticket = grpc::question(request, LARGEST).await?;
            let command = command::read(bytes(&fields(&ticket)?, 1))?;
            rows(api, command.text(api, &limits).await?, &limits).await
        }
        "DoAction" => {
            let action = grpc::question(request, LARGEST).await?;
            let action = fields(&action)?;
            act(api, text(&action, 1), bytes(&action, 2), &limits).await
        }
        "ListActions" => Ok(framed(vec![
            message::action(PREPARE, "A statement by its text; parameters are not taken."),
            message::action(CLOSE, "Nothing is kept of a prepared statement."),
        ])),
        "DoPut" | "DoExchange" => {
            Err(Wrong::new(7, "the store is only read here, and statements take no parameters"))
        }
        other => Err(Wrong::unimplemented(other)),
    }
}

async fn act(api: &Api, kind: &str, body: &[u8], limits: &Limits) -> Result<Response, Wrong> {
    match kind {
        PREPARE => {
            let statement = command::prepared(body)?;
            let schema = match reads_rows(&statement) {
                true => schema(api, &statement, limits).await?,
                false => Bytes::new(),
            };
            Ok(framed(vec![message::prepared(&statement, &schema)]))
        }
        CLOSE => Ok(framed(Vec::new())),
        other => Err(Wrong::new(12, format!("there is no action `{other}` here"))),
    }
}

/// Whether a statement can stand within another one.
fn reads_rows(statement: &str) -> bool {
    let verb = statement.trim_start().split(|c: char| !c.is_ascii_alphabetic()).next().unwrap_or_default();
    ["SELECT", "WITH", "VALUES"].iter().any(|known| verb.eq_ignore_ascii_case(known))
}

/// The first message of an answer without rows.
async fn schema(api: &Api, statement: &str, limits: &Limits) -> Result<Bytes, Wrong> {
    const BEFORE: &str = "SELECT * FROM (";
    let text = match reads_rows(statement) {
        true => format!("{BEFORE}{}\n) LIMIT 0", statement.trim().trim_end_matches(';')),
        false => statement.to_owned(),
    };
    let (answer, _place) = sql::open(api, limits.question(text)?).await?;
    let mut messages = Messages::default();
    let mut body = answer.body;
    while let Some(chunk) = body.next().await {
        let chunk = chunk.map_err(ApiError::from)?;
        if let Some(first) = messages.take(&chunk)?.first() {
            return Ok(first.whole());
        }
    }
    Err(Wrong::new(13, "the answer has no schema"))
}

async fn rows(api: &Api, statement: String, limits: &Limits) -> Result<Response, Wrong> {
    let (answer, place) = sql::open(api, limits.question(statement)?).await?;
    let mut response = streamed(data(answer.body));
    response.extensions_mut().insert(place);
    Ok(response)
}

/// `FlightData`s.
fn data(body: Body) -> impl futures_util::Stream<Item = Result<Bytes, Wrong>> + Send {
    let messages = body.scan(Messages::default(), |messages, chunk| {
        let taken = chunk
            .map_err(|failed| Wrong::from(ApiError::from(failed)))
            .and_then(|chunk| messages.take(&chunk));
        std::future::ready(Some(taken))
    });
    messages.flat_map(|taken| {
        let parts: Vec<Result<Bytes, Wrong>> = match taken {
            Ok(messages) => messages.into_iter().flat_map(message::data).map(Ok).collect(),
            Err(wrong) => vec![Err(wrong)],
        };
        stream::iter(parts)
    })
}

/// What a call allows a question to cost.
struct Limits {
    rows: Option<u64>,
    seconds: Option<u64>,
}

impl Limits {
    fn of(headers: &HeaderMap) -> Result<Self, Wrong> {
        let number = |name: &str| {
            let text = headers.get(name).map(|value| value.to_str().unwrap_or_default());
            let number = text.map(str::parse).transpose();
            number.map_err(|_| Wrong::invalid(format!("the header `{name}` is not a number")))
        };
        Ok(Self { rows: number(ROWS)?, seconds: number(SECONDS)? })
    }

    fn question(&self, query: String) -> Result<Question, ApiError> {
        let format = Some(Format::Arrow.name().to_owned());
        sql::question(SqlParameters { query, format, max_rows: self.rows, max_seconds: self.seconds })
    }
}

impl Command {
    /// The question in SQL.
    async fn text(self, api: &Api, limits: &Limits) -> Result<String, Wrong> {
        match self {
            Self::Statement(text) => Ok(text),
            Self::Catalog(about) => {
                let mut schemas = Vec::new();
                if about.wants_schemas() {
                    for table in catalog::TABLES {
                        schemas.push((table, schema(api, &format!("SELECT * FROM {table}"), limits).await?));
                    }
                }
                Ok(about.text(&schemas))
            }
        }
    }
}
