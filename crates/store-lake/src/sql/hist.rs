//! Durations as an exponential histogram of OpenTelemetry, scale 5.

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

#[derive(Clone, Copy, Default, PartialEq, Debug)]
pub(super) struct Histogram<Counts> {
    count: u64,
    sum: f64,
    min: i64,
    max: i64,
    /// Durations of no time.
    zero: u64,
    /// The bucket that `counts` begins with.
    offset: i32,
    counts: Counts,
}

pub(super) type Hist = Histogram<Vec<u64>>;

/// A histogram in a column.
pub(super) type Stored<'a> = Histogram<&'a [i64]>;

impl Hist {
    pub(super) fn add(&mut self, value: i64) {
        let value = value.max(0);
        self.join_totals(1, value as f64, value, value);
        if value == 0 {
            self.zero += 1;
            return;
        }
        let bucket = bucket(value);
        let place = usize::try_from(bucket - self.offset).unwrap_or(usize::MAX);
        match self.counts.get_mut(place) {
            Some(count) => *count += 1,
            None => self.room(bucket, 1).iter_mut().for_each(|count| *count = 1),
        }
    }

    pub(super) fn merge(&mut self, other: Stored<'_>) {
        self.join_totals(other.count, other.sum, other.min, other.max);
        self.zero = self.zero.saturating_add(other.zero);
        if !other.counts.is_empty() {
            let buckets = self.room(other.offset, other.counts.len());
            for (count, more) in buckets.iter_mut().zip(other.counts) {
                *count = count.saturating_add(unsigned(*more));
            }
        }
    }

    fn join_totals(&mut self, count: u64, sum: f64, min: i64, max: i64) {
        if count == 0 {
            return;
        }
        self.min = if self.count == 0 { min } else { self.min.min(min) };
        self.max = if self.count == 0 { max } else { self.max.max(max) };
        self.count = self.count.saturating_add(count);
        self.sum += sum;
    }

    /// So many buckets, from this one.
    fn room(&mut self, from: i32, long: usize) -> &mut [u64] {
        if self.counts.is_empty() {
            self.offset = from;
        }
        let before = usize::try_from(self.offset.saturating_sub(from)).unwrap_or(0);
        if before > 0 {
            self.counts.splice(..0, std::iter::repeat_n(0, before));
            self.offset = from;
        }
        let place = usize::try_from(from.saturating_sub(self.offset)).unwrap_or(0);
        let end = place.saturating_add(long);
        if end > self.counts.len() {
            self.counts.resize(end, 0);
        }
        self.counts.get_mut(place..end).unwrap_or_default()
    }

    pub(super) fn size(&self) -> usize {
        size_of::<Self>() + self.counts.capacity() * size_of::<u64>()
    }
}

impl Stored<'_> {
    /// The duration that this part of all are not longer than, within 1.1 %; none of nothing.
    pub(super) fn quantile(self, part: f64) -> Option<f64> {
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

/// Where the buckets of one doubling begin, of numbers whose highest bit is set; the last is above all.
static BEGINS: LazyLock<[u64; BUCKETS + 1]> = LazyLock::new(|| {
    let begin = |at: usize| ((at as f64 / BUCKETS as f64).exp2() * 63_f64.exp2()) as u64;
    std::array::from_fn(|at| if at == BUCKETS { u64::MAX } else { begin(at) })
});
/// How many of them lie below a number with these seven highest bits; a bucket is wider than what they tell.
static BELOW: LazyLock<[u8; 64]> = LazyLock::new(|| {
    let below = |least: u64| BEGINS.iter().filter(|begin| **begin < least).count() as u8;
    std::array::from_fn(|at| below((64 + at as u64) << 57))
});

/// The bucket of a duration, which is its upper bound at most: without a logarithm, which takes longer than all else.
fn bucket(value: i64) -> i32 {
    let zeros = value.leading_zeros();
    let highest = value.cast_unsigned() << zeros;
    let below = BELOW.get((highest >> 57) as usize & 63).copied().unwrap_or_default();
    let next = BEGINS.get(usize::from(below)).copied().unwrap_or(u64::MAX);
    PER_DOUBLING * (63 - zeros.cast_signed()) + i32::from(below) + i32::from(highest > next) - 1
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
    let counts = hists.iter().flat_map(|hist| hist.counts.iter().map(|count| signed(*count)));
    let counts = Arc::new(Int64Array::from_iter_values(counts));
    let lengths = OffsetBuffer::from_lengths(hists.iter().map(|hist| hist.counts.len()));
    let columns: Vec<ArrayRef> = vec![
        longs(&|hist| signed(hist.count)),
        Arc::new(Float64Array::from_iter_values(hists.iter().map(|hist| hist.sum))),
        longs(&|hist| hist.min),
        longs(&|hist| hist.max),
        longs(&|hist| signed(hist.zero)),
        Arc::new(Int32Array::from_iter_values(hists.iter().map(|hist| hist.offset))),
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
                whole.merge(part.unwrap());
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
            let array = to_array(&[Hist { count: 1, offset, counts, ..Hist::default() }]).unwrap();
            let read = stored(&array).next().flatten().unwrap();
            assert_eq!((read.offset, read.counts), left);
            let mut sum = of(&[1, i64::MAX]);
            sum.merge(read);
            assert!((FIRST..=LAST + 1).contains(&(sum.offset + sum.counts.len() as i32)), "{offset}");
        }
    }

    #[test]
    fn of_nothing_there_is_no_quantile() {
        assert_eq!(quantile(&Hist::default(), 0.5), None);
        assert_eq!(quantile(&of(&[5]), f64::NAN), None);
        assert_eq!((quantile(&of(&[7]), -1.0), quantile(&of(&[7]), 2.0)), (Some(7.0), Some(7.0)));
    }
}
