//! What a text says, before anybody knows whether there is such a thing.

use std::ops::Range;

/// `set(name, "x") where kind == 1`
#[derive(Clone, PartialEq, Debug)]
pub(super) struct Statement {
    pub(super) editor: Call,
    pub(super) condition: Option<Expr>,
}

#[derive(Clone, PartialEq, Debug)]
pub(super) struct Expr {
    pub(super) kind: Kind,
    pub(super) at: Range<usize>,
}

#[derive(Clone, PartialEq, Debug)]
pub(super) enum Kind {
    Nil,
    Bool(bool),
    Int(i64),
    Double(f64),
    Text(String),
    Bytes(Vec<u8>),
    Path(Path),
    Call(Call),
    /// An enum, or a function that is meant and not called.
    Word(String),
    List(Vec<Expr>),
    Map(Vec<(String, Expr)>),
    Not(Box<Expr>),
    And(Vec<Expr>),
    Or(Vec<Expr>),
    Compare(Comparison, Box<(Expr, Expr)>),
    Minus(Box<Expr>),
    /// From left to right, all of the same precedence.
    Math(Box<Expr>, Vec<(Operator, Expr)>),
}

/// `resource.attributes["a"]["b"]`
#[derive(Clone, PartialEq, Debug)]
pub(super) struct Path {
    pub(super) names: Vec<(String, Range<usize>)>,
    /// Behind the last name.
    pub(super) keys: Vec<Expr>,
}

#[derive(Clone, PartialEq, Debug)]
pub(super) struct Call {
    pub(super) name: String,
    pub(super) name_at: Range<usize>,
    pub(super) arguments: Vec<Argument>,
    pub(super) keys: Vec<Expr>,
    pub(super) at: Range<usize>,
}

#[derive(Clone, PartialEq, Debug)]
pub(super) struct Argument {
    pub(super) name: Option<(String, Range<usize>)>,
    pub(super) value: Expr,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Comparison {
    Equal,
    NotEqual,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Operator {
    Add,
    Subtract,
    Multiply,
    Divide,
}

impl Path {
    pub(super) fn text(&self) -> String {
        self.names.iter().map(|(name, _)| name.as_str()).collect::<Vec<_>>().join(".")
    }
}

impl Expr {
    /// Calls `see` for every path and every function in here.
    pub(super) fn visit<'e>(&'e self, see: &mut impl FnMut(Seen<'e>)) {
        match &self.kind {
            Kind::Path(path) => {
                see(Seen::Path(path));
                path.keys.iter().for_each(|key| key.visit(see));
            }
            Kind::Call(call) => call.visit(see),
            Kind::List(items) | Kind::And(items) | Kind::Or(items) => {
                items.iter().for_each(|item| item.visit(see));
            }
            Kind::Map(entries) => entries.iter().for_each(|(_, value)| value.visit(see)),
            Kind::Not(inner) | Kind::Minus(inner) => inner.visit(see),
            Kind::Compare(_, sides) => {
                sides.0.visit(see);
                sides.1.visit(see);
            }
            Kind::Math(first, rest) => {
                first.visit(see);
                rest.iter().for_each(|(_, value)| value.visit(see));
            }
            Kind::Nil
            | Kind::Bool(_)
            | Kind::Int(_)
            | Kind::Double(_)
            | Kind::Text(_)
            | Kind::Bytes(_)
            | Kind::Word(_) => {}
        }
    }
}

impl Call {
    pub(super) fn visit<'e>(&'e self, see: &mut impl FnMut(Seen<'e>)) {
        see(Seen::Call(self));
        self.arguments.iter().for_each(|argument| argument.value.visit(see));
        self.keys.iter().for_each(|key| key.visit(see));
    }
}

pub(super) enum Seen<'e> {
    Path(&'e Path),
    Call(&'e Call),
}
