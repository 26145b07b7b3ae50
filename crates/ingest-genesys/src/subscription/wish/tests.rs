use expect_test::{Expect, expect};
use proptest::prelude::*;

use super::*;

const A: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
const B: &str = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
const ONE: &str = "c41e7d90-5b2a-4f0e-9a6d-37c2e10b8f54";
const TWO: &str = "00000000-5b2a-4f0e-9a6d-37c2e10b8f54";

fn read(body: &str, header: Option<&str>) -> Result<Read, Unclear> {
    Request::read(body.as_bytes())?.wishes(header)
}

/// Each wish on a line: whom it is for, and the span that asked by its first digits.
fn shown(read: &Read) -> String {
    let line = |wish: &Wish| {
        let target = match &wish.target {
            Target::Conversations(ids) => {
                ids.iter().map(|id| id.to_string().chars().take(2).collect()).collect::<Vec<String>>()
            }
            Target::Topics(topics) => topics.iter().map(ToString::to_string).collect(),
        };
        let origin = wish
            .origin
            .map_or("nobody".to_owned(), |origin| origin.to_string().chars().skip(3).take(4).collect());
        format!("{} for {origin}", target.join(" "))
    };
    let warnings = read.warnings.iter().map(|warning| format!("({warning})"));
    read.wishes.iter().map(line).chain(warnings).collect::<Vec<_>>().join("; ")
}

#[test]
fn the_pages_own_message_and_short_forms_ask_for_the_same() {
    for (body, header, expected) in [
        (format!(r#"{{"conversations":["{ONE}"]}}"#), Some(A), "c4 for 4bf9"),
        (format!(r#"{{"conversations":["{ONE}"],"traceparent":"{A}"}}"#), None, "c4 for 4bf9"),
        (
            format!(r#"{{"subscriptions":[{{"type":"conversation","id":"{ONE}","traceparent":"{A}"}}]}}"#),
            None,
            "c4 for 4bf9",
        ),
        // What the body says goes before what a client adds to every request.
        (format!(r#"{{"conversations":["{ONE}"],"traceparent":"{B}"}}"#), Some(A), "c4 for 0af7"),
        (format!(r#"{{"conversations":["{}"]}}"#, ONE.to_uppercase()), None, "c4 for nobody"),
        // Two conversations of one span are one subscription, of two spans they are two.
        (format!(r#"{{"conversations":["{ONE}","{TWO}","{ONE}"]}}"#), Some(A), "00 c4 for 4bf9"),
        (
            format!(
                r#"{{"subscriptions":[{{"type":"conversation","id":"{ONE}"}},{{"type":"conversation","id":"{TWO}","traceparent":"{B}","tracestate":"ot=ro"}}]}}"#
            ),
            Some(A),
            "c4 for 4bf9; 00 for 0af7",
        ),
        (
            r#"{"topics":["v2.users.u-1?conversations&presence","v2.routing.queues.q.conversations"]}"#
                .to_owned(),
            Some(A),
            "v2.routing.queues.q.conversations v2.users.u-1.conversations v2.users.u-1.presence for 4bf9",
        ),
        (
            format!(
                r#"{{"subscriptions":[{{"type":"topic","id":"v2.users.u.conversations"}},{{"type":"conversation","id":"{ONE}"}}]}}"#
            ),
            None,
            "c4 for nobody; v2.users.u.conversations for nobody",
        ),
    ] {
        assert_eq!(shown(&read(&body, header).unwrap()), expected, "{body}");
    }
}

#[test]
fn a_context_that_cannot_be_used_keeps_nobody_from_events() {
    let body = format!(r#"{{"conversations":["{ONE}"],"traceparent":""}}"#);
    assert_eq!(shown(&read(&body, None).unwrap()), "c4 for nobody");
    assert_eq!(shown(&read(&body, Some(A)).unwrap()), "c4 for 4bf9");
    let body = format!(r#"{{"conversations":["{ONE}"],"traceparent":"00-nonsense"}}"#);
    let found = read(&body, None).unwrap();
    assert_eq!(found.wishes[0].origin, None);
    assert_eq!(found.warnings.len(), 1);
}

#[test]
fn what_is_wrong_is_named_with_the_mend() {
    let check = |body: &str, expected: Expect| expected.assert_eq(&read(body, None).unwrap_err().to_string());
    check(
        r#"{"subscriptions":[{"type":"conversation","traceparent":"00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"}]}"#,
        expect![[
            r#"subscription 1 names no conversation: add `"id": "<conversation id>"`, in a mapping `"id": "$.conversationId"`"#
        ]],
    );
    check(
        r#"{"conversation":"x"}"#,
        expect![[
            r#"the body is not a subscription: unknown field `conversation` (line 1, column 15); send {"conversations": ["<conversation id>"]}"#
        ]],
    );
    check(
        r#"{"conversations":"x"}"#,
        expect![[
            r#"the body is not a subscription: it is no such JSON object (line 1, column 20); send {"conversations": ["<conversation id>"]}"#
        ]],
    );
    check(
        "",
        expect![[
            r#"the body is not a subscription: it is no such JSON object (line 1, column 0); send {"conversations": ["<conversation id>"]}"#
        ]],
    );
    check("{}", expect!["nothing is asked for: write `conversations`, `topics` or `subscriptions`"]);
    check(
        r#"{"conversations":["$.conversationId"]}"#,
        expect![
            "`$.conversationId` is no conversation id: it is a UUID, such as c41e7d90-5b2a-4f0e-9a6d-37c2e10b8f54"
        ],
    );
    check(
        r#"{"subscriptions":[{"type":"user","id":"x"}]}"#,
        expect!["`user` is no type of a subscription: write `conversation` or `topic`"],
    );
    check(
        r#"{"topics":["v2.detail.events.conversation.*.acw"]}"#,
        expect!["`v2.detail.events.conversation.*.acw` is no topic: there are no wildcards; name the id"],
    );
    check(
        r#"{"topics":["v2.users.{id}.conversations"]}"#,
        expect!["`v2.users.{id}.conversations` is no topic: put an id in the place of `{id}`"],
    );
    check(
        r#"{"topics":["v2.system.socket_closing"]}"#,
        expect![
            "`v2.system.socket_closing` is no topic: messages about the channel itself come without being asked for"
        ],
    );
    check(
        r#"{"topics":["queues"]}"#,
        expect!["`queues` is no topic: it is `v2.`, names and ids, parted by dots"],
    );
    let many: Vec<_> = (0..101).map(|nth| format!(r#""{nth:08}-5b2a-4f0e-9a6d-37c2e10b8f54""#)).collect();
    check(
        &format!(r#"{{"conversations":[{}]}}"#, many.join(",")),
        expect!["more than 100 conversations and topics; ask in several requests"],
    );
}

proptest! {
    #[test]
    fn any_bytes_are_read_or_refused(bytes in prop::collection::vec(any::<u8>(), 0..200), text in ".{0,120}") {
        Request::read(&bytes).map(|request| request.wishes(Some(&text))).ok();
        let body = serde_json::json!({"topics": [text], "traceparent": text}).to_string();
        if let Err(error) = read(&body, Some(&text)) {
            prop_assert!(error.to_string().len() < 500);
        }
    }
}
