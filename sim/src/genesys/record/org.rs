//! The organisation behind the names of a scenario: ids that every conversation shares.

use super::story::{AfterCallEnd, Participant, Purpose};
use crate::genesys::ids::named;

pub(super) const CUSTOMER_NAME: &str = "Alex Example";
pub(super) const TIMED_OUT: &str = "ININ-WRAP-UP-TIMEOUT";
pub(super) const FLOW_VERSION: &str = "12.0";

pub fn queue_id(name: &str) -> String {
    named("queue", name)
}

pub fn user_id(name: &str) -> String {
    named("user", name)
}

pub fn flow_id(name: &str) -> String {
    named("flow", name)
}

pub fn division_id() -> String {
    named("division", "home")
}

pub fn organization_id() -> String {
    named("organization", "simulated")
}

/// An agent's full name.
pub fn user_name(name: &str) -> String {
    let mut letters = name.chars();
    letters.next().map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
}

/// What an agent chose, or what the service wrote when the time was over.
pub(super) fn wrap_up_code(how: &AfterCallEnd) -> Option<String> {
    match how {
        AfterCallEnd::Done(code) => Some(named("wrap-up", code)),
        AfterCallEnd::TimedOut => Some(TIMED_OUT.to_owned()),
        AfterCallEnd::Skipped => None,
    }
}

pub(super) fn participant_name(one: &Participant) -> String {
    match (one.purpose, &one.user, &one.queue) {
        (_, Some(user), _) => user_name(user),
        (Purpose::Customer, ..) => CUSTOMER_NAME.to_owned(),
        (Purpose::Acd | Purpose::Voicemail, _, Some(queue)) => queue.clone(),
        (Purpose::Ivr | Purpose::Workflow, ..) => {
            one.flow.as_ref().map_or_else(String::new, |flow| flow.name.clone())
        }
        _ => one.number.clone().unwrap_or_default(),
    }
}
