//! The methods of `jaeger.api_v2.QueryService`.

use std::sync::Arc;

use axum::response::Response;
use flow::wire::{put_len, put_nested};
use store_api::find::Operations;
use store_api::{Questions, Span};
use throughline_context::TraceId;

use super::read::{self, fields, text};
use super::{ask, ask_much, lists, model, portions};
use crate::api::Api;
use crate::asked::trace_id;
use crate::error::ApiError;
use crate::grpc::{Messages, Wrong};
use crate::jaeger::answer::Gathered;
use crate::jaeger::question;
use crate::query::LIMITS;

pub(super) async fn answer(api: &Api, method: &str, question: &[u8]) -> Result<Response, Wrong> {
    let fields = fields(question)?;
    match method {
        "GetServices" => ask(api, lists::services(api)).await,
        "GetOperations" => ask(api, operations(api, text(&fields, 1), text(&fields, 2))).await,
        "GetTrace" => {
            let id = of_bytes(read::bytes(&fields, 1))?;
            ask_much(api, trace(api, id)).await
        }
        "FindTraces" => {
            let query = read::query(read::bytes(&fields, 1))?;
            let (find, depth) = (query.find()?, query.depth());
            ask_much(api, async {
                let taken =
                    api.store().find(find, Gathered::default(), move |taken, hit| taken.add(hit, depth));
                let (gathered, _) = taken.await?;
                Ok(move || gathered.traces.iter().flat_map(|trace| chunks(&trace.spans)).collect())
            })
            .await
        }
        "GetDependencies" => {
            let range = lists::range(&fields)?;
            ask(api, lists::dependencies(api, range)).await
        }
        other => Err(Wrong::unimplemented(other)),
    }
}

async fn operations(api: &Api, service: &str, kind: &str) -> Result<Messages, ApiError> {
    let find = question::operations(service, kind);
    let (found, _) = api.store().find(find, Operations::default(), Operations::add).await?;
    let mut message = Vec::new();
    let mut names: Vec<&str> = found.0.iter().map(|(name, _)| name.as_str()).collect();
    names.dedup();
    names.iter().for_each(|name| put_len(&mut message, 1, name.as_bytes()));
    for (name, kind) in &found.0 {
        put_nested(&mut message, 2, |out| {
            put_len(out, 1, name.as_bytes());
            put_len(out, 2, kind.name().as_bytes());
        });
    }
    Ok(vec![message])
}

async fn trace(api: &Api, id: TraceId) -> Result<impl FnOnce() -> Messages + Send + use<>, ApiError> {
    let missing = || ApiError::not_found("trace not found", "spans are kept as long as `retention` says");
    let found = api.store().trace(id, LIMITS).await?.ok_or_else(missing)?;
    Ok(move || chunks(&found.spans))
}

/// `SpansResponseChunk`s.
fn chunks(spans: &[Arc<Span>]) -> Messages {
    let chunk = |spans: &[Arc<Span>]| {
        let mut chunk = Vec::new();
        spans.iter().for_each(|span| put_nested(&mut chunk, 1, |out| model::span(out, span)));
        chunk
    };
    portions(spans).into_iter().map(chunk).collect()
}

/// 16 bytes, or the last 8 of an id of 64 bits.
fn of_bytes(bytes: &[u8]) -> Result<TraceId, Wrong> {
    let digits: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    Ok(trace_id(&digits)?)
}
