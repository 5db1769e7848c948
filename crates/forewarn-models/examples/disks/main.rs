//! Simulated disks whose day of crossing 90 % is known: the days foretold by [`time_to_threshold`] and by a straight
//! line through the last days, as Prometheus' `predict_linear` draws it. `cargo run --release --example disks`; with
//! a number, disks of another seed; with `-- rates`, how often series without trend or change show one. It reads no
//! file.
#![expect(
    clippy::print_stdout,
    clippy::disallowed_methods,
    reason = "a tool for the developer, not part of a run"
)]

mod rates;
mod simulated;

use forewarn_models::{Course, DailySeries, ModelError, Side, TimeToThreshold, course};
use simulated::{Disk, HORIZON_DAYS, KINDS, THRESHOLD};
use std::time::Instant;

const DISKS: u64 = 4000;
/// The disks that judge; methods are made with those of other seeds.
const SEED: u64 = 90_210;
/// The kinds that "filling with bursts, seasons and clean-ups" names. The others also change their rate as they fill:
/// slowing, accelerating, wandering.
const PLAIN: [&str; 4] = ["stable", "creeping", "filling", "cleaned by rule"];

/// Days until the least-squares line through the last `window` days is at the threshold.
fn straight(seen: &[f64], window: usize) -> Option<f64> {
    let last = seen.len() - 1;
    let points: Vec<(f64, f64)> = (seen.len().saturating_sub(window)..seen.len())
        .filter(|i| !seen[*i].is_nan())
        .map(|i| (i as f64 - last as f64, seen[i]))
        .collect();
    let n = points.len() as f64;
    let (x, y) = (points.iter().map(|p| p.0).sum::<f64>() / n, points.iter().map(|p| p.1).sum::<f64>() / n);
    let slope = points.iter().map(|p| (p.0 - x) * (p.1 - y)).sum::<f64>()
        / points.iter().map(|p| (p.0 - x).powi(2)).sum::<f64>();
    let today = y - slope * x;
    if today >= THRESHOLD {
        return Some(0.0);
    }
    (slope > 0.0).then(|| (THRESHOLD - today) / slope)
}

fn median(mut v: Vec<f64>) -> f64 {
    v.sort_unstable_by(f64::total_cmp);
    v.get(v.len() / 2).copied().unwrap_or(f64::NAN)
}

/// A disk, and what is foretold of it.
struct Judged {
    disk: Disk,
    lines: [Option<f64>; 3],
    found: Option<TimeToThreshold>,
    kind: Option<f64>,
    futures: Vec<f64>,
}

const WINDOWS: [usize; 3] = [7, 14, 30];

/// The median error of those that cross within `most` days.
fn error(disks: &[&Judged], most: f64, foretold: impl Fn(&Judged) -> Option<f64>) -> f64 {
    let held = |d: Option<f64>| d.map_or(HORIZON_DAYS as f64, |d| d.min(HORIZON_DAYS as f64));
    median(
        disks
            .iter()
            .filter(|j| j.disk.crosses.is_some_and(|c| c <= most))
            .map(|j| (held(j.disk.crosses) - held(foretold(j))).abs())
            .collect(),
    )
}

/// Alarms at disks that cross within 30 days, all such disks, and alarms at disks that do not cross within 60.
fn alarms(disks: &[&Judged], alarm: impl Fn(&Judged) -> bool) -> [usize; 3] {
    let mut counts = [0; 3];
    for j in disks {
        let soon = j.disk.crosses.is_some_and(|c| c <= 30.0);
        counts[0] += usize::from(soon && alarm(j));
        counts[1] += usize::from(soon);
        counts[2] += usize::from(j.disk.crosses.is_none_or(|c| c > 60.0) && alarm(j));
    }
    counts
}

fn told([hits, all, wrong]: [usize; 3]) -> String {
    format!("recall {hits} of {all} ({:.1} %)  false alarms {wrong}", 100.0 * hits as f64 / all as f64)
}

fn table(name: &str, disks: &[&Judged]) {
    let crossing = disks.iter().filter(|j| j.disk.crosses.is_some()).count();
    println!("{name}: {} disks, {crossing} of them cross within {HORIZON_DAYS} days", disks.len());
    let row = |name: &str, foretold: &dyn Fn(&Judged) -> Option<f64>| {
        println!(
            "  {name:<24} median error {:6.2} days ({:5.2} of those within 60)  {}",
            error(disks, HORIZON_DAYS as f64, foretold),
            error(disks, 60.0, foretold),
            told(alarms(disks, |j| foretold(j).is_some_and(|d| d <= 30.0)))
        );
    };
    for (i, window) in WINDOWS.iter().enumerate() {
        row(&format!("straight, {window} days"), &|j| j.lines[i]);
    }
    row("median", &|j| j.found.as_ref()?.median_days);
    row("knows the kind", &|j| j.kind);
    row("knows all but the draws", &|j| Some(j.futures[j.futures.len() / 2]));
    let chance = |j: &Judged| j.found.as_ref().map_or(0.0, |f| f.probability_within(30.0));
    for least in [0.2, 0.3, 0.4, 0.6] {
        println!("  P(30 days) >= {least:<60} {}", told(alarms(disks, |j| chance(j) >= least)));
    }
    // What the probabilities cost at the recall of each straight line.
    for (i, window) in WINDOWS.iter().enumerate() {
        let line = alarms(disks, |j| j.lines[i].is_some_and(|d| d <= 30.0));
        let mut hits: Vec<f64> =
            disks.iter().filter(|j| j.disk.crosses.is_some_and(|c| c <= 30.0)).map(|j| chance(j)).collect();
        hits.sort_unstable_by(|a, b| b.total_cmp(a));
        let Some(least) = line[0].checked_sub(1).map(|i| hits[i]) else { continue };
        let own = alarms(disks, |j| chance(j) >= least);
        println!(
            "  at the recall of {window} days (P >= {least:.3}): {} to {} false alarms ({:.0} %)",
            own[2],
            line[2],
            100.0 * own[2] as f64 / line[2] as f64
        );
    }
}

/// How often the 80 % interval of those disks holds the day.
fn holds(disks: &[&Judged], which: impl Fn(&Disk, Option<f64>) -> bool) -> String {
    let far = f64::INFINITY;
    let (mut n, mut below, mut above) = (0, 0, 0);
    for j in disks {
        let Some(c) = &j.found else { continue };
        if !which(&j.disk, c.low_days) {
            continue;
        }
        let day = j.disk.crosses.unwrap_or(far);
        n += 1;
        below += u32::from(day < c.low_days.unwrap_or(far));
        above += u32::from(day > c.high_days.unwrap_or(far));
    }
    let share = |k: u32| 100.0 * f64::from(k) / f64::from(n.max(1));
    format!(
        "{n:5} disks: {:5.1} % within, {:.1} % earlier, {:.1} % later",
        share(n - below - above),
        share(below),
        share(above)
    )
}

fn main() -> Result<(), ModelError> {
    let asked = std::env::args().nth(1);
    if asked.as_deref() == Some("rates") {
        return rates::rates();
    }
    let seed = asked.and_then(|a| a.parse().ok()).unwrap_or(SEED);
    let disks: Vec<(u64, Disk)> =
        (0..DISKS).filter_map(|number| Some((number, Disk::drawn(seed, number)?))).collect();
    let all: Vec<DailySeries> = disks
        .iter()
        .map(|(_, d)| {
            let days: Vec<f64> = (0..d.seen.len()).map(|i| i as f64).collect();
            DailySeries::new(&days, &d.seen)
        })
        .collect::<Result<_, _>>()?;
    let start = Instant::now();
    let found: Vec<Course> = all
        .iter()
        .map(|s| course(s, &[(THRESHOLD, Side::Above)], HORIZON_DAYS as f64))
        .collect::<Result<_, _>>()?;
    let each = 1e3 * start.elapsed().as_secs_f64() / disks.len() as f64;
    let judged: Vec<Judged> = disks
        .into_iter()
        .zip(found)
        .map(|((number, disk), mut course)| Judged {
            lines: WINDOWS.map(|w| straight(&disk.seen, w)),
            found: course.crossings.pop().flatten(),
            kind: disk.knowing_the_kind(),
            futures: disk.futures(number),
            disk,
        })
        .collect();
    let of_kinds =
        |kinds: &[&str]| -> Vec<&Judged> { judged.iter().filter(|j| kinds.contains(&j.disk.kind)).collect() };
    let all: Vec<&Judged> = judged.iter().collect();
    table("all kinds", &all);
    table("plain kinds (stable, creeping, filling, cleaned by rule)", &of_kinds(&PLAIN));
    println!("median error of the disks that cross, in days, by kind");
    for (kind, _) in KINDS {
        let own = of_kinds(&[kind]);
        let of = |foretold: &dyn Fn(&Judged) -> Option<f64>| error(&own, HORIZON_DAYS as f64, foretold);
        let chance = |j: &Judged| j.found.as_ref().map_or(0.0, |f| f.probability_within(30.0));
        println!(
            "  {kind:<16} {:4} disks: straight {:5.1} {:5.1} {:5.1}, median {:5.1}, knows the kind {:5.1}, all but the draws {:5.1}; false alarms of 14 days {}, at P >= 0.4 {}",
            own.iter().filter(|j| j.disk.crosses.is_some()).count(),
            of(&|j| j.lines[0]),
            of(&|j| j.lines[1]),
            of(&|j| j.lines[2]),
            of(&|j| j.found.as_ref()?.median_days),
            of(&|j| j.kind),
            of(&|j| Some(j.futures[j.futures.len() / 2])),
            alarms(&own, |j| j.lines[1].is_some_and(|d| d <= 30.0))[2],
            alarms(&own, |j| chance(j) >= 0.4)[2],
        );
    }
    println!("the 80 % interval");
    println!("  all                       {}", holds(&all, |_, _| true));
    println!("  with a lower bound        {}", holds(&all, |_, low| low.is_some()));
    println!("  that cross                {}", holds(&all, |d, _| d.crosses.is_some()));
    for (kind, _) in KINDS {
        println!("  {kind:<16} with bound {}", holds(&of_kinds(&[kind]), |_, low| low.is_some()));
    }
    println!("P(30 days) and what came");
    for (low, high) in [(0.0, 0.02), (0.02, 0.1), (0.1, 0.3), (0.3, 0.5), (0.5, 0.7), (0.7, 0.9), (0.9, 1.01)]
    {
        let own: Vec<(f64, bool)> = judged
            .iter()
            .filter_map(|j| {
                Some((j.found.as_ref()?.probability_within(30.0), j.disk.crosses.is_some_and(|c| c <= 30.0)))
            })
            .filter(|(p, _)| (low..high).contains(p))
            .collect();
        let n = own.len().max(1) as f64;
        println!(
            "  {low:.2} to {high:.2}: {:5} disks, foretold {:.3}, came {:.3}",
            own.len(),
            own.iter().map(|o| o.0).sum::<f64>() / n,
            own.iter().filter(|o| o.1).count() as f64 / n
        );
    }
    println!("{each:.3} ms a series: changes, trend and time to a threshold together");
    Ok(())
}
