//! The edge stays on the way: Record-Route of calls, Path of phones that register.

use throughline_sip::{Edit, EditError, Heads, Method, Name, Uri};

use super::Edge;
use super::flow::Flow;
use super::marks::{self, Learnt};
use super::request::Request;

impl Edge {
    /// Stays on the way of what a request may begin, and of what comes for a phone that registers.
    pub(super) fn record(
        &self,
        edit: &mut Edit<'_>,
        request: &Request<'_>,
        heads: &Heads<'_>,
        to: Flow,
    ) -> Result<(), EditError> {
        match request.method {
            Method::Invite | Method::Subscribe | Method::Refer => {
                self.record_call(edit, request.from, heads, to)
            }
            Method::Register => self.record_phone(edit, request, to),
            _ => Ok(()),
        }
    }

    /// With both sides where they differ (RFC 5658), each with the connection of its own side.
    fn record_call(
        &self,
        edit: &mut Edit<'_>,
        from: Flow,
        heads: &Heads<'_>,
        to: Flow,
    ) -> Result<(), EditError> {
        if heads.to_tag.is_some() {
            return Ok(());
        }
        let secure = heads.request_uri.as_ref().is_some_and(Uri::is_sips);
        let two = to.listener != from.listener || to.connection != 0;
        for side in [two.then_some(to), Some(from)].into_iter().flatten() {
            let Some(listener) = self.own.get(side.listener) else { continue };
            let uri = marks::route(&self.secret, heads.call_id, Learnt::of(&side), listener, secure);
            edit.prepend(Name::RecordRoute, uri)?;
        }
        Ok(())
    }

    /// Where a phone allows it, what the registrar has for it comes back here (RFC 3327; 5626, section 5.1).
    fn record_phone(&self, edit: &mut Edit<'_>, request: &Request<'_>, to: Flow) -> Result<(), EditError> {
        let message = request.message;
        let supports =
            |wanted: &[u8]| message.all(Name::Supported).any(|tag| tag.eq_ignore_ascii_case(wanted));
        if request.from.connection == 0 || !supports(b"path") {
            return Ok(());
        }
        let Some(facing) = self.own.get(to.listener) else { return Ok(()) };
        let is_first = message.vias().count() == 1;
        let keeps = || message.addresses(Name::Contact).flatten().any(|contact| contact.params.has("reg-id"));
        let outbound = is_first && supports(b"outbound") && keeps();
        edit.prepend(Name::Path, marks::path(&self.secret, &request.from, facing, outbound))?;
        Ok(())
    }
}
