//! One scenario on one system: start, rest, warm up, load, drain, stop.

use std::path::Path;
use std::time::Duration;

use anyhow::{Context, Result};
use tokio::time::{MissedTickBehavior, interval, sleep};

use super::figures::{Figures, Observed};
use super::scenario::Scenario;
use super::system::{Running, Settings, System};
use crate::format::Format;
use crate::load::{Bodies, Load, Report, Target};
use crate::sink::{Behaviour, Options, Sink};

/// A system that exports nothing for this long has nothing left to export.
const STALLED: Duration = Duration::from_secs(10);
/// The time an OpenTelemetry SDK waits for an answer by default.
const ANSWER_WITHIN: Duration = Duration::from_secs(10);

/// How long each part takes.
#[derive(Clone, Copy, Debug)]
pub struct Durations {
    /// Before the idle memory is read.
    pub rest: Duration,
    pub warm_up: Duration,
    pub load: Duration,
}

/// Measures. `scratch` takes the configuration and the system's log; `say` hears what happens.
pub async fn measure(
    system: &System,
    scenario: &Scenario,
    durations: Durations,
    scratch: &Path,
    say: &dyn Fn(&str),
) -> Result<Figures> {
    let config = scratch.join(scenario.config.file);
    std::fs::write(&config, scenario.config.text)
        .with_context(|| format!("cannot write {}", config.display()))?;
    let sink = Sink::start(Options::default()).await?;
    let journal = tempfile::tempdir_in(scratch)?;
    let settings = Settings {
        sink: sink.address(),
        compression: scenario.compression,
        limit_mib: scenario.limit_mib,
        slow_ms: if scenario.kept_one_in == 1 { 20 } else { 5000 },
        journal: journal.path().join("journal"),
    };
    let log = scratch.join(format!("{}-{}.log", system.name, scenario.name));
    let mut running = system.start(&config, &settings, &log)?;
    running.ready().await?;
    let trial = Trial { scenario, durations, sink, running, say };
    Ok(Figures::of(&system.name, scenario, &trial.observe().await?))
}

/// A system that runs, between a load and a sink.
struct Trial<'a> {
    scenario: &'a Scenario,
    durations: Durations,
    sink: Sink,
    running: Running,
    say: &'a dyn Fn(&str),
}

impl Trial<'_> {
    async fn observe(self) -> Result<Observed> {
        (self.say)("rest");
        sleep(self.durations.rest).await;
        let idle = self.running.usage()?;

        let scenario = self.scenario;
        let bodies = match scenario.spans_of_a_fresh_trace {
            Some(spans) => Bodies::fresh_traces(scenario.spans_per_request, spans),
            None => Bodies::encode(scenario.format, false, scenario.spans_per_request)?,
        };
        let at_least = scenario.held * 5;
        let lasting = self.durations.warm_up.max(at_least);
        let warm_up = self.put_under_load("warm-up", bodies.clone(), lasting).await;
        self.drain(warm_up.tally.accepted / scenario.kept_one_in).await;
        let before = self.running.usage()?;

        let exported_before = self.sink.spans();
        if let Some(rate) = scenario.sink_spans_per_second {
            self.sink.set(Behaviour::slow(rate));
        }
        let load = self.put_under_load("load", bodies, self.durations.load.max(at_least)).await;
        let exported_under_load = self.sink.spans() - exported_before;
        self.sink.set(Behaviour::default());
        let accepted = warm_up.tally.accepted + load.tally.accepted;
        self.drain(accepted / scenario.kept_one_in).await;
        let after = self.running.usage()?;

        (self.say)("stop");
        self.running.stop().await?;
        let sink = self.sink.counts();
        Ok(Observed { idle, warm_up, before, load, exported_under_load, after, sink })
    }

    async fn put_under_load(&self, part: &str, bodies: Bodies, lasting: Duration) -> Report {
        let format = self.scenario.format;
        let address = match format {
            Format::Grpc => self.running.ports.grpc,
            Format::Protobuf | Format::Json => self.running.ports.http,
        };
        let load = Load {
            target: Target { address, format, gzip: false },
            bodies,
            connections: self.scenario.connections,
            spans_per_second: self.scenario.spans_per_second,
            requests: None,
            lasting,
            answer_within: ANSWER_WITHIN,
            retry: None,
        };
        let mut run = std::pin::pin!(load.run());
        let mut seconds = interval(Duration::from_secs(1));
        seconds.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut exported = self.sink.spans();
        let mut left = lasting.as_secs();
        loop {
            tokio::select! {
                report = &mut run => return report,
                _ = seconds.tick() => {
                    let rate = (self.sink.spans() - exported) / 1000;
                    (self.say)(&format!("{part}: {left} s left, {rate} k spans/s out"));
                    exported = self.sink.spans();
                    left = left.saturating_sub(1);
                }
            }
        }
    }

    /// Waits until everything that is to come out came out, or nothing comes any more.
    async fn drain(&self, expected: u64) {
        let mut came = self.sink.spans();
        while came < expected {
            (self.say)(&format!("drain: {} spans left", expected - came));
            match self.sink.wait_until(STALLED, |counts| counts.spans > came).await {
                Ok(counts) => came = counts.spans,
                Err(_) => return,
            }
        }
    }
}
