//! The columns of a table in the words of the Delta protocol.

use std::collections::HashSet;

use arrow::datatypes::{DataType, Field};
use serde_json::{Value, json};

/// The schema of the files, and behind it the columns that are told by a file's folder.
pub(super) fn of<'a>(
    columns: impl IntoIterator<Item = &'a Field>,
    partitions: &[(&str, &str)],
) -> Result<String, String> {
    let mut fields: Vec<Value> = columns.into_iter().map(field).collect::<Result<_, _>>()?;
    fields.extend(partitions.iter().map(|(name, kind)| described(name, json!(kind), true)));
    Ok(json!({ "type": "struct", "fields": fields }).to_string())
}

/// A schema with more columns behind those that it has; `None` where it has them all.
pub(super) fn widened(schema: &str, more: impl Iterator<Item = Field>) -> Option<String> {
    let mut schema: Value = serde_json::from_str(schema).ok()?;
    let fields = schema.get_mut("fields")?.as_array_mut()?;
    let known: HashSet<String> =
        fields.iter().filter_map(|field| Some(field.get("name")?.as_str()?.to_owned())).collect();
    let new: Vec<Value> = more
        .filter(|column| !known.contains(column.name()))
        .map(|column| field(&column))
        .collect::<Result<_, _>>()
        .ok()?;
    if new.is_empty() {
        return None;
    }
    fields.extend(new);
    Some(schema.to_string())
}

fn field(field: &Field) -> Result<Value, String> {
    Ok(described(field.name(), kind(field.data_type())?, field.is_nullable()))
}

fn described(name: &str, kind: Value, nullable: bool) -> Value {
    json!({ "name": name, "type": kind, "nullable": nullable, "metadata": {} })
}

fn kind(kind: &DataType) -> Result<Value, String> {
    let record = |fields: &arrow::datatypes::Fields| {
        let fields: Vec<Value> = fields.iter().map(|inner| field(inner)).collect::<Result<_, _>>()?;
        Ok::<_, String>(json!({ "type": "struct", "fields": fields }))
    };
    Ok(match kind {
        DataType::Utf8 => json!("string"),
        DataType::Int64 => json!("long"),
        DataType::Float64 => json!("double"),
        DataType::Boolean => json!("boolean"),
        DataType::Binary => json!("binary"),
        DataType::Struct(fields) => record(fields)?,
        DataType::List(element) => json!({
            "type": "array",
            "elementType": self::kind(element.data_type())?,
            "containsNull": element.is_nullable(),
        }),
        DataType::Map(entry, _) => match entry.data_type() {
            DataType::Struct(pair) => match pair.as_ref() {
                [key, value] => json!({
                    "type": "map",
                    "keyType": self::kind(key.data_type())?,
                    "valueType": self::kind(value.data_type())?,
                    "valueContainsNull": value.is_nullable(),
                }),
                _ => return Err("a map consists of keys and values".to_owned()),
            },
            other => return Err(format!("a map of {other}")),
        },
        other => return Err(format!("Delta has no {other}")),
    })
}
