//! What happened in a call and when: facts that only grow. The order in which messages came, and how often, changes
//! nothing: of each moment the earliest counts, of answers the last transaction's.

use throughline_sip::{Message, Method, Name};

/// Who of a dialog sent a request.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub(crate) enum Side {
    Caller,
    Callee,
}

/// Branches of a fork that answered; more are not told apart.
const MOST_BRANCHES: usize = 4;
const MOST_OFFERS: usize = 16;
const MOST_REFERS: usize = 4;

#[derive(Clone, Default, Debug)]
pub(crate) struct Timeline {
    pub(crate) invited: Option<u64>,
    /// Of the last attempt to set the call up.
    pub(crate) cseq: u32,
    /// First response but 100 (RFC 6076, session request delay).
    pub(crate) responded: Option<u64>,
    pub(crate) ringing: Option<u64>,
    pub(crate) cancelled: Option<u64>,
    /// Why a CANCEL was sent, by its Reason (Q.850).
    pub(crate) cancel_cause: Option<u8>,
    pub(crate) refused: Option<Refused>,
    /// Those that answered, by their tags.
    pub(crate) branches: Vec<Branch>,
    pub(crate) offers: Vec<Offer>,
    pub(crate) refers: Vec<Refer>,
    /// The last sign of life.
    pub(crate) last: u64,
    /// Session-Expires, in seconds.
    pub(crate) refresh: Option<u32>,
}

/// A final answer that is no 2xx.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Refused {
    pub(crate) cseq: u32,
    pub(crate) at: u64,
    pub(crate) status: u16,
    /// By its Reason (RFC 6432).
    pub(crate) cause: Option<u8>,
}

/// A BYE: when, by whom, and why.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(crate) struct Bye {
    pub(crate) at: u64,
    pub(crate) side: Side,
    pub(crate) cause: Option<u8>,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Branch {
    pub(crate) tag: u64,
    pub(crate) answered: Option<u64>,
    pub(crate) bye: Option<Bye>,
    pub(crate) released: Option<u64>,
}

/// A change of the media that was asked for in the dialog.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(crate) struct Offer {
    pub(crate) side: Side,
    pub(crate) cseq: u32,
    pub(crate) at: u64,
    pub(crate) holds: Option<bool>,
    pub(crate) status: u16,
}

/// A transfer that was asked for.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Refer {
    pub(crate) side: Side,
    pub(crate) cseq: u32,
    pub(crate) at: Option<u64>,
    pub(crate) attended: bool,
    pub(crate) target: Box<str>,
    /// The response to the request itself.
    pub(crate) status: Option<(u64, u16)>,
    /// The last that a NOTIFY told of the call that followed.
    pub(crate) told: Option<(u64, u16)>,
    /// When the call that followed was seen.
    pub(crate) followed: Option<u64>,
}

pub(crate) fn earliest(known: &mut Option<u64>, at: u64) {
    *known = Some(known.map_or(at, |known| known.min(at)));
}

impl Timeline {
    pub(crate) fn alive(&mut self, at: u64) {
        self.last = self.last.max(at);
    }

    pub(crate) fn refuse(&mut self, new: Refused) {
        let Refused { cseq, at, status, cause } = new;
        self.refused = Some(match self.refused {
            Some(known) if (known.cseq, known.status) == (cseq, status) => {
                Refused { at: at.min(known.at), cause: known.cause.or(cause), ..new }
            }
            // Where two answers to one request are seen, that which came first.
            Some(known) if (known.cseq, at) >= (cseq, known.at) => known,
            _ => new,
        });
    }

    /// The branch of this tag; of too many the last.
    pub(crate) fn branch(&mut self, tag: u64) -> Option<&mut Branch> {
        let at = match self.branches.iter().position(|branch| branch.tag == tag) {
            Some(at) => at,
            None if self.branches.len() < MOST_BRANCHES => {
                self.branches.reserve_exact(1);
                self.branches.push(Branch { tag, answered: None, bye: None, released: None });
                self.branches.len() - 1
            }
            None => return None,
        };
        self.branches.get_mut(at)
    }

    pub(crate) fn offer(&mut self, side: Side, cseq: u32) -> Option<&mut Offer> {
        let at = match self.offers.iter().position(|offer| (offer.side, offer.cseq) == (side, cseq)) {
            Some(at) => at,
            None if self.offers.len() < MOST_OFFERS => {
                self.offers.push(Offer { side, cseq, at: u64::MAX, holds: None, status: 0 });
                self.offers.len() - 1
            }
            None => return None,
        };
        self.offers.get_mut(at)
    }

    pub(crate) fn refer(&mut self, side: Side, cseq: u32) -> Option<&mut Refer> {
        let at = match self.refers.iter().position(|refer| (refer.side, refer.cseq) == (side, cseq)) {
            Some(at) => at,
            None if self.refers.len() < MOST_REFERS => {
                let (at, attended, target) = (None, false, Box::default());
                let (status, told, followed) = (None, None, None);
                self.refers.reserve_exact(1);
                self.refers.push(Refer { side, cseq, at, attended, target, status, told, followed });
                self.refers.len() - 1
            }
            None => return None,
        };
        self.refers.get_mut(at)
    }

    pub(crate) fn answered(&self) -> Option<u64> {
        self.branches.iter().filter_map(|branch| branch.answered).min()
    }

    /// The first BYE of the branch that was released last.
    pub(crate) fn bye(&self) -> Option<Bye> {
        self.branches.iter().filter_map(|branch| branch.bye).max()
    }

    /// Why the call ended, or came to nothing, as far as somebody said it by Q.850.
    pub(crate) fn cause(&self) -> Option<u8> {
        let refused = self.refused.filter(|_| self.answered().is_none()).and_then(|refused| refused.cause);
        self.bye().and_then(|bye| bye.cause).or(self.cancel_cause).or(refused)
    }

    /// When talk ended because the call was handed over.
    pub(crate) fn handed_over(&self) -> Option<u64> {
        let heard = |refer: &&Refer| refer.status.is_some() || refer.told.is_some();
        let handed = self.refers.iter().filter(heard).filter(|refer| refer.failed().is_none());
        handed.filter_map(|refer| refer.at).max()
    }

    /// When all that was answered has been released, or the last attempt was refused.
    pub(crate) fn ended(&self) -> Option<u64> {
        if self.invited.is_none() {
            return self.refers.iter().map(Refer::ended).max().flatten();
        }
        let mut answered = self.branches.iter().filter(|branch| branch.answered.is_some()).peekable();
        if answered.peek().is_none() {
            let without = self.branches.iter().filter_map(|branch| branch.bye).map(|bye| bye.at).max();
            let refused = self.refused.filter(|refused| refused.cseq >= self.cseq);
            return refused.map(|refused| refused.at).or(without);
        }
        let ends = answered.map(|branch| branch.released.or(branch.bye.map(|bye| bye.at)));
        ends.collect::<Option<Vec<_>>>().and_then(|ends| ends.into_iter().max())
    }

    /// Bytes of its allocations.
    pub(crate) fn bytes(&self) -> usize {
        self.branches.capacity() * size_of::<Branch>()
            + self.offers.capacity() * size_of::<Offer>()
            + self.refers.capacity() * size_of::<Refer>()
            + self.refers.iter().map(|refer| refer.target.len()).sum::<usize>()
    }

    /// From when to when the call was on hold, by either side.
    pub(crate) fn holds(&self, end: u64) -> Vec<(u64, u64)> {
        let mut offers: Vec<_> =
            self.offers.iter().filter(|offer| (200..300).contains(&offer.status)).collect();
        offers.sort_by_key(|offer| (offer.at, offer.side, offer.cseq));
        let (mut held, mut since, mut out) = ([false; 2], None, Vec::new());
        for offer in offers {
            let Some(holds) = offer.holds else { continue };
            match (offer.side, &mut held) {
                (Side::Caller, [caller, _]) => *caller = holds,
                (Side::Callee, [_, callee]) => *callee = holds,
            }
            match (held != [false; 2], since) {
                (true, None) => since = Some(offer.at),
                (false, Some(from)) => {
                    out.push((from, offer.at));
                    since = None;
                }
                _ => {}
            }
        }
        if let Some(from) = since.filter(|from| *from < end) {
            out.push((from, end));
        }
        out
    }
}

impl Refer {
    pub(crate) fn failed(&self) -> Option<u16> {
        let statuses = [self.status, self.told].into_iter().flatten();
        statuses.map(|(_, status)| status).find(|status| *status >= 300)
    }

    /// When it was refused, or the call that followed was known to have been answered or not.
    pub(crate) fn ended(&self) -> Option<u64> {
        match (self.status, self.told) {
            (_, Some((at, 200..))) | (Some((at, 300..)), _) => Some(at),
            _ => None,
        }
    }
}

/// Whether a body of SDP puts the other side on hold (RFC 3264, section 8.4); nothing where it has no media.
pub(crate) fn holds(body: &[u8]) -> Option<bool> {
    let (mut media, mut session) = (0_u32, None);
    let mut all_held = true;
    let mut null_address = false;
    let mut current = None;
    for line in body.split(|byte| matches!(byte, b'\n' | b'\r')) {
        let direction = match line {
            b"a=sendonly" | b"a=inactive" => Some(true),
            b"a=sendrecv" | b"a=recvonly" => Some(false),
            _ => None,
        };
        match (line, direction) {
            ([b'm', b'=', ..], _) => {
                if media > 0 {
                    all_held &= current.or(session).unwrap_or(false);
                }
                (media, current) = (media + 1, None);
            }
            (b"c=IN IP4 0.0.0.0" | b"c=IN IP6 ::", _) => null_address = true,
            (_, Some(held)) if media == 0 => session = Some(held),
            (_, Some(held)) => current = Some(held),
            _ => {}
        }
    }
    all_held &= current.or(session).unwrap_or(false);
    (media > 0).then_some(all_held || null_address)
}

/// The cause that a message names by Q.850 in one of its Reasons.
pub(crate) fn cause(message: &Message) -> Option<u8> {
    message.all(Name::Reason).find_map(q850)
}

fn q850(reason: &[u8]) -> Option<u8> {
    let text = str::from_utf8(reason).ok()?;
    let mut parts = text.split(';').map(str::trim);
    if !parts.next()?.eq_ignore_ascii_case("Q.850") {
        return None;
    }
    parts.filter_map(|part| part.split_once('=')).find_map(|(name, value)| {
        name.trim().eq_ignore_ascii_case("cause").then(|| value.trim().parse().ok()).flatten()
    })
}

/// The status in a body of `message/sipfrag`.
pub(crate) fn fragment(body: &[u8]) -> Option<u16> {
    let code = body.strip_prefix(b"SIP/2.0 ")?.get(..3)?;
    str::from_utf8(code).ok()?.parse().ok().filter(|code| (100..700).contains(code))
}

/// Requests that may change the media of a dialog.
pub(crate) fn may_offer(method: Method<'_>) -> bool {
    matches!(method, Method::Invite | Method::Update)
}
