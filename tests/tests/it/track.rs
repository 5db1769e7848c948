//! Nights one after the other, by the command itself: what is kept of each, what a later one says of it, and what becomes
//! of an asset that somebody says they have visited.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use forewarn_frames::Cutoff;
use forewarn_frames::time::{DAY, HOUR, Micros};
use polars::prelude::*;
use tempfile::TempDir;

use crate::cli::{department, forewarn};
use crate::fleet::Rows;

/// A Monday and a Tuesday of the fleet's records, and a day on which the time of both is over.
const FIRST: &str = "2022-08-01";
const SECOND: &str = "2022-08-02";
const LATER: &str = "2022-09-20";

fn night(dir: &Path, as_of: &str) {
    let done = forewarn(dir, &["run", "--quiet", "--as-of", as_of]);
    assert_eq!(done.code, 0, "{as_of}: {}", done.err);
}

fn table(dir: &Path, as_of: &str, name: &str) -> DataFrame {
    let file = dir.join("reports").join(as_of).join(format!("{name}.parquet"));
    ParquetReader::new(std::fs::File::open(file).unwrap()).finish().unwrap()
}

fn texts(df: &DataFrame, column: &str) -> Vec<String> {
    df.column(column).unwrap().str().unwrap().iter().map(|v| v.unwrap_or_default().to_owned()).collect()
}

fn wholes(df: &DataFrame, column: &str) -> Vec<i64> {
    let c = df.column(column).unwrap().cast(&DataType::Int64).unwrap();
    c.i64().unwrap().iter().map(|v| v.unwrap_or(i64::MIN)).collect()
}

fn history(dir: &Path) -> PathBuf {
    dir.join("reports/history")
}

/// The predictions that are kept; what was ordered has a folder of its own.
fn kept(dir: &Path) -> BTreeSet<String> {
    let entries = std::fs::read_dir(history(dir)).unwrap().map(Result::unwrap);
    let files = entries.filter(|e| e.path().is_file());
    files.map(|e| e.file_name().to_string_lossy().into_owned()).collect()
}

fn findings(dir: &Path, as_of: &str) -> String {
    std::fs::read_to_string(dir.join("reports").join(as_of).join("findings.json")).unwrap()
}

fn names(all: &[&str]) -> BTreeSet<String> {
    all.iter().map(|n| (*n).to_owned()).collect()
}

/// The total of the ledger's chosen lists: a count of `track_record`.
fn total(dir: &Path, as_of: &str, column: &str) -> Option<i64> {
    let df = table(dir, as_of, "track_record");
    let (source, ranker, month) = (texts(&df, "source"), texts(&df, "ranker"), wholes(&df, "month"));
    let row = (0..df.height())
        .find(|i| source[*i] == "ledger" && ranker[*i] == "chosen" && month[*i] == i64::MIN)?;
    Some(wholes(&df, column)[row])
}

fn manifest(dir: &Path, as_of: &str) -> serde_json::Value {
    let text = std::fs::read(dir.join("reports").join(as_of).join("manifest.json")).unwrap();
    serde_json::from_slice(&text).unwrap()
}

#[test]
fn a_later_night_counts_what_an_earlier_one_said() {
    let dir = department();
    let dir = dir.path();
    night(dir, FIRST);
    assert_eq!(kept(dir), names(&["2022-08-01.parquet"]));
    assert_eq!(total(dir, FIRST, "n_lists"), None, "tonight's own list is not judged tonight");
    night(dir, SECOND);
    // The second night of the week is no list date; the first one's list is open.
    assert_eq!(total(dir, SECOND, "n_lists"), Some(1));
    let said = table(dir, FIRST, "ranking");
    let on_list: Vec<String> = texts(&said, "asset_id").into_iter().take(20).collect();
    assert_eq!(total(dir, SECOND, "n_open"), Some(20));
    assert!(
        !findings(dir, SECOND).contains("\"history\""),
        "what forewarn keeps itself is no surprise to it"
    );
    assert_eq!(texts(&table(dir, SECOND, "listed"), "asset_id")[..20], on_list);

    night(dir, LATER);
    let day = |text: &str| Cutoff::parse(text).unwrap().micros();
    let (from, to) = (day(FIRST), day(FIRST) + 30 * DAY);
    let labels = table(dir, LATER, "labels");
    let failures: Vec<(String, Micros)> =
        texts(&labels, "asset_id").into_iter().zip(wholes(&labels, "failed_at")).collect();
    let fails = |id: &String| failures.iter().any(|f| f.0 == *id && f.1 >= from && f.1 < to);
    let hits = on_list.iter().filter(|id| fails(id)).count() as i64;
    let listed = table(dir, LATER, "listed");
    let outcomes = texts(&listed, "outcome");
    assert_eq!(texts(&listed, "asset_id"), on_list);
    for (id, outcome) in on_list.iter().zip(&outcomes) {
        // What was visited before it failed is told apart.
        assert!(outcome == "acted_on" || (outcome == "hit") == fails(id), "{id} {outcome}");
    }
    let acted = outcomes.iter().filter(|o| *o == "acted_on").count() as i64;
    let n = |c: &str| total(dir, LATER, c).unwrap();
    assert!(n("n_hits") <= hits && hits <= n("n_hits") + acted && hits > 0);
    assert_eq!((n("n_lists"), n("n_open"), n("n_acted_on")), (1, 0, acted));
    let forewarned = failures.iter().filter(|f| on_list.contains(&f.0) && f.1 >= from + DAY && f.1 < to);
    assert_eq!(n("n_forewarned"), forewarned.count() as i64);
    assert_eq!(n("n_failures"), failures.iter().filter(|f| f.1 >= from + DAY && f.1 < to).count() as i64);
    assert_eq!(manifest(dir, LATER)["ledger"]["nights"], 1);
    assert_eq!(manifest(dir, LATER)["ledger"]["to"], FIRST);

    // The same again is the same bytes, and nothing is kept twice.
    let three = names(&["2022-08-01.parquet", "2022-08-02.parquet", "2022-09-20.parquet"]);
    let page = std::fs::read(dir.join("reports").join(LATER).join("report.html")).unwrap();
    assert!(String::from_utf8_lossy(&page).contains("The lists of earlier nights"));
    night(dir, LATER);
    assert_eq!(kept(dir), three);
    assert!(page == std::fs::read(dir.join("reports").join(LATER).join("report.html")).unwrap());

    // A prediction that is made later for a date is a backfill, and changes nothing.
    let record = table(dir, LATER, "track_record");
    let first = std::fs::read(history(dir).join("2022-08-01.parquet")).unwrap();
    let config = dir.join("forewarn.toml");
    let text = std::fs::read_to_string(&config).unwrap();
    std::fs::write(&config, format!("{text}\n[capacity]\nvisits = 3\n")).unwrap();
    night(dir, FIRST);
    assert!(kept(dir).contains("2022-08-01.backfill-1.parquet"));
    assert!(first == std::fs::read(history(dir).join("2022-08-01.parquet")).unwrap());
    std::fs::write(&config, text).unwrap();

    // A run that was stopped before it kept its prediction, one that was stopped while it wrote, and a file that somebody
    // broke: the next night puts the first right, removes what the second left, and names the third.
    std::fs::remove_file(history(dir).join("2022-09-20.parquet")).unwrap();
    std::fs::write(history(dir).join(".2022-09-19.parquet.tmp"), "half").unwrap();
    std::fs::write(history(dir).join("2022-07-04.parquet"), "torn").unwrap();
    night(dir, LATER);
    let mut want = three;
    want.extend(names(&["2022-08-01.backfill-1.parquet", "2022-07-04.parquet"]));
    assert_eq!(kept(dir), want);
    assert!(record.equals_missing(&table(dir, LATER, "track_record")));
    let findings = findings(dir, LATER);
    assert!(findings.contains("\"history\"") && findings.contains("2022-07-04.parquet"), "{findings}");
    assert_eq!(std::fs::read(history(dir).join("2022-07-04.parquet")).unwrap(), b"torn");
}

#[test]
fn a_visited_asset_does_not_top_tomorrows_list_and_is_acted_on() {
    let dir = TempDir::new().unwrap();
    let dir = dir.path();
    let mut rows = Rows::random(7);
    // A file of reports without a row yet is no trouble.
    rows.write(dir);
    std::fs::write(dir.join("actions.csv"), "asset_id,at,what,until\n").unwrap();
    let config = dir.join("forewarn.toml");
    let text = std::fs::read_to_string(&config).unwrap();
    std::fs::write(&config, format!("{text}\n[actions]\npath = \"actions.csv\"\n")).unwrap();
    night(dir, FIRST);
    let top = texts(&table(dir, FIRST, "ranking"), "asset_id")[0].clone();
    // Somebody goes there on the evening before the next night.
    let evening = Cutoff::parse(FIRST).unwrap().micros() + 23 * HOUR;
    rows.actions =
        vec![(top.clone(), evening, "visit".into(), None), ("A00".into(), evening, "scrapped".into(), None)];
    rows.write(dir);
    night(dir, SECOND);
    let ranking = table(dir, SECOND, "ranking");
    let (ids, feedback) = (texts(&ranking, "asset_id"), texts(&ranking, "feedback"));
    let at = ids.iter().position(|id| *id == top).unwrap();
    assert_eq!(feedback[at], "visited 2022-08-01");
    assert!(feedback[..at].iter().all(|f| f.is_empty() || at > 20), "all before it are free");
    assert_eq!(texts(&ranking, "move_reason")[at], "held back: visited 2022-08-01");
    assert_eq!(wholes(&ranking, "previous_rank")[at], 1);
    // Its probability is as it was.
    let p = |as_of: &str, id: &str| {
        let risk = table(dir, as_of, "ranking");
        let i = texts(&risk, "asset_id").iter().position(|x| x == id).unwrap();
        risk.column("probability").unwrap().f64().unwrap().get(i).unwrap()
    };
    assert!((p(SECOND, &top) - p(FIRST, &top)).abs() < 0.2);
    let findings = findings(dir, SECOND);
    assert!(findings.contains("unknown_actions") && findings.contains("A00: scrapped"), "{findings}");

    night(dir, LATER);
    let listed = table(dir, LATER, "listed");
    assert_eq!(texts(&listed, "asset_id")[0], top);
    assert_eq!(texts(&listed, "outcome")[0], "acted_on");
    assert_eq!(texts(&listed, "what")[0], "visited 2022-08-01");
}
