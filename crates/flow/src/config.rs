//! Configuration sections with their places, and what can be wrong with them.
//!
//! A section is a [`Node`]: YAML that remembers file, line and column. [`Node::parse`] turns it into a settings
//! struct and reports every error of the section, not only the first.

mod node;
mod parse;
mod finding;
mod kinds;

pub use finding::{Finding, Severity, closest};
pub use kinds::{Opaque, duration};
pub use node::{Key, Mark, Node, Value};
