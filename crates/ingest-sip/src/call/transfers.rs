//! Transfers that wait for the call that follows.
//!
//! A call is linked for certain by the token, by the Replaces that the REFER named, or by the span that an embedded
//! header names. Without any of it, only where a single transfer can be meant: whoever stood beside another once is
//! never guessed again, and one that is too old to be taken up still counts as a possibility.

use std::collections::{BTreeMap, HashMap};
use std::net::IpAddr;

use throughline_context::SpanId;
use throughline_context::w3c::Context;

use super::table::Key;
use super::timeline::Side;
use super::token::Token;
use crate::slack;

/// So many transfers that are alike are told apart by who asked for them.
const MOST_TOLD_APART: usize = 8;
/// Of ambiguous transfers so many are linked.
const MOST_LINKS: usize = 4;
/// So many lifetimes a transfer that nobody took up counts as a possibility.
const REMEMBERED: u64 = 5;

/// Who called whom: a transfer to the same target by the same transferee cannot be told from it.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub(crate) struct Likeness {
    pub(crate) target: u64,
    pub(crate) peer: IpAddr,
    pub(crate) user: u64,
}

/// Who asked for a transfer, as Referred-By says (RFC 3892).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Referrer {
    pub(crate) user: u64,
    /// With the host.
    pub(crate) whole: u64,
}

/// A transfer that was passed on.
#[derive(Clone, Debug)]
pub(crate) struct Pending {
    pub(crate) token: Token,
    pub(crate) at: u64,
    /// The trace, with the transfer's span.
    pub(crate) context: Context,
    pub(crate) conversation: Option<[u8; 16]>,
    /// Nothing where only the token may find it.
    pub(crate) likeness: Option<Likeness>,
    pub(crate) by: Option<Referrer>,
    /// The dialog that the new call is to replace.
    pub(crate) replaces: Option<u64>,
    /// The call, and its REFER; without one it was redirected.
    pub(crate) of: (Key, Option<(Side, u32)>),
}

/// What a new call shows.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Shown {
    pub(crate) token: Option<Token>,
    pub(crate) replaces: Option<u64>,
    pub(crate) parent: Option<SpanId>,
    pub(crate) likeness: Option<Likeness>,
    pub(crate) by: Option<Referrer>,
}

/// Which transfer a new call follows.
#[derive(Clone, Debug)]
pub(crate) enum Follows {
    Token(Pending),
    Replaces(Pending),
    /// The call names the transfer's span as its parent.
    Parent(Pending),
    /// There is only one that it can be.
    Guess(Pending),
    /// One of these, or of more.
    Ambiguous(Vec<Context>),
    None,
}

#[derive(Default, Debug)]
pub(crate) struct Transfers {
    most: usize,
    lifetime: u64,
    next: u64,
    by_age: BTreeMap<u64, Entry>,
    by_token: HashMap<Token, u64>,
    by_replaces: HashMap<u64, u64>,
    by_span: HashMap<SpanId, u64>,
    by_likeness: HashMap<Likeness, Alike>,
}

/// Transfers that cannot be told from each other.
#[derive(Default, Debug)]
struct Alike {
    numbers: Vec<u64>,
    /// Those below stood beside another one once.
    doubtful_below: u64,
}

#[derive(Debug)]
struct Entry {
    pending: Pending,
    taken: bool,
    guessed: bool,
    /// Its end is known, and nobody saw the call that followed.
    doubtful: bool,
}

impl Transfers {
    pub(crate) fn new(most: usize, lifetime: u64) -> Self {
        Self { most, lifetime, ..Self::default() }
    }

    pub(crate) fn len(&self) -> usize {
        self.by_age.len()
    }

    /// Adds a transfer; false where it is known already.
    pub(crate) fn add(&mut self, pending: Pending) -> bool {
        if self.by_token.contains_key(&pending.token) {
            return false;
        }
        if self.by_age.len() >= self.most
            && let Some((oldest, _)) = self.by_age.first_key_value()
        {
            self.remove(*oldest);
        }
        let number = self.next;
        self.next += 1;
        self.by_token.insert(pending.token, number);
        self.by_span.insert(pending.context.traceparent.parent_id, number);
        if let Some(replaces) = pending.replaces {
            self.by_replaces.insert(replaces, number);
        }
        if let Some(likeness) = pending.likeness {
            self.by_likeness.entry(likeness).or_default().numbers.push(number);
        }
        self.by_age.insert(number, Entry { pending, taken: false, guessed: false, doubtful: false });
        true
    }

    /// The transfer that a new call follows; each is followed once.
    pub(crate) fn follow(&mut self, shown: &Shown, now: u64) -> Follows {
        if let Some(number) = shown.token.and_then(|token| self.by_token.get(&token)).copied() {
            return self.take(number, now).map_or(Follows::None, Follows::Token);
        }
        if let Some(number) = shown.parent.and_then(|span| self.by_span.get(&span)).copied() {
            return self.take(number, now).map_or(Follows::None, Follows::Parent);
        }
        if let Some(replaces) = shown.replaces {
            let number = self.by_replaces.get(&replaces).copied();
            return number.and_then(|number| self.take(number, now)).map_or(Follows::None, Follows::Replaces);
        }
        // A token that nobody knows belongs to a transfer that is over.
        match shown.likeness.filter(|_| shown.token.is_none()) {
            Some(likeness) => self.guess(&likeness, shown.by, now),
            None => Follows::None,
        }
    }

    /// The transfer was refused, or came to its end. Where nobody saw the call that followed, it may still come, and
    /// must not be taken for that of another transfer.
    pub(crate) fn close(&mut self, token: &Token, refused: bool) {
        let Some(number) = self.by_token.get(token).copied() else { return };
        match self.by_age.get_mut(&number) {
            Some(entry) if !refused && !entry.taken && !entry.guessed => entry.doubtful = true,
            _ => self.remove(number),
        }
    }

    /// Forgets what is too old to count.
    pub(crate) fn tick(&mut self, now: u64) {
        let old = self.lifetime.saturating_mul(REMEMBERED);
        while let Some((number, entry)) = self.by_age.first_key_value()
            && now.saturating_sub(entry.pending.at) > old
        {
            self.remove(*number);
        }
        slack::map(&mut self.by_token);
        slack::map(&mut self.by_replaces);
        slack::map(&mut self.by_span);
        slack::map(&mut self.by_likeness);
    }

    fn take(&mut self, number: u64, now: u64) -> Option<Pending> {
        let lifetime = self.lifetime;
        let entry = self.by_age.get_mut(&number)?;
        if entry.taken || now.saturating_sub(entry.pending.at) > lifetime {
            return None;
        }
        entry.taken = true;
        let pending = entry.pending.clone();
        // It was meant for certain, so that another call cannot mean it.
        self.forget_likeness(number, &pending);
        Some(pending)
    }

    fn guess(&mut self, likeness: &Likeness, by: Option<Referrer>, now: u64) -> Follows {
        let Some(alike) = self.by_likeness.get(likeness) else { return Follows::None };
        let only = self.only(&alike.numbers, by);
        let Some(alike) = self.by_likeness.get_mut(likeness) else { return Follows::None };
        if let Some(only) = only {
            let Some(entry) = self.by_age.get_mut(&only) else { return Follows::None };
            let late = now.saturating_sub(entry.pending.at) > self.lifetime;
            if !entry.guessed && !entry.doubtful && !late && only >= alike.doubtful_below {
                // It stays a possibility until its end is known, and the token still finds it: the guess may be wrong.
                entry.guessed = true;
                return Follows::Guess(entry.pending.clone());
            }
        }
        alike.doubtful_below = self.next;
        let linked = alike.numbers.iter().take(MOST_LINKS).filter_map(|number| self.by_age.get(number));
        Follows::Ambiguous(linked.map(|entry| entry.pending.context.clone()).collect())
    }

    /// The only one that is possible. A transfer that somebody else asked for than the call says is not; one of several is
    /// it only where everything speaks for it and against all others, since a transferor may transfer many.
    fn only(&self, numbers: &[u64], by: Option<Referrer>) -> Option<u64> {
        let named = |number: &u64| self.by_age.get(number).and_then(|entry| entry.pending.by);
        let differs = |number: &u64| by.zip(named(number)).is_some_and(|(by, other)| by.user != other.user);
        match numbers {
            [only] => (!differs(only)).then_some(*only),
            few if few.len() <= MOST_TOLD_APART => {
                let mut left = few.iter().filter(|number| !differs(number));
                let only = left.next().filter(|only| by.is_some() && named(only) == by)?;
                left.next().is_none().then_some(*only)
            }
            _ => None,
        }
    }

    fn remove(&mut self, number: u64) {
        let Some(Entry { pending, .. }) = self.by_age.remove(&number) else { return };
        self.by_token.remove(&pending.token);
        self.by_span.remove(&pending.context.traceparent.parent_id);
        if let Some(replaces) = pending.replaces
            && self.by_replaces.get(&replaces) == Some(&number)
        {
            self.by_replaces.remove(&replaces);
        }
        self.forget_likeness(number, &pending);
    }

    fn forget_likeness(&mut self, number: u64, pending: &Pending) {
        if let Some(likeness) = pending.likeness
            && let Some(Alike { numbers, .. }) = self.by_likeness.get_mut(&likeness)
        {
            // In order of their numbers: nothing is moved but what stands behind.
            if let Ok(at) = numbers.binary_search(&number) {
                numbers.remove(at);
            }
            if numbers.is_empty() {
                self.by_likeness.remove(&likeness);
            }
        }
    }
}
