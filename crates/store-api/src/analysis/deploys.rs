//! Which version of a service was seen when.

use std::collections::BTreeMap;

use super::counted::Finished;
use crate::question::Range;

/// Services, and versions of one service; what comes later is left out.
const SERVICES: usize = 200;
const VERSIONS: usize = 50;

/// The first sight of a version of a service that ran another version before.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Deploy {
    pub at_ns: u64,
    pub service: String,
    pub version: String,
    pub before: String,
}

#[derive(Default)]
pub(crate) struct Deploys(BTreeMap<String, BTreeMap<String, u64>>);

impl Deploys {
    pub(crate) fn see(&mut self, one: &Finished<'_>) {
        let (service, version, ns) = match one {
            Finished::Span(_, seen) => (Some(seen.service), seen.version, seen.span.start_ns),
            Finished::Row(row) => {
                (row.series.service.as_deref(), row.series.version.as_deref(), row.first_ns)
            }
        };
        if let Some((service, version)) = service.zip(version) {
            self.note(service, version, ns);
        }
    }

    fn note(&mut self, service: &str, version: &str, ns: u64) {
        if !self.0.contains_key(service) {
            if self.0.len() >= SERVICES {
                return;
            }
            self.0.insert(service.to_owned(), BTreeMap::new());
        }
        let Some(versions) = self.0.get_mut(service) else { return };
        if let Some(first) = versions.get_mut(version) {
            *first = ns.min(*first);
        } else if versions.len() < VERSIONS {
            versions.insert(version.to_owned(), ns);
        }
    }

    /// Those in the range, in the order of time. The first version of all was there before.
    pub(crate) fn within(self, range: Range) -> Vec<Deploy> {
        let mut deploys = Vec::new();
        for (service, versions) in self.0 {
            let mut versions: Vec<(u64, String)> =
                versions.into_iter().map(|(version, first)| (first, version)).collect();
            versions.sort_unstable();
            let later = versions.iter().zip(versions.iter().skip(1));
            deploys.extend(later.filter(|(_, (at, _))| range.contains(*at)).map(
                |((_, before), (at, version))| Deploy {
                    at_ns: *at,
                    service: service.clone(),
                    version: version.clone(),
                    before: before.clone(),
                },
            ));
        }
        deploys.sort_by(|a, b| (a.at_ns, &a.service).cmp(&(b.at_ns, &b.service)));
        deploys
    }
}
