//! What a site decides, and what only it knows.

use std::collections::BTreeMap;
use std::sync::Arc;

/// How conversations become spans.
#[derive(Clone, Debug)]
pub struct Settings {
    /// `cloud.region` of the spans, as Genesys writes it on its list of regions: `eu-west-1`.
    pub region: Option<Arc<str>>,
    /// Numbers, addresses, names, subjects and notes are read at all. Off unless a site asks for them.
    pub personal_data: bool,
    /// Participant attributes that become attributes of the root span; no others are kept but `traceparent`.
    pub attributes: Vec<Arc<str>>,
    /// How long after its end a span is given to everybody: until then what belongs to it may still come in. The store
    /// gets it at once.
    pub settle_ms: u64,
    /// What ids are called.
    pub directory: Directory,
    /// When a process took over from another one, which may have known more in the end.
    pub restarts_ms: Vec<u64>,
}

/// Names that some sources leave out: those of queues and flows, by id in lower case.
#[derive(Clone, Debug, Default)]
pub struct Directory {
    pub queues: BTreeMap<Arc<str>, Arc<str>>,
    pub flows: BTreeMap<Arc<str>, Arc<str>>,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            region: None,
            personal_data: false,
            attributes: Vec::new(),
            settle_ms: 2000,
            directory: Directory::default(),
            restarts_ms: Vec::new(),
        }
    }
}

impl Settings {
    pub(crate) fn restarts_since(&self, ms: u64) -> u64 {
        self.restarts_ms.iter().filter(|restart| **restart > ms).count() as u64
    }

    /// The name under which a participant attribute is kept.
    pub(crate) fn kept(&self, name: &str) -> Option<&Arc<str>> {
        self.attributes.iter().find(|kept| kept.as_ref() == name)
    }
}
