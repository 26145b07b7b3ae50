//! Any text as a condition or a statement: something that can be asked of any checked bytes, or what is wrong and
//! where, never a panic.
#![no_main]

use flow::otlp::{Limits, accept, view};
use flow::Signal;
use pipeline::ottl::{Condition, Context, Scene, Statement, Within};

libfuzzer_sys::fuzz_target!(|input: (&str, u8, &[u8])| {
    let (text, context, bytes) = input;
    let context = Context::ALL.get(usize::from(context & 3)).copied().unwrap_or(Context::Span);
    let (condition, wrongs) = Condition::parse(text, Within::context(context));
    assert!(wrongs.iter().all(|wrong| wrong.at.start <= wrong.at.end && wrong.at.end <= text.len()));
    assert!(condition.is_some() || !wrongs.is_empty());
    let (statement, wrongs) = Statement::parse(text, Within::inferred(context));
    assert!(statement.is_some() || !wrongs.is_empty());
    let Some(condition) = condition else { return };
    let Ok(batch) = accept(Signal::Traces, bytes.to_vec().into(), &Limits::default()) else { return };
    let bytes = batch.payload.to_bytes();
    for resource in view::resource_spans(&bytes) {
        for scope in resource.scope_spans() {
            for span in scope.spans() {
                let scene = Scene::new(0).resource(resource).scope(scope).span(span.raw);
                drop(condition.holds(&scene));
                for (nth, event) in span.events().enumerate() {
                    drop(condition.holds(&scene.event(event, nth)));
                }
            }
        }
    }
});
