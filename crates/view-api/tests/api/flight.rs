//! Arrow Flight SQL over a real socket, with a store whose answers are made by hand; `crates/cli/tests/flight.rs` asks as ADBC does.

use std::path::PathBuf;
use std::sync::{Arc, Mutex};

use axum::body::Bytes;
use expect_test::expect;
use flow::{BoxFuture, Extension};
use futures_util::{StreamExt, stream};
use prost::Message;
use store_api::sql::{Answer, Failed, Question};
use store_api::store::Look;
use store_api::{Appended, Limits, Span, StoreDoor, StoreError, TraceStore};
use view_api::{Settings, View};

use crate::grpc::{Reply, send_to};

/// What was asked, and an answer of two messages; `breaks` ends it early.
#[derive(Default)]
struct Engine {
    asked: Mutex<Vec<Question>>,
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
                "wrong" => return Err(Failed::Wrong { message: "no such column".to_owned(), place: None }),
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
            Ok(Answer { format: question.format, body: stream::iter(chunks).boxed() })
        })
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
        let engine = Arc::new(Engine::default());
        let store = Arc::clone(&engine);
        let door = Arc::new(StoreDoor::new(move |_| {
            let store = Arc::clone(&store);
            Box::pin(async move { Ok(store as Arc<dyn TraceStore>) })
        }));
        let lake = store_api::door::Settings { directory: PathBuf::from("/unused"), ..Default::default() };
        door.configure("lake", lake).unwrap();
        let settings = Settings { endpoint: "127.0.0.1:0".to_owned(), ..Settings::default() };
        let view = View::new("view", settings, door, None);
        view.start().await.unwrap();
        Self { view, engine }
    }

    async fn call(&self, method: &str, question: &impl Message, headers: &[(&str, &str)]) -> Reply {
        let message = question.encode_to_vec();
        let framed = [&[0][..], &(message.len() as u32).to_be_bytes(), &message].concat();
        let path = format!("arrow.flight.protocol.FlightService/{method}");
        send_to(self.view.address().unwrap(), &path, framed, "application/grpc", headers).await
    }

    async fn info(&self, cmd: Vec<u8>) -> Reply {
        self.call("GetFlightInfo", &wire::Descriptor { kind: 2, cmd }, &[]).await
    }

    /// The messages of a statement's rows.
    async fn rows(&self, text: &str, headers: &[(&str, &str)]) -> Reply {
        let info = self.info(command("CommandStatementQuery", text)).await;
        assert_eq!(info.status, "0", "{}", info.why);
        let info = wire::Info::decode(info.messages[0].clone()).unwrap();
        assert_eq!((info.records, info.schema.len()), (-1, 0));
        assert_eq!(info.descriptor.unwrap().cmd, command("CommandStatementQuery", text));
        self.call("DoGet", info.endpoints[0].ticket.as_ref().unwrap(), headers).await
    }

    fn asked(&self) -> Vec<Question> {
        std::mem::take(&mut self.engine.asked.lock().unwrap())
    }
}

fn command(name: &str, text: &str) -> Vec<u8> {
    let type_url = format!("type.googleapis.com/arrow.flight.protocol.sql.{name}");
    wire::Any { type_url, value: wire::Text { text: text.to_owned() }.encode_to_vec() }.encode_to_vec()
}

#[tokio::test]
async fn a_statement_is_answered_message_by_message() {
    let flight = Flight::open().await;
    let reply = flight.rows("SELECT 1", &[]).await;
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
    flight.rows("SELECT 1", &[("max-rows", "7"), ("max-seconds", "9")]).await;
    let asked = flight.asked();
    assert_eq!((asked[0].limits.rows, asked[0].limits.time.as_secs()), (7, 9));
}

#[tokio::test]
async fn a_statement_is_prepared_with_its_schema() {
    let flight = Flight::open().await;
    let prepare = |text: &str| wire::Action {
        kind: "CreatePreparedStatement".to_owned(),
        body: command("ActionCreatePreparedStatementRequest", text),
    };
    let mut prepared = Vec::new();
    for text in ["SELECT 1;", "SHOW TABLES"] {
        let reply = flight.call("DoAction", &prepare(text), &[]).await;
        let result = wire::Ticket::decode(reply.messages[0].clone()).unwrap();
        let any = wire::Any::decode(result.ticket.as_slice()).unwrap();
        assert!(any.type_url.ends_with(".ActionCreatePreparedStatementResult"));
        prepared.push(wire::Prepared::decode(any.value.as_slice()).unwrap());
    }
    assert_eq!(prepared[0].schema, message(b""));
    assert!(prepared[1].schema.is_empty());
    let asked: Vec<String> = flight.asked().into_iter().map(|question| question.text).collect();
    assert_eq!(asked, ["SELECT * FROM (SELECT 1\n) LIMIT 0"]);

    let handle = String::from_utf8(prepared[0].handle.clone()).unwrap();
    let info = flight.info(command("CommandPreparedStatementQuery", &handle)).await;
    let ticket = wire::Info::decode(info.messages[0].clone()).unwrap().endpoints[0].ticket.clone().unwrap();
    assert_eq!(flight.call("DoGet", &ticket, &[]).await.messages.len(), 2);
    assert_eq!(flight.asked()[0].text, "SELECT 1;");
    let close = wire::Action { kind: "ClosePreparedStatement".to_owned(), body: vec![] };
    assert_eq!(flight.call("DoAction", &close, &[]).await.status, "0");
    let schema = wire::Descriptor { kind: 2, cmd: command("CommandStatementQuery", "SELECT 2") };
    let schema = flight.call("GetSchema", &schema, &[]).await;
    assert_eq!(wire::Ticket::decode(schema.messages[0].clone()).unwrap().ticket, message(b""));
}

#[tokio::test]
async fn what_is_refused_says_why() {
    let flight = Flight::open().await;
    let mut said = String::new();
    for text in ["wrong", "drop", "limit", "unsupported", "breaks", "nonsense"] {
        let reply = flight.rows(text, &[]).await;
        said += &format!("{text}: {} {} after {}\n", reply.status, reply.why, reply.messages.len());
    }
    for name in ["CommandStatementUpdate", "CommandGetSqlInfo", "CommandOfNobody", "CommandStatementQuery"] {
        let reply = flight.info(command(name, "")).await;
        said += &format!("{name}: {} {}\n", reply.status, reply.why);
    }
    let path = flight.call("GetFlightInfo", &wire::Descriptor { kind: 1, cmd: vec![] }, &[]).await;
    let broken = flight.call("DoGet", &wire::Ticket { ticket: vec![0xff] }, &[]).await;
    let put = flight.call("DoPut", &wire::Ticket { ticket: vec![] }, &[]).await;
    let rows = flight.rows("SELECT 1", &[("max-rows", "many")]).await;
    let method = flight.call("Handshake", &wire::Ticket { ticket: vec![] }, &[]).await;
    for (name, reply) in
        [("path", path), ("broken", broken), ("put", put), ("rows", rows), ("method", method)]
    {
        said += &format!("{name}: {} {}\n", reply.status, reply.why);
    }
    expect![""].assert_eq(&said);
}
