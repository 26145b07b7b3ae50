//! The task that holds the conversations where no other receiver does.

use std::sync::Arc;
use std::time::Duration;

use flow::{Consumer, Ctx};
use tokio::sync::{mpsc, oneshot};
use tokio::time::{MissedTickBehavior, interval};

use crate::Settings;
use crate::desk::{Desk, Meters, Outgoing, Told, Underway};
use crate::time::now_ms;

/// How long news of conversations are gathered into one batch.
const GATHER: Duration = Duration::from_millis(100);
const FORGET: Duration = Duration::from_secs(30);

pub(super) struct Keeper {
    desk: Desk,
    outgoing: Outgoing,
    told: mpsc::Receiver<Told>,
}

impl Keeper {
    pub(super) fn new(
        settings: Settings,
        ctx: &Ctx,
        out: Arc<dyn Consumer>,
        told: mpsc::Receiver<Told>,
    ) -> Self {
        let mut desk = Desk::new(settings, now_ms());
        // Nobody can be asked for what was lost.
        desk.unsure = false;
        let meters = Meters::new(&ctx.id, "http", &ctx.telemetry);
        let underway = Underway::default();
        Self { desk, outgoing: Outgoing { receiver: Arc::clone(&ctx.id), out, meters, underway }, told }
    }

    pub(super) async fn until(mut self, mut stopped: oneshot::Receiver<()>) {
        let mut gather = interval(GATHER);
        gather.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut forget = interval(FORGET);
        loop {
            tokio::select! {
                _ = &mut stopped => break,
                Some(told) = self.told.recv() => {
                    self.outgoing.meters.events.inc();
                    self.desk.told(told, now_ms());
                }
                _ = gather.tick() => {
                    if !self.outgoing.give(&mut self.desk, now_ms(), &mut stopped).await {
                        return;
                    }
                }
                _ = forget.tick() => self.desk.forget(now_ms()),
            }
        }
        // What has ended need not settle any more: nothing comes in after this. It is offered once.
        let settled = now_ms().saturating_add(self.desk.settings.settle_ms);
        let (_, mut at_once) = oneshot::channel();
        self.outgoing.give(&mut self.desk, settled, &mut at_once).await;
    }
}
