//! One value of a column as JSON and as plain text.

use arrow::array::{Array, ArrayRef, AsArray};
use arrow::datatypes::{
    DataType, Float32Type, Float64Type, Int8Type, Int16Type, Int32Type, Int64Type, UInt8Type, UInt16Type,
    UInt32Type, UInt64Type,
};
use arrow::util::display::array_value_to_string;
use serde_json::{Map, Value};

/// Whole numbers beyond this are text: readers of JSON that keep doubles would round them.
const EXACT: u64 = 1 << 53;

/// What a program reads: bytes as hexadecimal digits, maps as objects, times as RFC 3339.
pub(super) fn cell(array: &ArrayRef, row: usize) -> Value {
    if array.is_null(row) {
        return Value::Null;
    }
    match array.data_type() {
        DataType::Boolean => array.as_boolean().value(row).into(),
        DataType::Int8 => array.as_primitive::<Int8Type>().value(row).into(),
        DataType::Int16 => array.as_primitive::<Int16Type>().value(row).into(),
        DataType::Int32 => array.as_primitive::<Int32Type>().value(row).into(),
        DataType::Int64 => {
            let number = array.as_primitive::<Int64Type>().value(row);
            if number.unsigned_abs() <= EXACT { number.into() } else { number.to_string().into() }
        }
        DataType::UInt8 => array.as_primitive::<UInt8Type>().value(row).into(),
        DataType::UInt16 => array.as_primitive::<UInt16Type>().value(row).into(),
        DataType::UInt32 => array.as_primitive::<UInt32Type>().value(row).into(),
        DataType::UInt64 => {
            let number = array.as_primitive::<UInt64Type>().value(row);
            if number <= EXACT { number.into() } else { number.to_string().into() }
        }
        DataType::Float32 => f64::from(array.as_primitive::<Float32Type>().value(row)).into(),
        // Without a form in JSON it is null.
        DataType::Float64 => array.as_primitive::<Float64Type>().value(row).into(),
        DataType::List(_) => list(&array.as_list::<i32>().value(row)),
        DataType::LargeList(_) => list(&array.as_list::<i64>().value(row)),
        DataType::Struct(fields) => {
            let columns = array.as_struct().columns();
            fields
                .iter()
                .zip(columns)
                .map(|(field, column)| (field.name().clone(), cell(column, row)))
                .collect()
        }
        DataType::Map(..) => {
            let entries = array.as_map().value(row);
            let [keys, values] = entries.columns() else { return Value::Null };
            let entry = |at| (plain(&cell(keys, at)), cell(values, at));
            Value::Object((0..entries.len()).map(entry).collect::<Map<_, _>>())
        }
        _ => array_value_to_string(array, row).map_or(Value::Null, Value::String),
    }
}

fn list(values: &ArrayRef) -> Value {
    (0..values.len()).map(|at| cell(values, at)).collect()
}

/// What a person reads.
pub(super) fn plain(cell: &Value) -> String {
    match cell {
        Value::Null => String::new(),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow::array::{BinaryArray, Float64Array, Int64Array, TimestampNanosecondArray, UInt64Array};

    use super::*;

    #[test]
    fn nothing_is_rounded() {
        let nine = TimestampNanosecondArray::from(vec![1_795_165_200_000_000_001]).with_timezone("UTC");
        let cases: [(ArrayRef, &str); 7] = [
            (Arc::new(Int64Array::from(vec![1 << 53])), "9007199254740992"),
            (Arc::new(Int64Array::from(vec![-(1 << 53) - 1])), "\"-9007199254740993\""),
            (Arc::new(UInt64Array::from(vec![u64::MAX])), "\"18446744073709551615\""),
            (Arc::new(Float64Array::from(vec![f64::NAN])), "null"),
            (Arc::new(Float64Array::from(vec![0.1])), "0.1"),
            (Arc::new(BinaryArray::from_vec(vec![b"\x00\xff"])), "\"00ff\""),
            (Arc::new(nine), "\"2026-11-20T09:00:00.000000001Z\""),
        ];
        for (array, text) in cases {
            assert_eq!(cell(&array, 0).to_string(), text);
        }
    }
}
