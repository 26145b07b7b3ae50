//! Transfers, from both sides: who sends a REFER, and who follows it.

use std::time::Duration;

use tokio::time::Instant;

use super::account::TRUTH;
use super::call::{Call, Failed, accepted};
use super::message::Message;
use super::text::{embedded, escape, uri};
use super::{Agent, Dial as Wanted};

const NOTIFIED_WITHIN: Duration = Duration::from_secs(20);

/// What an agent that is transferred puts into its new call.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Transferee {
    /// The URI as it is, and nothing else.
    #[default]
    Naive,
    /// And the `Referred-By` that it was given.
    ReferredBy,
    /// And the headers that were embedded in the URI.
    Embedded,
    /// And the trace context that it was called with, or began with.
    Aware,
}

impl Transferee {
    pub const ALL: [Self; 4] = [Self::Naive, Self::ReferredBy, Self::Embedded, Self::Aware];
}

/// What follows a REFER.
pub struct Referred<'a> {
    pub agent: &'a Agent,
    pub transferee: Transferee,
    pub from: &'a str,
    /// The truth about the chain.
    pub truth: &'a str,
    /// What a trace-aware agent knows.
    pub traceparent: Option<&'a str>,
}

impl Referred<'_> {
    /// Calls whom the REFER names, and tells the referrer how that went.
    pub async fn follow(&self, call: &mut Call, refer: &Message) -> Result<Call, Failed> {
        notify(call, "100 Trying", "active").await?;
        let dialled = self.agent.dial(&self.dial(refer)).await;
        let said = match &dialled {
            Ok(_) => "200 OK".to_owned(),
            Err(Failed::Refused(status, reason)) => format!("{status} {reason}"),
            Err(_) => "408 Request Timeout".to_owned(),
        };
        // The referrer may have hung up before it was told.
        notify(call, &said, "terminated;reason=noresource").await.ok();
        dialled
    }

    fn dial(&self, refer: &Message) -> Wanted {
        let (target, inside) = embedded(uri(refer.get("Refer-To").unwrap_or_default()));
        let mut headers = vec![(TRUTH.to_owned(), self.truth.to_owned())];
        let copied = inside.into_iter().filter(|(name, _)| {
            // Whoever can be transferred at all after a consultation knows this one.
            self.transferee == Transferee::Embedded || name.eq_ignore_ascii_case("Replaces")
        });
        headers.extend(copied);
        let by = refer.get("Referred-By").filter(|_| self.transferee != Transferee::Naive);
        headers.extend(by.map(|by| ("Referred-By".to_owned(), by.to_owned())));
        let known = self.traceparent.filter(|_| self.transferee == Transferee::Aware);
        headers.extend(known.map(|value| ("traceparent".to_owned(), child(value, &self.agent.random()))));
        Wanted { from: self.from.to_owned(), to: target.to_owned(), headers, ..Wanted::default() }
    }
}

/// Sends the other side to somebody, waits until it is there, and hangs up.
pub async fn refer(call: &mut Call, to: &str, by: &str) -> Result<(), Failed> {
    let headers = [("Refer-To".to_owned(), format!("<{to}>")), ("Referred-By".to_owned(), format!("<{by}>"))];
    accepted(call.ask("REFER", &headers, None).await?)?;
    let until = Instant::now() + NOTIFIED_WITHIN;
    while let Some(request) = call.next(until).await {
        let said = request.body.split_whitespace().nth(1).and_then(|status| status.parse::<u16>().ok());
        match said.filter(|_| request.method() == Some("NOTIFY")) {
            None | Some(..200) => {}
            Some(200..300) => return call.hang_up().await,
            Some(status) => return Err(Failed::Refused(status, "to the transferee".to_owned())),
        }
    }
    Err(if call.is_over() { Failed::Over } else { Failed::TimedOut("NOTIFY") })
}

/// A URI that takes the place of a call: that of the third party, as the transferor sees it.
pub fn in_place_of(consulted: &Call) -> String {
    let (own, other) = consulted.tags();
    let replaces = format!("{};to-tag={other};from-tag={own}", consulted.call_id());
    format!("{}?Replaces={}", consulted.target(), escape(&replaces))
}

async fn notify(call: &mut Call, said: &str, state: &str) -> Result<(), Failed> {
    let headers =
        [("Event".to_owned(), "refer".to_owned()), ("Subscription-State".to_owned(), state.to_owned())];
    let body = format!("SIP/2.0 {said}\r\n");
    call.ask("NOTIFY", &headers, Some(("message/sipfrag;version=2.0", &body))).await.map(drop)
}

/// The same trace, another parent.
pub(super) fn child(traceparent: &str, parent: &str) -> String {
    let parts: Vec<_> = traceparent.split('-').collect();
    match parts.as_slice() {
        [version, trace, _, flags] => format!("{version}-{trace}-{parent}-{flags}"),
        _ => traceparent.to_owned(),
    }
}
