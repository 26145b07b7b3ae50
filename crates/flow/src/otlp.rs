//! OTLP as bytes: what it consists of, whether it is sound, how to look into it and change it.
//!
//! Source: opentelemetry-proto 1.9 and the OTLP specification (JSON encoding, limits).

mod schema;
mod check;
mod normalise;
pub mod view;
pub mod metrics;
pub mod splice;
pub mod attributes;
pub mod edit;
pub mod revise;
pub mod json;
pub mod split;
pub mod partition;
pub mod put;

pub use check::{Limits, Malformed, Sound, check};
pub use schema::{Kind, Message, request};

use bytes::Bytes;

use crate::batch::{Batch, Payload, Signal};
use crate::refusal::Refusal;

/// Writes a path of fields, `a.b.c`; of a very long one the middle is left out.
fn write_path<'p>(
    f: &mut std::fmt::Formatter<'_>,
    parts: impl ExactSizeIterator<Item = &'p &'static str>,
) -> std::fmt::Result {
    const FIRST: usize = 10;
    const LAST: usize = 2;
    let len = parts.len();
    for (nth, part) in parts.enumerate() {
        match nth {
            0 => f.write_str(part)?,
            FIRST if len > FIRST + LAST => f.write_str(".…")?,
            nth if nth < FIRST || nth + LAST >= len => write!(f, ".{part}")?,
            _ => {}
        }
    }
    Ok(())
}

/// The door: checks a request's bytes once, so that nothing behind it has to.
///
/// Legal encodings that views and edits do not read (a singular field given twice, groups) are rewritten here.
pub fn accept(signal: Signal, bytes: Bytes, limits: &Limits) -> Result<Batch, Refusal> {
    let sound = check(signal, &bytes, limits).map_err(|malformed| Refusal::caller(malformed.to_string()))?;
    let bytes = if sound.odd { normalise::normalise(signal, &bytes)? } else { bytes };
    Ok(Batch::new(signal, Payload::from(bytes), sound.items))
}
