//! Why a report or a table could not be made. It does not know exit codes or how an error is shown.

use forewarn_frames::output::SchemaError;

/// Why a report or a table could not be rendered, written or read back.
#[derive(Debug, thiserror::Error)]
pub enum ReportError {
    /// A table is not what its schema says.
    #[error(transparent)]
    Schema(#[from] SchemaError),
    /// Polars refused a table.
    #[error("table `{table}`: {source}")]
    Table {
        /// The table.
        table: String,
        /// What Polars says.
        #[source]
        source: polars::error::PolarsError,
    },
    /// The template could not be filled.
    #[error("the page's template: {0}")]
    Template(#[from] minijinja::Error),
    /// A plot could not be drawn.
    #[error("plot `{plot}`: {message}")]
    Plot {
        /// The plot.
        plot: &'static str,
        /// What the drawing library says.
        message: String,
    },
    /// The workbook could not be made.
    #[error("workbook, sheet `{sheet}`: {message}")]
    Workbook {
        /// The sheet, or `About`.
        sheet: &'static str,
        /// What the library that writes it says.
        message: String,
    },
    /// A file of a run folder could not be read or written.
    #[error("file `{file}`: {source}")]
    Read {
        /// The file's name in the run folder.
        file: String,
        /// What the caller's reader or writer says.
        #[source]
        source: std::io::Error,
    },
    /// A file or a value holds something else than it should.
    #[error("file `{file}`: found {found} where {expected} is expected")]
    Content {
        /// The file's name in the run folder.
        file: String,
        /// What was found, shortened.
        found: String,
        /// What is expected.
        expected: &'static str,
    },
    /// Text could not be written as JSON.
    #[error("file `{file}`: {source}")]
    Json {
        /// The file's name in the run folder.
        file: String,
        /// What the parser says.
        #[source]
        source: serde_json::Error,
    },
}

/// Names the table that Polars complained about.
pub(crate) fn table(table: &str) -> impl Fn(polars::error::PolarsError) -> ReportError + '_ {
    move |source| ReportError::Table { table: table.to_owned(), source }
}
