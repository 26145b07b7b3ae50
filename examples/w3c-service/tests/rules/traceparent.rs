//! `traceparent`: section 3.2.

use super::{PARENT, TRACE, parts, sent};

/// Trace ids that a lenient reader could take from a broken header.
const TAKEN: [&str; 3] = [TRACE, "12345678901234567890123456789011", "23456789012345678901234567890123"];

async fn restarts(headers: &[(&str, &str)]) {
    let (trace, span, _) = parts(&sent(headers).await);
    assert!(!TAKEN.contains(&trace.as_str()), "{headers:?}");
    assert_ne!(span, PARENT, "{headers:?}");
}

async fn goes_on(headers: &[(&str, &str)]) -> u8 {
    let (trace, span, flags) = parts(&sent(headers).await);
    assert_eq!(trace, TRACE, "{headers:?}");
    assert_ne!(span, PARENT, "{headers:?}");
    flags
}

async fn all_restart(values: &[String]) {
    for value in values {
        restarts(&[("traceparent", value)]).await;
    }
}

async fn all_go_on(values: &[String]) {
    for value in values {
        goes_on(&[("traceparent", value)]).await;
    }
}

fn good() -> String {
    format!("00-{TRACE}-{PARENT}-01")
}

#[tokio::test]
async fn nothing_received_starts_a_trace() {
    restarts(&[]).await;
}

#[tokio::test]
async fn a_valid_one_goes_on_with_a_new_parent() {
    goes_on(&[("traceparent", &good())]).await;
}

#[tokio::test]
async fn two_of_them_restart() {
    let other = good().replace("9012-", "9011-");
    restarts(&[("traceparent", &other), ("traceparent", &good())]).await;
    restarts(&[("traceparent", &good()), ("Traceparent", &good())]).await;
    restarts(&[("traceparent", &format!("{}, {}", good(), good()))]).await;
}

#[tokio::test]
async fn other_names_are_not_read() {
    for name in ["trace-parent", "trace.parent", "x-traceparent"] {
        restarts(&[(name, &good())]).await;
    }
}

#[tokio::test]
async fn the_case_of_the_name_does_not_matter() {
    for name in ["TraceParent", "TrAcEpArEnT", "TRACEPARENT"] {
        goes_on(&[(name, &good())]).await;
    }
}

#[tokio::test]
async fn version_00_has_nothing_after_the_flags() {
    all_restart(&[format!("{}.", good()), format!("{}-", good()), format!("{}-more", good())]).await;
}

#[tokio::test]
async fn a_version_to_come_is_read_as_far_as_it_is_known() {
    let cc = good().replacen("00", "cc", 1);
    all_go_on(&[cc.clone(), format!("{cc}-"), format!("{cc}-what-will-be")]).await;
    all_restart(&[format!("{cc}.what-will-be"), cc[..54].to_owned()]).await;
}

#[tokio::test]
async fn version_ff_restarts() {
    all_restart(&[good().replacen("00", "ff", 1)]).await;
}

#[tokio::test]
async fn a_version_is_two_lower_case_digits() {
    let rest = &good()[2..];
    all_restart(&[".0", "0.", "CC", "000", "0000", "0", ""].map(|version| format!("{version}{rest}"))).await;
}

#[tokio::test]
async fn a_trace_id_is_32_lower_case_digits_not_all_zero() {
    let ids = [
        "0".repeat(32),
        format!(".{}", &TRACE[1..]),
        format!("{}.", &TRACE[..31]),
        format!("{TRACE}3"),
        TRACE[..31].to_owned(),
        "A".repeat(32),
    ];
    for id in &ids {
        let (trace, ..) = parts(&sent(&[("traceparent", &format!("00-{id}-{PARENT}-01"))]).await);
        assert!(trace != *id && !TAKEN.contains(&trace.as_str()), "{id}");
        assert_ne!(trace, id.to_ascii_lowercase());
    }
}

#[tokio::test]
async fn a_parent_id_is_16_lower_case_digits_not_all_zero() {
    let ids = [
        "0".repeat(16),
        format!(".{}", &PARENT[1..]),
        format!("{}.", &PARENT[..15]),
        format!("{PARENT}7"),
        PARENT[..15].to_owned(),
        "A".repeat(16),
    ];
    all_restart(&ids.map(|id| format!("00-{TRACE}-{id}-01"))).await;
}

#[tokio::test]
async fn flags_are_two_lower_case_digits() {
    all_restart(&[".0", "0.", "001", "1", "", "0A"].map(|flags| format!("00-{TRACE}-{PARENT}-{flags}")))
        .await;
}

#[tokio::test]
async fn white_space_around_the_value_does_not_count() {
    for (before, after) in [(" ", ""), ("\t", ""), ("", " "), ("", "\t"), ("\t ", " \t")] {
        goes_on(&[("traceparent", &format!("{before}{}{after}", good()))]).await;
    }
}

#[tokio::test]
async fn an_empty_value_restarts() {
    restarts(&[("traceparent", "")]).await;
}

/// Level 2: the random flag goes on with the trace, sampled or not; bits that nobody knows do not.
#[tokio::test]
async fn flags_go_on_as_far_as_they_are_known() {
    for (received, expected) in [("00", 0), ("01", 1), ("02", 2), ("03", 3), ("ff", 3), ("fc", 0)] {
        let value = format!("00-{TRACE}-{PARENT}-{received}");
        assert_eq!(goes_on(&[("traceparent", &value)]).await, expected, "{received}");
    }
}
