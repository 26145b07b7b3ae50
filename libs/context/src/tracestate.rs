//! The `tracestate` header (W3C Trace Context level 2, section 3.3).

mod ot;

use alloc::string::String;
use core::fmt;
use core::str::FromStr;

use crate::list;

pub use ot::Ot;

/// What vendors add to a trace: at most 32 keys with their values, the latest on the left.
///
/// Kept as the text that is sent, so that members that nobody touches leave as they came.
///
/// ```
/// # use throughline_context::Tracestate;
/// let mut state: Tracestate = "rojo=00f067aa0ba902b7 , congo=t61rcWkgMzE".parse()?;
/// state.set("congo", "ucfJifl5GOE")?;
/// assert_eq!(state.as_str(), "congo=ucfJifl5GOE,rojo=00f067aa0ba902b7");
/// # Ok::<(), throughline_context::InvalidTracestate>(())
/// ```
#[derive(Clone, PartialEq, Eq, Hash, Default)]
pub struct Tracestate {
    text: String,
}

/// Why a `tracestate` is dropped; the `traceparent` beside it stays good (section 3.3).
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
#[non_exhaustive]
pub enum InvalidTracestate {
    /// A member without `=`.
    Member,
    /// A key that is not 1 to 256 of `a-z 0-9 _ - * / @`, the first a letter or a digit.
    Key,
    /// A value that is not 1 to 256 printable ASCII characters other than `,` and `=`, the last not a space.
    Value,
    /// A key twice.
    Repeated,
    /// More than 32 members.
    TooMany,
}

impl Tracestate {
    /// Most members that a list may have (section 3.3.1.1).
    pub const MAX_MEMBERS: usize = 32;
    /// Characters that everybody should at least pass on (section 3.3.1.5).
    pub const MIN_PROPAGATED: usize = 512;
    /// Members longer than this go first when a list is cut (section 3.3.1.5).
    const LONG_MEMBER: usize = 128;

    /// Reads all `tracestate` headers of a request, in order, as one list.
    pub fn parse<'a>(headers: impl IntoIterator<Item = &'a [u8]>) -> Result<Self, InvalidTracestate> {
        let mut state = Self::default();
        let mut count = 0;
        for member in headers.into_iter().flat_map(list::members) {
            let (key, value) = list::split_once(member, b'=').ok_or(InvalidTracestate::Member)?;
            let key = checked_key(key)?;
            let value = checked_value(value)?;
            if state.get(key).is_some() {
                return Err(InvalidTracestate::Repeated);
            }
            count += 1;
            if count > Self::MAX_MEMBERS {
                return Err(InvalidTracestate::TooMany);
            }
            state.push(key, value);
        }
        Ok(state)
    }

    /// The value of the one header to send.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// True where there is nothing to send.
    pub fn is_empty(&self) -> bool {
        self.text.is_empty()
    }

    /// Keys and values, left to right.
    pub fn members(&self) -> impl DoubleEndedIterator<Item = (&str, &str)> {
        self.text.split(',').filter_map(|member| member.split_once('='))
    }

    /// The value of a key.
    pub fn get(&self, key: &str) -> Option<&str> {
        self.members().find(|(own, _)| *own == key).map(|(_, value)| value)
    }

    /// Adds a key or changes its value. It moves to the left (section 3.5); where the list is full, the right-most
    /// member makes room.
    pub fn set(&mut self, key: &str, value: &str) -> Result<(), InvalidTracestate> {
        let mut state = Self::default();
        state.push(checked_key(key.as_bytes())?, checked_value(value.as_bytes())?);
        let others = self.members().filter(|(own, _)| *own != key);
        others.take(Self::MAX_MEMBERS - 1).for_each(|(key, value)| state.push(key, value));
        *self = state;
        Ok(())
    }

    /// Takes a key away; true where it was there. Leave the keys of others alone, they need them.
    pub fn remove(&mut self, key: &str) -> bool {
        if self.get(key).is_none() {
            return false;
        }
        self.keep(|_, own, _| own != key);
        true
    }

    /// Cuts the list to at most `most` characters, by whole members: those longer than 128 characters first, then
    /// from the right (section 3.3.1.5). Cut below [`MIN_PROPAGATED`](Self::MIN_PROPAGATED) only where room is
    /// scarce, and say so to your users.
    pub fn truncate(&mut self, most: usize) {
        for long_only in [true, false] {
            while self.text.len() > most {
                let is_victim = |(key, value): (&str, &str)| {
                    !long_only || key.len() + 1 + value.len() > Self::LONG_MEMBER
                };
                let Some(victim) = self.members().rev().position(is_victim) else { break };
                let victim = self.members().count() - 1 - victim;
                self.keep(|at, _, _| at != victim);
            }
        }
    }

    fn keep(&mut self, keeps: impl Fn(usize, &str, &str) -> bool) {
        let mut state = Self::default();
        for (at, (key, value)) in self.members().enumerate() {
            if keeps(at, key, value) {
                state.push(key, value);
            }
        }
        *self = state;
    }

    fn push(&mut self, key: &str, value: &str) {
        if !self.text.is_empty() {
            self.text.push(',');
        }
        self.text.push_str(key);
        self.text.push('=');
        self.text.push_str(value);
    }
}

fn checked_key(key: &[u8]) -> Result<&str, InvalidTracestate> {
    let first_fits = key.first().is_some_and(|first| matches!(first, b'a'..=b'z' | b'0'..=b'9'));
    let fits = first_fits && key.len() <= 256 && key.iter().all(is_key_byte);
    fits.then(|| str::from_utf8(key).ok()).flatten().ok_or(InvalidTracestate::Key)
}

fn is_key_byte(byte: &u8) -> bool {
    matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'_' | b'-' | b'*' | b'/' | b'@')
}

fn checked_value(value: &[u8]) -> Result<&str, InvalidTracestate> {
    let is_value_byte = |byte: &u8| matches!(byte, b' '..=b'~') && !matches!(byte, b',' | b'=');
    let last_fits = value.last().is_some_and(|last| *last != b' ');
    let fits = last_fits && value.len() <= 256 && value.iter().all(is_value_byte);
    fits.then(|| str::from_utf8(value).ok()).flatten().ok_or(InvalidTracestate::Value)
}

impl FromStr for Tracestate {
    type Err = InvalidTracestate;

    fn from_str(text: &str) -> Result<Self, InvalidTracestate> {
        Self::parse([text.as_bytes()])
    }
}

impl fmt::Display for Tracestate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl fmt::Debug for Tracestate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl fmt::Display for InvalidTracestate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Member => "a tracestate member is key=value",
            Self::Key => "a tracestate key is 1 to 256 of a-z 0-9 _ - * / @, the first a letter or a digit",
            Self::Value => {
                "a tracestate value is 1 to 256 printable ASCII characters other than , and =, not ending in a space"
            }
            Self::Repeated => "a tracestate key comes once; replace the member instead of adding a second one",
            Self::TooMany => "a tracestate has at most 32 members",
        })
    }
}

impl core::error::Error for InvalidTracestate {}
