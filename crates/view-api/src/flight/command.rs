//! Commands of Flight SQL: a message in an `Any`, by the name of its type.

use flow::wire::{Content, Field, Reader, put_len, put_nested};
use store_api::sql::Metadata;

use crate::grpc::{Wrong, bytes, fields, text};

const TYPES: &str = "type.googleapis.com/arrow.flight.protocol.sql.";
/// `FlightDescriptor.type`.
const CMD: u64 = 2;
/// Kinds of tables, or numbers of `SqlInfo`, that are asked for at once.
const MOST: usize = 1000;

#[derive(Debug, PartialEq)]
pub(super) enum Command {
    Statement(String),
    /// With the command as it came: it is its own ticket.
    Metadata {
        about: Metadata,
        command: Vec<u8>,
    },
}

pub(super) fn of_descriptor(bytes: &[u8]) -> Result<Command, Wrong> {
    let descriptor = fields(bytes)?;
    let kind = descriptor.iter().rev().find(|field| field.number == 1).map_or(0, Field::int);
    if kind != CMD {
        return Err(Wrong::invalid("a command of Flight SQL is wanted; there are no paths here"));
    }
    read(self::bytes(&descriptor, 2))
}

pub(super) fn read(any: &[u8]) -> Result<Command, Wrong> {
    let (name, message) = named(any)?;
    let of = fields(message)?;
    let given = |number| of.iter().any(|field| field.number == number).then(|| text(&of, number).to_owned());
    let all = |number| of.iter().filter(move |field| field.number == number);
    let about = match name {
        // A handle and a ticket are the text.
        "CommandStatementQuery" | "CommandPreparedStatementQuery" | "TicketStatementQuery" => {
            return match text(&of, 1) {
                "" => Err(Wrong::invalid("there is no statement")),
                text => Ok(Command::Statement(text.to_owned())),
            };
        }
        "CommandStatementUpdate" | "CommandPreparedStatementUpdate" | "CommandStatementIngest" => {
            return Err(Wrong::new(7, "the store is only read here"));
        }
        "CommandGetCatalogs" => Metadata::Catalogs,
        "CommandGetDbSchemas" => Metadata::Schemas { catalog: given(1), schema: given(2) },
        "CommandGetTables" => Metadata::Tables {
            catalog: given(1),
            schema: given(2),
            table: given(3),
            kinds: all(4).take(MOST).map(|field| field.text().to_owned()).collect(),
            columns: all(5).any(|field| field.int() != 0),
        },
        "CommandGetTableTypes" => Metadata::TableTypes,
        "CommandGetPrimaryKeys" => Metadata::PrimaryKeys,
        "CommandGetExportedKeys" | "CommandGetImportedKeys" | "CommandGetCrossReference" => {
            Metadata::ForeignKeys
        }
        "CommandGetXdbcTypeInfo" => Metadata::Types,
        "CommandGetSqlInfo" => Metadata::Info(numbers(all(1))?),
        other => return Err(Wrong::new(Wrong::UNIMPLEMENTED, format!("{other} is not answered"))),
    };
    Ok(Command::Metadata { about, command: any.to_vec() })
}

/// A repeated number, packed or not.
fn numbers<'a>(fields: impl Iterator<Item = &'a Field<'a>>) -> Result<Vec<u32>, Wrong> {
    let mut numbers = Vec::new();
    for field in fields {
        match field.content {
            Content::Len(packed) => {
                let mut packed = Reader::new(packed);
                while !packed.is_empty() && numbers.len() < MOST {
                    numbers.push(packed.varint().map_err(|_| Wrong::invalid("broken numbers of SqlInfo"))?);
                }
            }
            _ => numbers.push(field.int()),
        }
    }
    Ok(numbers.into_iter().take(MOST).filter_map(|number| u32::try_from(number).ok()).collect())
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
            Self::Metadata { command, .. } => command.clone(),
        }
    }

    /// What its columns are found by.
    pub(super) fn about(self) -> Metadata {
        match self {
            Self::Statement(text) => Metadata::Statement(text),
            Self::Metadata { about, .. } => about,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use flow::wire::{put_varint, put_varint_field};

    fn about(name: &str, content: impl FnOnce(&mut Vec<u8>)) -> Metadata {
        read(&any(name, content)).unwrap().about()
    }

    #[test]
    fn each_command_is_told_by_its_name() {
        let tables = about("CommandGetTables", |out| {
            put_len(out, 2, b"st%");
            put_len(out, 3, b"sp'; DROP TABLE spans --");
            put_len(out, 4, b"TABLE");
            put_len(out, 4, b"VIEW");
            put_varint_field(out, 5, 1);
        });
        let expected = Metadata::Tables {
            catalog: None,
            schema: Some("st%".to_owned()),
            table: Some("sp'; DROP TABLE spans --".to_owned()),
            kinds: vec!["TABLE".to_owned(), "VIEW".to_owned()],
            columns: true,
        };
        assert_eq!(tables, expected);
        let schemas = about("CommandGetDbSchemas", |out| put_len(out, 1, b""));
        assert_eq!(schemas, Metadata::Schemas { catalog: Some(String::new()), schema: None });
        let packed = about("CommandGetSqlInfo", |out| {
            put_nested(out, 1, |out| [0, 508, u64::MAX].map(|number| put_varint(out, number)));
            put_varint_field(out, 1, 3);
        });
        assert_eq!(packed, Metadata::Info(vec![0, 508, 3]));
        assert_eq!(
            about("CommandStatementQuery", |out| put_len(out, 1, b"SELECT 1")),
            Metadata::Statement("SELECT 1".to_owned())
        );
        for (name, code) in [
            ("CommandStatementUpdate", 7),
            ("CommandStatementSubstraitPlan", 12),
            ("CommandStatementQuery", 3),
        ] {
            assert_eq!(read(&any(name, |_| {})).unwrap_err().code, code, "{name}");
        }
    }

    #[test]
    fn a_command_is_its_own_ticket() {
        for name in ["CommandGetCatalogs", "CommandGetTableTypes", "CommandGetXdbcTypeInfo"] {
            let command = any(name, |_| {});
            assert_eq!(read(&command).unwrap().ticket(), command);
        }
        let statement = read(&any("CommandStatementQuery", |out| put_len(out, 1, b"SELECT 1"))).unwrap();
        assert_eq!(read(&statement.ticket()).unwrap(), statement);
    }
}
