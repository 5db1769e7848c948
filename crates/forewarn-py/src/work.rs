//! Long work beside the interpreter: on a thread of its own, without the interpreter's lock, told of step by step, and left
//! when Ctrl-C is pressed. It does not know what the work is.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{RecvTimeoutError, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use forewarn_settings::errors::Failure;
use pyo3::prelude::*;

use crate::errors::{Outcome, Trouble};

/// How often signals are looked for and progress is told.
const BEAT: Duration = Duration::from_millis(50);
/// How long work may take to stop cleanly; then it is left alone, and ends at its next step.
const GRACE: Duration = Duration::from_secs(2);
/// Room for the recursion of Polars, which a thread of the usual size does not have.
const STACK: usize = 32 << 20;

/// A stage of the work, steps done, all steps, and a file.
type At = (String, usize, usize, String);

/// Hears how far the work is, and says whether to stop.
#[derive(Debug, Default)]
pub(crate) struct Teller {
    at: Mutex<Option<At>>,
    stop: Arc<AtomicBool>,
}

impl Teller {
    /// What is read at the moment.
    pub(crate) fn note(&self, stage: &str, detail: &str) {
        self.set((stage.to_owned(), 0, 0, detail.to_owned()));
    }

    fn set(&self, at: At) {
        *self.at.lock().unwrap_or_else(PoisonError::into_inner) = Some(at);
    }

    fn take(&self) -> Option<At> {
        self.at.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}

impl forewarn_engine::Progress for Teller {
    fn step(&self, stage: &str, done: usize, total: usize) {
        self.set((stage.to_owned(), done, total, String::new()));
    }

    fn cancelled(&self) -> bool {
        self.stop.load(Ordering::Relaxed)
    }
}

/// Does `work` without the interpreter's lock. `tell(stage, done, total, detail)` is called from the calling thread; what it
/// raises stops the work, as Ctrl-C does. `stop` is set then.
pub(crate) fn work<T: Send + 'static>(
    py: Python<'_>,
    tell: Option<&Py<PyAny>>,
    stop: Arc<AtomicBool>,
    work: impl FnOnce(&Teller) -> Outcome<T> + Send + 'static,
) -> PyResult<T> {
    let teller = Arc::new(Teller { at: Mutex::default(), stop });
    let (send, done) = sync_channel(1);
    let its = Arc::clone(&teller);
    let spawned = std::thread::Builder::new().name("forewarn".into()).stack_size(STACK).spawn(move || {
        let ended = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| work(&its)));
        let ended = ended.unwrap_or_else(|panic| {
            let text = panic.downcast_ref::<String>().cloned();
            let text = text.or_else(|| panic.downcast_ref::<&str>().map(ToString::to_string));
            let text = text.unwrap_or_else(|| "no text".into());
            Err(Trouble::Other(Failure::bug(format!("internal error: {text}")).or_no_room()))
        });
        // Nobody may be waiting any more.
        let _ = send.send(ended);
    });
    if let Err(e) = spawned {
        let failure = Failure::bug("could not start a thread").cause(e.to_string()).or_no_room();
        return Err(Trouble::Other(failure).raise(py));
    }
    let done = Mutex::new(done);
    let wait = |time| done.lock().unwrap_or_else(PoisonError::into_inner).recv_timeout(time);
    loop {
        match py.detach(|| wait(BEAT)) {
            Ok(ended) => return ended.map_err(|trouble| trouble.raise(py)),
            Err(RecvTimeoutError::Disconnected) => {
                return Err(
                    Trouble::Other(Failure::bug("internal error: the work ended without a word")).raise(py)
                );
            }
            Err(RecvTimeoutError::Timeout) => {}
        }
        let told = match (tell, teller.take()) {
            (Some(tell), Some(at)) => tell.call1(py, at).map(|_| ()),
            _ => Ok(()),
        };
        if let Err(stopped) = py.check_signals().and(told) {
            teller.stop.store(true, Ordering::Relaxed);
            let _ = py.detach(|| wait(GRACE));
            return Err(stopped);
        }
    }
}
