//! HTTP by hand, so that nothing tidies up the headers on their way.

use std::net::SocketAddr;

use opentelemetry::global;
use opentelemetry_sdk::trace::SdkTracerProvider;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

pub(crate) struct Headers(Vec<(String, String)>);

pub(crate) struct Service {
    address: SocketAddr,
}

impl Headers {
    pub(crate) fn all(&self, name: &str) -> Vec<&str> {
        self.0
            .iter()
            .filter(|(own, _)| own.eq_ignore_ascii_case(name))
            .map(|(_, value)| value.as_str())
            .collect()
    }

    /// The members of the `tracestate` that was sent; it comes in one header, or not at all.
    pub(crate) fn tracestate(&self) -> Option<&str> {
        let values = self.all("tracestate");
        assert!(values.len() <= 1, "{values:?}");
        values.first().copied()
    }
}

impl Service {
    pub(crate) async fn start() -> Self {
        global::set_tracer_provider(SdkTracerProvider::builder().build());
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        tokio::spawn(async move { axum::serve(listener, w3c_service::routes().unwrap()).await.unwrap() });
        Self { address }
    }

    /// Sends one request with these headers, asks for this many calls, and returns the headers of each.
    pub(crate) async fn ask(&self, headers: &[(&str, &str)], count: usize) -> Vec<Headers> {
        let callback = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/here", callback.local_addr().unwrap());
        let call = format!(r#"{{"url":"{url}","arguments":["told"]}}"#);
        let body = format!("[{}]", vec![call; count].join(","));
        let mut request =
            String::from("POST /test HTTP/1.1\r\nHost: here\r\nContent-Type: application/json\r\n");
        request.push_str("Connection: close\r\n");
        for (name, value) in headers {
            request.push_str(&format!("{name}: {value}\r\n"));
        }
        request.push_str(&format!("Content-Length: {}\r\n\r\n{body}", body.len()));
        let mut stream = TcpStream::connect(self.address).await.unwrap();
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut seen = Vec::new();
        let mut answer = String::new();
        let whole_answer = stream.read_to_string(&mut answer);
        tokio::pin!(whole_answer);
        while seen.len() < count {
            tokio::select! {
                call = call_on(&callback) => seen.push(call),
                read = &mut whole_answer => panic!("{headers:?}: no call, but an answer of {read:?} bytes"),
            }
        }
        whole_answer.await.unwrap();
        assert!(answer.starts_with("HTTP/1.1 200 OK\r\n"), "{answer}");
        seen
    }
}

/// Takes one call and answers it.
async fn call_on(callback: &TcpListener) -> Headers {
    let (mut stream, _) = callback.accept().await.unwrap();
    let (headers, body) = request_on(&mut stream).await;
    assert_eq!(body, r#"["told"]"#);
    let answer = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\n{}";
    stream.write_all(answer.as_bytes()).await.unwrap();
    headers
}

/// The headers and the body of one request.
async fn request_on(stream: &mut TcpStream) -> (Headers, String) {
    let mut text = String::new();
    let mut buffer = [0; 4096];
    loop {
        if let Some((head, body)) = text.split_once("\r\n\r\n") {
            let fields = head.lines().skip(1).filter_map(|line| line.split_once(':'));
            let headers = Headers(fields.map(|(n, v)| (n.to_owned(), v.trim().to_owned())).collect());
            let length: usize = headers.all("content-length")[0].parse().unwrap();
            if body.len() >= length {
                return (headers, body.to_owned());
            }
        }
        let read = stream.read(&mut buffer).await.unwrap();
        assert!(read > 0, "the request ends early: {text}");
        text.push_str(str::from_utf8(&buffer[..read]).unwrap());
    }
}
