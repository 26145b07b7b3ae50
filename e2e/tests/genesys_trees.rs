//! Each scenario of (simulated) Genesys Cloud in the running product, seen as it happens, after a gap and by the back-fill
//! command: one tree.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use anyhow::{Context, Result, ensure};
use e2e::Run;
use e2e::product::{Product, binary};
use serde_json::Value;
use sim::genesys::scenario::library;
use sim::genesys::serve::{Settings, Simulator};
use sim::genesys::service::{Options, Traffic};
use sim::genesys::time::iso;
use tokio::process::Command;
use tokio::task::JoinSet;

const PATIENCE: Duration = Duration::from_secs(120);
const SPEED: f64 = 200.0;

/// A service for each scenario, in which nothing happens yet. The speed turns those that are about clocks into others.
async fn simulators() -> Result<Vec<(String, Simulator)>> {
    let mut simulators = Vec::new();
    for scenario in library()? {
        let name = scenario.name.clone();
        if !["clock-skew", "crossing-midnight"].contains(&name.as_str()) {
            let seed = 1 + simulators.len() as u64;
            let options = Options { seed, requests_per_minute: 6000, ..Options::quiet(vec![scenario]) };
            simulators.push((name, Simulator::start(options, Settings::default()).await?));
        }
    }
    Ok(simulators)
}

/// The product with a receiver at each of them, or with none.
async fn product(simulators: &[(String, Simulator)], data: &tempfile::TempDir) -> Result<Product> {
    let mut receivers = String::new();
    let mut names = vec!["otlp".to_owned()];
    for (name, simulator) in simulators {
        writeln!(
            receivers,
            "  genesys_cloud/{name}: {{region: \"{}\", client_id: simulated-client, client_secret: simulated-secret, reconcile_interval: 1s, settle: 1s}}",
            simulator.base_url()
        )?;
        names.push(format!("genesys_cloud/{name}"));
    }
    let yaml = format!(
        "receivers:\n  otlp: {{protocols: {{grpc: {{endpoint: 127.0.0.1:0}}, http: {{endpoint: 127.0.0.1:0}}}}}}\n{receivers}\
         exporters:\n  lake: {{directory: \"{}\"}}\nextensions:\n  view: {{endpoint: 127.0.0.1:0, store: lake}}\n\
         service:\n  extensions: [view]\n  pipelines:\n    traces: {{receivers: [{}], exporters: [lake]}}\n",
        data.path().join("lake").display(),
        names.join(", ")
    );
    let file = data.path().join("c.yaml");
    std::fs::write(&file, yaml)?;
    Run::default().over(&file).with_page().start().await
}

async fn until(what: &str, mut is_so: impl FnMut() -> bool) -> Result<()> {
    let so = async {
        while !is_so() {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    tokio::time::timeout(PATIENCE, so).await.with_context(|| format!("waited until {what}"))
}

/// The spans of all interactions when there are so many, all of them finished, and their number stays.
async fn trees(product: &Product, count: usize) -> Result<BTreeMap<String, Vec<Value>>> {
    let list =
        |value: &Value, key: &str| value.get(key).and_then(Value::as_array).cloned().unwrap_or_default();
    let asked = async {
        let mut last = BTreeMap::new();
        loop {
            let page = product.query("/api/v1/interactions?limit=100").await?;
            let mut found = BTreeMap::new();
            for call in list(&page, "interactions") {
                let id = call.get("id").and_then(Value::as_str).context("an id")?;
                let whole = product.query(&format!("/api/v1/interactions/{id}")).await?;
                found.insert(id.to_owned(), list(&whole, "spans"));
            }
            let finished = |span: &Value| span.get("finished") == Some(&Value::Bool(true));
            if found.len() == count && found == last && found.values().flatten().all(finished) {
                return Ok(found);
            }
            last = found;
            tokio::time::sleep(Duration::from_secs(1)).await;
        }
    };
    tokio::time::timeout(PATIENCE, asked).await.context("the interactions are not complete")?
}

/// What makes a tree: of each span its ids, its parent, name, kind, stage, status and links, and its attributes.
type Tree = BTreeMap<(String, String), (String, BTreeMap<String, Value>)>;

fn tree(spans: &[Value]) -> Tree {
    let text = |span: &Value, key: &str| span.get(key).and_then(Value::as_str).unwrap_or_default().to_owned();
    let mut tree = Tree::new();
    // What was taken back counts no more.
    let counts = |span: &&Value| span.get("name").is_none_or(|name| name != "Superseded");
    for span in spans.iter().filter(counts) {
        let keys = ["parent_span_id", "name", "kind", "stage", "links"];
        let structure: Vec<String> =
            keys.iter().map(|key| span.get(key).map_or_else(String::new, Value::to_string)).collect();
        let attributes = ["attributes", "resource"].into_iter().filter_map(|key| span.get(key)?.as_array());
        let attributes = attributes.flatten().filter_map(|attribute| {
            Some((attribute.get("key")?.as_str()?.to_owned(), attribute.get("value")?.clone()))
        });
        let attributes = attributes.filter(|(key, _)| key != "throughline.revision").collect();
        tree.insert((text(span, "trace_id"), text(span, "span_id")), (structure.join(" "), attributes));
    }
    tree
}

/// Where two trees differ: spans of one alone, other structure, and attributes that both have with other values.
fn differences(one: &Tree, other: &Tree) -> Vec<String> {
    let keys: BTreeSet<_> = one.keys().chain(other.keys()).collect();
    let mut differences = Vec::new();
    for key in keys {
        match (one.get(key), other.get(key)) {
            (Some((structure, attributes)), Some((known, others))) => {
                if structure != known {
                    differences.push(format!("{key:?}: {structure} / {known}"));
                }
                let differ = attributes
                    .iter()
                    .filter(|(name, value)| others.get(*name).is_some_and(|known| known != *value));
                differences.extend(differ.map(|(name, value)| {
                    format!("{key:?} {structure}: {name} {value} / {:?}", others.get(name))
                }));
            }
            (Some(only), None) | (None, Some(only)) => {
                differences.push(format!("{key:?} is only in one: {}", only.0))
            }
            (None, None) => {}
        }
    }
    differences
}

/// The command, at one service.
async fn backfill(region: String, otlp: String, state: std::path::PathBuf) -> Result<()> {
    let now = u64::try_from(SystemTime::now().duration_since(UNIX_EPOCH)?.as_millis())?;
    let mut command = Command::new(binary()?);
    command.args([
        "genesys",
        "backfill",
        "--client-id",
        "simulated-client",
        "--region",
        &region,
        "--otlp",
        &otlp,
    ]);
    command.args(["--from", &iso(now - 3_600_000), "--to", &iso(now)]).arg("--state").arg(state);
    let output = command.env("GENESYS_CLIENT_SECRET", "simulated-secret").kill_on_drop(true).output().await?;
    ensure!(output.status.success(), "{output:?}");
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    ensure!(said.contains("done: 1 conversations, "), "{said}");
    Ok(())
}

/// Scenario: a call of each scenario comes in while the product runs; a second product is started when all have ended; a
/// third one is filled by `throughline genesys backfill`.
/// Guarantees: all three show the same interactions, spans, ids, parents, names, stages and links, and where two of them
/// have an attribute, with the same value; the trace too that one of them continues by its participant data.
#[tokio::test]
async fn one_tree_whoever_told_of_it() -> Result<()> {
    let simulators = simulators().await?;
    let folders = [tempfile::tempdir()?, tempfile::tempdir()?, tempfile::tempdir()?];
    let [live_data, gap_data, past_data] = &folders;
    let live = product(&simulators, live_data).await?;
    for (name, simulator) in &simulators {
        // Where there is neither a queue nor a user, analytics alone is asked.
        let followed = || simulator.with(|service| service.carries("v2.") || service.tally().requests > 10);
        until(name, followed).await?;
        let traffic = Traffic { concurrent: 1, calls: Some(1), speed: SPEED, ..Traffic::default() };
        simulator.with(|service| service.let_in(traffic));
    }
    for (name, simulator) in &simulators {
        until(name, || simulator.with(|service| service.tally().conversations_ended) == 1).await?;
    }
    let live = trees(&live, simulators.len()).await?;

    let gap = product(&simulators, gap_data).await?;
    let past = product(&[], past_data).await?;
    let mut commands = JoinSet::new();
    for (name, simulator) in &simulators {
        let otlp = format!("http://{}", past.http);
        commands.spawn(backfill(simulator.base_url(), otlp, past_data.path().join(name)));
    }
    while let Some(done) = commands.join_next().await {
        done??;
    }
    let gap = trees(&gap, simulators.len()).await?;
    let past = trees(&past, simulators.len()).await?;
    let mut traced = 0;
    for (id, spans) in &live {
        let (live, gap, past) =
            (tree(spans), gap.get(id).context("after a gap")?, past.get(id).context("back-fill")?);
        ensure!(live.len() > 1, "{id}: {spans:?}");
        let ids: BTreeSet<_> = live.keys().map(|(_, span)| span.as_str()).collect();
        let parents = spans.iter().filter_map(|span| span.get("parent_span_id")?.as_str());
        let continues = parents.filter(|parent| !ids.contains(parent)).count() > 0;
        traced += usize::from(continues);
        for (name, other) in [("gap", tree(gap)), ("back-fill", tree(past))] {
            let differences = differences(&live, &other);
            ensure!(differences.is_empty(), "{id}, live and {name}:\n{}", differences.join("\n"));
        }
    }
    ensure!(traced == 1, "one scenario is about that: {traced}");
    Ok(())
}
