//! Who sends, and who we are to others: what extensions offer to listeners and exporters that name them.
//!
//! A refusal never repeats what was presented: it travels to clients and into logs.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};

use flow::{BoxFuture, BuildError, Ctx, Refusal};
use http::{HeaderMap, HeaderName, HeaderValue};

/// What an authenticator says of a client: `auth.<name>` of `from_context`.
pub type Identity = Vec<(String, String)>;

/// Decides who sends a request.
pub trait Authenticate: Send + Sync {
    /// Refuses with [`flow::Fault::Denied`] whoever does not show what is asked for.
    fn who<'a>(&'a self, headers: &'a HeaderMap) -> BoxFuture<'a, Result<Identity, Refusal>>;

    /// What a client is asked for (`WWW-Authenticate`, RFC 9110 11.6.1).
    fn challenge(&self) -> &'static str;
}

/// What an exporter shows to a server.
pub trait Credentials: Send + Sync {
    /// The header of the next request; it is marked as sensitive.
    fn header(&self) -> Result<(HeaderName, HeaderValue), String>;
}

/// Lets so much in.
pub trait Limit: Send + Sync {
    /// Asked before a body is read: the account that it will be charged to, or when to come back.
    fn account(&self, sender: &Sender<'_>) -> Result<Arc<dyn Charge>, Refusal>;
}

/// An account of a [`Limit`].
pub trait Charge: Send + Sync {
    /// A body of so many bytes and items was read.
    fn charge(&self, bytes: usize, items: usize);
}

/// Who sends a request, as far as the listener knows.
#[derive(Clone, Copy)]
pub struct Sender<'a> {
    pub peer: SocketAddr,
    pub headers: &'a HeaderMap,
    pub identity: &'a Identity,
}

/// What an extension offers.
#[derive(Clone)]
pub enum Offer {
    Server(Arc<dyn Authenticate>),
    Client(Arc<dyn Credentials>),
    Both(Arc<dyn Authenticate>, Arc<dyn Credentials>),
    Limit(Arc<dyn Limit>),
}

/// The offers of this process, by the ids of the extensions.
#[derive(Default)]
pub struct Offers {
    by_id: Mutex<HashMap<Arc<str>, Offer>>,
}

impl Offers {
    /// Makes an offer through the context, where it has a place for offers.
    pub fn add(ctx: &Ctx, offer: Offer) {
        if let Some(offers) = ctx.get::<Self>() {
            let mut by_id = offers.by_id.lock().unwrap_or_else(PoisonError::into_inner);
            by_id.insert(Arc::clone(&ctx.id), offer);
        }
    }

    /// What lets clients into `ctx`'s component.
    pub fn server(ctx: &Ctx, id: &str) -> Result<Arc<dyn Authenticate>, BuildError> {
        match Self::find(ctx, id)? {
            Offer::Server(server) | Offer::Both(server, _) => Ok(server),
            Offer::Client(_) => Err(unfit(ctx, id, "has credentials to show, and knows nobody to let in")),
            Offer::Limit(_) => Err(unfit(ctx, id, "does not authenticate; name it in `middlewares`")),
        }
    }

    /// What `ctx`'s component shows to servers.
    pub fn client(ctx: &Ctx, id: &str) -> Result<Arc<dyn Credentials>, BuildError> {
        match Self::find(ctx, id)? {
            Offer::Client(client) | Offer::Both(_, client) => Ok(client),
            Offer::Server(_) | Offer::Limit(_) => Err(unfit(ctx, id, "has no credentials to show")),
        }
    }

    pub fn limit(ctx: &Ctx, id: &str) -> Result<Arc<dyn Limit>, BuildError> {
        match Self::find(ctx, id)? {
            Offer::Limit(limit) => Ok(limit),
            _ => Err(unfit(ctx, id, "is no middleware; name it in `auth::authenticator`")),
        }
    }

    fn find(ctx: &Ctx, id: &str) -> Result<Offer, BuildError> {
        let offers = ctx.get::<Self>();
        let found = offers
            .and_then(|offers| offers.by_id.lock().unwrap_or_else(PoisonError::into_inner).get(id).cloned());
        found.ok_or_else(|| unfit(ctx, id, "is not among the extensions that run"))
    }
}

fn unfit(ctx: &Ctx, id: &str, why: &str) -> BuildError {
    BuildError::new(&ctx.id, format!("extension `{id}` {why}"))
}

/// A header value that no log shows.
pub fn sensitive(text: &str) -> Result<HeaderValue, String> {
    let mut value = HeaderValue::from_str(text)
        .map_err(|_| "the credentials have a character that no header can have".to_owned())?;
    value.set_sensitive(true);
    Ok(value)
}
