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
    /// Whose `traceparent` a conversation continues.
    pub trust: Trust,
    /// How long after its end a span is given to everybody: until then what belongs to it may still come in. The store
    /// gets it at once.
    pub settle_ms: u64,
    /// What ids are called.
    pub directory: Directory,
    /// When a process took over from another one, which may have known more in the end.
    pub restarts_ms: Vec<u64>,
}

/// On which channels, and of which participants, a `traceparent` in participant data is believed. Where it is not, the
/// trace restarts with a link to what was claimed: whoever writes to a site over the web can set such attributes.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Trust {
    /// `interaction.channel`.
    pub channels: Names,
    /// `interaction.participant.purpose`.
    pub participants: Names,
}

#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Names {
    All,
    Only(Vec<Arc<str>>),
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
            trust: Trust::default(),
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

impl Default for Trust {
    /// What is spoken: a caller has no way into participant data but the site's own flows.
    fn default() -> Self {
        let spoken = ["voice", "callback"].map(Arc::from).to_vec();
        Self { channels: Names::Only(spoken), participants: Names::All }
    }
}

impl Trust {
    /// What is not known is not believed, unless everything is.
    pub(crate) fn believes(&self, channel: Option<&str>, participant: Option<&str>) -> bool {
        self.channels.hold(channel) && self.participants.hold(participant)
    }

    /// False where nobody is believed, whoever says it.
    pub(crate) fn believes_any(&self) -> bool {
        let some = |names: &Names| !matches!(names, Names::Only(names) if names.is_empty());
        some(&self.channels) && some(&self.participants)
    }
}

impl Names {
    /// `all` among them stands for every name.
    pub fn of<'a>(names: impl IntoIterator<Item = &'a str>) -> Self {
        let mut only = Vec::new();
        for name in names {
            if name == "all" {
                return Self::All;
            }
            only.push(Arc::from(name));
        }
        Self::Only(only)
    }

    fn hold(&self, name: Option<&str>) -> bool {
        match self {
            Self::All => true,
            Self::Only(names) => name.is_some_and(|name| names.iter().any(|known| known.as_ref() == name)),
        }
    }
}
