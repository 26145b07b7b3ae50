//! What the client may do: all that the simulator asks for, except what it was told to deny.

use http::Method;
use serde_json::{Value, json};

use super::{Answer, Request, Service};
use crate::genesys::ids::named;
use crate::genesys::record::org;

/// Either is enough to call on behalf of a user.
pub(super) const CALL_FOR_A_USER: [&str; 2] = ["conversation:agentlessCall:add", "conversation:call:add"];
/// To call as oneself.
pub(super) const CALL: &str = "conversation:conference:add";
/// What the pages say that an outbound call needs.
pub(super) const CALL_OF_THE_PAGES: &str = "callcenter:outboundcalls:modify";

/// What can be denied, beside the permissions of topics.
const PERMISSIONS: [&str; 12] = [
    "analytics:conversationDetail:view",
    CALL_OF_THE_PAGES,
    "conversation:agentlessCall:add",
    "conversation:call:add",
    "conversation:communication:blindTransfer",
    "conversation:communication:blindTransferAgent",
    "conversation:communication:blindTransferQueue",
    "conversation:communication:consultTransfer",
    "conversation:communication:consultTransferQueue",
    "conversation:communication:view",
    CALL,
    "routing:queue:view",
];

impl Service {
    pub(super) fn need(&self, permission: &str) -> Result<(), Box<Answer>> {
        if self.lacks(permission) {
            return Err(Answer::forbidden(&[permission]));
        }
        Ok(())
    }

    pub(super) fn need_one(&self, permissions: &[&str]) -> Result<(), Box<Answer>> {
        if permissions.iter().all(|permission| self.lacks(permission)) {
            return Err(Answer::forbidden(permissions));
        }
        Ok(())
    }

    fn lacks(&self, permission: &str) -> bool {
        self.options.denied.iter().any(|denied| denied == permission)
    }

    /// What the documentation of the SDKs says that a transfer needs.
    pub(super) fn need_for_transfer(&self, method: &Method, rest: &[&str]) -> Result<(), Box<Answer>> {
        let needed = match rest {
            _ if *method != Method::POST => return Ok(()),
            ["replace", "agent"] => "blindTransferAgent",
            ["replace", "queue"] => "blindTransferQueue",
            ["replace", ..] | ["transfer"] => "blindTransfer",
            ["consult", "queue"] => "consultTransferQueue",
            ["consult", ..] | ["voice", "consult"] => "consultTransfer",
            _ => return Ok(()),
        };
        self.need(&format!("conversation:communication:{needed}"))
    }

    /// `GET /api/v2/authorization/subjects/me`: one role; its policies only where they are asked for.
    pub(super) fn own_rights(&self, request: &Request) -> Value {
        let (id, name) = match &self.options.user {
            Some(user) => (org::user_id(user), org::user_name(user)),
            None => (named("client", &self.options.client_id), self.options.client_id.clone()),
        };
        let mut role = json!({"id": named("role", "simulated"), "name": "Simulated", "default": false});
        if request.query("includeFullRoles") == Some("true") {
            let has = PERMISSIONS.iter().filter(|permission| !self.lacks(permission));
            let policies: Vec<Value> = has.filter_map(|permission| policy(permission)).collect();
            super::answer::put(&mut role, "policies", policies);
        }
        let division = json!({"id": org::division_id(), "name": "Home", "homeDivision": true});
        json!({
            "id": id,
            "name": name,
            "grants": [{"subjectId": id, "division": division, "role": role}],
            "version": 1,
            "selfUri": "/api/v2/authorization/subjects/me",
        })
    }
}

fn policy(permission: &str) -> Option<Value> {
    let (domain, rest) = permission.split_once(':')?;
    let (entity, action) = rest.split_once(':')?;
    Some(json!({"domain": domain, "entityName": entity, "actions": [action]}))
}
