//! Editors of whole maps.

use flow::otlp::attributes::encode_value;
use flow::otlp::view::{Value as View, attribute};

use super::super::args::{Args, Target};
use super::{Change, Changed, keys};
use crate::ottl::failure::Failure;
use crate::ottl::text::text_like;
use crate::ottl::value::{ENTRIES, Value, entries};
use crate::ottl::write::{Entry, Verdict, check_depth, edit_entries, edit_entry, set_entry, wrapped};

/// What becomes of an entry; another value is written where there is one.
type Judge<'j> = &'j mut dyn FnMut(Entry<'_>, &mut Vec<u8>) -> Result<Verdict, Failure>;

/// The map as it is afterwards, given the message and the field number under which it stands; nothing where that is
/// the same.
type Edit<'e> = &'e mut dyn FnMut(&[u8], u32) -> Result<Option<Vec<u8>>, Failure>;

/// Edits the entries of a map, one after the other.
pub(super) fn each(args: Args<'_, '_>, judge: Judge<'_>) -> Changed {
    edit(args.target(0)?, args, &mut |message, number| edit_entries(message, number, &mut *judge))
}

/// Edits attributes, or a map among their values. One that is not there is a failure.
pub(super) fn edit(target: &Target, args: Args<'_, '_>, list: Edit<'_>) -> Changed {
    let place = target.place;
    let message = args.scene.message(place.level);
    let keys = keys(target, args)?;
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
    remove_where(args, |own| own == key)
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
    each(args, &mut |entry, _| Ok(if goes(entry.text()) { Verdict::Remove } else { Verdict::Keep }))
}

/// Keeps the keys that matter, then as many others as there is room for, in their order.
pub(super) fn limit(args: Args<'_, '_>) -> Changed {
    let (limit, first) = (args.size(1)?, args.texts(2)?);
    let matters = |key: &str| first.iter().any(|first| first == key);
    edit(args.target(0)?, args, &mut |message, number| {
        if entries(message, number).count() <= limit {
            return Ok(None);
        }
        let mut room =
            limit.saturating_sub(entries(message, number).filter(|entry| matters(entry.key)).count());
        edit_entries(message, number, |entry, _| {
            if matters(entry.text()) {
                return Ok(Verdict::Keep);
            }
            let verdict = if room > 0 { Verdict::Keep } else { Verdict::Remove };
            room = room.saturating_sub(1);
            Ok(verdict)
        })
    })
}

pub(super) fn merge(args: Args<'_, '_>) -> Changed {
    let (target, other, strategy) = (args.target(0)?, args.map(1)?, args.word(2));
    edit(target, args, &mut |message, number| {
        let mut merged: Option<Vec<u8>> = None;
        for entry in entries(&other.message, other.number) {
            let message = merged.as_deref().unwrap_or(message);
            let there = attribute(message, number, entry.key).is_some();
            let wanted = match strategy {
                Some("insert") => !there,
                Some("update") => there,
                _ => true,
            };
            if wanted {
                let mut value = Vec::new();
                encode_value(&entry.value, &mut value);
                check_depth(&value, 1 + target.keys.len())?;
                merged = Some(set_entry(message, number, entry.key.as_bytes(), &value));
            }
        }
        Ok(merged)
    })
}

/// Cuts texts to so many bytes, between characters.
pub(super) fn truncate_all(args: Args<'_, '_>) -> Changed {
    let limit = args.size(1)?;
    let marker = if args.has(3) { args.text(3)? } else { "".into() };
    let Some(room) = limit.checked_sub(marker.len()) else {
        return Err(Failure::new(format!("the marker alone is longer than {limit} bytes")));
    };
    each(args, &mut |entry, out| match View::new(entry.value()) {
        View::String(text) if text.len() > limit => {
            let kept = text.get(..text.floor_char_boundary(room)).unwrap_or_default();
            encode_value(&View::String(&format!("{kept}{marker}")), out);
            Ok(Verdict::Replace)
        }
        _ => Ok(Verdict::Keep),
    })
}

pub(super) fn stringify_all(args: Args<'_, '_>) -> Changed {
    each(args, &mut |entry, out| match View::new(entry.value()) {
        View::String(_) => Ok(Verdict::Keep),
        value => {
            let text = text_like(Value::of(value)).unwrap_or_default();
            encode_value(&View::String(&text), out);
            Ok(Verdict::Replace)
        }
    })
}
