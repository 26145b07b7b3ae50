//! Statements on a real server.

use opentelemetry::trace::{SpanKind, Status};
use opentelemetry_sdk::trace::SpanData;
use sqlx::postgres::{PgConnectOptions, PgPoolOptions};
use sqlx::{PgPool, Row};
use throughline_sdk::postgres::Database;
use throughline_sdk::{InInteraction, Interaction};
use tokio_postgres::{Client, NoTls};

use crate::server::Postgres;
use crate::spans::{text, traced};

const FIND: &str = "SELECT name FROM customers WHERE phone = $1";
const SECRET: &str = "5550100";

async fn sqlx_pool(server: &Postgres) -> PgPool {
    let options: PgConnectOptions = server.url.parse().unwrap();
    let pool = PgPoolOptions::new().max_connections(1).connect_with(options).await.unwrap();
    sqlx::raw_sql("CREATE TABLE customers (phone text PRIMARY KEY, name text)").execute(&pool).await.unwrap();
    sqlx::query("INSERT INTO customers VALUES ($1, 'Ada')").bind(SECRET).execute(&pool).await.unwrap();
    pool
}

async fn client(server: &Postgres) -> (Client, Database) {
    let config: tokio_postgres::Config = server.url.parse().unwrap();
    let (client, connection) = config.connect(NoTls).await.unwrap();
    tokio::spawn(connection);
    (client, Database::from(&config))
}

fn only(spans: &[SpanData]) -> &SpanData {
    let [span] = spans else { panic!("{spans:?}") };
    assert!(!format!("{span:?}").contains(SECRET), "{span:?}");
    span
}

fn check(server: &Postgres, span: &SpanData, name: &str, expected: &[(&str, &str)]) {
    let port = server.url.rsplit_once(':').unwrap().1.split_once('/').unwrap().0;
    assert_eq!((span.name.as_ref(), &span.span_kind), (name, &SpanKind::Client));
    let where_ = [
        ("db.system.name", "postgresql"),
        ("db.namespace", "postgres"),
        ("db.query.summary", name),
        ("server.address", "127.0.0.1"),
        ("server.port", port),
        ("interaction.id", "call"),
    ];
    for (key, value) in where_.iter().chain(expected) {
        assert_eq!(text(span, key).as_deref(), Some(*value), "{key}");
    }
}

#[tokio::test]
async fn statements_of_both_clients_have_spans() {
    let server = Postgres::start();
    let pool = sqlx_pool(&server).await;
    let (client, database) = client(&server).await;
    assert_eq!(database, Database::from(&*pool.connect_options()));
    let call = Interaction::new("call");

    // Values in parameters, and in the text.
    let of_find = [("db.query.text", FIND), ("db.operation.name", "SELECT")];
    let work = database.query(FIND).run(|sql| sqlx::query_scalar(sql).bind(SECRET).fetch_one(&pool));
    let (name, spans) = traced(work.in_interaction(call.clone())).await;
    let name: String = name.unwrap();
    assert_eq!(name, "Ada");
    check(&server, only(&spans), "SELECT customers", &of_find);

    let work = database.query(FIND).run(|sql| client.query(sql, &[&SECRET]));
    let (rows, spans) = traced(work.in_interaction(call.clone())).await;
    assert_eq!(rows.unwrap()[0].get::<_, String>(0), "Ada");
    check(&server, only(&spans), "SELECT customers", &of_find);

    let in_text = "SELECT name FROM customers /* 5550100 */ WHERE phone IN ('5550100', '5550101')";
    let shown = [("db.query.text", "SELECT name FROM customers WHERE phone IN (?)")];
    let work = database.query(in_text).run(|sql| sqlx::raw_sql(sql).fetch_all(&pool));
    let (rows, spans) = traced(work.in_interaction(call.clone())).await;
    assert_eq!(rows.unwrap()[0].get::<String, _>(0), "Ada");
    check(&server, only(&spans), "SELECT customers", &shown);

    let prepared = client.prepare(in_text).await.unwrap();
    let work = database.query(in_text).run(|_| client.query(&prepared, &[]));
    let (rows, spans) = traced(work.in_interaction(call)).await;
    assert_eq!(rows.unwrap().len(), 1);
    check(&server, only(&spans), "SELECT customers", &shown);
}

#[tokio::test]
async fn errors_have_their_sqlstate_and_no_message() {
    let server = Postgres::start();
    let pool = sqlx_pool(&server).await;
    let (client, database) = client(&server).await;
    for (statement, state) in [
        ("INSERT INTO customers VALUES ('5550100', 'Eve')", "23505"),
        ("SELECT '5550100x'::int", "22P02"),
        ("SELECT FROM nowhere WHERE a = 5550100", "42P01"),
        ("SELECT '5550100", "42601"),
    ] {
        let (done, spans) = traced(database.query(statement).run(|sql| client.execute(sql, &[]))).await;
        assert!(done.is_err(), "{statement}");
        failed(only(&spans), state);
        let work = database.query(statement).run(|sql| sqlx::raw_sql(sql).execute(&pool));
        let (done, spans) = traced(work).await;
        assert!(done.is_err(), "{statement}");
        failed(only(&spans), state);
    }
}

fn failed(span: &SpanData, state: &str) {
    assert_eq!(span.status, Status::error(""));
    assert_eq!(text(span, "error.type").as_deref(), Some(state));
    assert_eq!(text(span, "db.response.status_code").as_deref(), Some(state));
}

#[tokio::test]
async fn what_fails_without_the_server_is_told_apart() {
    let server = Postgres::start();
    let pool = sqlx_pool(&server).await;
    let (client, database) = client(&server).await;
    // Nothing was found: no failure of the statement.
    let work = database.query(FIND).run(|sql| sqlx::query(sql).bind("unknown").fetch_one(&pool));
    let (done, spans) = traced(work).await;
    assert!(done.is_err());
    assert_eq!((text(only(&spans), "error.type"), &only(&spans).status), (None, &Status::Unset));

    pool.close().await;
    let work = database.query(FIND).run(|sql| sqlx::query(sql).bind("").fetch_one(&pool));
    let (done, spans) = traced(work).await;
    assert!(done.is_err());
    assert_eq!(text(only(&spans), "error.type").as_deref(), Some("pool_closed"));

    let gone = "SELECT pg_terminate_backend(pg_backend_pid())";
    assert!(client.execute(gone, &[]).await.is_err());
    let (done, spans) = traced(database.query(FIND).run(|sql| client.query(sql, &[&""]))).await;
    assert!(done.is_err());
    assert_eq!(text(only(&spans), "error.type").as_deref(), Some("closed"));
}
