//! `span`: names spans after attributes, makes attributes of parts of names, sets the status.

mod settings;

use std::sync::Arc;

use flow::config::Node;
use flow::otlp::attributes::{Attributes, Keys, encode_value};
use flow::otlp::revise::{Around, Fate, Sieve, Spare, sift};
use flow::otlp::splice::{Splice, with_field};
use flow::otlp::view::Value;
use flow::wire::{fields_of, put_len, put_varint_field};
use flow::{Batch, BoxFuture, BuildError, Consumer, Ctx, Factory, Make, Refusal, Signal};
use regex::{CaptureLocations, Regex};

use super::attributes::matching::Filter;
use super::attributes::value::plain;

pub static FACTORY: Factory = Factory {
    name: "span",
    aliases: &[],
    signals: &[Signal::Traces],
    check: settings::check,
    make: Make::Processor(make),
};

/// Field numbers of a span.
const NAME: u32 = 5;
const ATTRIBUTES: u32 = 9;
const STATUS: u32 = 15;

fn make(section: &Node, ctx: &Ctx, next: Arc<dyn Consumer>) -> Result<Arc<dyn Consumer>, BuildError> {
    let work = settings::work(section);
    let work = work.ok_or_else(|| BuildError::new(&ctx.id, "the settings were not checked"))?;
    Ok(Arc::new(Processor { work, spare: Spare::default(), next }))
}

/// What is done to a span, in this order.
struct Work {
    filter: Filter,
    /// The attributes whose values make up the name, and what stands between them.
    from: Vec<String>,
    separator: String,
    rules: Vec<Rule>,
    break_after_match: bool,
    keep_original_name: bool,
    /// The content of a status message.
    status: Option<Vec<u8>>,
    /// The attributes that can matter.
    wanted: Keys,
}

/// A pattern whose groups become attributes.
struct Rule {
    pattern: Regex,
    /// One for each group.
    names: Vec<String>,
}

struct Processor {
    work: Work,
    spare: Spare,
    next: Arc<dyn Consumer>,
}

impl Consumer for Processor {
    fn admit(&self, bytes: usize) -> Result<(), Refusal> {
        self.next.admit(bytes)
    }

    fn consume(&self, mut batch: Batch) -> BoxFuture<'_, Result<(), Refusal>> {
        let found = self.work.rules.iter().map(|rule| rule.pattern.capture_locations()).collect();
        let mut spans = Spans { work: &self.work, attributes: Attributes::default(), found };
        self.spare.with(|revisions| sift(&mut batch, revisions, &mut spans));
        self.next.consume(batch)
    }
}

/// The walk over the spans of one batch.
struct Spans<'p> {
    work: &'p Work,
    attributes: Attributes,
    /// Where the groups of each rule matched.
    found: Vec<CaptureLocations>,
}

impl Sieve for Spans<'_> {
    fn span(&mut self, around: &Around<'_>, span: &[u8]) -> Fate {
        if !self.work.filter.matches(around.resource, around.scope, span) {
            return Fate::Keep;
        }
        self.edited(span).map_or(Fate::Keep, Fate::Replace)
    }
}

impl Spans<'_> {
    fn edited(&mut self, span: &[u8]) -> Option<Vec<u8>> {
        let work = self.work;
        let old = fields_of(span, 0..span.len(), NAME).next().map_or("", |name| name.text());
        let mut name = old.to_owned();
        self.attributes.read(span, 0..span.len(), ATTRIBUTES, &work.wanted);
        if let Some(new) = self.named(span) {
            name = new;
        }
        self.take_apart(span, &mut name);
        let mut splice = Splice::new(span);
        self.attributes.write(&mut splice);
        let mut edited = splice.finish();
        if name != old {
            let mut field = Vec::new();
            put_len(&mut field, NAME, name.as_bytes());
            edited = Some(with_field(edited.as_deref().unwrap_or(span), NAME, &field));
        }
        if let Some(status) = &work.status {
            let mut field = Vec::new();
            put_len(&mut field, STATUS, status);
            edited = Some(with_field(edited.as_deref().unwrap_or(span), STATUS, &field));
        }
        edited
    }

    /// The name that attributes make, if all of them are there.
    fn named(&self, span: &[u8]) -> Option<String> {
        let Work { from, separator, .. } = self.work;
        if from.is_empty() {
            return None;
        }
        let texts = from.iter().map(|key| {
            let value = self.attributes.get(span, key)?;
            Some(plain(value).unwrap_or("<unknown-attribute-type>".into()))
        });
        Some(texts.collect::<Option<Vec<_>>>()?.join(separator))
    }

    /// Makes attributes of parts of the name, and puts their keys in the place of the parts.
    fn take_apart(&mut self, span: &[u8], name: &mut String) {
        for (Rule { pattern, names }, found) in self.work.rules.iter().zip(&mut self.found) {
            if name.is_empty() || pattern.captures_read(found, name).is_none() {
                continue;
            }
            let (mut new, mut copied) = (String::new(), 0);
            let mut value = Vec::new();
            for (nth, key) in (1..).zip(names) {
                let group = found.get(nth);
                let text = group.and_then(|(start, end)| name.get(start..end));
                value.clear();
                encode_value(&Value::String(text.unwrap_or_default()), &mut value);
                let value = self.attributes.put(&value);
                self.attributes.set(span, key, value);
                // A group that took no part in the match, or stands inside of another one, has no place in the name.
                if let Some((start, end)) = group.filter(|(start, _)| *start >= copied) {
                    new.push_str(name.get(copied..start).unwrap_or_default());
                    new.extend(["{", key, "}"]);
                    copied = end;
                }
            }
            new.push_str(name.get(copied..).unwrap_or_default());
            if !self.work.keep_original_name {
                *name = new;
            }
            if self.work.break_after_match {
                return;
            }
        }
    }
}

/// The content of a status message.
fn status(code: u64, description: &str) -> Vec<u8> {
    let mut out = Vec::new();
    if !description.is_empty() {
        put_len(&mut out, 2, description.as_bytes());
    }
    if code > 0 {
        put_varint_field(&mut out, 3, code);
    }
    out
}

#[cfg(test)]
mod tests;
