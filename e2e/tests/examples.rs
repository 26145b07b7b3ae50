//! The example services and the simulated contact centre, against a sink.
//!
//! Needs what `scripts/setup-examples.sh` installs, and PostgreSQL (`scripts/setup-test.sh`).

use std::collections::{BTreeMap, BTreeSet};
use std::future::pending;
use std::net::SocketAddr;
use std::path::Path;

use e2e::{Postgres, Span, kept};
use sim::demo::{self, Demo, Progress};
use sim::sink::{Options, Sink};
use sim::traffic::{Day, Tally};
use tokio::net::TcpStream;

/// Scenario: twenty calls come in, with the real Node and Python services behind their Data Actions.
/// Guarantees: every query hangs below its request to the CRM, the middleware, a Data Action, a stage and the call, all of
/// one interaction, and lies inside the last three in time; nothing is lost or sent twice; the services are gone at the end.
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
        day: Day { calls: Some(20), calls_per_minute: 600.0, time_scale: 100.0, ..Day::quiet(3) },
    };
    let mut services = BTreeSet::new();
    let tally = demo::run(&demo, pending(), |progress| {
        if let Progress::Ready { address, .. } = progress {
            services.insert(address);
        }
    })
    .await?;
    Ok(Ran { tally, spans: kept(&sink), services })
}

fn check(Ran { tally, spans, .. }: &Ran, database: &str) {
    assert_eq!(tally.calls_ended, 20);
    assert_eq!(tally.spans_accepted, tally.spans_made, "{tally:?}");
    let by_id: BTreeMap<_, _> = spans.iter().map(|span| ((&span.trace_id, &span.span_id), span)).collect();
    assert_eq!(by_id.len(), spans.len(), "a span came twice");

    let queries: Vec<_> = spans.iter().filter(|span| span.text("db.query.text").is_some()).collect();
    assert!(!queries.is_empty());
    for query in queries {
        assert_eq!(query.text("db.system.name"), Some(database));
        let path: Vec<_> = std::iter::successors(Some(query), |span| {
            by_id.get(&(&span.trace_id, span.parent_span_id.as_ref()?)).copied()
        })
        .collect();
        let services: Vec<_> = path.iter().map(|span| span.service()).collect();
        let [crm, middleware, voice] = ["crm", "contact-center-backend", "genesys-cloud-sim"];
        assert_eq!(services, [crm, crm, middleware, middleware, voice, voice, voice], "{path:#?}");
        let [_, _request, _sent, _served, action, stage, root] = path[..] else {
            unreachable!("seven spans")
        };
        // Not so for each pair: a server may end its span when its answer has already been read.
        for outer in [action, stage, root] {
            assert!(outer.holds(query), "{outer:#?} does not hold {query:#?}");
        }
        for span in &path {
            assert_eq!(span.text("interaction.id"), root.text("interaction.id"), "{span:#?}");
        }
    }
    let looked_up = spans.iter().filter(|span| span.name == "POST /v2/lookup");
    assert!(looked_up.clone().count() > 0);
    assert!(looked_up.clone().all(|span| span.text("customer.phone.number").is_some()));
    assert!(looked_up.clone().any(|span| span.text("interaction.campaign_id").is_some()));
}
