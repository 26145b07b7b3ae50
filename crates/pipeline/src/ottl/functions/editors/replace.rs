//! Editors that put a text in the place of another.

use std::borrow::Cow;

use flow::otlp::attributes::encode_value;
use flow::otlp::view::Value as View;
use regex::{Captures, Regex};

use super::super::Converter;
use super::super::args::{Arg, Args};
use super::{Changed, keys, maps};
use crate::ottl::code::Code;
use crate::ottl::failure::Failure;
use crate::ottl::value::{Value, entries};
use crate::ottl::write::{Verdict, edit_entries, put_entry, set};

/// What comes in the place of a match.
struct Replacement<'a, 's> {
    text: Cow<'a, str>,
    function: Option<&'static Converter>,
    format: Option<&'a str>,
    args: Args<'a, 's>,
}

impl<'a, 's> Replacement<'a, 's> {
    /// From arguments `nth` to `nth + 2`.
    fn of(args: Args<'a, 's>, nth: usize) -> Result<Self, Failure> {
        Ok(Self { text: args.text(nth)?, function: args.function(nth + 1), format: args.word(nth + 2), args })
    }

    /// A text with the function applied to it and put into the format; without a function the format has no part.
    fn finished(&self, text: String) -> Result<String, Failure> {
        let Some(function) = self.function else { return Ok(text) };
        let arguments = [Arg::Value(Code::Constant(Value::Text(text.into())))];
        let text = match (function.run)(Args { all: &arguments, scene: self.args.scene })? {
            Value::Text(text) => text.into_owned(),
            other => return Err(Failure::new(format!("the function gives {}, not text", other.described()))),
        };
        Ok(match self.format {
            Some(format) => format.replacen("%s", &text, 1),
            None => text,
        })
    }

    /// The text with every match replaced; nothing where there is none.
    fn apply(&self, pattern: &Regex, text: &str) -> Result<Option<String>, Failure> {
        if !pattern.is_match(text) {
            return Ok(None);
        }
        if self.function.is_none() {
            return Ok(Some(pattern.replace_all(text, &*self.text).into_owned()));
        }
        let mut failure = None;
        let replaced = pattern.replace_all(text, |captures: &Captures<'_>| {
            let mut expanded = String::new();
            captures.expand(&self.text, &mut expanded);
            self.finished(expanded).unwrap_or_else(|error| {
                failure = Some(error);
                String::new()
            })
        });
        match failure {
            Some(failure) => Err(failure),
            None => Ok(Some(replaced.into_owned())),
        }
    }
}

pub(super) fn pattern(args: Args<'_, '_>) -> Changed {
    let (target, pattern) = (args.target(0)?, args.pattern(1)?);
    let Value::Text(text) = target.code.value(args.scene)? else { return Ok(None) };
    match Replacement::of(args, 2)?.apply(pattern, &text)? {
        Some(text) => set(target.place, &keys(target, args)?, &Value::text(text), args.scene),
        None => Ok(None),
    }
}

pub(super) fn whole(args: Args<'_, '_>) -> Changed {
    let (target, glob) = (args.target(0)?, args.glob(1)?);
    let Value::Text(text) = target.code.value(args.scene)? else { return Ok(None) };
    if !glob.matches(&text) {
        return Ok(None);
    }
    let replacement = Replacement::of(args, 2)?;
    let text = replacement.finished(replacement.text.clone().into_owned())?;
    set(target.place, &keys(target, args)?, &Value::text(text), args.scene)
}

pub(super) fn all_wholes(args: Args<'_, '_>) -> Changed {
    let glob = args.glob(1)?;
    let replacement = Replacement::of(args, 2)?;
    let text = replacement.finished(replacement.text.clone().into_owned())?;
    maps::each(args, &mut |entry, out| match View::new(entry.value()) {
        View::String(old) if glob.matches(old) => {
            encode_value(&View::String(&text), out);
            Ok(Verdict::Replace)
        }
        _ => Ok(Verdict::Keep),
    })
}

pub(super) fn all_patterns(args: Args<'_, '_>) -> Changed {
    let pattern = args.pattern(2)?;
    let replacement = Replacement::of(args, 3)?;
    if args.word(1) == Some("key") {
        return all_keys(args, pattern, &replacement);
    }
    maps::each(args, &mut |entry, out| {
        let View::String(old) = View::new(entry.value()) else { return Ok(Verdict::Keep) };
        Ok(match replacement.apply(pattern, old)? {
            Some(text) => {
                encode_value(&View::String(&text), out);
                Verdict::Replace
            }
            None => Verdict::Keep,
        })
    })
}

/// Where two keys become one, the later value counts.
fn all_keys(args: Args<'_, '_>, pattern: &Regex, replacement: &Replacement<'_, '_>) -> Changed {
    maps::edit(args.target(0)?, args, &mut |message, number| {
        let mut renamed: Vec<(String, Vec<u8>)> = Vec::new();
        let mut any = false;
        for entry in entries(message, number) {
            let new = replacement.apply(pattern, entry.key)?;
            any |= new.is_some();
            let key = new.unwrap_or_else(|| entry.key.to_owned());
            let mut value = Vec::new();
            encode_value(&entry.value, &mut value);
            match renamed.iter_mut().find(|(known, _)| *known == key) {
                Some((_, old)) => *old = value,
                None => renamed.push((key, value)),
            }
        }
        if !any {
            return Ok(None);
        }
        let rest = edit_entries(message, number, |_, _| Ok(Verdict::Remove))?;
        Ok(rest.map(|mut rest| {
            renamed.iter().for_each(|(key, value)| put_entry(&mut rest, number, key.as_bytes(), value));
            rest
        }))
    })
}
