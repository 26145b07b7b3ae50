//! Questions from protobuf bytes. What is not known is passed over; what is broken is refused.

use std::collections::BTreeMap;

use flow::wire::{Content, Field};

use crate::grpc::Wrong;
pub(super) use crate::grpc::{bytes, fields, text};
use crate::jaeger::question::TraceQuery;

/// Tags of a question.
const MOST_TAGS: usize = 64;

/// Nanoseconds of a `Timestamp` or a `Duration`; 0 where there is none or it is before its beginning.
pub(super) fn time(fields: &[Field<'_>], number: u32) -> Result<u64, Wrong> {
    let inner = self::fields(bytes(fields, number))?;
    let int = |number| {
        let of = inner.iter().rev().find(|field| field.number == number);
        match of.map(|field| field.content) {
            Some(Content::Varint(value)) => value as i64,
            _ => 0,
        }
    };
    let (seconds, nanos) = (u64::try_from(int(1)).unwrap_or(0), u64::try_from(int(2)).unwrap_or(0));
    Ok(seconds.saturating_mul(1_000_000_000).saturating_add(nanos))
}

/// `TraceQueryParameters`, which both generations number alike.
pub(super) fn query(bytes: &[u8]) -> Result<TraceQuery, Wrong> {
    let fields = fields(bytes)?;
    if fields.iter().any(|field| field.number == 10) {
        return Err(Wrong::new(12, "`filter` is not supported; ask with `attributes`"));
    }
    let mut tags = BTreeMap::new();
    for entry in fields.iter().filter(|field| field.number == 3) {
        let entry = self::fields(entry.bytes())?;
        tags.insert(text(&entry, 1).to_owned(), text(&entry, 2).to_owned());
    }
    if tags.len() > MOST_TAGS {
        return Err(Wrong::invalid(format!("more than {MOST_TAGS} tags")));
    }
    let depth = fields.iter().rev().find(|field| field.number == 8).map_or(0, Field::int);
    Ok(TraceQuery {
        service: text(&fields, 1).to_owned(),
        operation: text(&fields, 2).to_owned(),
        tags,
        from: time(&fields, 4)?,
        to: time(&fields, 5)?,
        shortest: time(&fields, 6)?,
        longest: time(&fields, 7)?,
        depth: usize::try_from(depth as i32).unwrap_or(0),
    })
}
