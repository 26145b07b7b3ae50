//! What a question may name: tables, functions, and nothing that reaches outside.

use std::fmt;
use std::sync::Arc;

use arrow::datatypes::{DataType, Schema, TimeUnit};
use datafusion::catalog::{TableFunctionArgs, TableFunctionImpl, TableProvider};
use datafusion::common::{Result, plan_datafusion_err, plan_err};
use datafusion::datasource::{ViewTable, provider_as_source};
use datafusion::execution::SessionStateBuilder;
use datafusion::execution::SessionStateDefaults;
use datafusion::execution::runtime_env::RuntimeEnv;
use datafusion::execution::session_state::SessionState;
use datafusion::logical_expr::{Expr, LogicalPlanBuilder, cast, col, lit};
use datafusion::prelude::{SessionConfig, SessionContext};
use store_api::Search;

use super::attr_keys::Keys;
use super::interactions::Interactions;
use super::looking::Looking;
use super::spans::Spans;
use super::{attr, latency};

/// What the engine calls the place of our tables; questions need not name it.
pub(super) const CATALOG: &str = "throughline";
pub(super) const SCHEMA: &str = "store";

/// The tables, with times and milliseconds beside every column of nanoseconds.
pub(super) fn open(looking: &Arc<Looking>, env: &Arc<RuntimeEnv>, threads: usize) -> Result<SessionContext> {
    let context = SessionContext::new_with_state(state(env, threads));
    let table = |resolved| Arc::new(Spans::new(looking, resolved));
    view(&context, "spans", table(true), Some(col("finished")))?;
    view(&context, "spans_raw", table(false), None)?;
    view(
        &context,
        "interactions",
        Arc::new(Interactions { looking: Arc::clone(looking), search: None }),
        None,
    )?;
    view(&context, "attr_keys", Arc::new(Keys { looking: Arc::clone(looking) }), None)?;
    context.register_udtf("search", Arc::new(Found { looking: Arc::clone(looking) }));
    Ok(context)
}

fn state(env: &Arc<RuntimeEnv>, threads: usize) -> SessionState {
    let mut config = SessionConfig::new()
        .with_information_schema(true)
        .with_default_catalog_and_schema(CATALOG, SCHEMA)
        .with_target_partitions(threads)
        .with_repartition_file_scans(false);
    let options = config.options_mut();
    options.sql_parser.collect_spans = true;
    options.execution.parquet.pushdown_filters = true;
    knowing(config, env)
}

/// With our functions. Without factories of tables and without formats of files: there is nothing to make a table of.
pub(super) fn knowing(config: SessionConfig, env: &Arc<RuntimeEnv>) -> SessionState {
    let mut scalars = SessionStateDefaults::default_scalar_functions();
    scalars.extend([attr::attr(), latency::quantile()]);
    let mut aggregates = SessionStateDefaults::default_aggregate_functions();
    aggregates.extend(latency::aggregates());
    SessionStateBuilder::new()
        .with_config(config)
        .with_runtime_env(Arc::clone(env))
        .with_expr_planners(SessionStateDefaults::default_expr_planners())
        .with_scalar_functions(scalars)
        .with_higher_order_functions(SessionStateDefaults::default_higher_order_functions())
        .with_aggregate_functions(aggregates)
        .with_table_function_list(SessionStateDefaults::default_table_functions())
        .with_window_functions(SessionStateDefaults::default_window_functions())
        .build()
}

fn view(
    context: &SessionContext,
    name: &str,
    table: Arc<dyn TableProvider>,
    only: Option<Expr>,
) -> Result<()> {
    context.register_table(name, Arc::new(shown(table, only)?))?;
    Ok(())
}

fn shown(table: Arc<dyn TableProvider>, only: Option<Expr>) -> Result<ViewTable> {
    let columns = for_people(&table.schema());
    let mut plan = LogicalPlanBuilder::scan("stored", provider_as_source(table), None)?;
    if let Some(only) = only {
        plan = plan.filter(only)?;
    }
    Ok(ViewTable::new(plan.project(columns)?.build()?, None))
}

/// `search('hold>30s')`: the interactions that the search box would find.
struct Found {
    looking: Arc<Looking>,
}

impl TableFunctionImpl for Found {
    fn call_with_args(&self, arguments: TableFunctionArgs<'_, '_>) -> Result<Arc<dyn TableProvider>> {
        let [Expr::Literal(text, _)] = arguments.exprs() else {
            return plan_err!(
                "`search` takes what would be typed into the search box, as in search('hold>30s')"
            );
        };
        let text = text.try_as_str().flatten().unwrap_or_default().trim();
        let search = if text.is_empty() { None } else { Some(text.parse::<Search>()) };
        let search =
            search.transpose().map_err(|wrong| plan_datafusion_err!("search: {wrong}; {}", wrong.help))?;
        let looking = Arc::clone(&self.looking);
        Ok(Arc::new(shown(Arc::new(Interactions { looking, search }), None)?))
    }
}

impl fmt::Debug for Found {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Found")
    }
}

fn for_people(schema: &Schema) -> Vec<Expr> {
    let time = || DataType::Timestamp(TimeUnit::Nanosecond, Some("UTC".into()));
    let mut columns = Vec::new();
    for field in schema.fields() {
        let name = field.name().as_str();
        let nanoseconds = name.strip_suffix("_ns").filter(|_| *field.data_type() == DataType::Int64);
        columns.extend(match (name, nanoseconds) {
            ("start_ns", _) => Some(cast(col(name), time()).alias("start")),
            ("end_ns", _) => Some(cast(col(name), time()).alias("ended")),
            (_, Some(what)) => {
                Some((cast(col(name), DataType::Float64) / lit(1e6)).alias(format!("{what}_ms")))
            }
            _ => None,
        });
        columns.push(col(name));
    }
    columns
}
