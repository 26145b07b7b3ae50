//! Rows put together by columns of text. The columns of a file repeat few texts, and the same view is the same text: which
//! group a row is of is looked up by the views alone, and texts are compared only where a batch has one for the first time.

mod numbers;

use std::fmt;
use std::sync::Arc;

use arrow::array::{ArrayRef, AsArray, BooleanArray, RecordBatch};
use arrow::datatypes::{DataType, SchemaRef};
use datafusion::common::tree_node::{Transformed, TransformedResult, TreeNode, TreeNodeRecursion};
use datafusion::common::{DataFusionError, Result, internal_err};
use datafusion::execution::TaskContext;
use datafusion::execution::memory_pool::{MemoryConsumer, MemoryReservation};
use datafusion::logical_expr::{EmitTo, GroupsAccumulator};
use datafusion::physical_expr::PhysicalExpr;
use datafusion::physical_expr::expressions::Column;
use datafusion::physical_plan::aggregates::{AggregateExec, AggregateMode};
use datafusion::physical_plan::execution_plan::{ChildrenPropertiesMode, ReplaceChildrenOptions};
use datafusion::physical_plan::metrics::{
    BaselineMetrics, ExecutionPlanMetricsSet, MetricsSet, RecordOutput,
};
use datafusion::physical_plan::stream::RecordBatchStreamAdapter;
use datafusion::physical_plan::{
    DisplayAs, DisplayFormatType, ExecutionPlan, InputOrderMode, PlanProperties, SendableRecordBatchStream,
};
use futures_util::{StreamExt, stream};

use numbers::Numbers;

/// Groups that are kept before they are given on, to be joined with others of the same texts later.
const MANY: usize = if cfg!(test) { 32 } else { 1 << 16 };
/// Rows after which it is seen whether putting them together pays.
const TRIED: usize = if cfg!(test) { 64 } else { 100_000 };

/// A plan for this process, in which this is done wherever it can be.
pub(super) fn by_views(plan: Arc<dyn ExecutionPlan>) -> Result<Arc<dyn ExecutionPlan>> {
    let grouped = |part: Arc<dyn ExecutionPlan>| match part.downcast_ref::<AggregateExec>() {
        Some(whole) if groups_texts(whole) => grouped(whole).map(Transformed::yes),
        _ => Ok(Transformed::no(part)),
    };
    plan.transform_up(grouped).data()
}

fn grouped(whole: &AggregateExec) -> Result<Arc<dyn ExecutionPlan>> {
    let last = match whole.mode() {
        AggregateMode::Partial => return Ok(Arc::new(Grouped::new(whole.clone()))),
        AggregateMode::SinglePartitioned => AggregateMode::FinalPartitioned,
        _ => AggregateMode::Final,
    };
    let (groups, functions) = (whole.group_expr(), whole.aggr_expr().to_vec());
    let of = |mode, groups, filters, input| {
        AggregateExec::try_new(mode, groups, functions.clone(), filters, input, whole.input_schema())
    };
    let (filters, input) = (whole.filter_expr().to_vec(), Arc::clone(whole.input()));
    let first = of(AggregateMode::Partial, groups.clone(), filters, input)?;
    let none = vec![None; functions.len()];
    Ok(Arc::new(of(last, groups.as_final(), none, Arc::new(Grouped::new(first)))?))
}

fn groups_texts(whole: &AggregateExec) -> bool {
    let input = whole.input().schema();
    let is_view = |expression: &Arc<dyn PhysicalExpr>| {
        expression.downcast_ref::<Column>().is_some_and(|column| {
            input.fields().get(column.index()).is_some_and(|field| *field.data_type() == DataType::Utf8View)
        })
    };
    let by = whole.group_expr();
    matches!(whole.mode(), AggregateMode::Partial | AggregateMode::Single | AggregateMode::SinglePartitioned)
        && *whole.input_order_mode() == InputOrderMode::Linear
        && whole.limit_options().is_none()
        && by.is_single()
        && !by.is_empty()
        && by.expr().iter().all(|(expression, _)| is_view(expression))
        && whole.aggr_expr().iter().all(|of| of.groups_accumulator_supported() && of.order_bys().is_empty())
}

/// What an aggregation gives on to the one that finishes it.
#[derive(Debug)]
struct Grouped {
    whole: AggregateExec,
    metrics: ExecutionPlanMetricsSet,
}

impl Grouped {
    fn new(whole: AggregateExec) -> Self {
        Self { whole, metrics: ExecutionPlanMetricsSet::new() }
    }
}

impl DisplayAs for Grouped {
    fn fmt_as(&self, as_: DisplayFormatType, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.whole.fmt_as(as_, f)?;
        f.write_str(", by views")
    }
}

impl ExecutionPlan for Grouped {
    fn name(&self) -> &str {
        "Grouped"
    }

    fn properties(&self) -> &Arc<PlanProperties> {
        self.whole.properties()
    }

    fn children(&self) -> Vec<&Arc<dyn ExecutionPlan>> {
        self.whole.children()
    }

    fn apply_expressions(
        &self,
        f: &mut dyn FnMut(&Arc<dyn PhysicalExpr>) -> Result<TreeNodeRecursion>,
    ) -> Result<TreeNodeRecursion> {
        self.whole.apply_expressions(f)
    }

    fn with_new_children(
        self: Arc<Self>,
        children: Vec<Arc<dyn ExecutionPlan>>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let options = ReplaceChildrenOptions::new(ChildrenPropertiesMode::Recompute);
        let whole = Arc::new(self.whole.clone()).replace_children(children, options)?;
        match whole.downcast_ref::<AggregateExec>() {
            Some(whole) => Ok(Arc::new(Self::new(whole.clone()))),
            None => internal_err!("an aggregation is expected"),
        }
    }

    fn execute(&self, partition: usize, context: Arc<TaskContext>) -> Result<SendableRecordBatchStream> {
        let memory = MemoryConsumer::new(format!("Grouped[{partition}]")).with_can_spill(true);
        let memory = memory.register(context.memory_pool());
        let input = self.whole.input().execute(partition, context)?;
        let work = Work::new(&self.whole, memory, BaselineMetrics::new(&self.metrics, partition))?;
        let batches = stream::try_unfold((input.fuse(), work), async |(mut input, mut work)| {
            while let Some(batch) = input.next().await {
                if let Some(groups) = work.add(&batch?)? {
                    return Ok(Some((groups, (input, work))));
                }
            }
            Ok(work.emit()?.map(|groups| (groups, (input, work))))
        });
        Ok(Box::pin(RecordBatchStreamAdapter::new(self.whole.schema(), batches)))
    }

    fn metrics(&self) -> Option<MetricsSet> {
        Some(self.metrics.clone_inner())
    }
}

/// What is done with the rows of one partition.
struct Work {
    columns: Vec<usize>,
    functions: Vec<Function>,
    schema: SchemaRef,
    numbers: Numbers,
    /// Of the rows of a batch.
    groups: Vec<usize>,
    memory: MemoryReservation,
    metrics: BaselineMetrics,
    rows: usize,
    /// Groups that were given on.
    emitted: usize,
    /// Nearly each row is a group of its own, and given on as such.
    apart: bool,
}

struct Function {
    arguments: Vec<Arc<dyn PhysicalExpr>>,
    filter: Option<Arc<dyn PhysicalExpr>>,
    groups: Box<dyn GroupsAccumulator>,
}

impl Function {
    fn arguments(&self, batch: &RecordBatch) -> Result<(Vec<ArrayRef>, Option<BooleanArray>)> {
        let value = |of: &Arc<dyn PhysicalExpr>| of.evaluate(batch)?.into_array(batch.num_rows());
        let filter =
            self.filter.as_ref().map(|filter| Ok::<_, DataFusionError>(value(filter)?.as_boolean().clone()));
        Ok((self.arguments.iter().map(value).collect::<Result<_>>()?, filter.transpose()?))
    }
}

impl Work {
    fn new(whole: &AggregateExec, memory: MemoryReservation, metrics: BaselineMetrics) -> Result<Self> {
        let by = whole.group_expr().expr().iter();
        let columns: Vec<usize> =
            by.filter_map(|(of, _)| of.downcast_ref::<Column>().map(Column::index)).collect();
        let functions = whole.aggr_expr().iter().zip(whole.filter_expr()).map(|(of, filter)| {
            let groups = of.create_groups_accumulator()?;
            Ok(Function { arguments: of.expressions(), filter: filter.clone(), groups })
        });
        Ok(Self {
            functions: functions.collect::<Result<_>>()?,
            schema: whole.schema(),
            numbers: Numbers::new(columns.len()),
            columns,
            groups: Vec::new(),
            memory,
            metrics,
            rows: 0,
            emitted: 0,
            apart: false,
        })
    }

    /// Gives on what there is where it becomes too much.
    fn add(&mut self, batch: &RecordBatch) -> Result<Option<RecordBatch>> {
        let compute = self.metrics.elapsed_compute().clone();
        let _timer = compute.timer();
        let texts: Vec<&ArrayRef> = self.columns.iter().map(|at| batch.column(*at)).collect();
        if self.apart {
            let mut columns: Vec<ArrayRef> = texts.into_iter().cloned().collect();
            for function in &self.functions {
                let (arguments, filter) = function.arguments(batch)?;
                columns.extend(function.groups.convert_to_state(&arguments, filter.as_ref())?);
            }
            return self.made(columns).map(Some);
        }
        let texts: Vec<_> = texts.into_iter().filter_map(|column| column.as_string_view_opt()).collect();
        self.numbers.add(&texts, &mut self.groups);
        let total = self.numbers.len();
        for function in &mut self.functions {
            let (arguments, filter) = function.arguments(batch)?;
            function.groups.update_batch(&arguments, &self.groups, filter.as_ref(), total)?;
        }
        self.rows += batch.num_rows();
        self.apart = self.rows >= TRIED && (self.emitted + total) * 5 > self.rows * 4;
        let size = self.functions.iter().map(|function| function.groups.size()).sum::<usize>();
        let full = self.apart || total >= MANY || self.memory.try_resize(size + self.numbers.size()).is_err();
        if full { self.emit() } else { Ok(None) }
    }

    fn emit(&mut self) -> Result<Option<RecordBatch>> {
        if self.numbers.len() == 0 {
            return Ok(None);
        }
        let mut columns = self.numbers.columns();
        for function in &mut self.functions {
            columns.extend(function.groups.state(EmitTo::All)?);
        }
        self.emitted += self.numbers.len();
        self.numbers = Numbers::new(self.columns.len());
        self.memory.free();
        self.made(columns).map(Some)
    }

    fn made(&self, columns: Vec<ArrayRef>) -> Result<RecordBatch> {
        Ok(RecordBatch::try_new(Arc::clone(&self.schema), columns)?.record_output(&self.metrics))
    }
}

#[cfg(test)]
mod tests;
