//! A plan on its way through a cluster: sent to the scheduler, waited for, fetched, and called off when nobody waits.

use std::sync::LazyLock;
use std::time::Duration;

use ballista_core::client::BallistaClient;
use ballista_core::serde::protobuf::execute_query_params::Query;
use ballista_core::serde::protobuf::job_status::Status;
use ballista_core::serde::protobuf::scheduler_grpc_client::SchedulerGrpcClient;
use ballista_core::serde::protobuf::{
    CancelJobParams, CleanJobDataParams, ExecuteQueryParams, KeyValuePair, PartitionLocation,
};
use ballista_core::serde::scheduler::PartitionId;
use ballista_core::version;
use datafusion::physical_plan::SendableRecordBatchStream;
use datafusion::physical_plan::stream::RecordBatchStreamAdapter;
use futures_util::{StreamExt, TryStreamExt, stream};
use store_api::StoreError;
use store_api::door;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::runtime::Handle;
use tokio::sync::oneshot;
use tonic::transport::{Channel, Endpoint};

use super::plan::Planned;
use super::{LONGEST, Why, holding};
use crate::disk::random;
use crate::sql::looking::external;

/// To be reached; a question should not wait for who is not there.
const REACH: Duration = Duration::from_secs(2);

/// The scheduler remembers one of each node.
static SESSION: LazyLock<String> = LazyLock::new(|| format!("{:016x}", random()));

type Client = SchedulerGrpcClient<Channel>;

/// Host and port of `df://host:port`.
pub(crate) fn address(scheduler: &str) -> Result<(&str, u16), Why> {
    let named = scheduler.strip_prefix("df://").and_then(|rest| rest.trim_end_matches('/').rsplit_once(':'));
    let known = named.and_then(|(host, port)| Some((host, port.parse().ok()?)));
    known
        .filter(|(host, _)| !host.is_empty())
        .ok_or_else(|| format!("`{scheduler}` is not the address of a scheduler: write df://host:port"))
}

/// The work is over, and what it left goes, when this does.
struct Job {
    client: Client,
    id: String,
    done: bool,
}

impl Drop for Job {
    fn drop(&mut self) {
        let (mut client, job_id, done) = (self.client.clone(), std::mem::take(&mut self.id), self.done);
        let Ok(runtime) = Handle::try_current() else { return };
        runtime.spawn(async move {
            let gone = match done {
                true => client
                    .clean_job_data(CleanJobDataParams { job_id, remove_stage_ids: Vec::new() })
                    .await
                    .map(drop),
                false => client.cancel_job(CancelJobParams { job_id }).await.map(drop),
            };
            if let Err(status) = gone {
                tracing::debug!(why = status.message(), "a job of the cluster could not be called off");
            }
        });
    }
}

pub(super) async fn run(cluster: &door::Cluster, planned: Planned) -> Result<SendableRecordBatchStream, Why> {
    let (host, port) = address(&cluster.scheduler)?;
    let away = |why: String| format!("the scheduler at {} does not answer: {why}", cluster.scheduler);
    ready(host, port).await.map_err(away)?;
    let endpoint =
        Endpoint::from_shared(format!("http://{host}:{port}")).map_err(|error| away(told(&error)))?;
    let channel = endpoint.connect_timeout(REACH).tcp_nodelay(true).connect().await;
    let channel = channel.map_err(|error| away(told(&error)))?;
    let client =
        Client::new(channel).max_encoding_message_size(LONGEST + 1).max_decoding_message_size(LONGEST);
    let settings = planned.settings.into_iter().map(|(key, value)| KeyValuePair { key, value });
    let params = ExecuteQueryParams {
        session_id: SESSION.clone(),
        settings: settings.collect(),
        operation_id: format!("{:016x}", random()),
        query: Some(Query::PhysicalPlan(planned.bytes)),
    };
    // Its number is told late; until then only who listens can call it off.
    let (tell, told) = oneshot::channel();
    tokio::spawn(follow(client, params, tell));
    let done = told.await.map_err(|_| away("it hung up".to_owned()))?;
    let (job, parts) =
        done.map_err(|why| format!("the cluster at {} could not: {why}", cluster.scheduler))?;
    fetch(host, port, job, parts).await
}

/// A job waits for executors as long as there are none; a question does not.
async fn ready(host: &str, port: u16) -> Result<(), Why> {
    let asked = async {
        let mut stream = TcpStream::connect((host.trim_matches(['[', ']']), port)).await?;
        let request = format!("GET /readyz HTTP/1.1\r\nhost: {host}:{port}\r\nconnection: close\r\n\r\n");
        stream.write_all(request.as_bytes()).await?;
        let mut answer = String::new();
        stream.take(4096).read_to_string(&mut answer).await?;
        Ok::<_, std::io::Error>(answer)
    };
    let waited = || format!("nothing for {} seconds", REACH.as_secs());
    let answer = tokio::time::timeout(REACH, asked).await.map_err(|_| waited())?;
    let answer = answer.map_err(|error| error.to_string())?;
    match answer.split(' ').nth(1) {
        Some("200") => Ok(()),
        Some("503") => Err("it has no executors".to_owned()),
        _ => Err("it is no scheduler".to_owned()),
    }
}

type Done = Result<(Job, Vec<PartitionLocation>), Why>;

/// Waits until a job is over, or nobody waits for it.
async fn follow(mut client: Client, params: ExecuteQueryParams, mut tell: oneshot::Sender<Done>) {
    let mut request = tonic::Request::new(params);
    version::insert_version_header(request.metadata_mut());
    let mut statuses = match client.execute_query_push(request).await {
        Ok(answer) => answer.into_inner(),
        Err(status) => return drop(tell.send(Err(status.message().to_owned()))),
    };
    let mut job: Option<Job> = None;
    let over = loop {
        let next = tokio::select! {
            next = statuses.message() => next,
            // Dropping the job calls it off.
            () = tell.closed(), if job.is_some() => return,
        };
        let status = match next {
            Ok(Some(status)) => status.status,
            Ok(None) => break Err("it ended without an answer".to_owned()),
            Err(status) => break Err(status.message().to_owned()),
        };
        let Some(status) = status else { continue };
        let known = || Job { client: client.clone(), id: status.job_id, done: false };
        job.get_or_insert_with(known);
        match status.status {
            Some(Status::Successful(done)) => break Ok(done.partition_location),
            Some(Status::Failed(failed)) => break Err(failed.error),
            Some(Status::Queued(_) | Status::Running(_)) | None => {}
        }
    };
    let answer = match (over, job) {
        (Ok(parts), Some(mut job)) => {
            job.done = true;
            Ok((job, parts))
        }
        (Ok(_), None) => Err("it told of no job".to_owned()),
        (Err(why), _) => Err(why),
    };
    drop(tell.send(answer));
}

/// Through the scheduler, so that the executors may stay out of reach.
async fn fetch(
    host: &str,
    port: u16,
    job: Job,
    parts: Vec<PartitionLocation>,
) -> Result<SendableRecordBatchStream, Why> {
    let mut streams = Vec::with_capacity(parts.len());
    let mut schema = None;
    let client = BallistaClient::try_new(host, port, LONGEST, false, None, 1, 100, 0, 0).await;
    let mut client = client.map_err(|error| format!("the answer cannot be fetched: {error}"))?;
    for part in parts {
        let layout = part.layout();
        let (Some(executor), Some(id)) = (part.executor_meta, part.partition_id) else {
            return Err("the cluster told of an answer without its place".to_owned());
        };
        let id: PartitionId = id.into();
        let executor_port = u16::try_from(executor.port).unwrap_or(0);
        let fetched = client.fetch_partition_proxied(
            &executor.id,
            &id,
            part.file_id,
            layout,
            &executor.host,
            executor_port,
            true,
        );
        let fetched = fetched.await.map_err(|error| format!("the answer cannot be fetched: {error}"))?;
        schema.get_or_insert_with(|| fetched.schema());
        streams.push(fetched);
    }
    let Some(schema) = schema else { return Err("the cluster told of no answer".to_owned()) };
    let place = format!("the cluster at df://{host}:{port}");
    let batches = stream::iter(streams).flatten().map_err(move |error| {
        let why = format!("it broke the answer off: {error}");
        external(StoreError::Server { place: place.clone(), why, mend: "; ask again" })
    });
    Ok(holding(job, Box::pin(RecordBatchStreamAdapter::new(schema, batches))))
}

/// An error with those that it came from.
fn told(error: &dyn std::error::Error) -> String {
    let mut told = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        let cause_told = cause.to_string();
        if !told.contains(&cause_told) {
            told = format!("{told}: {cause_told}");
        }
        source = cause.source();
    }
    told
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses() {
        assert_eq!(address("df://10.0.0.7:50050"), Ok(("10.0.0.7", 50050)));
        assert_eq!(address("df://[::1]:1/"), Ok(("[::1]", 1)));
        for wrong in ["", "10.0.0.7:50050", "df://host", "df://:1", "df://host:x", "http://host:1"] {
            let why = address(wrong).unwrap_err();
            assert_eq!(why, format!("`{wrong}` is not the address of a scheduler: write df://host:port"));
        }
    }
}
