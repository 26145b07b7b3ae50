//! Every address of the API, and who may ask it.

use std::path::Path;

use super::*;

/// What each address answers nobody, a viewer, one who may unmask, an admin.
const READS: [&str; 4] = ["401", "in", "in", "in"];
const UNMASKED: [&str; 4] = ["401", "403", "in", "in"];
const ADMINS: [&str; 4] = ["401", "403", "403", "in"];
const ANYBODY: [&str; 4] = ["in"; 4];

/// Routes as the sources have them. Those of Jaeger and Tempo lie below names of their own, too.
const TABLE: &[(&str, &str, [&str; 4])] = &[
    ("/api/v1/interactions", "GET", READS),
    ("/api/v1/interactions/{id}", "GET", READS),
    ("/api/v1/interactions/{id}/path", "GET", READS),
    ("/api/v1/interactions/{id}/chain", "GET", READS),
    ("/api/v1/interactions/{id}/percentiles", "GET", READS),
    ("/api/v1/traces/{trace_id}", "GET", READS),
    ("/api/v1/traces/{trace_id}/spans/{span_id}", "GET", READS),
    ("/api/v1/hops", "GET", READS),
    ("/api/v1/hops/matrix", "GET", READS),
    ("/api/v1/overview", "GET", READS),
    ("/api/v1/attributes", "GET", READS),
    ("/api/v1/stages/{stage}", "GET", READS),
    ("/api/v1/stages/{stage}/differs", "GET", READS),
    ("/api/v1/compare", "GET", READS),
    ("/api/v1/transfers", "GET", READS),
    ("/api/v1/live", "HEAD", READS),
    ("/api/v1/sql", "GET", UNMASKED),
    ("/api/v1/sql", "POST", UNMASKED),
    ("/api/v1/links", "GET", READS),
    ("/api/v1/links", "POST", ADMINS),
    ("/api/v1/links/{id}", "DELETE", ADMINS),
    ("/api/v1/alerts", "GET", READS),
    ("/api/v1/alerts", "POST", ADMINS),
    ("/api/v1/alerts/preview", "POST", READS),
    ("/api/v1/alerts/receivers/{name}/test", "POST", ADMINS),
    ("/api/v1/alerts/{id}", "GET", READS),
    ("/api/v1/alerts/{id}", "PUT", ADMINS),
    ("/api/v1/alerts/{id}", "DELETE", ADMINS),
    ("/api/v1/status", "GET", READS),
    ("/api/v1/status/clocks", "GET", READS),
    ("/api/v1/settings", "GET", READS),
    ("/api/v1/audit", "GET", ADMINS),
    ("/api/v1/session", "GET", ANYBODY),
    ("/api/v1/session", "POST", ANYBODY),
    ("/api/v1/session", "DELETE", ANYBODY),
    ("/api/openapi.json", "GET", READS),
    ("/api/{*rest}", "GET", READS),
    ("/api", "GET", READS),
    ("/api/traces/{trace_id}", "GET", READS),
    ("/api/services", "GET", READS),
    ("/api/services/{service}/operations", "GET", READS),
    ("/api/operations", "GET", READS),
    ("/api/traces", "GET", READS),
    ("/api/dependencies", "GET", READS),
    ("/api/v3/services", "GET", READS),
    ("/api/v3/operations", "GET", READS),
    ("/api/v3/traces", "GET", READS),
    ("/api/v3/traces/{trace_id}", "GET", READS),
    ("/api/v3/trace-summaries", "GET", READS),
    ("/api/v3/dependencies", "GET", READS),
    ("/jaeger.api_v2.QueryService/{method}", "POST", READS),
    ("/jaeger.api_v3.QueryService/{method}", "POST", READS),
    ("/arrow.flight.protocol.FlightService/{method}", "POST", UNMASKED),
    ("/arrow.flight.protocol.FlightService/Handshake", "POST", ANYBODY),
    ("/ready", "GET", READS),
    ("/api/echo", "GET", READS),
    ("/api/status/buildinfo", "GET", READS),
    ("/api/v2/traces/{trace_id}", "GET", READS),
    ("/api/search", "GET", READS),
    ("/api/search/tags", "GET", READS),
    ("/api/v2/search/tags", "GET", READS),
    ("/api/search/tag/{tag}/values", "GET", READS),
    ("/api/v2/search/tag/{tag}/values", "GET", READS),
    ("/api/metrics/query_range", "GET", READS),
    ("/api/metrics/query", "GET", READS),
];

#[tokio::test]
async fn each_address_lets_in_whom_the_table_says() {
    let site = Site::with(guarded(""), None).await;
    let mut wrong = Vec::new();
    for (route, method, expected) in TABLE {
        let path = match *route {
            // Tempo's alone lies below its name alone.
            "/ready" => "/tempo/ready".to_owned(),
            route => route.replace(['{', '}', '*'], ""),
        };
        let mut found = Vec::new();
        for role in ["", "viewer", "unmask", "admin"] {
            let answer = match role {
                "" => send(site.view.address().unwrap(), method, &path, &[], "").await,
                role => site.send_as(role, method, &path, "").await,
            };
            found.push(match answer.status {
                401 => "401",
                403 => "403",
                _ => "in",
            });
        }
        if found != *expected {
            wrong.push(format!("{method} {route}: {found:?} instead of {expected:?}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn each_address_is_in_the_table() {
    let mut routes = Vec::new();
    sources(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src"), &mut routes);
    assert!(routes.len() > 40, "the sources are not read as they are written: {routes:?}");
    let missing: Vec<_> =
        routes.iter().filter(|route| !TABLE.iter().any(|(known, ..)| known == route)).collect();
    assert!(missing.is_empty(), "say in the table who may ask {missing:?}");
    let gone: Vec<_> =
        TABLE.iter().filter(|(known, ..)| !routes.iter().any(|route| route == known)).collect();
    assert!(gone.is_empty(), "there is no {gone:?} any more");
}

/// The patterns of all routes, also where a constant names them.
fn sources(folder: &Path, routes: &mut Vec<String>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            sources(&path, routes);
            continue;
        }
        let text = std::fs::read_to_string(&path).unwrap();
        for part in text.split(".route(").skip(1) {
            let argument = part.split([',', ')']).next().unwrap().trim();
            let named = |name: &str| {
                let tail = format!("const {name}: &str = ");
                let all = [&text, &std::fs::read_to_string(access()).unwrap()].map(ToString::to_string);
                all.iter().find_map(|text| Some(text.split(&tail).nth(1)?.split(';').next()?.to_owned()))
            };
            let literal = if argument.starts_with('"') { Some(argument.to_owned()) } else { named(argument) };
            routes
                .push(literal.unwrap_or_else(|| panic!("{path:?}: {argument}")).trim_matches('"').to_owned());
        }
    }
}

fn access() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("src/auth/access.rs")
}

#[tokio::test]
async fn an_address_that_is_new_or_wrong_is_not_open() {
    let site = Site::with(guarded(""), None).await;
    let address = site.view.address().unwrap();
    for (method, path, body) in [
        ("GET", "/api/v1/nothing", ""),
        ("POST", "/api/v1/interactions", "{}"),
        ("DELETE", "/api/v1/interactions/x", ""),
        ("GET", "/jaeger/nothing", ""),
        ("GET", "/tempo/nothing", ""),
        ("GET", "/api/v1/interactions?unmask=true", ""),
    ] {
        assert_eq!(send(address, method, path, &[], body).await.status, 401, "{method} {path}");
    }
    let challenge = send(address, "GET", "/api/v1/interactions", &[], "").await;
    assert_eq!(challenge.header("www-authenticate"), Some("Bearer realm=\"throughline\""));
    assert_eq!(challenge.json()["error"]["code"], "unauthorized");
}

#[tokio::test]
async fn without_auth_everybody_is_one() {
    let here = Site::open().await;
    let who = here.get("/api/v1/session").await.json();
    assert_eq!(who["who"], serde_json::json!({"name": "local", "role": "admin", "by": "nothing"}));
    let load = |text: &str| flow::config::Node::load("c.yaml", text).unwrap().parse::<Settings>().unwrap();
    let viewer = load("unauthenticated_role: viewer");
    let site = Site::with(viewer, None).await;
    assert_eq!(site.get("/api/v1/session").await.json()["who"]["role"], "viewer");
    assert_eq!(site.get("/api/v1/audit").await.status, 403);
    assert_eq!(site.get("/api/v1/sql?query=SELECT").await.status, 403);
    assert_eq!(site.get("/api/v1/interactions?unmask=true").await.status, 403);
    // Where nothing is masked, SQL shows no more than the rest.
    let open = load("{unauthenticated_role: viewer, display_masking: false}");
    let site = Site::with(open, None).await;
    assert_eq!(site.get("/api/v1/sql?query=SELECT").await.status, 501);
}

#[tokio::test]
async fn what_only_admins_change_is_in_the_audit() {
    let site = Site::with(guarded(""), None).await;
    for role in ["viewer", "admin"] {
        site.send_as(role, "DELETE", "/api/v1/alerts/nothing", "").await;
    }
    let audit = site.send_as("admin", "GET", "/api/v1/audit", "").await.json();
    let entry =
        |entry: &serde_json::Value| ["who", "what", "of"].map(|key| entry[key].as_str().unwrap()).join(" ");
    let told: Vec<_> = audit["entries"].as_array().unwrap().iter().map(entry).collect();
    assert_eq!(told, ["admin-program change DELETE /api/v1/alerts/nothing"]);
}
