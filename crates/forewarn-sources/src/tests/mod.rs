//! Tests of whole sources, from files and TOML to frames: rows of cases through one `check()`.

use std::fmt::Write as _;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};

use forewarn_frames::Cutoff;
use forewarn_frames::rollup::Roller;
use forewarn_frames::time::format_minute;
use polars::prelude::*;

mod fuzzed;
mod handed;
mod kept;
mod limits;
mod real;
mod streams;

use crate::{Loaded, NEVER, ReadPlan, SourceError, SourceOptions, SourceSettings, load, sniff};

/// A folder of its own for one case, gone afterwards.
struct Folder(PathBuf);

impl Folder {
    fn new(files: &[(&str, Vec<u8>)]) -> Self {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let name =
            format!("forewarn-sources-{}-{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed));
        let dir = std::env::temp_dir().join(name);
        for (name, bytes) in files {
            let path = dir.join(name);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, bytes).unwrap();
        }
        Self(dir)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

fn settings(base: &Path, config: &str) -> Result<SourceSettings, SourceError> {
    let options: SourceOptions = toml::from_str(config).unwrap_or_else(|e| panic!("{e}\n{config}"));
    options.resolve(base, None)
}

fn run(files: &[(&str, Vec<u8>)], config: &str) -> Result<Loaded, SourceError> {
    let folder = Folder::new(files);
    load(&settings(&folder.0, config)?, &ReadPlan::default(), &|_| ())
}

/// Non-empty columns and rows of a frame: `a,b / 1,2 / 3,4`.
fn rows(df: &DataFrame) -> String {
    let columns: Vec<&Column> = df.columns().iter().filter(|c| c.null_count() < c.len()).collect();
    let mut out = columns.iter().map(|c| c.name().as_str()).collect::<Vec<_>>().join(",");
    for i in 0..df.height() {
        let cell = |c: &&Column| match c.get(i).unwrap() {
            AnyValue::Null => String::new(),
            AnyValue::Datetime(at, ..) | AnyValue::DatetimeOwned(at, ..) if at == NEVER => "never".into(),
            AnyValue::Datetime(at, ..) | AnyValue::DatetimeOwned(at, ..) => format_minute(at),
            v => v.get_str().map_or_else(|| v.to_string(), ToOwned::to_owned),
        };
        let _ = write!(out, " / {}", columns.iter().map(cell).collect::<Vec<_>>().join(","));
    }
    out
}

/// The days of each metric as `cpu: a 2025-01-01 1.5, b 2025-01-01 3.0 (2 readings, mean 2.5)`, and the rows that were
/// repeated.
fn rolled(telemetry: &Roller) -> Vec<String> {
    let repeats: u64 = telemetry.rows().iter().map(|s| s.repeats().identical + s.repeats().differing).sum();
    let (ids, metrics) = telemetry.clone().rollups(Cutoff::from_day(30_000));
    let mut out = Vec::new();
    for m in &metrics {
        let df = m.to_frame(&ids).unwrap();
        let days: Vec<String> = (0..df.height())
            .map(|i| {
                let cell = |name: &str| df.column(name).unwrap().get(i).unwrap().to_string().replace('"', "");
                let more = match cell("n").as_str() {
                    "1" => String::new(),
                    n => format!(" ({n} readings, mean {})", cell("mean")),
                };
                format!("{} {} {}{more}", cell("asset_id"), cell("day"), cell("last"))
            })
            .collect();
        out.push(format!("{}: {}", m.name(), days.join(", ")));
    }
    out.extend((repeats > 0).then(|| format!("{repeats} repeated")));
    out
}

fn shown(result: Result<Loaded, SourceError>) -> String {
    let l = match result {
        Err(e) => return format!("error: {e}{}", e.hint().map(|h| format!(" ({h})")).unwrap_or_default()),
        Ok(l) => l,
    };
    let mut out = Vec::new();
    let tables = [
        ("assets", l.assets.as_ref().map(|t| t.df().clone())),
        ("history", l.asset_history.as_ref().map(|t| t.df().clone())),
        ("tickets", l.tickets.as_ref().map(|t| t.df().clone())),
        ("events", l.events.as_ref().map(|t| t.df().clone())),
        ("failures", Some(l.failures.df().clone()).filter(|d| d.height() > 0)),
        ("actions", l.actions.as_ref().map(|t| t.df().clone())),
    ];
    for (name, df) in tables {
        out.extend(df.map(|d| format!("{name}: {}", rows(&d))));
    }
    out.extend(rolled(&l.telemetry));
    for f in &l.files {
        out.extend(f.set_aside.as_ref().map(|why| format!("set aside: {why}")));
        // Of none is noted that the dates of a column tell their order.
        for r in f.rejected.iter().filter(|r| r.n_rows > 0) {
            let left_out = if r.row_left_out { " left out" } else { "" };
            out.push(format!("{} {}{left_out} {} [{}]", r.check, r.column, r.n_rows, r.sample.join("; ")));
        }
    }
    out.join("\n")
}

fn check(files: &[(&str, Vec<u8>)], config: &str, expected: &str) {
    let found = shown(run(files, config));
    assert_eq!(found.trim(), expected.trim(), "\n{config}");
}

fn text(s: &str) -> Vec<u8> {
    s.as_bytes().to_vec()
}

fn gz(bytes: &[u8]) -> Vec<u8> {
    let mut e = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    e.write_all(bytes).unwrap();
    e.finish().unwrap()
}

fn zst(bytes: &[u8]) -> Vec<u8> {
    zstd::encode_all(bytes, 1).unwrap()
}

fn parquet(columns: Vec<Column>) -> Vec<u8> {
    let mut df = DataFrame::new(columns[0].len(), columns).unwrap();
    let mut out = Vec::new();
    ParquetWriter::new(&mut out).finish(&mut df).unwrap();
    out
}

const TICKETS: &str = "[tickets]\npath = \"t.csv\"\n";
const ONE: &str = "tickets: ticket_id,opened_at,asset_id / 1,2025-01-31 13:45,a";

#[test]
fn every_shape_of_file_gives_the_same_ticket() {
    let csv = "ticket_id,opened_at,asset_id\n1,2025-01-31 13:45,a\n";
    let json = "{\"ticket_id\": 1, \"opened_at\": \"2025-01-31T13:45:00Z\", \"asset_id\": \"a\"}\n";
    let df = || {
        let at = Column::new("opened_at".into(), [1_738_331_100_000i64])
            .cast(&DataType::Datetime(TimeUnit::Milliseconds, None))
            .unwrap();
        vec![Column::new("ticket_id".into(), [1i32]), at, Column::new("asset_id".into(), ["a"])]
    };
    for (name, bytes) in [
        ("t.csv", text(csv)),
        ("t.csv", text(&format!("\u{feff}{csv}"))),
        ("t.csv", text(&csv.replace(',', ";"))),
        ("t.csv", text(&csv.replace(',', "|"))),
        ("t.tsv", text(&csv.replace(',', "\t"))),
        ("t.csv", text(&csv.replace('\n', "\r\n"))),
        ("t.csv", text("asset_id,opened_at,ticket_id\n a ,\"2025-01-31 13:45\",\"1\"")),
        ("t.csv", text("asset_id,opened_at,ticket_id\na,20250131T134500,1")),
        ("t.csv.gz", gz(csv.as_bytes())),
        ("t.csv.zst", zst(csv.as_bytes())),
        ("t.ndjson", text(json)),
        ("t.jsonl.gz", gz(json.as_bytes())),
        ("t.jsonl", text(&json.replace("\"2025-01-31T13:45:00Z\"", "1738331100"))),
        ("t.jsonl", text(&json.replace("\"2025-01-31T13:45:00Z\"", "1738331100000"))),
        ("t.parquet", parquet(df())),
        ("t.parquet.zst", zst(&parquet(df()))),
    ] {
        check(&[(name, bytes)], &format!("[tickets]\npath = \"{name}\"\n"), ONE);
    }
    // A quoted newline and a doubled quote stay in the text.
    check(
        &[("t.csv", text("ticket_id,opened_at,title\n1,2025-01-31,\"say \"\"hi\"\"\nthere\"\n"))],
        TICKETS,
        "tickets: ticket_id,opened_at,title / 1,2025-01-31 00:00,say \"hi\"\nthere",
    );
}

#[test]
fn what_cannot_be_read_is_named() {
    let head = "ticket_id,opened_at,asset_id\n";
    let whole = parquet(vec![Column::new("ticket_id".into(), (0..2000i32).collect::<Vec<_>>())]);
    let half = whole[..whole.len() / 2].to_vec();
    for (name, bytes, expected) in [
        ("t.csv", vec![], "error: `t.csv`: is empty (look whether the export finished)"),
        (
            "t.csv",
            text(head),
            "error: `t.csv`: no data rows for table `tickets` (look whether the export finished)",
        ),
        (
            "t.csv",
            whole.clone(),
            "error: `t.csv`: byte 5 is NUL, so it is not a text file (it looks like Parquet: name it so)",
        ),
        (
            "t.csv",
            b"a,b\n1,\xfc\n".to_vec(),
            "error: `t.csv`, row 2: byte 6 is not UTF-8 (found 0xfc) (save the file as UTF-8, e.g. `iconv -f WINDOWS-1252 -t UTF-8`)",
        ),
        (
            "t.csv",
            b"\xff\xfea\0,\0".to_vec(),
            "error: `t.csv`: byte 3 is NUL, so it is not a text file (save the file as UTF-8, e.g. `iconv -f WINDOWS-1252 -t UTF-8`)",
        ),
        (
            "t.csv.gz",
            text("plain"),
            "error: `t.csv.gz`: cannot be unpacked: unexpected end of file (look whether the file was written to its end)",
        ),
        (
            "t.xlsx",
            text("x"),
            "error: `t.xlsx`: found extension \"xlsx\", expected one of csv, tsv, psv, txt, ndjson, jsonl, parquet, each also with .gz or .zst (export the sheet as CSV (UTF-8))",
        ),
        (
            "t.ndjson",
            text("{\"a\": 1}\n\n{\"a\": \n"),
            "error: `t.ndjson`, row 3: is no JSON object (look whether the file was written to its end)",
        ),
        (
            "t.csv",
            text("a,b\n1,\"2\n"),
            "error: `t.csv`, row 2: a quote is opened and never closed (look whether the export finished, and whether quotes in text are doubled)",
        ),
        (
            "t.csv",
            text("a,b\n1,2\n"),
            "error: `t.csv`: table `tickets` needs `ticket_id`, which no column of the file is mapped to; it has `a`, `b` (map a source column to it: `columns = { ticket_id = \"…\" }` in `tickets`)",
        ),
        (
            "t.csv",
            text("ticket_id,opened_at\n1,soon\n"),
            "error: `t.csv`: no row of table `tickets` can be used; `unparseable_times` in column `opened_at`: row 2: \"soon\" (map another column: `columns = { … }`)",
        ),
        (
            "folder/x.csv",
            text(head),
            "error: `folder`: is a folder, expected a file (name the files in it: `folder/*.csv`)",
        ),
    ] {
        let path = if name.starts_with("folder") { "folder" } else { name };
        check(&[(name, bytes)], &format!("[tickets]\npath = \"{path}\"\n"), expected);
    }
    for cut in [0, 3, 4, 100, half.len(), whole.len() - 1] {
        let e =
            run(&[("t.parquet", whole[..cut].to_vec())], "[tickets]\npath = \"t.parquet\"\n").unwrap_err();
        assert!(e.to_string().starts_with("`t.parquet`"), "{e}");
    }
    check(
        &[],
        TICKETS,
        "error: `t.csv`: no such file (`tickets.path`) (paths are relative to the config file, or to `--data DIR`)",
    );
    check(
        &[],
        "[tickets]\npath = \"*.csv\"\n",
        "error: `*.csv`: matches no file (`tickets.path`) (patterns are relative to the config file, or to `--data DIR`; `**` crosses folders)",
    );
}

#[test]
fn maps_serve_names_templates_sql_and_constants() {
    let csv = "System,nodenum,Start,cause,Hardware\n2, 5 ,1/31/2025 13:45,,Disk\n12,x7,1/31/2025,Fan,\n,1,1/31/2025,,\n";
    let check = |map: &str, expected: &str| {
        let config = format!("{TICKETS}columns = {{ {map} }}\n");
        check(&[("t.csv", text(csv))], &config, expected);
    };
    check(
        "ticket_id = \"{System:02}/{nodenum:03}\", opened_at = \"Start\", category = { sql = \"COALESCE(cause, Hardware)\" }, type = { value = \"Incident\" }",
        "tickets: ticket_id,opened_at,type,category / 02/005,2025-01-31 13:45,incident,Disk / 12/x7,2025-01-31 00:00,incident,Fan\nmissing_required {System:02}/{nodenum:03} left out 1 [row 4: \"\"]",
    );
    check(
        "ticket_id = \"nodenm\", opened_at = \"Start\"",
        "error: `t.csv`: `tickets.columns.ticket_id` names column `nodenm`, which the file does not have; it has `System`, `nodenum`, `Start`, `cause`, `Hardware` (did you mean `nodenum`?)",
    );
    check(
        "ticket_id = \"nodenum\", opened_at = \"Start\", category = \"Cause\"",
        "error: `t.csv`: `tickets.columns.category` names column `Cause`, which the file does not have; it has `System`, `nodenum`, `Start`, `cause`, `Hardware` (did you mean `cause`?)",
    );
    check(
        "ticket_id = { sql = \"nodenum +\" }, opened_at = \"Start\"",
        "error: `tickets.columns.ticket_id`: cannot evaluate `nodenum +`: unable to parse 'nodenum +' as Expr; columns are `System`, `nodenum`, `Start`, `cause`, `Hardware` (text stands in single quotes, column names in double quotes where they hold spaces)",
    );
    check(
        "ticket_id = \"nodenum\", open_at = \"Start\"",
        "error: `tickets.columns`: found \"open_at\", expected one of ticket_id, opened_at, asset_id, updated_at, resolved_at, type, category, subcategory, priority, status, title, text, group, service, site, resolution_code, reassignment_count, reopen_count, downtime_minutes, csat, made_sla, caller (did you mean `opened_at`?)",
    );
    for bad in ["\"{System\"", "\"a}\"", "\"{System:x}\"", "{ sqll = \"1\" }", "7", "[]"] {
        assert!(
            toml::from_str::<SourceOptions>(&format!("{TICKETS}columns = {{ ticket_id = {bad} }}")).is_err(),
            "{bad}"
        );
    }
    assert!(
        toml::from_str::<SourceOptions>("[tickets]\npaths = \"x\"")
            .unwrap_err()
            .to_string()
            .contains("`path`")
    );
}

#[test]
fn presets_say_whether_the_agreed_time_was_kept() {
    let check_preset = |preset: &str, csv: &str, expected: &[Option<f64>]| {
        let config = format!("{TICKETS}preset = \"{preset}\"\n");
        let loaded = run(&[("t.csv", text(csv))], &config).unwrap();
        let tickets = loaded.tickets.unwrap();
        let found: Vec<Option<f64>> =
            tickets.df().column("made_sla").unwrap().f64().unwrap().iter().collect();
        assert_eq!(found, expected, "{preset}");
    };
    check_preset(
        "servicenow",
        "number,opened_at,made_sla\n1,2025-01-31 13:45:00,true\n2,2025-01-31 13:45:00,false\n3,2025-01-31 13:45:00,\n",
        &[Some(1.0), Some(0.0), None],
    );
    check_preset(
        "glpi",
        "id,date,type,priority,solvedate,time_to_resolve\n1,2025-01-31 13:45:00,1,3,2025-01-31 14:45:00,2025-02-01 00:00:00\n\
         2,2025-01-31 13:45:00,1,3,2025-02-02 14:45:00,2025-02-01 00:00:00\n3,2025-01-31 13:45:00,1,3,2025-01-31 14:45:00,\n",
        &[Some(1.0), Some(0.0), None],
    );
    check_preset(
        "freshservice",
        "id,created_at,priority,resolved_at,due_by\n1,2025-01-31T13:45:00Z,2,2025-01-31T14:45:00Z,2025-02-01T00:00:00Z\n\
         2,2025-01-31T13:45:00Z,2,2025-02-02T14:45:00Z,2025-02-01T00:00:00Z\n3,2025-01-31T13:45:00Z,2,2025-01-31T14:45:00Z,\n",
        &[Some(1.0), Some(0.0), None],
    );
    check_preset("glpi", "id,date,type,priority\n1,2025-01-31 13:45:00,1,3\n", &[None]);
}

#[test]
fn copies_stay_apart_in_any_order_and_a_file_twice_changes_nothing() {
    let config = "[tickets]\npath = \"*.csv\"\ncolumns = { ticket_id = \"{a}-{copy}\" }\n";
    let expected = "tickets: ticket_id,opened_at,text / x-1,2025-01-01 00:00,p / x-2,2025-01-01 00:00,q / x-3,2025-01-01 00:00,q / y-1,2025-01-01 00:00,r";
    let lines = ["x,2025-01-01,q\n", "x,2025-01-01,p\n", "y,2025-01-01,r\n", "x,2025-01-01,q\n"];
    for order in [[0, 1, 2, 3], [3, 2, 1, 0], [1, 3, 0, 2]] {
        let csv = format!("a,opened_at,text\n{}", order.map(|i| lines[i]).concat());
        check(&[("1.csv", text(&csv))], config, expected);
        check(&[("1.csv", text(&csv)), ("2.csv", text(&csv))], config, expected);
    }
}

#[test]
fn files_of_one_table_may_differ_and_one_bad_file_is_set_aside() {
    let config = "[tickets]\npath = \"p*\"\ncolumns = { title = \"subject\" }\n";
    let mut files: Vec<(&str, Vec<u8>)> = vec![
        ("p1.csv", text("ticket_id,opened_at,subject\n1,2025-01-01,a\n")),
        ("p2.csv", text("opened_at;ticket_id;extra;priority\n2025-01-02;2;z;2 - High\n")),
        ("p3.ndjson", text("{\"ticket_id\": 3, \"opened_at\": \"2025-01-03\", \"priority\": 1}\n")),
        ("p4.csv", text("ticket_id,opened_at\n")),
    ];
    let expected = "tickets: ticket_id,opened_at,priority,title / 1,2025-01-01 00:00,,a / 2,2025-01-02 00:00,2.0, / 3,2025-01-03 00:00,1.0,";
    check(&files, config, expected);
    files.push(("p5.csv", vec![0; 9]));
    let first = "`p5.csv`: byte 0 is NUL, so it is not a text file";
    check(
        &files,
        config,
        &format!(
            "error: `tickets`: 1 of 5 files cannot be read, more than `checks.max_bad_files` (0.1) allows; the first: {first} (look whether it is the right file)"
        ),
    );
    for name in ["p61.csv", "p62.csv", "p63.csv", "p64.csv", "p65.csv"] {
        files.push((name, text("ticket_id,opened_at\n1,2025-01-01\n")));
    }
    // The row of p1 has a title and is the greatest of its key.
    check(&files, config, &format!("{expected}\nset aside: {first}"));
    check(
        &files,
        "[tickets]\npath = [\"p*\", \"p5.csv\"]\n",
        &format!("error: {first} (look whether it is the right file)"),
    );
    check(
        &files[..1],
        "[tickets]\npath = \"p*\"\npreset = \"servicnow\"",
        "error: `tickets.preset`: found \"servicnow\", expected one of generic, servicenow, backblaze, freshservice, glpi, jira, zammad, zendesk (did you mean `servicenow`?)",
    );
}

#[test]
fn times_are_utc_by_the_zone_and_bad_ones_are_counted() {
    let berlin = "[tickets]\npath = \"t.csv\"\ntime_zone = \"Europe/Berlin\"\n";
    check(
        &[(
            "t.csv",
            text(
                "ticket_id,opened_at,resolved_at\n1,2025-03-30 02:30,2025-10-26 02:30\n2,2025-07-01 12:00Z,never\n3,31/02/2020,\n4,,\n",
            ),
        )],
        berlin,
        "tickets: ticket_id,opened_at,resolved_at / 1,2025-03-30 01:30,2025-10-26 00:30 / 2,2025-07-01 12:00,
clock_change opened_at 1 [row 2: \"2025-03-30 02:30\"]
clock_change resolved_at 1 [row 2: \"2025-10-26 02:30\"]
missing_required opened_at left out 1 [row 5: \"\"]
unparseable_times opened_at left out 1 [row 4: \"31/02/2020\"]
unparseable_times resolved_at 1 [row 3: \"never\"]",
    );
    let dates = "ticket_id,opened_at\n1,13/1/2025\n2,2/1/2025\n3,25/1/2025\n";
    check(
        &[("t.csv", text(dates))],
        TICKETS,
        "tickets: ticket_id,opened_at / 2,2025-02-01 00:00\nambiguous_dates opened_at left out 2 [row 2: \"13/1/2025\"; row 4: \"25/1/2025\"]",
    );
    check(
        &[("t.csv", text(dates))],
        &format!("{TICKETS}day_first = true"),
        "tickets: ticket_id,opened_at / 1,2025-01-13 00:00 / 2,2025-01-02 00:00 / 3,2025-01-25 00:00",
    );
    // Nothing tells the order; a date that can be read in this one alone does.
    let open = "ticket_id,opened_at\n1,3/4/2025\n2,5/4/2025\n3,2025-06-01\n";
    check(
        &[("t.csv", text(open))],
        TICKETS,
        "tickets: ticket_id,opened_at / 1,2025-03-04 00:00 / 2,2025-05-04 00:00 / 3,2025-06-01 00:00\nunproven_dates opened_at 2 [row 2: \"3/4/2025\"; row 3: \"5/4/2025\"]",
    );
    check(
        &[("t.csv", text(open))],
        &format!("{TICKETS}day_first = false"),
        "tickets: ticket_id,opened_at / 1,2025-03-04 00:00 / 2,2025-05-04 00:00 / 3,2025-06-01 00:00",
    );
    check(
        &[("t.csv", text(&format!("{open}4,4/25/2025\n")))],
        TICKETS,
        "tickets: ticket_id,opened_at / 1,2025-03-04 00:00 / 2,2025-05-04 00:00 / 3,2025-06-01 00:00 / 4,2025-04-25 00:00",
    );
    check(
        &[("t.csv", text(dates))],
        &format!("{TICKETS}time_zone = \"Europe/Berln\""),
        "error: `tickets.time_zone`: found \"Europe/Berln\", expected an IANA zone (like `Europe/Berlin`, `America/New_York` or `UTC`)",
    );
    // Typed times: naive ones are UTC unless the source sets a zone; zoned ones are what they are.
    let noon = Column::new("opened_at".into(), [1_751_371_200_000_000_000i64]);
    for (zone, config_zone, expected) in [
        (None, "", "12:00"),
        (None, "time_zone = \"Europe/Berlin\"", "10:00"),
        (Some("Europe/Berlin"), "time_zone = \"Asia/Tokyo\"", "12:00"),
    ] {
        let zone = TimeZone::opt_try_new(zone).unwrap();
        let at = noon.cast(&DataType::Datetime(TimeUnit::Nanoseconds, zone)).unwrap();
        let file = parquet(vec![Column::new("ticket_id".into(), ["1"]), at]);
        check(
            &[("t.parquet", file)],
            &format!("[tickets]\npath = \"t.parquet\"\n{config_zone}"),
            &format!("tickets: ticket_id,opened_at / 1,2025-07-01 {expected}"),
        );
    }
}

#[test]
fn servicenow_names_and_labels_read_alike() {
    let expected = "tickets: ticket_id,opened_at,asset_id,resolved_at,type,category,priority,title,group / INC1,2025-01-31 13:45,srv1,2025-02-01 00:00,incident,hw,2.0,a & b &lt;,ops";
    for csv in [
        "number,opened_at,closed_at,cmdb_ci,category,priority,short_description,assignment_group,subcategory\nINC1,2025-01-31 13:45,2025-02-01,srv1,hw,2 - High,a & b &lt;,ops,?\n",
        "Number,Opened,Resolved,Configuration item,Category,Priority,Short description,Assignment group\nINC1,2025-01-31 13:45,2025-02-01,srv1,hw,2 - High,a & b &lt;,ops\n",
    ] {
        check(&[("t.csv", text(csv))], &format!("{TICKETS}preset = \"servicenow\""), expected);
        let l = run(&[("t.csv", text(csv))], &format!("{TICKETS}preset = \"servicenow\"")).unwrap();
        assert_eq!(l.known_late.iter().map(|c| c.name()).collect::<Vec<_>>(), ["priority"]);
        assert_eq!(l.assumed_as_opened, ["asset_id", "category", "group"]);
        let l = run(
            &[("t.csv", text(csv))],
            &format!("{TICKETS}preset = \"servicenow\"\nknown_late = [\"category\"]"),
        )
        .unwrap();
        assert_eq!(l.known_late.iter().map(|c| c.name()).collect::<Vec<_>>(), ["category"]);
        assert_eq!(l.assumed_as_opened, ["asset_id", "group", "priority"]);
    }
    check(
        &[("t.csv", text("x\n1\n"))],
        &format!("{TICKETS}known_late = [\"prioritty\"]"),
        "error: `tickets.known_late`: found \"prioritty\", expected one of category, subcategory, priority, group, service, site, type, asset_id (did you mean `priority`?)",
    );
    check(
        &[(
            "a.csv",
            text(
                "name,sys_class_name,install_date,busines_criticality,operational_status,sys_updated_on\nsrv1,cmdb_ci_server,2020-05-01,2 - somewhat critical,1,2025-01-01\nsrv2,cmdb_ci_server,2020-05-01,4 - not critical,6,2025-01-01\nsrv3,cmdb_ci_server,,,Retired,\n",
            ),
        )],
        "[assets]\npath = \"a.csv\"\npreset = \"servicenow\"\n",
        "assets: asset_id,kind,in_service_at,retired_at,criticality / srv1,server,2020-05-01 00:00,,2.0 / srv2,server,2020-05-01 00:00,2025-01-01 00:00,4.0 / srv3,server,,,\nretired_without_date status 1 [row 4: \"Retired\"]",
    );
}

#[test]
fn telemetry_is_wide_or_long_and_metrics_are_what_is_numeric() {
    let config = "[[telemetry]]\npath = \"m*.csv\"\n";
    check(
        &[(
            "m.csv",
            text(
                "asset_id,ts,cpu,note,temp\na,2025-01-01,1.5,hello,?\na,2025-01-02,NaN,,40\nb,2025-01-01,1.797E308,x,hot\n",
            ),
        )],
        config,
        "cpu: a 2025-01-01 1.5
temp: a 2025-01-02 40.0
not_a_metric note 2 [row 2: \"hello\"; row 4: \"x\"]
unparseable_numbers temp 1 [row 4: \"hot\"]",
    );
    // Files of different metrics do not push each other out.
    check(
        &[
            ("m1.csv", text("asset_id,ts,cpu\na,2025-01-01,1\n")),
            ("m2.csv", text("asset_id,ts,disk\na,2025-01-01,2\n")),
        ],
        config,
        "cpu: a 2025-01-01 1.0\ndisk: a 2025-01-01 2.0",
    );
    check(
        &[(
            "m.csv",
            text(
                "host,time,item,value\na,1735689600,cpu,1\na,1735689600,disk,2\nb,1735689600,cpu,3\nb,1735689600,disk,NaN\nb,1735689600,,4\n",
            ),
        )],
        "[[telemetry]]\npath = \"m.csv\"\nlayout = \"long\"\ncolumns = { asset_id = \"host\", ts = \"time\", metric = \"item\" }\n",
        "cpu: a 2025-01-01 1.0, b 2025-01-01 3.0\ndisk: a 2025-01-01 2.0\nmissing_required item left out 1 [row 6: \"\"]",
    );
    check(
        &[("m.csv", text("asset_id,ts,CPU %,disk,rack\na,2025-01-01,1,2,3\n"))],
        "[[telemetry]]\npath = \"m.csv\"\nignore = [\"rack\"]\ncolumns = { cpu = \"CPU %\" }\n",
        "cpu: a 2025-01-01 1.0\ndisk: a 2025-01-01 2.0",
    );
    check(
        &[("m.csv", text("asset_id,ts,cpu\na,2025-01-01,1\n"))],
        "[[telemetry]]\npath = \"m.csv\"\nmetrics = [\"cpuu\"]\n",
        "error: `m.csv`: `telemetry[0].metrics` names column `cpuu`, which the file does not have; it has `asset_id`, `ts`, `cpu` (did you mean `cpu`?)",
    );
}

#[test]
fn a_long_file_is_no_wide_one() {
    let long = [("m.csv", text("asset_id,ts,metric,value\na,2025-01-01,cpu,1\na,2025-01-01,mem,2\n"))];
    check(
        &long,
        "[[telemetry]]\npath = \"m.csv\"\n",
        "error: `telemetry[0].layout`: found \"wide\", expected `long` for `m.csv`, whose columns `metric` and `value` hold one reading a row (set `layout = \"long\"`; where `metric` is no name of metrics, `ignore = [\"metric\"]`)",
    );
    check(
        &long,
        "[[telemetry]]\npath = \"m.csv\"\nlayout = \"long\"\n",
        "cpu: a 2025-01-01 1.0\nmem: a 2025-01-01 2.0",
    );
    let wide = [("m.csv", text("asset_id,ts,metric,value\na,2025-01-01,3,1\n"))];
    check(&wide, "[[telemetry]]\npath = \"m.csv\"\n", "metric: a 2025-01-01 3.0\nvalue: a 2025-01-01 1.0");
}

#[test]
fn drives_as_published_give_assets_metrics_and_failures() {
    let head = "date,serial_number,model,capacity_bytes,failure,smart_5_normalized,smart_5_raw";
    check(
        &[
            ("d/2015-01-01.csv", text(&format!("{head}\n2015-01-01,Z1,ST4,4000,0,100,0\n2015-01-01,Z2,ST4,4000,0,100,1\n"))),
            ("d/2015-01-02.csv", text(&format!("{head}\n2015-01-02,Z1,ST4,4000,1,100,8\n2015-01-02,Z3,HGST,3000,0,100,\n"))),
        ],
        "[assets]\nfrom = \"telemetry\"\n[[telemetry]]\npath = \"d/*.csv\"\npreset = \"backblaze\"\n[failure]\nfrom = \"telemetry\"\nwhere = \"failure = 1\"\nterminal = true\n",
        "assets: asset_id,kind,model,capacity,in_service_at / Z1,disk,ST4,4000.0, / Z2,disk,ST4,4000.0, / Z3,disk,HGST,3000.0,2015-01-02 00:00
failures: asset_id,failed_at,known_at / Z1,2015-01-02 00:00,2015-01-02 00:00
smart_5: Z1 2015-01-01 0.0, Z1 2015-01-02 8.0, Z2 2015-01-01 1.0",
    );
}

#[test]
fn a_drive_that_vanished_is_out_of_service() {
    let head = "date,serial_number,model,capacity_bytes,failure,smart_5_raw,datacenter";
    // Z1 goes on, Z2 is seen for three days, Z3 fails on the second, Z4 moves.
    let day = |d: usize| {
        let row =
            |id: &str, failure: u8, site: &str| format!("2015-01-{d:02},{id},ST4,4000,{failure},0,{site}\n");
        let rows = [
            row("Z1", 0, "s1"),
            if d <= 3 { row("Z2", 0, "s1") } else { String::new() },
            if d <= 2 { row("Z3", u8::from(d == 2), "s1") } else { String::new() },
            row("Z4", 0, if d < 9 { "s1" } else { "s2" }),
        ];
        format!("{head}\n{}", rows.concat())
    };
    let config = "[assets]\nfrom = \"telemetry\"\n[[telemetry]]\npath = \"d/*.csv\"\npreset = \"backblaze\"\n[failure]\nfrom = \"telemetry\"\nwhere = \"failure = 1\"\nterminal = true\n";
    let check = |n_days: usize, config: &str, want: &str| {
        let names: Vec<String> = (1..=n_days).map(|d| format!("d/{d:02}.csv")).collect();
        let files: Vec<(&str, Vec<u8>)> =
            names.iter().zip(1..).map(|(name, d)| (name.as_str(), text(&day(d)))).collect();
        let l = run(&files, config).unwrap();
        let assets = l.assets.unwrap();
        let found = assets.df().select(["asset_id", "retired_at", "site"]).unwrap();
        assert_eq!(rows(&found), want, "{n_days} {config}");
    };
    check(15, config, "asset_id,site / Z1,s1 / Z2,s1 / Z3,s1 / Z4,s2");
    check(
        17,
        config,
        "asset_id,retired_at,site / Z1,,s1 / Z2,2015-01-17 00:00,s1 / Z3,2015-01-16 00:00,s1 / Z4,,s2",
    );
    let by_change = config.replace("preset", "on_change = true\npreset");
    check(20, &by_change, "asset_id,site / Z1,s1 / Z2,s1 / Z3,s1 / Z4,s2");
}

#[test]
fn failures_are_derived_and_known_when_the_condition_could_be() {
    let csv = "ticket_id,opened_at,resolved_at,asset_id,category,priority,downtime_minutes\n1,2025-01-01,2025-01-05,a,hw,1,30\n2,2025-01-02,,a,hw,1,\n3,2025-01-03,2025-01-04,,hw,1,\n4,2025-01-03,2025-01-04,b,sw,2,\n";
    let check = |failure: &str, expected: &str| {
        let l = run(&[("t.csv", text(csv))], &format!("{TICKETS}[failure]\nfrom = \"tickets\"\n{failure}"));
        let found = match l {
            Ok(l) => format!("{} | {} {}", rows(l.failures.df()), l.n_failures_without_asset, l.terminal),
            Err(e) => e.to_string(),
        };
        assert_eq!(found, expected, "{failure}");
    };
    check(
        "where = \"category = 'hw'\"",
        "asset_id,failed_at,known_at,downtime_minutes,ticket_id / a,2025-01-01 00:00,2025-01-01 00:00,30.0,1 / a,2025-01-02 00:00,2025-01-02 00:00,,2 | 1 false",
    );
    check(
        "where = \"category = 'hw' AND priority <= 1\"\nterminal = true\nmode = \"category\"",
        "asset_id,failed_at,known_at,mode,downtime_minutes,ticket_id / a,2025-01-01 00:00,2025-01-05 00:00,hw,30.0,1 / a,2025-01-02 00:00,never,hw,,2 | 1 true",
    );
    check(
        "mode = \"UPPER(category)\"\nwhere = \"asset_id = 'b'\"",
        "asset_id,failed_at,known_at,mode,ticket_id / b,2025-01-03 00:00,2025-01-03 00:00,SW,4 | 0 false",
    );
    let l = run(
        &[("t.csv", text(csv))],
        &format!(
            "{TICKETS}known_late = [\"category\"]\n[failure]\nfrom = \"tickets\"\nmode = \"category\"\n"
        ),
    )
    .unwrap();
    assert!(rows(l.failures.df()).contains("never"));
    // Without a mode in the config it is the finer column that tells failures apart, known as late as that column is.
    let usual = |rest: &str, expected: &str| {
        let csv = format!("ticket_id,opened_at,resolved_at,asset_id,category,subcategory\n{rest}");
        let l = run(&[("t.csv", text(&csv))], &format!("{TICKETS}[failure]\nfrom = \"tickets\"\n")).unwrap();
        let found = rows(l.failures.df());
        assert_eq!(found.split_once(" / ").unwrap().1, expected, "{rest}");
    };
    usual(
        "1,2025-01-01,2025-01-05,a,hw,disk\n2,2025-01-02,,a,hw,fan\n3,2025-01-03,,a,hw,?\n",
        "a,2025-01-01 00:00,2025-01-01 00:00,disk,2025-01-05 00:00,1 / a,2025-01-02 00:00,2025-01-02 00:00,fan,never,2 / a,2025-01-03 00:00,2025-01-03 00:00,,never,3",
    );
    usual(
        "1,2025-01-01,2025-01-05,a,hw,disk\n2,2025-01-02,,a,sw,disk\n",
        "a,2025-01-01 00:00,2025-01-01 00:00,hw,1 / a,2025-01-02 00:00,2025-01-02 00:00,sw,2",
    );
    usual("1,2025-01-01,,a,hw,disk\n", "a,2025-01-01 00:00,2025-01-01 00:00,1");
    let e = run(
        &[("t.csv", text(csv))],
        &format!("{TICKETS}[failure]\nfrom = \"tickets\"\nwhere = \"categry = 'hw'\"\n"),
    )
    .unwrap_err();
    assert!(e.to_string().starts_with("`failure.where`: cannot evaluate `categry = 'hw'`: there is no column `categry`, did you mean `category`?; columns are `ticket_id`"), "{e}");
    check(
        "where = \"category\"",
        "`failure.where`: cannot evaluate `category`: is no condition: it gives str, expected true or false; columns are `ticket_id`, `opened_at`, `asset_id`, `updated_at`, `resolved_at`, `type`, `category`, `subcategory`, `priority`, `status`, `title`, `text`, `group`, `service`, `site`, `resolution_code`, `reassignment_count`, `reopen_count`, `downtime_minutes`, `csat`, `made_sla`, `caller`",
    );
    let events = [("e.csv", text("asset_id,ts,code\na,2025-01-01,7\nb,2025-01-02,9\n"))];
    crate::tests::check(
        &events,
        "[[events]]\npath = \"e.csv\"\nkind = \"error\"\n[failure]\nfrom = \"events\"\nwhere = \"code = '7'\"\nmode = \"code\"\n",
        "events: asset_id,ts,kind,code / a,2025-01-01 00:00,error,7 / b,2025-01-02 00:00,error,9\nfailures: asset_id,failed_at,known_at,mode / a,2025-01-01 00:00,2025-01-01 00:00,7",
    );
    crate::tests::check(
        &events,
        "[[events]]\npath = \"e.csv\"\n[failure]\nfrom = \"tickets\"\n",
        "error: `failure.from`: found \"tickets\", expected a table `tickets` in the config",
    );
}

#[test]
fn rows_outside_the_kept_time_are_cut_and_counted() {
    let folder = Folder::new(&[(
        "t.csv",
        text("ticket_id,opened_at,state\n1,2025-01-01,x\n2,2025-01-02,x\n3,2025-01-03,x\n4,2025-01-02,y\n"),
    )]);
    let mut s = settings(&folder.0, &format!("{TICKETS}where = \"state = 'x'\"")).unwrap();
    let day = |d: i64| Some((20_089 + d) * forewarn_frames::time::DAY);
    (s.keep_from, s.keep_until) = (day(1), day(2));
    let l = load(&s, &ReadPlan::default(), &|_| ()).unwrap();
    assert_eq!(rows(l.tickets.as_ref().unwrap().df()), "ticket_id,opened_at / 2,2025-01-02 00:00");
    assert_eq!((l.cuts[0].n_before, l.cuts[0].n_after, l.files[0].n_rows), (1, 1, 4));
    assert_eq!(l.newest_record(i64::MAX), day(1));
}

#[test]
fn a_file_is_sniffed() {
    let check = |name: &str, csv: &str, expected: &str| {
        let folder = Folder::new(&[(name, text(csv))]);
        let s = sniff(&folder.0.join(name)).unwrap();
        let g = &s.guesses[0];
        let found = format!(
            "{} {} {:?} {:?} {:?} {:?}",
            g.table,
            g.preset,
            s.time_columns,
            g.found.len(),
            g.proposed,
            g.missing
        );
        assert_eq!(found, expected, "{:#?}", &s.guesses[..3]);
    };
    check(
        "t.csv",
        "number,opened_at,cmdb_ci,priority,category\nINC1,2025-01-31,srv1,2,hw\n",
        "tickets servicenow [\"opened_at\"] 5 [] []",
    );
    check(
        "m.csv",
        "host,timestamp,cpu,disk\na,2025-01-31,1,2\n",
        "telemetry generic [\"timestamp\"] 0 [(\"asset_id\", \"host\"), (\"ts\", \"timestamp\")] []",
    );
    check(
        "f.csv",
        "asset_id,failed_at,mode\na,2025-01-31,disk\n",
        "failures generic [\"failed_at\"] 3 [] []",
    );
    check(
        "d.csv",
        "date,serial_number,model,capacity_bytes,failure,smart_5_normalized,smart_5_raw\n2015-01-01,Z1,ST4,4000,0,100,0\n",
        "telemetry backblaze [\"date\"] 2 [] []",
    );
}

#[test]
fn actions_are_read_as_people_write_them() {
    let config = "[actions]\npath = \"a.csv\"\ncolumns = { asset_id = \"device\", at = \"done\" }\n";
    // A date is that day in any zone; a time is one of the zone.
    let files = [(
        "a.csv",
        text("device,done,what,until\nnb1,2025-01-31,visited,\nnb1,2025-07-01 14:00,snoozed,2025-08-01\n"),
    )];
    check(
        &files,
        &format!("{config}time_zone = \"Europe/Berlin\"\n"),
        "actions: asset_id,at,what,until / nb1,2025-01-31 00:00,visited, / nb1,2025-07-01 12:00,snoozed,2025-08-01 00:00",
    );
    // Before anything was done there is a header and no row.
    check(&[("a.csv", text("device,done,what,until\n"))], config, "actions:");
    check(
        &[("a.csv", text("device,done,what\nnb1,yesterday,visited\nnb2,2025-01-31,visited\n"))],
        config,
        "actions: asset_id,at,what / nb2,2025-01-31 00:00,visited\nunparseable_times done left out 1 [row 2: \"yesterday\"]",
    );
}
