//! Bytes that other parts of a run keep beside what was read, by name. It does not know what they are: what is missing or not
//! what was written is not there.

use std::collections::BTreeSet;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use xxhash_rust::xxh3::xxh3_128;

use crate::cache::replace;

/// Hexadecimal digits of the hash that a kept file begins with.
const DIGITS: usize = 32;

/// A folder of kept bytes, `computed/` of a cache folder (see [`crate::ReadPlan::cache`]). A file is its hash (XXH3), a line
/// break, and the bytes. One process at a time may write: the caller holds a lock.
///
/// ```
/// let dir = std::env::temp_dir().join("forewarn-kept-doc");
/// let kept = forewarn_sources::KeptBytes::new(&dir);
/// kept.put("models-1", b"bytes").unwrap();
/// assert_eq!(kept.get("models-1").as_deref(), Some(&b"bytes"[..]));
/// assert_eq!(kept.get("models-2"), None);
/// // A name is no path.
/// assert!(kept.put("../models", b"bytes").is_err());
/// ```
#[derive(Debug)]
pub struct KeptBytes {
    folder: PathBuf,
    used: Mutex<BTreeSet<String>>,
}

impl KeptBytes {
    /// In this cache folder, which need not exist.
    #[must_use]
    pub fn new(cache: &Path) -> Self {
        Self { folder: cache.join("computed"), used: Mutex::default() }
    }

    fn path(&self, name: &str) -> Option<PathBuf> {
        let plain = |c: char| c.is_ascii_alphanumeric() || c == '-';
        (!name.is_empty() && name.len() <= 100 && name.chars().all(plain)).then(|| self.folder.join(name))
    }

    fn use_it(&self, name: &str) {
        self.used.lock().unwrap_or_else(PoisonError::into_inner).insert(name.to_owned());
    }

    /// What was kept under a name, where it is there and whole.
    pub fn get(&self, name: &str) -> Option<Vec<u8>> {
        let mut bytes = fs::read(self.path(name)?).ok()?;
        let whole = bytes.get(DIGITS) == Some(&b'\n')
            && format!("{:032x}", xxh3_128(&bytes[DIGITS + 1..])).as_bytes() == &bytes[..DIGITS];
        if !whole {
            return None;
        }
        self.use_it(name);
        bytes.drain(..=DIGITS);
        Some(bytes)
    }

    /// Keeps bytes under a name of letters, digits and `-`, at most 100.
    ///
    /// # Errors
    ///
    /// The name is another one, or the folder cannot be written.
    pub fn put(&self, name: &str, bytes: &[u8]) -> io::Result<()> {
        let path = self.path(name).ok_or_else(|| io::Error::other(format!("{name:?} is no name")))?;
        fs::create_dir_all(&self.folder)?;
        let head = format!("{:032x}\n", xxh3_128(bytes));
        replace(&path, &[head.as_bytes(), bytes].concat())?;
        self.use_it(name);
        Ok(())
    }

    /// Removes what was neither got nor put since [`Self::new`].
    pub fn forget_the_rest(&self) {
        let used = self.used.lock().unwrap_or_else(PoisonError::into_inner);
        let Ok(files) = fs::read_dir(&self.folder) else { return };
        for file in files.flatten() {
            if !used.contains(file.file_name().to_string_lossy().as_ref()) {
                // What stays costs room and nothing else.
                let _ = fs::remove_file(file.path());
            }
        }
    }
}
