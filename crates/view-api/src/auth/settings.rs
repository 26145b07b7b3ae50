//! The key `auth` of the section `view`.

use std::collections::BTreeSet;

use flow::config::{Finding, GoDuration, Node, Opaque};
use serde::Deserialize;

use super::password;
use super::role::Role;

/// Characters that a token has at least.
const SHORTEST_TOKEN: usize = 32;

/// Who may come in.
#[derive(Clone, PartialEq, Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Auth {
    /// People, by name and password.
    pub users: Vec<User>,
    /// Programs, by `Authorization: Bearer`.
    pub tokens: Vec<Token>,
    /// A session ends after so long, whatever happens.
    pub session_lifetime: GoDuration,
    /// A session ends when it was not used for so long.
    pub session_idle: GoDuration,
}

impl Default for Auth {
    fn default() -> Self {
        Self {
            users: Vec::new(),
            tokens: Vec::new(),
            session_lifetime: GoDuration::from_secs(12 * 3600),
            session_idle: GoDuration::from_secs(2 * 3600),
        }
    }
}

#[derive(Clone, PartialEq, Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct User {
    pub name: String,
    /// What `throughline hash-password` printed.
    pub password_hash: Opaque,
    pub role: Role,
}

#[derive(Clone, PartialEq, Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Token {
    pub name: String,
    pub token: Opaque,
    pub role: Role,
}

impl Auth {
    /// Everything wrong with the section.
    pub(crate) fn check(&self, section: &Node) -> Vec<Finding> {
        let mut findings = Vec::new();
        if self.users.is_empty() && self.tokens.is_empty() {
            let finding = Finding::error(section, "nobody could come in");
            findings.push(finding.help("name `users` with `password_hash`, or `tokens`"));
        }
        for (key, time) in [("session_lifetime", self.session_lifetime), ("session_idle", self.session_idle)]
        {
            if time.is_zero() {
                let at = section.get(key).unwrap_or(section);
                findings.push(Finding::error(at, "every session would end at once").help("write `12h`"));
            }
        }
        let node = |list: &str, nth: usize, key: &str| {
            let entry = section.get(list).and_then(|list| list.items().get(nth)).unwrap_or(section);
            entry.get(key).unwrap_or(entry)
        };
        let mut names = BTreeSet::new();
        let users = self.users.iter().enumerate().map(|(nth, user)| ("users", nth, &user.name));
        let tokens = self.tokens.iter().enumerate().map(|(nth, token)| ("tokens", nth, &token.name));
        for (list, nth, name) in users.chain(tokens) {
            let at = node(list, nth, "name");
            if name.is_empty() || name.len() > 64 {
                findings.push(
                    Finding::error(at, "a name has 1 to 64 bytes").help("the audit tells people apart by it"),
                );
            } else if !names.insert(name) {
                findings
                    .push(Finding::error(at, format!("`{name}` is there twice")).help("take another name"));
            }
        }
        for (nth, user) in self.users.iter().enumerate() {
            if let Err(why) = password::check(&user.password_hash.0) {
                findings.push(Finding::error(node("users", nth, "password_hash"), why));
            }
        }
        for (nth, token) in self.tokens.iter().enumerate() {
            if token.token.0.len() < SHORTEST_TOKEN {
                let message = format!("a token needs {SHORTEST_TOKEN} characters that nobody can guess");
                let help = "make one with `openssl rand -base64 32`, and write `${env:NAME}` here";
                findings.push(Finding::error(node("tokens", nth, "token"), message).help(help));
            }
        }
        findings
    }
}
