//! The description of the API, made from the code. `docs/openapi.json` is a copy of it.

use std::sync::OnceLock;

use utoipa::OpenApi;

use crate::{about, alerts, analysis, api, attributes, audit, auth, links, sql, status};

#[derive(OpenApi)]
#[openapi(
    info(
        title = "Throughline",
        description = "Where the time of a customer interaction goes. All times are in UTC; 64-bit numbers are strings.",
        license(name = "MIT OR Apache-2.0", identifier = "MIT OR Apache-2.0"),
    ),
    paths(api::interactions, api::interaction, api::trace, api::span, api::hops, sql::asked, sql::posted)
)]
struct Document;

/// The OpenAPI 3.1 document, as it is served at `/api/openapi.json`.
pub fn document() -> &'static str {
    static TEXT: OnceLock<String> = OnceLock::new();
    TEXT.get_or_init(|| {
        let mut text = Document::openapi()
            .merge_from(analysis::Description::openapi())
            .merge_from(attributes::Description::openapi())
            .merge_from(alerts::Description::openapi())
            .merge_from(status::Description::openapi())
            .merge_from(links::Description::openapi())
            .merge_from(auth::routes::Description::openapi())
            .merge_from(about::Description::openapi())
            .merge_from(audit::Description::openapi())
            .to_pretty_json()
            .unwrap_or_default();
        text.push('\n');
        text
    })
}

#[cfg(test)]
mod tests {
    use expect_test::expect_file;

    #[test]
    fn the_copy_in_the_documentation_is_current() {
        expect_file!["../../../docs/openapi.json"].assert_eq(super::document());
    }
}
