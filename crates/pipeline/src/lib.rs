//! Through: a collector configuration becomes running pipelines.
//!
//! In:       YAML, a registry of factories.
//! Out:      receivers that feed processors that feed exporters; own telemetry.
//! Core:     `plan` (YAML to checked plan), `engine` (plan to tasks), `ottl` (conditions, statements), the components.
//! Must not: know the store, the page, or what a conversation is.

pub mod plan;
pub mod auth;
pub mod transit;
pub mod engine;
pub mod net;
pub mod journal;
pub mod receivers;
mod calendar;
mod fnv;
pub mod ottl;
pub mod processors;
pub mod connectors;
pub mod exporters;
pub mod extensions;

#[cfg(test)]
mod shipped;
