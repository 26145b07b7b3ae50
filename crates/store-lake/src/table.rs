//! Rows as Parquet and back. The columns are a stable surface: other engines read these files.

mod schema;
mod promoted;
mod encode;
mod decode;
mod ids;
mod stats;
mod told;
mod pages;
mod layout;

pub(crate) use decode::{Portion, Resources, Wrong, column, decode, portions, rows_of_span, short_ids};
pub(crate) use encode::{Ordered, encode};
pub(crate) use layout::{ABOUT, Encoded, Layout, Writing, read, to_parquet};
pub(crate) use pages::all_rows;
pub(crate) use promoted::{OWN, Promoted, RESOURCE};
pub(crate) use schema::{entries, entry, promoting, spans as span_columns};

#[cfg(test)]
mod tests;
