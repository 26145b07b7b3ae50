//! The settings of each type of policy that stands for itself.

use std::sync::atomic::{AtomicBool, Ordering};

use flow::config::{Finding, Node, Severity};
use flow::otlp::view::Event;
use flow::wire::fields_of;
use regex::RegexSet;
use serde::Deserialize;
use serde::de::{DeserializeOwned, IgnoredAny};

use super::policies::Reader;
use crate::ottl::{self, Context, ErrorMode, Scene, Within};
use crate::processors::tail_sampling::policy::{Bucket, Condition, Named, Share};
use crate::processors::tail_sampling::watch::{Predicate, Test};

/// Field number of the events in a span.
const EVENTS: u32 = 11;

#[derive(Deserialize, Default)]
#[serde(default)]
struct Latency {
    threshold_ms: u64,
    upper_threshold_ms: u64,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct Numeric {
    key: String,
    min_value: Option<i64>,
    max_value: Option<i64>,
    invert_match: bool,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct Probabilistic {
    hash_salt: String,
    sampling_percentage: f64,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct Status {
    status_codes: Vec<Code>,
}

#[derive(Deserialize, Clone, Copy)]
#[serde(rename_all = "UPPERCASE")]
enum Code {
    Unset = 0,
    Ok = 1,
    Error = 2,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct Text {
    key: String,
    values: Vec<String>,
    enabled_regex_matching: bool,
    #[serde(rename = "cache_max_size")]
    _cache_max_size: i64,
    invert_match: bool,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct Boolean {
    key: String,
    value: bool,
    invert_match: bool,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct SpanRate {
    spans_per_second: u64,
    burst_capacity: u64,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct ByteRate {
    bytes_per_second: u64,
    burst_capacity: u64,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct SpanCount {
    min_spans: u32,
    max_spans: u32,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct State {
    key: String,
    values: Vec<String>,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct Ottl {
    error_mode: ErrorMode,
    span: Vec<IgnoredAny>,
    spanevent: Vec<IgnoredAny>,
}

impl Reader<'_> {
    pub(super) fn shared(&mut self, block: &Node, kind: &'static str) -> Option<Condition> {
        match kind {
            "latency" => self.latency(block),
            "numeric_attribute" => self.numeric(block),
            "probabilistic" => self.probabilistic(block),
            "status_code" => self.status(block),
            "string_attribute" => self.text(block),
            "boolean_attribute" => self.boolean(block),
            "rate_limiting" => {
                let raw: SpanRate = self.block(block)?;
                self.positive(block, "spans_per_second", raw.spans_per_second);
                Some(Condition::SpanRate(Bucket::new(raw.spans_per_second, raw.burst_capacity)))
            }
            "bytes_limiting" => {
                let raw: ByteRate = self.block(block)?;
                self.positive(block, "bytes_per_second", raw.bytes_per_second);
                Some(Condition::ByteRate(Bucket::new(raw.bytes_per_second, raw.burst_capacity)))
            }
            "span_count" => self.count(block),
            "trace_state" => self.state(block),
            _ => self.ottl(block),
        }
    }

    pub(super) fn found_flags(&mut self) -> Condition {
        Condition::Found { bit: self.watch.flags(), failed: None }
    }

    fn latency(&mut self, block: &Node) -> Option<Condition> {
        let Latency { threshold_ms: from_ms, upper_threshold_ms } = self.block(block)?;
        let to_ms = (upper_threshold_ms > 0).then_some(upper_threshold_ms);
        if to_ms.is_some_and(|to_ms| to_ms <= from_ms) {
            let at = block.get("upper_threshold_ms").unwrap_or(block);
            self.wrong(
                at,
                format!("nothing is longer than {from_ms} ms and not longer than this"),
                "raise it above `threshold_ms`",
            );
        } else if from_ms == 0 && to_ms.is_none() {
            self.advise(block, "every trace takes 0 ms or more, so this keeps all", "set `threshold_ms`");
        }
        Some(Condition::Latency { from_ms, to_ms })
    }

    fn numeric(&mut self, block: &Node) -> Option<Condition> {
        let Numeric { key, min_value, max_value, invert_match } = self.block(block)?;
        if min_value.is_none() && max_value.is_none() {
            self.wrong(
                block,
                "`numeric_attribute` needs `min_value` or `max_value`",
                "set at least one of them; 0 counts",
            );
        }
        let range = min_value.unwrap_or(i64::MIN)..=max_value.unwrap_or(i64::MAX);
        if range.is_empty() {
            self.wrong(
                block,
                "no number is at least `min_value` and at most `max_value`",
                "exchange the two",
            );
        }
        self.attribute(block, &key, Test::Within(range), invert_match)
    }

    fn probabilistic(&mut self, block: &Node) -> Option<Condition> {
        let Probabilistic { hash_salt, sampling_percentage } = self.block(block)?;
        let at = block.get("sampling_percentage").unwrap_or(block);
        if !(0.0..=100.0).contains(&sampling_percentage) {
            self.wrong(at, "`sampling_percentage` is from 0 to 100", "10 keeps one trace of ten");
        } else if sampling_percentage == 0.0 {
            self.advise(at, "0 percent keeps nothing", "10 keeps one trace of ten");
        }
        let salt = if hash_salt.is_empty() { "default-hash-seed" } else { &hash_salt };
        Some(Condition::Share(Share::new(salt, sampling_percentage)))
    }

    fn status(&mut self, block: &Node) -> Option<Condition> {
        let Status { status_codes } = self.block(block)?;
        if status_codes.is_empty() {
            self.wrong(block, "`status_codes` is empty", "list some of OK, ERROR, UNSET");
        }
        Some(Condition::Status(status_codes.iter().fold(0, |mask, code| mask | 1 << *code as u8)))
    }

    fn text(&mut self, block: &Node) -> Option<Condition> {
        let Text { key, values, enabled_regex_matching, invert_match, .. } = self.block(block)?;
        if values.is_empty() {
            let at = block.get("values").unwrap_or(block);
            self.wrong(at, "`values` is empty, so no value can be one of them", "list at least one");
        }
        let test = if enabled_regex_matching {
            let nodes = block.get("values").map_or(&[][..], Node::items);
            let before = self.errors();
            for (node, value) in nodes.iter().zip(&values) {
                crate::processors::attributes::settings::regex(node, value, self.findings);
            }
            if self.errors() > before {
                return None;
            }
            Test::Matches(RegexSet::new(&values).map_err(|_| self.too_large(block)).ok()?)
        } else {
            Test::OneOf(values)
        };
        self.attribute(block, &key, test, invert_match)
    }

    fn too_large(&mut self, block: &Node) {
        self.wrong(block, "these expressions are too large together", "split them into several policies");
    }

    fn boolean(&mut self, block: &Node) -> Option<Condition> {
        let Boolean { key, value, invert_match } = self.block(block)?;
        self.attribute(block, &key, Test::Is(value), invert_match)
    }

    fn count(&mut self, block: &Node) -> Option<Condition> {
        let SpanCount { min_spans: min, max_spans } = self.block(block)?;
        let max = (max_spans > 0).then_some(max_spans);
        if max.is_some_and(|max| max < min) {
            self.wrong(
                block,
                "no trace has at least `min_spans` and at most `max_spans`",
                "exchange the two",
            );
        }
        Some(Condition::SpanCount { min, max })
    }

    fn state(&mut self, block: &Node) -> Option<Condition> {
        let State { key, values } = self.block(block)?;
        self.key(block, &key);
        let values: Vec<_> =
            values.into_iter().filter(|value| !value.is_empty() && key.len() + value.len() < 256).collect();
        if values.is_empty() {
            self.wrong(
                block,
                "no value can match",
                "list `values`; key and value have fewer than 256 characters together",
            );
        }
        Some(Condition::Found { bit: self.watch.state(key, values), failed: None })
    }

    fn ottl(&mut self, block: &Node) -> Option<Condition> {
        let Ottl { error_mode, span, spanevent } = self.block(block)?;
        if span.is_empty() && spanevent.is_empty() {
            let help = "list some under `span` or `spanevent`";
            self.wrong(block, "`ottl_condition` has no condition", help);
        }
        let before = self.errors();
        let mut read = |key: &str, context: Context| -> Vec<ottl::Condition> {
            let nodes = block.get(key).map_or(&[][..], Node::items).iter();
            nodes
                .filter_map(|node| ottl::Condition::read(node, Within::context(context), self.findings))
                .collect()
        };
        let (spans, events) = (read("span", Context::Span), read("spanevent", Context::SpanEvent));
        if self.errors() > before {
            return None;
        }
        let texts =
            ["span", "spanevent"].into_iter().flat_map(|key| block.get(key).map_or(&[][..], Node::items));
        let words = texts.filter_map(Node::text).collect::<Vec<_>>().join(" or ");
        let predicate = any_holds(spans, events, error_mode);
        let (bit, failed) = self.watch.predicate(words, error_mode == ErrorMode::Propagate, predicate);
        Some(Condition::Found { bit, failed })
    }

    fn attribute(&mut self, block: &Node, key: &str, test: Test, invert: bool) -> Option<Condition> {
        self.key(block, key);
        let condition = Condition::Found { bit: self.watch.attribute(key, test), failed: None };
        if !invert {
            return Some(condition);
        }
        let named = Named { name: "".into(), kind: "invert_match", condition };
        Some(Condition::Not(Box::new(named)))
    }

    fn key(&mut self, block: &Node, key: &str) {
        if key.is_empty() {
            self.wrong(block, "`key` is required", "name the attribute to look at");
        }
    }

    fn positive(&mut self, block: &Node, key: &str, value: u64) {
        if value == 0 {
            let at = block.get(key).unwrap_or(block);
            self.wrong(at, format!("`{key}` is required"), "with 0, nothing would ever be sampled");
        }
    }

    fn block<T: DeserializeOwned>(&mut self, block: &Node) -> Option<T> {
        let (raw, findings) = block.check::<T>();
        let failed = findings.iter().any(|finding: &Finding| finding.severity == Severity::Error);
        self.findings.extend(findings);
        raw.filter(|_| !failed)
    }
}

/// True where one of the conditions holds for the span or for one of its events.
fn any_holds(spans: Vec<ottl::Condition>, events: Vec<ottl::Condition>, mode: ErrorMode) -> Predicate {
    let said = AtomicBool::new(mode != ErrorMode::Ignore);
    Box::new(move |seen| {
        let scene = Scene::new(seen.now).resource(seen.resource).scope(seen.scope).span(seen.span);
        let mut failed = None;
        let mut holds = |condition: &ottl::Condition, scene: &Scene<'_>| match condition.holds(scene) {
            Ok(holds) => holds,
            Err(why) => {
                failed.get_or_insert_with(|| format!("{}: {why}", condition.path));
                false
            }
        };
        if spans.iter().any(|condition| holds(condition, &scene)) {
            return Ok(true);
        }
        if !events.is_empty() {
            for (at, event) in fields_of(seen.span, 0..seen.span.len(), EVENTS).enumerate() {
                let scene = scene.event(Event(event.bytes()), at);
                if events.iter().any(|condition| holds(condition, &scene)) {
                    return Ok(true);
                }
            }
        }
        let Some(why) = failed else { return Ok(false) };
        if !said.swap(true, Ordering::Relaxed) {
            tracing::warn!(%why, "a condition of tail_sampling fails on a span; this is said once");
        }
        Err(why)
    })
}

/// How a type is written.
pub(super) fn example(kind: &str) -> String {
    let settings = match kind {
        "latency" => "{threshold_ms: 2000}",
        "numeric_attribute" => "{key: http.response.status_code, min_value: 500}",
        "probabilistic" => "{sampling_percentage: 10}",
        "status_code" => "{status_codes: [ERROR]}",
        "string_attribute" => "{key: http.route, values: [/payments]}",
        "boolean_attribute" => "{key: app.keep, value: true}",
        "rate_limiting" => "{spans_per_second: 1000}",
        "bytes_limiting" => "{bytes_per_second: 1000000}",
        "span_count" => "{min_spans: 2}",
        "trace_state" => "{key: vendor, values: [keep]}",
        "ottl_condition" => "{span: ['attributes[\"key\"] == \"value\"']}",
        "and" => "{and_sub_policy: [{name: a, type: always_sample}]}",
        "drop" => "{drop_sub_policy: [{name: a, type: always_sample}]}",
        "not" => "{not_sub_policy: {name: a, type: always_sample}}",
        _ => "{max_total_spans_per_second: 1000, composite_sub_policy: [{name: a, type: always_sample}]}",
    };
    format!("such as `{kind}: {settings}`")
}
