//! Links by hand, over HTTP.

use super::*;

async fn calls() -> Site {
    let site = Site::open().await;
    let call = |n: u8, at| Sample::new(n, 1).interaction(&format!("call-{n}")).stage(Stage::Talk).at(at, 10);
    site.put([call(1, 0), call(2, 90 * 24 * 3600), Sample::new(3, 1).at(5, 1)]).await;
    site
}

const ALONE: &str = "03030303030303030303030303030303";

async fn post(site: &Site, body: &str) -> Answer {
    send(site.view.address().unwrap(), "POST", "/api/v1/links", &[], body).await
}

#[tokio::test]
async fn two_calls_are_joined_and_parted_again() {
    let site = calls().await;
    let made =
        post(&site, r#"{"from": "call-1", "to": "call-2", "why": "same customer, ticket 4711"}"#).await;
    assert_eq!(made.status, 201, "{}", made.pretty());
    let made = made.json();
    assert_eq!(
        (made["by"].as_str(), made["why"].as_str()),
        (Some("local"), Some("same customer, ticket 4711"))
    );
    // A trace of one call stands for that call, in any writing; another one for itself.
    let trace =
        post(&site, &format!(r#"{{"from": "02020202020202020202020202020202", "to": "{ALONE}"}}"#)).await;
    assert_eq!((trace.status, &trace.json()["from"]["id"]), (201, &"call-2".into()));
    for (id, place) in [("call-1", ["this", "next"]), ("call-2", ["previous", "this"])] {
        let chain = site.get(&format!("/api/v1/interactions/{id}/chain")).await.json();
        let calls: Vec<_> = chain["calls"].as_array().unwrap().iter().collect();
        assert_eq!(
            calls.iter().map(|call| call["place"].as_str().unwrap()).collect::<Vec<_>>(),
            place,
            "{id}"
        );
        let other = calls.iter().find(|call| call["place"] != "this").unwrap();
        assert_eq!((&other["link"], &other["by_hand"]), (&"manual".into(), &made), "{id}");
        assert_eq!(chain["traces"][0]["trace_id"], ALONE);
    }
    let links = |of: &'static str| async { site.get(of).await.json()["links"].as_array().unwrap().len() };
    assert_eq!(links("/api/v1/links").await, 2);
    assert_eq!(links("/api/v1/links?of=call-1").await, 1);
    let gone = format!("/api/v1/links/{}", made["id"].as_str().unwrap());
    let address = site.view.address().unwrap();
    assert_eq!(send(address, "DELETE", &gone, &[], "").await.status, 204);
    assert_eq!(send(address, "DELETE", &gone, &[], "").await.status, 404);
    let chain = site.get("/api/v1/interactions/call-1/chain").await.json();
    assert_eq!(chain["calls"].as_array().unwrap().len(), 1);
    let audit = site.get("/api/v1/audit").await.json();
    let told: Vec<_> = audit["entries"]
        .as_array()
        .unwrap()
        .iter()
        .map(|entry| ["who", "what", "of", "why"].map(|key| entry[key].as_str().unwrap()).join(" | "))
        .collect();
    assert_eq!(
        told,
        [
            "local | unlink | call-1 - call-2 | ",
            &format!("local | link | call-2 - {ALONE} | "),
            "local | link | call-1 - call-2 | same customer, ticket 4711",
        ]
    );
}

#[tokio::test]
async fn what_cannot_be_joined_says_why() {
    let site = calls().await;
    post(&site, r#"{"from": "call-1", "to": "call-2"}"#).await;
    let mut all = String::new();
    let long = format!(r#"{{"from": "call-1", "to": "{ALONE}", "why": "{}"}}"#, "x".repeat(501));
    for body in [
        r#"{"from": "call-1", "to": "call-1"}"#,
        r#"{"from": "call-1", "to": "01010101010101010101010101010101"}"#,
        r#"{"from": "call-2", "to": "call-1"}"#,
        r#"{"from": "call-9", "to": "call-1"}"#,
        r#"{"from": "call-1", "to": "0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f"}"#,
        r#"{"from": " ", "to": "call-1"}"#,
        r#"{"from": "call-1"}"#,
        r#"{"from": "call-1", "to": "call-2", "by": "me"}"#,
        &long,
    ] {
        let answer = post(&site, body).await;
        let error = &answer.json()["error"];
        all += &format!(
            "{} {}: {}\n",
            answer.status,
            error["code"].as_str().unwrap(),
            error["message"].as_str().unwrap().split(": `1").next().unwrap()
        );
    }
    expect![[r#"
        400 bad_request: both ids stand for the same: `call-1`
        400 bad_request: both ids stand for the same: `call-1`
        409 conflict: these are linked already, by local
        404 not_found: `from`: nothing that is kept has the id `call-9`
        404 not_found: `to`: nothing that is kept has the id `0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f`
        400 bad_request: `from` is missing
        400 bad_request: Failed to deserialize the JSON body into the target type: missing field `to` at line 1 column 18
        400 bad_request: Failed to deserialize the JSON body into the target type: by: unknown field `by`, expected one of `from`, `to`, `why` at line 1 column 39
        400 bad_request: the reason has 501 bytes, 500 are allowed
    "#]].assert_eq(&all);
    let form = [("content-type", "application/x-www-form-urlencoded")];
    let address = site.view.address().unwrap();
    let body = r#"{"from": "call-1", "to": "call-2"}"#;
    assert_eq!(send(address, "POST", "/api/v1/links", &form, body).await.status, 400, "no form makes one");
    for headers in [[("origin", "http://evil.example.com")], [("sec-fetch-site", "same-site")]] {
        assert_eq!(send(address, "POST", "/api/v1/links", &headers, body).await.status, 403);
        assert_eq!(send(address, "DELETE", "/api/v1/links/x", &headers, "").await.status, 403);
    }
}
