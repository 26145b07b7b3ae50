//! New calls, in the two dialects: that of the public API, and that of the pages with `to`, `from` and `customHeaders`.

use serde_json::{Map, Value, json};

use super::answer::put;
use super::rights::{CALL, CALL_FOR_A_USER, CALL_OF_THE_PAGES};
use super::{Answer, Request, Service};
use crate::genesys::record::Record;
use crate::genesys::scenario::{Clocks, Direction, Media, Party, Scenario, Step, What, WrapUp};

const MAX_TEXT: usize = 4096;

/// A call that somebody has asked for.
struct Wanted {
    caller: String,
    /// A colleague, or an address.
    to: Result<String, String>,
    from: Option<String>,
    attributes: Vec<(String, String)>,
    uui: Option<String>,
}

impl Service {
    pub(super) fn create_call(
        &mut self,
        request: &Request,
        user: Option<&str>,
    ) -> Result<Answer, Box<Answer>> {
        let body = request.json()?;
        let Value::Object(body) = &body else {
            return Err(Answer::error(400, "bad.request", "The request has no body."));
        };
        let wanted = if body.contains_key("to") || body.contains_key("from") {
            self.need(CALL_OF_THE_PAGES)?;
            self.pages(body)?
        } else {
            self.public(body, user)?
        };
        let caller = wanted.caller.clone();
        let what = match &wanted.to {
            Ok(colleague) => {
                What::Calls { from: caller.clone(), to: colleague.clone(), rings: 5000, answered: true }
            }
            Err(_) => What::Dials { agent: caller.clone(), contacting: 1500, rings: 6000, answered: true },
        };
        let steps = vec![
            what,
            What::Talk(45_000),
            What::Disconnects(if wanted.to.is_ok() { Party::Current } else { Party::Customer }),
            What::WrapUp {
                agent: caller,
                wrap_up: WrapUp::Done { lasts: 10_000, code: "Called".to_owned() },
            },
        ];
        let id = self.place(wanted, steps)?;
        Ok(Answer::ok(json!({"id": id, "selfUri": format!("/api/v2/conversations/calls/{id}")})))
    }

    fn place(&mut self, wanted: Wanted, steps: Vec<What>) -> Result<String, Box<Answer>> {
        let scenario = Scenario {
            name: "placed".to_owned(),
            about: "A call placed through the API.".to_owned(),
            weight: 1,
            media: Media::Voice,
            direction: Direction::Outbound,
            customer: wanted.to.err(),
            dialled: wanted.from,
            subject: None,
            starts: None,
            clocks: Clocks::default(),
            steps: steps.into_iter().map(|what| Step { line: 1, what }).collect(),
        };
        let seed = self.chance.next();
        let mut record = Record::new(&scenario.faster(self.options.traffic.speed), seed, self.now);
        wanted.uui.iter().for_each(|uui| record.set_uui_data(uui));
        record.set_first_attributes(&wanted.attributes);
        let id = record.conversation_id().to_owned();
        if self.begin(record, false) {
            return Ok(id);
        }
        Err(Answer::error(503, "service.unavailable", "Too many conversations live."))
    }

    /// Client credentials have no user of their own: they name one in the path.
    fn public(&mut self, body: &Map<String, Value>, user: Option<&str>) -> Result<Wanted, Box<Answer>> {
        let caller = match user {
            Some(id) => {
                self.need_one(&CALL_FOR_A_USER)?;
                let known = self.directory.user(id).map(str::to_owned);
                known.ok_or_else(|| Answer::not_found("The user was not found."))?
            }
            None => {
                let own = self.options.user.clone().ok_or_else(Answer::not_a_user)?;
                self.need(CALL)?;
                own
            }
        };
        let text = |name: &str| body.get(name).and_then(Value::as_str);
        let listed = body.get("participants").and_then(Value::as_array);
        let listed =
            listed.and_then(|list| list.first()).and_then(|one| one.get("address")).and_then(Value::as_str);
        let destinations = [text("phoneNumber"), text("callUserId"), text("callQueueId"), listed];
        match destinations.iter().flatten().count() {
            1 => {}
            0 => {
                return Err(Answer::error(
                    400,
                    "bad.request",
                    "No destination: give phoneNumber or callUserId.",
                ));
            }
            _ => {
                let message = "Only a single destination can be supplied.";
                return Err(Answer::error(400, "too.many.create.conversation.parameters", message));
            }
        }
        let to = match destinations {
            [_, Some(id), ..] => Ok(self
                .directory
                .user(id)
                .ok_or_else(|| Answer::not_found("The user was not found."))?
                .to_owned()),
            [_, _, Some(_), _] => {
                return Err(Answer::error(400, "bad.request", "The simulator calls no queues."));
            }
            [number, _, _, listed] => Err(address("phoneNumber", number.or(listed).unwrap_or_default())?),
        };
        let attributes = texts(body.get("attributes"), "attributes")?;
        let uui = text("uuiData").map(str::to_owned);
        self.note(
            "call",
            json!({"dialect": "public_api", "uuiData": uui, "attributes": body.get("attributes")}),
        );
        Ok(Wanted { caller, to, from: None, attributes, uui })
    }

    /// Addresses are addresses and nothing else; context goes into `customHeaders`.
    fn pages(&mut self, body: &Map<String, Value>) -> Result<Wanted, Box<Answer>> {
        let end = |name: &str| {
            let found = body.get(name).and_then(|end| end.get("participantAddress")).and_then(Value::as_str);
            let field = format!("{name}.participantAddress");
            let given =
                found.ok_or_else(|| Answer::error(400, "bad.request", &format!("{field} is missing.")))?;
            if !given.starts_with("tel:") && !given.starts_with("sip:") {
                return Err(not_an_address(&field, given));
            }
            address(&field, given)
        };
        let (to, from) = (end("to")?, end("from")?);
        let headers = body.get("to").and_then(|to| to.get("customHeaders"));
        texts(headers, "to.customHeaders")?;
        self.note("call", json!({"dialect": "pages", "customHeaders": headers}));
        let caller = self.options.user.clone().unwrap_or_else(|| self.directory.anybody_but("").to_owned());
        Ok(Wanted { caller, to: Err(to), from: Some(from), attributes: Vec::new(), uui: None })
    }
}

/// E.164 with or without `tel:`, or a SIP address.
fn address(field: &str, given: &str) -> Result<String, Box<Answer>> {
    let number = given.strip_prefix("tel:").unwrap_or(given);
    let digits = number.strip_prefix('+').unwrap_or(number);
    let is_number = (3..=15).contains(&digits.len()) && digits.bytes().all(|byte| byte.is_ascii_digit());
    if is_number {
        return Ok(format!("tel:{number}"));
    }
    let is_name = |text: &str| {
        !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b".-_+%:".contains(&byte))
    };
    let sip = given.strip_prefix("sip:").and_then(|rest| rest.split_once('@'));
    if sip.is_some_and(|(user, host)| is_name(user) && is_name(host)) {
        return Ok(given.to_owned());
    }
    Err(not_an_address(field, given))
}

fn not_an_address(field: &str, given: &str) -> Box<Answer> {
    let given: String = given.chars().take(80).collect();
    let message = format!("{field} is not a valid address: [{given}]. Use tel:+6512345678 or sip:user@host.");
    let mut refused = Answer::error(400, "invalid.value", &message);
    if let Some(body) = &mut refused.body {
        put(body, "details", json!([{"errorCode": "invalid.value", "fieldName": field}]));
    }
    refused
}

fn texts(map: Option<&Value>, field: &str) -> Result<Vec<(String, String)>, Box<Answer>> {
    let Some(map) = map.filter(|map| !map.is_null()) else { return Ok(Vec::new()) };
    let text = |(key, value): (&String, &Value)| {
        let value = value.as_str().filter(|value| value.len() <= MAX_TEXT)?;
        Some((key.clone(), value.to_owned()))
    };
    let all = map.as_object().and_then(|map| map.iter().map(text).collect());
    all.ok_or_else(|| Answer::error(400, "invalid.value", &format!("{field} is a map of texts.")))
}
