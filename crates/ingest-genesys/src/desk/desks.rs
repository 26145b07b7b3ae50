//! The desks of this process by receiver, so that what one receiver hears can be added to the conversations of another.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use tokio::sync::{mpsc, oneshot};

/// Events that wait for a desk; whoever brings more is told to come again.
const WAITING: usize = 256;

/// An event for a desk.
pub(crate) struct Told {
    pub(crate) bytes: Bytes,
    /// Answered when its facts are on the desk: false where it is no event.
    pub(crate) heard: oneshot::Sender<bool>,
}

/// Offered to the receivers of Genesys Cloud through their context.
#[derive(Default)]
pub struct Desks {
    ways: Mutex<BTreeMap<Arc<str>, mpsc::WeakSender<Told>>>,
}

/// A way to a desk, and what comes over it.
pub(crate) fn way() -> (mpsc::Sender<Told>, mpsc::Receiver<Told>) {
    mpsc::channel(WAITING)
}

impl Desks {
    /// Lets others find the desk of this receiver for as long as it is there.
    pub(crate) fn note(&self, receiver: &Arc<str>, way: &mpsc::Sender<Told>) {
        let mut ways = self.ways.lock().unwrap_or_else(PoisonError::into_inner);
        ways.insert(Arc::clone(receiver), way.downgrade());
    }

    /// The desk of the receiver of this name; without a name that of the only one, if there is one.
    pub(crate) fn find(&self, named: Option<&str>) -> Result<Option<mpsc::Sender<Told>>, String> {
        let mut ways = self.ways.lock().unwrap_or_else(PoisonError::into_inner);
        ways.retain(|_, way| way.strong_count() > 0);
        let names = || ways.keys().map(AsRef::as_ref).collect::<Vec<&str>>().join(", ");
        match (named, ways.len()) {
            (Some(name), _) => match ways.get(name).and_then(mpsc::WeakSender::upgrade) {
                Some(way) => Ok(Some(way)),
                None if ways.is_empty() => Err(format!("`join` names {name:?}, and no such receiver runs")),
                None => Err(format!("`join` names {name:?}; the receivers to join are {}", names())),
            },
            (None, 0 | 1) => Ok(ways.values().next().and_then(mpsc::WeakSender::upgrade)),
            (None, _) => {
                Err(format!("several receivers follow conversations: write `join` with one of {}", names()))
            }
        }
    }
}
