//! Is the exam fair, and is its answer sheet right? Measures the difficulty of simulated fleets against their truth.
//!
//! Knows metrics and the plainest features, no model: what a model makes of the data is for the engine's own tests.

use std::collections::BTreeMap;
use std::error::Error;
use std::path::Path;

use crate::asset::Asset;
use crate::calendar::{DAY_SECONDS, Day};
use crate::catalog::{CRASHES, ERRORS, JAMS, METRICS, PAGES, REALLOCATED};
use crate::life::{Reading, Subject, live};
use crate::{SimParams, Simulation, simulate};

const HORIZON: u16 = 30;
const COUNTERS: [usize; 5] = [ERRORS, REALLOCATED, CRASHES, JAMS, PAGES];

/// Average precision; rows with the same score are taken together.
fn average_precision(rows: impl Iterator<Item = (f64, bool)>) -> f64 {
    let mut rows: Vec<(f64, bool)> = rows.collect();
    rows.sort_by(|a, b| b.0.total_cmp(&a.0));
    let positives = rows.iter().filter(|r| r.1).count() as f64;
    let (mut seen, mut hits, mut area) = (0.0, 0.0, 0.0);
    for group in rows.chunk_by(|a, b| a.0 == b.0) {
        let new = group.iter().filter(|r| r.1).count() as f64;
        seen += group.len() as f64;
        hits += new;
        area += new / positives * hits / seen;
    }
    area
}

#[derive(Debug)]
struct Row {
    probability: f64,
    latent: f64,
    failed: bool,
    features: Vec<f64>,
}

#[derive(Debug)]
struct Exam {
    rows: Vec<Row>,
    names: Vec<String>,
    unheralded: f64,
}

/// Days of an asset's tickets: all, complaints, failures.
type Days = [Vec<Day>; 3];

fn count(days: &[Day], from: Day, to: Day) -> f64 {
    (days.partition_point(|&d| d < to) - days.partition_point(|&d| d < from)) as f64
}

fn since(days: &[Day], cutoff: Day) -> f64 {
    let before = days.partition_point(|&d| d < cutoff);
    if before == 0 { 1e6 } else { (cutoff - days[before - 1]) as f64 }
}

/// Mean of a gauge, or mean daily increase of a counter, in `[from, to)`.
fn level(readings: &[Reading], metric: usize, from: Day, to: Day) -> f64 {
    let counter = COUNTERS.contains(&metric);
    let (mut last, mut sum, mut n) = (f64::NAN, 0.0, 0.0);
    for reading in &readings[..readings.partition_point(|r| r.day < to)] {
        let value = reading.values[metric];
        if value.is_nan() {
            continue;
        }
        if reading.day >= from {
            // A counter that fell was reset, and has counted from nothing since.
            let before = if counter && (last.is_nan() || value >= last) { last } else { 0.0 };
            let step = value - before;
            if !step.is_nan() {
                sum += step;
                n += 1.0;
            }
        }
        last = value;
    }
    sum / n
}

fn last(readings: &[Reading], metric: usize, to: Day) -> f64 {
    let before = &readings[..readings.partition_point(|r| r.day < to)];
    before.iter().rev().map(|r| r.values[metric]).find(|v| !v.is_nan()).unwrap_or(f64::NAN)
}

fn sit(params: &SimParams) -> Exam {
    let simulation = simulate(params);
    let mut days: Vec<Days> = vec![Days::default(); simulation.assets.len()];
    for ticket in &simulation.tickets {
        let Some(days) = days.get_mut(ticket.asset as usize) else { continue };
        let day = ticket.opened.div_euclid(DAY_SECONDS);
        days[0].push(day);
        match ticket.subject {
            Subject::Complaint => days[1].push(day),
            Subject::Failure { .. } => days[2].push(day),
            _ => {}
        }
    }
    let failures: Vec<_> = simulation.failures().collect();
    let unheralded = failures.iter().filter(|f| !f.heralded).count() as f64 / failures.len() as f64;
    let middle = params.start() + Day::from(params.days) / 2 - 1;
    let mut cohorts: BTreeMap<usize, (f64, f64)> = BTreeMap::new();
    for asset in &simulation.assets {
        let (from, to) = asset.service_days();
        let cohort = cohorts.entry(asset.model).or_default();
        cohort.0 += count(&days[asset.index][2], from, middle);
        cohort.1 += (to.min(middle) - from).max(0) as f64;
    }
    let mut truths: Vec<_> = simulation.truths.iter().filter(|t| t.horizon == HORIZON).collect();
    truths.sort_by_key(|t| (t.asset, t.cutoff));
    let mut names = Vec::new();
    let mut rows = Vec::new();
    for of_asset in truths.chunk_by(|a, b| a.asset == b.asset) {
        let index = of_asset[0].asset as usize;
        let (asset, chance) = Asset::new(params, index);
        let readings = live(params, &asset, chance, &[]).readings;
        for truth in of_asset {
            let cutoff = truth.cutoff;
            let close = cutoff + Day::from(HORIZON);
            let failed = count(&days[index][2], cutoff, close) > 0.0;
            if close > asset.end || (asset.retired < close && !failed) {
                continue;
            }
            let [all, complaints, failures] = &days[index];
            let cohort = cohorts[&asset.model];
            let mut features = vec![
                ("baseline: cohort rate".to_owned(), cohort.0 / cohort.1),
                ("baseline: failures 365 d".to_owned(), count(failures, cutoff - 365, cutoff)),
                ("baseline: tickets 90 d".to_owned(), count(all, cutoff - 90, cutoff)),
                ("complaints 30 d".to_owned(), count(complaints, cutoff - 30, cutoff)),
                ("complaints 90 d".to_owned(), count(complaints, cutoff - 90, cutoff)),
                ("days since ticket".to_owned(), since(all, cutoff)),
                ("days since complaint".to_owned(), since(complaints, cutoff)),
                ("days since failure".to_owned(), since(failures, cutoff)),
                ("age".to_owned(), (cutoff - asset.installed) as f64),
            ];
            for (metric, name) in METRICS.iter().enumerate() {
                let month = level(&readings, metric, cutoff - 30, cutoff);
                let week = level(&readings, metric, cutoff - 7, cutoff);
                let before = level(&readings, metric, cutoff - 365, cutoff - 30);
                features.push((format!("{name} last"), last(&readings, metric, cutoff)));
                features.push((format!("{name} 30 d"), month));
                features.push((format!("{name} 7 d"), week));
                features.push((format!("{name} 30 d change"), month - before));
                features.push((format!("{name} 30 d ratio"), (month + 0.01) / (before + 0.01)));
                features.push((format!("{name} 7 d ratio"), (week + 0.01) / (before + 0.01)));
            }
            if names.is_empty() {
                names = features.iter().map(|f| f.0.clone()).collect();
            }
            let features = features.into_iter().map(|f| f.1).collect();
            rows.push(Row { probability: truth.probability, latent: truth.latent, failed, features });
        }
    }
    Exam { rows, names, unheralded }
}

impl Exam {
    fn score(&self, of: impl Fn(&Row) -> f64) -> f64 {
        average_precision(self.rows.iter().map(|r| (of(r), r.failed)))
    }

    /// Average precision of each feature, whichever way round it is better; a missing value is last.
    fn single(&self) -> Vec<(f64, &str)> {
        let mut scores: Vec<(f64, &str)> = self
            .names
            .iter()
            .enumerate()
            .map(|(i, name)| {
                let up = self.score(|r| if r.features[i].is_nan() { f64::MIN } else { r.features[i] });
                let down = self.score(|r| if r.features[i].is_nan() { f64::MIN } else { -r.features[i] });
                (up.max(down), name.as_str())
            })
            .collect();
        scores.sort_by(|a, b| b.0.total_cmp(&a.0));
        scores
    }
}

/// Each tenth of the rows by probability: the mean and what came, with how many standard errors lie between.
fn calibration(exams: &[Exam], of: impl Fn(&Row) -> f64) -> Vec<(f64, f64, f64)> {
    let mut rows: Vec<(f64, bool)> = exams.iter().flat_map(|e| &e.rows).map(|r| (of(r), r.failed)).collect();
    rows.sort_by(|a, b| a.0.total_cmp(&b.0));
    rows.chunks(rows.len().div_ceil(10))
        .map(|tenth| {
            let n = tenth.len() as f64;
            let mean = tenth.iter().map(|r| r.0).sum::<f64>() / n;
            let came = tenth.iter().filter(|r| r.1).count() as f64 / n;
            let variance = tenth.iter().map(|r| r.0 * (1.0 - r.0)).sum::<f64>() / (n * n);
            (mean, came, (came - mean).abs() / variance.sqrt())
        })
        .collect()
}

#[test]
#[expect(clippy::print_stdout, reason = "`--nocapture` shows the figures for the data card")]
fn the_exam_is_hard_but_fair() {
    let fleets = [1, 2, 3].map(|seed| SimParams { assets: 2000, seed, ..SimParams::shipped() });
    let exams: Vec<Exam> = fleets.iter().chain([&SimParams::shipped()]).map(sit).collect();
    for exam in &exams {
        let truth = exam.score(|r| r.probability);
        let latent = exam.score(|r| r.latent);
        let base = exam.rows.iter().filter(|r| r.failed).count() as f64 / exam.rows.len() as f64;
        let single = exam.single();
        println!("base {base:.4} truth {truth:.3} latent {latent:.3} unheralded {:.3}", exam.unheralded);
        for (score, name) in
            single.iter().take(6).chain(single.iter().filter(|s| s.1.starts_with("baseline")))
        {
            println!("  {name}: {score:.3} ({:.2} of the truth)", score / truth);
        }
        assert!((0.03..=0.05).contains(&base), "base rate {base}");
        assert!((0.25..=0.55).contains(&truth), "truth {truth}");
        assert!(latent >= truth, "latent {latent} below {truth}");
        assert!((0.2..=0.4).contains(&exam.unheralded), "unheralded {}", exam.unheralded);
        for (score, name) in single {
            let most = if name.starts_with("baseline") { 0.6 } else { 0.8 };
            assert!(score <= most * truth, "{name}: {score} of {truth}");
        }
    }
    for (which, tenths) in [
        ("observable", calibration(&exams, |r| r.probability)),
        ("latent", calibration(&exams, |r| r.latent)),
    ] {
        for (mean, came, errors) in tenths {
            println!("{which}: {mean:.4} said, {came:.4} came");
            assert!(errors < 4.0, "{which}: {mean} said, {came} came");
        }
    }
}

#[test]
fn lives_do_not_depend_on_the_size_of_the_fleet() {
    let small = simulate(&SimParams { assets: 5, ..SimParams::shipped() });
    let large = simulate(&SimParams { assets: 20, ..SimParams::shipped() });
    let of = |s: &Simulation| -> Vec<_> {
        s.tickets
            .iter()
            .filter(|t| t.asset < 5 && !matches!(t.subject, Subject::Problem(_)))
            .copied()
            .collect()
    };
    assert_eq!(of(&small), of(&large));
}

#[test]
#[expect(clippy::disallowed_methods, reason = "compares files")]
fn the_shipped_fleet_is_what_the_simulator_writes() -> Result<(), Box<dyn Error>> {
    let fresh = tempfile::tempdir()?;
    crate::write(&simulate(&SimParams::shipped()), fresh.path())?;
    let shipped = Path::new(env!("CARGO_MANIFEST_DIR")).join("fleet");
    let mut bytes = 0;
    for entry in std::fs::read_dir(fresh.path())? {
        let name = entry?.file_name();
        let made = std::fs::read(fresh.path().join(&name))?;
        bytes += made.len();
        let stored = std::fs::read(shipped.join(&name))?;
        assert!(made == stored, "{} differs: run `forewarn-dataset --shipped`", name.display());
    }
    assert!(bytes <= 8 << 20, "{bytes} bytes");
    Ok(())
}
