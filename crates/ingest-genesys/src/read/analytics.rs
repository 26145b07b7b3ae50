//! Analytics records: what the service remembers of a conversation, segment by segment.

mod shape;

use shape::{Page, Part, Participant, Record, Session};

use super::Reading;
use super::frame::parse;
use super::json::{Leaf, Object};
use super::problems::{Limits, Path, Problems};
use super::sink::{Sink, joined};
use crate::fact::{FlowEvent, Measure, Moment, Of, Says, Source};
use crate::settings::Settings;
use crate::words::{self, Segment, Word};

/// A record, or a page of them (`conversations` of a query, of a job, or of several ids).
pub fn records(bytes: &[u8], settings: &Settings, limits: &Limits, problems: &mut Problems) -> Vec<Reading> {
    let Some(mut page) = parse::<Page<'_>>(bytes, limits, problems) else { return Vec::new() };
    let root = Path::Root;
    if let Some(record) = page.own() {
        return read(&record, &root, settings, problems).into_iter().collect();
    }
    let items = Sink::new(Source::Analytics, settings, problems)
        .get_list(&root, "conversations", &page.conversations)
        .iter()
        .enumerate();
    items
        .filter_map(|(nth, record)| {
            let path = Path::Item(&root, "conversations", nth);
            match record {
                Object::Is(record) => read(record, &path, settings, problems),
                _ => {
                    problems.field(&root, "conversations", "a list of objects");
                    None
                }
            }
        })
        .collect()
}

fn read(
    record: &Record<'_>,
    path: &Path<'_>,
    settings: &Settings,
    problems: &mut Problems,
) -> Option<Reading> {
    let mut sink = Sink::new(Source::Analytics, settings, problems);
    let Some(id) = sink.get_id(path, "conversationId", &record.conversation_id) else {
        sink.problems.unreadable(format_args!("{path}.conversationId is missing"));
        return None;
    };
    let start = sink.get_iso(path, "conversationStart", &record.conversation_start);
    sink.at(Moment::Start, start);
    let end = sink.get_iso(path, "conversationEnd", &record.conversation_end);
    sink.at(Moment::End, end);
    let direction = sink.get_text(path, "originatingDirection", &record.originating_direction);
    sink.word(Says::Direction, direction);
    for (nth, one) in sink.get_list(path, "participants", &record.participants).iter().enumerate() {
        let Some(one) = sink.get_object(path, "participants", one) else { continue };
        participant(one, end, &Path::Item(path, "participants", nth), &mut sink);
    }
    Some(Reading { conversation: id, facts: sink.facts })
}

fn participant(one: &Participant<'_>, closed: Option<u64>, path: &Path<'_>, sink: &mut Sink<'_>) {
    let Some(id) = sink.get_id(path, "participantId", &one.participant_id) else { return };
    sink.of = Of { participant: Some(id), communication: None };
    let purpose = sink.get_text(path, "purpose", &one.purpose);
    sink.word(Says::Purpose, purpose);
    let agent = sink.get_text(path, "userId", &one.user_id);
    sink.text(Says::Agent, agent);
    let name = sink.get_text(path, "participantName", &one.participant_name);
    sink.text(Says::Name, name);
    sink.attributes(path, &one.attributes);
    for (nth, one) in sink.get_list(path, "sessions", &one.sessions).iter().enumerate() {
        let Some(one) = sink.get_object(path, "sessions", one) else { continue };
        session(one, closed, &Path::Item(path, "sessions", nth), sink);
        sink.of.communication = None;
    }
}

fn session(one: &Session<'_>, closed: Option<u64>, path: &Path<'_>, sink: &mut Sink<'_>) {
    let Some(id) = sink.get_id(path, "sessionId", &one.session_id) else { return };
    let mut last = None;
    for (nth, one) in sink.get_list(path, "segments", &one.segments).iter().enumerate() {
        let Some(one) = sink.get_object(path, "segments", one) else { continue };
        sink.of.communication = Some(id.clone());
        let (kind, end) = segment(one, &Path::Item(path, "segments", nth), sink);
        if kind != Segment::Wrapup {
            last = last.max(end);
        }
    }
    // A record of a conversation that has ended says all that will ever be said.
    if closed.is_some() {
        sink.of.communication = Some(id.clone());
        sink.at(Moment::End, last);
    }
    // Addresses and wrap-up belong to the participant.
    sink.of.communication = None;
    for (says, field, leaf) in [(Says::Ani, "ani", &one.ani), (Says::Dnis, "dnis", &one.dnis)] {
        let text = sink.get_text(path, field, leaf);
        sink.text(says, text);
    }
    let skipped = sink.get_bool(path, "acwSkipped", &one.acw_skipped);
    sink.word(Says::WrapupSkipped, (skipped == Some(true)).then_some("true"));
    sink.of.communication = Some(id);
    for (says, field, leaf) in [
        (Says::Media, "mediaType", &one.media_type),
        (Says::Direction, "direction", &one.direction),
        (Says::UsedRouting, "usedRouting", &one.used_routing),
        (Says::MessageType, "messageType", &one.message_type),
    ] {
        let word = sink.get_text(path, field, leaf);
        sink.word(says, word);
    }
    for (says, field, leaf) in [
        (Says::Provider, "provider", &one.provider),
        (Says::Peer, "peerId", &one.peer_id),
        (Says::SipCallId, "protocolCallId", &one.protocol_call_id),
        (Says::Campaign, "outboundCampaignId", &one.outbound_campaign_id),
    ] {
        let text = sink.get_text(path, field, leaf);
        sink.text(says, text);
    }
    flow(one, path, sink);
    metrics(one, path, sink);
}

/// Its kind and its end.
fn segment(one: &Part<'_>, path: &Path<'_>, sink: &mut Sink<'_>) -> (Segment, Option<u64>) {
    let start = sink.get_iso(path, "segmentStart", &one.segment_start);
    let end = sink.get_iso(path, "segmentEnd", &one.segment_end);
    let kind = sink.get_text(path, "segmentType", &one.segment_type).map_or(Segment::Interact, Segment::read);
    sink.segment(kind, start, end);
    let how = sink.get_text(path, "disconnectType", &one.disconnect_type);
    if kind != Segment::Wrapup && how.is_some() {
        sink.word(Says::Disconnect, how);
        sink.at(Moment::End, end);
    }
    let error = sink.get_text(path, "errorCode", &one.error_code);
    sink.text(Says::ErrorCode, error);
    let codes = joined(sink.get_list(path, "sipResponseCodes", &one.sip_response_codes));
    sink.text(Says::SipStatus, codes.as_deref());
    let source = sink.get_text(path, "sourceConversationId", &one.source_conversation_id);
    sink.text(Says::Conversation, source);
    let destination = sink.get_text(path, "destinationConversationId", &one.destination_conversation_id);
    sink.text(Says::Conversation, destination);
    sink.of.communication = None;
    let queue = sink.get_text(path, "queueId", &one.queue_id);
    sink.text(Says::Queue, queue);
    let code = sink.get_text(path, "wrapUpCode", &one.wrap_up_code);
    sink.text(Says::WrapupCode, code);
    let note = sink.get_text(path, "wrapUpNote", &one.wrap_up_note);
    sink.text(Says::Notes, note);
    let subject = sink.get_text(path, "subject", &one.subject);
    sink.text(Says::Subject, subject);
    (kind, end)
}

fn flow(one: &Session<'_>, path: &Path<'_>, sink: &mut Sink<'_>) {
    let Some(flow) = sink.get_object(path, "flow", &one.flow) else { return };
    let path = &Path::Field(path, "flow");
    for (says, field, leaf) in [
        (Says::FlowType, "flowType", &flow.flow_type),
        (Says::FlowExit, "exitReason", &flow.exit_reason),
        (Says::FlowTransfer, "transferType", &flow.transfer_type),
    ] {
        let word = sink.get_text(path, field, leaf);
        sink.word(says, word);
    }
    for (says, field, leaf) in [
        (Says::FlowId, "flowId", &flow.flow_id),
        (Says::FlowName, "flowName", &flow.flow_name),
        (Says::FlowVersion, "flowVersion", &flow.flow_version),
    ] {
        let text = sink.get_text(path, field, leaf);
        sink.text(says, text);
    }
    for (nth, outcome) in sink.get_list(path, "outcomes", &flow.outcomes).iter().enumerate() {
        let Some(outcome) = sink.get_object(path, "outcomes", outcome) else { continue };
        let path = &Path::Item(path, "outcomes", nth);
        let at = sink.get_iso(path, "flowOutcomeEndTimestamp", &outcome.flow_outcome_end_timestamp);
        let id = sink.get_text(path, "flowOutcomeId", &outcome.flow_outcome_id);
        if let (Some(at), Some(id)) = (at, id) {
            let value = sink.get_text(path, "flowOutcomeValue", &outcome.flow_outcome_value);
            let value = value.map(words::plain);
            sink.flow(FlowEvent { at, milestone: false, id: Word::text(id), value });
        }
    }
}

fn metrics(one: &Session<'_>, path: &Path<'_>, sink: &mut Sink<'_>) {
    for (nth, metric) in sink.get_list(path, "metrics", &one.metrics).iter().enumerate() {
        let Some(metric) = sink.get_object(path, "metrics", metric) else { continue };
        let path = &Path::Item(path, "metrics", nth);
        match sink.get_text(path, "name", &metric.name) {
            Some("nConsult") => {
                let at = sink.get_iso(path, "emitDate", &metric.emit_date);
                sink.at(Moment::Consult, at);
            }
            Some("tNotResponding") => {
                let value = sink.get_int(path, "value", &metric.value);
                sink.measured(Measure::NotResponding, value);
            }
            _ => {}
        }
    }
    let stats = sink.get_list(path, "mediaEndpointStats", &one.media_endpoint_stats);
    for (nth, stat) in stats.iter().enumerate() {
        let Some(stat) = sink.get_object(path, "mediaEndpointStats", stat) else { continue };
        let path = &Path::Item(path, "mediaEndpointStats", nth);
        let mos = sink.get_milli(path, "minMos", &stat.min_mos);
        sink.measured(Measure::MinMos, mos);
        let latency = sink.get_int(path, "maxLatencyMs", &stat.max_latency_ms);
        sink.measured(Measure::MaxLatencyMs, latency);
    }
}

impl<'a> Page<'a> {
    /// The page as a record, if it is one.
    fn own(&mut self) -> Option<Record<'a>> {
        if matches!(self.conversation_id, Leaf::Missing) {
            return None;
        }
        Some(Record {
            conversation_id: std::mem::take(&mut self.conversation_id),
            conversation_start: std::mem::take(&mut self.conversation_start),
            conversation_end: std::mem::take(&mut self.conversation_end),
            originating_direction: std::mem::take(&mut self.originating_direction),
            participants: std::mem::take(&mut self.participants),
        })
    }
}
