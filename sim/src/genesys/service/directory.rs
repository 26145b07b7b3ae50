//! Users and queues of the organisation: those that the scenarios name, and as many more as wanted.

use http::Method;
use serde_json::{Value, json};

use super::answer::put;
use super::{Answer, Options, Request};
use crate::genesys::record::org;
use crate::genesys::scenario::{Scenario, Target, Transfer, What};

/// A page holds at most so many.
const MAX_PAGE: u64 = 500;

#[derive(Default)]
pub(super) struct Directory {
    /// Names with their ids, sorted by name.
    queues: Vec<(String, String)>,
    users: Vec<(String, String)>,
}

impl Directory {
    pub(super) fn of(options: &Options) -> Self {
        let (mut queues, mut users) = (Vec::new(), Vec::new());
        options.scenarios.iter().for_each(|scenario| names(scenario, &mut queues, &mut users));
        queues.extend((1..=options.extra_queues).map(|number| format!("queue-{number:05}")));
        users.extend(options.user.clone());
        let with_ids = |mut names: Vec<String>, id: fn(&str) -> String| {
            names.sort();
            names.dedup();
            names.into_iter().map(|name| (id(&name), name)).map(|(id, name)| (name, id)).collect()
        };
        Self { queues: with_ids(queues, org::queue_id), users: with_ids(users, org::user_id) }
    }

    pub(super) fn queue(&self, id: &str) -> Option<&str> {
        self.queues.iter().find(|(_, known)| known == id).map(|(name, _)| name.as_str())
    }

    pub(super) fn user(&self, id: &str) -> Option<&str> {
        self.users.iter().find(|(_, known)| known == id).map(|(name, _)| name.as_str())
    }

    /// Somebody who can answer in a queue.
    pub(super) fn anybody_but(&self, name: &str) -> &str {
        self.users.iter().map(|(user, _)| user.as_str()).find(|user| *user != name).unwrap_or("zoe")
    }

    pub(super) fn users(
        &self,
        options: &Options,
        request: &Request,
        rest: &[&str],
    ) -> Result<Answer, Box<Answer>> {
        only_get(request)?;
        match rest {
            [] => {
                paged(request, "/api/v2/users", self.users.iter().map(|(name, id)| user(name, id)).collect())
            }
            ["me"] => match &options.user {
                Some(name) => Ok(Answer::ok(user(name, &org::user_id(name)))),
                None => Err(Answer::not_a_user()),
            },
            [id] => match self.user(id) {
                Some(name) => Ok(Answer::ok(user(name, id))),
                None => Err(Answer::not_found("The user was not found.")),
            },
            _ => Err(Answer::not_found("no such resource of users")),
        }
    }

    pub(super) fn queues(
        &self,
        options: &Options,
        request: &Request,
        rest: &[&str],
    ) -> Result<Answer, Box<Answer>> {
        only_get(request)?;
        if options.denied.iter().any(|denied| denied == "routing:queue:view") {
            return Err(Answer::forbidden(&["routing:queue:view"]));
        }
        match rest {
            [] => paged(
                request,
                "/api/v2/routing/queues",
                self.queues.iter().map(|(name, id)| queue(name, id)).collect(),
            ),
            [id] => match self.queue(id) {
                Some(name) => Ok(Answer::ok(queue(name, id))),
                None => Err(Answer::not_found("The queue was not found.")),
            },
            _ => Err(Answer::not_found("no such resource of queues")),
        }
    }
}

fn only_get(request: &Request) -> Result<(), Box<Answer>> {
    if request.method == Method::GET {
        return Ok(());
    }
    Err(Answer::error(405, "bad.request", "the simulator only shows these"))
}

fn user(name: &str, id: &str) -> Value {
    json!({
        "id": id,
        "name": org::user_name(name),
        "division": {"id": org::division_id(), "name": "Home"},
        "email": format!("{name}@example.org"),
        "username": format!("{name}@example.org"),
        "state": "active",
        "version": 1,
        "selfUri": format!("/api/v2/users/{id}"),
    })
}

fn queue(name: &str, id: &str) -> Value {
    json!({
        "id": id,
        "name": name,
        "division": {"id": org::division_id(), "name": "Home"},
        "memberCount": 5,
        "acwSettings": {"wrapupPrompt": "MANDATORY_TIMEOUT", "timeoutMs": 20000},
        "skillEvaluationMethod": "BEST",
        "selfUri": format!("/api/v2/routing/queues/{id}"),
    })
}

/// One page of a listing, as every listing of the API has it.
fn paged(request: &Request, path: &str, mut entities: Vec<Value>) -> Result<Answer, Box<Answer>> {
    let size = request.number("pageSize", 25)?;
    if size > MAX_PAGE {
        return Err(Answer::error(400, "invalid.value", &format!("pageSize is at most {MAX_PAGE}.")));
    }
    let number = request.number("pageNumber", 1)?;
    let total = entities.len() as u64;
    let pages = total.div_ceil(size).max(1);
    let uri = |page: u64| format!("{path}?pageSize={size}&pageNumber={page}");
    let first = usize::try_from((number - 1).saturating_mul(size)).unwrap_or(usize::MAX).min(entities.len());
    let page: Vec<Value> = entities.drain(first..).take(size as usize).collect();
    let mut body = json!({
        "entities": page,
        "pageSize": size,
        "pageNumber": number,
        "total": total,
        "pageCount": pages,
        "firstUri": uri(1),
        "lastUri": uri(pages),
        "selfUri": uri(number),
    });
    if number < pages {
        put(&mut body, "nextUri", uri(number + 1));
    }
    if number > 1 {
        put(&mut body, "previousUri", uri(number - 1));
    }
    Ok(Answer::ok(body))
}

fn names(scenario: &Scenario, queues: &mut Vec<String>, users: &mut Vec<String>) {
    for step in &scenario.steps {
        match &step.what {
            What::Queue { queue, .. } | What::Transfer(Transfer::Queue { queue, .. }) => {
                queues.push(queue.clone())
            }
            What::Alert { agent, .. }
            | What::Dials { agent, .. }
            | What::Transfer(Transfer::Agent(agent)) => {
                users.push(agent.clone());
            }
            What::Calls { from, to, .. } => users.extend([from.clone(), to.clone()]),
            What::Consult { to: Target::Agent(agent), .. } => users.push(agent.clone()),
            What::Consult { to: Target::Queue { queue, agent, .. }, .. } => {
                queues.push(queue.clone());
                users.push(agent.clone());
            }
            _ => {}
        }
    }
}
