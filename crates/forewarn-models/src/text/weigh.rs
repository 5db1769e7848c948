//! Bags of words to weighted rows: which words count, and how much. It does not know the words themselves.

use std::collections::BTreeSet;

use super::words::Bag;

/// Words of more than this share of the different texts say nothing.
const MAX_SHARE: f64 = 0.5;
/// Words beyond this number, the rarest, are left out.
const MAX_WORDS: usize = 30_000;
/// The power of the inverse document frequency.
const IDF_POWER: f64 = 1.5;

/// A sparse matrix by rows.
#[derive(Debug, Clone, Default)]
pub(crate) struct Rows {
    pub(crate) offsets: Vec<usize>,
    pub(crate) columns: Vec<u32>,
    pub(crate) values: Vec<f64>,
    pub(crate) n_columns: usize,
}

impl Rows {
    pub(crate) fn n_rows(&self) -> usize {
        self.offsets.len() - 1
    }

    pub(crate) fn row(&self, i: usize) -> impl Iterator<Item = (usize, f64)> {
        let at = self.offsets[i]..self.offsets[i + 1];
        self.columns[at.clone()].iter().map(|c| *c as usize).zip(self.values[at].iter().copied())
    }

    /// The same by columns; each column's rows come in order.
    pub(crate) fn transposed(&self) -> Self {
        let mut offsets = vec![0; self.n_columns + 1];
        for c in &self.columns {
            offsets[*c as usize + 1] += 1;
        }
        for c in 0..self.n_columns {
            offsets[c + 1] += offsets[c];
        }
        let mut next = offsets.clone();
        let mut out = Self {
            offsets,
            columns: vec![0; self.columns.len()],
            values: vec![0.0; self.values.len()],
            n_columns: self.n_rows(),
        };
        for i in 0..self.n_rows() {
            for (c, v) in self.row(i) {
                out.columns[next[c]] = i as u32;
                out.values[next[c]] = v;
                next[c] += 1;
            }
        }
        out
    }
}

/// The words that count, and their weights.
#[derive(Debug, Clone)]
pub(crate) struct Weights {
    /// The column of each word of the lexicon; `u32::MAX` where it does not count.
    column: Vec<u32>,
    /// The weight of each column.
    idf: Vec<f64>,
    pub(crate) n_columns: usize,
}

impl Weights {
    /// The words that at least two of the texts hold (three of 5,000, and one more for each doubling), and not more than
    /// half of the different ones: a text that comes a thousand times does not make its words common.
    pub(crate) fn fit(bags: &[Bag]) -> Self {
        let n_words = bags.iter().flatten().map(|(w, _)| *w as usize + 1).max().unwrap_or(0);
        let mut n_texts = vec![0_u32; n_words];
        for (w, _) in bags.iter().flatten() {
            n_texts[*w as usize] += 1;
        }
        let different: BTreeSet<&Bag> = bags.iter().filter(|b| !b.is_empty()).collect();
        let mut n_different = vec![0_u32; n_words];
        for (w, _) in different.iter().copied().flatten() {
            n_different[*w as usize] += 1;
        }
        let n = bags.iter().filter(|b| !b.is_empty()).count() as f64;
        let least = 2 + (n / 2500.0).max(1.0).log2() as u32;
        // In a handful of texts the word that all share is what they are about.
        let most = if different.len() < 20 { n } else { MAX_SHARE * different.len() as f64 };
        let mut kept: Vec<usize> =
            (0..n_words).filter(|&w| n_texts[w] >= least && f64::from(n_different[w]) <= most).collect();
        if kept.len() > MAX_WORDS {
            kept.sort_by_key(|&w| (std::cmp::Reverse(n_texts[w]), w));
            kept.truncate(MAX_WORDS);
            kept.sort_unstable();
        }
        let mut column = vec![u32::MAX; n_words];
        for (c, &w) in kept.iter().enumerate() {
            column[w] = c as u32;
        }
        // One is added, so that a word of all texts weighs a little.
        let weight = |df: f64| ((1.0 + n) / df).ln().max(0.01).powf(IDF_POWER);
        let idf: Vec<f64> = kept.iter().map(|&w| weight(f64::from(n_texts[w]))).collect();
        Self { column, n_columns: idf.len(), idf }
    }

    /// The row of a bag with length 1, and which part of its words was seen before; `None` where none of them counts. The
    /// weight of a word is `(1 + ln tf) idf^1.5` (Salton and Buckley, 1988, with a steeper idf).
    pub(crate) fn row(&self, bag: &Bag) -> Option<(Vec<(u32, f64)>, f64)> {
        let mut row = Vec::with_capacity(bag.len());
        let mut unseen = 0.0;
        for (w, n) in bag {
            match self.column.get(*w as usize) {
                Some(&c) if c != u32::MAX => row.push((c, (1.0 + f64::from(*n).ln()) * self.idf[c as usize])),
                // It was seen, but it is too frequent or too rare to count.
                Some(_) => {}
                None => unseen += 1.0,
            }
        }
        let squares: f64 = row.iter().map(|(_, v)| v * v).sum();
        if squares <= 0.0 {
            return None;
        }
        let seen = row.len() as f64;
        for (_, v) in &mut row {
            *v /= squares.sqrt();
        }
        Some((row, seen / (seen + unseen)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rare_words_weigh_more_and_common_ones_nothing() {
        let bags: Vec<Bag> = (0..40)
            .map(|i| {
                // A word of its own makes each different.
                let mut b = vec![(0, 1), (100 + i, 1)];
                if i < 10 {
                    b.push((1, 1));
                }
                if i < 3 {
                    b.push((2, 2));
                }
                b.sort_unstable();
                b
            })
            .collect();
        let w = Weights::fit(&bags);
        assert_eq!(w.n_columns, 2);
        let (row, known) = w.row(&bags[0]).map_or((vec![], 0.0), |r| r);
        assert!(row[1].1 > row[0].1 && (row[0].1.hypot(row[1].1) - 1.0).abs() < 1e-12);
        assert_eq!(known, 1.0);
        assert!(w.row(&bags[30]).is_none(), "only a word of all texts");
        assert!(
            w.row(&vec![(1, 1), (998, 1), (999, 1)]).is_some_and(|r| r.1 < 0.4),
            "most of it was never seen"
        );
        assert!(w.row(&vec![]).is_none());
        // A monitor that writes the same words again and again does not make them common.
        let same: Vec<Bag> =
            (0..100).map(|i| if i < 90 { vec![(0, 1)] } else { vec![(i, 1), (i % 2 + 1, 1)] }).collect();
        assert!(Weights::fit(&same).row(&vec![(0, 1)]).is_some());
    }

    #[test]
    fn a_transposed_matrix_is_the_same_matrix() {
        let m = Rows {
            offsets: vec![0, 2, 2, 3],
            columns: vec![0, 2, 2],
            values: vec![1.0, 2.0, 3.0],
            n_columns: 3,
        };
        let t = m.transposed();
        assert_eq!(t.row(2).collect::<Vec<_>>(), [(0, 2.0), (2, 3.0)]);
        let back = t.transposed();
        assert_eq!((back.offsets, back.columns, back.values), (m.offsets, m.columns, m.values));
    }
}
