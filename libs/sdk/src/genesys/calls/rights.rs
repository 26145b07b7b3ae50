//! What a token may do, as the service tells it.

use std::fmt;

use serde_json::Value;

use super::refusal::short;

/// Roles, scopes and permissions that are kept.
const MOST: usize = 200;

/// Scopes and roles of the token itself; an error says why one of them is not known.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Rights {
    /// The name of the OAuth client, from `GET /api/v2/tokens/me`.
    pub client: Option<String>,
    /// `authorizedScope` of the same answer. Tokens of client credentials have roles and no scopes.
    pub scopes: Result<Vec<String>, String>,
    /// The roles, from `GET /api/v2/authorization/subjects/me`.
    pub roles: Result<Vec<Role>, String>,
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
    /// Reads `TokenInfo` and `AuthzSubject` of the SDKs.
    pub(super) fn read(token: Result<Value, String>, subject: Result<Value, String>) -> Self {
        fn list<'a>(body: &'a Value, name: &str) -> impl Iterator<Item = &'a Value> {
            body.get(name).and_then(Value::as_array).into_iter().flatten().take(MOST)
        }
        let client = token.as_ref().ok().and_then(|body| body.get("OAuthClient")?.get("name")?.as_str());
        Self {
            client: client.map(short),
            scopes: token
                .as_ref()
                .map(|body| list(body, "authorizedScope").filter_map(Value::as_str).map(short).collect())
                .map_err(Clone::clone),
            roles: subject.map(|body| list(&body, "grants").map(Role::read).collect()),
        }
    }

    /// The roles that have a permission.
    pub fn with<'a>(&'a self, permission: &'a str) -> impl Iterator<Item = &'a Role> {
        self.roles.iter().flatten().filter(move |role| role.has(permission))
    }
}

impl fmt::Display for Rights {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let all = |list: Vec<String>| if list.is_empty() { "none".to_owned() } else { list.join(", ") };
        let client = self.client.as_deref().map(|client| format!(" of {client}")).unwrap_or_default();
        write!(f, "roles of the token{client}: ")?;
        match &self.roles {
            Ok(roles) => {
                let shown = |role: &Role| format!("{} ({})", role.name, role.division);
                f.write_str(&all(roles.iter().map(shown).collect()))?;
            }
            Err(why) => write!(f, "not known, {why}")?,
        }
        f.write_str("; its scopes: ")?;
        match &self.scopes {
            Ok(scopes) => f.write_str(&all(scopes.clone())),
            Err(why) => write!(f, "not known, {why}"),
        }
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
        let rights = Rights::read(Ok(json!({})), Ok(json!({"grants": [grant, {"role": 7}, null]})));
        assert_eq!(rights.roles.as_ref().map(Vec::len), Ok(3));
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
            let rights = Rights::read(Ok(body.clone()), Ok(body));
            assert_eq!(rights, Rights { client: None, scopes: Ok(Vec::new()), roles: Ok(Vec::new()) });
        }
    }
}
