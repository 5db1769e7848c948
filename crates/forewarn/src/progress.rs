//! How far the work is, and when to stop it: bars on a terminal, lines in a log, JSON lines for machines; signals and
//! the deadline. It does not know what the work is.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use serde_json::json;

use crate::errors::{Exit, Failure, Outcome};
use crate::ui::Ui;

/// How long the work may take to stop cleanly once it was asked to.
const GRACE: Duration = Duration::from_secs(8);

/// Why the work should stop.
#[derive(Debug, Default)]
struct Flags {
    signal: Arc<AtomicBool>,
    deadline: AtomicBool,
}

/// Asks the work to stop on SIGTERM, SIGINT or when the deadline passes.
#[derive(Debug, Clone, Default)]
pub(crate) struct Stop {
    flags: Arc<Flags>,
}

impl Stop {
    /// Listens for signals from now on. The first one asks the work to stop; a second one ends the process at once.
    pub(crate) fn on_signals() -> Self {
        let stop = Self::default();
        for signal in [signal_hook::consts::SIGTERM, signal_hook::consts::SIGINT] {
            let flag = &stop.flags.signal;
            // Without handlers a signal ends the process in the system's own way, which leaves nothing half done either.
            let _ = signal_hook::flag::register_conditional_shutdown(
                signal,
                Exit::Stopped.code().into(),
                Arc::clone(flag),
            );
            let _ = signal_hook::flag::register(signal, Arc::clone(flag));
        }
        stop
    }

    /// Watches from a thread of its own: sets the deadline's flag when it passes, and where the work has not stopped
    /// some seconds after it was asked to (a library call may take long) runs `give_up` and ends the process. Nothing
    /// that counts is half done then: folders are switched by rename.
    pub(crate) fn watch(&self, deadline: Option<Duration>, give_up: impl FnOnce(&Failure) + Send + 'static) {
        let stop = self.clone();
        let deadline = deadline.map(|d| Instant::now() + d);
        std::thread::spawn(move || {
            let mut asked: Option<Instant> = None;
            loop {
                std::thread::sleep(Duration::from_millis(50));
                if deadline.is_some_and(|d| Instant::now() >= d) {
                    stop.flags.deadline.store(true, Ordering::Relaxed);
                }
                if let Err(failure) = stop.check()
                    && asked.get_or_insert_with(Instant::now).elapsed() > GRACE
                {
                    give_up(&failure);
                    // The main thread is inside a library call that cannot be stopped.
                    std::process::exit(failure.exit.code().into());
                }
            }
        });
    }

    /// Goes on, or says why not.
    ///
    /// # Errors
    ///
    /// A signal came (143), or the deadline passed (124).
    pub(crate) fn check(&self) -> Outcome<()> {
        if self.flags.signal.load(Ordering::Relaxed) {
            return Err(Failure::new(Exit::Stopped, "stopped by a signal; nothing was changed"));
        }
        if self.flags.deadline.load(Ordering::Relaxed) {
            return Err(Failure::new(Exit::Deadline, "the deadline passed; nothing was changed")
                .hint("give more time with `--deadline`, or ignore older records with `run.history_from`"));
        }
        Ok(())
    }
}

/// The stage that is being told.
#[derive(Debug, Default)]
struct Stage {
    name: String,
    bar: Option<ProgressBar>,
    /// The last quarter that a line told.
    quarter: usize,
}

/// Tells how far the work is, and stops it when asked to.
#[derive(Debug)]
pub(crate) struct Reporter {
    ui: Ui,
    stop: Stop,
    stage: Mutex<Stage>,
}

impl Reporter {
    /// Tells through `ui`, listens to `stop`.
    pub(crate) fn new(ui: Ui, stop: Stop) -> Self {
        Self { ui, stop, stage: Mutex::default() }
    }

    fn stage(&self) -> MutexGuard<'_, Stage> {
        // A panic elsewhere is told by itself; the stage is only words.
        self.stage.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Says what is read or written at the moment, where a stage has no steps to count.
    pub(crate) fn note(&self, stage: &str, detail: &str) {
        self.tell(stage, 0, 0, detail);
    }

    /// Ends the stage, so that other words may follow.
    pub(crate) fn clear(&self) {
        let mut now = self.stage();
        if let Some(bar) = now.bar.take() {
            bar.finish_and_clear();
        }
        *now = Stage::default();
    }

    fn tell(&self, stage: &str, done: usize, total: usize, detail: &str) {
        if self.ui.quiet {
            return;
        }
        let mut now = self.stage();
        let new = now.name != stage;
        if new {
            if let Some(bar) = now.bar.take() {
                bar.finish_and_clear();
            }
            *now = Stage { name: stage.to_owned(), bar: None, quarter: 0 };
        }
        if self.ui.terminal && !self.ui.json {
            let bar = now.bar.get_or_insert_with(|| {
                let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::stderr_with_hz(10));
                bar.set_style(style(total > 0));
                bar.set_prefix(stage.to_owned());
                bar
            });
            if total > 0 {
                bar.set_style(style(true));
                bar.set_length(total as u64);
                bar.set_position(done as u64);
            }
            bar.set_message(crate::errors::visible(detail));
            return;
        }
        // A log wants the beginning of a stage, a sign of life at every quarter, and each file by name.
        let quarter = (done * 4).checked_div(total).unwrap_or(0);
        if !new && detail.is_empty() && (quarter == now.quarter || total == 1) {
            return;
        }
        now.quarter = quarter;
        let steps = if done > 0 { format!(": {done} of {total}") } else { String::new() };
        let detail_text = if detail.is_empty() { String::new() } else { format!(" `{detail}`") };
        self.ui.log(
            "info",
            &format!("{stage}{detail_text}{steps}"),
            &[("stage", json!(stage)), ("done", json!(done)), ("total", json!(total))],
        );
    }
}

fn style(counted: bool) -> ProgressStyle {
    let template = if counted { "{prefix} [{bar:30}] {pos}/{len} {msg}" } else { "{spinner} {prefix} {msg}" };
    ProgressStyle::with_template(template)
        .unwrap_or_else(|_| ProgressStyle::default_bar())
        .progress_chars("=> ")
}

impl forewarn_engine::Progress for Reporter {
    fn step(&self, stage: &str, done: usize, total: usize) {
        self.tell(stage, done, total, "");
    }

    fn cancelled(&self) -> bool {
        self.stop.check().is_err()
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test stops where its own input is wrong")]
mod tests {
    use super::*;

    #[test]
    fn each_way_to_stop_has_its_code() {
        let stop = Stop::default();
        assert_eq!(stop.check(), Ok(()));
        stop.flags.deadline.store(true, Ordering::Relaxed);
        assert_eq!(stop.check().unwrap_err().exit, Exit::Deadline);
        stop.flags.signal.store(true, Ordering::Relaxed);
        assert_eq!(stop.check().unwrap_err().exit, Exit::Stopped);
    }
}
