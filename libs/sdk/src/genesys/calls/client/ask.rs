//! One request and its answer; after a 403, what the token may do.

use std::time::SystemTime;

use http::Method;
use serde_json::Value;

use super::super::api::{Answer, Api, NoAnswer, Request};
use super::super::dialect::Dialect;
use super::super::error::{CallError, Refused};
use super::super::refusal::{Reason, Refusal};
use super::super::rights::Rights;
use super::super::trace::Exchange;
use super::super::transfer::documented;
use super::Calls;
use crate::span::Open;

impl<A: Api> Calls<A> {
    /// Sends a request in a span of its own; an answer is a success.
    pub(super) async fn ask(&self, span: &Open, request: &Request) -> Result<Answer, CallError> {
        let (answer, exchange) = self.timed(request).await;
        exchange.record(span);
        self.accepted(span, request, answer).await
    }

    pub(super) async fn timed(&self, request: &Request) -> (Result<Answer, NoAnswer>, Exchange) {
        let began = SystemTime::now();
        let answer = self.api.send(request).await;
        let exchange = Exchange::new(request, self.api.server(), began, &answer);
        (answer, exchange)
    }

    pub(super) async fn accepted(
        &self,
        span: &Open,
        request: &Request,
        answer: Result<Answer, NoAnswer>,
    ) -> Result<Answer, CallError> {
        match answer {
            Ok(answer) if answer.is_success() => Ok(answer),
            Ok(answer) => Err(CallError::Refused(Box::new(self.refused(span, request, &answer).await))),
            Err(NoAnswer { why, sent }) => {
                let perhaps_done = sent && request.method != Method::GET;
                Err(CallError::NoAnswer { request: request.name(), why, perhaps_done })
            }
        }
    }

    async fn refused(&self, span: &Open, request: &Request, answer: &Answer) -> Refused {
        let refusal = Refusal::read(answer);
        let forbidden = refusal.reason() == Reason::Permission;
        let named = !refusal.permissions.is_empty();
        let documented = match (self.dialect, request.template) {
            (Dialect::Pages, "/api/v2/conversations/calls") => &["callcenter:outboundcalls:modify"],
            _ => documented(request),
        };
        let missing = if named {
            refusal.permissions.clone()
        } else {
            documented.iter().filter(|_| forbidden).map(|name| (*name).to_owned()).collect()
        };
        let rights = if forbidden { Some(self.rights(span).await) } else { None };
        Refused { request: request.name(), refusal, missing, named, rights, identity: self.identity }
    }

    /// What the token may do. Neither question needs a permission that is known.
    async fn rights(&self, span: &Open) -> Rights {
        let token = self.look(span, &Request::get("/api/v2/tokens/me", &[])).await;
        let mut subject = Request::get("/api/v2/authorization/subjects/me", &[]);
        subject.path.push_str("?includeFullRoles=true");
        Rights::read(token, self.look(span, &subject).await)
    }

    async fn look(&self, span: &Open, request: &Request) -> Result<Value, String> {
        let (answer, exchange) = self.timed(request).await;
        exchange.record(span);
        match answer {
            Ok(answer) if answer.is_success() => answer.json().ok_or_else(|| "no JSON".to_owned()),
            Ok(answer) => Err(format!("{} was refused with {}", request.name(), answer.status)),
            Err(no) => Err(no.why),
        }
    }
}
