//! Run folders: written whole or not at all, switched by rename, one writer at a time.
//!
//! `OUT/.runs/<as-of>-<id>/` is filled and synced, its manifest last; then the links `OUT/<as-of>` and `OUT/latest` are
//! switched. Until then, and on any failure, the earlier folder stays as it was. It does not know what the files mean.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

use forewarn_frames::Cutoff;
use forewarn_sources::{check_parquet, hex};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use crate::clock;
use crate::errors::{Failure, Outcome};
use crate::lock::Lock;

/// The folder in OUT that holds the run folders themselves.
pub(crate) const RUNS: &str = ".runs";
/// The folder in OUT of what is kept between runs; it may be deleted at any time.
pub(crate) const CACHE: &str = ".cache";
/// What a run folder's name begins with while it is being removed.
const GONE: &str = ".gone-";
/// The file that makes a folder complete.
pub(crate) const MANIFEST: &str = "manifest.json";
/// The one file that may differ between runs of the same inputs.
pub(crate) const RUN_LOG: &str = "run-log.json";
/// The link to the run of the newest as-of.
pub(crate) const LATEST: &str = "latest";
/// What a failed run leaves in OUT.
pub(crate) const LAST_ERROR: &str = "last-error.json";

/// The size and SHA-256 of a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Fingerprint {
    /// Its size.
    pub(crate) bytes: u64,
    /// The hash, in lower-case hexadecimal digits.
    pub(crate) sha256: String,
}

impl Fingerprint {
    /// Reads the file at `path` whole.
    pub(crate) fn of_file(path: &Path) -> io::Result<Self> {
        let mut file = File::open(path)?;
        let (mut hash, mut buffer, mut bytes) = (Sha256::new(), vec![0; 1 << 20], 0);
        loop {
            let n = file.read(&mut buffer)?;
            if n == 0 {
                break;
            }
            hash.update(&buffer[..n]);
            bytes += n as u64;
        }
        Ok(Self { bytes, sha256: hex(&hash.finalize()) })
    }

    /// Of bytes in memory.
    pub(crate) fn of_bytes(bytes: &[u8]) -> Self {
        Self { bytes: bytes.len() as u64, sha256: hex(&Sha256::digest(bytes)) }
    }

    /// `{"bytes": …, "sha256": …}`
    pub(crate) fn to_json(&self) -> Value {
        json!({ "bytes": self.bytes, "sha256": self.sha256 })
    }
}

fn sync_folder(path: &Path) -> io::Result<()> {
    // Only Unix lets a folder be opened; elsewhere the file system's journal must do.
    if cfg!(unix) { File::open(path)?.sync_all() } else { Ok(()) }
}

/// Makes what was written in a folder last.
///
/// # Errors
///
/// The folder cannot be synced.
pub(crate) fn sync(path: &Path) -> Outcome<()> {
    sync_folder(path).map_err(|e| Failure::io("sync", path, &e))
}

fn write_synced(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut file = File::create(path)?;
    file.write_all(bytes)?;
    file.sync_all()
}

/// Whether a name is one of the temporary files of [`replace_file`], which an interrupted run left.
pub(crate) fn is_temporary(name: &str) -> bool {
    name.starts_with('.') && name.strip_suffix(".tmp").is_some()
}

/// Reads a file whole. A pipe or a device in a file's place has no end, or none that comes; a damaged table may claim more
/// than there is memory.
///
/// # Errors
///
/// It is no file, cannot be read, or is a table that cannot be what it claims.
pub(crate) fn read(path: &Path) -> io::Result<Vec<u8>> {
    if !fs::metadata(path)?.is_file() {
        return Err(io::Error::other("it is no file"));
    }
    let bytes = fs::read(path)?;
    if path.extension().is_some_and(|e| e == "parquet") {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        check_parquet(&bytes, &name).map_err(|e| io::Error::other(e.to_string()))?;
    }
    Ok(bytes)
}

/// Writes a file by a temporary one beside it and a rename, so that it is never half there.
pub(crate) fn replace_file(path: &Path, bytes: &[u8]) -> Outcome<()> {
    let name = path.file_name().map(|n| n.to_string_lossy().into_owned()).unwrap_or_default();
    let temporary = path.with_file_name(format!(".{name}.tmp"));
    let done = write_synced(&temporary, bytes).and_then(|()| fs::rename(&temporary, path));
    done.map_err(|e| {
        let _ = fs::remove_file(&temporary);
        Failure::io("write", path, &e)
    })
}

/// A folder that is being filled; dropped before it is finished, it is removed.
#[derive(Debug)]
pub(crate) struct Draft {
    path: PathBuf,
    files: BTreeMap<String, Fingerprint>,
    keep: bool,
}

impl Draft {
    /// Makes the empty folder `path`.
    ///
    /// # Errors
    ///
    /// It exists, or cannot be made.
    pub(crate) fn create(path: PathBuf) -> Outcome<Self> {
        fs::create_dir(&path).map_err(|e| Failure::io("make the folder", &path, &e))?;
        Ok(Self { path, files: BTreeMap::new(), keep: false })
    }

    /// Where it is.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Writes the file `name`, which may lie in a folder below (`tables/risk.csv`), and counts it in.
    ///
    /// # Errors
    ///
    /// It cannot be written, or reads back otherwise.
    pub(crate) fn put(&mut self, name: &str, bytes: &[u8]) -> Outcome<()> {
        let path = self.path.join(name);
        if let Some(folder) = path.parent().filter(|folder| *folder != self.path) {
            fs::create_dir_all(folder).map_err(|e| Failure::io("make the folder", folder, &e))?;
        }
        write_synced(&path, bytes).map_err(|e| Failure::io("write", &path, &e))?;
        let found = Fingerprint::of_file(&path).map_err(|e| Failure::io("read back", &path, &e))?;
        if found != Fingerprint::of_bytes(bytes) {
            return Err(Failure::input(format!("`{}` does not read back as it was written", path.display()))
                .hint("look at the health of the disk that holds it"));
        }
        self.files.insert(name.to_owned(), found);
        Ok(())
    }

    /// Writes a file that no manifest counts: it may differ between runs of the same inputs.
    ///
    /// # Errors
    ///
    /// It cannot be written.
    pub(crate) fn put_uncounted(&self, name: &str, bytes: &[u8]) -> Outcome<()> {
        let path = self.path.join(name);
        write_synced(&path, bytes).map_err(|e| Failure::io("write", &path, &e))
    }

    /// Every file counted so far: `{name: {bytes, sha256}}`.
    pub(crate) fn files_json(&self) -> Value {
        Value::Object(self.files.iter().map(|(name, f)| (name.clone(), f.to_json())).collect())
    }

    /// Writes the manifest, last of all and by a rename: a folder that has one is whole.
    ///
    /// # Errors
    ///
    /// It cannot be written.
    pub(crate) fn put_manifest(&self, manifest: &Value) -> Outcome<()> {
        let parents: BTreeSet<PathBuf> =
            self.files.keys().filter_map(|name| Some(self.path.join(name).parent()?.to_owned())).collect();
        for folder in parents.iter().filter(|folder| **folder != self.path) {
            sync_folder(folder).map_err(|e| Failure::io("sync", folder, &e))?;
        }
        replace_file(&self.path.join(MANIFEST), &pretty(manifest))?;
        sync(&self.path)
    }

    /// The folder is whole: it stays.
    pub(crate) fn finish(mut self) -> PathBuf {
        self.keep = true;
        std::mem::take(&mut self.path)
    }
}

impl Drop for Draft {
    fn drop(&mut self) {
        if !self.keep {
            // First what says that it is whole, since removing the rest may be interrupted.
            let _ = fs::remove_file(self.path.join(MANIFEST));
            let _ = fs::remove_dir_all(&self.path);
        }
    }
}

/// JSON for people and machines, with a final line break.
pub(crate) fn pretty(value: &Value) -> Vec<u8> {
    format!("{value:#}\n").into_bytes()
}

/// Begins the folder of a run: `OUT/.runs/<as-of>-<id>`, with a counter where that name is taken. What interrupted runs
/// left is removed first; whoever holds the lock may do so.
///
/// # Errors
///
/// A folder cannot be made.
pub(crate) fn begin_run(lock: &Lock, out: &Path, as_of: Cutoff, id: &str) -> Outcome<Draft> {
    let runs = out.join(RUNS);
    fs::create_dir_all(&runs).map_err(|e| Failure::io("make the folder", &runs, &e))?;
    clear(lock, out)?;
    let mut name = format!("{as_of}-{id}");
    let mut n = 1;
    while runs.join(&name).exists() {
        n += 1;
        name = format!("{as_of}-{id}-{n}");
    }
    Draft::create(runs.join(name))
}

/// Puts right what interrupted runs left. Folders without a manifest, folders half removed and temporary files are removed;
/// a whole folder of a date that has none to show is linked to (a run was stopped before it switched, or the links were
/// lost on the way from a backup); and `latest` leads to the newest as-of again.
///
/// # Errors
///
/// A folder cannot be listed, or a link cannot be written.
pub(crate) fn clear(_lock: &Lock, out: &Path) -> Outcome<()> {
    for entry in fs::read_dir(out).map_err(|e| Failure::io("list", out, &e))?.flatten() {
        let name = entry.file_name().to_string_lossy().into_owned();
        if is_temporary(&name) {
            let _ = fs::remove_file(entry.path());
        }
    }
    let runs = out.join(RUNS);
    if !runs.is_dir() {
        return Ok(());
    }
    for (name, path) in folders_in(&runs)? {
        if name.starts_with(GONE) {
            let _ = fs::remove_dir_all(path);
        } else if !path.join(MANIFEST).is_file() {
            remove_run(&path);
        } else if let Some(date) = as_of_in(&name).map(|date| date.to_string())
            && find_run(&out.join(&date)).is_err()
        {
            point(out, &date, &format!("{RUNS}/{name}"))?;
        }
    }
    if let Some((newest, _)) = runs_by_date(out)?.first()
        && target_of(&out.join(LATEST)).and_then(|t| as_of_in(&t)).is_none_or(|latest| latest < *newest)
        && let Some(target) = target_of(&out.join(newest.to_string()))
    {
        point(out, LATEST, &target)?;
    }
    Ok(())
}

/// All run folders of a date, also those that were replaced.
///
/// # Errors
///
/// They cannot be listed.
pub(crate) fn folders_of(out: &Path, date: Cutoff) -> Outcome<Vec<PathBuf>> {
    let all = folders_in(&out.join(RUNS))?;
    Ok(all.into_iter().filter(|(name, _)| as_of_in(name) == Some(date)).map(|(_, path)| path).collect())
}

/// The run folder that the link of a date leads to, by its own path.
pub(crate) fn folder_of(out: &Path, date: Cutoff) -> Option<PathBuf> {
    Some(out.join(target_of(&out.join(date.to_string()))?))
}

/// Removes a run folder that no link leads to: by a rename first, so that it is never half there under its own name. What
/// cannot be removed is tried again by the next run.
pub(crate) fn remove_run(path: &Path) {
    let name = path.file_name().map(|n| n.to_string_lossy().into_owned()).unwrap_or_default();
    let gone = path.with_file_name(format!("{GONE}{name}"));
    let _ = fs::remove_dir_all(&gone);
    let _ = fs::rename(path, &gone).and_then(|()| fs::remove_dir_all(&gone));
}

fn folders_in(dir: &Path) -> Outcome<Vec<(String, PathBuf)>> {
    let entries = fs::read_dir(dir).map_err(|e| Failure::io("list", dir, &e))?;
    let mut found: Vec<(String, PathBuf)> = entries
        .flatten()
        .filter(|e| e.file_type().is_ok_and(|t| t.is_dir()))
        .map(|e| (e.file_name().to_string_lossy().into_owned(), e.path()))
        .collect();
    found.sort();
    Ok(found)
}

/// Switches `OUT/<as-of>` to a finished run folder, and `OUT/latest` too unless it shows a newer as-of. The run folder
/// that was replaced stays, since someone may be reading it; older ones of the same as-of are removed.
///
/// # Errors
///
/// A link cannot be written; the earlier ones still stand then.
pub(crate) fn switch(_lock: &Lock, out: &Path, as_of: Cutoff, folder: &Path) -> Outcome<PathBuf> {
    let name = folder.file_name().map(|n| n.to_string_lossy().into_owned()).unwrap_or_default();
    let target = format!("{RUNS}/{name}");
    let date = as_of.to_string();
    let replaced = target_of(&out.join(&date));
    // A link that outlasts a power failure must not lead to a folder that does not.
    sync(&out.join(RUNS))?;
    point(out, &date, &target)?;
    let newest = target_of(&out.join(LATEST)).and_then(|t| as_of_in(&t));
    if newest.is_none_or(|newest| newest <= as_of) {
        point(out, LATEST, &target)?;
    }
    sync_folder(out).map_err(|e| Failure::io("sync", out, &e))?;
    for (other, path) in folders_in(&out.join(RUNS))? {
        let same_day = as_of_in(&other) == Some(as_of);
        let was_linked = replaced.as_deref() == Some(&*format!("{RUNS}/{other}"));
        if same_day && other != name && !was_linked {
            remove_run(&path);
        }
    }
    let by_date = out.join(&date);
    // Where links are not to be had, the folder itself is what can be opened.
    Ok(if by_date.join(MANIFEST).exists() { by_date } else { folder.to_owned() })
}

/// The as-of that a run folder's name begins with.
fn as_of_in(target: &str) -> Option<Cutoff> {
    let name = target.rsplit(['/', '\\']).next()?;
    Cutoff::parse(name.get(..10)?).ok()
}

/// Where a link, or the one-line file in its place, points.
fn target_of(link: &Path) -> Option<String> {
    if let Ok(target) = fs::read_link(link) {
        return Some(target.to_string_lossy().into_owned());
    }
    let line = fs::read_to_string(link).ok()?;
    Some(line.trim().to_owned()).filter(|t| t.starts_with(RUNS))
}

/// Points `out/name` to `target` by a link beside it and a rename.
fn point(out: &Path, name: &str, target: &str) -> Outcome<()> {
    let (path, temporary) = (out.join(name), out.join(format!(".{name}.tmp")));
    let _ = fs::remove_file(&temporary);
    let made =
        link(target, &temporary).or_else(|_| write_synced(&temporary, format!("{target}\n").as_bytes()));
    made.and_then(|()| fs::rename(&temporary, &path)).map_err(|e| {
        let _ = fs::remove_file(&temporary);
        let failure = Failure::io("switch the link", &path, &e);
        if fs::symlink_metadata(&path).is_ok_and(|m| m.is_dir()) {
            failure.hint(format!("move the folder `{}` away: forewarn keeps a link there", path.display()))
        } else {
            failure
        }
    })
}

#[cfg(unix)]
fn link(target: &str, path: &Path) -> io::Result<()> {
    std::os::unix::fs::symlink(target, path)
}

#[cfg(windows)]
fn link(target: &str, path: &Path) -> io::Result<()> {
    std::os::windows::fs::symlink_dir(target, path)
}

/// The run folder that `path` means: itself, what its one line says, or the latest run in it.
///
/// # Errors
///
/// There is no run folder.
pub(crate) fn find_run(path: &Path) -> Outcome<PathBuf> {
    let through = |p: &Path| -> Option<PathBuf> {
        if p.join(MANIFEST).is_file() {
            return Some(p.to_owned());
        }
        let beside = p.parent()?.join(target_of(p)?);
        beside.join(MANIFEST).is_file().then_some(beside)
    };
    through(path).or_else(|| through(&path.join(LATEST))).ok_or_else(|| {
        Failure::input(format!("no run folder found in `{}`", path.display()))
            .hint("name a folder that holds `manifest.json`, or make one with `forewarn run`")
    })
}

/// The run folders of `out` by as-of, the newest first.
///
/// # Errors
///
/// The folder cannot be listed.
pub(crate) fn runs_by_date(out: &Path) -> Outcome<Vec<(Cutoff, PathBuf)>> {
    let entries = fs::read_dir(out).map_err(|e| Failure::io("list", out, &e))?;
    let mut found: Vec<(Cutoff, PathBuf)> = entries
        .flatten()
        .filter_map(|e| {
            Some((Cutoff::parse(&e.file_name().to_string_lossy()).ok()?, find_run(&e.path()).ok()?))
        })
        .collect();
    found.sort_by_key(|run| std::cmp::Reverse(run.0));
    Ok(found)
}

/// Replaces the folder `path` by the finished `draft`: by rename, the earlier one moved aside first and removed last.
///
/// # Errors
///
/// It cannot be moved; the earlier folder is put back then.
pub(crate) fn replace_folder(draft: Draft, path: &Path) -> Outcome<()> {
    let name = path.file_name().map(|n| n.to_string_lossy().into_owned()).unwrap_or_default();
    let aside = path.with_file_name(format!(".{name}.old"));
    if aside.is_dir() && !path.exists() {
        // A run that was stopped between the two renames: the earlier folder is the one that counts.
        let _ = fs::rename(&aside, path);
    }
    let _ = fs::remove_dir_all(&aside);
    let had = path.exists();
    if had {
        fs::rename(path, &aside).map_err(|e| Failure::io("move aside", path, &e))?;
    }
    if let Err(e) = fs::rename(draft.path(), path) {
        if had {
            let _ = fs::rename(&aside, path);
        }
        return Err(Failure::io("write the folder", path, &e));
    }
    let _ = draft.finish();
    let _ = fs::remove_dir_all(&aside);
    let parent = path.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."));
    sync_folder(parent).map_err(|e| Failure::io("sync", parent, &e))
}

/// Leaves `OUT/last-error.json`. That this fails too is no news.
pub(crate) fn leave_error(out: &Path, command: &str, failure: &Failure) {
    let mut error = json!({
        "time": clock::rfc3339(clock::now()),
        "run_id": clock::run_id(),
        "host": clock::host(),
        "command": command,
    });
    if let (Some(object), Some(more)) = (error.as_object_mut(), failure.to_json().as_object()) {
        object.extend(more.clone());
        object.shift_remove("level");
    }
    if fs::create_dir_all(out).is_ok() {
        let _ = replace_file(&out.join(LAST_ERROR), &pretty(&error));
    }
}

/// Removes what an earlier failure left: the run after it succeeded.
pub(crate) fn forget_error(out: &Path) {
    let _ = fs::remove_file(out.join(LAST_ERROR));
}

#[cfg(test)]
#[path = "folders_tests.rs"]
mod tests;
