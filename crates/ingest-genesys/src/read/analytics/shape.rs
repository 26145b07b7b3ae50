//! The fields that are read of a record.

use serde::Deserialize;

use crate::read::json::{Leaf, List, Object, Pairs};
use crate::read::problems::{COMMUNICATIONS, CONVERSATIONS, PARTICIPANTS, SEGMENTS, SMALL};

#[derive(Deserialize, Default)]
#[serde(default, rename_all = "camelCase")]
pub(super) struct Page<'a> {
    #[serde(borrow)]
    pub(super) conversations: List<Object<Record<'a>>, CONVERSATIONS>,
    pub(super) conversation_id: Leaf<'a>,
    pub(super) conversation_start: Leaf<'a>,
    pub(super) conversation_end: Leaf<'a>,
    pub(super) originating_direction: Leaf<'a>,
    pub(super) participants: List<Object<Participant<'a>>, PARTICIPANTS>,
}

#[derive(Deserialize, Default)]
#[serde(default, rename_all = "camelCase")]
pub(super) struct Record<'a> {
    #[serde(borrow)]
    pub(super) conversation_id: Leaf<'a>,
    pub(super) conversation_start: Leaf<'a>,
    pub(super) conversation_end: Leaf<'a>,
    pub(super) originating_direction: Leaf<'a>,
    pub(super) participants: List<Object<Participant<'a>>, PARTICIPANTS>,
}

#[derive(Deserialize, Default)]
#[serde(default, rename_all = "camelCase")]
pub(super) struct Participant<'a> {
    #[serde(borrow)]
    pub(super) participant_id: Leaf<'a>,
    pub(super) participant_name: Leaf<'a>,
    pub(super) purpose: Leaf<'a>,
    pub(super) user_id: Leaf<'a>,
    pub(super) attributes: Pairs<'a, 1024>,
    pub(super) sessions: List<Object<Session<'a>>, COMMUNICATIONS>,
}

#[derive(Deserialize, Default)]
#[serde(default, rename_all = "camelCase")]
pub(super) struct Session<'a> {
    #[serde(borrow)]
    pub(super) session_id: Leaf<'a>,
    pub(super) media_type: Leaf<'a>,
    pub(super) direction: Leaf<'a>,
    pub(super) ani: Leaf<'a>,
    pub(super) dnis: Leaf<'a>,
    pub(super) provider: Leaf<'a>,
    pub(super) peer_id: Leaf<'a>,
    pub(super) protocol_call_id: Leaf<'a>,
    pub(super) used_routing: Leaf<'a>,
    pub(super) message_type: Leaf<'a>,
    pub(super) outbound_campaign_id: Leaf<'a>,
    pub(super) acw_skipped: Leaf<'a>,
    pub(super) flow: Object<Flow<'a>>,
    pub(super) media_endpoint_stats: List<Object<Stat<'a>>, SMALL>,
    pub(super) metrics: List<Object<Metric<'a>>, SEGMENTS>,
    pub(super) segments: List<Object<Part<'a>>, SEGMENTS>,
}

#[derive(Deserialize, Default)]
#[serde(default, rename_all = "camelCase")]
pub(super) struct Part<'a> {
    #[serde(borrow)]
    pub(super) segment_start: Leaf<'a>,
    pub(super) segment_end: Leaf<'a>,
    pub(super) segment_type: Leaf<'a>,
    pub(super) queue_id: Leaf<'a>,
    pub(super) disconnect_type: Leaf<'a>,
    pub(super) error_code: Leaf<'a>,
    pub(super) sip_response_codes: List<Leaf<'a>, SMALL>,
    pub(super) wrap_up_code: Leaf<'a>,
    pub(super) wrap_up_note: Leaf<'a>,
    pub(super) subject: Leaf<'a>,
    pub(super) source_conversation_id: Leaf<'a>,
    pub(super) destination_conversation_id: Leaf<'a>,
}

#[derive(Deserialize, Default)]
#[serde(default, rename_all = "camelCase")]
pub(super) struct Flow<'a> {
    #[serde(borrow)]
    pub(super) flow_id: Leaf<'a>,
    pub(super) flow_name: Leaf<'a>,
    pub(super) flow_type: Leaf<'a>,
    pub(super) flow_version: Leaf<'a>,
    pub(super) exit_reason: Leaf<'a>,
    pub(super) transfer_type: Leaf<'a>,
    pub(super) outcomes: List<Object<Outcome<'a>>, SMALL>,
}

#[derive(Deserialize, Default)]
#[serde(default, rename_all = "camelCase")]
pub(super) struct Outcome<'a> {
    #[serde(borrow)]
    pub(super) flow_outcome_id: Leaf<'a>,
    pub(super) flow_outcome_value: Leaf<'a>,
    pub(super) flow_outcome_end_timestamp: Leaf<'a>,
}

#[derive(Deserialize, Default)]
#[serde(default, rename_all = "camelCase")]
pub(super) struct Metric<'a> {
    #[serde(borrow)]
    pub(super) name: Leaf<'a>,
    pub(super) value: Leaf<'a>,
    pub(super) emit_date: Leaf<'a>,
}

#[derive(Deserialize, Default)]
#[serde(default, rename_all = "camelCase")]
pub(super) struct Stat<'a> {
    #[serde(borrow)]
    pub(super) min_mos: Leaf<'a>,
    pub(super) max_latency_ms: Leaf<'a>,
}
