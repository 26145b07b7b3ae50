//! What the stages of a query make of the spans of one trace.

use store_api::Value;
use store_api::find::{Field, Tree};

use super::{Amount, Query, Stage};

/// Spans that belong together.
#[derive(Clone, PartialEq, Debug)]
pub(crate) struct Set {
    /// Places in the tree.
    pub(crate) spans: Vec<usize>,
    /// What they have in common, or what they amount to.
    pub(crate) attributes: Vec<(String, Value)>,
}

impl Query {
    /// Empty where nothing is left of the trace.
    pub(crate) fn sets(&self, tree: &Tree, matched: &[usize]) -> Vec<Set> {
        let all = Set { spans: matched.to_vec(), attributes: Vec::new() };
        self.stages.iter().fold(vec![all], |sets, stage| {
            let mut sets = stage.apply(tree, sets);
            sets.retain(|set| !set.spans.is_empty());
            sets
        })
    }
}

impl Stage {
    fn apply(&self, tree: &Tree, mut sets: Vec<Set>) -> Vec<Set> {
        match self {
            Self::Where(condition) => {
                sets.iter_mut().for_each(|set| set.spans.retain(|at| condition.holds(tree, *at)));
                sets
            }
            Self::Only(amount, test) => {
                sets.retain_mut(|set| {
                    let Some(number) = amount.of(tree, &set.spans) else { return false };
                    set.attributes.push((amount.name(), amount.shown(number)));
                    test.fits_number(number)
                });
                sets
            }
            Self::By(named) => {
                let name = format!("by({})", named.text);
                sets.into_iter().flat_map(|set| parted(&named.field, &name, tree, set)).collect()
            }
            Self::Coalesce => {
                let mut spans: Vec<usize> = sets.into_iter().flat_map(|set| set.spans).collect();
                spans.sort_unstable();
                spans.dedup();
                vec![Set { spans, attributes: Vec::new() }]
            }
        }
    }
}

impl Amount {
    /// Durations in nanoseconds.
    fn of(&self, tree: &Tree, spans: &[usize]) -> Option<f64> {
        match self {
            Self::Count => Some(spans.len() as f64),
            Self::Of(aggregate, named) => {
                let numbers = spans.iter().filter_map(|at| number(&named.field.value(tree, *at)?));
                aggregate.of(&numbers.collect::<Vec<_>>())
            }
        }
    }

    fn name(&self) -> String {
        use super::Aggregate::{Average, Least, Most, Sum};
        match self {
            Self::Count => "count()".to_owned(),
            Self::Of(Average, of) => format!("avg({})", of.text),
            Self::Of(Least, of) => format!("min({})", of.text),
            Self::Of(Most, of) => format!("max({})", of.text),
            Self::Of(Sum, of) => format!("sum({})", of.text),
        }
    }

    fn shown(&self, number: f64) -> Value {
        match self {
            Self::Count => Value::Int(number as i64),
            Self::Of(..) => Value::Double(number),
        }
    }
}

/// A set for each value, in the order of their first spans.
fn parted(field: &Field, name: &str, tree: &Tree, set: Set) -> Vec<Set> {
    let mut parts: Vec<(Value, Set)> = Vec::new();
    for at in set.spans {
        let value = field.value(tree, at).unwrap_or_else(|| "nil".into());
        match parts.iter_mut().find(|(known, _)| *known == value) {
            Some((_, part)) => part.spans.push(at),
            None => {
                let mut attributes = set.attributes.clone();
                attributes.push((name.to_owned(), value.clone()));
                parts.push((value, Set { spans: vec![at], attributes }));
            }
        }
    }
    parts.into_iter().map(|(_, part)| part).collect()
}

pub(crate) fn number(value: &Value) -> Option<f64> {
    match value {
        Value::Int(number) => Some(*number as f64),
        Value::Double(number) => Some(*number),
        _ => None,
    }
}
