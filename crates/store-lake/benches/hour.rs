//! What the running hour costs: calls of minutes, so that each lies in many files, at a rate. How long a flush takes, and
//! the page's first question, while the hour goes on, after a start, and until the hour is counted.
//!
//! `RATE` spans a second (17 400), `MINUTES` of the hour (4), `FLUSH` seconds from one flush to the next (5).

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::print_stdout,
    clippy::panic,
    reason = "a bench tells its figures, and fails by panicking"
)]

use std::path::Path;
use std::sync::{Arc, mpsc};
use std::time::{Duration, SystemTime};

use flow::config::GoDuration;
use store_api::analysis::rollup::LEAST_NS;
use store_api::analysis::{Scope, overview};
use store_api::door::Settings;
use store_api::span::{Dropped, Kind, Resource, Scope as Library, Status, StatusCode, key};
use store_api::{Analysis, Attributes, Limits, Range, Span, TraceStore, Value};
use store_lake::Lake;
use throughline_context::{SpanId, TraceId};
use tokio::time::Instant;

const SECOND: u64 = 1_000_000_000;
const HOUR: u64 = 3600 * SECOND;
const SPANS: u64 = 50;
/// Seconds that a call takes.
const CALL: std::ops::Range<u64> = 60..540;
const KINDS: [(&str, Option<&str>); 10] = [
    ("sip-edge", Some("setup")),
    ("ivr", Some("ivr")),
    ("data-action", Some("action")),
    ("middleware", Some("transfer")),
    ("crm", Some("hold")),
    ("orders", None),
    ("router", Some("queue")),
    ("desktop", Some("alert")),
    ("agent", Some("talk")),
    ("audit", None),
];

fn mixed(number: u64) -> u64 {
    // SplitMix64 (Steele, Lea and Flood, 2014).
    let mut mixed = number.wrapping_add(1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    mixed = (mixed ^ mixed >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    mixed = (mixed ^ mixed >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
    mixed ^ mixed >> 31
}

/// A span of a call, by its number.
#[derive(Clone, Copy)]
struct Mark {
    call: u64,
    place: u64,
    start_ns: u64,
    end_ns: u64,
}

struct Centre {
    begin_ns: u64,
    resources: Vec<Arc<Resource>>,
    /// By the flush in which they end.
    slots: Vec<Vec<Mark>>,
}

impl Centre {
    fn new(begin_ns: u64, rate: u64, seconds: u64, slot_seconds: u64) -> Self {
        let resource = |(service, _): &(&str, Option<&str>)| {
            let name = (key::SERVICE.to_owned(), Value::String((*service).to_owned()));
            Arc::new(Resource::new(std::iter::once(name).collect()))
        };
        let mut slots: Vec<Vec<Mark>> = (0..seconds / slot_seconds).map(|_| Vec::new()).collect();
        for call in 0..rate * seconds / SPANS {
            let start = call * SPANS * SECOND / rate;
            let long = (CALL.start + mixed(call) % (CALL.end - CALL.start)) * SECOND;
            for place in 0..SPANS {
                let chance = mixed(call * SPANS + place);
                let (from, takes) = match place {
                    0 => (0, long),
                    _ => (chance % long, (chance >> 20) % (2 * SECOND)),
                };
                let (start_ns, end_ns) = (begin_ns + start + from, begin_ns + start + from + takes);
                let slot = usize::try_from((end_ns - begin_ns) / (slot_seconds * SECOND)).unwrap();
                if let Some(slot) = slots.get_mut(slot) {
                    slot.push(Mark { call, place, start_ns, end_ns });
                }
            }
        }
        Self { begin_ns, resources: KINDS.iter().map(resource).collect(), slots }
    }

    fn span(&self, mark: &Mark) -> Span {
        let Mark { call, place, start_ns, end_ns } = *mark;
        let kind = (place % KINDS.len() as u64) as usize;
        let chance = mixed(call ^ place << 40);
        let text = |value: String| Value::String(value);
        let mut attributes = vec![
            (key::INTERACTION.to_owned(), text(format!("call-{call:012}"))),
            ("http.route".to_owned(), text(format!("/v1/{}", chance % 20))),
            ("customer".to_owned(), text(format!("{:016x}", mixed(call)))),
        ];
        attributes.extend(KINDS[kind].1.map(|stage| (key::STAGE.to_owned(), text(stage.to_owned()))));
        if kind == 6 {
            attributes.push((key::QUEUE.to_owned(), text(format!("queue-{:02}", mixed(call) % 40))));
        }
        if kind == 0 {
            let region = ["eu-west", "us-east", "ap-south", "sa-east"][(mixed(call) >> 8) as usize % 4];
            attributes.push((key::REGION.to_owned(), text(region.to_owned())));
        }
        Span {
            trace_id: TraceId((u128::from(mixed(call)) << 64 | u128::from(call)).to_be_bytes()),
            span_id: SpanId((call * SPANS + place + 1).to_be_bytes()),
            parent_span_id: (place > 0).then(|| SpanId((call * SPANS + 1).to_be_bytes())),
            name: format!("{} {}", KINDS[kind].0, place / 10),
            kind: Kind::Internal,
            start_ns,
            duration_ns: end_ns - start_ns,
            status: Status { code: StatusCode::Ok, message: String::new() },
            attributes: attributes.into_iter().collect::<Attributes>(),
            resource: Arc::clone(&self.resources[kind]),
            scope: Arc::<Library>::default(),
            trace_state: String::new(),
            flags: 0,
            events: Vec::new(),
            links: Vec::new(),
            dropped: Dropped::default(),
        }
    }
}

async fn open(directory: &Path) -> Lake {
    let never = GoDuration::from_secs(100_000);
    let settings = Settings {
        directory: directory.to_owned(),
        flush_interval: never,
        memory_limit_mib: 4096,
        ..Settings::default()
    };
    Lake::open(settings).await.unwrap()
}

/// How long what is counted of the hour takes, how many spans with a stage that is, and how many of them have a queue and a
/// region.
async fn counted(lake: &Lake, centre: &Centre) -> (f64, [u64; 2]) {
    let (tell, told) = mpsc::channel();
    let range = Range { from: centre.begin_ns, to: centre.begin_ns + HOUR };
    let began = Instant::now();
    let look = lake.look(
        Limits::default(),
        Box::new(move |reader| {
            let kept = reader.rollups().expect("a lake counts").rollups(range, LEAST_NS)?;
            assert_eq!(kept.rest, [], "all of it is counted");
            let staged = kept.rows().filter(|row| row.series.stage.is_some());
            let mut n = [0; 2];
            for row in staged {
                n[0] += row.histogram.count();
                if row.series.queue.is_some() && row.series.region.is_some() {
                    n[1] += row.histogram.count();
                }
            }
            tell.send(n).unwrap();
            Ok(())
        }),
    );
    look.await.unwrap();
    (began.elapsed().as_secs_f64() * 1e3, told.recv().unwrap())
}

/// The page's first question.
async fn overview(lake: &Lake, centre: &Centre) -> f64 {
    let range = Range { from: centre.begin_ns, to: centre.begin_ns + HOUR };
    let question =
        overview::Question { scope: Scope { range, ..Scope::default() }, ..overview::Question::default() };
    let began = Instant::now();
    lake.overview(question, range.to).await.unwrap();
    began.elapsed().as_secs_f64() * 1e3
}

async fn asked(lake: &Lake, centre: &Centre, staged: u64) -> String {
    let (first_ms, [n, named]) = counted(lake, centre).await;
    assert_eq!(n, staged, "each span once");
    let (again_ms, _) = counted(lake, centre).await;
    let [page_ms, page_again_ms] = [overview(lake, centre).await, overview(lake, centre).await];
    let named = named as f64 * 100.0 / n.max(1) as f64;
    format!(
        "counts {first_ms:.0} ms, again {again_ms:.0} ms, overview {page_ms:.0} ms, again {page_again_ms:.0} ms; {named:.1} % with queue and region"
    )
}

fn number(name: &str, default: u64) -> u64 {
    std::env::var(name)
        .map_or(default, |value| value.parse().unwrap_or_else(|_| panic!("{name} is a number")))
}

fn memory_mib() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|line| line.starts_with("VmRSS")).unwrap();
    line.split_ascii_whitespace().nth(1).unwrap().parse::<u64>().unwrap() / 1024
}

#[tokio::main]
async fn main() {
    let (rate, minutes, seconds) = (number("RATE", 17_400), number("MINUTES", 4), number("FLUSH", 5));
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap();
    let now = u64::try_from(now.as_nanos()).unwrap();
    // As far in its hour as may be: it is not over before the figures are there.
    let mut centre = Centre::new(now - now % HOUR, rate, minutes * 60, seconds);
    let directory = tempfile::tempdir().unwrap();
    let lake = open(directory.path()).await;
    println!("{rate} spans/s in calls of {CALL:?} s, a flush each {seconds} s");
    let slots = std::mem::take(&mut centre.slots);
    let (mut spans, mut staged) = (0_u64, 0_u64);
    let mut flushed = Duration::ZERO;
    let many = slots.len();
    for (at, slot) in slots.into_iter().enumerate() {
        for some in slot.chunks(2000) {
            lake.append(some.iter().map(|mark| centre.span(mark)).collect()).await.unwrap();
        }
        spans += slot.len() as u64;
        staged += slot.iter().filter(|mark| KINDS[(mark.place % 10) as usize].1.is_some()).count() as u64;
        let second = (at as u64 + 1) * seconds;
        if second.is_multiple_of(60) || at + 1 == many {
            let told = asked(&lake, &centre, staged).await;
            println!(
                "  minute {}: {spans} spans in {} files and memory: {told}; flushes took {:.1} s in all; {} MiB",
                second / 60,
                lake.file_count(),
                flushed.as_secs_f64(),
                memory_mib(),
            );
        }
        let began = Instant::now();
        lake.flush().await.unwrap();
        flushed += began.elapsed();
    }
    drop(lake);
    let began = Instant::now();
    let lake = open(directory.path()).await;
    println!("  opened in {:.0} ms", began.elapsed().as_secs_f64() * 1e3);
    println!("  after a start: {}", asked(&lake, &centre, staged).await);
    let later = centre.begin_ns + 2 * HOUR;
    let began = Instant::now();
    while lake.compact(later).await.unwrap() {}
    println!("  compacted and counted in {:.1} s", began.elapsed().as_secs_f64());
    println!("  counted: {}", asked(&lake, &centre, staged).await);
}
