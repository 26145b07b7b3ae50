//! Stands before every address of the API: who asks, what that needs, and whether the answer is masked.

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::{MatchedPath, Query, Request, State};
use axum::http::uri::PathAndQuery;
use axum::http::{HeaderValue, Uri, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use subtle::ConstantTimeEq;
use tower_service::Service;

use super::access::{LINKS, is_sql, needs, reads};
use super::{CSRF, Doors, Peer, Role, Shown, Who};
use crate::audit::{Audit, What};
use crate::error::ApiError;

/// Asks for an answer without masks, as `unmask=true` does; its value says why.
const UNMASK: &str = "throughline-unmask";
/// For a change to arrive and to be made.
const PATIENCE: Duration = Duration::from_secs(60);

pub(crate) struct Gate {
    pub(crate) doors: Arc<Doors>,
    pub(crate) audit: Arc<Audit>,
    /// Answers are masked unless somebody asks otherwise.
    pub(crate) masking: bool,
    /// The same addresses, on the store behind the masks.
    pub(crate) plain: Router,
}

pub(crate) async fn gate(State(gate): State<Arc<Gate>>, request: Request, next: Next) -> Response {
    match gate.admit(request).await {
        Ok((request, true)) => next.run(request).await,
        Ok((request, false)) => match gate.plain.clone().call(request).await {
            Ok(response) => response,
            Err(never) => match never {},
        },
        Err(refused) => refused,
    }
}

impl Gate {
    /// What may go on, and whether to what masks.
    async fn admit(&self, mut request: Request) -> Result<(Request, bool), Response> {
        let refuse = |error: ApiError| error.into_response();
        let route = request.extensions().get::<MatchedPath>().cloned();
        let route = route.as_ref().map_or("", MatchedPath::as_str);
        let needed = needs(request.method(), route, self.masking);
        let shown = self.doors.who(request.headers());
        let who = match (shown, needed) {
            (_, None) => return Ok((request, self.masking)),
            (Shown::Known(who), Some(_)) => who,
            (Shown::Session(who, csrf), Some(_)) => {
                if !reads(request.method()) {
                    let sent = request.headers().get(CSRF).map_or(&b""[..], HeaderValue::as_bytes);
                    if !bool::from(sent.ct_eq(csrf.as_bytes())) {
                        let help = format!("send the `csrf` of GET /api/v1/session as the header `{CSRF}`");
                        return Err(refuse(ApiError::forbidden(
                            "a change needs the session's own token",
                            help,
                        )));
                    }
                }
                who
            }
            (Shown::Nobody, Some(_)) => return Err(unknown("nobody is signed in")),
            (Shown::Unknown, Some(_)) => {
                return Err(unknown("the session or the token is not known, or has ended"));
            }
        };
        let needed = needed.unwrap_or_default();
        if who.role < needed {
            return Err(refuse(lacks(&who, needed)));
        }
        let wanted = wanted(&mut request);
        // Who asks in SQL has the role for it, and is noted with the statement.
        let masked = self.masking && wanted.is_none() && !is_sql(route);
        if let Some(why) = wanted.filter(|_| self.masking) {
            if who.role < Role::Unmask {
                return Err(refuse(lacks(&who, Role::Unmask)));
            }
            let of = request.uri().path().to_owned();
            let from = request.extensions().get::<Peer>().copied();
            // Before the answer is given, or it is not given.
            self.audit.note(&who, from, What::Unmask, of, why).await.map_err(refuse)?;
        }
        // Links are noted with their ends, where they are known.
        if needed == Role::Admin && !reads(request.method()) && !route.starts_with(LINKS) {
            let of = format!("{} {}", request.method(), request.uri().path());
            let from = request.extensions().get::<Peer>().copied();
            self.audit.note(&who, from, What::Change, of, String::new()).await.map_err(refuse)?;
        }
        request.extensions_mut().insert(who);
        Ok((if masked { request } else { afresh(request) }, masked))
    }
}

/// For another router, which reads the address itself.
fn afresh(request: Request) -> Request {
    let (mut parts, body) = request.into_parts();
    let (who, peer) = (parts.extensions.remove::<Who>(), parts.extensions.remove::<Peer>());
    parts.extensions.clear();
    who.map(|who| parts.extensions.insert(who));
    peer.map(|peer| parts.extensions.insert(peer));
    Request::from_parts(parts, body)
}

/// Whether the answer is wanted without masks, and why. The question itself knows nothing of that.
fn wanted(request: &mut Request) -> Option<String> {
    if let Some(why) = request.headers_mut().remove(UNMASK) {
        return Some(String::from_utf8_lossy(why.as_bytes()).into_owned());
    }
    let query = request.uri().query()?;
    if !query.contains("unmask=") {
        return None;
    }
    let Query(pairs) = Query::<Vec<(String, String)>>::try_from_uri(request.uri()).ok()?;
    let value = |name: &str| pairs.iter().find(|(known, _)| known == name).map(|(_, value)| value.clone());
    let wanted = value("unmask").is_some_and(|value| value == "true");
    let why = value("why").unwrap_or_default();
    let rest: Vec<&str> =
        query.split('&').filter(|pair| !matches!(pair.split('=').next(), Some("unmask" | "why"))).collect();
    let path = request.uri().path();
    let target = if rest.is_empty() { path.to_owned() } else { format!("{path}?{}", rest.join("&")) };
    let mut parts = request.uri().clone().into_parts();
    parts.path_and_query = PathAndQuery::try_from(target).ok();
    *request.uri_mut() = Uri::from_parts(parts).ok()?;
    wanted.then_some(why)
}

fn unknown(why: &str) -> Response {
    let help = "sign in on the page, or send `Authorization: Bearer` with a token of the `view` section";
    let mut response = ApiError::unauthorized(why, help).into_response();
    response
        .headers_mut()
        .insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer realm=\"throughline\""));
    response
}

fn lacks(who: &Who, needed: Role) -> ApiError {
    let message =
        format!("this needs the role `{}`, and {} has `{}`", needed.name(), who.name, who.role.name());
    ApiError::forbidden(message, "an admin gives roles in the `view` section")
}

/// Ends what takes for ever to arrive.
pub(crate) async fn in_time(request: Request, next: Next) -> Response {
    let route = request.extensions().get::<MatchedPath>();
    // Questions in SQL have limits of their own, and arrive in time by themselves.
    if reads(request.method()) || route.is_some_and(|route| is_sql(route.as_str())) {
        return next.run(request).await;
    }
    let late = || ApiError::busy("the request did not arrive in time").into_response();
    tokio::time::timeout(PATIENCE, next.run(request)).await.unwrap_or_else(|_| late())
}
