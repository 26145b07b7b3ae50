//! Which trunk a peer belongs to.

use std::net::IpAddr;
use std::sync::Arc;

use crate::net::Net;
use crate::trunk::Trunk;

/// Networks of all trunks, the narrowest first.
#[derive(Clone, Default, Debug)]
pub(super) struct Trunks(Vec<(Net, Arc<Trunk>)>);

impl Trunks {
    pub(super) fn new(trunks: impl IntoIterator<Item = (Arc<Trunk>, Vec<Net>)>) -> Self {
        let of_one = |(trunk, nets): (Arc<Trunk>, Vec<Net>)| {
            nets.into_iter().map(move |net| (net, Arc::clone(&trunk)))
        };
        let mut all: Vec<_> = trunks.into_iter().flat_map(of_one).collect();
        all.sort_by_key(|(net, _)| std::cmp::Reverse(net.length));
        Self(all)
    }

    pub(super) fn find(&self, ip: IpAddr) -> Option<&Arc<Trunk>> {
        self.0.iter().find(|(net, _)| net.contains(ip)).map(|(_, trunk)| trunk)
    }
}
