//! What answers hide, from whom, and what is written down when they do not.

use super::*;

const NUMBER: &str = "+442079460318";

fn personal() -> Vec<Sample> {
    let caller = Sample::new(1, 1).interaction("call-1").stage(Stage::Queue).at(0, 20);
    let caller = caller.with("caller.number", NUMBER).with(key::QUEUE, "billing").with("caller.id", 7);
    let talk = Sample::new(1, 2).interaction("call-1").stage(Stage::Talk).at(20, 60);
    let talk = talk.with(key::AGENT, "jane.doe@example.com").with(key::AGENT_NAME, "Jane");
    let crm = Sample::new(1, 3).service("crm").at(3, 1).resource("host.contact", "tel:+442079460318");
    let crm = crm.change(|span| {
        span.name = format!("GET /contacts/{NUMBER}");
        span.kind = Kind::Client;
        span.status = Status { code: StatusCode::Error, message: format!("no contact {NUMBER}") };
        span.events = vec![Event {
            time_ns: NINE,
            name: "retry".to_owned(),
            attributes: [("url.full", Value::from("https://crm/c?ani=%2B442079460318&n=1"))]
                .into_iter()
                .collect(),
        }];
    });
    vec![caller, talk, crm]
}

/// Everything that tells of spans, in each form.
const ADDRESSES: &[&str] = &[
    "/api/v1/interactions",
    "/api/v1/interactions/call-1",
    "/api/v1/interactions/call-1/path",
    "/api/v1/interactions/call-1/chain",
    "/api/v1/traces/01010101010101010101010101010101",
    "/api/v1/overview?from=2026-11-20T09:00:00Z&to=2026-11-20T10:00:00Z",
    "/api/v1/stages/talk?group_by=agent&from=2026-11-20T09:00:00Z&to=2026-11-20T10:00:00Z",
    "/api/v1/hops",
    "/api/traces/01010101010101010101010101010101",
    "/api/v3/traces/01010101010101010101010101010101",
    "/api/services/crm/operations",
    "/api/traces?service=crm&start=1795165200000000&end=1795168800000000",
    "/tempo/api/traces/01010101010101010101010101010101",
    "/tempo/api/v2/traces/01010101010101010101010101010101",
    "/tempo/api/search?start=1795165200&end=1795168800&q=%7Bname%3D~%22GET.*%22%7D",
    "/tempo/api/v2/search/tag/span.caller.number/values?start=1795165200&end=1795168800",
];

fn shows(answer: &Answer) -> bool {
    let text = String::from_utf8_lossy(&answer.body);
    ["442079460318", "jane.doe@"].iter().any(|personal| text.contains(personal))
}

#[tokio::test]
async fn every_form_of_an_answer_is_masked() {
    let site = Site::with(guarded(""), None).await;
    site.put(personal()).await;
    let mut shown = 0;
    for path in ADDRESSES {
        let answer = site.send_as("admin", "GET", path, "").await;
        assert_eq!(answer.status, 200, "{path}: {}", String::from_utf8_lossy(&answer.body));
        assert!(!shows(&answer), "{path}: {}", String::from_utf8_lossy(&answer.body));
        let join = if path.contains('?') { '&' } else { '?' };
        let plain = site.send_as("unmask", "GET", &format!("{path}{join}unmask=true"), "").await;
        assert_eq!(plain.status, 200, "{path}");
        shown += usize::from(shows(&plain));
        assert_eq!(site.send_as("viewer", "GET", &format!("{path}{join}unmask=true"), "").await.status, 403);
    }
    assert!(shown >= 12, "what is hidden was there: {shown}");
}

#[tokio::test]
async fn what_is_hidden_is_told_and_what_joins_stays() {
    let site = Site::open().await;
    site.put(personal()).await;
    let call = site.get("/api/v1/interactions/call-1").await.json();
    let attribute = |span: usize, key: &str| {
        let all = call["spans"][span]["attributes"].as_array().unwrap().clone();
        all.into_iter().find(|one| one["key"] == key).map(|one| one["value"].clone()).unwrap()
    };
    assert_eq!(attribute(0, "caller.number"), "•••318");
    assert_eq!((attribute(0, key::QUEUE), attribute(0, "caller.id")), ("billing".into(), "7".into()));
    assert_eq!(call["spans"][1]["name"], "GET /contacts/•••318");
    assert_eq!(call["spans"][1]["events"][0]["attributes"][0]["value"], "https://crm/c?ani=•••318&n=1");
    assert_eq!(call["interaction"]["agents"], serde_json::json!(["•••@example.com"]));
    // No search finds by what it may not show.
    let found = |answer: Answer| answer.json()["interactions"].as_array().unwrap().len();
    let search = "/api/v1/interactions?q=caller.number%3D%2B442079460318";
    assert_eq!(found(site.get(search).await), 0);
    assert_eq!(found(site.get(&format!("{search}&unmask=true")).await), 1);
}

#[tokio::test]
async fn each_unmasking_is_in_the_audit() {
    let site = Site::with(guarded(""), None).await;
    site.put(personal()).await;
    let path = "/api/v1/interactions/call-1";
    site.send_as("viewer", "GET", &format!("{path}?unmask=true&why=curious"), "").await;
    site.send_as("unmask", "GET", &format!("{path}?unmask=true&why=ticket%204711"), "").await;
    site.send_as("unmask", "GET", &format!("{path}?unmask=false"), "").await;
    let token = format!("Bearer {}", token_of("admin"));
    let headers = [("authorization", token.as_str()), ("throughline-unmask", "by header")];
    let plain = get(site.view.address().unwrap(), path, &headers).await;
    assert!(shows(&plain));
    site.send_as("unmask", "GET", "/api/v1/sql?query=SELECT%20name%20FROM%20spans", "").await;
    let audit = site.send_as("admin", "GET", "/api/v1/audit", "").await.json();
    let told: Vec<_> = audit["entries"]
        .as_array()
        .unwrap()
        .iter()
        .map(|entry| {
            let text = |key: &str| entry[key].as_str().unwrap().to_owned();
            format!(
                "{} {} {} {} {} {}",
                text("who"),
                text("role"),
                text("from"),
                text("what"),
                text("of"),
                text("why")
            )
        })
        .collect();
    assert_eq!(
        told,
        [
            "unmask-program unmask 127.0.0.1 sql SELECT name FROM spans ",
            "admin-program admin 127.0.0.1 unmask /api/v1/interactions/call-1 by header",
            "unmask-program unmask 127.0.0.1 unmask /api/v1/interactions/call-1 ticket 4711",
        ]
    );
    let before = audit["entries"][1]["at_ns"].as_str().unwrap();
    let older =
        site.send_as("admin", "GET", &format!("/api/v1/audit?limit=1&before={before}"), "").await.json();
    assert_eq!(older["entries"][0], audit["entries"][2]);
    assert_eq!(site.send_as("admin", "GET", "/api/v1/audit?limit=0", "").await.status, 400);
}

#[tokio::test]
async fn masking_is_a_setting() {
    let site = Site::with(Settings { display_masking: false, ..Settings::default() }, None).await;
    site.put(personal()).await;
    for path in ["/api/v1/interactions/call-1", "/api/v1/interactions/call-1?unmask=true"] {
        assert!(shows(&site.get(path).await), "{path}");
    }
    let audit = site.get("/api/v1/audit").await.json();
    assert_eq!(audit["entries"].as_array().unwrap().len(), 0, "nothing was hidden");
}
