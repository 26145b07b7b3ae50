//! Pages of records: from a job, or from the query.

use std::time::Duration;

use bytes::Bytes;
use http::Method;
use serde::Deserialize;
use serde::de::{DeserializeOwned, IgnoredAny};
use serde_json::json;
use tokio::time::{Instant, sleep};

use super::state::State;
use crate::notify::escaped;
use crate::platform::{Code, Platform, PlatformError};
use crate::time::{iso, written};

const JOBS: &str = "/api/v2/analytics/conversations/details/jobs";
const QUERY: &str = "/api/v2/analytics/conversations/details/query";
const FIRST_WAIT: Duration = Duration::from_secs(1);
const LONGEST_WAIT: Duration = Duration::from_secs(30);
/// How long a job may take.
const PATIENCE: Duration = Duration::from_secs(3600);
/// The query gives no more than this of one interval.
const QUERY_MOST: u64 = 100_000;
/// The query gives no larger pages.
const QUERY_PAGE: usize = 100;

pub(super) struct Page {
    pub(super) body: Bytes,
    /// Where the next one is; none after the last.
    pub(super) next: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Begun {
    job_id: String,
}

#[derive(Deserialize)]
struct Job {
    state: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Available {
    data_availability_date: String,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct Results {
    conversations: Vec<IgnoredAny>,
    cursor: Option<String>,
    #[serde(rename = "totalHits")]
    total: Option<u64>,
}

/// The next page of what is being read, which may become shorter.
pub(super) async fn page(platform: &Platform, state: &mut State, size: usize) -> Result<Page, PlatformError> {
    let interval = interval(state);
    let mut known = state.job.is_some();
    loop {
        if state.job.is_none() && state.next.is_none() && available(platform).await >= state.until() {
            state.job = begin(platform, &interval).await?;
        }
        let Some(job) = state.job.clone() else { return query(platform, state, size).await };
        match results(platform, &escaped(&job), state.next.as_deref(), size).await {
            Ok(Some(page)) => return Ok(page),
            Ok(None) => {
                tracing::warn!(interval, "the job did not succeed; the query answers, without attributes");
                (state.job, state.next) = (None, None);
                return query(platform, state, size).await;
            }
            // A job is not kept for ever: the day begins anew, with another.
            Err(error) if known && error.code() == Some(Code::NotFound) => {
                known = false;
                (state.job, state.next) = (None, None);
            }
            Err(error) => return Err(error),
        }
    }
}

fn interval(state: &State) -> String {
    format!("{}/{}", written(state.day_ms), written(state.until()))
}

/// None where the client may not have jobs.
async fn begin(platform: &Platform, interval: &str) -> Result<Option<String>, PlatformError> {
    let body = json!({"interval": interval, "order": "asc", "orderBy": "conversationStart"});
    match platform.ask::<Begun>(Method::POST, JOBS, Some(&body)).await {
        Ok(begun) => Ok(Some(begun.job_id)),
        Err(error) if matches!(error.code(), Some(Code::Permission | Code::NotFound | Code::Request)) => {
            tracing::warn!(interval, %error, "there is no job; the query answers, without attributes");
            Ok(None)
        }
        Err(error) => Err(error),
    }
}

/// Up to when jobs have data; the beginning of time where the service does not tell.
async fn available(platform: &Platform) -> u64 {
    let answer: Result<Available, _> = platform.get(&format!("{JOBS}/availability")).await;
    answer.ok().and_then(|available| iso(&available.data_availability_date)).unwrap_or_default()
}

/// None where the job did not succeed.
async fn results(
    platform: &Platform,
    job: &str,
    cursor: Option<&str>,
    size: usize,
) -> Result<Option<Page>, PlatformError> {
    let mut wait = FIRST_WAIT;
    let late = Instant::now() + PATIENCE;
    loop {
        let Job { state } = platform.get(&format!("{JOBS}/{job}")).await?;
        match state.as_str() {
            "FULFILLED" => break,
            "QUEUED" | "PENDING" if Instant::now() < late => sleep(wait).await,
            _ => return Ok(None),
        }
        wait = (wait * 2).min(LONGEST_WAIT);
    }
    let mut path = format!("{JOBS}/{job}/results?pageSize={size}");
    if let Some(cursor) = cursor {
        let cursor: String = reqwest::Url::parse_with_params("http://c/", [("cursor", cursor)])
            .ok()
            .and_then(|url| url.query().map(str::to_owned))
            .unwrap_or_default();
        path = format!("{path}&{cursor}");
    }
    let body = platform.send(Method::GET, &path, None).await?.body;
    let next = read::<Results>(&body, &format!("GET {JOBS}/.../results"))?.cursor;
    if next.is_some() && next.as_deref() == cursor {
        let why = "the cursor of the next page is that of this one; start again later".to_owned();
        return Err(PlatformError::Garbled { request: format!("GET {JOBS}/.../results"), why });
    }
    Ok(Some(Page { body, next }))
}

async fn query(platform: &Platform, state: &mut State, size: usize) -> Result<Page, PlatformError> {
    let number: usize = state.next.as_deref().and_then(|next| next.parse().ok()).unwrap_or(1);
    let size = size.min(QUERY_PAGE);
    loop {
        let body = json!({
            "interval": interval(state),
            "order": "asc",
            "orderBy": "conversationStart",
            "paging": { "pageSize": size, "pageNumber": number },
        });
        let body = platform.repeat(Method::POST, QUERY, Some(&body)).await?.body;
        let results = read::<Results>(&body, &format!("POST {QUERY}"))?;
        // Of more than it gives, the last ones would be missing.
        if number == 1 && results.total.is_some_and(|total| total > QUERY_MOST) && state.halve() {
            continue;
        }
        let full = results.conversations.len() >= size;
        return Ok(Page { body, next: full.then(|| (number + 1).to_string()) });
    }
}

fn read<T: DeserializeOwned>(body: &[u8], what: &str) -> Result<T, PlatformError> {
    serde_json::from_slice(body).map_err(|error| PlatformError::garbled(what.to_owned(), body, &error))
}
