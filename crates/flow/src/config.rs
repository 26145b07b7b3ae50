//! Configuration sections with their places, and what can be wrong with them.
//!
//! A section is a [`Node`]: YAML that remembers file, line and column. [`Node::check`] turns it into a settings
//! struct and reports every error of the section at once, and advice; [`Node::parse`] is the same for those who
//! only want the settings. The rules of the mapping stand at [`Node::check`].
//!
//! ```
//! use flow::config::{Finding, GoDuration, Node, Opaque, Severity};
//!
//! #[derive(Debug, PartialEq, serde::Deserialize)]
//! #[serde(default)]
//! struct Settings {
//!     endpoint: String,
//!     timeout: GoDuration,
//!     headers: std::collections::BTreeMap<String, Opaque>,
//! }
//!
//! impl Default for Settings {
//!     fn default() -> Self {
//!         let timeout = GoDuration::from_secs(30);
//!         Self { endpoint: String::new(), timeout, headers: Default::default() }
//!     }
//! }
//!
//! /// What stands as `check` in the component's factory.
//! fn check(section: &Node) -> Vec<Finding> {
//!     let (settings, mut findings) = section.check::<Settings>();
//!     if settings.is_some_and(|settings| settings.endpoint.is_empty()) {
//!         findings.push(Finding::error(section, "`endpoint` is required"));
//!     }
//!     findings
//! }
//!
//! let section = Node::load("c.yaml", "endpoint: 10.0.0.1:4317\ntimeout:\nheaders: {token: 0123}").unwrap();
//! let settings: Settings = section.parse().unwrap();
//! assert_eq!(settings.timeout.get().as_secs(), 30, "null keeps the default");
//! assert_eq!(settings.headers.get("token").unwrap().0, "0123", "text fields get the text as written");
//!
//! let section = Node::load("c.yaml", "endpont: 10.0.0.1:4317\ntimeout: 5").unwrap();
//! let [error, advice] = check(&section).try_into().unwrap();
//! assert_eq!((error.severity, advice.severity), (Severity::Error, Severity::Advice));
//! assert_eq!(error.to_string(), "c.yaml:1:1: error: endpont: unknown key\n  help: did you mean `endpoint`?");
//! assert_eq!(advice.message, "a bare number is nanoseconds: `5` is 5 ns");
//! ```

mod node;
mod scalar;
mod load;
mod parse;
mod duration;
mod kinds;
mod finding;
mod endpoint;

pub use duration::{GoDuration, duration};
pub use endpoint::{is_loopback, split_port};
pub use finding::{Finding, Severity, closest};
pub use kinds::{Opaque, Section};
pub use load::{MAX_BYTES, MAX_DEPTH, MAX_NODES};
pub use node::{Key, Mark, Node, Value};
