//! One call: its dialog, its transactions, what is sent again.

mod dial;
mod incoming;

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use tokio::sync::mpsc;
use tokio::time::{Instant, timeout_at};

use super::agent::Desk;
use super::message::Message;
use super::text::{self, socket};

pub use dial::Dial;
pub use incoming::Incoming;

/// A request is given up after so many times T1 (RFC 3261, section 17).
const TIMES: u32 = 64;
const MOST_BETWEEN: Duration = Duration::from_secs(4);
/// How long a call that is over still answers what was sent twice, in times of T1.
const LINGER: u32 = 8;
/// Requests that nobody asked for.
const MOST_WAITING: usize = 32;

const SDP: &str =
    "v=0\r\no=sim 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\nm=audio 9 RTP/AVP 0\r\n";

/// What an agent tells a call.
pub(super) enum Told {
    Message(Box<Message>, SocketAddr),
    HangUp,
}

/// Why a call did not come to be, or did not go on.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Failed {
    #[error("answered {0} {1}")]
    Refused(u16, String),
    #[error("{0} was not answered in time")]
    TimedOut(&'static str),
    #[error("the call is over")]
    Over,
    #[error("redirected too often")]
    Loop,
    #[error("no way to {0}")]
    NoWay(String),
}

/// A dialog, from either side.
pub struct Call {
    desk: Arc<Desk>,
    told: mpsc::Receiver<Told>,
    call_id: String,
    /// The values of From and To in requests of this side, with tags.
    local: String,
    remote: String,
    target: String,
    routes: Vec<String>,
    /// Where the first request went to or came from: the way that is known to work.
    way: SocketAddr,
    contact: String,
    sequence: u32,
    /// The last answers, by branch and method, for requests that come again.
    answers: VecDeque<(String, Message, SocketAddr)>,
    /// A 2xx that no ACK has come for, when to send it again, and how long to wait then.
    unacknowledged: Option<(Message, SocketAddr, Instant, Duration)>,
    /// The ACK of the last 2xx, for a 2xx that comes again.
    acknowledged: Option<(Message, SocketAddr)>,
    requests: VecDeque<Message>,
    over: bool,
    /// The answer to the INVITE that made this call; on the called side, the INVITE.
    pub opening: Message,
}

enum Heard {
    Request(Message, SocketAddr),
    Response(Message),
    Nothing,
}

/// What a request waits for, beside its answer.
#[derive(Default)]
struct Waiting {
    cancel_at: Option<Instant>,
    give_up_after: Option<Duration>,
}

impl Call {
    pub fn call_id(&self) -> &str {
        &self.call_id
    }

    /// The other side has hung up, or this one.
    pub fn is_over(&self) -> bool {
        self.over
    }

    /// The tag of this side and that of the other.
    pub fn tags(&self) -> (String, String) {
        let tag = |value| text::param(value, "tag").unwrap_or_default().to_owned();
        (tag(&self.local), tag(&self.remote))
    }

    /// The other side's Contact.
    pub fn target(&self) -> &str {
        &self.target
    }

    /// Asks something inside the dialog, and gives the final answer.
    pub async fn ask(
        &mut self,
        method: &'static str,
        headers: &[(String, String)],
        body: Option<(&str, &str)>,
    ) -> Result<Message, Failed> {
        if self.over {
            return Err(Failed::Over);
        }
        let mut request = self.request(method).with_all(headers);
        if let Some((kind, body)) = body {
            request = request.with_body(kind, body);
        }
        if method == "BYE" {
            self.over = true;
        }
        let to = self.next_hop()?;
        let answer = self.transact(method, &request, to, Waiting::default()).await?;
        if method == "INVITE" && answer.status().is_some_and(|status| status < 300) {
            self.acknowledge(to).await;
        }
        Ok(answer)
    }

    pub async fn hang_up(&mut self) -> Result<(), Failed> {
        if self.over {
            return Ok(());
        }
        self.ask("BYE", &[], None).await.map(drop)
    }

    /// On hold with `sendonly`, back with `sendrecv`.
    pub async fn hold(&mut self, held: bool) -> Result<(), Failed> {
        let body = format!("{SDP}a={}\r\n", if held { "sendonly" } else { "sendrecv" });
        let answer = self.ask("INVITE", &[], Some(("application/sdp", &body))).await?;
        accepted(answer).map(drop)
    }

    /// The next request of the other side, which has been answered; nothing when the call is over or the time has come.
    pub async fn next(&mut self, until: Instant) -> Option<Message> {
        loop {
            if let Some(request) = self.requests.pop_front() {
                return Some(request);
            }
            if self.over {
                return None;
            }
            match self.pump(until).await? {
                Heard::Request(request, from) => self.serve(request, from).await,
                Heard::Response(_) | Heard::Nothing => {}
            }
        }
    }

    /// Talks for so long, or until the other side hangs up.
    pub async fn talk(&mut self, lasting: Duration) {
        let until = Instant::now() + lasting;
        while self.next(until).await.is_some() {}
    }

    /// Answers what comes again for a while, without holding anybody up.
    pub fn leave(mut self) {
        tokio::spawn(async move {
            self.over = true;
            let until = Instant::now() + self.desk.settings.resend_after * LINGER;
            while let Some(heard) = self.pump(until).await {
                if let Heard::Request(request, from) = heard {
                    self.serve(request, from).await;
                }
            }
        });
    }

    fn request(&mut self, method: &str) -> Message {
        self.sequence += 1;
        let via = self.desk.via(&format!("z9hG4bK{}", self.desk.random()));
        let mut request = Message::request(method, &self.target)
            .with("Via", via)
            .with("Max-Forwards", "70")
            .with("From", self.local.clone())
            .with("To", self.remote.clone())
            .with("Call-ID", self.call_id.clone())
            .with("CSeq", format!("{} {method}", self.sequence))
            .with("Contact", format!("<{}>", self.contact));
        for route in &self.routes {
            request = request.with("Route", route.clone());
        }
        request
    }

    /// Under a transport with one way only, that way.
    fn next_hop(&self) -> Result<SocketAddr, Failed> {
        use super::Transport::{Tcp, Udp};
        if !matches!(self.desk.wire.transport, Udp | Tcp) {
            return Ok(self.way);
        }
        let next = self.routes.first().map_or(self.target.as_str(), |route| text::uri(route));
        socket(next).ok_or_else(|| Failed::NoWay(next.to_owned()))
    }

    async fn acknowledge(&mut self, to: SocketAddr) {
        let sequence = self.sequence;
        let mut ack = self.request("ACK");
        self.sequence = sequence;
        ack.set("CSeq", format!("{sequence} ACK"));
        self.desk.wire.send(&ack, to).await;
        self.acknowledged = Some((ack, to));
    }

    /// Sends a request until its final answer, and serves the other side meanwhile.
    async fn transact(
        &mut self,
        method: &'static str,
        request: &Message,
        to: SocketAddr,
        mut waiting: Waiting,
    ) -> Result<Message, Failed> {
        let (t1, invite) = (self.desk.settings.resend_after, method == "INVITE");
        let end = Instant::now() + waiting.give_up_after.unwrap_or(t1 * TIMES);
        let (mut pause, mut ringing) = (t1, false);
        self.desk.wire.send(request, to).await;
        let mut again = Instant::now() + pause;
        loop {
            let silent = self.desk.wire.reliable() || (invite && ringing);
            let cancel = waiting.cancel_at.filter(|_| ringing);
            let until =
                [(!silent).then_some(again), cancel].into_iter().flatten().min().unwrap_or(end).min(end);
            match self.pump(until).await {
                Some(Heard::Response(answer)) if answers(&answer, request) => match answer.status() {
                    Some(200..) => return self.close_invite(invite, request, answer, to).await,
                    _ => ringing = true,
                },
                Some(Heard::Request(request, from)) => self.serve(request, from).await,
                Some(Heard::Response(_) | Heard::Nothing) => {}
                None if Instant::now() >= end => return Err(Failed::TimedOut(method)),
                None if cancel.is_some_and(|at| at <= Instant::now()) => {
                    self.desk.wire.send(&cancel_of(request), to).await;
                    // A CANCEL that gets lost is sent again as well.
                    waiting.cancel_at = (!self.desk.wire.reliable()).then(|| Instant::now() + t1);
                }
                None => {
                    self.desk.resent.fetch_add(1, Ordering::Relaxed);
                    self.desk.wire.send(request, to).await;
                    pause = if invite { pause * 2 } else { (pause * 2).min(MOST_BETWEEN) };
                    again = Instant::now() + pause;
                }
            }
        }
    }

    /// Whatever is not a success is acknowledged hop by hop, within the transaction.
    async fn close_invite(
        &mut self,
        invite: bool,
        request: &Message,
        answer: Message,
        to: SocketAddr,
    ) -> Result<Message, Failed> {
        if invite && answer.status().is_some_and(|status| status >= 300) {
            let mut ack = within(request, "ACK");
            ack.set("To", answer.get("To").unwrap_or_default().to_owned());
            self.desk.wire.send(&ack, to).await;
            self.acknowledged = Some((ack, to));
        }
        Ok(answer)
    }

    /// The next thing that comes, if something comes in time. Answers what was answered before.
    async fn pump(&mut self, until: Instant) -> Option<Heard> {
        loop {
            let due = self.unacknowledged.as_ref().map(|(_, _, at, _)| *at);
            let wake = due.map_or(until, |due| due.min(until));
            match timeout_at(wake, self.told.recv()).await {
                Ok(Some(Told::Message(message, from))) => return Some(self.hear(*message, from).await),
                Ok(Some(Told::HangUp)) => {
                    let bye = self.request("BYE");
                    self.over = true;
                    if let Ok(to) = self.next_hop() {
                        self.desk.wire.send(&bye, to).await;
                    }
                    return Some(Heard::Nothing);
                }
                Ok(None) => return None,
                Err(_) if Instant::now() >= until => return None,
                Err(_) => self.send_again().await,
            }
        }
    }

    async fn send_again(&mut self) {
        let t1 = self.desk.settings.resend_after;
        if let Some((answer, to, at, pause)) = &mut self.unacknowledged {
            self.desk.resent.fetch_add(1, Ordering::Relaxed);
            self.desk.wire.send(answer, *to).await;
            *pause = (*pause * 2).min(MOST_BETWEEN.max(t1));
            *at = Instant::now() + *pause;
        }
    }

    async fn hear(&mut self, message: Message, from: SocketAddr) -> Heard {
        let Some(method) = message.method() else {
            let again = matches!(message.sequence(), Some((_, "INVITE"))) && message.status() >= Some(200);
            if let (true, Some((ack, to))) = (again, &self.acknowledged)
                && ack.sequence().map(|(number, _)| number) == message.sequence().map(|(number, _)| number)
            {
                self.desk.wire.send(ack, *to).await;
                return Heard::Nothing;
            }
            return Heard::Response(message);
        };
        if method == "ACK" {
            self.unacknowledged = None;
            return Heard::Nothing;
        }
        let key = key(&message);
        if let Some((_, answer, to)) = self.answers.iter().find(|(known, _, _)| *known == key) {
            self.desk.wire.send(answer, *to).await;
            return Heard::Nothing;
        }
        Heard::Request(message, from)
    }

    /// Answers a request inside the dialog, and keeps it for whoever plays this call.
    async fn serve(&mut self, request: Message, from: SocketAddr) {
        let answer = match request.method() {
            Some("BYE") => {
                self.over = true;
                self.unacknowledged = None;
                Message::answer(&request, 200, "OK")
            }
            Some("INVITE") => Message::answer(&request, 200, "OK")
                .with("Contact", format!("<{}>", self.contact))
                .with_body("application/sdp", SDP),
            Some("REFER") => {
                Message::answer(&request, 202, "Accepted").with("Contact", format!("<{}>", self.contact))
            }
            // Nothing that could be cancelled is still open.
            Some("CANCEL") => Message::answer(&request, 481, "Call Does Not Exist"),
            _ => Message::answer(&request, 200, "OK"),
        };
        self.answer(&request, answer, from).await;
        if self.requests.len() < MOST_WAITING {
            self.requests.push_back(request);
        }
    }

    async fn answer(&mut self, request: &Message, answer: Message, to: SocketAddr) {
        self.desk.wire.send(&answer, to).await;
        let final_one = answer.status() >= Some(200);
        if request.method() == Some("INVITE") && final_one && !self.desk.wire.reliable() {
            let pause = self.desk.settings.resend_after;
            self.unacknowledged = Some((answer.clone(), to, Instant::now() + pause, pause));
        }
        let key = key(request);
        self.answers.retain(|(known, _, _)| *known != key);
        self.answers.push_back((key, answer, to));
        if self.answers.len() > MOST_WAITING {
            self.answers.pop_front();
        }
    }
}

impl Drop for Call {
    fn drop(&mut self) {
        self.desk.leave(&self.call_id);
    }
}

/// A success, or what was said instead.
pub(super) fn accepted(answer: Message) -> Result<Message, Failed> {
    match answer.status() {
        Some(200..300) => Ok(answer),
        status => {
            let reason = match &answer.start {
                super::message::Start::Response { reason, .. } => reason.clone(),
                super::message::Start::Request { .. } => String::new(),
            };
            Err(Failed::Refused(status.unwrap_or_default(), reason))
        }
    }
}

fn key(request: &Message) -> String {
    format!("{} {}", request.branch(), request.method().unwrap_or_default())
}

fn answers(answer: &Message, request: &Message) -> bool {
    answer.sequence() == request.sequence() && answer.branch() == request.branch()
}

fn cancel_of(invite: &Message) -> Message {
    within(invite, "CANCEL")
}

/// A request of the same transaction: an ACK of a refusal, or a CANCEL.
fn within(invite: &Message, method: &str) -> Message {
    let kept = ["Via", "Max-Forwards", "From", "To", "Call-ID", "Route"];
    let headers = invite.headers.iter().filter(|(name, _)| kept.contains(&name.as_str())).cloned().collect();
    let number = invite.sequence().map_or(0, |(number, _)| number);
    let mut request = Message::request(method, invite.uri());
    request.headers = headers;
    request.with("CSeq", format!("{number} {method}"))
}
