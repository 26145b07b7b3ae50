//! Links by hand: the last resort where no telemetry tells that two calls belong together. Kept in the state file, shown in
//! the chain of calls as what they are, and undone as easily as made.

use std::sync::{Arc, Mutex, PoisonError};

use axum::extract::rejection::{JsonRejection, QueryRejection};
use axum::extract::{DefaultBodyLimit, Path, Query, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::{delete, get};
use axum::{Extension, Json, Router};
use flow::State as Kept;
use flow::state::StateError;
use serde::{Deserialize, Serialize};
use store_api::Questions;
use store_api::analysis::chain::{ByHand, End};
use throughline_context::TraceId;
use utoipa::{OpenApi, ToSchema};

use crate::api::{Api, now_ns, text, written};
use crate::audit::What;
use crate::auth::{Peer, Who};
use crate::error::{ApiError, ErrorBody};
use crate::query::{LIMITS, LinksParameters, given, read};

const NAMESPACE: &str = "view/links";
/// Links in all.
const MOST: usize = 10_000;
/// Links of one interaction or trace.
const MOST_OF_ONE: usize = 50;
/// Bytes of a reason.
const LONGEST_WHY: usize = 500;
/// Bytes of a body.
const LARGEST: usize = 8 << 10;

#[derive(OpenApi)]
#[openapi(paths(links, link, unlink))]
pub(crate) struct Description;

pub(crate) fn router() -> Router<Api> {
    Router::new()
        .route("/api/v1/links", get(links).post(link))
        .route("/api/v1/links/{id}", delete(unlink))
        .layer(DefaultBodyLimit::max(LARGEST))
}

/// A link that somebody made.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, ToSchema)]
pub(crate) struct Link {
    pub(crate) id: String,
    from: Side,
    to: Side,
    /// Who made it.
    by: String,
    /// Nanoseconds since 1970, in decimal digits.
    at_ns: String,
    /// As whoever made it put it; empty where nothing was said.
    why: String,
}

/// What a link joins.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case", tag = "kind", content = "id")]
pub(crate) enum Side {
    Interaction(String),
    /// Of no single interaction.
    Trace(String),
}

impl Side {
    fn end(&self) -> Option<End> {
        Some(match self {
            Self::Interaction(id) => End::Interaction(id.clone()),
            Self::Trace(id) => End::Trace(id.parse().ok()?),
        })
    }

    fn id(&self) -> &str {
        let (Self::Interaction(id) | Self::Trace(id)) = self;
        id
    }
}

impl Link {
    fn has(&self, side: &Side) -> bool {
        self.from == *side || self.to == *side
    }
}

/// All links, as they are in the state file.
pub(crate) struct Links {
    state: Arc<dyn Kept>,
    all: Mutex<Arc<[Link]>>,
}

impl Links {
    /// Waits for the disk.
    pub(crate) fn open(state: Arc<dyn Kept>) -> Result<Self, StateError> {
        let found = state.scan(NAMESPACE, "")?.into_iter();
        let all: Vec<Link> = found.filter_map(|(_, value)| serde_json::from_slice(&value).ok()).collect();
        Ok(Self { state, all: Mutex::new(all.into()) })
    }

    pub(crate) fn all(&self) -> Arc<[Link]> {
        Arc::clone(&self.all.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// For the chain of calls.
    pub(crate) fn by_hand(&self) -> Vec<ByHand> {
        let ends =
            |link: &Link| Some(ByHand { id: link.id.clone(), ends: [link.from.end()?, link.to.end()?] });
        self.all().iter().filter_map(ends).collect()
    }

    fn add(&self, mut link: Link, now_ns: u64) -> Result<Link, ApiError> {
        let mut all = self.all.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = all.iter().find(|known| known.has(&link.from) && known.has(&link.to)) {
            let message = format!("these are linked already, by {}: `{}`", known.by, known.id);
            return Err(ApiError::conflict(message, "undo that link first, if its reason is wrong"));
        }
        let of_one = [&link.from, &link.to].map(|side| all.iter().filter(|known| known.has(side)).count());
        if all.len() >= MOST || of_one.into_iter().any(|count| count >= MOST_OF_ONE) {
            let message = format!("there may be {MOST} links in all, and {MOST_OF_ONE} of one call");
            return Err(ApiError::limit(message, "undo some that are not needed any more"));
        }
        // The time names it: each has one of its own.
        let last = all.iter().filter_map(|link| link.at_ns.parse::<u64>().ok()).max().unwrap_or(0);
        let at = now_ns.max(last + 1);
        link.id = format!("{at:x}");
        link.at_ns = at.to_string();
        let value = serde_json::to_vec(&link).map_err(|error| ApiError::internal(error.to_string()))?;
        self.state.put(NAMESPACE, &link.id, &value).map_err(|error| ApiError::state_failed(&error))?;
        *all = all.iter().cloned().chain([link.clone()]).collect();
        Ok(link)
    }

    fn remove(&self, id: &str) -> Result<Option<Link>, ApiError> {
        let mut all = self.all.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(gone) = all.iter().find(|link| link.id == id).cloned() else { return Ok(None) };
        self.state.delete(NAMESPACE, id).map_err(|error| ApiError::state_failed(&error))?;
        *all = all.iter().filter(|link| link.id != id).cloned().collect();
        Ok(Some(gone))
    }
}

/// All links by hand, or those of one interaction or trace.
#[derive(Serialize, ToSchema)]
pub(crate) struct AllLinks {
    /// In the order in which they were made.
    links: Vec<Link>,
}

/// What is to be joined. Each side is the id of an interaction or of a trace; a trace of one interaction stands for that.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct NewLink {
    from: String,
    to: String,
    /// At most 500 bytes.
    #[serde(default)]
    why: String,
}

/// Links that somebody made by hand.
#[utoipa::path(
    get,
    path = "/api/v1/links",
    tag = "links",
    params(LinksParameters),
    responses(
        (status = 200, body = AllLinks),
        (status = 400, description = "A parameter cannot be read", body = ErrorBody),
    )
)]
pub(crate) async fn links(
    State(api): State<Api>,
    parameters: Result<Query<LinksParameters>, QueryRejection>,
) -> Result<Response, ApiError> {
    let of = given(read(parameters)?.of);
    let all = api.links.all();
    let has = |link: &&Link| of.as_deref().is_none_or(|of| link.from.id() == of || link.to.id() == of);
    let links = all.iter().filter(has).cloned().collect();
    written(move || text(&AllLinks { links })).await
}

/// Joins two interactions or traces by hand. For admins.
#[utoipa::path(
    post,
    path = "/api/v1/links",
    tag = "links",
    request_body = NewLink,
    responses(
        (status = 201, body = Link),
        (status = 400, description = "Not two ids, or twice the same thing", body = ErrorBody),
        (status = 403, description = "Not an admin", body = ErrorBody),
        (status = 404, description = "Nothing that is kept has the id", body = ErrorBody),
        (status = 409, description = "They are linked by hand already", body = ErrorBody),
        (status = 422, description = "There are too many links; the message says how many there may be", body = ErrorBody),
        (status = 503, description = "Busy; `Retry-After` says when to come back", body = ErrorBody),
    )
)]
pub(crate) async fn link(
    State(api): State<Api>,
    Extension(who): Extension<Who>,
    peer: Option<Extension<Peer>>,
    body: Result<Json<NewLink>, JsonRejection>,
) -> Result<Response, ApiError> {
    let Json(NewLink { from, to, why }) = body.map_err(|rejected| {
        let help =
            "send `{\"from\": \"…\", \"to\": \"…\", \"why\": \"…\"}` with `Content-Type: application/json`";
        ApiError::bad_request(rejected.body_text(), help)
    })?;
    let why = why.trim().to_owned();
    if why.len() > LONGEST_WHY {
        let message = format!("the reason has {} bytes, {LONGEST_WHY} are allowed", why.len());
        return Err(ApiError::bad_request(message, "say it shorter, or name a ticket"));
    }
    let (from, to) = (side(&api, "from", &from).await?, side(&api, "to", &to).await?);
    if from == to {
        let message = format!("both ids stand for the same: `{}`", from.id());
        return Err(ApiError::bad_request(message, "give the id of another call or trace"));
    }
    let of = format!("{} - {}", from.id(), to.id());
    let link = Link {
        id: String::new(),
        from,
        to,
        by: who.name.to_string(),
        at_ns: String::new(),
        why: why.clone(),
    };
    let links = Arc::clone(&api.links);
    let made = blocking(move || links.add(link, now_ns())).await?;
    let noted = api.audit.note(&who, peer.map(|Extension(peer)| peer), What::Link, of, why).await;
    if let Err(error) = noted {
        // What nobody could look up later does not stay.
        let (links, id) = (Arc::clone(&api.links), made.id);
        blocking(move || links.remove(&id)).await?;
        return Err(error);
    }
    Ok((StatusCode::CREATED, Json(made)).into_response())
}

/// Undoes a link. For admins.
#[utoipa::path(
    delete,
    path = "/api/v1/links/{id}",
    tag = "links",
    params(("id" = String, Path, description = "`id` of a link")),
    responses(
        (status = 204, description = "It is gone"),
        (status = 403, description = "Not an admin", body = ErrorBody),
        (status = 404, description = "There is no such link", body = ErrorBody),
        (status = 503, description = "Busy; `Retry-After` says when to come back", body = ErrorBody),
    )
)]
pub(crate) async fn unlink(
    State(api): State<Api>,
    Extension(who): Extension<Who>,
    peer: Option<Extension<Peer>>,
    Path(id): Path<String>,
) -> Result<StatusCode, ApiError> {
    let gone = api.links.all().iter().find(|link| link.id == id).cloned();
    let unknown = || ApiError::not_found("there is no such link", "it may have been undone already");
    let gone = gone.ok_or_else(unknown)?;
    let of = format!("{} - {}", gone.from.id(), gone.to.id());
    api.audit.note(&who, peer.map(|Extension(peer)| peer), What::Unlink, of, String::new()).await?;
    let links = Arc::clone(&api.links);
    blocking(move || links.remove(&id)).await?.ok_or_else(unknown)?;
    Ok(StatusCode::NO_CONTENT)
}

/// The state file waits for the disk.
async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, ApiError> + Send + 'static,
) -> Result<T, ApiError> {
    tokio::task::spawn_blocking(work).await.map_err(|error| ApiError::internal(error.to_string()))?
}

/// What an id stands for: an interaction, else a trace, and where that belongs to one interaction alone, that one.
async fn side(api: &Api, name: &str, id: &str) -> Result<Side, ApiError> {
    let id = id.trim();
    if id.is_empty() {
        return Err(ApiError::bad_request(
            format!("`{name}` is missing"),
            "give the id of a call or of a trace",
        ));
    }
    // The summary is all that is wanted.
    let limits = store_api::Limits { spans: 1, ..LIMITS };
    if api.store().interaction(id, limits).await?.is_some() {
        return Ok(Side::Interaction(id.to_owned()));
    }
    let trace = id.to_lowercase().parse::<TraceId>().ok();
    if let Some(trace) = trace
        && let Some(found) = api.store().trace(trace, limits).await?
    {
        return Ok(match found.interactions.as_slice() {
            [only] => Side::Interaction(only.clone()),
            _ => Side::Trace(trace.to_string()),
        });
    }
    let help = "copy the `interaction.id` or the trace id of something that is still kept";
    Err(ApiError::not_found(format!("`{name}`: nothing that is kept has the id `{id}`"), help))
}

#[cfg(test)]
mod tests {
    use flow::state::InMemory;

    use super::*;

    fn new(from: &str, to: &str) -> Link {
        let call = |id: &str| Side::Interaction(id.to_owned());
        Link {
            id: String::new(),
            from: call(from),
            to: call(to),
            by: "ann".to_owned(),
            at_ns: String::new(),
            why: String::new(),
        }
    }

    #[test]
    fn links_survive_and_are_undone() {
        let state: Arc<dyn Kept> = Arc::new(InMemory::default());
        let links = Links::open(Arc::clone(&state)).unwrap();
        let first = links.add(new("a", "b"), 255).unwrap();
        let second = links.add(new("b", "c"), 255).unwrap();
        assert_eq!((&*first.id, &*second.id), ("ff", "100"));
        assert!(links.add(new("b", "a"), 300).is_err(), "both ways it is the same link");
        let links = Links::open(state).unwrap();
        assert_eq!(links.all().len(), 2);
        assert_eq!(links.remove("ff").unwrap(), Some(first));
        assert_eq!(links.remove("ff").unwrap(), None);
        assert_eq!(links.by_hand().len(), 1);
    }

    #[test]
    fn one_call_has_only_so_many() {
        let links = Links::open(Arc::new(InMemory::default())).unwrap();
        for n in 0..MOST_OF_ONE {
            links.add(new("a", &n.to_string()), 0).unwrap();
        }
        assert!(links.add(new("a", "more"), 0).is_err());
        assert!(links.add(new("more", "a"), 0).is_err());
        assert!(links.add(new("b", "c"), 0).is_ok());
    }
}
