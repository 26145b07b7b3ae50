//! The recipes of `examples/`, together at the built binary.
//!
//! Needs what `scripts/setup-test.sh` installs.
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test may panic")]

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Result, ensure};
use e2e::{Example, Postgres, Product, Program, Run};
use serde::Deserialize;
use serde_json::Value;

/// What the stand-in for Genesys Cloud prints when it is ready.
#[derive(Deserialize)]
struct Platform {
    api: String,
    token: String,
    agent: String,
    client: Credentials,
}

#[derive(Deserialize)]
struct Credentials {
    id: String,
    secret: String,
}

/// What the agent in the browser saw.
#[derive(Debug, Deserialize)]
struct Account {
    said: Vec<String>,
    complaints: Vec<String>,
}

/// A contact centre: everything that stays while calls come and go.
struct Centre {
    product: Product,
    platform: Platform,
    page: String,
    /// In the order in which they end: who calls before who is called.
    services: Vec<Program>,
    _database: Postgres,
    _data: tempfile::TempDir,
}

impl Centre {
    /// `origins`: whose pages may send spans.
    async fn open(origins: &str) -> Result<Self> {
        let data = tempfile::tempdir()?;
        let run =
            Run::config("default.yaml").env("THROUGHLINE_DATA", data.path().to_string_lossy()).with_page();
        let run = run.set("service.extensions", "[view]");
        let product = run.set("receivers.otlp.protocols.http.cors.allowed_origins", origins).start().await?;
        let database = Postgres::start()?;
        let traced =
            |example: Example| example.env("OTEL_EXPORTER_OTLP_ENDPOINT", format!("http://{}", product.http));

        let crm = Example::python("python-crm", &["app.py"])?.env("DATABASE_URL", &database.url);
        let mut crm = traced(crm).start()?;
        let middleware = Example::node("node-service", &["--import", "./tracing.mjs", "server.mjs"])?;
        let middleware = middleware.env("CRM_URL", format!("http://{}", crm.address().await?));
        let mut middleware = traced(middleware).start()?;
        let base = format!("http://{}", middleware.address().await?);
        let mut genesys = Example::python("genesys-python", &["-m", "tests.stand_in", &base])?.start()?;
        let platform: Platform = serde_json::from_str(&genesys.line().await?)?;
        let page = Example::node("browser-softphone", &["serve.mjs"])?.env("GENESYS_API", &platform.api);
        let mut page = traced(page).start()?;
        let address = format!("http://{}", page.address().await?);
        let services = vec![page, genesys, middleware, crm];
        Ok(Self { product, platform, page: address, services, _database: database, _data: data })
    }

    /// A program that speaks to the platform.
    fn client(&self, arguments: &[&str]) -> Result<Program> {
        Example::python("genesys-python", arguments)?
            .env("GENESYS_API", &self.platform.api)
            .env("GENESYS_CLIENT_ID", &self.platform.client.id)
            .env("GENESYS_CLIENT_SECRET", &self.platform.client.secret)
            .env("OTEL_EXPORTER_OTLP_ENDPOINT", format!("http://{}", self.product.http))
            .start()
    }

    /// Calls the customer; the line that it prints, and the conversation's id.
    async fn call(&self, number: &str) -> Result<(String, String)> {
        let mut call = self.client(&["outbound_call.py", number, "--agent", &self.platform.agent])?;
        let line = call.line().await?;
        call.end().await?;
        let made: Value = serde_json::from_str(&line)?;
        let id = made["conversationId"].as_str().unwrap_or_default().to_owned();
        ensure!(!id.is_empty(), "no conversation: {line}");
        Ok((line, id))
    }

    /// The agent answers in a browser, talks, and hangs up.
    async fn take(&self, conversation: &str) -> Result<Account> {
        let url = format!("{}/?conversation={conversation}#access_token={}", self.page, self.platform.token);
        let mut agent = Example::node("browser-softphone", &["test/agent.mjs", &url])?.start()?;
        let account = serde_json::from_str(&agent.line().await?)?;
        agent.end().await?;
        Ok(account)
    }

    /// Ends the services, so that all their spans are sent.
    async fn close(&mut self) -> Result<()> {
        for service in self.services.drain(..) {
            service.end().await?;
        }
        Ok(())
    }
}

/// Scenario: a campaign calls a customer by the platform's API and follows the conversation's events; the agent answers in
/// a browser, whose page runs a Data Action, which calls the Node service, which asks the CRM, which asks PostgreSQL.
/// Guarantees: all of it is one interaction and one trace, each span below the one that caused it, none without its parent.
#[tokio::test]
async fn every_recipe_joins_one_interaction() {
    let mut centre = Centre::open(r#"["http://127.0.0.1:*"]"#).await.unwrap();
    let (line, id) = centre.call("+442079460005").await.unwrap();

    let mut events = centre.client(&["conversation_events.py"]).unwrap();
    events.tell(&line).await.unwrap();
    events.close_input();
    assert_eq!(events.line().await.unwrap(), "listening");
    let account = centre.take(&id).await.unwrap();
    assert_eq!(account.complaints, Vec::<String>::new());
    assert_eq!(account.said, ["Ringing", "Talking to customer 5 (service)", "Ended"]);
    for event in ["user.start", "user.end", "customer.end"] {
        assert_eq!(events.line().await.unwrap(), event);
    }
    events.end().await.unwrap();
    centre.close().await.unwrap();

    let path = format!("/api/v1/interactions/{id}");
    let lines = TREE.lines().count();
    let whole = |found: &Value| found["spans"].as_array().is_some_and(|spans| spans.len() >= lines);
    let found = centre.product.wait_for(&path, whole).await.unwrap();
    let spans = found["spans"].as_array().unwrap();
    assert_eq!(tree(spans), TREE);

    // The request that began the conversation went out before there was an id; its trace takes it along.
    let nameless = spans.iter().filter(|span| text(span, "interaction.id") != Some(&id));
    assert_eq!(nameless.map(line_of).collect::<Vec<_>>(), ["callback-campaign: POST"]);
    let queries = spans.iter().filter(|span| line_of(span) == "crm: SELECT");
    assert!(queries.clone().all(|query| text(query, "db.system.name") == Some("postgresql")));
    let interaction = &found["interaction"];
    assert_eq!(interaction["trace_ids"].as_array().unwrap().len(), 1);
    let stages =
        interaction["stages"].as_array().unwrap().iter().map(|stage| stage["stage"].as_str().unwrap());
    assert_eq!(stages.collect::<Vec<_>>(), ["alert", "talk", "action"]);
    assert_eq!((&interaction["channel"], &interaction["direction"]), (&"voice".into(), &"outbound".into()));
    assert_eq!(interaction["agents"], serde_json::json!([centre.platform.agent]));
}

/// Scenario: the receiver does not allow the page's origin.
/// Guarantees: the agent does not notice; nobody else's spans are missing, and those of the page do not come.
#[tokio::test]
async fn a_page_of_another_origin_works_untraced() {
    let mut centre = Centre::open(r#"["https://agents.example.com"]"#).await.unwrap();
    let (_, id) = centre.call("+442079460005").await.unwrap();
    let account = centre.take(&id).await.unwrap();
    assert_eq!(account.said, ["Ringing", "Talking to customer 5 (service)", "Ended"]);
    assert!(account.complaints.iter().any(|text| text.contains("blocked by CORS policy")), "{account:?}");
    centre.close().await.unwrap();

    let path = format!("/api/v1/interactions/{id}");
    let asked = |found: &Value| services(found).contains("crm");
    let found = centre.product.wait_for(&path, asked).await.unwrap();
    assert_eq!(services(&found), BTreeSet::from(["callback-campaign", "contact-center-backend", "crm"]));
}

const TREE: &str = "\
callback-campaign: call customer
  agent-softphone: ringing
    agent-softphone: answer
      agent-softphone: PATCH
  agent-softphone: talking
    agent-softphone: hang up
      agent-softphone: PATCH
    agent-softphone: look up customer
      agent-softphone: POST
      contact-center-backend: POST /v2/lookup
        contact-center-backend: GET
          crm: GET /customers/{customer}/orders
            crm: SELECT
            crm: SELECT
        contact-center-backend: POST
          crm: POST /customers/search
            crm: SELECT
        contact-center-backend: choose queue
  callback-campaign: POST
  conversation-events: process v2.detail.events.conversation.{id}.customer.end
  conversation-events: process v2.detail.events.conversation.{id}.user.end
  conversation-events: process v2.detail.events.conversation.{id}.user.start
";

/// Each span below its parent, in the order of their names; one whose parent is not there stands at the left.
fn tree(spans: &[Value]) -> String {
    let ids: BTreeSet<_> = spans.iter().map(|span| span["span_id"].as_str().unwrap()).collect();
    let mut below: BTreeMap<Option<&str>, Vec<&Value>> = BTreeMap::new();
    for span in spans {
        let parent = span["parent_span_id"].as_str().filter(|parent| ids.contains(parent));
        below.entry(parent).or_default().push(span);
    }
    let mut text = String::new();
    write(&below, None, 0, &mut text);
    text
}

fn write(below: &BTreeMap<Option<&str>, Vec<&Value>>, parent: Option<&str>, depth: usize, text: &mut String) {
    let mut spans = below.get(&parent).cloned().unwrap_or_default();
    spans.sort_by_key(|span| line_of(span));
    for span in spans {
        text.push_str(&format!("{}{}\n", "  ".repeat(depth), line_of(span)));
        write(below, span["span_id"].as_str(), depth + 1, text);
    }
}

fn line_of(span: &Value) -> String {
    format!("{}: {}", span["service"].as_str().unwrap(), span["name"].as_str().unwrap())
}

fn services(found: &Value) -> BTreeSet<&str> {
    found["spans"].as_array().into_iter().flatten().filter_map(|span| span["service"].as_str()).collect()
}

fn text<'a>(span: &'a Value, key: &str) -> Option<&'a str> {
    span["attributes"].as_array()?.iter().find(|entry| entry["key"] == key)?["value"].as_str()
}
