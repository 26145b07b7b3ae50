//! Bodies without nulls: Genesys leaves out what it does not know.

use serde_json::Value;

use crate::genesys::time;

/// Drops the members of an object that are null, at every depth.
pub(super) fn pruned(value: Value) -> Value {
    match value {
        Value::Object(members) => {
            let kept = members.into_iter().filter(|(_, value)| !value.is_null());
            Value::Object(kept.map(|(key, value)| (key, pruned(value))).collect())
        }
        Value::Array(items) => Value::Array(items.into_iter().map(pruned).collect()),
        other => other,
    }
}

/// A clock that differs from that of the conversation by so many milliseconds.
#[derive(Clone, Copy)]
pub(super) struct Clock(pub(super) i64);

impl Clock {
    pub(super) fn ms(self, at: u64) -> u64 {
        at.saturating_add_signed(self.0)
    }

    pub(super) fn iso(self, at: u64) -> String {
        time::iso(self.ms(at))
    }
}
