//! The page's files. All addresses that are neither a file nor the API show the page, which reads the address itself.

use std::borrow::Cow;
use std::sync::Arc;

use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};

use crate::error::ApiError;

/// Where the files come from; offered through [`Ctx`](flow::Ctx) by the binary that embeds them.
#[derive(Clone, Copy, Debug)]
pub struct Page {
    /// The file at a path such as `/assets/index-1a2b3c.js`.
    pub file: fn(&str) -> Option<File>,
    /// The document that every address of the page begins with.
    pub index: fn() -> File,
}

#[derive(Clone, PartialEq, Eq, Debug)]
pub struct File {
    pub bytes: Cow<'static, [u8]>,
    pub content_type: &'static str,
    /// With its quotes.
    pub etag: String,
    /// The name changes with the content.
    pub immutable: bool,
}

/// Answers for everything that is not the API.
pub(crate) async fn serve(State(page): State<Option<Arc<Page>>>, request: Request) -> Response {
    let path = request.uri().path();
    let Some(page) = page else {
        let help = "the API is under /api/v1 and described at /api/openapi.json";
        return ApiError::not_found("this binary was built without the page", help).into_response();
    };
    match (page.file)(path) {
        Some(file) => respond(file, request.headers()),
        None if path.starts_with("/assets/") => {
            let help = "reload the page: a newer release has other files";
            ApiError::not_found("there is no such file", help).into_response()
        }
        None => respond((page.index)(), request.headers()),
    }
}

fn respond(file: File, asked: &HeaderMap) -> Response {
    let etag = HeaderValue::from_str(&file.etag).unwrap_or(HeaderValue::from_static("\"\""));
    let known = asked.get_all(header::IF_NONE_MATCH).iter().filter_map(|value| value.to_str().ok());
    let mut tags = known.flat_map(|value| value.split(',')).map(|tag| tag.trim().trim_start_matches("W/"));
    let unchanged = tags.any(|tag| tag == "*" || tag == file.etag);
    let life = if file.immutable { "public, max-age=31536000, immutable" } else { "no-cache" };
    let headers = [
        (header::ETAG, etag),
        (header::CACHE_CONTROL, HeaderValue::from_static(life)),
        (header::CONTENT_TYPE, HeaderValue::from_static(file.content_type)),
    ];
    if unchanged {
        return (StatusCode::NOT_MODIFIED, headers).into_response();
    }
    let body = match file.bytes {
        Cow::Borrowed(bytes) => axum::body::Bytes::from_static(bytes),
        Cow::Owned(bytes) => bytes.into(),
    };
    (headers, body).into_response()
}
