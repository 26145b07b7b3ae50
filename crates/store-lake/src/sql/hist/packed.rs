//! Histograms as bytes, on their way from one part of a plan to another: most counts take one of them.

use arrow::array::{LargeBinaryArray, LargeBinaryBuilder};

use super::{FIRST, Hist, LAST};

pub(in crate::sql) fn pack(hists: &[Hist]) -> LargeBinaryArray {
    let mut column = LargeBinaryBuilder::with_capacity(hists.len(), 0);
    let mut bytes = Vec::new();
    for hist in hists {
        bytes.clear();
        write(hist, &mut bytes);
        column.append_value(&bytes);
    }
    column.finish()
}

fn write(hist: &Hist, bytes: &mut Vec<u8>) {
    let Hist { count, sum, min, max, zero, .. } = hist;
    bytes.extend(sum.to_le_bytes());
    let (first, counts) = hist.counts();
    let numbers = [*count, *zero, min.cast_unsigned(), max.cast_unsigned()];
    let room = [u64::from(first.abs_diff(FIRST)), counts.len() as u64];
    for number in numbers.into_iter().chain(room).chain(counts) {
        put(number, bytes);
    }
}

/// Adds one to another, if it is one.
pub(in crate::sql) fn merge(hist: &mut Hist, packed: &[u8]) -> Option<()> {
    let (sum, mut bytes) = packed.split_first_chunk()?;
    let mut next = || take(&mut bytes);
    let [count, zero, min, max, offset, counts] = [next()?, next()?, next()?, next()?, next()?, next()?];
    let above = i32::try_from(offset).ok()?;
    let counts = usize::try_from(counts).ok()?;
    if above as usize + counts > (LAST + 1).abs_diff(FIRST) as usize {
        return None;
    }
    hist.join_totals(count, f64::from_le_bytes(*sum), min.cast_signed(), max.cast_signed());
    hist.zero = hist.zero.saturating_add(zero);
    hist.add_counts(FIRST + above, (0..counts).map(|_| next().unwrap_or(0)));
    Some(())
}

/// Seven bits at a time, the lowest first.
fn put(mut number: u64, bytes: &mut Vec<u8>) {
    while number >= 0x80 {
        bytes.push(number as u8 | 0x80);
        number >>= 7;
    }
    bytes.push(number as u8);
}

fn take(bytes: &mut &[u8]) -> Option<u64> {
    let mut number = 0;
    for shift in (0..64).step_by(7) {
        let (byte, rest) = bytes.split_first()?;
        *bytes = rest;
        number |= u64::from(byte & 0x7f) << shift;
        if *byte < 0x80 {
            return Some(number);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use arrow::array::Array;
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn what_is_packed_is_the_same(values in prop::collection::vec(any::<i64>(), 0..100), times in 1u32..100_000) {
            let mut hist = Hist::default();
            values.iter().for_each(|value| hist.add(*value));
            hist.add_counts(7, std::iter::once(u64::from(times)));
            let packed = pack(&[hist.clone(), Hist::default()]);
            prop_assert_eq!(packed.len(), 2);
            let mut read = Hist::default();
            for row in 0..packed.len() {
                merge(&mut read, packed.value(row)).unwrap();
            }
            prop_assert_eq!(read, hist);
        }

        #[test]
        fn any_bytes_are_read(bytes in prop::collection::vec(any::<u8>(), 0..100)) {
            let mut hist = Hist::default();
            let _read = merge(&mut hist, &bytes);
        }
    }
}
