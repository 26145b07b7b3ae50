//! Text from outside, made fit for a terminal: nothing in it steers, hides or turns round what stands beside it, and
//! its width is known. Widths are cells; wide characters take two.

use unicode_width::UnicodeWidthChar;

/// Marks without a width that may follow one character; more of them only draw over other lines.
const MARKS: usize = 2;

/// Control characters and what changes direction or cannot be seen are written as escapes.
pub fn shown(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    Cells::of(text).for_each(|(piece, _)| piece.write(&mut shown));
    shown
}

/// Cells of a text that was `shown`.
pub fn width(text: &str) -> usize {
    text.chars().map(|c| c.width().unwrap_or(0)).sum()
}

/// At most so many cells, with `…` at the end where something is left out. Looks at no more of a long text than that.
pub fn fitted(text: &str, cells: usize) -> String {
    let (mut fits, mut end, mut used) = (String::new(), 0, 0);
    for (piece, width) in Cells::of(text) {
        if used + width > cells {
            fits.truncate(end);
            if cells > 0 {
                fits.push('…');
            }
            return fits;
        }
        piece.write(&mut fits);
        used += width;
        if used < cells {
            end = fits.len();
        }
    }
    fits
}

/// The beginning of a text that was `shown`.
pub(crate) fn taken(text: &str, cells: usize) -> &str {
    let mut used = 0;
    let end = text.char_indices().find(|(_, c)| {
        used += c.width().unwrap_or(0);
        used > cells
    });
    text.get(..end.map_or(text.len(), |(at, _)| at)).unwrap_or(text)
}

/// Lines of at most so many cells, broken at blanks where there are some.
pub fn wrapped(text: &str, cells: usize) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    let mut line = String::new();
    for word in shown(text).split(' ').filter(|word| !word.is_empty()) {
        if !line.is_empty() && width(&line) + 1 + width(word) > cells {
            lines.push(std::mem::take(&mut line));
        }
        if !line.is_empty() {
            line.push(' ');
        }
        for c in word.chars() {
            if width(&line) + c.width().unwrap_or(0) > cells {
                lines.push(std::mem::take(&mut line));
            }
            line.push(c);
        }
    }
    lines.push(line);
    lines
}

/// A character as it is, or an escape in its place.
enum Piece {
    Plain(char),
    Escaped(char),
}

impl Piece {
    fn write(&self, to: &mut String) {
        match self {
            Self::Plain(c) => to.push(*c),
            Self::Escaped(c) => to.extend(c.escape_default()),
        }
    }
}

struct Cells<'t> {
    chars: std::str::Chars<'t>,
    marks: usize,
}

impl<'t> Cells<'t> {
    fn of(text: &'t str) -> Self {
        Self { chars: text.chars(), marks: MARKS }
    }
}

impl Iterator for Cells<'_> {
    type Item = (Piece, usize);

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            let c = self.chars.next()?;
            if c.is_control() || steers(c) {
                self.marks = 0;
                return Some((Piece::Escaped(c), c.escape_default().count()));
            }
            let width = c.width().unwrap_or(0);
            if width > 0 {
                self.marks = 0;
            } else if self.marks == MARKS || is_selector(c) {
                continue;
            } else {
                self.marks += 1;
            }
            return Some((Piece::Plain(c), width));
        }
    }
}

/// Directions, joiners, separators, tags, fillers: what has an effect and no face.
fn steers(c: char) -> bool {
    matches!(c,
        '\u{ad}' | '\u{61c}' | '\u{115f}' | '\u{1160}' | '\u{17b4}' | '\u{17b5}' | '\u{180e}' | '\u{200b}'..='\u{200f}'
        | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{3164}' | '\u{feff}' | '\u{ffa0}'
        | '\u{fff9}'..='\u{fffb}' | '\u{1bca0}'..='\u{1bca3}' | '\u{1d173}'..='\u{1d17a}' | '\u{e0000}'..='\u{e007f}')
}

/// They change the width of what stands before them.
fn is_selector(c: char) -> bool {
    matches!(c, '\u{180b}'..='\u{180d}' | '\u{180f}' | '\u{fe00}'..='\u{fe0f}' | '\u{e0100}'..='\u{e01ef}')
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn what_steers_is_written_out() {
        for (text, wanted) in [
            ("plain", "plain"),
            ("\u{1b}[31mred\u{1b}[0m", r"\u{1b}[31mred\u{1b}[0m"),
            ("line\nfeed\t\r", r"line\nfeed\t\r"),
            ("\u{9b}31m", r"\u{9b}31m"),
            ("a\u{202e}cba", r"a\u{202e}cba"),
            ("zero\u{200b}width\u{feff}", r"zero\u{200b}width\u{feff}"),
            ("e\u{301}", "e\u{301}"),
            ("e\u{301}\u{301}\u{301}\u{301}", "e\u{301}\u{301}"),
            ("\u{301}x", "x"),
            ("☎\u{fe0f}", "☎"),
            ("שלום", "שלום"),
        ] {
            assert_eq!(shown(text), wanted, "{text:?}");
        }
    }

    #[test]
    fn what_does_not_fit_says_so() {
        for (text, cells, wanted) in [
            ("queue", 5, "queue"),
            ("queues", 5, "queu…"),
            ("待ち行列", 8, "待ち行列"),
            ("待ち行列", 7, "待ち行…"),
            ("待ち行列", 6, "待ち…"),
            ("a\u{1b}", 4, "a…"),
            ("anything", 1, "…"),
            ("anything", 0, ""),
            ("", 0, ""),
        ] {
            assert_eq!(fitted(text, cells), wanted, "{text:?} in {cells}");
        }
        assert_eq!(
            wrapped("pass traceparent on from middleware", 12),
            ["pass", "traceparent", "on from", "middleware"]
        );
        assert_eq!(wrapped("middlewares", 4), ["midd", "lewa", "res"]);
    }

    proptest! {
        #[test]
        fn any_text_keeps_to_its_cells_and_is_safe_a_second_time(text in any::<String>(), cells in 0usize..40) {
            let fits = fitted(&text, cells);
            prop_assert!(width(&fits) <= cells);
            prop_assert_eq!(shown(&fits), fits);
            let safe = shown(&text);
            prop_assert!(!safe.chars().any(|c| c.is_control() || steers(c)));
            prop_assert_eq!(shown(&safe), safe);
            prop_assert!(wrapped(&text, cells.max(2)).iter().all(|line| width(line) <= cells.max(2)));
        }
    }
}
