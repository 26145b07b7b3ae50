//! An OpenID Connect provider over a real socket, its keys, and tokens of all kinds.

use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use expect_test::expect;
use pipeline::extensions::oidc;
use ring::rand::SystemRandom;
use ring::signature::{
    ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair, RSA_PKCS1_SHA256, RSA_PKCS1_SHA384, RsaEncoding,
    RsaKeyPair,
};
use rustls::pki_types::PrivatePkcs8KeyDer;
use rustls::pki_types::pem::PemObject;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

use super::{grpc_line, guarded, http_line};
use crate::setup::Server;

/// A key of a provider.
struct Key {
    id: &'static str,
    pair: EcdsaKeyPair,
}

impl Key {
    fn new(id: &'static str) -> Self {
        let random = SystemRandom::new();
        let algorithm = &ECDSA_P256_SHA256_FIXED_SIGNING;
        let document = EcdsaKeyPair::generate_pkcs8(algorithm, &random).unwrap();
        Self { id, pair: EcdsaKeyPair::from_pkcs8(algorithm, document.as_ref(), &random).unwrap() }
    }

    fn jwk(&self) -> Value {
        let point = self.pair.public_key().as_ref();
        let half = |bytes: &[u8]| URL_SAFE_NO_PAD.encode(bytes);
        json!({"kty": "EC", "crv": "P-256", "alg": "ES256", "use": "sig", "kid": self.id,
               "x": half(&point[1..33]), "y": half(&point[33..])})
    }

    fn token(&self, claims: &Value) -> String {
        self.sign(&json!({"alg": "ES256", "typ": "JWT", "kid": self.id}), claims)
    }

    fn sign(&self, header: &Value, claims: &Value) -> String {
        let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
        let signed = format!("{}.{}", part(header), part(claims));
        let signature = self.pair.sign(&SystemRandom::new(), signed.as_bytes()).unwrap();
        format!("{signed}.{}", URL_SAFE_NO_PAD.encode(signature))
    }
}

/// A key for these tests alone, made with `openssl genpkey`, since `ring` makes none.
struct Rsa(RsaKeyPair);

impl Rsa {
    const PUBLIC: &str = include_str!("rsa.pub.pem");

    fn new() -> Self {
        let key = PrivatePkcs8KeyDer::from_pem_slice(include_bytes!("rsa.pem")).unwrap();
        Self(RsaKeyPair::from_pkcs8(key.secret_pkcs8_der()).unwrap())
    }

    fn jwk(&self) -> Value {
        let public = ring::rsa::PublicKeyComponents::<Vec<u8>>::from(self.0.public());
        json!({"kty": "RSA", "alg": "RS256", "use": "sig", "kid": "r1",
               "n": URL_SAFE_NO_PAD.encode(public.n), "e": URL_SAFE_NO_PAD.encode(public.e)})
    }

    fn token(&self, claims: &Value) -> String {
        self.sign("RS256", &RSA_PKCS1_SHA256, claims)
    }

    fn sign(&self, algorithm: &str, encoding: &'static dyn RsaEncoding, claims: &Value) -> String {
        let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
        let signed = format!("{}.{}", part(&json!({"alg": algorithm, "kid": "r1"})), part(claims));
        let mut signature = vec![0; self.0.public().modulus_len()];
        self.0.sign(encoding, &SystemRandom::new(), signed.as_bytes(), &mut signature).unwrap();
        format!("{signed}.{}", URL_SAFE_NO_PAD.encode(signature))
    }
}

/// Answers with its configuration and its keys.
struct Provider {
    url: String,
    keys: Arc<Mutex<Vec<Value>>>,
}

impl Provider {
    async fn start(keys: Vec<Value>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let keys = Arc::new(Mutex::new(keys));
        let (issuer, set) = (url.clone(), Arc::clone(&keys));
        tokio::spawn(async move {
            loop {
                let (mut stream, _) = listener.accept().await.unwrap();
                let mut head = vec![0; 4096];
                let read = stream.read(&mut head).await.unwrap();
                let body = if head[..read].starts_with(b"GET /.well-known/openid-configuration") {
                    json!({"issuer": issuer, "jwks_uri": format!("{issuer}/keys")})
                } else {
                    json!({"keys": *set.lock().unwrap()})
                };
                let body = body.to_string();
                let answer = format!(
                    "HTTP/1.1 200 OK\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{body}",
                    body.len()
                );
                stream.write_all(answer.as_bytes()).await.unwrap();
            }
        });
        Self { url, keys }
    }
}

fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs()
}

fn claims(issuer: &str) -> Value {
    json!({"iss": issuer, "aud": ["metrics", "traces"], "sub": "42", "email": "a@example.com",
           "groups": ["ops", "dev"], "exp": now() + 600, "nbf": now() - 10, "admin": true})
}

fn with(claims: &Value, name: &str, value: Value) -> Value {
    let mut claims = claims.clone();
    claims[name] = value;
    claims
}

#[tokio::test]
async fn tokens_are_believed_only_when_everything_fits() {
    let (key, stranger) = (Key::new("k1"), Key::new("k1"));
    let unknown = json!({"kty": "something", "kid": "k0"});
    let provider = Provider::start(vec![unknown, key.jwk()]).await;
    let settings = format!(
        "issuer_url: {}\naudience: traces\nusername_claim: email\ngroups_claim: groups",
        provider.url
    );
    let extensions = [(&oidc::FACTORY, "oidc", settings.as_str())];
    let server = Server::beside(&extensions, &guarded("auth: {authenticator: oidc}")).await;
    let good = claims(&provider.url);
    let token = key.token(&good);
    assert!(http_line(&server, &format!("Bearer {token}")).await.starts_with("200"));
    assert_eq!(grpc_line(&server, &format!("bearer {token}")).await, "0 \"\"");
    let taken = server.recorder.taken();
    let said = &taken[0].client.auth;
    for (name, value) in [("subject", "a@example.com"), ("membership", "ops,dev"), ("claims.admin", "true")] {
        assert!(said.contains(&(name.to_owned(), value.to_owned())), "{name}: {said:?}");
    }
    assert!(said.iter().all(|(_, value)| !value.contains(&token)), "the token itself travels no further");

    let public = key.jwk()["x"].as_str().unwrap().to_owned();
    let confused = {
        let part = |value: Value| URL_SAFE_NO_PAD.encode(value.to_string());
        let signed = format!("{}.{}", part(json!({"alg": "HS256", "kid": "k1"})), part(good.clone()));
        let secret = ring::hmac::Key::new(ring::hmac::HMAC_SHA256, public.as_bytes());
        format!("{signed}.{}", URL_SAFE_NO_PAD.encode(ring::hmac::sign(&secret, signed.as_bytes())))
    };
    let unsigned = {
        let part = |value: Value| URL_SAFE_NO_PAD.encode(value.to_string());
        format!("{}.{}.", part(json!({"alg": "none"})), part(good.clone()))
    };
    // To a length that base64 never has; another one decodes where its last bits happen to be zero.
    let mut cut = token.clone();
    cut.truncate(token.len() - 5);
    let without_audience = {
        let mut claims = good.clone();
        claims.as_object_mut().unwrap().remove("aud");
        claims
    };
    let table = [
        ("expired", key.token(&with(&good, "exp", json!(now() - 3600)))),
        ("expiry is text", key.token(&with(&good, "exp", json!("never")))),
        ("not yet", key.token(&with(&good, "nbf", json!(now() + 3600)))),
        ("other audience", key.token(&with(&good, "aud", json!("logs")))),
        ("no audience", key.token(&without_audience)),
        ("other issuer", key.token(&with(&good, "iss", json!("https://evil.example")))),
        ("no email", key.token(&json!({"iss": provider.url, "aud": "traces", "exp": now() + 9}))),
        ("other key of the same name", stranger.token(&good)),
        ("signature cut", cut),
        ("public key as a secret", confused),
        ("unsigned", unsigned),
        ("no token at all", "abc".to_owned()),
    ];
    let mut text = String::new();
    for (what, token) in table {
        let line = http_line(&server, &format!("Bearer {token}")).await;
        let parts: Vec<&str> = line.split(" | ").collect();
        text += &format!("{what}: {} {}\n", parts[0], parts[3]);
    }
    text += &grpc_line(&server, "").await;
    expect![[r#"
        expired: 401 the token has expired
        expiry is text: 401 the token lacks one of exp, aud, iss
        not yet: 401 the token is not valid yet
        other audience: 401 the token is for another audience
        no audience: 401 the token lacks one of exp, aud, iss
        other issuer: 401 the token is of another issuer
        no email: 401 the token has no claim `email`
        other key of the same name: 401 the token's signature is wrong
        signature cut: 401 the token is not valid
        public key as a secret: 401 the token is signed with a key that the issuer does not have
        unsigned: 401 the token is no JWT with a known algorithm
        no token at all: 401 the token is no JWT with a known algorithm
        16 "authentication didn't succeed: no token""#]]
    .assert_eq(&text);
}

#[tokio::test]
async fn keys_are_fetched_again_when_they_change() {
    let (old, new) = (Key::new("old"), Key::new("new"));
    let provider = Provider::start(vec![old.jwk()]).await;
    let settings = format!("issuer_url: {}\naudience: traces", provider.url);
    let extensions = [(&oidc::FACTORY, "oidc", settings.as_str())];
    let server = Server::beside(&extensions, &guarded("auth: {authenticator: oidc}")).await;
    let shown = |key: &Key| format!("Bearer {}", key.token(&claims(&provider.url)));
    assert!(http_line(&server, &shown(&old)).await.starts_with("200"));
    *provider.keys.lock().unwrap() = vec![new.jwk()];
    tokio::time::pause();
    tokio::time::advance(Duration::from_secs(11)).await;
    tokio::time::resume();
    assert!(http_line(&server, &shown(&new)).await.starts_with("200"));
    assert!(http_line(&server, &shown(&old)).await.starts_with("401"), "withdrawn");
}

#[tokio::test]
async fn without_its_provider_clients_are_told_to_come_back() {
    let closed = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    let settings = format!("issuer_url: http://{closed}\naudience: traces");
    let extensions = [(&oidc::FACTORY, "oidc", settings.as_str())];
    let server = Server::beside(&extensions, &guarded("auth: {authenticator: oidc}")).await;
    let shown = format!("Bearer {}", Key::new("k").token(&claims("x")));
    let line = http_line(&server, &shown).await;
    assert!(line.starts_with("503 ") && line.contains("| retry-after: 10 |"), "{line}");
    assert!(grpc_line(&server, &shown).await.starts_with("14 "));
}

#[tokio::test]
async fn rsa_keys_are_for_their_algorithm_alone() {
    let key = Rsa::new();
    let provider = Provider::start(vec![key.jwk()]).await;
    let settings = format!("issuer_url: {}\naudience: traces", provider.url);
    let extensions = [(&oidc::FACTORY, "oidc", settings.as_str())];
    let server = Server::beside(&extensions, &guarded("auth: {authenticator: oidc}")).await;
    let good = claims(&provider.url);
    let shown = |token: &str| format!("Bearer {token}");
    assert!(http_line(&server, &shown(&key.token(&good))).await.starts_with("200"));
    assert_eq!(grpc_line(&server, &shown(&key.token(&good))).await, "0 \"\"");
    let other = key.sign("RS384", &RSA_PKCS1_SHA384, &good);
    let line = http_line(&server, &shown(&other)).await;
    assert!(line.starts_with("401") && line.contains("a key that the issuer does not have"), "{line}");
    let mislabelled = key.sign("RS256", &RSA_PKCS1_SHA384, &good);
    let line = http_line(&server, &shown(&mislabelled)).await;
    assert!(line.starts_with("401") && line.contains("the token's signature is wrong"), "{line}");
}

/// Scenario: one provider with its keys on the network, one with its key in a file.
/// Guarantees: each token is judged by the keys of its own issuer; no other issuer is known.
#[tokio::test]
async fn each_of_two_providers_has_its_own_keys() {
    const FILES: &str = "https://files.example";
    let (curve, rsa) = (Key::new("k1"), Rsa::new());
    let provider = Provider::start(vec![curve.jwk()]).await;
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("keys.pem");
    std::fs::write(&file, Rsa::PUBLIC).unwrap();
    let settings = format!(
        "providers: [{{issuer_url: '{}', audience: traces}}, {{issuer_url: '{FILES}', audience: traces, public_keys_file: '{}'}}]",
        provider.url,
        file.display()
    );
    let extensions = [(&oidc::FACTORY, "oidc", settings.as_str())];
    let server = Server::beside(&extensions, &guarded("auth: {authenticator: oidc}")).await;
    let (networked, filed) = (claims(&provider.url), claims(FILES));
    for token in [curve.token(&networked), rsa.token(&filed)] {
        assert!(http_line(&server, &format!("Bearer {token}")).await.starts_with("200"));
    }
    let mut text = String::new();
    for (what, token) in [
        ("the key of the other one", rsa.token(&networked)),
        ("the other way round", curve.token(&filed)),
        ("a third issuer", rsa.token(&claims("https://third.example"))),
        ("no issuer", rsa.token(&json!({"aud": "traces", "exp": now() + 600}))),
        ("another audience", rsa.token(&with(&filed, "aud", json!("logs")))),
    ] {
        let line = http_line(&server, &format!("Bearer {token}")).await;
        let parts: Vec<&str> = line.split(" | ").collect();
        text += &format!("{what}: {} {}\n", parts[0], parts[3]);
    }
    expect![[r#"
        the key of the other one: 401 the token is signed with a key that the issuer does not have
        the other way round: 401 the token is signed with a key that the issuer does not have
        a third issuer: 401 the token's issuer is none of `providers`
        no issuer: 401 the token is no JWT with an issuer
        another audience: 401 the token is for another audience
    "#]]
    .assert_eq(&text);
}

/// Scenario: a provider whose tokens name another issuer than its address, as some gateways do.
/// Guarantees: with `ignore_issuer` the key alone decides, without it the issuer as well.
#[tokio::test]
async fn an_issuer_that_is_ignored() {
    let (rsa, stranger) = (Rsa::new(), Key::new("r1"));
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("keys.pem");
    std::fs::write(&file, Rsa::PUBLIC).unwrap();
    for (ignored, status) in [(true, "200"), (false, "401")] {
        let settings = format!(
            "providers: [{{issuer_url: 'https://inside.example', audience: traces, ignore_issuer: {ignored}, public_keys_file: '{}'}}]",
            file.display()
        );
        let extensions = [(&oidc::FACTORY, "oidc", settings.as_str())];
        let server = Server::beside(&extensions, &guarded("auth: {authenticator: oidc}")).await;
        let outside = claims("https://outside.example");
        let line = http_line(&server, &format!("Bearer {}", rsa.token(&outside))).await;
        assert!(line.starts_with(status), "{ignored}: {line}");
        let line = http_line(&server, &format!("Bearer {}", stranger.token(&outside))).await;
        assert!(line.starts_with("401"), "{ignored}: {line}");
    }
}
