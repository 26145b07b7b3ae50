//! OPTIONS to targets, and their answers.

use bytes::Bytes;
use throughline_sip::{Builder, Message, Method, Name, Via};

use super::Edge;
use super::counts::Direction;
use super::flow::{Flow, Output};
use super::next_hop::Target;
use super::own::Listener;
use super::secret::Mark;

/// What a branch of ours has where it is not of a request that was passed on.
const PROBE: &[u8] = b"z9hG4bKprobe";

impl Edge {
    pub(super) fn probe(&mut self, now: u64, out: &mut Vec<Output>) {
        for group in &mut self.groups {
            let Some(probing) = group.probing else { continue };
            for target in &mut group.targets {
                self.probes = self.probes.wrapping_add(1);
                if target.health.tick(now, &probing) {
                    self.turned.push((group.name.clone(), target.address, target.health.is_up()));
                }
                if !target.health.due(now, &probing, self.probes) {
                    continue;
                }
                let Some(listener) = self.own.outgoing(target.transport, target.address.ip(), 0) else {
                    continue;
                };
                let Some(bytes) = self.own.get(listener).and_then(|own| options(own, target, self.probes))
                else {
                    continue;
                };
                let to = Flow { listener, transport: target.transport, peer: target.address, connection: 0 };
                self.counts.request(Method::Options, Direction::Out, to.transport);
                out.push(Output::Send { to, bytes });
            }
        }
    }

    /// Whether this answers a probe.
    pub(super) fn probed(&mut self, via: &Via<'_>, message: &Message) -> bool {
        let number = via.branch().and_then(|branch| branch.strip_prefix(PROBE)).and_then(Mark::read);
        let (Some(Mark(number)), Some(status)) = (number, message.status()) else { return false };
        if status < 200 {
            return true;
        }
        for group in &mut self.groups {
            let Some(probing) = group.probing else { continue };
            for target in &mut group.targets {
                // Whatever else a target answers, it is there.
                let Some(turned) = target.health.answered(number, status != 503, &probing) else { continue };
                if turned {
                    self.turned.push((group.name.clone(), target.address, target.health.is_up()));
                }
                return true;
            }
        }
        false
    }
}

fn options(own: &Listener, target: &Target, number: u64) -> Option<Bytes> {
    let (by, name) = (own.sent_by(), target.transport.name());
    let parameter = match target.transport.is_stream() {
        true => format!(";transport={}", target.transport.token()),
        false => String::new(),
    };
    let uri = format!("sip:{}{parameter}", target.address);
    let mark = Mark(number);
    let branch = str::from_utf8(PROBE).ok()?;
    Builder::request(Method::Options, &uri)
        .header(Name::Via, format!("SIP/2.0/{name} {by};rport;branch={branch}{mark}"))
        .header(Name::MaxForwards, "1")
        .header(Name::From, format!("<sip:{by}>;tag={mark}"))
        .header(Name::To, format!("<{uri}>"))
        .header(Name::CallId, format!("probe-{mark}@{by}"))
        .header(Name::CSeq, "1 OPTIONS")
        .build()
        .ok()
}
