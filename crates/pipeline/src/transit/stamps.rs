//! What stands in the header of a request, and in that of its answer. Whatever comes from outside is read or left.

use std::fmt;

/// Longer headers are not read.
const LONGEST: usize = 512;
/// Clocks that a request knows of: as many receivers as may stand behind one name.
pub(super) const CLOCKS: usize = 4;
/// A batch from another century says nothing.
const FARTHEST: i64 = i64::MAX / 2;

/// `sent=1732185034123456789;region=eu-west-2;clock=9f…,-1200,350`
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(super) struct Request {
    /// Nanoseconds since 1970 on the sender's clock.
    pub(super) sent: u64,
    pub(super) region: String,
    pub(super) known: Vec<Known>,
}

/// What the sender knows of a receiver's clock.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Known {
    pub(super) clock: u64,
    /// So far ahead of the sender's, in nanoseconds.
    pub(super) offset: i64,
    /// Wrong by this much at most.
    pub(super) error: u64,
}

/// `clock=9f…;received=…;whole=…;answered=…`
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(super) struct Answer {
    /// Names the receiver's clock: another one for each process.
    pub(super) clock: u64,
    pub(super) received: u64,
    /// When all of the batch was there; 0 where it was not read.
    pub(super) whole: u64,
    pub(super) answered: u64,
}

impl fmt::Display for Request {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "sent={};region={}", self.sent, self.region)?;
        for Known { clock, offset, error } in &self.known {
            write!(f, ";clock={clock:016x},{offset},{error}")?;
        }
        Ok(())
    }
}

impl fmt::Display for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { clock, received, whole, answered } = self;
        write!(f, "clock={clock:016x};received={received};whole={whole};answered={answered}")
    }
}

impl Request {
    pub(super) fn read(text: &str) -> Option<Self> {
        let mut request = Self::default();
        for (name, value) in fields(text)? {
            match name {
                "sent" => request.sent = value.parse().ok()?,
                "region" if is_region(value) => request.region = value.to_owned(),
                "clock" if request.known.len() < CLOCKS => request.known.push(Known::read(value)?),
                _ => {}
            }
        }
        (request.sent > 0 && !request.region.is_empty()).then_some(request)
    }
}

impl Known {
    fn read(text: &str) -> Option<Self> {
        let mut parts = text.split(',');
        let clock = u64::from_str_radix(parts.next()?, 16).ok()?;
        let offset =
            parts.next()?.parse().ok().filter(|offset: &i64| offset.unsigned_abs() < FARTHEST as u64)?;
        let error = parts.next()?.parse().ok().filter(|error| *error < FARTHEST as u64)?;
        Some(Self { clock, offset, error })
    }
}

impl Answer {
    pub(super) fn read(text: &str) -> Option<Self> {
        let mut answer = Self::default();
        for (name, value) in fields(text)? {
            match name {
                "clock" => answer.clock = u64::from_str_radix(value, 16).ok()?,
                "received" => answer.received = value.parse().ok()?,
                "whole" => answer.whole = value.parse().ok()?,
                "answered" => answer.answered = value.parse().ok()?,
                _ => {}
            }
        }
        (answer.received > 0 && answer.answered > 0).then_some(answer)
    }
}

fn fields(text: &str) -> Option<impl Iterator<Item = (&str, &str)>> {
    (text.len() <= LONGEST).then(|| text.split(';').filter_map(|field| field.trim().split_once('=')))
}

/// The name of a region: letters, digits, `-`, `_`, `.`; 64 of them at most.
pub(crate) fn is_region(text: &str) -> bool {
    let known = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.');
    (1..=64).contains(&text.len()) && text.bytes().all(known)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn what_was_written_is_read(
            sent in 1..u64::MAX,
            region in "[A-Za-z0-9._-]{1,64}",
            known in prop::collection::vec((any::<u64>(), -FARTHEST + 1..FARTHEST, 0..FARTHEST as u64), 0..=CLOCKS),
            clock: u64,
            times in prop::array::uniform3(1..u64::MAX),
        ) {
            let known = known.into_iter().map(|(clock, offset, error)| Known { clock, offset, error }).collect();
            let request = Request { sent, region, known };
            prop_assert_eq!(Request::read(&request.to_string()), Some(request));
            let [received, whole, answered] = times;
            let answer = Answer { clock, received, whole, answered };
            prop_assert_eq!(Answer::read(&answer.to_string()), Some(answer));
        }

        #[test]
        fn any_text_is_read(text in "\\PC*|((sent|region|clock|received|answered)=[0-9a-f,.;=-]{0,20};?){0,6}") {
            if let Some(request) = Request::read(&text) {
                prop_assert!(is_region(&request.region) && request.known.len() <= CLOCKS);
            }
            Answer::read(&text);
        }
    }

    #[test]
    fn what_is_missing_or_wrong_is_left() {
        for text in
            ["", "sent=1", "sent=x;region=a", "sent=1;region=a b", "sent=1;region=a;clock=1,2", "region=a"]
        {
            assert_eq!(Request::read(text), None, "{text}");
        }
        assert!(Request::read(&format!("sent=1;region=a;{}", "x".repeat(600))).is_none());
        assert!(
            Request::read("sent=1;region=a;later=yes").is_some(),
            "what comes with later versions is passed over"
        );
        assert_eq!(Answer::read("clock=1;received=2"), None);
    }
}
