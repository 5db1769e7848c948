//! The readers of input files, through the public functions that the binary calls, with small caps so that every cap is met.

use std::collections::BTreeMap;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use forewarn_sources::{ColumnSource, Limits, LimitsOptions, ReadPlan, SourceOptions, load};
use polars::prelude::*;

use crate::damage::{damage, damage_parquet};

/// A folder of this process, in memory where the system has such.
pub(crate) fn folder() -> &'static Path {
    static FOLDER: OnceLock<PathBuf> = OnceLock::new();
    FOLDER.get_or_init(|| {
        let memory = Path::new("/dev/shm");
        let base = if memory.is_dir() { memory.to_owned() } else { std::env::temp_dir() };
        let folder = base.join(format!("forewarn-fuzz-{}", std::process::id()));
        std::fs::create_dir_all(&folder).expect("the folder can be made");
        folder
    })
}

fn limits() -> Limits {
    let options = LimitsOptions {
        max_file_bytes: Some(1 << 22),
        max_rows: Some(5_000),
        max_columns: Some(100),
        max_cell_bytes: Some(2_000),
        max_ratio: None,
    };
    options.resolve().expect("the limits are valid")
}

/// Every table of a file, mapped by its own names or by a product's.
const CONFIGS: [&str; 8] = [
    "[tickets]\npath = \"FILE\"\n",
    "[tickets]\npath = \"FILE\"\npreset = \"servicenow\"\nday_first = true\ntime_zone = \"Europe/Berlin\"\n",
    "[[telemetry]]\npath = \"FILE\"\n[failure]\nfrom = \"telemetry\"\nwhere = \"failure = 1\"\n[assets]\nfrom = \"telemetry\"\n",
    "[[telemetry]]\npath = \"FILE\"\nlayout = \"long\"\non_change = true\n",
    "[[telemetry]]\npath = \"FILE\"\npreset = \"backblaze\"\n",
    "[[events]]\npath = \"FILE\"\nkind = \"patch\"\n[failure]\nfailures = { path = \"FILE\" }\n",
    "[assets]\npath = \"FILE\"\npreset = \"servicenow\"\n[asset_history]\npath = \"FILE\"\n",
    "[actions]\npath = \"FILE\"\ntime_zone = \"America/New_York\"\n",
];

fn run(options: &SourceOptions) {
    let Ok(mut settings) = options.resolve(folder(), None) else { return };
    settings.limits = limits();
    // Few cells at a time, so that telemetry is read in many slices.
    match load(&settings, &ReadPlan { slice_cells: 64, ..ReadPlan::default() }, &|_| ()) {
        Ok(loaded) => {
            let _ = (loaded.newest_record(i64::MAX), loaded.repeats());
        }
        Err(e) => {
            let said = e.to_string();
            assert!(!said.is_empty() && said.len() < 1 << 20, "an error of {} bytes", said.len());
            let _ = e.hint();
        }
    }
}

/// Writes the file and reads it as the table of the given number.
fn read(name: &str, bytes: &[u8], table: u8) {
    std::fs::write(folder().join(name), bytes).expect("the file can be written");
    let config = CONFIGS[usize::from(table) % CONFIGS.len()].replace("FILE", name);
    run(&toml::from_str(&config).expect("the config is valid"));
}

/// A table number and a CSV file.
pub fn csv(data: &[u8]) {
    let Some((table, file)) = data.split_first() else { return };
    read("t.csv", file, *table);
}

/// A table number and lines of JSON.
pub fn ndjson(data: &[u8]) {
    let Some((table, file)) = data.split_first() else { return };
    read("t.ndjson", file, *table);
}

/// Valid files of several shapes, encodings and compressions.
fn tables() -> &'static [Vec<u8>] {
    static TABLES: OnceLock<Vec<Vec<u8>>> = OnceLock::new();
    TABLES.get_or_init(|| {
        let text = |name: &str, n: i64| {
            Column::new(
                name.into(),
                (0..n).map(|i| (i % 7 != 3).then(|| format!("x{}", i % 5))).collect::<Vec<_>>(),
            )
        };
        let time = |name: &str, n: i64| {
            Column::new(
                name.into(),
                (0..n).map(|i| 1_700_000_000_000_000 + i * 3_600_000_000).collect::<Vec<_>>(),
            )
            .cast(&DataType::Datetime(TimeUnit::Microseconds, None))
            .expect("numbers are times")
        };
        let number =
            |name: &str, n: i64| Column::new(name.into(), (0..n).map(|i| i as f64 / 3.0).collect::<Vec<_>>());
        let whole = |name: &str, n: i64| Column::new(name.into(), (0..n).map(|i| i % 3).collect::<Vec<_>>());
        let list = |name: &str, n: i64| {
            let each = (0..n).map(|i| Series::new("".into(), (0..i % 3).collect::<Vec<_>>()));
            Column::new(name.into(), each.collect::<Vec<_>>())
        };
        let flag =
            |name: &str, n: i64| Column::new(name.into(), (0..n).map(|i| i % 2 == 0).collect::<Vec<_>>());
        let shapes = |n: i64| {
            let nested = StructChunked::from_columns("s".into(), n as usize, &[whole("a", n), text("b", n)]);
            [
                vec![text("ticket_id", n), time("opened_at", n), text("asset_id", n), whole("priority", n)],
                vec![
                    text("asset_id", n),
                    time("ts", n),
                    number("cpu", n),
                    whole("failure", n),
                    flag("on", n),
                ],
                vec![text("asset_id", n), whole("ts", n), text("metric", n), number("value", n)],
                vec![
                    text("ticket_id", n),
                    time("opened_at", n),
                    list("l", n),
                    nested.expect("columns are as long").into_column(),
                ],
            ]
        };
        let packings = [
            ParquetCompression::Uncompressed,
            ParquetCompression::Zstd(None),
            ParquetCompression::Snappy,
            ParquetCompression::Lz4Raw,
        ];
        let mut out = Vec::new();
        for n in [3, 300] {
            for (columns, packing) in shapes(n).into_iter().zip(packings) {
                let mut df = DataFrame::new(n as usize, columns).expect("columns are as long");
                let mut bytes = Vec::new();
                let writer = ParquetWriter::new(&mut bytes).with_compression(packing);
                writer.with_row_group_size(Some(100)).finish(&mut df).expect("the table can be written");
                out.push(bytes);
            }
        }
        out
    })
}

/// A table number, then a Parquet file as it is (from 128 on), or damage to a valid one.
pub fn parquet(data: &[u8]) {
    let [kind, rest @ ..] = data else { return };
    if *kind >= 128 {
        return read("t.parquet", rest, *kind);
    }
    let mut file = tables()[usize::from(*kind >> 3) % tables().len()].clone();
    damage_parquet(&mut file, rest);
    read("t.parquet", &file, *kind);
}

/// A table number with the packing, then packed bytes as they are, or damage to what was packed here.
pub fn packed(data: &[u8]) {
    let [kind, n_plan, rest @ ..] = data else { return };
    let (inner, name) =
        (["csv", "ndjson"][usize::from(*kind >> 4 & 1)], ["gz", "zst"][usize::from(*kind >> 3 & 1)]);
    let name = format!("t.{inner}.{name}");
    if *kind >= 128 {
        return read(&name, &data[1..], *kind);
    }
    let (plan, text) = rest.split_at(usize::from(*n_plan % 32 * 4).min(rest.len()));
    let mut file = if name.ends_with("gz") {
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        encoder.write_all(text).and_then(|()| encoder.finish()).expect("memory can be written")
    } else {
        zstd::encode_all(text, 1).expect("memory can be packed")
    };
    damage(&mut file, plan);
    read(&name, &file, *kind);
}

/// A file that `forewarn init` looks at.
pub fn sniff(data: &[u8]) {
    let Some((kind, bytes)) = data.split_first() else { return };
    let path = folder().join(["s.csv", "s.ndjson", "s.tsv", "s.txt"][usize::from(kind % 4)]);
    std::fs::write(&path, bytes).expect("the file can be written");
    if let Ok(found) = forewarn_sources::sniff(&path) {
        assert!(!found.guesses.is_empty());
        assert!(found.guesses.iter().all(|g| g.score.is_finite()));
    }
}

/// Lines that are read as times, as numbers and as levels.
pub fn cells(data: &[u8]) {
    let Some((kind, rest)) = data.split_first() else { return };
    let Ok(text) = std::str::from_utf8(rest) else { return };
    let quoted = |s: &str| format!("\"{}\"", s.replace('"', "\"\""));
    let rows: String = text.lines().map(|l| quoted(l)).map(|l| format!("a,{l},{l},{l}\n")).collect();
    let zone = ["UTC", "Europe/Berlin", "America/Sao_Paulo", "Australia/Lord_Howe"][usize::from(kind & 3)];
    let day_first = kind & 4 != 0;
    let head =
        if kind & 8 == 0 { "ticket_id,opened_at,resolved_at,priority\n" } else { "asset_id,ts,cpu,disk\n" };
    std::fs::write(folder().join("c.csv"), format!("{head}{rows}")).expect("the file can be written");
    let table = if kind & 8 == 0 { "[tickets]" } else { "[[telemetry]]" };
    let config = format!("{table}\npath = \"c.csv\"\ntime_zone = \"{zone}\"\nday_first = {day_first}\n");
    run(&toml::from_str(&config).expect("the config is valid"));
}

/// Four lines: a template, an SQL expression, and two conditions.
pub fn columns(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let mut lines = text.split('\n').map(str::to_owned);
    let mut next = || lines.next().unwrap_or_default();
    let file = "ticket_id,opened_at,asset_id,System,priority,text\n1,2025-01-31,a,7,2 - High,\"x,y\"\n2,2025-02-01,,12,,\n3,2025-02-02,é,x,1,b\n";
    std::fs::write(folder().join("m.csv"), file).expect("the file can be written");
    let mut options: SourceOptions =
        toml::from_str("[tickets]\npath = \"m.csv\"\n[failure]\nfrom = \"tickets\"\n").expect("valid");
    let mut columns = BTreeMap::new();
    if let Ok(source) = ColumnSource::parse(&next()) {
        columns.insert("asset_id".to_owned(), source);
    }
    let sql = next();
    if !sql.is_empty() {
        columns.insert("title".to_owned(), ColumnSource::Sql(sql));
    }
    let set = |s: String| Some(s).filter(|s| !s.is_empty());
    let (filter, failed) = (set(next()), set(next()));
    if let Some(t) = &mut options.tickets {
        (t.columns, t.filter) = (columns, filter);
    }
    if let Some(f) = &mut options.failure {
        (f.filter, f.mode) = (failed, set(next()));
    }
    run(&options);
}
