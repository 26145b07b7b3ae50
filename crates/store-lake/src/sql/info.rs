//! `SqlInfo`: what the engine can do, by the numbers of Flight SQL.

use std::sync::Arc;

use arrow::array::{
    ArrayRef, BooleanArray, Int32Array, Int64Array, ListBuilder, RecordBatch, StringArray, StringBuilder,
    UInt32Array, UnionArray, new_empty_array,
};
use arrow::datatypes::{DataType, Field, Schema, UnionFields, UnionMode};
use arrow::error::ArrowError;

use super::statement::LONGEST;

/// Behind the last number that there is.
const END: u32 = 577;

#[derive(Clone, Copy, PartialEq, Debug)]
enum Value {
    Text(&'static str),
    Flag(bool),
    Long(i64),
    /// An ordinal, or a bit for each ordinal.
    Int(i32),
    /// A list without anything in it.
    NoTexts,
}

/// `None` for what nobody knows.
fn value(number: u32) -> Option<Value> {
    use Value::{Flag, Int, Long, NoTexts, Text};
    Some(match number {
        0 => Text("throughline"),
        1 => Text(env!("CARGO_PKG_VERSION")),
        2 => Text(arrow::ARROW_VERSION),
        // Only read; SQL.
        3 | 4 => Flag(true),
        // No Substrait, no CancelQuery: whoever hangs up ends the work.
        5 | 9 => Flag(false),
        // No transactions; handles do not run out.
        8 | 100 | 101 => Int(0),
        // CREATE and DROP of catalogs, schemas, tables.
        500..=502 => Flag(false),
        // Names without quotes become lower case.
        503 => Int(3),
        504 => Text("\""),
        505 => Int(0),
        506 => Flag(true),
        // Nulls are sorted high.
        507 => Int(0),
        // Keywords and functions are those of the engine's documentation.
        508..=512 => NoTexts,
        513 => Text("\\"),
        514 => Text(""),
        // Aliases; null and anything is null; names of tables in a question.
        515 | 516 | 518 | 520 | 521 | 523 => Flag(true),
        519 | 524 | 527 => Flag(false),
        // GROUP BY whatever; core grammar; entry level; all outer joins.
        522 | 525 => Int(3),
        526 => Int(1),
        528 => Int(2),
        529 => Text("schema"),
        530 => Text(""),
        531 => Text("catalog"),
        532 => Flag(true),
        533..=535 => Int(0),
        536 | 537 => Flag(false),
        // Subqueries in comparisons, EXISTS and IN, correlated ones too; UNION and UNION ALL.
        538 => Int(7),
        539 => Flag(true),
        540 => Int(3),
        556 => Flag(false),
        557 => Long(LONGEST as i64),
        541..=561 => Long(0),
        // No transactions.
        562 => Int(0),
        563 | 565 | 566 => Flag(false),
        564 => Int(1),
        // Answers are read forwards.
        567..=569 => Int(2),
        570 | 571 => Int(0),
        572..=576 => Flag(false),
        _ => return None,
    })
}

/// A row for each number that is wanted; for all there are, where none is.
pub(super) fn info(wanted: &[u32]) -> Result<RecordBatch, ArrowError> {
    let known = |number: &u32| value(*number).is_some();
    let numbers: Vec<u32> = match wanted.is_empty() {
        true => (0..END).filter(known).collect(),
        false => wanted.iter().copied().filter(known).collect(),
    };
    let values = values(numbers.iter().filter_map(|number| value(*number)))?;
    let schema = Schema::new(vec![
        Field::new("info_name", DataType::UInt32, false),
        Field::new("value", DataType::Union(kinds(), UnionMode::Dense), false),
    ]);
    RecordBatch::try_new(Arc::new(schema), vec![Arc::new(UInt32Array::from(numbers)), Arc::new(values)])
}

fn values(all: impl Iterator<Item = Value>) -> Result<UnionArray, ArrowError> {
    let (mut texts, mut flags, mut longs, mut ints) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    let mut lists = ListBuilder::new(StringBuilder::new()).with_field(item());
    let (mut ids, mut offsets): (Vec<i8>, Vec<i32>) = (Vec::new(), Vec::new());
    let mut no_lists = 0;
    for value in all {
        let (id, count) = match value {
            Value::Text(text) => (0, push(&mut texts, text)),
            Value::Flag(flag) => (1, push(&mut flags, flag)),
            Value::Long(long) => (2, push(&mut longs, long)),
            Value::Int(int) => (3, push(&mut ints, int)),
            Value::NoTexts => {
                lists.append(true);
                no_lists += 1;
                (4, no_lists)
            }
        };
        ids.push(id);
        offsets.push(count - 1);
    }
    let children: Vec<ArrayRef> = vec![
        Arc::new(StringArray::from(texts)),
        Arc::new(BooleanArray::from(flags)),
        Arc::new(Int64Array::from(longs)),
        Arc::new(Int32Array::from(ints)),
        Arc::new(lists.finish()),
        new_empty_array(&conversions()),
    ];
    UnionArray::try_new(kinds(), ids.into(), Some(offsets.into()), children)
}

/// How many there are then.
fn push<T>(all: &mut Vec<T>, one: T) -> i32 {
    all.push(one);
    i32::try_from(all.len()).unwrap_or(i32::MAX)
}

fn kinds() -> UnionFields {
    let fields = [
        ("string_value", DataType::Utf8),
        ("bool_value", DataType::Boolean),
        ("bigint_value", DataType::Int64),
        ("int32_bitmask", DataType::Int32),
        ("string_list", DataType::List(item())),
        ("int32_to_int32_list_map", conversions()),
    ];
    (0..).zip(fields.map(|(name, kind)| Arc::new(Field::new(name, kind, true)))).collect()
}

fn item() -> Arc<Field> {
    Arc::new(Field::new("string_data", DataType::Utf8, true))
}

fn conversions() -> DataType {
    let list = DataType::List(Arc::new(Field::new("$data$", DataType::Int32, true)));
    let entry = vec![Field::new("key", DataType::Int32, false), Field::new("value", list, true)];
    DataType::Map(Arc::new(Field::new("entries", DataType::Struct(entry.into()), false)), false)
}

#[cfg(test)]
mod tests {
    use arrow::array::AsArray;
    use arrow::util::display::array_value_to_string;

    use super::*;

    #[test]
    fn each_number_has_its_value() {
        let some = info(&[3, 9999, 0, 557, 522, 508]).unwrap();
        let values = some.column(1).as_union();
        let told: Vec<String> = (0..some.num_rows())
            .map(|row| {
                format!("{}: {}", values.type_id(row), array_value_to_string(&values.value(row), 0).unwrap())
            })
            .collect();
        assert_eq!(told, ["1: true", "0: throughline", "2: 65536", "3: 3", "4: []"]);
        assert_eq!(info(&[]).unwrap().num_rows(), 86);
        assert_eq!(info(&[9999]).unwrap().num_rows(), 0);
    }
}
