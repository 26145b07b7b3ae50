//! HTML in which nothing that comes from outside can be more than text: markup is in the program, all else is escaped.

use std::fmt::{self, Display, Write};

#[derive(Default)]
pub(super) struct Html(String);

impl Html {
    pub(super) fn markup(&mut self, markup: &'static str) -> &mut Self {
        self.0.push_str(markup);
        self
    }

    /// Good between tags and within double quotes.
    pub(super) fn text(&mut self, text: impl Display) -> &mut Self {
        // Writing to a string cannot fail.
        write!(Escaped(&mut self.0), "{text}").unwrap_or_default();
        self
    }

    /// Text between two pieces of markup.
    pub(super) fn within(
        &mut self,
        open: &'static str,
        text: impl Display,
        close: &'static str,
    ) -> &mut Self {
        self.markup(open).text(text).markup(close)
    }

    pub(super) fn finish(self) -> String {
        self.0
    }
}

struct Escaped<'s>(&'s mut String);

impl Write for Escaped<'_> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        for c in text.chars() {
            match c {
                '<' => self.0.push_str("&lt;"),
                '>' => self.0.push_str("&gt;"),
                '&' => self.0.push_str("&amp;"),
                '"' => self.0.push_str("&quot;"),
                '\'' => self.0.push_str("&#39;"),
                // What is not seen, or turns the text around it, is shown by its code.
                c if c.is_control() || is_unseen(c) => write!(self.0, "\\u{{{:x}}}", u32::from(c))?,
                c => self.0.push(c),
            }
        }
        Ok(())
    }
}

/// Marks of direction and width.
fn is_unseen(c: char) -> bool {
    matches!(c, '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{2069}' | '\u{feff}')
}

/// A number with thin spaces between thousands.
pub(super) struct Count(pub(super) i64);

impl Display for Count {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0 < 0 {
            f.write_char('−')?;
        }
        let digits = self.0.unsigned_abs().to_string();
        for (nth, digit) in digits.chars().enumerate() {
            if nth > 0 && (digits.len() - nth).is_multiple_of(3) {
                f.write_char('\u{202f}')?;
            }
            f.write_char(digit)?;
        }
        Ok(())
    }
}

impl Count {
    pub(super) fn of(number: impl TryInto<i64>) -> Self {
        Self(number.try_into().unwrap_or(i64::MAX))
    }
}

/// Bytes in the unit that a person would take.
pub(super) struct Bytes(pub(super) u64);

impl Display for Bytes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let bytes = self.0 as f64;
        match self.0 {
            0..1024 => write!(f, "{} B", self.0),
            1024..0x10_0000 => write!(f, "{:.1} KiB", bytes / 1024.0),
            0x10_0000..0x4000_0000 => write!(f, "{:.1} MiB", bytes / 1_048_576.0),
            _ => write!(f, "{:.2} GiB", bytes / 1_073_741_824.0),
        }
    }
}

/// Seconds as days, hours and minutes.
pub(super) struct Span(pub(super) u64);

impl Display for Span {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (days, hours, minutes, seconds) =
            (self.0 / 86_400, self.0 / 3600 % 24, self.0 / 60 % 60, self.0 % 60);
        match self.0 {
            0..60 => write!(f, "{seconds} s"),
            60..3600 => write!(f, "{minutes} m {seconds:02} s"),
            3600..86_400 => write!(f, "{hours} h {minutes:02} m"),
            _ => write!(f, "{days} d {hours:02} h"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_comes_from_outside_is_text() {
        for (text, expected) in [
            ("<script>alert(1)</script>", "&lt;script&gt;alert(1)&lt;/script&gt;"),
            (r#"" onload='x' &"#, "&quot; onload=&#39;x&#39; &amp;"),
            ("a\u{202e}b\u{0}\n\u{feff}", r"a\u{202e}b\u{0}\u{a}\u{feff}"),
            ("größe → ok", "größe → ok"),
        ] {
            let mut html = Html::default();
            html.text(text);
            assert_eq!(html.finish(), expected);
        }
    }

    #[test]
    fn numbers_are_for_people() {
        let counts = [0, 999, 1000, 1_234_567, -12_345].map(|count| Count(count).to_string());
        assert_eq!(counts, ["0", "999", "1\u{202f}000", "1\u{202f}234\u{202f}567", "−12\u{202f}345"]);
        assert_eq!(Count::of(u64::MAX).0, i64::MAX);
        let bytes = [0, 1023, 1536, 5 << 20, 3 << 30].map(|bytes| Bytes(bytes).to_string());
        assert_eq!(bytes, ["0 B", "1023 B", "1.5 KiB", "5.0 MiB", "3.00 GiB"]);
        let spans = [5, 61, 3720, 90_000].map(|seconds| Span(seconds).to_string());
        assert_eq!(spans, ["5 s", "1 m 01 s", "1 h 02 m", "1 d 01 h"]);
    }
}
