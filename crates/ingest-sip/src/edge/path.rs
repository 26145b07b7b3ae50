//! What the Route headers and the Request-URI say about where a request has been told to go (RFC 3261, section 16.4).

use throughline_sip::{Heads, Malformed, Message, Name, NameAddr, Uri};

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
    pub(super) target: Uri<'m>,
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
    /// Nothing for a response.
    pub(super) fn of(message: &'m Message, heads: &Heads<'m>, own: &Own, secret: &Secret) -> Option<Self> {
        let (target, call) = (heads.request_uri?, heads.call_id);
        let mut path = Self {
            routes: Vec::new(),
            own: 0,
            target,
            rewritten: false,
            learnt: None,
            registered: Registered::No,
        };
        let mut routes = message.addresses(Name::Route).flatten();
        for route in routes.by_ref() {
            let Some(uri) = route.uri().ok().filter(|uri| own.is_uri(uri)) else {
                path.routes.push(route);
                break;
            };
            path.own += 1;
            path.learn(&uri, call, secret);
        }
        path.routes.extend(routes);
        let own_route = own.is_uri(&target).then(|| marks::read_route(secret, call, &target)).flatten();
        // Only a strict router puts a Record-Route of ours there; the target is the last route then.
        if let Some(learnt) = own_route
            && let Some(last) = path.routes.pop_if(|last| last.uri().is_ok())
            && let Ok(target) = last.uri()
        {
            path.target = target;
            path.rewritten = true;
            path.learnt = path.learnt.or(Some(learnt));
        }
        Some(path)
    }

    /// Where the next hop is.
    pub(super) fn next(&self) -> Result<Uri<'m>, Malformed> {
        self.routes.first().map_or(Ok(self.target), NameAddr::uri)
    }

    /// Whether the next hop is a strict router, which takes its own address for the Request-URI.
    pub(super) fn is_strict(&self) -> bool {
        let loose = |route: &NameAddr<'m>| route.uri().is_ok_and(|uri| uri.params.has("lr"));
        self.routes.first().is_some_and(|route| !loose(route))
    }

    fn learn(&mut self, uri: &Uri<'m>, call: &[u8], secret: &Secret) {
        if !uri.params.has(marks::PARAM) {
            return;
        }
        if let Some(learnt) = marks::read_route(secret, call, uri) {
            self.learnt = Some(learnt);
            return;
        }
        self.registered = marks::read_path(secret, uri).map_or(Registered::Unknown, Registered::Over);
    }
}
