//! Through: what changes, delays or limits batches.
