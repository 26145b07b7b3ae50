//! What holds for any bytes, shared by the property tests and the fuzz targets.

use throughline_context::json::{self, Path, Place};
use throughline_context::w3c::{self, Context, Extraction};
use throughline_context::{
    Baggage, Candidate, Decision, Format, Found, Traceparent, Tracestate, Trust, b3, datadog, genesys,
    jaeger, sip, uui, xray,
};

/// Names that are read.
pub(crate) const NAMES: &[&str] = &[
    "traceparent",
    "X-Traceparent",
    "tracestate",
    "baggage",
    "b3",
    "X-B3-TraceId",
    "X-B3-SpanId",
    "X-B3-Sampled",
    "X-B3-Flags",
    "uber-trace-id",
    "uberctx-key",
    "X-Amzn-Trace-Id",
    "x-datadog-trace-id",
    "x-datadog-parent-id",
    "x-datadog-sampling-priority",
    "x-datadog-origin",
    "x-datadog-tags",
    "User-to-User",
    "x-User-To-User",
    "x-inin-cnv",
    "Call-ID",
    "Session-ID",
    "otel-trace-id",
    "previous-trace-id",
];

/// Words of the formats.
pub(crate) const WORDS: &[&str] = &[
    "00",
    "01",
    "-",
    ",",
    ";",
    "=",
    ":",
    "%",
    " ",
    "\t",
    "\"",
    "\\",
    "\r\n",
    "{",
    "}",
    "[",
    "]",
    "$",
    ".",
    "'",
    "a",
    "b",
    "1",
    "0",
    "null",
    "true",
    "\"a\":",
    "\"b\":",
    "\"$.a\"",
    "encoding",
    "hex",
    "ascii",
    "remote",
    "Root=1-",
    "Parent=",
    "Sampled=",
    "_dd.p.tid=",
    "_dd.p.dm=",
    "ot=",
    "th:",
    "rv:",
    "dd=s:1",
    "ff",
    "é",
    "4bf92f3577f34da6c19e9222d19e89b8",
    "ccbd124dbdfc3439",
    "4bf92f35-77f34da6c19e9222d19e89b8",
    "00-4bf92f3577f34da6c19e9222d19e89b8-ccbd124dbdfc3439-01",
    "c41e7d90-5b2a-4f0e-9a6d-37c2e10b8f54",
    "13951749373883746744",
];

type Sent = Vec<(String, String)>;

/// Headers of any name with any value.
pub(crate) fn headers(values: &[(usize, Vec<u8>)]) {
    let name = |at: usize| NAMES.get(at % NAMES.len()).copied().unwrap_or_default();
    let request: Vec<(&str, &[u8])> =
        values.iter().map(|(at, value)| (name(*at), value.as_slice())).collect();
    trace_context(&request);
    baggage(&request);
    formats(&request);
    calls(&request);
    for trust in [Trust::Trusted, Trust::Untrusted] {
        let mut found = Found::read(&request, &Format::ALL);
        values.iter().for_each(|(_, value)| {
            Candidate::previous_trace_id(value).into_iter().for_each(|candidate| found.add(candidate));
        });
        if let Decision::Restart { raw, .. } = found.decide(trust) {
            assert!(raw.chars().count() <= 256);
        }
    }
}

fn trace_context(request: &[(&str, &[u8])]) {
    if let Extraction::Valid { context, .. } = w3c::extract(&request) {
        let mut sent = Sent::new();
        w3c::inject(&context, &mut sent);
        check_safe(&sent);
        assert_eq!(read_back(&sent), Some(context));
    }
    let Ok(mut state) = Tracestate::parse(request.iter().map(|(_, value)| *value)) else { return };
    assert!(state.members().count() <= Tracestate::MAX_MEMBERS);
    assert_eq!(state.as_str().parse().as_ref(), Ok(&state));
    assert_eq!(state.ot().and_then(|ot| ot.threshold()).filter(|threshold| *threshold >= 1 << 56), None);
    assert_eq!(state.set_threshold(Some(1)), Ok(()));
    assert_eq!(state.ot().and_then(|ot| ot.threshold()), Some(1));
    for most in (0..=state.as_str().len()).rev() {
        state.truncate(most);
        assert!(state.as_str().len() <= most);
    }
}

fn read_back(sent: &Sent) -> Option<Context> {
    match w3c::extract(sent) {
        Extraction::Valid { context, dropped: None, .. } => Some(context),
        _ => None,
    }
}

fn baggage(request: &[(&str, &[u8])]) {
    for baggage in
        [Baggage::parse(request.iter().map(|(_, value)| *value)), jaeger::extract_baggage(&request)]
    {
        assert!(baggage.as_str().len() <= Baggage::MAX_BYTES);
        let again = Baggage::parse([baggage.as_str().as_bytes()]);
        assert_eq!((again.as_str(), again.dropped()), (baggage.as_str(), 0));
        for member in baggage.members() {
            assert!(baggage.get(member.key).is_some());
            let mut changed = baggage.clone();
            if changed.set(member.key, &member.value()).is_ok() {
                assert_eq!(changed.get(member.key), Some(member.value()));
            }
        }
        let mut sent = Sent::new();
        baggage.inject(&mut sent);
        jaeger::inject_baggage(&baggage, &mut sent);
        check_safe(&sent);
    }
}

fn formats(request: &[(&str, &[u8])]) {
    for format in Format::ALL {
        let Ok(Some(remote)) = format.extract(&request) else { continue };
        let mut sent = Sent::new();
        format.inject(&remote, &mut sent);
        check_safe(&sent);
        if remote.traceparent().is_some() {
            assert_eq!(format.extract(&sent), Ok(Some(remote)), "{sent:?}");
        }
    }
    let mut sent = Sent::new();
    if let Ok(Some(read)) = xray::extract(&request) {
        xray::inject(&read, &mut sent);
        assert!(read.remote.trace_id.is_none() || xray::extract(&sent) == Ok(Some(read)));
    }
    if let Ok(Some(read)) = datadog::extract(&request) {
        datadog::inject(&read, &mut sent);
        let mut state = Tracestate::default();
        let member = read.to_member();
        assert!(member.is_empty() || state.set("dd", &member).is_ok(), "{member}");
        assert!(read.remote.trace_id.is_none() || datadog::extract(&sent) == Ok(Some(read)));
    }
    if let Ok(Some(read)) = b3::extract(&request) {
        b3::inject_multi(&read, &mut sent);
    }
    check_safe(&sent);
}

fn calls(request: &[(&str, &[u8])]) {
    let keys = sip::join_keys(&request);
    assert_eq!(keys.conversation_id, genesys::conversation_id(&request));
    if let Extraction::Valid { context, .. } = sip::extract(&request) {
        let mut sent = Sent::new();
        sip::inject(&context, &mut sent);
        check_safe(&sent);
        assert!(
            matches!(sip::extract(&sent), Extraction::Valid { context: read, .. } if read.traceparent == context.traceparent)
        );
    }
    for (_, value) in request {
        uui::parse(value).iter().for_each(|value| assert!(value.bytes().len() <= value.data.len()));
    }
    if let Some(parent) = uui::extract(&request) {
        let mut sent = Sent::new();
        assert!(uui::inject(&parent, &mut sent));
        check_safe(&sent);
        assert_eq!(uui::extract(&sent), Some(parent));
    }
}

/// Nothing that is sent can break a header open.
fn check_safe(sent: &Sent) {
    for (name, value) in sent {
        assert!(name.bytes().all(|byte| byte.is_ascii_graphic()), "{name:?}");
        assert!(value.bytes().all(|byte| matches!(byte, b' '..=b'~')), "{value:?}");
    }
}

/// Any path in any text.
pub(crate) fn json(path: &str, text: &str, value: &str) {
    let parent = Traceparent::from_conversation("c41e7d90-5b2a-4f0e-9a6d-37c2e10b8f54");
    if let (Ok(path), Some(parent)) = (path.parse::<Path>(), parent) {
        let read = json::read(text, &path);
        if let Ok(written) = json::write(text, &path, value) {
            let strings = json::read_strings(&written, &path).unwrap_or_default();
            assert!(read.is_ok_and(|read| read.len() <= strings.len()));
            assert!(strings.iter().all(|string| string == value));
            assert_eq!(json::write(&written, &path, value).as_ref(), Ok(&written), "twice is once");
        }
        let place = Place::new(path);
        if let Ok(written) = place.inject(text, &Context::new(parent)) {
            assert!(place.read(&written).is_ok());
            assert_eq!(place.inject(&written, &Context::new(parent)).as_ref(), Ok(&written), "twice is once");
        }
    }
    if let Ok(filled) = json::fill(text, text) {
        assert!(filled.len() >= text.len() || text.contains('$'));
    }
}
