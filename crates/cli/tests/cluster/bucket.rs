//! The same where the store is a bucket.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use flow::config::Opaque;
use store_lake::Lake;

use crate::filled::{fill, settings};
use crate::up::Up;
use crate::{QUESTIONS, same};

struct Server {
    process: Child,
    port: String,
}

impl Server {
    fn start() -> Self {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../store-lake/tests/bucket");
        let mut process = Command::new(folder.join(".venv/bin/python"))
            .arg(folder.join("serve.py"))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("run scripts/setup-test.sh first");
        let mut port = String::new();
        BufReader::new(process.stdout.take().unwrap()).read_line(&mut port).unwrap();
        Self { process, port: port.trim().to_owned() }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        drop(self.process.stdin.take());
        drop(self.process.wait());
    }
}

/// Scenario: node and executors reach the store on an S3 server, each with copies of its own.
/// Guarantees: the cluster gives the answers of the embedded engine.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_cluster_reads_a_bucket() {
    const BUCKET: &str = "s3://store/calls";
    let server = Server::start();
    let endpoint = format!("aws_endpoint=http://127.0.0.1:{}", server.port);
    let storage = [
        endpoint.as_str(),
        "aws_allow_http=true",
        "aws_region=us-east-1",
        "aws_access_key_id=test",
        "aws_secret_access_key=test",
    ];
    let mut arguments = vec!["--store", BUCKET];
    arguments.extend(storage.iter().flat_map(|pair| ["--storage", pair]));
    let up = Up::with(&arguments, 2);
    let directory = tempfile::tempdir().unwrap();
    let mut settings = settings(Path::new(BUCKET), &up.address, 1);
    settings.state_directory = Some(directory.path().to_owned());
    let pair =
        |pair: &&str| pair.split_once('=').map(|(key, value)| (key.to_owned(), Opaque(value.to_owned())));
    settings.storage = storage.iter().filter_map(pair).collect();
    let lake = Lake::open(settings).await.unwrap();
    fill(&lake).await;
    same(&lake, &QUESTIONS[..6]).await;
}
