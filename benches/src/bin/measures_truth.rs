//! How verdicts on measures hold on simulated fleets, where what measures do is known: every measure and outcome over many
//! seeds. It fits nothing.
//!
//! `measures_truth [SEEDS] [ASSETS]`, by default 100 and 500; `forewarn-dataset` lies beside it.
#![expect(
    clippy::print_stdout,
    clippy::disallowed_methods,
    reason = "a measurement prints and writes to a folder"
)]

#[path = "../simulated.rs"]
mod simulated;

use std::collections::BTreeMap;
use std::process::ExitCode;

use forewarn_engine::{Capacity, RiskSettings, Settings, TextShown, measures};
use forewarn_frames::{Every, Horizon};
use simulated::{Failed, planted, simulated};

fn settings() -> Result<Settings, Failed> {
    let month = Horizon::days(30)?;
    Ok(Settings {
        risk: RiskSettings {
            horizons: vec![month],
            rank_by: month,
            cutoff_every: Every::Weeks(1),
            refit_every: Every::Months(1),
            train_from: None,
            leave_out: Vec::new(),
            keep: Vec::new(),
        },
        capacity: Capacity { visits: 20, per_days: 7 },
        costs: None,
        remedies: Vec::new(),
        counts: Vec::new(),
        thresholds: Vec::new(),
        seed: 1,
        text: TextShown::None,
    })
}

/// Of one measure and outcome over all seeds.
#[derive(Default)]
struct Sum {
    judged: u32,
    verdicts: BTreeMap<String, u32>,
    logs: f64,
    n_logs: f64,
}

fn run() -> Result<(), Failed> {
    let given: Vec<u64> = std::env::args().skip(1).map(|a| a.parse()).collect::<Result<_, _>>()?;
    let seeds = given.first().copied().unwrap_or(100);
    let assets = given.get(1).copied().unwrap_or(500) as usize;
    let program =
        std::env::current_exe()?.with_file_name(format!("forewarn-dataset{}", std::env::consts::EXE_SUFFIX));
    let folder = std::env::temp_dir().join(format!("measures-truth-{}", std::process::id()));
    let mut sums: BTreeMap<(String, String), Sum> = BTreeMap::new();
    let mut false_share = [0.0; 3];
    for seed in 1..=seeds {
        let df = measures(&simulated(&program, assets, seed, &folder)?, &settings()?)?;
        let text = |c: &str| Ok::<_, Failed>(df.column(c)?.str()?.clone());
        let (measure, outcome, verdict) = (text("measure")?, text("outcome")?, text("verdict")?);
        let ratio = df.column("ratio")?.f64()?.clone();
        let difference = df.column("difference")?.f64()?.clone();
        // Of all, of what is counted, of metrics.
        let (mut said, mut wrong) = ([0.0; 3], [0.0; 3]);
        for i in 0..df.height() {
            let (m, o) = (measure.get(i).unwrap_or(""), outcome.get(i).unwrap_or(""));
            let v = verdict.get(i).unwrap_or("");
            let sum = sums.entry((m.to_owned(), o.to_owned())).or_default();
            let up = ratio.get(i).map_or(difference.get(i), |r| Some(r.ln()));
            if let Some(r) = ratio.get(i) {
                sum.logs += r.ln();
                sum.n_logs += 1.0;
            }
            sum.judged += u32::from(v != "too little data");
            let Some(up) = up.filter(|_| ["hurt", "helped", "changed"].contains(&v)) else { continue };
            let word = format!("{v} {}", if up > 0.0 { "+" } else { "−" });
            *sum.verdicts.entry(word).or_default() += 1;
            let Some(truth) = planted(m, o) else { continue };
            let counted = ["incidents", "failures"].contains(&o);
            for k in [0, if counted { 1 } else { 2 }] {
                said[k] += 1.0;
                wrong[k] += f64::from(u8::from(f64::from(truth) * up <= 0.0));
            }
        }
        for k in 0..3 {
            false_share[k] += if said[k] > 0.0 { wrong[k] / said[k] } else { 0.0 } / seeds as f64;
        }
    }
    std::fs::remove_dir_all(&folder)?;
    let [all, counted, metrics] = false_share;
    println!(
        "{seeds} fleets of {assets} assets: share of false verdicts {all:.3} (counted {counted:.3}, metrics {metrics:.3})\n"
    );
    println!("| measure | outcome | planted | judged | mean ratio | verdicts |\n|---|---|---|---|---|---|");
    for ((m, o), s) in &sums {
        let truth = planted(m, o);
        if truth != Some(0) || !s.verdicts.is_empty() {
            let truth = truth.map_or("–", |t| ["lowers", "nothing", "raises"][(t + 1) as usize]);
            let said: Vec<String> = s.verdicts.iter().map(|(v, n)| format!("{v} {n}")).collect();
            let mean =
                if s.n_logs > 0.0 { format!("{:.3}", (s.logs / s.n_logs).exp()) } else { "–".to_owned() };
            println!("| {m} | {o} | {truth} | {} | {mean} | {} |", s.judged, said.join(", "));
        }
    }
    Ok(())
}

fn main() -> ExitCode {
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(e) => {
            println!("{e}");
            ExitCode::from(2)
        }
    }
}
