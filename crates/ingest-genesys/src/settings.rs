//! What a site decides, and what only it knows.

use std::collections::BTreeMap;
use std::sync::Arc;

/// How conversations become spans.
#[derive(Clone, Debug, Default)]
pub struct Settings {
    /// `cloud.region` of the spans, as Genesys writes it on its list of regions: `eu-west-1`.
    pub region: Option<Arc<str>>,
    /// Numbers, addresses, names, subjects and notes are read at all. Off unless a site asks for them.
    pub personal_data: bool,
    /// Participant attributes that become attributes of the root span; no others are kept but `traceparent`.
    pub attributes: Vec<Arc<str>>,
    /// What ids are called.
    pub directory: Directory,
}

/// Names that some sources leave out: those of queues and flows, by id in lower case.
#[derive(Clone, Debug, Default)]
pub struct Directory {
    pub queues: BTreeMap<Arc<str>, Arc<str>>,
    pub flows: BTreeMap<Arc<str>, Arc<str>>,
}

impl Settings {
    /// The name under which a participant attribute is kept.
    pub(crate) fn kept(&self, name: &str) -> Option<&Arc<str>> {
        self.attributes.iter().find(|kept| kept.as_ref() == name)
    }
}
