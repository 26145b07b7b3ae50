//! What can be chosen about the simulated service.

use super::Faults;
use crate::genesys::scenario::Scenario;

#[derive(Clone)]
pub struct Options {
    pub seed: u64,
    pub scenarios: Vec<Scenario>,
    pub traffic: Traffic,
    pub client_id: String,
    pub client_secret: String,
    pub token_validity_s: u64,
    /// Permissions that the client's roles lack; it has all others.
    pub denied: Vec<String>,
    /// The agent on whose behalf the token was granted; client credentials have none.
    pub user: Option<String>,
    pub requests_per_minute: u64,
    /// Queues beside those of the scenarios, to see how a client copes with many topics.
    pub extra_queues: usize,
    pub topics_per_channel: usize,
    pub channels_per_client: usize,
    /// Conversations that are kept for REST and analytics after their end.
    pub keep: usize,
    /// The most that live at a time, whoever begins them.
    pub max_live: usize,
    pub faults: Faults,
}

/// Which conversations begin by themselves.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Traffic {
    /// They come whenever they like, so many a minute on average.
    pub calls_per_minute: f64,
    /// So many live at any time: one begins when another ends.
    pub concurrent: usize,
    /// So many begin at once, so that there is something to see.
    pub at_first: usize,
    /// After so many no more begin.
    pub calls: Option<u64>,
    /// All durations of the scenarios are divided by this.
    pub speed: f64,
    /// How far durations go from those of the scenarios, from one conversation to the next; 0 is not at all.
    pub spread: f64,
}

impl Options {
    /// No traffic, and the limits of the real service.
    pub fn quiet(scenarios: Vec<Scenario>) -> Self {
        Self {
            seed: 1,
            scenarios,
            traffic: Traffic { speed: 1.0, ..Traffic::default() },
            client_id: "simulated-client".to_owned(),
            client_secret: "simulated-secret".to_owned(),
            token_validity_s: 86_400,
            denied: Vec::new(),
            user: None,
            requests_per_minute: 300,
            extra_queues: 0,
            topics_per_channel: 1000,
            channels_per_client: 20,
            keep: 20_000,
            max_live: 20_000,
            faults: Faults::default(),
        }
    }
}

impl std::fmt::Debug for Options {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let scenarios = self.scenarios.len();
        out.debug_struct("Options")
            .field("seed", &self.seed)
            .field("scenarios", &scenarios)
            .finish_non_exhaustive()
    }
}
