//! Beside: what runs next to the pipelines.
