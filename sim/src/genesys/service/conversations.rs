//! `/api/v2/conversations`: read, write participant data, end.

use http::Method;
use serde_json::Value;

use super::{Answer, Request, Service};
use crate::genesys::scenario::{Media, Party, What};

/// Participant data of one request.
const MAX_ATTRIBUTES: usize = 100;
const MAX_VALUE: usize = 4096;
const MAX_UUI: usize = 1024;

impl Service {
    pub(super) fn conversations(&mut self, request: &Request, rest: &[&str]) -> Result<Answer, Box<Answer>> {
        let (get, post) = (Method::GET, Method::POST);
        match (&request.method, rest) {
            (method, ["calls"]) if *method == post => self.create_call(request, None),
            (method, ["calls", "user", user]) if *method == post => self.create_call(request, Some(user)),
            // Nobody is logged in whose conversations these could be.
            (method, [] | ["calls"]) if *method == get => Err(Answer::not_a_user()),
            (method, ["calls", id]) if *method == get => self.read(id, true),
            (method, [id]) if *method == get => {
                self.need("conversation:communication:view")?;
                self.read(id, false)
            }
            (method, [id, "disconnect"]) if *method == post => self.disconnect(id),
            (
                &Method::PATCH,
                [id, "participants", one, "attributes"] | ["calls", id, "participants", one, "attributes"],
            ) => self.set_attributes(request, id, one),
            (&Method::PUT, ["calls", id, "participants", one, "communications", leg, "uuidata"]) => {
                self.set_uui(request, id, one, leg)
            }
            (&Method::PATCH, ["calls", id, "participants", one]) => self.patch_participant(request, id, one),
            (_, ["calls", id, "participants", one, rest @ ..] | [id, "participants", one, rest @ ..]) => {
                self.transfers(request, id, one, rest)
            }
            _ => Err(Answer::not_found("no such resource of conversations")),
        }
    }

    fn read(&self, id: &str, call: bool) -> Result<Answer, Box<Answer>> {
        let record = self.centre.get(id).map(|live| &live.record);
        let body = match (record, call) {
            (Some(record), true) => record.media(self.now, Media::Voice),
            (Some(record), false) => record.conversation(self.now),
            (None, _) => None,
        };
        body.map(Answer::ok).ok_or_else(no_conversation)
    }

    fn disconnect(&mut self, id: &str) -> Result<Answer, Box<Answer>> {
        self.exists(id)?;
        self.end(id, &[What::Disconnects(Party::System)])?;
        Ok(Answer::empty(202))
    }

    /// Ends a conversation, and has those agents wrap up who have to.
    pub(super) fn end(&mut self, id: &str, steps: &[What]) -> Result<(), Box<Answer>> {
        self.change(id, |record, now| record.intervene(now, steps))
            .map_err(|why| Answer::error(400, "bad.request", &why))
    }

    pub(super) fn exists(&self, id: &str) -> Result<(), Box<Answer>> {
        let begun = self.centre.get(id).is_some_and(|live| live.record.start_ms() <= self.now);
        if begun { Ok(()) } else { Err(no_conversation()) }
    }

    fn set_attributes(&mut self, request: &Request, id: &str, one: &str) -> Result<Answer, Box<Answer>> {
        let wrong = |message: &str| Answer::error(400, "bad.request", message);
        let body = request.json()?;
        let Some(Value::Object(attributes)) = body.get("attributes") else {
            return Err(wrong("The body has no map `attributes`."));
        };
        if attributes.len() > MAX_ATTRIBUTES {
            return Err(wrong("Too many attributes."));
        }
        let text = |(key, value): (&String, &Value)| {
            let value = value.as_str().filter(|value| value.len() <= MAX_VALUE)?;
            Some((key.clone(), value.to_owned()))
        };
        let values: Option<Vec<_>> = attributes.iter().map(text).collect();
        let values = values.ok_or_else(|| wrong("Attributes are texts of 4096 bytes at most."))?;
        self.exists(id)?;
        let set = self.change(id, |record, now| match record.set_attributes(now, one, &values) {
            true => Ok(()),
            false => Err("The participant was not found.".to_owned()),
        });
        set.map_err(|why| Answer::not_found(&why))?;
        Ok(Answer::empty(202))
    }

    fn set_uui(&mut self, request: &Request, id: &str, one: &str, leg: &str) -> Result<Answer, Box<Answer>> {
        let body = request.json()?;
        let uui = body.get("uuiData").and_then(Value::as_str).filter(|uui| uui.len() <= MAX_UUI);
        let uui =
            uui.ok_or_else(|| Answer::error(400, "bad.request", "uuiData is a text of 1024 bytes at most."))?;
        self.exists(id)?;
        let now = self.now;
        let known = self.centre.get(id).is_some_and(|live| live.record.has_leg(now, one, leg));
        if !known {
            return Err(Answer::not_found("The communication was not found."));
        }
        let set = self.change(id, |record, _| {
            record.set_uui_data(uui);
            Ok(())
        });
        set.map_err(|why| Answer::not_found(&why))?;
        Ok(Answer::empty(204))
    }
}

pub(super) fn no_conversation() -> Box<Answer> {
    Answer::error(404, "conversation.error.conversation.not.found", "The conversation was not found.")
}
