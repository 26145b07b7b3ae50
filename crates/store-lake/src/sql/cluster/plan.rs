//! From a question to a plan that can leave this process.

use std::collections::BTreeMap;
use std::sync::Arc;

use ballista_core::extension::SessionConfigExt;
use ballista_core::optimizer::with_ballista_optimizer_rules;
use datafusion::common::tree_node::{Transformed, TreeNode, TreeNodeRecursion};
use datafusion::common::{JoinType, Result, plan_err};
use datafusion::datasource::listing::PartitionedFile;
use datafusion::datasource::physical_plan::FileGroup;
use datafusion::datasource::physical_plan::parquet::ParquetRowSelection;
use datafusion::datasource::source::DataSourceExec;
use datafusion::execution::SessionStateBuilder;
use datafusion::logical_expr::{LogicalPlan, LogicalPlanBuilder};
use datafusion::physical_plan::ExecutionPlan;
use datafusion::physical_plan::joins::NestedLoopJoinExec;
use datafusion::prelude::SessionContext;
use datafusion_proto::physical_plan::AsExecutionPlan;
use datafusion_proto::protobuf::PhysicalPlanNode;
use store_api::door;

use super::codec::Codec;
use super::reader;
use super::remote::{Remote, Rows, files};
use super::{LONGEST, Why};
use crate::file::File;

/// What is sent, and what it amounts to.
pub(super) struct Planned {
    pub(super) bytes: Vec<u8>,
    pub(super) settings: Vec<(String, Option<String>)>,
}

/// The rows of all files that a plan reads, whether or not they count.
pub(super) fn rows(plan: &Arc<dyn ExecutionPlan>) -> u64 {
    let mut rows = 0;
    let counted = plan.apply(|part| {
        let files = files(part).into_iter().flat_map(|scan| &scan.file_groups).flat_map(FileGroup::iter);
        let known = files.filter_map(|listed| listed.extension::<Arc<File>>());
        rows += known.map(|file| file.about.rows as u64).sum::<u64>();
        Ok(TreeNodeRecursion::Continue)
    });
    counted.map_or(0, |_| rows)
}

/// Planned as Ballista wants it: nothing that one part of a plan tells another while both run. An answer with more rows than
/// are allowed is made as far as shows that.
pub(super) async fn planned(
    cluster: &door::Cluster,
    context: &SessionContext,
    plan: LogicalPlan,
    most: u64,
) -> Result<Planned, Why> {
    if matches!(plan, LogicalPlan::Analyze(_)) {
        return Err("EXPLAIN ANALYZE is about how it is worked out here".to_owned());
    }
    let cannot = |error| format!("the question cannot be cut into parts: {error}");
    let most = usize::try_from(most).ok().and_then(|most| most.checked_add(1));
    let plan =
        LogicalPlanBuilder::new(plan).limit(0, most).and_then(LogicalPlanBuilder::build).map_err(cannot)?;
    let state = context.state();
    let mut config = state.config().clone().upgrade_for_ballista();
    config = config.with_target_partitions(cluster.partitions.max(1)).with_repartition_file_scans(false);
    let rules = with_ballista_optimizer_rules(state.optimizers());
    let state =
        SessionStateBuilder::new_from_existing(state).with_config(config).with_optimizer_rules(rules).build();
    let settings = state.config().options().entries().into_iter().map(|entry| (entry.key, entry.value));
    let settings = settings.collect();
    let plan = state.create_physical_plan(&plan).await.map_err(cannot)?;
    let plan = plan.transform_up(leave).map_err(cannot)?.data;
    let node = PhysicalPlanNode::try_from_physical_plan(plan, &Codec::new(None)).map_err(cannot)?;
    let mut bytes = Vec::new();
    node.try_encode(&mut bytes).map_err(cannot)?;
    if bytes.len() > LONGEST {
        let (is, most) = (bytes.len() >> 20, LONGEST >> 20);
        return Err(format!("its plan, with what has to travel along, has {is} MiB, and {most} are allowed"));
    }
    Ok(Planned { bytes, settings })
}

/// Scans of our files become such of paths below the root, with the rows that count.
fn leave(part: Arc<dyn ExecutionPlan>) -> Result<Transformed<Arc<dyn ExecutionPlan>>> {
    if let Some(join) = part.downcast_ref::<NestedLoopJoinExec>()
        && joins_once(*join.join_type())
    {
        return plan_err!("a join that is not by equality has to see all rows at once");
    }
    let Some(scan) = files(&part) else { return Ok(Transformed::no(part)) };
    let mut rows: Rows = BTreeMap::new();
    let mut away = scan.clone();
    away.object_store_url = reader::place()?;
    away.file_groups = Vec::with_capacity(scan.file_groups.len());
    for group in &scan.file_groups {
        let mut files = Vec::with_capacity(group.len());
        for listed in group.iter() {
            let Some(file) = listed.extension::<Arc<File>>() else {
                return plan_err!("a file that is not of the store");
            };
            let path = file.below();
            if let Some(counting) = listed.extension::<ParquetRowSelection>() {
                let mut at = 0;
                let mut kept = Vec::new();
                for selector in counting.selection().iter() {
                    let end = at + selector.row_count;
                    if !selector.skip {
                        kept.push((at, end));
                    }
                    at = end;
                }
                rows.insert(path.clone(), (at, kept));
            }
            files.push(PartitionedFile::new(path, file.about.weight as u64));
        }
        away.file_groups.push(FileGroup::new(files));
    }
    let scan = DataSourceExec::from_data_source(away);
    Ok(Transformed::yes(Arc::new(Remote::new(scan, Arc::new(rows)))))
}

/// Whether each task, with its part of the right side, would tell of the left side what is true of all.
fn joins_once(of: JoinType) -> bool {
    matches!(
        of,
        JoinType::Left | JoinType::Full | JoinType::LeftSemi | JoinType::LeftAnti | JoinType::LeftMark
    )
}
