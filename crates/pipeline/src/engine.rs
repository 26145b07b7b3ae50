//! A plan becomes running tasks.
