//! Lines and means of any stretch of a series, in constant time from running sums. It does not know why they are asked.

/// Running sums of a series scaled to at most 1 about its middle.
#[derive(Debug)]
pub(super) struct Sums {
    pub(super) t: Vec<f64>,
    /// Scaled values.
    pub(super) y: Vec<f64>,
    /// Units of one scaled unit.
    pub(super) scale: f64,
    /// Sums of t, tt, y, ty, yy before each position.
    before: Vec<[f64; 5]>,
}

/// A line through scaled values.
#[derive(Debug, Clone, Copy)]
pub(super) struct Line {
    at_zero: f64,
    pub(super) slope: f64,
}

impl Line {
    pub(super) fn at(&self, t: f64) -> f64 {
        self.at_zero + self.slope * t
    }
}

impl Sums {
    /// `t` and `x` of equal length, at least one.
    pub(super) fn new(t: &[f64], x: &[f64]) -> Self {
        let low = x.iter().copied().fold(f64::INFINITY, f64::min);
        let high = x.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        let (middle, scale) = (f64::midpoint(low, high), 0.5 * (high - low));
        // Constant values have no scale; what rounding leaves of them is nothing.
        let scale = if scale > 1e-12 * low.abs().max(high.abs()) { scale } else { 0.0 };
        let y: Vec<f64> = x.iter().map(|x| if scale > 0.0 { (x - middle) / scale } else { 0.0 }).collect();
        let center = 0.5 * t[t.len() - 1];
        let mut sums = Vec::with_capacity(t.len() + 1);
        let mut s = [0.0; 5];
        sums.push(s);
        for (t, y) in t.iter().zip(&y) {
            let t = t - center;
            for (s, v) in s.iter_mut().zip([t, t * t, *y, t * y, y * y]) {
                *s += v;
            }
            sums.push(s);
        }
        Self { t: t.to_vec(), y, scale, before: sums }
    }

    fn over(&self, a: usize, b: usize) -> (f64, [f64; 5]) {
        let (low, high) = (&self.before[a], &self.before[b]);
        ((b - a) as f64, std::array::from_fn(|i| high[i] - low[i]))
    }

    /// The sum of squares that a line leaves.
    pub(super) fn line_rest(&self, a: usize, b: usize) -> f64 {
        let (n, [t, tt, y, ty, yy]) = self.over(a, b);
        let inverse = 1.0 / n;
        let (tt, ty, yy) = (tt - t * t * inverse, ty - t * y * inverse, yy - y * y * inverse);
        (yy - if tt > 0.0 { ty * ty / tt } else { 0.0 }).max(0.0)
    }

    /// The sum of squares that a mean leaves.
    pub(super) fn mean_rest(&self, a: usize, b: usize) -> f64 {
        let (n, [_, _, y, _, yy]) = self.over(a, b);
        (yy - y * y / n).max(0.0)
    }

    pub(super) fn two_lines(&self, a: usize, b: usize, c: usize) -> f64 {
        self.line_rest(a, b) + self.line_rest(b, c)
    }

    pub(super) fn two_means(&self, a: usize, b: usize, c: usize) -> f64 {
        self.mean_rest(a, b) + self.mean_rest(b, c)
    }

    pub(super) fn line(&self, a: usize, b: usize) -> Line {
        let (n, [t, tt, y, ty, _]) = self.over(a, b);
        let (tt, ty) = (tt - t * t / n, ty - t * y / n);
        let slope = if tt > 0.0 { ty / tt } else { 0.0 };
        let center = 0.5 * self.t[self.t.len() - 1];
        Line { at_zero: (y - slope * t) / n - slope * center, slope }
    }

    pub(super) fn mean(&self, a: usize, b: usize) -> Line {
        let (n, [_, _, y, _, _]) = self.over(a, b);
        Line { at_zero: y / n, slope: 0.0 }
    }
}

/// Where two lines (or means) leave least, each of at least `least` days, and how much less than one.
pub(super) fn two_parts(sums: &Sums, a: usize, c: usize, least: usize, lines: bool) -> (usize, f64) {
    let one = if lines { sums.line_rest(a, c) } else { sums.mean_rest(a, c) };
    let (mut at, mut rest) = (a + least, f64::INFINITY);
    for b in a + least..=c - least {
        let two = if lines { sums.two_lines(a, b, c) } else { sums.two_means(a, b, c) };
        if two < rest {
            (at, rest) = (b, two);
        }
    }
    (at, one - rest)
}

/// Whether two lines (or means), each of at least `least` days, may leave less than `limit`: `false` only where none do. What is
/// left of a part grows with it, so that two that end and begin some days apart leave less than any pair between.
pub(super) fn may_leave_less(sums: &Sums, a: usize, c: usize, least: usize, lines: bool, limit: f64) -> bool {
    /// Days that are tried one by one.
    const FEW: usize = 3;
    let rest =
        |from: usize, to: usize| if lines { sums.line_rest(from, to) } else { sums.mean_rest(from, to) };
    // Each with what is left before its first day and from its last one on.
    let (first, last) = (a + least, c - least);
    let mut between = vec![(first, last, rest(a, first), rest(last, c))];
    while let Some((from, to, before, after)) = between.pop() {
        if before + after >= limit {
            continue;
        }
        if to - from <= FEW {
            return true;
        }
        let middle = usize::midpoint(from, to);
        let (until, since) = (rest(a, middle), rest(middle, c));
        if until + since < limit {
            return true;
        }
        between.push((from, middle, before, since));
        between.push((middle, to, until, after));
    }
    false
}

/// Where a line that turns without a jump leaves least between `a` and `c`, and what it leaves.
pub(super) fn turn(sums: &Sums, a: usize, c: usize, least: usize) -> (usize, f64) {
    let center = 0.5 * sums.t[sums.t.len() - 1];
    let (n, [t, tt, y, ty, _]) = sums.over(a, c);
    let (tt, ty) = (tt - t * t / n, ty - t * y / n);
    let (mut at, mut gained) = (a + least, 0.0);
    for b in a + least..=c - least {
        let from = sums.t[b] - center;
        let (m, [t2, tt2, y2, ty2, _]) = sums.over(b, c);
        // The part of the line after the turn, made orthogonal to a constant and a line.
        let bend = t2 - m * from;
        let with_t = tt2 - from * t2 - bend * t / n;
        let with_y = ty2 - from * y2 - bend * y / n - with_t * ty / tt;
        let own = tt2 - 2.0 * from * t2 + m * from * from - bend * bend / n - with_t * with_t / tt;
        let gain = if own > 0.0 { with_y * with_y / own } else { 0.0 };
        if gain > gained {
            (at, gained) = (b, gain);
        }
    }
    (at, (sums.line_rest(a, c) - gained).max(0.0))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        /// Two parts that leave less than the limit are never overlooked.
        #[test]
        fn what_may_leave_less_holds_all_that_does(
            x in prop::collection::vec(prop_oneof![-1.0_f64..1.0, Just(0.0)], 20..120),
            jump in (0_usize..120, -4.0_f64..4.0),
            share in 0.3_f64..1.1,
            lines: bool,
        ) {
            let x: Vec<f64> = x.iter().enumerate().map(|(i, v)| if i < jump.0 { *v } else { v + jump.1 }).collect();
            let t: Vec<f64> = (0..x.len() as u32).map(f64::from).collect();
            let sums = Sums::new(&t, &x);
            let one = if lines { sums.line_rest(0, x.len()) } else { sums.mean_rest(0, x.len()) };
            let (_, gained) = two_parts(&sums, 0, x.len(), 7, lines);
            let may = may_leave_less(&sums, 0, x.len(), 7, lines, share * one);
            prop_assert!(may || one - gained >= share * one - 1e-9);
        }
    }
}
