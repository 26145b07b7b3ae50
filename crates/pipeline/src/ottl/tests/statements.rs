use opentelemetry_proto::tonic::common::v1::AnyValue;

use super::*;
use crate::processors::attributes::tests::shown;

fn parsed(text: &str, context: Context) -> Statement {
    let (statement, wrongs) = Statement::parse(text, Within::context(context));
    statement.unwrap_or_else(|| panic!("{text}: {wrongs:?}"))
}

/// The sample as it is after a statement; or why it failed.
fn after(text: &str, context: Context) -> Result<ResourceSpans, String> {
    let statement = parsed(text, context);
    let mut sample = sample();
    let change =
        with_scene(&sample, |scene| statement.apply(scene)).map_err(|failure| failure.to_string())?;
    let Some(change) = change else { return Ok(sample) };
    let bytes = change.message.as_slice();
    let scope = &mut sample.scope_spans[0];
    match change.level {
        Level::Resource => sample.resource = Some(Resource::decode(bytes).unwrap()),
        Level::Scope => scope.scope = Some(InstrumentationScope::decode(bytes).unwrap()),
        Level::Span => scope.spans[0] = Span::decode(bytes).unwrap(),
        Level::Event => scope.spans[0].events[0] = Event::decode(bytes).unwrap(),
        Level::Cache => panic!("nothing to see"),
    }
    Ok(sample)
}

/// A statement does what the same edit does on decoded structs.
#[track_caller]
fn does(context: Context, text: &str, edit: impl FnOnce(&mut ResourceSpans)) {
    let mut expected = sample();
    edit(&mut expected);
    assert_eq!(after(text, context).as_ref(), Ok(&expected), "{text}");
}

#[track_caller]
fn on_span(text: &str, edit: impl FnOnce(&mut Span)) {
    does(Context::Span, text, |sample| edit(&mut sample.scope_spans[0].spans[0]));
}

fn put(attributes: &mut Vec<KeyValue>, key: &str, value: impl Any) {
    let new = pair(key, value);
    match attributes.iter_mut().find(|old| old.key == key) {
        Some(old) => *old = new,
        None => attributes.push(new),
    }
}

#[test]
fn fields_are_set() {
    on_span("set(name, \"x\")", |span| span.name = "x".into());
    on_span("set(name, \"\")", |span| span.name.clear());
    on_span("set(kind, SPAN_KIND_CLIENT)", |span| span.kind = 3);
    on_span("set(kind.string, \"Producer\")", |span| span.kind = 4);
    on_span("set(kind.deprecated_string, \"SPAN_KIND_CONSUMER\")", |span| span.kind = 5);
    on_span("set(status.code, STATUS_CODE_OK)", |span| span.status.as_mut().unwrap().code = 1);
    on_span("set(status.message, \"\")", |span| span.status.as_mut().unwrap().message.clear());
    on_span("set(trace_id, TraceID(0x000102030405060708090a0b0c0d0e0f))", |span| {
        span.trace_id = (0..16).collect()
    });
    on_span("set(span_id.string, \"0001020304050607\")", |span| span.span_id = (0..8).collect());
    on_span("set(parent_span_id, SpanID(0x0001020304050607))", |span| span.parent_span_id = (0..8).collect());
    on_span("set(parent_span_id, SpanID(0x0000000000000000))", |_| {});
    on_span("set(trace_state, \"a=b\")", |span| span.trace_state = "a=b".into());
    on_span("set(trace_state[\"vendor\"], \"y\")", |span| span.trace_state = "vendor=y,ot=th:8".into());
    on_span("set(trace_state[\"BAD KEY\"], \"y\")", |_| {});
    on_span("set(start_time_unix_nano, 5)", |span| span.start_time_unix_nano = 5);
    on_span("set(end_time, start_time + Duration(\"1s\"))", |span| {
        span.end_time_unix_nano = START + 1_000_000_000
    });
    on_span("set(dropped_attributes_count, 0)", |span| span.dropped_attributes_count = 0);
    on_span("set(flags, 1)", |span| span.flags = 1);
    does(Context::SpanEvent, "set(name, \"x\")", |sample| {
        sample.scope_spans[0].spans[0].events[0].name = "x".into()
    });
    does(Context::SpanEvent, "set(time_unix_nano, 5)", |sample| {
        sample.scope_spans[0].spans[0].events[0].time_unix_nano = 5;
    });
    does(Context::SpanEvent, "set(span.name, spanevent.name)", |sample| {
        sample.scope_spans[0].spans[0].name = "exception".into();
    });
    does(Context::Span, "set(scope.version, \"2\")", |sample| {
        sample.scope_spans[0].scope.as_mut().unwrap().version = "2".into();
    });
    does(Context::Span, "set(resource.attributes[\"a\"], name)", |sample| {
        put(&mut sample.resource.as_mut().unwrap().attributes, "a", "GET /api/users");
    });
}

#[test]
fn attributes_are_set() {
    on_span("set(attributes[\"new\"], 1)", |span| put(&mut span.attributes, "new", 1i64));
    on_span("set(attributes[\"http.method\"], 1.5)", |span| put(&mut span.attributes, "http.method", 1.5));
    on_span("set(attributes[\"new\"], [1, {\"a\": nil}])", |span| {
        let map: Vec<KeyValue> = vec![pair("a", AnyValue::default())];
        put(&mut span.attributes, "new", vec![1i64.any(), map.any()]);
    });
    on_span("set(attributes[\"copy\"], attributes[\"nested\"])", |span| {
        let nested = span.attributes[6].value.clone().unwrap();
        put(&mut span.attributes, "copy", nested);
    });
    on_span("set(attributes[\"all\"], resource.attributes)", |span| {
        let all: Vec<KeyValue> = vec![pair("service.name", "ivr"), pair("cloud.region", "eu-west-2")];
        put(&mut span.attributes, "all", all);
    });
    on_span("set(attributes, {\"only\": true})", |span| span.attributes = vec![pair("only", true)]);
    on_span("set(attributes[\"a\"], attributes[\"missing\"])", |_| {});
    on_span("set(attributes[\"a\"], 1) where kind == SPAN_KIND_CLIENT", |_| {});
    on_span("set(attributes[\"a\"], 1) where IsRootSpan()", |span| put(&mut span.attributes, "a", 1i64));
}

#[test]
fn nested_values_are_set() {
    let nested = |text: &str, expected: &str| {
        let after = after(text, Context::Span).unwrap();
        let attributes = &after.scope_spans[0].spans[0].attributes;
        let found: Vec<_> = attributes
            .iter()
            .filter(|pair| ["nested", "new"].contains(&pair.key.as_str()))
            .cloned()
            .collect();
        assert_eq!(shown(&found), expected, "{text}");
    };
    nested("set(attributes[\"nested\"][\"deep\"][\"x\"], 5)", "nested={list=[1,\"two\"] deep={x=5}}");
    nested(
        "set(attributes[\"nested\"][\"deep\"][\"y\"][\"z\"], 5)",
        "nested={list=[1,\"two\"] deep={x=true y={z=5}}}",
    );
    nested("set(attributes[\"nested\"][\"list\"][1], 5)", "nested={list=[1,5] deep={x=true}}");
    nested("set(attributes[\"new\"][\"a\"][0], 5)", "nested={list=[1,\"two\"] deep={x=true}} new={a=[5]}");
    nested("delete_key(attributes[\"nested\"], \"list\")", "nested={deep={x=true}}");
    nested(
        "merge_maps(attributes[\"nested\"][\"deep\"], {\"x\": 1, \"y\": 2}, \"upsert\")",
        "nested={list=[1,\"two\"] deep={x=1 y=2}}",
    );
    for (text, failure) in [
        ("set(attributes[\"nested\"][\"list\"][2], 5)", "the list has no element 2"),
        ("set(attributes[\"ok\"][\"x\"], 5)", "a boolean has no keys"),
        ("set(attributes[\"new\"][1], 5)", "a list begins with element 0"),
        ("delete_key(attributes[\"ok\"], \"list\")", "this is a boolean, not a map"),
        ("delete_key(attributes[\"new\"], \"list\")", "this is nil, not a map"),
        ("set(name, attributes[\"ok\"])", "this takes text, not a boolean"),
        ("set(kind, Int(\"-1\"))", "-1 does not fit here"),
        ("set(attributes[\"a\"], start_time)", "a time cannot be the value of an attribute"),
        ("set(kind.string, \"Robot\")", "there is no such span kind"),
        ("set(span_id.string, name)", "an id has 16 hexadecimal digits"),
    ] {
        assert_eq!(after(text, Context::Span), Err(failure.into()), "{text}");
    }
}

#[test]
fn values_do_not_nest_without_end() {
    let mut resource = sample();
    let statement =
        parsed("set(resource.attributes[\"a\"][\"b\"], resource.attributes[\"a\"])", Context::Span);
    put(&mut resource.resource.as_mut().unwrap().attributes, "a", vec![pair("x", 1i64)]);
    let mut rounds = 0;
    let failure = loop {
        match with_scene(&resource, |scene| statement.apply(scene)) {
            Ok(change) => {
                resource.resource = Some(Resource::decode(change.unwrap().message.as_slice()).unwrap())
            }
            Err(failure) => break failure,
        }
        rounds += 1;
        assert!(rounds < 100);
    };
    assert_eq!((rounds, failure.to_string()), (22, "the value nests more than 24 levels deep".into()));
}

#[test]
fn keys_are_deleted_and_kept() {
    on_span("delete_key(attributes, \"http.method\")", |span| drop(span.attributes.remove(1)));
    on_span("delete_key(attributes, \"missing\")", |_| {});
    on_span("delete_matching_keys(attributes, \"^http[.]\")", |span| {
        span.attributes.retain(|pair| !pair.key.starts_with("http."));
    });
    on_span("keep_keys(attributes, [\"ok\", \"raw\", name])", |span| {
        span.attributes.retain(|pair| ["ok", "raw"].contains(&pair.key.as_str()));
    });
    on_span("keep_matching_keys(attributes, \"^http[.]\")", |span| {
        span.attributes.retain(|pair| pair.key.starts_with("http."));
    });
    on_span("limit(attributes, 3, [\"ok\"])", |span| {
        span.attributes.retain(|pair| ["http.status_code", "http.method", "ok"].contains(&pair.key.as_str()));
    });
    on_span("limit(attributes, 1, [\"ok\", \"raw\"])", |span| {
        span.attributes.retain(|pair| ["ok", "raw"].contains(&pair.key.as_str()));
    });
    on_span("limit(attributes, 9, [])", |_| {});
    does(Context::Resource, "keep_keys(attributes, [\"cloud.region\"])", |sample| {
        drop(sample.resource.as_mut().unwrap().attributes.remove(0));
    });
}

#[test]
fn maps_are_merged() {
    let merge = |strategy: &str| format!("merge_maps(attributes, {{\"ok\": 1, \"new\": 2}}, \"{strategy}\")");
    on_span(&merge("insert"), |span| put(&mut span.attributes, "new", 2i64));
    on_span(&merge("update"), |span| put(&mut span.attributes, "ok", 1i64));
    on_span(&merge("upsert"), |span| {
        put(&mut span.attributes, "ok", 1i64);
        put(&mut span.attributes, "new", 2i64);
    });
    on_span("merge_maps(attributes, resource.attributes, \"insert\")", |span| {
        put(&mut span.attributes, "service.name", "ivr");
        put(&mut span.attributes, "cloud.region", "eu-west-2");
    });
    on_span("merge_maps(attributes, ExtractPatterns(name, \"^(?P<verb>[A-Z]+)\"), \"upsert\")", |span| {
        put(&mut span.attributes, "verb", "GET");
    });
}

#[test]
fn values_are_shortened_and_made_text() {
    on_span("truncate_all(attributes, 2)", |span| {
        put(&mut span.attributes, "http.method", "GE");
        put(&mut span.attributes, "price", "12");
    });
    on_span("truncate_all(attributes, 4, truncation_marker = \"…\")", |span| {
        put(&mut span.attributes, "price", "1…")
    });
    on_span("stringify_all(attributes)", |span| {
        put(&mut span.attributes, "http.status_code", "500");
        put(&mut span.attributes, "ratio", "0.5");
        put(&mut span.attributes, "ok", "false");
        put(&mut span.attributes, "raw", "Af8=");
        put(&mut span.attributes, "none", "");
        put(&mut span.attributes, "nested", "{\"deep\":{\"x\":true},\"list\":[1,\"two\"]}");
    });
    on_span("append(attributes[\"http.method\"], \"PUT\")", |span| {
        put(&mut span.attributes, "http.method", vec!["GET".any(), "PUT".any()]);
    });
    on_span("append(attributes[\"new\"], values = [\"a\", 1])", |span| {
        put(&mut span.attributes, "new", vec!["a".any(), 1i64.any()]);
    });
}

/// The examples of the collector's documentation, and what stands beside them.
#[test]
fn maps_are_flattened() {
    let of = |given: Vec<KeyValue>, text: &str| {
        let mut sample = sample();
        sample.scope_spans[0].spans[0].attributes = given;
        let statement = parsed(text, Context::Span);
        let change =
            with_scene(&sample, |scene| statement.apply(scene)).map_err(|failure| failure.to_string())?;
        let change = change.map(|change| Span::decode(change.message.as_slice()).unwrap());
        let span = change.unwrap_or_else(|| sample.scope_spans[0].spans[0].clone());
        assert_eq!((&*span.name, span.events.len()), ("GET /api/users", 2), "the rest stays");
        Ok::<_, String>(shown(&span.attributes))
    };
    let address = || vec![pair("street", "first"), pair("house", 1234i64)];
    let documented = || {
        vec![
            pair("name", "test"),
            pair("address", address()),
            pair("occupants", vec!["user 1".any(), "user 2".any()]),
        ]
    };
    let deep = || vec![pair("0", vec![pair("1", vec![pair("2", vec![pair("3", "value")])])])];
    let conflicts = || {
        vec![
            pair("address", vec![pair("street", vec![pair("number", "first")]), pair("house", 1234i64)]),
            pair("address.street", vec![pair("number", vec!["second".any(), "third".any()])]),
            pair("address.street.number", "fourth"),
            pair("occupants", vec!["user 1".any(), "user 2".any()]),
        ]
    };
    let mixed = || vec![pair("a", vec![vec![1i64.any(), 2i64.any()].any(), vec![pair("b", 3i64)].any()])];
    for (given, text, expected) in [
        (
            documented(),
            "flatten(attributes)",
            r#"name="test" address.street="first" address.house=1234 occupants.0="user 1" occupants.1="user 2""#,
        ),
        (
            documented(),
            "flatten(attributes, \"app\", resolve_conflicts = false)",
            r#"app.name="test" app.address.street="first" app.address.house=1234 app.occupants.0="user 1" app.occupants.1="user 2""#,
        ),
        (deep(), "flatten(attributes)", r#"0.1.2.3="value""#),
        (deep(), "flatten(attributes, depth = 2)", r#"0.1.2={3="value"}"#),
        (
            conflicts(),
            "flatten(attributes, resolve_conflicts = true)",
            r#"address.street.number="first" address.house=1234 address.street.number.0="second" address.street.number.1="third" address.street.number.2="fourth" occupants="user 1" occupants.0="user 2""#,
        ),
        (
            conflicts(),
            "flatten(attributes)",
            r#"address.street.number="fourth" address.house=1234 address.street.number.0="second" address.street.number.1="third" occupants.0="user 1" occupants.1="user 2""#,
        ),
        (mixed(), "flatten(attributes)", "a.0.0=1 a.0.1=2 a.1.b=3"),
        (mixed(), "flatten(attributes, depth = 1)", "a.0=[1,2] a.1={b=3}"),
        (vec![pair("m", deep())], "flatten(attributes[\"m\"])", r#"m={0.1.2.3="value"}"#),
        (vec![pair("a", 1i64)], "flatten(attributes)", "a=1"),
    ] {
        assert_eq!(of(given, text).as_deref(), Ok(expected), "{text}");
    }
    assert_eq!(of(deep(), "flatten(attributes, depth = 0)"), Err("the depth must be at least 1".to_owned()));
    assert_eq!(of(deep(), "flatten(attributes[\"1\"])"), Err("this is nil, not a map".to_owned()));
}

#[test]
fn elements_are_deleted() {
    let list = |text: &str| {
        let after = after(text, Context::Span)?;
        let nested: Vec<_> = after.scope_spans[0].spans[0]
            .attributes
            .iter()
            .filter(|pair| pair.key == "nested")
            .cloned()
            .collect();
        Ok::<_, String>(shown(&nested))
    };
    let of = |rest: &str| list(&format!("delete_index(attributes[\"nested\"][\"list\"], {rest})"));
    let deep = "deep={x=true}}";
    for (rest, expected) in [
        ("0", "[\"two\"]"),
        ("1", "[1]"),
        ("0, 1", "[\"two\"]"),
        ("0, end_index = 2", "[]"),
        ("1, 1", "[1,\"two\"]"),
        ("0, Len(attributes[\"nested\"][\"list\"])", "[]"),
    ] {
        assert_eq!(of(rest), Ok(format!("nested={{list={expected} {deep}")), "{rest}");
    }
    for (rest, from, to) in [("2", 2, 3), ("-1", -1, 0), ("1, 0", 1, 0), ("0, 3", 0, 3)] {
        let why = format!("the list has 2 elements, and not those from {from} to {to}");
        assert_eq!(of(rest), Err(why), "{rest}");
    }
    assert_eq!(
        list("delete_index(attributes[\"ok\"], 0)"),
        Err("argument 1 is a boolean, not a list".to_owned())
    );
}

/// What Go's `fmt.Sprintf` writes.
#[test]
fn values_are_formatted() {
    for (call, expected) in [
        (r#"Format("%04d-%02d-%02d", [Year(start_time), Month(start_time), Day(start_time)])"#, "2024-02-29"),
        (
            r#"Format("%s/%v/%v", [attributes["http.method"], attributes["http.status_code"], attributes["ok"]])"#,
            "GET/500/false",
        ),
        (r#"Format("%5d|%-5d|%05d|%+d", [42, 42, -42, 42])"#, "   42|42   |-0042|+42"),
        (r#"Format("%f %.2f %8.3f", [0.5, 12.345, 2.5])"#, "0.500000 12.35    2.500"),
        (r#"Format("%6s|%-6s|%.2s", ["ab", "ab", "abc"])"#, "    ab|ab    |ab"),
        (r#"Format("100%% %t %x %X %x", [true, 255, 255, "hi"])"#, "100% true ff FF 6869"),
        (r#"Format("%s", [attributes["missing"]])"#, "<nil>"),
        (r#"Format("no value", [])"#, "no value"),
    ] {
        on_span(&format!("set(name, {call})"), |span| span.name = expected.into());
    }
    assert_eq!(
        after(r#"set(name, Format("%d", [attributes["http.method"]]))"#, Context::Span),
        Err("`%d` is not for text".to_owned())
    );
    for (call, expected) in [
        (r#"Format("%y", [1])"#, "there is no `%y`; there are %s, %v, %d, %f, %t, %x, %X and %%"),
        (r#"Format("%", [])"#, "a `%` at the end; write `%%` for the sign itself"),
        (r#"Format("%99999999999999999999d", [1])"#, "a value is made at most 1024 characters wide"),
        (r#"Format("%d %d", [1])"#, "the format is for 2 values, and there are 1"),
    ] {
        let text = format!("set(name, {call})");
        let (statement, wrongs) = Statement::parse(&text, Within::context(Context::Span));
        assert!(statement.is_none(), "{call}");
        let messages: Vec<_> = wrongs.iter().map(|wrong| wrong.message.as_str()).collect();
        assert_eq!(messages, [expected], "{call}");
    }
}

#[test]
fn texts_are_replaced() {
    on_span("replace_pattern(name, \"/api/(\\\\w+)\", \"/$1/{id}\")", |span| {
        span.name = "GET /users/{id}".into()
    });
    on_span("replace_pattern(name, \"nothing\", \"x\")", |_| {});
    on_span("replace_pattern(attributes[\"ok\"], \".\", \"x\")", |_| {});
    on_span("replace_pattern(attributes[\"missing\"], \".\", \"x\")", |_| {});
    on_span(
        "replace_pattern(attributes[\"http.method\"], \"GET\", \"hello world\", SHA256, \"h:%s\")",
        |span| {
            let hash = "h:b94d27b9934d3e08a52e52d7da7dabfac484efe37a5380ee9088f7ace2efcde9";
            put(&mut span.attributes, "http.method", hash);
        },
    );
    on_span("replace_match(name, \"GET /*/users\", \"GET users\")", |span| span.name = "GET users".into());
    on_span("replace_match(name, \"GET /*\", \"x\")", |_| {});
    on_span("replace_match(attributes[\"http.method\"], \"G?T\", \"get\", ToUpperCase)", |_| {});
    on_span("replace_all_matches(attributes, \"[0-9]*\", \"#\")", |span| {
        put(&mut span.attributes, "text.number", "#");
        put(&mut span.attributes, "price", "#");
    });
    on_span("replace_all_patterns(attributes, \"value\", \"[0-9]\", \"#\")", |span| {
        put(&mut span.attributes, "text.number", "##");
        put(&mut span.attributes, "price", "##.##");
    });
    on_span("replace_all_patterns(attributes, \"key\", \"^http[.](.*)\", \"web.$1\")", |span| {
        span.attributes[0].key = "web.status_code".into();
        span.attributes[1].key = "web.method".into();
    });
    on_span("replace_all_patterns(attributes, \"key\", \"^http[.].*\", \"same\")", |span| {
        span.attributes.remove(0);
        span.attributes[0].key = "same".into();
    });
}

#[test]
fn what_is_known_beforehand_is_worked_out_beforehand() {
    let (statement, _) = Statement::parse(
        "set(name, Concat([\"a\", ToUpperCase(\"b\")], \"\"))",
        Within::context(Context::Span),
    );
    assert!(format!("{statement:?}").contains("Constant(Text(\"aB\"))"), "{statement:?}");
}
