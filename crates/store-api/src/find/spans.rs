//! What is asked of the spans of a trace, and of how they lie to each other.

use throughline_context::TraceId;

use super::condition::Condition;
use super::tree::Tree;
use crate::carried::Carried;
use crate::facts::Facts;

/// An expression over the spans of one trace that names some of them.
#[derive(Clone, PartialEq, Debug)]
pub enum Spans {
    Where(Condition),
    /// Those of both, where each has some.
    Both(Box<Self>, Box<Self>),
    Either(Box<Self>, Box<Self>),
    /// Those of the second that lie so to one of the first.
    Related(Box<Related>),
}

#[derive(Clone, PartialEq, Debug)]
pub struct Related {
    pub first: Spans,
    pub relation: Relation,
    pub second: Spans,
    /// Those of the second that do not lie so.
    pub negated: bool,
    /// Those of the first, too, to which one of the second lies so.
    pub union: bool,
}

/// How the second span lies to the first.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Relation {
    Child,
    Descendant,
    Parent,
    Ancestor,
    Sibling,
}

/// One truth for each span of the tree.
type Marks = Vec<bool>;

impl Spans {
    pub const ALL: Self = Self::Where(Condition::TRUE);

    /// The places of those that are named, in the order of their start.
    pub fn find(&self, tree: &Tree) -> Vec<usize> {
        self.marks(tree).iter().enumerate().filter(|(_, marked)| **marked).map(|(at, _)| at).collect()
    }

    fn marks(&self, tree: &Tree) -> Marks {
        match self {
            Self::Where(condition) => (0..tree.spans().len()).map(|at| condition.holds(tree, at)).collect(),
            Self::Both(first, second) => {
                let (first, second) = (first.marks(tree), second.marks(tree));
                let some = |marks: &Marks| marks.contains(&true);
                if some(&first) && some(&second) { or(&first, &second) } else { vec![false; first.len()] }
            }
            Self::Either(first, second) => or(&first.marks(tree), &second.marks(tree)),
            Self::Related(related) => related.marks(tree),
        }
    }

    /// What a span carries wherever spans are named.
    pub(super) fn must_carry(&self) -> Option<Carried> {
        match self {
            Self::Where(condition) => condition.must_carry(),
            Self::Both(first, second) => first.must_carry().or_else(|| second.must_carry()),
            Self::Related(related) if !related.union => related.second.must_carry(),
            Self::Either(..) | Self::Related(_) => None,
        }
    }

    /// False where what is known of the trace says that it names none of its spans.
    pub(super) fn may_find(&self, trace: TraceId, facts: &Facts) -> bool {
        let may = |spans: &Self| spans.may_find(trace, facts);
        match self {
            Self::Where(condition) => condition.may_hold(trace, facts),
            Self::Both(first, second) => may(first) && may(second),
            Self::Either(first, second) => may(first) || may(second),
            Self::Related(related) => may(&related.second) && (related.negated || may(&related.first)),
        }
    }
}

impl Related {
    fn marks(&self, tree: &Tree) -> Marks {
        let (first, second) = (self.first.marks(tree), self.second.marks(tree));
        let lies = self.relation.of(&first, tree);
        let found = and(&second, &if self.negated { lies.iter().map(|lies| !lies).collect() } else { lies });
        if !self.union {
            return found;
        }
        or(&found, &and(&first, &self.relation.inverse().of(&second, tree)))
    }
}

impl Relation {
    fn inverse(self) -> Self {
        match self {
            Self::Child => Self::Parent,
            Self::Descendant => Self::Ancestor,
            Self::Parent => Self::Child,
            Self::Ancestor => Self::Descendant,
            Self::Sibling => Self::Sibling,
        }
    }

    /// Which spans lie so to one that is marked.
    fn of(self, marked: &Marks, tree: &Tree) -> Marks {
        let is = |marks: &Marks, at: usize| marks.get(at).copied().unwrap_or(false);
        let mut found = vec![false; marked.len()];
        let set = |found: &mut Marks, at: usize| found.get_mut(at).into_iter().for_each(|mark| *mark = true);
        match self {
            Self::Child | Self::Descendant => {
                for at in tree.top_down() {
                    let Some(parent) = tree.parent(at) else { continue };
                    if is(marked, parent) || (self == Self::Descendant && is(&found, parent)) {
                        set(&mut found, at);
                    }
                }
            }
            Self::Parent | Self::Ancestor => {
                for at in tree.top_down().into_iter().rev() {
                    let Some(parent) = tree.parent(at) else { continue };
                    if is(marked, at) || (self == Self::Ancestor && is(&found, at)) {
                        set(&mut found, parent);
                    }
                }
            }
            Self::Sibling => {
                let mut below = vec![0_u32; marked.len()];
                let parents = (0..marked.len()).filter(|at| is(marked, *at)).filter_map(|at| tree.parent(at));
                parents.for_each(|parent| below.get_mut(parent).into_iter().for_each(|count| *count += 1));
                for at in 0..marked.len() {
                    let siblings = tree.parent(at).and_then(|parent| below.get(parent)).copied().unwrap_or(0);
                    if siblings > u32::from(is(marked, at)) {
                        set(&mut found, at);
                    }
                }
            }
        }
        found
    }
}

fn or(a: &Marks, b: &Marks) -> Marks {
    a.iter().zip(b).map(|(a, b)| *a || *b).collect()
}

fn and(a: &Marks, b: &Marks) -> Marks {
    a.iter().zip(b).map(|(a, b)| *a && *b).collect()
}
