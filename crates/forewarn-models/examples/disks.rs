//! Simulated disks whose day of crossing 90 % is known: the days foretold by [`time_to_threshold`] and by a straight
//! line through the last days, as Prometheus' `predict_linear` draws it. `cargo run --release --example disks`; with
//! `-- rates`, how often series without trend or change show one. It reads no file.
#![expect(
    clippy::print_stdout,
    clippy::disallowed_methods,
    reason = "a tool for the developer, not part of a run"
)]

use forewarn_models::{ChangeKind, Course, DailySeries, ModelError, Side, change_points, course, trend};
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use std::time::Instant;

const THRESHOLD: f64 = 90.0;
const HORIZON_DAYS: usize = 180;
const DISKS: u64 = 4000;
const SEED: u64 = 90_210;

struct Draw(ChaCha8Rng);

impl Draw {
    fn share(&mut self) -> f64 {
        (self.0.next_u64() >> 11) as f64 / 9_007_199_254_740_992.0
    }
    fn between(&mut self, low: f64, high: f64) -> f64 {
        low + (high - low) * self.share()
    }
    /// Evenly on the scale of logarithms.
    fn scale(&mut self, low: f64, high: f64) -> f64 {
        (self.between(low.ln(), high.ln())).exp()
    }
    fn normal(&mut self) -> f64 {
        (-2.0 * (1.0 - self.share()).ln()).sqrt() * (std::f64::consts::TAU * self.share()).cos()
    }
}

struct Disk {
    kind: &'static str,
    seen: Vec<f64>,
    /// Days until the level itself, without noise, is at the threshold.
    crosses: Option<f64>,
}

/// The level of a disk, day by day, past and future; then what its monitor shows. `None` where it is full already.
fn disk(seed: u64) -> Option<Disk> {
    let mut rng = ChaCha8Rng::seed_from_u64(SEED);
    rng.set_stream(seed);
    let mut d = Draw(rng);
    let past = d.between(60.0, 365.0) as usize;
    let n = past + HORIZON_DAYS;
    let kinds = [
        ("stable", 0.45),
        ("creeping", 0.15),
        ("filling", 0.14),
        ("slowing", 0.07),
        ("accelerating", 0.04),
        ("cleaned by rule", 0.08),
        ("wandering", 0.07),
    ];
    let mut u = d.share();
    let kind = kinds
        .iter()
        .find(|k| {
            u -= k.1;
            u < 0.0
        })
        .map_or("stable", |k| k.0);
    let now = d.between(15.0, 89.0);
    // What is written in a day, before anything is deleted.
    let daily: Vec<f64> = match kind {
        "creeping" => vec![d.scale(0.005, 0.08); n],
        "filling" => {
            let rate = (THRESHOLD - now) / d.scale(3.0, 150.0);
            let start = if d.share() < 0.5 { 0 } else { past - (d.between(8.0, 60.0) as usize).min(past) };
            let wobble = d.between(0.0, 1.0);
            (0..n).map(|i| if i < start { 0.0 } else { rate * (1.0 + wobble * d.normal()) }).collect()
        }
        "slowing" => {
            let (half, start) = (d.between(15.0, 80.0), d.between(0.3, 0.9) * past as f64);
            let rate = d.scale(0.1, 1.5);
            (0..n).map(|i| rate * (-(i as f64 - start).max(0.0) / half).exp()).collect()
        }
        "accelerating" => {
            let double = d.between(25.0, 90.0);
            let rate = d.scale(0.02, 0.5);
            (0..n).map(|i| rate * ((i as f64 - past as f64) / double).exp2()).collect()
        }
        "cleaned by rule" => vec![d.scale(0.2, 3.0); n],
        "wandering" => {
            let step = d.scale(0.1, 0.8);
            (0..n).map(|_| step * d.normal()).collect()
        }
        _ => vec![0.0; n],
    };
    let limit = if kind == "cleaned by rule" { d.between(70.0, 89.0) } else { f64::INFINITY };
    let freed = d.between(8.0, 35.0);
    let chance = if d.share() < 0.3 { 1.0 / d.between(60.0, 250.0) } else { 0.0 };
    // Back from today to the start, so that today's level is as drawn, where nothing is deleted.
    let mut level = Vec::with_capacity(n);
    let mut at = if kind == "cleaned by rule" {
        d.between(30.0, limit)
    } else {
        now - daily[..past].iter().sum::<f64>()
    };
    for written in &daily {
        at += written;
        if at > limit + d.normal() {
            at -= freed * d.between(0.8, 1.2);
        }
        if d.share() < chance {
            at -= d.between(2.0, 15.0);
        }
        at = at.clamp(1.0, 100.0);
        level.push(at);
    }
    if level[past - 1] >= THRESHOLD {
        return None;
    }
    let crosses = level[past..].iter().position(|v| *v >= THRESHOLD).map(|i| i as f64 + 1.0);
    let (noise, rho) = (d.scale(0.02, 1.5), d.between(0.0, 0.85));
    let (weekly, rotated, every) = (d.scale(0.05, 2.0), d.scale(0.02, 2.5), d.between(4.0, 16.0) as usize);
    let has_week = d.share() < 0.5;
    let has_log = d.share() < 0.4;
    let (burst, height) = (d.between(0.0, 0.04), d.between(1.0, 12.0));
    let mut memory = d.normal();
    let mut left = 0.0;
    let seen = (0..past)
        .map(|i| {
            memory = rho * memory + (1.0 - rho * rho).sqrt() * d.normal();
            if left <= 0.0 && d.share() < burst {
                left = d.between(1.0, 3.9).floor();
            }
            let high = if left > 0.0 { height * d.between(0.5, 1.0) } else { 0.0 };
            left -= 1.0;
            let week = if has_week { weekly * if i % 7 < 5 { 2.0 / 7.0 } else { -5.0 / 7.0 } } else { 0.0 };
            let log = if has_log { rotated * ((i % every) as f64 / every as f64 - 0.5) } else { 0.0 };
            let value = (level[i] + noise * memory + week + log + high).clamp(0.0, 100.0);
            if d.share() < 0.02 { f64::NAN } else { (10.0 * value).round() / 10.0 }
        })
        .collect();
    Some(Disk { kind, seen, crosses })
}

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

fn row(name: &str, disks: &[Disk], foretold: &[Option<f64>]) {
    let held = |d: Option<f64>| d.map_or(HORIZON_DAYS as f64, |d| d.min(HORIZON_DAYS as f64));
    let pairs = || disks.iter().zip(foretold);
    let error = |most: f64| {
        median(
            pairs()
                .filter(|(d, _)| d.crosses.is_some_and(|c| c <= most))
                .map(|(d, f)| (held(d.crosses) - held(*f)).abs())
                .collect(),
        )
    };
    let soon = |f: &Option<f64>| f.is_some_and(|f| f <= 30.0);
    let true_soon = pairs().filter(|(d, _)| d.crosses.is_some_and(|c| c <= 30.0));
    let (hits, all) = true_soon.fold((0, 0), |(h, n), (_, f)| (h + usize::from(soon(f)), n + 1));
    let wrong = pairs().filter(|(d, f)| soon(f) && d.crosses.is_none_or(|c| c > 60.0)).count();
    println!(
        "{name:<22} median error {:6.2} days ({:5.2} of those within 60)  recall {hits} of {all} ({:.1} %)  false alarms {wrong}",
        error(HORIZON_DAYS as f64),
        error(60.0),
        100.0 * f64::from(hits as u32) / f64::from(all)
    );
}

/// A made-up series: its name, and its values for so many days.
type Kind = (&'static str, fn(&mut Draw, usize) -> Vec<f64>);

fn memory(d: &mut Draw, n: usize, rho: f64) -> Vec<f64> {
    let mut x = d.normal();
    (0..n)
        .map(|_| {
            x = rho * x + (1.0 - rho * rho).sqrt() * d.normal();
            x
        })
        .collect()
}

/// How often series without trend and change show one, and how often those with one do.
fn rates() -> Result<(), ModelError> {
    let kinds: [Kind; 12] = [
        ("white noise", |d, n| memory(d, n, 0.0)),
        ("AR(1) 0.5", |d, n| memory(d, n, 0.5)),
        ("AR(1) 0.8", |d, n| memory(d, n, 0.8)),
        ("AR(1) 0.9", |d, n| memory(d, n, 0.9)),
        ("weekly season", |d, n| (0..n).map(|i| d.normal() - if i % 7 > 4 { 3.0 } else { 0.0 }).collect()),
        ("t, 3 degrees", |d, n| {
            let t3 = |d: &mut Draw| {
                let chi: f64 = (0..3).map(|_| d.normal().powi(2)).sum();
                d.normal() / (chi / 3.0).sqrt()
            };
            (0..n).map(|_| t3(d)).collect()
        }),
        ("AR(1) 0.8 and white", |d, n| memory(d, n, 0.8).iter().map(|v| v + d.normal()).collect()),
        ("sawtooth of 30 days", |d, n| {
            let from = (30.0 * d.share()) as usize;
            memory(d, n, 0.5).iter().enumerate().map(|(i, v)| v + 0.5 * ((i + from) % 30) as f64).collect()
        }),
        ("random walk", |d, n| {
            let mut at = 0.0;
            (0..n)
                .map(|_| {
                    at += d.normal();
                    at
                })
                .collect()
        }),
        ("AR(1) 0.5, slope 0.01", |d, n| {
            memory(d, n, 0.5).iter().enumerate().map(|(i, v)| v + 0.01 * i as f64).collect()
        }),
        ("AR(1) 0.5, jump of 3", |d, n| {
            memory(d, n, 0.5).iter().enumerate().map(|(i, v)| v + if i > n / 2 { 3.0 } else { 0.0 }).collect()
        }),
        ("AR(1) 0.8, jump of 5", |d, n| {
            memory(d, n, 0.8).iter().enumerate().map(|(i, v)| v + if i > n / 2 { 5.0 } else { 0.0 }).collect()
        }),
    ];
    println!("share of 4,000 series, in %: trend at 5 %, change of level or slope, change of spread");
    for n in [60, 120, 365] {
        for (name, make) in kinds {
            let mut found = [0_u32; 3];
            for i in 0..4000 {
                let mut rng = ChaCha8Rng::seed_from_u64(11);
                rng.set_stream(i);
                let x = make(&mut Draw(rng), n);
                let days: Vec<f64> = (0..n).map(|i| i as f64).collect();
                let series = DailySeries::new(&days, &x)?;
                found[0] += u32::from(trend(&series, 0).is_some_and(|t| t.p_value < 0.05));
                let changes = change_points(&series);
                found[1] += u32::from(changes.iter().any(|c| c.kind != ChangeKind::Spread));
                found[2] += u32::from(changes.iter().any(|c| c.kind == ChangeKind::Spread));
            }
            let [a, b, c] = found.map(|f| f64::from(f) / 40.0);
            println!("{n:4} days  {name:<22} {a:6.1} {b:6.2} {c:6.2}");
        }
    }
    let year: Vec<f64> = (0..365).map(f64::from).collect();
    let all: Vec<DailySeries> = (0..2000)
        .map(|i| {
            let mut rng = ChaCha8Rng::seed_from_u64(12);
            rng.set_stream(i);
            DailySeries::new(&year, &memory(&mut Draw(rng), 365, 0.5))
        })
        .collect::<Result<_, _>>()?;
    let start = Instant::now();
    for series in &all {
        std::hint::black_box(course(series, &[(8.0, Side::Above)], HORIZON_DAYS as f64)?);
    }
    println!("{:.3} ms a series of 365 days: all three", start.elapsed().as_secs_f64() / 2.0);
    Ok(())
}

fn main() -> Result<(), ModelError> {
    if std::env::args().nth(1).as_deref() == Some("rates") {
        return rates();
    }
    let disks: Vec<Disk> = (0..DISKS).filter_map(disk).collect();
    let crossing = disks.iter().filter(|d| d.crosses.is_some()).count();
    println!("{} disks, {crossing} of them cross within {HORIZON_DAYS} days", disks.len());
    let all: Vec<DailySeries> = disks
        .iter()
        .map(|d| {
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
    for window in [7, 14, 30] {
        let foretold: Vec<Option<f64>> = disks.iter().map(|d| straight(&d.seen, window)).collect();
        row(&format!("straight, {window} days"), &disks, &foretold);
    }
    let crossings: Vec<_> = found.iter().map(|c| c.crossings[0].clone()).collect();
    let medians: Vec<Option<f64>> =
        crossings.iter().map(|c| c.as_ref().and_then(|c| c.median_days)).collect();
    row("median", &disks, &medians);
    for least in [0.2, 0.3, 0.4, 0.6] {
        let likely: Vec<Option<f64>> = crossings
            .iter()
            .map(|c| c.as_ref().and_then(|c| (c.probability_within(30.0) >= least).then_some(30.0)))
            .collect();
        row(&format!("P(30 days) >= {least}"), &disks, &likely);
    }
    let far = f64::INFINITY;
    let holds = |kind: Option<&str>, which: fn(&Disk, Option<f64>) -> bool| {
        let (mut n, mut below, mut above) = (0, 0, 0);
        for (d, c) in disks.iter().zip(&crossings) {
            let Some(c) = c else { continue };
            if !which(d, c.low_days) || kind.is_some_and(|k| k != d.kind) {
                continue;
            }
            let day = d.crosses.unwrap_or(far);
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
    };
    println!("the 80 % interval");
    println!("  all                       {}", holds(None, |_, _| true));
    println!("  with a lower bound        {}", holds(None, |_, low| low.is_some()));
    println!("  that cross                {}", holds(None, |d, _| d.crosses.is_some()));
    for kind in ["stable", "creeping", "filling", "slowing", "accelerating", "cleaned by rule", "wandering"] {
        println!("  {kind:<16} with bound {}", holds(Some(kind), |_, low| low.is_some()));
    }
    println!("P(30 days) and what came");
    for (low, high) in [(0.0, 0.02), (0.02, 0.1), (0.1, 0.3), (0.3, 0.5), (0.5, 0.7), (0.7, 0.9), (0.9, 1.01)]
    {
        let own: Vec<(f64, bool)> = disks
            .iter()
            .zip(&crossings)
            .filter_map(|(d, c)| {
                Some((c.as_ref()?.probability_within(30.0), d.crosses.is_some_and(|c| c <= 30.0)))
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
