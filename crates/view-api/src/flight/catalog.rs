//! What there is to ask about, as questions in SQL whose columns are those that Flight SQL wants.

use axum::body::Bytes;
use base64::Engine;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use flow::wire::Field;

use crate::grpc::{Wrong, text};

/// Those that `docs/sql.md` describes.
pub(super) const TABLES: [&str; 3] = ["interactions", "spans", "spans_raw"];

#[derive(Debug, PartialEq)]
pub(super) struct About {
    /// As it came: it is its own ticket.
    pub(super) command: Vec<u8>,
    what: What,
}

#[derive(Debug, PartialEq)]
enum What {
    Catalogs,
    Schemas {
        catalog: Option<String>,
        schema: Option<String>,
    },
    Tables {
        catalog: Option<String>,
        schema: Option<String>,
        table: Option<String>,
        kinds: Vec<String>,
        with_schema: bool,
    },
    TableTypes,
    PrimaryKeys,
    ForeignKeys,
}

impl About {
    pub(super) fn read(name: &str, command: &[u8], of: &[Field<'_>]) -> Result<Self, Wrong> {
        let given =
            |number| of.iter().any(|field| field.number == number).then(|| text(of, number).to_owned());
        let all = |number| of.iter().filter(move |field| field.number == number);
        let what = match name {
            "CommandGetCatalogs" => What::Catalogs,
            "CommandGetDbSchemas" => What::Schemas { catalog: given(1), schema: given(2) },
            "CommandGetTables" => What::Tables {
                catalog: given(1),
                schema: given(2),
                table: given(3),
                kinds: all(4).map(|field| String::from_utf8_lossy(field.bytes()).into_owned()).collect(),
                with_schema: all(5).any(|field| field.int() != 0),
            },
            "CommandGetTableTypes" => What::TableTypes,
            "CommandGetPrimaryKeys" => What::PrimaryKeys,
            "CommandGetExportedKeys" | "CommandGetImportedKeys" | "CommandGetCrossReference" => {
                What::ForeignKeys
            }
            other => return Err(Wrong::new(12, format!("{other} is not answered"))),
        };
        Ok(Self { command: command.to_vec(), what })
    }

    pub(super) fn wants_schemas(&self) -> bool {
        matches!(self.what, What::Tables { with_schema: true, .. })
    }

    /// The question; `schemas` are those of the tables, if they are wanted.
    pub(super) fn text(&self, schemas: &[(&str, Bytes)]) -> String {
        const OURS: &str = "table_schema <> 'information_schema'";
        let catalog = text_as("table_catalog", "catalog_name");
        let schema = text_as("table_schema", "db_schema_name");
        match &self.what {
            What::Catalogs => {
                format!("SELECT DISTINCT {catalog} FROM information_schema.tables WHERE {OURS} ORDER BY 1")
            }
            What::Schemas { catalog: of, schema: like } => {
                let only = only([equals("table_catalog", of), matches_like("table_schema", like)]);
                format!(
                    "SELECT DISTINCT {catalog}, {schema} FROM information_schema.tables WHERE {OURS}{only} ORDER BY 1, 2"
                )
            }
            What::Tables { catalog: of, schema: like, table, kinds, with_schema } => {
                let kind = (!kinds.is_empty() && !kinds.iter().any(|kind| kind == "TABLE"))
                    .then(|| "false".to_owned());
                let conditions = [
                    equals("table_catalog", of),
                    matches_like("table_schema", like),
                    matches_like("table_name", table),
                    kind,
                ];
                let described =
                    if *with_schema { format!(", {}", described(schemas)) } else { String::new() };
                format!(
                    "SELECT {catalog}, {schema}, {}, {}{described} FROM information_schema.tables WHERE {OURS}{} ORDER BY 1, 2, 3",
                    text_as("table_name", "table_name"),
                    text_as("'TABLE'", "table_type"),
                    only(conditions)
                )
            }
            What::TableTypes => format!("SELECT {}", text_as("'TABLE'", "table_type")),
            What::PrimaryKeys => nothing(
                &["catalog_name", "db_schema_name", "table_name", "column_name", "key_name"],
                &[("key_sequence", "Int32")],
            ),
            What::ForeignKeys => nothing(
                &[
                    "pk_catalog_name",
                    "pk_db_schema_name",
                    "pk_table_name",
                    "pk_column_name",
                    "fk_catalog_name",
                    "fk_db_schema_name",
                    "fk_table_name",
                    "fk_column_name",
                    "fk_key_name",
                    "pk_key_name",
                ],
                &[("key_sequence", "Int32"), ("update_rule", "UInt8"), ("delete_rule", "UInt8")],
            ),
        }
    }
}

fn text_as(what: &str, name: &str) -> String {
    format!("arrow_cast({what}, 'Utf8') AS {name}")
}

/// Columns without a row: our tables have no keys.
fn nothing(texts: &[&str], numbers: &[(&str, &str)]) -> String {
    let texts = texts.iter().map(|name| text_as("''", name));
    let numbers = numbers.iter().map(|(name, kind)| format!("arrow_cast(0, '{kind}') AS {name}"));
    format!("SELECT {} WHERE false", texts.chain(numbers).collect::<Vec<_>>().join(", "))
}

fn only<const N: usize>(conditions: [Option<String>; N]) -> String {
    conditions.into_iter().flatten().map(|condition| format!(" AND {condition}")).collect()
}

fn equals(column: &str, value: &Option<String>) -> Option<String> {
    Some(format!("{column} = {}", quoted(value.as_ref()?)))
}

/// `%` is any text, `_` any character.
fn matches_like(column: &str, pattern: &Option<String>) -> Option<String> {
    Some(format!("{column} LIKE {}", quoted(pattern.as_ref()?)))
}

fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}

/// The schema of each table, as bytes.
fn described(schemas: &[(&str, Bytes)]) -> String {
    let when = |(table, schema): &(&str, Bytes)| {
        format!(" WHEN '{table}' THEN decode('{}', 'base64')", STANDARD_NO_PAD.encode(schema))
    };
    let cases: String = schemas.iter().map(when).collect();
    format!("arrow_cast(CASE table_name{cases} END, 'Binary') AS table_schema")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::flight::command::{Command, any, read};
    use flow::wire::{put_len, put_varint_field};

    fn asked(name: &str, content: impl FnOnce(&mut Vec<u8>)) -> String {
        match read(&any(name, content)).unwrap() {
            Command::Catalog(about) => about.text(&[("spans", Bytes::from_static(b"ab"))]),
            Command::Statement(text) => text,
        }
    }

    #[test]
    fn a_pattern_stays_text() {
        let asked = asked("CommandGetTables", |out| {
            put_len(out, 2, b"st%");
            put_len(out, 3, b"sp'; DROP TABLE spans --");
            put_len(out, 4, b"TABLE");
            put_varint_field(out, 5, 1);
        });
        expect_test::expect!["SELECT arrow_cast(table_catalog, 'Utf8') AS catalog_name, arrow_cast(table_schema, 'Utf8') AS db_schema_name, arrow_cast(table_name, 'Utf8') AS table_name, arrow_cast('TABLE', 'Utf8') AS table_type, arrow_cast(CASE table_name WHEN 'spans' THEN decode('YWI', 'base64') END, 'Binary') AS table_schema FROM information_schema.tables WHERE table_schema <> 'information_schema' AND table_schema LIKE 'st%' AND table_name LIKE 'sp''; DROP TABLE spans --' ORDER BY 1, 2, 3"]
            .assert_eq(&asked);
    }

    #[test]
    fn views_are_tables_and_nothing_else_is() {
        assert!(asked("CommandGetTables", |out| put_len(out, 4, b"SYSTEM TABLE")).contains(" AND false "));
        assert!(read(&any("CommandGetSqlInfo", |_| {})).is_err());
        assert!(read(&any("CommandStatementUpdate", |out| put_len(out, 1, b"DELETE"))).is_err());
        assert_eq!(asked("CommandStatementQuery", |out| put_len(out, 1, b"SELECT 1")), "SELECT 1");
    }
}
