//! Keys and errors of the collector's `filterprocessor`.

use flow::config::{Finding, Node};
use serde::Deserialize;
use serde::de::IgnoredAny;

use crate::ottl::{Condition, Context, ErrorMode, Within, groups};
use crate::processors::attributes::matching::{self, settings::filter};
use crate::processors::attributes::settings::if_sound;

/// What is left out, by the context of its conditions.
#[derive(Default)]
pub(super) struct Rules {
    pub(super) resource: Vec<Rule>,
    pub(super) scope: Vec<Rule>,
    pub(super) span: Vec<Rule>,
    pub(super) event: Vec<Rule>,
    /// `spans`: what is kept.
    pub(super) kept: Option<matching::Filter>,
}

pub(super) struct Rule {
    pub(super) condition: Condition,
    pub(super) error_mode: ErrorMode,
}

impl Rules {
    pub(super) fn is_empty(&self) -> bool {
        let Self { resource, scope, span, event, kept } = self;
        [resource, scope, span, event].iter().all(|rules| rules.is_empty()) && kept.is_none()
    }
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct Raw {
    error_mode: ErrorMode,
    #[serde(rename = "trace_conditions")]
    _trace_conditions: IgnoredAny,
    #[serde(rename = "traces")]
    _traces: IgnoredAny,
    #[serde(rename = "spans")]
    _spans: IgnoredAny,
    #[serde(rename = "metric_conditions")]
    _metric_conditions: IgnoredAny,
    #[serde(rename = "metrics")]
    _metrics: IgnoredAny,
    #[serde(rename = "log_conditions")]
    _log_conditions: IgnoredAny,
    #[serde(rename = "logs")]
    _logs: IgnoredAny,
    #[serde(rename = "profile_conditions")]
    _profile_conditions: IgnoredAny,
    #[serde(rename = "profiles")]
    _profiles: IgnoredAny,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct Traces {
    #[serde(rename = "resource")]
    _resource: IgnoredAny,
    #[serde(rename = "span")]
    _span: IgnoredAny,
    #[serde(rename = "spanevent")]
    _spanevent: IgnoredAny,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct Spans {
    #[serde(rename = "include")]
    _include: IgnoredAny,
    #[serde(rename = "exclude")]
    _exclude: IgnoredAny,
}

const STYLES: [&str; 3] = ["trace_conditions", "traces", "spans"];
const OTHERS: [&str; 6] =
    ["metric_conditions", "metrics", "log_conditions", "logs", "profile_conditions", "profiles"];

pub(super) fn check(section: &Node) -> Vec<Finding> {
    read(section).1
}

pub(super) fn rules(section: &Node) -> Option<Rules> {
    read(section).0
}

fn read(section: &Node) -> (Option<Rules>, Vec<Finding>) {
    let (raw, mut findings) = section.check::<Raw>();
    let error_mode = raw.unwrap_or_default().error_mode;
    for node in OTHERS.into_iter().filter_map(|key| set(section, key)) {
        findings
            .push(Finding::advice(node, "this has no effect: `filter` works on traces").help("remove it"));
    }
    let styles: Vec<_> = STYLES.into_iter().filter_map(|key| Some((key, set(section, key)?))).collect();
    let mut rules = Rules::default();
    match styles.as_slice() {
        [] => {
            let finding = Finding::advice(section, "nothing is left out, since there is no condition");
            findings.push(
                finding.help("such as `trace_conditions: ['span.attributes[\"url.path\"] == \"/healthz\"']`"),
            );
        }
        [("trace_conditions", list)] => by_groups(list, error_mode, &mut rules, &mut findings),
        [("traces", block)] => by_level(block, error_mode, &mut rules, &mut findings),
        [(_, block)] => {
            findings.extend(block.check::<Spans>().1);
            rules.kept = Some(filter(block, &mut findings));
        }
        [.., (last, node)] => {
            let names: Vec<_> = styles.iter().map(|(key, _)| format!("`{key}`")).collect();
            let message = format!("{} stand beside each other", names.join(" and "));
            let help = format!("say all of it in `trace_conditions`, without `{last}`");
            findings.push(Finding::error(node, message).help(help));
        }
    }
    findings.sort_by(|a, b| a.mark.cmp(&b.mark));
    (if_sound(rules, &findings), findings)
}

fn set<'n>(section: &'n Node, key: &str) -> Option<&'n Node> {
    section.get(key).filter(|node| !node.is_null())
}

fn by_groups(list: &Node, error_mode: ErrorMode, rules: &mut Rules, findings: &mut Vec<Finding>) {
    for group in groups(list, false, Condition::context, findings) {
        let Some(within) = group.within else { continue };
        let error_mode = group.error_mode.unwrap_or(error_mode);
        let nodes = group.conditions.iter().chain(group.statements);
        rules.add(nodes, within, error_mode, findings);
    }
}

/// The older style, with a list for each context.
fn by_level(block: &Node, error_mode: ErrorMode, rules: &mut Rules, findings: &mut Vec<Finding>) {
    findings.extend(block.check::<Traces>().1);
    for (key, context) in
        [("resource", Context::Resource), ("span", Context::Span), ("spanevent", Context::SpanEvent)]
    {
        let Some(list) = set(block, key) else { continue };
        if !matches!(list.value, flow::config::Value::List(_)) {
            findings.push(Finding::error(list, format!("expected a list, found {}", list.described())));
        }
        rules.add(list.items().iter(), Within::context(context), error_mode, findings);
    }
}

impl Rules {
    fn add<'n>(
        &mut self,
        nodes: impl Iterator<Item = &'n Node>,
        within: Within,
        error_mode: ErrorMode,
        findings: &mut Vec<Finding>,
    ) {
        let rules = match within.context {
            Context::Resource => &mut self.resource,
            Context::Scope => &mut self.scope,
            Context::Span => &mut self.span,
            Context::SpanEvent => &mut self.event,
        };
        let conditions = nodes.filter_map(|node| Condition::read(node, within, findings));
        rules.extend(conditions.map(|condition| Rule { condition, error_mode }));
    }
}
