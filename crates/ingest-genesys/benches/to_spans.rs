//! How many notification events a second one core turns into spans: each is parsed, applied, and asked for what changed.
//!
//! `cargo bench -p ingest-genesys` runs it over all scenarios of the simulator, each many times as a conversation of its own;
//! it fails where they are too few.
#![expect(clippy::unwrap_used, clippy::print_stdout, reason = "a bench tells its figures")]

use std::collections::HashMap;
use std::hint::black_box;
use std::process::ExitCode;
use std::time::SystemTime;

use ingest_genesys::read::{Limits, Problems, frame};
use ingest_genesys::{Conversation, Id, Settings};
use serde_json::json;
use sim::genesys::record::Record;
use sim::genesys::scenario::library;

/// 2026-03-02T09:00:00Z.
const START_MS: u64 = 1_772_442_000_000;
const LAST_MS: u64 = START_MS + 86_400_000;
/// Conversations of each scenario that are open together.
const EACH: u64 = 20;
const ROUNDS: u64 = 5;
/// Fewer in the best round is a failure.
const WANTED: f64 = 5_000.0;

struct Message {
    received_ms: u64,
    bytes: Vec<u8>,
}

fn main() -> ExitCode {
    let mut messages: Vec<Message> = library().unwrap().iter().flat_map(of_scenario).collect();
    messages.sort_by_key(|message| message.received_ms);
    let bytes: usize = messages.iter().map(|message| message.bytes.len()).sum();
    println!("{} messages of {} bytes on average", messages.len(), bytes / messages.len());
    let mut best = 0.0_f64;
    for round in 1..=ROUNDS {
        let began = SystemTime::now();
        let (spans, out) = run(&messages);
        let seconds = began.elapsed().unwrap().as_secs_f64();
        let rate = messages.len() as f64 / seconds;
        best = best.max(rate);
        println!(
            "round {round}: {rate:.0} events/s, {spans} spans given out, {out} bytes of OTLP, {seconds:.2} s"
        );
    }
    if best < WANTED {
        println!("{best:.0} events/s in the best round are too few; {WANTED:.0} are wanted");
        return ExitCode::FAILURE;
    }
    ExitCode::SUCCESS
}

fn of_scenario(scenario: &sim::genesys::scenario::Scenario) -> Vec<Message> {
    let of_record = |seed| {
        let record = Record::new(scenario, seed, scenario.next_start(START_MS));
        // What a connector subscribes to.
        let events = record.events().into_iter().filter(|event| {
            event.topic.ends_with(".conversations") || event.topic.starts_with("v2.detail.events.")
        });
        let messages = events.map(|event| {
            let whole = json!({ "topicName": event.topic, "version": "2", "eventBody": event.body });
            Message { received_ms: event.at_ms + 100, bytes: whole.to_string().into_bytes() }
        });
        messages.collect::<Vec<_>>()
    };
    (0..EACH).flat_map(of_record).collect()
}

fn run(messages: &[Message]) -> (usize, usize) {
    let (settings, limits) = (Settings::default(), Limits::default());
    let mut problems = Problems::default();
    let mut open: HashMap<Id, Conversation> = HashMap::new();
    let (mut spans, mut bytes) = (0, 0);
    for message in messages {
        let read = frame(&message.bytes, message.received_ms, &settings, &limits, &mut problems);
        let Some(reading) = read.and_then(|frame| frame.reading) else { continue };
        let conversation = open
            .entry(reading.conversation.clone())
            .or_insert_with(|| Conversation::new(reading.conversation.clone()));
        conversation.apply(reading.facts);
        let output = black_box(conversation.spans(LAST_MS, &settings));
        spans += output.finished_spans + output.open_spans;
        bytes += output.finished.len() + output.open.len();
    }
    assert!(problems.is_empty(), "{problems:?}");
    (spans, bytes)
}
