//! What the simulator offers of the API; nothing else is answered.

use http::Method;

/// Each with `{}` for an id. A literal stands before the id that it could be taken for.
pub const ENDPOINTS: &[&str] = &[
    "POST /oauth/token",
    "GET /api/v2/tokens/me",
    "HEAD /api/v2/tokens/me",
    "DELETE /api/v2/tokens/me",
    "GET /api/v2/authorization/subjects/me",
    "GET /api/v2/users",
    "GET /api/v2/users/me",
    "GET /api/v2/users/{}",
    "GET /api/v2/routing/queues",
    "GET /api/v2/routing/queues/{}",
    "GET /api/v2/notifications/availabletopics",
    "GET /api/v2/notifications/channels",
    "POST /api/v2/notifications/channels",
    "HEAD /api/v2/notifications/channels/{}",
    "GET /api/v2/notifications/channels/{}/subscriptions",
    "POST /api/v2/notifications/channels/{}/subscriptions",
    "PUT /api/v2/notifications/channels/{}/subscriptions",
    "DELETE /api/v2/notifications/channels/{}/subscriptions",
    "GET /api/v2/conversations",
    "GET /api/v2/conversations/calls",
    "POST /api/v2/conversations/calls",
    "GET /api/v2/conversations/calls/{}",
    "POST /api/v2/conversations/calls/user/{}",
    "GET /api/v2/conversations/{}",
    "POST /api/v2/conversations/{}/disconnect",
    "PATCH /api/v2/conversations/{}/participants/{}/attributes",
    "PATCH /api/v2/conversations/calls/{}/participants/{}/attributes",
    "PUT /api/v2/conversations/calls/{}/participants/{}/communications/{}/uuidata",
    "PATCH /api/v2/conversations/calls/{}/participants/{}",
    "POST /api/v2/conversations/calls/{}/participants/{}/replace",
    "POST /api/v2/conversations/{}/participants/{}/replace",
    "POST /api/v2/conversations/{}/participants/{}/replace/agent",
    "POST /api/v2/conversations/{}/participants/{}/replace/queue",
    "POST /api/v2/conversations/{}/participants/{}/replace/external",
    "POST /api/v2/conversations/{}/participants/{}/transfer",
    "POST /api/v2/conversations/calls/{}/participants/{}/consult",
    "POST /api/v2/conversations/calls/{}/participants/{}/consult/agent",
    "POST /api/v2/conversations/calls/{}/participants/{}/consult/queue",
    "POST /api/v2/conversations/calls/{}/participants/{}/consult/external",
    "POST /api/v2/conversations/calls/{}/participants/{}/voice/consult",
    "PATCH /api/v2/conversations/calls/{}/participants/{}/consult",
    "DELETE /api/v2/conversations/calls/{}/participants/{}/consult",
    "POST /api/v2/analytics/conversations/details/query",
    "GET /api/v2/analytics/conversations/details",
    "GET /api/v2/analytics/conversations/{}/details",
    "POST /api/v2/analytics/conversations/details/jobs",
    "GET /api/v2/analytics/conversations/details/jobs/availability",
    "GET /api/v2/analytics/conversations/details/jobs/{}",
    "DELETE /api/v2/analytics/conversations/details/jobs/{}",
    "GET /api/v2/analytics/conversations/details/jobs/{}/results",
];

/// The endpoint that a request is for.
pub(super) fn of(method: &Method, path: &str) -> Option<&'static str> {
    ENDPOINTS.iter().copied().find(|endpoint| {
        endpoint.split_once(' ').is_some_and(|(verb, pattern)| {
            let (mut wanted, mut given) = (pattern.split('/'), path.split('/'));
            let fits =
                wanted.by_ref().zip(given.by_ref()).all(|(wanted, given)| wanted == "{}" || wanted == given);
            verb == method.as_str() && fits && pattern.matches('/').count() == path.matches('/').count()
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_literal_is_no_id() {
        let cases = [
            ("/api/v2/users/me", Some("GET /api/v2/users/me")),
            ("/api/v2/users/ma", Some("GET /api/v2/users/{}")),
            ("/api/v2/users/ma/x", None),
            ("/api/v2/conversations/calls", Some("GET /api/v2/conversations/calls")),
            ("/api/v2/conversations/c-1", Some("GET /api/v2/conversations/{}")),
        ];
        for (path, expected) in cases {
            assert_eq!(of(&Method::GET, path), expected);
        }
    }
}
