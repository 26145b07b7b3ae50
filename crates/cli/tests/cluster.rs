//! A Ballista cluster of this binary: a scheduler and two executors, each a process, over a store with all that makes
//! answers hard.
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test fails by panicking")]

use std::io::{BufRead, BufReader};
use std::net::TcpListener;
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

use flow::config::GoDuration;
use futures_util::StreamExt;
use store_api::door::{Cluster, Settings};
use store_api::sql::{Failed, Format, Limits, On, Question, Worked};
use store_api::testing::Sample;
use store_api::testing::sample::{NINE, SECOND};
use store_api::{Span, Stage, TraceStore};
use store_lake::Lake;

const LATER: u64 = NINE + 100 * 24 * 3600 * SECOND;

/// Ends with the test.
struct Process {
    child: Child,
    said: Receiver<String>,
}

impl Process {
    fn start(arguments: &[&str]) -> Self {
        let mut command = Command::new(env!("CARGO_BIN_EXE_throughline"));
        command
            .arg("cluster")
            .args(arguments)
            .env("RUST_LOG", "warn,ballista_scheduler=info,ballista_executor=info");
        let mut child = command.stderr(Stdio::piped()).spawn().unwrap();
        let log = BufReader::new(child.stderr.take().unwrap());
        let (tell, said) = channel();
        // To the end, also when nobody listens.
        std::thread::spawn(move || log.lines().map_while(Result::ok).for_each(|line| drop(tell.send(line))));
        Self { child, said }
    }

    /// Waits for a line of its log that has this in it.
    fn until(&mut self, text: &str) -> String {
        let mut all = String::new();
        for line in &self.said {
            if line.contains(text) {
                return line;
            }
            all += &line;
            all.push('\n');
        }
        panic!("it ended without `{text}`:\n{all}");
    }

    fn kill(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.kill();
    }
}

/// Two ports in a row that are free, outside of those that outgoing connections take.
fn ports() -> u16 {
    let free = |port: u16| TcpListener::bind(("127.0.0.1", port)).is_ok();
    let first = 20_000 + u16::try_from(std::process::id() % 5_000).unwrap() * 2;
    (first..32_000).step_by(2).find(|port| free(*port) && free(port + 1)).unwrap()
}

struct Up {
    scheduler: Process,
    address: String,
    executors: Vec<Process>,
}

impl Up {
    fn start(store: &Path, executors: usize) -> Self {
        let mut scheduler = Process::start(&["scheduler", "--listen", "127.0.0.1:0"]);
        let line = scheduler.until("the scheduler is at ");
        let address = line.rsplit(' ').next().unwrap().to_owned();
        let start = |_| {
            let listen = format!("127.0.0.1:{}", ports());
            let store = store.to_str().unwrap();
            let arguments =
                ["executor", "--scheduler", &address, "--listen", &listen, "--cores", "1", "--store", store];
            let mut executor = Process::start(&arguments);
            executor.until("Executor registration succeed");
            executor
        };
        let executors = (0..executors).map(start).collect();
        Self { scheduler, address, executors }
    }
}

/// Calls over two hours, with their interaction in the first.
fn calls(traces: std::ops::RangeInclusive<u8>) -> Vec<Span> {
    let call = |trace: u8| {
        (1..=20_u8).map(move |span| {
            let stage = [Stage::Queue, Stage::Talk, Stage::Action][usize::from(span % 3)];
            let sample = Sample::new(trace, span)
                .at(u64::from(span) * 300, u64::from(span) + u64::from(trace))
                .stage(stage)
                .service(["ivr", "crm"][usize::from(span % 2)])
                .resource("host.name", format!("host-{}", trace % 3).as_str())
                .with("tenant.id", format!("t{}", trace % 7).as_str())
                .with("interaction.queue.name", ["billing", "sales"][usize::from(trace % 2)])
                .with("http.response.status_code", i64::from(span) + 200);
            let sample = if span == 1 { sample.interaction(&format!("call-{trace}")) } else { sample };
            let sample = if span % 9 == 0 { sample.with("rare", "now and then") } else { sample };
            sample.change(|made| {
                let first = Sample::new(trace, 1).span().span_id;
                made.parent_span_id = Some(first).filter(|first| *first != made.span_id);
            })
        })
    };
    traces.flat_map(call).map(Sample::span).collect()
}

/// What came again: half of it as it was, half with more to tell.
fn again(traces: std::ops::RangeInclusive<u8>, revision: i64) -> Vec<Span> {
    let again = |trace: u8| {
        let sample = Sample::new(trace, 3).at(900, 50).stage(Stage::Hold).with("tenant.id", "moved");
        if trace.is_multiple_of(2) { sample.revision(revision).span() } else { sample.span() }
    };
    traces.map(again).collect()
}

/// Compacted files with attributes in columns of their own, files behind them that revise and repeat, and spans in memory that
/// do so too.
async fn fill(lake: &Lake) {
    for flush in 0..6_u8 {
        lake.append(calls(flush * 10 + 1..=flush * 10 + 10)).await.unwrap();
        lake.append(again(flush * 10 + 1..=flush * 10 + 4, 1)).await.unwrap();
        lake.flush().await.unwrap();
    }
    while lake.compact(LATER).await.unwrap() {}
    for flush in 0..3_u8 {
        lake.append(again(flush * 10 + 1..=flush * 10 + 8, 2)).await.unwrap();
        lake.append(calls(flush * 10 + 61..=flush * 10 + 70)).await.unwrap();
        lake.flush().await.unwrap();
    }
    lake.append(again(1..=40, 3)).await.unwrap();
    lake.append(calls(91..=99)).await.unwrap();
}

fn settings(directory: &Path, scheduler: &str, from_spans: u64) -> Settings {
    let cluster = Cluster { from_spans, partitions: 4, ..Cluster::at(scheduler) };
    Settings {
        directory: directory.to_owned(),
        flush_interval: GoDuration::from_secs(100_000),
        cluster: Some(cluster),
        ..Settings::default()
    }
}

async fn ask(lake: &Lake, text: &str, on: On, limits: Limits) -> Result<(String, Option<Worked>), Failed> {
    let question = Question { text: text.to_owned(), format: Format::Csv, limits, on };
    let mut answer = lake.sql(question).await?;
    let mut whole = Vec::new();
    while let Some(chunk) = answer.body.next().await {
        whole.extend_from_slice(&chunk?);
    }
    Ok((String::from_utf8(whole).unwrap(), answer.worked))
}

fn patient() -> Limits {
    Limits { time: Duration::from_secs(120), ..Limits::default() }
}

/// Reaches into no file.
const NEVER: &str =
    "SELECT stage, count(*) AS n FROM spans WHERE start > TIMESTAMP '2030-01-01T00:00:00Z' GROUP BY stage";

const QUESTIONS: [&str; 23] = [
    "SELECT count(*) AS spans, sum(duration_ns) AS ns, max(revision) AS revision FROM spans",
    "SELECT count(*) AS rows, count(DISTINCT span_id) AS ids, sum(seq) AS seq FROM spans_raw",
    "SELECT stage, queue, count(*) AS n, hist_quantile(latency_hist(duration_ns), 0.95) AS p95 FROM spans GROUP BY stage, queue ORDER BY stage, queue",
    "SELECT hist_quantile(hist_merge(h), 0.5) AS p50 FROM (SELECT service, latency_hist(duration_ns) AS h FROM spans GROUP BY service)",
    "SELECT attr('tenant.id') AS t, count(*) AS n FROM spans GROUP BY t ORDER BY t",
    "SELECT attr_str['tenant.id'] AS t, attr('host.name') AS h, count(*) AS n FROM spans WHERE attr('tenant.id') > 't3' GROUP BY t, h ORDER BY t, h",
    "SELECT trace_id, span_id FROM spans WHERE attr('rare') = 'now and then' AND start < TIMESTAMP '2026-11-20T10:00:00Z' ORDER BY trace_id, span_id LIMIT 20",
    "SELECT count(*) AS n FROM spans WHERE http_status_code BETWEEN 205 AND 210 AND service = 'crm'",
    "SELECT interaction_id, count(*) AS n, min(start) AS first, max(duration_ms) AS slowest FROM spans GROUP BY interaction_id ORDER BY interaction_id",
    "SELECT i.interaction_id, i.spans, count(*) AS n FROM interactions i JOIN spans s ON s.interaction_id = i.interaction_id WHERE s.stage = 'talk' GROUP BY i.interaction_id, i.spans ORDER BY 1",
    "SELECT i.interaction_id, count(s.span_id) AS held FROM interactions i LEFT JOIN spans s ON s.interaction_id = i.interaction_id AND s.stage = 'hold' GROUP BY 1 ORDER BY 1",
    "SELECT count(*) AS n FROM spans WHERE trace_id IN (SELECT unnest(trace_ids) FROM search('queue=billing'))",
    "SELECT count(*) AS n FROM spans WHERE interaction_id NOT IN (SELECT interaction_id FROM interactions WHERE spans > 20)",
    "SELECT name FROM spans WHERE name = 'nothing'",
    "SELECT count(*) AS n, max(name) AS name FROM spans WHERE name = 'nothing'",
    "SELECT service, name, duration_ns, place FROM (SELECT *, row_number() OVER (PARTITION BY service ORDER BY duration_ns DESC, trace_id, span_id) AS place FROM spans) WHERE place <= 3 ORDER BY service, place",
    "SELECT date_trunc('hour', start) AS hour, count(DISTINCT trace_id) AS traces FROM spans GROUP BY hour HAVING count(*) > 100 ORDER BY hour",
    "SELECT service, median(duration_ns) AS middle, stddev(duration_ns) > 0 AS varies FROM spans GROUP BY service ORDER BY service",
    "SELECT count(*) AS longer FROM spans WHERE duration_ns > (SELECT avg(duration_ns) FROM spans)",
    "SELECT 'a' AS part, count(*) AS n FROM spans WHERE stage = 'hold' UNION ALL SELECT 'b', count(*) FROM spans_raw WHERE stage = 'hold' ORDER BY part",
    "SELECT a.trace_id, count(*) AS pairs FROM spans a JOIN spans b ON a.trace_id = b.trace_id AND a.span_id = b.parent_span_id GROUP BY a.trace_id ORDER BY a.trace_id",
    "SELECT trace_id, span_id, attr_str, resource_str, events, interaction_id FROM spans ORDER BY trace_id, span_id, service LIMIT 50",
    "WITH q AS (SELECT queue, date_trunc('hour', start) AS hour, count(*) AS n FROM spans GROUP BY 1, 2) SELECT queue, hour, n - lag(n) OVER (PARTITION BY queue ORDER BY hour) AS more FROM q ORDER BY queue, hour",
];

async fn same(lake: &Lake, questions: &[&str]) {
    for question in questions {
        let (here, _) = ask(lake, question, On::Here, patient()).await.unwrap();
        let (there, worked) = ask(lake, question, On::Cluster, patient()).await.unwrap();
        assert_eq!(worked, Some(Worked::Cluster), "{question}");
        assert_eq!(there, here, "{question}");
    }
}

fn throughline(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_throughline")).args(arguments).output().unwrap()
}

/// Scenario: a store with revisions, repetitions, attributes in and out of columns, traces in several files, and spans in memory;
/// then one executor is killed, then the scheduler.
/// Guarantees: the cluster gives the answers of the embedded engine, also with one executor fewer; without a scheduler
/// the answer is the same and says that it is not the cluster's; so do the question's own faults.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_cluster_gives_the_same_answers() {
    let directory = tempfile::tempdir().unwrap();
    let mut up = Up::start(directory.path(), 2);
    let lake = Lake::open(settings(directory.path(), &up.address, 1)).await.unwrap();
    fill(&lake).await;
    same(&lake, &QUESTIONS).await;

    let (_, worked) = ask(&lake, QUESTIONS[0], On::Either, patient()).await.unwrap();
    assert_eq!(worked, Some(Worked::Cluster), "it is about more than one span");
    let (_, worked) = ask(&lake, NEVER, On::Either, patient()).await.unwrap();
    assert_eq!(worked, Some(Worked::Here), "it is about no span");
    let few = Limits { rows: 3, ..patient() };
    let failed = ask(&lake, "SELECT name FROM spans", On::Cluster, few).await.unwrap_err();
    assert!(matches!(failed, Failed::Limit { .. }), "{failed:?}");
    let unequal =
        "SELECT count(*) AS n FROM interactions i LEFT JOIN spans s ON s.duration_ns > i.duration_ns";
    let (there, worked) = ask(&lake, unequal, On::Cluster, patient()).await.unwrap();
    assert_eq!(there, ask(&lake, unequal, On::Here, patient()).await.unwrap().0);
    let why = "the question cannot be cut into parts: ";
    assert!(matches!(&worked, Some(Worked::Instead(told)) if told.starts_with(why)), "{worked:?}");
    let (told, worked) = ask(&lake, NEVER, On::Cluster, patient()).await.unwrap();
    let nothing = Worked::Instead("the question reaches into no file".to_owned());
    assert_eq!((told.as_str(), worked), ("stage,n\r\n", Some(nothing)));
    let wrong = ask(&lake, "SELECT 1 / (count(*) - count(*)) FROM spans", On::Cluster, patient()).await;
    assert_eq!(wrong.unwrap_err().to_string(), "Divide by zero error");

    up.executors[0].kill();
    same(&lake, &QUESTIONS[..4]).await;

    lake.flush().await.unwrap();
    let (here, _) = ask(&lake, QUESTIONS[0], On::Here, patient()).await.unwrap();
    drop(lake);
    let store = directory.path().to_str().unwrap();
    let query = ["query", "--store", store, "--scheduler", &up.address, "--format", "csv", QUESTIONS[0]];
    let output = throughline(&query);
    assert!(output.status.success() && output.stderr.is_empty(), "{output:?}");
    assert_eq!(output.stdout, here.as_bytes());

    up.scheduler.kill();
    let lake = Lake::open(settings(directory.path(), &up.address, 1)).await.unwrap();
    for question in QUESTIONS {
        let (here, _) = ask(&lake, question, On::Here, patient()).await.unwrap();
        let (instead, worked) = ask(&lake, question, On::Cluster, patient()).await.unwrap();
        assert_eq!(instead, here, "{question}");
        let Some(Worked::Instead(why)) = worked else { panic!("{question}: {worked:?}") };
        let gone = format!("the scheduler at {} does not answer: ", up.address);
        assert!(why.starts_with(&gone), "{why}");
    }
    drop(lake);
    let query =
        ["query", "--store", store, "--scheduler", &up.address, "SELECT count(*) > 0 AS some FROM spans"];
    let output = throughline(&query);
    let said = String::from_utf8(output.stderr).unwrap();
    let gone = format!(
        "note: worked out here, not on the cluster: the scheduler at {} does not answer: ",
        up.address
    );
    assert!(output.status.success() && said.starts_with(&gone), "{said}");
}

/// Scenario: who asked for something endless goes, or has waited long enough.
/// Guarantees: the cluster is told to stop.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_nobody_waits_for_is_called_off() {
    let directory = tempfile::tempdir().unwrap();
    let mut up = Up::start(directory.path(), 1);
    let lake = Lake::open(settings(directory.path(), &up.address, 1)).await.unwrap();
    fill(&lake).await;
    lake.flush().await.unwrap();
    let endless =
        "SELECT count(*) FROM spans a, spans b, spans c WHERE a.duration_ns + b.duration_ns > c.duration_ns";
    let hasty = Limits { time: Duration::from_secs(2), ..Limits::default() };
    let late = ask(&lake, endless, On::Cluster, hasty).await.unwrap_err();
    assert_eq!(late.to_string(), "the question took longer than 2 seconds");
    up.scheduler.until("Received cancellation request for job");
    {
        let asked = ask(&lake, endless, On::Cluster, patient());
        tokio::pin!(asked);
        tokio::select! {
            answer = &mut asked => panic!("{answer:?}"),
            scheduler = tokio::task::spawn_blocking(|| {
                up.scheduler.until("Job submitted");
                up
            }) => up = scheduler.unwrap(),
        }
    }
    up.scheduler.until("Received cancellation request for job");
    same(&lake, &QUESTIONS[..1]).await;
}
