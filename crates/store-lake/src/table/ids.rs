//! Columns of span ids: bytes of any length since format 2, of a fixed one before.

use arrow::array::{Array, ArrayRef, BinaryArray, FixedSizeBinaryArray, RecordBatch};
use throughline_context::SpanId;

use super::Wrong;

#[derive(Clone, Copy)]
pub(super) enum Ids<'a> {
    Free(&'a BinaryArray),
    Fixed(&'a FixedSizeBinaryArray),
}

impl<'a> Ids<'a> {
    pub(super) fn of(batch: &'a RecordBatch, name: &str) -> Result<Self, Wrong> {
        Self::typed(batch.column_by_name(name), name)
    }

    pub(super) fn typed(column: Option<&'a ArrayRef>, name: &str) -> Result<Self, Wrong> {
        let column = column.ok_or_else(|| format!("it has no column `{name}`"))?.as_any();
        let free = column.downcast_ref().map(Self::Free);
        let fixed = || column.downcast_ref().map(Self::Fixed);
        free.or_else(fixed).ok_or_else(|| format!("`{name}` has another type"))
    }

    pub(super) fn is_null(self, at: usize) -> bool {
        match self {
            Self::Free(ids) => ids.is_null(at),
            Self::Fixed(ids) => ids.is_null(at),
        }
    }

    pub(super) fn at(self, at: usize) -> Result<SpanId, Wrong> {
        let bytes = match self {
            Self::Free(ids) => ids.value(at),
            Self::Fixed(ids) => ids.value(at),
        };
        bytes.try_into().map(SpanId).map_err(|_| "a span id has 8 bytes".to_owned())
    }
}
