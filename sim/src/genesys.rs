//! Genesys Cloud as its clients see it: scripted conversations, what the service publishes about them, and the service.

pub mod scenario;
pub mod time;
mod ids;
pub mod record;
pub mod service;
pub mod serve;
