use proptest::prelude::*;

use super::*;

const PARENT: &str = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";

fn parse(text: &str) -> Result<String, AddressError> {
    text.parse::<Address>().map(|address| address.to_string())
}

#[test]
fn addresses() {
    for (text, expected) in [
        ("tel:+6598765432", "tel:+6598765432"),
        ("TEL:+6598765432", "tel:+6598765432"),
        ("+6598765432", "tel:+6598765432"),
        ("tel:+112", "tel:+112"),
        ("tel:+123456789012345", "tel:+123456789012345"),
        ("sip:agent@example.org", "sip:agent@example.org"),
        ("SIP:Agent.7@Example.org:5060", "sip:Agent.7@Example.org:5060"),
        ("sip:+6598765432@10.0.0.1", "sip:+6598765432@10.0.0.1"),
        ("sip:u1%40x@localhost", "sip:u1%40x@localhost"),
        (
            "sip:5bb7e1c2a3d4f5061728394a%40org.orgspan.com@localhost",
            "sip:5bb7e1c2a3d4f5061728394a%40org.orgspan.com@localhost",
        ),
    ] {
        assert_eq!(parse(text).as_deref(), Ok(expected), "{text}");
    }
}

#[test]
fn what_is_none() {
    use AddressError::{Context, Number, Scheme, Sip, TooLong};
    let long_user = format!("sip:{}@host", "u".repeat(65));
    let long = format!("sip:u@{}", "h.".repeat(200));
    for (text, expected) in [
        ("", Scheme),
        ("6598765432", Scheme),
        ("Ann", Scheme),
        ("https://example.org", Scheme),
        ("sips:agent@example.org", Scheme),
        (" tel:+6598765432", Scheme),
        ("tel:", Number),
        ("tel:6598765432", Number),
        ("tel:+", Number),
        ("tel:+12", Number),
        ("tel:+0123456", Number),
        ("tel:+1234567890123456", Number),
        ("tel:+65 9876 5432", Number),
        ("tel:+65-9876-5432", Number),
        ("tel:+6598765432;ext=7", Number),
        ("+6598765432 ", Number),
        ("tel:+６５９８", Number),
        ("sip:", Sip),
        ("sip:agent", Sip),
        ("sip:@host", Sip),
        ("sip:agent@", Sip),
        ("sip:agent@host@host", Sip),
        ("sip:agent@-host", Sip),
        ("sip:agent@host:0", Sip),
        ("sip:agent@host:99999", Sip),
        ("sip:agent@host:+60", Sip),
        ("sip:agent:secret@host", Sip),
        ("sip:agent@host;transport=tcp", Sip),
        ("sip:agent@host?Subject=x", Sip),
        ("sip:agent%@host", Sip),
        ("sip:agent%4@host", Sip),
        ("sip:agent%0a@host", Sip),
        ("sip:agent%2541@host", Sip),
        ("sip:rojo%3D00f067aa0ba902b7@host", Sip),
        (&long_user, TooLong),
        (&long, TooLong),
        ("tel:+6598765432;traceparent=x", Context),
        ("sip:agent@host?tracestate=a", Context),
        (PARENT, Context),
    ] {
        assert_eq!(parse(text), Err(expected), "{text}");
    }
}

#[test]
fn an_address_is_not_shown_by_accident() {
    let address: Address = "+6598765432".parse().unwrap();
    assert_eq!(format!("{address:?}"), "Address(tel)");
}

/// Ways to bring a context into an address that one may think of.
fn hidden() -> impl Strategy<Value = String> {
    let encode = |text: &str| text.bytes().map(|byte| format!("%{byte:02X}")).collect::<String>();
    let twice = move |text: &str| encode(text).replace('%', "%25");
    let forms = [
        |parent: &str| parent.to_owned(),
        |parent: &str| parent.to_ascii_uppercase(),
        |parent: &str| parent.replace('-', ""),
        |parent: &str| parent.replace('-', "."),
        |parent: &str| parent.chars().skip(3).take(32).collect(),
    ];
    let context = (any::<[u8; 16]>(), any::<[u8; 8]>(), 0..forms.len(), 0..3usize).prop_map(
        move |(trace, span, form, encoding)| {
            let hex = |bytes: &[u8]| bytes.iter().map(|byte| format!("{byte:02x}")).collect::<String>();
            let parent = format!("00-{}-{}-01", hex(&trace), hex(&span));
            let context = forms[form](&parent);
            [context.clone(), encode(&context), twice(&context)][encoding].clone()
        },
    );
    let places = [
        "{}",
        "tel:{}",
        "tel:+{}",
        "+{}",
        "tel:+6598765432;traceparent={}",
        "tel:+65{}",
        "sip:{}@host",
        "sip:agent@{}",
        "sip:agent-{}@host.example",
        "sip:agent@host;x={}",
        "sip:agent@host?x={}",
        "sip:agent:{}@host",
        "sip:a@{}.example:5060",
    ];
    (context, proptest::sample::select(places.to_vec()))
        .prop_map(|(context, place)| place.replace("{}", &context))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn no_context_becomes_a_part_of_an_address(text in hidden()) {
        prop_assert!(parse(&text).is_err(), "{}", text);
    }

    #[test]
    fn whatever_is_an_address_holds_no_trace_id(text in "(tel:|sip:|\\+)?[0-9a-fA-F%@.:;+-]{0,80}|\\PC{0,40}") {
        if let Ok(address) = text.parse::<Address>() {
            let runs = address.as_str().split(|c: char| !c.is_ascii_hexdigit());
            prop_assert!(runs.map(str::len).max().unwrap_or(0) < 32);
            prop_assert!(!address.as_str().contains([';', '?', '=', ' ']));
            // An address is its own normal form.
            let again = address.as_str().parse();
            prop_assert_eq!(again, Ok(address));
        }
    }
}
