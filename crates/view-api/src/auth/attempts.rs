//! How often a password may be tried: soon after a few wrong ones each more takes twice as long to be allowed.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

/// Wrong ones that cost no time: of one name from one place, from one place, and of one name from anywhere.
const FREE: [u32; 3] = [5, 20, 50];
const LONGEST_WAIT: Duration = Duration::from_secs(300);
/// After so long without another one all is forgotten.
const FORGOTTEN: Duration = Duration::from_secs(900);
const MOST: usize = 20_000;

#[derive(Default)]
pub(super) struct Attempts(Mutex<HashMap<Key, Wrong>>);

#[derive(Clone, PartialEq, Eq, Hash, Debug)]
enum Key {
    Both(IpAddr, String),
    Place(IpAddr),
    Name(String),
}

struct Wrong {
    count: u32,
    last: Instant,
}

impl Attempts {
    /// Counts one more as wrong until [`Attempts::right`] says otherwise, so that many at once are no way around it; or
    /// says how long to wait.
    pub(super) fn try_one(&self, from: IpAddr, name: &str) -> Result<(), Duration> {
        let now = Instant::now();
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let keys = keys(from, name);
        let waits = keys.iter().zip(FREE).filter_map(|(key, free)| {
            let wrong = known.get(key)?;
            (wrong.last + wrong.wait(free)).checked_duration_since(now).filter(|wait| !wait.is_zero())
        });
        if let Some(wait) = waits.max() {
            return Err(wait);
        }
        if known.len() + keys.len() > MOST {
            known.retain(|_, wrong| now.duration_since(wrong.last) < FORGOTTEN);
        }
        if known.len() + keys.len() > MOST {
            return Err(LONGEST_WAIT);
        }
        for key in keys {
            let wrong = known.entry(key).or_insert(Wrong { count: 0, last: now });
            let forgotten = now.duration_since(wrong.last) >= FORGOTTEN;
            *wrong = Wrong { count: if forgotten { 1 } else { wrong.count.saturating_add(1) }, last: now };
        }
        Ok(())
    }

    pub(super) fn right(&self, from: IpAddr, name: &str) {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        for key in keys(from, name) {
            match key {
                Key::Both(..) => drop(known.remove(&key)),
                // Who knows one password may not try those of others for it.
                key => {
                    if let Some(wrong) = known.get_mut(&key) {
                        wrong.count = wrong.count.saturating_sub(1);
                    }
                }
            }
        }
    }
}

impl Wrong {
    fn wait(&self, free: u32) -> Duration {
        match self.count.checked_sub(free) {
            None => Duration::ZERO,
            Some(more) => Duration::from_secs(1 << more.min(20)).min(LONGEST_WAIT),
        }
    }
}

fn keys(from: IpAddr, name: &str) -> [Key; 3] {
    let from = match from {
        // One network of IPv6 is one place.
        IpAddr::V6(all) => match all.to_ipv4_mapped() {
            Some(old) => IpAddr::V4(old),
            None => IpAddr::V6((all.to_bits() & (u128::MAX << 64)).into()),
        },
        old => old,
    };
    [Key::Both(from, name.to_owned()), Key::Place(from), Key::Name(name.to_owned())]
}

#[cfg(test)]
mod tests {
    use tokio::time::advance;

    use super::*;

    fn place(n: u8) -> IpAddr {
        IpAddr::from([10, 0, 0, n])
    }

    #[tokio::test(start_paused = true)]
    async fn each_wrong_one_more_takes_twice_as_long() {
        let attempts = Attempts::default();
        for _ in 0..5 {
            assert_eq!(attempts.try_one(place(1), "ann"), Ok(()));
        }
        for seconds in [1, 2, 4, 8, 16, 32, 64, 128, 256, 300, 300] {
            let wait = Duration::from_secs(seconds);
            assert_eq!(attempts.try_one(place(1), "ann"), Err(wait));
            assert_eq!(attempts.try_one(place(2), "ann"), Ok(()), "others are not locked out");
            attempts.right(place(2), "ann");
            advance(wait).await;
            assert_eq!(attempts.try_one(place(1), "ann"), Ok(()));
        }
        advance(FORGOTTEN).await;
        for _ in 0..5 {
            assert_eq!(attempts.try_one(place(1), "ann"), Ok(()));
        }
    }

    #[tokio::test(start_paused = true)]
    async fn many_names_from_one_place_and_one_name_from_many_places() {
        let attempts = Attempts::default();
        for n in 0..20 {
            assert_eq!(attempts.try_one(place(1), &n.to_string()), Ok(()));
        }
        assert!(attempts.try_one(place(1), "another").is_err());
        for n in 0..50 {
            assert_eq!(attempts.try_one(place(100 + n), "bob"), Ok(()));
        }
        assert!(attempts.try_one(place(2), "bob").is_err());
        assert_eq!(attempts.try_one(place(2), "ann"), Ok(()));
    }

    #[tokio::test(start_paused = true)]
    async fn the_right_password_is_forgiven_at_once() {
        let attempts = Attempts::default();
        for _ in 0..100 {
            assert_eq!(attempts.try_one(place(1), "ann"), Ok(()));
            attempts.right(place(1), "ann");
        }
        let six = |n: u16| IpAddr::from([0x2001, 0xdb8, 0, 0, 0, 0, 0, n]);
        for n in 0..5 {
            assert_eq!(attempts.try_one(six(n), "ann"), Ok(()));
        }
        assert!(attempts.try_one(six(99), "ann").is_err(), "one network is one place");
    }
}
