//! A batch that a server finds too large is sent in parts, instead of being lost.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicUsize, Ordering};

use flow::otlp::split::split;
use flow::{Batch, ExportError, Payload, Signal};

/// Why one part was not taken.
#[derive(Debug)]
pub(crate) enum Failure {
    /// The server would take less at once.
    TooLarge(String),
    Other(ExportError),
}

impl From<ExportError> for Failure {
    fn from(error: ExportError) -> Self {
        Self::Other(error)
    }
}

/// What is known of a server's limit: it has refused so many bytes, but never less.
#[derive(Debug)]
pub(crate) struct Limit(AtomicUsize);

impl Default for Limit {
    fn default() -> Self {
        Self(AtomicUsize::new(usize::MAX))
    }
}

/// One batch on its way. Parts are sent one after another; the caller says how each went.
pub(crate) struct Parts<'a> {
    limit: &'a Limit,
    signal: Signal,
    items: usize,
    waiting: VecDeque<(Payload, usize)>,
    rejected: usize,
    why: String,
}

impl Limit {
    /// The batch as a whole, or in parts where it would be refused for sure.
    pub(crate) fn parts(&self, batch: &Batch) -> Parts<'_> {
        let mut parts = Parts {
            limit: self,
            signal: batch.signal,
            items: batch.items,
            waiting: VecDeque::new(),
            rejected: 0,
            why: String::new(),
        };
        let whole = (batch.payload.clone(), batch.items);
        match parts.cut(&whole) {
            Some(smaller) => parts.waiting.extend(smaller),
            None => parts.waiting.push_back(whole),
        }
        parts
    }
}

impl Parts<'_> {
    /// What to send next.
    pub(crate) fn next(&mut self) -> Option<(Payload, usize)> {
        self.waiting.pop_front()
    }

    /// How the sending of a part ended. An error ends the batch: all of it has to be tried again.
    pub(crate) fn ended(
        &mut self,
        part: (Payload, usize),
        result: Result<(), Failure>,
    ) -> Result<(), ExportError> {
        let (rejected, why) = match result {
            Ok(()) => return Ok(()),
            Err(Failure::TooLarge(why)) => {
                self.lower(&part);
                match self.cut(&part) {
                    Some(smaller) => {
                        smaller.into_iter().rev().for_each(|part| self.waiting.push_front(part));
                        return Ok(());
                    }
                    None => (part.1, why),
                }
            }
            Err(Failure::Other(ExportError::Permanent(why))) => (part.1, why),
            Err(Failure::Other(ExportError::Partial { rejected, why })) => (rejected, why),
            Err(Failure::Other(retry @ ExportError::Retry { .. })) => return Err(retry),
        };
        self.rejected += rejected;
        self.why = why;
        Ok(())
    }

    /// What became of the whole.
    pub(crate) fn result(self) -> Result<(), ExportError> {
        match self.rejected {
            0 => Ok(()),
            rejected if rejected < self.items => Err(ExportError::Partial { rejected, why: self.why }),
            _ => Err(ExportError::Permanent(self.why)),
        }
    }

    /// A lone item says nothing about batches.
    fn lower(&self, (payload, items): &(Payload, usize)) {
        let bytes = payload.len();
        if *items > 1 && self.limit.0.fetch_min(bytes, Ordering::Relaxed) > bytes {
            let mend = "set `send_batch_max_size` of the batch processor to send less at once";
            tracing::warn!(
                bytes,
                mend,
                "the destination refuses this much at once: sent in parts from now on"
            );
        }
    }

    /// What would be refused, in parts of about half of what was refused. `None` where it may pass as it is, or
    /// cannot be cut.
    fn cut(&self, (payload, items): &(Payload, usize)) -> Option<Vec<(Payload, usize)>> {
        let limit = self.limit.0.load(Ordering::Relaxed);
        if payload.len() < limit || *items <= 1 {
            return None;
        }
        let most = items.saturating_mul(limit / 2) / payload.len().max(1);
        let parts = split(self.signal, payload, most.clamp(1, items.div_ceil(2)));
        let cut: usize = parts.iter().map(|(_, items)| items).sum();
        (parts.len() > 1 && cut == *items).then_some(parts)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn batch(names: &[usize]) -> Batch {
        let spans = names.iter().map(|length| {
            format!(
                r#"{{"traceId":"0102030405060708090a0b0c0d0e0f10","spanId":"0102030405060708","name":"{}"}}"#,
                "x".repeat(*length)
            )
        });
        let spans: Vec<_> = spans.collect();
        let json = format!(r#"{{"resourceSpans":[{{"scopeSpans":[{{"spans":[{}]}}]}}]}}"#, spans.join(","));
        let bytes = flow::otlp::json::decode(Signal::Traces, json.as_bytes()).unwrap();
        flow::otlp::accept(Signal::Traces, bytes.into(), &flow::otlp::Limits::default()).unwrap()
    }

    /// Sends to a server that takes so many bytes at once; items that arrived, and messages that it saw.
    fn send(limit: &Limit, batch: &Batch, most: usize) -> (usize, usize, Result<(), ExportError>) {
        let (mut arrived, mut seen) = (0, 0);
        let mut parts = limit.parts(batch);
        while let Some((payload, items)) = parts.next() {
            seen += 1;
            let fits = payload.len() <= most;
            arrived += if fits { items } else { 0 };
            let result = if fits { Ok(()) } else { Err(Failure::TooLarge("too large".into())) };
            parts.ended((payload, items), result).unwrap();
        }
        (arrived, seen, parts.result())
    }

    proptest! {
        #[test]
        fn everything_that_fits_arrives(names in prop::collection::vec(0_usize..200, 1..40), most in 50_usize..3000) {
            let batch = batch(&names);
            let limit = Limit::default();
            // Around one span stand the lengths of span, scope and resource.
            let fitting = names.iter().filter(|length| one(**length) <= most).count();
            for _ in 0..2 {
                let (arrived, _, result) = send(&limit, &batch, most);
                prop_assert_eq!(arrived, fitting);
                let rejected = names.len() - fitting;
                match result {
                    Ok(()) => prop_assert_eq!(rejected, 0),
                    Err(ExportError::Partial { rejected: told, .. }) => prop_assert_eq!(told, rejected),
                    Err(error) => prop_assert_eq!((fitting, error.to_string()), (0, "too large".to_owned())),
                }
            }
        }
    }

    fn one(length: usize) -> usize {
        batch(&[length]).payload.len()
    }

    #[test]
    fn a_limit_is_remembered() {
        let limit = Limit::default();
        let batch = batch(&[100; 64]);
        let whole = batch.payload.len();
        assert_eq!(send(&limit, &batch, whole).1, 1);
        let (arrived, seen, result) = send(&limit, &batch, whole - 1);
        assert_eq!((arrived, seen, result.is_ok()), (64, 3, true), "the whole, then two halves");
        assert_eq!(send(&limit, &batch, whole - 1).1, 2, "halves at once");
    }

    #[test]
    fn a_retry_ends_the_batch() {
        let (limit, batch) = (Limit::default(), batch(&[1, 2]));
        let mut parts = limit.parts(&batch);
        let part = parts.next().unwrap();
        let retry = ExportError::Retry { why: "down".into(), after: None };
        assert!(parts.ended(part, Err(Failure::Other(retry))).is_err());
    }
}
