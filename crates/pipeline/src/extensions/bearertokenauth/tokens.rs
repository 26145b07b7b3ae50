//! The tokens, from the configuration or from a file that may change.

use std::sync::{Arc, Mutex, PoisonError};

use http::HeaderValue;
use subtle::{Choice, ConstantTimeEq};

use super::Settings;
use crate::auth::sensitive;
use crate::net::watched::Watched;

pub(super) struct Tokens {
    scheme: String,
    /// As they stand in the header, behind the scheme.
    values: Mutex<Arc<[HeaderValue]>>,
    file: Option<(String, Watched)>,
}

impl Tokens {
    pub(super) fn new(settings: &Settings) -> Result<Self, String> {
        let scheme = settings.scheme.trim().to_owned();
        let file = (!settings.filename.is_empty())
            .then(|| (settings.filename.clone(), Watched::new([&settings.filename])));
        let values = match &file {
            Some(_) => read(&settings.filename, &scheme)?,
            None => {
                let all = std::iter::once(&settings.token).chain(&settings.tokens);
                values(all.map(|token| token.0.as_str()), &scheme)?
            }
        };
        Ok(Self { scheme, values: Mutex::new(values), file })
    }

    /// Whether a header's value is one of them; takes the same time for each.
    pub(super) fn has(&self, shown: &[u8]) -> bool {
        let values = self.current();
        let any = values.iter().fold(Choice::from(0), |any, value| any | value.as_bytes().ct_eq(shown));
        any.into()
    }

    pub(super) fn first(&self) -> Result<HeaderValue, String> {
        self.current().first().cloned().ok_or_else(|| "there is no token".to_owned())
    }

    /// Those of the file as it is now; where it cannot be read, those that it had.
    fn current(&self) -> Arc<[HeaderValue]> {
        if let Some((path, _)) = self.file.as_ref().filter(|(_, file)| file.changed()) {
            match read(path, &self.scheme) {
                Ok(values) => *self.values.lock().unwrap_or_else(PoisonError::into_inner) = values,
                Err(why) => tracing::warn!(why, "the tokens stay as they were"),
            }
        }
        Arc::clone(&self.values.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

fn read(path: &str, scheme: &str) -> Result<Arc<[HeaderValue]>, String> {
    let text = std::fs::read_to_string(path).map_err(|error| format!("`{path}` cannot be read: {error}"))?;
    let values = values(text.lines(), scheme)?;
    if values.is_empty() { Err(format!("`{path}` has no token; write one a line")) } else { Ok(values) }
}

fn values<'a>(tokens: impl Iterator<Item = &'a str>, scheme: &str) -> Result<Arc<[HeaderValue]>, String> {
    let tokens = tokens.map(str::trim).filter(|token| !token.is_empty());
    let behind = |token: &str| match scheme {
        "" => sensitive(token),
        scheme => sensitive(&format!("{scheme} {token}")),
    };
    tokens.map(behind).collect()
}
