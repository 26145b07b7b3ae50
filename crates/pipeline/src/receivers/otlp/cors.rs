//! Cross-origin requests from browsers (Fetch standard, "CORS protocol").

use http::header::{
    ACCESS_CONTROL_ALLOW_CREDENTIALS, ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS,
    ACCESS_CONTROL_ALLOW_ORIGIN, ACCESS_CONTROL_EXPOSE_HEADERS, ACCESS_CONTROL_MAX_AGE,
    ACCESS_CONTROL_REQUEST_HEADERS, CONTENT_TYPE, ORIGIN, VARY,
};
use http::{HeaderMap, HeaderValue};

use crate::net::serve::Cors;

/// Adds to an answer what lets the browser's page read it; nothing for an origin that is not allowed.
pub(super) fn allow(cors: &Cors, request: &HeaderMap, answer: &mut HeaderMap) -> bool {
    answer.append(VARY, HeaderValue::from_static("Origin"));
    let Some(origin) = request.get(ORIGIN).filter(|origin| allowed(cors, origin)) else { return false };
    let all = cors.allowed_origins.iter().any(|pattern| pattern == "*");
    let origin = if all { HeaderValue::from_static("*") } else { origin.clone() };
    answer.insert(ACCESS_CONTROL_ALLOW_ORIGIN, origin);
    answer.insert(ACCESS_CONTROL_ALLOW_CREDENTIALS, HeaderValue::from_static("true"));
    if let (false, Ok(list)) = (cors.exposed_headers.is_empty(), cors.exposed_headers.join(", ").parse()) {
        answer.insert(ACCESS_CONTROL_EXPOSE_HEADERS, list);
    }
    true
}

/// Adds what only a preflight's answer has.
pub(super) fn preflight(cors: &Cors, request: &HeaderMap, answer: &mut HeaderMap) {
    answer.insert(ACCESS_CONTROL_ALLOW_METHODS, HeaderValue::from_static("POST"));
    let asked =
        request.get(ACCESS_CONTROL_REQUEST_HEADERS).and_then(|list| list.to_str().ok()).unwrap_or_default();
    let fits = asked
        .split(',')
        .map(str::trim)
        .filter(|name| !name.is_empty())
        .all(|name| header_allowed(cors, name));
    if let (true, false, Ok(list)) = (fits, asked.is_empty(), asked.parse()) {
        answer.insert(ACCESS_CONTROL_ALLOW_HEADERS, list);
    }
    if cors.max_age > 0 {
        answer.insert(ACCESS_CONTROL_MAX_AGE, HeaderValue::from(cors.max_age));
    }
}

fn allowed(cors: &Cors, origin: &HeaderValue) -> bool {
    let Ok(origin) = origin.to_str() else { return false };
    cors.allowed_origins.iter().any(|pattern| fits(&pattern.to_lowercase(), &origin.to_lowercase()))
}

/// One `*` stands for any text.
fn fits(pattern: &str, origin: &str) -> bool {
    match pattern.split_once('*') {
        None => pattern == origin,
        Some((start, end)) => {
            origin.len() >= start.len() + end.len() && origin.starts_with(start) && origin.ends_with(end)
        }
    }
}

/// Besides what is listed, what every OTLP request has to send.
fn header_allowed(cors: &Cors, name: &str) -> bool {
    let listed = |header: &String| header == "*" || header.eq_ignore_ascii_case(name);
    name.eq_ignore_ascii_case(CONTENT_TYPE.as_str())
        || name.eq_ignore_ascii_case("x-requested-with")
        || cors.allowed_headers.iter().any(listed)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn origins_may_have_one_wildcard() {
        for (pattern, origin, expected) in [
            ("https://app.example.com", "https://app.example.com", true),
            ("https://app.example.com", "https://app.example.com.evil.org", false),
            ("https://*.example.com", "https://a.example.com", true),
            ("https://*.example.com", "https://example.com", false),
            ("*", "null", true),
            ("ab*ba", "aba", false),
        ] {
            assert_eq!(fits(pattern, origin), expected, "{pattern} {origin}");
        }
    }
}
