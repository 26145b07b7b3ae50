//! What the terminal is: how wide, which colours; and how text comes there.

use std::io::{ErrorKind, IsTerminal, Write};

use clap::{Args, ValueEnum};
use jiff::tz::TimeZone;
use view_term::paint::{Colour, Ground, Line, Palette};

/// Where nothing tells the width.
const USUAL_WIDTH: usize = 100;
const NARROWEST: usize = 60;
const WIDEST: usize = 240;

#[derive(Args)]
pub(crate) struct Screen {
    /// Cells of a line, 60 to 240; without it, those of the terminal, else `COLUMNS`, else 100.
    #[arg(long, value_name = "CELLS", value_parser = clap::value_parser!(u16).range(60..=240))]
    width: Option<u16>,
    /// `auto` takes colours where the output is a terminal, `TERM` is not `dumb` and `NO_COLOR` is not set.
    #[arg(long, value_enum, value_name = "WHEN", default_value_t = When::Auto)]
    color: When,
    /// Of all times: `local`, `UTC`, or a name as `Europe/Berlin`.
    #[arg(long, value_name = "ZONE", default_value = "local", value_parser = view_term::time::zone)]
    pub(crate) zone: TimeZone,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum When {
    Auto,
    Always,
    Never,
}

impl Screen {
    pub(crate) fn width(&self) -> usize {
        let given = self.width.map(usize::from);
        let columns = || std::env::var("COLUMNS").ok()?.parse().ok();
        let width = given.or_else(|| size().map(|(width, _)| width)).or_else(columns);
        width.unwrap_or(USUAL_WIDTH).clamp(NARROWEST, WIDEST)
    }

    pub(crate) fn palette(&self) -> Palette {
        let variable = |name: &str| std::env::var(name).unwrap_or_default();
        let wanted = match self.color {
            When::Always => true,
            When::Never => false,
            When::Auto => {
                variable("NO_COLOR").is_empty()
                    && variable("TERM") != "dumb"
                    && std::io::stdout().is_terminal()
            }
        };
        let colour = match variable("COLORTERM").as_str() {
            _ if !wanted => Colour::None,
            "truecolor" | "24bit" => Colour::Rgb,
            _ => Colour::Indexed,
        };
        // Its last number is the background: 7 and 15 are white.
        let light = ["7", "15"].contains(&variable("COLORFGBG").rsplit(';').next().unwrap_or_default());
        Palette { colour, ground: if light { Ground::Light } else { Ground::Dark } }
    }

    pub(crate) fn print(&self, lines: &[Line]) -> std::io::Result<()> {
        let palette = self.palette();
        let text: String = lines.iter().map(|line| line.write(palette) + "\n").collect();
        print(text.as_bytes())
    }
}

/// Width and height of the terminal, where the output is one that knows.
pub(crate) fn size() -> Option<(usize, usize)> {
    let size = rustix::termios::tcgetwinsize(std::io::stdout()).ok()?;
    (size.ws_col > 0 && size.ws_row > 0).then(|| (size.ws_col.into(), size.ws_row.into()))
}

/// Whoever reads only the beginning (`| head`) has what he wanted.
pub(crate) fn print(bytes: &[u8]) -> std::io::Result<()> {
    let mut to = std::io::stdout().lock();
    match to.write_all(bytes).and_then(|()| to.flush()) {
        Err(error) if error.kind() == ErrorKind::BrokenPipe => Ok(()),
        other => other,
    }
}
