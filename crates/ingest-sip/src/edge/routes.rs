//! Which next hop a new call goes to.

use std::sync::Arc;

use throughline_sip::{Method, Uri};

use crate::trunk::Trunk;

/// One line of the table.
#[derive(Clone, PartialEq, Eq, Default, Debug)]
pub struct Route {
    /// Names of trunks; any trunk where there are none.
    pub from: Vec<Arc<str>>,
    /// Whether it is also for senders that belong to no trunk.
    pub strangers: bool,
    /// All where there are none. ACK and CANCEL go where their INVITE goes.
    pub methods: Vec<String>,
    pub user: Option<Pattern>,
    pub host: Option<Pattern>,
    /// The group of targets, by its place.
    pub to: usize,
}

/// Text in which `*` stands for anything.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Pattern(String);

impl Pattern {
    pub fn new(text: &str) -> Self {
        Self(text.to_ascii_lowercase())
    }

    pub fn matches(&self, text: &[u8]) -> bool {
        let pattern = self.0.as_bytes();
        let (mut p, mut t) = (0, 0);
        // Where to go on after the last star when what follows it did not fit.
        let mut again = None;
        while let Some(byte) = text.get(t) {
            match pattern.get(p) {
                Some(b'*') => {
                    again = Some((p + 1, t));
                    p += 1;
                }
                Some(wanted) if *wanted == byte.to_ascii_lowercase() => (p, t) = (p + 1, t + 1),
                _ => {
                    let Some((after, from)) = again else { return false };
                    again = Some((after, from + 1));
                    (p, t) = (after, from + 1);
                }
            }
        }
        pattern.get(p..).is_some_and(|rest| rest.iter().all(|byte| *byte == b'*'))
    }
}

impl Route {
    fn matches(&self, from: Option<&Arc<Trunk>>, method: Method<'_>, uri: &Uri<'_>) -> bool {
        let sender = match from {
            Some(trunk) => self.from.is_empty() || self.from.contains(&trunk.name),
            None => self.strangers,
        };
        let method = if matches!(method, Method::Ack | Method::Cancel) { Method::Invite } else { method };
        let methods = || self.methods.iter().any(|known| known.as_bytes() == method.as_bytes());
        let fits = |pattern: &Option<Pattern>, text: &[u8]| {
            pattern.as_ref().is_none_or(|pattern| pattern.matches(text))
        };
        sender
            && (self.methods.is_empty() || methods())
            && fits(&self.user, uri.user.unwrap_or_default())
            && fits(&self.host, uri.host)
    }
}

/// The group that the first route which fits leads to.
pub(super) fn find(
    routes: &[Route],
    from: Option<&Arc<Trunk>>,
    method: Method<'_>,
    uri: &Uri<'_>,
) -> Option<usize> {
    routes.iter().find(|route| route.matches(from, method, uri)).map(|route| route.to)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stars_stand_for_anything() {
        for (pattern, text, fits) in [
            ("+49*", "+4930", true),
            ("+49*", "0049", false),
            ("*", "", true),
            ("", "", true),
            ("", "a", false),
            ("*.example.com", "a.B.example.COM", true),
            ("*.example.com", "example.com", false),
            ("a*b*c", "a--b-b--c", true),
            ("a*b*c", "a--c--b", false),
            ("*a", "aaab", false),
            ("**", "x", true),
        ] {
            assert_eq!(Pattern::new(pattern).matches(text.as_bytes()), fits, "{pattern} {text}");
        }
    }
}
