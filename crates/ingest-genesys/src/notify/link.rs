//! What a channel needs next, without a socket: events in, actions out, time as an argument.
//!
//! Notifications are not kept while nobody listens, so that each interruption ends in a [`Gap`] that has to be filled by
//! asking. The socket is opened before the topics are subscribed to: what happens in between is then no part of a gap.

use std::time::Duration;

use tokio::time::Instant;

/// Genesys' own clients take a socket for dead after this silence; a heartbeat comes every 30 s.
const SILENCE: Duration = Duration::from_secs(35);
/// Subscribing again lets a channel live for another 24 h.
const RENEW: Duration = Duration::from_secs(12 * 3600);
const FIRST_WAIT: Duration = Duration::from_millis(500);
const LONGEST_WAIT: Duration = Duration::from_secs(30);
/// How long connecting may take.
const PATIENCE: Duration = Duration::from_secs(20);
/// Channels that are made within this time are made later and later: whatever takes them away may do so again.
const CALM: Duration = Duration::from_secs(60);
/// Failed attempts after which the channel is asked for, since it may be gone.
const DOUBT: u32 = 3;

/// One channel of the notification service.
#[derive(Debug)]
pub struct Link {
    state: State,
    address: Option<String>,
    /// Since when events are lost; `None` while they come in.
    lost: Option<Instant>,
    failures: u32,
    /// Channels that were made shortly after one another, and when the last one was.
    made: u32,
    made_at: Option<Instant>,
    /// All topics that are wanted are subscribed to.
    subscribed: bool,
    /// Other topics are wanted since the list was put that is under way.
    changed: bool,
    /// The service keeps what is subscribed to when a socket ends.
    keeps: bool,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum State {
    /// Wait, then make a channel.
    Absent {
        at: Instant,
    },
    Creating {
        until: Instant,
    },
    /// Wait, then connect.
    Away {
        at: Instant,
    },
    Connecting {
        until: Instant,
    },
    Subscribing {
        heard: Instant,
        until: Instant,
    },
    Open {
        heard: Instant,
        renew: Instant,
    },
    /// The service closes the socket soon; a new one is being opened.
    Moving {
        until: Instant,
    },
    /// The channel is asked for.
    Doubting {
        until: Instant,
    },
}

/// What happened.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Event {
    /// Time went by.
    Tick,
    Created {
        address: String,
    },
    NotCreated {
        wait: Option<Duration>,
    },
    Connected,
    /// `gone` where the service refused the address itself.
    NotConnected {
        gone: bool,
    },
    /// The topics are subscribed to.
    Subscribed,
    NotSubscribed {
        gone: bool,
    },
    /// Whether the channel is still there; `None` where that could not be found out.
    Found(Option<bool>),
    /// Any frame but the following.
    Heard,
    Closing,
    /// The topics or the token are gone.
    Dropped,
    Closed,
    /// Other topics are wanted.
    TopicsChanged,
}

/// What to do.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Action {
    /// Make a channel.
    Create,
    /// Open a socket; one that is open is closed when this one is.
    Connect { address: String },
    /// Put the whole list of topics.
    Subscribe,
    /// Ask whether the channel exists.
    Find,
    /// Close the socket, if there is one.
    Disconnect,
    /// Events come in from now on: ask for what happened in between. The first one begins with the link itself.
    Fill(Gap),
}

/// A time in which events were lost.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Gap {
    pub from: Instant,
    pub to: Instant,
}

impl Link {
    pub fn new(now: Instant) -> Self {
        Self {
            state: State::Absent { at: now },
            address: None,
            lost: Some(now),
            failures: 0,
            made: 0,
            made_at: None,
            subscribed: false,
            changed: false,
            keeps: true,
        }
    }

    /// For a socket at an address that is known and stays, which is subscribed on anew each time it is opened.
    pub fn at(address: String, now: Instant) -> Self {
        Self { state: State::Away { at: now }, address: Some(address), keeps: false, ..Self::new(now) }
    }

    /// When [`Event::Tick`] is due.
    pub fn due(&self) -> Instant {
        match self.state {
            State::Absent { at } | State::Away { at } => at,
            State::Creating { until }
            | State::Connecting { until }
            | State::Moving { until }
            | State::Doubting { until } => until,
            State::Subscribing { heard, until } => until.min(heard + SILENCE),
            State::Open { heard, renew } => renew.min(heard + SILENCE),
        }
    }

    /// True while events of all topics come in.
    pub fn open(&self) -> bool {
        self.subscribed && self.lost.is_none()
    }

    pub fn on(&mut self, event: Event, now: Instant) -> Vec<Action> {
        match event {
            Event::Tick if now >= self.due() => self.tick(now),
            Event::Tick => Vec::new(),
            Event::Created { .. } | Event::NotCreated { .. } if !self.creating() => Vec::new(),
            Event::Created { address } => {
                let again = self.made_at.is_some_and(|at| now < at + CALM);
                self.made = if again { self.made.saturating_add(1) } else { 0 };
                self.made_at = Some(now);
                self.address = Some(address);
                self.subscribed = false;
                self.connect(now)
            }
            Event::NotCreated { wait } => {
                let wait = wait.unwrap_or_else(|| self.wait());
                self.failures = self.failures.saturating_add(1);
                self.state = State::Absent { at: now + wait };
                Vec::new()
            }
            Event::Connected => self.connected(now),
            Event::NotConnected { gone } | Event::NotSubscribed { gone } => self.failed(gone, now),
            Event::Subscribed => self.settled(now),
            Event::Found(there) => self.found(there, now),
            Event::Heard => {
                self.heard(now);
                Vec::new()
            }
            Event::Closing if matches!(self.state, State::Open { .. }) => {
                let address = self.address.clone().unwrap_or_default();
                // The old socket still speaks, but it may end before the new one begins.
                self.lose(now);
                self.state = State::Moving { until: now + PATIENCE };
                vec![Action::Connect { address }]
            }
            Event::Closing => Vec::new(),
            Event::Dropped => {
                // Nobody says since when.
                self.lose(match self.state {
                    State::Open { heard, .. } | State::Subscribing { heard, .. } => heard,
                    _ => now,
                });
                self.subscribed = false;
                self.address = None;
                let mut actions = vec![Action::Disconnect];
                actions.extend(self.make(now));
                actions
            }
            Event::Closed => self.closed(now),
            Event::TopicsChanged => match self.state {
                State::Open { heard, .. } => self.subscribe(heard, now),
                State::Subscribing { .. } => {
                    self.changed = true;
                    Vec::new()
                }
                _ => {
                    self.subscribed = false;
                    Vec::new()
                }
            },
        }
    }

    /// Something that was waited for did not come, or a wait is over.
    fn tick(&mut self, now: Instant) -> Vec<Action> {
        match self.state {
            State::Absent { .. } => {
                self.state = State::Creating { until: now + PATIENCE };
                vec![Action::Create]
            }
            State::Away { .. } => self.connect(now),
            State::Creating { .. } => {
                self.state = State::Absent { at: now + self.wait() };
                self.failures = self.failures.saturating_add(1);
                Vec::new()
            }
            State::Open { heard, .. } if now < heard + SILENCE => self.subscribe(heard, now),
            State::Doubting { .. } => self.found(None, now),
            State::Connecting { .. } | State::Moving { .. } => {
                let mut actions = vec![Action::Disconnect];
                actions.extend(self.failed(false, now));
                actions
            }
            State::Subscribing { .. } | State::Open { .. } => {
                let mut actions = vec![Action::Disconnect];
                actions.extend(self.closed(now));
                actions
            }
        }
    }

    /// A new channel: at once, unless the last one was made a short while ago too.
    fn make(&mut self, now: Instant) -> Vec<Action> {
        let often = if self.made_at.is_some_and(|at| now < at + CALM) { self.made } else { 0 };
        let wait = often.checked_sub(1).map_or(Duration::ZERO, growing);
        self.state = State::Absent { at: now + wait };
        self.on(Event::Tick, now)
    }

    fn connect(&mut self, now: Instant) -> Vec<Action> {
        let Some(address) = self.address.clone() else {
            self.state = State::Absent { at: now };
            return self.tick(now);
        };
        self.state = State::Connecting { until: now + PATIENCE };
        vec![Action::Connect { address }]
    }

    fn connected(&mut self, now: Instant) -> Vec<Action> {
        if !matches!(self.state, State::Connecting { .. } | State::Moving { .. }) {
            return Vec::new();
        }
        if self.subscribed && self.keeps {
            self.state = State::Open { heard: now, renew: now + RENEW };
            return self.settle(now);
        }
        self.subscribe(now, now)
    }

    fn subscribe(&mut self, heard: Instant, now: Instant) -> Vec<Action> {
        self.changed = false;
        self.state = State::Subscribing { heard, until: now + PATIENCE };
        vec![Action::Subscribe]
    }

    fn settled(&mut self, now: Instant) -> Vec<Action> {
        let State::Subscribing { heard, .. } = self.state else { return Vec::new() };
        self.subscribed = true;
        self.state = State::Open { heard, renew: now + RENEW };
        let mut actions = self.settle(now);
        if self.changed {
            actions.extend(self.subscribe(heard, now));
        }
        actions
    }

    /// All is well from now on.
    fn settle(&mut self, now: Instant) -> Vec<Action> {
        self.failures = 0;
        let gap = self.lost.take().map(|from| Gap { from, to: now });
        gap.map(Action::Fill).into_iter().collect()
    }

    fn failed(&mut self, gone: bool, now: Instant) -> Vec<Action> {
        match self.state {
            State::Connecting { .. } | State::Moving { .. } => {}
            State::Subscribing { heard, .. } => {
                self.lose(heard);
                self.subscribed = false;
            }
            _ => return Vec::new(),
        }
        self.failures += 1;
        if gone || self.failures >= DOUBT {
            self.state = State::Doubting { until: now + PATIENCE };
            return vec![Action::Find];
        }
        self.state = State::Away { at: now + self.wait() };
        Vec::new()
    }

    fn found(&mut self, there: Option<bool>, now: Instant) -> Vec<Action> {
        if !matches!(self.state, State::Doubting { .. }) {
            return Vec::new();
        }
        let at = now + self.wait();
        if there == Some(false) {
            self.address = None;
            self.subscribed = false;
            return self.make(now);
        }
        self.state = State::Away { at };
        Vec::new()
    }

    fn closed(&mut self, now: Instant) -> Vec<Action> {
        match self.state {
            State::Subscribing { heard, .. } => {
                self.lose(heard);
                self.subscribed = false;
            }
            State::Open { heard, .. } => self.lose(heard),
            // The old socket ended while the new one is being opened.
            State::Moving { until } => {
                self.state = State::Connecting { until };
                return Vec::new();
            }
            _ => return Vec::new(),
        }
        self.failures = self.failures.max(1);
        self.state = State::Away { at: now + self.wait() };
        Vec::new()
    }

    fn heard(&mut self, now: Instant) {
        match &mut self.state {
            State::Open { heard, .. } | State::Subscribing { heard, .. } => *heard = now,
            _ => {}
        }
    }

    /// A channel that comes late is as good as one that is still waited for.
    fn creating(&self) -> bool {
        matches!(self.state, State::Creating { .. } | State::Absent { .. })
    }

    fn lose(&mut self, since: Instant) {
        self.lost.get_or_insert(since);
    }

    fn wait(&self) -> Duration {
        growing(self.failures)
    }
}

fn growing(times: u32) -> Duration {
    FIRST_WAIT.saturating_mul(1 << times.min(10)).min(LONGEST_WAIT)
}

#[cfg(test)]
mod tests;
