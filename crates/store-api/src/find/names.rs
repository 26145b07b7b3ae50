//! What there is to ask for: bounded sets, filled trace by trace.

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::ops::ControlFlow;
use std::sync::Arc;

use super::condition::{Field, Scope};
use super::{Hit, Tree};
use crate::facts::Facts;
use crate::span::{Kind, Resource};
use crate::value::Value;

/// Most names of one kind.
const MOST: usize = 5000;
/// Longest value, in bytes: longer ones are no choice for a list.
const LONGEST: usize = 1024;

/// Names of services, in order.
#[derive(Clone, Debug, Default)]
pub struct Services(pub BTreeSet<String>);

impl Services {
    pub(super) fn add(&mut self, facts: &Facts) {
        for name in facts.services.in_order() {
            if self.0.len() < MOST {
                self.0.insert(name);
            }
        }
    }
}

/// Names and kinds of spans, in order.
#[derive(Clone, Debug, Default)]
pub struct Operations(pub BTreeSet<(String, Kind)>);

impl Operations {
    pub fn add(&mut self, hit: &Hit<'_>) -> ControlFlow<()> {
        for span in hit.matched() {
            if !self.0.contains(&(span.name.clone(), span.kind)) {
                self.0.insert((span.name.clone(), span.kind));
            }
        }
        full(self.0.len())
    }
}

/// Keys of attributes by whose they are, in order.
#[derive(Debug, Default)]
pub struct Keys {
    pub of: BTreeMap<Scope, BTreeSet<String>>,
    /// What many spans share is looked at once.
    seen: Shared,
}

impl Keys {
    pub fn add(&mut self, hit: &Hit<'_>) -> ControlFlow<()> {
        for span in hit.matched() {
            let new = self.seen.is_new(&span.resource);
            for scope in [Scope::Span, Scope::Resource, Scope::Event, Scope::Link, Scope::Instrumentation] {
                if scope == Scope::Resource && !new {
                    continue;
                }
                let keys = self.of.entry(scope).or_default();
                for (key, _) in scope.of(span).flat_map(|attributes| attributes.iter()) {
                    if keys.len() < MOST && !keys.contains(key) {
                        keys.insert(key.to_owned());
                    }
                }
            }
        }
        ControlFlow::Continue(())
    }
}

/// Values of one field, as they are written, with an example of the type.
#[derive(Debug)]
pub struct Values {
    field: Field,
    most: usize,
    pub found: BTreeMap<String, Value>,
}

impl Values {
    /// At most so many, and never more than there may be names.
    pub fn new(field: Field, most: usize) -> Self {
        Self { field, most: most.min(MOST), found: BTreeMap::new() }
    }

    pub fn add(&mut self, hit: &Hit<'_>) -> ControlFlow<()> {
        for at in hit.matched {
            match self.field.value(hit.tree, *at) {
                Some(Value::Array(values)) => values.into_iter().for_each(|value| self.put(value)),
                Some(value) => self.put(value),
                None => {}
            }
        }
        if self.found.len() < self.most { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
    }

    fn put(&mut self, value: Value) {
        let text = match &value {
            Value::String(text) if text.len() <= LONGEST => text.clone(),
            Value::Int(number) => number.to_string(),
            Value::Double(number) => number.to_string(),
            Value::Bool(truth) => truth.to_string(),
            _ => return,
        };
        if self.found.len() < self.most {
            self.found.entry(text).or_insert(value);
        }
    }
}

/// How often a service was called by another: spans whose parent is of another service.
#[derive(Clone, Debug, Default)]
pub struct Calls(pub BTreeMap<(String, String), u64>);

impl Calls {
    pub fn add(&mut self, hit: &Hit<'_>) -> ControlFlow<()> {
        for at in hit.matched {
            let Some((parent, child)) = ends(hit.tree, *at) else { continue };
            let ends = (parent.to_owned(), child.to_owned());
            if self.0.len() < MOST || self.0.contains_key(&ends) {
                *self.0.entry(ends).or_default() += 1;
            }
        }
        ControlFlow::Continue(())
    }
}

fn ends(tree: &Tree, at: usize) -> Option<(&str, &str)> {
    let (parent, child) = (tree.span(tree.parent(at)?)?, tree.span(at)?);
    let (parent, child) = (parent.resource.service(), child.resource.service());
    (parent != child).then_some((parent, child))
}

fn full(names: usize) -> ControlFlow<()> {
    if names < MOST { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
}

/// Resources that were seen. They are held, so that no other one can come to lie at the same address.
#[derive(Debug, Default)]
struct Shared(HashSet<usize>, Vec<Arc<Resource>>);

impl Shared {
    fn is_new(&mut self, resource: &Arc<Resource>) -> bool {
        if self.1.len() >= MOST {
            return true;
        }
        let new = self.0.insert(Arc::as_ptr(resource).addr());
        if new {
            self.1.push(Arc::clone(resource));
        }
        new
    }
}
