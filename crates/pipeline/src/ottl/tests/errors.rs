use expect_test::{Expect, expect};
use flow::config::Node;

use super::*;

fn condition(context: Context, text: &str, expected: Expect) {
    let node = Node::load("c.yaml", "x").unwrap();
    let (condition, wrongs) = Condition::parse(text, Within::context(context));
    assert!(condition.is_none(), "{text}");
    let lines: Vec<_> = wrongs.iter().map(|wrong| wrong.finding(&node, text).to_string()).collect();
    expected.assert_eq(&lines.join("\n"));
}

fn statement(within: Within, text: &str, expected: Expect) {
    let node = Node::load("c.yaml", "x").unwrap();
    let (statement, wrongs) = Statement::parse(text, within);
    assert!(statement.is_none(), "{text}");
    let lines: Vec<_> = wrongs.iter().map(|wrong| wrong.finding(&node, text).to_string()).collect();
    expected.assert_eq(&lines.join("\n"));
}

#[test]
fn unknown_names() {
    condition(
        Context::Span,
        "not IsMtch(name, \"x\")",
        expect![[r#"
        c.yaml:1:1: error: there is no function `IsMtch`, at column 5:
            not IsMtch(name, "x")
                ^^^^^^
          help: did you mean `IsMatch`? the functions are Base64Decode, Base64Encode, Bool, Coalesce, Concat, ContainsValue, ConvertCase, Day, Decode, Double, Duration, ExtractPatterns, FNV, Format, FormatTime, HasPrefix, HasSuffix, Hex, Hour, Hours, Index, Int, IsBool, IsDouble, IsEmpty, IsInCIDR, IsInt, IsList, IsMap, IsMatch, IsRootSpan, IsString, IsValidLuhn, Keys, Len, Log, MD5, Microseconds, Milliseconds, Minute, Minutes, Month, Nanosecond, Nanoseconds, Now, ParseInt, ParseJSON, ParseKeyValue, SHA1, SHA256, SHA512, Second, Seconds, SpanID, Split, String, Substring, Time, ToCamelCase, ToLowerCase, ToSnakeCase, ToUpperCase, TraceID, Trim, TrimPrefix, TrimSuffix, TruncateTime, Unix, UnixMicro, UnixMilli, UnixNano, UnixSeconds, Values, Weekday, Year"#]],
    );
    condition(
        Context::Span,
        "atributes[\"a\"] == 1 and resource.attrs[\"a\"] == 1 and kind == SPAN_KIND_SRV",
        expect![[r#"
            c.yaml:1:1: error: there is no path `atributes` in the context `span`, at column 1:
                atributes["a"] == 1 and resource.attrs["a"] == 1 and kind == SPAN_KIN…
                ^^^^^^^^^
              help: did you mean `attributes`? the paths of `span` are trace_id, trace_id.string, span_id, span_id.string, trace_state, parent_span_id, parent_span_id.string, name, kind, kind.string, kind.deprecated_string, start_time, start_time_unix_nano, end_time, end_time_unix_nano, attributes, dropped_attributes_count, events, dropped_events_count, links, dropped_links_count, status.code, status.message, flags, cache; and those of `resource.…`, `scope.…`
            c.yaml:1:1: error: there is no path `resource.attrs` in the context `span`, at column 25:
                atributes["a"] == 1 and resource.attrs["a"] == 1 and kind == SPAN_KIND_SRV
                                        ^^^^^^^^^^^^^^
              help: the paths of `resource` are attributes, dropped_attributes_count, schema_url, cache
            c.yaml:1:1: error: there is no enum `SPAN_KIND_SRV`, at column 62:
                …tributes["a"] == 1 and resource.attrs["a"] == 1 and kind == SPAN_KIND_SRV
                                                                             ^^^^^^^^^^^^^
              help: did you mean `SPAN_KIND_SERVER`? the enums are SPAN_KIND_UNSPECIFIED, SPAN_KIND_INTERNAL, SPAN_KIND_SERVER, SPAN_KIND_CLIENT, SPAN_KIND_PRODUCER, SPAN_KIND_CONSUMER, STATUS_CODE_UNSET, STATUS_CODE_OK, STATUS_CODE_ERROR"#]],
    );
    condition(
        Context::Resource,
        "span.name == \"x\"",
        expect![[r#"
        c.yaml:1:1: error: the context `resource` has no `span`, at column 1:
            span.name == "x"
            ^^^^^^^^^
          help: paths here begin with resource"#]],
    );
    condition(
        Context::SpanEvent,
        "IsRootSpan()",
        expect![[r#"
        c.yaml:1:1: error: `IsRootSpan` is not for the context `spanevent`, at column 1:
            IsRootSpan()
            ^^^^^^^^^^
          help: it can be asked in the context `span`"#]],
    );
    condition(
        Context::Span,
        "status == 1",
        expect![[r#"
            c.yaml:1:1: error: there is no path `status` in the context `span`, at column 1:
                status == 1
                ^^^^^^
              help: its parts can be read and set: `status.code`, `status.message`"#]],
    );
    condition(
        Context::Span,
        "resource == nil",
        expect![[r#"
            c.yaml:1:1: error: there is no path `resource` in the context `span`, at column 1:
                resource == nil
                ^^^^^^^^
              help: name a field of it, such as `resource.attributes["key"]`"#]],
    );
    condition(
        Context::Span,
        "otelcol.client.addr == nil",
        expect![[r#"
        c.yaml:1:1: error: there is no path `otelcol.client.addr` in the context `span`, at column 1:
            otelcol.client.addr == nil
            ^^^^^^^^^^^^^^^^^^^
          help: the paths of `span` are trace_id, trace_id.string, span_id, span_id.string, trace_state, parent_span_id, parent_span_id.string, name, kind, kind.string, kind.deprecated_string, start_time, start_time_unix_nano, end_time, end_time_unix_nano, attributes, dropped_attributes_count, events, dropped_events_count, links, dropped_links_count, status.code, status.message, flags, cache; and those of `resource.…`, `scope.…`"#]],
    );
    statement(
        Within::context(Context::Span),
        "sett(name, \"x\")",
        expect![[r#"
        c.yaml:1:1: error: there is no editor `sett`, at column 1:
            sett(name, "x")
            ^^^^
          help: did you mean `set`? the editors are set, append, delete_key, delete_matching_keys, keep_keys, keep_matching_keys, limit, merge_maps, flatten, delete_index, truncate_all, stringify_all, replace_pattern, replace_match, replace_all_patterns, replace_all_matches"#]],
    );
    statement(
        Within::context(Context::Span),
        "Concat([name], \"\")",
        expect![[r#"
        c.yaml:1:1: error: `Concat` gives a value and changes nothing, at column 1:
            Concat([name], "")
            ^^^^^^
          help: a statement begins with an editor: set, append, delete_key, delete_matching_keys, keep_keys, keep_matching_keys, limit, merge_maps, flatten, delete_index, truncate_all, stringify_all, replace_pattern, replace_match, replace_all_patterns, replace_all_matches"#]],
    );
    statement(
        Within::context(Context::Span),
        "set(name, set(name, \"x\"))",
        expect![[r#"
        c.yaml:1:1: error: `set` is an editor, and gives no value, at column 11:
            set(name, set(name, "x"))
                      ^^^
          help: an editor stands at the beginning of a statement"#]],
    );
    statement(
        Within::inferred(Context::Span),
        "set(attributes[\"a\"], span.name)",
        expect![[r#"
        c.yaml:1:1: error: it is not said whose `attributes` this is, at column 5:
            set(attributes["a"], span.name)
                ^^^^^^^^^^^^^^^
          help: begin the path with its context, such as `span.attributes`, or set `context`"#]],
    );
}

#[test]
fn wrong_arguments() {
    let span = Within::context(Context::Span);
    condition(
        Context::Span,
        "IsMatch(name)",
        expect![[r#"
        c.yaml:1:1: error: `IsMatch` needs `pattern`, at column 1:
            IsMatch(name)
            ^^^^^^^^^^^^^
          help: it is called `IsMatch(target, pattern)`"#]],
    );
    condition(
        Context::Span,
        "IsMatch(name, \"a\", 1)",
        expect![[r#"
        c.yaml:1:1: error: `IsMatch` takes no such argument, at column 20:
            IsMatch(name, "a", 1)
                               ^
          help: it is called `IsMatch(target, pattern)`"#]],
    );
    condition(
        Context::Span,
        "IsMatch(name, pattern_=\"a\")",
        expect![[r#"
        c.yaml:1:1: error: `IsMatch` has no argument `pattern_`, at column 15:
            IsMatch(name, pattern_="a")
                          ^^^^^^^^
          help: did you mean `pattern`? its arguments are target, pattern"#]],
    );
    condition(
        Context::Span,
        "IsMatch(name, target=\"a\")",
        expect![[r#"
        c.yaml:1:1: error: this argument is given twice, at column 22:
            IsMatch(name, target="a")
                                 ^^^"#]],
    );
    condition(
        Context::Span,
        "IsMatch(name, \"(\")",
        expect![[r#"
        c.yaml:1:1: error: not a regular expression: unclosed group, at column 15:
            IsMatch(name, "(")
                          ^^^"#]],
    );
    condition(
        Context::Span,
        "IsMatch(name, name)",
        expect![[r#"
            c.yaml:1:1: error: `pattern` must be a text in double quotes, at column 15:
                IsMatch(name, name)
                              ^^^^"#]],
    );
    condition(
        Context::Span,
        "HasPrefix(kind, nil)",
        expect![[r#"
            c.yaml:1:1: error: `value` must be text, not a whole number, at column 11:
                HasPrefix(kind, nil)
                          ^^^^
            c.yaml:1:1: error: `prefix` must be text, not nil, at column 17:
                HasPrefix(kind, nil)
                                ^^^"#]],
    );
    condition(
        Context::Span,
        "end_time - start_time > Duration(\"2 seconds\")",
        expect![[r#"
        c.yaml:1:1: error: this never works: the units of a duration are ns, us, ms, s, m and h, at column 25:
            end_time - start_time > Duration("2 seconds")
                                    ^^^^^^^^^^^^^^^^^^^^^"#]],
    );
    condition(
        Context::Span,
        "ExtractPatterns(name, \"x\") == nil",
        expect![[r#"
        c.yaml:1:1: error: the pattern has no named group, and the names are the keys of the map, at column 23:
            ExtractPatterns(name, "x") == nil
                                  ^^^
          help: write `(?P<name>...)` for a part to extract"#]],
    );
    condition(
        Context::Span,
        "trace_id == TraceID(0x01)",
        expect![[r#"
        c.yaml:1:1: error: this never works: an id has 16 bytes, or 32 hexadecimal digits, at column 13:
            trace_id == TraceID(0x01)
                        ^^^^^^^^^^^^^"#]],
    );
    statement(
        span,
        "set(name, 5)",
        expect![[r#"
        c.yaml:1:1: error: this field takes text, not a whole number, at column 11:
            set(name, 5)
                      ^"#]],
    );
    statement(
        span,
        "set(\"name\", 5)",
        expect![[r#"
        c.yaml:1:1: error: expected the path of what is changed, at column 5:
            set("name", 5)
                ^^^^^^"#]],
    );
    statement(
        span,
        "set(events, nil)",
        expect![[r#"
        c.yaml:1:1: error: `events` can be read and not changed, at column 5:
            set(events, nil)
                ^^^^^^"#]],
    );
    statement(
        span,
        "delete_key(name, \"x\")",
        expect![[r#"
        c.yaml:1:1: error: `name` is text, not a map, at column 12:
            delete_key(name, "x")
                       ^^^^
          help: attributes and the cache are maps"#]],
    );
    statement(
        span,
        "keep_keys(attributes, \"x\")",
        expect![[r#"
            c.yaml:1:1: error: `keys` must be a list in square brackets, such as `["a", "b"]`, at column 23:
                keep_keys(attributes, "x")
                                      ^^^"#]],
    );
    statement(
        span,
        "merge_maps(attributes, cache, \"replace\")",
        expect![[r#"
        c.yaml:1:1: error: `strategy` cannot be "replace", at column 31:
            merge_maps(attributes, cache, "replace")
                                          ^^^^^^^^^
          help: it is one of insert, update, upsert"#]],
    );
    statement(
        span,
        "replace_pattern(name, \"a\", \"b\", SHA265, \"%d\")",
        expect![[r#"
        c.yaml:1:1: error: `SHA265` is no function of one text that gives a text, at column 33:
            replace_pattern(name, "a", "b", SHA265, "%d")
                                            ^^^^^^
          help: did you mean `SHA256`? these are Base64Decode, Base64Encode, Hex, MD5, SHA1, SHA256, SHA512, String, ToCamelCase, ToLowerCase, ToSnakeCase, ToUpperCase, Trim
        c.yaml:1:1: error: the format has one `%s` and no other `%`, at column 41:
            replace_pattern(name, "a", "b", SHA265, "%d")
                                                    ^^^^"#]],
    );
    statement(
        span,
        "replace_match(name, \"[\", \"b\")",
        expect![[r#"
        c.yaml:1:1: error: not a pattern: a `[` is not closed, at column 21:
            replace_match(name, "[", "b")
                                ^^^"#]],
    );
    statement(
        span,
        "set(attributes[0], name[\"x\"])",
        expect![[r#"
        c.yaml:1:1: error: the keys of `attributes` are text, such as `attributes["key"]`, at column 16:
            set(attributes[0], name["x"])
                           ^
        c.yaml:1:1: error: there is no such key in `name`, at column 25:
            set(attributes[0], name["x"])
                                    ^^^"#]],
    );
    statement(
        span,
        "set(attributes[\"t\"], FormatTime(start_time, \"%Q\"))",
        expect![[r#"
        c.yaml:1:1: error: `%Q` means nothing in a time format, at column 45:
            set(attributes["t"], FormatTime(start_time, "%Q"))
                                                        ^^^^"#]],
    );
}

#[test]
fn no_conditions() {
    condition(
        Context::Span,
        "attributes[\"a\"]",
        expect![[r#"
        c.yaml:1:1: error: `attributes` is a value, not a condition, at column 1:
            attributes["a"]
            ^^^^^^^^^^^^^^^
          help: compare it with something, such as `... != nil` or `... == true`"#]],
    );
    condition(
        Context::Span,
        "name == \"x\" and kind + 1",
        expect![[r#"
        c.yaml:1:1: error: a whole number is not a condition, at column 17:
            name == "x" and kind + 1
                            ^^^^^^^^
          help: a condition is a comparison, `true`, `false`, or a function that says yes or no"#]],
    );
    condition(
        Context::Span,
        "Concat([name], \"\")",
        expect![[r#"
        c.yaml:1:1: error: text is not a condition, at column 1:
            Concat([name], "")
            ^^^^^^^^^^^^^^^^^^
          help: a condition is a comparison, `true`, `false`, or a function that says yes or no"#]],
    );
    condition(
        Context::Span,
        "attributes[\"a\"] = 1",
        expect![[r#"
        c.yaml:1:1: error: expected the end of the condition, found `=`, at column 17:
            attributes["a"] = 1
                            ^
          help: two values are compared with `==`"#]],
    );
    condition(
        Context::Span,
        "(name == \"a\" or\n  name = \"b\")",
        expect![[r#"
        c.yaml:1:1: error: expected `)`, or what goes on behind `(name`, found `=`, at line 2, column 8:
              name = "b")
                   ^"#]],
    );
    condition(
        Context::Span,
        "Any(attributes, (k, v) => v == 1)",
        expect![[r#"
        c.yaml:1:1: error: functions of functions (`(k, v) => ...`) are not supported, at column 24:
            Any(attributes, (k, v) => v == 1)
                                   ^"#]],
    );
}

/// Advice does not stop anything.
#[test]
fn what_can_only_go_one_way() {
    let node = Node::load("c.yaml", "x").unwrap();
    let mut lines = Vec::new();
    for text in
        ["name == 5", "trace_id != nil", "end_time - start_time > 5 and start_time > 5", "trace_id == 0x01"]
    {
        let (condition, wrongs) = Condition::parse(text, Within::context(Context::Span));
        assert!(condition.is_some(), "{text}");
        lines.extend(wrongs.iter().map(|wrong| wrong.finding(&node, text).to_string()));
    }
    expect![[r#"
        c.yaml:1:1: advice: text and a whole number are never equal, at column 1:
            name == 5
            ^^^^^^^^^
        c.yaml:1:1: advice: this field is never nil, at column 1:
            trace_id != nil
            ^^^^^^^^^^^^^^^
          help: where it is not there it is empty: compare it with `""`, `0` or an id of zeros
        c.yaml:1:1: advice: a duration and a whole number are never equal, at column 1:
            end_time - start_time > 5 and start_time > 5
            ^^^^^^^^^^^^^^^^^^^^^^^^^
        c.yaml:1:1: advice: a time and a whole number are never equal, at column 31:
            end_time - start_time > 5 and start_time > 5
                                          ^^^^^^^^^^^^^^
        c.yaml:1:1: advice: a trace id and bytes are never equal, at column 1:
            trace_id == 0x01
            ^^^^^^^^^^^^^^^^"#]]
    .assert_eq(&lines.join("\n"));
}
