//! The incidents known at a cutoff, by day and by the columns they are counted by. It does not know periods or forecasts.

use std::collections::BTreeMap;

use forewarn_frames::time::day_number;
use forewarn_frames::{Code, History, TicketView};

use crate::incidents::incidents_among;

/// A ticket column to count by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum CountBy {
    /// `category`
    Category,
    /// `service`
    Service,
    /// `group`
    Group,
    /// `site`
    Site,
    /// `subcategory`
    Subcategory,
    /// `type`
    Type,
    /// `priority`
    Priority,
    /// `resolution_code`
    ResolutionCode,
}

impl CountBy {
    /// The columns that are counted by where nobody says.
    pub const USUAL: [Self; 4] = [Self::Category, Self::Service, Self::Group, Self::Site];
    /// All of them.
    pub const ALL: [Self; 8] = [
        Self::Category,
        Self::Service,
        Self::Group,
        Self::Site,
        Self::Subcategory,
        Self::Type,
        Self::Priority,
        Self::ResolutionCode,
    ];

    /// The canonical name of the column.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Category => "category",
            Self::Service => "service",
            Self::Group => "group",
            Self::Site => "site",
            Self::Subcategory => "subcategory",
            Self::Type => "type",
            Self::Priority => "priority",
            Self::ResolutionCode => "resolution_code",
        }
    }

    /// Reads the name back; `None` for any other text.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|c| c.name() == text)
    }

    /// The value of a ticket, as it looked at the cutoff.
    fn value(self, history: &History<'_>, ticket: &TicketView<'_>) -> Option<String> {
        let word = |code: Option<Code>| code.map(|c| history.word(c).to_owned());
        match self {
            Self::Category => word(ticket.category()),
            Self::Service => word(ticket.service()),
            Self::Group => word(ticket.group()),
            Self::Site => word(ticket.site()),
            Self::Subcategory => word(ticket.subcategory()),
            Self::Type => word(ticket.kind()),
            Self::Priority => Some(ticket.priority()).filter(|p| p.is_finite()).map(|p| format!("{p}")),
            Self::ResolutionCode => word(ticket.resolution_code()),
        }
        .filter(|v| !v.trim().is_empty())
    }
}

/// Incidents by day, in total and by value of each column asked for.
#[derive(Debug, Clone)]
pub(super) struct Tally {
    /// Incidents by day.
    pub(super) total: BTreeMap<i32, f64>,
    /// By column: value (`None` without one) to incidents by day.
    pub(super) by: Vec<BTreeMap<Option<String>, BTreeMap<i32, f64>>>,
}

impl Tally {
    /// Counts the incidents known in the history.
    pub(super) fn of(history: &History<'_>, columns: &[CountBy]) -> Self {
        let is_incident = incidents_among(history);
        let mut tally = Self { total: BTreeMap::new(), by: vec![BTreeMap::new(); columns.len()] };
        for ticket in history.every_ticket().filter(is_incident) {
            let day = day_number(ticket.opened_at());
            *tally.total.entry(day).or_insert(0.0) += 1.0;
            for (by, column) in tally.by.iter_mut().zip(columns) {
                *by.entry(column.value(history, &ticket)).or_default().entry(day).or_insert(0.0) += 1.0;
            }
        }
        tally
    }

    /// The day of the first incident.
    pub(super) fn first_day(&self) -> Option<i32> {
        self.total.keys().next().copied()
    }
}

/// The sum of counts by day into `n` periods from `first`, by the number that `index` gives a day.
pub(super) fn summed(
    days: &BTreeMap<i32, f64>,
    first: i32,
    n: usize,
    index: impl Fn(i32) -> i32,
) -> Vec<f64> {
    let mut out = vec![0.0; n];
    for (day, count) in days {
        if let Some(to) = usize::try_from(index(*day) - first).ok().and_then(|i| out.get_mut(i)) {
            *to += count;
        }
    }
    out
}
