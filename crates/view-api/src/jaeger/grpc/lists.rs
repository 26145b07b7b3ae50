//! Lists that both generations write alike.

use flow::wire::{Field, put_len, put_nested, put_varint_field};
use store_api::find::Calls;
use store_api::{Questions, Range};

use super::read;
use crate::api::{Api, now_ns};
use crate::error::ApiError;
use crate::grpc::{Messages, Wrong};
use crate::jaeger::question;
use crate::query::LIMITS;

pub(super) async fn services(api: &Api) -> Result<Messages, ApiError> {
    let (services, _) = api.store().services(Range::ALL, LIMITS).await?;
    let mut message = Vec::new();
    services.0.iter().for_each(|name| put_len(&mut message, 1, name.as_bytes()));
    Ok(vec![message])
}

/// Of a question for dependencies; without an end, until now.
pub(super) fn range(fields: &[Field<'_>]) -> Result<Range, Wrong> {
    let (from, to) = (read::time(fields, 1)?, read::time(fields, 2)?);
    Ok(Range { from, to: if to == 0 { now_ns() } else { to } })
}

pub(super) async fn dependencies(api: &Api, range: Range) -> Result<Messages, ApiError> {
    let (calls, _) = api.store().find(question::dependencies(range), Calls::default(), Calls::add).await?;
    let mut message = Vec::new();
    for ((parent, child), count) in &calls.0 {
        put_nested(&mut message, 1, |out| {
            put_len(out, 1, parent.as_bytes());
            put_len(out, 2, child.as_bytes());
            put_varint_field(out, 3, *count);
        });
    }
    Ok(vec![message])
}
