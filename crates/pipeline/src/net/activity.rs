//! What each connection is doing, so that a listener can tell which ones may go.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::Notify;
use tokio::time::Instant;

/// How long a connection may do what.
#[derive(Clone, Copy, Debug)]
pub struct Patience {
    /// Until the first byte comes.
    pub first_byte: Duration,
    /// For the head of an HTTP/1 request, from its first byte on.
    pub head: Duration,
    /// Between two requests.
    pub idle: Duration,
    /// A whole life, and what open requests get after it.
    pub age: Option<(Duration, Duration)>,
}

impl Default for Patience {
    fn default() -> Self {
        Self {
            first_byte: Duration::from_secs(30),
            head: Duration::from_secs(30),
            idle: Duration::from_secs(300),
            age: None,
        }
    }
}

impl Patience {
    /// How often to look: often enough to be at most half late, but not all the time.
    pub(super) fn rhythm(&self) -> Duration {
        let age = self.age.map_or(Duration::MAX, |(age, _)| age);
        let shortest = self.first_byte.min(self.head).min(self.idle).min(age);
        (shortest / 2).clamp(Duration::from_millis(10), Duration::from_secs(1))
    }
}

/// What a connection has to itself before it may have to make room.
const MOMENT: Duration = Duration::from_secs(1);

/// One connection, as its stream and its requests tell it.
pub struct Activity {
    born: Instant,
    state: Mutex<State>,
    told: Notify,
}

struct State {
    doing: Doing,
    since: Instant,
    /// Requests that are being answered.
    open: usize,
    /// HTTP/2: bytes between requests are no head of a request.
    multiplexed: bool,
    /// The last request was answered before all of its body had come.
    unread: bool,
    end: Option<End>,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Doing {
    /// Connected, and not said a word.
    Nothing,
    /// Sending the head of a request.
    Head,
    Requests,
    Resting,
}

/// How a connection is told to end.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum End {
    Cut,
    /// Open requests get this long.
    Gracefully(Duration),
}

impl Activity {
    pub(super) fn new() -> Arc<Self> {
        let now = Instant::now();
        let state = State {
            doing: Doing::Nothing,
            since: now,
            open: 0,
            multiplexed: false,
            unread: false,
            end: None,
        };
        Arc::new(Self { born: now, state: Mutex::new(state), told: Notify::new() })
    }

    /// Bytes have come.
    pub(super) fn heard(&self, bytes: &[u8]) {
        let mut state = self.state();
        match state.doing {
            Doing::Nothing => {
                // The connection preface of HTTP/2 (RFC 9113 section 3.4) begins like no method.
                state.multiplexed = bytes.starts_with(b"PRI");
                let doing = if state.multiplexed { Doing::Resting } else { Doing::Head };
                state.now(doing);
            }
            Doing::Resting if !state.multiplexed => state.now(Doing::Head),
            Doing::Resting | Doing::Head | Doing::Requests => {}
        }
    }

    /// A request's head has come; it is open until the guard is dropped.
    pub fn request(self: &Arc<Self>) -> OpenRequest {
        let mut state = self.state();
        state.doing = Doing::Requests;
        state.open += 1;
        OpenRequest { activity: Arc::clone(self), unread: false }
    }

    /// True where the peer may still be sending a body that nobody will read.
    pub(super) fn left_unread(&self) -> bool {
        self.state().unread
    }

    /// True while requests are open.
    pub(super) fn busy(&self) -> bool {
        self.state().open > 0
    }

    /// Tells the connection to end; the first word counts.
    pub(super) fn tell(&self, end: End) {
        self.state().end.get_or_insert(end);
        self.told.notify_one();
    }

    /// Waits for that word.
    pub(super) async fn told(&self) -> End {
        loop {
            if let Some(end) = self.state().end {
                return end;
            }
            self.told.notified().await;
        }
    }

    /// Whether it has done for too long what it is doing.
    pub(super) fn overdue(&self, now: Instant, patience: &Patience) -> Option<End> {
        let state = self.state();
        if state.end.is_some() {
            return None;
        }
        if let Some((age, grace)) = patience.age
            && now.duration_since(self.born) >= age
        {
            return Some(End::Gracefully(grace));
        }
        let (limit, end) = match state.doing {
            Doing::Nothing => (patience.first_byte, End::Cut),
            Doing::Head => (patience.head, End::Cut),
            Doing::Resting => (patience.idle, End::Gracefully(Duration::from_secs(5))),
            Doing::Requests => return None,
        };
        (now.duration_since(state.since) >= limit).then_some(end)
    }

    /// How much this connection should go before others where places are short; not at all while requests are open,
    /// or in the first moment, in which everybody may speak. One that has said nothing counts as ten times as old as
    /// one that has been of use.
    pub(super) fn dispensable(&self, now: Instant) -> Option<Duration> {
        let state = self.state();
        let age = now.duration_since(state.since);
        match state.doing {
            _ if state.end.is_some() || age < MOMENT => None,
            Doing::Nothing | Doing::Head => Some(age * 10),
            Doing::Resting => Some(age),
            Doing::Requests => None,
        }
    }

    fn state(&self) -> std::sync::MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn now(&mut self, doing: Doing) {
        self.doing = doing;
        self.since = Instant::now();
    }
}

/// A request that is being answered.
pub struct OpenRequest {
    activity: Arc<Activity>,
    /// Set while its body has not come whole.
    pub unread: bool,
}

impl Drop for OpenRequest {
    fn drop(&mut self) {
        let mut state = self.activity.state();
        state.open = state.open.saturating_sub(1);
        state.unread = self.unread && !state.multiplexed;
        if state.open == 0 {
            state.now(Doing::Resting);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn patience_depends_on_what_a_connection_does() {
        let patience =
            Patience { age: Some((Duration::from_secs(3600), Duration::ZERO)), ..Patience::default() };
        let after = async |activity: &Activity, seconds| {
            tokio::time::advance(Duration::from_secs(seconds)).await;
            activity.overdue(Instant::now(), &patience)
        };
        let silent = Activity::new();
        assert_eq!(after(&silent, 29).await, None);
        assert_eq!(after(&silent, 1).await, Some(End::Cut));

        let http1 = Activity::new();
        http1.heard(b"POST / HTTP/1.1\r\n");
        assert_eq!(after(&http1, 29).await, None);
        let request = http1.request();
        assert_eq!(after(&http1, 1000).await, None, "a request has limits of its own");
        drop(request);
        assert_eq!(after(&http1, 299).await, None);
        http1.heard(b"POST");
        assert_eq!(after(&http1, 30).await, Some(End::Cut), "the head of the next request");

        let http2 = Activity::new();
        http2.heard(b"PRI * HTTP/2.0\r\n");
        assert_eq!(after(&http2, 200).await, None);
        http2.heard(b"a ping");
        assert_eq!(
            after(&http2, 100).await,
            Some(End::Gracefully(Duration::from_secs(5))),
            "a ping is no use"
        );
        let _request = http2.request();
        assert_eq!(after(&http2, 3600).await, Some(End::Gracefully(Duration::ZERO)), "too old");
        http2.tell(End::Cut);
        assert_eq!(after(&http2, 3600).await, None, "told already");
        assert_eq!(http2.told().await, End::Cut);
    }

    #[tokio::test(start_paused = true)]
    async fn the_silent_go_first_and_the_busy_never() {
        let (silent, resting, busy) = (Activity::new(), Activity::new(), Activity::new());
        drop(resting.request());
        let _request = busy.request();
        tokio::time::advance(Duration::from_secs(1)).await;
        let now = Instant::now();
        assert!(silent.dispensable(now) > resting.dispensable(now));
        assert_eq!(busy.dispensable(now), None);
        assert_eq!(Activity::new().dispensable(now), None);
    }
}
