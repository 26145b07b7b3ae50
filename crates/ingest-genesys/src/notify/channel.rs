//! Runs one channel: what its [`Link`] asks for, done.

use std::future::{Future, pending};
use std::pin::Pin;
use std::sync::Arc;

use bytes::Bytes;
use http::Method;
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::sync::{mpsc, watch};
use tokio::time::{Instant, sleep_until};

use super::frame::Frame;
use super::heard::{By, Heard};
use super::link::{Action, Event, Gap, Link};
use super::socket::{NotConnected, Socket};
use crate::platform::{Code, Platform, PlatformError};
use crate::time::now_ms;

/// What a channel tells of.
#[derive(Debug)]
pub enum Notice {
    /// A frame that is an event.
    Event(Heard),
    /// A frame that is none.
    Unreadable { bytes: usize, why: String },
    /// Events come in, and those of this time are to be asked for.
    Fill(Gap),
    /// Events do not come in.
    Lost,
    /// The service has taken a channel's whole list, but for what was refused, with the reason that it gave.
    Subscribed { channel: usize, topics: Arc<Vec<String>>, refused: Arc<Vec<(String, String)>>, news: bool },
    /// The socket of a subscription is open, or why it is not.
    Line { subscription: u64, open: Result<(), String> },
    /// Something that the operator has to mend; the channel goes on trying.
    Trouble(String),
}

/// One channel with its socket.
pub struct Channel {
    number: usize,
    platform: Arc<Platform>,
    tls: Arc<rustls::ClientConfig>,
    topics: watch::Receiver<Arc<Vec<String>>>,
    notices: mpsc::Sender<Notice>,
    id: Option<String>,
    link: Link,
    socket: Option<Box<Socket>>,
    /// One thing at a time is waited for.
    work: Option<Pin<Box<dyn Future<Output = Done> + Send>>>,
    trouble: Option<String>,
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
        notices: mpsc::Sender<Notice>,
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
                    Some(bytes) => self.message(bytes).await,
                    None => {
                        self.socket = None;
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
            for action in self.link.on(event, Instant::now()) {
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
        let path = |id: &str, rest: &str| format!("/api/v2/notifications/channels/{}{rest}", escaped(id));
        match action {
            Action::Create => {
                self.work = Some(Box::pin(async move {
                    Done::Created(platform.ask(Method::POST, "/api/v2/notifications/channels", None).await)
                }));
            }
            Action::Connect { address } => {
                let tls = Arc::clone(&self.tls);
                self.work = Some(Box::pin(async move {
                    Done::Connected(Socket::connect(&address, &tls).await.map(Box::new))
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
                tracing::debug!(%error, "no notification socket");
                Event::NotConnected { gone: error.gone }
            }
            Done::Created(Ok(made)) => {
                self.id = Some(made.id);
                Event::Created { address: made.connect_uri }
            }
            Done::Created(Err(error)) => {
                self.trouble(&error).await;
                Event::NotCreated { wait: None }
            }
            Done::Subscribed(topics, Ok(listing)) => {
                self.trouble = None;
                let refused = Arc::new(listing.rejected());
                let news = *self.refused != *refused;
                self.refused = Arc::clone(&refused);
                self.tell(Notice::Subscribed { channel: self.number, topics, refused, news }).await;
                Event::Subscribed
            }
            Done::Subscribed(_, Err(error)) => {
                self.trouble(&error).await;
                Event::NotSubscribed { gone: error.code() == Some(Code::NotFound) }
            }
            Done::Found(Ok(())) => Event::Found(Some(true)),
            Done::Found(Err(error)) => Event::Found((error.code() == Some(Code::NotFound)).then_some(false)),
        })
    }

    async fn message(&mut self, bytes: Bytes) -> Option<Event> {
        let (event, notice) = match Frame::read(&bytes) {
            Ok(Frame::Event) => {
                let by = By::Channel(self.number);
                (Event::Heard, Some(Notice::Event(Heard { bytes: bytes.clone(), at_ms: now_ms(), by })))
            }
            Ok(Frame::Closing) => (Event::Closing, None),
            Ok(Frame::NoLongerSubscribed) => (Event::Dropped, None),
            Ok(Frame::TokenRevoked) => {
                self.platform.log_in_again().await;
                (Event::Dropped, None)
            }
            Ok(Frame::Alive) => (Event::Heard, None),
            Err(error) => {
                (Event::Heard, Some(Notice::Unreadable { bytes: error.bytes, why: error.to_string() }))
            }
        };
        if let Some(notice) = notice {
            self.tell(notice).await;
        }
        Some(event)
    }

    /// Told once, and again when it changes.
    async fn trouble(&mut self, error: &PlatformError) {
        let text = error.to_string();
        if !error.passes() && self.trouble.as_ref() != Some(&text) {
            self.trouble = Some(text.clone());
            self.tell(Notice::Trouble(text)).await;
        }
    }

    async fn tell(&mut self, notice: Notice) {
        // Nobody listens when the receiver stops; `run` sees that.
        self.notices.send(notice).await.ok();
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

async fn heard(socket: &mut Option<Box<Socket>>) -> Option<Bytes> {
    match socket {
        Some(socket) => socket.next().await,
        None => pending().await,
    }
}
