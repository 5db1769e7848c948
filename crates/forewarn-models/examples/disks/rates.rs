//! How often series without trend or change show one, and how often those with one do; then the time that a series
//! takes. It does not know disks.
#![expect(clippy::disallowed_methods, reason = "the time that a series takes is what is asked")]

use crate::simulated::Draw;
use forewarn_models::{ChangeKind, DailySeries, ModelError, Side, change_points, course, trend};
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;
use std::time::Instant;

/// Days within which a threshold is sought.
const HORIZON_DAYS: f64 = 180.0;

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
pub(crate) fn rates() -> Result<(), ModelError> {
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
        std::hint::black_box(course(series, &[(8.0, Side::Above)], HORIZON_DAYS)?);
    }
    println!("{:.3} ms a series of 365 days: all three", start.elapsed().as_secs_f64() / 2.0);
    Ok(())
}
