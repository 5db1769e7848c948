//! How a run ends: exit codes, and the one place where an error becomes words.
//!
//! Libraries return typed errors; each is turned into a [`Failure`] here or beside its call, and [`Failure::render`]
//! writes `error:`, its causes, and after a blank line its hints. It does not know where the words go.

use std::fmt::Write as _;
use std::io;
use std::path::Path;

/// The exit codes of the program, a promise to whoever schedules it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum Exit {
    /// Done.
    Done = 0,
    /// Done, but data checks at or above `checks.fail_at` failed.
    ChecksFailed = 1,
    /// It could not run: usage, config or input.
    CouldNotRun = 2,
    /// The disk is full, or there is too little memory.
    NoRoom = 74,
    /// Another run holds the lock; try later.
    Locked = 75,
    /// A bug.
    Bug = 101,
    /// The deadline passed.
    Deadline = 124,
    /// Stopped by a signal.
    Stopped = 143,
}

impl Exit {
    /// The number that the process ends with.
    pub fn code(self) -> u8 {
        self as u8
    }
}

/// Why a command ended early: an exit code, what happened, why, and what to try.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    /// The exit code.
    pub exit: Exit,
    /// What happened, without a final stop; empty where there is nobody left to tell.
    pub message: String,
    /// What led to it, the nearest first.
    pub causes: Vec<String>,
    /// What to try.
    pub hints: Vec<String>,
}

/// What most functions of this crate return.
pub type Outcome<T> = Result<T, Failure>;

impl Failure {
    /// A failure with that code and message.
    pub fn new(exit: Exit, message: impl Into<String>) -> Self {
        Self { exit, message: message.into(), causes: Vec::new(), hints: Vec::new() }
    }

    /// Usage, config or input: exit code 2.
    pub fn input(message: impl Into<String>) -> Self {
        Self::new(Exit::CouldNotRun, message)
    }

    /// A bug of ours: exit code 101.
    pub fn bug(message: impl Into<String>) -> Self {
        Self::new(Exit::Bug, message)
            .hint("this is a bug in forewarn: please report it with the command and this text")
    }

    /// A file operation that failed; a full disk is exit code 74, anything else 2.
    pub fn io(doing: &str, path: &Path, error: &io::Error) -> Self {
        let failure = Self::input(format!("could not {doing} `{}`", path.display())).cause(error.to_string());
        match error.kind() {
            io::ErrorKind::StorageFull
            | io::ErrorKind::QuotaExceeded
            | io::ErrorKind::FileTooLarge
            | io::ErrorKind::OutOfMemory => {
                Self { exit: Exit::NoRoom, ..failure }.hint("make room, or write elsewhere with `--out`")
            }
            _ => failure,
        }
    }

    /// The reader of our output has gone: nothing failed, and nobody is left to tell.
    pub fn broken_pipe() -> Self {
        Self::new(Exit::Done, "")
    }

    /// Adds what led to it.
    pub fn cause(mut self, cause: impl Into<String>) -> Self {
        self.causes.push(cause.into());
        self
    }

    /// Adds what to try; an empty text adds nothing.
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        let hint = hint.into();
        if !hint.is_empty() {
            self.hints.push(hint);
        }
        self
    }

    /// The same failure with exit code 74 where a text in it says that the disk is full or memory ran out: libraries
    /// wrap the operating system's error in words of their own.
    pub fn or_no_room(mut self) -> Self {
        let says = |text: &String| {
            [
                "No space left on device",
                "os error 28",
                "os error 122",
                "Disk quota exceeded",
                "Cannot allocate memory",
            ]
            .iter()
            .any(|sign| text.contains(sign))
        };
        if says(&self.message) || self.causes.iter().any(says) {
            self.exit = Exit::NoRoom;
        }
        self
    }

    /// The words for a terminal or a log file, with a final line break; empty where there is nothing to say.
    pub fn render(&self, color: bool) -> String {
        let paint = |code: &str, text: &str| {
            if color { format!("\u{1b}[1;{code}m{text}\u{1b}[0m") } else { text.to_owned() }
        };
        if self.message.is_empty() {
            return String::new();
        }
        let mut out = format!("{} {}\n", paint("31", "error:"), visible(&self.message));
        for cause in &self.causes {
            let _ = writeln!(out, "  {} {}", paint("31", "Cause:"), visible(cause));
        }
        if !self.hints.is_empty() {
            out.push('\n');
        }
        for hint in &self.hints {
            let _ = writeln!(out, "{} {}", paint("36", "hint:"), visible(hint));
        }
        out
    }

    /// The same as one JSON object.
    pub fn to_json(&self) -> serde_json::Value {
        serde_json::json!({
            "level": "error",
            "exit": self.exit.code(),
            "message": self.message,
            "causes": self.causes,
            "hints": self.hints,
        })
    }
}

/// `text` with its control characters shown as escapes: what comes from a file must not move the cursor of a terminal.
/// Line breaks and tabs stay.
pub fn visible(text: &str) -> String {
    if !text.chars().any(|c| c.is_control() && c != '\n' && c != '\t') {
        return text.to_owned();
    }
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        if c.is_control() && c != '\n' && c != '\t' {
            out.extend(c.escape_default());
        } else {
            out.push(c);
        }
    }
    out
}

impl From<forewarn_engine::EngineError> for Failure {
    fn from(error: forewarn_engine::EngineError) -> Self {
        use forewarn_engine::EngineError as E;
        match error {
            E::TooLittle { found, hint } | E::Mismatch { found, hint } => Self::input(found).hint(hint),
            E::Cancelled => Self::new(Exit::Stopped, "stopped before the work was done"),
            E::Table(_) | E::Model(_) => Self::bug(error.to_string()).or_no_room(),
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test stops where its own input is wrong")]
mod tests {
    use super::*;

    #[test]
    fn the_exit_codes_are_the_promised_numbers() {
        use Exit::{Bug, ChecksFailed, CouldNotRun, Deadline, Done, Locked, NoRoom, Stopped};
        let codes = [Done, ChecksFailed, CouldNotRun, NoRoom, Locked, Deadline, Stopped, Bug].map(Exit::code);
        assert_eq!(codes, [0, 1, 2, 74, 75, 124, 143, 101]);
    }

    #[test]
    fn words_come_in_order_and_color_adds_nothing_else() {
        let f = Failure::input("no such table").cause("file is empty").hint("export it again").hint("");
        assert_eq!(
            f.render(false),
            "error: no such table\n  Cause: file is empty\n\nhint: export it again\n"
        );
        assert_eq!(
            f.render(true).replace("\u{1b}[1;31m", "").replace("\u{1b}[1;36m", "").replace("\u{1b}[0m", ""),
            f.render(false)
        );
        assert_eq!(Failure::broken_pipe().render(false), "");
    }

    #[test]
    fn a_full_disk_is_told_from_other_errors() {
        let path = Path::new("out/x");
        assert_eq!(Failure::io("write", path, &io::ErrorKind::StorageFull.into()).exit, Exit::NoRoom);
        assert_eq!(Failure::io("write", path, &io::ErrorKind::FileTooLarge.into()).exit, Exit::NoRoom);
        assert_eq!(
            Failure::io("write", path, &io::ErrorKind::PermissionDenied.into()).exit,
            Exit::CouldNotRun
        );
        assert_eq!(Failure::bug("x: No space left on device (os error 28)").or_no_room().exit, Exit::NoRoom);
        assert_eq!(Failure::bug("x").or_no_room().exit, Exit::Bug);
    }

    #[test]
    fn engine_errors_have_their_codes() {
        use forewarn_engine::EngineError as E;
        let code = |e: E| Failure::from(e).exit;
        assert_eq!(code(E::TooLittle { found: "no failures".into(), hint: "x".into() }), Exit::CouldNotRun);
        assert_eq!(code(E::Cancelled), Exit::Stopped);
        assert_eq!(code(E::Model("x".into())), Exit::Bug);
    }

    #[test]
    fn hostile_text_cannot_move_the_cursor() {
        assert_eq!(visible("a\u{1b}[2Jb\tc\n"), "a\\u{1b}[2Jb\tc\n");
    }
}
