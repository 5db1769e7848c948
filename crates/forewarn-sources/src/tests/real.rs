//! Tests on the public data sets, where they are present beside the repository; else each says that it was skipped.

use std::path::{Path, PathBuf};

use super::settings;
use crate::{Loaded, ReadPlan, load, sniff};

/// The folder of the public data sets; `None` prints that the test was skipped.
fn data(set: &str) -> Option<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/data").join(set);
    if root.is_dir() {
        return Some(root);
    }
    #[expect(clippy::print_stderr, reason = "a skipped test says so by name")]
    {
        eprintln!("skipped: data set `{set}` is not at {}", root.display());
    }
    None
}

fn load_set(set: &str) -> Option<Loaded> {
    let base = data(set)?;
    let fixture = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures").join(format!("{set}.toml"));
    let config = std::fs::read_to_string(fixture).unwrap();
    Some(load(&settings(&base, &config).unwrap(), &ReadPlan::default(), &|_| ()).unwrap())
}

#[test]
fn real_lanl_gives_the_rows_of_the_peers() {
    let Some(l) = load_set("lanl") else { return };
    let t = l.tickets.as_ref().unwrap();
    // What is noted of no row is that the dates tell their order.
    assert!(l.files[0].rejected.iter().all(|r| (r.check, r.n_rows) == ("proven_dates", 0)));
    assert_eq!((t.df().height(), t.repeats().identical, t.repeats().differing), (16_450, 0, 0));
    // As shared/peers/tickets_of.py counts them.
    let category = t.df().column("category").unwrap().str().unwrap().clone();
    let count = |word: &str| category.iter().filter(|c| *c == Some(word)).count();
    let found = ["Hardware", "Software", "Undetermined", "Network", "Facilities", "Human Error"].map(count);
    assert_eq!((found, category.null_count()), ([9_397, 4_107, 1_718, 353, 321, 101], 453));
    // 126 rows name no node.
    assert_eq!(
        (l.failures.df().height() as u64 + l.failures.repeats().identical, l.n_failures_without_asset),
        (16_324, 126)
    );
}

#[test]
fn real_abctech_and_backblaze_load() {
    if let Some(l) = load_set("abctech") {
        let t = l.tickets.as_ref().unwrap();
        assert_eq!(t.df().height(), 23_201);
        assert!(
            t.df()
                .column("group")
                .unwrap()
                .equals_missing(&t.df().column("service").unwrap().clone().with_name("group".into()))
        );
        assert_eq!(l.known_late.len(), 1);
        assert_eq!(l.assumed_as_opened, ["asset_id", "category", "group"]);
    }
    if let Some(l) = load_set("backblaze") {
        assert!(l.assets.as_ref().unwrap().df().height() > 60_000);
        assert!(l.telemetry.n_rows() > 500_000);
        assert!(l.failures.df().height() > 4_000 && l.terminal);
    }
}

#[test]
fn real_files_are_sniffed() {
    let check = |set: &str, file: &str, expected: &str| {
        let Some(base) = data(set) else { return };
        let s = sniff(&base.join(file)).unwrap();
        let g = &s.guesses[0];
        assert_eq!(
            format!("{} {} {:?}", g.table, g.preset, g.missing),
            expected,
            "{set}/{file}: {:#?}",
            &s.guesses[..3]
        );
    };
    check("abctech", "incidents.csv", "tickets servicenow []");
    check("backblaze", "assets.parquet", "assets generic []");
    check("backblaze", "failures.parquet", "failures generic []");
    check("backblaze", "telemetry.parquet", "telemetry generic []");
    check("nab", "ec2_cpu_utilization_24ae8d.csv", "telemetry generic [\"asset_id\"]");
}
