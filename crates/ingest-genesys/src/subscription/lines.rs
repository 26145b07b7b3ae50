//! The sockets of the pages' dialect, one for each subscription to conversations.

use std::collections::HashMap;
use std::sync::Arc;

use tokio::task::{AbortHandle, JoinSet};

use super::line::{Ask, Line};
use crate::notify::Notices;
use crate::platform::Platform;

pub(crate) struct Lines {
    platform: Arc<Platform>,
    tls: Arc<rustls::ClientConfig>,
    notices: Notices,
    open: HashMap<u64, AbortHandle>,
    tasks: JoinSet<()>,
}

impl Lines {
    pub(crate) fn new(platform: Arc<Platform>, tls: Arc<rustls::ClientConfig>, notices: Notices) -> Self {
        Self { platform, tls, notices, open: HashMap::new(), tasks: JoinSet::new() }
    }

    pub(super) fn open(&mut self, ask: Ask) {
        let subscription = ask.subscription;
        let (platform, tls) = (Arc::clone(&self.platform), Arc::clone(&self.tls));
        let line = Line::new(ask, platform, tls, self.notices.clone());
        let before = self.open.insert(subscription, self.tasks.spawn(line.run()));
        before.into_iter().for_each(|before| before.abort());
    }

    /// The service sees the end of the connection.
    pub(super) fn close(&mut self, subscription: u64) {
        self.open.remove(&subscription).into_iter().for_each(|line| line.abort());
        while self.tasks.try_join_next().is_some() {}
    }
}
