//! What a hostile or broken client can send: each gets the right answer, memory stays bounded, the next good request works.
//!
//! The server under attack is a process of its own, so that its memory can be measured.

mod victim;
mod frames;
mod bodies;
mod connections;
mod limited;

use std::fmt::Write as _;

use expect_test::Expect;

use crate::client::{Http2, PROTOBUF, http, post};
use crate::setup::spans;
use victim::Victim;

/// What went wrong, by attack: `name: answer`.
struct Table<'v> {
    victim: &'v Victim,
    text: String,
}

impl<'v> Table<'v> {
    fn new(victim: &'v Victim) -> Self {
        Self { victim, text: String::new() }
    }

    /// Notes an answer, and sees that the next good requests work.
    async fn row(&mut self, name: &str, answer: &str) {
        writeln!(self.text, "{name}: {answer}").unwrap();
        works(self.victim, name).await;
    }

    fn check(&self, expected: Expect) {
        expected.assert_eq(&self.text);
    }
}

async fn works(victim: &Victim, after: &str) {
    let answer = http(victim.http, post(&[PROTOBUF], spans(5))).await;
    assert_eq!(answer.status, 200, "{after}: {}", answer.line());
    let called = Http2::open(victim.grpc).await.export(&spans(5)).await;
    assert_eq!(called.code, Some(0), "{after}: {}", called.line());
}
