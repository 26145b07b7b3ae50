//! What is agreed with a peer.

use std::sync::Arc;

/// Peers that are treated alike: an SBC, a carrier, a trunk of Genesys Cloud. Who belongs to no trunk is a stranger: its
/// context headers are not believed, and none are sent to it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Trunk {
    /// As the configuration has it.
    pub name: Arc<str>,
    /// Context headers and `x-inin-cnv` are believed and sent.
    pub preserve_trace_context: bool,
    /// `User-to-User` is written where the call has none.
    pub user_to_user: bool,
    /// `traceparent` in `P-Asserted-Identity` is read; it is never written, since others read that header as a caller's
    /// number.
    pub p_asserted_identity: bool,
    /// How a `Refer-To` towards these peers carries the trace.
    pub refer_to: ReferTo,
}

/// What stands in a `Refer-To`, so that the call that follows finds its trace.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum ReferTo {
    /// A parameter of the URI with a word that is used once. It returns through the edge and is taken out there.
    #[default]
    Token,
    /// The token, and the headers themselves, embedded in the URI (RFC 3261, section 19.1.1). Some agents refuse such a URI.
    Headers,
    /// Nothing: the call is linked where there is only one that it can belong to.
    Nothing,
}
