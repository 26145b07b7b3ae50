//! The page, as files in the binary.
//!
//! In:       `web/dist` at compile time.
//! Out:      `file(path)` and `page()`: bytes with their content type, entity tag and life time.
//! Core:     the embedded folder, and a placeholder when the page was not built.
//! Must not: speak HTTP, read a disk at run time, depend on another crate of this workspace.

use std::borrow::Cow;

use rust_embed::{EmbeddedFile, RustEmbed};

#[derive(RustEmbed)]
#[folder = "../../web/dist"]
#[allow_missing = true]
struct Dist;

const INDEX: &str = "index.html";
const PLACEHOLDER: &[u8] = include_bytes!("placeholder.html");

/// One file as it is to be served.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct File {
    pub bytes: Cow<'static, [u8]>,
    pub content_type: &'static str,
    /// Strong, quoted: ready for `ETag` and for comparison with `If-None-Match`.
    pub etag: String,
    /// The name holds a hash of the content, so a browser may keep it for ever; all else is asked for again.
    pub immutable: bool,
}

/// The file at a request path such as `/assets/index-1a2b3c.js`. `None` means: not a file of the page.
#[must_use]
pub fn file(path: &str) -> Option<File> {
    let name = path.strip_prefix('/').unwrap_or(path);
    let hidden = name.split('/').any(|part| part.starts_with('.'));
    if name.is_empty() || hidden { None } else { Dist::get(name).map(|found| served(name, found)) }
}

/// The document that every address of the page begins with.
#[must_use]
pub fn page() -> File {
    file(INDEX).unwrap_or_else(placeholder)
}

/// Whether the page was built before this binary was.
#[must_use]
pub fn is_built() -> bool {
    Dist::get(INDEX).is_some()
}

fn served(name: &str, found: EmbeddedFile) -> File {
    let hash = found.metadata.sha256_hash();
    let digits: String = hash.iter().take(16).map(|byte| format!("{byte:02x}")).collect();
    File {
        bytes: found.data,
        content_type: content_type(name),
        etag: format!("\"{digits}\""),
        immutable: name.starts_with("assets/"),
    }
}

fn placeholder() -> File {
    File {
        bytes: Cow::Borrowed(PLACEHOLDER),
        content_type: content_type(INDEX),
        etag: "\"placeholder\"".to_owned(),
        immutable: false,
    }
}

/// What the build emits, and nothing more: an unknown kind is never guessed.
fn content_type(name: &str) -> &'static str {
    match name.rsplit_once('.').map(|(_, ending)| ending) {
        Some("html") => "text/html; charset=utf-8",
        Some("js") => "text/javascript; charset=utf-8",
        Some("css") => "text/css; charset=utf-8",
        Some("svg") => "image/svg+xml",
        Some("json" | "map") => "application/json",
        Some("woff2") => "font/woff2",
        _ => "application/octet-stream",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_page_is_html_whether_or_not_it_was_built() {
        let page = page();
        assert_eq!(page.content_type, "text/html; charset=utf-8");
        assert!(!page.immutable, "a new release must reach the browser");
        assert!(String::from_utf8_lossy(&page.bytes).contains("Throughline"));
        assert_eq!(page.etag == placeholder().etag, !is_built());
    }

    #[test]
    fn the_placeholder_says_how_to_build_the_page_and_keeps_to_its_policy() {
        let text = String::from_utf8_lossy(PLACEHOLDER);
        assert!(text.contains("make ui"));
        for forbidden in ["<script", "<style", "style=", "http://", "https://"] {
            assert!(!text.contains(forbidden), "`default-src 'self'` forbids {forbidden}");
        }
    }

    #[test]
    fn only_files_of_the_page_are_found() {
        for path in [
            "",
            "/",
            "/api/v1/interactions",
            "../Cargo.toml",
            "/../Cargo.toml",
            "/.gitkeep",
            "/assets/../.gitkeep",
        ] {
            assert_eq!(file(path), None, "{path}");
        }
    }

    #[test]
    fn what_the_page_names_is_embedded_with_a_type_and_a_tag() {
        for name in Dist::iter().filter(|name| !name.starts_with('.')) {
            let found = file(&name).expect("every embedded file is served");
            assert_ne!(found.content_type, "application/octet-stream", "{name}");
            assert_eq!(found.etag.len(), 34, "{name}");
            assert_eq!(found.immutable, name.starts_with("assets/"), "{name}");
        }
    }

    #[test]
    fn content_types() {
        for (name, wanted) in [
            ("index.html", "text/html; charset=utf-8"),
            ("assets/index-1a2b.js", "text/javascript; charset=utf-8"),
            ("assets/index-1a2b.css", "text/css; charset=utf-8"),
            ("favicon.svg", "image/svg+xml"),
            ("no-ending", "application/octet-stream"),
            ("odd.exe", "application/octet-stream"),
        ] {
            assert_eq!(content_type(name), wanted, "{name}");
        }
    }
}
