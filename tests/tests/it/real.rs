//! The public data sets, where they lie beside the repository (`../shared/data`): the whole command on real input, with
//! no setting beyond column names. A set that is absent is skipped by name.

use std::path::PathBuf;

use tempfile::TempDir;

use crate::cli::forewarn;

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_owned()
}

/// What a set must reach at least, well below what it reaches: this notices breakage, not noise.
fn check(name: &str, plan: &[&str], horizon: &str, ap: f64, brier_skill: f64) {
    let data = root().join("../shared/data").join(name);
    if !data.is_dir() {
        eprintln!("skipped: {name}: {} is not here", data.display());
        return;
    }
    let dir = TempDir::new().unwrap();
    let config = root().join(format!("datasets/configs/{name}.toml"));
    let mut args = vec!["backtest", "-q", "-c", config.to_str().unwrap(), "--data", data.to_str().unwrap()];
    args.extend(plan);
    args.extend(["--h", horizon, "--refit", "once", "--out", "bt"]);
    let done = forewarn(dir.path(), &args);
    assert_eq!(done.code, 0, "{name}: {}", done.err);
    let metrics: serde_json::Value =
        serde_json::from_slice(&std::fs::read(dir.path().join("bt/metrics.json")).unwrap()).unwrap();
    let value = |metric: &str| {
        let rows = metrics.as_array().unwrap();
        rows.iter().find(|r| r["role"] == "chosen" && r["metric"] == metric).unwrap()["value"]
            .as_f64()
            .unwrap()
    };
    assert!(value("average_precision") >= ap, "{name}: average precision {}", value("average_precision"));
    assert!(value("brier_skill") >= brier_skill, "{name}: Brier skill {}", value("brier_skill"));
}

#[test]
fn lanl() {
    check("lanl", &["--from", "2003-01-01", "--to", "2003-11-01", "--every", "1mo"], "30", 0.32, 0.11);
}

#[test]
fn abctech() {
    check("abctech", &["--from", "2013-12-30", "--to", "2014-01-20", "--every", "1w"], "7", 0.79, 0.54);
}

/// The level of the clusters halves in 2003; each tenth of the randomized probability integral transform must still hold
/// 7 to 13 % of the forecasts, of assets and of categories alike.
#[test]
fn lanl_recurrence() {
    let data = root().join("../shared/data/lanl");
    if !data.is_dir() {
        eprintln!("skipped: lanl_recurrence: {} is not here", data.display());
        return;
    }
    let dir = TempDir::new().unwrap();
    let config = root().join("datasets/configs/lanl.toml");
    let mut args = vec!["backtest", "-q", "-c", config.to_str().unwrap(), "--data", data.to_str().unwrap()];
    args.extend(["--task", "recurrence", "--refit", "every", "--from", "2003-01-01", "--to", "2003-12-01"]);
    args.extend(["--h", "7,30", "--out", "bt"]);
    let done = forewarn(dir.path(), &args);
    assert_eq!(done.code, 0, "{}", done.err);
    let metrics: serde_json::Value =
        serde_json::from_slice(&std::fs::read(dir.path().join("bt/metrics.json")).unwrap()).unwrap();
    let rows = metrics.as_array().unwrap();
    assert_eq!(rows.len(), 12);
    for row in rows {
        let value = row["value"].as_f64().unwrap();
        let range = if row["metric"] == "expected_over_actual" { 0.8..1.25 } else { 0.07..0.13 };
        assert!(range.contains(&value), "{row}");
    }
    assert!(dir.path().join("bt/recurrence.parquet").is_file());
}

/// Forecasts of counts by group of the set: the most that the loss may be, and what the 80 % interval covers.
fn check_counts(name: &str, plan: &[&str], wape: f64, quantile_loss: f64) {
    let data = root().join("../shared/data").join(name);
    if !data.is_dir() {
        eprintln!("skipped: counts of {name}: {} is not here", data.display());
        return;
    }
    let dir = TempDir::new().unwrap();
    let config = root().join(format!("datasets/configs/{name}.toml"));
    let mut args = vec!["backtest", "-q", "--task", "counts", "-c", config.to_str().unwrap()];
    args.extend(["--data", data.to_str().unwrap(), "--out", "bt"]);
    args.extend(plan);
    let done = forewarn(dir.path(), &args);
    assert_eq!(done.code, 0, "{name}: {}", done.err);
    assert!(dir.path().join("bt/forecasts.parquet").is_file());
    let metrics: serde_json::Value =
        serde_json::from_slice(&std::fs::read(dir.path().join("bt/metrics.json")).unwrap()).unwrap();
    let value = |metric: &str| {
        let rows = metrics.as_array().unwrap();
        rows.iter().find(|r| r["model"] == "group" && r["metric"] == metric).unwrap()["value"]
            .as_f64()
            .unwrap()
    };
    assert!(value("wape") <= wape, "{name}: WAPE {}", value("wape"));
    assert!(value("weighted_quantile_loss") <= quantile_loss, "{name}: {}", value("weighted_quantile_loss"));
    assert!((0.7..=0.95).contains(&value("coverage_80")), "{name}: coverage {}", value("coverage_80"));
}

#[test]
fn lanl_counts() {
    check_counts("lanl", &["--from", "2003-02-03", "--to", "2003-11-10", "--every", "8w"], 0.36, 0.23);
}

#[test]
fn abctech_counts() {
    check_counts("abctech", &["--from", "2013-12-02", "--to", "2014-01-13", "--every", "2w"], 0.53, 0.29);
}
