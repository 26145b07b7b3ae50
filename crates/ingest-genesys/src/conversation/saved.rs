//! A conversation as bytes that outlive the process: JSON, compressed.

use std::io::{BufReader, Read};

use flate2::Compression;
use flate2::read::DeflateDecoder;
use flate2::write::DeflateEncoder;
use serde::{Deserialize, Serialize};

use crate::emitted::{Emitted, Mark};
use crate::fact::Of;
use crate::facts::{Facts, Said};
use crate::spans::Context;

/// Bytes of JSON that are read: of one conversation with the most facts there can be, several times over.
const LARGEST: u64 = 64 << 20;

pub(super) struct Parts {
    pub(super) facts: Facts,
    pub(super) emitted: Emitted,
    pub(super) context: Option<Context>,
    pub(super) restarts: u64,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Saved {
    legs: Vec<(Of, Vec<Said>)>,
    newest_ms: u64,
    /// Ids of spans, in hexadecimal.
    given: Vec<(String, Mark)>,
    /// The trace, and the span that is continued.
    trace: Option<(String, Option<String>)>,
    restarts: u64,
    /// The trace that they were given out in.
    given_in: Option<String>,
}

pub(super) fn write(parts: Parts) -> Result<Vec<u8>, String> {
    let (legs, newest_ms) = parts.facts.into_parts();
    let saved = Saved {
        legs,
        newest_ms,
        restarts: parts.restarts,
        given_in: parts.emitted.trace().map(|trace| trace.to_string()),
        given: parts.emitted.marks().map(|(id, mark)| (id.to_string(), mark)).collect(),
        trace: parts
            .context
            .map(|Context { trace, parent }| (trace.to_string(), parent.map(|parent| parent.to_string()))),
    };
    let mut encoder = DeflateEncoder::new(Vec::new(), Compression::fast());
    serde_json::to_writer(&mut encoder, &saved).map_err(|error| error.to_string())?;
    encoder.finish().map_err(|error| error.to_string())
}

/// Total on any bytes.
pub(super) fn read(bytes: &[u8]) -> Result<Parts, String> {
    let text = BufReader::new(DeflateDecoder::new(bytes).take(LARGEST));
    let saved: Saved = serde_json::from_reader(text)
        .map_err(|error| format!("not a conversation (line {}, column {})", error.line(), error.column()))?;
    let given = saved.given.iter().map(|(id, mark)| Some((id.parse().ok()?, *mark)));
    let marks: Option<Vec<_>> = given.collect();
    let given_in = saved.given_in.map(|trace| trace.parse()).transpose().map_err(|_| "not a trace id")?;
    let context = match saved.trace {
        None => None,
        Some((trace, parent)) => Some(Context {
            trace: trace.parse().map_err(|_| "not a trace id")?,
            parent: parent.map(|parent| parent.parse()).transpose().map_err(|_| "not a span id")?,
        }),
    };
    Ok(Parts {
        facts: Facts::again(saved.legs, saved.newest_ms),
        emitted: Emitted::again(given_in, marks.ok_or("not a span id")?),
        context,
        restarts: saved.restarts,
    })
}
