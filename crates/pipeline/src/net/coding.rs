//! Content codings of bodies: all that the collector knows, read with a limit on what comes out.

use std::io::{Read, Write};

use bytes::Bytes;
use flow::Refusal;

/// A content coding by its HTTP name.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Coding {
    Identity,
    Gzip,
    Zstd,
    /// `zlib` and, as the collector has it, `deflate` too.
    Zlib,
    Deflate,
    /// Block or framed, told apart by the frame's magic when reading; block when writing.
    Snappy,
    SnappyFramed,
    Lz4,
}

impl Coding {
    pub const ALL: [Self; 8] = [
        Self::Identity,
        Self::Gzip,
        Self::Zstd,
        Self::Zlib,
        Self::Deflate,
        Self::Snappy,
        Self::SnappyFramed,
        Self::Lz4,
    ];

    pub fn name(self) -> &'static str {
        match self {
            Self::Identity => "identity",
            Self::Gzip => "gzip",
            Self::Zstd => "zstd",
            Self::Zlib => "zlib",
            Self::Deflate => "deflate",
            Self::Snappy => "snappy",
            Self::SnappyFramed => "x-snappy-framed",
            Self::Lz4 => "lz4",
        }
    }

    /// From a header or a setting; the empty name and `none` are identity.
    pub fn from_name(name: &str) -> Option<Self> {
        let name = name.trim();
        if name.is_empty() || name.eq_ignore_ascii_case("none") {
            return Some(Self::Identity);
        }
        Self::ALL.into_iter().find(|coding| coding.name().eq_ignore_ascii_case(name))
    }
}

const SNAPPY_MAGIC: &[u8] = b"\xff\x06\x00\x00sNaPpY";

/// Decodes a body; `limit` bytes may come out of it.
pub fn decode(coding: Coding, body: Bytes, limit: usize) -> Result<Bytes, Refusal> {
    let broken = |error: std::io::Error| {
        Refusal::caller(format!("the {} body cannot be read: {error}", coding.name()))
    };
    // A guess: text of many like attributes.
    let guess = body.len().saturating_mul(4);
    let read = match coding {
        Coding::Identity => return within(body, limit),
        Coding::Gzip => {
            let size = gzip_size(&body).filter(|size| *size <= limit).unwrap_or(guess);
            capped(flate2::bufread::MultiGzDecoder::new(&*body), limit, size)
        }
        Coding::Zlib | Coding::Deflate => capped(flate2::bufread::ZlibDecoder::new(&*body), limit, guess),
        Coding::Zstd => {
            zstd::stream::read::Decoder::with_buffer(&*body).and_then(|mut decoder| {
                // 8 MiB: what RFC 8878 section 3.1.1.1.2 asks every decoder to support.
                decoder.window_log_max(23)?;
                capped(decoder, limit, guess)
            })
        }
        Coding::Lz4 => capped(lz4_flex::frame::FrameDecoder::new(&*body), limit, guess),
        Coding::Snappy | Coding::SnappyFramed
            if coding == Coding::SnappyFramed || body.starts_with(SNAPPY_MAGIC) =>
        {
            capped(snap::read::FrameDecoder::new(&*body), limit, guess)
        }
        Coding::Snappy | Coding::SnappyFramed => snappy_block(&body, limit),
    };
    within(read.map_err(broken)?.into(), limit)
}

/// Encodes a body. `level` is the coding's own; `None` takes a fast one.
pub fn encode(coding: Coding, chunks: &[Bytes], level: Option<i32>) -> std::io::Result<Bytes> {
    let size: usize = chunks.iter().map(Bytes::len).sum();
    let out = Vec::with_capacity(size / 4 + 64);
    let flate = flate2::Compression::new(level.unwrap_or(1).clamp(0, 9) as u32);
    let out = match coding {
        Coding::Identity => chunks.concat(),
        Coding::Gzip => {
            let mut writer = flate2::write::GzEncoder::new(out, flate);
            write_all(&mut writer, chunks)?;
            writer.finish()?
        }
        Coding::Zlib | Coding::Deflate => {
            let mut writer = flate2::write::ZlibEncoder::new(out, flate);
            write_all(&mut writer, chunks)?;
            writer.finish()?
        }
        Coding::Zstd => {
            let mut writer = zstd::stream::write::Encoder::new(out, level.unwrap_or(1))?;
            write_all(&mut writer, chunks)?;
            writer.finish()?
        }
        Coding::Snappy => snap::raw::Encoder::new().compress_vec(&chunks.concat())?,
        Coding::SnappyFramed => {
            let mut writer = snap::write::FrameEncoder::new(out);
            write_all(&mut writer, chunks)?;
            writer.into_inner().map_err(snap::write::IntoInnerError::into_error)?
        }
        Coding::Lz4 => {
            let mut writer = lz4_flex::frame::FrameEncoder::new(out);
            write_all(&mut writer, chunks)?;
            writer.finish().map_err(std::io::Error::other)?
        }
    };
    Ok(out.into())
}

fn write_all(writer: &mut impl Write, chunks: &[Bytes]) -> std::io::Result<()> {
    chunks.iter().try_for_each(|chunk| writer.write_all(chunk))
}

/// What the end of a gzip body says about its length (RFC 1952 section 2.3.1), true or not.
fn gzip_size(body: &[u8]) -> Option<usize> {
    body.last_chunk().map(|size| u32::from_le_bytes(*size) as usize)
}

/// Reads one byte more than allowed, so that too much is told from just enough.
fn capped(mut reader: impl Read, limit: usize, expected: usize) -> std::io::Result<Vec<u8>> {
    let most = limit.saturating_add(1);
    let mut out = vec![0; expected.saturating_add(1).min(most)];
    let mut filled = 0;
    loop {
        if filled == out.len() {
            if filled >= most {
                break;
            }
            out.resize(filled.saturating_mul(2).min(most), 0);
        }
        match reader.read(out.get_mut(filled..).unwrap_or_default()) {
            Ok(0) => break,
            Ok(read) => filled += read,
            Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    out.truncate(filled);
    if out.capacity() - filled > filled / 8 {
        out.shrink_to_fit();
    }
    Ok(out)
}

fn snappy_block(body: &[u8], limit: usize) -> std::io::Result<Vec<u8>> {
    let size = snap::raw::decompress_len(body)?;
    if size > limit {
        return Ok(vec![0; limit + 1]);
    }
    Ok(snap::raw::Decoder::new().decompress_vec(body)?)
}

fn within(body: Bytes, limit: usize) -> Result<Bytes, Refusal> {
    if body.len() > limit {
        return Err(Refusal::too_large(format!(
            "the body is larger than {limit} bytes once decompressed; send smaller batches or raise the limit"
        )));
    }
    Ok(body)
}

#[cfg(test)]
mod tests {
    use super::*;
    use flow::Fault;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn what_is_written_is_read(parts in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..2000), 0..4)) {
            let chunks: Vec<Bytes> = parts.into_iter().map(Bytes::from).collect();
            let whole = chunks.concat();
            for coding in Coding::ALL {
                let body = encode(coding, &chunks, None).unwrap();
                prop_assert_eq!(&decode(coding, body.clone(), whole.len()).unwrap(), &whole, "{:?}", coding);
                if !whole.is_empty() {
                    let fault = decode(coding, body, whole.len() - 1).unwrap_err().fault;
                    prop_assert_eq!(fault, Fault::TooLarge, "{:?}", coding);
                }
            }
        }

        #[test]
        fn any_bytes_end(body: Vec<u8>) {
            for coding in Coding::ALL {
                if let Ok(out) = decode(coding, body.clone().into(), 10_000) {
                    prop_assert!(out.len() <= 10_000);
                }
            }
        }
    }

    #[test]
    fn names_are_the_collectors() {
        for (name, coding) in [
            ("", Some(Coding::Identity)),
            ("none", Some(Coding::Identity)),
            ("GZIP", Some(Coding::Gzip)),
            ("x-snappy-framed", Some(Coding::SnappyFramed)),
            ("br", None),
        ] {
            assert_eq!(Coding::from_name(name), coding, "{name}");
        }
    }

    #[test]
    fn a_bomb_is_refused_in_little_memory() {
        let zeros = vec![Bytes::from(vec![0; 1 << 20]); 64];
        for coding in [Coding::Gzip, Coding::Zstd, Coding::Zlib, Coding::Lz4, Coding::SnappyFramed] {
            let bomb = encode(coding, &zeros, None).unwrap();
            let refusal = decode(coding, bomb, 1 << 20).unwrap_err();
            assert_eq!(refusal.fault, Fault::TooLarge, "{coding:?}");
        }
    }
}
