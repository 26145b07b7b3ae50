//! A conversation while it happens: what goes to everybody, what to the store alone, and what the store ends up with.
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test may panic")]

#[path = "scenarios/compare.rs"]
#[expect(dead_code, reason = "shared with the scenarios")]
mod compare;
#[path = "live/lake.rs"]
mod lake;
#[path = "scenarios/play.rs"]
#[expect(dead_code, reason = "shared with the scenarios")]
mod play;
#[path = "scenarios/tree.rs"]
mod tree;

use ingest_genesys::read::{Limits, Problems, records};
use ingest_genesys::{Conversation, Fact, Link, Names, Says, Settings, Source, Trust, What, Word, to_spans};
use lake::Lake;
use play::Played;
use throughline_context::Traceparent;

const PARENT: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

/// All events one by one, then REST and the record of analytics.
fn pieces(played: &Played) -> Vec<Vec<Fact>> {
    let mut pieces = played.live_events();
    pieces.push(played.rest_facts());
    pieces.push(played.analytics_facts());
    pieces
}

fn names() -> Vec<String> {
    sim::genesys::scenario::library().unwrap().into_iter().map(|one| one.name).collect()
}

#[test]
fn everybody_gets_each_span_once_and_the_store_the_best_one() {
    for name in names() {
        let played = Played::new(&name);
        let mut conversation = Conversation::new(played.id().clone());
        let mut lake = Lake::default();
        for facts in pieces(&played) {
            conversation.apply(facts);
            lake.take(&conversation.spans(played.over_ms(), played.settings()));
        }
        lake.holds(&played.everything(), &name);
    }
}

#[test]
fn what_repeats_gives_nothing() {
    let played = Played::new("answered");
    let mut conversation = Conversation::new(played.id().clone());
    let settings = played.settings();
    conversation.apply(played.live_facts());
    assert!(conversation.spans(played.over_ms(), settings).finished_spans > 10);
    assert!(!conversation.apply(played.live_facts()));
    assert_eq!(conversation.spans(played.over_ms() + 1, settings), Default::default());
}

/// The process stops anywhere and forgets all; the next one asks by REST and analytics, and hears the rest.
#[test]
fn a_new_process_goes_on_where_the_old_one_stopped() {
    for name in ["answered", "hold-three-times", "consult-to-queue", "re-offered-three-times", "callback"] {
        let played = Played::new(name);
        let whole = pieces(&played);
        for stop in (1..whole.len()).step_by(3) {
            let mut lake = Lake::new_processes();
            let (before, after) = whole.split_at(stop);
            for run in [before, after] {
                let mut conversation = Conversation::new(played.id().clone());
                for facts in run {
                    conversation.apply(facts.iter().cloned());
                    lake.take(&conversation.spans(played.over_ms(), played.settings()));
                }
            }
            lake.holds_structure(&played.everything(), &format!("{name}, stopped after {stop}"));
        }
    }
}

/// The process is killed anywhere; the next one goes on with what was kept, before it has asked anybody: nothing goes to
/// everybody twice, revisions do not fall, and the trace stays.
#[test]
fn a_kept_conversation_goes_on() {
    let mut sizes = Vec::new();
    for (nth, name) in names().into_iter().enumerate() {
        let played = Played::new(&name);
        let whole = pieces(&played);
        for stop in (1 + nth % 9..whole.len()).step_by(9) {
            let mut lake = Lake::going_on();
            let mut conversation = Conversation::new(played.id().clone());
            for (nth, facts) in whole.iter().enumerate() {
                if nth == stop {
                    let kept = conversation.clone().write().unwrap();
                    sizes.push(kept.len());
                    let next = Conversation::read(played.id().clone(), &kept).unwrap();
                    assert_eq!(
                        (next.revision(), next.trace()),
                        (conversation.revision(), conversation.trace())
                    );
                    conversation = next;
                }
                conversation.apply(facts.iter().cloned());
                lake.take(&conversation.spans(played.over_ms(), played.settings()));
            }
            lake.holds(&played.everything(), &format!("{name}, killed after {stop}"));
        }
    }
    let largest = sizes.iter().max().unwrap();
    assert!(*largest < 4 << 10, "a checkpoint is small: {largest} bytes");
}

/// Events are lost for a while; then REST and analytics are asked as of that moment, and the events go on. When it is over
/// nobody is asked again.
#[test]
fn a_gap_leaves_no_trace() {
    for name in names() {
        let played = Played::new(&name);
        let (events, times) = (played.live_events(), played.times());
        let whole = played.live();
        for from in (0..4).map(|fifth| times.len() * fifth / 5) {
            let to = (from + times.len() / 3).min(times.len() - 1);
            let mended_ms = times[to];
            let mut facts = events[..from].concat();
            facts.extend(played.rest_at(mended_ms));
            facts.extend(played.analytics_at(mended_ms));
            facts.extend(events[to..].concat());
            let mended = played.spans(facts);
            compare::same(&format!("{name} without {from}..{to}"), &mended, &whole, 0);
        }
    }
}

/// The clock of the receiver is hours off, and every message comes again a little later.
#[test]
fn wrong_clocks_and_repeated_messages_change_nothing() {
    const HOUR_MS: i64 = 3_600_000;
    for name in names() {
        let played = Played::new(&name);
        let whole = played.live();
        for off in [-HOUR_MS, 2 * HOUR_MS] {
            let events = played.events_received(off + 140).concat();
            compare::same(&format!("{name}, {off} ms off"), &played.spans(events), &whole, 0);
        }
        let twice = played.live_facts().into_iter().chain(played.events_received(390).concat());
        compare::same(&format!("{name}, twice"), &played.spans(twice), &whole, 0);
    }
}

/// Messages overtake each other by up to half a second.
#[test]
fn messages_out_of_order_change_nothing() {
    for name in names() {
        let played = Played::new(&name);
        let delays = [60_usize, 310, 560].map(|delay| played.events_received(delay as i64));
        let events = (0..played.times().len()).map(|nth| delays[nth * 7 % 3][nth].clone());
        let facts: Vec<Fact> = events.rev().flatten().collect();
        compare::same(&name, &played.spans(facts), &played.live(), 0);
    }
}

/// As much as a record can hold: it takes its time, but not the square of it.
#[test]
fn a_record_at_its_limits() {
    let hold = |at: usize| {
        let time = |s: usize| format!("2026-03-02T{:02}:{:02}:{:02}.000Z", 9 + s / 3600, s / 60 % 60, s % 60);
        let (start, end) = (time(at * 20), time(at * 20 + 10));
        format!(r#"{{"segmentStart":"{start}","segmentEnd":"{end}","segmentType":"hold"}}"#)
    };
    let segments: Vec<String> = (0..250).map(hold).collect();
    let segments = segments.join(",");
    let one = |nth: usize| {
        let (id, purpose) = (format!("p{nth:03}"), r#""purpose":"agent""#);
        format!(
            r#"{{"participantId":"{id}",{purpose},"sessions":[{{"sessionId":"s","segments":[{segments}]}}]}}"#
        )
    };
    let participants: Vec<String> = (0..200).map(one).collect();
    let record = format!(r#"{{"conversationId":"x","participants":[{}]}}"#, participants.join(","));
    let (settings, mut problems) = (Settings::default(), Problems::default());
    let mut readings = records(record.as_bytes(), &settings, &Limits::default(), &mut problems);
    assert!(problems.is_empty(), "{problems:?}");
    let reading = readings.pop().unwrap();
    let mut conversation = Conversation::new(reading.conversation);
    conversation.apply(reading.facts);
    let output = conversation.spans(u64::MAX, &settings);
    assert!(output.finished_spans + output.open_spans > 200 * 250);
}

/// The bytes as they go out, in the JSON of OTLP.
#[test]
fn what_goes_out() {
    let played = Played::new("abandoned-in-ivr");
    let mut conversation = Conversation::new(played.id().clone());
    conversation.apply(played.gap_facts());
    let output = conversation.spans(played.over_ms(), played.settings());
    assert!(output.open.is_empty());
    let payload = flow::Payload::from(output.finished);
    let json: serde_json::Value =
        serde_json::from_slice(&flow::otlp::json::encode(flow::Signal::Traces, &payload)).unwrap();
    let version = format!(r#""version": "{}""#, env!("CARGO_PKG_VERSION"));
    let text = serde_json::to_string_pretty(&json).unwrap().replace(&version, r#""version": "...""#) + "\n";
    expect_test::expect_file!["live/otlp.json"].assert_eq(&text);
}

/// What goes out at each event of a call, in a form to be read.
#[test]
fn the_course_of_a_call() {
    let played = Played::new("hold-three-times");
    let mut conversation = Conversation::new(played.id().clone());
    let mut lake = Lake::default();
    let mut text = String::new();
    let began = played.times()[0];
    let mut step = |at_ms: u64, conversation: &mut Conversation, lake: &mut Lake| {
        let output = conversation.spans(at_ms, played.settings());
        let line = lake.line(&output);
        lake.take(&output);
        if !line.is_empty() {
            text.push_str(&format!("+{:.3}s{line}\n", (at_ms - began) as f64 / 1000.0));
        }
    };
    for (facts, at_ms) in played.live_events().into_iter().zip(played.times()) {
        // A timer wakes the connector for what is due.
        while let Some(due) = conversation.due_ms().filter(|due| *due < at_ms) {
            step(due, &mut conversation, &mut lake);
        }
        conversation.apply(facts);
        step(at_ms, &mut conversation, &mut lake);
    }
    while let Some(due) = conversation.due_ms() {
        step(due, &mut conversation, &mut lake);
    }
    lake.holds(&played.live(), "live");
    assert!(conversation.is_settled());
    assert_eq!(conversation.ended_by(), None, "only REST and analytics tell of the whole");
    expect_test::expect_file!["live/course.txt"].assert_eq(&text);
}

/// Back-fill knows less than who was there: what it gives later must not replace the better.
#[test]
fn back_fill_takes_nothing_away() {
    let played = Played::new("clock-skew");
    let mut conversation = Conversation::new(played.id().clone());
    for facts in pieces(&played) {
        conversation.apply(facts);
    }
    let mut lake = Lake::new_processes();
    lake.take(&conversation.spans(played.over_ms(), played.settings()));
    let mut later = Conversation::new(played.id().clone());
    later.apply(played.analytics_facts());
    lake.take(&later.spans(played.over_ms(), played.settings()));
    lake.holds(&played.everything(), "clock-skew");
}

#[test]
fn a_trace_does_not_move_once_spans_went_out() {
    let played = Played::new("traced");
    let mut conversation = Conversation::new(played.id().clone());
    let (attributes, others): (Vec<_>, Vec<_>) =
        played.live_facts().into_iter().partition(|fact| format!("{:?}", fact.what).contains("Traceparent"));
    conversation.apply(others);
    let mut lake = Lake::default();
    lake.take(&conversation.spans(played.over_ms(), played.settings()));
    let (trace, parent) = conversation.trace().unwrap();
    assert_eq!((trace, parent), (played.id().trace(), None));
    conversation.apply(attributes);
    let output = conversation.spans(played.over_ms(), played.settings());
    lake.take(&output);
    assert_eq!((output.finished_spans, output.open_spans), (0, 1), "only the root has something to tell");
    assert_eq!(lake.links(played.id().root()), 1);
    assert_eq!(lake.traces(&played.id().to_string()), [trace]);
}

/// Scenario: an outbound call is seen before its customer, whose participant data names the trace of whoever placed it.
/// Guarantees: the store keeps nothing of the conversation in the trace that it was in before.
#[test]
fn a_conversation_that_moves_leaves_nothing_behind() {
    let played = Played::new("traced");
    let mut conversation = Conversation::new(played.id().clone());
    let mut lake = Lake::default();
    let mut traces = std::collections::BTreeSet::new();
    // Nothing has settled while it goes on: everything went to the store alone.
    for facts in played.live_events() {
        let seen =
            facts.iter().map(|fact| format!("{:?}", fact.what)).any(|what| what.contains("Traceparent"));
        conversation.apply(facts);
        lake.take(&conversation.spans(0, played.settings()));
        let [now] = lake.traces(&played.id().to_string())[..] else { panic!("two traces") };
        traces.insert(now);
        if seen && traces.len() == 2 {
            break;
        }
    }
    assert!(traces.contains(&played.id().trace()));
    for facts in pieces(&played) {
        conversation.apply(facts);
    }
    lake.take(&conversation.spans(played.over_ms(), played.settings()));
    lake.holds(&played.everything(), "moved");
}

/// The flow writes the context twelve seconds after the call came in: the store has spans by then, nobody else.
#[test]
fn spans_of_the_store_go_over_to_the_trace_that_comes_late() {
    let played = Played::new("traced");
    let mut conversation = Conversation::new(played.id().clone());
    let mut lake = Lake::default();
    let mut moved = Vec::new();
    let events: Vec<Vec<Fact>> = played.live_events().into_iter().map(elsewhere).collect();
    for (facts, at_ms) in events.iter().zip(played.times()) {
        conversation.apply(facts.iter().cloned());
        let before = conversation.last_trace();
        // Nobody but the store gets anything until it is sure.
        lake.take(&conversation.spans_for(at_ms, played.settings(), false));
        moved.extend(before.filter(|before| Some(*before) != conversation.last_trace()));
    }
    lake.take(&conversation.spans(played.over_ms(), played.settings()));
    assert_eq!(moved, [played.id().trace()]);
    let whole = played.spans(events.concat());
    lake.holds(&whole, "traced");
    let trace = whole[0].trace_id;
    assert_eq!(trace, PARENT.parse::<Traceparent>().unwrap().trace_id);
    let left: Vec<_> = lake.left_behind(trace).collect();
    assert!(!left.is_empty() && left.iter().all(|superseded| *superseded), "{left:?}");
}

/// The same with another trace in participant data.
fn elsewhere(facts: Vec<Fact>) -> Vec<Fact> {
    let other = |what| match what {
        What::Says(Says::Traceparent, _) => What::Says(Says::Traceparent, Word::text(PARENT)),
        what => what,
    };
    facts.into_iter().map(|fact| Fact { what: other(fact.what), ..fact }).collect()
}

/// A caller on a channel where customers can set attributes themselves: the trace restarts with a link.
#[test]
fn a_trace_is_continued_where_the_site_believes_it() {
    let played = Played::new("traced");
    let facts = || elsewhere(played.live_facts());
    let own = played.id().trace();
    let claimed: Traceparent = PARENT.parse().unwrap();
    let voice = || Names::of(["voice"]);
    for (channels, participants, believed) in [
        (voice(), Names::All, true),
        (Names::All, Names::of(["customer"]), true),
        (Names::of(["chat", "all"]), Names::All, true),
        (Names::of(["chat", "message"]), Names::All, false),
        (voice(), Names::of(["agent"]), false),
        (Names::of([]), Names::All, false),
    ] {
        let trust = Trust { channels, participants };
        let settings = Settings { trust: trust.clone(), ..played.settings().clone() };
        let spans = to_spans(played.id(), facts(), &settings);
        let (root, says) = (&spans[0], |key| spans[0].attribute(key));
        let link = Link { trace_id: claimed.trace_id, span_id: claimed.parent_id, kind: "participant_data" };
        if believed {
            assert_eq!(
                (root.trace_id, root.parent),
                (claimed.trace_id, Some(claimed.parent_id)),
                "{trust:?}"
            );
            assert_eq!((says("throughline.context.decision"), &root.links[..]), (Some("continue"), &[][..]));
        } else {
            assert_eq!((root.trace_id, root.parent, &root.links[..]), (own, None, &[link][..]), "{trust:?}");
            assert_eq!(says("throughline.context.decision"), Some("restart"));
            assert_eq!(says("throughline.context.reason"), Some("the participant is not trusted"));
        }
        assert_eq!(says("throughline.context.source"), Some("participant-data"));
        assert!(spans.iter().all(|span| span.trace_id == root.trace_id), "{trust:?}");
    }
}

/// The customer's claim is not believed, the flow's is: the claim stays a link, and what makes no sense is nothing.
#[test]
fn a_believed_participant_counts_beside_one_that_is_not() {
    let played = Played::new("traced");
    let mut facts = elsewhere(played.live_facts());
    let of = |purpose: &str| {
        let says = |fact: &&Fact| matches!(&fact.what, What::Says(Says::Purpose, word) if **word == *purpose);
        played.live_facts().iter().find(says).unwrap().of.clone()
    };
    let said =
        |of, text| Fact { of, source: Source::Rest, what: What::Says(Says::Traceparent, Word::text(text)) };
    let flow = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
    facts.push(said(of("ivr"), flow));
    facts.push(said(of("acd"), "00-nonsense"));
    let trust = Trust { participants: Names::of(["ivr", "acd"]), ..Trust::default() };
    let settings = Settings { trust, ..played.settings().clone() };
    let spans = to_spans(played.id(), facts, &settings);
    assert_eq!(spans[0].trace_id, flow.parse::<Traceparent>().unwrap().trace_id);
    assert_eq!(spans[0].attribute("throughline.context.decision"), Some("continue"));
    let links: Vec<_> = spans[0].links.iter().map(|link| (link.kind, link.trace_id)).collect();
    assert_eq!(links, [("participant_data", PARENT.parse::<Traceparent>().unwrap().trace_id)]);
}
