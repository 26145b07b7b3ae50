//! Editors: each gives the message as it is afterwards, and leaves what it reads alone.

mod flatten;
mod maps;
mod replace;

use flow::otlp::view::{Array, Value as View};
use flow::wire::{fields_of, put_len};

use super::args::{ANY, Args, BOOL, INT, MAP, Param, ParamKind, TEXT, Target, one, optional, wrong};
use crate::ottl::code::Key;
use crate::ottl::failure::Failure;
use crate::ottl::scene::Level;
use crate::ottl::value::Value;
use crate::ottl::write::{check_depth, set, wrapped};

/// A message of the scene, as it is from now on.
#[derive(Debug, PartialEq)]
pub(crate) struct Change {
    pub(crate) level: Level,
    pub(crate) message: Vec<u8>,
}

pub(in crate::ottl) type Changed = Result<Option<Change>, Failure>;

#[derive(Debug)]
pub(in crate::ottl) struct Editor {
    pub(in crate::ottl) name: &'static str,
    pub(in crate::ottl) params: &'static [Param],
    pub(in crate::ottl) run: for<'a, 's> fn(Args<'a, 's>) -> Changed,
}

const FUNCTION: Param = optional("function", ParamKind::Function);
const FORMAT: Param = optional("replacement_format", ParamKind::Format);

pub(in crate::ottl) const ALL: &[Editor] = &[
    Editor { name: "set", params: &[one("target", ParamKind::Target), one("value", ANY)], run: set_value },
    Editor {
        name: "append",
        params: &[
            one("target", ParamKind::Target),
            optional("value", ANY),
            optional("values", ParamKind::List),
        ],
        run: append,
    },
    Editor {
        name: "delete_key",
        params: &[one("target", ParamKind::MapTarget), one("key", TEXT)],
        run: maps::delete_key,
    },
    Editor {
        name: "delete_matching_keys",
        params: &[one("target", ParamKind::MapTarget), one("pattern", ParamKind::Pattern)],
        run: maps::delete_matching_keys,
    },
    Editor {
        name: "keep_keys",
        params: &[one("target", ParamKind::MapTarget), one("keys", ParamKind::List)],
        run: maps::keep_keys,
    },
    Editor {
        name: "keep_matching_keys",
        params: &[one("target", ParamKind::MapTarget), one("pattern", ParamKind::Pattern)],
        run: maps::keep_matching_keys,
    },
    Editor {
        name: "limit",
        params: &[
            one("target", ParamKind::MapTarget),
            one("limit", INT),
            one("priority_keys", ParamKind::List),
        ],
        run: maps::limit,
    },
    Editor {
        name: "merge_maps",
        params: &[
            one("target", ParamKind::MapTarget),
            one("source", MAP),
            one("strategy", ParamKind::Word(&["insert", "update", "upsert"])),
        ],
        run: maps::merge,
    },
    Editor {
        name: "flatten",
        params: &[
            one("target", ParamKind::MapTarget),
            optional("prefix", TEXT),
            optional("depth", INT),
            optional("resolve_conflicts", BOOL),
        ],
        run: flatten::flatten,
    },
    Editor {
        name: "delete_index",
        params: &[one("target", ParamKind::Target), one("start_index", INT), optional("end_index", INT)],
        run: delete_index,
    },
    Editor {
        name: "truncate_all",
        params: &[
            one("target", ParamKind::MapTarget),
            one("limit", INT),
            optional("utf8_safe", BOOL),
            optional("truncation_marker", TEXT),
        ],
        run: maps::truncate_all,
    },
    Editor {
        name: "stringify_all",
        params: &[one("target", ParamKind::MapTarget)],
        run: maps::stringify_all,
    },
    Editor {
        name: "replace_pattern",
        params: &[
            one("target", ParamKind::Target),
            one("regex", ParamKind::Pattern),
            one("replacement", TEXT),
            FUNCTION,
            FORMAT,
        ],
        run: replace::pattern,
    },
    Editor {
        name: "replace_match",
        params: &[
            one("target", ParamKind::Target),
            one("pattern", ParamKind::Glob),
            one("replacement", TEXT),
            FUNCTION,
            FORMAT,
        ],
        run: replace::whole,
    },
    Editor {
        name: "replace_all_patterns",
        params: &[
            one("target", ParamKind::MapTarget),
            one("mode", ParamKind::Word(&["key", "value"])),
            one("regex", ParamKind::Pattern),
            one("replacement", TEXT),
            FUNCTION,
            FORMAT,
        ],
        run: replace::all_patterns,
    },
    Editor {
        name: "replace_all_matches",
        params: &[
            one("target", ParamKind::MapTarget),
            one("pattern", ParamKind::Glob),
            one("replacement", TEXT),
            FUNCTION,
            FORMAT,
        ],
        run: replace::all_wholes,
    },
];

/// The keys of a target, evaluated.
fn keys<'a>(target: &'a Target, args: Args<'a, '_>) -> Result<Vec<Key<'a>>, Failure> {
    target.keys.iter().map(|key| Key::of(key, args.scene)).collect()
}

/// What is nil sets nothing.
fn set_value(args: Args<'_, '_>) -> Changed {
    let target = args.target(0)?;
    match args.value(1)? {
        Value::Nil => Ok(None),
        value => set(target.place, &keys(target, args)?, &value, args.scene),
    }
}

/// What stands there becomes a list if it is none.
fn append(args: Args<'_, '_>) -> Changed {
    let target = args.target(0)?;
    let keys = keys(target, args)?;
    let mut list = Vec::new();
    match target.code.value(args.scene)? {
        Value::Nil => {}
        Value::List(items) => list.extend_from_slice(&items),
        Value::Map(_) => return Err(Failure::new("nothing can be appended to a map")),
        single => put_len(&mut list, 1, &single.encoded()?),
    }
    if args.has(1) {
        match args.value(1)? {
            Value::List(items) => list.extend_from_slice(&items),
            single => put_len(&mut list, 1, &single.encoded()?),
        }
    }
    for value in args.list(2) {
        put_len(&mut list, 1, &value.value(args.scene)?.encoded()?);
    }
    check_depth(&wrapped(5, &list), keys.len())?;
    set(target.place, &keys, &Value::of(View::Array(Array(&list))), args.scene)
}

/// Takes elements out of a list: one, or those in front of `end_index`.
fn delete_index(args: Args<'_, '_>) -> Changed {
    let target = args.target(0)?;
    let list = match target.code.value(args.scene)? {
        Value::List(list) => list,
        other => return Err(wrong(0, "a list", &other)),
    };
    let count = fields_of(&list, 0..list.len(), 1).count();
    let start = args.int(1)?;
    let end = if args.has(2) { args.int(2)? } else { start.saturating_add(1) };
    let gone = match (usize::try_from(start), usize::try_from(end)) {
        // All of a list may go, of an empty one too.
        (Ok(0), Ok(end)) if end == count => 0..end,
        (Ok(start), Ok(end)) if start < count && start <= end && end <= count => start..end,
        _ => {
            return Err(Failure::new(format!(
                "the list has {count} elements, and not those from {start} to {end}"
            )));
        }
    };
    if gone.is_empty() {
        return Ok(None);
    }
    let mut rest = Vec::with_capacity(list.len());
    for (nth, element) in fields_of(&list, 0..list.len(), 1).enumerate() {
        if !gone.contains(&nth) {
            put_len(&mut rest, 1, element.bytes());
        }
    }
    set(target.place, &keys(target, args)?, &Value::List(rest.into()), args.scene)
}
