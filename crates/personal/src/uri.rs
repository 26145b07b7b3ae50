//! SIP and tel URIs (RFC 3261, RFC 3966): who is called stands before the `@`; the host stays, since it says which
//! trunk or proxy a call took.

use std::ops::Range;

use super::digits::byte;
use super::{Hits, Kind};

/// Users that name nobody.
const NOBODY: [&str; 6] = ["anonymous", "unavailable", "restricted", "unknown", "invalid", "asserted"];
/// Digits that a number in a SIP URI without a user needs.
const FEWEST_DIGITS: usize = 7;
/// An extension has so many.
const FEWEST_DIGITS_OF_TEL: usize = 3;

pub(super) fn find(text: &[u8], wanted: bool, hits: &mut Hits<'_>) {
    let mut at = 0;
    while let Some(colon) = text.get(at..).and_then(|rest| rest.iter().position(|byte| *byte == b':')) {
        let behind = at + colon + 1;
        let end = match scheme(text, behind) {
            Some(Scheme::Sip(start)) => sip(text, start, behind, wanted, hits),
            Some(Scheme::Tel) => tel(text, behind, wanted, hits),
            None => behind,
        };
        at = end.max(behind);
    }
}

enum Scheme {
    /// Where it begins.
    Sip(usize),
    Tel,
}

/// The scheme whose colon stands before `at`.
fn scheme(text: &[u8], at: usize) -> Option<Scheme> {
    const LONGEST: usize = 6;
    let front = text.get(at.saturating_sub(LONGEST + 2)..at - 1)?;
    let name = front.rsplit(|byte| !byte.is_ascii_alphanumeric()).next()?;
    match () {
        () if name.eq_ignore_ascii_case(b"sip") || name.eq_ignore_ascii_case(b"sips") => {
            Some(Scheme::Sip(at - 1 - name.len()))
        }
        () if name.eq_ignore_ascii_case(b"tel") || name.eq_ignore_ascii_case(b"callto") => Some(Scheme::Tel),
        () => None,
    }
}

/// Gives the end of the address.
fn sip(text: &[u8], start: usize, at: usize, wanted: bool, hits: &mut Hits<'_>) -> usize {
    let shown = display_name(text, start).filter(|shown| wanted && !hits.is_passed(shown));
    if let Some(shown) = shown {
        hits.add(Kind::SipUri, shown.clone());
        hits.pass(shown);
    }
    let rest = text.get(at..).unwrap_or_default();
    let user = at..at + rest.iter().position(|byte| !is_user(*byte)).unwrap_or(rest.len());
    if byte(text, user.end) != b'@' {
        return number(text, at, wanted, hits);
    }
    let host = text.get(user.end + 1..).unwrap_or_default();
    let end = user.end + 1 + host.iter().position(|byte| !is_host(*byte)).unwrap_or(host.len());
    if wanted && is_somebody(text.get(user.clone()).unwrap_or_default()) {
        hits.add(Kind::SipUri, user.clone());
    }
    // The address is no e-mail address, and its port no number.
    hits.pass(user.start..end);
    end
}

/// A number where the host stands.
fn number(text: &[u8], at: usize, wanted: bool, hits: &mut Hits<'_>) -> usize {
    let end = number_end(text, at);
    let number = text.get(at..end).unwrap_or_default();
    let digits = number.iter().filter(|byte| byte.is_ascii_digit()).count();
    if wanted && digits >= FEWEST_DIGITS && !is_host(byte(text, end)) && !number.contains(&b'.') {
        hits.add(Kind::SipUri, at..end);
        hits.pass(at..end);
    }
    end
}

fn tel(text: &[u8], at: usize, wanted: bool, hits: &mut Hits<'_>) -> usize {
    let mut end = number_end(text, at);
    // Not as the standard has it, and seen everywhere.
    while end > at && byte(text, end) == b' ' && byte(text, end + 1).is_ascii_digit() {
        end = number_end(text, end + 1);
    }
    let digits = text.get(at..end).unwrap_or_default().iter().filter(|byte| byte.is_ascii_digit()).count();
    if wanted && digits >= FEWEST_DIGITS_OF_TEL && !byte(text, end).is_ascii_alphanumeric() {
        hits.add(Kind::SipUri, at..end);
        hits.pass(at..end);
    }
    end
}

/// The quoted name in `"Jane Doe" <sip:...>`, where the URI's scheme begins at `start`.
fn display_name(text: &[u8], start: usize) -> Option<Range<usize>> {
    const LONGEST: usize = 128;
    let from = start.saturating_sub(LONGEST);
    let front = text.get(from..start)?.strip_suffix(b"<")?.trim_ascii_end().strip_suffix(b"\"")?;
    let open = front.iter().rposition(|byte| *byte == b'"')? + 1;
    let name = front.get(open..)?;
    is_somebody(name).then_some(from + open..from + front.len())
}

/// Not hidden already, and not a name for nobody.
fn is_somebody(user: &[u8]) -> bool {
    let hidden = user.len() == 32 && user.iter().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
    let nobody = NOBODY.iter().any(|name| name.as_bytes().eq_ignore_ascii_case(user));
    user.iter().any(|byte| byte.is_ascii_alphanumeric() || *byte >= 0x80)
        && !hidden
        && !nobody
        && super::numbers::uuid(user, 0) != Some(user.len())
}

fn is_user(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"-_.!~*'()&=+$,;?/%:#".contains(&byte) || byte >= 0x80
}

fn is_host(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"-._:[]".contains(&byte)
}

fn number_end(text: &[u8], at: usize) -> usize {
    let rest = text.get(at..).unwrap_or_default();
    let is_number = |byte: &u8| byte.is_ascii_digit() || b"+-.()*#".contains(byte);
    let len = rest.iter().position(|byte| !is_number(byte)).unwrap_or(rest.len());
    let number = rest.get(..len).unwrap_or_default();
    at + number.iter().rposition(u8::is_ascii_digit).map_or(0, |last| last + 1)
}
