//! What is watched.

use flow::config::GoDuration;
use serde::{Deserialize, Serialize};
use store_api::analysis::Scope;
use store_api::analysis::ended::{self, Window};
use store_api::{Filter, Stage};
use utoipa::ToSchema;

use crate::text;

/// What a person writes.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Spec {
    /// 1 to 120 characters.
    #[schema(example = "Queue p95 in eu-west")]
    pub name: String,
    #[schema(value_type = String, example = "queue")]
    pub stage: Stage,
    pub measure: Measure,
    /// For `service_level`: how long it may take.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, example = "20s")]
    pub within: Option<GoDuration>,
    pub op: Op,
    /// Seconds for percentiles, a share from 0 to 1 for `service_level` and `failures`, a number for `count`.
    #[schema(example = 120.0)]
    pub threshold: f64,
    /// Only spans of these.
    #[serde(default, rename = "where")]
    pub only: Only,
    /// What ended in the time until now counts: 1m to 24h.
    #[serde(default = "usual_window")]
    #[schema(value_type = String, example = "15m")]
    pub window: GoDuration,
    /// The rule fires when the condition has held for so long.
    #[serde(default, rename = "for")]
    #[schema(value_type = String, example = "5m")]
    pub hold: GoDuration,
    /// It ends when the condition has not held for so long.
    #[serde(default)]
    #[schema(value_type = String, example = "5m")]
    pub keep_firing_for: GoDuration,
    /// With fewer spans in the window there is not enough data: nothing fires, and nothing ends.
    #[serde(default = "usual_count")]
    pub min_count: u64,
    #[serde(default)]
    pub severity: Severity,
    /// Names of receivers from the configuration.
    #[serde(default)]
    pub receivers: Vec<String>,
    /// Goes along with every message: what to do.
    #[serde(default)]
    pub note: String,
    /// Addresses of instructions, with `http` or `https`.
    #[serde(default)]
    pub links: Vec<String>,
    /// A rule that is off is kept, and not evaluated.
    #[serde(default = "on")]
    pub enabled: bool,
}

/// Which spans count. All that is set holds; the fields are those of the other questions.
#[derive(Clone, PartialEq, Eq, Default, Debug, Serialize, Deserialize, ToSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Only {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub region: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub queue: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub channel: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub q: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub outcome: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub agent: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub service: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    pub min_duration: Option<GoDuration>,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub errors: bool,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Measure {
    P50,
    P95,
    P99,
    /// The share that took no longer than `within`.
    ServiceLevel,
    /// The share that failed.
    Failures,
    Count,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum Op {
    Above,
    Below,
}

#[derive(Clone, Copy, PartialEq, Eq, Default, Debug, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    Info,
    #[default]
    Warning,
    Critical,
}

/// A rule as it is kept.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize, ToSchema)]
pub struct Rule {
    pub id: String,
    pub spec: Spec,
    #[serde(with = "text::digits")]
    #[schema(value_type = String, pattern = "^[0-9]+$")]
    pub created_ns: u64,
    #[serde(with = "text::digits")]
    #[schema(value_type = String, pattern = "^[0-9]+$")]
    pub changed_ns: u64,
}

/// What is wrong with a rule.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("`{field}` {what}")]
pub struct Wrong {
    pub field: &'static str,
    pub what: String,
    pub help: String,
}

const MINUTE: u64 = 60_000_000_000;
const DAY: u64 = 24 * 60 * MINUTE;
const LONGEST_NAME: usize = 120;
const LONGEST_TEXT: usize = 2000;
const MOST_LINKS: usize = 5;
const MOST_RECEIVERS: usize = 10;
const MOST_COUNT: u64 = 1_000_000;

fn usual_window() -> GoDuration {
    GoDuration::from_secs(900)
}

fn usual_count() -> u64 {
    20
}

fn on() -> bool {
    true
}

impl Spec {
    /// The first thing that is wrong with it; `receivers` are those there are.
    pub fn check(&self, receivers: impl Fn(&str) -> bool) -> Result<(), Wrong> {
        let wrong = |field, what: &str, help: &str| {
            Err(Wrong { field, what: what.to_owned(), help: help.to_owned() })
        };
        let length = self.name.chars().count();
        if self.name.trim().is_empty() || length > LONGEST_NAME || self.name.chars().any(char::is_control) {
            return wrong("name", "is empty or too long", "write 1 to 120 characters in one line");
        }
        let share = matches!(self.measure, Measure::ServiceLevel | Measure::Failures);
        if !self.threshold.is_finite() || self.threshold < 0.0 || (share && self.threshold > 1.0) {
            let help = "write seconds for a percentile, a share from 0 to 1, or a number for `count`";
            return wrong("threshold", "is out of range", help);
        }
        if (self.measure == Measure::ServiceLevel) != self.within.is_some_and(|within| !within.is_zero()) {
            let help = "`service_level` needs `within`, as in `20s`; nothing else takes it";
            return wrong("within", "does not go with the measure", help);
        }
        if !(MINUTE..=DAY).contains(&self.window.nanos()) {
            return wrong("window", "is too short or too long", "write 1m to 24h");
        }
        for (field, given) in [("for", self.hold), ("keep_firing_for", self.keep_firing_for)] {
            if given.nanos() > DAY {
                return wrong(field, "is too long", "write 0s to 24h");
            }
        }
        if !(1..=MOST_COUNT).contains(&self.min_count) {
            return wrong("min_count", "is out of range", "write a number from 1 to 1000000");
        }
        if self.note.len() > LONGEST_TEXT {
            return wrong("note", "is too long", "write up to 2000 bytes");
        }
        let link = |link: &String| {
            let web = link.starts_with("https://") || link.starts_with("http://");
            web && link.len() <= LONGEST_TEXT && !link.chars().any(|c| c.is_control() || c.is_whitespace())
        };
        if self.links.len() > MOST_LINKS || !self.links.iter().all(link) {
            return wrong(
                "links",
                "are too many, or one is no address",
                "write up to 5 that begin with https://",
            );
        }
        let known = self.receivers.len() <= MOST_RECEIVERS;
        if let Some(name) = self.receivers.iter().find(|name| !known || !receivers(name)) {
            let what = format!("names `{name}`, which is not configured");
            let help = "receivers are in the section `view` of the configuration, below `alerts`".to_owned();
            return Err(Wrong { field: "receivers", what, help });
        }
        self.scope().map(|_| ())
    }

    /// Whether what is measured, or when it counts as wrong, differs: then the state of one says nothing of the other.
    pub(crate) fn watches_other(&self, other: &Self) -> bool {
        let condition = |spec: &Self| {
            let measured = (spec.stage, spec.measure, spec.within, spec.op);
            (measured, spec.threshold.to_bits(), spec.only.clone(), spec.window)
        };
        condition(self) != condition(other)
    }

    pub(crate) fn scope(&self) -> Result<Scope, Wrong> {
        let only = &self.only;
        let texts =
            [&only.region, &only.queue, &only.channel, &only.version, &only.outcome, &only.agent, &only.q];
        if texts.into_iter().chain([&only.service]).flatten().any(|text| text.len() > LONGEST_TEXT) {
            let help = "write up to 2000 bytes".to_owned();
            return Err(Wrong { field: "where", what: "has a text that is too long".to_owned(), help });
        }
        let q = only.q.as_deref().map(str::trim).filter(|q| !q.is_empty()).map(str::parse).transpose();
        let q = q.map_err(|wrong: store_api::Misread| Wrong {
            field: "where",
            what: format!("has a `q` that cannot be read: {wrong}"),
            help: wrong.help,
        })?;
        let given = |text: &Option<String>| text.clone().filter(|text| !text.is_empty());
        let calls = Filter {
            q,
            outcome: given(&only.outcome),
            agent: given(&only.agent),
            service: given(&only.service),
            min_duration_ns: only.min_duration.map(GoDuration::nanos),
            errors: only.errors,
            ..Filter::default()
        };
        Ok(Scope {
            region: given(&only.region),
            queue: given(&only.queue),
            channel: given(&only.channel),
            version: given(&only.version),
            calls,
            ..Scope::default()
        })
    }

    /// What it asks the store, of windows that end at these times.
    pub(crate) fn question(&self, ends: Vec<u64>) -> Result<ended::Question, Wrong> {
        Ok(ended::Question {
            scope: self.scope()?,
            stage: self.stage,
            threshold_ns: self.within.map(GoDuration::nanos),
            window_ns: self.window.nanos(),
            ends,
        })
    }

    /// Nothing where there is nothing to measure.
    pub(crate) fn value(&self, window: &Window) -> Option<f64> {
        let latency = &window.latency;
        let seconds = |ns: Option<u64>| ns.map(|ns| ns as f64 / 1e9);
        match self.measure {
            Measure::P50 => seconds(latency.p50),
            Measure::P95 => seconds(latency.p95),
            Measure::P99 => seconds(latency.p99),
            Measure::ServiceLevel => window.within?.share(),
            Measure::Failures => store_api::analysis::share(latency.errors, latency.n),
            Measure::Count => Some(latency.n as f64),
        }
    }

    pub(crate) fn breaks(&self, value: f64) -> bool {
        match self.op {
            Op::Above => value > self.threshold,
            Op::Below => value < self.threshold,
        }
    }

    /// Whether so few spans say nothing. Of a count below a threshold no span at all says most.
    pub(crate) fn is_enough(&self, n: u64) -> bool {
        n >= self.min_count || (self.measure == Measure::Count && self.op == Op::Below)
    }

    pub(crate) fn say(&self, value: f64) -> String {
        match self.measure {
            Measure::P50 | Measure::P95 | Measure::P99 => text::seconds(value),
            Measure::ServiceLevel | Measure::Failures => format!("{:.1} %", value * 100.0),
            Measure::Count => format!("{value}"),
        }
    }

    pub(crate) fn measured(&self) -> String {
        let stage = self.stage.name();
        match (self.measure, self.within) {
            (Measure::P50, _) => format!("p50 of {stage}"),
            (Measure::P95, _) => format!("p95 of {stage}"),
            (Measure::P99, _) => format!("p99 of {stage}"),
            (Measure::ServiceLevel, Some(within)) => format!("{stage} within {within}"),
            (Measure::ServiceLevel, None) => format!("service level of {stage}"),
            (Measure::Failures, _) => format!("failed {stage}"),
            (Measure::Count, _) => format!("number of {stage}"),
        }
    }
}

impl Only {
    /// As other questions name them.
    pub(crate) fn pairs(&self) -> impl Iterator<Item = (&'static str, &str)> {
        let texts = [
            ("region", &self.region),
            ("queue", &self.queue),
            ("channel", &self.channel),
            ("version", &self.version),
            ("outcome", &self.outcome),
            ("agent", &self.agent),
            ("service", &self.service),
            ("q", &self.q),
        ];
        texts
            .into_iter()
            .filter_map(|(name, text)| Some((name, text.as_deref().filter(|text| !text.is_empty())?)))
    }
}

impl Op {
    pub fn name(self) -> &'static str {
        match self {
            Self::Above => "above",
            Self::Below => "below",
        }
    }
}

impl Severity {
    pub fn name(self) -> &'static str {
        match self {
            Self::Info => "info",
            Self::Warning => "warning",
            Self::Critical => "critical",
        }
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use serde_json::json;

    use super::*;

    pub(crate) fn spec(changes: serde_json::Value) -> Spec {
        let mut spec = json!({
            "name": "Queue p95", "stage": "queue", "measure": "p95", "op": "above", "threshold": 60,
            "min_count": 2, "window": "5m", "receivers": ["hook"],
        });
        if let (Some(spec), serde_json::Value::Object(changes)) = (spec.as_object_mut(), changes) {
            spec.extend(changes);
        }
        serde_json::from_value(spec).unwrap()
    }

    #[test]
    fn what_cannot_be_watched_is_named() {
        let of = |changes| match spec(changes).check(|name| name == "hook") {
            Ok(()) => "",
            Err(wrong) => wrong.field,
        };
        for (changes, field) in [
            (json!({}), ""),
            (json!({"name": " "}), "name"),
            (json!({"name": "x".repeat(121)}), "name"),
            (json!({"name": "two\nlines"}), "name"),
            (json!({"threshold": -1}), "threshold"),
            (json!({"measure": "failures", "threshold": 0.05}), ""),
            (json!({"measure": "failures", "threshold": 5}), "threshold"),
            (json!({"measure": "service_level", "threshold": 0.8, "within": "20s", "op": "below"}), ""),
            (json!({"measure": "service_level", "threshold": 0.8}), "within"),
            (json!({"within": "20s"}), "within"),
            (json!({"window": "59s"}), "window"),
            (json!({"window": "25h"}), "window"),
            (json!({"for": "25h"}), "for"),
            (json!({"min_count": 0}), "min_count"),
            (json!({"links": ["javascript:alert(1)"]}), "links"),
            (json!({"links": ["https://wiki.example.com/queue"]}), ""),
            (json!({"receivers": ["pager"]}), "receivers"),
            (json!({"where": {"q": "hold>30s"}}), ""),
            (json!({"where": {"q": "(hold"}}), "where"),
            (json!({"note": "x".repeat(2001)}), "note"),
        ] {
            assert_eq!(of(changes.clone()), field, "{changes}");
        }
    }

    #[test]
    fn a_rule_is_read_as_it_is_written() {
        for changes in [
            json!({}),
            json!({"measure": "service_level", "within": "20s", "threshold": 0.8, "for": "90s", "links": ["https://x"]}),
            json!({"where": {"region": "eu-west", "min_duration": "1m30s", "errors": true}, "severity": "critical"}),
        ] {
            let written = spec(changes);
            let text = serde_json::to_string(&written).unwrap();
            assert_eq!(serde_json::from_str::<Spec>(&text).unwrap(), written, "{text}");
        }
        let unknown = serde_json::from_str::<Spec>(
            r#"{"name":"x","stage":"queue","measure":"p42","op":"above","threshold":1}"#,
        );
        assert!(unknown.unwrap_err().to_string().contains("p95"), "the message says what there is");
    }
}
