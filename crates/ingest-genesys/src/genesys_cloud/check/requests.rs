//! The token, and each request of the receiver with the permission that it needs.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use http::Method;
use http::header::{DATE, HeaderMap};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use tokio::time::timeout;

use super::{ANSWER, Report};
use crate::notify::{CHANNELS, TOPICS};
use crate::platform::{Answer, Code, Platform, PlatformError};
use crate::time::written;

/// `Date` has whole seconds, and the answer was on its way.
const CLOCK_GOOD: u64 = 2;
/// A trace of services and calls makes no sense any more.
const CLOCK_BAD: u64 = 30;
const HOUR_MS: u64 = 3_600_000;
/// An id that no conversation has.
const NOBODY: &str = "00000000-0000-4000-8000-000000000000";

#[derive(Deserialize, Default)]
#[serde(default)]
struct Listing {
    entities: Vec<Entity>,
    total: u64,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct Entity {
    id: String,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct Page {
    conversations: Vec<Known>,
    #[serde(rename = "totalHits")]
    total: Option<u64>,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct Known {
    #[serde(rename = "conversationId")]
    id: String,
}

/// Why there is no answer that can be read.
pub(super) struct Failed {
    pub(super) code: Option<Code>,
    pub(super) why: String,
}

/// Asks for something that is safe to ask for twice.
pub(super) async fn ask(
    platform: &Platform,
    method: Method,
    path: &str,
    body: Option<&Value>,
) -> Result<Answer, Failed> {
    let late = || Failed {
        code: None,
        why: format!(
            "{path} has no answer within {ANSWER:?}; the limit of requests may be used up: try again later"
        ),
    };
    let answer = timeout(ANSWER, platform.repeat(method, path, body)).await.map_err(|_| late())?;
    answer.map_err(|error| Failed { code: error.code(), why: error.to_string() })
}

/// Reads what was answered to a request.
pub(super) fn read<T: DeserializeOwned>(request: &str, answer: &Answer) -> Result<T, Failed> {
    serde_json::from_slice(&answer.body).map_err(|error| {
        let why = PlatformError::garbled(request.to_owned(), &answer.body, &error).to_string();
        Failed { code: None, why }
    })
}

/// Logs in, and compares the clocks; false where there is no token.
pub(super) async fn token(platform: &Platform, client: &str, report: &mut Report) -> bool {
    let (login, api) = (host(platform.base().login.host_str()), host(platform.base().api.host_str()));
    let before = SystemTime::now();
    let answer = timeout(ANSWER, platform.send(Method::GET, "/api/v2/tokens/me", None)).await;
    let error = match answer {
        Ok(Ok(answer)) => {
            let name = organisation(&answer.body);
            report.ok("token", format!("{login} gave one to client {client}, organisation {name}"));
            clock(&answer.headers, before, report);
            return true;
        }
        Ok(Err(error)) => error,
        Err(_) => {
            report.fail("token", format!("{login} does not answer within {ANSWER:?}"), "try again later");
            return false;
        }
    };
    let PlatformError::Refused(refused) = &error else {
        report.fail("token", error.to_string(), "");
        return false;
    };
    let said = format!("{} {}", refused.status, refused.code);
    let said = said.trim();
    match (refused.request.as_str(), refused.what()) {
        ("POST /oauth/token", Code::Token) => report.fail(
            "token",
            format!("{login} does not let client {client} in ({said})"),
            "check client id and secret, that the OAuth client (Admin, Integrations, OAuth) is active and of the grant `Client Credentials`, and that its organisation is in this region",
        ),
        (_, Code::Token) => report.fail(
            "token",
            format!("{api} does not believe the token that {login} gave to client {client} ({said})"),
            "API and login have to be of one region; check the clock of this machine too",
        ),
        ("POST /oauth/token", _) => report.fail("token", error.to_string(), ""),
        // There is a token; what it may not tell of itself is not needed.
        _ => {
            report.ok("token", format!("{login} gave one to client {client}"));
            return true;
        }
    }
    false
}

/// The first queue, where there is one.
pub(super) async fn queues(platform: &Platform, wanted: &[String], report: &mut Report) -> Option<String> {
    let (what, needs) = ("queues", "routing:queue:view");
    if wanted.is_empty() {
        let listing = list(platform, "/api/v2/routing/queues", (what, needs), report).await?;
        places(listing.total, "queues", report);
        return first(listing);
    }
    let found = timeout(ANSWER, super::super::discover::discover(platform, wanted, false)).await;
    match found {
        Ok(Ok(found)) => {
            let known = |text: &String| {
                found.queues.iter().any(|(id, name)| text.eq_ignore_ascii_case(id) || **text == **name)
            };
            for missing in wanted.iter().filter(|text| !known(text)) {
                report.fail(
                    what,
                    format!("there is no queue `{missing}` that the client can see"),
                    "check its name or id in `queues`, and the divisions of the client's roles",
                );
            }
            report.ok(what, format!("{} of {} that are wanted", found.queues.len(), wanted.len()));
            found.queues.first().map(|(id, _)| id.to_string())
        }
        Ok(Err(error)) => {
            refused(what, needs, &Failed { code: error.code(), why: error.to_string() }, report);
            None
        }
        Err(_) => {
            report.fail(what, format!("not listed within {ANSWER:?}"), "try again later");
            None
        }
    }
}

/// The first user, where there is one.
pub(super) async fn users(platform: &Platform, report: &mut Report) -> Option<String> {
    let listing = list(platform, "/api/v2/users", ("users", "directory:user:view"), report).await?;
    places(listing.total, "users", report);
    first(listing)
}

/// Both questions that the receiver asks of analytics.
pub(super) async fn analytics(platform: &Platform, report: &mut Report) {
    let needs = "analytics:conversationDetail:view";
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    let now = u64::try_from(now.as_millis()).unwrap_or(u64::MAX);
    let body = json!({
        "interval": format!("{}/{}", written(now.saturating_sub(HOUR_MS)), written(now)),
        "order": "desc",
        "orderBy": "conversationStart",
        "paging": { "pageSize": 25, "pageNumber": 1 },
    });
    let path = "/api/v2/analytics/conversations/details/query";
    let answer = ask(platform, Method::POST, path, Some(&body)).await;
    let page: Page = match answer.and_then(|answer| read(&format!("POST {path}"), &answer)) {
        Ok(page) => page,
        Err(failed) => return refused("analytics, by time", needs, &failed, report),
    };
    let count = page.total.unwrap_or(page.conversations.len() as u64);
    report.ok("analytics, by time", format!("{count} conversations in the last hour"));
    let known = page.conversations.first().map(|known| known.id.clone()).filter(|id| !id.is_empty());
    let id = known.unwrap_or_else(|| NOBODY.to_owned());
    let path = format!("/api/v2/analytics/conversations/details?id={id}");
    match ask(platform, Method::GET, &path, None).await {
        Ok(_) | Err(Failed { code: Some(Code::NotFound), .. }) => {
            report.ok("analytics, by conversation", "answers".to_owned());
        }
        Err(failed) => refused("analytics, by conversation", needs, &failed, report),
    }
}

/// A refusal, with the permission where that is what lacks.
pub(super) fn refused(what: &str, needs: &str, failed: &Failed, report: &mut Report) {
    let found = match failed.code {
        Some(Code::Permission) => format!("needs `{needs}`: {}", failed.why),
        _ => failed.why.clone(),
    };
    report.fail(what, found, "");
}

async fn list(
    platform: &Platform,
    path: &str,
    (what, needs): (&str, &str),
    report: &mut Report,
) -> Option<Listing> {
    let answer = ask(platform, Method::GET, &format!("{path}?pageSize=25&pageNumber=1"), None).await;
    let listing: Listing = match answer.and_then(|answer| read(&format!("GET {path}"), &answer)) {
        Ok(listing) => listing,
        Err(failed) => {
            refused(what, needs, &failed, report);
            return None;
        }
    };
    if listing.entities.is_empty() {
        let mend = format!(
            "give the role with `{needs}` in the divisions that are to be seen (Admin, Integrations, OAuth, Roles)"
        );
        report.fail(what, "the client can see none".to_owned(), &mend);
        return None;
    }
    report.ok(what, format!("{} can be seen", listing.total.max(listing.entities.len() as u64)));
    Some(listing)
}

fn first(listing: Listing) -> Option<String> {
    listing.entities.into_iter().map(|entity| entity.id).find(|id| !id.is_empty())
}

fn places(total: u64, what: &str, report: &mut Report) {
    let most = (TOPICS * CHANNELS) as u64;
    if total > most {
        let found = format!(
            "{total} {what} are more than the {most} topics that one client may follow; queues go first, the rest is learnt from analytics later"
        );
        report.note("topics", found);
    }
}

fn clock(headers: &HeaderMap, before: SystemTime, report: &mut Report) {
    let date = headers.get(DATE).and_then(|date| date.to_str().ok());
    let Some(date) = date.and_then(|date| httpdate::parse_http_date(date).ok()) else {
        report.note("clock", "the service did not say what time it has".to_owned());
        return;
    };
    let after = SystemTime::now();
    // The service wrote its date between the two, and cut it to seconds.
    let ahead = before.duration_since(date + Duration::from_secs(1)).unwrap_or_default().as_secs();
    let behind = date.duration_since(after).unwrap_or_default().as_secs();
    let side = if ahead >= behind { "ahead of" } else { "behind" };
    let off = ahead.max(behind);
    let mend = "set the clock by NTP: times of calls are those of the service, and spans of your services would not lie beside them";
    let found = format!("this machine is {off} s {side} the service");
    if off <= CLOCK_GOOD {
        report.ok("clock", format!("within {CLOCK_GOOD} s of the service's"));
    } else if off <= CLOCK_BAD {
        report.note("clock", format!("{found}; {mend}"));
    } else {
        report.fail("clock", found, mend);
    }
}

fn organisation(body: &[u8]) -> String {
    let body: Value = serde_json::from_slice(body).unwrap_or_default();
    let name = body.pointer("/organization/name").and_then(Value::as_str);
    name.unwrap_or("without a name").to_owned()
}

fn host(name: Option<&str>) -> String {
    name.unwrap_or_default().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(offset: i64) -> String {
        let now = SystemTime::now();
        let by = Duration::from_secs(offset.unsigned_abs());
        let service = if offset < 0 { now - by } else { now + by };
        let mut headers = HeaderMap::new();
        headers.insert(DATE, httpdate::fmt_http_date(service).parse().unwrap());
        let mut report = Report::default();
        clock(&headers, now, &mut report);
        report.to_string()
    }

    #[test]
    fn clocks_are_compared() {
        assert!(told(0).starts_with("ok    clock: within 2 s"), "{}", told(0));
        assert!(told(-10).starts_with("note  clock: this machine is "), "{}", told(-10));
        assert!(told(-10).contains(" s ahead of the service; set the clock"), "{}", told(-10));
        assert!(told(3600).starts_with("FAIL  clock: this machine is 35"), "{}", told(3600));
        assert!(told(3600).contains(" s behind the service"), "{}", told(3600));
        let mut report = Report::default();
        clock(&HeaderMap::new(), SystemTime::now(), &mut report);
        assert!(report.sound());
    }
}
