//! In: Genesys Cloud conversations, live and past, as spans.
//!
//! In:       the Platform API (OAuth, REST, notifications), EventBridge.
//! Out:      batches of spans; open ones to stores only.
//! Core:     `platform` asks, at the pace that the service allows.
//! Must not: know the simulator, the pipeline or the store.

pub mod platform;
pub mod notify;
