//! The contexts in participant data, and which of them is believed.

use throughline_context::Traceparent;

use super::Context;
use crate::fact::Says;
use crate::settings::Trust;
use crate::timeline::{Leg, Role, Timeline};

/// Contexts that are kept besides the one that is believed.
const CLAIMED: usize = 4;

#[derive(Clone, PartialEq, Eq, Default, Debug)]
pub(super) struct Carried {
    /// What the conversation continues.
    pub(super) believed: Option<Context>,
    /// What others than those who are believed said: good for a link.
    pub(super) claimed: Vec<Context>,
}

/// The customer's goes before others', and then the order of the legs decides.
pub(super) fn of(timeline: &Timeline<'_>, trust: &Trust) -> Carried {
    let channel = timeline.channel.map(|channel| &**channel);
    let mut legs: Vec<&Leg<'_>> = timeline.legs.iter().collect();
    legs.sort_by_key(|leg| leg.role != Role::Customer);
    let mut carried = Carried::default();
    for leg in legs {
        let Some(parent) =
            leg.said(Says::Traceparent).and_then(|text| text.trim().parse::<Traceparent>().ok())
        else {
            continue;
        };
        let context = Context { trace: parent.trace_id, parent: Some(parent.parent_id) };
        if trust.believes(channel, leg.said(Says::Purpose)) {
            carried.believed.get_or_insert(context);
        } else if carried.claimed.len() < CLAIMED && !carried.claimed.contains(&context) {
            carried.claimed.push(context);
        }
    }
    carried
}
