//! Hostile text in every text field of every input, from the files on: the page gains no element, the tables no formula;
//! and where the config says so, no word of a ticket is shown at all.
//!
//! With `FOREWARN_REPORT_DEMO` the pages are kept in the folder that it names, and `tests/browser` reads them as a browser
//! does.

use std::path::Path;

use crate::cli::forewarn;
use crate::fleet::Rows;

/// What stands before the plain text of a field.
const PAYLOADS: [&str; 20] = [
    "<script>alert(1)</script>",
    "\"><img src=x onerror=alert(1)>",
    "' onmouseover='alert(1)",
    "\" onfocus=\"alert(1)\" autofocus=\"",
    "</script><script>alert(1)</script>",
    "</title><svg onload=alert(1)>",
    "</style><style>*{display:none}</style>",
    "--><iframe src=//evil.example>",
    "&lt;script&gt;&#60;b&#62;",
    "{{ 7*7 }}{% include \"/etc/passwd\" %}",
    "=cmd|' /C calc'!A0",
    "+1+1",
    "-2+3",
    "@SUM(A1)",
    "\t=1",
    "  =HYPERLINK(\"http://evil.example\")",
    "safe\u{202e}gnp.exe",
    "zero\u{200b}\u{feff}width",
    "l\u{1b}[31mred",
    "javascript:alert(1)//",
];

/// How a text field is written: table and field, the plain text, and the row's number where the field may differ from row to
/// row; a name by which tables refer to each other may not.
pub(crate) type Word = fn(&str, &str, Option<usize>) -> String;

pub(crate) fn plain(_: &str, text: &str, _: Option<usize>) -> String {
    text.to_owned()
}

fn hostile(field: &str, text: &str, row: Option<usize>) -> String {
    let own: usize = field.bytes().map(usize::from).sum();
    let by = row.unwrap_or_else(|| text.bytes().map(usize::from).sum());
    let payload = PAYLOADS[(own + by) % PAYLOADS.len()];
    if field == "tickets.title" && row == Some(0) {
        return format!("{payload}{text}{}", "<\"&'>".repeat(200_000));
    }
    format!("{payload}{text}")
}

fn quoted(text: &str) -> String {
    format!("\"{}\"", text.replace('"', "\"\""))
}

fn csv(dir: &Path, name: &str, header: &[String], rows: impl Iterator<Item = Vec<String>>) {
    let line = |cells: &[String]| cells.iter().map(|c| quoted(c)).collect::<Vec<_>>().join(",") + "\n";
    let text: String = std::iter::once(line(header)).chain(rows.map(|r| line(&r))).collect();
    std::fs::write(dir.join(name), text).unwrap();
}

/// A small fleet that has every text field of every table, as CSV files with their config.
pub(crate) fn write(dir: &Path, word: Word, privacy: &str) {
    let all = Rows::random(7);
    let own = |names: &str| names.split(' ').map(str::to_owned).collect::<Vec<_>>();
    let opt = |t: Option<i64>| t.map(crate::fleet::stamp).unwrap_or_default();
    let asset = |id: &str| word("asset_id", id, None);
    let header =
        own("asset_id kind model in_service_at retired_at vendor site owner service os os_version firmware");
    csv(
        dir,
        "assets.csv",
        &header,
        all.assets.iter().enumerate().map(|(i, (id, kind, model, from, to))| {
            let at = |field: &str, text: &str| word(&format!("assets.{field}"), text, Some(i));
            let mut row =
                vec![asset(id), word("kind", kind, None), word("model", model, None), opt(*from), opt(*to)];
            let more = [("vendor", "Acme"), ("site", "Berlin"), ("owner", "Field Team"), ("service", "Mail")];
            let versions = [("os", "Windows"), ("os_version", "10.0"), ("firmware", "1.21")];
            row.extend(more.into_iter().chain(versions).map(|(field, text)| at(field, text)));
            row
        }),
    );
    let header = own("asset_id attribute value valid_from");
    csv(
        dir,
        "history.csv",
        &header,
        all.attributes.iter().map(|(id, name, value, from)| {
            vec![
                asset(id),
                word("attribute", name, None),
                word("value", value, None),
                crate::fleet::stamp(*from),
            ]
        }),
    );
    let header = own(
        "ticket_id asset_id opened_at resolved_at category priority type subcategory status title text group service site \
         resolution_code caller",
    );
    csv(
        dir,
        "tickets.csv",
        &header,
        all.tickets.iter().enumerate().map(|(i, t)| {
            let at = |field: &str, text: &str| word(&format!("tickets.{field}"), text, Some(i));
            let mut row = vec![word("ticket_id", &t.id, None), asset(&t.asset)];
            row.extend([crate::fleet::stamp(t.opened), opt(t.resolved), word("category", &t.category, None)]);
            row.extend([t.priority.to_string(), String::new()]);
            // The same words in many tickets of many callers, so that they would make a name if they could.
            let fields = [
                ("subcategory", "Disk"),
                ("status", "Closed"),
                ("title", "zweitgeist rattles kilobaud"),
                ("text", "the quuxmachine of zweitgeist smells"),
                ("group", "Service Desk"),
                ("service", "Mail"),
                ("site", "Berlin"),
                ("resolution_code", "Solved"),
            ];
            row.extend(fields.map(|(field, text)| at(field, text)));
            row.push(at("caller", &format!("xylocaller{}", i % 9)));
            row
        }),
    );
    let metric = |name: &str| word("metric", name, None);
    let mut header = own("asset_id ts");
    header.extend([metric("wear"), metric("heat")]);
    csv(
        dir,
        "telemetry.csv",
        &header,
        all.readings.iter().map(|(id, at, wear, heat)| {
            let heat = heat.map(|h| h.to_string()).unwrap_or_default();
            vec![asset(id), crate::fleet::stamp(*at), wear.to_string(), heat]
        }),
    );
    let header = own("asset_id ts metric value");
    csv(
        dir,
        "long.csv",
        &header,
        all.readings.iter().step_by(3).map(|(id, at, wear, _)| {
            vec![asset(id), crate::fleet::stamp(*at), metric("load"), (wear * 2.0).to_string()]
        }),
    );
    let header = own("asset_id ts kind code component text");
    csv(
        dir,
        "events.csv",
        &header,
        all.events.iter().enumerate().map(|(i, (id, at, kind))| {
            let of = |field: &str, text: &str| word(&format!("events.{field}"), text, Some(i));
            let kind = word("events.kind", kind, None);
            let more = [of("code", "KB1"), of("component", "disk"), of("text", "planned")];
            [vec![asset(id), crate::fleet::stamp(*at), kind], more.to_vec()].concat()
        }),
    );
    let header = own("asset_id failed_at mode");
    csv(
        dir,
        "failures.csv",
        &header,
        all.failures.iter().enumerate().map(|(i, f)| {
            let mode = word("mode", f.mode.as_deref().unwrap_or("Hardware"), Some(i % 6));
            vec![asset(&f.asset), crate::fleet::stamp(f.at), mode]
        }),
    );
    let config = format!(
        "[assets]\npath = \"assets.csv\"\n[asset_history]\npath = \"history.csv\"\n[tickets]\npath = \"tickets.csv\"\n\
         [[telemetry]]\npath = \"telemetry.csv\"\n[[telemetry]]\npath = \"long.csv\"\nlayout = \"long\"\n\
         [[events]]\npath = \"events.csv\"\n[failure]\nfailures = {{ path = \"failures.csv\" }}\nterminal = false\n\
         [risk]\nhorizons_days = [7, 30]\n[export]\ntables = [\"csv\", \"xlsx\", \"json\"]\n[privacy]\ntext = \"{privacy}\"\n\
         [report]\nticket_url = \"https://desk.example/{{id}}\"\n"
    );
    std::fs::write(dir.join("forewarn.toml"), config).unwrap();
}

/// The run folder of such a fleet.
fn run(dir: &Path, word: Word, privacy: &str) -> std::path::PathBuf {
    write(dir, word, privacy);
    let done = forewarn(dir, &["run", "--quiet"]);
    assert!(done.code == 0 || done.code == 1, "{}: {}", done.code, done.err);
    dir.join("reports/latest").canonicalize().unwrap()
}

/// Keeps a page and its workbook for the tests in a browser, where somebody asked for them.
fn keep(run: &Path, name: &str) {
    if let Ok(to) = std::env::var("FOREWARN_REPORT_DEMO") {
        std::fs::create_dir_all(&to).unwrap();
        std::fs::copy(run.join("report.html"), Path::new(&to).join(format!("{name}.html"))).unwrap();
        std::fs::copy(run.join("forewarn.xlsx"), Path::new(&to).join(format!("{name}.xlsx"))).unwrap();
    }
}

/// Every file of a run folder that holds text: name and text.
pub(crate) fn texts(run: &Path) -> Vec<(String, String)> {
    let mut out = Vec::new();
    for dir in [run.to_owned(), run.join("tables")] {
        for entry in std::fs::read_dir(dir).unwrap() {
            let path = entry.unwrap().path();
            if let Ok(text) = std::fs::read_to_string(&path) {
                out.push((path.file_name().unwrap().to_string_lossy().into_owned(), text));
            }
        }
    }
    assert!(out.len() > 20, "{}", out.len());
    out
}

/// The cells of a CSV text, read as a spreadsheet does.
fn cells(csv: &str) -> Vec<String> {
    let (mut out, mut cell, mut quoted) = (Vec::new(), String::new(), false);
    let mut chars = csv.chars().peekable();
    while let Some(c) = chars.next() {
        match c {
            '"' if quoted && chars.peek() == Some(&'"') => {
                chars.next();
                cell.push('"');
            }
            '"' => quoted = !quoted,
            ',' | '\n' if !quoted => out.push(std::mem::take(&mut cell)),
            c => cell.push(c),
        }
    }
    out
}

#[test]
fn no_payload_of_any_input_does_anything() {
    let dir = tempfile::TempDir::new().unwrap();
    let run = run(dir.path(), hostile, "full");
    keep(&run, "hostile-inputs");
    let page = std::fs::read_to_string(run.join("report.html")).unwrap();
    assert!(page.len() <= forewarn_report::MAX_BYTES, "{} bytes", page.len());
    // They are there, as text.
    for shown in
        ["&lt;script&gt;alert(1)", "⟨U+202E⟩gnp.exe", "{{ 7*7 }}", "=cmd|", "%3Cscript%3Ealert%281%29"]
    {
        assert!(page.contains(shown), "`{shown}` is not in the page");
    }
    assert_eq!((page.matches("<script").count(), page.matches("<style").count()), (1, 1));
    for tag in ["<img", "<iframe", "<svg onload", "\u{202e}", "\u{200b}", "\u{1b}"] {
        assert!(!page.contains(tag), "{tag:?}");
    }
    for (name, text) in texts(&run).iter().filter(|f| f.0.ends_with(".csv")) {
        for cell in cells(text) {
            let start = cell.trim_start_matches(|c: char| c.is_whitespace() || c == '\u{200b}');
            let formula = start.starts_with(['=', '+', '-', '@']) && cell.parse::<f64>().is_err();
            assert!(!formula && !cell.starts_with(['\t', '\r']), "{name}: {cell:?}");
        }
    }
}

#[test]
fn without_privacy_for_text_no_word_of_a_ticket_is_shown() {
    let words = ["zweitgeist", "rattles", "kilobaud", "quuxmachine", "smells", "xylocaller"];
    let check = |privacy: &str, want: bool| {
        let dir = tempfile::TempDir::new().unwrap();
        let run = run(dir.path(), plain, privacy);
        if want {
            keep(&run, "hostile-input-plain");
        }
        let found: Vec<String> = texts(&run)
            .into_iter()
            .flat_map(|(name, text)| {
                let text = text.to_lowercase();
                words
                    .iter()
                    .filter(|w| text.contains(**w))
                    .map(|w| format!("{w} in {name}"))
                    .collect::<Vec<_>>()
            })
            .collect();
        assert_eq!(!found.is_empty(), want, "{privacy}: {found:?}");
    };
    check("none", false);
    // Where it may be shown it is, so the words would be noticed.
    check("full", true);
}
