//! The arguments of a call, by position and by name.

use regex::Regex;

use super::{Checker, kind, suggest};
use crate::ottl::code::Code;
use crate::ottl::functions::{Arg, Format, Param, ParamKind, converters};
use crate::ottl::glob::Glob;
use crate::ottl::syntax::{Argument, Call, Expr, Kind};
use crate::ottl::time;
use crate::ottl::value::{Type, Value};
use crate::ottl::wrong::Wrong;

impl Checker {
    pub(super) fn arguments(&mut self, call: &Call, params: &'static [Param]) -> Option<Vec<Arg>> {
        let mut given: Vec<Option<&Expr>> = params.iter().map(|_| None).collect();
        let before = self.wrongs.len();
        for (nth, argument) in call.arguments.iter().enumerate() {
            match self.place_of(call, argument, nth, params).and_then(|place| given.get_mut(place)) {
                Some(place @ None) => *place = Some(&argument.value),
                Some(Some(_)) => {
                    self.wrong(Wrong::new(argument.value.at.clone(), "this argument is given twice"));
                }
                None => {}
            }
        }
        let arguments: Vec<_> = params
            .iter()
            .zip(given)
            .map(|(param, expr)| match expr {
                Some(expr) => self.argument(param, expr),
                None if param.optional => Some(Arg::None),
                None => {
                    if self.wrongs.len() == before {
                        let message = format!("`{}` needs `{}`", call.name, param.name);
                        self.wrong(Wrong::new(call.at.clone(), message).help(usage(&call.name, params)));
                    }
                    None
                }
            })
            .collect();
        let arguments = arguments.into_iter().collect::<Option<Vec<_>>>();
        if let Some([Arg::Format(format), Arg::List(values)]) = arguments.as_deref()
            && format.values() != values.len()
        {
            let message =
                format!("the format is for {} values, and there are {}", format.values(), values.len());
            self.wrong(Wrong::new(call.at.clone(), message));
        }
        arguments.filter(|_| self.errors_since(before) == 0)
    }

    fn errors_since(&self, before: usize) -> usize {
        let new = self.wrongs.get(before..).unwrap_or_default();
        new.iter().filter(|wrong| wrong.severity == flow::config::Severity::Error).count()
    }

    fn place_of(&mut self, call: &Call, argument: &Argument, nth: usize, params: &[Param]) -> Option<usize> {
        let Some((name, at)) = &argument.name else {
            let behind_named = call.arguments.get(..nth).unwrap_or_default().iter().any(|a| a.name.is_some());
            if behind_named {
                let message = "an argument without a name stands behind one with a name";
                self.wrong(Wrong::new(argument.value.at.clone(), message));
                return None;
            }
            if nth >= params.len() {
                let message = format!("`{}` takes no such argument", call.name);
                self.wrong(Wrong::new(argument.value.at.clone(), message).help(usage(&call.name, params)));
                return None;
            }
            return Some(nth);
        };
        let place = params.iter().position(|param| param.name == name);
        if place.is_none() {
            let names: Vec<_> = params.iter().map(|param| param.name).collect();
            let wrong = Wrong::new(at.clone(), format!("`{}` has no argument `{name}`", call.name));
            self.wrong(suggest(wrong, name, &names, "its arguments are"));
        }
        place
    }

    fn argument(&mut self, param: &Param, expr: &Expr) -> Option<Arg> {
        match param.kind {
            ParamKind::Value(types) => self.value(param, types, expr).map(Arg::Value),
            ParamKind::List => match &expr.kind {
                Kind::List(items) => self.codes(items).map(Arg::List),
                _ => self.expected(param, expr, "a list in square brackets, such as `[\"a\", \"b\"]`"),
            },
            ParamKind::Target => self.target(expr, false).map(Arg::Target),
            ParamKind::MapTarget => self.target(expr, true).map(Arg::Target),
            ParamKind::Function => self.function(param, expr),
            ParamKind::Pattern | ParamKind::NamedGroups => self.pattern(param, expr).map(Arg::Pattern),
            ParamKind::Glob => {
                let glob = Glob::new(self.literal(param, expr)?);
                self.sound(expr, glob.map_err(|why| format!("not a pattern: {why}"))).map(Arg::Glob)
            }
            ParamKind::Word(words) => {
                let word = self.literal(param, expr)?;
                if words.contains(&word) {
                    return Some(Arg::Word(word.to_owned()));
                }
                let wrong = Wrong::new(expr.at.clone(), format!("`{}` cannot be \"{word}\"", param.name));
                self.wrong(suggest(wrong, word, words, "it is one of"));
                None
            }
            ParamKind::Format => {
                let format = self.literal(param, expr)?;
                if format.matches('%').count() == 1 && format.contains("%s") {
                    return Some(Arg::Word(format.to_owned()));
                }
                self.wrong(Wrong::new(expr.at.clone(), "the format has one `%s` and no other `%`"));
                None
            }
            ParamKind::ValuesFormat => {
                let format = Format::parse(self.literal(param, expr)?);
                self.sound(expr, format).map(Arg::Format)
            }
            ParamKind::TimeFormat => {
                let format = time::checked(self.literal(param, expr)?);
                self.sound(expr, format).map(Arg::Word)
            }
        }
    }

    fn value(&mut self, param: &Param, types: &[Type], expr: &Expr) -> Option<Code> {
        let code = self.code(expr)?;
        let fits = match (&code, kind(&code)) {
            (Code::Constant(Value::Nil), _) => types.is_empty(),
            (_, Some(kind)) => types.is_empty() || types.contains(&kind),
            (_, None) => true,
        };
        if fits {
            return Some(code);
        }
        let wanted: Vec<_> = types.iter().map(|kind| kind.name()).collect();
        let found = kind(&code).map_or("nil", Type::name);
        let message = format!("`{}` must be {}, not {found}", param.name, wanted.join(" or "));
        self.wrong(Wrong::new(expr.at.clone(), message));
        None
    }

    fn pattern(&mut self, param: &Param, expr: &Expr) -> Option<Regex> {
        let pattern = Regex::new(self.literal(param, expr)?).map_err(|error| {
            // The last line says what is wrong, the ones above repeat the pattern.
            let why = error.to_string();
            let why = why.lines().last().unwrap_or_default().trim_start_matches("error: ");
            format!("not a regular expression: {why}")
        });
        let pattern = self.sound(expr, pattern)?;
        let named = pattern.capture_names().flatten().next().is_some();
        if matches!(param.kind, ParamKind::NamedGroups) && !named {
            let message = "the pattern has no named group, and the names are the keys of the map";
            self.wrong(
                Wrong::new(expr.at.clone(), message).help("write `(?P<name>...)` for a part to extract"),
            );
            return None;
        }
        Some(pattern)
    }

    fn function(&mut self, param: &Param, expr: &Expr) -> Option<Arg> {
        let Kind::Word(name) = &expr.kind else {
            return self.expected(param, expr, "the name of a function, such as `SHA256`");
        };
        let fitting = converters().filter(|converter| {
            let mut params = converter.params.iter();
            let takes_text = matches!(
                params.next().map(|param| param.kind),
                Some(ParamKind::Value(types)) if types.is_empty() || types.contains(&Type::Text)
            );
            takes_text && params.all(|param| param.optional) && matches!(converter.gives, Some(Type::Text))
        });
        let fitting: Vec<_> = fitting.collect();
        if let Some(function) = fitting.iter().find(|converter| converter.name == name) {
            return Some(Arg::Function(function));
        }
        let mut names: Vec<_> = fitting.iter().map(|converter| converter.name).collect();
        names.sort_unstable();
        let wrong =
            Wrong::new(expr.at.clone(), format!("`{name}` is no function of one text that gives a text"));
        self.wrong(suggest(wrong, name, &names, "these are"));
        None
    }

    fn literal<'e>(&mut self, param: &Param, expr: &'e Expr) -> Option<&'e str> {
        match &expr.kind {
            Kind::Text(text) => Some(text),
            _ => self.expected(param, expr, "a text in double quotes"),
        }
    }

    fn sound<T>(&mut self, expr: &Expr, made: Result<T, String>) -> Option<T> {
        made.map_err(|why| self.wrong(Wrong::new(expr.at.clone(), why))).ok()
    }

    fn expected<T>(&mut self, param: &Param, expr: &Expr, what: &str) -> Option<T> {
        self.wrong(Wrong::new(expr.at.clone(), format!("`{}` must be {what}", param.name)));
        None
    }
}

/// `Split(target, delimiter)`
fn usage(name: &str, params: &[Param]) -> String {
    let shown: Vec<_> = params
        .iter()
        .map(|param| if param.optional { format!("[{}]", param.name) } else { param.name.to_owned() })
        .collect();
    match shown.is_empty() {
        true => format!("it is called `{name}()`"),
        false => format!("it is called `{name}({})`", shown.join(", ")),
    }
}
