//! `forewarn init`: looks at the files in a folder and writes a commented `forewarn.toml` for them.

use std::fs;
use std::io::{ErrorKind, Write};
use std::path::{Path, PathBuf};

use forewarn_sources::{Guess, Sniff, sniff};

use crate::cli::InitArgs;
use crate::context::Context;
use crate::errors::{Exit, Failure, Outcome};
use crate::words;

mod text;

/// How well a guess must fit to be written without a comment sign.
const SURE: f64 = 0.6;
/// How many files are looked at.
const MOST: usize = 2_000;

/// Files of the same columns in the same folder: one source.
#[derive(Debug, Clone)]
struct Group {
    /// The folder, relative to the config's.
    dir: PathBuf,
    /// The names in it, sorted.
    names: Vec<String>,
    /// What the first one looks like.
    sniff: Sniff,
    /// Whether every file of that folder and ending is in the group.
    whole: bool,
}

impl Group {
    /// The best guess.
    fn guess(&self) -> Option<&Guess> {
        self.sniff.guesses.first()
    }

    /// Whether it can be read as that table as it is.
    fn is(&self, table: &str) -> bool {
        self.guess().is_some_and(|g| g.table == table && g.score >= SURE && needs(g).is_empty())
    }

    fn score(&self) -> f64 {
        self.guess().map_or(0.0, |g| g.score)
    }
}

/// The required columns for which nothing was found, but for an event's kind, which the config can say.
fn needs(guess: &Guess) -> Vec<&'static str> {
    guess.missing.iter().copied().filter(|c| !(guess.table == "events" && *c == "kind")).collect()
}

/// Writes the config, and prints its path.
pub(super) fn init(args: &InitArgs, context: &Context) -> Outcome<Exit> {
    // `forewarn.toml` reads better than `./forewarn.toml`.
    let path = args.dir.strip_prefix(".").unwrap_or(&args.dir).join("forewarn.toml");
    let exists = || {
        Failure::input(format!("`{}` exists already, and is left as it is", path.display()))
            .hint("move it away first, or look at another folder with `forewarn init DIR`")
    };
    if !args.dir.is_dir() {
        return Err(Failure::input(format!("no such folder: `{}`", args.dir.display())));
    }
    if path.exists() {
        return Err(exists());
    }
    let mut files = Vec::new();
    list(&args.dir, Path::new(""), 2, &mut files)?;
    files.sort();
    if files.len() > MOST {
        context.ui.warn(&format!("only the first {MOST} of {} files are looked at", files.len()));
        files.truncate(MOST);
    }
    let groups = look(&args.dir, &files, context)?;
    context.progress.clear();
    let config = text::config(&groups);
    let mut file = match fs::File::create_new(&path) {
        Ok(file) => file,
        Err(e) if e.kind() == ErrorKind::AlreadyExists => return Err(exists()),
        Err(e) => return Err(Failure::io("write", &path, &e)),
    };
    file.write_all(config.as_bytes())
        .and_then(|()| file.sync_all())
        .map_err(|e| Failure::io("write", &path, &e))?;
    if groups.is_empty() {
        context
            .ui
            .warn(&format!("no readable table found in `{}`; the config is a template", args.dir.display()));
    } else {
        let n = groups.iter().map(|g| g.names.len() as u64).sum();
        context.ui.say(&format!(
            "looked at {}; read the config through, then try `forewarn check`",
            words::count(n, "file")
        ));
    }
    context.ui.data(&format!("{}\n", path.display()))?;
    Ok(Exit::Done)
}

/// The ending of a name that a source can read: `csv`, `csv.gz`, `parquet`, …
fn ending(name: &str) -> Option<String> {
    let lower = name.to_lowercase();
    let (stem, packed) = match lower.rsplit_once('.') {
        Some((stem, packed @ ("gz" | "zst"))) => (stem.to_owned(), format!(".{packed}")),
        _ => (lower.clone(), String::new()),
    };
    let (_, kind) = stem.rsplit_once('.')?;
    ["csv", "tsv", "psv", "txt", "ndjson", "jsonl", "parquet"]
        .contains(&kind)
        .then(|| format!("{kind}{packed}"))
}

/// Adds the files under `root/dir` that could be tables, `depth` folders down. Hidden ones and run folders are left out.
fn list(root: &Path, dir: &Path, depth: usize, files: &mut Vec<(PathBuf, String)>) -> Outcome<()> {
    let here = root.join(dir);
    for entry in fs::read_dir(&here).map_err(|e| Failure::io("list", &here, &e))?.flatten() {
        let name = entry.file_name().to_string_lossy().into_owned();
        let Ok(kind) = fs::metadata(entry.path()) else { continue };
        if name.starts_with('.') || entry.path().join(crate::folders::RUNS).exists() {
            continue;
        }
        if kind.is_dir() && depth > 0 {
            list(root, &dir.join(&name), depth - 1, files)?;
        } else if kind.is_file() && ending(&name).is_some() {
            files.push((dir.to_owned(), name));
        }
    }
    Ok(())
}

/// Looks at each file and gathers those that are alike.
fn look(root: &Path, files: &[(PathBuf, String)], context: &Context) -> Outcome<Vec<Group>> {
    let mut groups: Vec<Group> = Vec::new();
    for (dir, name) in files {
        context.stop.check()?;
        let path = root.join(dir).join(name);
        context.progress.note("looking at", &dir.join(name).display().to_string());
        let found = match sniff(&path) {
            Ok(found) => found,
            Err(e) => {
                context.progress.clear();
                context.ui.warn(&format!("left out: {e}"));
                continue;
            }
        };
        let alike = groups.iter_mut().find(|g| {
            g.dir == *dir && g.sniff.columns == found.columns && ending(&g.names[0]) == ending(name)
        });
        match alike {
            Some(group) => {
                group.sniff.n_rows += found.n_rows;
                group.sniff.day_first |= found.day_first;
                group.names.push(name.clone());
            }
            None => {
                groups.push(Group {
                    dir: dir.clone(),
                    names: vec![name.clone()],
                    sniff: found,
                    whole: false,
                });
            }
        }
    }
    for group in &mut groups {
        let same =
            |(dir, name): &&(PathBuf, String)| *dir == group.dir && ending(name) == ending(&group.names[0]);
        group.whole = files.iter().filter(same).count() == group.names.len();
    }
    Ok(groups)
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test stops where its own input is wrong")]
mod tests {
    use super::*;

    #[test]
    fn only_tables_are_looked_at() {
        let check = |name: &str, want: Option<&str>| assert_eq!(ending(name).as_deref(), want, "{name}");
        check("incidents.csv", Some("csv"));
        check("Incidents.CSV.GZ", Some("csv.gz"));
        check("smart.parquet", Some("parquet"));
        check("notes.md", None);
        check("archive.gz", None);
        check("csv", None);
    }
}
