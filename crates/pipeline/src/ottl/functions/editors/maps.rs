//! Editors of whole maps.

use std::cell::Cell;

use flow::otlp::attributes::{Attributes, Keys, encode_value};
use flow::otlp::splice::Splice;
use flow::otlp::view::Value as View;

use super::super::args::{Args, Target};
use super::{Change, Changed, keys};
use crate::ottl::failure::Failure;
use crate::ottl::text::{encoded, text_like};
use crate::ottl::value::{ENTRIES, Value, entries};
use crate::ottl::write::{check_depth, edit_entry, wrapped};

/// An edit of a list of attributes, which stand in these bytes.
type Edit<'e> = &'e mut dyn FnMut(&mut Attributes, &[u8]) -> Result<(), Failure>;

/// Edits the entries of a map: those of a message, or of a value inside of one. A map that is not there is a failure.
pub(super) fn edit(target: &Target, args: Args<'_, '_>, edit: Edit<'_>) -> Changed {
    let place = target.place;
    let message = args.scene.message(place.level);
    let keys = keys(target, args)?;
    let mut list = |message: &[u8], number| -> Result<Option<Vec<u8>>, Failure> {
        let mut attributes = Attributes::default();
        attributes.read(message, 0..message.len(), number, &Keys::all());
        edit(&mut attributes, message)?;
        let mut splice = Splice::new(message);
        attributes.write(&mut splice);
        Ok(splice.finish())
    };
    let changed = if keys.is_empty() {
        list(message, place.number)?
    } else {
        edit_entry(message, place.number, &keys, &mut |any| match any.map_or(View::Empty, View::new) {
            View::Map(map) => Ok(list(map.0, ENTRIES)?.map(|message| wrapped(6, &message))),
            other => Err(Failure::new(format!("this is {}, not a map", Value::of(other).described()))),
        })?
    };
    Ok(changed.map(|message| Change { level: place.level, message }))
}

pub(super) fn delete_key(args: Args<'_, '_>) -> Changed {
    let key = args.text(1)?;
    edit(args.target(0)?, args, &mut |attributes, source| {
        attributes.remove(source, &key);
        Ok(())
    })
}

pub(super) fn delete_matching_keys(args: Args<'_, '_>) -> Changed {
    let pattern = args.pattern(1)?;
    remove_where(args, |key| pattern.is_match(key))
}

pub(super) fn keep_keys(args: Args<'_, '_>) -> Changed {
    let kept = args.texts(1)?;
    remove_where(args, |key| !kept.iter().any(|kept| kept == key))
}

pub(super) fn keep_matching_keys(args: Args<'_, '_>) -> Changed {
    let pattern = args.pattern(1)?;
    remove_where(args, |key| !pattern.is_match(key))
}

fn remove_where(args: Args<'_, '_>, goes: impl Fn(&str) -> bool) -> Changed {
    edit(args.target(0)?, args, &mut |attributes, source| {
        attributes.remove_where(source, &goes);
        Ok(())
    })
}

/// Keeps the keys that matter, then as many others as there is room for, in their order.
pub(super) fn limit(args: Args<'_, '_>) -> Changed {
    let (limit, first) = (args.size(1)?, args.texts(2)?);
    edit(args.target(0)?, args, &mut |attributes, source| {
        let matters = |key: &str| first.iter().any(|first| first == key);
        if attributes.iter(source).count() <= limit {
            return Ok(());
        }
        let room =
            Cell::new(limit.saturating_sub(attributes.iter(source).filter(|(key, _)| matters(key)).count()));
        attributes.remove_where(source, |key| {
            let fits = matters(key) || room.get() > 0;
            if fits && !matters(key) {
                room.set(room.get() - 1);
            }
            !fits
        });
        Ok(())
    })
}

pub(super) fn merge(args: Args<'_, '_>) -> Changed {
    let (target, other, strategy) = (args.target(0)?, args.map(1)?, args.word(2));
    edit(target, args, &mut |attributes, source| {
        for entry in entries(&other.message, other.number) {
            let there = attributes.contains(source, entry.key);
            let wanted = match strategy {
                Some("insert") => !there,
                Some("update") => there,
                _ => true,
            };
            if wanted {
                let mut value = Vec::new();
                encode_value(&entry.value, &mut value);
                check_depth(&value, 1 + target.keys.len())?;
                let value = attributes.put(&value);
                attributes.set(source, entry.key, value);
            }
        }
        Ok(())
    })
}

/// Cuts texts to so many bytes, between characters.
pub(super) fn truncate_all(args: Args<'_, '_>) -> Changed {
    let limit = args.size(1)?;
    let marker = if args.has(3) { args.text(3)? } else { "".into() };
    let Some(room) = limit.checked_sub(marker.len()) else {
        return Err(Failure::new(format!("the marker alone is longer than {limit} bytes")));
    };
    rewrite(args, |value, out| match value {
        View::String(text) if text.len() > limit => {
            let kept = text.get(..text.floor_char_boundary(room)).unwrap_or_default();
            out.extend(encoded(&format!("{kept}{marker}")));
            true
        }
        _ => false,
    })
}

pub(super) fn stringify_all(args: Args<'_, '_>) -> Changed {
    rewrite(args, |value, out| {
        let text = match value {
            View::String(_) => return false,
            value => text_like(Value::of(value)).unwrap_or_default(),
        };
        out.extend(encoded(&text));
        true
    })
}

fn rewrite(args: Args<'_, '_>, write: impl Fn(View<'_>, &mut Vec<u8>) -> bool) -> Changed {
    edit(args.target(0)?, args, &mut |attributes, source| {
        attributes.rewrite(source, |_| true, &write);
        Ok(())
    })
}
