//! Facts as no service would tell them: few ids and times, so that they meet.

use std::sync::Arc;

use ingest_genesys::{
    Fact, FlowEvent, Id, Lasted, Measure, Moment, Of, Says, Segment, Source, State, What, Word,
};
use proptest::prelude::*;
use proptest::sample::select;

pub(crate) fn facts(most: usize) -> impl Strategy<Value = Vec<Fact>> {
    prop::collection::vec(fact(), 0..most)
}

fn fact() -> impl Strategy<Value = Fact> {
    let source = select(vec![Source::Analytics, Source::Rest, Source::Snapshot, Source::Detail]);
    (of(), source, what()).prop_map(|(of, source, what)| Fact { of, source, what })
}

fn of() -> impl Strategy<Value = Of> {
    let participant = prop::option::weighted(0.9, select(vec!["a", "b", "c", "d"]));
    let communication = prop::option::weighted(0.8, select(vec!["x", "y"]));
    (participant, communication).prop_map(|(participant, communication)| Of {
        participant: participant.and_then(Id::new),
        communication: participant.and(communication).and_then(Id::new),
    })
}

/// Mostly within minutes of each other.
fn time() -> impl Strategy<Value = u64> {
    let usual = (0..400_u64).prop_map(|half| 1_772_442_000_000 + half * 500);
    prop_oneof![20 => usual, 1 => Just(1), 1 => Just(9_223_372_036_854)]
}

fn what() -> impl Strategy<Value = What> {
    use Moment::{Alerting, Connected, Consult, End, HoldStart, ParkStart, Start, WrapupEnd, WrapupStart};
    let moment =
        select(vec![Start, Alerting, Connected, End, HoldStart, ParkStart, WrapupStart, WrapupEnd, Consult]);
    let lasted =
        select(vec![Lasted::Alerting, Lasted::Dialing, Lasted::Held, Lasted::Interacting, Lasted::Connected]);
    let state = select(vec![State::Alerting, State::Dialing, State::Held, State::Parked, State::Free]);
    let kind = select(vec![
        "system",
        "delay",
        "alert",
        "contacting",
        "dialing",
        "interact",
        "ivr",
        "callback",
        "voicemail",
        "monitoring",
        "hold",
        "parked",
        "wrapup",
    ]);
    let segment = (kind, time(), prop::option::of(0..200_000_u64)).prop_map(|(kind, start, lasts)| {
        What::Segment { kind: Segment::read(kind), start, end: lasts.map(|lasts| start + lasts) }
    });
    let flow = (time(), any::<bool>()).prop_map(|(at, milestone)| {
        What::Flow(Arc::new(FlowEvent { at, milestone, id: Word::text("f"), value: None }))
    });
    prop_oneof![
        6 => (moment, time()).prop_map(|(moment, at)| What::At(moment, at)),
        4 => segment,
        2 => (lasted, 0..100_000_u64).prop_map(|(what, ms)| What::Lasted(what, ms)),
        6 => says(),
        3 => (state, time()).prop_map(|(state, at)| What::Seen(state, at)),
        1 => flow,
        1 => (-10_000_000..10_000_000_i64).prop_map(What::Ahead),
        1 => any::<i64>().prop_map(|number| What::Measured(Measure::AlertingTimeoutMs, number)),
    ]
}

fn says() -> impl Strategy<Value = What> {
    let of = |says: Says, words: &[&'static str]| (Just(says), select(words.to_vec()));
    prop_oneof![
        4 => of(Says::Purpose, &["customer", "ivr", "acd", "agent", "external", "voicemail", "dialer"]),
        1 => of(Says::Media, &["voice", "callback", "email"]),
        1 => of(Says::Direction, &["inbound", "outbound"]),
        1 => of(Says::Began, &["alerting", "dialing"]),
        2 => of(Says::Disconnect, &["transfer", "consult_transfer", "peer", "error", "no_answer_transfer"]),
        1 => of(Says::ConsultedBy, &["a", "b"]),
        1 => of(Says::Supervises, &["true"]),
        1 => of(Says::Traceparent, &["00-4bf92f3577f34da6c19e9222d19e89b8-ccbd124dbdfc3439-01", "junk"]),
        1 => of(Says::Conversation, &["0b5ddbb0-7b2a-4f0e-9a6d-37c2e10b8f54", "x"]),
    ]
    .prop_map(|(says, word)| What::Says(says, Word::text(word)))
}
