//! What a token may do, as the service tells it.

use serde_json::Value;

use super::refusal::short;

/// Roles, scopes and permissions that are kept.
const MOST: usize = 200;

/// Scopes and roles of the token itself.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Rights {
    /// `authorizedScope` of `GET /api/v2/tokens/me`. Tokens of client credentials have roles and no scopes.
    pub scopes: Vec<String>,
    /// The name of the OAuth client, from the same answer.
    pub client: Option<String>,
    /// The roles, from `GET /api/v2/authorization/subjects/me`.
    pub roles: Vec<Role>,
    /// Which of the two could not be read, and why.
    pub unknown: Vec<String>,
}

/// A role in a division.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Role {
    /// Its name.
    pub name: String,
    /// The name of the division it is granted in.
    pub division: String,
    /// `domain:entity:action`, as its policies have them; `*` stands for all.
    pub permissions: Vec<String>,
}

impl Rights {
    /// Reads what `GET /api/v2/tokens/me` says (`TokenInfo` of the SDKs).
    pub(super) fn token(&mut self, body: &Value) {
        let scopes = body.get("authorizedScope").and_then(Value::as_array);
        self.scopes = scopes.into_iter().flatten().filter_map(Value::as_str).take(MOST).map(short).collect();
        self.client = body.get("OAuthClient").and_then(|client| client.get("name")?.as_str()).map(short);
    }

    /// Reads what `GET /api/v2/authorization/subjects/me` says (`AuthzSubject` of the SDKs).
    pub(super) fn subject(&mut self, body: &Value) {
        let grants = body.get("grants").and_then(Value::as_array);
        self.roles = grants.into_iter().flatten().take(MOST).map(Role::read).collect();
    }

    /// The roles that have a permission.
    pub fn with<'a>(&'a self, permission: &'a str) -> impl Iterator<Item = &'a Role> {
        self.roles.iter().filter(move |role| role.has(permission))
    }
}

impl Role {
    fn read(grant: &Value) -> Self {
        let name =
            |of: &str| grant.get(of).and_then(|of| of.get("name")?.as_str()).map(short).unwrap_or_default();
        let policies = grant.get("role").and_then(|role| role.get("policies")?.as_array());
        let mut permissions = Vec::new();
        for policy in policies.into_iter().flatten() {
            let text = |key: &str| policy.get(key).and_then(Value::as_str).unwrap_or("*");
            let actions = policy.get("actions").and_then(Value::as_array).into_iter().flatten();
            let start = format!("{}:{}", text("domain"), text("entityName"));
            permissions
                .extend(actions.filter_map(Value::as_str).map(|action| short(&format!("{start}:{action}"))));
            permissions.truncate(MOST);
        }
        Self { name: name("role"), division: name("division"), permissions }
    }

    /// Whether a policy of it has this permission.
    pub fn has(&self, permission: &str) -> bool {
        let parts = permission.split(':').count();
        let fits = |own: &str| {
            let mut pairs = own.split(':').zip(permission.split(':'));
            own.split(':').count() == parts && pairs.all(|(own, wanted)| own == "*" || own == wanted)
        };
        self.permissions.iter().any(|own| fits(own))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn roles_have_what_their_policies_have() {
        let policies = json!([
            {"domain": "conversation", "entityName": "call", "actions": ["add", "view"]},
            {"domain": "routing", "entityName": "*", "actions": ["*"]},
        ]);
        let grant = json!({"role": {"name": "Dialler", "policies": policies}, "division": {"name": "Home"}});
        let mut rights = Rights::default();
        rights.subject(&json!({"grants": [grant, {"role": 7}, null]}));
        assert_eq!(rights.roles.len(), 3);
        for (permission, has) in [
            ("conversation:call:add", true),
            ("conversation:call:edit", false),
            ("conversation:call", false),
            ("routing:queue:view", true),
            ("routing:queue:view:more", false),
            ("", false),
        ] {
            assert_eq!(rights.with(permission).count(), usize::from(has), "{permission}");
        }
    }

    #[test]
    fn what_is_no_answer_tells_nothing() {
        for body in [json!(null), json!([1]), json!({"authorizedScope": 7, "grants": {}, "OAuthClient": []})]
        {
            let mut rights = Rights::default();
            rights.token(&body);
            rights.subject(&body);
            assert_eq!(rights, Rights::default());
        }
    }
}
