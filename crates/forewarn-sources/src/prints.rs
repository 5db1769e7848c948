//! Which files a load reads, each with its size and hash. A file that looks untouched since it was hashed is not read again
//! for it. It does not know what the files hold.

use std::collections::BTreeMap;
use std::fs::{File, Metadata};
use std::io::Read;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::error::SourceError;
use crate::files::Input;

/// A file that was read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fingerprint {
    /// The path as the config names it, relative to the base folder where it lies in it.
    pub path: String,
    /// Where it lies.
    pub full_path: PathBuf,
    /// Its size in bytes.
    pub bytes: u64,
    /// The SHA-256 of its bytes, in lower-case hexadecimal digits.
    pub sha256: String,
}

/// What the file system says of a file. The time of its last change of any kind is kept by the system and cannot be set
/// back, so a file of which nothing here has changed holds what it held.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Stat {
    bytes: u64,
    modified_ns: i128,
    changed_ns: i128,
    inode: u64,
    device: u64,
}

impl Stat {
    #[cfg(unix)]
    fn of(meta: &Metadata) -> Self {
        use std::os::unix::fs::MetadataExt;
        let ns = |seconds: i64, ns: i64| i128::from(seconds) * 1_000_000_000 + i128::from(ns);
        Self {
            bytes: meta.len(),
            modified_ns: ns(meta.mtime(), meta.mtime_nsec()),
            changed_ns: ns(meta.ctime(), meta.ctime_nsec()),
            inode: meta.ino(),
            device: meta.dev(),
        }
    }

    #[cfg(not(unix))]
    fn of(meta: &Metadata) -> Self {
        let since = |t: std::io::Result<std::time::SystemTime>| {
            let since = t.ok().and_then(|t| t.duration_since(std::time::UNIX_EPOCH).ok());
            since.map_or(0, |d| d.as_nanos() as i128)
        };
        Self {
            bytes: meta.len(),
            modified_ns: since(meta.modified()),
            changed_ns: since(meta.created()),
            inode: 0,
            device: 0,
        }
    }
}

/// Hashes of files by where they lie, with what the file system said of them then.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(crate) struct Known {
    files: BTreeMap<PathBuf, (Stat, String)>,
}

/// The files of a load: where each lies, and its fingerprint.
#[derive(Debug, Default)]
pub(crate) struct Prints {
    all: BTreeMap<PathBuf, (Stat, Fingerprint)>,
}

/// Bytes in lower-case hexadecimal digits.
///
/// ```
/// assert_eq!(forewarn_sources::hex(&[0, 0x1f, 255]), "001fff");
/// ```
#[must_use]
pub fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::with_capacity(2 * bytes.len()), |mut out, b| {
        for half in [b >> 4, b & 15] {
            out.push(char::from_digit(u32::from(half), 16).unwrap_or('0'));
        }
        out
    })
}

fn sha256(full: &Path, most: u64) -> std::io::Result<(Stat, String)> {
    let mut file = File::open(full)?;
    let stat = Stat::of(&file.metadata()?);
    let (mut hash, mut buffer, mut left) = (Sha256::new(), vec![0; 1 << 20], most);
    loop {
        let n = file.read(&mut buffer)?;
        if n == 0 || left == 0 {
            break;
        }
        hash.update(&buffer[..n]);
        left = left.saturating_sub(n as u64);
    }
    Ok((stat, hex(&hash.finalize())))
}

impl Prints {
    /// Hashes the files, some at a time, those that are not `known` unchanged. A file that cannot be read has none: reading
    /// it will say why.
    pub(crate) fn of(files: &[&Input], known: &Known, threads: usize, most: u64) -> Self {
        let known_as = |file: &Input| {
            let stat = Stat::of(&std::fs::metadata(&file.full).ok()?);
            let (before, hash) = known.files.get(&file.full)?;
            (*before == stat).then(|| (stat, hash.clone()))
        };
        let one = |file: &&Input| {
            // What is handed in is no file, even where one is called like it; a pipe would wait for a writer that never comes.
            if file.given.is_some() || !std::fs::metadata(&file.full).ok()?.is_file() {
                return None;
            }
            let (stat, sha256) = known_as(file).map_or_else(|| sha256(&file.full, most), Ok).ok()?;
            let print = Fingerprint {
                path: file.shown.clone(),
                full_path: file.full.clone(),
                bytes: stat.bytes,
                sha256,
            };
            Some((file.full.clone(), (stat, print)))
        };
        let each = files.len().div_ceil(threads.max(1)).max(1);
        let all = std::thread::scope(|scope| {
            let one = &one;
            let parts: Vec<_> = files
                .chunks(each)
                .map(|part| scope.spawn(move || part.iter().filter_map(one).collect::<Vec<_>>()))
                .collect();
            parts.into_iter().flat_map(|p| p.join().unwrap_or_default()).collect()
        });
        Self { all }
    }

    /// Of one file.
    pub(crate) fn get(&self, file: &Input) -> Option<&Fingerprint> {
        self.all.get(&file.full).map(|(_, print)| print)
    }

    /// What to know the next time.
    pub(crate) fn known(&self) -> Known {
        let files = self.all.iter().map(|(path, (stat, p))| (path.clone(), (stat.clone(), p.sha256.clone())));
        Known { files: files.collect() }
    }

    /// Checks that no file changed since it was hashed, and gives the fingerprints by path.
    pub(crate) fn unchanged(self) -> Result<Vec<Fingerprint>, SourceError> {
        self.all
            .into_values()
            .map(|(stat, print)| match std::fs::metadata(&print.full_path) {
                Ok(meta) if Stat::of(&meta) == stat => Ok(print),
                _ => Err(SourceError::Changed { path: print.path }),
            })
            .collect()
    }
}
