//! Spans by OTLP over HTTP.

mod regroup;
mod client;

pub(crate) use client::Client;
