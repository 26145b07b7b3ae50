//! The span of the whole conversation.

use throughline_context::{TraceId, Traceparent};

use super::carried::Carried;
use super::{Context, Writer, outcome};
use crate::fact::{Says, What};
use crate::facts::says;
use crate::id::Id;
use crate::span::{Kind, Link, Span, Value};

/// Other conversations that a conversation is linked to, and spans that asked for its events.
const LINKED: usize = 16;

impl Writer<'_> {
    /// What participant data carry may have come too late to be the parent.
    pub(super) fn root(&self, carried: &Carried) -> Span {
        let timeline = self.timeline;
        let root = self.conversation.root();
        let mut span = self.span(root, root, timeline.start, timeline.end);
        span.parent = self.context.parent;
        span.remote_parent = span.parent.is_some();
        let (channel, direction) = (timeline.channel, timeline.direction);
        span.name = match channel {
            Some(channel) => format!("{} conversation", &**channel).into(),
            None => "conversation".into(),
        };
        // The kind is part of what makes two spans the same: it must not depend on what is learned later.
        span.kind = Kind::Server;
        span.text("interaction.channel", channel);
        span.text("interaction.direction", direction);
        if timeline.end.is_some()
            && let Some(outcome) = outcome::of(timeline)
        {
            span.word("interaction.outcome", outcome);
        }
        let campaign = says(timeline.facts, Says::Campaign);
        let campaign = campaign.or_else(|| timeline.legs.iter().find_map(|leg| leg.says(Says::Campaign)));
        span.text("genesys_cloud.campaign.id", campaign);
        if let Some(customer) = timeline.customer() {
            span.text("genesys_cloud.ani", customer.says(Says::Ani));
            span.text("genesys_cloud.dnis", customer.says(Says::Dnis));
            span.text("genesys_cloud.subject", customer.says(Says::Subject));
        }
        self.attributes(&mut span);
        self.decision(carried, &mut span);
        self.links(carried, &mut span);
        span
    }

    /// Participant attributes: of one name the value of the leg that began first.
    fn attributes(&self, span: &mut Span) {
        for name in &self.settings.attributes {
            let of_leg = self.timeline.legs.iter().flat_map(|leg| leg.facts());
            let mut values = of_leg.filter_map(|(what, _)| match what {
                What::Attribute(pair) if *pair.0 == **name => Some(&pair.1),
                _ => None,
            });
            if let Some(value) = values.next() {
                let key = format!("genesys_cloud.attribute.{name}");
                span.attributes.push((key.into(), Value::Text(value.clone())));
            }
        }
    }

    /// How the trace came: nothing where nothing was carried, or came too late.
    fn decision(&self, carried: &Carried, span: &mut Span) {
        let restarted = carried.believed.is_none() && !carried.claimed.is_empty();
        let decision = match carried.believed {
            Some(believed) if believed == self.context => Some("continue"),
            _ => restarted.then_some("restart"),
        };
        if let Some(decision) = decision {
            span.word("throughline.context.decision", decision);
            span.word("throughline.context.source", "participant-data");
        }
        if restarted {
            span.word("throughline.context.reason", "the participant is not trusted");
        }
    }

    fn links(&self, carried: &Carried, span: &mut Span) {
        let said = carried.believed.iter().chain(&carried.claimed);
        for Context { trace, parent } in said.filter(|said| **said != self.context) {
            let link = |span_id| Link { trace_id: *trace, span_id, kind: "participant_data" };
            span.links.extend(parent.map(link));
        }
        let asked = self.timeline.facts.iter().filter_map(|(what, _)| match what {
            What::Says(Says::Origin, text) => text.parse::<Traceparent>().ok(),
            _ => None,
        });
        let link = |asked: Traceparent| Link {
            trace_id: asked.trace_id,
            span_id: asked.parent_id,
            kind: "subscription",
        };
        span.links.extend(asked.take(LINKED).map(link));
        let said = self.timeline.legs.iter().flat_map(|leg| leg.facts());
        let mut others: Vec<TraceId> = said
            .filter_map(|(what, _)| match what {
                What::Says(Says::Conversation, id) => Id::new(id),
                _ => None,
            })
            .filter(|other| other != self.conversation)
            .map(|other| other.trace())
            .collect();
        others.sort_unstable();
        others.dedup();
        let link =
            |trace: TraceId| Link { trace_id: trace, span_id: trace.root_span(), kind: "conversation" };
        span.links.extend(others.into_iter().take(LINKED).map(link));
    }
}
