//! JSON as Arrow columns and back, for checkpoints: the same actions as in the entries, in the columns that the
//! Delta protocol gives them.

use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, BooleanArray, Int32Array, Int64Array, ListArray, MapArray, StringArray, StructArray,
};
use arrow::buffer::{NullBuffer, OffsetBuffer};
use arrow::datatypes::{DataType, Field, FieldRef, Fields};
use arrow::error::ArrowError;
use serde_json::{Map, Value};

/// The columns of a checkpoint.
pub(super) fn checkpoint() -> Fields {
    let text = |name: &str| Field::new(name, DataType::Utf8, true);
    let long = |name: &str| Field::new(name, DataType::Int64, true);
    let int = |name: &str| Field::new(name, DataType::Int32, true);
    let truth = |name: &str| Field::new(name, DataType::Boolean, true);
    let map = |name: &str| Field::new(name, texts(), true);
    let record = |name: &str, fields: Vec<Field>| Field::new(name, DataType::Struct(fields.into()), true);
    let list = DataType::List(Arc::new(Field::new("element", DataType::Utf8, true)));
    Fields::from(vec![
        record("txn", vec![text("appId"), long("version"), long("lastUpdated")]),
        record(
            "add",
            vec![
                text("path"),
                map("partitionValues"),
                long("size"),
                long("modificationTime"),
                truth("dataChange"),
                map("tags"),
                text("stats"),
            ],
        ),
        record(
            "remove",
            vec![
                text("path"),
                long("deletionTimestamp"),
                truth("dataChange"),
                truth("extendedFileMetadata"),
                map("partitionValues"),
                long("size"),
            ],
        ),
        record(
            "metaData",
            vec![
                text("id"),
                text("name"),
                record("format", vec![text("provider"), map("options")]),
                text("schemaString"),
                Field::new("partitionColumns", list, true),
                map("configuration"),
                long("createdTime"),
            ],
        ),
        record("protocol", vec![int("minReaderVersion"), int("minWriterVersion")]),
    ])
}

fn texts() -> DataType {
    let entry = vec![Field::new("key", DataType::Utf8, false), Field::new("value", DataType::Utf8, true)];
    DataType::Map(Arc::new(Field::new("key_value", DataType::Struct(entry.into()), false)), false)
}

/// One column of these values; what does not fit is missing.
pub(super) fn array(kind: &DataType, values: &[Option<&Value>]) -> Result<ArrayRef, ArrowError> {
    let each = || values.iter().map(|value| value.filter(|value| !value.is_null()));
    Ok(match kind {
        DataType::Utf8 => Arc::new(each().map(|value| value?.as_str()).collect::<StringArray>()),
        DataType::Int64 => Arc::new(each().map(|value| value?.as_i64()).collect::<Int64Array>()),
        DataType::Int32 => {
            let int = |value: Option<&Value>| i32::try_from(value?.as_i64()?).ok();
            Arc::new(each().map(int).collect::<Int32Array>())
        }
        DataType::Boolean => Arc::new(each().map(|value| value?.as_bool()).collect::<BooleanArray>()),
        DataType::Struct(fields) => record(fields, &each().collect::<Vec<_>>())?,
        DataType::List(element) => list(element, &each().collect::<Vec<_>>())?,
        DataType::Map(entry, _) => map(entry, &each().collect::<Vec<_>>())?,
        other => return Err(ArrowError::NotYetImplemented(format!("{other} in a checkpoint"))),
    })
}

fn record(fields: &Fields, values: &[Option<&Value>]) -> Result<ArrayRef, ArrowError> {
    let column = |field: &FieldRef| {
        let inner: Vec<_> =
            values.iter().map(|value| value.and_then(|value| value.get(field.name()))).collect();
        array(field.data_type(), &inner)
    };
    let columns = fields.iter().map(column).collect::<Result<Vec<_>, _>>()?;
    let there: NullBuffer = values.iter().map(Option::is_some).collect::<Vec<_>>().into();
    Ok(Arc::new(StructArray::try_new_with_length(fields.clone(), columns, Some(there), values.len())?))
}

fn list(element: &FieldRef, values: &[Option<&Value>]) -> Result<ArrayRef, ArrowError> {
    let lists: Vec<&[Value]> =
        values.iter().map(|value| value.and_then(Value::as_array).map_or(&[][..], Vec::as_slice)).collect();
    let inner: Vec<_> = lists.iter().flat_map(|list| list.iter()).map(Some).collect();
    let there: NullBuffer = values.iter().map(Option::is_some).collect::<Vec<_>>().into();
    let offsets = OffsetBuffer::from_lengths(lists.iter().map(|list| list.len()));
    let elements = array(element.data_type(), &inner)?;
    Ok(Arc::new(ListArray::try_new(Arc::clone(element), offsets, elements, Some(there))?))
}

fn map(entry: &FieldRef, values: &[Option<&Value>]) -> Result<ArrayRef, ArrowError> {
    let DataType::Struct(fields) = entry.data_type() else {
        return Err(ArrowError::SchemaError("a map consists of keys and values".to_owned()));
    };
    let maps: Vec<Option<&Map<String, Value>>> =
        values.iter().map(|value| value.and_then(Value::as_object)).collect();
    let pairs = || maps.iter().flatten().flat_map(|map| map.iter());
    let inner: Vec<_> = pairs().map(|(_, value)| Some(value)).collect();
    let keys: Vec<&str> = pairs().map(|(key, _)| key.as_str()).collect();
    let keys: ArrayRef = Arc::new(StringArray::from(keys));
    let entries = StructArray::try_new_with_length(
        fields.clone(),
        vec![keys, array(&DataType::Utf8, &inner)?],
        None,
        inner.len(),
    )?;
    let there: NullBuffer = maps.iter().map(Option::is_some).collect::<Vec<_>>().into();
    let offsets = OffsetBuffer::from_lengths(maps.iter().map(|map| map.map_or(0, Map::len)));
    Ok(Arc::new(MapArray::try_new(Arc::clone(entry), offsets, entries, Some(there), false)?))
}

/// One value of a column; `None` where it is missing, or of a kind that no checkpoint has.
pub(super) fn value(column: &dyn Array, at: usize) -> Option<Value> {
    if at >= column.len() || column.is_null(at) {
        return None;
    }
    let any = column.as_any();
    if let Some(texts) = any.downcast_ref::<StringArray>() {
        Some(texts.value(at).into())
    } else if let Some(longs) = any.downcast_ref::<Int64Array>() {
        Some(longs.value(at).into())
    } else if let Some(ints) = any.downcast_ref::<Int32Array>() {
        Some(ints.value(at).into())
    } else if let Some(truths) = any.downcast_ref::<BooleanArray>() {
        Some(truths.value(at).into())
    } else if let Some(records) = any.downcast_ref::<StructArray>() {
        let fields = records.fields().iter().zip(records.columns());
        let known = fields.filter_map(|(field, column)| Some((field.name().clone(), value(column, at)?)));
        Some(Value::Object(known.collect()))
    } else if let Some(lists) = any.downcast_ref::<ListArray>() {
        let inner = lists.value(at);
        Some((0..inner.len()).filter_map(|at| value(&inner, at)).collect())
    } else if let Some(maps) = any.downcast_ref::<MapArray>() {
        let inner = maps.value(at);
        let (keys, values) = (inner.columns().first()?, inner.columns().get(1)?);
        let keys = keys.as_any().downcast_ref::<StringArray>()?;
        let pairs =
            (0..inner.len()).map(|at| (keys.value(at).to_owned(), value(values, at).unwrap_or(Value::Null)));
        Some(Value::Object(pairs.collect()))
    } else {
        None
    }
}
