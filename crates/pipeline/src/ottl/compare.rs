//! The comparison rules of the language: what is of different kinds is not equal, and neither less nor greater.

use std::cmp::Ordering;

use flow::otlp::view::Value as View;

use super::syntax::Comparison;
use super::value::{Map, Type, Value, elements};

pub(super) fn compare(left: &Value<'_>, comparison: Comparison, right: &Value<'_>) -> bool {
    match order(left, right) {
        Order::Of(order) => match comparison {
            Comparison::Equal => order.is_eq(),
            Comparison::NotEqual => order.is_ne(),
            Comparison::Less => order.is_lt(),
            Comparison::LessOrEqual => order.is_le(),
            Comparison::Greater => order.is_gt(),
            Comparison::GreaterOrEqual => order.is_ge(),
        },
        Order::Same(same) => match comparison {
            Comparison::Equal => same,
            Comparison::NotEqual => !same,
            _ => false,
        },
    }
}

/// Whether values of these types can be equal at all.
pub(super) fn comparable(left: Type, right: Type) -> bool {
    let number = |kind| matches!(kind, Type::Int | Type::Double);
    left == right || number(left) && number(right)
}

enum Order {
    Of(Ordering),
    /// Without an order: equal or not.
    Same(bool),
}

#[expect(
    clippy::cast_precision_loss,
    reason = "numbers of different kinds are compared as floating-point ones"
)]
fn order(left: &Value<'_>, right: &Value<'_>) -> Order {
    match (left, right) {
        (Value::Nil, Value::Nil) => Order::Of(Ordering::Equal),
        (Value::Bool(a), Value::Bool(b)) => Order::Of(a.cmp(b)),
        (Value::Int(a), Value::Int(b))
        | (Value::Time(a), Value::Time(b))
        | (Value::Duration(a), Value::Duration(b)) => Order::Of(a.cmp(b)),
        (Value::Double(a), Value::Double(b)) => doubles(*a, *b),
        (Value::Int(a), Value::Double(b)) => doubles(*a as f64, *b),
        (Value::Double(a), Value::Int(b)) => doubles(*a, *b as f64),
        (Value::Text(a), Value::Text(b)) => Order::Of(a.as_bytes().cmp(b.as_bytes())),
        (Value::Bytes(a), Value::Bytes(b)) => Order::Of(a.cmp(b)),
        (Value::TraceId(a), Value::TraceId(b)) => Order::Same(a == b),
        (Value::SpanId(a), Value::SpanId(b)) => Order::Same(a == b),
        (Value::List(a), Value::List(b)) => Order::Same(same_lists(a, b)),
        (Value::Map(a), Value::Map(b)) => Order::Same(same_maps(a, b)),
        _ => Order::Same(false),
    }
}

fn doubles(a: f64, b: f64) -> Order {
    a.partial_cmp(&b).map_or(Order::Same(false), Order::Of)
}

fn same_lists(a: &[u8], b: &[u8]) -> bool {
    elements(a).count() == elements(b).count() && elements(a).zip(elements(b)).all(|(a, b)| same(a, b))
}

/// The order of the keys does not count.
fn same_maps(a: &Map<'_>, b: &Map<'_>) -> bool {
    a.entries().count() == b.entries().count()
        && a.entries().all(|a| b.entries().any(|b| a.key == b.key && same(a.value, b.value)))
}

fn same(a: View<'_>, b: View<'_>) -> bool {
    compare(&Value::of(a), Comparison::Equal, &Value::of(b))
}

#[cfg(test)]
mod tests {
    use std::borrow::Cow;

    use super::*;

    fn list(items: &[Value<'_>]) -> Value<'static> {
        let mut out = Vec::new();
        for item in items {
            flow::wire::put_len(&mut out, 1, &item.encoded().unwrap());
        }
        Value::List(Cow::Owned(out))
    }

    /// `=` equal, `<` less, `>` greater, `!` not equal and without an order.
    fn sign(a: &Value<'_>, b: &Value<'_>) -> char {
        use Comparison::{Equal, Greater, GreaterOrEqual, Less, LessOrEqual, NotEqual};
        let holds = [Equal, NotEqual, Less, LessOrEqual, Greater, GreaterOrEqual].map(|c| compare(a, c, b));
        match holds {
            [true, false, false, true, false, true] => '=',
            [true, false, false, false, false, false] => '~',
            [false, true, true, true, false, false] => '<',
            [false, true, false, false, true, true] => '>',
            [false, true, false, false, false, false] => '!',
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn the_table_of_the_language() {
        let text = |text: &'static str| Value::text(text);
        let bytes = |bytes: &'static [u8]| Value::Bytes(bytes.into());
        let table = [
            (Value::Nil, Value::Nil, '='),
            (Value::Nil, text(""), '!'),
            (Value::Nil, Value::Int(0), '!'),
            (Value::Nil, bytes(&[]), '!'),
            (Value::Bool(false), Value::Bool(true), '<'),
            (Value::Bool(true), Value::Int(1), '!'),
            (Value::Int(-1), Value::Int(1), '<'),
            (Value::Int(1), Value::Double(1.0), '='),
            (Value::Double(1.5), Value::Int(1), '>'),
            (Value::Double(f64::NAN), Value::Double(f64::NAN), '!'),
            (Value::Int(1), text("1"), '!'),
            (text("a"), text("ab"), '<'),
            (text("Z"), text("a"), '<'),
            (text("a"), bytes(b"a"), '!'),
            (bytes(&[1]), bytes(&[0, 2]), '>'),
            (Value::Duration(1), Value::Duration(2), '<'),
            (Value::Time(2), Value::Time(2), '='),
            (Value::Time(2), Value::Int(2), '!'),
            (Value::Duration(2), Value::Time(2), '!'),
            (Value::SpanId([1; 8]), Value::SpanId([1; 8]), '~'),
            (Value::SpanId([1; 8]), bytes(&[1; 8]), '!'),
            (list(&[Value::Int(1)]), list(&[Value::Double(1.0)]), '~'),
            (list(&[Value::Int(1)]), list(&[Value::Int(1), Value::Int(1)]), '!'),
            (list(&[]), Value::Nil, '!'),
        ];
        for (a, b, expected) in table {
            assert_eq!(sign(&a, &b), expected, "{a:?} {b:?}");
            let mirrored = match expected {
                '<' => '>',
                '>' => '<',
                other => other,
            };
            assert_eq!(sign(&b, &a), mirrored, "{b:?} {a:?}");
        }
    }
}
