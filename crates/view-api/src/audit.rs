//! Who did what, kept in the state file: what was unmasked, linked, changed, and who signed in. Entries are only added; the
//! oldest go when they are too old or too many. Each one is in the log of the process as well, which others can keep.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, PoisonError};

use axum::Router;
use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, State};
use axum::response::Response;
use axum::routing::get;
use flow::State as Kept;
use flow::state::{Change, StateError};
use serde::{Deserialize, Serialize};
use utoipa::{OpenApi, ToSchema};

use crate::api::{Api, now_ns, text, written};
use crate::auth::{Peer, Role, Who};
use crate::error::{ApiError, ErrorBody};
use crate::query::{AuditParameters, given, parsed, read, time};

const NAMESPACE: &str = "view/audit";
/// Entries that are kept.
const MOST: usize = 50_000;
/// How long they are kept: 400 days.
const OLDEST_NS: u64 = 400 * 24 * 3_600_000_000_000;
/// Whoever looks at the same without masks again within this time is noted once: a page that follows a call asks often.
const AGAIN_NS: u64 = 600 * 1_000_000_000;
/// Looks that are remembered for that.
const LOOKS: usize = 1000;
/// Bytes of a text in an entry.
const LONGEST: usize = 500;
const PAGE: usize = 100;
const LARGEST_PAGE: usize = 1000;

#[derive(OpenApi)]
#[openapi(paths(audit))]
pub(crate) struct Description;

pub(crate) fn router() -> Router<Api> {
    Router::new().route("/api/v1/audit", get(audit))
}

#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum What {
    SignIn,
    SignInFailed,
    SignOut,
    Unmask,
    Sql,
    Link,
    Unlink,
    /// Something else that only an admin may change.
    Change,
}

/// One thing that somebody did.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, ToSchema)]
pub(crate) struct Entry {
    /// Nanoseconds since 1970, in decimal digits.
    at_ns: String,
    who: String,
    role: Role,
    /// The address that the request came from.
    #[schema(required)]
    from: Option<String>,
    what: What,
    /// What it was done to: an address of the API, a statement, a link.
    of: String,
    /// What somebody said about it; empty where nothing was said.
    why: String,
}

pub(crate) struct Audit {
    state: Arc<dyn Kept>,
    /// The keys that are there, the oldest first; they are the times.
    keys: Mutex<VecDeque<u64>>,
    /// When who was noted for what, and why.
    looks: Mutex<HashMap<[String; 4], u64>>,
}

impl Audit {
    /// Waits for the disk.
    pub(crate) fn open(state: Arc<dyn Kept>) -> Result<Self, StateError> {
        let keys = state.scan(NAMESPACE, "")?.into_iter().filter_map(|(key, _)| key.parse().ok()).collect();
        Ok(Self { state, keys: Mutex::new(keys), looks: Mutex::default() })
    }

    /// When it returns `Ok`, the entry survives a power cut.
    pub(crate) async fn note(
        self: &Arc<Self>,
        who: &Who,
        from: Option<Peer>,
        what: What,
        of: String,
        why: String,
    ) -> Result<(), ApiError> {
        let entry = Entry {
            at_ns: String::new(),
            who: who.name.to_string(),
            role: who.role,
            from: from.map(|Peer(address)| address.to_string()),
            what,
            of: cut(of),
            why: cut(why),
        };
        let audit = Arc::clone(self);
        let added = tokio::task::spawn_blocking(move || audit.add(entry, now_ns())).await;
        let added = added.map_err(|error| ApiError::internal(error.to_string()))?;
        added.map_err(|error| ApiError::state_failed(&error))
    }

    fn add(&self, entry: Entry, now_ns: u64) -> Result<(), StateError> {
        let look =
            [&entry.who, &entry.of, &entry.why, entry.from.as_ref().unwrap_or(&entry.who)].map(Clone::clone);
        let looks = || self.looks.lock().unwrap_or_else(PoisonError::into_inner);
        let again = |at: &u64| now_ns.saturating_sub(*at) < AGAIN_NS;
        if entry.what == What::Unmask && looks().get(&look).is_some_and(again) {
            return Ok(());
        }
        let noted = (entry.what == What::Unmask).then_some(look);
        self.write(entry, now_ns)?;
        // Only what was written counts as noted.
        if let Some(look) = noted {
            let mut looks = looks();
            if looks.len() >= LOOKS {
                looks.retain(|_, at| again(at));
            }
            if looks.len() < LOOKS {
                looks.insert(look, now_ns);
            }
        }
        Ok(())
    }

    fn write(&self, mut entry: Entry, now_ns: u64) -> Result<(), StateError> {
        let mut keys = self.keys.lock().unwrap_or_else(PoisonError::into_inner);
        // Each has a place of its own, in the order in which they came.
        let at = keys.back().map_or(now_ns, |last| now_ns.max(last + 1));
        entry.at_ns = at.to_string();
        let Entry { who, role, from, what, of, why, .. } = &entry;
        tracing::info!(target: "audit", who, role = role.name(), from, ?what, of, why, "audit");
        let value = serde_json::to_vec(&entry).map_err(|error| StateError(error.to_string()))?;
        let gone = keys.iter().enumerate();
        let gone =
            gone.take_while(|(nth, key)| keys.len() - nth >= MOST || **key < at.saturating_sub(OLDEST_NS));
        let gone: Vec<String> = gone.map(|(_, at)| key(*at)).collect();
        let new = key(at);
        let mut changes = vec![Change { namespace: NAMESPACE, key: &new, value: Some(&value) }];
        changes.extend(gone.iter().map(|key| Change { namespace: NAMESPACE, key, value: None }));
        self.state.commit(&changes)?;
        keys.drain(..gone.len());
        keys.push_back(at);
        Ok(())
    }

    /// The newest first.
    fn before(&self, before: u64, limit: usize) -> Result<Vec<Entry>, StateError> {
        let keys: Vec<u64> = {
            let keys = self.keys.lock().unwrap_or_else(PoisonError::into_inner);
            keys.iter().rev().filter(|at| **at < before).take(limit).copied().collect()
        };
        let mut found = Vec::new();
        for at in keys {
            let value = self.state.get(NAMESPACE, &key(at))?;
            // What another version wrote is passed over.
            found.extend(value.and_then(|value| serde_json::from_slice(&value).ok()));
        }
        Ok(found)
    }
}

/// In the order of time.
fn key(at: u64) -> String {
    format!("{at:020}")
}

fn cut(mut text: String) -> String {
    text.truncate(text.floor_char_boundary(LONGEST));
    text
}

/// What was done, the newest first.
#[derive(Serialize, ToSchema)]
pub(crate) struct AuditPage {
    entries: Vec<Entry>,
}

/// Who unmasked, linked and signed in. For admins.
#[utoipa::path(
    get,
    path = "/api/v1/audit",
    tag = "settings",
    params(AuditParameters),
    responses(
        (status = 200, body = AuditPage),
        (status = 400, description = "A parameter cannot be read", body = ErrorBody),
        (status = 403, description = "Not an admin", body = ErrorBody),
        (status = 503, description = "Busy; `Retry-After` says when to come back", body = ErrorBody),
    )
)]
pub(crate) async fn audit(
    State(api): State<Api>,
    parameters: Result<Query<AuditParameters>, QueryRejection>,
) -> Result<Response, ApiError> {
    let parameters = read(parameters)?;
    let before = time("before", given(parameters.before))?.unwrap_or(u64::MAX);
    let limit = parsed("limit", given(parameters.limit))?.unwrap_or(PAGE);
    if !(1..=LARGEST_PAGE).contains(&limit) {
        let help = format!("ask for 1 to {LARGEST_PAGE} entries, and for more with `before`");
        return Err(ApiError::bad_request(format!("`limit` is {limit}"), help));
    }
    api.ask(async {
        let audit = Arc::clone(&api.audit);
        written(move || {
            let entries = audit.before(before, limit).map_err(|error| ApiError::state_failed(&error))?;
            text(&AuditPage { entries })
        })
        .await
    })
    .await
}

#[cfg(test)]
mod tests {
    use flow::state::InMemory;

    use super::*;

    fn entry(of: &str) -> Entry {
        let (who, why) = ("ann".to_owned(), String::new());
        let at_ns = String::new();
        Entry { at_ns, who, role: Role::Unmask, from: None, what: What::Unmask, of: of.to_owned(), why }
    }

    #[test]
    fn entries_keep_their_order_and_survive() {
        let state: Arc<dyn Kept> = Arc::new(InMemory::default());
        let audit = Audit::open(Arc::clone(&state)).unwrap();
        for (of, at) in [("a", 10), ("b", 10), ("c", 5), ("d", 100)] {
            audit.add(entry(of), at).unwrap();
        }
        let audit = Audit::open(state).unwrap();
        let told = |before, limit| {
            let found = audit.before(before, limit).unwrap();
            found.into_iter().map(|entry| (entry.of, entry.at_ns)).collect::<Vec<_>>()
        };
        let pair = |of: &str, at: &str| (of.to_owned(), at.to_owned());
        assert_eq!(told(u64::MAX, 2), [pair("d", "100"), pair("c", "12")]);
        assert_eq!(told(12, 9), [pair("b", "11"), pair("a", "10")]);
    }

    #[test]
    fn who_looks_again_soon_is_noted_once() {
        let audit = Audit::open(Arc::new(InMemory::default())).unwrap();
        let sql = Entry { what: What::Sql, ..entry("a") };
        let other = Entry { who: "bob".to_owned(), ..entry("a") };
        let mut at = 1;
        for (entry, later, entries) in [
            (entry("a"), 0, 1),
            (entry("a"), AGAIN_NS - 1, 1),
            (entry("b"), 0, 2),
            (other, 0, 3),
            (entry("a"), 1, 4),
            (sql.clone(), 0, 5),
            (sql, 0, 6),
        ] {
            at += later;
            audit.add(entry, at).unwrap();
            assert_eq!(audit.before(u64::MAX, 99).unwrap().len(), entries);
        }
    }

    #[test]
    fn the_oldest_go() {
        let state: Arc<dyn Kept> = Arc::new(InMemory::default());
        let audit = Audit::open(Arc::clone(&state)).unwrap();
        for n in 0..=MOST as u64 {
            audit.write(entry("x"), n).unwrap();
        }
        assert_eq!(state.scan(NAMESPACE, "").unwrap().len(), MOST);
        audit.add(entry("late"), 2 * OLDEST_NS).unwrap();
        assert_eq!(state.scan(NAMESPACE, "").unwrap().len(), 1);
    }
}
