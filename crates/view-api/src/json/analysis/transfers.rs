//! Who is handed over to whom.

use serde::Serialize;
use store_api::Summary;
use store_api::analysis::transfers;
use utoipa::ToSchema;

use super::{Covers, Latency, Ns};

/// From queue to queue, of interactions that started in the range.
#[derive(Serialize, ToSchema)]
pub(crate) struct Transfers {
    covers: Covers,
    /// Interactions in the range.
    n: u64,
    /// Of these, handed over at least once.
    transferred: u64,
    /// Handed over more than once.
    repeated: u64,
    /// The most frequent first.
    edges: Vec<TransferEdge>,
    /// Handed over more than once, the most often first.
    repeats: Vec<RepeatTransfer>,
    /// Interactions joined by links, in the order of time; the longest chain first.
    chains: Vec<ChainBrief>,
    /// From here on no link was left out: they are looked for in all spans, the rest in those of calls that may have been handed over.
    chains_complete_from: Ns,
}

#[derive(Serialize, ToSchema)]
struct TransferEdge {
    /// The queue before; null where the call had been in none.
    #[schema(required)]
    from: Option<String>,
    /// A queue or an agent; null where nothing tells.
    #[schema(required)]
    to: Option<String>,
    /// queue, agent, flow, number, voicemail or unknown
    to_kind: String,
    /// blind + consult + other + overflow
    n: u64,
    blind: u64,
    consult: u64,
    /// Another kind, or nothing tells.
    other: u64,
    /// The platform moved the call on by itself, before anybody talked: no hand-over.
    overflow: u64,
    /// From the hand-over until somebody talked, or the call ended.
    added_wait: Latency,
    /// The id of the latest interaction.
    example: String,
}

#[derive(Serialize, ToSchema)]
struct RepeatTransfer {
    interaction_id: String,
    start_ns: Ns,
    duration_ns: Ns,
    transfers: u64,
    queues: Vec<String>,
    waited_ns: Ns,
}

#[derive(Serialize, ToSchema)]
struct ChainBrief {
    interaction_ids: Vec<String>,
    start_ns: Ns,
    /// From the start of the first to the end of the last.
    duration_ns: Ns,
}

impl Transfers {
    pub(crate) fn of(found: transfers::Transfers, as_of: u64) -> Self {
        Self {
            covers: Covers::of(&found.covered, as_of),
            n: found.n,
            transferred: found.transferred,
            repeated: found.repeated,
            edges: found.edges.into_iter().map(TransferEdge::from).collect(),
            repeats: found.repeats.into_iter().map(RepeatTransfer::from).collect(),
            chains: found.chains.iter().filter_map(|chain| ChainBrief::of(chain)).collect(),
            chains_complete_from: Ns(found.chains_from),
        }
    }
}

impl From<transfers::Edge> for TransferEdge {
    fn from(of: transfers::Edge) -> Self {
        Self {
            to: of.to.name().map(str::to_owned),
            to_kind: of.to.kind().to_owned(),
            from: of.from,
            n: of.n,
            blind: of.blind,
            consult: of.consult,
            other: of.other,
            overflow: of.overflow,
            added_wait: of.added_wait.into(),
            example: of.example,
        }
    }
}

impl From<(Summary, u64)> for RepeatTransfer {
    fn from((call, transfers): (Summary, u64)) -> Self {
        Self {
            start_ns: Ns(call.start_ns),
            duration_ns: Ns(call.duration_ns()),
            transfers,
            waited_ns: Ns(call.waited_ns()),
            interaction_id: call.id,
            queues: call.queues,
        }
    }
}

impl ChainBrief {
    fn of(chain: &[Summary]) -> Option<Self> {
        let start = chain.first()?.start_ns;
        let end = chain.iter().map(|call| call.end_ns).max()?;
        Some(Self {
            interaction_ids: chain.iter().map(|call| call.id.clone()).collect(),
            start_ns: Ns(start),
            duration_ns: Ns(end.saturating_sub(start)),
        })
    }
}
