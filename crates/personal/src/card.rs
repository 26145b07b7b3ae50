//! Card numbers: the issuer's prefix and length, the layout, and the check digit (ISO/IEC 7812).

use std::ops::Range;

use super::digits::{Gap, Run};
use super::word::{self, Says};

/// The longest of these groups from `first` on that are a card number.
pub(super) fn find(run: &Run<'_>, first: usize) -> Option<Range<usize>> {
    let mut groups = first..first;
    let mut found = None;
    let mut count = 0;
    for (index, group) in run.groups.iter().enumerate().skip(first) {
        count += group.len();
        if count > 19 {
            break;
        }
        groups.end = index + 1;
        if count >= 12 && is_card(run, &groups) {
            found = Some(groups.clone());
        }
    }
    found
}

fn is_card(run: &Run<'_>, groups: &Range<usize>) -> bool {
    if matches!(run.right(groups), Gap::Joined | Gap::Dash | Gap::Dot) || !has_layout(run, groups) {
        return false;
    }
    let number = run.digits(groups.clone());
    let says = word::before(run.text, run.range(groups).start);
    let open = match run.left(groups) {
        Gap::Joined | Gap::Dash | Gap::Dot => says == Says::Card && groups.start == 0,
        _ => true,
    };
    let issued = has_issuer(number.clone(), run.count(groups.clone()));
    open && says != Says::Trace && issued && luhn(number)
}

/// In one piece, in fours, or as American Express and Diners Club print it; with one kind of gap.
fn has_layout(run: &Run<'_>, groups: &Range<usize>) -> bool {
    let mut gaps = run.gaps(groups);
    let even = gaps.next().is_none_or(|first| {
        matches!(first, Gap::Space | Gap::Dash | Gap::Dot) && gaps.all(|gap| gap == first)
    });
    let mut lengths = run.lengths(groups);
    let shape = [lengths.next(), lengths.next(), lengths.next(), lengths.next(), lengths.next()];
    even && matches!(
        shape,
        [Some(12..), None, ..]
            | [Some(4), Some(6), Some(4 | 5), None, _]
            | [Some(4), Some(4), Some(4), Some(1..=4), None]
            | [Some(4), Some(4), Some(4), Some(4), Some(1..=3)]
    ) && lengths.next().is_none()
}

/// Whether some network issues numbers of this length with this prefix.
fn has_issuer(digits: impl Iterator<Item = u8>, count: usize) -> bool {
    let prefix = digits.take(6).fold(0, |number, digit| number * 10 + u32::from(digit - b'0'));
    match prefix {
        // Visa.
        400_000..=499_999 => matches!(count, 13 | 16 | 19),
        // Mastercard.
        510_000..=559_999 | 222_100..=272_099 => count == 16,
        // American Express.
        340_000..=349_999 | 370_000..=379_999 => count == 15,
        // Diners Club.
        300_000..=305_999 | 309_500..=309_599 | 360_000..=369_999 | 380_000..=399_999 => {
            matches!(count, 14 | 16..=19)
        }
        // JCB.
        352_800..=358_999 => (16..=19).contains(&count),
        // Discover, UnionPay, RuPay.
        601_100..=601_199 | 620_000..=629_999 | 644_000..=659_999 | 810_000..=817_199 => {
            (16..=19).contains(&count)
        }
        // Mir.
        220_000..=220_499 => (16..=19).contains(&count),
        // Maestro.
        500_000..=509_999 | 560_000..=589_999 | 600_000..=699_999 => (12..=19).contains(&count),
        _ => false,
    }
}

fn luhn(digits: impl DoubleEndedIterator<Item = u8>) -> bool {
    let sum: u32 = digits
        .rev()
        .enumerate()
        .map(|(place, digit)| match u32::from(digit - b'0') {
            value if place % 2 == 0 => value,
            value => value * 2 - if value > 4 { 9 } else { 0 },
        })
        .sum();
    sum.is_multiple_of(10)
}
