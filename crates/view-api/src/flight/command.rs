//! Commands of Flight SQL: a message in an `Any`, by the name of its type.

use flow::wire::{put_len, put_nested};

use super::catalog::About;
use crate::grpc::{Wrong, bytes, fields, text};

const TYPES: &str = "type.googleapis.com/arrow.flight.protocol.sql.";
/// `FlightDescriptor.type`.
const CMD: u64 = 2;

#[derive(Debug, PartialEq)]
pub(super) enum Command {
    Statement(String),
    /// About tables, with the command as it came.
    Catalog(About),
}

pub(super) fn of_descriptor(bytes: &[u8]) -> Result<Command, Wrong> {
    let descriptor = fields(bytes)?;
    let kind = descriptor.iter().rev().find(|field| field.number == 1).map_or(0, flow::wire::Field::int);
    if kind != CMD {
        return Err(Wrong::invalid("a command of Flight SQL is wanted; there are no paths here"));
    }
    read(self::bytes(&descriptor, 2))
}

pub(super) fn read(any: &[u8]) -> Result<Command, Wrong> {
    let (name, message) = named(any)?;
    let statement = |text: &str| match text {
        "" => Err(Wrong::invalid("there is no statement")),
        text => Ok(Command::Statement(text.to_owned())),
    };
    let of = fields(message)?;
    match name {
        // A handle and a ticket are the text.
        "CommandStatementQuery" | "CommandPreparedStatementQuery" | "TicketStatementQuery" => {
            statement(text(&of, 1))
        }
        "CommandStatementUpdate" | "CommandPreparedStatementUpdate" | "CommandStatementIngest" => {
            Err(Wrong::new(7, "the store is only read here"))
        }
        "CommandGetSqlInfo" | "CommandGetXdbcTypeInfo" | "CommandStatementSubstraitPlan" => {
            Err(Wrong::new(12, format!("{name} is not answered")))
        }
        other => About::read(other, any, &of).map(Command::Catalog),
    }
}

/// The text of a `CreatePreparedStatement`.
pub(super) fn prepared(any: &[u8]) -> Result<String, Wrong> {
    let (name, message) = named(any)?;
    let statement = text(&fields(message)?, 1).to_owned();
    if name != "ActionCreatePreparedStatementRequest" || statement.is_empty() {
        return Err(Wrong::invalid("a statement to prepare is wanted"));
    }
    Ok(statement)
}

fn named(any: &[u8]) -> Result<(&str, &[u8]), Wrong> {
    let any = fields(any)?;
    let name = text(&any, 1).strip_prefix(TYPES);
    let name = name.ok_or_else(|| Wrong::invalid("this is no command of Flight SQL"))?;
    Ok((name, bytes(&any, 2)))
}

/// A message with the name of its type.
pub(super) fn any(name: &str, content: impl FnOnce(&mut Vec<u8>)) -> Vec<u8> {
    let mut any = Vec::new();
    put_len(&mut any, 1, format!("{TYPES}{name}").as_bytes());
    put_nested(&mut any, 2, content);
    any
}

impl Command {
    pub(super) fn ticket(&self) -> Vec<u8> {
        match self {
            Self::Statement(text) => any("TicketStatementQuery", |out| put_len(out, 1, text.as_bytes())),
            Self::Catalog(about) => about.command.clone(),
        }
    }
}
