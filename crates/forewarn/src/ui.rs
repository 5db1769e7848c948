//! The two streams of the program: data to standard output, words to standard error. It does not know what is said.

use std::io::{self, IsTerminal, Write};

use serde_json::json;

use crate::cli::{Color, GlobalArgs, LogFormat};
use crate::errors::{Failure, Outcome, visible};

/// How and whether words are said.
#[derive(Debug, Clone, Copy)]
#[expect(clippy::struct_excessive_bools, reason = "four switches that do not hang together")]
pub(crate) struct Ui {
    /// Say nothing but errors.
    pub(crate) quiet: bool,
    /// Say it as JSON lines.
    pub(crate) json: bool,
    /// Whether standard error is a terminal.
    pub(crate) terminal: bool,
    /// Whether words are colored.
    pub(crate) color: bool,
}

impl Ui {
    /// As the global flags say.
    pub(crate) fn new(args: &GlobalArgs) -> Self {
        let terminal = io::stderr().is_terminal();
        let color = match args.color {
            Color::Always => true,
            Color::Never => false,
            Color::Auto => terminal && std::env::var_os("NO_COLOR").is_none_or(|v| v.is_empty()),
        };
        let json = args.log_format == LogFormat::Json;
        Self { quiet: args.quiet, json, terminal, color: color && !json }
    }

    /// Says one line on standard error. A log that nobody reads any more is no reason to stop.
    pub(crate) fn say(self, text: &str) {
        self.log("info", text, &[]);
    }

    /// Says one line that begins with `warning:` (or has that level).
    pub(crate) fn warn(self, text: &str) {
        self.warn_with(text, &[]);
    }

    /// The same with facts of its own, which only JSON shows.
    pub(crate) fn warn_with(self, text: &str, facts: &[(&str, serde_json::Value)]) {
        if self.json {
            self.log("warning", text, facts);
        } else {
            let label = if self.color { "\u{1b}[1;33mwarning:\u{1b}[0m" } else { "warning:" };
            self.line(&format!("{label} {}", visible(text)));
        }
    }

    /// Says one line with facts of its own, which only JSON shows.
    pub(crate) fn log(self, level: &str, text: &str, facts: &[(&str, serde_json::Value)]) {
        if self.json {
            let mut object = json!({
                "time": crate::clock::rfc3339(crate::clock::now()),
                "run_id": crate::clock::run_id(),
                "level": level,
                "message": text,
            });
            for (name, value) in facts {
                object[*name] = value.clone();
            }
            self.line(&object.to_string());
        } else {
            self.line(&visible(text));
        }
    }

    fn line(self, text: &str) {
        if !self.quiet {
            let _ = writeln!(io::stderr().lock(), "{text}");
        }
    }

    /// Says why a command failed, also when quiet.
    pub(crate) fn fail(self, failure: &Failure) {
        if failure.message.is_empty() {
            return;
        }
        let text = if self.json {
            let mut object = json!({ "time": crate::clock::rfc3339(crate::clock::now()), "run_id": crate::clock::run_id() });
            if let (Some(object), Some(more)) = (object.as_object_mut(), failure.to_json().as_object()) {
                object.extend(more.clone());
            }
            format!("{object}\n")
        } else {
            failure.render(self.color)
        };
        let _ = io::stderr().lock().write_all(text.as_bytes());
    }

    /// Writes data to standard output.
    ///
    /// # Errors
    ///
    /// The reader has gone (exit code 0 then), or the output cannot be written.
    #[expect(clippy::unused_self, reason = "data goes out through the same hands as words")]
    pub(crate) fn data(self, text: &str) -> Outcome<()> {
        let mut out = io::stdout().lock();
        out.write_all(text.as_bytes()).and_then(|()| out.flush()).map_err(|e| {
            if e.kind() == io::ErrorKind::BrokenPipe {
                Failure::broken_pipe()
            } else {
                Failure::io("write to", std::path::Path::new("standard output"), &e)
            }
        })
    }
}
