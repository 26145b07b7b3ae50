//! A socket of the pages' dialect: for conversations that somebody asked for, with the context in its first message.
//!
//! Handshakes lose all headers but the token's, so that the context goes where the endpoint takes it.

use std::future::{Future, pending};
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::StatusCode;
use throughline_context::{Traceparent, w3c, websocket};
use tokio::time::{Instant, sleep_until, timeout};

use super::explain::Refusal;
use crate::Id;
use crate::notify::{Action, By, Ended, Event, Frame, Link, NotConnected, Notice, Notices, Socket, Trouble};
use crate::platform::{Base, Platform};

const PATH: &str = "api/v2/analytics/conversations/events";
const PATIENCE: Duration = Duration::from_secs(20);
/// Attempts without an answer before that is told.
const TOLD: u32 = 3;

/// What the socket is for.
#[derive(Clone, Debug)]
pub(super) struct Ask {
    pub(super) subscription: u64,
    pub(super) conversations: Vec<Id>,
    pub(super) origin: Option<Traceparent>,
}

pub(super) struct Line {
    ask: Ask,
    platform: Arc<Platform>,
    tls: Arc<rustls::ClientConfig>,
    notices: Notices,
    link: Link,
    socket: Option<Box<Socket>>,
    work: Option<Pin<Box<dyn Future<Output = Done> + Send>>>,
    refused: u32,
    told: Option<Result<(), String>>,
}

/// What came of an attempt, and the token that it was made with.
struct Done {
    token: String,
    opened: Result<Box<Socket>, NotConnected>,
}

impl Line {
    pub(super) fn new(
        ask: Ask,
        platform: Arc<Platform>,
        tls: Arc<rustls::ClientConfig>,
        notices: Notices,
    ) -> Self {
        let link = Link::at(address(platform.base(), &ask.conversations), Instant::now());
        Self { ask, platform, tls, notices, link, socket: None, work: None, refused: 0, told: None }
    }

    /// Runs until it is dropped, or nobody wants notices any more.
    pub(super) async fn run(mut self) {
        loop {
            let event = tokio::select! {
                () = sleep_until(self.link.due()) => Event::Tick,
                done = finished(&mut self.work) => {
                    self.work = None;
                    self.done(done).await
                }
                message = heard(&mut self.socket) => match message {
                    Ok(bytes) => self.message(bytes).await,
                    Err(ended) => {
                        self.socket = None;
                        if let Ended::Broken { reason, why } = ended {
                            let trouble = Trouble { socket: true, reason, why, news: true };
                            self.notices.tell(Notice::Trouble(trouble)).await;
                        }
                        Event::Closed
                    }
                },
                () = self.notices.closed() => break,
            };
            let mut actions: Vec<Action> = self.link.on(event, Instant::now());
            while !actions.is_empty() {
                let mut next = Vec::new();
                for action in actions {
                    if let Some(event) = self.act(action).await {
                        next.extend(self.link.on(event, Instant::now()));
                    }
                }
                actions = next;
            }
        }
        if let Some(socket) = self.socket {
            socket.close().await;
        }
    }

    async fn act(&mut self, action: Action) -> Option<Event> {
        match action {
            Action::Connect { address } => {
                let (platform, tls) = (Arc::clone(&self.platform), Arc::clone(&self.tls));
                self.work = Some(Box::pin(async move {
                    let token = match platform.token().await {
                        Ok(token) => token,
                        Err(error) => {
                            let why = format!("no token: {error}");
                            let opened = Err(NotConnected::new(error.reason(), why, ""));
                            return Done { token: String::new(), opened };
                        }
                    };
                    let opened = Socket::connect(&address, Some(&token), &platform, &tls).await.map(Box::new);
                    Done { token, opened }
                }));
                None
            }
            Action::Subscribe => {
                let sent = match &mut self.socket {
                    Some(socket) => socket.send_through(first_message(self.ask.origin)).await,
                    None => false,
                };
                if !sent {
                    self.socket = None;
                    return Some(Event::Closed);
                }
                self.tell(Ok(())).await;
                Some(Event::Subscribed)
            }
            // There is nothing to ask for; another token may help.
            Action::Find => {
                self.platform.log_in_again().await;
                Some(Event::Found(Some(true)))
            }
            Action::Disconnect => {
                self.work = None;
                self.socket = None;
                None
            }
            // A link without a channel never makes one. What was lost is asked of analytics as always.
            Action::Create | Action::Fill(_) => None,
        }
    }

    async fn done(&mut self, Done { token, opened }: Done) -> Event {
        let error = match opened {
            Ok(socket) => {
                self.refused = 0;
                self.socket = Some(socket);
                return Event::Connected;
            }
            Err(error) => error,
        };
        tracing::debug!(%error, "no socket for a subscription");
        self.refused += 1;
        match &error.answer {
            // A token can be revoked before its time: with a new one it may work.
            Some((StatusCode::UNAUTHORIZED, _)) if self.refused == 1 => self.platform.forget(&token).await,
            Some((status, body)) => self.tell(Err(explain(&self.platform, *status, body))).await,
            None if self.refused >= TOLD => self.tell(Err(error.explained())).await,
            None => {}
        }
        Event::NotConnected { gone: false }
    }

    async fn message(&mut self, bytes: Bytes) -> Event {
        let notice = match Frame::read(&bytes) {
            Ok(Frame::Event) => {
                self.notices.event(bytes, By::Line(self.ask.subscription)).await;
                None
            }
            Ok(Frame::Closing) => return Event::Closing,
            Ok(Frame::NoLongerSubscribed | Frame::TokenRevoked) => {
                self.socket = None;
                self.platform.log_in_again().await;
                return Event::Closed;
            }
            Ok(Frame::Alive) => None,
            Err(error) => Some(Notice::Unreadable { bytes: error.bytes, why: error.to_string() }),
        };
        if let Some(notice) = notice {
            self.notices.tell(notice).await;
        }
        Event::Heard
    }

    /// Once, and again when it changes.
    async fn tell(&mut self, open: Result<(), String>) {
        if self.told.as_ref() != Some(&open) {
            self.told = Some(open.clone());
            self.notices.tell(Notice::Line { subscription: self.ask.subscription, open }).await;
        }
    }
}

/// Opens such a socket for nothing, and closes it: its host, or why it is not opened.
pub(crate) async fn try_pages(
    platform: &Platform,
    tls: &Arc<rustls::ClientConfig>,
) -> Result<String, String> {
    let token = platform.token().await.map_err(|error| error.to_string())?;
    let address = address(platform.base(), &[]);
    match timeout(PATIENCE, Socket::connect(&address, Some(&token), platform, tls)).await {
        Ok(Ok(socket)) => {
            socket.close().await;
            Ok(platform.base().api.host_str().unwrap_or_default().to_owned())
        }
        Ok(Err(NotConnected { answer: Some((status, body)), .. })) => Err(explain(platform, status, &body)),
        Ok(Err(error)) => Err(error.explained()),
        Err(_) => Err(format!("it was not opened within {PATIENCE:?}")),
    }
}

fn explain(platform: &Platform, status: StatusCode, body: &[u8]) -> String {
    let Base { api, login, .. } = platform.base();
    let address = address(platform.base(), &[]);
    Refusal {
        address: address.split('?').next().unwrap_or_default(),
        host: api.host_str().unwrap_or_default(),
        login: login.host_str().unwrap_or_default(),
        client: platform.client_id(),
        status,
        body,
    }
    .explain()
}

/// The API's own address as that of a socket, with the ids in its query.
fn address(base: &Base, conversations: &[Id]) -> String {
    let ids: Vec<String> = conversations.iter().map(ToString::to_string).collect();
    let socket = base.api.as_str().replacen("http", "ws", 1);
    format!("{socket}{PATH}?ids={}", ids.join(","))
}

/// What the pages send first.
fn first_message(origin: Option<Traceparent>) -> String {
    const SUBSCRIBE: &str = r#"{"subscriptions":[{"type":"conversation"}]}"#;
    let with = origin
        .and_then(|origin| websocket::subscriptions().inject(SUBSCRIBE, &w3c::Context::new(origin)).ok());
    with.unwrap_or_else(|| SUBSCRIBE.to_owned())
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_address_is_that_of_the_region() {
        let id = Id::new("c41e7d90-5b2a-4f0e-9a6d-37c2e10b8f54").unwrap();
        for (region, ids, expected) in [
            (
                "us_east_1",
                vec![id.clone()],
                "wss://api.mypurecloud.com/api/v2/analytics/conversations/events?ids=c41e7d90-5b2a-4f0e-9a6d-37c2e10b8f54",
            ),
            (
                "http://127.0.0.1:8300/x",
                vec![],
                "ws://127.0.0.1:8300/x/api/v2/analytics/conversations/events?ids=",
            ),
        ] {
            assert_eq!(address(&Base::of(region).unwrap(), &ids), expected);
        }
    }

    #[test]
    fn the_first_message_is_the_pages_own() {
        let origin = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
        assert_eq!(first_message(None), r#"{"subscriptions":[{"type":"conversation"}]}"#);
        assert_eq!(
            first_message(origin.parse().ok()),
            format!(r#"{{"subscriptions":[{{"type":"conversation","traceparent":"{origin}"}}]}}"#)
        );
    }
}
