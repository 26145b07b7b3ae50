//! The methods of `jaeger.api_v3.QueryService`, whose spans are OTLP.

use std::ops::ControlFlow;
use std::sync::Arc;

use axum::response::Response;
use flow::wire::{put_fixed64, put_len, put_nested, put_varint_field};
use store_api::find::Operations;
use store_api::to_otlp::to_otlp;
use store_api::{Questions, Span};

use super::read::{self, fields, text};
use super::{ask, ask_much, lists, portions};
use crate::api::Api;
use crate::asked::trace_id;
use crate::error::ApiError;
use crate::grpc::{Messages, Wrong};
use crate::jaeger::answer::{Gathered, Summary};
use crate::jaeger::question::{self, TraceQuery};
use crate::jaeger::v3::kind_name;
use crate::query::LIMITS;

pub(super) async fn answer(api: &Api, method: &str, question: &[u8]) -> Result<Response, Wrong> {
    let fields = fields(question)?;
    match method {
        "GetServices" => ask(api, lists::services(api)).await,
        "GetOperations" => ask(api, operations(api, text(&fields, 1), text(&fields, 2))).await,
        "GetTrace" => {
            let id = trace_id(text(&fields, 1))?;
            ask_much(api, async {
                let missing =
                    || ApiError::not_found("trace not found", "spans are kept as long as `retention` says");
                let found = api.store().trace(id, LIMITS).await?.ok_or_else(missing)?;
                Ok(move || data(&found.spans))
            })
            .await
        }
        "FindTraces" => {
            let query = read::query(read::bytes(&fields, 1))?;
            let (find, depth) = (query.find()?, query.depth());
            ask_much(api, async {
                let taken =
                    api.store().find(find, Gathered::default(), move |taken, hit| taken.add(hit, depth));
                let (gathered, _) = taken.await?;
                Ok(move || gathered.traces.iter().flat_map(|trace| data(&trace.spans)).collect())
            })
            .await
        }
        "FindTraceSummaries" => {
            let query = read::query(read::bytes(&fields, 1))?;
            ask(api, summaries(api, &query)).await
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
    for (name, kind) in &found.0 {
        put_nested(&mut message, 1, |out| {
            put_len(out, 1, name.as_bytes());
            put_len(out, 2, kind_name(*kind).as_bytes());
        });
    }
    Ok(vec![message])
}

/// `TracesData` in portions.
fn data(spans: &[Arc<Span>]) -> Messages {
    portions(spans).into_iter().map(to_otlp).collect()
}

async fn summaries(api: &Api, query: &TraceQuery) -> Result<Messages, ApiError> {
    let depth = query.depth();
    let taken = api.store().find(query.find()?, Vec::new(), move |taken, hit| {
        taken.push(Summary::of(hit.trace_id, hit.tree));
        if taken.len() < depth { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
    });
    let (found, _) = taken.await?;
    let mut message = Vec::new();
    found.iter().for_each(|one| put_nested(&mut message, 1, |out| summary(out, one)));
    Ok(vec![message])
}

fn summary(out: &mut Vec<u8>, summary: &Summary) {
    put_len(out, 1, summary.trace_id.as_bytes());
    put_len(out, 2, summary.root_service_name.as_bytes());
    put_len(out, 3, summary.root_operation_name.as_bytes());
    put_fixed64(out, 4, summary.min_start_time_unix_nano);
    put_fixed64(out, 5, summary.max_end_time_unix_nano);
    put_varint_field(out, 6, summary.span_count);
    put_varint_field(out, 7, summary.error_span_count);
    put_varint_field(out, 8, summary.orphan_span_count);
    for service in &summary.services {
        put_nested(out, 9, |out| {
            put_len(out, 1, service.name.as_bytes());
            put_varint_field(out, 2, service.span_count);
            put_varint_field(out, 3, service.error_span_count);
        });
    }
}
