//! The receiver `hep`: what Kamailio, OpenSIPS, FreeSWITCH, Asterisk, capture agents and SBCs mirror of their SIP.

mod packet;
mod settings;
mod serve;

use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};

use flow::config::Node;
use flow::{BoxFuture, BuildError, Ctx, Factory, Make, Outlets, Receiver, Signal};
use tls::Acceptor;
use tokio::net::{TcpListener, UdpSocket};
use tokio::sync::watch;
use tokio::task::JoinHandle;

use crate::beside::Beside;
use crate::call::Calls;
use crate::transport::now;
use crate::trunk::{ReferTo, Trunk};
use crate::watch::Watch;
use serve::{Desk, Seen};
use settings::Settings;

pub use packet::{Packet, Unreadable};

pub const IN: Factory = Factory {
    name: "hep",
    aliases: &[],
    signals: &[Signal::Traces],
    check: settings::check,
    make: Make::Receiver(|section, ctx| Ok(Arc::new(Hep::new(section, ctx)?))),
};

pub struct Hep {
    settings: Settings,
    ctx: Ctx,
    running: Mutex<Option<Running>>,
}

struct Running {
    address: SocketAddr,
    stop: watch::Sender<bool>,
    tasks: Vec<JoinHandle<()>>,
    watch: Watch<Seen>,
}

impl Hep {
    pub fn new(section: &Node, ctx: &Ctx) -> Result<Self, BuildError> {
        let settings =
            section.parse().map_err(|_| BuildError::new(&ctx.id, "the settings were not checked"))?;
        Ok(Self { settings, ctx: ctx.clone(), running: Mutex::default() })
    }

    /// Where it listens, once started: UDP and TCP.
    pub fn address(&self) -> Option<SocketAddr> {
        self.running().as_ref().map(|running| running.address)
    }

    async fn open(&self, outlets: Outlets) -> Result<(), BuildError> {
        let wrong = |why: String| BuildError::new(&self.ctx.id, why);
        let Some(traces) = outlets.traces else { return Ok(()) };
        let endpoint = self.settings.endpoint();
        let cannot = |error: std::io::Error| wrong(format!("cannot listen on {endpoint}: {error}"));
        let tcp = TcpListener::bind(&endpoint).await.map_err(cannot)?;
        let address = tcp.local_addr().map_err(cannot)?;
        let udp = UdpSocket::bind(address).await.map_err(cannot)?;
        let tls = self.settings.tls.as_ref().map(|tls| Acceptor::new(tls, &[])).transpose();
        let tls = tls.map_err(|error| wrong(error.to_string()))?;
        let calls = self.settings.calls().ok_or_else(|| wrong("the system gives no random bytes".into()))?;
        let seen = Seen { beside: self.beside(), calls: Calls::new(calls) };
        let watch = Watch::start(seen, &self.ctx, traces);
        let desk = Arc::new(Desk::new(&self.ctx, self.settings.key(), watch.watched()));
        let (stop, stopped) = watch::channel(false);
        let tasks = vec![
            tokio::spawn(serve::datagrams(udp, Arc::clone(&desk), stopped.clone())),
            tokio::spawn(serve::streams(tcp, tls, desk, stopped)),
        ];
        tracing::info!(receiver = %self.ctx.id, %address, "listening for HEP");
        *self.running() = Some(Running { address, stop, tasks, watch });
        Ok(())
    }

    fn beside(&self) -> Beside {
        let believed = self.settings.believed();
        let trunk = Arc::new(Trunk {
            name: "believed".into(),
            preserve_trace_context: true,
            user_to_user: false,
            p_asserted_identity: false,
            refer_to: ReferTo::Nothing,
        });
        Beside::new(move |address| {
            let is_one = believed.iter().any(|net| net.contains(address.ip()));
            is_one.then(|| Arc::clone(&trunk))
        })
    }

    fn running(&self) -> std::sync::MutexGuard<'_, Option<Running>> {
        self.running.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Receiver for Hep {
    fn start(&self, outlets: Outlets) -> BoxFuture<'_, Result<(), BuildError>> {
        Box::pin(self.open(outlets))
    }

    fn stop(&self) -> BoxFuture<'_, ()> {
        let running = self.running().take();
        Box::pin(async move {
            let Some(Running { stop, tasks, watch, .. }) = running else { return };
            // Tasks that have ended by themselves do not hear it.
            stop.send_replace(true);
            for task in tasks {
                if let Err(error) = task.await {
                    tracing::error!(receiver = %self.ctx.id, %error, "the receiver did not end in order");
                }
            }
            watch.end(now()).await;
        })
    }
}
