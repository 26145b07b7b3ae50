//! `/api/v2/analytics/conversations`: the details query, and look-ups by id.

use http::Method;
use serde_json::{Value, json};

use super::answer::put;
use super::centre::Live;
use super::{Answer, Request, Service};
use crate::genesys::time::parse_iso;

const LONGEST_INTERVAL_MS: u64 = 7 * 86_400_000;
const MAX_PAGE: u64 = 100;
/// Results beyond this cannot be paged to.
const MAX_RESULTS: u64 = 100_000;
/// Ids of one look-up.
const MAX_IDS: usize = 100;
const PERMISSION: &str = "analytics:conversationDetail:view";

impl Service {
    pub(super) fn analytics(&mut self, request: &Request, rest: &[&str]) -> Result<Answer, Box<Answer>> {
        self.need(PERMISSION)?;
        match (&request.method, rest) {
            (&Method::POST, ["details", "query"]) => self.query(request),
            (&Method::GET, ["details"]) => Ok(self.several(request)?),
            (&Method::GET, [id, "details"]) => {
                let found = self.centre.get(id).and_then(|live| live.record.analytics(self.now));
                found.map(Answer::ok).ok_or_else(|| Answer::not_found("The conversation was not found."))
            }
            (_, ["details", "jobs", rest @ ..]) => self.job(request, rest),
            _ => Err(Answer::not_found("no such resource of analytics")),
        }
    }

    /// Those of several ids that are known.
    fn several(&self, request: &Request) -> Result<Answer, Box<Answer>> {
        let named = request.query.iter().filter(|(key, _)| key == "id");
        let ids: Vec<_> = named.flat_map(|(_, value)| value.split(',')).filter(|id| !id.is_empty()).collect();
        if ids.is_empty() || ids.len() > MAX_IDS {
            return Err(Answer::error(400, "bad.request", &format!("Give 1 to {MAX_IDS} ids.")));
        }
        let found = ids.iter().filter_map(|id| self.centre.get(id)?.record.analytics(self.now));
        Ok(Answer::ok(json!({"conversations": found.collect::<Vec<_>>()})))
    }

    fn query(&mut self, request: &Request) -> Result<Answer, Box<Answer>> {
        let query = request.json()?;
        let paging = query.get("paging").cloned().unwrap_or_default();
        let number = |name: &str, otherwise: u64| match paging.get(name) {
            None | Some(Value::Null) => Ok(otherwise),
            Some(value) => value
                .as_u64()
                .filter(|number| *number > 0)
                .ok_or_else(|| wrong("paging holds whole numbers above 0.")),
        };
        let (size, page) = (number("pageSize", 25)?, number("pageNumber", 1)?);
        if size > MAX_PAGE {
            return Err(wrong(&format!("pageSize is at most {MAX_PAGE}.")));
        }
        if size.saturating_mul(page) > MAX_RESULTS {
            return Err(wrong(&format!("Pagination may not exceed {MAX_RESULTS} results")));
        }
        let found = self.matching(&query)?;
        let from = usize::try_from((page - 1) * size).unwrap_or(usize::MAX);
        let bodies = found.iter().skip(from).take(size as usize);
        let bodies: Vec<_> =
            bodies.filter_map(|id| self.centre.get(id)?.record.analytics(self.now)).collect();
        let mut answer = json!({"totalHits": found.len()});
        // A page without conversations has no list.
        if !bodies.is_empty() {
            put(&mut answer, "conversations", bodies);
        }
        Ok(Answer::ok(answer))
    }

    /// The ids of all conversations that a query asks for, in its order.
    pub(super) fn matching(&self, query: &Value) -> Result<Vec<String>, Box<Answer>> {
        let (from, to) = interval(query)?;
        let filters = Filters::of(query)?;
        let mut found: Vec<(&String, &Live)> = self
            .centre
            .conversations
            .iter()
            .filter(|(_, live)| {
                let (start, end) = (live.record.start_ms(), live.record.end_ms());
                start < to && (end >= from || end > self.now)
            })
            .filter(|(_, live)| live.record.analytics_begins_ms() <= self.now && filters.take(live, self.now))
            .collect();
        let key = |live: &Live| match query.get("orderBy").and_then(Value::as_str) {
            Some("conversationEnd" | "segmentEnd") => live.record.end_ms(),
            _ => live.record.start_ms(),
        };
        found.sort_by_key(|(id, live)| (key(live), (*id).clone()));
        if query.get("order").and_then(Value::as_str) == Some("desc") {
            found.reverse();
        }
        Ok(found.into_iter().map(|(id, _)| id.clone()).collect())
    }
}

fn wrong(message: &str) -> Box<Answer> {
    Answer::error(400, "bad.request", message)
}

fn interval(query: &Value) -> Result<(u64, u64), Box<Answer>> {
    let text = query.get("interval").and_then(Value::as_str).ok_or_else(|| wrong("interval is missing."))?;
    let ends = text.split_once('/').and_then(|(from, to)| Some((parse_iso(from)?, parse_iso(to)?)));
    let (from, to) = ends.filter(|(from, to)| from < to).ok_or_else(|| {
        Answer::error(400, "invalid.date", "interval is 2026-01-01T00:00:00.000Z/2026-01-02T00:00:00.000Z.")
    })?;
    if to - from > LONGEST_INTERVAL_MS {
        return Err(wrong("Ensure that the search interval does not exceed 7 days"));
    }
    Ok((from, to))
}

/// All of them have to fit; each is an `and` or an `or` of predicates.
struct Filters {
    conversation: Vec<Filter>,
    segment: Vec<Filter>,
}

struct Filter {
    every: bool,
    predicates: Vec<Predicate>,
}

struct Predicate {
    dimension: String,
    test: Test,
}

enum Test {
    Matches(String),
    Exists,
    NotExists,
}

impl Filters {
    fn of(query: &Value) -> Result<Self, Box<Answer>> {
        Ok(Self {
            conversation: filters(query, "conversationFilters")?,
            segment: filters(query, "segmentFilters")?,
        })
    }

    fn take(&self, live: &Live, now: u64) -> bool {
        let record = &live.record;
        let conversation = |name: &str| match name {
            "conversationId" => Some(record.conversation_id().to_owned()),
            "conversationEnd" => Some(record.end_ms()).filter(|end| *end <= now).map(|end| end.to_string()),
            "conversationStart" => Some(record.start_ms().to_string()),
            _ => None,
        };
        if !self.conversation.iter().all(|filter| filter.holds(&conversation)) {
            return false;
        }
        if self.segment.is_empty() {
            return true;
        }
        let Some(body) = record.analytics(now) else { return false };
        let segments = segments(&body);
        self.segment.iter().all(|filter| {
            segments.iter().any(|places| {
                filter.holds(&|name| {
                    places.iter().find_map(|place| place.get(name)).and_then(Value::as_str).map(str::to_owned)
                })
            })
        })
    }
}

/// Each segment with the session and the participant that it belongs to.
fn segments(body: &Value) -> Vec<[&Value; 4]> {
    let list =
        |value: &'static str| move |of: &Value| of.get(value).and_then(Value::as_array).map_or(0, Vec::len);
    let mut all = Vec::new();
    for one in body.get("participants").and_then(Value::as_array).into_iter().flatten() {
        for session in one.get("sessions").and_then(Value::as_array).into_iter().flatten() {
            let flow = session.get("flow").unwrap_or(&Value::Null);
            if list("segments")(session) == 0 {
                all.push([&Value::Null, flow, session, one]);
            }
            for segment in session.get("segments").and_then(Value::as_array).into_iter().flatten() {
                all.push([segment, flow, session, one]);
            }
        }
    }
    all
}

impl Filter {
    fn holds(&self, value: &dyn Fn(&str) -> Option<String>) -> bool {
        let mut tested = self.predicates.iter().map(|predicate| {
            let value = value(&predicate.dimension);
            match &predicate.test {
                Test::Exists => value.is_some(),
                Test::NotExists => value.is_none(),
                Test::Matches(wanted) => value.as_ref() == Some(wanted),
            }
        });
        if self.every { tested.all(|holds| holds) } else { tested.any(|holds| holds) }
    }
}

fn filters(query: &Value, name: &str) -> Result<Vec<Filter>, Box<Answer>> {
    let list = query.get(name).and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    list.iter()
        .map(|filter| {
            if filter.get("clauses").and_then(Value::as_array).is_some_and(|clauses| !clauses.is_empty()) {
                return Err(wrong("The simulator knows predicates and no clauses."));
            }
            let predicates =
                filter.get("predicates").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
            Ok(Filter {
                every: filter.get("type").and_then(Value::as_str) != Some("or"),
                predicates: predicates.iter().map(predicate).collect::<Result<_, _>>()?,
            })
        })
        .collect()
}

fn predicate(predicate: &Value) -> Result<Predicate, Box<Answer>> {
    let text = |name: &str| predicate.get(name).and_then(Value::as_str);
    let dimension = text("dimension").ok_or_else(|| wrong("A predicate names its dimension."))?.to_owned();
    let test = match (text("operator").unwrap_or("matches"), text("value")) {
        ("matches", Some(value)) => Test::Matches(value.to_owned()),
        ("exists", _) => Test::Exists,
        ("notExists", _) => Test::NotExists,
        _ => return Err(wrong("A predicate matches a value, exists or notExists.")),
    };
    Ok(Predicate { dimension, test })
}
