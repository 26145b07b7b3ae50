//! Durations as an exponential histogram of OpenTelemetry, scale 5.

pub(super) mod packed;

use std::collections::BTreeMap;
use std::sync::{Arc, LazyLock};

use arrow::array::{Array, ArrayRef, AsArray, Float64Array, Int32Array, Int64Array, ListArray, StructArray};
use arrow::buffer::OffsetBuffer;
use arrow::datatypes::{DataType, Field, Fields, Float64Type, Int32Type, Int64Type};
use arrow::error::ArrowError;

/// Buckets for each doubling, 2 to the power of the scale: a bucket is 2.2 % wide.
const PER_DOUBLING: i32 = BUCKETS as i32;
const BUCKETS: usize = 32;
/// The bucket of one nanosecond, and that of the longest duration there can be.
const FIRST: i32 = -1;
const LAST: i32 = 63 * 32;

#[derive(Clone, Default, PartialEq, Debug)]
pub(super) struct Histogram<Counts> {
    count: u64,
    sum: f64,
    min: i64,
    max: i64,
    /// Durations of no time.
    zero: u64,
    /// The bucket that `counts` begin with.
    offset: i32,
    counts: Counts,
}

/// A histogram that grows.
pub(super) type Hist = Histogram<Counts>;

/// A histogram in a column.
pub(super) type Stored<'a> = Histogram<&'a [i64]>;

/// Of one byte each, so that those of a thousand groups lie in the nearest memory: waiting for them takes longer than all else.
#[derive(Clone, Default, PartialEq, Debug)]
pub(super) struct Counts {
    low: Vec<u8>,
    /// What buckets have above that, in steps of 256.
    above: BTreeMap<i32, u64>,
}

/// Buckets that get room together.
const ROOM: i32 = 64;

impl Hist {
    #[inline(always)]
    pub(super) fn add(&mut self, value: i64) {
        let value = value.max(0);
        self.join_totals(1, value as f64, value, value);
        if value == 0 {
            self.zero += 1;
            return;
        }
        let bucket = bucket(value);
        let place = usize::try_from(bucket - self.offset).unwrap_or(usize::MAX);
        match self.counts.low.get_mut(place) {
            Some(count) if *count < u8::MAX => *count += 1,
            _ => self.add_counts(bucket, std::iter::once(1)),
        }
    }

    pub(super) fn merge(&mut self, other: &Stored<'_>) {
        self.join_totals(other.count, other.sum, other.min, other.max);
        self.zero = self.zero.saturating_add(other.zero);
        self.add_counts(other.offset, other.counts.iter().map(|count| unsigned(*count)));
    }

    /// Of this bucket and those after it.
    fn add_counts(&mut self, from: i32, counts: impl ExactSizeIterator<Item = u64>) {
        if counts.len() == 0 {
            return;
        }
        self.room(from, counts.len());
        let place = usize::try_from(from.saturating_sub(self.offset)).unwrap_or(0);
        for ((bucket, count), more) in (from..).zip(self.counts.low.iter_mut().skip(place)).zip(counts) {
            let sum = more.saturating_add(u64::from(*count));
            *count = sum as u8;
            if sum > u64::from(u8::MAX) {
                let above = self.counts.above.entry(bucket).or_default();
                *above = above.saturating_add(sum >> 8).min(u64::MAX >> 8);
            }
        }
    }

    /// The first bucket that is not empty, and the counts from there to the last one.
    fn counts(&self) -> (i32, impl ExactSizeIterator<Item = u64>) {
        let Counts { low, above } = &self.counts;
        let high = move |bucket| above.get(&bucket).map_or(0, |above| above << 8);
        let counted =
            move |(at, count): (usize, &u8)| high(self.offset.saturating_add(at as i32)) + u64::from(*count);
        let is_counted = |of: (usize, &u8)| counted(of) > 0;
        let end = low.iter().enumerate().rposition(is_counted).map_or(0, |last| last + 1);
        let first = low.iter().enumerate().position(is_counted).unwrap_or(end);
        let counts = low.iter().enumerate().take(end).skip(first);
        (self.offset + first as i32, counts.map(counted))
    }

    #[inline]
    fn join_totals(&mut self, count: u64, sum: f64, min: i64, max: i64) {
        if count == 0 {
            return;
        }
        self.min = if self.count == 0 { min } else { self.min.min(min) };
        self.max = if self.count == 0 { max } else { self.max.max(max) };
        self.count = self.count.saturating_add(count);
        self.sum += sum;
    }

    /// For so many buckets, from this one.
    fn room(&mut self, from: i32, long: usize) {
        let counts = &mut self.counts.low;
        let first = from.div_euclid(ROOM) * ROOM;
        if counts.is_empty() {
            self.offset = first;
        }
        let before = usize::try_from(self.offset - first).unwrap_or(0);
        if before > 0 {
            counts.splice(..0, std::iter::repeat_n(0, before));
            self.offset = first;
        }
        let end = usize::try_from(from - self.offset).unwrap_or(0) + long;
        if end > counts.len() {
            counts.resize(end.next_multiple_of(ROOM as usize), 0);
        }
    }

    pub(super) fn size(&self) -> usize {
        let Counts { low, above } = &self.counts;
        size_of::<Self>() + low.capacity() + above.len() * size_of::<[u64; 4]>()
    }
}

impl Stored<'_> {
    /// The duration that this part of all are not longer than, within 1.1 %; none of nothing.
    pub(super) fn quantile(&self, part: f64) -> Option<f64> {
        if self.count == 0 || part.is_nan() {
            return None;
        }
        let rank = ((part.clamp(0.0, 1.0) * self.count as f64).ceil() as u64).max(1);
        let mut seen = self.zero;
        if rank <= seen {
            return Some(0.0);
        }
        let within = (self.offset..).zip(self.counts).find(|(_, count)| {
            seen = seen.saturating_add(unsigned(**count));
            rank <= seen
        });
        let (low, high) = match within {
            Some((at, _)) => (bound(at), bound(at + 1)),
            None => (self.max as f64, self.max as f64),
        };
        // As far from both bounds, in proportion to them.
        let middle = 2.0 * low * high / (low + high);
        Some(middle.max(self.min as f64).min(self.max as f64))
    }
}

fn unsigned(number: i64) -> u64 {
    u64::try_from(number).unwrap_or(0)
}

/// Where the buckets of one doubling begin, of numbers whose highest bit is set.
fn begin(at: usize) -> u64 {
    ((at as f64 / BUCKETS as f64).exp2() * 63_f64.exp2()) as u64
}

/// By the seven highest bits of a number: how many of them lie below it, and where the next begins. A bucket is wider than
/// what these bits tell.
static BELOW: LazyLock<[(i32, u64); 64]> = LazyLock::new(|| {
    std::array::from_fn(|at| {
        let least = (64 + at as u64) << 57;
        let below = (0..BUCKETS).filter(|at| begin(*at) < least).count();
        (below as i32, if below == BUCKETS { u64::MAX } else { begin(below) })
    })
});

/// The bucket of a duration, which is its upper bound at most: without a logarithm, which takes longer than all else.
#[inline]
fn bucket(value: i64) -> i32 {
    let zeros = value.leading_zeros();
    let highest = value.cast_unsigned() << zeros;
    let (below, next) = BELOW.get((highest >> 57) as usize & 63).copied().unwrap_or_default();
    PER_DOUBLING * (63 - zeros.cast_signed()) + below + i32::from(highest > next) - 1
}

/// The lower bound of a bucket, which is not in it.
fn bound(at: i32) -> f64 {
    (f64::from(at) / f64::from(PER_DOUBLING)).exp2()
}

/// How a histogram is written in a column.
pub(super) fn data_type() -> DataType {
    DataType::Struct(fields())
}

fn fields() -> Fields {
    static FIELDS: LazyLock<Fields> = LazyLock::new(|| {
        let long = |name: &str| Field::new(name, DataType::Int64, false);
        vec![
            long("count"),
            Field::new("sum", DataType::Float64, false),
            long("min"),
            long("max"),
            long("zero"),
            Field::new("offset", DataType::Int32, false),
            Field::new("counts", DataType::List(item()), false),
        ]
        .into()
    });
    FIELDS.clone()
}

fn item() -> Arc<Field> {
    Arc::new(Field::new("item", DataType::Int64, false))
}

pub(super) fn to_array(hists: &[Hist]) -> Result<StructArray, ArrowError> {
    let signed = |number: u64| i64::try_from(number).unwrap_or(i64::MAX);
    let longs = |pick: &dyn Fn(&Hist) -> i64| -> ArrayRef {
        Arc::new(Int64Array::from_iter_values(hists.iter().map(pick)))
    };
    let (offsets, counts): (Vec<i32>, Vec<_>) = hists.iter().map(Hist::counts).unzip();
    let lengths = OffsetBuffer::from_lengths(counts.iter().map(ExactSizeIterator::len));
    let counts = Arc::new(Int64Array::from_iter_values(counts.into_iter().flatten().map(signed)));
    let columns: Vec<ArrayRef> = vec![
        longs(&|hist| signed(hist.count)),
        Arc::new(Float64Array::from_iter_values(hists.iter().map(|hist| hist.sum))),
        longs(&|hist| hist.min),
        longs(&|hist| hist.max),
        longs(&|hist| signed(hist.zero)),
        Arc::new(Int32Array::from(offsets)),
        Arc::new(ListArray::try_new(item(), lengths, counts, None)?),
    ];
    StructArray::try_new_with_length(fields(), columns, None, hists.len())
}

/// The histograms of a column; none where there is none, or where it is not one of ours.
pub(super) fn stored(array: &dyn Array) -> impl Iterator<Item = Option<Stored<'_>>> {
    let columns = Columns::of(array);
    (0..array.len()).map(move |row| columns.as_ref().filter(|_| array.is_valid(row))?.row(row))
}

struct Columns<'a> {
    /// count, min, max, zero
    longs: [&'a Int64Array; 4],
    sum: &'a Float64Array,
    offset: &'a Int32Array,
    counts: &'a ListArray,
    all: &'a [i64],
}

impl<'a> Columns<'a> {
    fn of(array: &'a dyn Array) -> Option<Self> {
        let [count, sum, min, max, zero, offset, counts] = array.as_struct_opt()?.columns() else {
            return None;
        };
        let long = |column: &'a ArrayRef| column.as_primitive_opt::<Int64Type>();
        let counts = counts.as_list_opt::<i32>()?;
        Some(Self {
            longs: [long(count)?, long(min)?, long(max)?, long(zero)?],
            sum: sum.as_primitive_opt::<Float64Type>()?,
            offset: offset.as_primitive_opt::<Int32Type>()?,
            counts,
            all: counts.values().as_primitive_opt::<Int64Type>()?.values(),
        })
    }

    fn row(&self, row: usize) -> Option<Stored<'a>> {
        let [count, min, max, zero] = self.longs.map(|column| column.value(row));
        let at = |row: usize| usize::try_from(*self.counts.value_offsets().get(row)?).ok();
        let counts = self.all.get(at(row)?..at(row + 1)?)?;
        // What somebody else wrote may lie outside of all durations.
        let first = self.offset.value(row);
        let below = usize::try_from(FIRST.saturating_sub(first)).unwrap_or(0).min(counts.len());
        let most =
            usize::try_from(LAST.saturating_sub(first).saturating_add(1)).unwrap_or(0).min(counts.len());
        Some(Stored {
            count: unsigned(count),
            sum: self.sum.value(row),
            min,
            max,
            zero: unsigned(zero),
            offset: first.max(FIRST),
            counts: counts.get(below..most).unwrap_or_default(),
        })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn of(values: &[i64]) -> Hist {
        let mut hist = Hist::default();
        values.iter().for_each(|value| hist.add(*value));
        hist
    }

    fn quantile(hist: &Hist, part: f64) -> Option<f64> {
        let array = to_array(std::slice::from_ref(hist)).unwrap();
        stored(&array).next().flatten().unwrap().quantile(part)
    }

    fn durations() -> impl Strategy<Value = Vec<i64>> {
        let duration =
            prop_oneof![Just(0i64), 1i64..2000, (0u32..63).prop_map(|bits| 1 << bits), any::<i64>()];
        prop::collection::vec(duration.prop_map(|n| n.max(0)), 1..200)
    }

    proptest! {
        #[test]
        fn a_duration_lies_in_its_bucket(bits in 0u32..63, value in 0i64..=i64::MAX) {
            let value = (value >> bits).max(1);
            let (at, exact) = (bucket(value), value as f64);
            prop_assert!((FIRST..=LAST).contains(&at));
            let near = 1.0 + 1e-12;
            prop_assert!(bound(at) < exact * near && exact <= bound(at + 1) * near, "{value} in {at}");
        }

        #[test]
        fn a_quantile_is_within_eleven_in_a_thousand(mut values in durations(), part in 0.0f64..=1.0) {
            let hist = of(&values);
            values.sort_unstable();
            let rank = ((part * values.len() as f64).ceil() as usize).max(1);
            let (exact, told) = (values[rank - 1] as f64, quantile(&hist, part).unwrap());
            prop_assert!((told - exact).abs() <= exact * 0.011, "{told} for {exact}");
        }

        #[test]
        fn parts_merged_are_the_whole_and_columns_keep_them(values in durations(), at in 0usize..200) {
            let (one, other) = values.split_at(at.min(values.len()));
            let array = to_array(&[of(one), of(other), Hist::default()]).unwrap();
            let mut whole = Hist::default();
            for part in stored(&array) {
                whole.merge(&part.unwrap());
            }
            let expected = of(&values);
            prop_assert!((whole.sum - expected.sum).abs() <= expected.sum * 1e-9);
            prop_assert_eq!(Hist { sum: expected.sum, ..whole }, expected);
        }
    }

    #[test]
    fn a_bucket_ends_with_its_upper_bound() {
        for bits in 0..63 {
            let power = 1_i64 << bits;
            assert_eq!(bucket(power), 32 * bits - 1);
            assert!(bucket(power + 1) >= 32 * bits, "{bits}");
        }
        assert_eq!((bucket(1), bucket(i64::MAX)), (FIRST, LAST - 1));
    }

    #[test]
    fn buckets_that_no_duration_has_are_left_out() {
        for (offset, counts, left) in [
            (FIRST - 2, vec![1, 2, 3, 4], (FIRST, &[3, 4][..])),
            (LAST - 1, vec![1, 2, 3], (LAST - 1, &[1, 2])),
            (LAST + 1, vec![1], (LAST + 1, &[])),
            (i32::MIN, vec![1, 2], (FIRST, &[])),
            (i32::MAX, vec![1, 2], (i32::MAX, &[])),
        ] {
            let counts = Counts { low: counts, ..Counts::default() };
            let array = to_array(&[Hist { count: 1, offset, counts, ..Hist::default() }]).unwrap();
            let read = stored(&array).next().flatten().unwrap();
            assert_eq!((read.offset, read.counts), left);
            let mut sum = of(&[1, i64::MAX]);
            sum.merge(&read);
            let (first, counts) = sum.counts();
            assert!((FIRST..=LAST + 1).contains(&(first + counts.len() as i32)), "{offset}");
        }
    }

    #[test]
    fn of_nothing_there_is_no_quantile() {
        assert_eq!(quantile(&Hist::default(), 0.5), None);
        assert_eq!(quantile(&of(&[5]), f64::NAN), None);
        assert_eq!((quantile(&of(&[7]), -1.0), quantile(&of(&[7]), 2.0)), (Some(7.0), Some(7.0)));
    }
}
