//! How long it takes from something that happens in a (simulated) Genesys Cloud to the interaction that tells of it.
//!
//! `make prove` asks more often, beside more conversations.

use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use e2e::{Product, Run};
use http::header::AUTHORIZATION;
use http::{HeaderMap, HeaderValue, Method};
use serde_json::{Value, json};
use sim::genesys::record::org::{queue_id, user_id};
use sim::genesys::scenario::library;
use sim::genesys::serve::{Settings, Simulator};
use sim::genesys::service::{Answer, Options, Request, Traffic};
use tokio::task::JoinSet;
use tokio::time::Instant;

const PATIENCE: Duration = Duration::from_secs(60);
/// Probes whose calls go on beside one another.
const AT_A_TIME: usize = 10;
const LOOK: Duration = Duration::from_millis(5);

fn size(name: &str, usual: usize) -> Result<usize> {
    match std::env::var(format!("GENESYS_{name}")) {
        Ok(text) => text.parse().with_context(|| format!("GENESYS_{name} is `{text}`, no number")),
        Err(_) => Ok(usual),
    }
}

/// A caller of the service's API, who looks at the product.
struct Caller {
    simulator: Simulator,
    headers: HeaderMap,
    product: Product,
}

impl Caller {
    fn new(simulator: Simulator, product: Product) -> Result<Self> {
        let mut caller = Self { simulator, headers: HeaderMap::new(), product };
        let secret = BASE64_STANDARD.encode("simulated-client:simulated-secret");
        caller.headers.insert(AUTHORIZATION, HeaderValue::try_from(format!("Basic {secret}"))?);
        let granted = caller.post("/oauth/token", "grant_type=client_credentials".to_owned());
        let body = granted.body.context("no answer")?;
        let token = body.get("access_token").and_then(Value::as_str).context("no token")?;
        caller.headers.insert(AUTHORIZATION, HeaderValue::try_from(format!("Bearer {token}"))?);
        Ok(caller)
    }

    fn post(&self, path: &str, body: String) -> Answer {
        let request = Request::of(Method::POST, path, "", self.headers.clone(), body.into());
        self.simulator.with(|service| service.answer(&request))
    }

    /// The id of a new conversation.
    fn call(&self) -> Result<String> {
        let body = json!({"phoneNumber": "tel:+493023125111", "callFromQueueId": queue_id("billing")});
        let path = format!("/api/v2/conversations/calls/user/{}", user_id("ann"));
        let placed = self.post(&path, body.to_string());
        let id = placed.body.as_ref().and_then(|body| body.get("id")?.as_str());
        Ok(id.with_context(|| format!("{placed:?}"))?.to_owned())
    }

    fn hang_up(&self, id: &str) -> Result<()> {
        let answer = self.post(&format!("/api/v2/conversations/{id}/disconnect"), String::new());
        ensure!(answer.status == 202, "{answer:?}");
        Ok(())
    }

    /// How long until the interaction is as it should be.
    async fn until(&self, id: &str, fits: impl Fn(&Value) -> bool) -> Result<Duration> {
        let (since, path) = (Instant::now(), format!("/api/v1/interactions/{id}"));
        let mut last = None;
        let seen = tokio::time::timeout(PATIENCE, async {
            loop {
                match self.product.query(&path).await {
                    Ok(answer) if fits(&answer) => return,
                    other => last = Some(other),
                }
                tokio::time::sleep(LOOK).await;
            }
        });
        let seen = seen.await;
        seen.with_context(|| format!("{path} is never as it should be; the last was {last:?}"))?;
        Ok(since.elapsed())
    }

    /// How long it took until a new call was seen, and until the end of its talk was.
    async fn probe(&self) -> Result<(Duration, Duration)> {
        let id = self.call()?;
        let begun = self.until(&id, |answer| talks(answer).is_none()).await?;
        self.until(&id, |answer| talks(answer) == Some(true)).await?;
        self.hang_up(&id)?;
        Ok((begun, self.until(&id, |answer| talks(answer) == Some(false)).await?))
    }
}

/// Whether people talk, or have talked.
fn talks(answer: &Value) -> Option<bool> {
    let spans = answer.get("spans")?.as_array()?;
    let talk = spans.iter().find(|span| span.get("name").and_then(Value::as_str) == Some("Talk"))?;
    Some(!talk.get("finished")?.as_bool()?)
}

/// The longest, and that which one of a hundred is above.
fn figures(mut all: Vec<Duration>) -> String {
    all.sort();
    let at =
        |share: usize| all.get((all.len() * share / 100).min(all.len() - 1)).copied().unwrap_or_default();
    format!("median {:?}, p99 {:?}, longest {:?} of {}", at(50), at(99), at(100), all.len())
}

/// Scenario: beside many other conversations calls begin, are answered and hung up.
/// Guarantees: that each has begun, that people talk, and that they have talked is seen without a word of analytics, which is
/// asked seldom. How long the first and the last takes is told.
#[tokio::test]
async fn what_happens_is_seen_at_once() -> Result<()> {
    let (probes, concurrent) = (size("PROBES", 10)?, size("CONCURRENT", 20)?);
    let traffic = Traffic { concurrent, speed: 2.0, ..Traffic::default() };
    let options = Options { traffic, ..Options::quiet(library()?) };
    let simulator = Simulator::start(options, Settings::default()).await?;
    let data = tempfile::tempdir()?;
    let product = Run::genesys(&simulator, data.path())
        .set("receivers.genesys_cloud.reconcile_interval", "10m")
        .start()
        .await?;
    let topic = format!("v2.users.{}.conversations", user_id("ann"));
    let subscribed = async {
        while !simulator.with(|service| service.carries(&topic)) {
            tokio::time::sleep(LOOK).await;
        }
    };
    tokio::time::timeout(PATIENCE, subscribed).await.context("nobody subscribes")?;
    let caller = Arc::new(Caller::new(simulator, product)?);
    let (mut begun, mut ended) = (Vec::new(), Vec::new());
    let mut under_way = JoinSet::new();
    for number in 0..probes {
        let caller = Arc::clone(&caller);
        under_way.spawn(async move { caller.probe().await });
        if under_way.len() == AT_A_TIME || number + 1 == probes {
            while let Some(took) = under_way.join_next().await {
                let (begin, end) = took??;
                begun.push(begin);
                ended.push(end);
            }
        }
    }
    println!("beside {concurrent} conversations: begun {}; talked {}", figures(begun), figures(ended));
    Ok(())
}
