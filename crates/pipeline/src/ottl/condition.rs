//! A condition, ready to be asked.

use flow::config::{Finding, Node, Severity};

use super::check::{Checker, Within};
use super::code::Code;
use super::failure::Failure;
use super::functions::converters;
use super::path::Context;
use super::scene::Scene;
use super::syntax::{Expr, Seen};
use super::wrong::Wrong;

#[derive(Debug)]
pub struct Condition {
    code: Code,
    /// Where it stands in the configuration: `processors::filter::traces::span::0`.
    pub path: String,
}

impl Condition {
    /// Reads a condition; what is wrong with it is reported, and there is none where anything is.
    pub fn parse(text: &str, within: Within) -> (Option<Self>, Vec<Wrong>) {
        let syntax = match super::parser::condition(text) {
            Ok(syntax) => syntax,
            Err(wrong) => return (None, vec![wrong]),
        };
        let mut checker = Checker::new(within);
        let code = checker.condition(&syntax);
        let condition = code.map(|code| Self { code, path: String::new() });
        (condition.filter(|_| sound(&checker.wrongs)), checker.wrongs)
    }

    /// The condition that stands at a place in the configuration.
    pub fn read(node: &Node, within: Within, findings: &mut Vec<Finding>) -> Option<Self> {
        let text = text(node, "a condition", findings)?;
        let (condition, wrongs) = Self::parse(text, within);
        findings.extend(wrongs.iter().map(|wrong| wrong.finding(node, text)));
        condition.map(|condition| Self { path: node.path.clone(), ..condition })
    }

    /// The innermost context that it asks for; nothing where it asks for none.
    pub fn context(text: &str) -> Option<Context> {
        let syntax = super::parser::condition(text).ok()?;
        contexts(&syntax)
    }

    pub fn holds(&self, scene: &Scene<'_>) -> Result<bool, Failure> {
        self.code.truth(scene)
    }
}

/// The innermost context that paths and functions ask for.
pub(super) fn contexts(syntax: &Expr) -> Option<Context> {
    let mut innermost = None;
    syntax.visit(&mut |seen| innermost = innermost.max(asked(&seen)));
    innermost
}

pub(super) fn asked(seen: &Seen<'_>) -> Option<Context> {
    match seen {
        Seen::Path(path) => {
            let (first, _) = path.names.first().filter(|_| path.names.len() > 1)?;
            Context::named(first)
        }
        Seen::Call(call) => converters().find(|converter| converter.name == call.name)?.only_in,
    }
}

pub(super) fn sound(wrongs: &[Wrong]) -> bool {
    wrongs.iter().all(|wrong| wrong.severity != Severity::Error)
}

pub(super) fn text<'n>(node: &'n Node, what: &str, findings: &mut Vec<Finding>) -> Option<&'n str> {
    let text = node.text().filter(|text| !text.trim().is_empty());
    if text.is_none() {
        findings.push(Finding::error(node, format!("expected {what}, found {}", node.described())));
    }
    text
}
