//! Actions as configured: keys and errors of the collector's `attributes` and `resource` processors.

use flow::config::{Finding, Node, Severity, closest};
use regex::Regex;
use serde::Deserialize;
use serde::de::{DeserializeOwned, IgnoredAny};

use super::actions::{Action, Actions, From, Targets, When};
use super::value::{self, Target};

/// The keys of `attributes`.
#[derive(Deserialize, Default)]
#[serde(default)]
pub(super) struct Attributes {
    #[serde(rename = "actions")]
    _actions: Vec<IgnoredAny>,
    #[serde(rename = "include")]
    _include: IgnoredAny,
    #[serde(rename = "exclude")]
    _exclude: IgnoredAny,
}

/// The keys of `resource`.
#[derive(Deserialize, Default)]
#[serde(default)]
pub(in crate::processors) struct Resource {
    #[serde(rename = "attributes")]
    _attributes: Vec<IgnoredAny>,
}

/// The keys of one action.
#[derive(Deserialize, Default)]
#[serde(default)]
struct Raw {
    key: String,
    action: String,
    #[serde(rename = "value")]
    _value: IgnoredAny,
    #[serde(rename = "default_value")]
    _default_value: IgnoredAny,
    from_attribute: String,
    from_context: String,
    pattern: String,
    converted_type: Option<Target>,
}

const ACTIONS: [&str; 7] = ["insert", "update", "upsert", "delete", "hash", "extract", "convert"];
const SOURCES: [&str; 3] = ["value", "from_attribute", "from_context"];

/// What is wrong with the keys of a section.
pub(in crate::processors) fn keys<T: DeserializeOwned>(section: &Node) -> Vec<Finding> {
    section.check::<T>().1
}

/// The settings, where nothing is wrong with them.
pub(in crate::processors) fn if_sound<T>(settings: T, findings: &[Finding]) -> Option<T> {
    let sound = findings.iter().all(|finding| finding.severity != Severity::Error);
    sound.then_some(settings)
}

/// The actions under `key`; those that something is wrong with are left out.
pub(in crate::processors) fn actions(section: &Node, key: &str, findings: &mut Vec<Finding>) -> Actions {
    let list = section.get(key).unwrap_or(section);
    if list.items().is_empty() && findings.is_empty() {
        findings.push(
            Finding::error(list, format!("`{key}` has no action, so there is nothing to do")).help(format!(
                "list at least one: `{key}: [{{key: customer.phone.number, action: delete}}]`"
            )),
        );
    }
    Actions::new(list.items().iter().filter_map(|item| action(item, findings)).collect())
}

fn action(item: &Node, findings: &mut Vec<Finding>) -> Option<Action> {
    let (raw, wrong) = item.check::<Raw>();
    findings.extend(wrong);
    let before = errors(findings);
    let read = read(item, raw?, findings);
    read.filter(|_| errors(findings) == before)
}

fn errors(findings: &[Finding]) -> usize {
    findings.iter().filter(|finding| finding.severity == Severity::Error).count()
}

fn read(item: &Node, raw: Raw, findings: &mut Vec<Finding>) -> Option<Action> {
    let verb = raw.action.to_lowercase();
    let Some(verb) = ACTIONS.into_iter().find(|known| *known == verb) else {
        findings.push(unknown(item, &verb));
        return None;
    };
    unused(item, verb, findings);
    let by_pattern = matches!(verb, "delete" | "hash");
    if raw.key.is_empty() && (raw.pattern.is_empty() || !by_pattern) {
        let needed = if by_pattern { "`key` or `pattern`" } else { "`key`" };
        findings.push(Finding::error(item, format!("`{verb}` needs {needed}: the attribute to act on")));
    }
    let when = match verb {
        "insert" => Some(When::Absent),
        "update" => Some(When::Present),
        "upsert" => Some(When::Always),
        _ => None,
    };
    if let Some(when) = when {
        let (from, default) = source(item, verb, &raw, findings);
        return Some(Action::Put { key: raw.key, when, from, default });
    }
    let key = raw.key;
    Some(match verb {
        "extract" => return extract(item, key, &raw.pattern, findings),
        "convert" => {
            let Some(to) = raw.converted_type else {
                let finding = Finding::error(item, "`convert` needs `converted_type`");
                findings.push(finding.help("it is one of `int`, `double`, `string`"));
                return None;
            };
            Action::Convert { key, to }
        }
        verb => {
            let pattern =
                (!raw.pattern.is_empty()).then(|| regex(at(item, "pattern"), &raw.pattern, findings));
            let keys = Targets { key: (!key.is_empty()).then_some(key), pattern: pattern.flatten() };
            if verb == "delete" { Action::Delete(keys) } else { Action::Hash(keys) }
        }
    })
}

fn unknown(item: &Node, verb: &str) -> Finding {
    let list = ACTIONS.join(", ");
    let Some(node) = item.get("action").filter(|_| !verb.is_empty()) else {
        return Finding::error(item, "`action` is required").help(format!("it is one of {list}"));
    };
    let finding = Finding::error(node, format!("expected an action, found {}", node.described()));
    match closest(verb, ACTIONS) {
        Some(meant) => finding.help(format!("did you mean `{meant}`?")),
        None => finding.help(format!("the actions are {list}")),
    }
}

/// Reports the keys that this action does not use.
fn unused(item: &Node, verb: &str, findings: &mut Vec<Finding>) {
    let used: &[&str] = match verb {
        "delete" | "hash" | "extract" => &["pattern"],
        "convert" => &["converted_type"],
        _ => &["value", "from_attribute", "from_context", "default_value"],
    };
    for key in ["value", "from_attribute", "from_context", "default_value", "pattern", "converted_type"] {
        let Some(node) = set(item, key).filter(|_| !used.contains(&key)) else { continue };
        let message = format!("`{verb}` does not use `{key}`");
        // The collector passes over these without a word.
        let harmless = key == "default_value" || (key == "from_context" && matches!(verb, "delete" | "hash"));
        let finding = if harmless { Finding::advice(node, message) } else { Finding::error(node, message) };
        findings.push(finding.help("remove it"));
    }
}

/// Where the value comes from, and the default.
fn source(item: &Node, verb: &str, raw: &Raw, findings: &mut Vec<Finding>) -> (From, Option<Vec<u8>>) {
    let sources: Vec<&str> = SOURCES.into_iter().filter(|source| set(item, source).is_some()).collect();
    let default = set(item, "default_value").map(encoded);
    let from = match sources.as_slice() {
        [] => {
            if default.is_none() {
                findings.push(
                    Finding::error(item, format!("`{verb}` needs a value"))
                        .help("set one of `value`, `from_attribute`, `from_context`"),
                );
            }
            From::Nothing
        }
        ["value"] => From::Value(set(item, "value").map(encoded).unwrap_or_default()),
        ["from_attribute"] => From::Attribute(raw.from_attribute.clone()),
        ["from_context"] => context(&raw.from_context),
        several => {
            let list = several.iter().map(|key| format!("`{key}`")).collect::<Vec<_>>().join(", ");
            let node = several.last().map_or(item, |last| at(item, last));
            let message = format!("`{verb}` takes its value from one place, and {list} are set");
            findings.push(Finding::error(node, message).help("keep one of them"));
            From::Nothing
        }
    };
    (from, default)
}

fn context(name: &str) -> From {
    if name == "client.address" {
        From::ClientAddress
    } else if let Some(name) = name.strip_prefix("auth.") {
        From::Authenticator(name.to_owned())
    } else {
        From::Header(name.strip_prefix("metadata.").unwrap_or(name).to_owned())
    }
}

fn extract(item: &Node, key: String, pattern: &str, findings: &mut Vec<Finding>) -> Option<Action> {
    let node = at(item, "pattern");
    if pattern.is_empty() {
        let finding =
            Finding::error(node, "`extract` needs `pattern`, with a named group for each new attribute");
        findings.push(finding.help(r"such as `^/v1/customers/(?P<customer_id>\d+)`"));
        return None;
    }
    let pattern = regex(node, pattern, findings)?;
    let groups: Vec<Option<&str>> = pattern.capture_names().skip(1).collect();
    let names: Vec<String> = groups.iter().copied().flatten().map(str::to_owned).collect();
    if names.is_empty() || names.len() < groups.len() {
        let message = "a group of the pattern has no name, and the name is the new attribute's key";
        let message = if groups.is_empty() {
            "the pattern has no group, so there is nothing to extract"
        } else {
            message
        };
        findings.push(
            Finding::error(node, message)
                .help("write `(?P<name>...)` for a group to extract, `(?:...)` for another"),
        );
        return None;
    }
    Some(Action::Extract { key, pattern, names })
}

/// A regular expression of the configuration.
pub(in crate::processors) fn regex(node: &Node, pattern: &str, findings: &mut Vec<Finding>) -> Option<Regex> {
    let why = match Regex::new(pattern) {
        Ok(regex) => return Some(regex),
        Err(error) => error.to_string(),
    };
    // The last line says what is wrong, the ones above repeat the pattern.
    let why = why.lines().last().unwrap_or_default().trim_start_matches("error: ").to_owned();
    let message = format!("not a regular expression: {why}; found {}", node.described());
    findings.push(Finding::error(node, message));
    None
}

pub(super) fn encoded(node: &Node) -> Vec<u8> {
    let mut out = Vec::new();
    value::literal(node, &mut out);
    out
}

/// The node under a key that is set: not null, and not the empty text where an attribute or a pattern is named.
fn set<'a>(item: &'a Node, key: &str) -> Option<&'a Node> {
    let node = item.get(key).filter(|node| !node.is_null())?;
    let any = matches!(key, "value" | "default_value");
    (any || node.text() != Some("")).then_some(node)
}

fn at<'a>(item: &'a Node, key: &str) -> &'a Node {
    item.get(key).unwrap_or(item)
}
