//! Context in WebSocket messages. Gateways strip headers of the handshake, so that the first JSON message carries it.
//!
//! ```
//! use throughline_context::{w3c::Context, websocket};
//!
//! let parent = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
//! let subscribe = r#"{ "subscriptions": [ { "type": "conversation" } ] }"#;
//! assert_eq!(
//!     websocket::subscriptions().inject(subscribe, &Context::new(parent.parse()?))?,
//!     format!(r#"{{ "subscriptions": [ {{ "type": "conversation","traceparent":"{parent}" }} ] }}"#),
//! );
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

use crate::json::Place;

/// Each element of `subscriptions`, in the message that subscribes.
pub fn subscriptions() -> Place {
    Place::of(&["subscriptions", ""])
}

/// `context`, in any message.
pub fn message() -> Place {
    Place::of(&["context"])
}
