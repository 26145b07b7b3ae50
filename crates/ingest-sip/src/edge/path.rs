//! What the Route headers and the Request-URI say about where a request has been told to go (RFC 3261, section 16.4).

use throughline_sip::{Message, Name, NameAddr, Uri};

use super::marks::{self, Learnt};
use super::own::Own;
use super::secret::Secret;

/// The way of a request, without the parts of it that are this edge.
#[derive(Clone, Debug)]
pub(super) struct Path<'m> {
    /// Routes that lead on.
    pub(super) routes: Vec<NameAddr<'m>>,
    /// How many routes before them were this edge.
    pub(super) own: usize,
    /// Where it goes after all routes.
    pub(super) target: &'m [u8],
    /// The sender rewrote the Request-URI for a strict router (RFC 2543), so that all routes have to be written anew.
    pub(super) rewritten: bool,
    /// The edge made one of its routes for this very call; what it wrote down there in the last one.
    pub(super) learnt: Option<Learnt>,
    /// The last of its routes that is not of this call.
    pub(super) registered: Registered,
}

/// Where a phone registered, by a Path of ours.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Registered {
    /// No such route.
    No,
    Over(Learnt),
    /// The mark is not ours, or that of an edge before this one.
    Unknown,
}

impl<'m> Path<'m> {
    pub(super) fn of(message: &'m Message, own: &Own, secret: &Secret) -> Self {
        let call = message.call_id().unwrap_or_default();
        let target = message.request_uri().unwrap_or_default();
        let mut path = Self {
            routes: Vec::new(),
            own: 0,
            target,
            rewritten: false,
            learnt: None,
            registered: Registered::No,
        };
        let mut routes = message.addresses(Name::Route).flatten().peekable();
        let is_own = |route: &NameAddr<'m>| route.uri().is_ok_and(|uri| own.is_uri(&uri));
        while let Some(route) = routes.next_if(is_own) {
            path.own += 1;
            path.learn(route.uri, call, secret);
        }
        path.routes.extend(routes);
        if let Some(learnt) = Uri::parse(target)
            .ok()
            .filter(|uri| own.is_uri(uri))
            .and_then(|uri| marks::read_route(secret, call, &uri))
        {
            // Only a strict router puts a Record-Route of ours there; the target is the last route then.
            if let Some(last) = path.routes.pop() {
                path.target = last.uri;
                path.rewritten = true;
                path.learnt = path.learnt.or(Some(learnt));
            }
        }
        path
    }

    /// Where the next hop is.
    pub(super) fn next(&self) -> &'m [u8] {
        self.routes.first().map_or(self.target, |route| route.uri)
    }

    /// Whether the next hop is a strict router, which takes its own address for the Request-URI.
    pub(super) fn is_strict(&self) -> bool {
        let loose = |route: &NameAddr<'m>| route.uri().is_ok_and(|uri| uri.params.has("lr"));
        self.routes.first().is_some_and(|route| !loose(route))
    }

    fn learn(&mut self, uri: &'m [u8], call: &[u8], secret: &Secret) {
        let Some(uri) = Uri::parse(uri).ok().filter(|uri| uri.params.has(marks::PARAM)) else { return };
        if let Some(learnt) = marks::read_route(secret, call, &uri) {
            self.learnt = Some(learnt);
            return;
        }
        self.registered = marks::read_path(secret, &uri).map_or(Registered::Unknown, Registered::Over);
    }
}
