use arrow::array::{Int64Array, StringViewArray};
use arrow::datatypes::{Field, Schema};
use arrow::util::pretty::pretty_format_batches;
use datafusion::datasource::MemTable;
use datafusion::execution::runtime_env::RuntimeEnv;
use datafusion::physical_plan::{collect, displayable};
use datafusion::prelude::{SessionConfig, SessionContext};
use proptest::prelude::*;

use super::*;
use crate::sql::session;

type Row = (Option<String>, String, Option<i64>);

fn rows() -> impl Strategy<Value = Vec<Row>> {
    let queue = prop_oneof![
        Just(None),
        "[ab]?".prop_map(Some),
        (0..99u8).prop_map(|n| Some(format!("a queue with a long name, {n}"))),
    ];
    let row = (queue, "[ab]{0,2}", prop::option::of(-9i64..1_000_000));
    prop::collection::vec(row, 0..60)
}

fn batch(rows: &[Row]) -> RecordBatch {
    let columns: Vec<(_, ArrayRef, _)> = vec![
        ("queue", Arc::new(rows.iter().map(|row| row.0.as_deref()).collect::<StringViewArray>()), true),
        ("service", Arc::new(StringViewArray::from_iter_values(rows.iter().map(|row| &row.1))), false),
        ("duration_ns", Arc::new(rows.iter().map(|row| row.2).collect::<Int64Array>()), true),
    ];
    let fields = columns.iter().map(|(name, of, null)| Field::new(*name, of.data_type().clone(), *null));
    let schema = Schema::new(fields.collect::<Vec<_>>());
    RecordBatch::try_new(Arc::new(schema), columns.into_iter().map(|(_, of, _)| of).collect()).unwrap()
}

/// What a question tells, as it is planned and with rows grouped by views.
async fn told(parts: &[Vec<Vec<Row>>], threads: usize, by: &str) -> [String; 2] {
    let config = SessionConfig::new().with_target_partitions(threads);
    let state = session::knowing(config, &Arc::new(RuntimeEnv::default()));
    let context = SessionContext::new_with_state(state);
    let parts: Vec<Vec<RecordBatch>> =
        parts.iter().map(|batches| batches.iter().map(|rows| batch(rows)).collect()).collect();
    let table = MemTable::try_new(batch(&[]).schema(), parts).unwrap();
    context.register_table("spans", Arc::new(table)).unwrap();
    let question = format!(
        "SELECT {by}, count(*), count(duration_ns) FILTER (WHERE duration_ns > 500000), avg(duration_ns), max(service),
           hist_quantile(latency_hist(duration_ns), 0.5), latency_hist(duration_ns)
         FROM spans GROUP BY {by} ORDER BY {by}"
    );
    let plan = context.sql(&question).await.unwrap().create_physical_plan().await.unwrap();
    let grouped = by_views(Arc::clone(&plan)).unwrap();
    let shown = displayable(grouped.as_ref()).indent(false).to_string();
    assert!(shown.contains("by views") || !shown.contains("AggregateExec"), "{shown}");
    let [plain, grouped] = [plan, grouped].map(|plan| collect(plan, context.task_ctx()));
    [plain.await, grouped.await].map(|batches| pretty_format_batches(&batches.unwrap()).unwrap().to_string())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]
    #[test]
    fn groups_are_those_that_any_plan_makes(
        parts in prop::collection::vec(prop::collection::vec(rows(), 0..5), 1..3),
        threads in 1usize..3,
        by in prop::sample::select(vec!["queue", "service", "queue, service", "service, queue"]),
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let [plain, grouped] = runtime.block_on(told(&parts, threads, by));
        prop_assert_eq!(plain, grouped);
    }
}
