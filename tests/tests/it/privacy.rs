//! What people wrote, and who they are: words planted in every text field of the inputs are looked for in everything that a
//! run leaves and says. It does not know which table would show them.

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};

use polars::prelude::*;

use crate::cli::{binary, forewarn};
use crate::payloads::{texts, write};

/// What one person alone wrote.
const ONCE: &str = "zqunique";
/// What many tickets of two people say.
const OF_TWO: &str = "muellermeier";
/// Who called.
const PERSON: &str = "xylocaller";
/// What many tickets of many people say.
const SHARED: &str = "drosselklappe";

/// Text fields of tickets and events get words that nobody else writes, and some get the name of two callers.
fn planted(field: &str, text: &str, row: Option<usize>) -> String {
    match (field, row) {
        ("tickets.title" | "tickets.text" | "events.text", Some(i)) => {
            let name = if i % 9 < 2 { OF_TWO } else { "" };
            let shared =
                if i % 2 == 0 { "drosselklappe quietscht laut" } else { "kupferdraht total verbogen" };
            let text = if field == "tickets.title" { shared } else { text };
            format!("{text} {name} {ONCE}{}{i}", field.replace('.', ""))
        }
        _ => text.to_owned(),
    }
}

/// Everything in a run folder and beside it, and what was said, as lower-case texts with their names.
fn everything(dir: &Path, said: &str) -> Vec<(String, String)> {
    let run = dir.join("reports/latest").canonicalize().unwrap();
    let mut all = texts(&run);
    for folder in [run, dir.join("reports/history")] {
        for path in fs::read_dir(folder).unwrap().map(|e| e.unwrap().path()) {
            if path.extension().is_some_and(|e| e == "parquet") {
                let df = ParquetReader::new(fs::File::open(&path).unwrap()).finish().unwrap();
                let columns = df.columns().iter().filter(|c| c.dtype() == &DataType::String);
                let words: Vec<String> = columns
                    .flat_map(|c| c.str().unwrap().iter().flatten().map(str::to_owned).collect::<Vec<_>>())
                    .collect();
                all.push((path.display().to_string(), words.join("\n")));
            }
        }
    }
    all.push(("what was said".into(), said.to_owned()));
    all.into_iter().map(|(name, text)| (name, text.to_lowercase())).collect()
}

fn holders(all: &[(String, String)], word: &str) -> Vec<String> {
    all.iter().filter(|f| f.1.contains(word)).map(|f| f.0.clone()).collect()
}

/// Puts a sentence where a time should be, as an export does whose commas were not quoted.
fn shift(dir: &Path, n_rows: usize) {
    let path = dir.join("tickets.csv");
    let text = fs::read_to_string(&path).unwrap();
    let lines = text.lines().enumerate().map(|(i, line)| {
        let mut cells: Vec<&str> = line.split("\",\"").collect();
        let sentence = format!("{PERSON} said {ONCE} {OF_TWO}");
        if i > 0 && i <= n_rows {
            cells[2] = &sentence;
        }
        cells.join("\",\"")
    });
    let shifted: Vec<String> = lines.collect();
    fs::write(path, shifted.join("\n") + "\n").unwrap();
}

#[test]
fn only_shared_words_are_shown_and_no_person_is() {
    let check = |privacy: &str, shared: bool| {
        let dir = tempfile::TempDir::new().unwrap();
        let dir = dir.path();
        write(dir, planted, privacy);
        shift(dir, 3);
        let done = forewarn(dir, &["--log-format", "json", "run"]);
        assert!(done.code == 0 || done.code == 1, "{}", done.err);
        let checked = forewarn(dir, &["check"]);
        let all = everything(dir, &[done.out, done.err, checked.out, checked.err].concat());
        assert!(all.iter().any(|f| f.1.contains("unparseable_times")), "the shifted rows were not seen");
        for word in [ONCE, OF_TWO, PERSON] {
            assert!(holders(&all, word).is_empty(), "{privacy}: {word} in {:?}", holders(&all, word));
        }
        assert_eq!(!holders(&all, SHARED).is_empty(), shared, "{privacy}: {:?}", holders(&all, SHARED));
        // In no case does the model know a word.
        let model = fs::read_to_string(dir.join("reports/latest/model.json")).unwrap().to_lowercase();
        assert!(![ONCE, OF_TWO, PERSON, SHARED, "quuxmachine"].iter().any(|w| model.contains(w)));
        // Nor does an error, in a message or in the file that it leaves.
        shift(dir, usize::MAX);
        let failed = forewarn(dir, &["run"]);
        assert_eq!(failed.code, 2, "{}", failed.err);
        let left = fs::read_to_string(dir.join("reports/last-error.json")).unwrap();
        for word in [ONCE, OF_TWO, PERSON] {
            assert!(!failed.err.contains(word) && !left.contains(word), "{privacy}: {word} in {left}");
        }
        assert!(left.contains("(text of "), "{left}");
    };
    check("none", false);
    check("titles", true);
}

#[test]
fn titles_may_be_shown_in_full_and_the_rest_may_not() {
    let dir = tempfile::TempDir::new().unwrap();
    let dir = dir.path();
    write(dir, planted, "full");
    let done = forewarn(dir, &["run"]);
    assert!(done.code == 0 || done.code == 1, "{}", done.err);
    let all = everything(dir, &done.err);
    assert!(!holders(&all, &format!("{ONCE}ticketstitle")).is_empty());
    for word in [&*format!("{ONCE}ticketstext"), PERSON, "quuxmachine"] {
        let found = holders(&all, word);
        assert!(found.is_empty(), "{word} in {found:?}");
    }
}

#[test]
fn no_secret_is_written_or_said() {
    let secret = "hunter2secret";
    let dir = tempfile::TempDir::new().unwrap();
    let dir = dir.path();
    write(dir, planted, "titles");
    let run = || {
        let mut command = Command::new(binary());
        command.current_dir(dir).args(["--log-format", "json", "run"]).stdin(Stdio::null());
        command.env("FOREWARN_PASSWORD", secret).env("DB_TOKEN", secret).env("HTTPS_PROXY", secret);
        let output = command.output().unwrap();
        let said = [output.stdout, output.stderr].concat();
        (output.status.code(), String::from_utf8_lossy(&said).into_owned())
    };
    let (code, said) = run();
    assert!(code == Some(0) || code == Some(1), "{said}");
    assert!(holders(&everything(dir, &said), secret).is_empty());
    // An address with a password in it is refused, and not repeated.
    let path = dir.join("forewarn.toml");
    let config = fs::read_to_string(&path).unwrap();
    for address in [
        format!("https://bot:{secret}@desk.example/{{id}}"),
        format!("https://desk.example/{{id}}?access_token={secret}"),
        format!("https://desk.example/{{id}}?a=b&password={secret}#x"),
    ] {
        fs::write(&path, config.replace("https://desk.example/{id}", &address)).unwrap();
        let (code, said) = run();
        assert_eq!(code, Some(2), "{said}");
        assert!(said.contains("report.ticket_url") && said.contains("log in"), "{said}");
        assert!(!said.contains(secret), "{said}");
    }
}

#[test]
#[cfg(target_os = "linux")]
fn a_run_needs_no_network_and_opens_no_socket() {
    let dir = crate::cli::department();
    let dir = dir.path();
    // Without a network of its own there is not even a loopback that is up.
    let may = Command::new("unshare").args(["-rn", "true"]).stderr(Stdio::null()).status();
    if may.is_ok_and(|s| s.success()) {
        let output = Command::new("unshare")
            .arg("-rn")
            .arg(binary())
            .args(["run", "--quiet"])
            .current_dir(dir)
            .output()
            .unwrap();
        assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
        assert!(dir.join("reports/latest/report.html").is_file());
    } else {
        eprintln!("skipped: a run without a network: `unshare -rn` is refused");
    }
    let log = dir.join("calls.log");
    let traced = Command::new("strace")
        .args(["-f", "-qq", "-e", "trace=%network", "-o"])
        .arg(&log)
        .arg(binary())
        .args(["run", "--quiet"])
        .current_dir(dir)
        .output();
    match traced {
        Ok(output) if output.status.success() => {
            let calls = fs::read_to_string(log).unwrap();
            let sockets: Vec<&str> =
                calls.lines().filter(|l| !l.contains("+++") && !l.contains("---")).collect();
            assert!(sockets.is_empty(), "{sockets:#?}");
        }
        _ => eprintln!("skipped: calls to the network: `strace` is not installed, or nothing may be traced"),
    }
}
