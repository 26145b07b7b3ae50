//! Where each signal goes.

use std::fmt;

use flow::Signal;
use http::Uri;
use http::uri::{PathAndQuery, Scheme};

use super::settings::Settings;

/// An address that requests are sent to. Shown without its query, which may hold a key.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Endpoint {
    pub(super) uri: Uri,
}

impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let scheme = self.uri.scheme_str().unwrap_or_default();
        let authority = self.uri.authority().map_or("", |authority| authority.as_str());
        write!(f, "{scheme}://{authority}{}", self.uri.path())
    }
}

/// The addresses of a section.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Endpoints([Option<Endpoint>; 3]);

/// Key, what is wrong with it, mend.
type Complaint = (&'static str, String, String);

impl Endpoints {
    pub(super) fn new(settings: &Settings) -> Result<Self, Complaint> {
        let base = Some(settings.endpoint.as_str()).filter(|base| !base.is_empty());
        let base = base.map(|base| address("endpoint", base)).transpose()?;
        let mut signals = [None, None, None];
        for (slot, signal) in signals.iter_mut().zip(Signal::ALL) {
            *slot = match (settings.signal_endpoint(signal), &base) {
                ((key, own), _) if !own.is_empty() => Some(address(key, own)?),
                (_, Some(base)) => Some(below(base, signal)?),
                (_, None) => None,
            }
            .map(|uri| Endpoint { uri });
        }
        if signals.iter().all(Option::is_none) {
            let help = "write for example `endpoint: http://127.0.0.1:4318`".into();
            return Err(("endpoint", "`endpoint` is required".into(), help));
        }
        Ok(Self(signals))
    }

    pub(super) fn get(&self, signal: Signal) -> Option<&Endpoint> {
        self.0.get(signal as usize)?.as_ref()
    }

    /// True where TLS is needed.
    pub(super) fn is_secure(&self) -> bool {
        self.0.iter().flatten().any(|endpoint| endpoint.uri.scheme() == Some(&Scheme::HTTPS))
    }
}

fn path(signal: Signal) -> &'static str {
    match signal {
        Signal::Traces => "/v1/traces",
        Signal::Metrics => "/v1/metrics",
        Signal::Logs => "/v1/logs",
    }
}

fn trimmed(base: &Uri) -> &str {
    base.path().trim_end_matches('/')
}

/// The base with the signal's path in place of another signal's, or behind it.
fn below(base: &Uri, signal: Signal) -> Result<Uri, Complaint> {
    if trimmed(base).ends_with(path(signal)) {
        return Ok(base.clone());
    }
    let folder = Signal::ALL.into_iter().find_map(|other| trimmed(base).strip_suffix(path(other)));
    let query = base.query().map(|query| format!("?{query}")).unwrap_or_default();
    let whole = format!("{}{}{query}", folder.unwrap_or(trimmed(base)), path(signal));
    let complaint = || ("endpoint", "it is not a URL".to_owned(), HELP.to_owned());
    let mut parts = base.clone().into_parts();
    parts.path_and_query = Some(PathAndQuery::try_from(whole).map_err(|_| complaint())?);
    Uri::from_parts(parts).map_err(|_| complaint())
}

const HELP: &str = "write scheme, host and port, for example `http://127.0.0.1:4318`";

fn address(key: &'static str, text: &str) -> Result<Uri, Complaint> {
    let wrong = |what: &str, help: &str| Err((key, what.to_owned(), help.to_owned()));
    let Ok(uri) = text.parse::<Uri>() else { return wrong("it is not a URL", HELP) };
    let scheme = uri.scheme().is_some_and(|scheme| *scheme == Scheme::HTTP || *scheme == Scheme::HTTPS);
    match uri.authority() {
        Some(authority) if authority.as_str().contains('@') => wrong(
            "credentials cannot stand in a URL here",
            "send them in `headers`, for example `Authorization: Basic ${env:CREDENTIALS}`",
        ),
        Some(authority) if scheme && !authority.host().is_empty() => Ok(uri),
        _ => wrong("it does not begin with http:// or https:// and a host", HELP),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use flow::config::Node;
    use proptest::prelude::*;

    fn endpoints(yaml: &str) -> Result<Endpoints, Complaint> {
        Endpoints::new(&Node::load("c.yaml", yaml).unwrap().parse().unwrap())
    }

    #[test]
    fn each_signal_has_its_address() {
        let table = [
            (
                "endpoint: http://h:4318",
                ["http://h:4318/v1/traces", "http://h:4318/v1/metrics", "http://h:4318/v1/logs"],
            ),
            (
                "endpoint: http://h:4318/",
                ["http://h:4318/v1/traces", "http://h:4318/v1/metrics", "http://h:4318/v1/logs"],
            ),
            (
                "endpoint: https://h/otlp?key=1",
                [
                    "https://h/otlp/v1/traces?key=1",
                    "https://h/otlp/v1/metrics?key=1",
                    "https://h/otlp/v1/logs?key=1",
                ],
            ),
            (
                "endpoint: https://h/v1/traces",
                ["https://h/v1/traces", "https://h/v1/metrics", "https://h/v1/logs"],
            ),
            (
                "endpoint: https://h/a/v1/logs/",
                ["https://h/a/v1/traces", "https://h/a/v1/metrics", "https://h/a/v1/logs/"],
            ),
            ("traces_endpoint: http://h/in", ["http://h/in", "", ""]),
            (
                "{endpoint: http://h, logs_endpoint: http://l/x/}",
                ["http://h/v1/traces", "http://h/v1/metrics", "http://l/x/"],
            ),
        ];
        for (yaml, expected) in table {
            let found = endpoints(yaml).unwrap();
            let urls =
                Signal::ALL.map(|signal| found.get(signal).map(|to| to.uri.to_string()).unwrap_or_default());
            assert_eq!(urls, expected, "{yaml}");
        }
    }

    #[test]
    fn wrong_addresses_are_refused_without_their_secrets() {
        for yaml in [
            "{}",
            "endpoint: localhost:4318",
            "endpoint: ftp://h/",
            "endpoint: /v1/traces",
            "endpoint: https://user:secret@h/",
            "endpoint: 'http://h h'",
            "endpoint: 'http://'",
        ] {
            let (_, what, help) = endpoints(yaml).unwrap_err();
            assert!(!format!("{what}{help}").contains("secret"), "{yaml}");
        }
        let shown = endpoints("endpoint: http://h/?key=secret").unwrap();
        assert_eq!(shown.get(Signal::Traces).unwrap().to_string(), "http://h/v1/traces");
    }

    proptest! {
        #[test]
        fn any_text_is_judged(text: String) {
            if let Ok(uri) = address("endpoint", &text) {
                for signal in Signal::ALL {
                    let whole = below(&uri, signal).unwrap();
                    prop_assert_eq!(whole.authority(), uri.authority());
                    prop_assert!(trimmed(&whole).ends_with(path(signal)));
                }
            }
        }

        #[test]
        fn the_path_stands_there_once(folders in "(/[a-z0-9]{1,5}){0,3}", slash in "/{0,2}") {
            let uri: Uri = format!("http://h{folders}/v1/traces{slash}").parse().unwrap();
            prop_assert_eq!(below(&uri, Signal::Traces).unwrap(), uri);
        }
    }
}
