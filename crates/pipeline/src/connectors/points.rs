//! Aggregates as OTLP metric bytes.

use flow::otlp::attributes::encode_value;
use flow::otlp::split::split;
use flow::otlp::view::Value;
use flow::wire::{WireType, fields, put_fixed64, put_len, put_nested, put_tag, put_varint, put_varint_field};
use flow::{Payload, Signal};

use super::distribution::{Buckets, Distribution, Exemplar};
use super::exponential::Exponential;

/// Points of one batch; a peer that reads 4 MiB at a time takes so many.
const MOST_POINTS: usize = 4096;

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Temporality {
    Delta = 1,
    Cumulative = 2,
}

/// A request that is being written.
#[derive(Default)]
pub(super) struct Metrics {
    out: Vec<u8>,
    points: usize,
}

/// What all points of a metric have in common.
pub(super) struct Head<'a> {
    pub(super) name: &'a str,
    pub(super) description: &'a str,
    pub(super) unit: &'a str,
    pub(super) temporality: Temporality,
}

/// Whose point, and of what time.
#[derive(Clone, Copy)]
pub(super) struct Of<'a> {
    /// As [`put_attribute`] writes them.
    pub(super) attributes: &'a [u8],
    pub(super) start_ns: u64,
    pub(super) time_ns: u64,
    pub(super) exemplars: &'a [Exemplar],
}

impl Metrics {
    /// Batches of a size that everybody takes.
    pub(super) fn batches(self) -> Vec<(Payload, usize)> {
        let payload = Payload::from(self.out);
        match self.points {
            0 => Vec::new(),
            points if points <= MOST_POINTS => vec![(payload, points)],
            _ => split(Signal::Metrics, &payload, MOST_POINTS),
        }
    }

    /// One resource (its attributes as [`put_attribute`] writes them) with one scope.
    pub(super) fn resource(&mut self, attributes: &[u8], scope: &str, metrics: impl FnOnce(&mut Scope<'_>)) {
        let points = &mut self.points;
        put_nested(&mut self.out, 1, |out| {
            put_nested(out, 1, |out| out.extend_from_slice(attributes));
            put_nested(out, 2, |out| {
                put_nested(out, 1, |out| put_len(out, 1, scope.as_bytes()));
                metrics(&mut Scope { out, points });
            });
        });
    }
}

pub(super) struct Scope<'m> {
    out: &'m mut Vec<u8>,
    points: &'m mut usize,
}

impl Scope<'_> {
    /// A counter.
    pub(super) fn sum<'p>(&mut self, head: &Head<'_>, points: impl Iterator<Item = (Of<'p>, u64)>) {
        let mut points = points.peekable();
        if points.peek().is_none() {
            return;
        }
        self.metric(head, 7, |out, count| {
            for (of, value) in points {
                put_nested(out, 1, |out| {
                    put_fixed64(out, 2, of.start_ns);
                    put_fixed64(out, 3, of.time_ns);
                    put_exemplars(out, 5, of.exemplars);
                    put_fixed64(out, 6, value);
                    put_attributes(out, 7, of.attributes);
                });
                *count += 1;
            }
            put_varint_field(out, 2, head.temporality as u64);
            put_varint_field(out, 3, 1);
        });
    }

    /// Histograms of one shape.
    pub(super) fn histogram<'p>(
        &mut self,
        head: &Head<'_>,
        points: impl Iterator<Item = (Of<'p>, &'p Distribution)>,
    ) {
        let mut points = points.peekable();
        let Some((_, first)) = points.peek() else { return };
        let field = match first.buckets {
            Buckets::Explicit { .. } => 9,
            Buckets::Exponential(_) => 10,
        };
        self.metric(head, field, |out, count| {
            for (of, distribution) in points {
                put_nested(out, 1, |out| put_distribution(out, &of, distribution));
                *count += 1;
            }
            put_varint_field(out, 2, head.temporality as u64);
        });
    }

    fn metric(&mut self, head: &Head<'_>, kind: u32, data: impl FnOnce(&mut Vec<u8>, &mut usize)) {
        let points = &mut *self.points;
        put_nested(self.out, 2, |out| {
            put_len(out, 1, head.name.as_bytes());
            put_len(out, 2, head.description.as_bytes());
            if !head.unit.is_empty() {
                put_len(out, 3, head.unit.as_bytes());
            }
            put_nested(out, kind, |out| data(out, points));
        });
    }
}

/// Writes one attribute of a resource or a point.
pub(super) fn put_attribute(out: &mut Vec<u8>, key: &str, value: &Value<'_>) {
    put_nested(out, 1, |out| {
        put_len(out, 1, key.as_bytes());
        put_nested(out, 2, |out| encode_value(value, out));
    });
}

/// Each kind of point has another number for its attributes.
fn put_attributes(out: &mut Vec<u8>, number: u32, attributes: &[u8]) {
    for attribute in fields(attributes) {
        put_len(out, number, attribute.bytes());
    }
}

fn put_distribution(out: &mut Vec<u8>, of: &Of<'_>, distribution: &Distribution) {
    put_fixed64(out, 2, of.start_ns);
    put_fixed64(out, 3, of.time_ns);
    put_fixed64(out, 4, distribution.count);
    put_fixed64(out, 5, distribution.sum.to_bits());
    match &distribution.buckets {
        Buckets::Explicit { bounds, counts } => {
            put_packed(out, 6, counts.iter().copied());
            put_packed(out, 7, bounds.iter().map(|bound| bound.to_bits()));
            put_exemplars(out, 8, of.exemplars);
            put_attributes(out, 9, of.attributes);
        }
        Buckets::Exponential(exponential) => {
            put_exponential(out, exponential);
            put_exemplars(out, 11, of.exemplars);
            put_attributes(out, 1, of.attributes);
        }
    }
}

fn put_exponential(out: &mut Vec<u8>, exponential: &Exponential) {
    put_varint_field(out, 6, zigzag(exponential.scale));
    put_fixed64(out, 7, exponential.zeros);
    put_nested(out, 8, |out| {
        put_varint_field(out, 1, zigzag(exponential.offset));
        put_nested(out, 2, |out| exponential.counts.iter().for_each(|count| put_varint(out, *count)));
    });
}

fn put_packed(out: &mut Vec<u8>, number: u32, values: impl ExactSizeIterator<Item = u64>) {
    put_tag(out, number, WireType::Len);
    put_varint(out, 8 * values.len() as u64);
    for value in values {
        out.extend_from_slice(&value.to_le_bytes());
    }
}

fn put_exemplars(out: &mut Vec<u8>, number: u32, exemplars: &[Exemplar]) {
    for exemplar in exemplars {
        put_nested(out, number, |out| {
            put_fixed64(out, 2, exemplar.time_ns);
            put_fixed64(out, 3, exemplar.value.to_bits());
            put_len(out, 4, &exemplar.span_id);
            put_len(out, 5, &exemplar.trace_id);
        });
    }
}

fn zigzag(value: i32) -> u64 {
    u64::from(((value << 1) ^ (value >> 31)) as u32)
}
