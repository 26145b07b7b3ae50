//! The walk over digits and over words that may be account numbers.

use std::ops::Range;

use super::digits::{Group, Run, byte};
use super::word::{self, Says};
use super::{Hits, Kind, Kinds, card, iban, phone};

/// Values that are a number or a few, and not a document.
const SHORT: usize = 64;

pub(super) fn find(text: &[u8], kinds: Kinds, key: Says, groups: &mut Vec<Group>, hits: &mut Hits<'_>) {
    let mut at = 0;
    let mut last_phone = None;
    while let Some(&sign) = text.get(at) {
        let next = byte(text, at + 1);
        at = match sign {
            _ if sign.is_ascii_alphanumeric() && uuid(text, at).is_some() => at + 36,
            b'a'..=b'z' | b'A'..=b'Z' => match iban_at(text, at, kinds, hits) {
                Some(end) => end,
                None => word_end(text, at),
            },
            b'0'..=b'9' => numbers(text, at, kinds, key, groups, &mut last_phone, hits),
            b'+' | b'(' if next.is_ascii_digit() || (sign == b'+' && next == b'(') => {
                numbers(text, at, kinds, key, groups, &mut last_phone, hits)
            }
            _ => at + 1,
        };
    }
}

/// Where the UUID at `at` ends.
pub(super) fn uuid(text: &[u8], at: usize) -> Option<usize> {
    const LEN: usize = 36;
    let signs = text.get(at..at + LEN)?;
    let sound = signs.iter().enumerate().all(|(index, sign)| match index {
        8 | 13 | 18 | 23 => *sign == b'-',
        _ => sign.is_ascii_hexdigit(),
    });
    (sound && !byte(text, at + LEN).is_ascii_alphanumeric()).then_some(at + LEN)
}

fn iban_at(text: &[u8], at: usize, kinds: Kinds, hits: &mut Hits<'_>) -> Option<usize> {
    let found = kinds.has(Kind::Iban).then(|| iban::find(text, at)).flatten()?;
    let end = found.end;
    if hits.is_passed(&found) {
        return None;
    }
    hits.add(Kind::Iban, found);
    Some(end)
}

fn word_end(text: &[u8], at: usize) -> usize {
    let rest = text.get(at..).unwrap_or_default();
    at + rest.iter().position(|byte| !byte.is_ascii_alphanumeric()).unwrap_or(rest.len())
}

/// Finds what stands in the run of digits at `at`; gives where to go on.
fn numbers(
    text: &[u8],
    at: usize,
    kinds: Kinds,
    key: Says,
    groups: &mut Vec<Group>,
    last_phone: &mut Option<usize>,
    hits: &mut Hits<'_>,
) -> usize {
    let (run, end) = Run::read(text, at, groups);
    let Some(run) = run else { return end };
    let mut first = 0;
    while first < run.groups.len() {
        let (kind, found) = match (kinds.has(Kind::Card), kinds.has(Kind::Phone)) {
            (true, _) if let Some(found) = card::find(&run, first) => (Kind::Card, found),
            (_, true) if let Some(found) = phone_at(&run, first, key, *last_phone) => (Kind::Phone, found),
            _ => {
                first += 1;
                continue;
            }
        };
        let range = if kind == Kind::Phone { whole(&run, &found) } else { run.range(&found) };
        first = found.end;
        if hits.is_passed(&range) {
            continue;
        }
        if kind == Kind::Phone {
            *last_phone = Some(range.end);
        }
        hits.add(kind, range);
    }
    end
}

fn phone_at(run: &Run<'_>, first: usize, key: Says, last_phone: Option<usize>) -> Option<Range<usize>> {
    let start = run.range(&(first..first + 1)).start;
    let says = match word::before(run.text, start) {
        _ if last_phone.is_some_and(|end| is_list(run.text, end..start)) => Says::Phone,
        // The key of an attribute speaks for a short value.
        Says::Nothing if run.text.len() <= SHORT => key,
        says => says,
    };
    phone::find(run, first, says)
}

/// Only what stands between two numbers of a list.
fn is_list(text: &[u8], between: Range<usize>) -> bool {
    let between = text.get(between).unwrap_or_default();
    (1..=6).contains(&between.len()) && between.iter().all(|byte| b"'\", ;|/[]".contains(byte))
}

/// With the plus sign and the parenthesis before the first group.
fn whole(run: &Run<'_>, groups: &Range<usize>) -> Range<usize> {
    let range = run.range(groups);
    let before = if groups.start == 0 { run.plus.or(run.paren) } else { None };
    let start = before.unwrap_or_else(|| {
        let opened = range.start.checked_sub(1).filter(|at| byte(run.text, *at) == b'(');
        opened.filter(|_| groups.start > 0).unwrap_or(range.start)
    });
    start..range.end
}
