//! What the features of an asset need of the fleet, as bytes that go to every machine: how the tables are read, which
//! features there are, and what is taken over all assets. It does not know how the bytes travel.

use forewarn_features::{CatalogWords, SharedWords};
use forewarn_frames::{Cutoff, History, TicketColumn};
use serde::{Deserialize, Serialize};

use crate::EngineError;
use crate::sealed::{Broken, before, open, seal, text};

const START: &[u8] = br#"{"format":"forewarn-state","version":"#;
const VERSION: u32 = 1;

/// Why bytes are no state that can be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum StateError {
    /// They do not begin as a state does.
    #[error(
        "is no state of a cohort: found {0:?} at its start, expected `{{\"format\":\"forewarn-state\",…`"
    )]
    NoState(String),
    /// Another version wrote them.
    #[error("is a state of version {0}; version 1 is read")]
    Version(String),
    /// A byte is missing, added or changed.
    #[error("is not as it was written: {0}")]
    Damaged(String),
    /// The checksum holds, and the content is no state.
    #[error("holds no state that can be used: {0}")]
    Content(String),
}

#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Content {
    pub(super) cutoff: String,
    /// The checksum of the model's bytes.
    pub(super) model: String,
    pub(super) known_late: Vec<String>,
    pub(super) terminal: bool,
    pub(super) has_inventory: bool,
    pub(super) catalog: CatalogWords,
    pub(super) shared: SharedWords,
}

/// What the features of an asset need of the fleet at one cutoff.
///
/// ```
/// use forewarn_engine::steps::{CohortState, StateError};
/// let error = CohortState::from_bytes(b"no state").unwrap_err();
/// assert_eq!(error, StateError::NoState("no state".into()));
/// let later = br#"{"format":"forewarn-state","version":99,"bytes":2,"fnv64":"","state":{}}"#;
/// assert_eq!(CohortState::from_bytes(later).unwrap_err().to_string(), "is a state of version 99; version 1 is read");
/// ```
#[derive(Debug, Clone)]
pub struct CohortState {
    pub(super) cutoff: Cutoff,
    pub(super) known_late: Vec<TicketColumn>,
    pub(super) content: Content,
}

impl CohortState {
    pub(super) fn of(history: &History<'_>, model: &str, catalog: CatalogWords, shared: SharedWords) -> Self {
        let known_late = history.known_late();
        let content = Content {
            cutoff: history.cutoff().to_string(),
            model: model.to_owned(),
            known_late: known_late.iter().map(|c| c.name().to_owned()).collect(),
            terminal: history.failures_are_terminal(),
            has_inventory: history.has_inventory(),
            catalog,
            shared,
        };
        Self { cutoff: history.cutoff(), known_late, content }
    }

    /// The cutoff that it was taken at.
    #[must_use]
    pub fn cutoff(&self) -> Cutoff {
        self.cutoff
    }

    /// The state as data: [`CohortState::from_bytes`] reads it. One line of JSON with a checksum, as a model is.
    ///
    /// # Errors
    ///
    /// It has no JSON form, which would be a bug.
    pub fn to_bytes(&self) -> Result<Vec<u8>, EngineError> {
        let content = serde_json::to_vec(&self.content).map_err(|e| EngineError::Model(e.to_string()))?;
        Ok(seal(START, VERSION, "state", &content))
    }

    /// Reads the bytes of a state.
    ///
    /// # Errors
    ///
    /// What is wrong with them, see [`StateError`].
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, StateError> {
        let rest = bytes.strip_prefix(START).ok_or_else(|| StateError::NoState(text(bytes)))?;
        let (version, rest) = before(rest, b",").ok_or_else(|| StateError::Version(text(rest)))?;
        if version != VERSION.to_string().as_bytes() {
            return Err(StateError::Version(text(version)));
        }
        let inner = open(rest, "state").map_err(|e| {
            StateError::Damaged(match e {
                Broken::Head => "its head is another".to_owned(),
                Broken::Length(found, stated) => {
                    format!("{found} bytes are there, and {stated} were written")
                }
                Broken::Checksum(found, stated) => {
                    format!("its checksum is {found}, and {stated} was written")
                }
            })
        })?;
        let content: Content =
            serde_json::from_slice(inner).map_err(|e| StateError::Content(e.to_string()))?;
        let date = || StateError::Content(format!("{:?} is no date", content.cutoff));
        let cutoff = Cutoff::parse(&content.cutoff).map_err(|_| date())?;
        let column = |name: &String| {
            TicketColumn::parse(name).ok_or_else(|| StateError::Content(format!("no ticket column {name:?}")))
        };
        let known_late = content.known_late.iter().map(column).collect::<Result<_, _>>()?;
        content.shared.check(&content.catalog).map_err(StateError::Content)?;
        Ok(Self { cutoff, known_late, content })
    }
}
