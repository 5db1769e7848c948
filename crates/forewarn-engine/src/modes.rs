//! How an asset fails if it fails: P(mode | failure, features), learned from failed training rows alone, so that the
//! probability of a failure splits by mode. It does not know how likely the failure is.

use std::collections::BTreeMap;

use forewarn_frames::{Cutoff, Frames};
use forewarn_models::{
    BootstrapParams, Logistic, LogisticParams, Matrix, RiskModel, bootstrap, cohort_share, logit,
    one_standard_error_bootstrap, sigmoid,
};
use serde::{Deserialize, Serialize};

use crate::columns::TrainingRows;
use crate::sample::draw;
use crate::{EngineError, RiskSettings};

/// The rare and the unknown modes together.
pub(crate) const OTHER: &str = "other";
/// A mode has a name of its own from so many failed training rows on.
const MIN_ROWS: usize = 30;
/// Modes with a name, at most: a list that people read.
const MAX_NAMED: usize = 8;
/// Failed rows that are learned from, at most: more say nothing new.
const MAX_ROWS: usize = 6_000;
/// Columns that the regressions are offered: those whose means differ most between modes (sure independence screening,
/// Fan and Lv, 2008).
const MAX_COLUMNS: usize = 100;
/// The penalty of the regressions.
const RIDGE: f64 = 50.0;
/// Rows of the fleet that a kind's shares borrow.
const BORROWED: f64 = 20.0;
/// Modes that tell the kinds apart for more than this share of the failures say nothing but the kind.
const ONLY_THE_KIND: f64 = 0.95;
/// A share is never less than this, so that no mode is impossible.
const FLOOR: f64 = 1e-4;

/// Failed rows: the mode and the kind of each, where known, and what is known otherwise.
pub(crate) struct Failed<'a> {
    pub mode: Vec<Option<&'a str>>,
    pub kind: Vec<Option<&'a str>>,
    pub asset: Vec<u32>,
    /// The day of each row's cutoff.
    pub day: Vec<i32>,
    /// The numeric columns.
    pub x: Matrix,
    /// The windows begin on `day` and last so long.
    pub horizon_days: i32,
}

/// The shares of the modes among failures, of the fleet and of each kind, shrunk to the fleet's.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct Shares {
    fleet: Vec<f64>,
    kinds: BTreeMap<String, Vec<f64>>,
}

/// One regression a mode against all others, over the same columns and the share of the mode in the asset's kind.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct Regressions {
    columns: Vec<usize>,
    each: Vec<Logistic>,
}

/// The fitted modes.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Modes {
    /// The named modes, the most frequent first; [`OTHER`] comes last, where there are others.
    names: Vec<String>,
    shares: Shares,
    /// Where they told modes better than the shares did on later rows.
    regressions: Option<Regressions>,
}

impl Failed<'_> {
    fn len(&self) -> usize {
        self.mode.len()
    }

    fn pick(&self, rows: &[usize]) -> Self {
        Self {
            mode: rows.iter().map(|&i| self.mode[i]).collect(),
            kind: rows.iter().map(|&i| self.kind[i]).collect(),
            asset: rows.iter().map(|&i| self.asset[i]).collect(),
            day: rows.iter().map(|&i| self.day[i]).collect(),
            x: self.x.select_rows(rows),
            horizon_days: self.horizon_days,
        }
    }
}

impl Shares {
    fn fit(class: &[usize], kind: &[Option<&str>], n_classes: usize) -> Result<Self, EngineError> {
        let n = class.len() as f64;
        let counts = |of: &dyn Fn(usize) -> bool| -> Vec<f64> {
            let mut c = vec![0.0; n_classes];
            (0..class.len()).filter(|&i| of(i)).for_each(|i| c[class[i]] += 1.0);
            c
        };
        let fleet = scaled(counts(&|_| true).into_iter().map(|c| (c / n).max(FLOOR)).collect());
        let mut kinds = BTreeMap::new();
        let names: std::collections::BTreeSet<&str> = kind.iter().copied().flatten().collect();
        for name in names {
            let counts = counts(&|i| kind[i] == Some(name));
            let n = counts.iter().sum();
            let shares: Result<Vec<f64>, _> =
                counts.iter().zip(&fleet).map(|(c, f)| cohort_share(*c, n, *f, BORROWED)).collect();
            kinds.insert(name.to_owned(), scaled(shares.map_err(EngineError::model)?));
        }
        Ok(Self { fleet, kinds })
    }

    fn of(&self, kind: Option<&str>) -> &[f64] {
        kind.and_then(|k| self.kinds.get(k)).unwrap_or(&self.fleet)
    }
}

/// The same in parts of 1.
fn scaled(v: Vec<f64>) -> Vec<f64> {
    let sum: f64 = v.iter().sum();
    v.into_iter().map(|x| x / sum).collect()
}

/// The columns whose means differ most between classes, by the share of their variance that lies between them.
fn screened(x: &Matrix, class: &[usize], n_classes: usize) -> Vec<usize> {
    let mut by: Vec<(f64, usize)> = Vec::new();
    for j in 0..x.n_cols() {
        let column = x.column(j);
        let (mut n, mut sum) = (vec![0.0; n_classes], vec![0.0; n_classes]);
        let mut squares = 0.0;
        for (v, c) in column.iter().zip(class).filter(|(v, _)| !v.is_nan()) {
            n[*c] += 1.0;
            sum[*c] += v;
            squares += v * v;
        }
        let (all, total): (f64, f64) = (n.iter().sum(), sum.iter().sum());
        if all < 2.0 {
            continue;
        }
        let spread = squares - total * total / all;
        let between: f64 = n.iter().zip(&sum).filter(|(n, _)| **n > 0.0).map(|(n, s)| s * s / n).sum::<f64>()
            - total * total / all;
        // Rows where the column is missing say nothing for it. Rounding leaves a little spread to a constant.
        if spread > 1e-9 * squares.max(f64::MIN_POSITIVE) {
            by.push((between / spread * all / class.len() as f64, j));
        }
    }
    by.sort_by(|a, b| b.0.total_cmp(&a.0).then(a.1.cmp(&b.1)));
    let mut chosen: Vec<usize> = by.into_iter().take(MAX_COLUMNS).map(|b| b.1).collect();
    chosen.sort_unstable();
    chosen
}

impl Regressions {
    /// `None` where a class has no row or nothing tells rows apart.
    fn fit(d: &Failed<'_>, class: &[usize], shares: &Shares) -> Result<Option<Self>, EngineError> {
        let n_classes = shares.fleet.len();
        let columns = screened(&d.x, class, n_classes);
        let lacks_rows = |k: usize| !class.contains(&k);
        if columns.is_empty() || (0..n_classes).any(lacks_rows) {
            return Ok(None);
        }
        let params = LogisticParams { ridge: RIDGE, ..LogisticParams::default() };
        let weights = vec![1.0; class.len()];
        let each: Result<Vec<Logistic>, EngineError> = (0..n_classes)
            .map(|k| {
                let y: Vec<f64> = class.iter().map(|c| f64::from(u8::from(*c == k))).collect();
                let x = Self::matrix(&columns, &d.x, &d.kind, shares, k)?;
                params.fit_rows(&x, &y, &weights).map_err(EngineError::model)
            })
            .collect();
        Ok(Some(Self { columns, each: each? }))
    }

    fn matrix(
        columns: &[usize],
        x: &Matrix,
        kind: &[Option<&str>],
        shares: &Shares,
        class: usize,
    ) -> Result<Matrix, EngineError> {
        let mut all: Vec<Vec<f64>> = columns.iter().map(|&j| x.column(j).to_vec()).collect();
        all.push(kind.iter().map(|k| logit(shares.of(*k)[class])).collect());
        Matrix::from_columns(all).map_err(EngineError::model)
    }

    fn predict(
        &self,
        x: &Matrix,
        kind: &[Option<&str>],
        shares: &Shares,
    ) -> Result<Vec<Vec<f64>>, EngineError> {
        let mut by_row: Vec<Vec<f64>> = vec![Vec::with_capacity(self.each.len()); kind.len()];
        for (k, model) in self.each.iter().enumerate() {
            let z = model
                .log_odds(&Self::matrix(&self.columns, x, kind, shares, k)?)
                .map_err(EngineError::model)?;
            by_row.iter_mut().zip(z).for_each(|(row, z)| row.push(sigmoid(z).max(FLOOR)));
        }
        Ok(by_row.into_iter().map(scaled).collect())
    }
}

/// The names of the classes, and the class of each row; `None` where modes do not tell failures apart.
fn classes(d: &Failed<'_>) -> Option<(Vec<String>, Vec<usize>)> {
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    for m in d.mode.iter().flatten() {
        *counts.entry(m).or_insert(0) += 1;
    }
    if counts.len() < 2 {
        return None;
    }
    // A mode that is itself called so would make two of a name.
    let mut named: Vec<(&str, usize)> =
        counts.into_iter().filter(|(m, n)| *n >= MIN_ROWS && !m.eq_ignore_ascii_case(OTHER)).collect();
    named.sort_by(|a, b| b.1.cmp(&a.1).then(a.0.cmp(b.0)));
    named.truncate(MAX_NAMED);
    let place = |m: Option<&str>| m.and_then(|m| named.iter().position(|n| n.0 == m));
    let class: Vec<usize> = d.mode.iter().map(|m| place(*m).unwrap_or(named.len())).collect();
    let mut names: Vec<String> = named.iter().map(|n| n.0.to_owned()).collect();
    if class.contains(&named.len()) {
        names.push(OTHER.to_owned());
    }
    (!named.is_empty() && names.len() > 1 && !tell_only_the_kind(d, &class)).then_some((names, class))
}

/// Whether each kind fails in a way of its own, and hardly ever in another: `laptop` is then no news of a laptop.
fn tell_only_the_kind(d: &Failed<'_>, class: &[usize]) -> bool {
    let mut by_kind: BTreeMap<Option<&str>, BTreeMap<usize, usize>> = BTreeMap::new();
    for (kind, class) in d.kind.iter().zip(class) {
        *by_kind.entry(*kind).or_default().entry(*class).or_insert(0) += 1;
    }
    let most: Vec<(usize, usize)> =
        by_kind.values().filter_map(|c| c.iter().map(|(k, n)| (*n, *k)).max()).collect();
    let alike = most.iter().all(|m| m.1 == most[0].1);
    let usual: usize = most.iter().map(|m| m.0).sum();
    !alike && usual as f64 >= ONLY_THE_KIND * class.len() as f64
}

impl Modes {
    /// Learns from the failed rows among the training rows whose windows closed by `fit_at`. `None` where modes are too
    /// few or do not tell failures apart.
    pub(crate) fn fit(
        frames: &Frames,
        risk: &RiskSettings,
        seed: u64,
        (rows, x, n_numbers): (&TrainingRows, &Matrix, usize),
        cutoffs: &[Cutoff],
        fit_at: Cutoff,
    ) -> Result<Option<Self>, EngineError> {
        let Some(by) = risk.horizons.iter().position(|h| *h == risk.rank_by) else { return Ok(None) };
        let history = frames.as_of(fit_at);
        let mut failed: Vec<usize> = (0..rows.asset.len()).filter(|&i| rows.labels[by][i] == 1.0).collect();
        if failed.len() > MAX_ROWS {
            let place = |i: usize| {
                draw(seed, history.asset_id(rows.asset[i] as usize), cutoffs[rows.cutoff[i] as usize])
            };
            failed.sort_by(|&a, &b| place(a).total_cmp(&place(b)).then(a.cmp(&b)));
            failed.truncate(MAX_ROWS);
            failed.sort_unstable();
        }
        let mut modes = Vec::with_capacity(failed.len());
        // Rows come cutoff by cutoff.
        for rows_of in failed.chunk_by(|a, b| rows.cutoff[*a] == rows.cutoff[*b]) {
            let cutoff = cutoffs[rows.cutoff[rows_of[0]] as usize];
            let outcomes = frames.outcomes_known(cutoff, risk.rank_by, fit_at);
            let word = |i: &usize| outcomes.mode_of(rows.asset[*i] as usize).map(|c| frames.word(c));
            modes.extend(rows_of.iter().map(word));
        }
        let numbers: Vec<usize> = (0..n_numbers).collect();
        Self::fit_failed(
            &Failed {
                mode: modes,
                kind: failed
                    .iter()
                    .map(|&i| history.asset(rows.asset[i] as usize).kind.map(|k| history.word(k)))
                    .collect(),
                asset: failed.iter().map(|&i| rows.asset[i]).collect(),
                day: failed.iter().map(|&i| cutoffs[rows.cutoff[i] as usize].day()).collect(),
                x: x.select_rows(&failed).select_columns(&numbers),
                horizon_days: risk.rank_by.get(),
            },
            seed,
        )
    }

    /// The same of these failed rows.
    fn fit_failed(d: &Failed<'_>, seed: u64) -> Result<Option<Self>, EngineError> {
        let Some((names, class)) = classes(d) else { return Ok(None) };
        let better = Self::regressions_are_better(d, &class, names.len(), seed)?;
        let shares = Shares::fit(&class, &d.kind, names.len())?;
        let regressions = if better { Regressions::fit(d, &class, &shares)? } else { None };
        Ok(Some(Self { names, shares, regressions }))
    }

    /// Whether regressions fitted to earlier rows told the modes of the later fifth of the cutoffs better than shares did,
    /// by more than one standard error of the difference.
    fn regressions_are_better(
        d: &Failed<'_>,
        class: &[usize],
        n_classes: usize,
        seed: u64,
    ) -> Result<bool, EngineError> {
        let mut days = d.day.clone();
        days.sort_unstable();
        days.dedup();
        let Some(&first) = days.get(days.len() * 4 / 5) else { return Ok(false) };
        let earlier: Vec<usize> = (0..d.len()).filter(|&i| d.day[i] + d.horizon_days <= first).collect();
        let later: Vec<usize> = (0..d.len()).filter(|&i| d.day[i] >= first).collect();
        if earlier.len() < MIN_ROWS || later.len() < MIN_ROWS {
            return Ok(false);
        }
        let (train, judged) = (d.pick(&earlier), d.pick(&later));
        let of = |rows: &[usize]| rows.iter().map(|&i| class[i]).collect::<Vec<_>>();
        let (learned, truth) = (of(&earlier), of(&later));
        let shares = Shares::fit(&learned, &train.kind, n_classes)?;
        let Some(regressions) = Regressions::fit(&train, &learned, &shares)? else { return Ok(false) };
        let plain: Vec<Vec<f64>> = judged.kind.iter().map(|k| shares.of(*k).to_vec()).collect();
        let fitted = regressions.predict(&judged.x, &judged.kind, &shares)?;
        let loss = |p: &[Vec<f64>]| p.iter().zip(&truth).map(|(p, c)| -p[*c].ln()).collect::<Vec<f64>>();
        let losses = [loss(&plain), loss(&fitted)];
        let mean = |v: &[f64], w: &[f64]| {
            let n: f64 = w.iter().sum();
            (n > 0.0).then(|| v.iter().zip(w).map(|(v, w)| v * w).sum::<f64>() / n)
        };
        let ones = vec![1.0; truth.len()];
        let scores: Vec<f64> = losses.iter().filter_map(|l| mean(l, &ones)).collect();
        let params = BootstrapParams { n_boot: 50, seed };
        let replicates: Result<Vec<_>, _> =
            losses.iter().map(|l| bootstrap(&judged.asset, params, |w| mean(l, w))).collect();
        let choice = one_standard_error_bootstrap(
            &["shares", "regressions"],
            &scores,
            &replicates.map_err(EngineError::model)?,
            false,
        );
        Ok(choice.map_err(EngineError::model)?.chosen == 1)
    }

    /// Whether stored modes fit together, for so many numeric columns.
    pub(crate) fn check(&self, n_numbers: usize) -> Result<(), String> {
        let n = self.names.len();
        if [&self.shares.fleet].into_iter().chain(self.shares.kinds.values()).any(|s| s.len() != n) {
            return Err(format!("shares are not of {n} modes"));
        }
        let Some(r) = &self.regressions else { return Ok(()) };
        r.each.iter().try_for_each(RiskModel::check).map_err(|e| e.to_string())?;
        // The last column is the share of the mode in the asset's kind.
        let fit = r.each.len() == n && r.each.iter().all(|m| m.n_columns() == r.columns.len() + 1);
        if !fit || r.columns.iter().any(|j| *j >= n_numbers) {
            return Err(format!("regressions are not of {n} modes over {n_numbers} columns"));
        }
        Ok(())
    }

    /// The share of each mode, should the rows fail, in the order of the names. `x` holds all columns of the model; an
    /// unknown asset fails as its kind does.
    pub(crate) fn predict(
        &self,
        x: &Matrix,
        kind: &[Option<&str>],
        unknown: &[bool],
    ) -> Result<Vec<Vec<f64>>, EngineError> {
        let usual = |i: usize| self.shares.of(kind[i]).to_vec();
        let Some(regressions) = &self.regressions else { return Ok((0..kind.len()).map(usual).collect()) };
        let fitted = regressions.predict(x, kind, &self.shares)?;
        Ok(fitted.into_iter().enumerate().map(|(i, p)| if unknown[i] { usual(i) } else { p }).collect())
    }

    /// The probability of a failure by mode, the likeliest first; the parts sum to it.
    pub(crate) fn split(&self, probability: f64, shares: &[f64]) -> Vec<(String, f64)> {
        let mut order: Vec<usize> = (0..shares.len()).collect();
        order.sort_by(|&a, &b| shares[b].total_cmp(&shares[a]).then(a.cmp(&b)));
        let mut parts: Vec<(String, f64)> =
            order.iter().map(|&k| (self.names[k].clone(), probability * shares[k])).collect();
        // The largest part takes what rounding left.
        let rest: f64 = parts.iter().skip(1).map(|p| p.1).sum();
        if let Some(first) = parts.first_mut() {
            first.1 = probability - rest;
        }
        parts
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use super::*;

    const KINDS: [&str; 2] = ["laptop", "server"];

    /// Failed rows of 100 assets at `n_days` weekly cutoffs; `mode` says how the row fails that has this kind and heat.
    fn failed<'a>(n_days: usize, mode: impl Fn(usize, &str, f64) -> Option<&'a str>) -> Failed<'a> {
        let n = n_days * 10;
        let noise = |i: usize, k: u64| draw(k, &i.to_string(), Cutoff::from_day(0));
        let kind: Vec<&str> = (0..n).map(|i| KINDS[i * 7 % 10 / 5]).collect();
        let heat: Vec<f64> = (0..n).map(|i| noise(i, 1)).collect();
        Failed {
            mode: (0..n).map(|i| mode(i, kind[i], heat[i])).collect(),
            kind: kind.iter().map(|k| Some(*k)).collect(),
            asset: (0..n).map(|i| (i % 100) as u32).collect(),
            day: (0..n).map(|i| (i / 10 * 7) as i32).collect(),
            x: Matrix::from_columns(vec![
                (0..n).map(|i| noise(i, 2)).collect(),
                heat,
                vec![3.0; n],
                vec![f64::NAN; n],
            ])
            .unwrap(),
            horizon_days: 30,
        }
    }

    #[test]
    fn a_feature_that_decides_the_mode_is_learned() {
        let d = failed(60, |_, _, heat| Some(if heat > 0.5 { "fan" } else { "disk" }));
        let m = Modes::fit_failed(&d, 1).unwrap().unwrap();
        assert_eq!(
            m.names.iter().map(String::as_str).collect::<std::collections::BTreeSet<_>>(),
            ["disk", "fan"].into()
        );
        assert_eq!(m.regressions.as_ref().unwrap().columns, [0, 1]);
        let p = m.predict(&d.x, &d.kind, &vec![false; d.len()]).unwrap();
        let right = (0..d.len())
            .filter(|&i| {
                let parts = m.split(0.3, &p[i]);
                Some(parts[0].0.as_str()) == d.mode[i]
            })
            .count();
        assert!(right as f64 > 0.95 * d.len() as f64, "{right} of {}", d.len());
        // An unknown asset fails as its kind does.
        let unknown = m.predict(&d.x, &d.kind, &vec![true; d.len()]).unwrap();
        assert_eq!(unknown[0], m.shares.of(d.kind[0]));
        let again: Modes = serde_json::from_slice(&serde_json::to_vec(&m).unwrap()).unwrap();
        assert_eq!(again.predict(&d.x, &d.kind, &vec![false; d.len()]).unwrap(), p);
    }

    #[test]
    fn where_no_feature_tells_the_shares_of_the_kind_do() {
        let d = failed(60, |i, kind, _| {
            let often = if kind == "laptop" { 8 } else { 2 };
            Some(if i * 31 % 97 % 10 < often { "battery" } else { "fan" })
        });
        let m = Modes::fit_failed(&d, 1).unwrap().unwrap();
        assert!(m.regressions.is_none());
        let p =
            m.predict(&d.x, &[Some("laptop"), Some("server"), Some("tablet"), None], &[false; 4]).unwrap();
        let battery = m.names.iter().position(|n| n == "battery").unwrap();
        assert!(p[0][battery] > 0.7 && p[1][battery] < 0.3, "{p:?}");
        assert_eq!(p[2], p[3]);
    }

    #[test]
    fn the_parts_sum_to_the_probability() {
        let d = failed(60, |i, _, heat| match i % 20 {
            0 => None,
            1 => Some("OTHER"),
            k if k < 5 => Some(["a", "b", "c"][k - 2]),
            _ => Some(if heat > 0.5 { "fan" } else { "disk" }),
        });
        let m = Modes::fit_failed(&d, 1).unwrap().unwrap();
        assert_eq!(m.names.last().unwrap(), OTHER);
        assert_eq!(m.names.iter().filter(|n| n.eq_ignore_ascii_case(OTHER)).count(), 1);
        let p = m.predict(&d.x, &d.kind, &vec![false; d.len()]).unwrap();
        for (i, shares) in p.iter().enumerate() {
            let probability = draw(9, &i.to_string(), Cutoff::from_day(1));
            let parts = m.split(probability, shares);
            assert_eq!(parts.len(), m.names.len());
            assert!((parts.iter().map(|p| p.1).sum::<f64>() - probability).abs() < 1e-12);
            assert!(parts.windows(2).all(|w| w[0].1 >= w[1].1 - 1e-15) && parts.iter().all(|p| p.1 > 0.0));
        }
    }

    #[test]
    fn too_few_or_telling_nothing_is_no_split() {
        let none = |d: &Failed<'_>| Modes::fit_failed(d, 1).unwrap().is_none();
        assert!(none(&failed(60, |_, _, _| None)), "no modes");
        assert!(none(&failed(60, |i, _, _| (i % 2 == 0).then_some("disk"))), "one mode");
        assert!(none(&failed(5, |i, _, _| Some(["disk", "fan"][i % 2]))), "25 rows of each");
        assert!(!none(&failed(6, |i, _, _| Some(["disk", "fan"][i % 2]))), "30 rows of each");
        assert!(
            none(&failed(60, |_, kind, _| Some(if kind == "laptop" { "Laptop" } else { "Server" }))),
            "the kind"
        );
        assert!(none(&failed(0, |_, _, _| None)), "no rows");
    }
}
