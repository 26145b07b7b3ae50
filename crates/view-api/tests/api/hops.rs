//! Where contexts get lost, asked over a real socket.

use expect_test::expect;
use store_api::hops::key;
use store_api::span::Kind;
use store_api::testing::Sample;
use throughline_context::SpanId;

use crate::Site;

#[tokio::test]
async fn where_contexts_get_lost() {
    let site = Site::open().await;
    let call = |trace, start| {
        Sample::new(trace, 1)
            .at(start, 10)
            .with("server.address", "crm")
            .change(|span| span.kind = Kind::Client)
    };
    let crm = |trace, start, version| {
        Sample::new(trace, 2)
            .service("crm")
            .at(start, 5)
            .with("server.address", "crm")
            .resource("service.version", version)
    };
    site.put([
        call(1, 0),
        crm(1, 1, "7.2").change(|span| span.parent_span_id = Some(SpanId([1; 8]))),
        call(2, 60),
        crm(3, 61, "7.3")
            .with(key::DECISION, "restart")
            .with(key::REASON, "the peer is not trusted")
            .with(key::RAW, "00-02020202020202020202020202020202-0101010101010101-01"),
    ])
    .await;
    let answer = site.get("/api/v1/hops?service=crm").await;
    expect![[r#"
        {
          "complete_from_ns": "0",
          "hops": [
            {
              "absent": 0,
              "callee": "crm",
              "caller": "ivr",
              "example": {
                "arrival": "restarted",
                "arrived_ns": "1795165261000000000",
                "callee": {
                  "span_id": "0202020202020202",
                  "trace_id": "03030303030303030303030303030303"
                },
                "caller": {
                  "span_id": "0101010101010101",
                  "trace_id": "02020202020202020202020202020202"
                },
                "known": "header",
                "raw": "00-02020202020202020202020202020202-0101010101010101-01",
                "reason": "the peer is not trusted"
              },
              "guessed": 0,
              "joined": 0,
              "kept": 1,
              "lost": 1,
              "mend": "`crm` received a context and did not follow it: the peer is not trusted. Where `ivr` may be believed, add its addresses to the trusted peers of `crm`; where the header is damaged, compare it with what `ivr` sent, and run `throughline hops check` along the path between them.",
              "orphaned": 0,
              "reasons": [
                {
                  "count": 1,
                  "value": "the peer is not trusted"
                }
              ],
              "reparented": 0,
              "requests": 2,
              "restarted": 1,
              "since": null,
              "versions": [
                {
                  "first_ns": "1795165201000000000",
                  "lost": 0,
                  "requests": 1,
                  "version": "7.2"
                },
                {
                  "first_ns": "1795165261000000000",
                  "lost": 1,
                  "requests": 1,
                  "version": "7.3"
                }
              ]
            }
          ],
          "truncated": false
        }"#]].assert_eq(&answer.pretty());
    let none = site.get("/api/v1/hops?service=nobody").await;
    assert_eq!(none.json()["hops"].as_array().map(Vec::len), Some(0));
    let late = site.get("/api/v1/hops?from=2026-11-20T09:00:30Z").await;
    assert_eq!(late.json()["hops"][0]["requests"], 1);
}

#[tokio::test]
async fn a_question_that_cannot_be_read_is_refused() {
    let site = Site::open().await;
    for (query, says) in [
        ("?from=yesterday", "`from` is not a time: `yesterday`"),
        ("?from=2&to=1", "`from` is later than `to`"),
        ("?since=1", "unknown field `since`"),
    ] {
        let answer = site.get(&format!("/api/v1/hops{query}")).await;
        assert_eq!(answer.status, 400);
        let message = answer.json()["error"]["message"].to_string();
        assert!(message.contains(says), "{message}");
    }
}
