//! Bodies, without sockets: a context gets into its carriers and nowhere else.

use proptest::prelude::*;
use serde_json::{Value, json};
use throughline_sdk::genesys::calls::{Address, Dialect, Identity, OutboundCall};
use throughline_sdk::wire::w3c::Context;
use throughline_sdk::wire::{SpanId, TraceId, Traceparent};

const PARENT: &str = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
const UUI: &str = "0030302d30616637363531393136636434336464383434386562323131633830333139632d623761643662373136393230333333312d3031";

fn body(call: &OutboundCall, dialect: Dialect, context: Option<&Context>) -> Value {
    let prepared = call.request(dialect, Identity::Client, context).unwrap();
    json!({"path": prepared.request.path, "body": prepared.request.body})
}

#[test]
fn bodies_of_both_dialects() {
    let context = Context::new(PARENT.parse().unwrap());
    let call = OutboundCall::new("tel:+6598765432".parse().unwrap()).from("+6512345678".parse().unwrap());
    let calls = "/api/v2/conversations/calls";
    for (call, dialect, context, expected) in [
        (
            call.clone().user("u-1").from_queue("q-1").attribute("tier", "gold"),
            Dialect::PublicApi,
            Some(&context),
            json!({"path": format!("{calls}/user/u-1"), "body": {
                "phoneNumber": "+6598765432", "callerId": "+6512345678", "callFromQueueId": "q-1", "uuiData": UUI,
                "attributes": {"tier": "gold", "traceparent": PARENT},
            }}),
        ),
        (
            call.clone().user("u-1"),
            Dialect::PublicApi,
            None,
            json!({"path": format!("{calls}/user/u-1"), "body": {"phoneNumber": "+6598765432", "callerId": "+6512345678"}}),
        ),
        (
            call.clone().attribute("tier", "gold"),
            Dialect::Pages,
            Some(&context),
            json!({"path": calls, "body": {
                "to": {"participantAddress": "tel:+6598765432", "customHeaders": {"traceparent": PARENT}},
                "from": {"participantAddress": "tel:+6512345678"},
            }}),
        ),
        (
            call,
            Dialect::Pages,
            None,
            json!({"path": calls, "body": {
                "to": {"participantAddress": "tel:+6598765432"}, "from": {"participantAddress": "tel:+6512345678"},
            }}),
        ),
    ] {
        assert_eq!(body(&call, dialect, context), expected);
    }
}

/// Every address in a body.
fn addresses(body: &Value) -> Vec<String> {
    let at = [
        "/body/phoneNumber",
        "/body/callerId",
        "/body/to/participantAddress",
        "/body/from/participantAddress",
    ];
    at.iter().filter_map(|at| Some(body.pointer(at)?.as_str()?.to_owned())).collect()
}

proptest! {
    /// Guarantees: whatever comes in, an address that goes out is the address that was given, and holds nothing of the context.
    #[test]
    fn no_input_puts_a_context_into_an_address(
        to in "(tel:|sip:|\\+)?[0-9a-z%@.:;+-]{0,40}|tel:\\+[1-9][0-9]{2,14}|sip:[a-z0-9.%+-]{1,40}@[a-z0-9.]{1,20}",
        from in "tel:\\+[1-9][0-9]{2,14}|sip:[a-z]{1,8}@[a-z]{1,8}",
        trace in any::<[u8; 16]>(),
        span in any::<[u8; 8]>(),
        attributes in proptest::collection::btree_map("\\PC{0,12}", "\\PC{0,60}", 0..4),
        mix_in in any::<bool>(),
    ) {
        let parent = Traceparent { trace_id: TraceId(trace), parent_id: SpanId(span), flags: 1 };
        let context = Context::new(parent);
        let to = if mix_in { format!("{to}{parent}") } else { to };
        let (Ok(to), Ok(from)) = (to.parse::<Address>(), from.parse::<Address>()) else { return Ok(()) };
        prop_assert!(!mix_in);
        let call = OutboundCall::new(to.clone()).from(from.clone());
        let call = attributes.iter().fold(call, |call, (name, value)| call.attribute(name, value));
        let public = body(&call.clone().user("u"), Dialect::PublicApi, Some(&context));
        let bare = |address: &Address| address.number().unwrap_or(address.as_str()).to_owned();
        prop_assert_eq!(addresses(&public), [bare(&to), bare(&from)]);
        let pages = body(&call, Dialect::Pages, Some(&context));
        prop_assert_eq!(addresses(&pages), [to.to_string(), from.to_string()]);
        for address in addresses(&public).into_iter().chain(addresses(&pages)) {
            prop_assert!(!address.contains(&parent.trace_id.to_string()));
        }
        // What it is in stead: the carriers.
        prop_assert!(pages.pointer("/body/to/customHeaders/traceparent") == Some(&json!(parent.to_string())));
    }
}
