//! Analytics jobs: the same question, answered later and with the participants' attributes.

use std::collections::BTreeMap;

use http::Method;
use serde_json::{Value, json};

use super::answer::put;
use super::{Answer, Request, Service};
use crate::genesys::ids;
use crate::genesys::time::iso;

const TAKES_MS: u64 = 2000;
const MAX_JOBS: usize = 100;
const MAX_PAGE: u64 = 1000;

#[derive(Default)]
pub(super) struct Jobs {
    all: BTreeMap<String, Job>,
    number: u64,
}

struct Job {
    number: u64,
    begun: u64,
    found: Vec<String>,
}

impl Service {
    pub(super) fn job(&mut self, request: &Request, rest: &[&str]) -> Result<Answer, Box<Answer>> {
        match (&request.method, rest) {
            (&Method::POST, []) => self.begin_job(request),
            (&Method::GET, ["availability"]) => {
                Ok(Answer::ok(json!({"dataAvailabilityDate": iso(self.now)})))
            }
            (&Method::GET, [id]) => {
                let job = self.jobs.all.get(*id).ok_or_else(no_job)?;
                let state = if job.begun + TAKES_MS <= self.now { "FULFILLED" } else { "QUEUED" };
                Ok(Answer::ok(json!({"state": state, "submissionDate": iso(job.begun)})))
            }
            (&Method::GET, [id, "results"]) => self.results(request, id),
            (&Method::DELETE, [id]) => match self.jobs.all.remove(*id) {
                Some(_) => Ok(Answer::empty(204)),
                None => Err(no_job()),
            },
            _ => Err(Answer::not_found("no such resource of jobs")),
        }
    }

    fn begin_job(&mut self, request: &Request) -> Result<Answer, Box<Answer>> {
        let found = self.matching(&request.json()?)?;
        if self.jobs.all.len() >= MAX_JOBS {
            let oldest = self.jobs.all.iter().min_by_key(|(_, job)| job.number).map(|(id, _)| id.clone());
            if let Some(id) = oldest {
                self.jobs.all.remove(&id);
            }
        }
        let id = ids::uuid(&mut self.chance);
        self.jobs.number += 1;
        self.jobs.all.insert(id.clone(), Job { number: self.jobs.number, begun: self.now, found });
        Ok(Answer { status: 202, ..Answer::ok(json!({"jobId": id})) })
    }

    fn results(&self, request: &Request, id: &str) -> Result<Answer, Box<Answer>> {
        let job = self.jobs.all.get(id).filter(|job| job.begun + TAKES_MS <= self.now).ok_or_else(no_job)?;
        let size = request.number("pageSize", MAX_PAGE)?.min(MAX_PAGE) as usize;
        let from = match request.query("cursor") {
            None => 0,
            Some(cursor) => cursor.parse().map_err(|_| {
                Answer::error(400, "invalid.value", "The cursor is not one of these results.")
            })?,
        };
        let page = job.found.iter().skip(from).take(size);
        let page: Vec<Value> =
            page.filter_map(|id| self.centre.get(id)?.record.analytics_with_attributes(self.now)).collect();
        let mut body = json!({"conversations": page, "dataAvailabilityDate": iso(self.now)});
        let next = size.saturating_add(from);
        if next < job.found.len() {
            put(&mut body, "cursor", next.to_string());
        }
        Ok(Answer::ok(body))
    }
}

fn no_job() -> Box<Answer> {
    Answer::not_found("The job was not found, or has no results yet.")
}
