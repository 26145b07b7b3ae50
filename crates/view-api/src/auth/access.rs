//! What each address needs. What is not named here is safe: who reads must be somebody, who changes must be an admin.

use axum::http::Method;

use super::Role;

/// Where long questions are sent.
pub(crate) const SQL: &str = "/api/v1/sql";
pub(crate) const SESSION: &str = "/api/v1/session";
pub(crate) const LINKS: &str = "/api/v1/links";
const AUDIT: &str = "/api/v1/audit";
/// Asks what a rule would have done, and changes nothing.
const PREVIEW: &str = "/api/v1/alerts/preview";
/// Arrow Flight SQL.
pub(crate) const FLIGHT: &str = "/arrow.flight.protocol.FlightService/{method}";
/// Where its clients sign in.
pub(crate) const HANDSHAKE: &str = "/arrow.flight.protocol.FlightService/Handshake";
/// gRPC has no other method than POST.
const GRPC: [&str; 2] = ["/jaeger.api_v2.QueryService/{method}", "/jaeger.api_v3.QueryService/{method}"];

/// The role that an address needs; nothing where nobody has to be known. `route` is the pattern that the router found.
pub(crate) fn needs(method: &Method, route: &str, masking: bool) -> Option<Role> {
    match route {
        SESSION | HANDSHAKE => None,
        // It reads files by itself, past what hides.
        _ if is_sql(route) && masking => Some(Role::Unmask),
        _ if is_sql(route) => Some(Role::Viewer),
        AUDIT => Some(Role::Admin),
        PREVIEW => Some(Role::Viewer),
        _ if reads(method) || GRPC.contains(&route) => Some(Role::Viewer),
        _ => Some(Role::Admin),
    }
}

/// Whether it takes questions in SQL.
pub(crate) fn is_sql(route: &str) -> bool {
    [SQL, FLIGHT].contains(&route)
}

pub(crate) fn reads(method: &Method) -> bool {
    matches!(*method, Method::GET | Method::HEAD)
}
