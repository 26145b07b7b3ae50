//! The interaction of a row where its file does not know it: another part of the trace has it.

use std::collections::HashMap;
use std::fmt;
use std::hash::{Hash, Hasher};
use std::sync::Arc;

use arrow::array::{Array, AsArray, StringArray};
use arrow::datatypes::{DataType, Field, Schema};
use datafusion::common::config::ConfigOptions;
use datafusion::common::{Result, exec_err};
use datafusion::logical_expr::{
    ColumnarValue, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature, Volatility,
};
use datafusion::physical_expr::expressions::Column;
use datafusion::physical_expr::{PhysicalExpr, ScalarFunctionExpr};
use datafusion::physical_plan::ExecutionPlan;
use datafusion::physical_plan::projection::{ProjectionExec, ProjectionExpr};

use super::overlap::Overlap;

/// The name of the function that a plan has for it.
pub(super) const JOINED: &str = "joined";

/// The columns of a projection over a scan of files, with `interaction_id` as the whole store has it.
pub(super) fn project(
    overlap: &Arc<Overlap>,
    schema: &Schema,
    projection: Option<&Vec<usize>>,
    scan: impl FnOnce(Option<&Vec<usize>>) -> Result<Arc<dyn ExecutionPlan>>,
) -> Result<Arc<dyn ExecutionPlan>> {
    let (interaction, trace) = (schema.index_of("interaction_id")?, schema.index_of("trace_id")?);
    let all = (0..schema.fields().len()).collect();
    let asked = projection.unwrap_or(&all);
    if !asked.contains(&interaction) {
        return scan(projection);
    }
    let mut read = asked.clone();
    if !read.contains(&trace) {
        read.push(trace);
    }
    let scanned = scan(Some(&read))?;
    let columns = scanned.schema();
    let column = |name: &str| -> Result<Arc<dyn PhysicalExpr>> {
        Ok(Arc::new(Column::new_with_schema(name, &columns)?))
    };
    let mut expressions = Vec::with_capacity(asked.len());
    for name in asked.iter().map(|at| schema.field(*at).name()) {
        let expr = match name.as_str() {
            "interaction_id" => known(overlap, column("interaction_id")?, column("trace_id")?),
            name => column(name)?,
        };
        expressions.push(ProjectionExpr { expr, alias: name.clone() });
    }
    Ok(Arc::new(ProjectionExec::try_new(expressions, scanned)?))
}

fn known(
    overlap: &Arc<Overlap>,
    stored: Arc<dyn PhysicalExpr>,
    trace: Arc<dyn PhysicalExpr>,
) -> Arc<dyn PhysicalExpr> {
    let function = ScalarUDF::new_from_impl(Known::new(Arc::clone(&overlap.interactions)));
    let field = Arc::new(Field::new("interaction_id", DataType::Utf8, true));
    let config = Arc::new(ConfigOptions::default());
    Arc::new(ScalarFunctionExpr::new(JOINED, Arc::new(function), vec![stored, trace], field, config))
}

/// Knows the interactions of some traces.
pub(super) struct Known {
    interactions: Arc<Interactions>,
    signature: Signature,
}

type Interactions = HashMap<String, Option<String>>;

impl Known {
    pub(super) fn new(interactions: Arc<Interactions>) -> Self {
        let signature = Signature::exact(vec![DataType::Utf8, DataType::Utf8], Volatility::Immutable);
        Self { interactions, signature }
    }

    #[cfg(feature = "ballista")]
    pub(super) fn interactions(&self) -> &Interactions {
        &self.interactions
    }
}

impl ScalarUDFImpl for Known {
    fn name(&self) -> &str {
        JOINED
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, _types: &[DataType]) -> Result<DataType> {
        Ok(DataType::Utf8)
    }

    fn invoke_with_args(&self, arguments: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let arrays = ColumnarValue::values_to_arrays(&arguments.args)?;
        let [stored, traces] = arrays.as_slice() else { return exec_err!("two columns are expected") };
        let (Some(stored), Some(traces)) = (stored.as_string_opt::<i32>(), traces.as_string_opt::<i32>())
        else {
            return exec_err!("ids are text");
        };
        let id = |row: usize| match self.interactions.get(traces.value(row)) {
            Some(known) => known.as_deref(),
            None => stored.is_valid(row).then(|| stored.value(row)),
        };
        Ok(ColumnarValue::Array(Arc::new(StringArray::from_iter((0..stored.len()).map(id)))))
    }
}

/// The same where it looks into the same.
impl PartialEq for Known {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.interactions, &other.interactions)
    }
}

impl Eq for Known {}

impl Hash for Known {
    fn hash<H: Hasher>(&self, state: &mut H) {
        Arc::as_ptr(&self.interactions).hash(state);
    }
}

impl fmt::Debug for Known {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Known")
    }
}
