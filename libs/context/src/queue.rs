//! Headers of messages on a queue.
//!
//! Kafka headers are `Vec<(String, Vec<u8>)>`, attributes of AMQP, SQS, Pub/Sub or NATS are `Vec<(String, String)>`
//! or a map: both are carriers as they are. Where a queue restricts names, write through [`Restricted`];
//! `traceparent`, `tracestate`, `baggage` and `b3` are good everywhere.

use alloc::string::String;
use alloc::vec::Vec;

use crate::carrier::Setter;

/// The names that a queue allows.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Names {
    /// Amazon SQS and SNS: letters, digits, `_`, `-` and single dots inside, at most 256, not beginning with `AWS.`
    /// or `Amazon.` (a message has at most 10 attributes).
    Sqs,
    /// Jakarta Messaging: Java identifiers, not beginning with `JMS`; no dashes.
    Jms,
}

/// A carrier that takes only names that a queue allows.
#[derive(Debug)]
pub struct Restricted<'a, S: ?Sized> {
    to: &'a mut S,
    names: Names,
    refused: Vec<String>,
}

impl Names {
    /// True where the queue takes a header of this name.
    pub fn allow(self, name: &str) -> bool {
        let starts = |prefix: &str| {
            name.split_at_checked(prefix.len()).is_some_and(|(start, _)| start.eq_ignore_ascii_case(prefix))
        };
        match self {
            Self::Sqs => {
                let plain = name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_-.".contains(&byte));
                let dotted = name.split('.').all(|part| !part.is_empty());
                plain && dotted && name.len() <= 256 && !starts("AWS.") && !starts("Amazon.")
            }
            Self::Jms => {
                let plain = name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_$".contains(&byte));
                let digit_first = name.starts_with(|c: char| c.is_ascii_digit());
                plain && !digit_first && !name.is_empty() && !starts("JMS")
            }
        }
    }
}

impl<'a, S: Setter + ?Sized> Restricted<'a, S> {
    /// Writes to `to`, except for names that are not allowed.
    pub fn new(to: &'a mut S, names: Names) -> Self {
        Self { to, names, refused: Vec::new() }
    }

    /// The names that were not written.
    pub fn refused(&self) -> &[String] {
        &self.refused
    }
}

impl<S: Setter + ?Sized> Setter for Restricted<'_, S> {
    fn set(&mut self, name: &str, value: &str) {
        if self.names.allow(name) {
            self.to.set(name, value);
        } else {
            self.refused.push(name.into());
        }
    }

    fn unset(&mut self, name: &str) {
        self.to.unset(name);
    }
}
