//! A plan becomes running tasks: inlet, processors, fan-out, sending queues; and an account of every item.

pub mod account;
pub mod exchange;
pub mod inlet;
pub mod counted;
pub mod fan_out;
pub mod finished_only;
mod tail;
pub mod connecting;
pub mod sending;
pub mod health;
pub mod telemetry;
pub(crate) mod live;
mod parts;
mod draft;
mod restart;
pub mod running;
