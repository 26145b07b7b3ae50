//! What the simulator's scenarios do not have, as records of analytics.
#![expect(clippy::unwrap_used, reason = "a test may panic")]

#[path = "edges/record.rs"]
mod record;
#[path = "scenarios/tree.rs"]
mod tree;

use expect_test::{Expect, expect};
use ingest_genesys::read::{Limits, Problems, frame};
use ingest_genesys::{Fact, Id, Settings, to_spans};
use record::{CONVERSATION, facts};

fn check(facts: Vec<Fact>, expected: &Expect) {
    let spans = to_spans(&Id::new(CONVERSATION).unwrap(), facts, &Settings::default());
    expected.assert_eq(&tree::text(&spans));
}

/// The next agent is alerted while the one who hands over still talks.
#[test]
fn an_attended_transfer() {
    let facts = facts(&[
        "customer c: interact 0-100 peer",
        "agent ann: alert 1-3, interact 3-50 transfer",
        "agent bob: alert 44-50, interact 50-100 client",
    ]);
    check(
        facts,
        &expect![[r#"
        voice conversation +0.000s 100.000s outcome=handled
          Customer leg +0.000s 100.000s participant.purpose=customer media_type=voice disconnect_type=peer
            Call setup [setup] +0.000s 0.000s participant.purpose=customer
          Agent leg +1.000s 49.000s participant.purpose=agent media_type=voice disconnect_type=transfer
            Alert agent [alert] +1.000s 2.000s participant.purpose=agent alert.outcome=answered
            Talk [talk] +3.000s 47.000s participant.purpose=agent
            Transfer [transfer] +50.000s 0.000s participant.purpose=agent transfer.type=blind transfer.destination=agent -> Agent leg #7 (transfer)
          Agent leg +44.000s 56.000s participant.purpose=agent media_type=voice disconnect_type=client
            Alert agent [alert] +44.000s 6.000s participant.purpose=agent alert.outcome=answered
            Talk [talk] +50.000s 50.000s participant.purpose=agent
    "#]],
    );
}

#[test]
fn alerts_end_in_four_ways() {
    let facts = facts(&[
        "customer c: interact 0-60 endpoint",
        "acd q: delay 0-1, interact 1-60 peer",
        "agent ann: alert 5-10 dndEndpoint",
        "agent bob: alert 15-25 noAnswerTransfer",
        "agent cleo: alert 30-33 client",
        "agent dan: alert 50-60 peer",
    ]);
    check(
        facts,
        &expect![[r#"
        voice conversation +0.000s 60.000s outcome=abandoned
          Customer leg +0.000s 60.000s participant.purpose=customer media_type=voice disconnect_type=endpoint
            Call setup [setup] +0.000s 0.000s participant.purpose=customer
          Queue leg +0.000s 60.000s participant.purpose=acd media_type=voice disconnect_type=peer queue.outcome=abandoned
            Wait in queue [queue] +1.000s 4.000s participant.purpose=acd
            Wait in queue [queue] +10.000s 5.000s participant.purpose=acd
            Wait in queue [queue] +25.000s 5.000s participant.purpose=acd
            Wait in queue [queue] +33.000s 17.000s participant.purpose=acd
          Agent leg +5.000s 5.000s participant.purpose=agent media_type=voice disconnect_type=dnd_endpoint
            Alert agent [alert] +5.000s 5.000s participant.purpose=agent alert.outcome=declined
          Agent leg +15.000s 10.000s participant.purpose=agent media_type=voice disconnect_type=no_answer_transfer
            Alert agent [alert] +15.000s 10.000s participant.purpose=agent alert.outcome=no_answer
          Agent leg +30.000s 3.000s participant.purpose=agent media_type=voice disconnect_type=client
            Alert agent [alert] +30.000s 3.000s participant.purpose=agent alert.outcome=declined
          Agent leg +50.000s 10.000s participant.purpose=agent media_type=voice disconnect_type=peer
            Alert agent [alert] +50.000s 10.000s participant.purpose=agent alert.outcome=abandoned
    "#]],
    );
}

/// Two are alerted at once: the wait has no piece between.
#[test]
fn alerts_that_overlap() {
    let facts = facts(&[
        "customer c: interact 0-90 endpoint",
        "acd q: interact 1-30 transfer",
        "agent ann: alert 10-22 noAnswerTransfer",
        "agent bob: alert 12-30, interact 30-90 peer",
    ]);
    check(
        facts,
        &expect![[r#"
        voice conversation +0.000s 90.000s outcome=handled
          Customer leg +0.000s 90.000s participant.purpose=customer media_type=voice disconnect_type=endpoint
            Call setup [setup] +0.000s 0.000s participant.purpose=customer
          Queue leg +1.000s 29.000s participant.purpose=acd media_type=voice disconnect_type=transfer queue.outcome=answered
            Wait in queue [queue] +1.000s 9.000s participant.purpose=acd
          Agent leg +10.000s 12.000s participant.purpose=agent media_type=voice disconnect_type=no_answer_transfer
            Alert agent [alert] +10.000s 12.000s participant.purpose=agent alert.outcome=no_answer
          Agent leg +12.000s 78.000s participant.purpose=agent media_type=voice disconnect_type=peer
            Alert agent [alert] +12.000s 18.000s participant.purpose=agent alert.outcome=answered
            Talk [talk] +30.000s 60.000s participant.purpose=agent
    "#]],
    );
}

#[test]
fn who_listens_in_does_not_talk() {
    let facts = facts(&[
        "customer c: interact 0-90 endpoint",
        "agent ann: interact 5-90 peer",
        "user boss: monitoring 20-60 client",
        "user chief: barging 30-70 client",
    ]);
    check(
        facts,
        &expect![[r#"
        voice conversation +0.000s 90.000s outcome=handled
          Customer leg +0.000s 90.000s participant.purpose=customer media_type=voice disconnect_type=endpoint
            Call setup [setup] +0.000s 0.000s participant.purpose=customer
          Agent leg +5.000s 85.000s participant.purpose=agent media_type=voice disconnect_type=peer
            Talk [talk] +5.000s 85.000s participant.purpose=agent
          Agent leg +20.000s 40.000s participant.purpose=user media_type=voice disconnect_type=client
          Agent leg +30.000s 40.000s participant.purpose=user media_type=voice disconnect_type=client
            Talk [talk] +30.000s 40.000s participant.purpose=user
    "#]],
    );
}

/// Park, hold, and a rest of talk that is too short to be any.
#[test]
fn pauses_of_all_kinds() {
    let facts = facts(&[
        "customer c: interact 0-90 endpoint",
        "agent ann: interact 5-20, hold 20-30, interact 30-40, parked 40-60, interact 60-60, hold 60-89, interact 89-90 peer, wrapup 90-99",
    ]);
    check(
        facts,
        &expect![[r#"
        voice conversation +0.000s 90.000s outcome=handled
          Customer leg +0.000s 90.000s participant.purpose=customer media_type=voice disconnect_type=endpoint
            Call setup [setup] +0.000s 0.000s participant.purpose=customer
          Agent leg +5.000s 85.000s participant.purpose=agent media_type=voice disconnect_type=peer
            Talk [talk] +5.000s 15.000s participant.purpose=agent
            Hold [hold] +20.000s 10.000s participant.purpose=agent
            Talk [talk] +30.000s 10.000s participant.purpose=agent
            Park [park] +40.000s 20.000s participant.purpose=agent
            Hold [hold] +60.000s 29.000s participant.purpose=agent
            Talk [talk] +89.000s 1.000s participant.purpose=agent
            Wrap-up [wrapup] +90.000s 9.000s participant.purpose=agent
    "#]],
    );
}

#[test]
fn a_failed_leg_is_an_error() {
    let facts = facts(&["customer c: interact 0-9 transportFailure", "ivr menu: ivr 1-9 error"]);
    check(
        facts,
        &expect![[r#"
        voice conversation +0.000s 9.000s outcome=failed
          Customer leg +0.000s 9.000s participant.purpose=customer media_type=voice disconnect_type=transport_failure error.type=transport_failure
            Call setup [setup] +0.000s 0.000s participant.purpose=customer
          Flow leg +1.000s 8.000s participant.purpose=ivr media_type=voice disconnect_type=error error.type=error
            IVR [ivr] +1.000s 8.000s participant.purpose=ivr
    "#]],
    );
}

/// A transfer whose other end has not been seen is not over; the end of the conversation ends it.
#[test]
fn an_open_conversation() {
    let rows =
        ["customer c: interact 0-", "agent ann: alert 1-3, interact 3-50 transfer", "agent bob: alert 60-"];
    let open = facts(&rows[..2]);
    check(
        open,
        &expect![[r#"
        voice conversation +0.000s open
          Customer leg +0.000s open participant.purpose=customer media_type=voice
            Call setup [setup] +0.000s 0.000s participant.purpose=customer
          Agent leg +1.000s 49.000s participant.purpose=agent media_type=voice disconnect_type=transfer
            Alert agent [alert] +1.000s 2.000s participant.purpose=agent alert.outcome=answered
            Talk [talk] +3.000s 47.000s participant.purpose=agent
            Transfer [transfer] +50.000s open participant.purpose=agent transfer.type=blind
    "#]],
    );
    check(
        facts(&rows),
        &expect![[r#"
        voice conversation +0.000s open
          Customer leg +0.000s open participant.purpose=customer media_type=voice
            Call setup [setup] +0.000s 0.000s participant.purpose=customer
          Agent leg +1.000s 49.000s participant.purpose=agent media_type=voice disconnect_type=transfer
            Alert agent [alert] +1.000s 2.000s participant.purpose=agent alert.outcome=answered
            Talk [talk] +3.000s 47.000s participant.purpose=agent
            Transfer [transfer] +50.000s 10.000s participant.purpose=agent transfer.type=blind transfer.destination=agent -> Agent leg #7 (transfer)
          Agent leg +60.000s open participant.purpose=agent media_type=voice
            Alert agent [alert] +60.000s open participant.purpose=agent
    "#]],
    );
}

/// A session that nobody told the end of ends with the conversation.
#[test]
fn a_session_that_was_never_closed() {
    let mut facts = facts(&["customer c: interact 0-80 peer", "agent ann: alert 1-3, interact 3-"]);
    facts.push(record::ended_at(80));
    check(
        facts,
        &expect![[r#"
        voice conversation +0.000s 80.000s outcome=handled
          Customer leg +0.000s 80.000s participant.purpose=customer media_type=voice disconnect_type=peer
            Call setup [setup] +0.000s 0.000s participant.purpose=customer
          Agent leg +1.000s 79.000s participant.purpose=agent media_type=voice
            Alert agent [alert] +1.000s 2.000s participant.purpose=agent alert.outcome=answered
            Talk [talk] +3.000s 77.000s participant.purpose=agent
    "#]],
    );
}

/// The flow that plays to those who wait runs in the queue's session.
#[test]
fn an_in_queue_flow_is_no_leg() {
    let mut facts = Vec::new();
    for (event, at, more) in [
        ("customer.start", 0, r#""sessionId":"s1","participantId":"p1""#),
        ("acd.start", 1, r#""sessionId":"s2","participantId":"p2","queueId":"q""#),
        ("flow.start", 2, r#""sessionId":"s2","participantId":"p2","flowType":"INQUEUECALL","flowId":"f""#),
        (
            "flow.end",
            30,
            r#""sessionId":"s2","participantId":"p2","flowType":"INQUEUECALL","connectedDurationMs":28000"#,
        ),
        (
            "acd.end",
            40,
            r#""sessionId":"s2","participantId":"p2","connectedDurationMs":39000,"disconnectType":"PEER""#,
        ),
        (
            "customer.end",
            40,
            r#""sessionId":"s1","participantId":"p1","interactingDurationMs":39500,"disconnectType":"ENDPOINT""#,
        ),
    ] {
        let time = record::START_MS + at * 1000;
        let text = format!(
            r#"{{"topicName":"v2.detail.events.conversation.{CONVERSATION}.{event}",
            "eventBody":{{"conversationId":"{CONVERSATION}","eventTime":{time},"mediaType":"VOICE","direction":"INBOUND",{more}}}}}"#
        );
        let mut problems = Problems::default();
        let read = frame(text.as_bytes(), time, &Settings::default(), &Limits::default(), &mut problems);
        assert!(problems.is_empty(), "{problems:?}");
        facts.extend(read.unwrap().reading.unwrap().facts);
    }
    check(
        facts,
        &expect![[r#"
        voice conversation +0.000s 40.000s outcome=abandoned
          Customer leg +0.000s 40.000s participant.purpose=customer media_type=voice disconnect_type=endpoint
            Call setup [setup] +0.000s 0.500s participant.purpose=customer
          Queue leg +1.000s 39.000s participant.purpose=acd queue.name=q media_type=voice disconnect_type=peer queue.outcome=abandoned
            Wait in queue [queue] +1.000s 39.000s participant.purpose=acd queue.name=q
    "#]],
    );
}
