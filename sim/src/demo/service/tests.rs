use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

use super::*;

fn shell(script: &str) -> Command {
    let mut command = Command::new("sh");
    command.args(["-c", script]);
    command
}

/// A port that answers every request with this.
async fn health(answer: &'static str) -> (SocketAddr, JoinSet<()>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let mut serving = JoinSet::new();
    serving.spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let mut request = [0; 1024];
            if stream.read(&mut request).await.is_ok() {
                stream.write_all(answer.as_bytes()).await.ok();
            }
        }
    });
    (address, serving)
}

const HEALTHY: &str = "HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n";

#[tokio::test]
async fn a_service_is_ready_when_it_is_healthy_and_ends_with_its_standard_input() {
    let (address, _serving) = health(HEALTHY).await;
    let folder = tempfile::tempdir().unwrap();
    let trace = folder.path().join("ended");
    let script =
        format!("echo warming up; echo listening on http://{address}; cat; touch {}", trace.display());
    let service = Service::start("example", shell(&script)).await.unwrap();
    assert_eq!(service.address, address);
    assert!(!trace.exists());
    service.stop().await;
    assert!(trace.exists(), "it was killed before it could end by itself");
}

#[tokio::test]
async fn a_service_that_ends_at_once_is_quoted() {
    let error =
        Service::start("example", shell("echo cannot listen: set PORT >&2; exit 3")).await.err().unwrap();
    assert_eq!(
        error.to_string(),
        "example ended (exit status: 3); the last it said:\n  cannot listen: set PORT"
    );
}

#[tokio::test]
async fn the_end_of_a_running_service_is_noticed() {
    let (address, _serving) = health(HEALTHY).await;
    let script = format!("echo listening on http://{address}; read line; echo out of disk; exit 1");
    let mut service = Service::start("example", shell(&script)).await.unwrap();
    drop(service.stdin.take());
    let error = service.ended().await.to_string();
    assert!(error.contains("out of disk") && error.contains("exit status: 1"), "{error}");
}

#[tokio::test]
async fn only_the_last_lines_are_kept() {
    let script = "i=0; while [ $i -lt 100 ]; do echo line $i; i=$((i + 1)); done; printf '\\377\\n'; exit 1";
    let error = Service::start("example", shell(script)).await.err().unwrap().to_string();
    assert!(
        error.contains("line 99") && error.contains('\u{fffd}') && !error.contains("line 80\n"),
        "{error}"
    );
}

#[tokio::test]
async fn a_missing_program_is_named() {
    let error = Service::start("example", Command::new("no-such-program")).await.err().unwrap();
    assert!(error.to_string().starts_with("no-such-program was not found"), "{error}");
}
