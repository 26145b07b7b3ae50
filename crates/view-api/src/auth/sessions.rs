//! Sessions of people: on this side, in memory, with an end. Only digests are kept.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

use super::{Who, digest, random};

/// Sessions at a time; the longest unused one goes first.
const MOST: usize = 10_000;

pub(super) struct Sessions {
    lifetime: Duration,
    idle: Duration,
    open: Mutex<HashMap<[u8; 32], Session>>,
}

struct Session {
    who: Who,
    csrf: String,
    began: Instant,
    used: Instant,
}

/// What a new session hands out.
pub(super) struct New {
    /// For the cookie.
    pub(super) token: String,
    pub(super) csrf: String,
}

impl Sessions {
    pub(super) fn new(lifetime: Duration, idle: Duration) -> Self {
        Self { lifetime, idle, open: Mutex::default() }
    }

    pub(super) fn lifetime(&self) -> Duration {
        self.lifetime
    }

    /// Always a token that nobody knew before.
    pub(super) fn open(&self, who: Who) -> Result<New, String> {
        let new = New { token: random::token()?, csrf: random::token()? };
        let now = Instant::now();
        let mut open = self.sessions();
        open.retain(|_, session| self.lives(session, now));
        if open.len() >= MOST {
            let oldest = open.iter().min_by_key(|(_, session)| session.used).map(|(key, _)| *key);
            oldest.and_then(|key| open.remove(&key));
        }
        let session = Session { who, csrf: new.csrf.clone(), began: now, used: now };
        open.insert(digest(&new.token), session);
        Ok(new)
    }

    pub(super) fn get(&self, token: &str) -> Option<(Who, String)> {
        let now = Instant::now();
        let mut open = self.sessions();
        let session = open.get_mut(&digest(token)).filter(|session| self.lives(session, now))?;
        session.used = now;
        Some((session.who.clone(), session.csrf.clone()))
    }

    pub(super) fn close(&self, token: &str) {
        self.sessions().remove(&digest(token));
    }

    fn lives(&self, session: &Session, now: Instant) -> bool {
        now.duration_since(session.began) < self.lifetime && now.duration_since(session.used) < self.idle
    }

    fn sessions(&self) -> std::sync::MutexGuard<'_, HashMap<[u8; 32], Session>> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use tokio::time::advance;

    use super::super::{By, Role};
    use super::*;

    fn ann() -> Who {
        Who { name: "ann".into(), role: Role::Viewer, by: By::Password }
    }

    #[tokio::test(start_paused = true)]
    async fn a_session_ends_when_it_is_old_or_not_used_or_closed() {
        let minutes = |minutes: u64| Duration::from_secs(60 * minutes);
        let sessions = Sessions::new(minutes(60), minutes(20));
        let (used, idle, closed) =
            (sessions.open(ann()).unwrap(), sessions.open(ann()).unwrap(), sessions.open(ann()).unwrap());
        assert_ne!(used.token, idle.token);
        assert_eq!(sessions.get(&used.token), Some((ann(), used.csrf.clone())));
        assert_eq!(sessions.get(&used.csrf), None);
        sessions.close(&closed.token);
        assert_eq!(sessions.get(&closed.token), None);
        for _ in 0..3 {
            advance(minutes(19)).await;
            assert!(sessions.get(&used.token).is_some());
        }
        assert_eq!(sessions.get(&idle.token), None, "not used for 57 minutes");
        advance(minutes(4)).await;
        assert_eq!(sessions.get(&used.token), None, "used, and 61 minutes old");
    }

    #[tokio::test(start_paused = true)]
    async fn there_are_only_so_many() {
        let sessions = Sessions::new(Duration::from_secs(60), Duration::from_secs(60));
        let first = sessions.open(ann()).unwrap();
        for _ in 0..MOST {
            advance(Duration::from_micros(1)).await;
            sessions.open(ann()).unwrap();
        }
        assert_eq!((sessions.get(&first.token), sessions.sessions().len()), (None, MOST));
    }
}
