//! Lines of styled text, and how a terminal is told their styles.

use std::fmt::Write;

use crate::stage::Tone;
use crate::text;

/// What the terminal shows.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Colour {
    /// Text alone.
    None,
    /// The 256 colours of most terminals.
    Indexed,
    Rgb,
}

/// Which of the page's two palettes its bars take.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Ground {
    Dark,
    Light,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Palette {
    pub colour: Colour,
    pub ground: Ground,
}

impl Palette {
    pub const PLAIN: Self = Self { colour: Colour::None, ground: Ground::Dark };
}

#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Style {
    #[default]
    Plain,
    Strong,
    Faint,
    Good,
    Warn,
    Bad,
    /// On a bar of this tone.
    On(Tone),
    /// Pressed for the reader: the selected row, the head of a table.
    Inverse,
}

/// One line; what is put into it is made safe.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Line {
    pieces: Vec<(String, Style)>,
    width: usize,
}

impl Line {
    pub fn new() -> Self {
        Self::default()
    }

    #[must_use]
    pub fn with(mut self, style: Style, text: &str) -> Self {
        self.push(style, text);
        self
    }

    pub fn push(&mut self, style: Style, text: &str) {
        let text = text::shown(text);
        self.width += text::width(&text);
        match self.pieces.last_mut() {
            Some((last, same)) if *same == style => last.push_str(&text),
            _ => self.pieces.push((text, style)),
        }
    }

    pub fn append(&mut self, other: Self) {
        other.pieces.iter().for_each(|(text, style)| self.push(*style, text));
    }

    /// Blanks up to this cell.
    pub fn pad_to(&mut self, cell: usize) {
        if cell > self.width {
            self.push(Style::Plain, &" ".repeat(cell - self.width));
        }
    }

    /// A column: cut or filled to so many cells, numbers to the right.
    pub fn column(&mut self, style: Style, text: &str, cells: usize, right: bool) {
        let fits = text::fitted(text, cells);
        let gap = " ".repeat(cells.saturating_sub(text::width(&fits)));
        if right {
            self.push(Style::Plain, &gap);
        }
        self.push(style, &fits);
        if !right {
            self.push(Style::Plain, &gap);
        }
    }

    pub fn width(&self) -> usize {
        self.width
    }

    /// The same cut to so many cells, with a `…`.
    #[must_use]
    pub fn cut(self, cells: usize) -> Self {
        if self.width <= cells {
            return self;
        }
        let (mut cut, room) = (Self::new(), cells.saturating_sub(1));
        for (text, style) in &self.pieces {
            cut.push(*style, text::taken(text, room - cut.width));
            if cut.width == room || text::width(text) > room {
                break;
            }
        }
        cut.push(Style::Plain, if cells > 0 { "…" } else { "" });
        cut
    }

    /// For a terminal, without a line break.
    pub fn write(&self, palette: Palette) -> String {
        let mut line = String::new();
        for (text, style) in &self.pieces {
            match style.codes(palette) {
                Some(codes) => {
                    // A block would hide the fill below it.
                    let text =
                        if matches!(style, Style::On(_)) { text.replace('█', " ") } else { text.clone() };
                    write!(line, "\u{1b}[{codes}m{text}\u{1b}[0m").unwrap_or_default();
                }
                None => line.push_str(text),
            }
        }
        line.truncate(line.trim_end_matches(' ').len());
        line
    }
}

impl Style {
    fn codes(self, Palette { colour, ground }: Palette) -> Option<String> {
        if colour == Colour::None {
            return None;
        }
        let plain = match self {
            Self::Plain => return None,
            Self::Strong => "1",
            Self::Faint => "2",
            Self::Good => "32",
            Self::Warn => "33",
            Self::Bad => "31",
            Self::Inverse => "7",
            Self::On(Tone::Call) => return Some("2".to_owned()),
            Self::On(tone) => {
                let (fill, ink) = tone.colours(ground);
                return Some(format!("{};{}", code(48, fill, colour), code(38, ink, colour)));
            }
        };
        Some(plain.to_owned())
    }
}

fn code(what: u8, rgb: u32, colour: Colour) -> String {
    let [_, r, g, b] = rgb.to_be_bytes();
    match colour {
        Colour::Rgb => format!("{what};2;{r};{g};{b}"),
        Colour::Indexed | Colour::None => format!("{what};5;{}", nearest(r, g, b)),
    }
}

/// Of the cube of 216 colours, whose levels are 0, 95, 135, 175, 215, 255.
fn nearest(r: u8, g: u8, b: u8) -> u32 {
    let level = |value: u8| match value {
        0..48 => 0,
        48..115 => 1,
        _ => (u32::from(value) - 35) / 40,
    };
    16 + 36 * level(r) + 6 * level(g) + level(b)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_told_in_the_terminals_words() {
        let line = Line::new()
            .with(Style::Strong, "a")
            .with(Style::On(Tone::Queue), " q ")
            .with(Style::Plain, "z  ");
        let written = |colour, ground| line.write(Palette { colour, ground });
        assert_eq!(written(Colour::None, Ground::Dark), "a q z");
        assert_eq!(
            written(Colour::Rgb, Ground::Light),
            "\u{1b}[1ma\u{1b}[0m\u{1b}[48;2;240;196;69;38;2;13;17;22m q \u{1b}[0mz"
        );
        assert_eq!(
            written(Colour::Indexed, Ground::Dark),
            "\u{1b}[1ma\u{1b}[0m\u{1b}[48;5;179;38;5;16m q \u{1b}[0mz"
        );
        let cut = |cells| line.clone().cut(cells).write(Palette::PLAIN);
        assert_eq!([cut(7), cut(6), cut(4), cut(1), cut(0)], ["a q z", "a q z…", "a q…", "…", ""]);
    }

    #[test]
    fn nothing_from_outside_steers() {
        let mut line = Line::new();
        line.column(Style::Bad, "\u{1b}]0;title\u{7}", 12, false);
        assert_eq!(line.width(), 12);
        assert_eq!(line.write(Palette::PLAIN), r"\u{1b}]0;ti…");
    }
}
