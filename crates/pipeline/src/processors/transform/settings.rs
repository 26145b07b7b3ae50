//! Keys and errors of the collector's `transformprocessor`.

use flow::config::{Finding, Node};
use serde::Deserialize;
use serde::de::IgnoredAny;

use crate::ottl::{self, Condition, Context, ErrorMode, Statement};
use crate::processors::attributes::settings::if_sound;

/// Statements that run one after the other on each record, before the next group begins.
pub(super) struct Group {
    pub(super) context: Context,
    pub(super) error_mode: ErrorMode,
    /// One of them has to hold, if there are any.
    pub(super) conditions: Vec<Condition>,
    pub(super) statements: Vec<Statement>,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct Raw {
    error_mode: ErrorMode,
    #[serde(rename = "trace_statements")]
    _trace_statements: IgnoredAny,
    #[serde(rename = "metric_statements")]
    _metric_statements: IgnoredAny,
    #[serde(rename = "log_statements")]
    _log_statements: IgnoredAny,
    #[serde(rename = "profile_statements")]
    _profile_statements: IgnoredAny,
    #[serde(rename = "flatten_data")]
    _flatten_data: bool,
}

const OTHERS: [&str; 4] = ["metric_statements", "log_statements", "profile_statements", "flatten_data"];

pub(super) fn check(section: &Node) -> Vec<Finding> {
    read(section).1
}

pub(super) fn groups(section: &Node) -> Option<Vec<Group>> {
    read(section).0
}

fn read(section: &Node) -> (Option<Vec<Group>>, Vec<Finding>) {
    let (raw, mut findings) = section.check::<Raw>();
    let error_mode = raw.unwrap_or_default().error_mode;
    let set = |key: &str| section.get(key).filter(|node| !node.is_null());
    for node in OTHERS.into_iter().filter_map(set) {
        let advice = Finding::advice(node, "this has no effect: `transform` works on traces");
        findings.push(advice.help("remove it"));
    }
    let mut groups = Vec::new();
    match set("trace_statements") {
        Some(list) => {
            for group in ottl::groups(list, true, Statement::context, &mut findings) {
                groups.extend(one(&group, error_mode, &mut findings));
            }
        }
        None => {
            let finding = Finding::advice(section, "nothing is changed, since there is no statement");
            let help = "such as `trace_statements: ['set(span.attributes[\"key\"], \"value\")']`";
            findings.push(finding.help(help));
        }
    }
    findings.sort_by(|a, b| a.mark.cmp(&b.mark));
    (if_sound(groups, &findings), findings)
}

fn one(group: &ottl::Group<'_>, error_mode: ErrorMode, findings: &mut Vec<Finding>) -> Option<Group> {
    let within = group.within?;
    let conditions =
        group.conditions.iter().filter_map(|node| Condition::read(node, within, findings)).collect();
    let statements =
        group.statements.iter().filter_map(|node| Statement::read(node, within, findings)).collect();
    Some(Group {
        context: within.context,
        error_mode: group.error_mode.unwrap_or(error_mode),
        conditions,
        statements,
    })
}
