//! Three processes write one store on an S3 server, lead its upkeep in turn, and are killed at any moment; what they said
//! was flushed is there for everybody, once.
//!
//! `KILLS` sets the number of rounds.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Stdio};
use std::time::{Duration, SystemTime};

use flow::config::{GoDuration, Opaque};
use store_api::door::Settings;
use store_api::testing::Sample;
use store_api::testing::sample::{NINE, SECOND};
use store_api::{Limits, Questions, Recent, Span, TraceStore};
use store_lake::Lake;

const WRITER: &str = "write-until-killed";
const WRITERS: u8 = 3;
/// Who comes after them.
const FRESH: u8 = WRITERS;
/// Spans of one batch: one trace, of one interaction, over two hours.
const SPANS: u8 = 12;
/// Two hours in order, each with what came late to it and is not enough for a compaction yet.
const MOST_FILES: usize = 10;
const LATER: u64 = NINE + 100 * 24 * 3600 * SECOND;

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    match arguments.iter().map(String::as_str).collect::<Vec<_>>().as_slice() {
        [WRITER, port, state, node, first, began] => {
            let lake = runtime.block_on(Lake::open(settings(port, Path::new(state)))).unwrap();
            let later = Later(began.parse().unwrap());
            runtime.block_on(write(&lake, later, node.parse().unwrap(), first.parse().unwrap()));
        }
        // What the test runner asks of a test without its harness.
        ["--list", ..] => {}
        _ => runtime.block_on(rounds()),
    }
}

fn settings(port: &str, state: &Path) -> Settings {
    let storage = [
        ("aws_endpoint", format!("http://127.0.0.1:{port}")),
        ("aws_allow_http", "true".to_owned()),
        ("aws_region", "us-east-1".to_owned()),
        ("aws_access_key_id", "test".to_owned()),
        ("aws_secret_access_key", "test".to_owned()),
    ];
    Settings {
        directory: "s3://store/calls".into(),
        state_directory: Some(state.to_owned()),
        storage: storage.into_iter().map(|(key, value)| (key.to_owned(), Opaque(value))).collect(),
        flush_interval: GoDuration::from_secs(100_000),
        retention: GoDuration::from_secs(200 * 365 * 24 * 3600),
        ..Settings::default()
    }
}

fn name(node: u8, n: u32) -> String {
    format!("call-{node}-{n}")
}

fn batch(node: u8, n: u32) -> Vec<Span> {
    let [high, low, ..] = (n + 1).to_le_bytes();
    let sample = |span| {
        Sample::new(1, span).interaction(&name(node, n)).at(u64::from(span % 2) * 3600, 1).change(|span| {
            span.trace_id.0 = [7, node, high, low, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1];
        })
    };
    (1..=SPANS).map(|span| sample(span).span()).collect()
}

/// The clock of all processes, from the nanosecond of the epoch at which the test began: 60 times as fast as the
/// machine's, so that the lease changes hands, and late enough for hours to be closed.
#[derive(Clone, Copy)]
struct Later(u64);

impl Later {
    fn began() -> Self {
        Self(SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap().as_nanos() as u64)
    }

    fn now(self) -> u64 {
        LATER + Self::began().0.saturating_sub(self.0) * 60
    }
}

/// Says which batches are flushed, and looks after the tables in between, until somebody kills it.
async fn write(lake: &Lake, later: Later, node: u8, first: u32) {
    for n in first.. {
        lake.append(batch(node, n)).await.unwrap();
        while lake.flush().await.is_err() {}
        writeln!(std::io::stdout().lock(), "{n}").unwrap();
        if n % 3 == 0 {
            // Another one may have been first.
            drop(lake.compact(later.now()).await);
        }
    }
}

struct Server {
    process: Child,
    port: String,
    later: Later,
}

impl Server {
    fn start() -> Self {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/bucket");
        let mut process = Command::new(folder.join(".venv/bin/python"))
            .arg(folder.join("serve.py"))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("run scripts/setup-test.sh first");
        let mut port = String::new();
        BufReader::new(process.stdout.take().unwrap()).read_line(&mut port).unwrap();
        Self { process, port: port.trim().to_owned(), later: Later::began() }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        drop(self.process.stdin.take());
        drop(self.process.wait());
    }
}

struct Writer {
    process: Child,
    lines: BufReader<ChildStdout>,
    node: u8,
    /// How many of its batches are flushed.
    flushed: u32,
    state: PathBuf,
}

impl Writer {
    fn start(server: &Server, node: u8, flushed: u32, state: PathBuf) -> Self {
        let [node_text, first, began] = [node.to_string(), flushed.to_string(), server.later.0.to_string()];
        let mut process = Command::new(std::env::current_exe().unwrap())
            .args([WRITER, &server.port, state.to_str().unwrap(), &node_text, &first, &began])
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let lines = BufReader::new(process.stdout.take().unwrap());
        Self { process, lines, node, flushed, state }
    }

    /// Its next word; false where it has gone.
    fn hear(&mut self) -> bool {
        let mut line = String::new();
        self.lines.read_line(&mut line).unwrap();
        let said = line.trim().parse::<u32>();
        self.flushed = said.map_or(self.flushed, |n| n + 1);
        !line.is_empty()
    }

    /// What it said before it died counts.
    fn kill(mut self) -> (u8, u32, PathBuf) {
        self.process.kill().unwrap();
        while self.hear() {}
        self.process.wait().unwrap();
        (self.node, self.flushed, self.state)
    }
}

async fn rounds() {
    let count = std::env::var("KILLS").ok().and_then(|count| count.parse().ok()).unwrap_or(9);
    let directory = tempfile::tempdir().unwrap();
    let server = Server::start();
    let state = |node: u8| directory.path().join(node.to_string());
    let mut writers: Vec<Writer> =
        (0..WRITERS).map(|node| Writer::start(&server, node, 0, state(node))).collect();
    let mut random = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap().as_nanos() as u64;
    for _ in 0..count {
        random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        let chance = random >> 33;
        let mut writer = writers.remove(chance as usize % writers.len());
        for _ in 0..=chance / 7 % 5 {
            assert!(writer.hear(), "a writer ended by itself");
        }
        let moment = Duration::from_micros(chance / 31 % 120_000);
        // Not to wait for something, but to kill in the middle of it.
        tokio::time::sleep(moment).await;
        let (node, flushed, state) = writer.kill();
        writers.push(Writer::start(&server, node, flushed, state));
    }
    for writer in &mut writers {
        assert!(writer.hear());
    }
    let flushed: Vec<(u8, u32)> =
        writers.into_iter().map(Writer::kill).map(|(node, n, _)| (node, n)).collect();
    let fresh = Lake::open(settings(&server.port, &state(FRESH))).await.unwrap();
    let known = Lake::open(settings(&server.port, &state(0))).await.unwrap();
    let before = check(&fresh, &flushed).await;
    assert_eq!(check(&known, &flushed).await, before);
    let mut looks = Vec::new();
    let few_files = async {
        while fresh.file_count() > MOST_FILES {
            let began = tokio::time::Instant::now();
            let last = fresh.compact(server.later.now()).await;
            looks.push(format!("{last:?} after {:?}", began.elapsed()));
        }
    };
    // A request to the bucket that nobody answers is given up and made again, which takes its time.
    let in_time = tokio::time::timeout(Duration::from_secs(600), few_files).await.is_ok();
    assert!(in_time, "{} files; compactions: {looks:?}", fresh.file_count());
    assert_eq!(check(&fresh, &flushed).await, before, "as before, of few files");
    known.follow().await.unwrap();
    assert_eq!((known.file_count(), check(&known, &flushed).await), (fresh.file_count(), before));
    let sum: u32 = flushed.iter().map(|(_, n)| n).sum();
    writeln!(
        std::io::stdout().lock(),
        "{count} kills, {sum} batches of {WRITERS} writers, none lost or doubled"
    )
    .unwrap();
}

/// Every batch that was flushed is there, wholly and once; those that a kill cut off are so or not at all.
async fn check(lake: &Lake, flushed: &[(u8, u32)]) -> usize {
    for (node, flushed) in flushed {
        for n in 0..*flushed {
            let found = lake.interaction(&name(*node, n), Limits::default()).await.unwrap();
            let found = found.unwrap_or_else(|| panic!("batch {n} of {flushed} of {node} is gone"));
            assert_eq!(found.spans.len(), usize::from(SPANS), "batch {n} of {flushed} of {node}");
        }
    }
    let page = lake.recent(Recent { limit: usize::MAX, ..Recent::default() }).await.unwrap();
    assert!(page.interactions.iter().all(|summary| summary.span_count == u64::from(SPANS)));
    page.interactions.len()
}
