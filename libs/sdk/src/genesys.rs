//! The context in force, in what is sent to Genesys Cloud, and contexts in what comes from there. Bodies and messages go
//! in and come out; [`calls`] alone calls the platform.
//!
//! The platform keeps no header of a request, so that the context travels in bodies: as attributes, which every
//! participant's scripts, flows and notifications show, and as User-to-User data, which leaves over SIP trunks.
//!
//! ```
//! use throughline_sdk::genesys;
//!
//! // POST /api/v2/conversations/calls
//! let body = genesys::outbound_call(r#"{"phoneNumber":"+15550100"}"#)?;
//! // PATCH /api/v2/conversations/{id}/participants/{id}/attributes
//! let body = genesys::attributes(r#"{"attributes":{"tier":"gold"}}"#)?;
//! # Ok::<(), throughline_sdk::wire::json::JsonError>(())
//! ```
//!
//! Outside of any span, bodies stay as they are.

mod notification;
mod subscriptions;
pub mod calls;

use opentelemetry::Context;
use throughline_context::json::{self, JsonError, JsonProblem, Path, PathError, Place};
use throughline_context::w3c;
use throughline_context::{Candidate, Decision, Found, Traceparent, Trust, genesys, uui, websocket};

pub use notification::Notification;
pub use subscriptions::{DETAIL_EVENTS, Subscriptions};

use crate::context::{join, outgoing};
use crate::interaction::Interaction;

/// Most characters of an attribute of a participant.
const MOST_IN_ATTRIBUTE: usize = 256;

/// The headers of a Data Action, as templates: the flow hands the values in, as inputs of these names. An input that
/// it leaves out becomes an empty header, which starts a new trace.
pub const DATA_ACTION_HEADERS: [(&str, &str); 2] =
    [(w3c::TRACEPARENT, "$!{input.traceparent}"), (w3c::TRACESTATE, "$!{input.tracestate}")];

/// The body of `PATCH /api/v2/conversations/{id}/participants/{id}/attributes`, with the context in `attributes`.
pub fn attributes(body: &str) -> Result<String, JsonError> {
    write(body, &genesys::attributes())
}

/// The body of `POST /api/v2/conversations/calls`, with the context in `attributes`, and in `uuiData` unless that
/// holds something already. The API has no field for headers; see [`custom_headers`].
pub fn outbound_call(body: &str) -> Result<String, JsonError> {
    let Some(context) = outgoing(&Context::current()) else { return Ok(body.to_owned()) };
    let body = attributes(body)?;
    let uui_data = path("uuiData")?;
    let taken = json::read(&body, &uui_data)?.iter().any(|value| !["null", "\"\""].contains(value));
    if taken { Ok(body) } else { json::write(&body, &uui_data, &uui::payload(&context.traceparent)) }
}

/// The body of an outbound call for a wrapper around the API that takes headers, with the context in
/// `to.customHeaders`. The API itself does not.
pub fn custom_headers(body: &str) -> Result<String, JsonError> {
    write(body, &genesys::custom_headers())
}

/// The body of `POST /api/v2/conversations/callbacks`, with the context in `data`.
pub fn callback(body: &str) -> Result<String, JsonError> {
    write(body, &genesys::callback_data())
}

/// A message that subscribes, with the context in each of its `subscriptions`.
pub fn subscriptions(message: &str) -> Result<String, JsonError> {
    write(message, &websocket::subscriptions())
}

/// A Data Action as it is exported, with [`DATA_ACTION_HEADERS`] among its headers and their values among its inputs.
///
/// ```
/// let action = r#"{"config":{"request":{"requestType":"GET","headers":{}}}}"#;
/// let action = throughline_sdk::genesys::data_action(action)?;
/// assert!(action.contains(r#""headers":{"traceparent":"$!{input.traceparent}","tracestate":"$!{input.tracestate}"}"#));
/// # Ok::<(), throughline_sdk::wire::json::JsonError>(())
/// ```
pub fn data_action(action: &str) -> Result<String, JsonError> {
    let mut action = action.to_owned();
    for (name, template) in DATA_ACTION_HEADERS {
        action = json::write(&action, &path(&format!("config.request.headers.{name}"))?, template)?;
        let input = format!("contract.input.inputSchema.properties.{name}.type");
        action = json::write(&action, &path(&input)?, "string")?;
    }
    Ok(action)
}

/// The `traceparent` that follows from a conversation id, wherever it is made; none where the id is no UUID.
///
/// ```
/// let parent = throughline_sdk::genesys::traceparent("c41e7d90-5b2a-4f0e-9a6d-37c2e10b8f54").unwrap();
/// assert_eq!(parent.to_string(), "00-c41e7d905b2a4f0e9a6d37c2e10b8f54-c41e7d905b2a4f0e-01");
/// ```
pub fn traceparent(conversation: &str) -> Option<Traceparent> {
    Traceparent::from_conversation(conversation)
}

/// A context in the scope of a conversation, and in the trace that follows from its id where that is a UUID: for work
/// that is told nothing else, such as that of a Data Action or an AudioHook.
pub fn conversation(cx: &Context, id: &str) -> Context {
    let candidates = Candidate::conversation(id);
    join(&Interaction::new(id).on(cx), &decide(candidates))
}

fn decide<'a>(candidates: impl IntoIterator<Item = Candidate<'a>>) -> Decision {
    const NOTHING: &[(&str, &str)] = &[];
    let mut found = Found::with_traceparent(w3c::Extraction::Absent, NOTHING, &[]);
    candidates.into_iter().for_each(|candidate| found.add(candidate));
    found.decide(Trust::Trusted)
}

fn path(text: &str) -> Result<Path, JsonError> {
    text.parse()
        .map_err(|error: PathError| JsonError { at: error.at, problem: JsonProblem::BadReference(error) })
}

fn write(body: &str, place: &Place) -> Result<String, JsonError> {
    let Some(mut context) = outgoing(&Context::current()) else { return Ok(body.to_owned()) };
    context.tracestate.truncate(MOST_IN_ATTRIBUTE);
    place.inject(body, &context)
}
