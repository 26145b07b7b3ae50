//! The heap of a process that holds something.

use std::io::Write;

use flate2::write::GzDecoder;
use flow::wire::{Reader, fields};
use http::Method;
use pipeline::extensions::pprof::{self, Allocator};

use crate::client::{http, request};
use crate::extensions::{empty, start};

#[global_allocator]
static ALLOCATOR: Allocator = Allocator;

const HELD: usize = 64 << 20;

#[inline(never)]
fn held_by_a_function_of_ours() -> Vec<u8> {
    vec![7; HELD]
}

/// Scenario: a function holds 64 MiB; the heap is asked for before, meanwhile and after.
/// Guarantees: the profile names it while it holds them, with about as many bytes, and only then.
#[tokio::test]
async fn a_heap_profile_names_who_holds_memory() {
    let started = start(&pprof::FACTORY, "endpoint: 127.0.0.1:0", empty()).await;
    let get = async || {
        let path = request(Method::GET, "/debug/pprof/heap", &[("host", "localhost")], "");
        let answer = http(started.address(), path).await;
        assert_eq!(answer.status, 200, "{}", answer.line());
        assert_eq!(answer.header("content-type"), "application/octet-stream");
        assert_eq!(answer.header("content-disposition"), "attachment; filename=\"heap.pb.gz\"");
        let mut gzip = GzDecoder::new(Vec::new());
        gzip.write_all(&answer.body).unwrap();
        gzip.finish().unwrap()
    };
    // What is there before, so that there is something to tell.
    let always = vec![1_u8; 8 << 20];
    let before = bytes_of(&get().await, "held_by_a_function_of_ours");
    let held = held_by_a_function_of_ours();
    let meanwhile = bytes_of(&get().await, "held_by_a_function_of_ours");
    assert_eq!(held.last(), Some(&7));
    drop(held);
    let profile = get().await;
    let after = bytes_of(&profile, "held_by_a_function_of_ours");
    assert_eq!((before, after), (0, 0));
    assert!((HELD as u64..HELD as u64 + (1 << 20)).contains(&meanwhile), "{meanwhile}");
    assert_eq!(always.last(), Some(&1));
    // What profilers take off the stacks, so that they do not show the allocator.
    let strings: Vec<_> = fields(&profile).filter(|field| field.number == 6).collect();
    let dropped = fields(&profile).find(|field| field.number == 7).unwrap().int();
    assert!(strings[dropped as usize].text().contains("_rjem_"), "{dropped}");
}

/// How many bytes a profile counts for stacks in which a function of this name stands.
fn bytes_of(profile: &[u8], name: &str) -> u64 {
    let of = |number| fields(profile).filter(move |field| field.number == number);
    let names: Vec<_> = of(6).map(|field| field.text().to_owned()).collect();
    let number = |bytes: &[u8], number| fields(bytes).find(|f| f.number == number).map_or(0, |f| f.int());
    let functions: Vec<u64> = of(5)
        .filter(|field| names[number(field.bytes(), 2) as usize].contains(name))
        .map(|field| number(field.bytes(), 1))
        .collect();
    let locations: Vec<u64> = of(4)
        .filter(|field| {
            let mut lines = fields(field.bytes()).filter(|line| line.number == 4);
            lines.any(|line| functions.contains(&number(line.bytes(), 1)))
        })
        .map(|field| number(field.bytes(), 1))
        .collect();
    let samples = of(2).filter(|sample| packed(sample.bytes(), 1).iter().any(|id| locations.contains(id)));
    samples.map(|sample| packed(sample.bytes(), 2).iter().sum::<u64>()).sum()
}

fn packed(message: &[u8], number: u32) -> Vec<u64> {
    let values = fields(message).find(|field| field.number == number);
    let mut reader = Reader::new(values.map_or(&[], |field| field.bytes()));
    std::iter::from_fn(|| (!reader.is_empty()).then(|| reader.varint().unwrap())).collect()
}
