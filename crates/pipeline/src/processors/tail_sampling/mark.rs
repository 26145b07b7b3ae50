//! What is written on spans that are kept, where the configuration asks for it: the policy, and how many they stand for.

use std::borrow::Cow;

use flow::wire::{fields, put_len, put_nested, put_varint_field};
use throughline_context::Tracestate;

const POLICY: &[u8] = b"tailsampling.policy";
const CACHED: &[u8] = b"tailsampling.cached_decision";
/// Field numbers.
const SCOPE: u32 = 1;
const SCOPE_ATTRIBUTES: u32 = 3;
const SPAN: u32 = 2;
const TRACE_STATE: u32 = 3;
/// 2 to the power of 56: the thresholds of `ot=th`.
const ALL: f64 = (1_u64 << 56) as f64;

/// What to write.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Mark<'a> {
    /// On the scope.
    pub(crate) policy: Option<Policy<'a>>,
    /// In the tracestate of each span; the inner nothing takes a threshold away that is not true any more.
    pub(crate) probability: Option<Option<f64>>,
}

#[derive(Clone, Copy, Debug)]
pub(crate) struct Policy<'a> {
    pub(crate) name: &'a str,
    /// The span came after the decision.
    pub(crate) cached: bool,
}

impl Mark<'_> {
    /// A `ScopeSpans` message without spans.
    pub(crate) fn scope<'b>(&self, scope_spans: &'b [u8]) -> Cow<'b, [u8]> {
        let Some(policy) = self.policy else { return Cow::Borrowed(scope_spans) };
        let scope = fields(scope_spans).find(|field| field.number == SCOPE);
        let scope = scope.map_or(&[][..], |field| field.bytes());
        let mut out = Vec::with_capacity(scope_spans.len() + 64);
        put_nested(&mut out, SCOPE, |out| {
            let ours = |field: &flow::wire::Field<'_>| {
                let key = fields(field.bytes()).find(|part| part.number == 1);
                field.number == SCOPE_ATTRIBUTES
                    && key.is_some_and(|key| [POLICY, CACHED].contains(&key.bytes()))
            };
            for field in fields(scope).filter(|field| !ours(field)) {
                out.extend_from_slice(scope.get(field.start..field.end).unwrap_or_default());
            }
            if !policy.name.is_empty() {
                attribute(out, POLICY, |out| put_len(out, 1, policy.name.as_bytes()));
            }
            if policy.cached {
                attribute(out, CACHED, |out| put_varint_field(out, 2, 1));
            }
        });
        for field in fields(scope_spans).filter(|field| field.number != SCOPE) {
            out.extend_from_slice(scope_spans.get(field.start..field.end).unwrap_or_default());
        }
        Cow::Owned(out)
    }

    /// Spans as fields of a `ScopeSpans`.
    pub(crate) fn spans<'b>(&self, bytes: &'b [u8]) -> Cow<'b, [u8]> {
        let Some(probability) = self.probability else { return Cow::Borrowed(bytes) };
        let mut out = Vec::with_capacity(bytes.len() + 32);
        for span in fields(bytes) {
            let span = span.bytes();
            let state = fields(span).find(|field| field.number == TRACE_STATE);
            let text = state.map_or("", |field| field.text());
            put_nested(&mut out, SPAN, |out| match thresholded(text, probability) {
                None => out.extend_from_slice(span),
                Some(state) => {
                    for field in fields(span).filter(|field| field.number != TRACE_STATE) {
                        out.extend_from_slice(span.get(field.start..field.end).unwrap_or_default());
                    }
                    if !state.is_empty() {
                        put_len(out, TRACE_STATE, state.as_bytes());
                    }
                }
            });
        }
        Cow::Owned(out)
    }
}

fn attribute(out: &mut Vec<u8>, key: &[u8], value: impl FnOnce(&mut Vec<u8>)) {
    put_nested(out, SCOPE_ATTRIBUTES, |out| {
        put_len(out, 1, key);
        put_nested(out, 2, value);
    });
}

/// The tracestate with the threshold of a span that was kept with this probability by us, and with what stood there
/// before us; nothing where it stays as it is.
fn thresholded(text: &str, probability: Option<f64>) -> Option<String> {
    // What cannot be read passes untouched.
    let mut state: Tracestate = if text.is_empty() { Tracestate::default() } else { text.parse().ok()? };
    let before = state.ot().and_then(|ot| ot.threshold());
    let threshold = match (before, probability) {
        (None, None | Some(1.0)) => return None,
        (_, None) => None,
        (before, Some(ours)) => {
            let theirs = before.map_or(1.0, |threshold| 1.0 - threshold as f64 / ALL);
            Some(rounded(theirs * ours))
        }
    };
    state.set_threshold(threshold).ok()?;
    (state.as_str() != text).then(|| state.as_str().to_owned())
}

/// The threshold for a probability, with four digits behind its leading `f`s, as the specification advises.
fn rounded(probability: f64) -> u64 {
    let threshold = ((1.0 - probability.clamp(0.0, 1.0)) * ALL).min(ALL - 1.0) as u64;
    let leading = (threshold << 8).leading_ones() / 4;
    let kept = (4 * (leading + 4)).min(56);
    let unit = 1_u64 << (56 - kept);
    let up = threshold.saturating_add(unit / 2) / unit * unit;
    if up < 1 << 56 { up } else { threshold }
}

/// Bytes that the tag and the length of a field take whose number is below 16.
pub(crate) fn head_len(content: usize) -> usize {
    1 + flow::wire::varint_len(content as u64)
}

#[cfg(test)]
mod tests {
    use flow::otlp::view::{ScopeSpans, Value};

    use super::*;

    #[test]
    fn thresholds_multiply_and_unknown_ones_go() {
        for (before, probability, after) in [
            ("", Some(0.1), Some("ot=th:e666")),
            ("", Some(0.001), Some("ot=th:ffbe77")),
            ("", Some(1.0), None),
            ("ot=th:8", Some(0.5), Some("ot=th:c")),
            ("ot=th:8;rv:00000000000001,x=y", Some(1.0), None),
            ("ot=th:8;rv:00000000000001,x=y", None, Some("ot=rv:00000000000001,x=y")),
            ("ot=th:8", None, Some("")),
            ("ot=ro", Some(0.5), Some("ot=th:8")),
            ("no state", Some(0.5), None),
        ] {
            assert_eq!(thresholded(before, probability).as_deref(), after, "{before} {probability:?}");
        }
    }

    #[test]
    fn the_policy_stands_on_the_scope_once() {
        let mark = |name, cached| Mark { policy: Some(Policy { name, cached }), ..Mark::default() };
        let once = mark("slow", false).scope(&[]).into_owned();
        let twice = mark("errors", true).scope(&once).into_owned();
        let attributes: Vec<_> = ScopeSpans(&twice).scope().attributes().map(|a| (a.key, a.value)).collect();
        assert_eq!(
            attributes,
            [
                ("tailsampling.policy", Value::String("errors")),
                ("tailsampling.cached_decision", Value::Bool(true))
            ]
        );
    }
}
