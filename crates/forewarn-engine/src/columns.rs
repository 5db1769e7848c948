//! From feature tables to model columns: numeric features as they are, words as numbers learned from training rows alone.
//! It does not know labels.

use std::collections::BTreeMap;

use forewarn_features::{Catalog, FeatureSpec, FeatureTable, Suits};
use forewarn_models::Matrix;
use serde::{Deserialize, Serialize};

use crate::EngineError;

/// How the columns of a model come from a feature table.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Columns {
    /// The names of all columns: numeric features, then words.
    pub names: Vec<String>,
    /// Families of the columns, for reasons.
    pub families: Vec<String>,
    /// How many of them are numeric features.
    pub n_numbers: usize,
    /// Whether trees are offered each column.
    pub trees: Vec<bool>,
    /// Whether the logistic regression is.
    pub linear: Vec<bool>,
    /// Each word's number: its place by frequency among the training rows.
    words: Vec<BTreeMap<String, u32>>,
}

impl Columns {
    /// Learns the words' numbers from training rows: the most frequent is 0; ties fall to the alphabet. No model is offered a
    /// feature that `leave_out` names, see [`names`].
    pub(crate) fn fit(catalog: &Catalog, rows: &TrainingRows, leave_out: &[String]) -> Self {
        let words = rows
            .words
            .iter()
            .map(|column| {
                let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
                for w in column.iter().flatten() {
                    *counts.entry(w).or_insert(0) += 1;
                }
                let mut by: Vec<(&str, usize)> = counts.into_iter().collect();
                by.sort_by(|a, b| b.1.cmp(&a.1).then(a.0.cmp(b.0)));
                by.into_iter().enumerate().map(|(i, (w, _))| (w.to_owned(), i as u32)).collect()
            })
            .collect();
        let f = catalog.features();
        let c = catalog.categories();
        let named = |feature: &str| leave_out.iter().any(|pattern| names(pattern, feature));
        let suits = |which: Suits| {
            let suited = |f: &FeatureSpec| f.suits == Suits::Every || f.suits == which;
            let numbers = f.iter().map(|f| suited(f) && !named(&f.name));
            numbers.chain(c.iter().map(|c| !named(&c.name))).collect()
        };
        Self {
            names: f.iter().map(|f| f.name.clone()).chain(c.iter().map(|c| c.name.clone())).collect(),
            families: f.iter().map(|f| f.family.clone()).chain(c.iter().map(|c| c.name.clone())).collect(),
            n_numbers: f.len(),
            trees: suits(Suits::Trees),
            linear: suits(Suits::Linear),
            words,
        }
    }

    /// Whether stored columns fit together; how many there are.
    pub(crate) fn check(&self) -> Result<usize, String> {
        let n = self.names.len();
        let alike =
            [self.families.len(), self.trees.len(), self.linear.len(), self.n_numbers + self.words.len()];
        if alike.iter().any(|k| *k != n) {
            return Err(format!("{n} names of columns, and {alike:?} of what belongs to them"));
        }
        Ok(n)
    }

    /// Whether these are the columns of the catalog's features.
    pub(crate) fn are_of(&self, catalog: &Catalog) -> bool {
        let features = catalog.features().iter().map(|f| &f.name);
        let categories = catalog.categories().iter().map(|c| &c.name);
        self.n_numbers == catalog.features().len() && self.names.iter().eq(features.chain(categories))
    }

    /// The columns of these rows; a word that training did not see is missing. The rows are used up: they are most of what
    /// training holds in memory, and must not stand twice.
    pub(crate) fn matrix(
        &self,
        numbers: Vec<Vec<f64>>,
        words: &[Vec<Option<String>>],
    ) -> Result<Matrix, EngineError> {
        let mut columns = numbers;
        for v in columns.iter_mut().flatten().filter(|v| !v.is_finite()) {
            *v = f64::NAN;
        }
        for (codes, column) in self.words.iter().zip(words) {
            columns.push(
                column
                    .iter()
                    .map(|w| w.as_ref().and_then(|w| codes.get(w)).map_or(f64::NAN, |c| f64::from(*c)))
                    .collect(),
            );
        }
        Matrix::from_columns(columns).map_err(EngineError::model)
    }

    /// The place of a column, where the catalog has it.
    pub(crate) fn position(&self, name: &str) -> Option<usize> {
        self.names.iter().position(|n| n == name)
    }
}

/// Whether a pattern names a feature: the name itself, where each `*` stands for any part of it.
pub(crate) fn names(pattern: &str, feature: &str) -> bool {
    let Some((before, mut after)) = pattern.split_once('*') else { return pattern == feature };
    let Some(mut rest) = feature.strip_prefix(before) else { return false };
    // What comes first is taken first: that leaves most for the parts behind it.
    while let Some((part, more)) = after.split_once('*') {
        let Some(at) = rest.find(part) else { return false };
        (rest, after) = (&rest[at + part.len()..], more);
    }
    rest.len() >= after.len() && rest.ends_with(after)
}

/// Rows to learn from, over all training cutoffs.
#[derive(Debug, Clone, Default)]
pub(crate) struct TrainingRows {
    /// One vector a numeric feature.
    pub numbers: Vec<Vec<f64>>,
    /// One vector a categorical feature.
    pub words: Vec<Vec<Option<String>>>,
    /// The asset of each row.
    pub asset: Vec<u32>,
    /// The place of each row's cutoff among the training cutoffs.
    pub cutoff: Vec<u32>,
    /// How many rows each row stands for.
    pub weight: Vec<f64>,
    /// One vector a horizon: 1 failed, 0 survived, NaN censored.
    pub labels: Vec<Vec<f64>>,
}

impl TrainingRows {
    /// Adds the rows of one cutoff.
    pub(crate) fn append(
        &mut self,
        table: FeatureTable,
        cutoff: u32,
        weights: &[f64],
        labels: Vec<Vec<f64>>,
    ) {
        if self.numbers.is_empty() {
            self.numbers = vec![Vec::new(); table.numbers.len()];
            self.words = vec![Vec::new(); table.words.len()];
            self.labels = vec![Vec::new(); labels.len()];
        }
        for (to, from) in self.numbers.iter_mut().zip(table.numbers) {
            to.extend(from);
        }
        for (to, from) in self.words.iter_mut().zip(table.words) {
            to.extend(from);
        }
        for (to, from) in self.labels.iter_mut().zip(labels) {
            to.extend(from);
        }
        self.asset.extend(table.assets.iter().map(|a| *a as u32));
        self.cutoff.extend(std::iter::repeat_n(cutoff, table.assets.len()));
        self.weight.extend(weights);
    }
}

#[cfg(test)]
mod tests {
    use super::names;

    #[test]
    fn patterns_name_features() {
        for (pattern, feature, want) in [
            ("cpu.last", "cpu.last", true),
            ("cpu.last", "cpu.last_x", false),
            ("*.last", "cpu.last", true),
            ("cpu.*", "cpu.last", true),
            ("cpu.*st", "cpu.last", true),
            ("*", "cpu.last", true),
            ("cpu.last*last", "cpu.last", false),
            ("gpu.*", "cpu.last", false),
            ("*.mean_*", "cpu.mean_7d", true),
            ("*.mean_*", "cpu.last", false),
            ("c*u*l*t", "cpu.last", true),
            ("*t*t", "cpu.last", false),
        ] {
            assert_eq!(names(pattern, feature), want, "{pattern} {feature}");
        }
    }
}
