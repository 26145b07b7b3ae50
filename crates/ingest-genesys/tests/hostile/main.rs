//! The receiver `genesys_cloud` at a service that does what no service does: each time something is counted, the log says
//! what and what to do, nothing grows, and when the service is well again all goes on by itself. Time is simulated.
#![expect(clippy::unwrap_used, reason = "a test may panic")]

mod acts;
mod kept;
mod log;
mod service;

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::sync::Arc;
use std::time::Duration;

use expect_test::{ExpectFile, expect_file};
use flow::{Receiver, Telemetry};
use tokio::net::TcpListener;

use kept::Kept;
use log::Log;
use service::{Act, Place, Service};

/// What a receiver may take besides what it keeps: buffers of the system, in both directions.
const BUFFERS: usize = 24 << 20;

struct Site {
    service: Arc<Service>,
    receiver: Arc<dyn Receiver>,
    telemetry: Telemetry,
    kept: Arc<Kept>,
    log: Log,
    told: String,
}

impl Site {
    async fn open(log: Log) -> Self {
        let service = Service::start().await;
        let yaml = format!(
            "region: http://{}\nclient_id: c\nclient_secret: s3cret\ndiscover_interval: 1s\nreconcile_interval: 1s\ntimeout: 5s\n",
            service.address
        );
        let (receiver, kept, telemetry) = kept::receiver(&yaml).await;
        let site = Self { service, receiver, telemetry, kept, log, told: String::new() };
        site.goes_on(Place::Socket, 0).await;
        site
    }

    /// Goes through an act, and out of it.
    async fn through(&mut self, place: Place, (name, act): (&str, Act)) {
        self.log.said();
        let before = self.failures();
        self.service.turn(place, act);
        until(name, || self.failures() != before && self.log.has_said_something()).await;
        let (poured, back) = self.service.poured();
        self.service.heal();
        self.goes_on(place, self.service.good(place)).await;
        let after = self.failures();
        let grown: Vec<&str> = after
            .iter()
            .filter(|(reason, count)| before.get(*reason) != Some(count))
            .map(|(reason, _)| reason.as_str())
            .collect();
        writeln!(self.told, "{name}: {}", grown.join(", ")).unwrap();
        for line in self.log.said() {
            let line = line.replace(&self.service.address.to_string(), "ADDRESS");
            // Whoever asks first needs the token.
            let line = match line.split_once(": ") {
                Some((_, why)) if place == Place::Token => why.to_owned(),
                _ => line,
            };
            let line = format!("    {line}");
            if self.told.lines().last() != Some(&line) {
                writeln!(self.told, "{line}").unwrap();
            }
        }
        let kept = if place == Place::Socket { 8 << 20 } else { 32 << 20 };
        assert!(poured <= kept + BUFFERS || back > 0, "{name}: {poured} bytes were taken");
        assert!(back <= BUFFERS, "{name}: {back} bytes came back");
    }

    /// The place gives good answers, and conversations become spans.
    async fn goes_on(&self, place: Place, before: u64) {
        until("the place answers", || self.service.good(place) > before).await;
        let beats = self.service.beats();
        until("the socket stays", || self.service.beats() > beats + 1).await;
        until("events come in", || {
            let last = service::conversation(self.service.good(Place::Socket)).replace('-', "");
            let kept = self.kept.0.lock().unwrap();
            kept.iter()
                .any(|trace| trace.iter().map(|byte| format!("{byte:02x}")).collect::<String>() == last)
        })
        .await;
    }

    /// What is counted of failures, by kind and reason.
    fn failures(&self) -> BTreeMap<String, u64> {
        let mut found = BTreeMap::new();
        for family in self.telemetry.registry().gather() {
            let name = family.name().trim_start_matches("throughline_genesys_");
            if !["failed_requests", "failed_sockets", "unreadable", "left_out"].contains(&name) {
                continue;
            }
            for metric in family.get_metric() {
                let reasons = metric.get_label().iter().filter(|label| label.name() == "reason");
                let reason: String = reasons.map(|label| format!(" {}", label.value())).collect();
                found.insert(format!("{name}{reason}"), metric.get_counter().get_value() as u64);
            }
        }
        found
    }

    async fn end(self, golden: ExpectFile) {
        golden.assert_eq(&self.told);
        assert!(!self.told.contains("s3cret") && !self.told.contains("t0ken"), "{}", self.told);
        for head in self.service.heads() {
            let lower = head.to_ascii_lowercase();
            assert!(
                !lower.contains("accept-encoding") && !lower.contains("sec-websocket-extensions"),
                "{head}"
            );
        }
        tokio::time::timeout(Duration::from_secs(60), self.receiver.stop()).await.unwrap();
    }
}

async fn until(what: &str, mut is_so: impl FnMut() -> bool) {
    let so = async {
        while !is_so() {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(3600), so)
        .await
        .unwrap_or_else(|_| panic!("waited until {what}"));
}

/// All acts at one place, one after the other, on one receiver.
async fn all(place: Place, golden: ExpectFile) {
    let log = Log::default();
    let _guard = tracing::subscriber::set_default(log.clone());
    let elsewhere = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = format!("http://{}/", elsewhere.local_addr().unwrap());
    let visited = tokio::spawn(async move { elsewhere.accept().await.map(|(_, from)| from) });
    let acts = match place {
        Place::Socket => [acts::of_handshakes(&address), acts::of_sockets()].concat(),
        _ => acts::of_requests(&address),
    };
    let mut site = Site::open(log).await;
    for act in acts {
        site.through(place, act).await;
    }
    site.told = site.told.replace(address.trim_end_matches('/'), "http://ELSEWHERE");
    site.end(golden).await;
    assert!(!visited.is_finished(), "secrets and tokens stay here");
    visited.abort();
}

/// One test for each place.
macro_rules! places {
    ($($test:ident $place:ident)*) => {
        $(
            #[tokio::test(start_paused = true)]
            async fn $test() {
                all(Place::$place, expect_file![concat!("golden/", stringify!($test), ".txt")]).await;
            }
        )*
    };
}

places! {
    token Token
    queues Queues
    users Users
    channel Channel
    topics Topics
    analytics Analytics
    conversations Details
    socket Socket
}

/// HTTP/1.0, another media type, answers that announce themselves: nothing fails by them.
#[tokio::test(start_paused = true)]
async fn what_is_only_odd_is_read() {
    let site = Site::open(Log::default()).await;
    let before = site.failures();
    for (place, body) in [
        (Place::Token, r#"{"access_token": "t0ken", "expires_in": 0}"#),
        (Place::Queues, r#"{"entities": [{"id": "6f1b8f4e-0a8e-4a1b-9d8a-1d2c3b4a5f60"}]}"#),
        (Place::Analytics, r#"{"conversations": []}"#),
    ] {
        for (name, act) in acts::odd(body) {
            let asked = site.service.heads().len();
            site.service.turn(place, act);
            until(name, || site.service.heads().len() > asked + 10).await;
            site.service.heal();
            site.goes_on(place, site.service.good(place)).await;
            assert_eq!(site.failures(), before, "{name}");
        }
    }
}

/// A listing that never ends, of what is there already or is no id at all.
#[tokio::test(start_paused = true)]
async fn a_listing_without_end_ends() {
    let site = Site::open(Log::default()).await;
    let long = format!("\"{}\"", "q".repeat(1 << 16));
    for id in ["\"6f1b8f4e-0a8e-4a1b-9d8a-1d2c3b4a5f60\"", "\"\"", "\"../../x\"", &long] {
        let entities = vec![format!("{{\"id\": {id}}}"); 100].join(",");
        let asked = site.service.heads().len();
        site.service.turn(
            Place::Queues,
            Act::Says(service::ok(format!("{{\"entities\": [{entities}]}}").as_bytes())),
        );
        // Users come after queues.
        until("users are asked for", || {
            site.service
                .heads()
                .iter()
                .skip(asked)
                .filter(|head| head.starts_with("GET /api/v2/users"))
                .count()
                > 3
        })
        .await;
        let pages =
            |head: &&String| head.starts_with("GET /api/v2/routing/queues") && head.contains("pageNumber=3");
        assert_eq!(site.service.heads().iter().filter(pages).count(), 0);
    }
}
