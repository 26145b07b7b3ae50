//! Where Genesys Cloud can carry a context.
//!
//! - REST bodies: the places below. Participant attributes are the carrier that survives inside the platform: they
//!   hold strings of up to 256 characters, and a `traceparent` has 55.
//! - SIP on BYOC trunks: `x-inin-cnv` ([`conversation_id`]), and User-to-User ([`crate::uui`]). Headers of the
//!   platform's own calls are static, so that it never sends a `traceparent`.
//! - Data Actions: the header template `"traceparent": "$!{input.traceparent}"`, where the flow hands the value in.
//!   Without one, hand in the conversation id and cut it
//!   ([`Traceparent::from_conversation`](crate::Traceparent::from_conversation)).

use crate::carrier::Getter;
use crate::id::TraceId;
use crate::json::Place;
use crate::list;

/// The header with the conversation id: in the INVITE that the platform sends, in the 200 that answers an INVITE to
/// it (trunk setting "Conversation Headers").
pub const CONVERSATION_HEADER: &str = "x-inin-cnv";

/// The conversation id of `x-inin-cnv`; nothing where it is not a UUID, or comes more than once with different
/// values.
pub fn conversation_id(from: &(impl Getter + ?Sized)) -> Option<&str> {
    let mut values = from.get_all(CONVERSATION_HEADER).map(list::trim);
    let first = values.next()?;
    if values.any(|other| !other.eq_ignore_ascii_case(first)) {
        return None;
    }
    let text = str::from_utf8(first).ok()?;
    TraceId::from_uuid(text).filter(TraceId::is_valid).map(|_| text)
}

/// `attributes` of a request body: attributes of the conversation in `POST /api/v2/conversations/calls`, of the
/// participant in `PATCH /api/v2/conversations/{id}/participants/{id}/attributes`.
///
/// ```
/// use throughline_context::{genesys, w3c::Context};
///
/// let parent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
/// let body = genesys::attributes().inject(r#"{"phoneNumber":"+15550100"}"#, &Context::new(parent.parse()?))?;
/// assert_eq!(body, format!(r#"{{"phoneNumber":"+15550100","attributes":{{"traceparent":"{parent}"}}}}"#));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn attributes() -> Place {
    Place::of(&["attributes"])
}

/// `participants[].attributes` of a conversation as the REST API and the notifications show it: read only.
pub fn participant_attributes() -> Place {
    Place::of(&["participants", "", "attributes"])
}

/// `data` of `POST /api/v2/conversations/callbacks`, which becomes attributes of the conversation.
pub fn callback_data() -> Place {
    Place::of(&["data"])
}

/// `to.customHeaders`, where some wrappers around the API take headers of the outbound call. The API itself has no
/// such field: use [`attributes`] there.
pub fn custom_headers() -> Place {
    Place::of(&["to", "customHeaders"])
}
