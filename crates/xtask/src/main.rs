//! `cargo xtask`: starts the programs that test, check and generate.
//!
//! It uses none of our crates and no others: it must build in seconds, also when they do not build at all.
#![expect(clippy::disallowed_methods, reason = "it starts programs, and is told by the environment which")]

mod browser;
mod python;

use std::ffi::{OsStr, OsString};
use std::io::{self, Write};
use std::path::Path;
use std::process::{Command, ExitCode, Stdio};

const HELP: &str = "\
usage: cargo xtask <command> [arguments]

  test [ARGS]     cargo test --workspace, with the examples in comments, then the tests in a browser and those of the
                  Python package; ARGS go to cargo test, and with any but --locked and --offline these are left out
  browser [ARGS]  the tests in a browser alone; ARGS may be --locked and --offline
  python [ARGS]   the tests of the Python package alone; ARGS may be --locked and --offline
  ci              format, clippy, licenses (where cargo-deny is installed), then test
  dataset [ARGS]  makes a simulated fleet: --assets N --days D --seed S --out DIR
  truth [ARGS]    scores predictions against a simulated fleet's truth: TRUTH.parquet PREDICTIONS.parquet [DAYS]
";

fn main() -> ExitCode {
    let mut args = std::env::args_os().skip(1);
    let command = args.next();
    let rest: Vec<OsString> = args.collect();
    let done = match command.as_deref().and_then(OsStr::to_str) {
        Some("test") => test(&rest),
        Some("browser") if plain(&rest) => browser_alone(&rest),
        Some("python") if plain(&rest) => python::test(&rest, None),
        Some("ci") if rest.is_empty() => ci(),
        Some("dataset") => dataset(&rest),
        Some("truth") => truth(&rest),
        Some("help" | "--help" | "-h") => {
            say(HELP);
            Ok(())
        }
        _ => {
            say(HELP);
            Err(2)
        }
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(code) => ExitCode::from(code),
    }
}

/// The exit code of the first program that failed.
type Done = Result<(), u8>;

/// Whether these are arguments that mean the same to every command of cargo.
fn plain(args: &[OsString]) -> bool {
    args.iter().all(|a| a == "--locked" || a == "--offline")
}

fn test(args: &[OsString]) -> Done {
    let browser = if plain(args) { browser::find()? } else { None };
    let pages: Vec<_> = browser.iter().map(browser::Browser::for_tests).collect();
    cargo_with(&["test", "--workspace"], args, &pages)?;
    if let Some(browser) = &browser {
        browser.run(args)?;
    }
    if plain(args) { python::test(args, browser.map(|b| b.run_folder()).as_deref()) } else { Ok(()) }
}

fn browser_alone(args: &[OsString]) -> Done {
    let Some(browser) = browser::find()? else { return Ok(()) };
    browser.make_pages(args)?;
    browser.run(args)
}

fn ci() -> Done {
    cargo(&["fmt", "--all", "--check"], &[])?;
    cargo(&["clippy", "--workspace", "--all-targets", "--", "-D", "warnings"], &[])?;
    if has_deny() {
        cargo(&["deny", "check", "bans", "licenses", "sources"], &[])?;
        // The database of advisories is on the network.
        if cargo(&["deny", "fetch", "db"], &[]).is_ok() {
            cargo(&["deny", "check", "advisories"], &[])?;
        } else {
            say("skipped: advisories: their database cannot be had from here\n");
        }
    } else {
        say("cargo-deny is not installed: licenses and advisories are not checked\n");
    }
    test(&[])
}

fn dataset(args: &[OsString]) -> Done {
    tool("forewarn-dataset", args)
}

fn truth(args: &[OsString]) -> Done {
    tool("truth_ratio", args)
}

/// Runs one of the workspace's own tools. All are built together: chosen alone, a package may ask less of a shared
/// library, and Polars would be compiled a second time for it.
fn tool(name: &str, args: &[OsString]) -> Done {
    cargo(&["build", "--release", "--workspace", "--bins"], &[])?;
    let folder = std::env::var_os("CARGO_TARGET_DIR").unwrap_or_else(|| "target".into());
    let path = Path::new(&folder).join("release").join(format!("{name}{}", std::env::consts::EXE_SUFFIX));
    start(Command::new(path).args(args), name)
}

fn has_deny() -> bool {
    let mut deny = Command::new(cargo_path());
    deny.args(["deny", "--version"]).stdout(Stdio::null()).stderr(Stdio::null());
    deny.status().is_ok_and(|s| s.success())
}

/// The cargo that started us, so that the toolchain is the same.
fn cargo_path() -> OsString {
    std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into())
}

fn start(command: &mut Command, name: &str) -> Done {
    match command.status() {
        Ok(status) if status.success() => Ok(()),
        Ok(status) => Err(status.code().and_then(|c| u8::try_from(c).ok()).unwrap_or(1)),
        Err(e) => {
            say(&format!("error: could not start `{name}`\n  Cause: {e}\n"));
            Err(2)
        }
    }
}

fn cargo(args: &[&str], more: &[OsString]) -> Done {
    cargo_with(args, more, &[])
}

/// Starts cargo with further variables in its environment.
fn cargo_with(args: &[&str], more: &[OsString], variables: &[(&str, OsString)]) -> Done {
    let shown: Vec<String> = args
        .iter()
        .map(|a| (*a).to_owned())
        .chain(more.iter().map(|a| a.to_string_lossy().into_owned()))
        .collect();
    say(&format!("$ cargo {}\n", shown.join(" ")));
    let mut command = Command::new(cargo_path());
    // `cargo run` tells us of our own package; passed on, it makes build scripts that look at these variables run anew,
    // and with them all of Polars compile again.
    for (key, _) in std::env::vars_os() {
        let name = key.to_string_lossy();
        if name.starts_with("CARGO_PKG_")
            || [
                "CARGO_MANIFEST_DIR",
                "CARGO_MANIFEST_PATH",
                "CARGO_BIN_NAME",
                "CARGO_CRATE_NAME",
                "CARGO_PRIMARY_PACKAGE",
                "OUT_DIR",
            ]
            .contains(&name.as_ref())
        {
            command.env_remove(&key);
        }
    }
    command.envs(variables.iter().map(|(key, value)| (*key, value)));
    start(command.args(args).args(more), "cargo")
}

/// Words go to standard error, also where nobody reads them.
fn say(text: &str) {
    let _ = io::stderr().write_all(text.as_bytes());
}
