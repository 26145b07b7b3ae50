//! `throughline demo`, as `make demo` starts it.
//!
//! Needs what `scripts/setup-examples.sh` installs.

use std::collections::BTreeSet;

use anyhow::{Context, Result};
use e2e::Run;
use serde_json::Value;
use tokio::net::TcpStream;

fn list<'a>(value: &'a Value, key: &str) -> &'a [Value] {
    value.get(key).and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default()
}

fn text<'a>(value: &'a Value, key: &str) -> &'a str {
    value.get(key).and_then(Value::as_str).unwrap_or_default()
}

fn has(span: &Value, attribute: &str) -> bool {
    list(span, "attributes").iter().any(|one| text(one, "key") == attribute)
}

/// All of a call, from the stages that Genesys Cloud told to the statement that ran for its Data Action.
fn is_whole(interaction: &Value) -> bool {
    let spans = list(interaction, "spans");
    let staged = |service: &str, stage: &str| {
        spans.iter().any(|span| text(span, "service") == service && text(span, "stage") == stage)
    };
    let told = ["ivr", "queue", "alert", "talk", "wrapup"].iter().all(|stage| staged("genesys-cloud", stage));
    let asked =
        |span: &Value| text(span, "service") == "contact-center-backend" && text(span, "kind") == "client";
    let finished = spans.iter().all(|span| span.get("finished") == Some(&Value::Bool(true)));
    finished
        && told
        && staged("contact-center-backend", "action")
        && spans.iter().any(asked)
        && spans.iter().any(|span| text(span, "service") == "crm" && has(span, "db.query.text"))
}

fn sip<'a>(interaction: &'a Value, name: &str) -> Vec<&'a Value> {
    let of = |span: &&Value| text(span, "service") == "sip-edge" && text(span, "name") == name;
    list(interaction, "spans").iter().filter(of).collect()
}

/// The call to which the caller was transferred is over, as all others of the interaction.
fn is_told(interaction: &Value) -> bool {
    let finished = |span: &Value| span.get("finished") == Some(&Value::Bool(true));
    list(interaction, "spans").iter().all(finished)
        && (sip(interaction, "Transfer").is_empty() || sip(interaction, "SIP call").len() == 2)
        && !sip(interaction, "SIP call").is_empty()
}

/// From the INVITE to the statement, and on in the call that follows the transfer.
fn is_transferred(interaction: &Value) -> bool {
    let transfers = sip(interaction, "Transfer");
    let follows = |call: &&Value| {
        transfers.iter().any(|transfer| {
            text(call, "parent_span_id") == text(transfer, "span_id")
                && text(call, "trace_id") == text(transfer, "trace_id")
        })
    };
    let asked = list(interaction, "spans").iter().any(|span| has(span, "db.query.text"));
    asked && sip(interaction, "SIP call").iter().any(follows)
}

/// Scenario: the demonstration runs, with real services behind the Data Actions of a simulated Genesys Cloud; then Ctrl-C.
/// Guarantees: a finished call is one trace without an orphan, from its IVR to the SQL statement and on to its wrap-up;
/// a caller who came by SIP and was transferred is one interaction from the INVITE to the statement and the second call;
/// while it runs there are calls that go on; at the end nothing is left behind, and nobody complained.
#[tokio::test]
async fn a_call_is_one_trace_from_the_ivr_to_the_statement() -> Result<()> {
    let demo = Run::demo(&["--seed", "7", "--speed", "25", "--calls-per-minute", "60"]).spawn()?;
    let by_sip = |call: &&Value| list(call, "services").iter().any(|service| service == "sip-edge");
    let answered = |page: &Value| list(page, "interactions").iter().any(|call| !by_sip(&call));
    let page = demo.wait_for("/api/v1/interactions?limit=100&stage=action&outcome=handled", answered).await?;
    let mut whole = None;
    for call in list(&page, "interactions").iter().filter(|call| !by_sip(call)) {
        let found = demo.wait_for(&format!("/api/v1/interactions/{}", text(call, "id")), is_whole).await?;
        whole = Some(found);
    }
    let whole = whole.context("a call")?;

    let spans = list(&whole, "spans");
    let traces: BTreeSet<_> = spans.iter().map(|span| text(span, "trace_id")).collect();
    let id = whole.get("interaction").map(|interaction| text(interaction, "id")).context("an id")?;
    assert_eq!(traces, BTreeSet::from([id.replace('-', "").as_str()]));
    let ids: BTreeSet<_> = spans.iter().map(|span| text(span, "span_id")).collect();
    let orphans: Vec<_> = spans
        .iter()
        .filter(|span| span.get("parent_span_id").and_then(Value::as_str).is_some_and(|id| !ids.contains(id)))
        .collect();
    assert!(orphans.is_empty(), "{orphans:#?}");

    // Some of them are transferred by Genesys Cloud alone: those the edge has nothing to tell of.
    let mut seen = BTreeSet::new();
    let mut transferred = false;
    while !transferred {
        let is_new = |call: &&Value| !seen.contains(text(call, "id"));
        let other = |page: &Value| list(page, "interactions").iter().any(|call| is_new(&call));
        let page =
            demo.wait_for("/api/v1/interactions?limit=100&service=sip-edge&stage=transfer", other).await?;
        let ids: Vec<_> =
            list(&page, "interactions").iter().map(|call| text(call, "id").to_owned()).collect();
        for id in ids.into_iter().filter(|id| seen.insert(id.clone())) {
            let call = demo.wait_for(&format!("/api/v1/interactions/{id}"), is_told).await?;
            transferred |= is_transferred(&call);
        }
    }

    let going_on = |page: &Value| {
        list(page, "interactions").iter().any(|call| call.get("running") == Some(&Value::Bool(true)))
    };
    demo.wait_for("/api/v1/interactions?limit=100", going_on).await?;

    let (page, otlp) = (demo.page, demo.http);
    let said = demo.interrupt().await?;
    assert_eq!(said, "");
    for address in [page, otlp] {
        assert!(TcpStream::connect(address).await.is_err(), "{address} still listens");
    }
    Ok(())
}
