//! Lists of conditions or statements as configurations have them: texts, or blocks with a context.

use flow::config::{Finding, Node, Value};
use serde::Deserialize;
use serde::de::IgnoredAny;

use super::check::Within;
use super::failure::ErrorMode;
use super::path::Context;

/// Texts that share a context.
pub(crate) struct Group<'n> {
    /// What they are checked against; nothing where it cannot be told.
    pub(crate) within: Option<Within>,
    pub(crate) error_mode: Option<ErrorMode>,
    pub(crate) conditions: &'n [Node],
    /// What a list of texts holds, too.
    pub(crate) statements: &'n [Node],
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct Block {
    context: Option<Named>,
    error_mode: Option<ErrorMode>,
    #[serde(rename = "conditions")]
    _conditions: IgnoredAny,
    #[serde(rename = "statements")]
    _statements: IgnoredAny,
}

#[derive(Clone, Copy, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Named {
    Resource,
    Scope,
    Span,
    SpanEvent,
}

impl From<Named> for Context {
    fn from(named: Named) -> Self {
        match named {
            Named::Resource => Self::Resource,
            Named::Scope => Self::Scope,
            Named::Span => Self::Span,
            Named::SpanEvent => Self::SpanEvent,
        }
    }
}

/// The groups of a list. `asked` tells the innermost context that a text asks for.
pub(crate) fn groups<'n>(
    list: &'n Node,
    statements: bool,
    asked: fn(&str) -> Option<Context>,
    findings: &mut Vec<Finding>,
) -> Vec<Group<'n>> {
    let Value::List(items) = &list.value else {
        if !list.is_null() {
            findings.push(Finding::error(list, format!("expected a list, found {}", list.described())));
        }
        return Vec::new();
    };
    let blocks = items.iter().filter(|item| matches!(item.value, Value::Map(_))).count();
    if blocks == 0 {
        let within = inferred(items.iter(), asked);
        if within.is_none() && !items.is_empty() {
            findings.push(untold(list));
        }
        return vec![Group { within, error_mode: None, conditions: &[], statements: items }];
    }
    if blocks < items.len() {
        let message = "texts and blocks stand in one list";
        findings
            .push(Finding::error(list, message).help("write all of them as texts, or all of them as blocks"));
        return Vec::new();
    }
    items.iter().filter_map(|item| block(item, statements, asked, findings)).collect()
}

fn block<'n>(
    node: &'n Node,
    has_statements: bool,
    asked: fn(&str) -> Option<Context>,
    findings: &mut Vec<Finding>,
) -> Option<Group<'n>> {
    let (block, wrong) = node.check::<Block>();
    findings.extend(wrong);
    let block = block?;
    let mut texts = |key: &str| {
        let list = node.get(key).filter(|list| !list.is_null())?;
        if !matches!(list.value, Value::List(_)) {
            findings.push(Finding::error(list, format!("expected a list, found {}", list.described())));
        }
        Some(list.items())
    };
    let (conditions, statements) = (texts("conditions").unwrap_or_default(), texts("statements"));
    match (has_statements, statements) {
        (false, Some(_)) => {
            let at = node.get("statements").unwrap_or(node);
            findings.push(Finding::error(at, "there are no statements here, only conditions"));
        }
        (true, None) => findings.push(Finding::error(node, "`statements` is required")),
        _ => {}
    }
    let statements = statements.unwrap_or_default();
    let within = match block.context {
        Some(context) => Some(Within::context(context.into())),
        None => {
            let within = inferred(conditions.iter().chain(statements), |text| {
                asked(text).max(super::Condition::context(text))
            });
            if within.is_none() && !(conditions.is_empty() && statements.is_empty()) {
                findings.push(untold(node));
            }
            within
        }
    };
    Some(Group { within, error_mode: block.error_mode, conditions, statements })
}

fn inferred<'n>(
    texts: impl Iterator<Item = &'n Node>,
    asked: impl Fn(&str) -> Option<Context>,
) -> Option<Within> {
    let texts: Vec<&str> = texts.filter_map(Node::text).collect();
    let innermost = texts.iter().filter_map(|text| asked(text)).max();
    // What cannot be parsed is reported with its place when it is read.
    let context = innermost.or_else(|| texts.iter().any(|text| !parses(text)).then_some(Context::Span));
    context.map(Within::inferred)
}

fn parses(text: &str) -> bool {
    super::parser::condition(text).is_ok() || super::parser::statement(text).is_ok()
}

fn untold(node: &Node) -> Finding {
    Finding::error(node, "nothing here says what this is about")
        .help("begin paths with resource, scope, span or spanevent, such as `span.attributes[\"key\"]`, or set `context`")
}
