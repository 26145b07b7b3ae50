//! The fields that are read of a conversation.

use serde::Deserialize;

use crate::read::json::{Leaf, List, Object, Pairs};
use crate::read::problems::{COMMUNICATIONS, PARTICIPANTS, SEGMENTS, SMALL};

#[derive(Deserialize, Default)]
#[serde(default, rename_all = "camelCase")]
pub(super) struct Conversation<'a> {
    #[serde(borrow)]
    pub(super) id: Leaf<'a>,
    pub(super) start_time: Leaf<'a>,
    pub(super) end_time: Leaf<'a>,
    pub(super) participants: List<Object<Participant<'a>>, PARTICIPANTS>,
}

pub(super) type Communications<'a> = List<Object<Communication<'a>>, COMMUNICATIONS>;

#[derive(Deserialize, Default)]
#[serde(default, rename_all = "camelCase")]
pub(super) struct Participant<'a> {
    #[serde(borrow)]
    pub(super) id: Leaf<'a>,
    pub(super) purpose: Leaf<'a>,
    pub(super) start_time: Leaf<'a>,
    pub(super) connected_time: Leaf<'a>,
    pub(super) end_time: Leaf<'a>,
    pub(super) user_id: Leaf<'a>,
    pub(super) queue_id: Leaf<'a>,
    pub(super) queue_name: Leaf<'a>,
    pub(super) consult_participant_id: Leaf<'a>,
    pub(super) monitored_participant_id: Leaf<'a>,
    pub(super) coached_participant_id: Leaf<'a>,
    pub(super) ani: Leaf<'a>,
    pub(super) dnis: Leaf<'a>,
    pub(super) name: Leaf<'a>,
    pub(super) start_acw_time: Leaf<'a>,
    pub(super) end_acw_time: Leaf<'a>,
    pub(super) alerting_timeout_ms: Leaf<'a>,
    pub(super) wrapup_skipped: Leaf<'a>,
    pub(super) wrapup: Object<Wrapup<'a>>,
    pub(super) attributes: Pairs<'a, 1024>,
    pub(super) calls: Communications<'a>,
    pub(super) callbacks: Communications<'a>,
    pub(super) chats: Communications<'a>,
    pub(super) messages: Communications<'a>,
    pub(super) emails: Communications<'a>,
    pub(super) internal_messages: Communications<'a>,
    pub(super) videos: Communications<'a>,
    pub(super) cobrowsesessions: Communications<'a>,
    pub(super) screenshares: Communications<'a>,
}

#[derive(Deserialize, Default)]
#[serde(default, rename_all = "camelCase")]
pub(super) struct Communication<'a> {
    #[serde(borrow)]
    pub(super) id: Leaf<'a>,
    pub(super) state: Leaf<'a>,
    pub(super) initial_state: Leaf<'a>,
    pub(super) direction: Leaf<'a>,
    pub(super) held: Leaf<'a>,
    pub(super) start_hold_time: Leaf<'a>,
    pub(super) park_time: Leaf<'a>,
    pub(super) start_alerting_time: Leaf<'a>,
    pub(super) connected_time: Leaf<'a>,
    pub(super) disconnected_time: Leaf<'a>,
    pub(super) disconnect_type: Leaf<'a>,
    pub(super) provider: Leaf<'a>,
    pub(super) peer_id: Leaf<'a>,
    pub(super) segments: List<Object<Part<'a>>, SEGMENTS>,
    pub(super) disconnect_reasons: List<Object<Reason<'a>>, SMALL>,
    pub(super) error_info: Object<ErrorInfo<'a>>,
    pub(super) after_call_work: Object<AfterCallWork<'a>>,
}

#[derive(Deserialize, Default)]
#[serde(default, rename_all = "camelCase")]
pub(super) struct Part<'a> {
    #[serde(borrow)]
    pub(super) start_time: Leaf<'a>,
    pub(super) end_time: Leaf<'a>,
    #[serde(rename = "type")]
    pub(super) kind: Leaf<'a>,
}

#[derive(Deserialize, Default)]
#[serde(default)]
pub(super) struct Reason<'a> {
    #[serde(borrow, rename = "type")]
    pub(super) kind: Leaf<'a>,
    pub(super) code: Leaf<'a>,
}

#[derive(Deserialize, Default)]
#[serde(default)]
pub(super) struct ErrorInfo<'a> {
    #[serde(borrow)]
    pub(super) code: Leaf<'a>,
}

#[derive(Deserialize, Default)]
#[serde(default, rename_all = "camelCase")]
pub(super) struct AfterCallWork<'a> {
    #[serde(borrow)]
    pub(super) state: Leaf<'a>,
    pub(super) start_time: Leaf<'a>,
    pub(super) end_time: Leaf<'a>,
}

#[derive(Deserialize, Default)]
#[serde(default)]
pub(super) struct Wrapup<'a> {
    #[serde(borrow)]
    pub(super) code: Leaf<'a>,
    pub(super) notes: Leaf<'a>,
}
