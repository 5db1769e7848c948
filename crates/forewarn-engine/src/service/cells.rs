//! What is counted for one series in one month, and the incidents among it. It does not know what the counts mean.

use forewarn_frames::time::{HOUR, Micros};

use super::assets::Assets;
use super::months::Months;
use super::places::Places;
use super::work::{Ticket, What};

/// A part of a number.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(super) struct Share {
    pub(super) part: f64,
    pub(super) of: f64,
}

impl Share {
    fn add(&mut self, hit: bool) {
        self.part += f64::from(u8::from(hit));
        self.of += 1.0;
    }
}

/// One series in one month.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Cell {
    /// Incidents opened.
    pub(super) incidents: f64,
    /// Hours to the resolution of each, or to the end of observation, and whether it was resolved.
    pub(super) hours: Vec<f64>,
    pub(super) resolved: Vec<bool>,
    pub(super) reopened: Share,
    pub(super) breached: Share,
    /// Answers of those resolved.
    pub(super) csat: Vec<f64>,
    /// Days of assets in service.
    pub(super) asset_days: f64,
    pub(super) failures: f64,
    /// Hours of downtime, in so many outages; `None` where nobody says how long one is.
    pub(super) down: Option<(f64, f64)>,
    /// Work that was begun before a failure.
    pub(super) planned: f64,
}

/// See [`Cell`]; by series and month.
#[derive(Debug)]
pub(super) struct Cells<'a> {
    pub(super) by_series: Vec<Vec<Cell>>,
    pub(super) places: &'a Places<'a>,
    pub(super) months: &'a Months,
}

impl<'a> Cells<'a> {
    pub(super) fn new(places: &'a Places<'a>, months: &'a Months) -> Self {
        Self { by_series: vec![vec![Cell::default(); months.len()]; places.names.len()], places, months }
    }

    /// Changes the cell of every series that a service and site belong to, in the month of `at`.
    pub(super) fn at(
        &mut self,
        at: Micros,
        place: (Option<&str>, Option<&str>),
        mut change: impl FnMut(&mut Cell),
    ) {
        if let Some(month) = self.months.index(at) {
            for series in self.places.series(place) {
                change(&mut self.by_series[series][month]);
            }
        }
    }

    /// Whether anything at all was counted for a series.
    pub(super) fn used(&self, series: usize) -> bool {
        self.by_series[series].iter().any(|c| *c != Cell::default())
    }
}

/// Counts the incidents: by the month in which they were opened, and those resolved by the month of that. A resolution
/// before the opening is no time to restore; an answer outside of 1 to 5 and a negative count are none.
pub(super) fn incidents<'a>(cells: &mut Cells<'_>, tickets: &[Ticket<'a>], assets: &Assets<'a>, end: Micros) {
    for t in tickets.iter().filter(|t| t.what == What::Incident) {
        let place = assets.place(t);
        let until = t.resolved.unwrap_or(end);
        let hours = (until - t.opened) as f64 / HOUR as f64;
        cells.at(t.opened, place, |cell| {
            cell.incidents += 1.0;
            if until >= t.opened {
                cell.hours.push(hours);
                cell.resolved.push(t.resolved.is_some());
            }
        });
        let Some(resolved) = t.resolved.filter(|r| *r >= t.opened) else { continue };
        cells.at(resolved, place, |cell| {
            if t.reopen_count >= 0.0 {
                cell.reopened.add(t.reopen_count > 0.0);
            }
            if t.made_sla.is_finite() {
                cell.breached.add(t.made_sla == 0.0);
            }
            if (1.0..=5.0).contains(&t.csat) {
                cell.csat.push(t.csat);
            }
        });
    }
}
