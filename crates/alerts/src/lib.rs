//! Watches what the store knows, and tells when something stays wrong.
//!
//! In:       rules (what is measured, of which calls, against what), the store behind `TraceStore`, time.
//! Out:      states of rules that survive a restart, and messages to webhooks and Alertmanager.
//! Core:     `standing` (one step of a rule's state, pure), `preview` (the same over the past), `book` (rules with their
//!           states and what is still to be told, kept together), `deliver` (who is told, and again until it is taken).
//! Must not: serve HTTP, know how a store works inside, reach an address that the configuration does not name.

mod text;
mod rule;
mod settings;
mod standing;
mod measure;
mod preview;
mod keep;
mod book;
mod message;
mod send;
mod deliver;
mod watch;

pub use book::{Outcome, Past, Watched};
pub use preview::{Episode, Preview, PreviewStep};
pub use rule::{Measure, Only, Op, Rule, Severity, Spec, Wrong};
pub use settings::{Kind, Receiver, Settings};
pub use standing::{Phase, Standing};
pub use watch::{Alerts, Failed, Told};
