//! Headers of the `http` crate, and the carriers of `opentelemetry`, as carriers of `throughline-context`.

use http::HeaderMap;
use http::header::{HeaderName, HeaderValue};
use opentelemetry::propagation::{Extractor, Injector};
use throughline_context::{Getter, Setter};

/// Headers to read from. Every value of a name is seen, so that a header that came twice is told from one that came
/// once.
#[derive(Clone, Copy, Debug)]
pub struct Headers<'a>(pub &'a HeaderMap);

/// Headers to write to.
#[derive(Debug)]
pub struct HeadersMut<'a>(pub &'a mut HeaderMap);

/// What a propagator of `opentelemetry` reads from. A name that came twice is seen twice only where the carrier has
/// its own `get_all`, as that of `opentelemetry-http` has.
pub(crate) struct FromExtractor<'a>(pub(crate) &'a dyn Extractor);

/// What a propagator of `opentelemetry` writes to.
pub(crate) struct ToInjector<'a>(pub(crate) &'a mut dyn Injector);

impl Getter for Headers<'_> {
    fn fields(&self) -> impl Iterator<Item = (&str, &[u8])> {
        self.0.iter().map(|(name, value)| (name.as_str(), value.as_bytes()))
    }

    fn get_all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a [u8]> {
        self.0.get_all(name).iter().map(HeaderValue::as_bytes)
    }
}

impl Setter for HeadersMut<'_> {
    fn set(&mut self, name: &str, value: &str) {
        if let (Ok(name), Ok(value)) = (HeaderName::from_bytes(name.as_bytes()), HeaderValue::from_str(value))
        {
            self.0.insert(name, value);
        }
    }

    fn unset(&mut self, name: &str) {
        self.0.remove(name);
    }
}

impl Getter for FromExtractor<'_> {
    fn fields(&self) -> impl Iterator<Item = (&str, &[u8])> {
        self.0.keys().into_iter().flat_map(|name| {
            let values = self.0.get_all(name).unwrap_or_default();
            values.into_iter().map(move |value| (name, value.as_bytes()))
        })
    }

    fn get_all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a [u8]> {
        self.0.get_all(name).into_iter().flatten().map(str::as_bytes)
    }
}

impl Setter for ToInjector<'_> {
    fn set(&mut self, name: &str, value: &str) {
        self.0.set(name, value.to_owned());
    }

    /// The trait cannot take a header away.
    fn unset(&mut self, _: &str) {}
}
