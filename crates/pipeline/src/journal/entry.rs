//! An accepted batch as the body of a record, with all that has to travel with it.

use std::sync::Arc;

use bytes::Bytes;
use flow::wire::{self, put_head, put_len, put_nested, put_varint_field};
use flow::{Audience, Batch, Client, Payload, Signal};

use super::log::Body;

const PIPELINE: u32 = 1;
const SIGNAL: u32 = 2;
const AUDIENCE: u32 = 3;
const ITEMS: u32 = 4;
const ACCEPTED: u32 = 5;
const ADDRESS: u32 = 6;
const HEADER: u32 = 7;
const ALREADY: u32 = 8;
const AUTH: u32 = 9;
const PAYLOAD: u32 = 15;

/// `accepted` is in milliseconds since 1970.
pub(super) fn encode(batch: &Batch, accepted: u64) -> Body {
    let mut out = Vec::with_capacity(64);
    put_len(&mut out, PIPELINE, batch.pipeline.as_bytes());
    put_varint_field(&mut out, SIGNAL, batch.signal as u64);
    put_varint_field(&mut out, AUDIENCE, u64::from(batch.audience == Audience::Stores));
    put_varint_field(&mut out, ITEMS, batch.items as u64);
    put_varint_field(&mut out, ACCEPTED, accepted);
    if let Some(address) = batch.client.address {
        put_len(&mut out, ADDRESS, address.to_string().as_bytes());
    }
    for (number, pairs) in [(HEADER, &batch.client.metadata), (AUTH, &batch.client.auth)] {
        for (name, value) in pairs {
            put_nested(&mut out, number, |out| {
                put_len(out, 1, name.as_bytes());
                put_len(out, 2, value.as_bytes());
            });
        }
    }
    for exporter in &*batch.already {
        put_len(&mut out, ALREADY, exporter.as_bytes());
    }
    put_head(&mut out, PAYLOAD, batch.payload.len());
    Body::new(std::iter::once(out.into()).chain(batch.payload.chunks().iter().cloned()).collect())
}

/// The batch, without an `Ack` and not accounted for, and when it was accepted.
pub(super) fn decode(body: &Bytes) -> (Batch, u64) {
    let mut batch = Batch::new(Signal::Traces, Payload::default(), 0);
    let (mut client, mut already, mut accepted) = (Client::default(), Vec::new(), 0);
    for field in wire::fields(body) {
        match field.number {
            PIPELINE => batch.pipeline = Arc::from(field.text()),
            SIGNAL => {
                let signal = Signal::ALL.into_iter().find(|signal| *signal as u64 == field.int());
                batch.signal = signal.unwrap_or(Signal::Traces);
            }
            AUDIENCE if field.int() == 1 => batch.audience = Audience::Stores,
            ITEMS => batch.items = usize::try_from(field.int()).unwrap_or(usize::MAX),
            ACCEPTED => accepted = field.int(),
            ADDRESS => client.address = field.text().parse().ok(),
            HEADER => client.metadata.push(pair(field.bytes())),
            AUTH => client.auth.push(pair(field.bytes())),
            ALREADY => already.push(Arc::from(field.text())),
            PAYLOAD => batch.payload = body.slice(field.inner()).into(),
            _ => {}
        }
    }
    batch.client = Arc::new(client);
    batch.already = already.into();
    (batch, accepted)
}

fn pair(bytes: &[u8]) -> (String, String) {
    let text =
        |number| wire::fields(bytes).find(|field| field.number == number).map_or("", |field| field.text());
    (text(1).to_owned(), text(2).to_owned())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_batch_comes_back_with_all_that_belongs_to_it() {
        let mut payload = Payload::from(b"one".to_vec());
        payload.push(Bytes::from_static(b"two"));
        let pairs = |pairs: &[(&str, &str)]| {
            pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
        };
        let client = Arc::new(Client {
            address: "192.0.2.1:4000".parse().ok(),
            metadata: pairs(&[("x-tenant", "acme"), ("x-tenant", "b")]),
            auth: pairs(&[("subject", "ivr")]),
        });
        for (signal, audience) in [(Signal::Logs, Audience::All), (Signal::Traces, Audience::Stores)] {
            let mut batch = Batch::new(signal, payload.clone(), 17);
            batch.audience = audience;
            batch.pipeline = Arc::from("logs/2");
            batch.client = Arc::clone(&client);
            batch.already = [Arc::from("otlp/a")].into();
            let body = encode(&batch, 1_700_000_000_000);
            let bytes: Bytes = body.parts.concat().into();
            assert_eq!((bytes.len(), crc32fast::hash(&bytes)), (body.len as usize, body.crc));
            let (back, accepted) = decode(&bytes);
            assert_eq!(
                (back.signal, back.audience, back.items, accepted),
                (signal, audience, 17, 1_700_000_000_000)
            );
            assert_eq!(
                (&*back.pipeline, &back.client, back.is_known_to("otlp/a")),
                ("logs/2", &client, true)
            );
            assert_eq!(&*back.payload.to_bytes(), b"onetwo");
        }
    }

    proptest! {
        #[test]
        fn any_bytes_are_an_entry(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            decode(&bytes.into());
        }
    }
}
