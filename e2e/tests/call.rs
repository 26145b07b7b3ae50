//! Calls that `throughline call` places and hands over at a (simulated) Genesys Cloud, while `throughline run` follows the
//! conversations: both sides in one trace.

use std::process::Output;
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use e2e::product::binary;
use e2e::{Product, Run};
use serde_json::Value;
use sim::genesys::record::org::{queue_id, user_id};
use sim::genesys::scenario::library;
use sim::genesys::serve::{Settings, Simulator};
use sim::genesys::service::{Options, Traffic};
use tempfile::TempDir;
use tokio::process::Command;

/// People who talk for less than this before the call is handed over did not consult.
const CONSULTATION: Duration = Duration::from_secs(3);
const TO: &str = "tel:+493023125111";

/// The product at the simulator, and what calls need.
struct Centre {
    simulator: Simulator,
    product: Product,
    _data: TempDir,
}

impl Centre {
    /// Calls go on twice as fast as in life: there is time for a transfer while people talk.
    async fn open() -> Result<Self> {
        let traffic = Traffic { speed: 2.0, ..Traffic::default() };
        let options = Options { traffic, requests_per_minute: 3000, ..Options::quiet(library()?) };
        let simulator = Simulator::start(options, Settings::default()).await?;
        let data = tempfile::tempdir()?;
        let product = Run::genesys(&simulator, data.path()).start().await?;
        Ok(Self { simulator, product, _data: data })
    }

    async fn call(&self, arguments: &[&str]) -> Result<Output> {
        let otlp = format!("http://{}", self.product.http);
        let mut command = Command::new(binary()?);
        command.arg("call").args(arguments).args(["--json", "--otlp", &otlp]).env_clear();
        command.env("GENESYS_REGION", self.simulator.base_url());
        command.env("GENESYS_CLIENT_ID", "simulated-client").env("GENESYS_CLIENT_SECRET", "simulated-secret");
        Ok(command.output().await?)
    }

    /// A command that has to succeed, and whose spans the collector has to take.
    async fn done(&self, arguments: &[&str]) -> Result<Value> {
        let output = self.call(arguments).await?;
        ensure!(output.status.success(), "{arguments:?}: {output:?}");
        let told: Value = serde_json::from_slice(&output.stdout)?;
        ensure!(told.get("spans_sent") == Some(&Value::Bool(true)), "{told}");
        Ok(told)
    }

    /// Waits until the platform's side of a call has such a span.
    async fn wait_for(&self, of: &Value, name: &str) -> Result<()> {
        let there = |answer: &Value| Trace::of(answer).one(name).is_ok();
        self.product.wait_for(&format!("/api/v1/traces/{}", trace_id(of)?), there).await.map(drop)
    }

    /// The trace of a call, once the conversation in it has ended, and all these spans are there.
    async fn trace(&self, of: &Value, names: &[&str]) -> Result<Trace> {
        let whole = |answer: &Value| {
            let trace = Trace::of(answer);
            let root = trace.one("voice conversation");
            let ended = root.is_ok_and(|root| attribute(root, "interaction.outcome").is_some());
            ended && names.iter().all(|name| trace.one(name).is_ok())
        };
        let answer = self.product.wait_for(&format!("/api/v1/traces/{}", trace_id(of)?), whole).await?;
        Ok(Trace::of(&answer))
    }

    /// The conversation is one interaction of one trace, that of the caller.
    async fn check_interaction(&self, of: &Value) -> Result<()> {
        let id = text(of, "conversation_id")?;
        let seen = self.product.query(&format!("/api/v1/interactions/{id}")).await?;
        let traces = seen.pointer("/interaction/trace_ids").context("trace ids")?;
        ensure!(*traces == serde_json::json!([trace_id(of)?]), "{traces}");
        Ok(())
    }
}

struct Trace {
    spans: Vec<Value>,
}

impl Trace {
    fn of(answer: &Value) -> Self {
        Self { spans: answer.get("spans").and_then(Value::as_array).cloned().unwrap_or_default() }
    }

    /// The first span of a name.
    fn one(&self, name: &str) -> Result<&Value> {
        let found = self.spans.iter().find(|span| span.get("name").and_then(Value::as_str) == Some(name));
        found.with_context(|| format!("no span {name}"))
    }

    fn check_below(&self, name: &str, parent: &str) -> Result<()> {
        let (span, parent) = (self.one(name)?, self.one(parent)?);
        ensure!(span.get("parent_span_id") == parent.get("span_id"), "{span} is not below {parent}");
        Ok(())
    }
}

fn trace_id(of: &Value) -> Result<&str> {
    text(of, "traceparent")?.split('-').nth(1).context("a trace id")
}

fn text<'a>(of: &'a Value, key: &str) -> Result<&'a str> {
    of.get(key).and_then(Value::as_str).with_context(|| format!("no {key} in {of}"))
}

fn attribute<'a>(span: &'a Value, key: &str) -> Option<&'a str> {
    let all = span.get("attributes")?.as_array()?;
    all.iter().find(|one| one.get("key").and_then(Value::as_str) == Some(key))?.get("value")?.as_str()
}

/// Scenario: a call on behalf of Ann in the dialect of the public API, handed over blind to a number.
/// Guarantees: the platform's conversation, its transfer and both commands are one trace, the far side below the near one.
#[tokio::test]
async fn a_call_and_its_blind_transfer_are_one_trace() -> Result<()> {
    let centre = Centre::open().await?;
    let (ann, billing) = (user_id("ann"), queue_id("billing"));
    let place = ["place", "--dialect", "public_api", "--to", TO, "--user", &ann, "--from-queue", &billing];
    let placed = centre.done(&place).await?;
    let id = text(&placed, "conversation_id")?;
    centre.wait_for(&placed, "Talk").await?;
    let number = "tel:+493023125999";
    let transfer =
        centre.done(&["transfer", id, "--dialect", "public_api", "--blind", "--to", number]).await?;
    assert_eq!(trace_id(&transfer)?, trace_id(&placed)?);
    let trace = centre.trace(&placed, &["Place call", "Blind transfer", "Transfer"]).await?;
    trace.check_below("voice conversation", "Place call")?;
    trace.check_below("Blind transfer", "Place call")?;
    trace.check_below("POST /api/v2/conversations/calls/user/{userId}", "Place call")?;
    for (name, service) in [("Place call", "throughline-call"), ("Transfer", "genesys-cloud")] {
        assert_eq!(text(trace.one(name)?, "service")?, service);
    }
    assert_eq!(text(trace.one("Place call")?, "kind")?, "client");
    let transferred = trace.one("Transfer")?;
    assert_eq!(attribute(transferred, "genesys_cloud.transfer.destination"), Some("number"));
    centre.check_interaction(&placed).await
}

/// Scenario: a call in the dialect of the pages; a consultation with Bob is completed.
/// Guarantees: as above, though this dialect has no attributes in its body.
#[tokio::test]
async fn a_call_of_the_pages_and_its_consultation_are_one_trace() -> Result<()> {
    let centre = Centre::open().await?;
    let place = ["place", "--dialect", "pages", "--to", TO, "--from", "tel:+6512345678"];
    let placed = centre.done(&place).await?;
    let id = text(&placed, "conversation_id")?;
    let bob = user_id("bob");
    centre.wait_for(&placed, "Talk").await?;
    centre.done(&["transfer", id, "--dialect", "pages", "--consult", "--to-user", &bob]).await?;
    centre.wait_for(&placed, "Consult").await?;
    tokio::time::sleep(CONSULTATION).await;
    centre.done(&["transfer", id, "--dialect", "pages", "--complete"]).await?;
    let trace = centre.trace(&placed, &["Place call", "Begin consult", "Complete consult"]).await?;
    trace.check_below("voice conversation", "Place call")?;
    trace.check_below("Complete consult", "Place call")?;
    let outcome = |span: &Value| attribute(span, "genesys_cloud.consult.outcome").map(str::to_owned);
    let Some(outcome) = trace.spans.iter().find_map(outcome) else {
        bail!("the platform's side knows no consultation: {:?}", trace.spans)
    };
    assert_eq!(outcome, "transferred");
    centre.check_interaction(&placed).await
}
