//! A simulator whose clock the test holds, and a client of it.

use serde_json::{Value, json};
use sim::genesys::record::org::{queue_id, user_id};
use sim::genesys::scenario::library;
use sim::genesys::serve::{Pace, Settings, Simulator};
use sim::genesys::service::Options;
use throughline_sdk::genesys::calls::{Calls, Dialect, Http, Identity, OutboundCall};

const START: u64 = 1_772_359_200_000;

pub(crate) struct Site {
    pub(crate) simulator: Simulator,
    pub(crate) token: String,
}

impl Site {
    pub(crate) async fn open() -> Self {
        Self::with(|_| {}).await
    }

    pub(crate) async fn with(change: impl FnOnce(&mut Options)) -> Self {
        // Built together with crates that use TLS, reqwest asks for a provider.
        rustls::crypto::ring::default_provider().install_default().ok();
        let mut options = Options::quiet(library().unwrap());
        change(&mut options);
        let settings = Settings { pace: Pace::Manual { start_ms: START }, ..Settings::default() };
        let simulator = Simulator::start(options, settings).await.unwrap();
        let login = reqwest::Client::new()
            .post(format!("{}/oauth/token", simulator.base_url()))
            .basic_auth("simulated-client", Some("simulated-secret"))
            .header("content-type", "application/x-www-form-urlencoded")
            .body("grant_type=client_credentials");
        let granted: Value = parsed(login.send().await.unwrap()).await;
        let token = granted["access_token"].as_str().unwrap().to_owned();
        Self { simulator, token }
    }

    pub(crate) fn calls(&self, dialect: Dialect) -> Calls<Http> {
        self.as_identity(dialect, Identity::Client)
    }

    pub(crate) fn as_identity(&self, dialect: Dialect, identity: Identity) -> Calls<Http> {
        let api = Http::new(reqwest::Client::new(), &self.simulator.base_url(), &self.token).unwrap();
        Calls::new(api, dialect, identity)
    }

    /// Lets time go by.
    pub(crate) fn wait(&self, milliseconds: u64) {
        let now = self.simulator.with(|service| service.now());
        self.simulator.advance(now + milliseconds);
    }

    pub(crate) async fn conversation(&self, id: &str) -> Value {
        let url = format!("{}/api/v2/conversations/{id}", self.simulator.base_url());
        parsed(reqwest::Client::new().get(url).bearer_auth(&self.token).send().await.unwrap()).await
    }

    /// What the simulator kept of requests that the service takes without a word.
    pub(crate) async fn seen(&self) -> Value {
        parsed(reqwest::get(format!("{}/sim/seen", self.simulator.base_url())).await.unwrap()).await
    }

    pub(crate) fn requests(&self) -> u64 {
        self.simulator.with(|service| service.tally().requests)
    }
}

async fn parsed(response: reqwest::Response) -> Value {
    let text = response.text().await.unwrap();
    serde_json::from_str(&text).unwrap_or_else(|_| json!(text))
}

pub(crate) fn ann() -> String {
    user_id("ann")
}

pub(crate) fn bob() -> String {
    user_id("bob")
}

pub(crate) fn technical() -> String {
    queue_id("technical")
}

pub(crate) fn to(address: &str) -> OutboundCall {
    OutboundCall::new(address.parse().unwrap())
}

pub(crate) fn participant<'a>(conversation: &'a Value, purpose: &str) -> &'a Value {
    let all = conversation["participants"].as_array().unwrap();
    all.iter().find(|one| one["purpose"] == purpose).unwrap()
}
