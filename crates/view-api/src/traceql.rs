//! TraceQL, the query language of Tempo: the part that Grafana's editors write.
//!
//! ```text
//! { resource.service.name = "crm" && duration > 40ms }         spans
//! { kind = server } >> { status = error }                      spans below spans
//! { .rows > 3 } | by(name) | count() > 2 | select(.rows)       sets of spans
//! { } | quantile_over_time(duration, .5, .9) by (name)         numbers over time
//! ```
//!
//! What is not read is refused with its place; nothing is passed over but the hints of `with()`.

mod lex;
mod parse;
mod field;
mod sets;

use store_api::find::{Condition, Field, Spans};
use store_api::{Misread, Test};

pub(crate) use field::INTRINSICS;
pub(crate) use sets::{Set, number};

/// A query that was understood.
#[derive(Clone, PartialEq, Debug)]
pub struct Query {
    pub(crate) spans: Spans,
    pub(crate) stages: Vec<Stage>,
    pub(crate) metric: Option<Metric>,
    /// What the query names, which its answer shows.
    pub(crate) fields: Vec<Named>,
}

/// A field as it was written.
#[derive(Clone, PartialEq, Debug)]
pub(crate) struct Named {
    /// With its scope.
    pub(crate) text: String,
    /// Without.
    pub(crate) name: String,
    pub(crate) field: Field,
}

/// What is done to the set of spans of a trace.
#[derive(Clone, PartialEq, Debug)]
pub(crate) enum Stage {
    Where(Condition),
    /// Only sets of which this holds.
    Only(Amount, Test),
    /// A set for each value.
    By(Named),
    /// One set again.
    Coalesce,
}

/// A number about a set of spans.
#[derive(Clone, PartialEq, Debug)]
pub(crate) enum Amount {
    Count,
    Of(Aggregate, Named),
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Aggregate {
    Average,
    Least,
    Most,
    Sum,
}

/// Numbers over time.
#[derive(Clone, PartialEq, Debug)]
pub(crate) struct Metric {
    pub(crate) function: Function,
    pub(crate) by: Vec<Named>,
}

#[derive(Clone, PartialEq, Debug)]
pub(crate) enum Function {
    Rate,
    Count,
    Aggregate(Aggregate, Named),
    Quantiles(Named, Vec<f64>),
    Histogram(Named),
}

/// Reads a query. Total: any text is a query, or what is wrong with it and where.
pub fn parse(text: &str) -> Result<Query, Misread> {
    parse::query(text)
}

impl Query {
    /// The field that a text such as `span.http.method` names.
    pub(crate) fn field(text: &str) -> Option<Named> {
        field::named(text)
    }
}

impl Aggregate {
    /// Of numbers, of which there is at least one.
    pub(crate) fn of(self, numbers: &[f64]) -> Option<f64> {
        let sum = || numbers.iter().sum::<f64>();
        match self {
            _ if numbers.is_empty() => None,
            Self::Average => Some(sum() / numbers.len() as f64),
            Self::Sum => Some(sum()),
            Self::Least => numbers.iter().copied().reduce(f64::min),
            Self::Most => numbers.iter().copied().reduce(f64::max),
        }
    }
}

impl Function {
    pub(crate) fn name(&self) -> &'static str {
        match self {
            Self::Rate => "rate",
            Self::Count => "count_over_time",
            Self::Aggregate(Aggregate::Average, _) => "avg_over_time",
            Self::Aggregate(Aggregate::Least, _) => "min_over_time",
            Self::Aggregate(Aggregate::Most, _) => "max_over_time",
            Self::Aggregate(Aggregate::Sum, _) => "sum_over_time",
            Self::Quantiles(..) => "quantile_over_time",
            Self::Histogram(_) => "histogram_over_time",
        }
    }
}

#[cfg(test)]
mod tests;
