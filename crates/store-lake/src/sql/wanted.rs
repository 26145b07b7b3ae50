//! What a question is about at most, as far as its conditions say: bounds of the start, traces, interactions.

use std::collections::BTreeSet;

use arrow::datatypes::SchemaRef;
use datafusion::catalog::Session;
use datafusion::common::{DFSchema, Result, ScalarValue};
use datafusion::logical_expr::utils::{conjunction, split_conjunction};
use datafusion::logical_expr::{Expr, Operator};
use datafusion::physical_expr::utils::{Guarantee, LiteralGuarantee};
use store_api::Range;
use store_api::carried::Carried;

#[derive(Clone, PartialEq, Debug)]
pub(super) struct Wanted {
    pub(super) range: Range,
    /// `None` means any.
    pub(super) traces: Option<BTreeSet<String>>,
    pub(super) interactions: Option<BTreeSet<String>>,
    /// Attributes that every row of the answer has.
    pub(super) carried: Vec<Carried>,
}

impl Wanted {
    pub(super) fn of(filters: &[Expr], schema: SchemaRef, session: &dyn Session) -> Result<Self> {
        let mut wanted = Self { range: Range::ALL, traces: None, interactions: None, carried: Vec::new() };
        for filter in filters.iter().flat_map(split_conjunction) {
            wanted.bound(filter);
            wanted.carried.extend(carried(filter));
        }
        if let Some(all) = conjunction(filters.iter().cloned()) {
            let all = session.create_physical_expr(all, &DFSchema::try_from(schema)?)?;
            for LiteralGuarantee { column, guarantee, literals } in LiteralGuarantee::analyze(&all) {
                let place = match column.name() {
                    "trace_id" => &mut wanted.traces,
                    "interaction_id" => &mut wanted.interactions,
                    _ => continue,
                };
                if guarantee == Guarantee::In {
                    let texts = literals.iter().filter_map(|literal| literal.try_as_str().flatten());
                    *place = Some(texts.map(str::to_owned).collect());
                }
            }
        }
        Ok(wanted)
    }

    /// Narrows the range by one condition, if it is about the start.
    fn bound(&mut self, filter: &Expr) {
        if let Expr::Between(between) = filter
            && !between.negated
            && is_start(&between.expr)
        {
            self.compare(Operator::GtEq, literal(&between.low));
            self.compare(Operator::LtEq, literal(&between.high));
        }
        let Expr::BinaryExpr(compared) = filter else { return };
        if is_start(&compared.left) {
            self.compare(compared.op, literal(&compared.right));
        } else if is_start(&compared.right)
            && let Some(turned) = compared.op.swap()
        {
            self.compare(turned, literal(&compared.left));
        }
    }

    fn compare(&mut self, op: Operator, bound: Option<i64>) {
        let Some(bound) = bound else { return };
        let at = u64::try_from(bound).unwrap_or(0);
        let after = if bound < 0 { 0 } else { at.saturating_add(1) };
        let Range { from, to } = &mut self.range;
        match op {
            Operator::Gt => *from = after.max(*from),
            Operator::GtEq => *from = at.max(*from),
            Operator::Lt => *to = at.min(*to),
            Operator::LtEq => *to = after.min(*to),
            Operator::Eq => {
                *from = at.max(*from);
                *to = after.min(*to);
            }
            _ => {}
        }
    }
}

/// `attr('key') = 'text'`, as far as the terms of spans tell: of fractions and of what is not scalar the text differs.
fn carried(filter: &Expr) -> Option<Carried> {
    let Expr::BinaryExpr(compared) = filter else { return None };
    let sides = [(&compared.left, &compared.right), (&compared.right, &compared.left)];
    let sides = sides.into_iter().filter(|_| compared.op == Operator::Eq);
    let found = sides.filter_map(|(left, right)| {
        let Expr::ScalarFunction(function) = left.as_ref() else { return None };
        let key = function.args.last().filter(|_| function.name() == "attr").and_then(text)?;
        Some(Carried { key: Some(key.to_owned()), text: text(right)?.to_lowercase() })
    });
    let differs = |text: &str| {
        text.starts_with(['{', '[', '"']) || (text.parse::<f64>().is_ok() && text.parse::<i64>().is_err())
    };
    found.into_iter().find(|carried| !differs(&carried.text))
}

fn text(expression: &Expr) -> Option<&str> {
    match expression {
        Expr::Literal(value, _) => value.try_as_str().flatten(),
        _ => None,
    }
}

fn is_start(expression: &Expr) -> bool {
    matches!(expression, Expr::Column(column) if column.name == "start_ns")
}

fn literal(expression: &Expr) -> Option<i64> {
    match expression {
        Expr::Literal(ScalarValue::Int64(number), _) => *number,
        _ => None,
    }
}
