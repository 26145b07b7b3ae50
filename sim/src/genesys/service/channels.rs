//! Notification channels, what they are subscribed to, and their sockets.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use http::Method;
use serde_json::{Value, json};
use tokio::sync::mpsc;

use super::answer::put;
use super::topics::{self, Refused};
use super::{Answer, Due, Request, Service};
use crate::genesys::ids;
use crate::genesys::record::org;
use crate::genesys::time::iso;

const LIVES_MS: u64 = 24 * 3_600_000;
/// Between the announcement of a closing and the closing.
const CLOSES_AFTER_MS: u64 = 60_000;
/// Messages that wait for a slow reader before its socket is closed.
const WAITING: usize = 10_000;
pub(super) const CONTROL: &str = "channel.metadata";

/// What goes into a socket.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Frame {
    Text(String),
    Close(u16),
    /// The connection breaks without a word.
    Cut,
}

#[derive(Default)]
pub(super) struct Channels {
    all: BTreeMap<String, Channel>,
    topics: HashMap<String, BTreeSet<String>>,
    generation: u64,
}

struct Channel {
    /// In the order of creation.
    number: u64,
    expires: u64,
    last_used: u64,
    entries: Vec<String>,
    socket: Option<Socket>,
}

struct Socket {
    generation: u64,
    frames: mpsc::Sender<Frame>,
}

impl Channels {
    pub(super) fn len(&self) -> usize {
        self.all.len()
    }

    pub(super) fn sockets(&self) -> usize {
        self.all.values().filter(|channel| channel.socket.is_some()).count()
    }

    pub(super) fn has(&self, topic: &str) -> bool {
        self.topics.contains_key(topic)
    }

    pub(super) fn begins(&self, topic: &str) -> bool {
        self.topics.keys().any(|known| known.starts_with(topic))
    }

    /// Who has subscribed to a topic.
    pub(super) fn subscribed(&self, topic: &str) -> Vec<String> {
        self.topics.get(topic).map(|ids| ids.iter().cloned().collect()).unwrap_or_default()
    }

    pub(super) fn connected(&self) -> Vec<String> {
        self.all.iter().filter(|(_, channel)| channel.socket.is_some()).map(|(id, _)| id.clone()).collect()
    }

    pub(super) fn ids(&self) -> Vec<String> {
        self.all.keys().cloned().collect()
    }

    /// False if nobody is connected. A reader that is too slow loses its socket.
    pub(super) fn send(&mut self, channel: &str, frame: Frame) -> bool {
        let Some(channel) = self.all.get_mut(channel) else { return false };
        let Some(socket) = &channel.socket else { return false };
        let sent = socket.frames.try_send(frame).is_ok();
        if !sent {
            channel.socket = None;
        }
        sent
    }

    /// Ends the socket of a channel, if it is still that one.
    pub(super) fn close(&mut self, id: &str, generation: u64) {
        let Some(channel) = self.all.get_mut(id) else { return };
        if let Some(socket) = channel.socket.take_if(|socket| socket.generation == generation) {
            // The reader may have gone first.
            socket.frames.try_send(Frame::Close(1001)).ok();
        }
    }

    pub(super) fn cut(&mut self, id: &str) {
        let socket = self.all.get_mut(id).and_then(|channel| channel.socket.take());
        socket.into_iter().for_each(|socket| drop(socket.frames.try_send(Frame::Cut)));
    }

    pub(super) fn remove(&mut self, id: &str) {
        self.cut(id);
        self.subscribe(id, Vec::new());
        self.all.remove(id);
    }

    /// Replaces all that a channel is subscribed to.
    fn subscribe(&mut self, id: &str, entries: Vec<String>) {
        let Some(channel) = self.all.get_mut(id) else { return };
        for topic in channel.entries.iter().flat_map(|entry| topics::expanded(entry)) {
            if let Some(ids) = self.topics.get_mut(&topic) {
                ids.remove(id);
                if ids.is_empty() {
                    self.topics.remove(&topic);
                }
            }
        }
        for topic in entries.iter().flat_map(|entry| topics::expanded(entry)) {
            self.topics.entry(topic).or_default().insert(id.to_owned());
        }
        channel.entries = entries;
    }
}

impl Service {
    pub(super) fn notifications(&mut self, request: &Request, rest: &[&str]) -> Result<Answer, Box<Answer>> {
        match (&request.method, rest) {
            (&Method::GET, ["availabletopics"]) => {
                let expand: Vec<_> = request.query.iter().filter(|(key, _)| key == "expand").collect();
                let expand: Vec<_> = expand.iter().flat_map(|(_, value)| value.split(',')).collect();
                Ok(Answer::ok(topics::available(&expand)))
            }
            (&Method::POST, ["channels"]) => Ok(self.create_channel()),
            (&Method::GET, ["channels"]) => {
                let all: Vec<_> =
                    self.channels.all.iter().map(|(id, channel)| self.channel_body(id, channel)).collect();
                Ok(Answer::ok(json!({"entities": all})))
            }
            (&Method::HEAD, ["channels", id]) => self.known_channel(id).map(|()| Answer::empty(200)),
            (method, ["channels", id, "subscriptions"]) => {
                self.known_channel(id)?;
                match *method {
                    Method::GET => Ok(self.subscriptions(id)),
                    Method::POST => self.change_subscriptions(request, id, false),
                    Method::PUT => self.change_subscriptions(request, id, true),
                    Method::DELETE => {
                        self.channels.subscribe(id, Vec::new());
                        Ok(Answer::empty(202))
                    }
                    _ => {
                        Err(Answer::error(405, "bad.request", "subscriptions know GET, POST, PUT and DELETE"))
                    }
                }
            }
            _ => Err(Answer::not_found("no such resource of notifications")),
        }
    }

    fn known_channel(&mut self, id: &str) -> Result<(), Box<Answer>> {
        let now = self.now;
        if self.channels.all.get(id).is_some_and(|channel| channel.expires <= now) {
            self.channels.remove(id);
        }
        match self.channels.all.get(id) {
            Some(_) => Ok(()),
            None => Err(Answer::not_found("The requested channel was not found.")),
        }
    }

    fn channel_body(&self, id: &str, channel: &Channel) -> Value {
        let socket = self.base.replacen("http", "ws", 1);
        json!({"id": id, "connectUri": format!("{socket}/channels/{id}"), "expires": iso(channel.expires)})
    }

    /// One above the limit takes the place of the one that was last used longest ago, those without a socket first.
    fn create_channel(&mut self) -> Answer {
        if self.channels.all.len() >= self.options.channels_per_client {
            let oldest = self.channels.all.iter();
            let oldest = oldest.min_by_key(|(_, one)| (one.socket.is_some(), one.last_used, one.number));
            if let Some(id) = oldest.map(|(id, _)| id.clone()) {
                self.evict(&id);
            }
        }
        let id = format!("streaming-5-{}", ids::uuid(&mut self.chance).replace('-', ""));
        self.channels.generation += 1;
        let channel = Channel {
            number: self.channels.generation,
            expires: self.now + LIVES_MS,
            last_used: self.now,
            entries: Vec::new(),
            socket: None,
        };
        let body = self.channel_body(&id, &channel);
        self.channels.all.insert(id, channel);
        Answer::ok(body)
    }

    /// The channel goes, and says so if somebody listens.
    pub(super) fn evict(&mut self, id: &str) {
        self.system(id, "no_longer_subscribed", Some("another_channel_subscribed"));
        let generation =
            self.channels.all.get(id).and_then(|one| one.socket.as_ref()).map(|socket| socket.generation);
        generation.into_iter().for_each(|generation| self.channels.close(id, generation));
        self.channels.remove(id);
    }

    /// A message of the service about the channel itself.
    pub(super) fn system(&mut self, id: &str, kind: &str, reason: Option<&str>) {
        let body = json!({
            "channelId": id,
            "systemTopicType": kind,
            "correlationId": ids::uuid(&mut self.chance),
            "organizationId": org::organization_id(),
            "oauthClientId": ids::named("client", &self.options.client_id),
            "reason": reason,
            "message": kind.replace('_', " "),
        });
        let frame = self.frame(&format!("v2.system.{kind}.{id}"), body);
        self.channels.send(id, Frame::Text(frame));
    }

    /// The socket will close in a minute; until then, and after it is opened again, everything stays as it is.
    pub(super) fn announce_closing(&mut self, id: &str) {
        let Some(generation) =
            self.channels.all.get(id).and_then(|one| one.socket.as_ref()).map(|socket| socket.generation)
        else {
            return;
        };
        let frame = self.frame("v2.system.socket_closing", json!({"message": "The socket will close."}));
        self.channels.send(id, Frame::Text(frame));
        self.agenda.put(self.now + CLOSES_AFTER_MS, Due::Close { channel: id.to_owned(), generation });
    }

    fn subscriptions(&self, id: &str) -> Answer {
        let entries = self.channels.all.get(id).map(|channel| channel.entries.as_slice()).unwrap_or_default();
        let all: Vec<_> = entries.iter().map(|entry| entity(entry, "Permitted", &[])).collect();
        Answer::ok(json!({"entities": all}))
    }

    fn change_subscriptions(
        &mut self,
        request: &Request,
        id: &str,
        replace: bool,
    ) -> Result<Answer, Box<Answer>> {
        let body = request.json()?;
        let wrong =
            || Answer::error(400, "bad.request", "The body is a list of topics: [{\"id\": \"v2...\"}]");
        let list = body.as_array().ok_or_else(wrong)?;
        let wanted: Vec<&str> =
            list.iter().map(|topic| topic.get("id")?.as_str()).collect::<Option<_>>().ok_or_else(wrong)?;
        let ignore = request.query("ignoreErrors").is_some_and(|value| value.eq_ignore_ascii_case("true"));

        let channel = self.channels.all.get(id);
        let mut entries =
            channel.filter(|_| !replace).map(|channel| channel.entries.clone()).unwrap_or_default();
        let mut known: BTreeSet<String> = entries.iter().cloned().collect();
        let mut rejected = Vec::new();
        for topic in wanted.into_iter().filter(|topic| !is_system(topic)) {
            match topics::check(topic, &self.options.denied) {
                Ok(()) => {
                    if known.insert(topic.to_owned()) {
                        entries.push(topic.to_owned());
                    }
                }
                Err(Refused::Missing(missing)) if ignore => {
                    rejected.push(entity(topic, "Rejected", &missing))
                }
                Err(Refused::Invalid) if ignore => rejected.push(entity(topic, "Rejected", &[])),
                Err(Refused::Missing(missing)) => return Err(Answer::forbidden(&missing)),
                Err(Refused::Invalid) => {
                    let message = format!("The subscription topic is not valid. [{topic}]");
                    return Err(Answer::error(400, "notification.invalid.topic", &message));
                }
            }
        }
        if entries.len() > self.options.topics_per_channel {
            return Err(Answer::error(
                400,
                "notification.subscription.too.many.subscriptions",
                "Too many subscriptions",
            ));
        }
        self.channels.subscribe(id, entries);
        if let Some(channel) = self.channels.all.get_mut(id) {
            channel.expires = self.now + LIVES_MS;
            channel.last_used = self.now;
        }
        let mut answer = self.subscriptions(id);
        if let Some(list) =
            answer.body.as_mut().and_then(|body| body.get_mut("entities")).and_then(Value::as_array_mut)
        {
            list.extend(rejected);
        }
        Ok(answer)
    }

    /// Connects a socket to a channel, in place of the one that is there. None if there is no such channel.
    pub fn connect(&mut self, id: &str) -> Option<(u64, mpsc::Receiver<Frame>)> {
        self.known_channel(id).ok()?;
        let (frames, receiver) = mpsc::channel(WAITING);
        self.channels.generation += 1;
        let generation = self.channels.generation;
        let channel = self.channels.all.get_mut(id)?;
        channel.last_used = self.now;
        if let Some(before) = channel.socket.replace(Socket { generation, frames }) {
            // The reader may have gone first.
            before.frames.try_send(Frame::Close(1000)).ok();
        }
        Some((generation, receiver))
    }

    /// The client has closed its socket.
    pub fn disconnected(&mut self, id: &str, generation: u64) {
        if let Some(channel) = self.channels.all.get_mut(id) {
            channel.socket.take_if(|socket| socket.generation == generation);
            channel.last_used = self.now;
        }
    }

    /// Answers what a client says on its socket.
    pub fn heard(&mut self, id: &str, text: &str) -> Option<String> {
        let said: Value = serde_json::from_str(text).ok()?;
        match said.get("message")?.as_str()? {
            "ping" => Some(json!({"topicName": CONTROL, "eventBody": {"message": "pong"}}).to_string()),
            "subscribe" => {
                let topics =
                    said.get("topics")?.as_array()?.iter().map(|topic| json!({"id": topic})).collect();
                let request = Request::new(Method::POST, "", &Value::Array(topics));
                let answer =
                    self.change_subscriptions(&request, id, false).unwrap_or_else(|refused| *refused);
                let subscribed = answer.status == 200;
                let message = answer.body.as_ref().and_then(|body| body.get("message")).cloned();
                Some(match subscribed {
                    true => json!({"result": "200", "status": "subscribed"}).to_string(),
                    false => json!({"result": "400", "status": "failure", "message": message}).to_string(),
                })
            }
            _ => None,
        }
    }

    pub fn heartbeat() -> String {
        json!({"topicName": CONTROL, "eventBody": {"message": "WebSocket Heartbeat"}}).to_string()
    }
}

/// SDKs leave these out of what they subscribe to; the service sends them to everybody.
fn is_system(topic: &str) -> bool {
    topic == CONTROL || topic.starts_with("v2.system")
}

fn entity(topic: &str, state: &str, missing: &[&str]) -> Value {
    let mut entity = json!({"id": topic, "state": state, "selfUri": format!("/api/v2/notifications/availabletopics/{topic}")});
    if state == "Rejected" {
        put(&mut entity, "missingPermissions", json!(missing));
        put(
            &mut entity,
            "rejectionReason",
            if missing.is_empty() { "The subscription topic is not valid." } else { "Missing permissions" },
        );
    }
    entity
}
