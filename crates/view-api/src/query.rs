//! From query parameters to a question.

use axum::extract::Query;
use axum::extract::rejection::QueryRejection;
use flow::config::GoDuration;
use serde::Deserialize;
use store_api::time::parse_rfc3339;
use store_api::{Filter, Limits, Misread, Range, Recent, Search, hops};
use utoipa::{IntoParams, ToSchema};

use crate::error::ApiError;

/// Interactions on one page, unless asked for others.
const PAGE: usize = 50;
const LARGEST_PAGE: usize = 500;
/// Interactions in one table.
const LARGEST_TABLE: usize = 10_000;

/// How much one question may bring to light: what a browser can still show.
pub(crate) const LIMITS: Limits = Limits { spans: 20_000, bytes: 32 << 20, traces: 50_000 };
/// In outline, which takes a fiftieth of the room.
pub(crate) const OUTLINE_LIMITS: Limits = Limits { spans: 60_000, bytes: 96 << 20, ..LIMITS };

/// Who leaves a queue sooner did not really wait.
pub(crate) const SHORT_ABANDON_NS: u64 = 5_000_000_000;

/// All are optional, and empty means absent.
#[derive(Deserialize, IntoParams, Default, Debug)]
#[serde(default, deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct Parameters {
    /// Started at this time or later: RFC 3339, or nanoseconds since 1970.
    #[param(example = "2026-11-20T09:00:00Z")]
    from: Option<String>,
    /// Started before this time: RFC 3339, or nanoseconds since 1970.
    to: Option<String>,
    /// Words and terms that must all hold: any id, part of the name of a queue, an agent or a service, `queue=billing*`,
    /// `-outcome=handled`, `hold>30s`, `waited=1m..3m`, `http.response.status_code>=500`, `OR`, `NOT`, parentheses.
    #[param(example = "region=eu-west-1 hold>30s")]
    q: Option<String>,
    /// Has this stage: setup, ivr, action, queue, alert, talk, hold, park, consult, transfer, voicemail or wrapup.
    stage: Option<String>,
    region: Option<String>,
    queue: Option<String>,
    channel: Option<String>,
    outcome: Option<String>,
    /// The id of an agent.
    agent: Option<String>,
    service: Option<String>,
    /// Took at least this long: `1.5s`, `200ms`, or nanoseconds.
    #[param(example = "1m30s")]
    min_duration: Option<String>,
    /// `true`: only interactions with a failed span.
    errors: Option<String>,
    /// Interactions on one page, 1 to 500; 50 if absent. In a table 1 to 10000; 10000 if absent.
    limit: Option<String>,
    /// `next_cursor` of the page before, or the header `throughline-next-cursor` of the table before.
    cursor: Option<String>,
    /// `json`, or `csv` for a table with a line for each interaction and times in seconds; `json` if absent.
    format: Option<String>,
}

/// How a list is written.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Format {
    Json,
    Csv,
}

/// How one interaction is told.
#[derive(Deserialize, IntoParams, Default, Debug)]
#[serde(default, deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct DetailParameters {
    /// Where there are more spans than so many, `outline` stands in place of `spans`; 0 for always.
    #[param(example = "5000")]
    outline_above: Option<String>,
}

impl DetailParameters {
    pub(crate) fn outline_above(self) -> Result<Option<usize>, ApiError> {
        parsed("outline_above", given(self.outline_above))
    }
}

/// The look for hops goes through so many spans: a question may leave the time open.
const HOP_SPANS: usize = 100_000;

/// Of which hops. All are optional, and empty means absent.
#[derive(Deserialize, IntoParams, Default, Debug)]
#[serde(default, deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct HopParameters {
    /// Requests that arrived at this time or later: RFC 3339, or nanoseconds since 1970. Whatever the range, the newest 100 000
    /// spans of it are looked at.
    #[param(example = "2026-11-20T09:00:00Z")]
    from: Option<String>,
    /// Requests that arrived before this time: RFC 3339, or nanoseconds since 1970.
    to: Option<String>,
    /// Only hops from or to this service.
    service: Option<String>,
}

/// Of attributes. All are optional, and empty means absent.
#[derive(Deserialize, IntoParams, Default, Debug)]
#[serde(default, deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct AttributeParameters {
    /// Of spans that started at this time or later: RFC 3339, or nanoseconds since 1970.
    #[param(example = "2026-11-20T09:00:00Z")]
    pub(crate) from: Option<String>,
    /// Of spans that started before this time: RFC 3339, or nanoseconds since 1970.
    pub(crate) to: Option<String>,
    /// `span`, `resource`, `scope`, `event` or `link`.
    pub(crate) level: Option<String>,
    /// Only keys with this text in them.
    #[param(example = "http.")]
    pub(crate) key: Option<String>,
}

/// Of the audit. All are optional, and empty means absent.
#[derive(Deserialize, IntoParams, Default, Debug)]
#[serde(default, deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct AuditParameters {
    /// Earlier than this: RFC 3339, or nanoseconds since 1970.
    pub(crate) before: Option<String>,
    /// 1 to 1000; 100 if absent.
    pub(crate) limit: Option<String>,
}

/// Of links by hand.
#[derive(Deserialize, IntoParams, Default, Debug)]
#[serde(default, deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct LinksParameters {
    /// The id of an interaction or of a trace; all links if absent.
    pub(crate) of: Option<String>,
}

#[derive(Deserialize, IntoParams, ToSchema, Default, Debug)]
#[serde(default, deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct SqlParameters {
    /// One statement that reads: SELECT, WITH, SHOW TABLES, SHOW COLUMNS, DESCRIBE, EXPLAIN.
    #[param(example = "SELECT queue, count(*) FROM spans WHERE stage = 'queue' GROUP BY queue")]
    pub(crate) query: String,
    /// `json` (`columns` with names and types, `rows` as lists; whole numbers that a double cannot hold are text),
    /// `csv`, `arrow` (IPC stream), `parquet`, or `otlp-json` of whole rows of `spans`; `json` if absent.
    pub(crate) format: Option<String>,
    /// An answer with more rows is refused; 10000 if absent.
    pub(crate) max_rows: Option<u64>,
    /// A question that takes longer is refused; 30 if absent.
    pub(crate) max_seconds: Option<u64>,
    /// A question that looks into more files here is refused; 20000 if absent, and the store may allow less.
    pub(crate) max_files: Option<u64>,
    /// A question that reads more MiB of files here is refused; 16384 if absent, and the store may allow less.
    pub(crate) max_scanned_mib: Option<u64>,
    /// Where it is worked out, if the store has a cluster: `here`, `cluster`, or `either`, which goes by how many spans it
    /// may be about; `either` if absent. The header `throughline-worked` of the answer says where it was.
    pub(crate) on: Option<String>,
}

pub(crate) fn read<T>(parameters: Result<Query<T>, QueryRejection>) -> Result<T, ApiError> {
    let Query(parameters) = parameters.map_err(|rejected| {
        let why = rejected.body_text();
        let why = why.strip_prefix("Failed to deserialize query string: ").unwrap_or(&why);
        ApiError::bad_request(why, "the parameters are described at /api/openapi.json")
    })?;
    Ok(parameters)
}

pub(crate) fn question(parameters: Parameters) -> Result<(Recent, Format), ApiError> {
    let format = match given(parameters.format).as_deref() {
        None | Some("json") => Format::Json,
        Some("csv") => Format::Csv,
        Some(other) => {
            return Err(ApiError::bad_request(format!("`format` is `{other}`"), "write `json` or `csv`"));
        }
    };
    let range = range(parameters.from, parameters.to)?;
    let filter = Filter {
        q: given(parameters.q).map(|q| searched(&q)).transpose()?.flatten(),
        stage: parsed("stage", given(parameters.stage))?,
        region: given(parameters.region),
        queue: given(parameters.queue),
        channel: given(parameters.channel),
        outcome: given(parameters.outcome),
        agent: given(parameters.agent),
        service: given(parameters.service),
        min_duration_ns: given(parameters.min_duration)
            .map(|text| duration("min_duration", &text))
            .transpose()?,
        errors: parsed("errors", given(parameters.errors))?.unwrap_or(false),
    };
    let (usual, most) = match format {
        Format::Json => (PAGE, LARGEST_PAGE),
        Format::Csv => (LARGEST_TABLE, LARGEST_TABLE),
    };
    let limit = parsed("limit", given(parameters.limit))?.unwrap_or(usual);
    if !(1..=most).contains(&limit) {
        let help = format!("ask for 1 to {most} interactions, and for more with `cursor`");
        return Err(ApiError::bad_request(format!("`limit` is {limit}"), help));
    }
    let cursor = parsed("cursor", given(parameters.cursor))?;
    Ok((Recent { range, filter, limit, cursor, limits: LIMITS }, format))
}

pub(crate) fn hops(parameters: HopParameters) -> Result<hops::Question, ApiError> {
    let range = range(parameters.from, parameters.to)?;
    Ok(hops::Question { range, service: given(parameters.service), spans: HOP_SPANS, limits: LIMITS })
}

pub(crate) fn searched(text: &str) -> Result<Option<Search>, ApiError> {
    let text = text.trim();
    let search = (!text.is_empty()).then(|| text.parse()).transpose();
    search.map_err(|wrong: Misread| ApiError::bad_request(format!("`q`: {wrong}"), wrong.help))
}

pub(crate) fn given(text: Option<String>) -> Option<String> {
    text.filter(|text| !text.is_empty())
}

pub(crate) fn range(from: Option<String>, to: Option<String>) -> Result<Range, ApiError> {
    let (from, to) = (time("from", given(from))?, time("to", given(to))?);
    let range = Range { from: from.unwrap_or(Range::ALL.from), to: to.unwrap_or(Range::ALL.to) };
    if range.from > range.to {
        return Err(ApiError::bad_request("`from` is later than `to`", "exchange them"));
    }
    Ok(range)
}

pub(crate) fn time(name: &str, text: Option<String>) -> Result<Option<u64>, ApiError> {
    let Some(text) = text else { return Ok(None) };
    let ns = text.parse().ok().or_else(|| parse_rfc3339(&text));
    let help =
        "write a time as in `2026-11-20T09:00:00Z` or in nanoseconds since 1970; a `+` in a URL is `%2B`";
    ns.map(Some).ok_or_else(|| ApiError::bad_request(format!("`{name}` is not a time: `{text}`"), help))
}

pub(crate) fn duration(name: &str, text: &str) -> Result<u64, ApiError> {
    if let Ok(ns) = text.parse() {
        return Ok(ns);
    }
    let duration = GoDuration::read(text).map_err(|why| {
        ApiError::bad_request(format!("`{name}`: {why}"), "write it as in `1.5s` or `200ms`")
    })?;
    Ok(u64::try_from(duration.get().as_nanos()).unwrap_or(u64::MAX))
}

pub(crate) fn parsed<T>(name: &str, text: Option<String>) -> Result<Option<T>, ApiError>
where
    T: std::str::FromStr<Err: std::fmt::Display>,
{
    let Some(text) = text else { return Ok(None) };
    text.parse().map(Some).map_err(|error: T::Err| {
        ApiError::bad_request(
            format!("`{name}`: {error}"),
            "the parameters are described at /api/openapi.json",
        )
    })
}
