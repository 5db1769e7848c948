//! What the periods of a panel of counts are like: their place in the season, how much of a period they are, whether work
//! rests, whether anything was recorded. It does not know dates: the caller turns them into places.

use crate::error::{ModelError, all_finite, in_range, same_length};
use crate::rank::median;

/// A busy place of the season rests where it shows less than this share of its usual total.
const REST_BELOW: f64 = 0.2;
/// A rest can be told only where so many tickets are usual.
const REST_NEEDS: f64 = 12.0;
/// A place of the season is busy above this share of an average one.
const BUSY_ABOVE: f64 = 0.5;
/// So many tickets must be missing before it is the records that are missing: some quiet periods of a small desk are none.
const GAP_TICKETS: f64 = 25.0;

/// The known periods, oldest first, and after them those to forecast.
#[derive(Debug, Clone, PartialEq)]
pub struct CountCalendar {
    pub(crate) slots: Vec<usize>,
    pub(crate) n_slots: usize,
    pub(crate) size: Vec<f64>,
    pub(crate) rest: Vec<f64>,
    pub(crate) recorded: Vec<bool>,
    pub(crate) n_known: usize,
}

impl CountCalendar {
    /// A calendar of `n_known` known periods and the horizon after them; each input has one value for every period.
    ///
    /// `slots` are places in a season of `n_slots` (weekday of 7, month of 12; 1 where there is no season); `size` says
    /// how much of an average period each is (28 days of 30.4 are 0.92); `rest` is the probability, 0 to 1, that
    /// work rests in it as it does in the quietest place of the season; `recorded` is false where nothing was written
    /// down, so that a zero says nothing.
    ///
    /// # Errors
    ///
    /// No season, lengths that differ, a place outside the season, a size that is not above 0, a probability outside 0
    /// to 1, or nothing to forecast.
    ///
    /// # Example
    ///
    /// ```
    /// use forewarn_models::CountCalendar;
    /// let days: Vec<usize> = (0..28).map(|d| d % 7).collect();
    /// let calendar = CountCalendar::new(days.clone(), 7, vec![1.0; 28], vec![0.0; 28], vec![true; 28], 21)?;
    /// assert_eq!(calendar.horizon(), 7);
    /// assert!(CountCalendar::new(days, 5, vec![1.0; 28], vec![0.0; 28], vec![true; 28], 21).is_err(), "place 6 of 5");
    /// # Ok::<(), forewarn_models::ModelError>(())
    /// ```
    pub fn new(
        slots: Vec<usize>,
        n_slots: usize,
        size: Vec<f64>,
        rest: Vec<f64>,
        recorded: Vec<bool>,
        n_known: usize,
    ) -> Result<Self, ModelError> {
        in_range(n_slots >= 1, "places of a season", n_slots as f64, "at least 1")?;
        same_length("sizes of periods", size.len(), slots.len())?;
        same_length("chances of rest", rest.len(), slots.len())?;
        same_length("marks of records", recorded.len(), slots.len())?;
        all_finite("size of a period", &size)?;
        if let Some(bad) = slots.iter().find(|s| **s >= n_slots) {
            return Err(ModelError::OutOfRange {
                name: "place in the season",
                found: *bad as f64,
                allowed: "below the number of places",
            });
        }
        if let Some(bad) = size.iter().find(|s| **s <= 0.0) {
            return Err(ModelError::OutOfRange { name: "size of a period", found: *bad, allowed: "above 0" });
        }
        if let Some(bad) = rest.iter().find(|r| !(0.0..=1.0).contains(*r)) {
            return Err(ModelError::OutOfRange { name: "chance of rest", found: *bad, allowed: "0 to 1" });
        }
        in_range(n_known < slots.len(), "known periods", n_known as f64, "fewer than all periods")?;
        Ok(Self { slots, n_slots, size, rest, recorded, n_known })
    }

    /// How many periods are forecast.
    pub fn horizon(&self) -> usize {
        self.slots.len() - self.n_known
    }

    /// Whether a known period says how good a forecast was. A rest does not: only afterwards was it known for one.
    pub(crate) fn judges(&self, t: usize) -> bool {
        self.recorded[t] && !self.rests(t)
    }

    /// Whether a known period counts as a rest.
    pub(crate) fn rests(&self, t: usize) -> bool {
        self.rest[t] > 0.5
    }
}

/// Which periods of a total show a rest (a public holiday): in a busy place of the season, with less than a fifth of the
/// median of the three like places before and after. All false where there is no season or too little is usual.
///
/// # Example
///
/// ```
/// use forewarn_models::rest_periods;
/// let slots: Vec<usize> = (0..42).map(|d| d % 7).collect();
/// let mut total: Vec<f64> = slots.iter().map(|s| if *s < 5 { 100.0 } else { 4.0 }).collect();
/// total[16] = 3.0;
/// let rest = rest_periods(&total, &slots, 7);
/// assert_eq!(rest.iter().position(|r| *r), Some(16));
/// assert_eq!(rest.iter().filter(|r| **r).count(), 1, "a quiet weekend is no holiday");
/// ```
pub fn rest_periods(total: &[f64], slots: &[usize], n_slots: usize) -> Vec<bool> {
    let n = total.len().min(slots.len());
    let mut rest = vec![false; n];
    if n_slots < 2 {
        return rest;
    }
    let usual: Vec<f64> = (0..n)
        .map(|t| {
            let near = (-3_i64..=3).filter(|k| *k != 0).filter_map(|k| {
                let u = usize::try_from(t as i64 + k * n_slots as i64).ok()?;
                (u < n).then(|| total[u])
            });
            let mut near: Vec<f64> = near.collect();
            if near.is_empty() { 0.0 } else { median(&mut near) }
        })
        .collect();
    for t in 0..n {
        let from = t.saturating_sub(n_slots - 1);
        let around = &usual[from..(from + n_slots).min(n)];
        let average = around.iter().sum::<f64>() / around.len() as f64;
        rest[t] =
            usual[t] >= REST_NEEDS && usual[t] > BUSY_ABOVE * average && total[t] < REST_BELOW * usual[t];
    }
    rest
}

/// Which periods lie in no gap: false where a run of zeros of the total, with tickets before and after, is far longer
/// than any quiet time could be (a month of an export is missing, say). A gap has at least `least` periods.
///
/// # Example
///
/// ```
/// use forewarn_models::recorded_periods;
/// let mut total = vec![30.0; 40];
/// total[10..20].fill(0.0);
/// assert_eq!(recorded_periods(&total, 7).iter().filter(|r| !**r).count(), 10);
/// assert!(recorded_periods(&[0.0, 1.0, 0.0, 0.0, 0.0, 0.0, 0.0, 1.0], 4).iter().all(|r| *r), "a quiet desk");
/// ```
pub fn recorded_periods(total: &[f64], least: usize) -> Vec<bool> {
    let mut recorded = vec![true; total.len()];
    let (mut t, mut seen) = (0, 0.0);
    while t < total.len() {
        if total[t] > 0.0 {
            seen += total[t];
            t += 1;
            continue;
        }
        let end = (t..total.len()).find(|u| total[*u] > 0.0).unwrap_or(total.len());
        // The level on both sides, over as long a time as is missing, at least a while.
        let reach = (end - t).max(8);
        let side = |from: usize, to: usize| total[from..to].iter().sum::<f64>() / (to - from).max(1) as f64;
        if seen > 0.0 && end < total.len() {
            let usual = side(t.saturating_sub(reach), t).min(side(end, (end + reach).min(total.len())));
            let missing = usual * (end - t) as f64;
            if end - t >= least && missing >= GAP_TICKETS {
                recorded[t..end].fill(false);
            }
        }
        t = end;
    }
    recorded
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stop_at_the_end_is_no_gap() {
        let mut total = vec![30.0; 40];
        total[25..].fill(0.0);
        assert!(recorded_periods(&total, 7).iter().all(|r| *r), "who knows whether tickets come again");
        assert!(recorded_periods(&[], 7).is_empty());
        assert!(recorded_periods(&[0.0; 9], 7).iter().all(|r| *r));
    }

    #[test]
    fn small_desks_have_no_rests() {
        let slots: Vec<usize> = (0..42).map(|d| d % 7).collect();
        let total: Vec<f64> = slots.iter().map(|s| if *s < 5 { 2.0 } else { 0.0 }).collect();
        assert!(rest_periods(&total, &slots, 7).iter().all(|r| !r));
        assert!(rest_periods(&total, &slots, 1).iter().all(|r| !r));
        assert!(rest_periods(&[], &[], 7).is_empty());
    }
}
