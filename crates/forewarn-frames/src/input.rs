//! The canonical input frames: their columns, their types, and when a cell may be used. It does not know files.
//!
//! A frame is a newtype over a private `DataFrame`. `try_new` takes what a source mapped and either holds a valid table or
//! lists every fault at once. Rows come out in canonical order (sorted by all columns), one row a ticket or reading, so
//! nothing later depends on the order of files or rows.

use polars::prelude::*;

use crate::finding::{Fault, FrameError};

/// When a cell may be used by a feature.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KnownAt {
    /// It never changes.
    Static,
    /// Strictly after the row's own time.
    Row,
    /// After the ticket was resolved.
    Resolved,
    /// It shows today's value: for the report, never learned from.
    Today,
}

/// What a column holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// UTF-8 text.
    Text,
    /// UTC microseconds (`Datetime("us")`, no time zone in the type).
    Time,
    /// `Float64`; NaN and infinities are missing.
    Number,
}

impl Kind {
    /// The Polars type of a column of this kind.
    #[must_use]
    pub fn dtype(self) -> DataType {
        match self {
            Self::Text => DataType::String,
            Self::Time => DataType::Datetime(TimeUnit::Microseconds, None),
            Self::Number => DataType::Float64,
        }
    }
}

/// One column of an input frame.
#[derive(Debug, Clone, Copy)]
pub struct ColumnSpec {
    /// The canonical name.
    pub name: &'static str,
    /// What it holds.
    pub kind: Kind,
    /// Whether a row without it is no row.
    pub required: bool,
    /// When a cell may be used.
    pub known: KnownAt,
    /// What it means, for documents and messages.
    pub doc: &'static str,
}

/// One input frame: its name and its columns in canonical order.
#[derive(Debug, Clone, Copy)]
pub struct TableSpec {
    /// The table's name, e.g. `tickets`.
    pub name: &'static str,
    /// Its columns; required ones first.
    pub columns: &'static [ColumnSpec],
    /// The columns that name a row: of several rows with the same key one stays.
    pub key: &'static [&'static str],
    /// Whether other columns are metrics (telemetry) and kept as numbers.
    pub metrics: bool,
}

impl TableSpec {
    /// The column of that name.
    #[must_use]
    pub fn column(&self, name: &str) -> Option<&'static ColumnSpec> {
        self.columns.iter().find(|c| c.name == name)
    }
}

const fn col(name: &'static str, kind: Kind, known: KnownAt, doc: &'static str) -> ColumnSpec {
    ColumnSpec { name, kind, required: false, known, doc }
}

const fn req(name: &'static str, kind: Kind, known: KnownAt, doc: &'static str) -> ColumnSpec {
    ColumnSpec { name, kind, required: true, known, doc }
}

use Kind::{Number, Text, Time};
use KnownAt::{Resolved, Row, Static, Today};

/// The inventory.
pub const ASSETS: TableSpec = TableSpec {
    name: "assets",
    key: &["asset_id"],
    metrics: false,
    columns: &[
        req("asset_id", Text, Static, "the name by which tickets and telemetry mean this asset"),
        col("kind", Text, Static, "laptop, server, disk, switch, printer, …"),
        col("model", Text, Static, "the maker's model"),
        col("vendor", Text, Static, "the maker"),
        col("capacity", Number, Static, "size in the kind's own unit"),
        col("in_service_at", Time, Row, "since when it runs; null: since before the first record"),
        col("retired_at", Time, Row, "since when it no longer runs, failed or not; null: it still does"),
        col("site", Text, Today, "where it stands"),
        col("owner", Text, Today, "who answers for it"),
        col("service", Text, Today, "the business service it carries"),
        col("criticality", Number, Today, "1 (highest) to 5"),
        col("warranty_ends_at", Time, Today, "end of the warranty"),
        col("os", Text, Today, "operating system"),
        col("os_version", Text, Today, "its version"),
        col("firmware", Text, Today, "firmware version"),
    ],
};

/// Dated attributes of assets.
pub const ASSET_HISTORY: TableSpec = TableSpec {
    name: "asset_history",
    key: &["asset_id", "attribute", "valid_from"],
    metrics: false,
    columns: &[
        req("asset_id", Text, Static, "the asset"),
        req("attribute", Text, Row, "which attribute, e.g. firmware"),
        req("value", Text, Row, "its value from then on"),
        req("valid_from", Time, Row, "since when"),
    ],
};

/// Tickets of the service desk.
pub const TICKETS: TableSpec = TableSpec {
    name: "tickets",
    key: &["ticket_id"],
    metrics: false,
    columns: &[
        req("ticket_id", Text, Row, "the ticket's number"),
        req("opened_at", Time, Row, "when it was opened"),
        col("asset_id", Text, Row, "the configuration item"),
        col("updated_at", Time, Resolved, "when the row was last changed"),
        col("resolved_at", Time, Resolved, "when service was restored"),
        col("type", Text, Row, "incident, request, problem or change"),
        col("category", Text, Row, "category"),
        col("subcategory", Text, Resolved, "subcategory"),
        col("priority", Number, Resolved, "1 (highest) to 5"),
        col("status", Text, Resolved, "state"),
        col("title", Text, Row, "short description; hostile text stays text"),
        col("text", Text, Row, "description; hostile text stays text"),
        col("group", Text, Row, "assignment group"),
        col("service", Text, Row, "business service"),
        col("site", Text, Row, "location"),
        col("resolution_code", Text, Resolved, "close code"),
        col("reassignment_count", Number, Resolved, "how often it changed hands"),
        col("reopen_count", Number, Resolved, "how often it was reopened"),
        col("downtime_minutes", Number, Resolved, "minutes of downtime"),
        col("csat", Number, Resolved, "satisfaction, 1 to 5"),
        col("made_sla", Number, Resolved, "1 or true: resolved within the agreed time; 0 or false: not"),
        col("caller", Text, Row, "who called; a pseudonym outside this frame"),
    ],
};

/// Readings of metrics, one column each.
pub const TELEMETRY: TableSpec = TableSpec {
    name: "telemetry",
    key: &["asset_id", "ts"],
    metrics: true,
    columns: &[
        req("asset_id", Text, Static, "the asset"),
        req("ts", Time, Row, "when it was read"),
        col("received_at", Time, Row, "when it arrived; known from then on"),
    ],
};

/// Dated events: changes, patches, visits, replacements, errors, alerts.
pub const EVENTS: TableSpec = TableSpec {
    name: "events",
    key: &["asset_id", "ts", "kind", "code", "component"],
    metrics: false,
    columns: &[
        req("asset_id", Text, Static, "the asset"),
        req("ts", Time, Row, "when it happened"),
        req("kind", Text, Row, "change, patch, visit, replacement, error, alert, …"),
        col("code", Text, Row, "which one"),
        col("component", Text, Row, "of what"),
        col("text", Text, Row, "in words; hostile text stays text"),
    ],
};

/// What counts as a failure.
pub const FAILURES: TableSpec = TableSpec {
    name: "failures",
    key: &["asset_id", "failed_at", "ticket_id"],
    metrics: false,
    columns: &[
        req("asset_id", Text, Static, "the asset"),
        req("failed_at", Time, Row, "when it failed"),
        col("known_at", Time, Row, "when it could be known that this was a failure; null: at `failed_at`"),
        col("mode", Text, Resolved, "how it failed"),
        col("mode_known_at", Time, Row, "when the mode could be known; null: when the failure was"),
        col("downtime_minutes", Number, Resolved, "minutes of downtime"),
        col("ticket_id", Text, Row, "the ticket that says so, where there is one"),
    ],
};

/// What readers of the list report as done.
pub const ACTIONS: TableSpec = TableSpec {
    name: "actions",
    key: &["asset_id", "at", "what"],
    metrics: false,
    columns: &[
        req("asset_id", Text, Static, "the asset"),
        req("at", Time, Row, "when it was done; a date alone means that day"),
        req("what", Text, Row, "visited, replaced, dismissed or snoozed"),
        col("until", Time, Row, "snoozed: until when"),
        col("ticket_id", Text, Row, "the ticket under which it was done"),
        col("note", Text, Row, "in words; hostile text stays text"),
    ],
};

/// Every input frame.
pub const TABLES: [&TableSpec; 7] =
    [&ASSETS, &ASSET_HISTORY, &TICKETS, &TELEMETRY, &EVENTS, &FAILURES, &ACTIONS];

/// How many rows were left out because another row of the same key stands for them.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Repeats {
    /// Rows that are alike in every column.
    pub identical: u64,
    /// Rows that differ from the one that stayed.
    pub differing: u64,
}

fn checked(spec: &TableSpec, df: &DataFrame) -> Result<DataFrame, FrameError> {
    let mut faults = Vec::new();
    let mut columns: Vec<Column> = Vec::new();
    for c in spec.columns {
        let fault = |n_rows: u64, message: String, hint: &str| Fault {
            table: spec.name,
            column: c.name.to_owned(),
            n_rows,
            message,
            hint: hint.to_owned(),
        };
        match df.column(c.name) {
            Err(_) if c.required => {
                let found: Vec<&str> = df.get_column_names().iter().map(|s| s.as_str()).collect();
                faults.push(fault(
                    0,
                    format!("missing; it is required ({}); found columns {}", c.doc, found.join(", ")),
                    &format!("map a source column to it: `columns = {{ {} = \"…\" }}`", c.name),
                ));
            }
            Err(_) => columns.push(Column::full_null(c.name.into(), df.height(), &c.kind.dtype())),
            Ok(found) => {
                let dtype = found.dtype().clone();
                let fits = match c.kind {
                    Kind::Text => matches!(
                        dtype,
                        DataType::String | DataType::Null | DataType::Categorical(..) | DataType::Enum(..)
                    ),
                    Kind::Time => matches!(dtype, DataType::Datetime(_, None) | DataType::Null),
                    Kind::Number => dtype.is_primitive_numeric() || dtype == DataType::Null,
                };
                if !fits {
                    faults.push(fault(
                        0,
                        format!("holds {dtype}, expected {}", c.kind.dtype()),
                        "map it through an expression: `{ sql = \"CAST(… AS …)\" }`",
                    ));
                    continue;
                }
                match found.cast(&c.kind.dtype()) {
                    Ok(cast) => {
                        if c.required && cast.null_count() > 0 {
                            faults.push(fault(
                                cast.null_count() as u64,
                                "is empty in rows where it is required".into(),
                                "set such rows aside before the frame is made",
                            ));
                        }
                        columns.push(cast);
                    }
                    Err(e) => faults.push(fault(0, format!("cannot be read as {}: {e}", c.kind.dtype()), "")),
                }
            }
        }
    }
    if spec.metrics {
        for m in df.columns().iter().filter(|m| spec.column(m.name()).is_none()) {
            let dtype = m.dtype();
            match m.cast(&DataType::Float64) {
                Ok(cast)
                    if dtype.is_primitive_numeric()
                        || matches!(dtype, DataType::Boolean | DataType::Null) =>
                {
                    columns.push(cast);
                }
                _ => faults.push(Fault {
                    table: spec.name,
                    column: m.name().to_string(),
                    n_rows: 0,
                    message: format!("a metric holds numbers; found {dtype}"),
                    hint: "leave the column out of the map, or cast it there".into(),
                }),
            }
        }
    }
    if faults.is_empty() {
        DataFrame::new(df.height(), columns).map_err(|e| internal(spec, &e))
    } else {
        Err(FrameError { faults })
    }
}

fn internal(spec: &TableSpec, e: &PolarsError) -> FrameError {
    FrameError {
        faults: vec![Fault {
            table: spec.name,
            column: "*".into(),
            n_rows: 0,
            message: e.to_string(),
            hint: String::new(),
        }],
    }
}

/// Sorts by key; where a key repeats, sorts by what decides and then by every other column, and keeps the last row.
fn one_row_a_key(spec: &TableSpec, df: &DataFrame, decides: &[&str]) -> PolarsResult<(DataFrame, Repeats)> {
    let order = SortMultipleOptions::default().with_nulls_last(false);
    let mut by: Vec<PlSmallStr> = spec.key.iter().map(|s| PlSmallStr::from(*s)).collect();
    let sorted = df.sort(by.clone(), order.clone())?;
    if sorted.height() < 2 || same_as_next(&sorted, spec.key)?.sum().unwrap_or(0) == 0 {
        return Ok((sorted, Repeats::default()));
    }
    by.extend(decides.iter().map(|s| PlSmallStr::from(*s)));
    // Metrics come in whatever order a file has; the canonical order of a row is by name.
    let mut rest: Vec<PlSmallStr> =
        df.get_column_names().into_iter().filter(|n| !by.contains(n)).cloned().collect();
    rest.sort();
    by.extend(rest.iter().cloned());
    let sorted = df.sort(by.clone(), order)?;
    let same_key = same_as_next(&sorted, spec.key)?;
    let all: Vec<&str> = by.iter().map(PlSmallStr::as_str).collect();
    let identical = u64::from(same_as_next(&sorted, &all)?.sum().unwrap_or(0));
    let mut keep: Vec<bool> = same_key.iter().map(|b| b != Some(true)).collect();
    keep.push(true);
    let kept = sorted.filter(&BooleanChunked::from_slice("".into(), &keep))?;
    let repeats = (df.height() - kept.height()) as u64;
    Ok((kept, Repeats { identical, differing: repeats - identical }))
}

/// Whether each row but the last equals the next one in these columns; a null equals a null.
fn same_as_next(df: &DataFrame, columns: &[&str]) -> PolarsResult<BooleanChunked> {
    let n = df.height() - 1;
    let mut same = BooleanChunked::full("".into(), true, n);
    for name in columns {
        let s = df.column(name)?.as_materialized_series().rechunk();
        same = &same & &s.slice(0, n).equal_missing(&s.slice(1, n))?;
    }
    Ok(same)
}

macro_rules! frame {
    ($(#[$doc:meta])* $name:ident, $spec:ident, $decides:expr) => {
        $(#[$doc])*
        #[derive(Debug, Clone)]
        pub struct $name {
            df: DataFrame,
            repeats: Repeats,
        }

        impl $name {
            /// Holds `df` as this frame, in canonical order, one row a key.
            ///
            /// # Errors
            ///
            /// Every fault at once: a required column is missing or has empty rows, or a column holds another type.
            pub fn try_new(df: &DataFrame) -> Result<Self, FrameError> {
                let df = checked(&$spec, df)?;
                let (df, repeats) = one_row_a_key(&$spec, &df, $decides).map_err(|e| internal(&$spec, &e))?;
                Ok(Self { df, repeats })
            }

            /// The table, every canonical column present (all null where the source has none).
            #[must_use]
            pub fn df(&self) -> &DataFrame {
                &self.df
            }

            /// How many rows another row of the same key stands for.
            #[must_use]
            pub fn repeats(&self) -> Repeats {
                self.repeats
            }
        }
    };
}

frame!(
    /// The inventory, one row an asset. See [`ASSETS`].
    Assets, ASSETS, &[]
);
frame!(
    /// Dated attributes of assets. See [`ASSET_HISTORY`].
    AssetHistory, ASSET_HISTORY, &[]
);
frame!(
    /// Tickets, one row a ticket: the latest `updated_at` wins, then the latest `resolved_at`, then the greatest row.
    /// See [`TICKETS`].
    ///
    /// # Example
    ///
    /// ```
    /// use forewarn_frames::input::Tickets;
    /// use polars::prelude::*;
    /// let opened = Column::new("opened_at".into(), [0i64, 0]).cast(&DataType::Datetime(TimeUnit::Microseconds, None)).unwrap();
    /// let ok = DataFrame::new(2, vec![Column::new("ticket_id".into(), ["INC1", "INC1"]), opened.clone()]).unwrap();
    /// let tickets = Tickets::try_new(&ok).unwrap();
    /// assert_eq!((tickets.df().height(), tickets.repeats().identical), (1, 1));
    /// let bad = DataFrame::new(2, vec![opened]).unwrap();
    /// assert!(Tickets::try_new(&bad).unwrap_err().to_string().contains("`ticket_id`: missing"));
    /// ```
    Tickets, TICKETS, &["updated_at", "resolved_at"]
);
frame!(
    /// Readings, one row an asset and time: the last received wins, then the greatest row. See [`TELEMETRY`].
    Telemetry, TELEMETRY, &["received_at"]
);
frame!(
    /// Dated events. See [`EVENTS`].
    Events, EVENTS, &[]
);
frame!(
    /// Failures. See [`FAILURES`].
    Failures, FAILURES, &[]
);
frame!(
    /// What was done, as readers report it: of several rows about an asset, a time and a word the latest `until` wins. See
    /// [`ACTIONS`].
    Actions, ACTIONS, &["until"]
);

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use super::*;

    fn times(name: &str, at: &[Option<i64>]) -> Column {
        Column::new(name.into(), at).cast(&DataType::Datetime(TimeUnit::Microseconds, None)).unwrap()
    }

    #[test]
    fn the_latest_row_of_a_ticket_stays_in_any_order() {
        let check = |order: [usize; 3]| {
            let pick = |v: [i64; 3]| order.map(|i| Some(v[i]));
            let df = DataFrame::new(
                3,
                vec![
                    Column::new("ticket_id".into(), ["a", "a", "a"]),
                    times("opened_at", &pick([1, 1, 1])),
                    times("updated_at", &pick([5, 9, 7])),
                    Column::new("category".into(), order.map(|i| ["old", "new", "mid"][i])),
                ],
            )
            .unwrap();
            let t = Tickets::try_new(&df).unwrap();
            assert_eq!(t.df().height(), 1);
            assert_eq!(t.df().column("category").unwrap().str().unwrap().get(0), Some("new"));
            assert_eq!(t.repeats(), Repeats { identical: 0, differing: 2 });
        };
        for order in [[0, 1, 2], [2, 1, 0], [1, 0, 2]] {
            check(order);
        }
    }

    #[test]
    fn every_fault_is_listed_at_once() {
        let df = DataFrame::new(1, vec![Column::new("ts".into(), ["x"]), Column::new("cpu".into(), ["hot"])])
            .unwrap();
        let e = Telemetry::try_new(&df).unwrap_err();
        assert_eq!(e.faults.iter().map(|f| f.column.as_str()).collect::<Vec<_>>(), ["asset_id", "ts", "cpu"]);
    }
}
