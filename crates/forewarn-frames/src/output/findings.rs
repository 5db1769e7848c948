//! The findings of the data checks as a table. It does not know what a check looks at.

use polars::prelude::*;

use super::{FINDINGS, OutKind};
use crate::finding::Finding;

/// The `findings` table of these findings, in their order.
///
/// # Errors
///
/// Polars refuses a column, which would be a bug here.
///
/// # Example
///
/// ```
/// use forewarn_frames::output::{FINDINGS, RISK, findings_frame};
/// let none = findings_frame(&[])?;
/// assert!(FINDINGS.check(&none).is_ok());
/// assert!(RISK.check(&none).is_err(), "another table");
/// # Ok::<(), polars::error::PolarsError>(())
/// ```
pub fn findings_frame(findings: &[Finding]) -> PolarsResult<DataFrame> {
    let text = |name: &str, f: &dyn Fn(&Finding) -> Option<&str>| {
        Column::new(name.into(), findings.iter().map(f).collect::<Vec<_>>())
    };
    let samples: Vec<Series> =
        findings.iter().map(|f| Series::new(PlSmallStr::EMPTY, f.sample.as_slice())).collect();
    let sample = if samples.is_empty() {
        Column::new_empty("sample".into(), &OutKind::Texts.dtype())
    } else {
        Column::new("sample".into(), samples)
    };
    DataFrame::new(
        findings.len(),
        vec![
            text("check", &|f| Some(&f.check)),
            text("severity", &|f| Some(f.severity.name())),
            text("table", &|f| Some(&f.table)),
            text("column", &|f| f.column.as_deref()),
            Column::new(
                "n_rows".into(),
                findings.iter().map(|f| i64::try_from(f.n_rows).unwrap_or(i64::MAX)).collect::<Vec<_>>(),
            ),
            sample,
            text("message", &|f| Some(&f.message)),
            text("hint", &|f| Some(&f.hint)),
        ],
    )
    .inspect(|df| debug_assert_eq!(FINDINGS.check(df), Ok(())))
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use super::*;
    use crate::finding::Severity;

    #[test]
    fn a_finding_is_a_row() {
        let finding = |column: Option<&str>, sample: &[&str], n_rows| Finding {
            check: "c".into(),
            severity: Severity::Warning,
            table: "tickets".into(),
            column: column.map(str::to_owned),
            n_rows,
            sample: sample.iter().map(|s| (*s).to_owned()).collect(),
            message: "m".into(),
            hint: String::new(),
        };
        let df =
            findings_frame(&[finding(None, &[], 3), finding(Some("ts"), &["a", "b"], u64::MAX)]).unwrap();
        FINDINGS.check(&df).unwrap();
        assert_eq!(
            df.column("column").unwrap().str().unwrap().iter().collect::<Vec<_>>(),
            [None, Some("ts")]
        );
        assert_eq!(df.column("n_rows").unwrap().i64().unwrap().get(1), Some(i64::MAX));
        let samples = df.column("sample").unwrap().list().unwrap().clone();
        assert_eq!(samples.get_as_series(0).unwrap().len(), 0);
        assert_eq!(samples.get_as_series(1).unwrap().str().unwrap().get(1), Some("b"));
    }
}
