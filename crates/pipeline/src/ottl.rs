//! OTTL, the language of conditions and statements that `filter`, `transform` and `tail_sampling` read.
//!
//! A text is parsed (`lexer`, `parser`, `syntax`), checked against a context (`check`: paths, functions, types) and
//! becomes `code`. Conditions are evaluated on a [`Scene`], which borrows the bytes that travel; a statement gives the
//! message that it changes as it is afterwards. Everything that is wrong with a text is found when it is read, with
//! its place.
//!
//! Source: the collector's `pkg/ottl` (LANGUAGE.md, ottlfuncs, contexts).

mod wrong;
mod lexer;
mod syntax;
mod parser;
mod scene;
mod path;
mod failure;
mod value;
mod text;
mod time;
mod glob;
mod compare;
mod math;
mod read;
mod write;
mod code;
mod functions;
mod check;
mod condition;
mod statement;
mod groups;
mod failures;

pub use check::Within;
pub use condition::Condition;
pub use failure::{ErrorMode, Failure};
pub(crate) use failures::Failures;
pub(crate) use functions::Change;
pub(crate) use groups::{Group, groups};
pub use lexer::LONGEST;
pub use parser::DEEPEST;
pub use path::Context;
pub(crate) use scene::Level;
pub use scene::Scene;
pub use statement::Statement;
pub use wrong::Wrong;

#[cfg(test)]
mod tests;
