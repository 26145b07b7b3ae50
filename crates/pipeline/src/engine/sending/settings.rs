//! `sending_queue` and `retry_on_failure`, as every exporter's section has them.

use flow::Batch;
use flow::config::{Finding, GoDuration, Node, Section};
use serde::Deserialize;

/// Both blocks; exporters put the two types into their own settings, the engine reads them with [`SendingSettings::of`].
#[derive(Clone, Default, Debug)]
pub struct SendingSettings {
    pub retry_on_failure: RetrySettings,
    pub sending_queue: QueueSettings,
    /// Whether `max_elapsed_time` is written down: what lies on the disk is given up only then.
    pub gives_up: bool,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct RetrySettings {
    pub enabled: bool,
    pub initial_interval: GoDuration,
    pub randomization_factor: f64,
    pub multiplier: f64,
    pub max_interval: GoDuration,
    /// 0 retries for ever.
    pub max_elapsed_time: GoDuration,
}

impl Default for RetrySettings {
    fn default() -> Self {
        Self {
            enabled: true,
            initial_interval: GoDuration::from_secs(5),
            randomization_factor: 0.5,
            multiplier: 1.5,
            max_interval: GoDuration::from_secs(30),
            max_elapsed_time: GoDuration::from_secs(300),
        }
    }
}

#[derive(Clone, Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct QueueSettings {
    pub enabled: bool,
    pub num_consumers: usize,
    pub queue_size: usize,
    pub sizer: Sizer,
    pub block_on_overflow: bool,
    pub wait_for_result: bool,
    pub storage: Option<String>,
    pub batch: Option<Section<QueueBatch>>,
}

impl Default for QueueSettings {
    fn default() -> Self {
        Self {
            enabled: true,
            num_consumers: 10,
            queue_size: 1000,
            sizer: Sizer::Requests,
            block_on_overflow: false,
            wait_for_result: false,
            storage: None,
            batch: None,
        }
    }
}

/// What `queue_size` counts.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Sizer {
    Requests,
    Items,
    Bytes,
}

/// Batching in front of the queue.
#[derive(Clone, Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct QueueBatch {
    pub flush_timeout: GoDuration,
    pub min_size: usize,
    pub max_size: usize,
    pub sizer: Option<Sizer>,
}

impl Default for QueueBatch {
    fn default() -> Self {
        Self { flush_timeout: GoDuration::from_millis(200), min_size: 8192, max_size: 0, sizer: None }
    }
}

impl QueueSettings {
    /// What a batch counts.
    pub(super) fn weight(&self, batch: &Batch) -> usize {
        match self.sizer {
            Sizer::Requests => 1,
            Sizer::Items => batch.items,
            Sizer::Bytes => batch.payload.len(),
        }
    }
}

impl SendingSettings {
    /// Reads the blocks of a section that [`check`] found no error in.
    pub fn of(section: &Node) -> Self {
        fn read<T: Default + for<'de> Deserialize<'de>>(section: &Node, key: &str) -> T {
            section
                .get(key)
                .filter(|node| !node.is_null())
                .and_then(|node| node.parse().ok())
                .unwrap_or_default()
        }
        Self {
            retry_on_failure: read(section, "retry_on_failure"),
            sending_queue: read(section, "sending_queue"),
            gives_up: section
                .at(["retry_on_failure", "max_elapsed_time"])
                .is_some_and(|node| !node.is_null()),
        }
    }

    /// As [`Self::of`], but a block that is not there switches its half off.
    pub fn asked_for(section: &Node) -> Self {
        let given = |key: &str| section.get(key).is_some_and(|node| !node.is_null());
        let mut settings = Self::of(section);
        settings.retry_on_failure.enabled &= given("retry_on_failure");
        settings.sending_queue.enabled &= given("sending_queue");
        settings
    }
}

/// What the types alone do not say; for every exporter, beside its own `check`.
pub fn check(section: &Node) -> Vec<Finding> {
    let settings = SendingSettings::of(section);
    let block = |key: &str| section.get(key).filter(|node| !node.is_null());
    let mut findings =
        block("retry_on_failure").map_or_else(Vec::new, |node| node.check::<RetrySettings>().1);
    findings.extend(block("sending_queue").map_or_else(Vec::new, |node| node.check::<QueueSettings>().1));
    let mut wrong = |keys: &[&str], wrong: bool, message: &str, help: &str| {
        if let (true, Some(at)) = (wrong, section.at(keys.iter().copied())) {
            findings.push(Finding::error(at, message).help(help));
        }
    };
    let retry = &settings.retry_on_failure;
    wrong(
        &["retry_on_failure", "randomization_factor"],
        !(0.0..=1.0).contains(&retry.randomization_factor),
        "must be within [0, 1]",
        "0.5 is the default",
    );
    wrong(
        &["retry_on_failure", "multiplier"],
        retry.multiplier < 0.0,
        "must not be negative",
        "1.5 is the default",
    );
    let queue = &settings.sending_queue;
    wrong(
        &["sending_queue", "num_consumers"],
        queue.num_consumers == 0,
        "must be positive",
        "10 is the default",
    );
    wrong(&["sending_queue", "queue_size"], queue.queue_size == 0, "must be positive", "1000 is the default");
    wrong(
        &["sending_queue", "wait_for_result"],
        queue.storage.is_some() && queue.wait_for_result,
        "does not go with `storage`",
        "remove one of the two: what is stored is answered before it is sent",
    );
    if let Some(batch) = &queue.batch {
        wrong(
            &["sending_queue", "batch", "max_size"],
            batch.max_size > 0 && batch.max_size < batch.min_size,
            "must not be smaller than min_size",
            "raise max_size, or set it to 0 for no limit",
        );
        wrong(
            &["sending_queue", "batch", "sizer"],
            matches!(batch.sizer, Some(Sizer::Requests | Sizer::Bytes)),
            "batches are sized by items",
            "write `sizer: items`",
        );
        wrong(
            &["sending_queue", "batch", "flush_timeout"],
            batch.flush_timeout.is_zero(),
            "must be positive",
            "200ms is the default",
        );
    }
    findings
}
