//! What the section of `genesys_cloud` says about subscriptions.

use flow::config::{Finding, GoDuration, Node, Section};
use serde::Deserialize;

use super::wish::{Read, Request};
use crate::door::{self, Auth, Tls};

/// How events of a conversation are subscribed to.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Dialect {
    /// By detail topics on notification channels, which is the API as it is documented.
    #[default]
    PublicApi,
    /// By a WebSocket of its own, with the subscriptions in its first message.
    Pages,
}

/// What becomes of events that came by a subscription of a traced caller.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Events {
    /// A span each, and a link from the conversation to the span that asked.
    #[default]
    Spans,
    LinksOnly,
    Off,
}

/// Where callers ask.
#[derive(Clone, PartialEq, Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Subscribe {
    /// `host:port` to listen on.
    pub(crate) endpoint: String,
    pub(crate) tls: Option<Tls>,
    pub(crate) auth: Option<Auth>,
    /// How long a subscription lasts that nobody asks for again.
    pub(crate) lasts: GoDuration,
    /// Conversations and topics that are asked for at a time.
    pub(crate) limit: usize,
}

/// All of it in one place.
#[derive(Clone, PartialEq, Default, Debug)]
pub(crate) struct Wanted {
    pub(crate) dialect: Dialect,
    pub(crate) events: Events,
    pub(crate) subscribe: Option<Section<Subscribe>>,
    /// As if it were asked for at the start; it lasts.
    pub(crate) subscriptions: Vec<Request>,
}

impl Default for Subscribe {
    fn default() -> Self {
        Self {
            endpoint: "127.0.0.1:7721".to_owned(),
            tls: None,
            auth: None,
            lasts: GoDuration::from_secs(3600),
            limit: 300,
        }
    }
}

impl Wanted {
    /// What stands in the configuration; it was checked.
    pub(super) fn at_start(&self) -> impl Iterator<Item = super::wish::Wish> {
        let read = |request: &Request| request.wishes(None).map(|read| read.wishes).unwrap_or_default();
        self.subscriptions.iter().flat_map(read)
    }
}

pub(crate) fn check(section: &Node, wanted: &Wanted) -> Vec<Finding> {
    let mut findings = Vec::new();
    if let (Some(node), Some(subscribe)) = (section.get("subscribe"), &wanted.subscribe) {
        let parts = (subscribe.tls.as_ref(), subscribe.auth.as_ref());
        let words = ("ask for events of conversations", "127.0.0.1:7721", "what callers send");
        findings.extend(door::check(node, &subscribe.endpoint, parts, words));
        let at = |key| node.get(key).unwrap_or(node);
        if subscribe.lasts.get().as_secs() < 60 {
            findings.push(Finding::error(at("lasts"), "less than a minute"));
        }
        if !(1..=1000).contains(&subscribe.limit) {
            let finding = Finding::error(at("limit"), "not from 1 to 1000");
            findings.push(
                finding.help("a conversation takes 16 of the 20 000 topics that one OAuth client may have"),
            );
        }
    }
    let nodes = section.get("subscriptions").map(Node::items).unwrap_or_default();
    for (node, request) in nodes.iter().zip(&wanted.subscriptions) {
        match request.wishes(None) {
            Ok(Read { warnings, .. }) => {
                findings.extend(warnings.into_iter().map(|warning| Finding::error(node, warning)));
            }
            Err(why) => findings.push(Finding::error(node, why.to_string())),
        }
    }
    findings
}
