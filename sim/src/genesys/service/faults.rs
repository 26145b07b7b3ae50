//! What goes wrong on demand.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::answer::put;
use super::{Answer, Due, Frame, Request, Service};

/// Shares are from 0 (never) to 1 (always).
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Faults {
    /// Of messages: the socket breaks and the message is lost.
    pub drop_socket: f64,
    /// Of messages: sent twice.
    pub duplicate: f64,
    /// Of messages: held back until others have passed.
    pub reorder: f64,
    /// Every message comes later, by up to so many milliseconds, each by another time.
    pub delay_ms: u64,
    /// Of messages: half of it comes first, which is no JSON.
    pub malformed: f64,
    /// Of messages: a frame of `huge_bytes` comes first.
    pub huge: f64,
    pub huge_bytes: usize,
    /// Of requests: answered with that status.
    pub status_429: f64,
    pub status_503: f64,
    /// Of requests: all tokens end, with a message to every channel.
    pub revoke_tokens: f64,
    /// Of requests: one channel goes.
    pub evict_channel: f64,
    /// Of handshakes in the pages' dialect: the token is not believed.
    pub refuse_handshakes: f64,
    /// Every answer waits so long.
    pub slow_ms: u64,
    /// Once, now; it is not kept.
    #[serde(skip_serializing)]
    pub now: Vec<Mischief>,
}

/// What can be done at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Mischief {
    DropSockets,
    CloseSockets,
    RevokeTokens,
    EvictChannels,
}

/// A frame above this would not fit into the simulator's own memory for long.
const MAX_HUGE: usize = 256 << 20;
const MAX_WAIT_MS: u64 = 600_000;
const REORDER_MS: u64 = 400;

impl Faults {
    /// Sets one by its name, as the command line does.
    pub fn set(&mut self, name: &str, value: &str) -> Result<(), String> {
        if name == "now" {
            return Err("`now` is for /sim/faults, while it runs".to_owned());
        }
        let mut all = serde_json::to_value(&*self).map_err(|error| error.to_string())?;
        let number: Value = serde_json::from_str(value).map_err(|_| format!("`{value}` is no number"))?;
        put(&mut all, name, number);
        *self = serde_json::from_value::<Self>(all).map_err(|error| error.to_string())?.checked()?;
        Ok(())
    }

    fn checked(self) -> Result<Self, String> {
        let shares = [self.drop_socket, self.duplicate, self.reorder, self.malformed, self.huge];
        let of_requests = [self.status_429, self.status_503, self.revoke_tokens, self.evict_channel];
        let of_handshakes = [self.refuse_handshakes];
        if shares.iter().chain(&of_requests).chain(&of_handshakes).any(|share| !(0.0..=1.0).contains(share)) {
            return Err("a share is from 0 to 1".to_owned());
        }
        if self.huge_bytes > MAX_HUGE || self.delay_ms.max(self.slow_ms) > MAX_WAIT_MS {
            return Err(format!("huge_bytes is at most {MAX_HUGE}, a wait at most {MAX_WAIT_MS} ms"));
        }
        Ok(self)
    }
}

impl Service {
    /// `POST /sim/faults`: these and no others from now on.
    pub(super) fn set_faults(&mut self, request: &Request) -> Result<Answer, Box<Answer>> {
        let wrong = |message: String| Answer::error(400, "bad.request", &message);
        let faults: Faults =
            serde_json::from_value(request.json()?).map_err(|error| wrong(error.to_string()))?;
        self.faults = faults.checked().map_err(wrong)?;
        for mischief in std::mem::take(&mut self.faults.now) {
            self.make(mischief);
        }
        Ok(Answer::ok(json!(self.faults)))
    }

    /// Does something bad at once.
    pub fn make(&mut self, mischief: Mischief) {
        self.tally.faults += 1;
        match mischief {
            Mischief::DropSockets => {
                self.channels.connected().iter().for_each(|id| self.channels.cut(id));
                self.end_streams(Frame::Cut);
            }
            Mischief::CloseSockets => {
                self.channels.connected().iter().for_each(|id| self.announce_closing(id))
            }
            Mischief::EvictChannels => self.channels.ids().iter().for_each(|id| self.evict(id)),
            Mischief::RevokeTokens => {
                self.access.revoke_all();
                self.end_streams(Frame::Close(1008));
                for id in self.channels.ids() {
                    self.system(&id, "token_revoked", Some("user_tokens_revoked"));
                    self.evict(&id);
                }
            }
        }
    }

    /// How long the answer to a request waits, or the fault that it meets.
    pub(super) fn mischief_of_requests(&mut self, reset: u64) -> Result<u64, Box<Answer>> {
        if self.happens(self.faults.revoke_tokens) {
            self.make(Mischief::RevokeTokens);
            return Err(Answer::error(401, "bad.credentials", "Invalid login credentials."));
        }
        if self.happens(self.faults.evict_channel) {
            let ids = self.channels.ids();
            let chosen = self.chance.below(ids.len().max(1) as u64);
            ids.get(chosen as usize).into_iter().for_each(|id| self.evict(id));
        }
        if self.happens(self.faults.status_429) {
            return Err(Answer::too_many(reset.clamp(1, 2)));
        }
        if self.happens(self.faults.status_503) {
            return Err(Answer::error(503, "service.unavailable", "Service is temporarily unavailable."));
        }
        Ok(self.faults.slow_ms)
    }

    /// Hands a message to a channel, through all that may befall it on the way.
    pub(super) fn deliver(&mut self, channel: &str, text: &str) {
        if self.happens(self.faults.drop_socket) {
            self.channels.cut(channel);
            return;
        }
        if self.happens(self.faults.malformed) {
            let half: String = text.chars().take(text.len() / 2).collect();
            self.channels.send(channel, Frame::Text(half));
        }
        if self.happens(self.faults.huge) {
            self.channels.send(channel, Frame::Text("x".repeat(self.faults.huge_bytes)));
        }
        let mut late = if self.faults.delay_ms > 0 { self.chance.below(self.faults.delay_ms) } else { 0 };
        if self.happens(self.faults.reorder) {
            late += 1 + self.chance.below(REORDER_MS);
        }
        let times = if self.happens(self.faults.duplicate) { 2 } else { 1 };
        for _ in 0..times {
            if late > 0 {
                self.agenda
                    .put(self.now + late, Due::Late { channel: channel.to_owned(), text: text.to_owned() });
            } else {
                self.send(channel, text.to_owned());
            }
        }
    }

    pub(super) fn send(&mut self, channel: &str, text: String) {
        self.tally.delivered += u64::from(self.channels.send(channel, Frame::Text(text)));
    }

    pub(super) fn happens(&mut self, share: f64) -> bool {
        let happens = share > 0.0 && self.chance.happens(share);
        self.tally.faults += u64::from(happens);
        happens
    }
}
