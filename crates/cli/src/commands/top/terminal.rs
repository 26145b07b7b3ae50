//! The terminal while it is ours. However this ends, it is given back as it was.

use std::io::{self, Read, Write, stdin, stdout};
use std::sync::OnceLock;

use rustix::termios::{OptionalActions, Termios, tcgetattr, tcsetattr};
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::mpsc;
use view_term::paint::{Line, Palette};
use view_term::top::Key;

use crate::commands::screen;

/// The other screen, no wrapping, no cursor; and back.
const TAKE: &str = "\x1b[?1049h\x1b[?7l\x1b[?25l";
const GIVE_BACK: &str = "\x1b[?25h\x1b[?7h\x1b[?1049l";
/// To the first cell; the rest of a line, the rest of the screen cleared. What stands between the first and the last is shown at
/// once, by terminals that can.
const BEGIN: &str = "\x1b[?2026h\x1b[H";
const LINE_END: &str = "\x1b[K";
const END: &str = "\x1b[J\x1b[?2026l";

/// As it was found.
static BEFORE: OnceLock<Termios> = OnceLock::new();

pub(super) struct Terminal {
    palette: Palette,
    resized: Signal,
}

impl Terminal {
    pub(super) fn open(palette: Palette) -> io::Result<Self> {
        let resized = signal(SignalKind::window_change())?;
        let before = tcgetattr(stdin())?;
        let mut raw = BEFORE.get_or_init(|| before).clone();
        give_back_in_a_panic();
        raw.make_raw();
        tcsetattr(stdin(), OptionalActions::Flush, &raw)?;
        let terminal = Self { palette, resized };
        stdout().write_all(TAKE.as_bytes())?;
        Ok(terminal)
    }

    pub(super) fn size(&self) -> (usize, usize) {
        let (width, height) = screen::size().unwrap_or((80, 24));
        (width.max(20), height.max(4))
    }

    pub(super) async fn resized(&mut self) {
        self.resized.recv().await;
    }

    pub(super) fn draw(&self, lines: &[Line]) -> io::Result<()> {
        let lines: Vec<String> = lines.iter().map(|line| line.write(self.palette) + LINE_END).collect();
        let mut to = stdout().lock();
        to.write_all(format!("{BEGIN}{}{END}", lines.join("\r\n")).as_bytes())?;
        to.flush()
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        give_back();
    }
}

fn give_back() {
    let Some(before) = BEFORE.get() else { return };
    let mut to = stdout();
    // There is nobody to tell.
    drop(to.write_all(GIVE_BACK.as_bytes()).and_then(|()| to.flush()));
    tcsetattr(stdin(), OptionalActions::Now, before).unwrap_or_default();
}

/// Before its message, which would go with the screen.
fn give_back_in_a_panic() {
    let usual = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |panic| {
        give_back();
        usual(panic);
    }));
}

/// Keys as they are pressed, from a thread that ends with the process or the terminal.
pub(super) fn keys() -> mpsc::Receiver<Key> {
    let (tell, keys) = mpsc::channel(64);
    std::thread::spawn(move || {
        let mut bytes = [0; 256];
        while let Ok(read @ 1..) = stdin().lock().read(&mut bytes) {
            for key in read_keys(bytes.get(..read).unwrap_or_default()) {
                if tell.blocking_send(key).is_err() {
                    return;
                }
            }
        }
    });
    keys
}

/// What a terminal sends for keys, as `xterm` has it; what means nothing here is passed over.
fn read_keys(mut bytes: &[u8]) -> Vec<Key> {
    let mut keys = Vec::new();
    while let Some((first, rest)) = bytes.split_first() {
        bytes = rest;
        let key = match first {
            // A lone one is the key, else it begins a sequence.
            0x1b => match sequence(rest) {
                None => Some(Key::Escape),
                Some((key, length)) => {
                    bytes = rest.get(length..).unwrap_or_default();
                    key
                }
            },
            0x03 | 0x04 => Some(Key::Interrupt),
            b'\r' | b'\n' => Some(Key::Enter),
            0x7f | 0x08 => Some(Key::Backspace),
            0..0x20 => None,
            _ => {
                let (c, length) = character(*first, rest);
                bytes = rest.get(length..).unwrap_or_default();
                c.map(Key::Char)
            }
        };
        keys.extend(key);
    }
    keys
}

/// Behind an escape: `[` or `O`, numbers, a letter; gives back how much of it that was.
fn sequence(bytes: &[u8]) -> Option<(Option<Key>, usize)> {
    let (b'[' | b'O', rest) = bytes.split_first()? else { return None };
    let at = rest.iter().position(|byte| (0x40..=0x7e).contains(byte));
    let key = match at.and_then(|at| rest.get(at))? {
        b'A' => Some(Key::Up),
        b'B' => Some(Key::Down),
        b'C' => Some(Key::Right),
        b'D' => Some(Key::Left),
        _ => None,
    };
    Some((key, at? + 2))
}

/// One character of UTF-8, and how many bytes of it follow the first.
fn character(first: u8, rest: &[u8]) -> (Option<char>, usize) {
    let more = match first {
        0xc2..=0xdf => 1,
        0xe0..=0xef => 2,
        0xf0..=0xf4 => 3,
        _ => 0,
    };
    let bytes: Vec<u8> = std::iter::once(first).chain(rest.iter().copied().take(more)).collect();
    (std::str::from_utf8(&bytes).ok().and_then(|text| text.chars().next()), more)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_read_as_terminals_send_them() {
        for (bytes, wanted) in [
            (b"q" as &[u8], vec![Key::Char('q')]),
            (b"\x1b", vec![Key::Escape]),
            (b"\x1b\x1b", vec![Key::Escape, Key::Escape]),
            (b"\x1b[A\x1b[B\x1bOC\x1b[1;5D", vec![Key::Up, Key::Down, Key::Right, Key::Left]),
            (b"\x1b[3~x", vec![Key::Char('x')]),
            (b"\x1b[", vec![Key::Escape, Key::Char('[')]),
            (b"\x03\x04", vec![Key::Interrupt, Key::Interrupt]),
            (b"\r\n\x7f\x08\x01\t", vec![Key::Enter, Key::Enter, Key::Backspace, Key::Backspace]),
            ("é待".as_bytes(), vec![Key::Char('é'), Key::Char('待')]),
            (b"\xff\xc3q", vec![]),
        ] {
            assert_eq!(read_keys(bytes), wanted, "{bytes:?}");
        }
    }
}
