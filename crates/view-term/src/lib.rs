//! The page's pictures as text, for a terminal.
//!
//! In:       answers of the query API, as `docs/openapi.json` has them.
//! Out:      lines of text with styles, and what a terminal is told for them.
//! Core:     `call` (one interaction: lanes and waterfall on the page's compressed axis), `top` (live stages); pure, time and
//!           width are arguments, total on any answer.
//! Must not: ask anybody, know a terminal, let text from outside steer one.

pub mod answer;
pub mod text;
pub mod time;
pub mod stage;
pub mod paint;
pub mod call;
pub mod top;
#[cfg(test)]
mod testing;
