//! Keys and errors of the collector's `spanprocessor`.

use flow::config::{Finding, Node};
use flow::otlp::attributes::Keys;
use serde::Deserialize;
use serde::de::IgnoredAny;

use super::{Rule, Work, status};
use crate::processors::attributes::matching::settings::filter;
use crate::processors::attributes::settings::{if_sound, regex};

#[derive(Deserialize, Default)]
#[serde(default)]
struct Raw {
    name: Name,
    status: Option<Status>,
    #[serde(rename = "include")]
    _include: IgnoredAny,
    #[serde(rename = "exclude")]
    _exclude: IgnoredAny,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct Name {
    from_attributes: Vec<String>,
    separator: String,
    to_attributes: Option<ToAttributes>,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct ToAttributes {
    rules: Vec<String>,
    break_after_match: bool,
    keep_original_name: bool,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct Status {
    code: Option<Code>,
    description: String,
}

#[derive(Clone, Copy, PartialEq, Eq, Deserialize)]
enum Code {
    Unset,
    Ok,
    Error,
}

pub(super) fn check(section: &Node) -> Vec<Finding> {
    read(section).1
}

pub(super) fn work(section: &Node) -> Option<Work> {
    read(section).0
}

fn read(section: &Node) -> (Option<Work>, Vec<Finding>) {
    let (raw, mut findings) = section.check::<Raw>();
    let filter = filter(section, &mut findings);
    let Some(Raw { name, status, .. }) = raw else { return (None, findings) };
    if name.from_attributes.is_empty() && name.to_attributes.is_none() && status.is_none() {
        let finding = Finding::error(section, "nothing is said about what to do with spans");
        findings.push(finding.help("set `name::from_attributes`, `name::to_attributes` or `status`"));
    }
    let status = status.and_then(|status| checked(section, &status, &mut findings));
    let to = name.to_attributes.unwrap_or_default();
    let rules = rules(section, &to.rules, &mut findings);
    findings.sort_by(|a, b| a.mark.cmp(&b.mark));
    let keys = rules.iter().flat_map(|rule| &rule.names).chain(&name.from_attributes).map(String::as_str);
    let work = Work {
        wanted: Keys::of(keys),
        filter,
        from: name.from_attributes,
        separator: name.separator,
        rules,
        break_after_match: to.break_after_match,
        keep_original_name: to.keep_original_name,
        status,
    };
    (if_sound(work, &findings), findings)
}

fn checked(
    section: &Node,
    Status { code, description }: &Status,
    findings: &mut Vec<Finding>,
) -> Option<Vec<u8>> {
    let node = section.get("status").unwrap_or(section);
    let Some(code) = *code else {
        findings.push(Finding::error(node, "`code` is required").help("it is one of `Unset`, `Ok`, `Error`"));
        return None;
    };
    if code != Code::Error && !description.is_empty() {
        let at = node.get("description").unwrap_or(node);
        findings.push(Finding::error(at, "only the code `Error` has a description").help("remove it"));
    }
    let number = match code {
        Code::Unset => 0,
        Code::Ok => 1,
        Code::Error => 2,
    };
    Some(status(number, description))
}

fn rules(section: &Node, patterns: &[String], findings: &mut Vec<Finding>) -> Vec<Rule> {
    let Some(to) = section.at(["name", "to_attributes"]).filter(|to| !to.is_null()) else {
        return Vec::new();
    };
    let list = to.get("rules").unwrap_or(to);
    if patterns.is_empty() {
        let finding = Finding::error(list, "`to_attributes` has no rule");
        findings.push(finding.help(r"list at least one: `rules: ['^/v1/customers/(?P<customer_id>\d+)']`"));
    }
    let rules = patterns.iter().enumerate().filter_map(|(nth, pattern)| {
        let node = list.items().get(nth).unwrap_or(list);
        let pattern = regex(node, pattern, findings)?;
        let groups: Vec<Option<&str>> = pattern.capture_names().skip(1).collect();
        let names: Vec<String> = groups.iter().copied().flatten().map(str::to_owned).collect();
        if names.is_empty() || names.len() < groups.len() {
            let message = match groups.as_slice() {
                [] => "the pattern has no group, so there is nothing to make an attribute of",
                _ => "a group of the pattern has no name, and the name is the new attribute's key",
            };
            let help = "write `(?P<name>...)` for an attribute, `(?:...)` for another group";
            findings.push(Finding::error(node, message).help(help));
            return None;
        }
        Some(Rule { pattern, names })
    });
    rules.collect()
}
