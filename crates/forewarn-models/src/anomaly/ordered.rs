//! The last values of a stream, kept in order, for medians and quantiles. It does not know what the values are.

/// Room that a window begins with.
const ROOM: usize = 64;

/// A sliding window whose order statistics cost a search, not a sort.
#[derive(Debug, Clone)]
pub(super) struct Ordered {
    capacity: usize,
    /// A ring once it is full, with the place of the oldest.
    recent: Vec<f64>,
    oldest: usize,
    sorted: Vec<f64>,
}

impl Ordered {
    /// A window of the last `capacity` (>= 1) values.
    pub(super) fn new(capacity: usize) -> Self {
        let capacity = capacity.max(1);
        let room = capacity.min(ROOM);
        Self { capacity, recent: Vec::with_capacity(room), oldest: 0, sorted: Vec::with_capacity(room) }
    }

    /// A window of `capacity` (>= 1) that the values, at most as many, came to one by one.
    pub(super) fn of(capacity: usize, values: impl Iterator<Item = f64>) -> Self {
        let recent: Vec<f64> = values.collect();
        let mut sorted = recent.clone();
        sorted.sort_unstable_by(f64::total_cmp);
        Self { capacity, recent, oldest: 0, sorted }
    }

    /// Adds a finite value and lets the oldest go, which is returned, where the window is full.
    pub(super) fn push(&mut self, value: f64) -> Option<f64> {
        let below = self.n_below(value);
        self.push_at(value, below)
    }

    /// As [`Ordered::push`], where it is known how many values of the window are below the new one.
    pub(super) fn push_at(&mut self, value: f64, below: usize) -> Option<f64> {
        let at = below;
        if self.recent.len() < self.capacity {
            self.recent.push(value);
            self.sorted.insert(at, value);
            return None;
        }
        let oldest = std::mem::replace(&mut self.recent[self.oldest], value);
        self.oldest = if self.oldest + 1 == self.capacity { 0 } else { self.oldest + 1 };
        // One move of what lies between the two places, not one for each.
        let from = self.sorted.partition_point(|v| *v < oldest);
        if from < at {
            self.sorted.copy_within(from + 1..at, from);
            self.sorted[at - 1] = value;
        } else {
            self.sorted.copy_within(at..from, at + 1);
            self.sorted[at] = value;
        }
        Some(oldest)
    }

    pub(super) fn len(&self) -> usize {
        self.recent.len()
    }

    /// The values, the oldest first.
    pub(super) fn recent(&self) -> impl Iterator<Item = f64> + '_ {
        let (late, early) = self.recent.split_at(self.oldest);
        early.iter().chain(late).copied()
    }

    /// The value that a share `1 - upper` of the window lies at or below; `None` for an empty window.
    pub(super) fn upper_quantile(&self, upper: f64) -> Option<f64> {
        let n = self.sorted.len();
        let from_top = (upper * n as f64) as usize;
        self.sorted.get(n.checked_sub(1 + from_top.min(n.saturating_sub(1)))?).copied()
    }

    /// How many values of the window are `value` or larger.
    pub(super) fn n_at_least(&self, value: f64) -> usize {
        self.sorted.len() - self.sorted.partition_point(|v| *v < value)
    }

    /// The `k`-th largest value, 1 the largest; 0 where there are fewer.
    pub(super) fn largest(&self, k: usize) -> f64 {
        self.sorted.len().checked_sub(k).and_then(|i| self.sorted.get(i)).copied().unwrap_or(0.0)
    }

    /// The `n` largest values, the largest first; 0 where there are fewer.
    pub(super) fn top(&self, n: usize) -> impl Iterator<Item = f64> + '_ {
        self.sorted.iter().rev().copied().chain(std::iter::repeat(0.0)).take(n)
    }

    /// Whether at most all but `n` values of the window are below `value`: one look, where [`Ordered::n_below`] takes many.
    pub(super) fn is_among(&self, value: f64, n: usize) -> bool {
        self.sorted.len().checked_sub(n).and_then(|at| self.sorted.get(at)).is_some_and(|v| value <= *v)
    }

    /// How many values of the window are below `value`.
    pub(super) fn n_below(&self, value: f64) -> usize {
        self.sorted.partition_point(|v| *v < value)
    }

    /// The place of a value, with `below` values below it, in the window: -1 below all, 1 above all, 0 in the middle or in an
    /// empty window.
    pub(super) fn place(&self, value: f64, below: usize) -> f64 {
        if self.sorted.is_empty() {
            return 0.0;
        }
        let equal = if self.sorted.get(below).is_some_and(|v| *v <= value) {
            self.sorted[below..].partition_point(|v| *v <= value)
        } else {
            0
        };
        (2 * below + equal) as f64 / self.sorted.len() as f64 - 1.0
    }

    /// The lower median; `None` for an empty window.
    pub(super) fn median(&self) -> Option<f64> {
        self.sorted.get(self.sorted.len().checked_sub(1)? / 2).copied()
    }
}

/// Puts pairs of a few variables in order, one after another.
macro_rules! in_order {
    ($($x:ident $y:ident),*) => {
        $(($x, $y) = if $y < $x { ($y, $x) } else { ($x, $y) };)*
    };
}

/// The median of five values, by a sorting network: no branch that could be guessed wrongly.
pub(super) fn median_5(values: [f64; 5]) -> f64 {
    let [mut a, mut b, mut c, mut d, mut e] = values;
    in_order!(a d, b e, a c, b d, a b, c e, b c, d e, c d);
    let _ = (a, b, d, e);
    c
}

/// The median of seven values, by a sorting network.
pub(crate) fn median_7(values: [f64; 7]) -> f64 {
    let [mut a, mut b, mut c, mut d, mut e, mut f, mut g] = values;
    in_order!(a g, c d, e f, a c, b e, d g, a b, c f, d e, b c, e g, c d, e f, b c, d e, f g);
    let _ = (a, b, c, e, f, g);
    d
}

/// The median of a few values, which it puts in order; NaN for none.
pub(super) fn median_of(values: &mut [f64]) -> f64 {
    // An insertion sort: the slices have at most a dozen values, where it is the fastest.
    for i in 1..values.len() {
        let mut j = i;
        while j > 0 && values[j - 1] > values[j] {
            values.swap(j - 1, j);
            j -= 1;
        }
    }
    match values.len() {
        0 => f64::NAN,
        n if n % 2 == 1 => values[n / 2],
        n => 0.5 * values[n / 2 - 1] + 0.5 * values[n / 2],
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn a_window_is_its_last_values_sorted(values in prop::collection::vec(-5_i32..5, 1..60), capacity in 1_usize..12) {
            let mut window = Ordered::new(capacity);
            for (i, v) in values.iter().enumerate() {
                window.push(f64::from(*v));
                let mut last: Vec<f64> = values[(i + 1).saturating_sub(capacity)..=i].iter().map(|v| f64::from(*v)).collect();
                prop_assert_eq!(window.recent().collect::<Vec<_>>(), last.clone());
                last.sort_by(f64::total_cmp);
                prop_assert_eq!(window.median().unwrap(), last[(last.len() - 1) / 2]);
                prop_assert_eq!(window.upper_quantile(0.0).unwrap(), last[last.len() - 1]);
                prop_assert_eq!(window.len(), last.len());
            }
        }
    }

    /// A network that sorts all zeros and ones sorts everything (Knuth 1973).
    #[test]
    fn networks_sort() {
        for bits in 0_u32..128 {
            let of = |i: usize| f64::from(bits >> i & 1);
            assert_eq!(median_7(std::array::from_fn(of)), f64::from(u8::from(bits.count_ones() > 3)));
            let five = (bits & 31).count_ones();
            assert_eq!(median_5(std::array::from_fn(of)), f64::from(u8::from(five > 2)));
        }
    }

    #[test]
    fn few_values() {
        assert_eq!(median_of(&mut [3.0, 1.0, 2.0]), 2.0);
        assert_eq!(median_of(&mut [4.0, 1.0, 2.0, 3.0]), 2.5);
        assert!(median_of(&mut []).is_nan());
        assert_eq!(Ordered::new(3).median(), None);
        assert_eq!(Ordered::new(3).upper_quantile(0.5), None);
    }
}
