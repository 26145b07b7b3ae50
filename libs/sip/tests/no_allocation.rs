//! Reading a usual message allocates nothing.

use allocation_counter::measure;
use throughline_sip::{Limits, Message, Name};

const INVITE: &[u8] = include_bytes!("invite.sip");

#[test]
fn parse_check_and_views() {
    let mut seen = 0;
    let info = measure(|| {
        let message = Message::parse(INVITE, &Limits::default()).unwrap();
        message.check_strictly().unwrap();
        seen += message.top_via().unwrap().branch().unwrap().len() + message.vias().count();
        seen +=
            message.from().unwrap().uri().unwrap().host.len() + message.to().unwrap().params.iter().count();
        seen += message.call_id().unwrap().len() + message.cseq().unwrap().method.as_bytes().len();
        seen += message.addresses(Name::RecordRoute).flatten().count() + message.body().len();
        seen += message.first("X-Traceparent").unwrap().len();
        assert_eq!(message.get("nothing"), Ok(None));
    });
    assert!(seen > 0);
    assert_eq!(info.count_total, 0);
}

#[test]
fn the_counter_counts() {
    assert_eq!(measure(|| drop(std::hint::black_box(vec![1_u8]))).count_total, 1);
}
