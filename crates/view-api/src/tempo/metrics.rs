//! Numbers over time, and one number for a whole time.

use axum::extract::State;
use axum::response::Response;
use serde_json::{Map, Value as Json, json};
use store_api::find::{Extent, Find};
use store_api::{Questions, Range};

use super::axis::{Axis, usual_step};
use super::series::{Exemplar, Line, Series};
use super::{Wrong, any};
use crate::api::{Api, now_ns, text, written};
use crate::asked::{self, Asked};
use crate::error::ApiError;
use crate::query::LIMITS;
use crate::traceql::{self, Query};

/// How far back, unless the question says.
const HOUR: u64 = 3600 * 1_000_000_000;
/// Spans looked at for one answer.
const LOOK_AT: usize = 2_000_000;
/// Exemplars of a series.
const EXEMPLARS: usize = 100;

pub(super) async fn range(State(api): State<Api>, asked: Asked) -> Result<Response, Wrong> {
    let (query, range) = question(&asked)?;
    let step = asked.read(&["step"], asked::duration, "seconds, or a duration as in `30s`")?;
    let axis = Axis::new(range, step.filter(|step| *step > 0).unwrap_or_else(|| usual_step(range)))?;
    let exemplars =
        asked.count(&["exemplars"])?.filter(|count| *count > 0).unwrap_or(EXEMPLARS).min(EXEMPLARS);
    answer(&api, query, axis, exemplars, move |line| {
        let samples = line.samples.iter().enumerate();
        let samples: Vec<Json> = samples
            .filter_map(|(at, value)| {
                let ms = axis.start_ns(at) / 1_000_000;
                Some(json!({"timestampMs": ms.to_string(), "value": any::double((*value)?)}))
            })
            .collect();
        let exemplars: Vec<Json> = line.exemplars.iter().map(exemplar).collect();
        Some(json!({"labels": labels(line), "samples": samples, "exemplars": exemplars}))
    })
    .await
}

pub(super) async fn instant(State(api): State<Api>, asked: Asked) -> Result<Response, Wrong> {
    let (query, range) = question(&asked)?;
    answer(&api, query, Axis::whole(range), 0, |line| {
        let value = line.samples.first().copied().flatten()?;
        Some(json!({"labels": labels(line), "value": any::double(value)}))
    })
    .await
}

fn question(asked: &Asked) -> Result<(Query, Range), Wrong> {
    let missing = || ApiError::bad_request("`q` is missing", "write it as in `{} | rate()`");
    let query = traceql::parse(asked.get(&["q", "query"]).ok_or_else(missing)?)?;
    if query.metric.is_none() {
        let help = "end it as in `{} | rate()`; traces are searched for at /api/search";
        return Err(ApiError::bad_request("the query asks for no numbers over time", help).into());
    }
    let to = asked.time(&["end"])?.unwrap_or_else(now_ns);
    let back = asked.duration(&["since"])?.unwrap_or(HOUR);
    let from = asked.time(&["start"])?.unwrap_or_else(|| to.saturating_sub(back));
    if from >= to {
        return Err(ApiError::bad_request("the start is not before the end", "exchange them").into());
    }
    Ok((query, Range { from, to }))
}

async fn answer(
    api: &Api,
    query: Query,
    axis: Axis,
    exemplars: usize,
    shown: impl Fn(&Line) -> Option<Json> + Send + 'static,
) -> Result<Response, Wrong> {
    let find = Find { range: axis.range(), spans: query.spans.clone(), look_at: LOOK_AT, limits: LIMITS };
    let asked = api.ask(async {
        let series = Series::new(query, axis, exemplars);
        let (mut series, extent) = api.store().find(find, series, Series::add).await?;
        written(move || {
            let lines: Vec<Json> = series.lines().iter().filter_map(shown).collect();
            let mut body = Map::new();
            body.insert("series".to_owned(), lines.into());
            let looked_at = u32::try_from(extent.traces).unwrap_or(u32::MAX);
            body.insert("metrics".to_owned(), json!({"inspectedTraces": looked_at}));
            if let Some(message) = cut(&series, &extent) {
                body.insert("status".to_owned(), "PARTIAL".into());
                body.insert("message".to_owned(), message.into());
            }
            text(&body)
        })
        .await
    });
    Ok(asked.await?)
}

fn cut(series: &Series, extent: &Extent) -> Option<String> {
    if series.cut {
        return Some("there are more series or numbers than fit into an answer; ask for fewer".to_owned());
    }
    extent.truncated.then(|| {
        format!("only the newest {} traces were looked at; ask for a shorter time range", extent.traces)
    })
}

fn labels(line: &Line) -> Vec<Json> {
    line.labels.iter().map(|(key, value)| any::key_value(key, value)).collect()
}

fn exemplar(exemplar: &Exemplar) -> Json {
    json!({
        "labels": [any::key_value("trace:id", &exemplar.trace_id.to_string().as_str().into())],
        "value": any::double(exemplar.value),
        "timestampMs": (exemplar.start_ns / 1_000_000).to_string(),
    })
}
