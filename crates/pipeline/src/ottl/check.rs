//! Syntax to code: whether there is such a path, such a function, and whether the types fit.

mod arguments;
mod paths;

use super::code::Code;
use super::compare::comparable;
use super::functions::{Arg, Converter, Editor, converters, editors};
use super::math;
use super::path::{Context, enum_names, enum_value};
use super::scene::Scene;
use super::syntax::{self, Call, Expr, Kind, Operator};
use super::value::{Type, Value};
use super::wrong::Wrong;

/// What a text is checked against.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Within {
    pub context: Context,
    /// Nobody said `context:`, so that every path begins with the name of its own.
    pub inferred: bool,
}

impl Within {
    pub fn context(context: Context) -> Self {
        Self { context, inferred: false }
    }

    pub fn inferred(context: Context) -> Self {
        Self { context, inferred: true }
    }
}

pub(super) struct Checker {
    within: Within,
    pub(super) wrongs: Vec<Wrong>,
}

impl Checker {
    pub(super) fn new(within: Within) -> Self {
        Self { within, wrongs: Vec::new() }
    }

    pub(super) fn statement(
        &mut self,
        statement: &syntax::Statement,
    ) -> Option<(&'static Editor, Vec<Arg>, Option<Code>)> {
        let condition = statement.condition.as_ref().map(|condition| self.condition(condition));
        let call = &statement.editor;
        let editor = editors().find(|editor| editor.name == call.name);
        let Some(editor) = editor else {
            self.wrongs.push(unknown_editor(call));
            return None;
        };
        let arguments = self.arguments(call, editor.params)?;
        self.set_fits(call, &arguments)?;
        match condition {
            None => Some((editor, arguments, None)),
            Some(condition) => Some((editor, arguments, Some(condition?))),
        }
    }

    /// Whether a field takes what `set` would give it.
    fn set_fits(&mut self, call: &Call, arguments: &[Arg]) -> Option<()> {
        let [Arg::Target(target), Arg::Value(value)] = arguments else { return Some(()) };
        let wanted = kind(&target.code);
        let (Some(wanted), Some(found)) = (wanted.filter(|_| call.name == "set"), kind(value)) else {
            return Some(());
        };
        if wanted == found {
            return Some(());
        }
        let at = call.arguments.get(1).map_or(call.at.clone(), |argument| argument.value.at.clone());
        self.wrong(Wrong::new(at, format!("this field takes {}, not {}", wanted.name(), found.name())));
        None
    }

    /// Something that is true or false.
    pub(super) fn condition(&mut self, expr: &Expr) -> Option<Code> {
        let code = match &expr.kind {
            Kind::Not(inner) => Code::Not(self.condition(inner)?.into()),
            Kind::And(all) => Code::And(self.conditions(all)?),
            Kind::Or(all) => Code::Or(self.conditions(all)?),
            Kind::Path(path) => {
                let text = path.text();
                self.wrong(
                    Wrong::new(expr.at.clone(), format!("`{text}` is a value, not a condition"))
                        .help("compare it with something, such as `... != nil` or `... == true`"),
                );
                return None;
            }
            _ => self.code(expr)?,
        };
        match kind(&code) {
            None | Some(Type::Bool) if !matches!(code, Code::Constant(Value::Nil)) => Some(code),
            _ => {
                let what = kind(&code).map_or("nil", Type::name);
                self.wrong(
                    Wrong::new(expr.at.clone(), format!("{what} is not a condition")).help(
                        "a condition is a comparison, `true`, `false`, or a function that says yes or no",
                    ),
                );
                None
            }
        }
    }

    fn conditions(&mut self, all: &[Expr]) -> Option<Vec<Code>> {
        let all: Vec<_> = all.iter().map(|one| self.condition(one)).collect();
        all.into_iter().collect()
    }

    /// Any expression; what is the same for every span is worked out here.
    pub(super) fn code(&mut self, expr: &Expr) -> Option<Code> {
        let code = match &expr.kind {
            Kind::Nil => Code::Constant(Value::Nil),
            Kind::Bool(value) => Code::Constant(Value::Bool(*value)),
            Kind::Int(number) => Code::Constant(Value::Int(*number)),
            Kind::Double(number) => Code::Constant(Value::Double(*number)),
            Kind::Text(text) => Code::Constant(Value::text(text.clone())),
            Kind::Bytes(bytes) => Code::Constant(Value::Bytes(bytes.clone().into())),
            Kind::Path(path) => self.path(path, expr)?,
            Kind::Call(call) => self.call(call)?,
            Kind::Word(word) => self.word(word, expr)?,
            Kind::List(items) => Code::List(self.codes(items)?),
            Kind::Map(entries) => {
                let entries = entries.iter().map(|(key, value)| Some((key.clone(), self.code(value)?)));
                Code::Map(entries.collect::<Option<_>>()?)
            }
            Kind::Not(_) | Kind::And(_) | Kind::Or(_) => self.condition(expr)?,
            Kind::Compare(comparison, sides) => {
                let (left, right) = (self.code(&sides.0), self.code(&sides.1));
                let (left, right) = (left?, right?);
                self.advise(expr, &left, &right);
                Code::Compare(*comparison, Box::new((left, right)))
            }
            Kind::Minus(inner) => Code::Minus(self.code(inner)?.into()),
            Kind::Math(first, rest) => {
                let first = self.code(first)?;
                let rest = rest.iter().map(|(operator, operand)| Some((*operator, self.code(operand)?)));
                let rest = rest.collect::<Option<_>>()?;
                self.sum(expr, first, rest)?
            }
        };
        self.folded(code, expr)
    }

    pub(super) fn codes(&mut self, all: &[Expr]) -> Option<Vec<Code>> {
        let all: Vec<_> = all.iter().map(|one| self.code(one)).collect();
        all.into_iter().collect()
    }

    fn folded(&mut self, code: Code, expr: &Expr) -> Option<Code> {
        if matches!(code, Code::Constant(_)) || !is_constant(&code) {
            return Some(code);
        }
        let value = code.value(&Scene::default()).map(Value::into_owned);
        match value {
            Ok(value) => Some(Code::Constant(value)),
            Err(failure) => {
                self.wrong(Wrong::new(expr.at.clone(), format!("this never works: {failure}")));
                None
            }
        }
    }

    fn sum(&mut self, expr: &Expr, first: Code, rest: Vec<(Operator, Code)>) -> Option<Code> {
        let mut left = kind(&first);
        for (operator, operand) in &rest {
            left = match (left, kind(operand)) {
                (Some(a), Some(b)) => match math::kind(a, *operator, b) {
                    None => {
                        let message = math::impossible(a.name(), *operator, b.name());
                        self.wrong(Wrong::new(expr.at.clone(), message));
                        return None;
                    }
                    kind => kind,
                },
                _ => None,
            };
        }
        Some(Code::Math(first.into(), rest))
    }

    fn call(&mut self, call: &Call) -> Option<Code> {
        let converter = converters().find(|converter| converter.name == call.name);
        let Some(converter) = converter else {
            self.wrongs.push(unknown_converter(call));
            return None;
        };
        if let Some(only) = converter.only_in.filter(|only| *only != self.within.context) {
            let (name, context) = (converter.name, self.within.context.name());
            self.wrong(
                Wrong::new(call.name_at.clone(), format!("`{name}` is not for the context `{context}`"))
                    .help(format!("it can be asked in the context `{}`", only.name())),
            );
        }
        let arguments = self.arguments(call, converter.params);
        let keys = self.codes(&call.keys);
        Some(Code::Call(converter, arguments?, keys?))
    }

    fn word(&mut self, word: &str, expr: &Expr) -> Option<Code> {
        if let Some(value) = enum_value(word) {
            return Some(Code::Constant(Value::Int(value)));
        }
        let wrong = if converters().any(|converter| converter.name == word) {
            Wrong::new(expr.at.clone(), format!("`{word}` is a function, and its parentheses are missing"))
        } else {
            let known: Vec<_> = enum_names().collect();
            let wrong = Wrong::new(expr.at.clone(), format!("there is no enum `{word}`"));
            suggest(wrong, word, &known, "the enums are")
        };
        self.wrong(wrong);
        None
    }

    /// Says so where a comparison can only have one outcome.
    fn advise(&mut self, expr: &Expr, left: &Code, right: &Code) {
        let nil = |code: &Code| matches!(code, Code::Constant(Value::Nil));
        let (Some(left_kind), Some(right_kind)) = (kind(left), kind(right)) else {
            let field = |code: &Code| matches!(code, Code::Path(_, keys) if keys.is_empty());
            if (nil(left) && field(right)) || (nil(right) && field(left)) {
                let wrong = Wrong::advice(expr.at.clone(), "this field is never nil");
                self.wrong(wrong.help(
                    "where it is not there it is empty: compare it with `\"\"`, `0` or an id of zeros",
                ));
            }
            return;
        };
        if !comparable(left_kind, right_kind) {
            let (left, right) = (left_kind.name(), right_kind.name());
            self.wrong(Wrong::advice(expr.at.clone(), format!("{left} and {right} are never equal")));
        }
    }

    fn wrong(&mut self, wrong: Wrong) {
        self.wrongs.push(wrong);
    }
}

/// The type of what this gives, where it is always the same; it may be nil nevertheless.
pub(super) fn kind(code: &Code) -> Option<Type> {
    match code {
        Code::Constant(value) => value.kind(),
        Code::Path(place, keys) if keys.is_empty() => Some(place.form.kind()),
        Code::Path(place, _) => (place.form == super::path::Form::TraceState).then_some(Type::Text),
        Code::Call(converter, _, keys) if keys.is_empty() => converter.gives,
        Code::Call(..) => None,
        Code::Minus(inner) => kind(inner),
        Code::Math(first, rest) => rest
            .iter()
            .try_fold(kind(first)?, |left, (operator, operand)| math::kind(left, *operator, kind(operand)?)),
        Code::List(_) => Some(Type::List),
        Code::Map(_) => Some(Type::Map),
        Code::Not(_) | Code::And(_) | Code::Or(_) | Code::Compare(..) => Some(Type::Bool),
    }
}

fn is_constant(code: &Code) -> bool {
    match code {
        Code::Constant(_) => true,
        Code::Path(..) => false,
        Code::Call(converter, arguments, keys) => {
            let pure = converter.name != "Now" && converter.only_in.is_none();
            pure && arguments.iter().all(is_constant_argument) && keys.iter().all(is_constant)
        }
        Code::List(all) | Code::And(all) | Code::Or(all) => all.iter().all(is_constant),
        Code::Map(entries) => entries.iter().all(|(_, value)| is_constant(value)),
        Code::Not(inner) | Code::Minus(inner) => is_constant(inner),
        Code::Compare(_, sides) => is_constant(&sides.0) && is_constant(&sides.1),
        Code::Math(first, rest) => is_constant(first) && rest.iter().all(|(_, operand)| is_constant(operand)),
    }
}

fn is_constant_argument(argument: &Arg) -> bool {
    match argument {
        Arg::Value(code) => is_constant(code),
        Arg::List(all) => all.iter().all(is_constant),
        Arg::None | Arg::Pattern(_) | Arg::Glob(_) | Arg::Word(_) | Arg::Format(_) | Arg::Function(_) => true,
        Arg::Target(_) => false,
    }
}

fn unknown_converter(call: &Call) -> Wrong {
    let name = &call.name;
    if editors().any(|editor| editor.name == name) {
        let message = format!("`{name}` is an editor, and gives no value");
        return Wrong::new(call.name_at.clone(), message)
            .help("an editor stands at the beginning of a statement");
    }
    let mut known: Vec<_> = converters().map(|converter: &Converter| converter.name).collect();
    known.sort_unstable();
    let wrong = Wrong::new(call.name_at.clone(), format!("there is no function `{name}`"));
    suggest(wrong, name, &known, "the functions are")
}

fn unknown_editor(call: &Call) -> Wrong {
    let name = &call.name;
    let known: Vec<_> = editors().map(|editor| editor.name).collect();
    if converters().any(|converter| converter.name == name) {
        let message = format!("`{name}` gives a value and changes nothing");
        let help = format!("a statement begins with an editor: {}", known.join(", "));
        return Wrong::new(call.name_at.clone(), message).help(help);
    }
    let wrong = Wrong::new(call.name_at.clone(), format!("there is no editor `{name}`"));
    suggest(wrong, name, &known, "the editors are")
}

/// What could have been meant, and what there is.
fn suggest(wrong: Wrong, name: &str, known: &[&str], intro: &str) -> Wrong {
    let all = format!("{intro} {}", known.join(", "));
    let lower = name.to_lowercase();
    let same = known.iter().copied().find(|known| known.to_lowercase() == lower);
    match same.or_else(|| flow::config::closest(name, known.iter().copied())) {
        Some(meant) => wrong.help(format!("did you mean `{meant}`? {all}")),
        None => wrong.help(all),
    }
}
