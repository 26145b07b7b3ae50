//! Records of analytics from short lines: `agent ann: alert 1-3, interact 3-50 transfer`, in seconds.

use ingest_genesys::read::{Limits, Problems, records};
use ingest_genesys::{Fact, Moment, Of, Settings, Source, What};
use serde_json::{Value, json};

pub(crate) const CONVERSATION: &str = "c41e7d90-5b2a-4f0e-9a6d-37c2e10b8f54";
/// 2026-03-02T09:00:00Z.
pub(crate) const START_MS: u64 = 1_772_442_000_000;

pub(crate) fn facts(rows: &[&str]) -> Vec<Fact> {
    let participants: Vec<Value> = rows.iter().map(|row| participant(row)).collect();
    let record = json!({ "conversationId": CONVERSATION, "participants": participants });
    let mut problems = Problems::default();
    let settings = Settings::default();
    let readings = records(record.to_string().as_bytes(), &settings, &Limits::default(), &mut problems);
    assert!(problems.is_empty(), "{problems:?}");
    readings.into_iter().flat_map(|reading| reading.facts).collect()
}

/// The conversation as a whole has ended.
pub(crate) fn ended_at(second: u64) -> Fact {
    let what = What::At(Moment::End, START_MS + second * 1000);
    Fact { of: Of::default(), source: Source::Analytics, what }
}

fn participant(row: &str) -> Value {
    let (who, segments) = row.split_once(": ").unwrap();
    let (purpose, name) = who.split_once(' ').unwrap();
    let segments: Vec<Value> = segments.split(", ").map(segment).collect();
    json!({
        "participantId": format!("p-{name}"),
        "purpose": purpose,
        "userId": matches!(purpose, "agent" | "user").then_some(name),
        "sessions": [{ "sessionId": format!("s-{name}"), "mediaType": "voice", "segments": segments }],
    })
}

fn segment(text: &str) -> Value {
    let mut words = text.split(' ');
    let kind = words.next().unwrap();
    let (start, end) = words.next().unwrap().split_once('-').unwrap();
    json!({
        "segmentType": kind,
        "segmentStart": time(start),
        "segmentEnd": (!end.is_empty()).then(|| time(end)),
        "disconnectType": words.next(),
    })
}

fn time(second: &str) -> String {
    let second: u64 = second.parse().unwrap();
    format!("2026-03-02T09:{:02}:{:02}.000Z", second / 60, second % 60)
}
