//! A scan of files that another process reads.

use std::any::Any;
use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use datafusion::common::tree_node::TreeNodeRecursion;
use datafusion::common::{Result, internal_err};
use datafusion::datasource::physical_plan::FileScanConfig;
use datafusion::datasource::source::DataSourceExec;
use datafusion::execution::TaskContext;
use datafusion::physical_expr::PhysicalExpr;
use datafusion::physical_plan::{
    DisplayAs, DisplayFormatType, ExecutionPlan, PlanProperties, SendableRecordBatchStream,
};

/// By the path of a file: how many rows it has, and which of them count, where not all do.
pub(super) type Rows = BTreeMap<String, (usize, Vec<(usize, usize)>)>;

/// What a scan of files is about.
pub(super) fn files(scan: &Arc<dyn ExecutionPlan>) -> Option<&FileScanConfig> {
    let source: &dyn Any = scan.downcast_ref::<DataSourceExec>()?.data_source().as_ref();
    source.downcast_ref()
}

/// Holds what the codec of the engine does not send along with a scan. Executors make a scan of both.
#[derive(Debug)]
pub(super) struct Remote {
    pub(super) scan: Arc<dyn ExecutionPlan>,
    pub(super) rows: Arc<Rows>,
}

impl Remote {
    pub(super) fn new(scan: Arc<dyn ExecutionPlan>, rows: Arc<Rows>) -> Self {
        Self { scan, rows }
    }
}

impl DisplayAs for Remote {
    fn fmt_as(&self, _: DisplayFormatType, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Remote: {} files with rows that do not count", self.rows.len())
    }
}

impl ExecutionPlan for Remote {
    fn name(&self) -> &str {
        "Remote"
    }

    fn properties(&self) -> &Arc<PlanProperties> {
        self.scan.properties()
    }

    fn children(&self) -> Vec<&Arc<dyn ExecutionPlan>> {
        vec![&self.scan]
    }

    fn apply_expressions(
        &self,
        _: &mut dyn FnMut(&Arc<dyn PhysicalExpr>) -> Result<TreeNodeRecursion>,
    ) -> Result<TreeNodeRecursion> {
        Ok(TreeNodeRecursion::Continue)
    }

    fn with_new_children(
        self: Arc<Self>,
        mut children: Vec<Arc<dyn ExecutionPlan>>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        match (children.pop(), children.is_empty()) {
            (Some(scan), true) => Ok(Arc::new(Self { scan, rows: Arc::clone(&self.rows) })),
            _ => internal_err!("one scan is expected"),
        }
    }

    fn execute(&self, _: usize, _: Arc<TaskContext>) -> Result<SendableRecordBatchStream> {
        internal_err!("only executors read these files")
    }
}
