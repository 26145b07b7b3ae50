//! What connectors read of spans and resources: a few attributes by name.

use flow::otlp::view::{Span, Value, attributes};
use flow::region;
use throughline_context::Tracestate;

/// Fields of the messages that have attributes.
pub(super) const RESOURCE_ATTRIBUTES: u32 = 1;
pub(super) const SPAN_ATTRIBUTES: u32 = 9;
pub(super) const EVENT_ATTRIBUTES: u32 = 3;

const REGION: &str = "interaction.region";
const CLOUD_REGION: &str = "cloud.region";
const VERSION: &str = "service.version";
/// A span that goes on, and one that better knowledge has taken back.
const LEFT_OUT: [&str; 2] = ["throughline.unfinished", "throughline.superseded"];

/// The names of the attributes that are wanted.
pub(super) struct Wanted(Vec<Box<str>>);

/// The values of wanted attributes, each in its name's place.
pub(super) type Values<'a> = Vec<Option<Value<'a>>>;

impl Wanted {
    pub(super) fn new<'n>(names: impl IntoIterator<Item = &'n str>) -> Self {
        let mut wanted = Self(LEFT_OUT.map(Box::from).into());
        for name in names {
            wanted.add(name);
        }
        if wanted.place(REGION.as_bytes()).is_some() {
            wanted.add(CLOUD_REGION);
            wanted.add(VERSION);
        }
        wanted
    }

    fn add(&mut self, name: &str) {
        if self.place(name.as_bytes()).is_none() {
            self.0.push(name.into());
        }
    }

    fn place(&self, name: &[u8]) -> Option<usize> {
        self.0.iter().position(|known| known.as_bytes() == name)
    }

    /// The attributes in a field of a message; of one that stands twice, the first value.
    pub(super) fn read<'a>(&self, message: &'a [u8], field: u32, values: &mut Values<'a>) {
        values.clear();
        values.resize(self.0.len(), None);
        for (at, value) in attributes(message, field, |key| self.place(key)) {
            if let Some(place) = values.get_mut(at) {
                place.get_or_insert(value);
            }
        }
    }

    /// Whether a span with these attributes is not to be counted.
    pub(super) fn left_out(&self, span: &Values<'_>) -> bool {
        span.iter().take(LEFT_OUT.len()).any(|value| *value == Some(Value::Bool(true)))
    }

    /// The value in the first of several places that has it. A region that nobody names is that of the cloud, or what
    /// the version ends in.
    pub(super) fn value<'a>(&self, name: &str, places: &[&Values<'a>]) -> Option<Value<'a>> {
        let find = |name: &str| {
            let at = self.place(name.as_bytes())?;
            places.iter().find_map(|values| values.get(at).copied().flatten())
        };
        let found = find(name);
        if found.is_some() || name != REGION {
            return found;
        }
        let version = || region::suffix(find(VERSION)?.as_str()?).map(Value::String);
        find(CLOUD_REGION).or_else(version)
    }
}

/// Spans that a sampled span stands for, after its threshold (`ot=th:`), where it has one; a fraction is rounded by the
/// span's id, so that many spans come out right.
pub(super) fn weight(span: &Span<'_>) -> Option<u64> {
    const ALL: u64 = 1 << 56;
    const MOST: f64 = 1_048_576.0;
    if !span.trace_state.contains("th:") {
        return None;
    }
    let state = Tracestate::parse([span.trace_state.as_bytes()]).ok()?;
    let threshold = state.ot()?.threshold()?;
    let exact = (ALL as f64 / ALL.saturating_sub(threshold).max(1) as f64).min(MOST);
    let id = span.span_id.iter().fold(0u64, |id, byte| id << 8 | u64::from(*byte));
    // The low bits; the high ones of ids made elsewhere may be a clock.
    let chance = f64::from(id.wrapping_mul(0x9e37_79b9_7f4a_7c15).rotate_right(32) as u32) / 4_294_967_296.0;
    Some(exact.floor() as u64 + u64::from(chance < exact.fract()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::connectors::points::put_attribute;

    #[test]
    fn regions_in_order_of_trust() {
        let wanted = Wanted::new([REGION]);
        let all = [(VERSION, "2.0-eu-west-2"), (CLOUD_REGION, "eu-west-1"), (REGION, "emea")];
        for (given, expected) in [(1, "eu-west-2"), (2, "eu-west-1"), (3, "emea")] {
            let mut resource = Vec::new();
            for (key, value) in all.into_iter().take(given) {
                put_attribute(&mut resource, key, &Value::String(value));
            }
            let mut values = Vec::new();
            wanted.read(&resource, RESOURCE_ATTRIBUTES, &mut values);
            let none = vec![None; values.len()];
            assert_eq!(wanted.value(REGION, &[&none, &values]), Some(Value::String(expected)));
            assert_eq!(wanted.value("queue", &[&values]), None);
        }
    }

    #[test]
    fn thresholds_are_weights() {
        for (state, expected) in [
            ("", None),
            ("ot=ro", None),
            ("ot=th:0", Some(1)),
            ("ot=th:8", Some(2)),
            ("vendor=th:8", None),
            ("ot=th:zz", None),
            ("ot=rv:00000000000001;th:c", Some(4)),
            ("ot=th:ffffffffffffff", Some(1 << 20)),
        ] {
            assert_eq!(weight(&Span { trace_state: state, ..Span::default() }), expected, "{state}");
        }
    }

    #[test]
    fn fractions_come_out_right_over_many_spans() {
        // Three of four are kept: each stands for 1⅓.
        let spans = 3000u64;
        let seen: u64 = (0..spans)
            .filter_map(|id| {
                weight(&Span { trace_state: "ot=th:4", span_id: &id.to_be_bytes(), ..Span::default() })
            })
            .sum();
        assert!(seen.abs_diff(4000) < 100, "{seen}");
    }
}
