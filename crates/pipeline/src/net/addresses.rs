//! Where the listeners of this process really listen, for port 0 and for those who show it.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};

/// The book of addresses; offered to components through `Ctx`.
#[derive(Default)]
pub struct Addresses {
    known: Mutex<BTreeMap<(Arc<str>, &'static str), SocketAddr>>,
}

impl Addresses {
    pub(super) fn note(&self, component: &Arc<str>, what: &'static str, address: SocketAddr) {
        self.known().insert((Arc::clone(component), what), address);
    }

    /// Of a component's id and what it serves there: `grpc` or `http`.
    pub fn of(&self, component: &str, what: &'static str) -> Option<SocketAddr> {
        self.known().get(&(Arc::from(component), what)).copied()
    }

    /// A component that does not listen any more.
    pub(crate) fn forget(&self, component: &str) {
        self.known().retain(|(known, _), _| **known != *component);
    }

    /// All of them, by component.
    pub fn all(&self) -> Vec<(Arc<str>, &'static str, SocketAddr)> {
        self.known()
            .iter()
            .map(|((component, what), address)| (Arc::clone(component), *what, *address))
            .collect()
    }

    fn known(&self) -> std::sync::MutexGuard<'_, BTreeMap<(Arc<str>, &'static str), SocketAddr>> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
