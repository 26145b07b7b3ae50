//! `tracestate`: section 3.3.

use super::{PARENT, TRACE, parts, sent};

/// What is sent on of these headers beside a valid `traceparent`, which goes on whatever they hold.
async fn passed(states: &[&str]) -> Option<String> {
    let parent = format!("00-{TRACE}-{PARENT}-00");
    let mut headers = vec![("traceparent", parent.as_str())];
    headers.extend(states.iter().map(|state| ("tracestate", *state)));
    let sent = sent(&headers).await;
    assert_eq!(parts(&sent).0, TRACE, "{states:?}");
    sent.tracestate().map(str::to_owned)
}

async fn dropped(states: &[&str]) {
    assert_eq!(passed(states).await, None, "{states:?}");
}

fn numbered(from: usize, to: usize) -> String {
    (from..=to).map(|at| format!("bar{at:02}={at:02}")).collect::<Vec<_>>().join(",")
}

#[tokio::test]
async fn without_a_traceparent_it_is_dropped() {
    for state in ["foo=1", "foo=1,bar=2"] {
        assert_eq!(sent(&[("tracestate", state)]).await.tracestate(), None);
    }
}

#[tokio::test]
async fn with_an_invalid_traceparent_it_is_dropped() {
    let sent = sent(&[("traceparent", "00-nonsense"), ("tracestate", "foo=1")]).await;
    assert_eq!(sent.tracestate(), None);
}

#[tokio::test]
async fn it_goes_on_with_the_trace() {
    assert_eq!(passed(&["foo=1,bar=2"]).await.unwrap(), "foo=1,bar=2");
    assert_eq!(passed(&["ot=ro"]).await.unwrap(), "ot=ro");
}

#[tokio::test]
async fn other_names_are_not_read() {
    for name in ["trace-state", "trace.state"] {
        let parent = format!("00-{TRACE}-{PARENT}-00");
        assert_eq!(sent(&[("traceparent", &parent), (name, "foo=1")]).await.tracestate(), None);
    }
}

#[tokio::test]
async fn the_case_of_the_name_does_not_matter() {
    for name in ["TraceState", "TrAcEsTaTe", "TRACESTATE"] {
        let parent = format!("00-{TRACE}-{PARENT}-00");
        assert_eq!(sent(&[("traceparent", &parent), (name, "foo=1")]).await.tracestate(), Some("foo=1"));
    }
}

#[tokio::test]
async fn empty_headers_and_members_are_left_out() {
    dropped(&[""]).await;
    assert_eq!(passed(&["foo=1", ""]).await.unwrap(), "foo=1");
    assert_eq!(passed(&["", "foo=1"]).await.unwrap(), "foo=1");
    assert_eq!(passed(&["foo=1,,bar=2, ,"]).await.unwrap(), "foo=1,bar=2");
}

#[tokio::test]
async fn several_headers_are_one_list_in_order() {
    let passed = passed(&["foo=1,bar=2", "rojo=1,congo=2", "baz=3"]).await;
    assert_eq!(passed.unwrap(), "foo=1,bar=2,rojo=1,congo=2,baz=3");
}

#[tokio::test]
async fn a_key_comes_once() {
    for states in [&["foo=1,foo=1"][..], &["foo=1,foo=2"], &["foo=1", "foo=1"], &["foo=1", "foo=2"]] {
        dropped(states).await;
    }
}

#[tokio::test]
async fn every_character_that_is_allowed_goes_on() {
    let letters: String = ('a'..='z').collect();
    let key = format!("{letters}0123456789_-*/");
    let value: String = (' '..='~').filter(|character| !",=".contains(*character)).collect();
    for key in [key.clone(), format!("{key}@a-z0-9_-*/"), "0first".to_owned()] {
        let state = format!("{key}={value}");
        assert_eq!(passed(&[&state]).await.unwrap(), state);
    }
}

#[tokio::test]
async fn white_space_around_members_does_not_count() {
    assert_eq!(passed(&["foo=1 \t , \t bar=2, \t baz=3"]).await.unwrap(), "foo=1,bar=2,baz=3");
    assert_eq!(passed(&["foo=1\t \t,\t \tbar=2,\t \tbaz=3"]).await.unwrap(), "foo=1,bar=2,baz=3");
    for state in [" foo=1", "\tfoo=1", "foo=1 ", "foo=1\t", "\t foo=1 \t"] {
        assert_eq!(passed(&[state]).await.unwrap(), "foo=1");
    }
}

#[tokio::test]
async fn a_key_has_no_other_characters() {
    for state in ["foo =1", "FOO=1", "foo.bar=1", "@foo=1,bar=2", "_foo=1", "=1", "foo", "é=1"] {
        dropped(&[state]).await;
    }
}

/// Level 2: an `@` is a character like others, but not the first one.
#[tokio::test]
async fn a_key_may_have_any_number_of_at_signs() {
    let tenant = format!("{}@v=1", "t".repeat(242));
    let system = format!("t@{}=1", "v".repeat(15));
    for state in ["foo@=1,bar=2", "foo@@bar=1,bar=2", "foo@bar@baz=1,bar=2", &tenant, &system] {
        assert_eq!(passed(&[state]).await.unwrap(), state);
    }
}

#[tokio::test]
async fn a_list_has_at_most_32_members() {
    let parts = [numbered(1, 10), numbered(11, 20), numbered(21, 30), numbered(31, 32), numbered(33, 33)];
    let states: Vec<&str> = parts.iter().map(String::as_str).collect();
    assert_eq!(passed(&states[..4]).await.unwrap(), numbered(1, 32));
    dropped(&states).await;
}

#[tokio::test]
async fn a_key_has_at_most_256_characters() {
    let longest = format!("{}=1", "z".repeat(256));
    assert_eq!(passed(&["foo=1", &longest]).await.unwrap(), format!("foo=1,{longest}"));
    let tenant = format!("{}@{}=1", "t".repeat(241), "v".repeat(14));
    assert_eq!(passed(&["foo=1", &tenant]).await.unwrap(), format!("foo=1,{tenant}"));
    dropped(&["foo=1", &format!("{}=1", "z".repeat(257))]).await;
}

#[tokio::test]
async fn a_value_has_at_most_256_characters_and_no_others() {
    let longest = format!("foo={}", "v".repeat(256));
    assert_eq!(passed(&[&longest]).await.unwrap(), longest);
    for state in ["foo=bar=baz", "foo=,bar=3", "foo=é", &format!("foo={}", "v".repeat(257))] {
        dropped(&[state]).await;
    }
}

#[tokio::test]
async fn leading_spaces_belong_to_the_value() {
    assert_eq!(passed(&["foo=  1 2"]).await.unwrap(), "foo=  1 2");
}

/// Section 3.3.1.5 asks for 512 characters at least.
#[tokio::test]
async fn a_long_list_goes_on_whole() {
    let state = (0..32).map(|at| format!("k{at}={}", "v".repeat(200))).collect::<Vec<_>>().join(",");
    assert_eq!(passed(&[&state]).await.unwrap(), state);
}
