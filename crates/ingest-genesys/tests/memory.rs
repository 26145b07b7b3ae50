//! What an open conversation costs. Alone in its process, as the allocator is counted.
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test may panic")]

#[path = "scenarios/play.rs"]
#[expect(dead_code, reason = "shared with the scenarios")]
mod play;

use allocation_counter::measure;
use ingest_genesys::Conversation;

const LIMIT: i64 = 20 << 10;

/// Live to its last event, with spans given out at each.
#[test]
fn an_open_conversation_takes_less_than_20_kib() {
    for name in
        ["answered", "hold-three-times", "consult-completed", "transferred-twice", "re-offered-three-times"]
    {
        let played = play::Played::new(name);
        let mut kept = None;
        let used = measure(|| {
            let mut conversation = Conversation::new(played.id().clone());
            for facts in played.live_events() {
                conversation.apply(facts);
                conversation.spans(played.over_ms(), played.settings());
            }
            kept = Some(conversation);
        });
        assert!((2 << 10..LIMIT).contains(&used.bytes_current), "{name}: {} bytes", used.bytes_current);
        assert!(kept.is_some());
    }
}
