//! What became of it, for people and for programs.

use std::io::Write;
use std::process::ExitCode;

use ingest_genesys::platform::PlatformError;
use serde_json::{Value, json};
use throughline_sdk::genesys::calls::{
    CallError, Carried, CarriedState, Dialect, Placed, Reason, Refused, Rights, Role, Transferred,
};
use throughline_sdk::wire::Traceparent;

use crate::exit;

pub(super) struct Report {
    pub(super) json: bool,
    pub(super) dialect: Dialect,
}

/// Whether a collector took the spans; if not, where it should have been.
pub(super) type Exported = Result<(), String>;

/// Something that was done.
pub(super) trait Done {
    /// The first line.
    fn said(&self) -> String;
    /// What a program wants to know beside the rest.
    fn ids(&self) -> Value;
    fn traceparent(&self) -> Option<Traceparent>;
    fn carried(&self) -> &[Carried];
}

impl Done for Placed {
    fn said(&self) -> String {
        format!("placed: conversation {}", self.conversation)
    }

    fn ids(&self) -> Value {
        json!({"conversation_id": self.conversation})
    }

    fn traceparent(&self) -> Option<Traceparent> {
        self.traceparent
    }

    fn carried(&self) -> &[Carried] {
        &self.carried
    }
}

impl Done for Transferred {
    fn said(&self) -> String {
        let destination = self.destination.as_deref().map(|id| format!(", to participant {id}"));
        format!(
            "done: conversation {}, by participant {}{}",
            self.conversation,
            self.participant,
            destination.unwrap_or_default()
        )
    }

    fn ids(&self) -> Value {
        json!({
            "conversation_id": self.conversation,
            "participant_id": self.participant,
            "destination_participant_id": self.destination,
        })
    }

    fn traceparent(&self) -> Option<Traceparent> {
        self.traceparent
    }

    fn carried(&self) -> &[Carried] {
        &self.carried
    }
}

impl Report {
    pub(super) fn done(&self, done: &impl Done, exported: Exported) -> ExitCode {
        let parent = done.traceparent().map(|parent| parent.to_string());
        let not_exported = exported.as_ref().err();
        if self.json {
            let mut body = json!({
                "ok": true,
                "dialect": self.dialect.name(),
                "traceparent": parent,
                "carriers": done.carried().iter().map(carrier).collect::<Value>(),
                "spans_sent": exported.is_ok(),
            });
            if let (Value::Object(body), Value::Object(ids)) = (&mut body, done.ids()) {
                body.extend(ids);
            }
            say(&body.to_string());
        } else {
            let lines = [format!("context: {}", parent.as_deref().unwrap_or("none"))];
            let carried = done.carried().iter().map(|carried| format!("  {carried}"));
            let all: Vec<String> = std::iter::once(done.said()).chain(lines).chain(carried).collect();
            say(&all.join("\n"));
        }
        let failed = done.carried().iter().filter(|one| matches!(one.state, CarriedState::Failed(_)));
        failed.for_each(|carried| complain(&format!("warning: {carried}")));
        not_exported.into_iter().for_each(|why| warn_of_spans(why));
        exit::OK
    }

    /// The SDK's client says no.
    pub(super) fn error(&self, error: &CallError, exported: Exported) -> ExitCode {
        let code = match error {
            CallError::Unsuitable(_) => exit::USAGE,
            CallError::Participant { .. } => exit::INPUT,
            CallError::Refused(refused) => match refused.refusal.reason() {
                Reason::TooMany | Reason::Busy => exit::FAILED,
                _ => exit::INPUT,
            },
            _ => exit::FAILED,
        };
        let detail = match error {
            CallError::Refused(refused) => refusal(refused),
            CallError::NoAnswer { perhaps_done, .. } => json!({"perhaps_done": perhaps_done}),
            CallError::Garbled { .. } => json!({"perhaps_done": true}),
            _ => json!({}),
        };
        self.tell(&error.kind(), &error.to_string(), &error.mend(), detail);
        if !matches!(error, CallError::Unsuitable(_)) {
            exported.err().into_iter().for_each(|why| warn_of_spans(&why));
        }
        ExitCode::from(code)
    }

    /// There is no token: nothing was asked.
    pub(super) fn login(&self, error: &PlatformError) -> ExitCode {
        let (code, kind) = match error {
            PlatformError::Refused(refused) if refused.status < 429 => (exit::INPUT, "login"),
            _ => (exit::FAILED, "no_answer"),
        };
        self.tell(kind, &error.to_string(), "nothing was sent but the login", json!({"perhaps_done": false}));
        ExitCode::from(code)
    }

    pub(super) fn usage(&self, why: &str) -> ExitCode {
        self.tell("usage", why, "nothing was sent", json!({}));
        ExitCode::from(exit::USAGE)
    }

    pub(super) fn failed(&self, why: &str) -> ExitCode {
        self.tell("failed", why, "nothing was sent", json!({}));
        ExitCode::from(exit::FAILED)
    }

    fn tell(&self, kind: &str, message: &str, mend: &str, detail: Value) {
        if self.json {
            let mut error = json!({"kind": kind, "message": message, "help": mend});
            if let (Value::Object(error), Value::Object(detail)) = (&mut error, detail) {
                error.extend(detail);
            }
            say(&json!({"ok": false, "dialect": self.dialect.name(), "error": error}).to_string());
        }
        complain(&format!("error: {message}\nhelp: {mend}"));
    }
}

fn carrier(carried: &Carried) -> Value {
    let why = match &carried.state {
        CarriedState::Failed(why) => Some(why.as_str()),
        _ => None,
    };
    json!({"carrier": carried.carrier.name(), "state": carried.state.name(), "why": why})
}

fn refusal(refused: &Refused) -> Value {
    let refusal = &refused.refusal;
    json!({
        "status": refusal.status,
        "code": refusal.code,
        "fields": refusal.fields,
        "missing_permissions": refused.missing,
        "token": refused.rights.as_ref().map(rights),
        "correlation_id": refusal.correlation,
        "retry_after_seconds": refusal.retry_after.map(|after| after.as_secs()),
    })
}

/// What is not known is null.
fn rights(rights: &Rights) -> Value {
    let role = |role: &Role| json!({"name": role.name, "division": role.division});
    json!({
        "client": rights.client,
        "scopes": rights.scopes.as_ref().ok(),
        "roles": rights.roles.as_ref().ok().map(|roles| roles.iter().map(role).collect::<Value>()),
    })
}

fn warn_of_spans(at: &str) {
    complain(&format!("warning: no collector took the spans at {at}; name another with --otlp"));
}

/// Whoever reads only the beginning has what he wanted: the exit status stands.
fn say(text: &str) {
    writeln!(std::io::stdout(), "{text}").ok();
}

#[expect(clippy::print_stderr, reason = "the answer to a command")]
fn complain(text: &str) {
    eprintln!("{text}");
}
