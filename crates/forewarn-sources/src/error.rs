//! Why a source could not be read, in pieces: which file, row, column or key, what was found, what is allowed, what to try.
//! It does not know how an error is shown or which exit code it becomes.

use std::fmt::Write as _;

use forewarn_frames::FrameError;

/// Why the sources could not be loaded; every message stands without a final stop, advice comes apart ([`Self::hint`]).
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum SourceError {
    /// A value of the configuration is not one of those allowed.
    #[error("`{key}`: found {found:?}, expected {allowed}")]
    Config {
        /// The key, e.g. `tickets.preset`.
        key: String,
        /// The value as it was found.
        found: String,
        /// What is allowed, in words or as a list.
        allowed: String,
        /// What to try.
        hint: Option<String>,
    },
    /// Nobody waits for the load any more.
    #[error("stopped before everything was read")]
    Stopped,
    /// A path names nothing.
    #[error("`{path}`: no such file (`{key}`)")]
    NotFound {
        /// The key that names it.
        key: String,
        /// The path as the config names it.
        path: String,
    },
    /// A pattern matches no file.
    #[error("`{pattern}`: matches no file (`{key}`)")]
    NoMatch {
        /// The key that names it.
        key: String,
        /// The pattern as the config names it.
        pattern: String,
    },
    /// A file is another one than it was when the load began.
    #[error("`{path}`: changed while it was read")]
    Changed {
        /// The file.
        path: String,
    },
    /// A path names a folder.
    #[error("`{path}`: is a folder, expected a file")]
    Directory {
        /// The path as the config names it.
        path: String,
    },
    /// The operating system refused to read the file.
    #[error("`{path}`: cannot be read: {reason}")]
    Unreadable {
        /// The path as the config names it.
        path: String,
        /// The system's words.
        reason: String,
    },
    /// A table that a program handed in could not be handed over.
    #[error("{table}: {reason}")]
    Handed {
        /// The name that stands for it.
        table: String,
        /// The words of whoever holds it.
        reason: String,
    },
    /// The file's extension is none that is read.
    #[error(
        "`{path}`: found extension {found:?}, expected one of csv, tsv, psv, txt, ndjson, jsonl, parquet, each also with .gz or .zst"
    )]
    UnknownFormat {
        /// The path as the config names it.
        path: String,
        /// The extension as it was found.
        found: String,
    },
    /// The file holds nothing, not even a header.
    #[error("`{path}`: is empty")]
    Empty {
        /// The path as the config names it.
        path: String,
    },
    /// The table has no data row in any of its files.
    #[error("`{path}`: no data rows for table `{table}`")]
    NoRows {
        /// The table.
        table: String,
        /// The file, or the pattern.
        path: String,
    },
    /// No row of the table has all that is required.
    #[error("`{path}`: no row of table `{table}` can be used; `{check}` in column `{column}`: {sample}")]
    NothingUsable {
        /// The table.
        table: String,
        /// The files.
        path: String,
        /// The first check that left rows out, e.g. `unparseable_times`.
        check: &'static str,
        /// The source's column.
        column: String,
        /// Cells with their rows.
        sample: String,
    },
    /// A text file holds bytes that no text has.
    #[error("`{path}`: byte {byte} is NUL, so it is not a text file")]
    Binary {
        /// The path as the config names it.
        path: String,
        /// The place of the first such byte, from 0.
        byte: u64,
        /// What its first bytes look like, e.g. `Parquet`.
        looks_like: Option<&'static str>,
    },
    /// The file is not UTF-8.
    #[error("`{path}`, row {row}: byte {byte} is not UTF-8 (found 0x{found:02x})")]
    NotUtf8 {
        /// The path as the config names it.
        path: String,
        /// The line, from 1.
        row: u64,
        /// The place of the byte, from 0.
        byte: u64,
        /// The byte.
        found: u8,
    },
    /// The path leads to a device, a pipe or a socket, which may have no end or no beginning.
    #[error("`{path}`: is {found}, expected a file")]
    NoFile {
        /// The path as the config names it.
        path: String,
        /// What it is, e.g. `a pipe`.
        found: &'static str,
    },
    /// A file holds more of something than the config allows.
    #[error("`{path}`{}: found {found}, `limits.{key}` allows {allowed}", row.map(|r| format!(", row {r}")).unwrap_or_default())]
    Cap {
        /// The path as the config names it.
        path: String,
        /// The row, where one is to blame.
        row: Option<u64>,
        /// The key in `[limits]`, e.g. `max_cell_bytes`.
        key: &'static str,
        /// What was found, in words.
        found: String,
        /// The most that is allowed.
        allowed: u64,
    },
    /// Objects and lists lie in one another deeper than any table has them.
    #[error(
        "`{path}`{}: found objects and lists in one another more than {cap} deep",
        row.map(|r| format!(", row {r}")).unwrap_or_default()
    )]
    TooDeep {
        /// The path as the config names it.
        path: String,
        /// The row, where one is to blame.
        row: Option<u64>,
        /// The most that is allowed.
        cap: usize,
    },
    /// The file, or what it unpacks to, is larger than the cap.
    #[error("`{path}`: holds more than {cap} bytes, the most that `limits.max_file_bytes` allows")]
    TooLarge {
        /// The path as the config names it.
        path: String,
        /// The cap, in bytes.
        cap: u64,
    },
    /// A compressed file unpacks to implausibly much.
    #[error("`{path}`: unpacks to more than {cap} times its size, the most that `limits.max_ratio` allows")]
    Ratio {
        /// The path as the config names it.
        path: String,
        /// The cap on unpacked over packed size.
        cap: u64,
    },
    /// Too many rows have another number of fields than the header.
    #[error("`{path}`, row {row}: found {found} fields, expected {expected} ({n_rows} such rows)")]
    Ragged {
        /// The path as the config names it.
        path: String,
        /// The first such row; the header is row 1.
        row: u64,
        /// Fields in it.
        found: usize,
        /// Fields in the header.
        expected: usize,
        /// How many rows.
        n_rows: u64,
    },
    /// A quote is opened and never closed.
    #[error("`{path}`, row {row}: a quote is opened and never closed")]
    OpenQuote {
        /// The path as the config names it.
        path: String,
        /// The row it is opened in; the header is row 1.
        row: u64,
    },
    /// The file breaks the rules of its format.
    #[error("`{path}`{}: {message}", row.map(|r| format!(", row {r}")).unwrap_or_default())]
    Malformed {
        /// The path as the config names it.
        path: String,
        /// The row, where one is to blame.
        row: Option<u64>,
        /// What is wrong.
        message: String,
    },
    /// A column map names a column that the file does not have.
    #[error(
        "`{path}`: `{key}` names column `{found}`, which the file does not have; it has {}",
        list(columns)
    )]
    UnknownColumn {
        /// The path as the config names it.
        path: String,
        /// The key, e.g. `tickets.columns.asset_id`.
        key: String,
        /// The name in the map.
        found: String,
        /// The nearest name that exists.
        nearest: Option<String>,
        /// The file's columns.
        columns: Vec<String>,
    },
    /// A required column is mapped to nothing.
    #[error(
        "`{path}`: table `{table}` needs `{column}`, which no column of the file is mapped to; it has {}",
        list(columns)
    )]
    MissingColumn {
        /// The path as the config names it.
        path: String,
        /// The table, e.g. `tickets`.
        table: String,
        /// The canonical column.
        column: String,
        /// The nearest name that exists.
        nearest: Option<String>,
        /// The file's columns.
        columns: Vec<String>,
    },
    /// An SQL expression cannot be used.
    #[error("`{key}`: cannot evaluate `{text}`: {message}; columns are {}", list(columns))]
    Sql {
        /// The key, e.g. `failure.where`.
        key: String,
        /// The expression.
        text: String,
        /// What is wrong with it.
        message: String,
        /// The columns it may name.
        columns: Vec<String>,
    },
    /// Too large a share of a pattern's files is bad.
    #[error(
        "`{table}`: {n_bad} of {n_files} files cannot be read, more than `checks.max_bad_files` ({max_share}) allows; the first: {first}"
    )]
    TooManyBadFiles {
        /// The table.
        table: String,
        /// Files set aside.
        n_bad: usize,
        /// Files in all.
        n_files: usize,
        /// The greatest share that is allowed, 0 to 1.
        max_share: f64,
        /// Why the first was set aside.
        first: Box<SourceError>,
    },
    /// The mapped table is no valid frame.
    #[error(transparent)]
    Frame(#[from] FrameError),
}

impl SourceError {
    /// What to try, where there is advice.
    #[must_use]
    pub fn hint(&self) -> Option<String> {
        let did_you_mean =
            |nearest: &Option<String>| nearest.as_ref().map(|n| format!("did you mean `{n}`?"));
        Some(match self {
            Self::Config { hint, .. } => return hint.clone(),
            Self::NotFound { .. } => "paths are relative to the config file, or to `--data DIR`".into(),
            Self::NoMatch { .. } => {
                "patterns are relative to the config file, or to `--data DIR`; `**` crosses folders".into()
            }
            Self::Directory { path } => {
                format!("name the files in it: `{}/*.csv`", path.trim_end_matches('/'))
            }
            Self::Changed { .. } => "run again when its export has finished".into(),
            Self::Unreadable { .. } | Self::Handed { .. } | Self::Stopped => return None,
            Self::UnknownFormat { found, .. } => match found.as_str() {
                "xlsx" | "xls" | "ods" => "export the sheet as CSV (UTF-8)".into(),
                "json" => "write one JSON object a line and name the file .ndjson".into(),
                "zip" | "7z" | "tar" | "tgz" => "unpack it, or compress each file with gzip or zstd".into(),
                _ => "rename the file after what it holds".into(),
            },
            Self::NothingUsable { check: "ambiguous_dates", .. } => "set `day_first = true`".into(),
            Self::NothingUsable { .. } => "map another column: `columns = { … }`".into(),
            Self::Empty { .. } | Self::NoRows { .. } => "look whether the export finished".into(),
            Self::Binary { looks_like: Some("UTF-16 text"), .. } | Self::NotUtf8 { .. } => {
                "save the file as UTF-8, e.g. `iconv -f WINDOWS-1252 -t UTF-8`".into()
            }
            Self::Binary { looks_like: Some(kind), .. } => format!("it looks like {kind}: name it so"),
            Self::Binary { .. } => "look whether it is the right file".into(),
            Self::NoFile { .. } => "write what it gives to a file first".into(),
            Self::TooDeep { .. } => "leave out what is nested so deep when the file is written".into(),
            Self::TooLarge { .. } => {
                "split the file and name the parts by a pattern, or raise `max_file_bytes` in `[limits]`".into()
            }
            Self::Ratio { .. } => {
                "if it is meant to be so, unpack the file, or raise `max_ratio` in `[limits]`".into()
            }
            Self::Cap { key: "max_cell_bytes", .. } => {
                "look whether a quote or a line break is missing; if not, raise `max_cell_bytes` in `[limits]`".into()
            }
            Self::Cap { key, .. } => {
                format!("look whether it is the right file; if it is, raise `{key}` in `[limits]`")
            }
            Self::Ragged { .. } => {
                "set `delimiter`, or look whether text with delimiters in it is quoted".into()
            }
            Self::OpenQuote { .. } => {
                "look whether the export finished, and whether quotes in text are doubled".into()
            }
            Self::Malformed { .. } => "look whether the file was written to its end".into(),
            Self::UnknownColumn { nearest, .. } => return did_you_mean(nearest),
            Self::MissingColumn { table, column, nearest, .. } => {
                let mut hint =
                    format!("map a source column to it: `columns = {{ {column} = \"…\" }}` in `{table}`");
                if let Some(n) = nearest {
                    let _ = write!(hint, "; did you mean `{n}`?");
                }
                hint
            }
            Self::Sql { .. } => {
                "text stands in single quotes, column names in double quotes where they hold spaces".into()
            }
            Self::TooManyBadFiles { first, .. } => return first.hint(),
            Self::Frame(e) => return e.hints().into_iter().next(),
        })
    }
}

fn list(columns: &[String]) -> String {
    const SHOWN: usize = 40;
    let mut out =
        columns.iter().take(SHOWN).map(|c| format!("`{}`", shortened(c))).collect::<Vec<_>>().join(", ");
    if columns.len() > SHOWN {
        let _ = write!(out, " and {} more", columns.len() - SHOWN);
    }
    if out.is_empty() { "none".into() } else { out }
}

/// No name that someone meant is longer, in bytes.
const LONGEST_NAME: usize = 200;

/// A text of a file as a message shows it: as it is, or its first 60 characters.
pub(crate) fn shortened(text: &str) -> String {
    const MOST: usize = 60;
    match text.char_indices().nth(MOST) {
        None => text.to_owned(),
        Some((end, _)) => format!("{}…", &text[..end]),
    }
}

/// The name nearest to `wanted`, if one is near enough to be meant (Jaro–Winkler of at least 0.75, case aside).
pub(crate) fn nearest<'a>(wanted: &str, names: impl IntoIterator<Item = &'a str>) -> Option<String> {
    let simple = |s: &str| s.to_lowercase().replace([' ', '-'], "_");
    let wanted = simple(wanted);
    let mut best: Option<(f64, &str)> = None;
    for name in names.into_iter().filter(|n| n.len() <= LONGEST_NAME) {
        let score = strsim::jaro_winkler(&wanted, &simple(name));
        if score >= 0.75 && best.is_none_or(|(b, _)| score > b) {
            best = Some((score, name));
        }
    }
    best.map(|(_, n)| n.to_owned())
}
