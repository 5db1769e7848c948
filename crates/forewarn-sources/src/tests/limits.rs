//! Files at and beyond every cap, with the bytes that reach it: rows of cases through one `check()`.

use super::*;
use crate::LimitsOptions;

const DAY: &str = "2025-01-31";

/// Reads a file of tickets under `[limits]`: `read` where it is read, the error with its hint where not.
fn check(limits: &str, name: &str, bytes: Vec<u8>, expected: &str) {
    let folder = Folder::new(&[(name, bytes)]);
    let mut s = settings(&folder.0, &format!("[tickets]\npath = \"{name}\"\n")).unwrap();
    let options: LimitsOptions = toml::from_str(limits).unwrap();
    s.limits = options.resolve().unwrap();
    let result = load(&s, &ReadPlan::default(), &|_| ());
    let found = if result.is_ok() { "read".to_owned() } else { shown(result) };
    assert_eq!(found, expected, "{name} under {limits}");
}

fn lines(n: usize, line: impl Fn(usize) -> String) -> String {
    let all: Vec<String> = (0..n).map(line).collect();
    all.concat()
}

fn csv(n_rows: usize) -> String {
    let rows = lines(n_rows, |i| format!("{i},{DAY},pc\n"));
    format!("ticket_id,opened_at,asset_id\n{rows}")
}

fn ndjson(n_rows: usize) -> String {
    lines(n_rows, |i| format!("{{\"ticket_id\":\"{i}\",\"opened_at\":\"{DAY}\",\"asset_id\":\"pc\"}}\n"))
}

fn table(n_rows: usize, title: &str) -> Vec<u8> {
    parquet(vec![
        Column::new("ticket_id".into(), (0..n_rows).map(|i| i.to_string()).collect::<Vec<_>>()),
        Column::new("opened_at".into(), vec![DAY; n_rows]),
        Column::new("title".into(), vec![title; n_rows]),
    ])
}

#[test]
fn bytes_are_capped_on_disk_and_unpacked() {
    let n = csv(3).len();
    let hint = "split the file and name the parts by a pattern, or raise `max_file_bytes` in `[limits]`";
    let over = |name: &str, n: usize| {
        format!(
            "error: `{name}`: holds more than {n} bytes, the most that `limits.max_file_bytes` allows ({hint})"
        )
    };
    for (name, bytes) in
        [("t.csv", text(&csv(3))), ("t.csv.gz", gz(csv(3).as_bytes())), ("t.csv.zst", zst(csv(3).as_bytes()))]
    {
        let unpacked = n.max(bytes.len());
        check(&format!("max_file_bytes = {unpacked}"), name, bytes.clone(), "read");
        check(&format!("max_file_bytes = {}", n - 1), name, bytes, &over(name, n - 1));
    }
    let bytes = table(3, "x");
    check(&format!("max_file_bytes = {}", bytes.len() * 2), "t.parquet", bytes.clone(), "read");
    check(
        &format!("max_file_bytes = {}", bytes.len() - 1),
        "t.parquet",
        bytes.clone(),
        &over("t.parquet", bytes.len() - 1),
    );
}

#[test]
fn what_unpacks_to_too_much_is_refused() {
    let zeros = vec![b'0'; 80 << 20];
    let ratio = |name: &str| {
        format!(
            "error: `{name}`: unpacks to more than 500 times its size, the most that `limits.max_ratio` allows (if it is meant to be so, unpack the file, or raise `max_ratio` in `[limits]`)"
        )
    };
    check("", "t.csv.zst", zst(&zeros), &ratio("t.csv.zst"));
    let packed = gz(&zeros);
    let n = zeros.len() / packed.len();
    let long = "error: `t.csv.gz`, row 1: found a cell of 83886080 bytes, `limits.max_cell_bytes` allows 16777216 (look whether a quote or a line break is missing; if not, raise `max_cell_bytes` in `[limits]`)";
    check(&format!("max_ratio = {}", n + 1), "t.csv.gz", packed.clone(), long);
    let less = ratio("t.csv.gz").replace("500", &(n - 1).to_string());
    check(&format!("max_ratio = {}", n - 1), "t.csv.gz", packed, &less);
    check("max_ratio = 1000000", "t.csv.zst", zst(&zeros), &long.replace(".gz", ".zst"));
    // Nothing is unpacked twice.
    check(
        "",
        "t.csv.gz",
        gz(&gz(csv(1).as_bytes())),
        "error: `t.csv.gz`: byte 3 is NUL, so it is not a text file (it looks like gzip: name it so)",
    );
    // A frame that wants a window of a gigabyte.
    check(
        "",
        "t.csv.zst",
        vec![0x28, 0xb5, 0x2f, 0xfd, 0x00, 0xa0, 0x01, 0x00, 0x00],
        "error: `t.csv.zst`: cannot be unpacked: Frame requires too much memory for decoding (look whether the file was written to its end)",
    );
    // Each line has a key of its own, which is a column in all.
    let sparse = lines(30_000, |i| format!("{{\"k{}\":1}}\n", i % 8_000));
    let n = sparse.len();
    check(
        "",
        "t.ndjson",
        text(&sparse),
        &format!(
            "error: `t.ndjson`: found 240000000 cells in {n} bytes, `limits.max_ratio` allows 500 (look whether it is the right file; if it is, raise `max_ratio` in `[limits]`)"
        ),
    );
}

#[test]
fn rows_columns_and_cells_are_capped() {
    let hint =
        |key: &str| format!("(look whether it is the right file; if it is, raise `{key}` in `[limits]`)");
    for (name, bytes) in
        [("t.csv", text(&csv(3))), ("t.ndjson", text(&ndjson(3))), ("t.parquet", table(3, "x"))]
    {
        check("max_rows = 3", name, bytes.clone(), "read");
        let over =
            format!("error: `{name}`: found more rows, `limits.max_rows` allows 2 {}", hint("max_rows"));
        check("max_rows = 2", name, bytes.clone(), &over);
        check("max_columns = 3", name, bytes.clone(), "read");
        let row = if name == "t.parquet" { "" } else { ", row 1" };
        let over = format!(
            "error: `{name}`{row}: found more columns, `limits.max_columns` allows 2 {}",
            hint("max_columns")
        );
        check("max_columns = 2", name, bytes, &over);
    }
    let long = "x".repeat(30);
    let titled = |title: &str| text(&format!("ticket_id,opened_at,title\n1,{DAY},{title}\n"));
    let line = format!("{{\"ticket_id\":\"1\",\"opened_at\":\"{DAY}\",\"title\":\"{long}\"}}\n");
    for (name, bytes, at, row, what) in [
        ("t.csv", titled(&long), 30, 2, "cell of 30 bytes"),
        ("t.csv", titled(&format!("\"{long}\"")), 30, 2, "cell of 30 bytes"),
        ("t.ndjson", text(&line), line.len() - 1, 1, &format!("line of {} bytes", line.len() - 1)),
        ("t.parquet", table(1, &long), 30, 1, "cell of 30 bytes"),
    ] {
        check(&format!("max_cell_bytes = {at}"), name, bytes.clone(), "read");
        check(
            &format!("max_cell_bytes = {}", at - 1),
            name,
            bytes,
            &format!(
                "error: `{name}`, row {row}: found a {what}, `limits.max_cell_bytes` allows {} (look whether a quote or a line break is missing; if not, raise `max_cell_bytes` in `[limits]`)",
                at - 1
            ),
        );
    }
    let doubled = titled(&format!("\"{}\"", "\"\"".repeat(30)));
    check("max_cell_bytes = 30", "t.csv", doubled, "read");
    // A quote that is opened and never closed, with more behind it than a cell may hold.
    check(
        "max_cell_bytes = 30",
        "t.csv",
        titled(&format!("\"{}", long.repeat(3))),
        "error: `t.csv`, row 2: found a longer cell, `limits.max_cell_bytes` allows 30 (look whether a quote or a line break is missing; if not, raise `max_cell_bytes` in `[limits]`)",
    );
    // A million columns, and no line break.
    let over = format!(
        "error: `t.csv`, row 1: found more columns, `limits.max_columns` allows 10000 {}",
        hint("max_columns")
    );
    check("", "t.csv", text(&"a,".repeat(1_000_000)), &over);
    check(
        "",
        "t.csv",
        text(&format!("ticket_id,opened_at\n1,{DAY}{}\n", ",".repeat(10_000))),
        &over.replace("row 1", "row 2"),
    );
    // Ten thousand columns of one name are numbered in no time.
    let many = format!("ticket_id,opened_at{}\n1,{DAY}{}\n", ",a".repeat(9_998), ",1".repeat(9_998));
    check("", "t.csv", text(&many), "read");
}

#[test]
fn what_nests_too_deep_is_refused() {
    let deep = |n: usize| {
        format!(
            "{{\"ticket_id\":\"1\",\"opened_at\":\"{DAY}\",\"x\":{}1{}}}\n",
            "[".repeat(n - 1),
            "]".repeat(n - 1)
        )
    };
    let hint = "(leave out what is nested so deep when the file is written)";
    check("", "t.ndjson", text(&deep(64)), "read");
    check(
        "",
        "t.ndjson",
        text(&deep(65)),
        &format!("error: `t.ndjson`, row 1: found objects and lists in one another more than 64 deep {hint}"),
    );
    let table = |n: usize| {
        let mut inner = Column::new("x".into(), [1_i64]);
        for _ in 0..n {
            inner = StructChunked::from_columns("x".into(), 1, &[inner]).unwrap().into_column();
        }
        parquet(vec![Column::new("ticket_id".into(), ["1"]), Column::new("opened_at".into(), [DAY]), inner])
    };
    check("", "t.parquet", table(63), "read");
    check(
        "",
        "t.parquet",
        table(64),
        &format!("error: `t.parquet`: found objects and lists in one another more than 64 deep {hint}"),
    );
}

#[test]
fn a_page_that_claims_gigabytes_gets_none() {
    // A page header begins with the type of the page and the bytes that it unpacks to.
    let honest = parquet(vec![Column::new("ticket_id".into(), (0..2_000_i64).collect::<Vec<_>>())]);
    assert_eq!((honest[4], honest[6]), (0x15, 0x15));
    let n_old = honest[7..].iter().take_while(|b| **b & 0x80 != 0).count() + 1;
    let claims = |varint: &[u8]| [&honest[..7], varint, &honest[7 + n_old..]].concat();
    for (varint, n) in [
        ([0xfe, 0xff, 0xff, 0xff, 0x0f].as_slice(), "the greatest size"),
        (&[0xff, 0xff, 0xff, 0xff, 0x0f], "a size below 0"),
    ] {
        let bytes = claims(varint);
        let folder = Folder::new(&[("t.parquet", bytes)]);
        let s = settings(&folder.0, "[tickets]\npath = \"t.parquet\"\n").unwrap();
        let found = load(&s, &ReadPlan::default(), &|_| ()).unwrap_err();
        assert!(matches!(found, SourceError::Ratio { .. } | SourceError::TooLarge { .. }), "{n}: {found}");
    }
}

#[cfg(unix)]
#[test]
fn what_is_no_file_is_not_waited_for() {
    let folder = Folder::new(&[("exports/a.csv", text(&csv(1)))]);
    let pipe = folder.0.join("pipe.csv");
    assert!(std::process::Command::new("mkfifo").arg(&pipe).status().unwrap().success());
    std::os::unix::fs::symlink("/dev/zero", folder.0.join("exports/zero.csv")).unwrap();
    let check = |config: &str, expected: &str| {
        assert_eq!(
            shown(load(&settings(&folder.0, config).unwrap(), &ReadPlan::default(), &|_| ())),
            expected,
            "{config}"
        );
    };
    let hint = "(write what it gives to a file first)";
    check(
        "[tickets]\npath = \"pipe.csv\"\n",
        &format!("error: `pipe.csv`: is a pipe, expected a file {hint}"),
    );
    check(
        "[tickets]\npath = \"exports/*.csv\"\n",
        &format!(
            "error: `tickets`: 1 of 2 files cannot be read, more than `checks.max_bad_files` (0.1) allows; the first: `exports/zero.csv`: is a device, expected a file {hint}"
        ),
    );
    assert!(sniff(&pipe).unwrap_err().to_string().ends_with("is a pipe, expected a file"));
}
