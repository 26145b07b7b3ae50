//! A binary without the feature `heap-profile`.

/// There is none.
pub(super) async fn profile() -> Option<Result<Vec<u8>, String>> {
    None
}
