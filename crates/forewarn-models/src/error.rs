//! What can go wrong in this crate: each error says what was found and what is allowed. It does not know who
//! asked or what to try.

use thiserror::Error;

/// Any failure of this crate.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum ModelError {
    /// The columns of a matrix differ in length.
    #[error("column {column} has {found} rows, the first column has {expected}")]
    Ragged {
        /// Position of the column.
        column: usize,
        /// Its rows.
        found: usize,
        /// Rows of the first column.
        expected: usize,
    },
    /// A value is infinite, or missing where no missing value is allowed.
    #[error("{what}, row {row}: found {value}, allowed are finite numbers")]
    NotFinite {
        /// The name or position of the vector.
        what: String,
        /// Row of the value.
        row: usize,
        /// The value itself.
        value: f64,
    },
    /// There are no rows, or no columns, or no units.
    #[error("{what}: found none, at least one is needed")]
    Empty {
        /// What there is none of.
        what: &'static str,
    },
    /// Two inputs that belong together differ in length.
    #[error("{what}: found {found} values, expected {expected}")]
    Length {
        /// The shorter or longer input.
        what: &'static str,
        /// Its length.
        found: usize,
        /// The length that it must have.
        expected: usize,
    },
    /// An outcome is neither 0 nor 1.
    #[error("outcome, row {row}: found {value}, allowed are 0 and 1")]
    Outcome {
        /// Row of the value.
        row: usize,
        /// The value itself.
        value: f64,
    },
    /// All outcomes of positive weight are equal, so nothing can be learned from them.
    #[error("every outcome is {value}, both 0 and 1 are needed")]
    OneClass {
        /// The one value.
        value: f64,
    },
    /// A parameter or a single value is out of its range.
    #[error("{name}: found {found}, allowed is {allowed}")]
    OutOfRange {
        /// Name of the parameter or of the vector.
        name: &'static str,
        /// The value found.
        found: f64,
        /// The range in words.
        allowed: &'static str,
    },
    /// A sum of squares could not be inverted.
    #[error("{what}: the matrix is not positive definite")]
    NotPositiveDefinite {
        /// Where it happened.
        what: &'static str,
    },
    /// Bytes of a stored model could not be written or read.
    #[error("stored model: {0}")]
    Bytes(#[from] serde_json::Error),
    /// A stored model reads well, but contradicts itself.
    #[error("stored model: {0}")]
    Inconsistent(&'static str),
}

/// Checks a parameter against a half-open or closed range that the caller has already tested.
pub(crate) fn in_range(
    ok: bool,
    name: &'static str,
    found: f64,
    allowed: &'static str,
) -> Result<(), ModelError> {
    if ok { Ok(()) } else { Err(ModelError::OutOfRange { name, found, allowed }) }
}

/// Checks that an input has the length of its partner.
pub(crate) fn same_length(what: &'static str, found: usize, expected: usize) -> Result<(), ModelError> {
    if found == expected { Ok(()) } else { Err(ModelError::Length { what, found, expected }) }
}

/// Checks that all values are finite.
pub(crate) fn all_finite(what: &str, values: &[f64]) -> Result<(), ModelError> {
    match values.iter().position(|v| !v.is_finite()) {
        None => Ok(()),
        Some(row) => Err(ModelError::NotFinite { what: what.to_string(), row, value: values[row] }),
    }
}

/// Checks outcomes (0 or 1) and weights (finite, not negative, not all zero) of equal length, at least one
/// row.
pub(crate) fn outcomes_and_weights(outcomes: &[f64], weights: &[f64]) -> Result<(), ModelError> {
    if outcomes.is_empty() {
        return Err(ModelError::Empty { what: "rows" });
    }
    same_length("weights", weights.len(), outcomes.len())?;
    if let Some(row) = outcomes.iter().position(|v| *v != 0.0 && *v != 1.0) {
        return Err(ModelError::Outcome { row, value: outcomes[row] });
    }
    if let Some(bad) = weights.iter().find(|w| !w.is_finite() || **w < 0.0) {
        return Err(ModelError::OutOfRange { name: "weight", found: *bad, allowed: "finite and at least 0" });
    }
    in_range(weights.iter().any(|w| *w > 0.0), "sum of weights", 0.0, "greater than 0")
}

/// Checks that rows of positive weight hold both outcomes.
pub(crate) fn both_classes(outcomes: &[f64], weights: &[f64]) -> Result<(), ModelError> {
    let has = |class: f64| outcomes.iter().zip(weights).any(|(y, w)| *y == class && *w > 0.0);
    match (has(0.0), has(1.0)) {
        (true, true) => Ok(()),
        (_, one) => Err(ModelError::OneClass { value: f64::from(u8::from(one)) }),
    }
}
