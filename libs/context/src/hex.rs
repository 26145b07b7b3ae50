//! Hexadecimal by table look-ups.

const DIGITS: &[u8; 16] = b"0123456789abcdef";

/// What `VALUES` holds for a byte that is not a lower-case digit.
const NONE: u8 = 0xff;

#[expect(clippy::indexing_slicing, reason = "runs in the compiler")]
static VALUES: [u8; 256] = {
    let mut table = [NONE; 256];
    let mut value = 0;
    while value < 16 {
        table[DIGITS[value] as usize] = value as u8;
        value += 1;
    }
    table
};

#[expect(clippy::indexing_slicing, reason = "runs in the compiler")]
static PAIRS: [[u8; 2]; 256] = {
    let mut table = [[0; 2]; 256];
    let mut byte = 0;
    while byte < 256 {
        table[byte] = [DIGITS[byte >> 4], DIGITS[byte & 15]];
        byte += 1;
    }
    table
};

fn value(digit: u8) -> u8 {
    VALUES.get(usize::from(digit)).copied().unwrap_or(NONE)
}

/// Reads exactly `2 * N` lower-case digits.
pub(crate) fn decode<const N: usize>(text: &[u8]) -> Option<[u8; N]> {
    if text.len() != 2 * N {
        return None;
    }
    let mut out = [0; N];
    let mut seen = 0;
    for (byte, [high, low]) in out.iter_mut().zip(text.as_chunks().0) {
        let (high, low) = (value(*high), value(*low));
        seen |= high | low;
        *byte = high << 4 | low & 15;
    }
    (seen < 16).then_some(out)
}

/// Reads `1..=2 * N` digits of either case, as if zeros stood on the left.
pub(crate) fn decode_padded<const N: usize>(text: &[u8]) -> Option<[u8; N]> {
    if text.is_empty() || text.len() > 2 * N {
        return None;
    }
    let mut out = [0; N];
    for (byte, pair) in out.iter_mut().rev().zip(text.rchunks(2)) {
        for digit in pair {
            let digit = value(digit.to_ascii_lowercase());
            if digit == NONE {
                return None;
            }
            *byte = *byte << 4 | digit;
        }
    }
    Some(out)
}

/// The digits of `bytes`, ready for `as_flattened`.
pub(crate) fn encode<const N: usize>(bytes: [u8; N]) -> [[u8; 2]; N] {
    bytes.map(pair)
}

/// The two digits of a byte.
pub(crate) fn pair(byte: u8) -> [u8; 2] {
    PAIRS.get(usize::from(byte)).copied().unwrap_or_default()
}

pub(crate) fn write<const N: usize>(bytes: [u8; N], f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
    f.write_str(ascii(encode(bytes).as_flattened()))
}

/// Bytes that we wrote ourselves, as text.
pub(crate) fn ascii(bytes: &[u8]) -> &str {
    str::from_utf8(bytes).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_byte_there_and_back() {
        for byte in 0..=255 {
            assert_eq!(decode(&pair(byte)), Some([byte]));
        }
        for bad in [b"0A", b"g0", b"0 ", b"\xff0"] {
            assert_eq!(decode::<1>(bad), None);
        }
    }

    #[test]
    fn short_numbers_are_padded_on_the_left() {
        assert_eq!(decode_padded(b"1"), Some([0, 1]));
        assert_eq!(decode_padded(b"aBc"), Some([0x0a, 0xbc]));
        assert_eq!(decode_padded(b"abcd"), Some([0xab, 0xcd]));
        for bad in ["", "abcde", "x", "a-"] {
            assert_eq!(decode_padded::<2>(bad.as_bytes()), None, "{bad}");
        }
    }
}
