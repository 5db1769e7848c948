//! The model file: how a model is written, and read back only where it is whole, of a known version and fits together. It does
//! not know how a model is fitted or where a file lies.
//!
//! One line of JSON: `{"format":"forewarn-risk","version":2,"bytes":N,"fnv64":"…","model":{…}}`. `bytes` and `fnv64` (16
//! lower-case hexadecimal digits of FNV-1a) are of the model's own bytes, so they are held as they stand: a file that was
//! formatted anew is another file. The hash finds what was damaged, and keeps no one out: what it lets through is checked
//! as if no one had written it here. Version 1 had the model's keys beside `version`, and no checksum.

use forewarn_frames::Cutoff;
use serde::{Deserialize, Serialize};

use crate::candidates::NAMES;
use crate::columns::Columns;
use crate::condition::Conditions;
use crate::fit::HorizonModel;
use crate::leakage::Leak;
use crate::modes::Modes;
use crate::sealed::{Broken, before, fnv64, open, seal, text};

const START: &[u8] = br#"{"format":"forewarn-risk","version":"#;
/// The version that is written.
const VERSION: u32 = 2;

/// What is kept of a fitted model: data only.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct ModelFile {
    pub(crate) fitted_at: String,
    pub(crate) condition: Option<Conditions>,
    pub(crate) columns: Columns,
    pub(crate) horizons: Vec<HorizonModel>,
    pub(crate) modes: Option<Modes>,
    pub(crate) left_out: Vec<Leak>,
}

/// Why bytes are no model that can be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ModelFileError {
    /// They do not begin as a model file does.
    #[error("is no model file: found {found:?} at its start, expected `{{\"format\":\"forewarn-risk\",…`")]
    NoModel {
        /// The first bytes, as text.
        found: String,
    },
    /// A later version wrote them, or none did.
    #[error("is a model file of version {found}; versions 1 and 2 are read")]
    Version {
        /// The version that they state.
        found: String,
    },
    /// Bytes are missing at the end, or there are more.
    #[error("is cut off or added to: its model has {found} bytes, and {stated} were written")]
    Length {
        /// The bytes of the model that are there.
        found: u64,
        /// The bytes that were written.
        stated: u64,
    },
    /// A byte is not what was written.
    #[error("is damaged: the checksum of its model is {found}, and {stated} was written")]
    Checksum {
        /// The checksum of the bytes that are there.
        found: String,
        /// The checksum that was written.
        stated: String,
    },
    /// The checksum holds, or there is none, and the content is no model.
    #[error("holds no model that can be used: {reason}")]
    Content {
        /// What is wrong with it.
        reason: String,
    },
}

/// A model that was read back from its bytes.
///
/// ```
/// use forewarn_engine::{ModelFileError, StoredModel};
/// let error = StoredModel::from_bytes(b"no model").unwrap_err();
/// assert!(matches!(error, ModelFileError::NoModel { .. }));
/// let later = br#"{"format":"forewarn-risk","version":99,"model":{}}"#;
/// let error = StoredModel::from_bytes(later).unwrap_err();
/// assert_eq!(error.to_string(), "is a model file of version 99; versions 1 and 2 are read");
/// ```
#[derive(Debug)]
pub struct StoredModel {
    version: u32,
    fitted_at: Cutoff,
    fnv64: String,
    file: ModelFile,
}

fn content(reason: impl std::fmt::Display) -> ModelFileError {
    ModelFileError::Content { reason: reason.to_string() }
}

impl ModelFile {
    /// The file's bytes.
    pub(crate) fn to_bytes(&self) -> Result<Vec<u8>, serde_json::Error> {
        let model = serde_json::to_vec(self)?;
        Ok(seal(START, VERSION, "model", &model))
    }

    /// Whether the parts fit together, so that predicting cannot go out of bounds.
    fn check(&self) -> Result<(), String> {
        let n_columns = self.columns.check()?;
        let days = self.horizons.iter().map(|h| h.horizon_days);
        if !days.clone().is_sorted_by(|a, b| a < b) || days.clone().next().is_none_or(|d| d < 1) {
            return Err(format!("horizons of {:?} days do not rise from 1", days.collect::<Vec<_>>()));
        }
        self.horizons.iter().try_for_each(|h| h.check(n_columns))?;
        self.modes.as_ref().map_or(Ok(()), |m| m.check(self.columns.n_numbers))
    }
}

impl StoredModel {
    /// Reads the bytes of a model file, of version 1 or 2.
    ///
    /// # Errors
    ///
    /// What is wrong with them, see [`ModelFileError`].
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, ModelFileError> {
        let rest = bytes.strip_prefix(START).ok_or_else(|| ModelFileError::NoModel { found: text(bytes) })?;
        let (version, rest) =
            before(rest, b",").ok_or_else(|| ModelFileError::Version { found: text(rest) })?;
        let (version, model) = match version {
            // The keys that are not the model's are passed over.
            b"1" => (1, bytes),
            b"2" => (2, whole(rest)?),
            other => return Err(ModelFileError::Version { found: text(other) }),
        };
        let file: ModelFile = serde_json::from_slice(model).map_err(content)?;
        file.check().map_err(content)?;
        let fitted_at = Cutoff::parse(&file.fitted_at)
            .map_err(|_| content(format!("fitted at {:?}, which is no date", file.fitted_at)))?;
        Ok(Self { version, fitted_at, fnv64: fnv64(bytes), file })
    }

    /// When it was fitted, and what was kept of it.
    pub(crate) fn into_parts(self) -> (Cutoff, ModelFile) {
        (self.fitted_at, self.file)
    }

    pub(crate) fn file(&self) -> &ModelFile {
        &self.file
    }

    /// A checksum of the whole file, which tells models apart.
    pub(crate) fn fnv64(&self) -> &str {
        &self.fnv64
    }

    /// The version of the file.
    #[must_use]
    pub fn version(&self) -> u32 {
        self.version
    }

    /// The cutoff at which the model was fitted.
    #[must_use]
    pub fn fitted_at(&self) -> Cutoff {
        self.fitted_at
    }

    /// The horizons, days, from short to long, each with the name of the candidate that is used for it.
    #[must_use]
    pub fn horizons(&self) -> Vec<(i32, &'static str)> {
        self.file.horizons.iter().map(|h| (h.horizon_days, NAMES[h.chosen])).collect()
    }
}

/// The bytes of the model behind `"version":2,`, which must be those that were written.
fn whole(rest: &[u8]) -> Result<&[u8], ModelFileError> {
    open(rest, "model").map_err(|e| match e {
        Broken::Head => content("its head is not as it is written"),
        Broken::Length(found, stated) => ModelFileError::Length { found, stated },
        Broken::Checksum(found, stated) => ModelFileError::Checksum { found, stated },
    })
}

#[cfg(test)]
#[path = "model_file_tests.rs"]
mod tests;
