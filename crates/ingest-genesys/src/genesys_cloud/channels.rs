//! As many channels as the topics need.

use std::sync::Arc;

use tokio::sync::watch;
use tokio::task::JoinSet;

use crate::notify::{Allocation, CHANNELS, Channel, Notices};
use crate::platform::Platform;

pub(super) struct Channels {
    platform: Arc<Platform>,
    tls: Arc<rustls::ClientConfig>,
    notices: Notices,
    allocation: Allocation,
    topics: Vec<watch::Sender<Arc<Vec<String>>>>,
    tasks: JoinSet<()>,
}

impl Channels {
    pub(super) fn new(platform: Arc<Platform>, tls: Arc<rustls::ClientConfig>, notices: Notices) -> Self {
        Self {
            platform,
            tls,
            notices,
            allocation: Allocation::default(),
            topics: Vec::new(),
            tasks: JoinSet::new(),
        }
    }

    /// Subscribes to these topics from now on; the ones that have no place are given back.
    pub(super) fn want(&mut self, topics: &[String]) -> Vec<String> {
        let change = self.allocation.want(topics.iter().map(String::as_str), CHANNELS);
        for number in change.channels {
            let list: Arc<Vec<String>> =
                Arc::new(self.allocation.topics(number).map(str::to_owned).collect());
            match self.topics.get(number) {
                Some(known) => {
                    known.send_replace(list);
                }
                None => self.open(list),
            }
        }
        change.left_out
    }

    /// Channels come one after the other, in the order of their numbers.
    fn open(&mut self, list: Arc<Vec<String>>) {
        let (sender, receiver) = watch::channel(list);
        let (platform, tls) = (Arc::clone(&self.platform), Arc::clone(&self.tls));
        let channel = Channel::new(self.topics.len(), platform, tls, receiver, self.notices.clone());
        self.tasks.spawn(channel.run());
        self.topics.push(sender);
    }

    pub(super) fn len(&self) -> usize {
        self.topics.len()
    }

    /// Closes all sockets.
    pub(super) async fn close(mut self) {
        self.topics.clear();
        drop(self.notices);
        while self.tasks.join_next().await.is_some() {}
    }
}
