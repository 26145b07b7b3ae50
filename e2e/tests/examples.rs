//! The example services behind the Data Actions of a simulated Genesys Cloud, against a sink.
//!
//! Needs what `scripts/setup-examples.sh` installs, and PostgreSQL (`scripts/setup-test.sh`).

use std::collections::{BTreeMap, BTreeSet};
use std::future::pending;
use std::net::SocketAddr;
use std::path::Path;

use e2e::span::Value;
use e2e::{Postgres, Span, kept};
use sim::demo::{Callers, Centre, Demo, Progress, Tally, quiet_day};
use sim::genesys::service::Traffic;
use sim::sink::{Options, Sink};
use tokio::net::TcpStream;

/// Scenario: thirty conversations begin, with the real Node and Python services behind their Data Actions.
/// Guarantees: every query hangs below its request to the CRM, the middleware and the root that a conversation has by
/// its id alone, all of one interaction; nothing is sent twice; the services are gone at the end.
#[tokio::test]
async fn a_query_is_found_inside_the_phone_call() {
    let ran = run(None).await.unwrap();
    check(&ran, "sqlite");
    assert_eq!(ran.services.len(), 2);
    for address in ran.services {
        assert!(TcpStream::connect(address).await.is_err(), "a service still listens on {address}");
    }
}

/// Scenario: the same with a PostgreSQL server behind the CRM.
#[tokio::test]
async fn a_query_of_a_database_server_is_found_inside_the_phone_call() {
    let database = Postgres::start().unwrap();
    check(&run(Some(database.url.clone())).await.unwrap(), "postgresql");
}

struct Ran {
    tally: Tally,
    spans: Vec<Span>,
    services: BTreeSet<SocketAddr>,
}

async fn run(database_url: Option<String>) -> anyhow::Result<Ran> {
    let sink = Sink::start(Options::default().keeping()).await?;
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let demo = Demo {
        node_service: root.join("examples/node-service"),
        python_crm: root.join("examples/python-crm"),
        otlp: sink.address(),
        database_url,
        traffic: Traffic { calls: Some(30), calls_per_minute: 600.0, speed: 20.0, ..quiet_day() },
        kept: false,
    };
    let mut services = BTreeSet::new();
    let centre = Centre::open(3, Callers::nobody()).await?;
    let tally = centre
        .run(&demo, pending(), |progress| {
            if let Progress::Ready { address, .. } = progress {
                services.insert(address);
            }
        })
        .await?;
    Ok(Ran { tally, spans: kept(&sink), services })
}

fn check(Ran { tally, spans, .. }: &Ran, database: &str) {
    assert_eq!((tally.begun, tally.ended), (30, 30));
    let by_id: BTreeMap<_, _> = spans.iter().map(|span| ((&span.trace_id, &span.span_id), span)).collect();
    assert_eq!(by_id.len(), spans.len(), "a span came twice");
    let served = spans.iter().filter(|span| span.text("interaction.stage") == Some("action"));
    assert_eq!(served.count() as u64, tally.actions, "each Data Action is a stage of its call");

    let queries: Vec<_> = spans.iter().filter(|span| span.text("db.query.text").is_some()).collect();
    assert!(!queries.is_empty());
    for query in queries {
        assert_eq!(query.text("db.system.name"), Some(database));
        let path: Vec<_> = std::iter::successors(Some(query), |span| {
            by_id.get(&(&span.trace_id, span.parent_span_id.as_ref()?)).copied()
        })
        .collect();
        let services: Vec<_> = path.iter().map(|span| span.service()).collect();
        let [crm, middleware] = ["crm", "contact-center-backend"];
        assert_eq!(services, [crm, crm, middleware, middleware], "{path:#?}");
        let [_, _request, _sent, served] = path[..] else { unreachable!("four spans") };
        let conversation = served.text("interaction.id").unwrap_or_default();
        assert_eq!(served.trace_id, conversation.replace('-', ""));
        assert_eq!(served.parent_span_id.as_deref(), served.trace_id.get(..16));
        for span in &path {
            assert_eq!(span.text("interaction.id"), Some(conversation), "{span:#?}");
        }
    }
    let looked_up = spans.iter().filter(|span| span.name == "POST /v2/lookup");
    assert!(looked_up.clone().count() > 0);
    assert!(looked_up.clone().all(|span| span.text("customer.phone.number").is_some()));
    // Booked, or taken by somebody else; how many there are depends on how fast the look-ups before them were.
    let status = |span: &Span| span.attributes.get("http.response.status_code").cloned();
    let known = ["201", "409"].map(|status| Some(Value::Int(status.to_owned())));
    let mut booked = spans.iter().filter(|span| span.name == "POST /v2/schedule");
    assert!(booked.all(|span| known.contains(&status(span))));
}
