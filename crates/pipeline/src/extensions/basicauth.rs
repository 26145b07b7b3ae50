//! `basicauth`: user names and passwords (RFC 7617), for listeners by an htpasswd file, for exporters as credentials.

mod htpasswd;

use std::collections::HashMap;
use std::fs;
use std::sync::{Arc, Mutex, PoisonError};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use flow::config::{Finding, Node, Opaque, Section};
use flow::{BoxFuture, BuildError, Ctx, Extension, Factory, Fault, Make, Refusal};
use http::header::AUTHORIZATION;
use http::{HeaderMap, HeaderName, HeaderValue};
use ring::digest::{SHA256, digest};
use ring::hmac;
use ring::rand::SystemRandom;
use serde::Deserialize;
use tokio::sync::Semaphore;

use super::Passive;
use crate::auth::{Authenticate, Credentials, Identity, Offer, Offers, sensitive};
use htpasswd::Users;

pub static FACTORY: Factory =
    Factory { name: "basicauth", aliases: &[], signals: &[], check, make: Make::Extension(make) };

/// Passwords that are checked at once: a check is slow by intention, and anyone may ask for one.
const CHECKS: usize = 2;

#[derive(Clone, Default, Deserialize)]
#[serde(default)]
struct Settings {
    htpasswd: Option<Section<Htpasswd>>,
    client_auth: Option<Section<ClientAuth>>,
}

#[derive(Clone, Default, Deserialize)]
#[serde(default)]
struct Htpasswd {
    file: String,
    inline: Opaque,
}

#[derive(Clone, Default, Deserialize)]
#[serde(default)]
struct ClientAuth {
    username: String,
    username_file: String,
    password: Opaque,
    password_file: String,
}

fn check(section: &Node) -> Vec<Finding> {
    let (settings, mut findings) = section.check::<Settings>();
    let Some(settings) = settings else { return findings };
    match (&settings.htpasswd, &settings.client_auth) {
        (None, None) => findings.push(
            Finding::error(section, "it has neither users nor credentials")
                .help("write `htpasswd: {file: ...}` for a listener, `client_auth: {username: ..., password: ...}` for an exporter"),
        ),
        (Some(_), Some(_)) => findings.push(
            Finding::error(section, "`htpasswd` is for listeners, `client_auth` for exporters")
                .help("make two extensions, such as `basicauth/server` and `basicauth/client`"),
        ),
        (Some(htpasswd), None) => {
            if let Err(why) = htpasswd.users() {
                findings.push(Finding::error(section.get("htpasswd").unwrap_or(section), why));
            }
        }
        (None, Some(client)) => {
            if let Err(why) = client.header() {
                findings.push(Finding::error(section.get("client_auth").unwrap_or(section), why));
            }
        }
    }
    findings
}

fn make(section: &Node, ctx: &Ctx) -> Result<Arc<dyn Extension>, BuildError> {
    let wrong = |why: String| BuildError::new(&ctx.id, why);
    let settings: Settings = section.parse().map_err(|_| wrong("the settings were not checked".into()))?;
    if let Some(htpasswd) = &settings.htpasswd {
        let users = htpasswd.users().map_err(wrong)?;
        let secret = hmac::Key::generate(hmac::HMAC_SHA256, &SystemRandom::new());
        let secret = secret.map_err(|_| wrong("the system has no random numbers".into()))?;
        let known = Mutex::default();
        let turns = Semaphore::new(CHECKS);
        let server = Server { users: Arc::new(users), secret, known, turns };
        Offers::add(ctx, Offer::Server(Arc::new(server)));
    }
    if let Some(client) = &settings.client_auth {
        let header = client.header().map_err(wrong)?;
        Offers::add(ctx, Offer::Client(Arc::new(Client { header })));
    }
    Ok(Arc::new(Passive))
}

impl Htpasswd {
    /// The users of the file, and those that stand in the configuration, which win.
    fn users(&self) -> Result<Users, String> {
        if self.file.is_empty() && self.inline.0.is_empty() {
            return Err("there are no users: write `file` or `inline`".to_owned());
        }
        let mut users = Users::default();
        if !self.file.is_empty() {
            users.read(&text(&self.file)?, &self.file)?;
        }
        users.read(&self.inline.0, "inline")?;
        if users.is_empty() {
            return Err("there are no users: make one with `htpasswd -nB name`".to_owned());
        }
        Ok(users)
    }
}

impl ClientAuth {
    fn header(&self) -> Result<HeaderValue, String> {
        let one = |value: &str, file: &str, what: &str| match (value.is_empty(), file.is_empty()) {
            (false, true) => Ok(value.to_owned()),
            (true, false) => Ok(text(file)?.trim_end_matches(['\r', '\n']).to_owned()),
            (true, true) => Err(format!("`{what}` is missing")),
            (false, false) => Err(format!("`{what}` and `{what}_file` are both set: leave one out")),
        };
        let name = one(&self.username, &self.username_file, "username")?;
        let password = one(&self.password.0, &self.password_file, "password")?;
        if name.contains(':') {
            return Err("a user name has no colon (RFC 7617, 2)".to_owned());
        }
        sensitive(&format!("Basic {}", STANDARD.encode(format!("{name}:{password}"))))
    }
}

fn text(path: &str) -> Result<String, String> {
    fs::read_to_string(path).map_err(|error| format!("`{path}` cannot be read: {error}"))
}

struct Server {
    users: Arc<Users>,
    /// What credentials are remembered by, so that they are not kept.
    secret: hmac::Key,
    /// Credentials that were right; their number is that of the users.
    known: Mutex<HashMap<Vec<u8>, String>>,
    turns: Semaphore,
}

impl Server {
    async fn check(&self, headers: &HeaderMap) -> Result<Identity, Refusal> {
        let presented = headers.get(AUTHORIZATION).ok_or_else(|| denied("no basic auth provided"))?;
        let mark = hmac::sign(&self.secret, presented.as_bytes()).as_ref().to_vec();
        let known = self.known.lock().unwrap_or_else(PoisonError::into_inner).get(&mark).cloned();
        let name = match known {
            Some(name) => name,
            None => self.check_slowly(presented, mark).await?,
        };
        Ok(vec![("username".to_owned(), name)])
    }

    async fn check_slowly(&self, presented: &HeaderValue, mark: Vec<u8>) -> Result<String, Refusal> {
        let (scheme, encoded) = presented
            .to_str()
            .ok()
            .and_then(|text| text.split_once(' '))
            .ok_or_else(|| denied("invalid authorization scheme prefix"))?;
        if !scheme.eq_ignore_ascii_case("Basic") {
            return Err(denied("invalid authorization scheme prefix"));
        }
        let malformed = || denied("invalid authorization format");
        let decoded = STANDARD.decode(encoded.trim()).ok().and_then(|bytes| String::from_utf8(bytes).ok());
        let decoded = decoded.ok_or_else(malformed)?;
        let (name, password) = decoded.split_once(':').ok_or_else(malformed)?;
        let (name, password) = (name.to_owned(), password.to_owned());
        let _turn = self.turns.acquire().await.map_err(|error| Refusal::bug(error.to_string()))?;
        let users = Arc::clone(&self.users);
        let asked = name.clone();
        let right = tokio::task::spawn_blocking(move || users.are(&asked, &password)).await;
        if !right.map_err(|error| Refusal::bug(error.to_string()))? {
            return Err(denied("invalid credentials"));
        }
        self.known.lock().unwrap_or_else(PoisonError::into_inner).insert(mark, name.clone());
        Ok(name)
    }
}

impl Authenticate for Server {
    fn who<'a>(&'a self, headers: &'a HeaderMap) -> BoxFuture<'a, Result<Identity, Refusal>> {
        Box::pin(self.check(headers))
    }

    fn challenge(&self) -> &'static str {
        "Basic realm=\"throughline\", charset=\"UTF-8\""
    }
}

struct Client {
    header: HeaderValue,
}

impl Credentials for Client {
    fn header(&self) -> Result<(HeaderName, HeaderValue), String> {
        Ok((AUTHORIZATION, self.header.clone()))
    }
}

fn denied(why: &str) -> Refusal {
    Refusal { fault: Fault::Denied, why: why.to_owned(), retry_after: None }
}

/// Texts of different lengths take the same time too.
fn same(left: &[u8], right: &[u8]) -> bool {
    let (left, right) = (digest(&SHA256, left), digest(&SHA256, right));
    subtle::ConstantTimeEq::ct_eq(left.as_ref(), right.as_ref()).into()
}
