//! The three ways OTLP goes over a wire.

use clap::ValueEnum;
use http::HeaderMap;
use http::header::CONTENT_TYPE;
use serde::Serialize;

use crate::grpc;

/// The encoding and transport of a request.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, ValueEnum)]
#[serde(rename_all = "snake_case")]
pub enum Format {
    /// OTLP/HTTP, protobuf bodies.
    Protobuf,
    /// OTLP/HTTP, JSON bodies.
    Json,
    /// OTLP/gRPC.
    Grpc,
}

impl Format {
    /// Of a request with these headers; protobuf if they do not tell.
    pub fn of(headers: &HeaderMap) -> Self {
        let media_type = headers.get(CONTENT_TYPE).map_or(&b""[..], |value| value.as_bytes());
        [Self::Grpc, Self::Json]
            .into_iter()
            .find(|format| media_type.starts_with(format.media_type().as_bytes()))
            .unwrap_or(Self::Protobuf)
    }

    pub fn media_type(self) -> &'static str {
        match self {
            Self::Protobuf => "application/x-protobuf",
            Self::Json => "application/json",
            Self::Grpc => grpc::CONTENT_TYPE,
        }
    }

    /// The HTTP path or gRPC method that takes spans.
    pub fn traces_path(self) -> &'static str {
        match self {
            Self::Protobuf | Self::Json => "/v1/traces",
            Self::Grpc => grpc::TRACES,
        }
    }

    /// The header that names the compression of a request.
    pub fn encoding_header(self) -> &'static str {
        match self {
            Self::Protobuf | Self::Json => "content-encoding",
            Self::Grpc => "grpc-encoding",
        }
    }
}
