//! Messages of `Flight.proto` and `FlightSql.proto`, by their field numbers.

use axum::body::Bytes;
use flow::wire::{put_head, put_len, put_nested, put_varint_field};

use super::command::any;
use super::ipc::Message;
use crate::grpc::prefix;

/// `FlightInfo`: one endpoint, which is this server; how much there is, nobody knows before it is asked for.
pub(super) fn info(descriptor: &[u8], ticket: &[u8]) -> Vec<u8> {
    let mut info = Vec::new();
    put_len(&mut info, 2, descriptor);
    put_nested(&mut info, 3, |endpoint| put_nested(endpoint, 1, |out| put_len(out, 1, ticket)));
    for number in [4, 5] {
        put_varint_field(&mut info, number, (-1i64).cast_unsigned());
    }
    info
}

/// `SchemaResult`.
pub(super) fn schema(schema: &[u8]) -> Vec<u8> {
    let mut result = Vec::new();
    put_len(&mut result, 1, schema);
    result
}

/// `ActionType`.
pub(super) fn action(kind: &str, description: &str) -> Vec<u8> {
    let mut action = Vec::new();
    put_len(&mut action, 1, kind.as_bytes());
    put_len(&mut action, 2, description.as_bytes());
    action
}

/// `Result` with a `CloseSessionResult`.
pub(super) fn left() -> Vec<u8> {
    const CLOSED: u64 = 1;
    let mut result = Vec::new();
    put_nested(&mut result, 1, |out| put_varint_field(out, 1, CLOSED));
    result
}

/// `Result` with an `ActionCreatePreparedStatementResult`.
pub(super) fn prepared(statement: &str, schema: &[u8]) -> Vec<u8> {
    let body = any("ActionCreatePreparedStatementResult", |out| {
        put_len(out, 1, statement.as_bytes());
        if !schema.is_empty() {
            put_len(out, 2, schema);
        }
    });
    let mut result = Vec::new();
    put_len(&mut result, 1, &body);
    result
}

/// `FlightData` in its frame; the body goes on without a copy.
pub(super) fn data(message: Message) -> [Bytes; 2] {
    const BODY: u32 = 1000;
    let Message { metadata, body } = message;
    let mut head = Vec::new();
    put_len(&mut head, 2, &metadata);
    put_head(&mut head, BODY, body.len());
    let mut framed = Vec::new();
    prefix(&mut framed, head.len() + body.len());
    framed.extend_from_slice(&head);
    [framed.into(), body]
}
