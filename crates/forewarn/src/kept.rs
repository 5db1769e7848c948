//! What the engine computed is kept beside what was read, for the next run of the same program. It does not know what it is.

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;
use std::sync::{Mutex, PoisonError};

use forewarn_engine::Memory;
use forewarn_sources::KeptBytes;
use xxhash_rust::xxh3::Xxh3;

/// The engine's memory in a cache folder.
#[derive(Debug)]
pub(crate) struct Kept {
    bytes: KeptBytes,
    /// The program itself, by its hash: another build may compute otherwise.
    build: u64,
    failed: Mutex<Option<String>>,
}

/// The hash of a file, read piece by piece: the program is larger than what a run may have of memory.
fn hash(mut file: File) -> io::Result<u64> {
    let (mut hash, mut piece) = (Xxh3::new(), vec![0; 1 << 18]);
    loop {
        match file.read(&mut piece)? {
            0 => return Ok(hash.digest()),
            n => hash.update(&piece[..n]),
        }
    }
}

impl Kept {
    /// In this cache folder; `None` where the program cannot read itself.
    pub(crate) fn open(cache: &Path) -> Option<Self> {
        let build = std::env::current_exe().and_then(File::open).and_then(hash).ok()?;
        Some(Self { bytes: KeptBytes::new(cache), build, failed: Mutex::default() })
    }

    fn name(&self, key: &str) -> String {
        format!("{key}-{:016x}", self.build)
    }

    /// Removes what this run did not use; why something could not be kept, where that is so.
    pub(crate) fn close(self) -> Option<String> {
        self.bytes.forget_the_rest();
        self.failed.into_inner().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Memory for Kept {
    fn recall(&self, key: &str) -> Option<Vec<u8>> {
        self.bytes.get(&self.name(key))
    }

    fn keep(&self, key: &str, bytes: &[u8]) {
        if let Err(e) = self.bytes.put(&self.name(key), bytes) {
            *self.failed.lock().unwrap_or_else(PoisonError::into_inner) = Some(e.to_string());
        }
    }
}
