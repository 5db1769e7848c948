//! What was read is kept for the next time: hashes of files, mapped tables, and telemetry as far as it is rolled up. It
//! does not know what is read, and it is never needed: what is missing, of another version or not what was written is left
//! aside, and read again from the files.
//!
//! Beside what [`crate::KeptBytes`] has, the folder holds `files.json`, `mapped/<key>.parquet` with `.json`, and `telemetry/`: a pointer `state.json` that names
//! a head and parts, each with its length and XXH3 hash. Files are written beside and renamed, the pointer last, so that a
//! run that is stopped leaves the state before. One process at a time may write: the caller holds a lock.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, File};
use std::io::{self, BufReader, BufWriter, Read, Write};
use std::path::{Path, PathBuf};

use forewarn_frames::checks::{Rejected, RowsAfterNow};
use forewarn_frames::rollup::{Roller, RollerSettings, Written};
use forewarn_frames::time::Micros;
use polars::prelude::*;
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use xxhash_rust::xxh3::{Xxh3, xxh3_128};

use crate::metrics::MayBe;
use crate::prints::Known;

/// Beside the settings, the key holds this: what an older version kept is another thing.
const VERSION: &str = concat!(env!("CARGO_PKG_VERSION"), " 2");
/// So many parts are put together into one.
const PARTS: usize = 40;

/// A folder of kept things.
#[derive(Debug, Clone)]
pub(crate) struct Cache {
    folder: PathBuf,
}

/// Why something was not used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Miss {
    /// It was never kept, or of other files, settings or versions.
    Other,
    /// It is not what was written.
    Broken(String),
}

/// [`Rejected`] as it is kept.
#[derive(Debug, Serialize, Deserialize)]
struct KeptRejected {
    check: String,
    column: String,
    n_rows: u64,
    row_left_out: bool,
    sample: Vec<String>,
}

/// The names that reading gives what it met.
const CHECKS: [&str; 11] = [
    "ambiguous_dates",
    "clock_change",
    "missing_required",
    "nested_column",
    "not_a_metric",
    "proven_dates",
    "ragged_rows",
    "retired_without_date",
    "unparseable_numbers",
    "unparseable_times",
    "unproven_dates",
];

fn keep(r: &Rejected) -> Option<KeptRejected> {
    // A name that is not in the list could not be read back.
    CHECKS.contains(&r.check).then(|| KeptRejected {
        check: r.check.to_owned(),
        column: r.column.clone(),
        n_rows: r.n_rows,
        row_left_out: r.row_left_out,
        sample: r.sample.clone(),
    })
}

fn back(r: KeptRejected) -> Option<Rejected> {
    Some(Rejected {
        check: CHECKS.into_iter().find(|c| *c == r.check)?,
        column: r.column,
        n_rows: r.n_rows,
        row_left_out: r.row_left_out,
        sample: r.sample,
    })
}

fn all<A, B>(from: impl IntoIterator<Item = A>, to: impl Fn(A) -> Option<B>) -> Option<Vec<B>> {
    from.into_iter().map(to).collect()
}

/// A mapped file that is kept: its rows, the rows of the file, and what was not used.
pub(crate) type KeptTable = (DataFrame, u64, Vec<Rejected>);

#[derive(Debug, Serialize, Deserialize)]
struct TableFacts {
    n_rows: u64,
    rejected: Vec<KeptRejected>,
    xxh3: String,
}

/// What a file of telemetry came to, as it is kept.
#[derive(Debug, Serialize, Deserialize)]
struct KeptFile {
    entry: usize,
    path: String,
    sha256: String,
    n_rows: u64,
    n_kept: u64,
    rejected: Vec<KeptRejected>,
    maybe: Vec<(String, u64, Option<KeptRejected>)>,
}

/// What a file of telemetry came to.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct FileState {
    pub(crate) entry: usize,
    pub(crate) path: String,
    pub(crate) sha256: String,
    pub(crate) n_rows: u64,
    pub(crate) n_kept: u64,
    pub(crate) rejected: Vec<Rejected>,
    pub(crate) maybe: Vec<MayBe>,
}

/// Telemetry as far as it was read.
pub(crate) struct State {
    pub(crate) roller: Roller,
    pub(crate) files: Vec<FileState>,
    /// Rows before the first and from the last time that is kept.
    pub(crate) cuts: (u64, u64),
    pub(crate) after_now: BTreeMap<usize, RowsAfterNow>,
    pub(crate) first_after: Option<Micros>,
    /// What other parts of the reader keep.
    pub(crate) more: serde_json::Value,
    parts: Vec<Part>,
    written: Written,
}

impl std::fmt::Debug for State {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("State")
            .field("files", &self.files.len())
            .field("parts", &self.parts)
            .finish_non_exhaustive()
    }
}

/// What was read before, and from which parts.
#[derive(Debug, Clone, Default)]
pub(crate) struct Before {
    parts: Vec<Part>,
    written: Written,
}

impl State {
    /// What has to be known to add to it.
    pub(crate) fn before(&self) -> Before {
        Before { parts: self.parts.clone(), written: self.written.clone() }
    }
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Part {
    name: String,
    bytes: u64,
    xxh3: String,
}

#[derive(Debug, Serialize, Deserialize)]
struct Pointer {
    key: String,
    newest: Option<Micros>,
    first_after: Option<Micros>,
    after_now: Vec<(usize, u64, Micros, Vec<String>)>,
    cuts: (u64, u64),
    files: Vec<KeptFile>,
    more: serde_json::Value,
    head: Part,
    parts: Vec<Part>,
}

/// Counts and hashes what passes.
struct Hashed<T> {
    inner: T,
    hash: Xxh3,
    bytes: u64,
}

impl<T> Hashed<T> {
    fn new(inner: T) -> Self {
        Self { inner, hash: Xxh3::new(), bytes: 0 }
    }

    fn digest(&self) -> String {
        format!("{:032x}", self.hash.digest128())
    }
}

impl<T: Write> Write for Hashed<T> {
    fn write(&mut self, buffer: &[u8]) -> io::Result<usize> {
        let n = self.inner.write(buffer)?;
        self.hash.update(&buffer[..n]);
        self.bytes += n as u64;
        Ok(n)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.inner.flush()
    }
}

impl<T: Read> Read for Hashed<T> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let n = self.inner.read(buffer)?;
        self.hash.update(&buffer[..n]);
        self.bytes += n as u64;
        Ok(n)
    }
}

/// The key of settings: whatever changes what is read must be in `what`.
pub(crate) fn key(what: &impl Serialize) -> String {
    let text = serde_json::to_string(what).unwrap_or_default();
    format!("{:032x}", xxh3_128(format!("{VERSION}\n{text}").as_bytes()))
}

/// Takes away what was half written: a disk that is full should not stay so.
fn leave(path: &Path) {
    let _ = fs::remove_file(path);
}

/// Writes a file by one beside it and a rename.
pub(crate) fn replace(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let beside = path.with_extension("new");
    let written = File::create(&beside).and_then(|mut file| {
        file.write_all(bytes)?;
        file.sync_all()
    });
    written.and_then(|()| fs::rename(&beside, path)).inspect_err(|_| leave(&beside))
}

fn json<T: DeserializeOwned>(path: &Path) -> Result<T, Miss> {
    let bytes = match fs::read(path) {
        Ok(bytes) => bytes,
        Err(e) if e.kind() == io::ErrorKind::NotFound => return Err(Miss::Other),
        Err(e) => return Err(Miss::Broken(e.to_string())),
    };
    serde_json::from_slice(&bytes).map_err(|e| Miss::Broken(e.to_string()))
}

impl Cache {
    pub(crate) fn new(folder: &Path) -> Self {
        Self { folder: folder.to_owned() }
    }

    /// The hashes of files as they were the last time.
    pub(crate) fn known(&self) -> Known {
        json(&self.folder.join("files.json")).unwrap_or_default()
    }

    pub(crate) fn keep_known(&self, known: &Known) -> io::Result<()> {
        fs::create_dir_all(&self.folder)?;
        replace(&self.folder.join("files.json"), &serde_json::to_vec(known)?)
    }

    /// A mapped table by its key.
    pub(crate) fn table(&self, key: &str) -> Result<KeptTable, Miss> {
        let base = self.folder.join("mapped").join(key);
        let facts: TableFacts = json(&base.with_extension("json"))?;
        let bytes = fs::read(base.with_extension("parquet")).map_err(|e| Miss::Broken(e.to_string()))?;
        if format!("{:032x}", xxh3_128(&bytes)) != facts.xxh3 {
            return Err(Miss::Broken("its hash is another one".into()));
        }
        let df =
            ParquetReader::new(io::Cursor::new(bytes)).finish().map_err(|e| Miss::Broken(e.to_string()))?;
        let rejected = all(facts.rejected, back).ok_or(Miss::Other)?;
        Ok((df, facts.n_rows, rejected))
    }

    pub(crate) fn keep_table(
        &self,
        key: &str,
        (df, n_rows, rejected): (&DataFrame, u64, &[Rejected]),
    ) -> io::Result<()> {
        let Some(rejected) = all(rejected, keep) else { return Ok(()) };
        let folder = self.folder.join("mapped");
        fs::create_dir_all(&folder)?;
        let mut bytes = Vec::new();
        let written = ParquetWriter::new(&mut bytes).with_compression(ParquetCompression::Uncompressed);
        written.finish(&mut df.clone()).map_err(io::Error::other)?;
        let facts = TableFacts { n_rows, rejected, xxh3: format!("{:032x}", xxh3_128(&bytes)) };
        replace(&folder.join(key).with_extension("parquet"), &bytes)?;
        replace(&folder.join(key).with_extension("json"), &serde_json::to_vec(&facts)?)
    }

    /// Removes the mapped tables that were not used.
    pub(crate) fn forget_tables(&self, used: &BTreeSet<String>) {
        let Ok(files) = fs::read_dir(self.folder.join("mapped")) else { return };
        for path in files.flatten().map(|f| f.path()) {
            let stem = path.file_stem().map(|s| s.to_string_lossy().into_owned()).unwrap_or_default();
            if !used.contains(&stem) {
                // What stays costs room and nothing else.
                let _ = fs::remove_file(path);
            }
        }
    }

    fn telemetry(&self) -> PathBuf {
        self.folder.join("telemetry")
    }

    /// Telemetry as far as it was read under `key`, where every file of it is still there as it was (`sha256` by entry and
    /// path) and none of its readings is after `now`, nor was left out for it.
    pub(crate) fn state(
        &self,
        key: &str,
        settings: RollerSettings,
        now: Micros,
        sha256: &dyn Fn(usize, &str) -> Option<String>,
    ) -> Result<State, Miss> {
        let folder = self.telemetry();
        let pointer: Pointer = json(&folder.join("state.json"))?;
        let same = |f: &KeptFile| sha256(f.entry, &f.path).is_some_and(|s| s == f.sha256);
        let in_time =
            pointer.newest.is_none_or(|at| at <= now) && pointer.first_after.is_none_or(|at| at > now);
        if pointer.key != key || !in_time || !pointer.files.iter().all(same) {
            return Err(Miss::Other);
        }
        let open = |part: &Part| -> io::Result<_> {
            Ok(Hashed::new(BufReader::with_capacity(1 << 20, File::open(folder.join(&part.name))?)))
        };
        let check = |part: &Part, read: &mut Hashed<BufReader<File>>| -> io::Result<()> {
            io::copy(read, &mut io::sink())?;
            if (read.bytes, read.digest()) == (part.bytes, part.xxh3.clone()) {
                return Ok(());
            }
            Err(io::Error::other(format!("the hash of `{}` is another one", part.name)))
        };
        let read = || -> io::Result<Roller> {
            let mut head = open(&pointer.head)?;
            let roller = Roller::read_head(settings, &mut head);
            check(&pointer.head, &mut head)?;
            let mut roller = roller?;
            for part in &pointer.parts {
                let mut bytes = open(part)?;
                let read = roller.read_part(&mut bytes);
                check(part, &mut bytes)?;
                read?;
            }
            Ok(roller)
        };
        let roller = read().map_err(|e| Miss::Broken(e.to_string()))?;
        let files = all(pointer.files, |f| {
            let maybe = all(f.maybe, |(name, n_read, bad)| {
                let bad = match bad {
                    Some(bad) => Some(back(bad)?),
                    None => None,
                };
                Some(MayBe { name, n_read, bad })
            })?;
            Some(FileState {
                entry: f.entry,
                path: f.path,
                sha256: f.sha256,
                n_rows: f.n_rows,
                n_kept: f.n_kept,
                rejected: all(f.rejected, back)?,
                maybe,
            })
        });
        let after_now = pointer
            .after_now
            .into_iter()
            .map(|(entry, n_rows, newest, sample)| (entry, RowsAfterNow { n_rows, newest, sample }));
        Ok(State {
            files: files.ok_or(Miss::Other)?,
            cuts: pointer.cuts,
            after_now: after_now.collect(),
            first_after: pointer.first_after,
            more: pointer.more,
            written: roller.written(),
            roller,
            parts: pointer.parts,
        })
    }

    /// Keeps telemetry as far as it was read; what `before` holds is on disk already.
    #[expect(clippy::too_many_arguments, reason = "one thing of many parts")]
    pub(crate) fn keep_state(
        &self,
        key: &str,
        roller: &Roller,
        before: &Before,
        files: &[FileState],
        (cuts, first_after): ((u64, u64), Option<Micros>),
        after_now: &BTreeMap<usize, RowsAfterNow>,
        more: serde_json::Value,
    ) -> io::Result<()> {
        let folder = self.telemetry();
        fs::create_dir_all(&folder)?;
        let kept = all(files, |f| {
            let maybe = all(&f.maybe, |m| {
                let bad = match &m.bad {
                    Some(bad) => Some(keep(bad)?),
                    None => None,
                };
                Some((m.name.clone(), m.n_read, bad))
            })?;
            Some(KeptFile {
                entry: f.entry,
                path: f.path.clone(),
                sha256: f.sha256.clone(),
                n_rows: f.n_rows,
                n_kept: f.n_kept,
                rejected: all(&f.rejected, keep)?,
                maybe,
            })
        });
        let Some(kept) = kept else { return Ok(()) };
        let write =
            |name: &str, work: &mut dyn FnMut(&mut dyn Write) -> io::Result<()>| -> io::Result<Part> {
                let beside = folder.join(format!("{name}.new"));
                let mut written = || -> io::Result<Part> {
                    let mut out = Hashed::new(BufWriter::with_capacity(1 << 20, File::create(&beside)?));
                    work(&mut out)?;
                    let (bytes, xxh3) = (out.bytes, out.digest());
                    let file = out.inner.into_inner().map_err(io::IntoInnerError::into_error)?;
                    file.sync_all()?;
                    // Named by what it holds: a name that is there already holds the same.
                    let name = format!("{name}-{}", &xxh3[..16]);
                    fs::rename(&beside, folder.join(&name))?;
                    Ok(Part { name, bytes, xxh3 })
                };
                written().inspect_err(|_| leave(&beside))
            };
        let empty = Before::default();
        let before = if before.parts.len() >= PARTS { &empty } else { before };
        let mut parts = before.parts.clone();
        if roller.written() != before.written {
            parts.push(write("part", &mut |mut out| {
                roller.write_part(&before.written, &mut out).map(|_| ())
            })?);
        }
        let head = write("head", &mut |mut out| roller.write_head(&mut out))?;
        let after_now = after_now.iter().map(|(e, r)| (*e, r.n_rows, r.newest, r.sample.clone())).collect();
        let pointer = Pointer {
            key: key.to_owned(),
            newest: roller.newest(),
            first_after,
            after_now,
            cuts,
            files: kept,
            more,
            head,
            parts,
        };
        replace(&folder.join("state.json"), &serde_json::to_vec(&pointer)?)?;
        let used: BTreeSet<&str> = pointer
            .parts
            .iter()
            .chain([&pointer.head])
            .map(|p| p.name.as_str())
            .chain(["state.json"])
            .collect();
        for file in fs::read_dir(&folder)?.flatten() {
            if !used.contains(file.file_name().to_string_lossy().as_ref()) {
                let _ = fs::remove_file(file.path());
            }
        }
        Ok(())
    }
}
