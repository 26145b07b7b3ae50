//! Arrow Flight SQL over a real socket, with a store whose answers are made by hand; `crates/cli/tests/flight.rs` asks as ADBC does.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use axum::body::Bytes;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use expect_test::expect;
use flow::{BoxFuture, Extension};
use futures_util::{StreamExt, stream};
use http_body_util::{BodyExt, Full};
use hyper::Request;
use hyper_util::rt::{TokioExecutor, TokioIo};
use prost::Message;
use store_api::door::Opener;
use store_api::sql::{Answer, Failed, Metadata, On, Question, Worked};
use store_api::store::Look;
use store_api::{Appended, Limits, Span, StoreDoor, StoreError, TraceStore};
use tokio::net::TcpStream;
use tokio::sync::Notify;
use view_api::{Settings, View};

use crate::grpc::{Reply, send_to};
use crate::{guarded, token_of};

/// What was asked, and an answer of two messages; `breaks` ends it early.
#[derive(Default)]
struct Engine {
    asked: Mutex<Vec<Question>>,
    about: Mutex<Vec<Metadata>>,
    /// Told when nobody wants the rest of `endless` any more.
    left: Arc<Notify>,
}

struct Left(Arc<Notify>);

impl Drop for Left {
    fn drop(&mut self) {
        self.0.notify_one();
    }
}

impl Engine {
    /// That of one test.
    fn of(directory: &Path) -> Arc<Self> {
        static ALL: Mutex<BTreeMap<PathBuf, Arc<Engine>>> = Mutex::new(BTreeMap::new());
        Arc::clone(ALL.lock().unwrap().entry(directory.to_owned()).or_default())
    }
}

/// One message of Arrow IPC with this body: a root table whose fourth field is its length.
fn message(body: &[u8]) -> Vec<u8> {
    let mut metadata = vec![20, 0, 0, 0, 0, 0];
    for number in [12u16, 16, 4, 0, 0, 8] {
        metadata.extend(number.to_le_bytes());
    }
    metadata.extend([0, 0, 14, 0, 0, 0, 5, 0, 0, 0]);
    metadata.extend((body.len() as i64).to_le_bytes());
    metadata.extend([0; 4]);
    [&[0xff; 4][..], &(metadata.len() as u32).to_le_bytes(), &metadata, body].concat()
}

impl TraceStore for Engine {
    fn append(&self, _: Vec<Span>) -> BoxFuture<'_, Result<Appended, StoreError>> {
        Box::pin(async { Ok(Appended::default()) })
    }

    fn look(&self, _: Limits, _: Look) -> BoxFuture<'_, Result<(), StoreError>> {
        Box::pin(async { Ok(()) })
    }

    fn flush(&self) -> BoxFuture<'_, Result<(), StoreError>> {
        Box::pin(async { Ok(()) })
    }

    fn sql(&self, question: Question) -> BoxFuture<'_, Result<Answer, Failed>> {
        Box::pin(async move {
            self.asked.lock().unwrap().push(question.clone());
            let limit = || Failed::Limit { what: "too much".to_owned(), help: "ask for less".to_owned() };
            match question.text.as_str() {
                "wrong" => {
                    return Err(Failed::Wrong { message: "no such column".to_owned(), place: Some((2, 7)) });
                }
                "drop" => return Err(Failed::Refused("DROP is not answered".to_owned())),
                "limit" => return Err(limit()),
                "unsupported" => return Err(Failed::Unsupported),
                _ => {}
            }
            let bytes =
                [message(b""), message(&[7; 4096]), vec![0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0]].concat();
            let mut chunks: Vec<_> =
                bytes.chunks(1000).map(|chunk| Ok(Bytes::copy_from_slice(chunk))).collect();
            match question.text.as_str() {
                "breaks" => chunks.push(Err(limit())),
                "nonsense" => chunks.insert(0, Ok(Bytes::from_static(b"no arrow"))),
                _ => {}
            }
            let mut body = stream::iter(chunks).boxed();
            if question.text == "endless" {
                let left = Left(Arc::clone(&self.left));
                let rest = stream::once(async move {
                    std::future::pending::<()>().await;
                    drop(left);
                    Ok(Bytes::new())
                });
                body = body.chain(rest).boxed();
            }
            let worked = match question.on {
                On::Either => None,
                On::Here => Some(Worked::Here),
                On::Cluster => Some(Worked::Instead("no\nexecutors".to_owned())),
            };
            Ok(Answer { format: question.format, worked, body })
        })
    }

    fn sql_metadata(&self, about: Metadata) -> BoxFuture<'_, Result<Bytes, Failed>> {
        let told = match &about {
            Metadata::Types => Err(Failed::Unsupported),
            Metadata::Statement(text) if text == "unsupported" => Err(Failed::Unsupported),
            Metadata::Statement(text) if text == "drop" => {
                Err(Failed::Refused("DROP is not answered".to_owned()))
            }
            _ => Ok([message(b""), message(b"12345678")].concat().into()),
        };
        self.about.lock().unwrap().push(about);
        Box::pin(std::future::ready(told))
    }
}

mod wire {
    use prost::Message;

    #[derive(Clone, PartialEq, Message)]
    pub(super) struct Any {
        #[prost(string, tag = "1")]
        pub(super) type_url: String,
        #[prost(bytes = "vec", tag = "2")]
        pub(super) value: Vec<u8>,
    }
    /// `CommandStatementQuery`, `ActionCreatePreparedStatementRequest`.
    #[derive(Clone, PartialEq, Message)]
    pub(super) struct Text {
        #[prost(string, tag = "1")]
        pub(super) text: String,
    }
    #[derive(Clone, PartialEq, Message)]
    pub(super) struct Descriptor {
        #[prost(int32, tag = "1")]
        pub(super) kind: i32,
        #[prost(bytes = "vec", tag = "2")]
        pub(super) cmd: Vec<u8>,
    }
    #[derive(Clone, PartialEq, Message)]
    pub(super) struct Ticket {
        #[prost(bytes = "vec", tag = "1")]
        pub(super) ticket: Vec<u8>,
    }
    #[derive(Clone, PartialEq, Message)]
    pub(super) struct Endpoint {
        #[prost(message, optional, tag = "1")]
        pub(super) ticket: Option<Ticket>,
    }
    #[derive(Clone, PartialEq, Message)]
    pub(super) struct Info {
        #[prost(bytes = "vec", tag = "1")]
        pub(super) schema: Vec<u8>,
        #[prost(message, optional, tag = "2")]
        pub(super) descriptor: Option<Descriptor>,
        #[prost(message, repeated, tag = "3")]
        pub(super) endpoints: Vec<Endpoint>,
        #[prost(int64, tag = "4")]
        pub(super) records: i64,
    }
    #[derive(Clone, PartialEq, Message)]
    pub(super) struct Data {
        #[prost(bytes = "vec", tag = "2")]
        pub(super) header: Vec<u8>,
        #[prost(bytes = "vec", tag = "1000")]
        pub(super) body: Vec<u8>,
    }
    #[derive(Clone, PartialEq, Message)]
    pub(super) struct Action {
        #[prost(string, tag = "1")]
        pub(super) kind: String,
        #[prost(bytes = "vec", tag = "2")]
        pub(super) body: Vec<u8>,
    }
    #[derive(Clone, PartialEq, Message)]
    pub(super) struct Prepared {
        #[prost(bytes = "vec", tag = "1")]
        pub(super) handle: Vec<u8>,
        #[prost(bytes = "vec", tag = "2")]
        pub(super) schema: Vec<u8>,
    }
}

struct Flight {
    view: View,
    engine: Arc<Engine>,
}

impl Flight {
    async fn open() -> Self {
        Self::with(Settings::default()).await
    }

    async fn with(settings: Settings) -> Self {
        static OPENED: AtomicUsize = AtomicUsize::new(0);
        let directory = PathBuf::from(format!("/unused/{}", OPENED.fetch_add(1, Ordering::Relaxed)));
        let engine = Engine::of(&directory);
        let opener: Opener =
            |lake| Box::pin(async move { Ok(Engine::of(&lake.directory) as Arc<dyn TraceStore>) });
        let door = Arc::new(StoreDoor::new(opener).forgetting());
        let lake = store_api::door::Settings { directory, ..Default::default() };
        door.configure("lake", lake).unwrap();
        let settings = Settings { endpoint: "127.0.0.1:0".to_owned(), ..settings };
        let view = View::new("view", settings, door, None);
        view.start().await.unwrap();
        Self { view, engine }
    }

    async fn call(&self, method: &str, question: &impl Message, headers: &[(&str, &str)]) -> Reply {
        let message = question.encode_to_vec();
        let framed = [&[0][..], &(message.len() as u32).to_be_bytes(), &message].concat();
        self.send(method, framed, headers).await
    }

    async fn send(&self, method: &str, body: Vec<u8>, headers: &[(&str, &str)]) -> Reply {
        let path = format!("arrow.flight.protocol.FlightService/{method}");
        send_to(self.view.address().unwrap(), &path, body, "application/grpc", headers).await
    }

    async fn info(&self, cmd: Vec<u8>, headers: &[(&str, &str)]) -> Reply {
        self.call("GetFlightInfo", &wire::Descriptor { kind: 2, cmd }, headers).await
    }

    /// The messages of a command's rows.
    async fn rows(&self, command: Vec<u8>, headers: &[(&str, &str)]) -> Reply {
        let info = self.info(command.clone(), headers).await;
        if info.status != "0" {
            return info;
        }
        let info = wire::Info::decode(info.messages[0].clone()).unwrap();
        assert_eq!((info.records, info.schema.len()), (-1, 0));
        assert_eq!(info.descriptor.unwrap().cmd, command);
        self.call("DoGet", info.endpoints[0].ticket.as_ref().unwrap(), headers).await
    }

    async fn select(&self, text: &str, headers: &[(&str, &str)]) -> Reply {
        self.rows(command("CommandStatementQuery", text), headers).await
    }

    async fn act(&self, kind: &str, body: Vec<u8>, headers: &[(&str, &str)]) -> Reply {
        self.call("DoAction", &wire::Action { kind: kind.to_owned(), body }, headers).await
    }

    fn asked(&self) -> Vec<Question> {
        std::mem::take(&mut self.engine.asked.lock().unwrap())
    }

    fn about(&self) -> Vec<Metadata> {
        std::mem::take(&mut self.engine.about.lock().unwrap())
    }
}

fn command(name: &str, text: &str) -> Vec<u8> {
    let type_url = format!("type.googleapis.com/arrow.flight.protocol.sql.{name}");
    let value = if text.is_empty() { vec![] } else { wire::Text { text: text.to_owned() }.encode_to_vec() };
    wire::Any { type_url, value }.encode_to_vec()
}

#[tokio::test]
async fn a_statement_is_answered_message_by_message() {
    let flight = Flight::open().await;
    let reply = flight.select("SELECT 1", &[]).await;
    assert_eq!((reply.status.as_str(), reply.messages.len()), ("0", 2), "{}", reply.why);
    let data: Vec<wire::Data> =
        reply.messages.into_iter().map(|bytes| wire::Data::decode(bytes).unwrap()).collect();
    assert_eq!(data[0], wire::Data { header: message(b"")[8..].to_vec(), body: vec![] });
    assert_eq!(data[1].body, [7; 4096]);
    let asked = flight.asked();
    assert_eq!(asked.len(), 1, "the description of an answer asks nothing");
    assert_eq!(
        (asked[0].text.as_str(), asked[0].limits.rows, asked[0].limits.time.as_secs()),
        ("SELECT 1", 10_000, 30)
    );
    flight.select("SELECT 1", &[("max-rows", "7"), ("max-seconds", "9"), ("max-files", "3")]).await;
    let asked = flight.asked();
    let limits = asked[0].limits;
    assert_eq!((limits.rows, limits.time.as_secs(), limits.files), (7, 9, 3));
}

#[tokio::test]
async fn an_answer_says_where_it_was_worked_out() {
    let flight = Flight::open().await;
    for (on, told) in [("either", None), ("here", Some("here")), ("cluster", Some("here; no executors"))] {
        let reply = flight.select("SELECT 1", &[("on", on)]).await;
        assert_eq!((reply.status.as_str(), reply.worked.as_deref()), ("0", told), "{on}: {}", reply.why);
    }
}

#[tokio::test]
async fn a_statement_is_prepared_with_its_columns() {
    let flight = Flight::open().await;
    let mut prepared = Vec::new();
    for text in ["SELECT 1;", "unsupported"] {
        let request = command("ActionCreatePreparedStatementRequest", text);
        let reply = flight.act("CreatePreparedStatement", request, &[]).await;
        let result = wire::Ticket::decode(reply.messages[0].clone()).unwrap();
        let any = wire::Any::decode(result.ticket.as_slice()).unwrap();
        assert!(any.type_url.ends_with(".ActionCreatePreparedStatementResult"));
        prepared.push(wire::Prepared::decode(any.value.as_slice()).unwrap());
    }
    assert_eq!(prepared[0].schema, message(b""));
    assert!(prepared[1].schema.is_empty(), "a store need not tell");
    assert_eq!(flight.about()[0], Metadata::Statement("SELECT 1;".to_owned()));
    assert!(flight.asked().is_empty(), "nothing is run");

    let handle = String::from_utf8(prepared[0].handle.clone()).unwrap();
    assert_eq!(flight.rows(command("CommandPreparedStatementQuery", &handle), &[]).await.messages.len(), 2);
    assert_eq!(flight.asked()[0].text, "SELECT 1;");
    assert_eq!(flight.act("ClosePreparedStatement", vec![], &[]).await.status, "0");
    let schema = wire::Descriptor { kind: 2, cmd: command("CommandStatementQuery", "SELECT 2") };
    let schema = flight.call("GetSchema", &schema, &[]).await;
    assert_eq!(wire::Ticket::decode(schema.messages[0].clone()).unwrap().ticket, message(b""));
}

#[tokio::test]
async fn what_there_is_to_ask_is_told() {
    let flight = Flight::open().await;
    for name in [
        "CommandGetCatalogs",
        "CommandGetDbSchemas",
        "CommandGetTables",
        "CommandGetTableTypes",
        "CommandGetPrimaryKeys",
        "CommandGetExportedKeys",
        "CommandGetSqlInfo",
    ] {
        let reply = flight.rows(command(name, ""), &[]).await;
        assert_eq!((reply.status.as_str(), reply.messages.len()), ("0", 2), "{name}: {}", reply.why);
        let descriptor = wire::Descriptor { kind: 2, cmd: command(name, "") };
        assert_eq!(flight.call("GetSchema", &descriptor, &[]).await.messages.len(), 1, "{name}");
    }
    assert_eq!(flight.about().len(), 14);
    assert!(flight.asked().is_empty());
}

#[tokio::test]
async fn what_is_refused_says_why() {
    let flight = Flight::open().await;
    let mut said = String::new();
    for text in ["wrong", "drop", "limit", "unsupported", "breaks", "nonsense"] {
        let reply = flight.select(text, &[]).await;
        said += &format!("{text}: {} {} after {}\n", reply.status, reply.why, reply.messages.len());
    }
    for name in
        ["CommandStatementUpdate", "CommandGetXdbcTypeInfo", "CommandOfNobody", "CommandStatementQuery"]
    {
        let reply = flight.rows(command(name, ""), &[]).await;
        said += &format!("{name}: {} {}\n", reply.status, reply.why);
    }
    let path = flight.call("GetFlightInfo", &wire::Descriptor { kind: 1, cmd: vec![] }, &[]).await;
    let broken = flight.call("DoGet", &wire::Ticket { ticket: vec![0xff] }, &[]).await;
    let put = flight.call("DoPut", &wire::Ticket { ticket: vec![] }, &[]).await;
    let rows = flight.select("SELECT 1", &[("max-rows", "many")]).await;
    let most = flight.select("SELECT 1", &[("max-rows", "1000000000")]).await;
    let place = flight.select("SELECT 1", &[("on", "mars")]).await;
    let prepared = command("ActionCreatePreparedStatementRequest", "drop");
    let prepared = flight.act("CreatePreparedStatement", prepared, &[]).await;
    let action = flight.act("CancelQuery", vec![], &[]).await;
    let method = flight.call("ListFlights", &wire::Ticket { ticket: vec![] }, &[]).await;
    let handshake = flight.send("Handshake", vec![], &[("authorization", "Basic YTpi")]).await;
    let host = flight.select("SELECT 1", &[("host", "evil.example.com")]).await;
    for (name, reply) in [
        ("path", path),
        ("broken", broken),
        ("put", put),
        ("rows", rows),
        ("most", most),
        ("place", place),
        ("prepared", prepared),
        ("action", action),
        ("method", method),
        ("handshake", handshake),
        ("host", host),
    ] {
        said += &format!("{name}: {} {}\n", reply.status, reply.why);
    }
    expect![[r#"
        wrong: 3 line 2, column 7: no such column; docs/sql.md has the tables and functions; `SHOW COLUMNS FROM spans` lists columns after 0
        drop: 7 DROP is not answered; the store is only read here: write SELECT, WITH, SHOW TABLES, SHOW COLUMNS, DESCRIBE or EXPLAIN after 0
        limit: 8 too much; ask for less after 0
        unsupported: 12 this store has no SQL; SQL comes with the Parquet store: build with `--features lake` after 0
        breaks: 8 too much; ask for less after 2
        nonsense: 13 the answer is no stream of Arrow after 0
        CommandStatementUpdate: 7 the store is only read here
        CommandGetXdbcTypeInfo: 12 this store does not tell of its tables over Flight SQL
        CommandOfNobody: 12 CommandOfNobody is not answered
        CommandStatementQuery: 3 there is no statement
        path: 3 a command of Flight SQL is wanted; there are no paths here
        broken: 3 the question is no protobuf message
        put: 12 the store is only read here, and statements take no parameters
        rows: 3 the header `max-rows` is not a number
        most: 3 `max_rows` is a number from 1 to 100000000; the parameters are described at /api/openapi.json
        place: 3 `mars` is no place to work a question out: write either, here or cluster; the parameters are described at /api/openapi.json
        prepared: 7 DROP is not answered; the store is only read here: write SELECT, WITH, SHOW TABLES, SHOW COLUMNS, DESCRIBE or EXPLAIN
        action: 12 there is no action `CancelQuery` here
        method: 12 there is no method `ListFlights` here
        handshake: 5 nobody signs in here with a password; name `users` with `password_hash` under `auth` in the `view` section
        host: 7 the Host header does not name this machine; open the page under the address that throughline printed; behind a proxy, add its name to `allowed_hosts` in the `view` section
    "#]].assert_eq(&said);
}

#[tokio::test]
async fn whoever_hangs_up_ends_the_work() {
    let flight = Flight::open().await;
    let address = flight.view.address().unwrap();
    // More of them than there are places.
    for _ in 0..5 {
        let stream = TokioIo::new(TcpStream::connect(address).await.unwrap());
        let (mut sender, connection) =
            hyper::client::conn::http2::handshake(TokioExecutor::new(), stream).await.unwrap();
        let driven = tokio::spawn(connection);
        let command = command("CommandStatementQuery", "endless");
        let ticket = wire::Ticket { ticket: command }.encode_to_vec();
        let framed = [&[0][..], &(ticket.len() as u32).to_be_bytes(), &ticket].concat();
        let request = Request::post(format!("http://{address}/arrow.flight.protocol.FlightService/DoGet"))
            .header("content-type", "application/grpc")
            .body(Full::new(Bytes::from(framed)))
            .unwrap();
        let mut body = sender.send_request(request).await.unwrap().into_body();
        assert!(body.frame().await.unwrap().unwrap().is_data());
        drop(body);
        flight.engine.left.notified().await;
        driven.abort();
    }
}

/// As for `/api/v1/sql`: what is masked elsewhere would be read past the masks.
#[tokio::test]
async fn roles_are_those_of_sql() {
    let masked = Flight::with(guarded("")).await;
    let shown = Flight::with(Settings { display_masking: false, ..guarded("") }).await;
    let mut said = String::new();
    for (name, flight) in [("masked", &masked), ("shown", &shown)] {
        for role in ["nobody", "stranger", "viewer", "unmask", "admin"] {
            let token = format!("Bearer {}", token_of(role));
            let headers = [("authorization", token.as_str())];
            let headers = if role == "nobody" { &[][..] } else { &headers[..] };
            let rows = flight.select("SELECT 1", headers).await;
            let tables = flight.rows(command("CommandGetTables", ""), headers).await;
            said += &format!("{name} {role}: {} {} {}\n", rows.status, tables.status, rows.why);
        }
    }
    expect![[r#"
        masked nobody: 16 16 nobody is signed in; sign in on the page, or send `Authorization: Bearer` with a token of the `view` section
        masked stranger: 16 16 the session or the token is not known, or has ended; sign in on the page, or send `Authorization: Bearer` with a token of the `view` section
        masked viewer: 7 7 this needs the role `unmask`, and viewer-program has `viewer`; an admin gives roles in the `view` section
        masked unmask: 0 0 
        masked admin: 0 0 
        shown nobody: 16 16 nobody is signed in; sign in on the page, or send `Authorization: Bearer` with a token of the `view` section
        shown stranger: 16 16 the session or the token is not known, or has ended; sign in on the page, or send `Authorization: Bearer` with a token of the `view` section
        shown viewer: 0 0 
        shown unmask: 0 0 
        shown admin: 0 0 
    "#]].assert_eq(&said);
    let token = format!("Bearer {}", token_of("admin"));
    let audit = |flight: &Flight| {
        let (address, token) = (flight.view.address().unwrap(), token.clone());
        async move {
            let audit = crate::get(address, "/api/v1/audit", &[("authorization", &token)]).await.json();
            let entries = audit["entries"].as_array().unwrap().clone();
            let text = |entry: &serde_json::Value, key: &str| entry[key].as_str().unwrap().to_owned();
            let told = entries
                .iter()
                .map(|entry| format!("{} {} {}", text(entry, "who"), text(entry, "what"), text(entry, "of")));
            told.collect::<Vec<_>>()
        }
    };
    assert_eq!(audit(&masked).await, ["admin-program sql SELECT 1", "unmask-program sql SELECT 1"]);
    assert!(audit(&shown).await.is_empty(), "nothing was hidden");
}

/// A client that is given a name and a password shows them once, and then what it got for them.
#[tokio::test]
async fn a_handshake_begins_a_session() {
    let hash = view_api::hash_password("correct horse").unwrap();
    let user = format!("{{name: ann, role: unmask, password_hash: '{hash}'}}");
    let flight = Flight::with(guarded(&user)).await;
    let basic = |text: &str| format!("Basic {}", STANDARD.encode(text));
    for wrong in ["ann:correct", "ann", "bob:correct horse", ""] {
        let reply = flight.send("Handshake", vec![], &[("authorization", &basic(wrong))]).await;
        assert_eq!((reply.status.as_str(), reply.authorization), ("16", None), "{wrong}");
    }
    // With padding, and without it as clients in Go send it.
    let padded = basic("ann:correct horse");
    assert!(padded.ends_with('='));
    for shown in [padded.as_str(), padded.trim_end_matches('=')] {
        let reply = flight.send("Handshake", vec![], &[("authorization", shown)]).await;
        assert_eq!((reply.status.as_str(), reply.authorization.is_some()), ("0", true), "{}", reply.why);
    }
    let reply = flight.send("Handshake", vec![], &[("authorization", &padded)]).await;
    let token = reply.authorization.unwrap();
    let headers = [("authorization", token.as_str())];
    assert_eq!(flight.select("SELECT 1", &headers).await.status, "0");
    assert_eq!(flight.act("CloseSession", vec![], &headers).await.messages[0].as_ref(), [10, 2, 8, 1]);
    assert_eq!(flight.select("SELECT 1", &headers).await.status, "16", "it has ended");
}
