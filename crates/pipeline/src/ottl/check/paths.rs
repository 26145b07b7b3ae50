//! Paths to places.

use super::{Checker, suggest};
use crate::ottl::code::Code;
use crate::ottl::functions::Target;
use crate::ottl::path::{Context, Form, Place, field, names};
use crate::ottl::syntax::{Expr, Kind, Path};
use crate::ottl::wrong::Wrong;

impl Checker {
    /// The value that a path names.
    pub(super) fn path(&mut self, path: &Path, expr: &Expr) -> Option<Code> {
        let place = self.place(path, expr);
        let keys = self.codes(&path.keys);
        let (place, keys) = (place?, keys?);
        self.keys_fit(place, path, expr)?;
        Some(Code::Path(place, keys))
    }

    /// Something that an editor can change.
    pub(super) fn target(&mut self, expr: &Expr, map: bool) -> Option<Target> {
        let Kind::Path(path) = &expr.kind else {
            let what = if map { "a map" } else { "what is changed" };
            self.wrong(Wrong::new(expr.at.clone(), format!("expected the path of {what}")));
            return None;
        };
        let (Some(Code::Path(place, keys)), Some(code)) = (self.path(path, expr), self.path(path, expr))
        else {
            // Both tries found the same.
            self.wrongs.dedup();
            return None;
        };
        if map && place.form != Form::Map {
            self.wrong(
                Wrong::new(
                    expr.at.clone(),
                    format!("`{}` is {}, not a map", path.text(), place.form.kind().name()),
                )
                .help("attributes and the cache are maps"),
            );
            return None;
        }
        if !place.form.can_be_set() {
            self.wrong(Wrong::new(expr.at.clone(), format!("`{}` can be read and not changed", path.text())));
            return None;
        }
        Some(Target { place, keys, code })
    }

    fn keys_fit(&mut self, place: Place, path: &Path, expr: &Expr) -> Option<()> {
        let fits = match place.form {
            Form::Map => true,
            Form::TraceState => path.keys.len() <= 1,
            _ => path.keys.is_empty(),
        };
        let first_is_text = path.keys.first().is_none_or(|key| !matches!(key.kind, Kind::Int(_)));
        if fits && first_is_text {
            return Some(());
        }
        let at = path.keys.first().map_or(expr.at.clone(), |key| key.at.clone());
        let text = path.text();
        self.wrong(match fits {
            true => Wrong::new(at, format!("the keys of `{text}` are text, such as `{text}[\"key\"]`")),
            false => Wrong::new(at, format!("there is no such key in `{text}`")),
        });
        None
    }

    fn place(&mut self, path: &Path, expr: &Expr) -> Option<Place> {
        let first = path.names.first().map_or("", |(name, _)| name);
        let named = Context::named(first).filter(|_| path.names.len() > 1);
        let own = self.within.context;
        let text = path.text();
        let (context, rest) = match named {
            Some(context) => (context, text.split_once('.').map_or("", |(_, rest)| rest)),
            None => (own, text.as_str()),
        };
        let at =
            path.names.first().map_or(0, |(_, at)| at.start)..path.names.last().map_or(0, |(_, at)| at.end);
        if context > own {
            let message = format!("the context `{}` has no `{}`", own.name(), context.name());
            let visible: Vec<_> =
                Context::ALL.into_iter().filter(|known| *known <= own).map(Context::name).collect();
            self.wrong(Wrong::new(at, message).help(format!("paths here begin with {}", visible.join(", "))));
            return None;
        }
        let Some(place) = field(context, rest) else {
            self.wrong(unknown(at, &text, rest, context, own));
            return None;
        };
        if named.is_none() && self.within.inferred {
            let wrong = Wrong::new(expr.at.clone(), format!("it is not said whose `{text}` this is"));
            self.wrong(wrong.help(format!(
                "begin the path with its context, such as `{}.{text}`, or set `context`",
                own.name()
            )));
            return None;
        }
        Some(place)
    }
}

fn unknown(at: std::ops::Range<usize>, text: &str, rest: &str, context: Context, own: Context) -> Wrong {
    let wrong = Wrong::new(at, format!("there is no path `{text}` in the context `{}`", own.name()));
    match rest {
        "status" => return wrong.help("its parts can be read and set: `status.code`, `status.message`"),
        "resource" | "scope" | "instrumentation_scope" | "span" if rest == text => {
            return wrong.help(format!("name a field of it, such as `{rest}.attributes[\"key\"]`"));
        }
        _ => {}
    }
    let known: Vec<_> = names(context).collect();
    let wrong = suggest(wrong, rest, &known, &format!("the paths of `{}` are", context.name()));
    let outer: Vec<_> = Context::ALL.into_iter().filter(|outer| *outer < own && context == own).collect();
    if outer.is_empty() {
        return wrong;
    }
    let outer: Vec<_> = outer.into_iter().map(|outer| format!("`{}.…`", outer.name())).collect();
    let help = wrong.help.clone().unwrap_or_default();
    wrong.help(format!("{help}; and those of {}", outer.join(", ")))
}
