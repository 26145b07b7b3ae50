//! `headers`: values that are sent to the server and shown to nobody.

use std::collections::BTreeMap;
use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use flow::config::{Finding, Node, Opaque};
use http::{HeaderMap, HeaderName, HeaderValue};

use crate::auth::Credentials;

pub(crate) type Settings = BTreeMap<String, Opaque>;

/// Headers that frame the request; the exporter sets them.
const OURS: [&str; 6] =
    ["content-type", "content-length", "content-encoding", "transfer-encoding", "connection", "te"];

/// The headers of a section that [`check`] found no error in. Values are marked, so that no log shows them.
pub(crate) fn read(settings: &Settings) -> HeaderMap {
    settings.iter().filter_map(|(name, value)| header(name, value).ok()).collect()
}

/// What is wrong with `headers`; never quotes a value.
pub(crate) fn check(section: &Node, settings: &Settings) -> Vec<Finding> {
    let Some(block) = section.get("headers") else { return Vec::new() };
    let wrong = |(name, value): (&String, &Opaque)| {
        let (what, mend) = header(name, value).err()?;
        Some(Finding::error(block.get(name).unwrap_or(block), what).help(mend))
    };
    settings.iter().filter_map(wrong).collect()
}

type Complaint = (&'static str, &'static str);

fn header(name: &str, value: &Opaque) -> Result<(HeaderName, HeaderValue), Complaint> {
    let name = HeaderName::from_bytes(name.as_bytes())
        .map_err(|_| ("this is not the name of a header", "use letters, digits and dashes"))?;
    if OURS.contains(&name.as_str()) || name.as_str().starts_with("grpc-") {
        return Err(("the exporter sets this header itself", "leave it out"));
    }
    // gRPC: binary metadata travels as base64.
    let encoded = name.as_str().ends_with("-bin").then(|| STANDARD_NO_PAD.encode(&value.0));
    let mut value = HeaderValue::from_str(encoded.as_deref().unwrap_or(&value.0)).map_err(|_| {
        ("the value has a character that no header can have", "look for a line break at its end")
    })?;
    value.set_sensitive(true);
    Ok((name, value))
}

/// Texts that must not come back out, because a server repeated them in its answer.
#[derive(Clone, Default)]
pub(crate) struct Secrets {
    words: Vec<String>,
    /// What an extension shows to the server, which may change.
    credentials: Option<Arc<dyn Credentials>>,
}

/// Shorter words say too little to be secrets, and occur in honest text.
const SHORTEST_SECRET: usize = 8;

impl Secrets {
    pub(crate) fn new(settings: &Settings) -> Self {
        let words = settings.values().flat_map(|value| secret_words(&value.0)).map(str::to_owned).collect();
        Self { words, credentials: None }
    }

    pub(crate) fn and(self, credentials: Option<Arc<dyn Credentials>>) -> Self {
        Self { credentials, ..self }
    }

    pub(crate) fn hide(&self, text: &str) -> String {
        let shown = self.credentials.as_ref().and_then(|credentials| credentials.header().ok());
        let shown = shown.as_ref().and_then(|(_, value)| value.to_str().ok()).unwrap_or_default();
        let words = self.words.iter().map(String::as_str).chain(secret_words(shown));
        words.fold(text.to_owned(), |text, secret| text.replace(secret, "[hidden]"))
    }
}

fn secret_words(text: &str) -> impl Iterator<Item = &str> {
    text.split_whitespace().filter(|word| word.len() >= SHORTEST_SECRET)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(yaml: &str) -> Vec<String> {
        let section = Node::load("c.yaml", yaml).unwrap();
        let settings: Settings = section.get("headers").unwrap().parse().unwrap();
        check(&section, &settings).iter().map(ToString::to_string).collect()
    }

    #[test]
    fn wrong_headers_are_named_without_their_values() {
        let yaml = "headers:\n  \"a b\": 1\n  Content-Type: x\n  Authorization: \"Bearer secret-token\\n\"";
        expect_test::expect![[r#"
            c.yaml:4:18: error: headers::Authorization: the value has a character that no header can have
              help: look for a line break at its end
            c.yaml:3:17: error: headers::Content-Type: the exporter sets this header itself
              help: leave it out
            c.yaml:2:10: error: headers::a b: this is not the name of a header
              help: use letters, digits and dashes"#]]
        .assert_eq(&found(yaml).join("\n"));
        assert_eq!(found("headers: {X-Scope-OrgID: 42}"), [""; 0]);
    }

    #[test]
    fn values_are_sent_and_not_shown() {
        let settings = Settings::from([
            ("Authorization".to_owned(), Opaque("Bearer secret-token".to_owned())),
            ("key-bin".to_owned(), Opaque("\u{1}".to_owned())),
        ]);
        let headers = read(&settings);
        assert_eq!(headers.get("authorization").unwrap(), "Bearer secret-token");
        assert_eq!(headers.get("key-bin").unwrap(), "AQ");
        assert!(!format!("{headers:?}{settings:?}").contains("secret-token"));
        let hidden = Secrets::new(&settings).hide("no user for secret-token");
        assert_eq!(hidden, "no user for [hidden]");
    }
}
