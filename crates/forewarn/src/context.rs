//! What every command is given, and how every command ends: words, the stop flag, `last-error.json`, panics. It does not
//! know what commands do.

use std::panic::{self, AssertUnwindSafe};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use forewarn_frames::time::Micros;

use crate::began;
use crate::cli::GlobalArgs;
use crate::clock;
use crate::errors::{Exit, Failure, Outcome};
use crate::folders;
use crate::lock::Lock;
use crate::memory;
use crate::progress::{Reporter, Stop};
use crate::textfile::{self, Moment};
use crate::ui::Ui;

/// Where a failure is left.
#[derive(Debug)]
struct Left {
    out: PathBuf,
    command: &'static str,
    /// Since when this run's mark stands there.
    marked: Option<Micros>,
    /// Where a monitor is told how runs end.
    textfile: Option<PathBuf>,
}

impl Left {
    /// Tells the monitor. A run is not worse because nobody can be told of it.
    fn monitor(&self, ui: Ui, moment: Moment) {
        if let Some(path) = &self.textfile
            && let Err(failure) = textfile::write(path, &self.out, moment)
        {
            ui.warn(&format!("{}: {}", failure.message, failure.causes.join(": ")));
        }
    }

    /// The mark goes; where it stood, the monitor is told.
    fn end(&self, ui: Ui, exit: Exit) {
        if let Some(began) = self.marked {
            began::end(&self.out);
            self.monitor(ui, Moment::Ended { began, at: clock::now(), exit });
        }
    }
}

type Place = Arc<Mutex<Option<Left>>>;

/// What every command is given.
#[derive(Debug)]
pub(crate) struct Context {
    /// The streams.
    pub(crate) ui: Ui,
    /// Whether to go on.
    pub(crate) stop: Stop,
    /// How far the work is.
    pub(crate) progress: Reporter,
    place: Place,
}

impl Context {
    /// As the global flags say.
    pub(crate) fn new(args: &GlobalArgs) -> Self {
        let ui = Ui::new(args);
        let stop = Stop::on_signals();
        Self { ui, stop: stop.clone(), progress: Reporter::new(ui, stop), place: Place::default() }
    }

    /// From now on a failure is left in `out`.
    pub(crate) fn leave_errors_in(&self, out: &Path, command: &'static str) {
        *self.place.lock().unwrap_or_else(PoisonError::into_inner) =
            Some(Left { out: out.to_owned(), command, marked: None, textfile: None });
    }

    /// Marks the folder: a run is under way in it. Says so where the one before never ended. From now on a monitor is told
    /// in `textfile`, where there is one.
    ///
    /// # Errors
    ///
    /// The mark cannot be written.
    pub(crate) fn begin(&self, lock: &Lock, out: &Path, textfile: Option<&Path>) -> Outcome<()> {
        let mut place = self.place.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(left) = place.as_mut() else { return Ok(()) };
        let now = clock::now();
        left.textfile = textfile.map(Path::to_owned);
        let earlier = began::begin(lock, out, left.command)?;
        left.marked = Some(now);
        if let Some(lost) = earlier {
            self.ui.warn(&format!("{}; what it left half done is cleared", lost.lost()));
            left.monitor(self.ui, Moment::Lost { began: lost.micros });
        }
        left.monitor(self.ui, Moment::Began { at: now });
        Ok(())
    }

    /// The run has ended well: its mark goes, and so does what an earlier failure left.
    pub(crate) fn done(&self, exit: Exit) {
        if let Some(left) = self.place.lock().unwrap_or_else(PoisonError::into_inner).take() {
            folders::forget_error(&left.out);
            left.end(self.ui, exit);
        }
    }

    /// From now on the work gives up when it is asked to stop and does not, when the deadline has passed, or when memory is
    /// about to run out.
    pub(crate) fn watch(&self, deadline: Option<Duration>) {
        let (ui, place) = (self.ui, Arc::clone(&self.place));
        self.stop.watch(deadline, move |failure| tell(ui, &place, failure));
        let (ui, place) = (self.ui, Arc::clone(&self.place));
        memory::watch(move |failure| {
            tell(ui, &place, failure);
            // The main thread is asking for more; nothing that counts is half done, since folders are switched by rename.
            std::process::exit(failure.exit.code().into());
        });
    }

    /// Says how the command ended, and which exit code that is.
    pub(crate) fn end(&self, ended: Outcome<Exit>) -> Exit {
        self.progress.clear();
        match ended {
            Ok(exit) => exit,
            Err(failure) => {
                // The engine knows that it was asked to stop, and not by whom.
                let failure = match self.stop.check() {
                    Err(asked) if failure.exit == Exit::Stopped => asked,
                    _ => failure,
                };
                tell(self.ui, &self.place, &failure);
                failure.exit
            }
        }
    }
}

fn tell(ui: Ui, place: &Place, failure: &Failure) {
    ui.fail(failure);
    // While another run holds the lock, the folder is its own; and a reader who went away is no failure.
    if !matches!(failure.exit, Exit::Done | Exit::Locked)
        && let Some(left) = &*place.lock().unwrap_or_else(PoisonError::into_inner)
    {
        folders::leave_error(&left.out, left.command, failure);
        left.end(ui, failure.exit);
    }
}

/// Runs `work`; a panic in it becomes a failure with exit code 101, without noise on the way.
pub(crate) fn catch(work: impl FnOnce() -> Outcome<Exit>) -> Outcome<Exit> {
    let first = Arc::new(Mutex::new(None::<Failure>));
    let seen = Arc::clone(&first);
    panic::set_hook(Box::new(move |info| {
        let text = info.payload_as_str().unwrap_or("no text").to_owned();
        let mut failure = Failure::bug(format!("internal error: {text}")).or_no_room();
        if let Some(at) = info.location() {
            failure = failure.cause(format!("at {}:{}", at.file(), at.line()));
        }
        // One panic often brings others about; the first one tells most.
        seen.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert(failure);
    }));
    let ended = panic::catch_unwind(AssertUnwindSafe(work));
    let _ = panic::take_hook();
    ended.unwrap_or_else(|_| {
        let failure = first.lock().unwrap_or_else(PoisonError::into_inner).take();
        Err(failure.unwrap_or_else(|| Failure::bug("internal error")))
    })
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test stops where its own input is wrong")]
mod tests {
    use super::*;

    #[test]
    fn a_panic_becomes_exit_code_101() {
        #[expect(clippy::panic, reason = "that is what is tested")]
        let e = catch(|| panic!("on purpose")).unwrap_err();
        assert_eq!((e.exit, e.message.as_str()), (Exit::Bug, "internal error: on purpose"));
        assert!(e.causes[0].starts_with("at "), "{e:?}");
        assert_eq!(catch(|| Ok(Exit::ChecksFailed)), Ok(Exit::ChecksFailed));
    }
}
