//! From a payload to the bytes of a body: OTLP/JSON where asked for, then compression.

use bytes::Bytes;
use flow::{ExportError, Payload, Signal};
use serde::Deserialize;

use super::pool;
use crate::net::coding::{self, Coding};

/// The form of the messages.
#[derive(Clone, Copy, Default, PartialEq, Eq, Debug, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Encoding {
    #[default]
    Proto,
    Json,
}

/// How bodies are packed.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Packing {
    pub(crate) encoding: Encoding,
    pub(crate) coding: Coding,
    pub(crate) level: Option<i32>,
}

/// Smaller payloads are packed where they are: handing them to another thread would cost more.
const SMALL: usize = 64 << 10;

impl Packing {
    /// The chunks of the body. Plain protobuf goes out as it came in; work on large payloads is done off the
    /// threads that serve connections.
    pub(crate) async fn pack(self, signal: Signal, payload: &Payload) -> Result<Vec<Bytes>, ExportError> {
        if self.encoding == Encoding::Proto && self.coding == Coding::Identity {
            return Ok(payload.chunks().to_vec());
        }
        let packed = if payload.len() <= SMALL {
            self.work(signal, payload)
        } else {
            let payload = payload.clone();
            let packed = pool::run(move || self.work(signal, &payload)).await;
            packed.ok_or_else(|| ExportError::Permanent("packing it failed".into()))?
        };
        let failed =
            |error| ExportError::Permanent(format!("{} compression failed: {error}", self.coding.name()));
        packed.map(|body| vec![body]).map_err(failed)
    }

    fn work(self, signal: Signal, payload: &Payload) -> std::io::Result<Bytes> {
        match (self.encoding, self.coding) {
            (Encoding::Proto, _) => coding::encode(self.coding, payload.chunks(), self.level),
            (Encoding::Json, Coding::Identity) => Ok(flow::otlp::json::encode(signal, payload).into()),
            (Encoding::Json, _) => {
                let text = flow::otlp::json::encode(signal, payload).into();
                coding::encode(self.coding, &[text], self.level)
            }
        }
    }
}

/// What is wrong with a compression level, as the collector has it: only some codings have levels.
pub(crate) fn check_level(coding: Coding, level: i32) -> Result<(), String> {
    let range = match coding {
        Coding::Gzip | Coding::Zlib | Coding::Deflate => -2..=9,
        Coding::Zstd => 0..=22,
        _ => 0..=0,
    };
    match range.contains(&level) {
        true => Ok(()),
        false if *range.end() == 0 => Err(format!("{} has no levels", coding.name())),
        false => Err(format!("{} has the levels 1 to {}", coding.name(), range.end())),
    }
}

/// The level to use; those below 1 leave the choice to us.
pub(crate) fn level(given: i32) -> Option<i32> {
    (given > 0).then_some(given)
}
