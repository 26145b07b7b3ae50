//! Events that somebody asked for, and the span that asked.
//!
//! A caller (a Data Action, middleware, the configuration) names conversations or topics, and the span that it is in. That
//! context stays here, by channel and topic: the platform has no place for it, and strips it from handshakes. Each event
//! that comes in by such a subscription is a span: a child of the one that asked where it asked for one conversation, and
//! otherwise a span of its conversation, with a link.

mod wish;
mod book;
mod event;
mod flood;
mod explain;
mod line;
mod lines;
mod asking;
mod serve;
mod settings;
mod meters;
mod hub;

pub(crate) use asking::Asking;
pub(crate) use hub::Hub;
pub(crate) use line::try_pages;
pub(crate) use lines::Lines;
pub(crate) use meters::Meters;
pub(crate) use serve::Counter;
pub(crate) use settings::{Dialect, Events, Subscribe, Wanted, check};
pub(crate) use wish::Request;
