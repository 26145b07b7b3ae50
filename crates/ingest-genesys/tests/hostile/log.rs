//! What the operator reads.

use std::fmt::{Debug, Write as _};
use std::sync::{Arc, Mutex};

use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Level, Metadata, Subscriber};

/// Sentences of the receiver: errors and warnings, but for the one that every end of a socket has.
#[derive(Clone, Default)]
pub(crate) struct Log(Arc<Mutex<Vec<String>>>);

impl Log {
    pub(crate) fn has_said_something(&self) -> bool {
        !self.0.lock().unwrap().is_empty()
    }

    /// What was said since this was last called, each once.
    pub(crate) fn said(&self) -> Vec<String> {
        let mut said = Vec::new();
        for line in std::mem::take(&mut *self.0.lock().unwrap()) {
            if !said.contains(&line) {
                said.push(line);
            }
        }
        said
    }
}

impl Subscriber for Log {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        metadata.is_event()
            && *metadata.level() <= Level::WARN
            && metadata.target().starts_with("ingest_genesys")
    }

    fn new_span(&self, _: &Attributes<'_>) -> Id {
        Id::from_u64(1)
    }

    fn record(&self, _: &Id, _: &Record<'_>) {}

    fn record_follows_from(&self, _: &Id, _: &Id) {}

    fn event(&self, event: &Event<'_>) {
        let mut line = Line::default();
        event.record(&mut line);
        if !line.message.starts_with("a channel is cut off") {
            self.0.lock().unwrap().push(format!("{}{}", line.message, line.rest));
        }
    }

    fn enter(&self, _: &Id) {}

    fn exit(&self, _: &Id) {}
}

#[derive(Default)]
struct Line {
    message: String,
    rest: String,
}

impl Visit for Line {
    fn record_str(&mut self, field: &Field, value: &str) {
        self.record_debug(field, &format_args!("{value}"));
    }

    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        match field.name() {
            "message" => write!(self.message, "{value:?}").unwrap(),
            "receiver" => {}
            _ => write!(self.rest, ": {value:?}").unwrap(),
        }
    }
}
