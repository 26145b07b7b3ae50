//! The value at a place of a scene.

use std::borrow::Cow;

use flow::otlp::view::attribute;
use throughline_context::Tracestate;

use super::code::count;
use super::path::{Form, KINDS, Place, old_kind};
use super::scene::{Level, Scene, bytes, number, text};
use super::text::hex;
use super::value::{Map, Value};

pub(super) fn value<'a>(place: Place, scene: &Scene<'a>) -> Value<'a> {
    let message = scene.message(place.level);
    match place.form {
        Form::Text | Form::TraceState => Value::text(text(message, place.number)),
        Form::TraceId => Value::TraceId(id(bytes(message, place.number))),
        Form::SpanId => Value::SpanId(id(bytes(message, place.number))),
        Form::TraceIdText => Value::text(hex(&id::<16>(bytes(message, place.number)))),
        Form::SpanIdText => Value::text(hex(&id::<8>(bytes(message, place.number)))),
        Form::Kind | Form::Nanos | Form::Count | Form::Flags => {
            Value::Int(number(message, place.number) as i64)
        }
        Form::Time => Value::Time(number(message, place.number) as i64),
        Form::KindText => Value::text(
            usize::try_from(number(message, place.number))
                .ok()
                .and_then(|n| KINDS.get(n))
                .copied()
                .unwrap_or_default(),
        ),
        Form::KindOldText => Value::text(
            usize::try_from(number(message, place.number)).ok().and_then(old_kind).unwrap_or_default(),
        ),
        Form::StatusMessage => Value::text(text(bytes(message, place.number), 2)),
        Form::StatusCode => Value::Int(number(bytes(message, place.number), 3) as i64),
        Form::Map => Value::Map(Map { message: Cow::Borrowed(message), number: place.number }),
        Form::Records => Value::Records(count(message, place.number)),
        Form::EventIndex => Value::Int(scene.event_index as i64),
        Form::SchemaUrl => Value::text(match place.level {
            Level::Resource => text(scene.resource_spans, place.number),
            _ => text(scene.scope_spans, place.number),
        }),
    }
}

/// What stands there under a key.
pub(super) fn keyed<'a>(place: Place, key: &str, scene: &Scene<'a>) -> Option<Value<'a>> {
    let message = scene.message(place.level);
    match place.form {
        Form::Map => attribute(message, place.number, key).map(Value::of),
        Form::TraceState => {
            // A list that cannot be read has no members, and a member that is not there is an empty text.
            let state: Tracestate = text(message, place.number).parse().ok()?;
            Some(Value::text(state.get(key).unwrap_or_default().to_owned()))
        }
        _ => None,
    }
}

/// An id, of zeros where there is none.
fn id<const N: usize>(bytes: &[u8]) -> [u8; N] {
    bytes.try_into().unwrap_or([0; N])
}
