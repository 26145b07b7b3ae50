//! `baggage` (W3C Baggage).

use throughline_context::{Baggage, InvalidBaggage};

use crate::headers;

fn parse(headers: &[&str]) -> Baggage {
    Baggage::parse(headers.iter().map(|header| header.as_bytes()))
}

#[test]
fn members_that_follow_the_grammar_stay_and_the_others_go() {
    for (headers, kept, dropped) in [
        (&["SomeKey=SomeValue,SomeKey2=SomeValue2"][..], "SomeKey=SomeValue,SomeKey2=SomeValue2", 0),
        (&["a=1", "b=2, c=3"], "a=1,b=2,c=3", 0),
        (&[" a \t= \t1 \t, \tb = 2 \t"], "a=1,b=2", 0),
        (&["a=1;p1;p2 , b=2 ; k = v"], "a=1;p1;p2,b=2;k=v", 0),
        (&["a=1=2"], "a=1=2", 0),
        (&["a="], "a=", 0),
        (&["", " , ,"], "", 0),
        (&["interaction.id=x"], "interaction.id=x", 0),
        (&["a,b=2"], "b=2", 1),
        (&["=1,b=2"], "b=2", 1),
        (&["a b=1,b=2"], "b=2", 1),
        (&["a=1 1,b=\"2\",c=\\,d=3"], "d=3", 3),
        (&["é=1,b=é,c=%C3%A9"], "c=%C3%A9", 2),
        (&["a=1;;p,b=2"], "b=2", 1),
        (&["a=1;p p,b=2"], "b=2", 1),
    ] {
        let baggage = parse(headers);
        assert_eq!((baggage.as_str(), baggage.dropped()), (kept, dropped), "{headers:?}");
    }
}

#[test]
fn values_are_decoded_and_properties_are_not() {
    let baggage = parse(&["k=%09%20%22%27%3B%3Dasdf%21%40%23%24%25%5E%26%2A%28%29;p=%20;q"]);
    assert_eq!(baggage.get("k").as_deref(), Some("\t \"';=asdf!@#$%^&*()"));
    let member = baggage.members().next().unwrap();
    assert_eq!(member.properties().collect::<Vec<_>>(), [("p", Some("%20")), ("q", None)]);
    assert_eq!(parse(&["k=%ff%4"]).get("k").as_deref(), Some("\u{fffd}%4"));
}

#[test]
fn of_a_key_that_comes_twice_the_last_value_counts_and_both_travel() {
    let mut baggage = parse(&["a=1,b=2,a=3"]);
    assert_eq!(baggage.get("a").as_deref(), Some("3"));
    assert_eq!(baggage.get("A"), None);
    assert_eq!(baggage.as_str(), "a=1,b=2,a=3");
    baggage.set("a", "4").unwrap();
    assert_eq!(baggage.as_str(), "b=2,a=4");
    assert!(baggage.remove("b"));
    assert!(!baggage.remove("b"));
    assert_eq!(baggage.as_str(), "a=4");
}

#[test]
fn what_is_set_is_encoded() {
    let mut baggage = Baggage::default();
    baggage.set("serverNode", "DF 28;%,é\r\n").unwrap();
    assert_eq!(baggage.as_str(), "serverNode=DF%2028%3B%25%2C%C3%A9%0D%0A");
    assert_eq!(baggage.get("serverNode").as_deref(), Some("DF 28;%,é\r\n"));
    assert_eq!(baggage.set("server node", "x"), Err(InvalidBaggage::Key));
    assert_eq!(baggage.set("", "x"), Err(InvalidBaggage::Key));
}

#[test]
fn the_limits_are_those_that_everybody_passes_on() {
    let many: Vec<String> = (0..70).map(|at| format!("k{at}=v")).collect();
    let baggage = parse(&[&many.join(",")]);
    assert_eq!((baggage.members().count(), baggage.dropped()), (64, 6));
    assert_eq!(baggage.clone().set("new", "x"), Err(InvalidBaggage::Full));
    assert_eq!(baggage.clone().set("k1", "x"), Ok(()), "a change needs no room for one more");

    let whole = format!("a={}", "v".repeat(8190));
    let mut baggage = parse(&[&whole, "b=1"]);
    assert_eq!((baggage.as_str().len(), baggage.dropped()), (8192, 1));
    assert_eq!(baggage.set("b", ""), Err(InvalidBaggage::Full));
    assert_eq!(baggage.set("a", &"é".repeat(8190)), Err(InvalidBaggage::Full));
    assert_eq!(baggage.as_str(), whole);
}

#[test]
fn it_travels_in_one_header_or_none() {
    let mut request = headers(&[("Baggage", "old=1"), ("accept", "*/*"), ("baggage", "old=2")]);
    parse(&["a=1, b=2"]).inject(&mut request);
    assert_eq!(request, headers(&[("accept", "*/*"), ("baggage", "a=1,b=2")]));
    assert_eq!(Baggage::extract(&request).as_str(), "a=1,b=2");
    Baggage::default().inject(&mut request);
    assert_eq!(request, headers(&[("accept", "*/*")]));
}

#[test]
fn the_interaction_and_no_value_in_debug() {
    let baggage = parse(&["interaction.id=c41e7d90-5b2a,phone=%2B15550100"]);
    assert_eq!(baggage.interaction_id().as_deref(), Some("c41e7d90-5b2a"));
    assert_eq!(parse(&["interaction.id="]).interaction_id(), None);
    assert_eq!(format!("{baggage:?}"), r#"{"interaction.id", "phone"}"#);
}
