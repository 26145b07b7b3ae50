//! Calls that go out.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use super::{Call, Failed, SDP, Waiting, accepted};
use crate::sip::agent::Desk;
use crate::sip::message::Message;
use crate::sip::text::{embedded, list, socket, uri};

/// Redirections that are followed.
const MOST_REDIRECTIONS: usize = 5;

/// A call to make.
#[derive(Clone, Debug, Default)]
pub struct Dial {
    /// The user part of the caller's address.
    pub from: String,
    pub to: String,
    pub headers: Vec<(String, String)>,
    /// Gives up so long after ringing began.
    pub cancel_after: Option<Duration>,
    /// Gives up if there is no final answer so long; 64 times T1 unless said.
    pub give_up_after: Option<Duration>,
}

impl Call {
    pub(in crate::sip) async fn dial(desk: &Arc<Desk>, dial: &Dial) -> Result<Self, Failed> {
        let mut to = dial.to.clone();
        for _ in 0..MOST_REDIRECTIONS {
            let mut call = Self::outgoing(desk, dial, &to)?;
            let answer = call.invite(dial).await?;
            match answer.status() {
                Some(200..300) => {
                    call.opening = answer;
                    return Ok(call);
                }
                Some(300..400) => {
                    let contact = answer.values("Contact").first().map(|contact| uri(contact).to_owned());
                    to = contact.ok_or_else(|| Failed::NoWay("a redirection without Contact".to_owned()))?;
                    call.leave();
                }
                _ => {
                    call.leave();
                    return accepted(answer).and(Err(Failed::Over));
                }
            }
        }
        Err(Failed::Loop)
    }

    fn outgoing(desk: &Arc<Desk>, dial: &Dial, to: &str) -> Result<Self, Failed> {
        let (target, _) = embedded(to);
        let way = desk.settings.outbound.or_else(|| socket(target));
        let way = way.ok_or_else(|| Failed::NoWay(target.to_owned()))?;
        let call_id = format!("{}@{}", desk.random(), desk.wire.local.ip());
        let contact = desk.contact(&dial.from);
        Ok(Self {
            told: desk.enter(&call_id),
            local: format!("<sip:{}@{}>;tag={}", dial.from, desk.wire.local, desk.random()),
            remote: format!("<{}>", target.split(';').next().unwrap_or(target)),
            target: target.to_owned(),
            opening: Message::request("INVITE", target),
            desk: desk.clone(),
            call_id,
            routes: Vec::new(),
            way,
            contact,
            sequence: 0,
            answers: Default::default(),
            unacknowledged: None,
            acknowledged: None,
            requests: Default::default(),
            over: false,
        })
    }

    async fn invite(&mut self, dial: &Dial) -> Result<Message, Failed> {
        let invite = self.request("INVITE").with("Allow", "INVITE, ACK, CANCEL, BYE, REFER, NOTIFY, OPTIONS");
        let invite = invite.with_all(&dial.headers).with_body("application/sdp", SDP);
        let waiting = Waiting {
            cancel_at: dial.cancel_after.map(|after| Instant::now() + after),
            give_up_after: dial.give_up_after,
        };
        let way = self.way;
        let answer = self.transact("INVITE", &invite, way, waiting).await?;
        if matches!(answer.status(), Some(200..300)) {
            answer.get("To").unwrap_or_default().clone_into(&mut self.remote);
            if let Some(contact) = answer.values("Contact").first() {
                uri(contact).clone_into(&mut self.target);
            }
            self.routes = list(answer.values("Record-Route").into_iter().rev())
                .into_iter()
                .map(str::to_owned)
                .collect();
            let to = self.next_hop()?;
            self.acknowledge(to).await;
        }
        Ok(answer)
    }
}
