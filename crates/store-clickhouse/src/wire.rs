//! RowBinary: the format in which rows go to the server and come back.

/// What is wrong with bytes that should be rows.
pub(crate) type Wrong = String;

/// Writes columns of a row, one after the other.
pub(crate) trait Write {
    fn count(&mut self, number: usize);
    fn text(&mut self, text: &str);
    fn maybe(&mut self, text: Option<&str>);
    fn long(&mut self, number: i64);
}

impl Write for Vec<u8> {
    /// A length, as LEB128.
    fn count(&mut self, number: usize) {
        let mut rest = number;
        while rest >= 0x80 {
            self.push((rest & 0x7f) as u8 | 0x80);
            rest >>= 7;
        }
        self.push(rest as u8);
    }

    fn text(&mut self, text: &str) {
        self.count(text.len());
        self.extend_from_slice(text.as_bytes());
    }

    fn maybe(&mut self, text: Option<&str>) {
        self.push(u8::from(text.is_none()));
        if let Some(text) = text {
            self.text(text);
        }
    }

    fn long(&mut self, number: i64) {
        self.extend_from_slice(&number.to_le_bytes());
    }
}

/// Reads them. Total: bytes of somebody else give an error.
pub(crate) struct Rows<'a>(pub(crate) &'a [u8]);

impl<'a> Rows<'a> {
    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    fn take(&mut self, length: usize) -> Result<&'a [u8], Wrong> {
        let (taken, rest) = self.0.split_at_checked(length).ok_or("it ends in the middle of a row")?;
        self.0 = rest;
        Ok(taken)
    }

    pub(crate) fn fixed<const N: usize>(&mut self) -> Result<[u8; N], Wrong> {
        self.take(N)?.try_into().map_err(|_| "it ends in the middle of a row".to_owned())
    }

    pub(crate) fn byte(&mut self) -> Result<u8, Wrong> {
        self.fixed().map(|[byte]| byte)
    }

    pub(crate) fn count(&mut self) -> Result<usize, Wrong> {
        let mut number: u64 = 0;
        for shift in (0..63).step_by(7) {
            let byte = self.byte()?;
            number |= u64::from(byte & 0x7f) << shift;
            if byte < 0x80 {
                return usize::try_from(number).map_err(|error| error.to_string());
            }
        }
        Err("a length has too many digits".to_owned())
    }

    pub(crate) fn text(&mut self) -> Result<&'a str, Wrong> {
        let length = self.count()?;
        std::str::from_utf8(self.take(length)?).map_err(|_| "a text is not UTF-8".to_owned())
    }

    /// Where a column may be NULL: whether there is a value.
    pub(crate) fn there(&mut self) -> Result<bool, Wrong> {
        Ok(self.byte()? == 0)
    }

    pub(crate) fn long(&mut self) -> Result<i64, Wrong> {
        self.fixed().map(i64::from_le_bytes)
    }

    /// Numbers of ours are never negative.
    pub(crate) fn number(&mut self) -> Result<u64, Wrong> {
        Ok(u64::try_from(self.long()?).unwrap_or(0))
    }

    pub(crate) fn u32(&mut self) -> Result<u32, Wrong> {
        self.fixed().map(u32::from_le_bytes)
    }

    pub(crate) fn double(&mut self) -> Result<f64, Wrong> {
        self.fixed().map(f64::from_le_bytes)
    }

    /// Arrays, and maps as arrays of pairs.
    pub(crate) fn list<T>(
        &mut self,
        mut one: impl FnMut(&mut Self) -> Result<T, Wrong>,
    ) -> Result<Vec<T>, Wrong> {
        let count = self.count()?;
        // No element is shorter than a byte.
        if count > self.0.len() {
            return Err("it ends in the middle of a row".to_owned());
        }
        (0..count).map(|_| one(self)).collect()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn what_was_written_reads_back(number in any::<usize>(), text in "\\PC{0,200}", long in any::<i64>()) {
            let mut bytes = Vec::new();
            bytes.count(number >> 1);
            bytes.text(&text);
            bytes.maybe(Some(&text));
            bytes.maybe(None);
            bytes.long(long);
            let mut rows = Rows(&bytes);
            prop_assert_eq!(rows.count().unwrap(), number >> 1);
            prop_assert_eq!(rows.text().unwrap(), &text);
            prop_assert!(rows.there().unwrap());
            prop_assert_eq!(rows.text().unwrap(), &text);
            prop_assert!(!rows.there().unwrap());
            prop_assert_eq!(rows.long().unwrap(), long);
            prop_assert!(rows.is_empty());
        }

        #[test]
        fn any_bytes_end(bytes in prop::collection::vec(any::<u8>(), 0..64)) {
            let mut rows = Rows(&bytes);
            while rows.list(|rows| rows.text().map(str::len)).is_ok() && !rows.is_empty() {}
        }
    }
}
