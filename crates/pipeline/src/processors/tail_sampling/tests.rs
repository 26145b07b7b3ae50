//! Promises of the policies and of a shard, without a clock; those of the whole processor stand in `lane`.

mod spans;
mod policies;
mod limits;
mod shard;
mod interactions;
mod ingest;
mod marks;
mod anything;
mod settings;
mod processor;
mod journal;
