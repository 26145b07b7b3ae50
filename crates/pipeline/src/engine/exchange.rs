//! A thing that many use and that is exchanged under them: who has begun with the old one ends with it.

use std::ops::Deref;
use std::sync::{Arc, PoisonError, RwLock};

use tokio::sync::oneshot;

/// Held for as long as it takes to clone an [`Arc`], never while anything is waited for.
pub struct Exchange<T> {
    current: RwLock<(Arc<InUse<T>>, Unused)>,
}

/// The thing, for one use of it.
pub struct InUse<T> {
    thing: T,
    /// Dropped after the thing, with the last use.
    _told: oneshot::Sender<()>,
}

/// Nobody uses the old thing any more, and it has been dropped.
pub struct Unused(oneshot::Receiver<()>);

impl<T> Exchange<T> {
    pub fn new(thing: T) -> Self {
        Self { current: RwLock::new(in_use(thing)) }
    }

    pub fn get(&self) -> Arc<InUse<T>> {
        Arc::clone(&self.current.read().unwrap_or_else(PoisonError::into_inner).0)
    }

    /// Whoever asks from now on gets this.
    pub fn put(&self, thing: T) -> Unused {
        let new = in_use(thing);
        // The old thing is dropped when the lock is free again.
        let (_old, unused) =
            std::mem::replace(&mut *self.current.write().unwrap_or_else(PoisonError::into_inner), new);
        unused
    }
}

impl<T: Default> Default for Exchange<T> {
    fn default() -> Self {
        Self::new(T::default())
    }
}

impl<T> Deref for InUse<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.thing
    }
}

impl Unused {
    pub async fn wait(self) {
        // Nothing is ever sent: the sender's end is the message.
        drop(self.0.await);
    }
}

fn in_use<T>(thing: T) -> (Arc<InUse<T>>, Unused) {
    let (told, unused) = oneshot::channel();
    (Arc::new(InUse { thing, _told: told }), Unused(unused))
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt;

    use super::*;

    #[tokio::test]
    async fn the_old_one_is_unused_when_its_last_user_is_done() {
        let exchange = Exchange::new("old");
        let (first, second) = (exchange.get(), exchange.get());
        let mut unused = Box::pin(exchange.put("new").wait());
        assert_eq!((**first, **exchange.get()), ("old", "new"));
        drop(first);
        assert!(unused.as_mut().now_or_never().is_none(), "one has begun and not ended");
        drop(second);
        unused.await;
        exchange.put("newer").wait().await;
    }
}
