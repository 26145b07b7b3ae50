//! Rows as Parquet and back. The columns are a stable surface: other engines read these files.

mod schema;
mod encode;
mod decode;
mod layout;

pub(crate) use decode::{Resources, Wrong, column, decode, short_ids};
pub(crate) use encode::{Ordered, encode};
pub(crate) use layout::{ABOUT, Layout, read, to_parquet};
pub(crate) use schema::spans as span_columns;

#[cfg(test)]
mod tests;
