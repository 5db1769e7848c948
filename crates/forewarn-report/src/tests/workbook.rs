//! The workbook, read back from its bytes as a spreadsheet reads it: what the cells hold, and that text is text.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{Cursor, Read};

use forewarn_frames::output::{FEATURES, RunTables};
use polars::prelude::DataFrame;

use super::documents::{features, written};
use super::fixture::{empty, plain, run};
use super::hostile::PAYLOADS;
use crate::Export;
use crate::export::EXPORTED;

fn bytes(tables: &RunTables, features: &DataFrame) -> Vec<u8> {
    let mut files = written(tables, features, &[Export::Xlsx]);
    assert_eq!(files.len(), 1);
    files.remove(0).1
}

/// The parts of the package by name.
fn parts(bytes: &[u8]) -> BTreeMap<String, String> {
    let mut zip = zip::ZipArchive::new(Cursor::new(bytes)).unwrap();
    (0..zip.len())
        .map(|i| {
            let mut file = zip.by_index(i).unwrap();
            let mut text = String::new();
            file.read_to_string(&mut text).unwrap();
            (file.name().unwrap().into_owned(), text)
        })
        .collect()
}

/// What stands between two marks, each time.
fn between<'a>(text: &'a str, from: &str, to: &str) -> Vec<&'a str> {
    text.split(from).skip(1).map(|rest| rest.split(to).next().unwrap_or_default()).collect()
}

fn plain_text(xml: &str) -> String {
    xml.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")
}

/// The texts that cells point to.
fn shared(parts: &BTreeMap<String, String>) -> Vec<String> {
    let item = |si: &str| plain_text(si.split_once('>').unwrap().1.strip_suffix("</t>").unwrap());
    between(&parts["xl/sharedStrings.xml"], "<si>", "</si>").into_iter().map(item).collect()
}

/// A cell: its type (`n`, `s`, `b`), its style and its value.
type Cell = (String, String, String);

/// The rows of a sheet, each by column; the first sheet is `About`.
fn sheet(parts: &BTreeMap<String, String>, index: usize) -> Vec<BTreeMap<String, Cell>> {
    let texts = shared(parts);
    let xml = &parts[&format!("xl/worksheets/sheet{index}.xml")];
    let cell = |xml: &str| {
        let (head, body) = xml.split_once('>').unwrap();
        let attribute =
            |name: &str| between(head, &format!("{name}=\""), "\"").first().map(ToString::to_string);
        let column = attribute("r").unwrap().trim_end_matches(|c: char| c.is_ascii_digit()).to_owned();
        let value = between(body, "<v>", "</v>")[0].to_owned();
        let kind = attribute("t").unwrap_or_else(|| "n".to_owned());
        let value = if kind == "s" { texts[value.parse::<usize>().unwrap()].clone() } else { value };
        (column, (kind, attribute("s").unwrap_or_default(), value))
    };
    between(xml, "<row ", "</row>")
        .into_iter()
        .map(|row| between(row, "<c ", "</c>").into_iter().map(cell).collect())
        .collect()
}

/// The sheet of a table.
fn table(parts: &BTreeMap<String, String>, name: &str) -> Vec<BTreeMap<String, Cell>> {
    sheet(parts, EXPORTED.iter().position(|t| t.name == name).unwrap() + 2)
}

#[test]
fn the_first_sheet_says_what_the_others_hold() {
    let parts = parts(&bytes(&run(60, &plain), &features("x")));
    let lines: Vec<String> = sheet(&parts, 1)
        .into_iter()
        .map(|row| row.into_values().map(|c| c.2).collect::<Vec<_>>().join(" | "))
        .collect();
    insta::assert_snapshot!("about", lines.join("\n"));
    let names = between(&parts["xl/workbook.xml"], "<sheet name=\"", "\"");
    assert_eq!(names[0], "About");
    assert_eq!(names[1..], EXPORTED.map(|t| t.name));
}

#[test]
fn cells_hold_what_the_table_holds() {
    let tables = run(60, &plain);
    let parts = parts(&bytes(&tables, &features("x")));
    let cell = |kind: &str, value: &str| (kind.to_owned(), value.to_owned());
    let short = |c: &Cell| (c.0.clone(), c.2.clone());

    let rows = table(&parts, "ranking");
    assert_eq!(rows.len(), 61);
    assert_eq!(short(&rows[0]["B"]), cell("s", "asset_id"));
    assert_eq!(short(&rows[1]["A"]), cell("n", "1"));
    let p = tables.ranking.column("probability").unwrap().f64().unwrap();
    for (i, row) in rows.iter().skip(1).enumerate() {
        assert_eq!(row["G"].0, "n");
        assert_eq!(row["G"].2.parse::<f64>().ok(), p.get(i));
    }
    assert!(rows[1]["S"].2.starts_with("[{\"feature\":"), "{:?}", rows[1]["S"]);

    // 2024-01-03 is day 45294 of a sheet; flags are flags.
    let rows = table(&parts, "labels");
    assert_eq!(short(&rows[1]["B"]), cell("n", "45294"));
    assert_eq!(short(&rows[1]["E"]), cell("b", "1"));
    let date = rows[1]["B"].1.parse::<usize>().unwrap();
    let styles = &parts["xl/styles.xml"];
    assert!(styles.contains("formatCode=\"yyyy-mm-dd\""), "{styles}");
    let cell_styles = between(styles, "<cellXfs", "</cellXfs>")[0];
    assert!(between(cell_styles, "<xf ", ">")[date].contains("applyNumberFormat=\"1\""), "{cell_styles}");
    let header = rows[0]["A"].1.parse::<usize>().unwrap();
    assert!(between(cell_styles, "<xf ", ">")[header].contains("fontId=\"1\""), "{cell_styles}");
    assert!(between(styles, "<font>", "</font>")[1].contains("<b/>"), "{styles}");
    for i in 2..EXPORTED.len() + 2 {
        let xml = &parts[&format!("xl/worksheets/sheet{i}.xml")];
        assert!(xml.contains("<autoFilter ref=\"A1:") && xml.contains("state=\"frozen\""), "{i}");
    }
}

#[test]
fn the_same_tables_give_the_same_bytes_at_the_runs_date() {
    let tables = run(60, &plain);
    let first = bytes(&tables, &features("x"));
    let mut parts_of = tables.clone();
    parts_of.ranking = tables.ranking.slice(0, 13).vstack(&tables.ranking.slice(13, 47)).unwrap();
    assert!(first == bytes(&parts_of, &features("x")), "chunks are seen in the file");
    let core = &parts(&first)["docProps/core.xml"];
    assert_eq!(between(core, "xsi:type=\"dcterms:W3CDTF\">", "<"), ["2025-12-29T00:00:00Z"; 2]);
    // A date that is none gives a fixed time too.
    let odd = parts(&bytes(&run(1, &|_, t| format!("x{t}")), &features("x")));
    assert!(odd["docProps/core.xml"].contains("2000-01-01T00:00:00Z"));
}

#[test]
fn an_empty_run_has_its_sheets() {
    let parts = parts(&bytes(&empty(), &FEATURES.empty()));
    for t in EXPORTED {
        let rows = table(&parts, t.name);
        assert_eq!((rows.len(), rows[0].len()), (1, t.columns.len()), "{}", t.name);
    }
}

#[test]
fn no_payload_gains_a_formula_a_link_or_a_tag() {
    let more =
        ["_x000D_", "\u{fffe}\u{ffff}", "http://evil.example/", "mailto:a@b", "{=1+1}", "\u{1b}", "\u{85}"];
    let prefix = |p: &str| (p.to_owned(), String::new());
    let mut payloads: Vec<(String, String)> = PAYLOADS.iter().chain(&more).map(|p| prefix(p)).collect();
    payloads.push(("<r><t>".to_owned(), "</t></r>".to_owned()));
    payloads.push(("<r><x:evil/>".to_owned(), "</r>".to_owned()));
    let benign = parts(&bytes(&run(5, &plain), &features("x")));
    for (before, after) in &payloads {
        let all = parts(&bytes(&run(5, &|_, t| format!("{before}{t}{after}")), &features(before)));
        let shown: String = before.chars().take(30).collect();
        assert_eq!(all.keys().collect::<Vec<_>>(), benign.keys().collect::<Vec<_>>(), "{shown:?}");
        for (name, xml) in &all {
            let illegal = |c: char| (c < ' ' && !"\t\n\r".contains(c)) || "\u{fffe}\u{ffff}".contains(c);
            assert!(!xml.contains(illegal), "{shown:?} in {name}");
            let unseen = |c: char| "\u{202e}\u{200b}\u{feff}\u{1b}\u{85}".contains(c);
            assert!(!xml.contains(unseen), "{shown:?} in {name}");
        }
        for i in 1..EXPORTED.len() + 2 {
            let name = format!("xl/worksheets/sheet{i}.xml");
            let tags = |parts: &BTreeMap<String, String>| {
                let names = parts[&name].split('<').skip(1);
                names
                    .map(|t| t.split([' ', '>']).next().unwrap_or_default().to_owned())
                    .collect::<BTreeSet<_>>()
            };
            let found = tags(&all);
            assert!(!found.contains("f") && !found.contains("hyperlinks"), "{shown:?} in {name}");
            assert_eq!(found, tags(&benign), "{shown:?} in {name}");
        }
        let strings = &all["xl/sharedStrings.xml"];
        for tag in between(strings, "<", ">") {
            let name = tag.trim_start_matches(['/', '?']).split(' ').next().unwrap_or_default();
            assert!(["xml", "sst", "si", "t"].contains(&name), "{shown:?} wrote <{tag}>");
        }
    }
}

#[test]
fn a_title_of_a_megabyte_is_cut_and_marked() {
    let long = "😀".repeat(250_000);
    let tables = run(1, &|name, text| if name == "problem_title" { long.clone() } else { text.to_owned() });
    let all = parts(&bytes(&tables, &features("x")));
    let title = table(&all, "problems")[1]["B"].2.clone();
    // Half a character is no character: one unit of the limit stays free.
    assert_eq!(title.encode_utf16().count(), 32_766);
    assert!(title.starts_with("😀😀") && title.ends_with("😀 … (cut)"));
    assert!(shared(&all).iter().all(|t| t.encode_utf16().count() <= 32_767));
}

#[test]
fn text_is_told_as_it_is_where_it_can_be() {
    let check = |text: &str, want: &str, quoted: bool| {
        let all = parts(&bytes(&run(1, &plain), &features(text)));
        let cell = table(&all, "features")[1]["A"].clone();
        assert_eq!((cell.0.as_str(), cell.2.as_str()), ("s", want));
        let style = cell.1.parse::<usize>().unwrap_or(0);
        let styles = between(&all["xl/styles.xml"], "<cellXfs", "</cellXfs>")[0].to_owned();
        assert_eq!(between(&styles, "<xf ", ">")[style].contains("quotePrefix=\"1\""), quoted, "{text:?}");
    };
    check("fan", "fan", false);
    check("=cmd|' /C calc'!A0", "=cmd|' /C calc'!A0", true);
    check("-2+3", "-2+3", true);
    check("<r>x</r>", "<r>x</r> ", false);
    check("a\u{202e}b", "a⟨U+202E⟩b", false);
    check("nul\0", "nul␀", false);
    check("\u{fffe}", "⟨U+FFFE⟩", false);
    // The escape of the format itself is escaped, or a reader would see a line break.
    check("a_x000D_b", "a_x005F_x000D_b", false);
    let cut = format!("{} … (cut)", "ä".repeat(32_767 - 8));
    check(&"ä".repeat(1_000_000), &cut, false);
    check(&"ä".repeat(32_767), &"ä".repeat(32_767), false);
}
