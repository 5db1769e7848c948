//! Telemetry in every form, order and split gives the same rollups, and so does what was kept from the load before.

use std::fmt::Write as _;
use std::path::Path;

use forewarn_frames::time::{Cutoff, DAY};
use polars::prelude::*;

use super::{Folder, rolled, settings, text};
use crate::{Loaded, ReadPlan, load};

const WIDE: &str = "[[telemetry]]\npath = \"m/*\"\n";

/// A few rows at a time.
fn plan() -> ReadPlan {
    ReadPlan { slice_cells: 12, ..ReadPlan::default() }
}

/// Readings of three assets over four days, some hours apart; one cell is empty.
fn lines() -> Vec<String> {
    let mut out = Vec::new();
    for hour in (0..96).step_by(7) {
        for asset in ["a", "b", "çé"] {
            let value = f64::from(hour * 31 % 17) + if asset == "b" { 0.5 } else { 0.25 };
            let errors = if hour == 14 { String::new() } else { (hour / 3).to_string() };
            out.push(format!("{asset},2025-01-0{}T{:02}:30:00Z,{value},{errors}", 1 + hour / 24, hour % 24));
        }
    }
    out
}

fn csv(lines: &[String]) -> Vec<u8> {
    text(&format!("asset_id,ts,cpu,errors\n{}\n", lines.join("\n")))
}

fn frame(lines: &[String]) -> DataFrame {
    let cells: Vec<Vec<&str>> = lines.iter().map(|l| l.split(',').collect()).collect();
    let number = |i: usize| cells.iter().map(|c| c[i].parse::<f64>().ok()).collect::<Vec<_>>();
    let column = |i: usize| cells.iter().map(|c| c[i]).collect::<Vec<_>>();
    let columns = vec![
        Column::new("asset_id".into(), column(0)),
        Column::new("ts".into(), column(1)),
        Column::new("cpu".into(), number(2)),
        Column::new("errors".into(), number(3)),
    ];
    DataFrame::new(lines.len(), columns).unwrap()
}

fn parquet(lines: &[String], group: usize) -> Vec<u8> {
    let mut out = Vec::new();
    ParquetWriter::new(&mut out).with_row_group_size(Some(group)).finish(&mut frame(lines)).unwrap();
    out
}

fn ndjson(lines: &[String]) -> Vec<u8> {
    let line = |l: &String| {
        let c: Vec<&str> = l.split(',').collect();
        let errors = if c[3].is_empty() { "null" } else { c[3] };
        format!("{{\"asset_id\":\"{}\",\"ts\":\"{}\",\"cpu\":{},\"errors\":{errors}}}\n", c[0], c[1], c[2])
    };
    text(&lines.iter().map(line).collect::<String>())
}

fn long(lines: &[String]) -> Vec<u8> {
    let mut out = "asset_id,ts,metric,value\n".to_owned();
    // A block a metric, as exporters of series write them.
    for (i, metric) in [(2, "cpu"), (3, "errors")] {
        for l in lines {
            let c: Vec<&str> = l.split(',').collect();
            if !c[i].is_empty() {
                writeln!(out, "{},{},{metric},{}", c[0], c[1], c[i]).unwrap();
            }
        }
    }
    text(&out)
}

fn packed(bytes: &[u8]) -> Vec<u8> {
    let mut out = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    std::io::Write::write_all(&mut out, bytes).unwrap();
    out.finish().unwrap()
}

fn loaded(folder: &Path, config: &str, plan: &ReadPlan) -> Loaded {
    load(&settings(folder, config).unwrap(), plan, &|_| ()).unwrap()
}

#[test]
fn form_order_and_split_do_not_matter() {
    let all = lines();
    let want = rolled(&loaded(&Folder::new(&[("m/a.csv", csv(&all))]).0, WIDE, &plan()).telemetry);
    assert!(want[0].contains("a 2025-01-01 5.25 (4 readings, mean 7.0)"), "{want:?}");
    let mut backwards = all.clone();
    backwards.reverse();
    let mut by_asset = all.clone();
    by_asset.sort();
    let check = |files: &[(&str, Vec<u8>)], config: &str| {
        let folder = Folder::new(files);
        for (threads, room) in [(1, 1 << 30), (3, 1)] {
            let plan = ReadPlan { threads, room, ..plan() };
            let got = rolled(&loaded(&folder.0, config, &plan).telemetry);
            let names: Vec<&str> = files.iter().map(|f| f.0).collect();
            assert_eq!(got, want, "{names:?}, {threads} threads, room {room}");
        }
    };
    check(&[("m/a.csv", csv(&backwards))], WIDE);
    check(&[("m/a.csv", csv(&by_asset))], WIDE);
    check(&[("m/a.csv.gz", packed(&csv(&all)))], WIDE);
    check(&[("m/1.csv", csv(&all[..13])), ("m/2.csv", csv(&all[13..]))], WIDE);
    check(&[("m/2.csv", csv(&all[..13])), ("m/1.csv", csv(&all[13..]))], WIDE);
    check(&[("m/a.ndjson", ndjson(&all))], WIDE);
    check(&[("m/a.ndjson", ndjson(&backwards))], WIDE);
    for group in [1, 2, 5, 100] {
        check(&[("m/a.parquet", parquet(&all, group))], WIDE);
        check(&[("m/a.parquet", parquet(&by_asset, group))], WIDE);
    }
    check(&[("m/a.csv", long(&all))], &format!("{WIDE}layout = \"long\"\n"));
    check(&[("m/a.csv", long(&backwards))], &format!("{WIDE}layout = \"long\"\n"));
    // A second entry of the config that holds other rows of the same metrics.
    let two = "[[telemetry]]\npath = \"m/1.csv\"\n[[telemetry]]\npath = \"m/2.csv\"\n";
    check(&[("m/1.csv", csv(&all[20..])), ("m/2.csv", csv(&all[..20]))], two);
}

#[test]
fn files_fed_twice_are_counted_and_change_nothing() {
    let all = lines();
    let want = rolled(&loaded(&Folder::new(&[("m/a.csv", csv(&all))]).0, WIDE, &plan()).telemetry);
    let check = |files: &[(&str, Vec<u8>)], repeated: u64| {
        let mut got = rolled(&loaded(&Folder::new(files).0, WIDE, &plan()).telemetry);
        assert_eq!(got.pop(), Some(format!("{repeated} repeated")));
        assert_eq!(got, want);
    };
    check(&[("m/a.csv", csv(&all)), ("m/b.csv", csv(&all))], all.len() as u64);
    // Each export begins with what the one before ended with.
    check(&[("m/a.csv", csv(&all[..12])), ("m/b.csv", csv(&all[9..]))], 3);
    check(&[("m/a.csv", csv(&all[..12])), ("m/b.csv", csv(&all[3..]))], 9);
}

#[test]
fn a_file_that_breaks_off_is_set_aside_whole() {
    let all = lines();
    let mut broken = csv(&all[20..]);
    broken.extend_from_slice(b"a,2025-01-09T00:00:00Z,\xff,1\n");
    let files = [("m/1.csv", csv(&all[..10])), ("m/2.csv", broken), ("m/3.csv", csv(&all[10..20]))];
    let config = format!("{WIDE}[failure]\nfrom = \"telemetry\"\nwhere = \"errors >= 6\"\n");
    let run = |files: &[(&str, Vec<u8>)]| {
        let folder = Folder::new(files);
        let mut s = settings(&folder.0, &config).unwrap();
        s.max_bad_files = 0.5;
        load(&s, &plan(), &|_| ()).unwrap()
    };
    let (got, want) = (run(&files), run(&[files[0].clone(), files[2].clone()]));
    assert_eq!(rolled(&got.telemetry), rolled(&want.telemetry));
    assert!(got.failures.df().equals_missing(want.failures.df()), "{}", got.failures.df());
    assert!(got.files[1].set_aside.as_ref().unwrap().contains("0xff"), "{:?}", got.files[1]);
    assert_eq!(got.files[2].n_rows, 10);
}

#[test]
fn failures_from_telemetry_do_not_depend_on_order_either() {
    let all = lines();
    let mut backwards = all.clone();
    backwards.reverse();
    let check = |files: &[(&str, Vec<u8>)], layout: &str| {
        let config = format!(
            "{WIDE}layout = \"{layout}\"\n[failure]\nfrom = \"telemetry\"\nwhere = \"cpu > 12 AND errors > 0\"\nmode = \"errors\"\n"
        );
        let l = loaded(&Folder::new(files).0, &config, &plan());
        let df = l.failures.df();
        (df.height(), df.column("failed_at").unwrap().clone(), df.column("mode").unwrap().clone())
    };
    let want = check(&[("m/a.csv", csv(&all))], "wide");
    assert!(want.0 > 3, "{}", want.0);
    for got in [
        check(&[("m/a.csv", csv(&backwards))], "wide"),
        check(&[("m/1.csv", csv(&all[20..])), ("m/2.csv", csv(&all[..20]))], "wide"),
        check(&[("m/a.csv", long(&all))], "long"),
        check(&[("m/a.csv", long(&backwards))], "long"),
    ] {
        assert!(got.1.equals_missing(&want.1) && got.2.equals_missing(&want.2), "{got:?} {want:?}");
    }
}

#[test]
fn readings_after_now_and_before_the_beginning_are_left_out() {
    let all = lines();
    let folder = Folder::new(&[("m/a.csv", csv(&all))]);
    let now = Cutoff::parse("2025-01-03").unwrap().micros() + DAY / 2;
    let from = Cutoff::parse("2025-01-02").unwrap().micros();
    let plan = ReadPlan { now, telemetry_from: Some(from), ..plan() };
    let l = loaded(&folder.0, WIDE, &plan);
    let (_, late) = &l.readings_after_now[0];
    assert_eq!((late.n_rows, late.sample[0].as_str()), (15, "a at 2025-01-03 15:30"));
    assert_eq!((l.telemetry.n_rows(), l.cuts[0].n_before), (15, 12));
    assert!(l.telemetry.newest().unwrap() <= now);
}

/// Loads with what is kept in `cache`, and compares with a load without.
fn both(folder: &Path, config: &str, cache: &Path) -> (Vec<String>, Vec<String>) {
    let seen = std::cell::RefCell::new(Vec::new());
    let keeping = ReadPlan { cache: Some(cache.to_owned()), ..plan() };
    let s = settings(folder, config).unwrap();
    let kept = load(&s, &keeping, &|f| seen.borrow_mut().push(f.to_owned())).unwrap();
    let plain = load(&s, &plan(), &|_| ()).unwrap();
    assert_eq!(rolled(&kept.telemetry), rolled(&plain.telemetry));
    assert_eq!(kept.telemetry.n_rows(), plain.telemetry.n_rows());
    assert_eq!((&kept.files, &kept.fingerprints), (&plain.files, &plain.fingerprints));
    assert!(kept.failures.df().equals_missing(plain.failures.df()));
    let frame = |l: &Loaded| l.tickets.as_ref().map(|t| t.df().clone());
    assert!(frame(&kept).zip(frame(&plain)).is_none_or(|(a, b)| a.equals_missing(&b)));
    let assets = |l: &Loaded| l.assets.as_ref().map(|t| t.df().clone());
    assert!(assets(&kept).zip(assets(&plain)).is_none_or(|(a, b)| a.equals_missing(&b)));
    (seen.into_inner(), kept.notes)
}

#[test]
fn what_was_kept_is_used_and_gives_the_same() {
    let all = lines();
    let tickets = text("ticket_id,opened_at,asset_id\n1,2025-01-01,a\n2,2025-13-01,b\n");
    let folder =
        Folder::new(&[("m/1.csv", csv(&all[..18])), ("m/2.csv", csv(&all[18..24])), ("t.csv", tickets)]);
    let config = format!(
        "[assets]\nfrom = \"telemetry\"\n[tickets]\npath = \"t.csv\"\n{WIDE}[failure]\nfrom = \"telemetry\"\nwhere = \"cpu > 12\"\n"
    );
    let cache = folder.0.join("cache");
    let write = |name: &str, bytes: &[u8]| std::fs::write(folder.0.join(name), bytes).unwrap();
    let read = |wanted: &[&str]| {
        let (mut seen, notes) = both(&folder.0, &config, &cache);
        seen.retain(|f| f.starts_with("m/"));
        assert_eq!((seen.iter().map(String::as_str).collect::<Vec<_>>(), notes), (wanted.to_vec(), vec![]));
    };
    read(&["m/1.csv", "m/2.csv"]);
    read(&[]);
    // A day more is read alone.
    write("m/3.csv", &csv(&all[24..33]));
    read(&["m/3.csv"]);
    read(&[]);
    // A file that was touched and not changed.
    write("m/3.csv", &csv(&all[24..33]));
    read(&[]);
    // A file that was corrected.
    write("m/2.csv", &csv(&all[18..23]));
    read(&["m/1.csv", "m/2.csv", "m/3.csv"]);
    // Rows that come late, into days that are closed: found out when the new file is read, then all again.
    write("m/4.csv", &csv(&all[23..24]));
    read(&[
        "m/4.csv", "m/1.csv", "m/2.csv", "m/3.csv", "m/4.csv", "m/1.csv", "m/2.csv", "m/3.csv", "m/4.csv",
    ]);
    read(&[]);
    // A file that is gone.
    std::fs::remove_file(folder.0.join("m/1.csv")).unwrap();
    read(&["m/2.csv", "m/3.csv", "m/4.csv", "m/2.csv", "m/3.csv", "m/4.csv"]);
    write("m/5.csv", &csv(&all[33..]));
    read(&["m/5.csv"]);
    // Deleted at any time.
    std::fs::remove_dir_all(&cache).unwrap();
    read(&["m/2.csv", "m/3.csv", "m/4.csv", "m/5.csv", "m/2.csv", "m/3.csv", "m/4.csv", "m/5.csv"]);
}

#[test]
fn what_is_broken_is_noticed_and_made_anew() {
    let all = lines();
    let tickets = text("ticket_id,opened_at,asset_id\n1,2025-01-01,a\n");
    let folder = Folder::new(&[("m/1.csv", csv(&all)), ("t.csv", tickets)]);
    let config = format!("[tickets]\npath = \"t.csv\"\n{WIDE}");
    let cache = folder.0.join("cache");
    both(&folder.0, &config, &cache);
    let files = || {
        let folders = ["telemetry", "mapped"].map(|f| cache.join(f));
        let mut all: Vec<_> =
            folders.iter().flat_map(|f| std::fs::read_dir(f).unwrap()).map(|f| f.unwrap().path()).collect();
        all.sort();
        all
    };
    assert_eq!(files().len(), 5, "{:?}", files());
    for file in files() {
        let whole = std::fs::read(&file).unwrap();
        let mut flipped = whole.clone();
        let middle = whole.len() / 2;
        flipped[middle] ^= 0x55;
        for broken in [&whole[..whole.len() - 1], &whole[..middle], &flipped, &[]] {
            std::fs::write(&file, broken).unwrap();
            let (_, notes) = both(&folder.0, &config, &cache);
            // A change of a pointer may leave it readable; then it points elsewhere, or to the same.
            let told = notes.iter().any(|n| n.contains("broken"));
            assert!(told || file.extension().is_some_and(|e| e == "json"), "{} {notes:?}", file.display());
            let (_, notes) = both(&folder.0, &config, &cache);
            assert_eq!(notes, Vec::<String>::new(), "{}", file.display());
        }
    }
}
