//! What people wrote stays out of findings and messages: where an export is cut in the wrong places, a sentence of a ticket
//! stands in a column of times, and would be shown as a cell that cannot be read. It does not know which text is whose.

use std::fmt::Write as _;

use forewarn_engine::TextShown;
use forewarn_frames::Finding;
use forewarn_sources::SourceError;

/// A cell is shown with fewer letters than this in a row: `PM`, `T`, `UTC`.
const LETTERS: usize = 4;

/// Takes the words out of the cells that findings show, unless `[privacy] text` lets them be shown. Readings are no words
/// of people, and stay.
pub(crate) fn findings(all: &mut [Finding], shown: TextShown) {
    if shown != TextShown::Full {
        for finding in all.iter_mut().filter(|f| f.table != "telemetry") {
            finding.sample.iter_mut().for_each(|text| *text = without_words(text));
        }
    }
}

/// The same of an error that shows cells.
pub(crate) fn error(error: SourceError, shown: TextShown) -> SourceError {
    match error {
        SourceError::NothingUsable { table, path, check, column, sample }
            if shown != TextShown::Full && table != "telemetry" =>
        {
            SourceError::NothingUsable { table, path, check, column, sample: without_words(&sample) }
        }
        other => other,
    }
}

/// `row 7: "Mrs Smith called"` becomes `row 7: (text of 16 characters)`; `row 7: "31/02/2020"` stays.
fn without_words(text: &str) -> String {
    let (mut out, mut rest) = (String::new(), text);
    while let Some(at) = rest.find(": \"") {
        let (before, quoted) = rest.split_at(at + 2);
        out += before;
        let end = end_of_quoted(quoted);
        let inside = &quoted[1..end];
        let cell = inside.strip_suffix('"').unwrap_or(inside);
        let of_a_row = before[..at].ends_with(|c: char| c.is_ascii_digit());
        if of_a_row && has_words(cell) {
            // Writing to a String does not fail.
            let _ = write!(out, "(text of {} characters)", cell.chars().count());
        } else {
            out += &quoted[..end];
        }
        rest = &quoted[end..];
    }
    out + rest
}

/// Where the quoted text at the beginning ends, behind its last quote; the end of all where that was cut off.
fn end_of_quoted(text: &str) -> usize {
    let mut escaped = false;
    for (i, c) in text.char_indices().skip(1) {
        match c {
            '"' if !escaped => return i + 1,
            '\\' => escaped = !escaped,
            _ => escaped = false,
        }
    }
    text.len()
}

fn has_words(cell: &str) -> bool {
    cell.split(|c: char| !c.is_alphabetic()).any(|word| word.chars().count() >= LETTERS)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_go_and_times_stay() {
        let check = |text: &str, want: &str| assert_eq!(without_words(text), want);
        check("row 7: \"31/02/2020\"", "row 7: \"31/02/2020\"");
        check("t.csv, row 7: \"2020-02-31T10:00 PM\"", "t.csv, row 7: \"2020-02-31T10:00 PM\"");
        check("row 7: \"Mrs Smith called\"", "row 7: (text of 16 characters)");
        check(
            "row 7: \"x \\\"Smith\\\" y\", row 8: \"\", row 9: \"Müller\"",
            "row 7: (text of 13 characters), row 8: \"\", row 9: (text of 6 characters)",
        );
        // Cut off in the middle of a cell, as long samples are.
        check("row 7: \"Mrs Smith cal…", "row 7: (text of 14 characters)");
        check("row 7: \"", "row 7: \"");
        check("INC1 at 2020-01-01 10:00", "INC1 at 2020-01-01 10:00");
        check("a.csv: \"no such file\"", "a.csv: \"no such file\"");
    }
}
