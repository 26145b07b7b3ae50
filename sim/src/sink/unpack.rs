//! From the body on the wire to the plain message.

use std::io::{self, Read};

use bytes::Bytes;
use http::HeaderMap;

use super::count::{self, Malformed};
use crate::format::Format;
use crate::grpc;

/// The largest message the sink unpacks.
const MAX_MESSAGE: u64 = 256 << 20;

/// Why a request was not understood.
#[derive(Debug, thiserror::Error)]
pub(super) enum Unreadable {
    #[error("the body does not decompress: {0}")]
    Compression(#[from] io::Error),
    #[error("unknown encoding {0:?}; the sink reads gzip, zstd and identity")]
    Encoding(String),
    #[error("the body is not one gRPC message")]
    Frame,
    #[error(transparent)]
    Message(#[from] Malformed),
}

/// The plain message and the number of its items.
pub(super) fn unpack(format: Format, headers: &HeaderMap, body: Bytes) -> Result<(Bytes, u64), Unreadable> {
    let encoding = headers.get(format.encoding_header()).and_then(|value| value.to_str().ok());
    let encoding = encoding.unwrap_or_default();
    let message = match format {
        Format::Grpc => match grpc::unframe(body).ok_or(Unreadable::Frame)? {
            (message, true) => decompress(encoding, message)?,
            (message, false) => message,
        },
        Format::Protobuf | Format::Json => decompress(encoding, body)?,
    };
    let items = match format {
        Format::Json => count::json_items(&message)?,
        Format::Protobuf | Format::Grpc => count::items(&message)?,
    };
    Ok((message, items))
}

fn decompress(encoding: &str, body: Bytes) -> Result<Bytes, Unreadable> {
    match encoding {
        "" | "identity" => Ok(body),
        "gzip" => read_all(flate2::bufread::GzDecoder::new(body.as_ref()), body.len()),
        "zstd" => read_all(zstd::stream::read::Decoder::with_buffer(body.as_ref())?, body.len()),
        other => Err(Unreadable::Encoding(other.to_owned())),
    }
}

fn read_all(reader: impl Read, packed: usize) -> Result<Bytes, Unreadable> {
    let mut message = Vec::with_capacity(packed * 6);
    io::copy(&mut reader.take(MAX_MESSAGE + 1), &mut message)?;
    if message.len() as u64 > MAX_MESSAGE {
        return Err(io::Error::other("more than 256 MiB after decompression").into());
    }
    Ok(message.into())
}
