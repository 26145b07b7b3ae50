//! How calls are watched.

use std::time::Duration;

use super::secret::Secret;

/// What becomes of numbers and names on spans.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Numbers {
    /// The beginning of a number and its last two digits; of a name nothing.
    #[default]
    Masked,
    /// A pseudonym: equal callers have equal ones.
    Hashed,
    Clear,
}

/// Settings of [`Calls`](super::Calls).
#[derive(Clone, Debug)]
pub struct Settings {
    /// `service.name` of the spans.
    pub service: String,
    /// `cloud.region` of the spans.
    pub region: Option<String>,
    pub numbers: Numbers,
    /// For ids and tokens.
    pub secret: Secret,
    /// For pseudonyms of numbers.
    pub number_secret: Secret,
    /// Messages are watched beside their path: nothing can be put into them, and copies come from several places.
    pub beside: bool,
    /// Calls that are remembered; the oldest leave.
    pub calls: usize,
    /// Transfers that are remembered; the oldest leave.
    pub transfers: usize,
    /// A call without a Session-Expires is given up after so long.
    pub longest: Duration,
    /// A call that is neither answered nor refused is given up after so long.
    pub longest_setup: Duration,
    /// After its end a call waits so long for what is late: in the path for what is repeated (RFC 3261, twice T1), beside it for
    /// copies, too.
    pub settle: Duration,
    /// How long a transfer can be taken up.
    pub token_lifetime: Duration,
    /// Bytes of spans that wait for the pipeline; more are dropped, and counted.
    pub buffer: usize,
}

impl Settings {
    pub fn new(secret: Secret) -> Self {
        Self {
            service: "sip-edge".to_owned(),
            region: None,
            numbers: Numbers::default(),
            number_secret: secret.clone(),
            secret,
            beside: false,
            calls: 100_000,
            transfers: 100_000,
            longest: Duration::from_secs(4 * 3600),
            longest_setup: Duration::from_secs(300),
            settle: Duration::from_secs(1),
            token_lifetime: Duration::from_secs(60),
            buffer: 8 << 20,
        }
    }
}
