//! `partial_success`: what a server says of items that it left out of a request it took.

use flow::wire::fields;
use flow::{ExportError, Signal};
use serde_json::Value;

use crate::net::failure::short;

#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(crate) struct PartialSuccess {
    pub(crate) rejected: u64,
    pub(crate) message: String,
}

impl PartialSuccess {
    /// From an `ExportTraceServiceResponse` or its twins; anything unsound reads as absent.
    pub(crate) fn from_proto(answer: &[u8]) -> Self {
        let mut partial = Self::default();
        let inner = fields(answer).filter(|field| field.number == 1).flat_map(|field| fields(field.bytes()));
        for field in inner {
            match field.number {
                1 => partial.rejected = not_negative(field.int() as i64),
                2 => partial.message = short(field.text()),
                _ => {}
            }
        }
        partial
    }

    pub(crate) fn from_json(answer: &[u8], signal: Signal) -> Self {
        let Ok(answer) = serde_json::from_slice::<Value>(answer) else { return Self::default() };
        let Some(partial) = answer.get("partialSuccess") else { return Self::default() };
        let name = match signal {
            Signal::Traces => "rejectedSpans",
            Signal::Metrics => "rejectedDataPoints",
            Signal::Logs => "rejectedLogRecords",
        };
        // 64-bit numbers are texts in protobuf's JSON, but not everybody writes them so.
        let rejected = partial.get(name).and_then(|number| match number {
            Value::String(text) => text.parse().ok(),
            number => number.as_i64(),
        });
        let message = partial.get("errorMessage").and_then(Value::as_str).unwrap_or_default();
        Self { rejected: rejected.map_or(0, not_negative), message: short(message) }
    }

    /// The result of the export of so many items. The rejected ones are gone for good: sending them again would
    /// only send the others twice.
    pub(crate) fn into_result(self, exporter: &str, items: usize) -> Result<(), ExportError> {
        let rejected = usize::try_from(self.rejected).unwrap_or(usize::MAX);
        match rejected {
            0 => {
                if !self.message.is_empty() {
                    tracing::warn!(
                        exporter,
                        warning = self.message,
                        "the destination took all, with a warning"
                    );
                }
                Ok(())
            }
            _ => {
                let why = if self.message.is_empty() { "no reason given".into() } else { self.message };
                Err(match rejected < items {
                    true => ExportError::Partial { rejected, why },
                    false => ExportError::Permanent(format!("the destination rejected all items: {why}")),
                })
            }
        }
    }
}

fn not_negative(number: i64) -> u64 {
    u64::try_from(number).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use flow::wire::{put_len, put_nested, put_varint_field};
    use proptest::prelude::*;

    fn answer(rejected: i64, message: &str) -> Vec<u8> {
        let mut out = Vec::new();
        put_nested(&mut out, 1, |out| {
            put_varint_field(out, 1, rejected as u64);
            put_len(out, 2, message.as_bytes());
        });
        out
    }

    #[test]
    fn both_forms_say_the_same() {
        let expected = PartialSuccess { rejected: 3, message: "too old".into() };
        assert_eq!(PartialSuccess::from_proto(&answer(3, "too old")), expected);
        for (signal, json) in [
            (Signal::Traces, r#"{"partialSuccess":{"rejectedSpans":"3","errorMessage":"too old"}}"#),
            (Signal::Metrics, r#"{"partialSuccess":{"rejectedDataPoints":3,"errorMessage":"too old"}}"#),
            (Signal::Logs, r#"{"partialSuccess":{"rejectedLogRecords":"3","errorMessage":"too old"}}"#),
        ] {
            assert_eq!(PartialSuccess::from_json(json.as_bytes(), signal), expected);
        }
        for nothing in ["", "{}", "null", r#"{"partialSuccess":{}}"#, r#"{"partialSuccess":[]}"#] {
            assert_eq!(
                PartialSuccess::from_json(nothing.as_bytes(), Signal::Traces),
                PartialSuccess::default()
            );
        }
        assert_eq!(PartialSuccess::from_proto(&answer(-1, "")).rejected, 0);
    }

    #[test]
    fn what_is_rejected_is_lost_once() {
        let result =
            |rejected, items| PartialSuccess { rejected, message: "old".into() }.into_result("out", items);
        assert!(result(0, 5).is_ok());
        assert!(matches!(result(2, 5), Err(ExportError::Partial { rejected: 2, .. })));
        assert!(matches!(result(5, 5), Err(ExportError::Permanent(_))));
        assert!(matches!(result(u64::MAX, 5), Err(ExportError::Permanent(_))));
    }

    proptest! {
        #[test]
        fn any_answer_is_read(bytes: Vec<u8>, text: String) {
            prop_assert!(PartialSuccess::from_proto(&bytes).message.len() <= bytes.len() * 3);
            PartialSuccess::from_json(&bytes, Signal::Traces);
            prop_assert_eq!(PartialSuccess::from_json(text.as_bytes(), Signal::Logs).rejected, 0);
        }
    }
}
