//! Scores the detector of anomalies, and the windowed Gaussian beside it, on a folder of the Numenta Anomaly Benchmark:
//! `cargo run --release -p forewarn-models --example nab -- FOLDER`. The folder holds `*.csv` (timestamp, value) and
//! `windows.json`. It knows nothing of the detector but its public face, and tunes nothing.
#![expect(
    clippy::print_stdout,
    clippy::unwrap_used,
    clippy::disallowed_methods,
    reason = "a tool for the developer, not part of a run"
)]

use forewarn_models::anomaly::anomalies;
use forewarn_models::{gamma_p, sigmoid};
use std::collections::BTreeMap;

/// One false alarm in three days of a series: the best rate under the costs of the standard profile on made-up series with
/// one planted anomaly a week (the test `planted`), whose labels are their own.
const ONE_IN_DAYS: f64 = 3.0;
/// Weights of the standard profile (Lavin and Ahmad 2015).
const FALSE_POSITIVE: f64 = 0.11;

struct Series {
    name: String,
    days: Vec<f64>,
    values: Vec<f64>,
    /// First and last row of each labeled window.
    windows: Vec<(usize, usize)>,
}

/// Days since 1970 of `2014-02-14 14:30:00` (Howard Hinnant's civil calendar).
fn day(text: &str) -> f64 {
    let part = |from: usize, to: usize| text[from..to].parse::<i64>().unwrap();
    let (mut year, month, date) = (part(0, 4), part(5, 7), part(8, 10));
    year -= i64::from(month <= 2);
    let (era, of_era) = (year.div_euclid(400), year.rem_euclid(400));
    let of_year = (153 * ((month + 9) % 12) + 2) / 5 + date - 1;
    let days = era * 146_097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719_468;
    let seconds = part(11, 13) * 3600 + part(14, 16) * 60 + part(17, 19);
    days as f64 + seconds as f64 / 86_400.0
}

fn read(folder: &str) -> Vec<Series> {
    let text = std::fs::read_to_string(format!("{folder}/windows.json")).unwrap();
    let labels: BTreeMap<String, Vec<(String, String)>> = serde_json::from_str(&text).unwrap();
    labels
        .into_iter()
        .map(|(name, windows)| {
            let text = std::fs::read_to_string(format!("{folder}/{name}")).unwrap();
            let rows: Vec<(&str, &str)> = text.lines().skip(1).filter_map(|l| l.split_once(',')).collect();
            let row = |stamp: &str| rows.iter().position(|(s, _)| *s == &stamp[..19]).unwrap();
            Series {
                windows: windows.iter().map(|(from, to)| (row(from), row(to))).collect(),
                days: rows.iter().map(|(s, _)| day(s)).collect(),
                values: rows.iter().map(|(_, v)| v.trim().parse().unwrap()).collect(),
                name,
            }
        })
        .collect()
}

/// What a detection at each row is worth, and the window that the row lies in; `None` in the probationary rows.
type Worth = Vec<Option<(f64, Option<usize>)>>;

fn scaled_sigmoid(position: f64) -> f64 {
    if position >= 3.0 { -1.0 } else { 2.0 * sigmoid(-5.0 * position) - 1.0 }
}

fn worth(series: &Series) -> Worth {
    let n = series.values.len();
    let probation = ((0.15 * n as f64).floor() as usize).min(750);
    let most = scaled_sigmoid(-1.0);
    (0..n)
        .map(|i| {
            let inside = series.windows.iter().position(|(from, to)| (*from..=*to).contains(&i));
            let value = if let Some(w) = inside {
                let (from, to) = series.windows[w];
                scaled_sigmoid(-((to - i + 1) as f64) / (to - from + 1) as f64) / most
            } else {
                let last =
                    series.windows.iter().filter(|(_, to)| *to < i).map(|(from, to)| (*to, to - from)).max();
                FALSE_POSITIVE
                    * scaled_sigmoid(last.map_or(3.0, |(to, width)| (i - to) as f64 / width as f64))
            };
            (i >= probation).then_some((value, inside))
        })
        .collect()
}

/// Windows that can be found at all: those that do not lie in the probationary rows.
fn n_windows(series: &Series, worth: &Worth) -> usize {
    (0..series.windows.len())
        .filter(|w| worth.iter().flatten().any(|(_, inside)| *inside == Some(*w)))
        .count()
}

#[derive(Clone, Copy, Default)]
struct Score {
    raw: f64,
    found: usize,
    false_positives: usize,
}

/// The raw score of detections: the best worth in each window, -1 for a missed one, and every false one counts.
fn score(series: &Series, worth: &Worth, detections: &[usize]) -> Score {
    let mut best: BTreeMap<usize, f64> = BTreeMap::new();
    let mut score = Score::default();
    for (value, inside) in detections.iter().filter_map(|i| worth[*i]) {
        if let Some(w) = inside {
            let entry = best.entry(w).or_insert(value);
            *entry = entry.max(value);
        } else {
            score.raw += value;
            score.false_positives += 1;
        }
    }
    score.found = best.len();
    score.raw += best.values().sum::<f64>() - (n_windows(series, worth) - best.len()) as f64;
    score
}

/// From the score of no detection (0) to that of all windows found at their first row (100).
fn normalized(raw: f64, windows: usize) -> f64 {
    100.0 * (raw + windows as f64) / (2.0 * windows as f64)
}

/// `1 - Q(|z|)` over the last 6400 rows, moved by 100, as in NAB's windowed Gaussian detector.
fn windowed_gaussian(values: &[f64]) -> Vec<f64> {
    const WINDOW: usize = 6400;
    const STEP: usize = 100;
    let (mut window, mut step): (Vec<f64>, Vec<f64>) = (Vec::new(), Vec::new());
    let (mut mean, mut sd) = (0.0, 1.0);
    let mut scores = Vec::new();
    for v in values {
        let z: f64 = (v - mean) / sd;
        scores.push(if window.is_empty() { 0.0 } else { 0.5 + 0.5 * gamma_p(0.5, 0.5 * z * z) });
        let moved = if window.len() < WINDOW {
            window.push(*v);
            true
        } else {
            step.push(*v);
            if step.len() == STEP {
                window.drain(..STEP);
                window.append(&mut step);
                true
            } else {
                false
            }
        };
        if moved {
            mean = window.iter().sum::<f64>() / window.len() as f64;
            sd = (window.iter().map(|w| (w - mean).powi(2)).sum::<f64>() / window.len() as f64).sqrt();
            if sd == 0.0 {
                sd = 1e-6;
            }
        }
    }
    scores
}

/// Rows whose score is at least the threshold.
fn at_least(scores: &[f64], threshold: f64) -> Vec<usize> {
    (0..scores.len()).filter(|i| scores[*i] >= threshold).collect()
}

/// The threshold with the best total in hindsight, by one sweep from the highest score down.
fn best_threshold(all: &[(&Series, Worth)], scores: &[Vec<f64>]) -> (f64, f64) {
    let mut rows: Vec<(f64, usize, f64, Option<usize>)> = Vec::new();
    for (s, (_, worth)) in all.iter().enumerate() {
        for (i, entry) in worth.iter().enumerate() {
            rows.extend(entry.map(|(value, inside)| (scores[s][i], s, value, inside)));
        }
    }
    rows.sort_by(|a, b| b.0.total_cmp(&a.0));
    let windows: usize = all.iter().map(|(s, w)| n_windows(s, w)).sum();
    let mut total = -(windows as f64);
    let mut best = (f64::INFINITY, total);
    let mut found: BTreeMap<(usize, usize), f64> = BTreeMap::new();
    for (k, (threshold, s, value, inside)) in rows.iter().enumerate() {
        total += inside.map_or(*value, |w| {
            let before = found.get(&(*s, w)).copied().unwrap_or(-1.0);
            found.insert((*s, w), before.max(*value));
            before.max(*value) - before
        });
        if rows.get(k + 1).is_none_or(|next| next.0 < *threshold) && total > best.1 {
            best = (*threshold, total);
        }
    }
    (best.0, normalized(best.1, windows))
}

/// Milliseconds for one series, the mean over many: noise with a day of week, and a few gaps and spikes.
fn time_one(n: usize, per_day: f64, n_series: u64) -> f64 {
    let mut state = 1_u64;
    let mut uniform = move || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 11) as f64 / 9_007_199_254_740_992.0
    };
    let days: Vec<f64> = (0..n).map(|i| i as f64 / per_day).collect();
    let all: Vec<Vec<f64>> = (0..n_series)
        .map(|_| {
            let reading = |day: &f64| {
                let noise = uniform() + uniform() + uniform();
                let rare = uniform();
                let season = if day.rem_euclid(7.0) < 5.0 { 3.0 } else { 0.0 };
                if rare < 0.01 { f64::NAN } else { season + noise + if rare > 0.995 { 9.0 } else { 0.0 } }
            };
            days.iter().map(reading).collect()
        })
        .collect();
    let start = std::time::Instant::now();
    let alarms: usize = all.iter().map(|v| anomalies(&days, v).unwrap().alarms(30.0).unwrap().len()).sum();
    assert!(alarms > 0);
    start.elapsed().as_secs_f64() * 1e3 / n_series as f64
}

fn main() {
    println!("{:.3} ms for 365 daily readings", time_one(365, 1.0, 4000));
    println!("{:.3} ms for 4,000 readings of five minutes\n", time_one(4000, 288.0, 100));
    let folder = std::env::args().nth(1).unwrap_or_else(|| "/work/shared/data/nab".into());
    let series = read(&folder);
    let all: Vec<(&Series, Worth)> = series.iter().map(|s| (s, worth(s))).collect();
    let found: Vec<_> = series.iter().map(|s| anomalies(&s.days, &s.values).unwrap()).collect();
    let gaussian: Vec<Vec<f64>> = series.iter().map(|s| windowed_gaussian(&s.values)).collect();
    let (threshold, _) = best_threshold(&all, &gaussian);

    println!("| series | windows | forewarn | found | false | windowed Gaussian | found | false |");
    println!("|---|--:|--:|--:|--:|--:|--:|--:|");
    let (mut ours, mut theirs, mut windows) = (Score::default(), Score::default(), 0);
    for (i, (s, worth)) in all.iter().enumerate() {
        let a = score(s, worth, &found[i].alarms(ONE_IN_DAYS).unwrap());
        let b = score(s, worth, &at_least(&gaussian[i], threshold));
        let n = n_windows(s, worth);
        let share = |x: Score| if n == 0 { "–".into() } else { format!("{:.1}", normalized(x.raw, n)) };
        println!(
            "| {} | {n} | {} | {} | {} | {} | {} | {} |",
            s.name.trim_end_matches(".csv"),
            share(a),
            a.found,
            a.false_positives,
            share(b),
            b.found,
            b.false_positives
        );
        windows += n;
        for (sum, x) in [(&mut ours, a), (&mut theirs, b)] {
            sum.raw += x.raw;
            sum.found += x.found;
            sum.false_positives += x.false_positives;
        }
    }
    println!(
        "| total | {windows} | {:.1} | {} | {} | {:.1} | {} | {} |\n",
        normalized(ours.raw, windows),
        ours.found,
        ours.false_positives,
        normalized(theirs.raw, windows),
        theirs.found,
        theirs.false_positives
    );

    println!(
        "one false alarm in {ONE_IN_DAYS} days of a series against the windowed Gaussian with the best threshold"
    );
    let mut best = (f64::NEG_INFINITY, 0.0);
    for step in 0..=60 {
        let one_in = 0.5 * 1.15_f64.powi(step);
        let raw: f64 = all
            .iter()
            .zip(&found)
            .map(|((s, worth), f)| score(s, worth, &f.alarms(one_in).unwrap()).raw)
            .sum();
        if normalized(raw, windows) > best.0 {
            best = (normalized(raw, windows), one_in);
        }
    }
    for one_in in [1.0, 3.0, 7.0, 14.0, 30.0] {
        let raw: f64 = all
            .iter()
            .zip(&found)
            .map(|((s, worth), f)| score(s, worth, &f.alarms(one_in).unwrap()).raw)
            .sum();
        println!("forewarn at one in {one_in} days: {:.1}", normalized(raw, windows));
    }
    println!("forewarn with the best rate in hindsight: {:.1} (one in {:.1} days)", best.0, best.1);
    // The same kind of threshold: a tail probability per row that would give one false alarm in as many days.
    let fixed: f64 = all
        .iter()
        .zip(&gaussian)
        .map(|((s, worth), g)| {
            let step = (s.days[s.days.len() - 1] - s.days[0]) / (s.days.len() - 1) as f64;
            score(s, worth, &at_least(g, 1.0 - 0.5 * step / ONE_IN_DAYS)).raw
        })
        .sum();
    println!(
        "windowed Gaussian with the tail of one row in {ONE_IN_DAYS} days: {:.1}",
        normalized(fixed, windows)
    );
}
