//! The frames of a pcap or pcapng file.

/// A link-layer frame.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Frame<'f> {
    /// Nanoseconds since 1970.
    pub at: u64,
    /// What the frame begins with, by the registry of tcpdump.org.
    pub link: u32,
    pub bytes: &'f [u8],
}

/// Why a capture is not read.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum Unreadable {
    #[error("neither pcap nor pcapng: give a file that tcpdump, sngrep or Wireshark has written")]
    Format,
    #[error("the record at byte {0} ends after the file: the capture is cut")]
    Cut(usize),
    #[error("the record at byte {0} is longer than any, or shorter than its head: the capture is damaged")]
    Record(usize),
}

/// Bytes of a frame: more is damage.
const LONGEST: usize = 1 << 20;
const MOST_INTERFACES: usize = 1024;

/// Frames one after the other.
pub struct Frames<'f> {
    rest: &'f [u8],
    at: usize,
    big: bool,
    form: Form,
    broken: bool,
}

enum Form {
    Pcap {
        nanos: bool,
        link: u32,
    },
    /// Link and ticks for each second of each interface of the section.
    Pcapng(Vec<(u32, u64)>),
}

impl<'f> Frames<'f> {
    pub fn new(bytes: &'f [u8]) -> Result<Self, Unreadable> {
        let magic = bytes.first_chunk::<4>().ok_or(Unreadable::Format)?;
        let (big, nanos) = match *magic {
            [0x0a, 0x0d, 0x0d, 0x0a] => {
                let form = Form::Pcapng(Vec::new());
                return Ok(Self { rest: bytes, at: 0, big: false, form, broken: false });
            }
            [0xd4, 0xc3, 0xb2, 0xa1] => (false, false),
            [0xa1, 0xb2, 0xc3, 0xd4] => (true, false),
            [0x4d, 0x3c, 0xb2, 0xa1] => (false, true),
            [0xa1, 0xb2, 0x3c, 0x4d] => (true, true),
            _ => return Err(Unreadable::Format),
        };
        let (head, rest) = bytes.split_at_checked(24).ok_or(Unreadable::Format)?;
        let link = number(head, 20, big).ok_or(Unreadable::Format)? & 0x0fff_ffff;
        Ok(Self { rest, at: 24, big, form: Form::Pcap { nanos, link }, broken: false })
    }

    /// Of the record that begins at `place`.
    fn cut(&mut self, length: usize, place: usize) -> Result<&'f [u8], Unreadable> {
        let (record, rest) = self.rest.split_at_checked(length).ok_or(Unreadable::Cut(place))?;
        self.rest = rest;
        self.at += length;
        Ok(record)
    }

    fn record(&mut self, nanos: bool, link: u32) -> Result<Frame<'f>, Unreadable> {
        let place = self.at;
        let head = self.cut(16, place)?;
        let field = |at| number(head, at, self.big).ok_or(Unreadable::Record(place));
        let (seconds, part, length) = (field(0)?, field(4)?, field(8)? as usize);
        if length > LONGEST {
            return Err(Unreadable::Record(place));
        }
        let part = u64::from(part) * if nanos { 1 } else { 1000 };
        Ok(Frame { at: u64::from(seconds) * 1_000_000_000 + part, link, bytes: self.cut(length, place)? })
    }

    /// The next block; nothing where it holds no frame.
    fn block(&mut self) -> Result<Option<Frame<'f>>, Unreadable> {
        let place = self.at;
        let wrong = Unreadable::Record(place);
        let is_section = self.rest.starts_with(&[0x0a, 0x0d, 0x0d, 0x0a]);
        if is_section {
            self.big = self.rest.get(8..12) == Some(&[0x1a, 0x2b, 0x3c, 0x4d]);
        }
        let cut = Unreadable::Cut(place);
        let kind = number(self.rest, 0, self.big).ok_or(cut)?;
        let length = number(self.rest, 4, self.big).ok_or(cut)? as usize;
        if !(12..=LONGEST + 1024).contains(&length) || !length.is_multiple_of(4) {
            return Err(wrong);
        }
        let block = self.cut(length, place)?;
        let body = block.get(8..length - 4).ok_or(wrong)?;
        let Form::Pcapng(interfaces) = &mut self.form else { return Ok(None) };
        match kind {
            _ if is_section => interfaces.clear(),
            1 if interfaces.len() < MOST_INTERFACES => {
                // Two bytes, and two that are reserved.
                let first = number(body, 0, self.big).ok_or(wrong)?;
                let link = if self.big { first >> 16 } else { first & 0xffff };
                interfaces.push((link, resolution(body.get(8..).unwrap_or_default(), self.big)));
            }
            6 => {
                let field = |at| number(body, at, self.big).ok_or(wrong);
                let (interface, high, low) = (field(0)? as usize, field(4)?, field(8)?);
                let (link, per_second) = *interfaces.get(interface).ok_or(wrong)?;
                let bytes = body.get(20..).and_then(|data| data.get(..number(body, 12, self.big)? as usize));
                let ticks = u128::from(high) << 32 | u128::from(low);
                let at = ticks.saturating_mul(1_000_000_000) / u128::from(per_second.max(1));
                let at = u64::try_from(at).unwrap_or(u64::MAX);
                return Ok(Some(Frame { at, link, bytes: bytes.ok_or(wrong)? }));
            }
            _ => {}
        }
        Ok(None)
    }
}

impl<'f> Iterator for Frames<'f> {
    type Item = Result<Frame<'f>, Unreadable>;

    fn next(&mut self) -> Option<Self::Item> {
        while !self.broken && !self.rest.is_empty() {
            let next = match &self.form {
                Form::Pcap { nanos, link } => {
                    let (nanos, link) = (*nanos, *link);
                    self.record(nanos, link).map(Some)
                }
                Form::Pcapng(_) => self.block(),
            };
            self.broken = next.is_err();
            match next {
                Ok(None) => {}
                Ok(Some(frame)) => return Some(Ok(frame)),
                Err(error) => return Some(Err(error)),
            }
        }
        None
    }
}

/// `if_tsresol` of an interface: ticks for each second, a million where nothing is said.
fn resolution(mut options: &[u8], big: bool) -> u64 {
    while let Some((head, rest)) = options.split_first_chunk::<4>() {
        let [a, b, c, d] = *head;
        let read = |pair| if big { u16::from_be_bytes(pair) } else { u16::from_le_bytes(pair) };
        let (code, length) = (read([a, b]), usize::from(read([c, d])));
        let value = rest.get(..length).unwrap_or_default();
        match (code, value) {
            (0, _) => break,
            (9, [exponent]) if exponent & 0x80 == 0 => return 10_u64.saturating_pow(u32::from(*exponent)),
            (9, [exponent]) => return 1_u64.checked_shl(u32::from(exponent & 0x7f)).unwrap_or(u64::MAX),
            _ => {}
        }
        options = rest.get(length.next_multiple_of(4)..).unwrap_or_default();
    }
    1_000_000
}

fn number(bytes: &[u8], at: usize, big: bool) -> Option<u32> {
    let four: [u8; 4] = bytes.get(at..)?.first_chunk().copied()?;
    Some(if big { u32::from_be_bytes(four) } else { u32::from_le_bytes(four) })
}
