//! Hostile text in every text field: the page gains no element and no attribute, the CSV no formula.

use std::cell::RefCell;
use std::collections::BTreeMap;

use super::fixture::{Fill, plain, run};
use crate::{Format, MAX_BYTES, files, render, table_text};

/// What is tried in every field.
pub(super) const PAYLOADS: [&str; 22] = [
    "<script>alert(1)</script>",
    "\"><img src=x onerror=alert(1)>",
    "' onmouseover='alert(1)",
    "\" onfocus=\"alert(1)\" autofocus=\"",
    "</script><script>alert(1)</script>",
    "</title><svg onload=alert(1)>",
    "</style><style>*{display:none}</style>",
    "--><iframe src=//evil.example>",
    "<![CDATA[x]]>",
    "&lt;script&gt;&#60;b&#62;",
    "{{ 7*7 }}{% include \"/etc/passwd\" %}",
    "=cmd|' /C calc'!A0",
    "+1+1",
    "-2+3",
    "@SUM(A1)",
    "\t=1",
    "\r=1",
    "  =HYPERLINK(\"http://evil.example\")",
    "safe\u{202e}gnp.exe",
    "zero\u{200b}\u{feff}width",
    "nul\0l\u{1b}[31mred",
    "javascript:alert(1)",
];

/// A tag: its name and its attributes' names. Enough of a tokenizer for a page we write ourselves: attribute values are
/// always in double quotes, and `<` never stands in text.
fn tags(html: &str) -> Vec<String> {
    let mut out = Vec::new();
    let mut rest = html;
    while let Some(at) = rest.find('<') {
        rest = &rest[at + 1..];
        if let Some(style) = rest.strip_prefix("style>") {
            rest = &style[style.find("</style>").unwrap()..];
            out.push("style".to_owned());
            continue;
        }
        if let Some(script) = rest.strip_prefix("script>") {
            rest = &script[script.find("</script>").unwrap()..];
            out.push("script".to_owned());
            continue;
        }
        let (mut quoted, mut tag) = (false, String::new());
        for (i, c) in rest.char_indices() {
            match c {
                '"' => quoted = !quoted,
                '>' if !quoted => {
                    rest = &rest[i + 1..];
                    break;
                }
                c if !quoted => tag.push(c),
                _ => {}
            }
        }
        // A label in a plot takes one line or two; no payload is an SVG text.
        if !tag.starts_with("text ") && tag != "/text" {
            out.push(tag);
        }
    }
    out
}

#[test]
fn no_payload_gains_an_element() {
    // With links to tickets too, which are the only attributes that hold more than numbers and words of ours.
    let page = |fill: Fill<'_>| {
        let mut tables = run(60, fill);
        tables.facts.ticket_url = Some("https://desk.example/{id}".to_owned());
        render(&tables).unwrap()
    };
    let benign = tags(&page(&plain));
    for payload in PAYLOADS {
        // The plain text follows, so that ids and names stay different from each other.
        let html = page(&|_: &str, text: &str| format!("{payload}{text}"));
        let found = tags(&html);
        // Plots drop or keep nothing by name, so the page has the same tags in the same order.
        assert_eq!(found.len(), benign.len(), "{payload:?}");
        for (a, b) in found.iter().zip(&benign) {
            assert_eq!(a, b, "{payload:?}");
        }
        if payload.starts_with("{{") {
            assert!(html.contains("{{ 7*7 }}"), "the template ran a payload");
        }
    }
}

#[test]
fn nothing_unseen_reaches_the_page() {
    for payload in PAYLOADS {
        let html = render(&run(25, &|_, text| format!("{payload}{text}"))).unwrap();
        let unseen =
            |c: &char| matches!(c, '\0' | '\u{1b}' | '\u{200b}' | '\u{202e}' | '\u{feff}' | '\r' | '\t');
        assert_eq!(html.chars().find(unseen), None, "{payload:?}");
    }
}

#[test]
fn long_text_is_cut_and_the_page_stays_small() {
    let check = |n: usize, long: &str, most: usize| {
        // Where a field's texts repeat by the hundred, the first of them stands for all: copies of one megabyte each
        // would try the machine, and not the page.
        let seen = RefCell::new(BTreeMap::<String, usize>::new());
        let fill = |field: &str, text: &str| {
            let mut seen = seen.borrow_mut();
            let times = seen.entry(field.to_owned()).or_default();
            *times += 1;
            if *times <= most { format!("{text} {long}") } else { text.to_owned() }
        };
        let html = render(&run(n, &fill)).unwrap();
        assert!(html.len() <= MAX_BYTES, "{} bytes", html.len());
        assert!(html.contains('…'));
        assert!(seen.borrow().len() > 40, "{} fields are tried", seen.borrow().len());
    };
    // A title of 1 MB in every field, and many rows whose every character needs an escape.
    check(2, &"<\"&'>".repeat(200_000), 3);
    check(600, &"\"".repeat(300), usize::MAX);
    check(600, &"\u{202e}".repeat(300), usize::MAX);
}

#[test]
fn no_payload_gains_a_formula() {
    for payload in PAYLOADS {
        let tables = run(20, &|_, text| format!("{payload}{text}"));
        let csv = table_text(&tables.ranking, Format::Csv).unwrap();
        for cell in cells(&csv) {
            let start = cell.trim_start_matches(' ');
            let number = cell.parse::<f64>().is_ok();
            assert!(number || !start.starts_with(['=', '+', '-', '@', '\t', '\r']), "{payload:?}: {cell:?}");
        }
        let (_, saved) = files(&tables).unwrap().into_iter().find(|f| f.0 == "ranking.csv").unwrap();
        assert_eq!(saved, csv.into_bytes());
    }
}

/// The cells of a CSV text, read as a spreadsheet does.
pub(super) fn cells(csv: &str) -> Vec<String> {
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
fn the_terminal_is_not_steered() {
    let tables = run(3, &|_, text| format!("\u{1b}[2J{text}"));
    let text = table_text(&tables.risk, Format::Table).unwrap();
    assert!(!text.contains('\u{1b}') && text.contains("␛[2J"));
    assert_eq!(text.lines().count(), 10);
}
