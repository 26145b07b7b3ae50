//! Which attributes there are, asked over a real socket.

use expect_test::expect;
use store_api::span::Event;
use store_api::testing::Sample;
use store_api::testing::sample::{NINE, SECOND};

use crate::Site;

async fn site() -> Site {
    let site = Site::open().await;
    let dial = |span: u8| Sample::new(1, span).service("crm").at(u64::from(span), 1);
    let retry = || Event {
        time_ns: NINE,
        name: "retry".to_owned(),
        attributes: [("tries", 3)].into_iter().collect(),
    };
    site.put([
        dial(1).with("caller.number", "+44 20 7946 0318").with("db.system", "postgresql"),
        dial(2).with("db.system", "postgresql").with("caller.number", "+44 20 7946 0318"),
        dial(3).with("db.system", 7).change(|span| span.events = vec![retry()]),
    ])
    .await;
    site
}

#[tokio::test]
async fn attributes_are_told_by_level_and_type() {
    let site = site().await;
    expect![[r#"
        {
          "attributes": [
            {
              "first_ns": "1795165201000000000",
              "key": "db.system",
              "last_ns": "1795165202000000000",
              "level": "span",
              "spans": 2,
              "type": "string",
              "values": [
                "postgresql"
              ]
            },
            {
              "first_ns": "1795165203000000000",
              "key": "db.system",
              "last_ns": "1795165203000000000",
              "level": "span",
              "spans": 1,
              "type": "int",
              "values": [
                "7"
              ]
            }
          ],
          "truncated": false
        }"#]]
    .assert_eq(&site.get("/api/v1/attributes?key=db.").await.pretty());
    let of = async |query: &str| {
        let told = site.get(&format!("/api/v1/attributes?{query}")).await.json();
        let keys: Vec<String> = told["attributes"]
            .as_array()
            .unwrap()
            .iter()
            .map(|one| format!("{} {}", one["level"].as_str().unwrap(), one["key"].as_str().unwrap()))
            .collect();
        keys.join(", ")
    };
    assert_eq!(of("level=event").await, "event tries");
    assert_eq!(of("level=resource&key=").await, "resource service.name");
    let second = NINE + 2 * SECOND;
    assert_eq!(
        of(&format!("level=span&from={second}&to={}", second + 1)).await,
        "span caller.number, span db.system"
    );
    for (query, why) in [
        ("level=scopes", "`level` is not known: `scopes`"),
        ("from=2&to=1", "`from` is later than `to`"),
        ("name=x", "name: unknown field `name`, expected one of `from`, `to`, `level`, `key`"),
    ] {
        let wrong = site.get(&format!("/api/v1/attributes?{query}")).await;
        assert_eq!((wrong.status, wrong.json()["error"]["message"].as_str()), (400, Some(why)));
    }
}

#[tokio::test]
async fn values_are_masked_as_they_are_on_spans() {
    let site = site().await;
    let values = async |query: &str| {
        let told = site.get(&format!("/api/v1/attributes?key=caller.number{query}")).await.json();
        told["attributes"][0]["values"].to_string()
    };
    assert_eq!(values("").await, r#"["•••318"]"#);
    assert_eq!(values("&unmask=true").await, r#"["+44 20 7946 0318"]"#);
}
