//! Genesys Cloud conversations to spans.
//!
//! In:       the Platform API (OAuth, REST, notifications) and what EventBridge posts: JSON of three kinds, conversation
//!           snapshots, detail events and analytics records.
//! Out:      OTLP bytes: finished spans for everybody, open and corrected ones for the store.
//! Core:     readers -> `Fact`s -> `Conversation`, a set of facts -> `Timeline` -> `Span`s; the same set gives the same spans.
//!           It is pure; `platform`, `notify`, `eventbridge` and what runs them are the only ones with sockets and a clock.
//! Must not: share code with the simulator; know the pipeline or the store.

pub mod platform;
pub mod notify;
mod settings;
mod trusted;
mod id;
mod time;
mod words;
mod fact;
pub mod read;
mod facts;
mod timeline;
mod span;
mod spans;
mod emitted;
mod otlp;
mod conversation;
mod desk;
mod door;
mod subscription;
pub mod genesys_cloud;
pub mod eventbridge;

pub use conversation::{Conversation, Output};
pub use desk::Desks;
pub use fact::{Fact, FlowEvent, Lasted, Measure, Moment, Of, Says, Source, State, What};
pub use id::Id;
pub use settings::{Directory, Names, Settings, Trust};
pub use span::{Event, Kind, Link, Span, Value};
pub use spans::to_spans;
pub use words::{Segment, Word};
