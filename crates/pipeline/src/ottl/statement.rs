//! A statement, ready to be run.

use flow::config::{Finding, Node};

use super::check::{Checker, Within};
use super::code::Code;
use super::condition::{asked, contexts, sound, text};
use super::failure::Failure;
use super::functions::{Arg, Args, Change, Editor};
use super::path::Context;
use super::scene::Scene;
use super::wrong::Wrong;

#[derive(Debug)]
pub struct Statement {
    editor: &'static Editor,
    arguments: Vec<Arg>,
    condition: Option<Code>,
    /// Where it stands in the configuration: `processors::transform::trace_statements::0`.
    pub path: String,
}

impl Statement {
    /// Reads a statement; what is wrong with it is reported, and there is none where anything is.
    pub fn parse(text: &str, within: Within) -> (Option<Self>, Vec<Wrong>) {
        let syntax = match super::parser::statement(text) {
            Ok(syntax) => syntax,
            Err(wrong) => return (None, vec![wrong]),
        };
        let mut checker = Checker::new(within);
        let checked = checker.statement(&syntax);
        let statement = checked.map(|(editor, arguments, condition)| Self {
            editor,
            arguments,
            condition,
            path: String::new(),
        });
        (statement.filter(|_| sound(&checker.wrongs)), checker.wrongs)
    }

    /// The statement that stands at a place in the configuration.
    pub fn read(node: &Node, within: Within, findings: &mut Vec<Finding>) -> Option<Self> {
        let text = text(node, "a statement", findings)?;
        let (statement, wrongs) = Self::parse(text, within);
        findings.extend(wrongs.iter().map(|wrong| wrong.finding(node, text)));
        statement.map(|statement| Self { path: node.path.clone(), ..statement })
    }

    /// The innermost context that it asks for; nothing where it asks for none.
    pub fn context(text: &str) -> Option<Context> {
        let syntax = super::parser::statement(text).ok()?;
        let mut innermost = syntax.condition.as_ref().and_then(contexts);
        syntax.editor.visit(&mut |seen| innermost = innermost.max(asked(&seen)));
        innermost
    }

    /// The message that it changes, as it is afterwards; nothing where the condition does not hold, or nothing changes.
    pub(crate) fn apply(&self, scene: &Scene<'_>) -> Result<Option<Change>, Failure> {
        if let Some(condition) = &self.condition
            && !condition.truth(scene)?
        {
            return Ok(None);
        }
        (self.editor.run)(Args { all: &self.arguments, scene })
    }
}
