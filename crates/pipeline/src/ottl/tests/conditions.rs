use super::*;

fn parsed(text: &str, context: Context) -> Condition {
    let (condition, wrongs) = Condition::parse(text, Within::context(context));
    condition.unwrap_or_else(|| panic!("{text}: {wrongs:?}"))
}

/// `true`, `false` or why it failed.
fn said(text: &str, context: Context) -> String {
    let condition = parsed(text, context);
    with_scene(&sample(), |scene| match condition.holds(scene) {
        Ok(holds) => holds.to_string(),
        Err(failure) => failure.to_string(),
    })
}

#[track_caller]
fn all_hold(context: Context, conditions: &[&str]) {
    for text in conditions {
        assert_eq!(said(text, context), "true", "{text}");
    }
}

#[test]
fn every_path() {
    all_hold(
        Context::Span,
        &[
            "trace_id == TraceID(0x0102030405060708090a0b0c0d0e0f10)",
            "trace_id.string == \"0102030405060708090a0b0c0d0e0f10\"",
            "span_id == SpanID(\"0102030405060708\")",
            "span_id.string == \"0102030405060708\"",
            "parent_span_id == SpanID(0x0000000000000000)",
            "parent_span_id.string == \"0000000000000000\"",
            "trace_state == \"ot=th:8,vendor=x\"",
            "trace_state[\"vendor\"] == \"x\" and trace_state[\"other\"] == \"\"",
            "name == \"GET /api/users\" and span.name == name",
            "kind == SPAN_KIND_SERVER and kind == 2 and kind != SPAN_KIND_CLIENT",
            "kind.string == \"Server\" and kind.deprecated_string == \"SPAN_KIND_SERVER\"",
            "start_time_unix_nano == 1709210096500000000",
            "end_time - start_time == Duration(\"2.5s\")",
            "end_time_unix_nano - start_time_unix_nano > 2000000000",
            "attributes[\"http.method\"] == \"GET\"",
            "dropped_attributes_count == 3 and dropped_events_count == 0 and dropped_links_count == 0",
            "Len(events) == 2 and Len(links) == 1",
            "status.code == STATUS_CODE_ERROR and status.message == \"timed out\"",
            "flags == 257",
            "resource.attributes[\"service.name\"] == \"ivr\"",
            "resource.dropped_attributes_count == 0 and resource.schema_url == \"resource-schema\"",
            "instrumentation_scope.name == \"io.net\" and scope.version == \"1.2\"",
            "scope.attributes[\"scope.key\"] == \"s\" and scope.dropped_attributes_count == 1",
            "scope.schema_url == \"scope-schema\"",
            "cache[\"x\"] == nil and span.cache[\"x\"] == nil and Len(cache) == 0",
        ],
    );
    all_hold(
        Context::SpanEvent,
        &[
            "name == \"exception\" and spanevent.name == name and span.name == \"GET /api/users\"",
            "time_unix_nano == 1709210096500001000 and time - span.start_time == Duration(\"1us\")",
            "attributes[\"exception.type\"] == \"Timeout\"",
            "dropped_attributes_count == 7 and event_index == 0",
            "resource.attributes[\"cloud.region\"] == \"eu-west-2\"",
        ],
    );
    all_hold(
        Context::Resource,
        &["attributes[\"service.name\"] == \"ivr\"", "Len(resource.attributes) == 2"],
    );
    all_hold(Context::Scope, &["name == \"io.net\" and resource.attributes[\"service.name\"] == \"ivr\""]);
}

#[test]
fn what_is_missing_is_nil() {
    all_hold(
        Context::Span,
        &[
            "attributes[\"missing\"] == nil",
            "attributes[\"none\"] == nil",
            "attributes[\"missing\"][\"too\"][0] == nil",
            "attributes[\"nested\"][\"missing\"] == nil",
            "attributes[\"http.method\"] != nil",
            "not (attributes[\"missing\"] == \"\") and not (attributes[\"missing\"] < 5) and attributes[\"missing\"] != 5",
            "attributes[\"missing\"] == attributes[\"none\"]",
        ],
    );
}

#[test]
fn comparisons() {
    all_hold(
        Context::Span,
        &[
            "attributes[\"http.status_code\"] >= 500 and attributes[\"http.status_code\"] >= 499.5",
            "attributes[\"ratio\"] < 1 and attributes[\"ratio\"] == 0.5",
            "attributes[\"ok\"] == false and attributes[\"ok\"] < true",
            "attributes[\"raw\"] == 0x01ff and attributes[\"raw\"] > 0x01fe",
            "attributes[\"text.number\"] != 42",
            "attributes[\"nested\"][\"list\"] == [1, \"two\"]",
            "attributes[\"nested\"][\"deep\"] == {\"x\": true}",
            "attributes[\"nested\"] == {\"deep\": {\"x\": true}, \"list\": [1, \"two\"]}",
            "name > \"GET\" and name < \"GET0\"",
        ],
    );
}

#[test]
fn keys_of_keys() {
    all_hold(
        Context::Span,
        &[
            "attributes[\"nested\"][\"list\"][1] == \"two\"",
            "attributes[\"nested\"][\"deep\"][\"x\"] == true",
            "attributes[Concat([\"http\", \"method\"], \".\")] == \"GET\"",
            "Split(name, \"/\")[2] == \"users\"",
            "attributes[\"nested\"][\"list\"][Len(links) - 1] == 1",
            "ParseJSON(\"{\\\"a\\\": [1, {\\\"b\\\": null}]}\")[\"a\"][1][\"b\"] == nil",
        ],
    );
    assert_eq!(said("attributes[\"nested\"][\"list\"][2] == 1", Context::Span), "the list has no element 2");
    assert_eq!(
        said("attributes[\"nested\"][\"list\"][-1] == 1", Context::Span),
        "the list has no element -1"
    );
    assert_eq!(said("attributes[\"ok\"][\"x\"] == 1", Context::Span), "a boolean has no keys");
    assert_eq!(said("attributes[\"nested\"][0] == 1", Context::Span), "the keys of a map are text");
}

#[test]
fn sums() {
    all_hold(
        Context::Span,
        &[
            "attributes[\"http.status_code\"] / 100 == 5 and 7 / 2 == 3 and -7 / 2 == -3",
            "attributes[\"http.status_code\"] * 1.0 / 1000 == 0.5",
            "1 + 2 * 3 - 4 == 3 and (1 + 2) * 3 == 9 and -attributes[\"ratio\"] == -0.5",
            "start_time + Duration(\"1s\") > start_time and Duration(\"1s\") - Duration(\"300ms\") == Duration(\"0.7s\")",
            "9223372036854775807 + 1 == -9223372036854775808",
        ],
    );
    assert_eq!(said("kind / (kind - 2) == 1", Context::Span), "a number cannot be divided by 0");
    assert_eq!(said("attributes[\"ratio\"] / 0.0 == 1", Context::Span), "a number cannot be divided by 0");
    assert_eq!(
        said("attributes[\"http.method\"] + 1 == 1", Context::Span),
        "text and a whole number cannot be added"
    );
}

/// What stands on the right is not evaluated where the left has decided.
#[test]
fn the_left_side_decides() {
    let fails = "attributes[\"ok\"][\"x\"] == 1";
    assert_eq!(said(&format!("false and {fails}"), Context::Span), "false");
    assert_eq!(said(&format!("true or {fails}"), Context::Span), "true");
    assert_eq!(said(&format!("{fails} or true"), Context::Span), "a boolean has no keys");
}

#[test]
fn kinds_of_values() {
    all_hold(
        Context::Span,
        &[
            "IsString(name) and IsString(attributes[\"http.method\"]) and not IsString(attributes[\"missing\"])",
            "IsInt(kind) and IsDouble(attributes[\"ratio\"]) and IsBool(attributes[\"ok\"])",
            "IsMap(attributes) and IsMap(attributes[\"nested\"]) and IsList(attributes[\"nested\"][\"list\"])",
            "IsEmpty(attributes[\"missing\"]) and IsEmpty(\"\") and IsEmpty(parent_span_id) and not IsEmpty(name)",
            "IsRootSpan()",
            "Int(attributes[\"text.number\"]) == 42 and Int(1.9) == 1 and Int(-1.9) == -1 and Int(true) == 1",
            "Int(\"x\") == nil and Int(attributes[\"nested\"]) == nil",
            "Double(\"2.5\") == 2.5 and Double(2) == 2.0 and Double(\"x\") == nil",
            "Bool(\"T\") and not Bool(\"0\") and Bool(2) and Bool(\"x\") == nil",
            "String(5) == \"5\" and String(1.5) == \"1.5\" and String(true) == \"true\" and String(nil) == nil",
            "String(attributes[\"raw\"]) == \"Af8=\" and String([1, \"a\"]) == \"[1,\\\"a\\\"]\"",
            "String(span_id) == \"0102030405060708\"",
            "Len(name) == 14 and Len(attributes) == 9 and Len([1, 2]) == 2 and Len({\"a\": 1}) == 1",
            "ParseInt(\"-0xFF\", 0) == -255 and ParseInt(\"AA\", 16) == 170 and ParseInt(\"0b1111_0000\", 0) == 240",
            "Coalesce([attributes[\"missing\"], nil, \"x\"]) == \"x\" and Coalesce([nil]) == nil",
            "IsInCIDR(\"10.1.2.3\", [\"192.168.0.0/16\", \"10.0.0.0/8\"]) and not IsInCIDR(\"11.0.0.1\", [\"10.0.0.0/8\"])",
            "IsInCIDR(\"2001:db8::1\", [\"2001:db8::/32\"]) and IsInCIDR(\"1.2.3.4\", [\"0.0.0.0/0\"])",
            "IsValidLuhn(\"17893729974\") and not IsValidLuhn(17893729975)",
            "Log(Double(\"1\")) == 0.0",
        ],
    );
    assert_eq!(said("Len(attributes[\"ok\"]) == 1", Context::Span), "a boolean has no length");
}

#[test]
fn texts() {
    all_hold(
        Context::Span,
        &[
            "IsMatch(name, \"^GET /api/.*\") and IsMatch(attributes[\"http.status_code\"], \"^5\")",
            "not IsMatch(attributes[\"missing\"], \".*\") and IsMatch(attributes[\"nested\"], \"two\")",
            "HasPrefix(name, \"GET \") and HasSuffix(name, \"users\")",
            "Concat([\"a\", 1, 1.5, true, nil, attributes[\"raw\"]], \"-\") == \"a-1-1.5-true-<nil>-Af8=\"",
            "Split(\"a|b||c\", \"|\") == [\"a\", \"b\", \"\", \"c\"] and Split(\"äb\", \"\") == [\"ä\", \"b\"]",
            "Substring(\"123456789\", 2, 3) == \"345\" and Substring(\"一二三\", 0, 4, true) == \"一\"",
            "Trim(\"  a b \") == \"a b\" and Trim(\"!!a!\", \"!\") == \"a\"",
            "TrimPrefix(\"ingest_x\", \"ingest_\") == \"x\" and TrimSuffix(\"x_s\", \"_s\") == \"x\"",
            "ToLowerCase(\"ÄB\") == \"äb\" and ToUpperCase(\"äb\") == \"ÄB\"",
            "ToSnakeCase(\"httpStatusCode\") == \"http_status_code\" and ToCamelCase(\"my_metric\") == \"MyMetric\"",
            "ConvertCase(\"MY_METRIC\", \"lower\") == \"my_metric\"",
            "ExtractPatterns(name, \"^(?P<method>[A-Z]+) (?P<path>.*)$\") == {\"method\": \"GET\", \"path\": \"/api/users\"}",
            "ExtractPatterns(name, \"(?P<x>\\\\d+)\") == {}",
            "Index(\"hello world\", \"world\") == 6 and Index([1, 2], 3) == -1",
            "ContainsValue([\"GET\", \"PUT\"], attributes[\"http.method\"]) and not ContainsValue([1], \"1\")",
        ],
    );
    assert_eq!(
        said("HasPrefix(attributes[\"missing\"], \"x\")", Context::Span),
        "argument 1 is nil, not text"
    );
    assert_eq!(
        said("Substring(name, 0, 99) == \"\"", Context::Span),
        "the text has 14 bytes, fewer than 0 and 99"
    );
}

#[test]
fn hashes_and_codings() {
    all_hold(
        Context::Span,
        &[
            "MD5(\"hello world\") == \"5eb63bbbe01eeed093cb22bb8f5acdc3\"",
            "SHA1(\"hello world\") == \"2aae6c35c94fcfb415dbe95f408b9ce91ee846ed\"",
            "SHA512(\"hello world\") == \"309ecc489c12d6eb4cc40f50c902f2b4d0ed77ee511a7c7a9bcd3ca86d4cd86f989dd35bc5ff499670da34255b45b0cfd830e81f605dcf7dc5542e93ae9cd76f\"",
            "SHA256(\"hello world\") == \"b94d27b9934d3e08a52e52d7da7dabfac484efe37a5380ee9088f7ace2efcde9\"",
            "FNV(\"hello world\") == 8618312879776256743",
            "Hex(\"1\") == \"31\" and Hex(12) == \"000000000000000c\" and Hex(attributes[\"raw\"]) == \"01ff\"",
            "Hex(1.1) == \"3ff199999999999a\" and Hex(true) == \"01\" and Hex(nil) == nil",
            "Base64Decode(\"aGVsbG8gd29ybGQ=\") == \"hello world\" and Base64Encode(\"test string\") == \"dGVzdCBzdHJpbmc=\"",
            "Decode(\"aGVsbG8\", \"base64-raw\") == \"hello\"",
        ],
    );
}

#[test]
fn times() {
    all_hold(
        Context::Span,
        &[
            "Now() == start_time and Duration(\"1h\") > Duration(\"59m\")",
            "UnixMicro(start_time) == 1709210096500000 and Microseconds(end_time - start_time) == 2500000",
            "UnixNano(start_time) == start_time_unix_nano and UnixMilli(start_time) == 1709210096500",
            "UnixSeconds(start_time) == 1709210096 and Unix(1709210096, 500000000) == start_time",
            "Year(start_time) == 2024 and Month(start_time) == 2 and Day(start_time) == 29 and Weekday(start_time) == 4",
            "Hour(start_time) == 12 and Minute(start_time) == 34 and Second(start_time) == 56",
            "Nanosecond(start_time) == 500000000",
            "Time(\"2024-02-29\", \"%Y-%m-%d\") == TruncateTime(start_time, Duration(\"24h\"))",
            "FormatTime(start_time, \"%a %FT%T.%L%z\") == \"Thu 2024-02-29T12:34:56.500+0000\"",
            "Milliseconds(end_time - start_time) == 2500 and Seconds(end_time - start_time) == 2.5",
            "Hours(Duration(\"90m\")) == 1.5 and Minutes(Duration(\"90s\")) == 1.5 and Nanoseconds(Duration(\"1us\")) == 1000",
        ],
    );
}

#[test]
fn parsed_texts() {
    all_hold(
        Context::Span,
        &[
            "ParseJSON(\"{\\\"a\\\": [1, true, \\\"x\\\"]}\") == {\"a\": [1.0, true, \"x\"]}",
            "ParseJSON(\"[1]\")[0] == 1",
            "ParseKeyValue(\"k1=v1 k2='v 2'  k1=v3\", \"=\", \" \")[\"k1\"] == \"v3\"",
            "ParseKeyValue(\"a:1|b:2\", \":\", pair_delimiter=\"|\") == {\"a\": \"1\", \"b\": \"2\"}",
            "Keys({\"a\": 1, \"b\": 2}) == [\"a\", \"b\"] and Values({\"a\": 1, \"b\": 2}) == [1, 2]",
        ],
    );
    let deep = format!("{}1{}", "[".repeat(40), "]".repeat(40));
    let (condition, wrongs) =
        Condition::parse(&format!("ParseJSON(\"{deep}\") == nil"), Within::context(Context::Span));
    assert!(condition.is_none() && wrongs[0].message.contains("more than 24 levels"), "{wrongs:?}");
}
