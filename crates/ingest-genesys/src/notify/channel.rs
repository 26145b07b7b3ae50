//! Runs one channel: what its [`Link`] asks for, done.

use std::future::{Future, pending};
use std::pin::Pin;
use std::sync::Arc;

use bytes::Bytes;
use http::Method;
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::sync::watch;
use tokio::time::{Instant, sleep_until};

use super::frame::Frame;
use super::heard::By;
use super::link::{Action, Event, Link};
use super::notice::{Notice, Notices, Trouble};
use super::socket::{Ended, NotConnected, Socket};
use crate::platform::{Base, Code, Platform, PlatformError};

const CHANNELS: &str = "/api/v2/notifications/channels";
/// Failures one after the other before one is told that may pass.
const TOLD: u32 = 3;
const SILENT: &str = "nothing came over a notification socket for 35 s, no heartbeat either; it is opened again; if that goes on, look for a firewall or proxy on the way that drops connections in silence";
/// Longest id and address of a channel.
const LONGEST_ID: usize = 128;
const LONGEST_ADDRESS: usize = 4096;

/// One channel with its socket.
pub struct Channel {
    number: usize,
    platform: Arc<Platform>,
    tls: Arc<rustls::ClientConfig>,
    topics: watch::Receiver<Arc<Vec<String>>>,
    notices: Notices,
    id: Option<String>,
    link: Link,
    socket: Option<Box<Socket>>,
    /// One thing at a time is waited for.
    work: Option<Pin<Box<dyn Future<Output = Done> + Send>>>,
    trouble: Option<String>,
    /// What failed, one after the other.
    failures: u32,
    /// What was refused the last time.
    refused: Arc<Vec<(String, String)>>,
}

enum Done {
    Connected(Result<Box<Socket>, NotConnected>),
    Created(Result<Made, PlatformError>),
    Subscribed(Arc<Vec<String>>, Result<Listing, PlatformError>),
    Found(Result<(), PlatformError>),
}

/// A new channel.
#[derive(Deserialize)]
pub(crate) struct Made {
    pub(crate) id: String,
    #[serde(rename = "connectUri")]
    pub(crate) connect_uri: String,
}

/// What the service says of the topics of a channel.
#[derive(Deserialize, Default)]
#[serde(default)]
pub(crate) struct Listing {
    entities: Vec<Topic>,
}

#[derive(Deserialize, Default)]
#[serde(default, rename_all = "camelCase")]
struct Topic {
    id: String,
    state: Option<String>,
    rejection_reason: Option<String>,
    missing_permissions: Vec<String>,
}

impl Channel {
    /// `topics` may change at any time.
    pub fn new(
        number: usize,
        platform: Arc<Platform>,
        tls: Arc<rustls::ClientConfig>,
        topics: watch::Receiver<Arc<Vec<String>>>,
        notices: Notices,
    ) -> Self {
        let link = Link::new(Instant::now());
        Self {
            number,
            platform,
            tls,
            topics,
            notices,
            id: None,
            link,
            socket: None,
            work: None,
            trouble: None,
            failures: 0,
            refused: Arc::default(),
        }
    }

    /// Runs until nobody wants topics or notices any more.
    pub async fn run(mut self) {
        loop {
            let event = tokio::select! {
                () = sleep_until(self.link.due()) => Some(Event::Tick),
                done = finished(&mut self.work) => {
                    self.work = None;
                    self.done(done).await
                }
                message = heard(&mut self.socket) => match message {
                    Ok(bytes) => self.message(bytes).await,
                    Err(ended) => {
                        self.socket = None;
                        if let Ended::Broken { reason, why } = ended {
                            self.trouble(true, reason, why, reason != "closed").await;
                        }
                        Some(Event::Closed)
                    }
                },
                changed = self.topics.changed() => match changed {
                    Ok(()) => Some(Event::TopicsChanged),
                    Err(_) => break,
                },
                () = self.notices.closed() => break,
            };
            let Some(event) = event else { continue };
            let was_open = self.link.open();
            if event == Event::Tick {
                self.late().await;
            }
            let ticked = event == Event::Tick;
            for action in self.link.on(event, Instant::now()) {
                if ticked && action == Action::Disconnect && self.work.is_none() && self.socket.is_some() {
                    self.trouble(true, "silent", SILENT.to_owned(), true).await;
                }
                self.act(action).await;
            }
            if was_open && !self.link.open() {
                self.tell(Notice::Lost).await;
            }
        }
        if let Some(socket) = self.socket {
            socket.close().await;
        }
    }

    async fn act(&mut self, action: Action) {
        let platform = Arc::clone(&self.platform);
        let path = |id: &str, rest: &str| format!("{CHANNELS}/{}{rest}", escaped(id));
        match action {
            Action::Create => {
                self.work = Some(Box::pin(async move {
                    let made: Result<Made, _> = platform.ask(Method::POST, CHANNELS, None).await;
                    Done::Created(made.and_then(|made| made.checked(platform.base())))
                }));
            }
            Action::Connect { address } => {
                let tls = Arc::clone(&self.tls);
                self.work = Some(Box::pin(async move {
                    Done::Connected(Socket::connect(&address, None, &platform, &tls).await.map(Box::new))
                }));
            }
            Action::Subscribe => {
                let topics = Arc::clone(&self.topics.borrow_and_update());
                let path = path(self.id.as_deref().unwrap_or_default(), "/subscriptions?ignoreErrors=true");
                self.work = Some(Box::pin(async move {
                    let list: Vec<Value> = topics.iter().map(|topic| json!({ "id": topic })).collect();
                    let listing = platform.ask(Method::PUT, &path, Some(&Value::Array(list))).await;
                    Done::Subscribed(topics, listing)
                }));
            }
            Action::Find => {
                let path = path(self.id.as_deref().unwrap_or_default(), "");
                self.work = Some(Box::pin(async move {
                    Done::Found(platform.send(Method::HEAD, &path, None).await.map(|_| ()))
                }));
            }
            Action::Disconnect => {
                self.work = None;
                self.socket = None;
            }
            Action::Fill(gap) => self.tell(Notice::Fill(gap)).await,
        }
    }

    async fn done(&mut self, done: Done) -> Option<Event> {
        Some(match done {
            Done::Connected(Ok(socket)) => {
                // The service closes the old one by itself.
                self.socket = Some(socket);
                Event::Connected
            }
            Done::Connected(Err(error)) => {
                // One that ended with its channel is no trouble yet.
                self.trouble(true, error.reason, error.explained(), false).await;
                Event::NotConnected { gone: error.gone }
            }
            Done::Created(Ok(made)) => {
                self.id = Some(made.id);
                Event::Created { address: made.connect_uri }
            }
            Done::Created(Err(error)) => {
                self.refused(&error).await;
                Event::NotCreated { wait: None }
            }
            Done::Subscribed(topics, Ok(listing)) => {
                let refused = Arc::new(listing.rejected());
                let news = *self.refused != *refused;
                self.refused = Arc::clone(&refused);
                self.tell(Notice::Subscribed { channel: self.number, topics, refused, news }).await;
                Event::Subscribed
            }
            Done::Subscribed(_, Err(error)) => {
                self.refused(&error).await;
                Event::NotSubscribed { gone: error.code() == Some(Code::NotFound) }
            }
            Done::Found(Ok(())) => Event::Found(Some(true)),
            Done::Found(Err(error)) => Event::Found((error.code() == Some(Code::NotFound)).then_some(false)),
        })
    }

    async fn message(&mut self, bytes: Bytes) -> Option<Event> {
        Some(match Frame::read(&bytes) {
            Ok(Frame::Event) => {
                self.well();
                self.notices.event(bytes, By::Channel(self.number)).await;
                Event::Heard
            }
            Ok(Frame::Closing) => Event::Closing,
            Ok(Frame::NoLongerSubscribed) => Event::Dropped,
            Ok(Frame::TokenRevoked) => {
                self.platform.log_in_again().await;
                Event::Dropped
            }
            Ok(Frame::Alive) => {
                self.well();
                Event::Heard
            }
            Err(error) => {
                self.tell(Notice::Unreadable { bytes: error.bytes, why: error.to_string() }).await;
                Event::Heard
            }
        })
    }

    /// What is waited for did not come in time, or nothing was heard for long.
    async fn late(&mut self) {
        let (socket, why) = match (&self.work, &self.socket) {
            (Some(_), Some(_)) => (
                false,
                "the topics of a channel are not subscribed to in time; that is tried again, and `throughline genesys check` tells more",
            ),
            (Some(_), None) => (
                true,
                "a channel or its socket is not opened in time; that is tried again, and `throughline genesys check` tells how far the way there goes",
            ),
            _ => return,
        };
        self.trouble(socket, "late", why.to_owned(), true).await;
    }

    /// What fails from now on is new.
    fn well(&mut self) {
        if self.link.open() {
            (self.trouble, self.failures) = (None, 0);
        }
    }

    async fn refused(&mut self, error: &PlatformError) {
        self.trouble(false, error.reason(), error.to_string(), !error.passes()).await;
    }

    /// Counted each time; told once, and again when it changes, where it is grave or goes on.
    async fn trouble(&mut self, socket: bool, reason: &'static str, why: String, grave: bool) {
        self.failures = self.failures.saturating_add(1);
        let news = (grave || self.failures >= TOLD) && self.trouble.as_ref() != Some(&why);
        if news {
            self.trouble = Some(why.clone());
        }
        self.tell(Notice::Trouble(Trouble { socket, reason, why, news })).await;
    }

    async fn tell(&mut self, notice: Notice) {
        self.notices.tell(notice).await;
    }
}

impl Made {
    /// What is named can be a channel of this service; one over TLS has no sockets in the clear.
    pub(crate) fn checked(self, base: &Base) -> Result<Self, PlatformError> {
        let scheme = self.connect_uri.split_once("://").map_or("", |(scheme, _)| scheme);
        let wrong = |why: &str| {
            let request = format!("POST {CHANNELS}");
            Err(PlatformError::Garbled { request, why: format!("{why}; is `region` the right address?") })
        };
        if self.id.is_empty() || self.id.len() > LONGEST_ID || escaped(&self.id) != self.id {
            return wrong("`id` is no id of a channel");
        }
        if self.connect_uri.len() > LONGEST_ADDRESS || !matches!(scheme, "ws" | "wss") {
            return wrong("`connectUri` is no address of a WebSocket");
        }
        if scheme == "ws" && base.api.scheme() == "https" {
            return wrong("`connectUri` is without TLS, and what comes over it would be in the clear");
        }
        Ok(self)
    }
}

impl Listing {
    /// The topics that were refused, each with the reason.
    pub(crate) fn rejected(self) -> Vec<(String, String)> {
        self.entities.into_iter().filter_map(Topic::rejected).collect()
    }
}

impl Topic {
    fn rejected(self) -> Option<(String, String)> {
        if self.state.as_deref() != Some("Rejected") {
            return None;
        }
        let missing = self.missing_permissions.join(", ");
        let why = match self.rejection_reason {
            Some(reason) if missing.is_empty() => reason,
            Some(reason) => format!("{reason} (missing {missing})"),
            None => format!("missing {missing}"),
        };
        Some((self.id, why))
    }
}

/// The ids of the service need no escaping; one that does is not an id.
pub(crate) fn escaped(id: &str) -> String {
    id.chars().filter(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.')).collect()
}

async fn finished(work: &mut Option<Pin<Box<dyn Future<Output = Done> + Send>>>) -> Done {
    match work {
        Some(work) => work.await,
        None => pending().await,
    }
}

async fn heard(socket: &mut Option<Box<Socket>>) -> Result<Bytes, Ended> {
    match socket {
        Some(socket) => socket.next().await,
        None => pending().await,
    }
}
