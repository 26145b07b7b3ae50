//! Borrowed views over checked OTLP metric bytes. Nothing is copied; anything unsound reads as absent.

use super::view::{KeyValue, Resource, Scope, children, int, key_values, text};
use crate::wire::{Content, Field, Reader, fields};

/// All `ResourceMetrics` of one chunk.
pub fn resource_metrics(chunk: &[u8]) -> impl Iterator<Item = ResourceMetrics<'_>> {
    children(chunk, 1).map(ResourceMetrics)
}

#[derive(Clone, Copy, Debug)]
pub struct ResourceMetrics<'a>(pub &'a [u8]);

impl<'a> ResourceMetrics<'a> {
    pub fn resource(&self) -> Resource<'a> {
        Resource(children(self.0, 1).next().unwrap_or_default())
    }

    pub fn scope_metrics(&self) -> impl Iterator<Item = ScopeMetrics<'a>> + use<'a> {
        children(self.0, 2).map(ScopeMetrics)
    }
}

#[derive(Clone, Copy, Debug)]
pub struct ScopeMetrics<'a>(pub &'a [u8]);

impl<'a> ScopeMetrics<'a> {
    pub fn scope(&self) -> Scope<'a> {
        Scope(children(self.0, 1).next().unwrap_or_default())
    }

    pub fn metrics(&self) -> impl Iterator<Item = Metric<'a>> + use<'a> {
        children(self.0, 2).map(Metric)
    }

    pub fn schema_url(&self) -> &'a str {
        text(self.0, 3)
    }
}

#[derive(Clone, Copy, Debug)]
pub struct Metric<'a>(pub &'a [u8]);

impl<'a> Metric<'a> {
    pub fn name(&self) -> &'a str {
        text(self.0, 1)
    }

    pub fn description(&self) -> &'a str {
        text(self.0, 2)
    }

    pub fn unit(&self) -> &'a str {
        text(self.0, 3)
    }

    pub fn data(&self) -> Data<'a> {
        let data = fields(self.0).find(|field| matches!(field.number, 5 | 7 | 9 | 10 | 11));
        let Some(data) = data else { return Data { kind: DataKind::Gauge, temporality: 0, raw: &[] } };
        let raw = data.bytes();
        let kind = match data.number {
            5 => DataKind::Gauge,
            7 => DataKind::Sum { monotonic: int(raw, 3) != 0 },
            9 => DataKind::Histogram,
            10 => DataKind::ExponentialHistogram,
            _ => DataKind::Summary,
        };
        Data { kind, temporality: int(raw, 2) as i32, raw }
    }
}

/// The data points of a metric.
#[derive(Clone, Copy, Debug)]
pub struct Data<'a> {
    pub kind: DataKind,
    /// `AggregationTemporality` as OTLP numbers it: 1 delta, 2 cumulative.
    pub temporality: i32,
    raw: &'a [u8],
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum DataKind {
    Gauge,
    Sum { monotonic: bool },
    Histogram,
    ExponentialHistogram,
    Summary,
}

impl<'a> Data<'a> {
    pub fn points(&self) -> impl Iterator<Item = Point<'a>> + use<'a> {
        let kind = self.kind;
        children(self.raw, 1).map(move |raw| Point { raw, kind })
    }
}

/// One data point of any kind; what its kind does not have is empty.
#[derive(Clone, Copy, Debug)]
pub struct Point<'a> {
    raw: &'a [u8],
    /// Each kind numbers its fields in its own way.
    kind: DataKind,
}

impl<'a> Point<'a> {
    pub fn attributes(&self) -> impl Iterator<Item = KeyValue<'a>> + use<'a> {
        let number = match self.kind {
            DataKind::Gauge | DataKind::Sum { .. } | DataKind::Summary => 7,
            DataKind::Histogram => 9,
            DataKind::ExponentialHistogram => 1,
        };
        key_values(self.raw, number)
    }

    pub fn start_ns(&self) -> u64 {
        int(self.raw, 2)
    }

    pub fn time_ns(&self) -> u64 {
        int(self.raw, 3)
    }

    /// True where the point says only that there is no value any more.
    pub fn is_stale(&self) -> bool {
        let flags = match self.kind {
            DataKind::Histogram | DataKind::ExponentialHistogram => 10,
            DataKind::Gauge | DataKind::Sum { .. } | DataKind::Summary => 8,
        };
        int(self.raw, flags) & 1 == 1
    }

    /// The value of a gauge or a sum.
    pub fn number(&self) -> f64 {
        let value = fields(self.raw).find(|field| matches!(field.number, 4 | 6));
        value.map_or(0.0, |field| match field.number {
            4 => f64::from_bits(field.int()),
            _ => field.int() as i64 as f64,
        })
    }

    pub fn count(&self) -> u64 {
        int(self.raw, 4)
    }

    pub fn sum(&self) -> f64 {
        f64::from_bits(int(self.raw, 5))
    }

    /// Of a histogram; one more than bounds.
    pub fn bucket_counts(&self) -> Vec<u64> {
        list(self.raw, 6, fixed64)
    }

    pub fn explicit_bounds(&self) -> Vec<f64> {
        list(self.raw, 7, fixed64).into_iter().map(f64::from_bits).collect()
    }

    pub fn scale(&self) -> i32 {
        zigzag(int(self.raw, 6))
    }

    pub fn zero_count(&self) -> u64 {
        int(self.raw, 7)
    }

    pub fn zero_threshold(&self) -> f64 {
        f64::from_bits(int(self.raw, 14))
    }

    pub fn positive(&self) -> Buckets {
        Buckets::new(self.raw, 8)
    }

    pub fn negative(&self) -> Buckets {
        Buckets::new(self.raw, 9)
    }

    /// Quantiles of a summary with their values.
    pub fn quantiles(&self) -> impl Iterator<Item = (f64, f64)> + use<'a> {
        children(self.raw, 6).map(|raw| (f64::from_bits(int(raw, 1)), f64::from_bits(int(raw, 2))))
    }

    /// A summary has none.
    pub fn exemplars(&self) -> impl Iterator<Item = Exemplar<'a>> + use<'a> {
        let number = match self.kind {
            DataKind::Gauge | DataKind::Sum { .. } => 5,
            DataKind::Histogram => 8,
            DataKind::ExponentialHistogram => 11,
            DataKind::Summary => NO_FIELD,
        };
        children(self.raw, number).map(Exemplar::new)
    }
}

/// A number that no field has (`fields_of` uses 0 for those that it passes over).
const NO_FIELD: u32 = u32::MAX;

/// Buckets of an exponential histogram.
#[derive(Clone, Default, PartialEq, Eq, Debug)]
pub struct Buckets {
    pub offset: i32,
    pub counts: Vec<u64>,
}

impl Buckets {
    fn new(point: &[u8], number: u32) -> Self {
        let raw = children(point, number).next().unwrap_or_default();
        Self { offset: zigzag(int(raw, 1)), counts: list(raw, 2, |reader| reader.varint().ok()) }
    }
}

/// A measurement that a point was made of, and the span that it belongs to.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Exemplar<'a> {
    pub time_ns: u64,
    pub value: f64,
    pub trace_id: &'a [u8],
    pub span_id: &'a [u8],
}

impl<'a> Exemplar<'a> {
    fn new(raw: &'a [u8]) -> Self {
        let mut exemplar = Self::default();
        for field in fields(raw) {
            match field.number {
                2 => exemplar.time_ns = field.int(),
                3 => exemplar.value = f64::from_bits(field.int()),
                4 => exemplar.span_id = field.bytes(),
                5 => exemplar.trace_id = field.bytes(),
                6 => exemplar.value = field.int() as i64 as f64,
                _ => {}
            }
        }
        exemplar
    }
}

/// A list of numbers, packed or not.
fn list(raw: &[u8], number: u32, read: impl Fn(&mut Reader<'_>) -> Option<u64>) -> Vec<u64> {
    let mut all = Vec::new();
    for field in fields(raw).filter(|field| field.number == number) {
        match field.content {
            Content::Len(packed) => {
                let mut reader = Reader::new(packed);
                while !reader.is_empty() {
                    let Some(value) = read(&mut reader) else { break };
                    all.push(value);
                }
            }
            _ => all.push(Field::int(&field)),
        }
    }
    all
}

fn fixed64(reader: &mut Reader<'_>) -> Option<u64> {
    reader.fixed64().ok()
}

fn zigzag(value: u64) -> i32 {
    let value = value as u32;
    (value >> 1) as i32 ^ -((value & 1) as i32)
}
