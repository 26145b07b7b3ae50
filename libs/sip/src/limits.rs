/// How much of a message is read.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Limits {
    /// Bytes of a whole message.
    pub message: usize,
    /// Bytes up to the end of the header lines.
    pub head: usize,
    /// Bytes of the start line.
    pub start_line: usize,
    /// Header lines.
    pub headers: usize,
}

impl Limits {
    /// 64 KiB for a message, head included, 8 KiB for its start line, 512 header lines.
    pub const DEFAULT: Self = Self { message: 64 << 10, head: 64 << 10, start_line: 8 << 10, headers: 512 };
}

impl Default for Limits {
    fn default() -> Self {
        Self::DEFAULT
    }
}
