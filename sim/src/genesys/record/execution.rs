//! What a flow did, step by step: `v2.flows.instances.flow.{id}`, once when the flow has ended.

use serde_json::{Value, json};

use super::json::pruned;
use super::org;
use super::story::{Participant, Story};
use crate::genesys::ids::named;
use crate::genesys::time::iso;

pub(super) fn body(story: &Story, one: &Participant) -> Option<Value> {
    let flow = one.flow.as_ref()?;
    let mut items: Vec<(u64, &str, String)> = Vec::new();
    items.extend(
        flow.milestones.iter().map(|(name, at)| (*at, "FlowMilestoneAction", named("milestone", name))),
    );
    items.extend(
        flow.actions.iter().map(|action| (action.at, "DataAction", named("data action", &action.name))),
    );
    items.sort();
    let item = |(number, (at, kind, id)): (usize, (u64, &str, String))| json!({"objectType": kind, "objectId": id, "executionId": number.to_string(), "startDateTime": iso(at)});
    Some(pruned(json!({
        "executionId": named("execution", &one.id),
        "conversationId": story.id,
        "divisionId": org::division_id(),
        "flowId": org::flow_id(&flow.name),
        "flowType": story.media.flow_type(story.direction),
        "flowVersion": org::FLOW_VERSION,
        "startDateTime": iso(one.begins),
        "endDateTime": one.ended(u64::MAX).map(iso),
        "flowExitReason": flow.exit.map(|exit| exit.reason()),
        "execution": items.into_iter().enumerate().map(item).collect::<Vec<_>>(),
    })))
}
