//! A plan becomes running tasks: inlet, processors, fan-out, sending queues; and an account of every item.

pub mod account;
pub mod inlet;
pub mod counted;
pub mod fan_out;
pub mod finished_only;
pub mod connecting;
pub mod sending;
pub mod health;
pub mod telemetry;
pub mod running;
