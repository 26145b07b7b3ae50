//! Calls that are handed over.

use opentelemetry::trace::TraceContextExt;
use serde_json::Value;
use throughline_sdk::genesys::calls::{
    Carried, CarriedState, Carrier, Destination, Dialect, Placed, Transfer,
};
use throughline_sdk::wire::{Traceparent, uui};

use crate::site::{Site, ann, bob, participant, technical, to};
use crate::spans::{exporter, text, traced};

/// A call of Ann's that was answered.
async fn placed(site: &Site) -> Placed {
    let call = to("tel:+493023125111").user(ann());
    let (placed, _) = traced(site.calls(Dialect::PublicApi).place(&call)).await;
    site.wait(15_000);
    placed.unwrap()
}

fn state(carried: &[Carried], carrier: Carrier) -> &CarriedState {
    &carried.iter().find(|carried| carried.carrier == carrier).unwrap().state
}

fn number() -> Destination {
    Destination::Address("tel:+493023125999".parse().unwrap())
}

/// The customer's data, which everybody behind the transfer sees.
fn kept(conversation: &Value, placed: &Placed) -> bool {
    let data = &participant(conversation, "customer")["attributes"]["traceparent"];
    *data == placed.traceparent.unwrap().to_string()
}

/// Guarantees: the agent leaves, the span of the transfer is in the trace of the call, and so is what goes along.
#[tokio::test]
async fn a_blind_transfer_keeps_the_trace() {
    for (to, kind) in [
        (Destination::User(bob()), "agent"),
        (Destination::Queue(technical()), "queue"),
        (number(), "number"),
    ] {
        let site = Site::open().await;
        let placed = placed(&site).await;
        let transfer = Transfer::blind(&placed.conversation, to);
        // Outside of any span: the transfer joins the trace of the conversation.
        let done = site.calls(Dialect::PublicApi).transfer(&transfer).await.unwrap();
        let parent = done.traceparent.unwrap();
        assert_eq!(parent.trace_id, placed.traceparent.unwrap().trace_id, "{kind}");
        site.wait(9000);
        let conversation = site.conversation(&placed.conversation).await;
        let agent = conversation["participants"].as_array().unwrap().iter();
        let agent = agent.clone().find(|one| one["id"] == done.participant.as_str()).unwrap();
        assert_eq!(agent["calls"][0]["disconnectType"], "transfer");
        assert!(kept(&conversation, &placed));
        assert_eq!(state(&done.carried, Carrier::Attributes), &CarriedState::Kept);
        let customer = &participant(&conversation, "customer")["calls"][0];
        let leaves = kind == "number";
        assert_eq!(customer["uuiData"] == uui::payload(&parent), leaves, "{customer}");
        let written = if leaves { CarriedState::Written } else { CarriedState::NotUsed };
        assert_eq!(state(&done.carried, Carrier::UuiData), &written);

        let spans = exporter().get_finished_spans().unwrap();
        let span =
            spans.iter().find(|span| span.span_context.span_id().to_bytes() == parent.parent_id.0).unwrap();
        assert_eq!(span.name, "Blind transfer");
        assert_eq!(span.parent_span_id.to_bytes(), placed.traceparent.unwrap().parent_id.0);
        for (key, value) in [
            ("interaction.id", placed.conversation.as_str()),
            ("genesys_cloud.transfer.type", "blind"),
            ("genesys_cloud.transfer.destination", kind),
        ] {
            assert_eq!(text(span, key).as_deref(), Some(value), "{key}");
        }
    }
}

#[tokio::test]
async fn a_consultation_is_begun_and_completed_or_cancelled() {
    for completed in [true, false] {
        let site = Site::open().await;
        let placed = placed(&site).await;
        let id = placed.conversation.as_str();
        let calls = site.calls(Dialect::PublicApi);
        let consult = calls.transfer(&Transfer::consult(id, Destination::User(bob()))).await.unwrap();
        assert_eq!(consult.traceparent.unwrap().trace_id, placed.traceparent.unwrap().trace_id);
        site.wait(9000);
        let third = consult.destination.unwrap();
        let conversation = site.conversation(id).await;
        let all = conversation["participants"].as_array().unwrap();
        assert!(all.iter().any(|one| one["id"] == third.as_str() && one["userId"] == bob().as_str()));
        let end = if completed { Transfer::complete(id) } else { Transfer::cancel(id) };
        let ended = calls.transfer(&end).await.unwrap();
        assert_eq!(ended.participant, consult.participant, "it is the agent who asked, not the one asked in");
        site.wait(2000);
        let conversation = site.conversation(id).await;
        let state_of = |id: &str| {
            let all = conversation["participants"].as_array().unwrap();
            all.iter().find(|one| one["id"] == id).unwrap()["calls"][0]["disconnectType"].clone()
        };
        assert_eq!(state_of(&consult.participant) == "transfer.consult", completed);
        assert_eq!(state_of(&third).is_null(), completed);
        assert!(kept(&conversation, &placed));
    }
}

/// Guarantees: a span of another trace is linked to the call and does not take the call out of its own.
#[tokio::test]
async fn a_transfer_within_another_trace_is_linked() {
    let site = Site::open().await;
    let placed = placed(&site).await;
    let transfer = Transfer::blind(&placed.conversation, number());
    let (done, spans) = traced(site.calls(Dialect::PublicApi).transfer(&transfer)).await;
    let theirs = placed.traceparent.unwrap();
    assert_eq!(done.unwrap().traceparent, Some(theirs));
    let span = spans.iter().find(|span| span.name == "Blind transfer").unwrap();
    let [link] = &span.links.links[..] else { panic!("{span:?}") };
    assert_eq!(link.span_context.trace_id().to_bytes(), theirs.trace_id.0);
    site.wait(9000);
    let conversation = site.conversation(&placed.conversation).await;
    assert_eq!(participant(&conversation, "customer")["calls"][0]["uuiData"], uui::payload(&theirs));
}

#[tokio::test]
async fn a_call_without_a_context_has_that_of_its_id() {
    let site = Site::open().await;
    // No span: nothing is carried.
    let call = to("tel:+493023125111").user(ann()).attribute("traceparent", "nonsense");
    let placed = site.calls(Dialect::PublicApi).place(&call).await.unwrap();
    site.wait(15_000);
    let transfer = Transfer::blind(&placed.conversation, Destination::User(bob()));
    let done = site.calls(Dialect::PublicApi).transfer(&transfer).await.unwrap();
    let derived = Traceparent::from_conversation(&placed.conversation).unwrap();
    assert_eq!(done.traceparent.unwrap().trace_id, derived.trace_id);
    assert_eq!(state(&done.carried, Carrier::ConversationId), &CarriedState::Kept);
    assert_eq!(state(&done.carried, Carrier::Attributes), &CarriedState::NotUsed);
    assert!(!opentelemetry::Context::current().has_active_span());
}

#[tokio::test]
async fn user_to_user_data_of_somebody_else_stays() {
    let site = Site::open().await;
    let call = to("tel:+493023125111").user(ann()).uui_data("somebody");
    let placed = site.calls(Dialect::PublicApi).place(&call).await.unwrap();
    site.wait(15_000);
    let done =
        site.calls(Dialect::PublicApi).transfer(&Transfer::blind(&placed.conversation, number())).await;
    assert_eq!(state(&done.unwrap().carried, Carrier::UuiData), &CarriedState::Taken);
}

#[tokio::test]
async fn who_hands_over_is_said_where_it_is_in_doubt() {
    let site = Site::open().await;
    let calls = site.calls(Dialect::PublicApi);
    let call = to("tel:+493023125111").user(ann());
    let early = calls.place(&call).await.unwrap();
    let id = early.conversation.as_str();
    let shown = |error: throughline_sdk::genesys::calls::CallError, agent: &str| {
        format!("{error}\n  {}\n", error.mend()).replace(agent, "AGENT")
    };
    let conversation = site.conversation(id).await;
    let agent = conversation["participants"][0]["id"].as_str().unwrap().to_owned();
    let blind = Transfer::blind(id, Destination::User(bob()));
    let mut said = shown(calls.transfer(&blind).await.unwrap_err(), &agent);
    said += &shown(calls.transfer(&blind.clone().participant("nobody")).await.unwrap_err(), &agent);
    said += &shown(calls.transfer(&Transfer::cancel("not/an/id")).await.unwrap_err(), &agent);
    site.wait(15_000);
    let done = calls.transfer(&blind.participant(agent.as_str())).await.unwrap();
    assert_eq!(done.participant, agent);
    expect_test::expect![[r#"
        nobody in the conversation has a connected call that could be handed over; people in it: AGENT (agent, not connected)
          hand it over while an agent talks to the customer, or name the participant
        the conversation has no participant nobody; people in it: AGENT (agent, not connected)
          name one of those
        `not/an/id` is no id of a conversation: ids have letters, digits and dashes, 64 at most
          give the id as the API shows it
    "#]].assert_eq(&said);
}
