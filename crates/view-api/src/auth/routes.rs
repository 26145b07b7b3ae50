//! Signing in and out over HTTP, and who one is.

use std::net::{IpAddr, Ipv4Addr};

use axum::extract::rejection::JsonRejection;
use axum::extract::{DefaultBodyLimit, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Extension, Json, Router};
use base64::Engine;
use base64::alphabet::STANDARD;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use serde::{Deserialize, Serialize};
use subtle::ConstantTimeEq;
use utoipa::{OpenApi, ToSchema};

use super::access::SESSION;
use super::{By, CSRF, Doors, Peer, Role, Shown, Who, authorization, cookies, password, sessions};
use crate::api::Api;
use crate::audit::What;
use crate::error::{ApiError, ErrorBody};

#[derive(OpenApi)]
#[openapi(paths(session, sign_in, sign_out))]
pub(crate) struct Description;

/// Bytes of a body.
const LARGEST: usize = 4 << 10;
/// Clients in Go leave the padding out.
const BASIC: GeneralPurpose = GeneralPurpose::new(
    &STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);
const LONGEST_NAME: usize = 64;

pub(crate) fn router() -> Router<Api> {
    Router::new()
        .route(SESSION, get(session).post(sign_in).delete(sign_out))
        .layer(DefaultBodyLimit::max(LARGEST))
}

/// Who asks, and what that one may.
#[derive(Serialize, ToSchema)]
pub(crate) struct Session {
    /// Null where nobody is signed in.
    #[schema(required)]
    who: Option<Person>,
    /// To be sent as the header `throughline-csrf` with each change; null where there is no session.
    #[schema(required)]
    csrf: Option<String>,
    /// Whether there are users with passwords.
    passwords: bool,
    /// Answers hide what is personal unless `unmask=true` is asked for.
    masking: bool,
}

#[derive(Serialize, ToSchema)]
pub(crate) struct Person {
    name: String,
    role: Role,
    by: By,
}

impl From<Who> for Person {
    fn from(who: Who) -> Self {
        Self { name: who.name.to_string(), role: who.role, by: who.by }
    }
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct SignIn {
    name: String,
    password: String,
}

/// Who asks. Tells nobody anything else.
#[utoipa::path(get, path = "/api/v1/session", tag = "session", responses((status = 200, body = Session)))]
pub(crate) async fn session(State(api): State<Api>, headers: HeaderMap) -> Response {
    let (who, csrf) = match api.doors.who(&headers) {
        Shown::Known(who) => (Some(who), None),
        Shown::Session(who, csrf) => (Some(who), Some(csrf)),
        Shown::Nobody | Shown::Unknown => (None, None),
    };
    told(&api, who, csrf).into_response()
}

/// Begins a session; its cookie is for browsers.
#[utoipa::path(
    post,
    path = "/api/v1/session",
    tag = "session",
    request_body = SignIn,
    responses(
        (status = 200, body = Session),
        (status = 400, description = "Not a name and a password", body = ErrorBody),
        (status = 401, description = "Not this name with this password", body = ErrorBody),
        (status = 404, description = "There are no users with passwords", body = ErrorBody),
        (status = 429, description = "Too many attempts; `Retry-After` says when to come back", body = ErrorBody),
        (status = 503, description = "Busy; `Retry-After` says when to come back", body = ErrorBody),
    )
)]
pub(crate) async fn sign_in(
    State(api): State<Api>,
    peer: Option<Extension<Peer>>,
    headers: HeaderMap,
    body: Result<Json<SignIn>, JsonRejection>,
) -> Result<Response, ApiError> {
    let Json(SignIn { name, password }) = body.map_err(|rejected| {
        let help = "send `{\"name\": \"…\", \"password\": \"…\"}` with `Content-Type: application/json`";
        ApiError::bad_request(rejected.body_text(), help)
    })?;
    let (who, new) = begin(&api, peer.map(|Extension(peer)| peer), &name, password).await?;
    end(&api.doors, &headers);
    let cookie = api.doors.set_cookie(&new.token, api.doors.sessions.lifetime().as_secs());
    let mut response = told(&api, Some(who), Some(new.csrf)).into_response();
    put(&mut response, &cookie);
    Ok(response)
}

/// Begins the session of somebody who shows a password.
async fn begin(
    api: &Api,
    peer: Option<Peer>,
    name: &str,
    password: String,
) -> Result<(Who, sessions::New), ApiError> {
    let doors = &api.doors;
    if !doors.takes_passwords() {
        let help = "name `users` with `password_hash` under `auth` in the `view` section";
        return Err(ApiError::not_found("nobody signs in here with a password", help));
    }
    let wrong = || ApiError::unauthorized("the name or the password is wrong", "try again, or ask an admin");
    if name.len() > LONGEST_NAME || password.len() > password::LONGEST {
        return Err(wrong());
    }
    let from = peer.map_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED), |Peer(from)| from);
    doors.attempts.try_one(from, name).map_err(ApiError::too_often)?;
    let fits = doors.passwords.fits(name, password).await;
    let fits = fits.ok_or_else(|| ApiError::busy("too many sign in at once"))?;
    let role = doors.users.iter().find(|(known, _)| *known == name).map(|(_, role)| *role);
    // What nobody is called may be a password in the wrong place.
    let known = role.map_or("(unknown)", |_| name);
    let who = Who { name: known.into(), role: role.unwrap_or_default(), by: By::Password };
    let what = if fits { What::SignIn } else { What::SignInFailed };
    api.audit.note(&who, peer, what, SESSION.to_owned(), String::new()).await?;
    if !fits {
        return Err(wrong());
    }
    doors.attempts.right(from, name);
    let new = doors.sessions.open(who.clone()).map_err(ApiError::internal)?;
    Ok((who, new))
}

/// The token of a session for a program that shows name and password as HTTP's basic authentication has them.
pub(crate) async fn begin_basic(
    api: &Api,
    peer: Option<Peer>,
    headers: &HeaderMap,
) -> Result<String, ApiError> {
    let shown = authorization(headers, "basic").and_then(|shown| BASIC.decode(shown).ok());
    let shown = shown.and_then(|shown| String::from_utf8(shown).ok());
    let Some((name, password)) = shown.as_deref().and_then(|shown| shown.split_once(':')) else {
        let help = "send `authorization: Basic` with name and password, or a token with every call";
        return Err(ApiError::unauthorized("no name and no password is shown", help));
    };
    let (_, new) = begin(api, peer, name, password.to_owned()).await?;
    Ok(new.token)
}

/// Ends the session of a program, if it has one.
pub(crate) async fn end_bearer(
    api: &Api,
    who: &Who,
    peer: Option<Peer>,
    headers: &HeaderMap,
) -> Result<(), ApiError> {
    let token = authorization(headers, "bearer").filter(|token| api.doors.sessions.get(token).is_some());
    if let Some(token) = token {
        api.audit.note(who, peer, What::SignOut, SESSION.to_owned(), String::new()).await?;
        api.doors.sessions.close(token);
    }
    Ok(())
}

/// Ends the session.
#[utoipa::path(
    delete,
    path = "/api/v1/session",
    tag = "session",
    responses(
        (status = 204, description = "It has ended, or there was none"),
        (status = 403, description = "Without the session's own token", body = ErrorBody),
    )
)]
pub(crate) async fn sign_out(
    State(api): State<Api>,
    peer: Option<Extension<Peer>>,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    if let Shown::Session(who, csrf) = api.doors.who(&headers) {
        let sent = headers.get(CSRF).map_or(&b""[..], HeaderValue::as_bytes);
        if !bool::from(sent.ct_eq(csrf.as_bytes())) {
            let help = format!("send the `csrf` of GET {SESSION} as the header `{CSRF}`");
            return Err(ApiError::forbidden("a change needs the session's own token", help));
        }
        let peer = peer.map(|Extension(peer)| peer);
        api.audit.note(&who, peer, What::SignOut, SESSION.to_owned(), String::new()).await?;
    }
    end(&api.doors, &headers);
    let mut response = StatusCode::NO_CONTENT.into_response();
    put(&mut response, &api.doors.set_cookie("", 0));
    Ok(response)
}

/// What was open under a cookie is no longer, whoever put it there.
fn end(doors: &Doors, headers: &HeaderMap) {
    cookies(headers, doors.cookie()).for_each(|token| doors.sessions.close(token));
}

fn told(api: &Api, who: Option<Who>, csrf: Option<String>) -> impl IntoResponse + use<> {
    let session = Session {
        who: who.map(Person::from),
        csrf,
        passwords: api.doors.takes_passwords(),
        masking: api.masking,
    };
    ([(header::CACHE_CONTROL, "no-store")], Json(session))
}

fn put(response: &mut Response, cookie: &str) {
    if let Ok(cookie) = HeaderValue::from_str(cookie) {
        response.headers_mut().append(header::SET_COOKIE, cookie);
    }
}
