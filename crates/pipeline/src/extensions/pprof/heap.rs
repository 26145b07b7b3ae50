//! Who asked for the memory that is in use, as jemalloc sampled it since the start.

use std::io::Write;

use flate2::Compression;
use flate2::write::{GzDecoder, GzEncoder};
use flow::wire::{fields, put_len, put_varint_field};
use jemalloc_pprof::PROF_CTL;
use tokio::task::spawn_blocking;

/// Functions that are asked for memory, and do not ask: profilers take these off the stacks.
const ASKED: &str = "prof_.*|_rjem_.*|.*__rust.*alloc.*|<?alloc::(alloc|raw_vec|boxed|vec)::.*";

/// Fields of pprof's `profile.proto`.
const STRING_TABLE: u32 = 6;
const DROP_FRAMES: u32 = 7;

/// Protobuf, compressed. `None` in a program with another allocator, of which jemalloc has seen nothing.
pub(super) async fn profile() -> Option<Result<Vec<u8>, String>> {
    // One at a time: each is written to a file and read again.
    let mut taking = PROF_CTL.as_ref()?.clone().lock_owned().await;
    let take = move || {
        let profile = taking.dump_profile().map_err(|error| error.to_string())?;
        if profile.iter().next().is_none() {
            return Ok(None);
        }
        let gzip = profile.to_pprof(("inuse_space", "bytes"), ("space", "bytes"), None);
        without_asked(&gzip).map(Some).map_err(|error| error.to_string())
    };
    spawn_blocking(take).await.unwrap_or_else(|error| Err(error.to_string())).transpose()
}

fn without_asked(gzip: &[u8]) -> std::io::Result<Vec<u8>> {
    let mut plain = GzDecoder::new(Vec::new());
    plain.write_all(gzip)?;
    let mut profile = plain.finish()?;
    let strings = fields(&profile).filter(|field| field.number == STRING_TABLE).count();
    put_len(&mut profile, STRING_TABLE, ASKED.as_bytes());
    put_varint_field(&mut profile, DROP_FRAMES, strings as u64);
    let mut gzip = GzEncoder::new(Vec::new(), Compression::fast());
    gzip.write_all(&profile)?;
    gzip.finish()
}
