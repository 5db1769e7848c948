//! The tests in `tests/browser`: which programs they need, the pages they open, and where pictures go. It does not know what
//! is tested.

use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::{Done, cargo, cargo_with, say, start};

/// Names under which Chromium is installed.
const CHROMIUM: [&str; 4] = ["chromium", "chromium-browser", "google-chrome", "chrome"];
/// Set to `required` where the tests must not be skipped.
const REQUIRED: &str = "FOREWARN_BROWSER_TESTS";
/// Names the folder into which tests write their pages.
const PAGES: &str = "FOREWARN_REPORT_DEMO";

/// What the tests run with.
pub(crate) struct Browser {
    chromium: OsString,
    target: PathBuf,
}

fn runs(program: &OsString) -> bool {
    let mut command = Command::new(program);
    command.arg("--version").stdout(Stdio::null()).stderr(Stdio::null());
    command.status().is_ok_and(|s| s.success())
}

/// What the tests run with, or why they cannot run.
fn found() -> Result<Browser, String> {
    if !runs(&"node".into()) {
        return Err("`node` is not installed".to_owned());
    }
    let asked = std::env::var_os("CHROMIUM");
    let names = asked.into_iter().chain(CHROMIUM.map(OsString::from));
    let Some(chromium) = names.into_iter().find(runs) else {
        return Err("no Chromium is installed; `CHROMIUM` may name one".to_owned());
    };
    if !Path::new("tests/browser/node_modules/axe-core").is_dir() {
        return Err("axe-core is not there; run `npm ci` in `tests/browser`".to_owned());
    }
    let target = std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| PathBuf::from("target"), PathBuf::from);
    let target = std::path::absolute(target).map_err(|e| e.to_string())?;
    Ok(Browser { chromium, target })
}

/// The browser; `None` where the tests are skipped, which is said by name.
pub(crate) fn find() -> Result<Option<Browser>, u8> {
    match found() {
        Ok(browser) => Ok(Some(browser)),
        Err(why) if std::env::var_os(REQUIRED).is_some_and(|v| v == "required") => {
            say(&format!("error: the tests in `tests/browser` cannot run: {why}\n"));
            Err(1)
        }
        Err(why) => {
            say(&format!("skipped: the tests in `tests/browser`: {why}\n"));
            Ok(None)
        }
    }
}

impl Browser {
    fn pages(&self) -> PathBuf {
        self.target.join("browser").join("pages")
    }

    /// The shipped fleet's run folder, once the tests have run.
    pub(crate) fn run_folder(&self) -> PathBuf {
        self.target.join("browser").join("fleet").join("latest")
    }

    /// The variable that makes the Rust tests write their pages, into an empty folder.
    pub(crate) fn for_tests(&self) -> (&'static str, OsString) {
        let _ = fs::remove_dir_all(self.pages());
        (PAGES, self.pages().into_os_string())
    }

    /// Makes the pages alone, without the other tests.
    pub(crate) fn make_pages(&self, args: &[OsString]) -> Done {
        let names = ["--", "demo_pages_can_be_looked_at", "payloads::"].map(OsString::from);
        let args: Vec<OsString> = args.iter().cloned().chain(names).collect();
        cargo_with(&["test", "--workspace", "--lib", "--test", "it"], &args, &[self.for_tests()])
    }

    /// The shipped fleet's report by the real program, then the tests.
    pub(crate) fn run(&self, args: &[OsString]) -> Done {
        cargo(&["build", "--workspace", "--bins"], args)?;
        let out = self.target.join("browser").join("fleet");
        let program = self.target.join("debug").join(format!("forewarn{}", std::env::consts::EXE_SUFFIX));
        let mut run = Command::new(program);
        run.args(["run", "--quiet", "-c", "datasets/fleet/forewarn.toml", "--out"]).arg(&out);
        start(run.stdout(Stdio::null()), "forewarn")?;
        let page = self.pages().join("fleet.html");
        if let Err(e) = fs::copy(out.join("latest").join("report.html"), &page) {
            say(&format!("error: could not write `{}`\n  Cause: {e}\n", page.display()));
            return Err(2);
        }
        let mut tests = Command::new("node");
        tests
            .arg("tests/browser/run.mjs")
            .arg(self.pages())
            .arg(self.target.join("browser").join("pictures"));
        start(tests.env("CHROMIUM", &self.chromium), "node")
    }
}
