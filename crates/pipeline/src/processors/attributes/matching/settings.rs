//! `include` and `exclude` as configured.

use flow::config::{Finding, Node};
use serde::Deserialize;
use serde::de::IgnoredAny;

use super::super::settings::{encoded, regex};
use super::{Filter, KINDS, Library, Match, Property, Text, Wanted};

#[derive(Deserialize, Default)]
#[serde(default)]
struct Raw {
    match_type: Option<Type>,
    #[serde(rename = "regexp")]
    _regexp: Cache,
    services: Vec<String>,
    span_names: Vec<String>,
    span_kinds: Vec<String>,
    attributes: Vec<RawProperty>,
    resources: Vec<RawProperty>,
    libraries: Vec<RawLibrary>,
    #[serde(rename = "log_bodies")]
    _log_bodies: IgnoredAny,
    #[serde(rename = "log_severity_texts")]
    _log_severity_texts: IgnoredAny,
    #[serde(rename = "log_severity_number")]
    _log_severity_number: IgnoredAny,
    #[serde(rename = "metric_names")]
    _metric_names: IgnoredAny,
}

#[derive(Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Type {
    Strict,
    Regexp,
}

/// The collector remembers what its patterns matched; ours need no such help.
#[derive(Deserialize, Default)]
#[serde(default)]
struct Cache {
    #[serde(rename = "cacheenabled")]
    _enabled: bool,
    #[serde(rename = "cachemaxnumentries")]
    _max_num_entries: u64,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct RawProperty {
    key: String,
    #[serde(rename = "value")]
    _value: IgnoredAny,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct RawLibrary {
    name: String,
    version: Option<String>,
}

pub(in crate::processors) fn filter(section: &Node, findings: &mut Vec<Finding>) -> Filter {
    let mut side = |key| {
        let node = section.get(key).filter(|node| !node.is_null())?;
        read(node, findings)
    };
    Filter { include: side("include"), exclude: side("exclude") }
}

fn read(node: &Node, findings: &mut Vec<Finding>) -> Option<Match> {
    let (raw, wrong) = node.check::<Raw>();
    findings.extend(wrong);
    let raw = raw?;
    other_signals(node, findings);
    let lists = [raw.services.len(), raw.span_names.len(), raw.span_kinds.len()];
    let entries = [raw.attributes.len(), raw.resources.len(), raw.libraries.len()];
    if lists.into_iter().chain(entries).all(|len| len == 0) {
        findings.push(Finding::error(node, "nothing is said about the spans to match").help(
            "set at least one of `services`, `span_names`, `span_kinds`, `attributes`, `resources`, `libraries`",
        ));
    }
    let Some(by) = raw.match_type else {
        findings.push(Finding::error(node, "`match_type` is required").help("it is `strict` or `regexp`"));
        return None;
    };
    let mut reader = Reader { node, by, findings };
    reader.kinds(&raw.span_kinds);
    Some(Match {
        services: reader.list("services", raw.services),
        names: reader.list("span_names", raw.span_names),
        kinds: reader.list("span_kinds", raw.span_kinds),
        attributes: reader.properties("attributes", raw.attributes),
        resources: reader.properties("resources", raw.resources),
        libraries: reader.libraries(raw.libraries),
    })
}

fn other_signals(node: &Node, findings: &mut Vec<Finding>) {
    for key in ["log_bodies", "log_severity_texts", "log_severity_number"] {
        if let Some(node) = node.get(key).filter(|node| !node.is_null()) {
            findings.push(
                Finding::error(node, format!("`{key}` is for logs, and this acts on spans"))
                    .help("remove it"),
            );
        }
    }
    if let Some(node) = node.get("metric_names").filter(|node| !node.is_null()) {
        findings.push(Finding::advice(node, "`metric_names` has no effect on spans").help("remove it"));
    }
}

struct Reader<'n, 'f> {
    node: &'n Node,
    by: Type,
    findings: &'f mut Vec<Finding>,
}

impl<'n> Reader<'n, '_> {
    /// Kinds are a closed list, unless patterns stand for them.
    fn kinds(&mut self, kinds: &[String]) {
        if self.by == Type::Regexp {
            return;
        }
        let standard = KINDS.get(1..).unwrap_or_default();
        for (nth, _) in kinds.iter().enumerate().filter(|(_, kind)| !standard.contains(&kind.as_str())) {
            let node = self.place("span_kinds", nth);
            let finding = Finding::error(node, format!("expected a span kind, found {}", node.described()));
            self.findings.push(finding.help(format!("the kinds are {}", standard.join(", "))));
        }
    }

    fn list(&mut self, key: &str, texts: Vec<String>) -> Option<Vec<Text>> {
        let none = texts.is_empty();
        let texts = texts.into_iter().enumerate();
        let texts = texts.filter_map(|(nth, text)| self.text(self.place(key, nth), text)).collect();
        (!none).then_some(texts)
    }

    fn text(&mut self, node: &Node, text: String) -> Option<Text> {
        match self.by {
            Type::Strict => Some(Text::Exact(text)),
            Type::Regexp => regex(node, &text, self.findings).map(Text::Pattern),
        }
    }

    fn properties(&mut self, key: &str, raw: Vec<RawProperty>) -> Vec<Property> {
        let raw = raw.into_iter().enumerate();
        raw.filter_map(|(nth, raw)| self.property(self.place(key, nth), raw)).collect()
    }

    fn property(&mut self, node: &Node, raw: RawProperty) -> Option<Property> {
        if raw.key.is_empty() {
            self.findings.push(Finding::error(node, "`key` is required: the attribute to match"));
            return None;
        }
        let value = match node.get("value").filter(|value| !value.is_null()) {
            None => None,
            Some(value) if self.by == Type::Strict => Some(Wanted::Same(encoded(value))),
            Some(value) => Some(Wanted::Fits(self.pattern(value)?)),
        };
        Some(Property { key: raw.key, value })
    }

    fn pattern(&mut self, value: &Node) -> Option<regex::Regex> {
        if let flow::config::Value::String(text) = &value.value {
            return regex(value, text, self.findings);
        }
        let message = format!("with `match_type: regexp` a value is a pattern, found {}", value.described());
        self.findings.push(Finding::error(value, message).help("put it in quotes"));
        None
    }

    fn libraries(&mut self, raw: Vec<RawLibrary>) -> Vec<Library> {
        let raw = raw.into_iter().enumerate();
        raw.filter_map(|(nth, raw)| {
            let node = self.place("libraries", nth);
            let name = self.text(node.get("name").unwrap_or(node), raw.name)?;
            let version = match raw.version {
                None => None,
                Some(version) => Some(self.text(node.get("version").unwrap_or(node), version)?),
            };
            Some(Library { name, version })
        })
        .collect()
    }

    /// The item of a list; the list itself where it is written `a,b`.
    fn place(&self, key: &str, nth: usize) -> &'n Node {
        let list = self.node.get(key).unwrap_or(self.node);
        list.items().get(nth).unwrap_or(list)
    }
}
