//! The request for a new call.

use std::collections::BTreeMap;

use http::Method;
use serde_json::{Map, Value, json};
use throughline_context::uui;
use throughline_context::w3c::{Context, TRACEPARENT, TRACESTATE};

use super::address::Address;
use super::api::Request;
use super::dialect::{Carried, CarriedState, Carrier, Dialect};
use super::error::Unsuitable;
use super::{Identity, MOST_IN_ATTRIBUTE, checked_id};

/// A call to be placed.
///
/// ```
/// use throughline_sdk::genesys::calls::OutboundCall;
///
/// let call = OutboundCall::new("tel:+6598765432".parse()?)
///     .user("5b7e0a52-93c1-4b6c-8a5e-7d0f4c1b2a39")
///     .from_queue("7c1c1f7e-2b8e-4b0e-8f55-0d7d3f6f2f10")
///     .attribute("tier", "gold");
/// # Ok::<(), throughline_sdk::genesys::calls::AddressError>(())
/// ```
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct OutboundCall {
    to: Address,
    from: Option<Address>,
    from_queue: Option<String>,
    user: Option<String>,
    attributes: BTreeMap<String, String>,
    headers: BTreeMap<String, String>,
    uui_data: Option<String>,
}

/// A request, and what its body carries.
#[derive(Clone, PartialEq, Debug)]
pub struct Prepared {
    /// What to send.
    pub request: Request,
    /// Every carrier of a call, once.
    pub carried: Vec<Carried>,
}

impl OutboundCall {
    /// A call to this address.
    pub fn new(to: Address) -> Self {
        Self {
            to,
            from: None,
            from_queue: None,
            user: None,
            attributes: BTreeMap::new(),
            headers: BTreeMap::new(),
            uui_data: None,
        }
    }

    /// The number that is shown: `callerId`, or `from.participantAddress`, which the dialect of the pages needs.
    #[must_use]
    pub fn from(mut self, address: Address) -> Self {
        self.from = Some(address);
        self
    }

    /// The id of the queue on whose behalf the call is made: `callFromQueueId`.
    #[must_use]
    pub fn from_queue(mut self, id: impl Into<String>) -> Self {
        self.from_queue = Some(id.into());
        self
    }

    /// The id of the user who makes the call, who needs a phone that is ready. With a token of client credentials there
    /// has to be one: see [`Identity`].
    #[must_use]
    pub fn user(mut self, id: impl Into<String>) -> Self {
        self.user = Some(id.into());
        self
    }

    /// An attribute of the customer's participant.
    #[must_use]
    pub fn attribute(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.attributes.insert(name.into(), value.into());
        self
    }

    /// A header among `to.customHeaders`.
    #[must_use]
    pub fn header(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.headers.insert(name.into(), value.into());
        self
    }

    /// User-to-User data of yours, in place of the context.
    #[must_use]
    pub fn uui_data(mut self, data: impl Into<String>) -> Self {
        self.uui_data = Some(data.into());
        self
    }

    /// The request in a dialect, with a context in its carriers; an error where the dialect or the token cannot do what
    /// is asked. Nothing is sent.
    pub fn request(
        &self,
        dialect: Dialect,
        identity: Identity,
        context: Option<&Context>,
    ) -> Result<Prepared, Unsuitable> {
        match dialect {
            Dialect::PublicApi => self.public_api(identity, context),
            Dialect::Pages => self.pages(context),
        }
    }

    fn public_api(&self, identity: Identity, context: Option<&Context>) -> Result<Prepared, Unsuitable> {
        if !self.headers.is_empty() {
            return Err(Unsuitable::Field { field: "customHeaders", dialect: Dialect::PublicApi });
        }
        let mut body = Map::new();
        body.insert("phoneNumber".to_owned(), self.to.bare().into());
        if let Some(from) = &self.from {
            body.insert("callerId".to_owned(), from.bare().into());
        }
        if let Some(queue) = &self.from_queue {
            body.insert("callFromQueueId".to_owned(), checked_id("queue", queue)?.into());
        }
        let (attributes, in_attributes) = with_context(&self.attributes, context);
        if !attributes.is_empty() {
            body.insert("attributes".to_owned(), attributes.into());
        }
        let own = self.uui_data.clone().filter(|data| !data.is_empty());
        let ours = context.map(|context| uui::payload(&context.traceparent));
        let in_uui = match (&own, &ours) {
            (Some(_), _) => CarriedState::Taken,
            (None, Some(_)) => CarriedState::Written,
            (None, None) => CarriedState::NotUsed,
        };
        if let Some(data) = own.or(ours) {
            body.insert("uuiData".to_owned(), data.into());
        }
        let request = match (&self.user, identity) {
            (Some(user), _) => Request::new(
                Method::POST,
                "/api/v2/conversations/calls/user/{userId}",
                &[checked_id("user", user)?],
                Some(body.into()),
            ),
            (None, Identity::User) => {
                Request::new(Method::POST, "/api/v2/conversations/calls", &[], Some(body.into()))
            }
            (None, Identity::Client) => return Err(Unsuitable::NeedsUser),
        };
        let carried = [
            (Carrier::Attributes, in_attributes),
            (Carrier::UuiData, in_uui),
            (Carrier::CustomHeaders, CarriedState::NotInDialect),
        ];
        Ok(Prepared { request, carried: carried.map(|(carrier, state)| Carried::new(carrier, state)).into() })
    }

    /// The attributes are left to whoever places the call: they are written once it is there.
    fn pages(&self, context: Option<&Context>) -> Result<Prepared, Unsuitable> {
        let absent = |field| Unsuitable::Field { field, dialect: Dialect::Pages };
        let from = self.from.as_ref().ok_or(Unsuitable::NeedsFrom)?;
        if self.user.is_some() {
            return Err(absent("userId"));
        }
        if self.from_queue.is_some() {
            return Err(absent("callFromQueueId"));
        }
        if self.uui_data.is_some() {
            return Err(absent("uuiData"));
        }
        let mut to = Map::new();
        to.insert("participantAddress".to_owned(), self.to.as_str().into());
        let (headers, in_headers) = with_context(&self.headers, context);
        if !headers.is_empty() {
            to.insert("customHeaders".to_owned(), headers.into());
        }
        let body = json!({"to": to, "from": {"participantAddress": from.as_str()}});
        let carried = [
            (Carrier::Attributes, CarriedState::NotUsed),
            (Carrier::UuiData, CarriedState::NotInDialect),
            (Carrier::CustomHeaders, in_headers),
        ];
        Ok(Prepared {
            request: Request::new(Method::POST, "/api/v2/conversations/calls", &[], Some(body)),
            carried: carried.map(|(carrier, state)| Carried::new(carrier, state)).into(),
        })
    }

    /// What is written to the participant once the call is there, and what becomes of the context in it.
    pub(super) fn later_attributes(&self, context: Option<&Context>) -> (Map<String, Value>, CarriedState) {
        with_context(&self.attributes, context)
    }
}

/// Texts of the caller with the context beside them, unless they hold one.
fn with_context(
    own: &BTreeMap<String, String>,
    context: Option<&Context>,
) -> (Map<String, Value>, CarriedState) {
    let mut texts: Map<String, Value> =
        own.iter().map(|(name, value)| (name.clone(), value.as_str().into())).collect();
    let is_ours =
        |name: &String| [TRACEPARENT, TRACESTATE].iter().any(|ours| name.eq_ignore_ascii_case(ours));
    let Some(context) = context else { return (texts, CarriedState::NotUsed) };
    if own.keys().any(is_ours) {
        return (texts, CarriedState::Taken);
    }
    texts.insert(TRACEPARENT.to_owned(), context.traceparent.to_string().into());
    let mut tracestate = context.tracestate.clone();
    tracestate.truncate(MOST_IN_ATTRIBUTE);
    if !tracestate.is_empty() {
        texts.insert(TRACESTATE.to_owned(), tracestate.as_str().into());
    }
    (texts, CarriedState::Written)
}
