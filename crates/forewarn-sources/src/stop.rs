//! Whether anybody still waits for a load. It does not know who.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// Set by whoever no longer waits for a load: it then ends with [`crate::SourceError::Stopped`] before the next file or slice
/// of rows. Its copies are one and the same.
///
/// # Example
///
/// ```
/// use forewarn_sources::{Paths, ReadPlan, SourceError, SourceOptions, Stop, TicketsOptions, load};
/// let tickets = TicketsOptions { path: Some(Paths::One("tickets.csv".into())), ..Default::default() };
/// let options = SourceOptions { tickets: Some(tickets), ..Default::default() };
/// let folder = std::env::temp_dir().join("forewarn-stop-doc");
/// std::fs::create_dir_all(&folder).unwrap();
/// std::fs::write(folder.join("tickets.csv"), "ticket_id,opened_at\nT1,2025-01-31\n").unwrap();
/// let settings = options.resolve(&folder, None).unwrap();
/// let stop = Stop::default();
/// let plan = ReadPlan { stop: stop.clone(), ..ReadPlan::default() };
/// assert!(load(&settings, &plan, &|_| ()).is_ok());
/// stop.set();
/// assert_eq!(load(&settings, &plan, &|_| ()).unwrap_err(), SourceError::Stopped);
/// ```
#[derive(Debug, Clone, Default)]
pub struct Stop(Arc<AtomicBool>);

impl Stop {
    /// Nobody waits any more.
    pub fn set(&self) {
        self.0.store(true, Ordering::Relaxed);
    }

    /// Whether that was said.
    #[must_use]
    pub fn is_set(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }

    pub(crate) fn check(&self) -> Result<(), crate::SourceError> {
        if self.is_set() { Err(crate::SourceError::Stopped) } else { Ok(()) }
    }
}

impl From<Arc<AtomicBool>> for Stop {
    fn from(flag: Arc<AtomicBool>) -> Self {
        Self(flag)
    }
}

impl PartialEq for Stop {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }
}
