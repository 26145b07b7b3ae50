//! What is remembered from one round of reading to the next.

use std::collections::{BTreeMap, BTreeSet};

use crate::config::finding::Finding;
use crate::config::node::Node;

/// Tells nodes of one tree apart; the tree stands still while it is read.
pub(super) type Id = usize;

pub(super) fn id(node: &Node) -> Id {
    std::ptr::from_ref(node).addr()
}

#[derive(Default)]
pub(super) struct Context {
    pub(super) findings: Vec<Finding>,
    /// Advice of the present round.
    advice: Vec<Finding>,
    left_out: BTreeSet<Id>,
    /// The keys that the parts of a tuple know, by the block that they share.
    parts: BTreeMap<Id, Vec<&'static str>>,
}

impl Context {
    pub(super) fn begin(&mut self) {
        self.advice.clear();
        self.parts.clear();
    }

    pub(super) fn leave_out(&mut self, id: Id) -> bool {
        self.left_out.insert(id)
    }

    pub(super) fn is_left_out(&self, node: &Node) -> bool {
        self.left_out.contains(&id(node))
    }

    pub(super) fn advise(&mut self, finding: Finding) {
        self.advice.push(finding);
    }

    pub(super) fn into_findings(mut self) -> Vec<Finding> {
        self.findings.append(&mut self.advice);
        self.findings.sort_by(|a, b| a.mark.cmp(&b.mark));
        self.findings
    }

    pub(super) fn part(&mut self, block: &Node, fields: &'static [&'static str]) {
        self.parts.entry(id(block)).or_default().extend(fields);
    }

    /// Reports the keys that no part of a tuple knows.
    pub(super) fn parts_done(&mut self, block: &Node) {
        let known = self.parts.remove(&id(block)).unwrap_or_default();
        self.unknown_keys(block, &known);
    }

    /// Reports the keys of a block that are not among the known ones, and leaves them out.
    pub(super) fn unknown_keys(&mut self, block: &Node, known: &[&'static str]) {
        for (key, value) in block.entries() {
            if !known.contains(&key.name.as_str()) && self.leave_out(id(value)) {
                self.findings.push(Finding::unknown_key(key, &value.path, known));
            }
        }
    }
}
