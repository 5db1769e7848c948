//! The files in `packaging/`: every command line in them parses with the real program, the exit codes that they name are
//! those of the program, and the tools that would read them find nothing wrong, as far as these are installed.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::cli::{binary, forewarn};

/// Where the units and images expect the program and its config.
const PROGRAM: &str = "/usr/bin/forewarn";
const CONFIG: &str = "/etc/forewarn/forewarn.toml";

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().join("packaging")
}

fn read(name: &str) -> String {
    fs::read_to_string(folder().join(name)).unwrap_or_else(|e| panic!("{name}: {e}"))
}

/// The values of a key of a unit file, in order.
fn values(unit: &str, key: &str) -> Vec<String> {
    unit.lines().filter_map(|l| l.strip_prefix(key)?.strip_prefix('=').map(str::to_owned)).collect()
}

/// The words of the list that begins behind `key` in a YAML file, one `- word` a line.
fn list(yaml: &str, key: &str) -> Vec<String> {
    let lines = yaml.lines().map(str::trim).skip_while(|l| *l != format!("{key}:")).skip(1);
    lines.map_while(|l| l.strip_prefix("- ").map(str::to_owned)).collect()
}

/// The exit codes that the help of the program promises.
fn promised() -> BTreeSet<i32> {
    let help = forewarn(&folder(), &["--help"]).out;
    let (_, codes) = help.split_once("Exit codes:").unwrap();
    codes.split(|c: char| !c.is_ascii_digit()).filter_map(|n| n.parse().ok()).collect()
}

fn codes(text: &str) -> BTreeSet<i32> {
    text.split(|c: char| !c.is_ascii_digit()).filter_map(|n| n.parse().ok()).collect()
}

#[test]
fn every_command_line_is_understood() {
    let service = read("systemd/forewarn.service");
    let words = |text: &str| text.split_whitespace().map(str::to_owned).collect::<Vec<_>>();
    let cron = read("cron/forewarn");
    let cron = cron.lines().find(|l| l.contains(PROGRAM)).unwrap();
    let container = read("container/Containerfile");
    let entry = container.lines().find_map(|l| l.strip_prefix("ENTRYPOINT ")).unwrap();
    let arguments = container.lines().find_map(|l| l.strip_prefix("CMD ")).unwrap();
    let parsed = |text: &str| serde_json::from_str::<Vec<String>>(text).unwrap();
    let lines = [
        words(&values(&service, "ExecStart")[0]),
        words(cron.split_once(" forewarn ").unwrap().1.trim_end_matches(">/dev/null")),
        [vec![PROGRAM.to_owned()], list(&read("kubernetes/cronjob.yaml"), "args")].concat(),
        [parsed(entry), parsed(arguments)].concat(),
    ];
    let config = folder().join("forewarn.toml").display().to_string();
    for line in lines {
        assert_eq!(line[0], PROGRAM, "{line:?}");
        assert!(line.contains(&"run".to_owned()) && line.contains(&CONFIG.to_owned()), "{line:?}");
        let mut args: Vec<&str> =
            line[1..].iter().map(|a| if a == CONFIG { config.as_str() } else { a.as_str() }).collect();
        args.push("--dry-run");
        let done = forewarn(&folder(), &args);
        assert_eq!(done.code, 0, "{args:?}: {}", done.err);
        assert!(done.out.contains("keep_runs = 30"), "{}", done.out);
    }
    let told = values(&read("systemd/forewarn-failed.service"), "ExecStart");
    assert_eq!(words(&told[0])[..3], [PROGRAM, "status", "/var/lib/forewarn/reports"]);
    let status = forewarn(&folder(), &["status", ".", "--last", "1"]);
    assert_eq!(status.code, 0, "{}", status.err);
}

#[test]
fn exit_codes_are_told_apart() {
    let promised = promised();
    let unit = read("systemd/forewarn.service");
    let one = |key: &str| codes(&values(&unit, key)[0]);
    assert_eq!(values(&unit, "Restart"), ["on-failure"]);
    // Only another run's lock is worth trying again; what else is no success would end the same.
    let (good, never) = (one("SuccessExitStatus"), one("RestartPreventExitStatus"));
    let of_unit: BTreeSet<i32> = good.iter().chain(&never).copied().chain([0, 75]).collect();
    assert_eq!(of_unit, promised, "each exit code has its place in the unit");
    let yaml = read("kubernetes/cronjob.yaml");
    let listed = yaml.lines().find_map(|l| l.trim().strip_prefix("values: ")).unwrap();
    let of_job: BTreeSet<i32> = codes(listed).into_iter().chain([0, 75]).collect();
    assert_eq!(of_job, promised);
    for line in [
        "concurrencyPolicy: Forbid",
        "timeZone: Europe/Berlin",
        "startingDeadlineSeconds: 7200",
        "readOnlyRootFilesystem: true",
    ] {
        assert!(yaml.lines().any(|l| l.trim() == line), "{line}");
    }
    // What each code means, and what to do, is in the manual.
    let manual = fs::read_to_string(folder().join("../docs/operations.md")).unwrap();
    for code in promised {
        assert!(manual.contains(&format!("| {code} |")), "{code} is not in docs/operations.md");
    }
}

#[test]
fn the_manual_names_flags_and_files_that_exist() {
    let manual = fs::read_to_string(folder().join("../docs/operations.md")).unwrap();
    for name in manual.split('`').skip(1).step_by(2).filter(|n| n.starts_with("packaging/")) {
        assert!(folder().parent().unwrap().join(name).exists(), "{name}");
    }
    let help = |command: &str| forewarn(&folder(), &[command, "--help"]).out;
    let flags = ["run", "status", "report", "check"].map(help).concat();
    let words = manual.split(|c: char| !(c.is_ascii_alphanumeric() || c == '-'));
    for flag in
        words.filter(|w| w.strip_prefix("--").is_some_and(|rest| rest.starts_with(char::is_alphabetic)))
    {
        let known = flags.contains(&format!("{flag} ")) || flags.contains(&format!("{flag}\n"));
        // Flags of other programs.
        assert!(known || ["--now", "--network", "--release", "--locked"].contains(&flag), "{flag}");
    }
}

#[test]
fn the_units_are_sound() {
    if Command::new("systemd-analyze").arg("--version").stdout(Stdio::null()).status().is_err() {
        eprintln!("skipped: the units of systemd: `systemd-analyze` is not installed");
        return;
    }
    let dir = tempfile::TempDir::new().unwrap();
    let mut paths = Vec::new();
    for name in ["forewarn.service", "forewarn.timer", "forewarn-failed.service"] {
        // The program must be there, and the user; both are of an installed machine.
        let text = read(&format!("systemd/{name}")).replace(PROGRAM, &binary().display().to_string());
        let path = dir.path().join(name);
        fs::write(&path, text.replace("=forewarn\n", "=root\n")).unwrap();
        paths.push(path);
    }
    let output = Command::new("systemd-analyze").args(["verify", "--man=no"]).args(&paths).output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    let ours: Vec<&str> = said.lines().filter(|l| l.contains("forewarn")).collect();
    assert!(ours.is_empty(), "{said}");
}

#[test]
fn the_cron_line_is_a_command_of_the_shell() {
    let cron = read("cron/forewarn");
    let line = cron.lines().find(|l| l.contains(PROGRAM)).unwrap();
    // Five fields of time, the user, then the command; `%` would end it.
    let fields: Vec<&str> = line.split_whitespace().collect();
    assert!(fields[..5].iter().all(|f| f.chars().all(|c| "0123456789*/,-".contains(c))), "{fields:?}");
    assert_eq!(fields[5], "forewarn");
    let command = fields[6..].join(" ");
    assert!(!command.contains('%') && cron.ends_with('\n'), "{command}");
    let status = Command::new("sh").args(["-n", "-c", &command]).status().unwrap();
    assert!(status.success());
}
