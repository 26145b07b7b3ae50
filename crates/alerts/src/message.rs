//! What receivers are told, and how each kind writes it.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use store_api::time::rfc3339;

use crate::preview::RuleExample;
use crate::rule::{Rule, Spec};
use crate::standing::Standing;

#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Status {
    Firing,
    Resolved,
    /// Somebody tries whether messages arrive.
    Test,
}

/// One turn of a rule, with the rule as it was then.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Message {
    pub(crate) rule_id: String,
    pub(crate) spec: Spec,
    pub(crate) status: Status,
    pub(crate) began_ns: u64,
    pub(crate) ended_ns: Option<u64>,
    pub(crate) value: Option<f64>,
    pub(crate) n: u64,
    /// Interactions to look at, the slowest first.
    pub(crate) examples: Vec<String>,
    /// Why it ended, where it was not measured.
    pub(crate) why: Option<String>,
}

impl Message {
    pub(crate) fn firing(rule: &Rule, standing: &Standing, examples: &[RuleExample]) -> Self {
        let mut slowest: Vec<String> = Vec::new();
        for id in examples.iter().rev().filter_map(|example| example.interaction_id.clone()) {
            if !slowest.contains(&id) {
                slowest.push(id);
            }
        }
        Self {
            rule_id: rule.id.clone(),
            spec: rule.spec.clone(),
            status: Status::Firing,
            began_ns: standing.since_ns,
            ended_ns: None,
            value: standing.value,
            n: standing.n,
            examples: slowest,
            why: None,
        }
    }

    pub(crate) fn resolved(
        rule: &Rule,
        began_ns: u64,
        standing: &Standing,
        now_ns: u64,
        why: Option<&str>,
    ) -> Self {
        Self {
            status: Status::Resolved,
            began_ns,
            ended_ns: Some(now_ns),
            why: why.map(str::to_owned),
            ..Self::firing(rule, standing, &[])
        }
    }

    /// The same for every attempt, so that whoever gets it twice can tell.
    pub(crate) fn id(&self) -> String {
        format!("{}-{}-{}", self.rule_id, self.began_ns, self.status.name())
    }

    /// One sentence.
    pub(crate) fn summary(&self) -> String {
        let spec = &self.spec;
        let value = self
            .value
            .map_or_else(|| "nothing was measured".to_owned(), |value| format!("is {}", spec.say(value)));
        let limit = spec.say(spec.threshold);
        let only: Vec<String> = spec.only.pairs().map(|(name, text)| format!("{name} {text}")).collect();
        let only = if only.is_empty() { String::new() } else { format!(" ({})", only.join(", ")) };
        let measured = spec.measured();
        let said = match (self.status, &self.why) {
            (Status::Test, _) => {
                return format!("{}: this is a test of its delivery, nothing is wrong", spec.name);
            }
            (Status::Resolved, Some(why)) => format!("resolved, since the rule {why}"),
            (Status::Resolved, None) => format!("resolved: {measured}{only} {value}"),
            (Status::Firing, _) => format!("{measured}{only} {value}, {} {limit}", spec.op.name()),
        };
        format!("{}: {said}; n = {} in {}", spec.name, self.n, spec.window)
    }

    /// The rule, and the stage with the same filters in the hour around the beginning.
    fn links(&self, page_url: &str) -> (String, String) {
        let page = page_url.trim_end_matches('/');
        let spec = &self.spec;
        let around = spec.window.nanos().max(1_800_000_000_000);
        let (from, to) = (self.began_ns.saturating_sub(around), self.began_ns.saturating_add(around));
        let mut query: Vec<String> =
            spec.only.pairs().map(|(name, text)| format!("{name}={}", percent(text))).collect();
        query.push(format!("from={}", rfc3339(from)));
        query.push(format!("to={}", rfc3339(to)));
        let stage = format!("{page}/stages/{}?{}", spec.stage.name(), query.join("&"));
        (format!("{page}/alerts/{}", self.rule_id), stage)
    }

    /// The body for a webhook; docs/alerts.md describes it.
    pub(crate) fn webhook(&self, page_url: &str) -> Value {
        let (rule, stage) = self.links(page_url);
        let page = page_url.trim_end_matches('/');
        let example = |id: &String| format!("{page}/interactions/{}", percent(id));
        let spec = &self.spec;
        json!({
            "version": 1,
            "id": self.id(),
            "status": self.status.name(),
            "summary": self.summary(),
            "rule": {
                "id": self.rule_id,
                "name": spec.name,
                "severity": spec.severity,
                "stage": spec.stage,
                "measure": spec.measure,
                "within": spec.within.map(|within| within.to_string()),
                "op": spec.op,
                "threshold": spec.threshold,
                "window": spec.window.to_string(),
                "for": spec.hold.to_string(),
                "where": spec.only,
                "note": spec.note,
                "links": spec.links,
            },
            "value": self.value,
            "n": self.n,
            "starts_at": rfc3339(self.began_ns),
            "ends_at": self.ended_ns.map(rfc3339),
            "reason": self.why,
            "page": {
                "rule": rule,
                "stage": stage,
                "examples": self.examples.iter().map(example).collect::<Vec<_>>(),
            },
        })
    }

    /// One alert of `POST /api/v2/alerts`; it holds until then, unless it is sent again.
    pub(crate) fn alertmanager(&self, page_url: &str, until_ns: u64) -> Value {
        let spec = &self.spec;
        let (rule, stage) = self.links(page_url);
        let mut labels = Map::new();
        let mut label = |name: &str, value: &str| labels.insert(name.to_owned(), value.into());
        for (name, value) in spec.only.pairs().filter(|(name, _)| *name != "q") {
            label(name, value);
        }
        label("alertname", &spec.name);
        label("severity", spec.severity.name());
        label("stage", spec.stage.name());
        label("rule_id", &self.rule_id);
        let mut annotations = json!({"summary": self.summary(), "rule": rule});
        if let Some(annotations) = annotations.as_object_mut() {
            if let Some(value) = self.value {
                annotations.insert("value".to_owned(), spec.say(value).into());
            }
            if !spec.note.is_empty() {
                annotations.insert("description".to_owned(), spec.note.clone().into());
            }
            if let Some(link) = spec.links.first() {
                annotations.insert("runbook_url".to_owned(), link.clone().into());
            }
        }
        json!({
            "labels": labels,
            "annotations": annotations,
            "startsAt": rfc3339(self.began_ns),
            "endsAt": rfc3339(self.ended_ns.unwrap_or(until_ns)),
            "generatorURL": stage,
        })
    }
}

impl Status {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Firing => "firing",
            Self::Resolved => "resolved",
            Self::Test => "test",
        }
    }
}

/// For a part of an address.
fn percent(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' => out.push(char::from(byte)),
            _ => out.push_str(&format!("%{byte:02X}")),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use expect_test::expect;

    use super::*;
    use crate::rule::tests::spec;

    #[test]
    fn what_each_kind_is_told() {
        let spec = spec(json!({
            "measure": "service_level", "within": "20s", "threshold": 0.8, "op": "below", "severity": "critical",
            "where": {"region": "eu west", "q": "hold>30s"}, "links": ["https://wiki.example.com/queue"], "note": "Call Ann.",
        }));
        let rule = Rule { id: "18f0".to_owned(), spec, created_ns: 1, changed_ns: 1 };
        let began = 1_795_165_200_000_000_000;
        let standing =
            Standing { since_ns: began, value: Some(0.625), n: 48, enough: true, ..Standing::default() };
        let example = |at, id: &str| RuleExample {
            at,
            interaction_id: Some(id.to_owned()),
            trace_id: String::new(),
            span_id: String::new(),
            duration_ns: 1,
        };
        let firing = Message::firing(
            &rule,
            &standing,
            &[example("p50", "call/1"), example("p99", "b"), example("max", "b")],
        );
        let pretty = |value: &Value| serde_json::to_string_pretty(value).unwrap();
        expect![[r#"
            {
              "ends_at": null,
              "id": "18f0-1795165200000000000-firing",
              "n": 48,
              "page": {
                "examples": [
                  "https://calls.example.com/interactions/b",
                  "https://calls.example.com/interactions/call%2F1"
                ],
                "rule": "https://calls.example.com/alerts/18f0",
                "stage": "https://calls.example.com/stages/queue?region=eu%20west&q=hold%3E30s&from=2026-11-20T08:30:00.000Z&to=2026-11-20T09:30:00.000Z"
              },
              "reason": null,
              "rule": {
                "for": "0s",
                "id": "18f0",
                "links": [
                  "https://wiki.example.com/queue"
                ],
                "measure": "service_level",
                "name": "Queue p95",
                "note": "Call Ann.",
                "op": "below",
                "severity": "critical",
                "stage": "queue",
                "threshold": 0.8,
                "where": {
                  "q": "hold>30s",
                  "region": "eu west"
                },
                "window": "5m",
                "within": "20s"
              },
              "starts_at": "2026-11-20T09:00:00.000Z",
              "status": "firing",
              "summary": "Queue p95: queue within 20s (region eu west, q hold>30s) is 62.5 %, below 80.0 %; n = 48 in 5m",
              "value": 0.625,
              "version": 1
            }"#]].assert_eq(&pretty(&firing.webhook("https://calls.example.com/")));
        let resolved =
            Message::resolved(&rule, began, &standing, began + 90_000_000_000, Some("was deleted"));
        let resolved = resolved.alertmanager("https://calls.example.com", began);
        expect![[r#"
            {
              "annotations": {
                "description": "Call Ann.",
                "rule": "https://calls.example.com/alerts/18f0",
                "runbook_url": "https://wiki.example.com/queue",
                "summary": "Queue p95: resolved, since the rule was deleted; n = 48 in 5m",
                "value": "62.5 %"
              },
              "endsAt": "2026-11-20T09:01:30.000Z",
              "generatorURL": "https://calls.example.com/stages/queue?region=eu%20west&q=hold%3E30s&from=2026-11-20T08:30:00.000Z&to=2026-11-20T09:30:00.000Z",
              "labels": {
                "alertname": "Queue p95",
                "region": "eu west",
                "rule_id": "18f0",
                "severity": "critical",
                "stage": "queue"
              },
              "startsAt": "2026-11-20T09:00:00.000Z"
            }"#]].assert_eq(&pretty(&resolved));
    }
}
