//! Phone numbers: international (E.164), national in the forms that people write, and bare digits where a word says so.

use std::ops::Range;

use super::digits::{Gap, Run};
use super::word::Says;

/// Country codes of two digits; 1 and 7 have one, all others three.
const TWO_DIGITS: [u8; 44] = [
    20, 27, 30, 31, 32, 33, 34, 36, 39, 40, 41, 43, 44, 45, 46, 47, 48, 49, 51, 52, 53, 54, 55, 56, 57, 58,
    60, 61, 62, 63, 64, 65, 66, 81, 82, 84, 86, 90, 91, 92, 93, 94, 95, 98,
];
/// First two digits that no country code has.
const NOT_ASSIGNED: [u8; 3] = [28, 83, 89];

/// The longest of these groups from `first` on that are a phone number.
pub(super) fn find(run: &Run<'_>, first: usize, says: Says) -> Option<Range<usize>> {
    let mut found = None;
    let mut groups = first..first;
    let mut count = 0;
    for (index, group) in run.groups.iter().enumerate().skip(first) {
        count += group.len();
        if count > 18 {
            break;
        }
        groups.end = index + 1;
        if count >= 7 && is_phone(run, &groups, says) {
            found = Some(groups.clone());
        }
    }
    found
}

fn is_phone(run: &Run<'_>, groups: &Range<usize>, says: Says) -> bool {
    let number = Number::new(run, groups);
    if number.all_the_same() || number.is_address() {
        return false;
    }
    if run.plus.is_some() && groups.start == 0 {
        return run.right(groups) != Gap::Joined && number.is_international(0) && !number.is_signed_decimal();
    }
    if matches!(run.left(groups), Gap::Joined | Gap::Dash | Gap::Dot | Gap::Slash)
        || matches!(run.right(groups), Gap::Joined | Gap::Dash | Gap::Dot)
        || number.is_date()
    {
        return false;
    }
    let by_form = number.has_exit_code()
        || number.is_north_american()
        || number.has_trunk_prefix()
        || number.has_area_in_parentheses();
    match says {
        Says::Phone => number.count <= 15,
        Says::Other => false,
        Says::Perhaps => by_form || number.is_north_american_digits() || number.is_national_digits(),
        Says::Card | Says::Trace | Says::Nothing => by_form,
    }
}

struct Number<'r> {
    run: &'r Run<'r>,
    groups: &'r Range<usize>,
    digits: [u8; 18],
    count: usize,
    /// Of the groups; those of more groups than this are none of the layouts.
    lengths: [usize; 6],
}

impl<'r> Number<'r> {
    fn new(run: &'r Run<'r>, groups: &'r Range<usize>) -> Self {
        let mut digits = [0; 18];
        digits.iter_mut().zip(run.digits(groups.clone())).for_each(|(to, from)| *to = from - b'0');
        let mut lengths = [0; 6];
        lengths.iter_mut().zip(run.lengths(groups)).for_each(|(to, from)| *to = from);
        Self { run, groups, digits, count: run.count(groups.clone()), lengths }
    }

    fn digit(&self, at: usize) -> u8 {
        self.digits.get(at).copied().unwrap_or(0)
    }

    fn gaps(&self) -> impl Iterator<Item = Gap> + Clone + use<'r> {
        self.run.gaps(self.groups)
    }

    /// A country code and a subscriber, from this digit on.
    fn is_international(&self, from: usize) -> bool {
        let count = self.count - from;
        let two = self.digit(from) * 10 + self.digit(from + 1);
        match self.digit(from) {
            0 => false,
            1 => count == 11 && self.has_area(from + 1),
            7 => count == 11,
            _ if NOT_ASSIGNED.contains(&two) => false,
            _ if TWO_DIGITS.contains(&two) => (8..=15).contains(&count),
            _ => (7..=15).contains(&count),
        }
    }

    /// Area and exchange of the North American plan: neither begins with 0 or 1.
    fn has_area(&self, from: usize) -> bool {
        self.digit(from) > 1 && self.digit(from + 3) > 1
    }

    /// `+51.507351` is a latitude; `+1.4155550100` is how registries write a number.
    fn is_signed_decimal(&self) -> bool {
        let mut gaps = self.gaps();
        gaps.next() == Some(Gap::Dot) && gaps.next().is_none() && !(self.digit(0) == 1 && self.count == 11)
    }

    /// `00` or `011` before a country code.
    fn has_exit_code(&self) -> bool {
        let len = match (self.digit(0), self.digit(1), self.digit(2)) {
            (0, 0, _) => 2,
            (0, 1, 1) if self.lengths.first() == Some(&3) => 3,
            _ => return false,
        };
        // Without gaps it could be an id with zeros before it: only the usual lengths.
        let bare = self.groups.len() == 1;
        let count = self.count - len;
        self.is_international(len)
            && if bare { (10..=13).contains(&count) } else { (9..=15).contains(&count) }
            && self.gaps().all(|gap| gap != Gap::Dot)
    }

    /// `(415) 555-0100`, `415.555.0100`, `1-415-555-0100`.
    fn is_north_american(&self) -> bool {
        let from = match self.lengths {
            [3, 3, 4, 0, ..] => 0,
            [1, 3, 3, 4, 0, ..] if self.digit(0) == 1 => 1,
            _ => return false,
        };
        self.has_area(from) && self.gaps().all(|gap| gap != Gap::Slash) && self.is_even(true)
    }

    fn is_north_american_digits(&self) -> bool {
        match self.count {
            10 => self.has_area(0),
            11 => self.digit(0) == 1 && self.has_area(1),
            _ => false,
        }
    }

    /// A zero, then an area: `020 7946 0958`, `0151/12345678`, `01 23 45 67 89`.
    fn has_trunk_prefix(&self) -> bool {
        let groups = self.groups.len();
        let first = self.lengths.first().copied().unwrap_or(0);
        let fits = self.digit(0) == 0 && self.digit(1) > 0 && (9..=12).contains(&self.count);
        let shaped = match self.lengths {
            [2, 2, 2, 2, 2, 0] => true,
            _ => {
                (2..=4).contains(&groups)
                    && (2..=6).contains(&first)
                    && self.lengths.iter().take(groups).skip(1).all(|len| *len >= 2)
                    && self.lengths.iter().any(|len| *len >= 3)
            }
        };
        let slashes = self.gaps().skip(1).all(|gap| gap != Gap::Slash);
        fits && shaped && slashes && self.is_even(false)
    }

    fn is_national_digits(&self) -> bool {
        self.groups.len() == 1 && self.digit(0) == 0 && self.digit(1) > 0 && (10..=11).contains(&self.count)
    }

    /// `(11) 91234-5678`, `(0221) 123456`.
    fn has_area_in_parentheses(&self) -> bool {
        let opened = if self.groups.start == 0 {
            self.run.paren.is_some()
        } else {
            self.run.left(self.groups) == Gap::Paren
        };
        let first = self.lengths.first().copied().unwrap_or(0);
        let rest = self.lengths.iter().take(self.groups.len()).skip(1);
        opened
            && self.gaps().next() == Some(Gap::Paren)
            && (2..=5).contains(&first)
            && (2..=4).contains(&self.groups.len())
            && rest.clone().all(|len| *len >= 2)
            && rest.clone().any(|len| *len >= 3)
            && (9..=12).contains(&self.count)
    }

    /// One kind of gap, apart from the one behind the area (or behind the country code too).
    fn is_even(&self, prefixed: bool) -> bool {
        let skip = if prefixed && self.groups.len() == 4 { 2 } else { 1 };
        let mut rest = self.gaps().skip(skip);
        let even = rest.next().is_none_or(|first| rest.all(|gap| gap == first));
        // Dots are between all or none.
        let dots = self.gaps().filter(|gap| *gap == Gap::Dot).count();
        even && (dots == 0 || dots == self.gaps().count())
    }

    fn all_the_same(&self) -> bool {
        self.digits.iter().take(self.count).all(|digit| *digit == self.digit(0))
    }

    /// Four numbers with dots: an address of a host.
    fn is_address(&self) -> bool {
        self.groups.len() == 4
            && self.gaps().all(|gap| gap == Gap::Dot)
            && self.run.lengths(self.groups).all(|len| len <= 3)
            && (self.run.plus.is_none() || self.lengths != [1, 3, 3, 4, 0, 0])
    }

    /// `02.01.2026 10`, `2026-01-02 10`, `01/02/26`, `20260102`.
    fn is_date(&self) -> bool {
        let [a, b, c, ..] = self.lengths;
        let two = |at: usize| self.digit(at) * 10 + self.digit(at + 1);
        let (first, second) = (two(0), two(2));
        match (a, b, c) {
            (1..=2, 1..=2, 4) => true,
            (2, 2, 2) if self.groups.len() != 5 => first <= 31 && second <= 31,
            (4, 2, 2) => matches!(self.digit(0), 1 | 2),
            (8, 0, 0) => matches!(first, 19 | 20) && (1..=12).contains(&two(4)) && (1..=31).contains(&two(6)),
            _ => false,
        }
    }
}
