//! Accounted memory: every byte of telemetry that this process holds is counted here.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// The process-wide count of held telemetry bytes.
#[derive(Default, Debug)]
pub struct Memory {
    held: AtomicU64,
    freed: AtomicU64,
}

impl Memory {
    pub fn held(&self) -> u64 {
        self.held.load(Ordering::Relaxed)
    }

    /// Bytes given back since the start; how fast it grows tells when there will be room.
    pub fn freed(&self) -> u64 {
        self.freed.load(Ordering::Relaxed)
    }

    fn free(&self, bytes: u64) {
        self.held.fetch_sub(bytes, Ordering::Relaxed);
        self.freed.fetch_add(bytes, Ordering::Relaxed);
    }

    /// Counts `bytes` until the returned guard is dropped.
    pub fn hold(self: &Arc<Self>, bytes: usize) -> Hold {
        self.held.fetch_add(bytes as u64, Ordering::Relaxed);
        Hold { memory: Some(Arc::clone(self)), bytes: bytes as u64 }
    }
}

/// Counted bytes, given back on drop.
#[derive(Debug, Default)]
pub struct Hold {
    memory: Option<Arc<Memory>>,
    bytes: u64,
}

impl Hold {
    pub fn bytes(&self) -> u64 {
        self.bytes
    }

    /// Takes over the other guard's count.
    pub fn join(&mut self, mut other: Self) {
        if self.memory.is_none() {
            self.memory = other.memory.take();
            self.bytes = other.bytes;
        } else {
            self.bytes += other.bytes;
        }
        other.bytes = 0;
    }

    /// Sets the count to what is really held, after an edit or a decompression.
    pub fn resize(&mut self, bytes: usize) {
        let bytes = bytes as u64;
        if let Some(memory) = &self.memory {
            if bytes >= self.bytes {
                memory.held.fetch_add(bytes - self.bytes, Ordering::Relaxed);
            } else {
                memory.free(self.bytes - bytes);
            }
            self.bytes = bytes;
        }
    }

    /// A guard for `bytes` more, for a copy of the data.
    pub fn again(&self, bytes: usize) -> Self {
        self.memory.as_ref().map_or_else(Self::default, |memory| memory.hold(bytes))
    }
}

impl Drop for Hold {
    fn drop(&mut self) {
        if let Some(memory) = &self.memory {
            memory.free(self.bytes);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_held_byte_comes_back() {
        let memory = Arc::new(Memory::default());
        let mut first = memory.hold(100);
        let second = first.again(50);
        assert_eq!(memory.held(), 150);
        first.join(second);
        first.resize(70);
        assert_eq!((memory.held(), first.bytes()), (70, 70));
        let mut empty = Hold::default();
        empty.join(first);
        assert_eq!(memory.held(), 70);
        drop(empty);
        assert_eq!((memory.held(), memory.freed()), (0, 150));
    }
}
