//! Tickets to be opened, as a file that ServiceNow's import sets read: the columns are fields of its table `incident`. It
//! does not know which actions deserve a ticket.

use forewarn_frames::output::{ORDERS, RunTables};
use polars::prelude::*;

use crate::error::{ReportError, table};
use crate::tables::write_csv;

/// The file's name in a run folder.
pub const TICKETS: &str = "tickets.csv";

/// The text of [`TICKETS`]: one row an order, safe in a spreadsheet. Coalesce on `correlation_id`, and a ticket is never
/// opened twice. `cmdb_ci` is the first asset of an order; the others stand in the description.
///
/// # Errors
///
/// The table of orders is not what its schema says.
///
/// # Example
///
/// ```
/// use forewarn_frames::output::{RISK, RunFacts, RunTables};
/// let mut tables = RunTables::empty(RunFacts::default());
/// let csv = forewarn_report::servicenow_tickets(&tables)?;
/// assert!(csv.starts_with("correlation_id,correlation_display,short_description,description,cmdb_ci,"));
/// tables.orders = RISK.empty();
/// assert!(forewarn_report::servicenow_tickets(&tables).is_err(), "that is another table");
/// # Ok::<(), forewarn_report::ReportError>(())
/// ```
pub fn servicenow_tickets(tables: &RunTables) -> Result<String, ReportError> {
    let df = &tables.orders;
    ORDERS.check(df)?;
    let e = table(ORDERS.name);
    let made = || -> PolarsResult<DataFrame> {
        let renamed = |from: &str, to: &str| PolarsResult::Ok(df.column(from)?.clone().with_name(to.into()));
        let lists = df.column("asset_ids")?.list()?;
        let first = |i: usize| -> PolarsResult<Option<String>> {
            let Some(list) = lists.get_as_series(i) else { return Ok(None) };
            Ok(list.str()?.get(0).map(str::to_owned))
        };
        let assets = (0..df.height()).map(first).collect::<PolarsResult<Vec<_>>>()?;
        let level = |name: &str, to: &str| -> PolarsResult<Column> {
            let words = df.column(name)?.i64()?.iter().map(|v| match v {
                Some(1) => "1 - High",
                Some(2) => "2 - Medium",
                _ => "3 - Low",
            });
            Ok(Column::new(to.into(), words.collect::<Vec<_>>()))
        };
        let due = df.column("due_at")?.datetime()?.to_string("%Y-%m-%d %H:%M:%S")?;
        DataFrame::new(
            df.height(),
            vec![
                renamed("order_id", "correlation_id")?,
                Column::new("correlation_display".into(), vec!["forewarn"; df.height()]),
                renamed("title", "short_description")?,
                renamed("text", "description")?,
                Column::new("cmdb_ci".into(), assets),
                level("impact", "impact")?,
                level("urgency", "urgency")?,
                renamed("owner", "assignment_group")?,
                renamed("site", "location")?,
                due.with_name("due_date".into()).into_column(),
            ],
        )
    };
    let mut bytes = Vec::new();
    write_csv(&made().map_err(&e)?, &mut bytes)?;
    String::from_utf8(bytes).map_err(|_| ReportError::Content {
        file: TICKETS.to_owned(),
        found: "bytes that are not UTF-8".to_owned(),
        expected: "UTF-8 text",
    })
}
