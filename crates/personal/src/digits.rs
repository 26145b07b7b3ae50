//! Digits with what people put between them.

use std::ops::Range;

/// What stands between two groups of digits, or on either side of them.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Gap {
    /// The text ends here, or goes on with something that has nothing to do with the number.
    Open,
    Space,
    Dash,
    Dot,
    Slash,
    /// A parenthesis, with or without a space.
    Paren,
    /// Joined to a letter or a digit, directly or by a dash or a dot: part of an identifier.
    Joined,
}

/// Digits without anything between them, and the gap before them.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Group {
    pub(super) start: usize,
    pub(super) end: usize,
    pub(super) before: Gap,
}

impl Group {
    pub(super) fn len(&self) -> usize {
        self.end - self.start
    }
}

/// Groups of digits that may belong together.
#[derive(Clone, Copy, Debug)]
pub(super) struct Run<'t> {
    pub(super) text: &'t [u8],
    pub(super) groups: &'t [Group],
    /// Before the first group stands a plus sign of its own.
    pub(super) plus: Option<usize>,
    /// Before the first group stands an opening parenthesis.
    pub(super) paren: Option<usize>,
    /// Behind the last group.
    pub(super) after: Gap,
}

/// Groups in a run; what has more is a table, not a number.
const MOST_GROUPS: usize = 24;

impl<'t> Run<'t> {
    /// Reads the run that begins at `at`: with a digit, or with a plus sign or a parenthesis before one. Gives what
    /// was read, and where to go on.
    pub(super) fn read(text: &'t [u8], at: usize, groups: &'t mut Vec<Group>) -> (Option<Self>, usize) {
        groups.clear();
        let mut next = at;
        let before = left_of(text, at);
        // Behind a letter a plus sign is the space of a query.
        let plus = (byte(text, next) == b'+' && before != Gap::Joined).then_some(next);
        next += usize::from(byte(text, next) == b'+');
        let paren = (byte(text, next) == b'(' && before != Gap::Joined).then_some(next);
        next += usize::from(byte(text, next) == b'(');
        let mut gap = if next > at { Gap::Open } else { before };
        while byte(text, next).is_ascii_digit() && groups.len() < MOST_GROUPS {
            let start = next;
            while byte(text, next).is_ascii_digit() {
                next += 1;
            }
            groups.push(Group { start, end: next, before: gap });
            let Some((found, len)) = gap_at(text, next) else { break };
            gap = found;
            next += len;
        }
        let mut end = groups.last().map_or(at + 1, |group| group.end);
        // What is joined to a letter is part of a name.
        if byte(text, end).is_ascii_alphanumeric() {
            groups.pop();
            while byte(text, end).is_ascii_alphanumeric() {
                end += 1;
            }
        }
        let after = groups.last().map_or(Gap::Open, |group| right_of(text, group.end));
        let groups: &'t [Group] = groups;
        ((!groups.is_empty()).then_some(Self { text, groups, plus, paren, after }), end)
    }

    /// The digits of some groups.
    pub(super) fn digits(&self, groups: Range<usize>) -> impl DoubleEndedIterator<Item = u8> + Clone + 't {
        let text = self.text;
        let groups = self.groups.get(groups).unwrap_or_default();
        groups.iter().flat_map(move |group| text.get(group.start..group.end).unwrap_or_default()).copied()
    }

    pub(super) fn count(&self, groups: Range<usize>) -> usize {
        self.groups.get(groups).unwrap_or_default().iter().map(Group::len).sum()
    }

    /// The gaps between some groups.
    pub(super) fn gaps(&self, groups: &Range<usize>) -> impl Iterator<Item = Gap> + Clone + 't {
        self.groups.get(groups.clone()).unwrap_or_default().iter().skip(1).map(|group| group.before)
    }

    pub(super) fn lengths(&self, groups: &Range<usize>) -> impl Iterator<Item = usize> + Clone + 't {
        self.groups.get(groups.clone()).unwrap_or_default().iter().map(Group::len)
    }

    /// The gap before some groups.
    pub(super) fn left(&self, groups: &Range<usize>) -> Gap {
        self.groups.get(groups.start).map_or(Gap::Open, |group| group.before)
    }

    /// The gap behind them.
    pub(super) fn right(&self, groups: &Range<usize>) -> Gap {
        self.groups.get(groups.end).map_or(self.after, |group| group.before)
    }

    /// Where they stand, without a plus sign or parentheses.
    pub(super) fn range(&self, groups: &Range<usize>) -> Range<usize> {
        let start = self.groups.get(groups.start).map_or(0, |group| group.start);
        let last = groups.end.checked_sub(1).and_then(|last| self.groups.get(last));
        start..last.map_or(start, |group| group.end)
    }
}

pub(super) fn byte(text: &[u8], at: usize) -> u8 {
    text.get(at).copied().unwrap_or(0)
}

/// The gap before the byte at `at`.
fn left_of(text: &[u8], at: usize) -> Gap {
    let back = |by: usize| at.checked_sub(by).map_or(0, |at| byte(text, at));
    match back(1) {
        one if one.is_ascii_alphanumeric() => Gap::Joined,
        b'-' | b'.' if back(2).is_ascii_alphanumeric() => Gap::Joined,
        // Seconds behind minutes.
        b':' if back(2).is_ascii_digit() => Gap::Joined,
        _ => Gap::Open,
    }
}

/// The gap behind a group that ends at `at` and is the last of its run.
fn right_of(text: &[u8], at: usize) -> Gap {
    match (byte(text, at), byte(text, at + 1)) {
        (one, _) if one.is_ascii_alphanumeric() => Gap::Joined,
        (b'-', two) if two.is_ascii_alphanumeric() => Gap::Joined,
        (b'.', two) if two.is_ascii_digit() => Gap::Joined,
        _ => Gap::Open,
    }
}

/// The gap between two groups, and its length.
fn gap_at(text: &[u8], at: usize) -> Option<(Gap, usize)> {
    let mut gap = Gap::Space;
    let mut len = 0;
    let mut signs = 0;
    for _ in 0..4 {
        let (found, size) = match text.get(at + len..)? {
            [b' ', ..] => (Gap::Space, 1),
            // No-break space, thin spaces; no-break hyphen, en dash.
            [0xc2, 0xa0, ..] => (Gap::Space, 2),
            [0xe2, 0x80, 0x89 | 0xaf, ..] => (Gap::Space, 3),
            [0xe2, 0x80, 0x90..=0x93, ..] => (Gap::Dash, 3),
            [b'-', ..] => (Gap::Dash, 1),
            [b'.', ..] => (Gap::Dot, 1),
            [b'/', ..] => (Gap::Slash, 1),
            [b'(' | b')', ..] => (Gap::Paren, 1),
            [digit, ..] if digit.is_ascii_digit() && len > 0 => return Some((gap, len)),
            _ => return None,
        };
        signs += usize::from(matches!(found, Gap::Dash | Gap::Dot | Gap::Slash));
        if signs > 1 {
            return None;
        }
        if found != Gap::Space && gap != Gap::Paren {
            gap = found;
        }
        len += size;
    }
    byte(text, at + len).is_ascii_digit().then_some((gap, len))
}
