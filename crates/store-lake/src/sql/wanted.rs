//! What a question is about at most, as far as its conditions say: bounds of the start, traces, interactions.

use std::collections::BTreeSet;

use arrow::datatypes::SchemaRef;
use datafusion::catalog::Session;
use datafusion::common::{DFSchema, Result, ScalarValue};
use datafusion::logical_expr::utils::{conjunction, split_conjunction};
use datafusion::logical_expr::{Expr, Operator};
use datafusion::physical_expr::utils::{Guarantee, LiteralGuarantee};
use store_api::Range;

#[derive(Clone, PartialEq, Debug)]
pub(super) struct Wanted {
    pub(super) range: Range,
    /// `None` means any.
    pub(super) traces: Option<BTreeSet<String>>,
    pub(super) interactions: Option<BTreeSet<String>>,
}

impl Wanted {
    pub(super) fn of(filters: &[Expr], schema: SchemaRef, session: &dyn Session) -> Result<Self> {
        let mut wanted = Self { range: Range::ALL, traces: None, interactions: None };
        for filter in filters.iter().flat_map(split_conjunction) {
            wanted.bound(filter);
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

fn is_start(expression: &Expr) -> bool {
    matches!(expression, Expr::Column(column) if column.name == "start_ns")
}

fn literal(expression: &Expr) -> Option<i64> {
    match expression {
        Expr::Literal(ScalarValue::Int64(number), _) => *number,
        _ => None,
    }
}
