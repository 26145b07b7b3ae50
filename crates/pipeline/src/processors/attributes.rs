//! `attributes`: sets, deletes, hashes, extracts and converts attributes of spans, by splicing.

pub(super) mod settings;
pub(super) mod actions;
pub(super) mod matching;
pub(crate) mod value;

use std::ops::Range;
use std::sync::Arc;

use flow::config::{Finding, Node};
use flow::otlp::attributes::Attributes;
use flow::otlp::edit::{EditSpans, edit, edit_spans};
use flow::otlp::splice::Splice;
use flow::otlp::view::{ResourceSpans, ScopeSpans};
use flow::{Batch, BoxFuture, BuildError, Consumer, Ctx, Factory, Make, Refusal, Signal};

use actions::{Actions, Run};
use matching::Filter;
pub(crate) use value::readable;

pub static FACTORY: Factory = Factory {
    name: "attributes",
    aliases: &[],
    signals: &[Signal::Traces],
    check,
    make: Make::Processor(make),
};

/// Field number of the attributes in a span.
const ATTRIBUTES: u32 = 9;

fn check(section: &Node) -> Vec<Finding> {
    read(section).1
}

fn make(section: &Node, ctx: &Ctx, next: Arc<dyn Consumer>) -> Result<Arc<dyn Consumer>, BuildError> {
    let (settings, _) = read(section);
    let (actions, filter) =
        settings.ok_or_else(|| BuildError::new(&ctx.id, "the settings were not checked"))?;
    Ok(Arc::new(Processor { actions, filter, next }))
}

fn read(section: &Node) -> (Option<(Actions, Filter)>, Vec<Finding>) {
    let mut findings = settings::keys::<settings::Attributes>(section);
    let actions = settings::actions(section, "actions", &mut findings);
    let filter = matching::settings::filter(section, &mut findings);
    findings.sort_by(|a, b| a.mark.cmp(&b.mark));
    (settings::if_sound((actions, filter), &findings), findings)
}

struct Processor {
    actions: Actions,
    filter: Filter,
    next: Arc<dyn Consumer>,
}

impl Processor {
    fn edit(&self, batch: &mut Batch) {
        let mut attributes = Attributes::default();
        let run = self.actions.run(&mut attributes, &batch.client);
        let mut spans = Spans { processor: self, run, attributes, excluded: false };
        edit(batch, |splice| edit_spans(splice, &mut spans));
    }
}

impl Consumer for Processor {
    fn admit(&self, bytes: usize) -> Result<(), Refusal> {
        self.next.admit(bytes)
    }

    fn consume(&self, mut batch: Batch) -> BoxFuture<'_, Result<(), Refusal>> {
        self.edit(&mut batch);
        self.next.consume(batch)
    }
}

/// The walk over the spans of one batch.
struct Spans<'p> {
    processor: &'p Processor,
    run: Run<'p>,
    attributes: Attributes,
    /// `exclude` has matched resource and scope, so the span decides.
    excluded: bool,
}

impl EditSpans for Spans<'_> {
    fn resource(&mut self, resource: ResourceSpans<'_>) -> bool {
        let Filter { include, .. } = &self.processor.filter;
        include.as_ref().is_none_or(|include| include.resource(resource.resource()))
    }

    fn scope(&mut self, resource: ResourceSpans<'_>, scope: ScopeSpans<'_>) -> bool {
        let Filter { include, exclude } = &self.processor.filter;
        self.excluded = exclude
            .as_ref()
            .is_some_and(|exclude| exclude.resource(resource.resource()) && exclude.scope(scope.scope()));
        include.as_ref().is_none_or(|include| include.scope(scope.scope()))
    }

    #[inline]
    fn span(&mut self, splice: &mut Splice<'_>, span: Range<usize>) {
        let source = splice.source();
        let Processor { actions, filter, .. } = self.processor;
        let bytes = source.get(span.clone()).unwrap_or_default();
        if filter.include.as_ref().is_some_and(|include| !include.span(bytes))
            || (self.excluded && filter.exclude.as_ref().is_some_and(|exclude| exclude.span(bytes)))
        {
            return;
        }
        self.attributes.read(source, span, ATTRIBUTES, actions.wanted());
        self.run.apply(&mut self.attributes, source);
        self.attributes.write(splice);
    }
}

#[cfg(test)]
pub(crate) mod tests;
