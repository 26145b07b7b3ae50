//! The journal: what was accepted is on disk before the client hears so.

mod disk;
mod record;
mod segment;
mod room;
mod log;
