//! Sessions of people, and those who would like to have one.

use std::sync::OnceLock;

use super::*;

const PASSWORD: &str = "correct horse battery staple";

async fn site() -> Site {
    static HASH: OnceLock<String> = OnceLock::new();
    let hash = HASH.get_or_init(|| view_api::hash_password(PASSWORD).unwrap());
    let users = ["viewer", "unmask", "admin"]
        .map(|role| format!("{{name: {role}, role: {role}, password_hash: '{hash}'}}"));
    Site::with(guarded(&users.join(", ")), None).await
}

struct Session {
    cookie: String,
    csrf: String,
}

async fn post(site: &Site, name: &str, password: &str, headers: &[(&str, &str)]) -> Answer {
    let body = serde_json::json!({"name": name, "password": password}).to_string();
    send(site.view.address().unwrap(), "POST", "/api/v1/session", headers, &body).await
}

async fn sign_in(site: &Site, name: &str) -> Session {
    let answer = post(site, name, PASSWORD, &[]).await;
    assert_eq!(answer.status, 200, "{}", answer.pretty());
    let cookie = answer.header("set-cookie").unwrap();
    let (value, rest) = cookie.split_once(';').unwrap();
    assert_eq!(rest, " Path=/; Max-Age=43200; HttpOnly; SameSite=Strict");
    let csrf = answer.json()["csrf"].as_str().unwrap().to_owned();
    Session { cookie: value.to_owned(), csrf }
}

async fn with(site: &Site, method: &str, path: &str, cookie: &str, csrf: &str) -> Answer {
    let body = if method == "POST" { r#"{"from": "a", "to": "b"}"# } else { "" };
    let headers = [("cookie", cookie), ("throughline-csrf", csrf)];
    send(site.view.address().unwrap(), method, path, &headers, body).await
}

#[tokio::test]
async fn a_session_begins_tells_who_it_is_and_ends() {
    let site = site().await;
    assert_eq!(site.get("/api/v1/interactions").await.status, 401);
    let nobody = site.get("/api/v1/session").await.json();
    assert_eq!(nobody, serde_json::json!({"who": null, "csrf": null, "passwords": true, "masking": true}));
    let Session { cookie, csrf } = sign_in(&site, "unmask").await;
    let who = with(&site, "GET", "/api/v1/session", &cookie, "").await.json();
    assert_eq!(who["who"], serde_json::json!({"name": "unmask", "role": "unmask", "by": "password"}));
    assert_eq!(who["csrf"], *csrf);
    assert_eq!(with(&site, "GET", "/api/v1/interactions", &cookie, "").await.status, 200);
    assert_eq!(with(&site, "DELETE", "/api/v1/session", &cookie, "").await.status, 403, "without its token");
    let out = with(&site, "DELETE", "/api/v1/session", &cookie, &csrf).await;
    assert_eq!((out.status, out.header("set-cookie").unwrap().contains("Max-Age=0")), (204, true));
    assert_eq!(with(&site, "GET", "/api/v1/interactions", &cookie, "").await.status, 401);
    let audit = site.send_as("admin", "GET", "/api/v1/audit", "").await.json();
    let what: Vec<_> =
        audit["entries"].as_array().unwrap().iter().map(|entry| entry["what"].as_str().unwrap()).collect();
    assert_eq!(what, ["sign_out", "sign_in"]);
}

#[tokio::test]
async fn what_is_set_is_told_and_people_to_admins_alone() {
    let site = site().await;
    let told = |role: &'static str| async { site.send_as(role, "GET", "/api/v1/settings", "").await.json() };
    let (viewer, admin) = (told("viewer").await, told("admin").await);
    assert_eq!(viewer["people"], serde_json::Value::Null);
    assert_eq!(viewer["stages"], admin["stages"]);
    assert_eq!((&viewer["retention_ns"], &viewer["masking"]), (&"604800000000000".into(), &true.into()));
    let people = admin["people"].as_array().unwrap();
    assert_eq!(
        (people.len(), &people[0]),
        (6, &serde_json::json!({"name": "viewer", "role": "viewer", "by": "password"}))
    );
    assert!(!admin.to_string().contains("argon2"));
}

#[tokio::test]
async fn a_session_that_somebody_planted_is_not_taken_over() {
    let site = site().await;
    let planted = "throughline=AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";
    let answer = post(&site, "admin", PASSWORD, &[("cookie", planted)]).await;
    let new = answer.header("set-cookie").unwrap().split(';').next().unwrap().to_owned();
    assert_ne!(new, planted);
    assert_eq!(with(&site, "GET", "/api/v1/interactions", planted, "").await.status, 401);
    // Who signs in again leaves nothing open behind.
    let again = post(&site, "viewer", PASSWORD, &[("cookie", &new)]).await;
    assert_eq!(again.status, 200);
    assert_eq!(with(&site, "GET", "/api/v1/interactions", &new, "").await.status, 401);
}

#[tokio::test]
async fn forged_cookies_and_tokens_are_nobodys() {
    let site = site().await;
    let Session { cookie, csrf } = sign_in(&site, "admin").await;
    let mut last = cookie.clone();
    last.pop();
    for forged in [
        "throughline=",
        "throughline=admin",
        &last,
        &format!("{cookie}A"),
        &format!("x{cookie}"),
        &format!("throughline={csrf}"),
    ] {
        assert_eq!(with(&site, "GET", "/api/v1/interactions", forged, "").await.status, 401, "{forged}");
    }
    assert_eq!(
        with(&site, "GET", "/api/v1/interactions", &format!("a=1; {last}; {cookie}"), "").await.status,
        200
    );
    for token in ["", "Bearer ", "Bearer x", "Basic YWRtaW46eA==", &format!("Bearer {}x", token_of("admin"))]
    {
        // A wrong token is wrong, whatever cookie comes with it.
        let headers = [("authorization", token), ("cookie", cookie.as_str())];
        let answer = get(site.view.address().unwrap(), "/api/v1/interactions", &headers).await;
        assert_eq!(answer.status, 401, "{token}");
    }
}

#[tokio::test]
async fn changes_need_the_token_of_the_session() {
    let site = site().await;
    let (admin, other) = (sign_in(&site, "admin").await, sign_in(&site, "admin").await);
    for csrf in ["", "x", &other.csrf, &admin.cookie] {
        assert_eq!(with(&site, "POST", "/api/v1/links", &admin.cookie, csrf).await.status, 403, "{csrf}");
    }
    // Let in, it finds no such calls.
    assert_eq!(with(&site, "POST", "/api/v1/links", &admin.cookie, &admin.csrf).await.status, 404);
    let viewer = sign_in(&site, "viewer").await;
    assert_eq!(with(&site, "POST", "/api/v1/links", &viewer.cookie, &viewer.csrf).await.status, 403);
}

#[tokio::test]
async fn guessing_takes_longer_and_longer() {
    let site = site().await;
    let mut told = Vec::new();
    for n in 0..7 {
        let answer = post(&site, "admin", &format!("guess {n}"), &[]).await;
        told.push(answer.status);
        if answer.status == 429 {
            assert_eq!(answer.header("retry-after"), Some("1"));
        }
    }
    assert_eq!(told, [401, 401, 401, 401, 401, 429, 429]);
    let right = post(&site, "admin", PASSWORD, &[]).await;
    assert_eq!(right.status, 429, "nor does it tell that this one would have been right");
    assert_eq!(post(&site, "viewer", PASSWORD, &[]).await.status, 200, "others come in");
    let wrong = post(&site, "nobody", PASSWORD, &[]).await;
    assert_eq!((wrong.status, wrong.json()), (401, post(&site, "unmask", "x", &[]).await.json()));
    let audit = site.send_as("admin", "GET", "/api/v1/audit", "").await.json();
    let failed =
        audit["entries"].as_array().unwrap().iter().filter(|entry| entry["what"] == "sign_in_failed");
    let names: Vec<_> = failed.map(|entry| entry["who"].as_str().unwrap()).collect();
    assert_eq!(names[..3], ["unmask", "(unknown)", "admin"]);
}

#[tokio::test]
async fn signing_in_is_asked_for_as_it_should_be() {
    let site = site().await;
    let address = site.view.address().unwrap();
    let body = format!(r#"{{"name": "admin", "password": "{PASSWORD}"}}"#);
    for (headers, status) in [
        (vec![("content-type", "text/plain")], 400),
        (vec![("origin", "http://evil.example.com")], 403),
        (vec![("sec-fetch-site", "cross-site")], 403),
        (vec![("sec-fetch-site", "same-origin")], 200),
    ] {
        assert_eq!(
            send(address, "POST", "/api/v1/session", &headers, &body).await.status,
            status,
            "{headers:?}"
        );
    }
    let large = format!(r#"{{"name": "admin", "password": "{}"}}"#, "x".repeat(5000));
    assert_eq!(send(address, "POST", "/api/v1/session", &[], &large).await.status, 400);
    let none = Site::with(guarded(""), None).await;
    assert_eq!(post(&none, "admin", PASSWORD, &[]).await.status, 404);
}
