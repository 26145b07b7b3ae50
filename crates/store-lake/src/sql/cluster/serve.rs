//! Schedulers and executors: those of Ballista, with our functions and our way to files.

use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;
use std::sync::Arc;

use ballista_core::config::TaskSchedulingPolicy;
use ballista_core::extension::SessionConfigExt;
use ballista_core::registry::BallistaFunctionRegistry;
use ballista_executor::executor_process::{ExecutorProcessConfig, start_executor_process};
use ballista_scheduler::cluster::BallistaCluster;
use ballista_scheduler::config::SchedulerConfig;
use ballista_scheduler::scheduler_process::{create_scheduler, start_grpc_service_with_listener};
use datafusion::execution::runtime_env::{RuntimeEnv, RuntimeEnvBuilder};
use datafusion::prelude::SessionConfig;
use datafusion_proto::protobuf::{LogicalPlanNode, PhysicalPlanNode};
use store_api::door::Settings;
use tokio::net::TcpListener;

use super::codec::Codec;
use super::reader::{Nowhere, Root};
use super::{LONGEST, Why, job};
use crate::sql::session;

/// Messages hold a plan, and a little more.
const MESSAGE: u32 = (LONGEST + (1 << 20)) as u32;
/// Executors tell that they are there.
const HEARTBEAT_SECONDS: u64 = 3;
/// Whoever has not is taken for dead, and what it had to do is done by another one.
const DEAD_SECONDS: u64 = 15;
/// What a job leaves on executors goes at the latest after this.
const LEFT_SECONDS: u64 = 3600;
/// What a scheduler knows of jobs that are over.
const KNOWN_SECONDS: u64 = 600;

/// Settings of a scheduler.
#[derive(Clone, Debug)]
pub struct Scheduler {
    pub listen: SocketAddr,
    /// The host by which executors reach it; that of `listen`, if there is none.
    pub advertise: Option<String>,
}

/// Settings of an executor.
#[derive(Clone, Debug)]
pub struct Executor {
    /// As in `df://10.0.0.7:50050`.
    pub scheduler: String,
    /// Where results are fetched; tasks come in at the port after it.
    pub listen: SocketAddr,
    /// The host by which the scheduler and other executors reach it; that of `listen`, if there is none.
    pub advertise: Option<String>,
    /// Where the files of the store are, as for a `lake` exporter.
    pub store: Settings,
    /// For what stages hand on.
    pub work: PathBuf,
    /// Tasks at once; as many as there are cores, if 0.
    pub cores: usize,
    /// Bytes of memory for all tasks.
    pub memory: u64,
}

/// Runs until it fails. `ready` is told the address.
pub async fn schedule(settings: Scheduler, ready: impl FnOnce(SocketAddr)) -> Result<(), Why> {
    let failed = |error: &dyn std::fmt::Display| format!("{}: {error}", settings.listen);
    let listener = TcpListener::bind(settings.listen).await.map_err(|error| failed(&error))?;
    let address = listener.local_addr().map_err(|error| failed(&error))?;
    let env = nowhere(None)?;
    let config = SchedulerConfig {
        external_host: reached(settings.advertise, address)?,
        bind_host: address.ip().to_string(),
        bind_port: address.port(),
        scheduling_policy: TaskSchedulingPolicy::PushStaged,
        enable_embedded_flight_proxy: true,
        finished_job_data_clean_up_interval_seconds: LEFT_SECONDS,
        finished_job_state_clean_up_interval_seconds: KNOWN_SECONDS,
        grpc_server_max_decoding_message_size: MESSAGE,
        grpc_server_max_encoding_message_size: MESSAGE,
        grpc_client_max_message_size: MESSAGE,
        executor_timeout_seconds: DEAD_SECONDS,
        expire_dead_executor_interval_seconds: HEARTBEAT_SECONDS,
        no_executors_grace_period_seconds: DEAD_SECONDS,
        override_config_producer: Some(Arc::new(SessionConfig::new_with_ballista)),
        override_session_builder: Some(Arc::new(move |config| Ok(session::knowing(config, &env)))),
        override_physical_codec: Some(Arc::new(Codec::new(None))),
        ..SchedulerConfig::default()
    };
    let cluster = BallistaCluster::new_from_config(&config).await.map_err(|error| failed(&error))?;
    let scheduler = create_scheduler::<LogicalPlanNode, PhysicalPlanNode>(cluster, Arc::new(config)).await;
    let scheduler = scheduler.map_err(|error| failed(&error))?;
    ready(address);
    start_grpc_service_with_listener(listener, scheduler).await.map_err(|error| failed(&error))
}

/// Runs until it is told to stop, or the scheduler is gone for long.
pub async fn execute(settings: Executor) -> Result<(), Why> {
    let (host, port) = job::address(&settings.scheduler)?;
    let root = Root::open(&settings.store).map_err(|error| error.to_string())?;
    let made = std::fs::create_dir_all(&settings.work);
    made.map_err(|error| format!("cannot make {}: {error}", settings.work.display()))?;
    let env = nowhere(Some(settings.work.clone()))?;
    let known = session::knowing(SessionConfig::new_with_ballista(), &env);
    let tasks = settings.listen.port().checked_add(1).ok_or("the port after that of --listen is none")?;
    let config = ExecutorProcessConfig {
        bind_host: host_of(settings.listen),
        external_host: Some(reached(settings.advertise, settings.listen)?),
        port: settings.listen.port(),
        grpc_port: tasks,
        scheduler_host: host.to_owned(),
        scheduler_port: port,
        scheduler_connect_timeout_seconds: 60,
        vcores: settings.cores,
        task_scheduling_policy: TaskSchedulingPolicy::PushStaged,
        work_dir: Some(settings.work.display().to_string()),
        job_data_ttl_seconds: LEFT_SECONDS,
        job_data_clean_up_interval_seconds: LEFT_SECONDS / 4,
        grpc_max_decoding_message_size: MESSAGE,
        grpc_max_encoding_message_size: MESSAGE,
        executor_heartbeat_interval_seconds: HEARTBEAT_SECONDS,
        memory_pool_size: Some(settings.memory),
        override_function_registry: Some(Arc::new(BallistaFunctionRegistry::from(&known))),
        override_runtime_producer: Some(Arc::new(move |_| Ok(Arc::clone(&env)))),
        override_config_producer: Some(Arc::new(SessionConfig::new_with_ballista)),
        override_physical_codec: Some(Arc::new(Codec::new(Some(root)))),
        ..ExecutorProcessConfig::default()
    };
    start_executor_process(Arc::new(config)).await.map_err(|error| error.to_string())
}

fn host_of(address: SocketAddr) -> String {
    match address.ip() {
        IpAddr::V4(ip) => ip.to_string(),
        IpAddr::V6(ip) => format!("[{ip}]"),
    }
}

/// The host by which others reach who listens here.
fn reached(advertise: Option<String>, listen: SocketAddr) -> Result<String, Why> {
    match advertise {
        Some(host) => Ok(host),
        None if listen.ip().is_unspecified() => {
            Err(format!("others cannot reach {}: say by which host they do with --advertise", listen.ip()))
        }
        None => Ok(host_of(listen)),
    }
}

/// Where a plan can read nothing but our files.
fn nowhere(work: Option<PathBuf>) -> Result<Arc<RuntimeEnv>, Why> {
    let mut env = RuntimeEnvBuilder::new().with_object_store_registry(Arc::new(Nowhere::default()));
    if let Some(work) = work {
        env = env.with_temp_file_path(work);
    }
    env.build_arc().map_err(|error| error.to_string())
}
