//! How numbers and findings are put for people in a terminal. It does not know where they come from.

use std::fmt::Write as _;

use forewarn_frames::{Finding, Severity};

use crate::errors::visible;

/// A probability as percent: two digits that mean something, and never 0 % or 100 %.
pub(crate) fn percent(p: f64) -> String {
    let x = 100.0 * p;
    match x {
        _ if !x.is_finite() => "unknown".to_owned(),
        _ if x < 0.01 => "under 0.01 %".to_owned(),
        _ if x > 99.0 => "over 99 %".to_owned(),
        _ if x < 0.995 => format!("{x:.2} %"),
        _ if x < 9.95 => format!("{x:.1} %"),
        _ => format!("{x:.0} %"),
    }
}

/// `1 ticket`, `2 tickets`
pub(crate) fn count(n: u64, what: &str) -> String {
    if n == 1 { format!("1 {what}") } else { format!("{n} {what}s") }
}

/// `512 MB`, `1.5 GB`: a number of bytes in powers of 1000.
pub(crate) fn bytes(n: u64) -> String {
    const UNITS: [&str; 5] = ["bytes", "kB", "MB", "GB", "TB"];
    let mut value = n as f64;
    let mut unit = 0;
    while value >= 999.5 && unit + 1 < UNITS.len() {
        value /= 1000.0;
        unit += 1;
    }
    if unit > 0 && value < 9.95 {
        format!("{value:.1} {}", UNITS[unit])
    } else {
        format!("{value:.0} {}", UNITS[unit])
    }
}

/// One paragraph a finding, the hint below it.
pub(crate) fn findings(all: &[Finding]) -> String {
    let mut out = String::new();
    for f in all {
        let place = match &f.column {
            Some(column) => format!("{}.{column}", f.table),
            None => f.table.clone(),
        };
        let place = if place.is_empty() { String::new() } else { format!(" `{place}`") };
        let _ =
            writeln!(out, "{}", visible(&format!("{:<7}  {}{place}: {}", f.severity, f.check, f.message)));
        if !f.sample.is_empty() {
            let _ = writeln!(out, "         e.g. {}", visible(&f.sample.join(", ")).replace('\n', " "));
        }
        if !f.hint.is_empty() {
            let _ = writeln!(out, "         hint: {}", visible(&f.hint));
        }
    }
    out
}

/// `3 findings: 1 error, 2 warnings`, or that there are none.
pub(crate) fn findings_in_short(all: &[Finding]) -> String {
    if all.is_empty() {
        return "no findings".to_owned();
    }
    let parts: Vec<String> =
        [(Severity::Error, "error"), (Severity::Warning, "warning"), (Severity::Info, "note")]
            .into_iter()
            .filter_map(|(severity, word)| {
                let n = all.iter().filter(|f| f.severity == severity).count() as u64;
                (n > 0).then(|| count(n, word))
            })
            .collect();
    format!("{}: {}", count(all.len() as u64, "finding"), parts.join(", "))
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test stops where its own input is wrong")]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_impossible_and_nothing_is_sure() {
        let check = |p: f64, want: &str| assert_eq!(percent(p), want);
        check(0.0, "under 0.01 %");
        check(0.0012, "0.12 %");
        check(0.00999, "1.0 %");
        check(0.034, "3.4 %");
        check(0.0999, "10 %");
        check(0.423, "42 %");
        check(0.9999, "over 99 %");
        check(f64::NAN, "unknown");
    }

    #[test]
    fn bytes_are_told_in_two_or_three_digits() {
        let check = |n: u64, want: &str| assert_eq!(bytes(n), want);
        check(0, "0 bytes");
        check(999, "999 bytes");
        check(1000, "1.0 kB");
        check(999_499, "999 kB");
        check(999_500, "1.0 MB");
        check(536_870_912, "537 MB");
        check(4 << 30, "4.3 GB");
        check(u64::MAX, "18446744 TB");
    }

    #[test]
    fn findings_are_one_paragraph_each() {
        let f = Finding {
            check: "duplicate_ids".into(),
            severity: Severity::Warning,
            table: "tickets".into(),
            column: Some("ticket_id".into()),
            n_rows: 2,
            sample: vec!["INC\u{1b}[2J1".into()],
            message: "2 rows repeat another row's id".into(),
            hint: "export each ticket once".into(),
        };
        assert_eq!(
            findings(std::slice::from_ref(&f)),
            "warning  duplicate_ids `tickets.ticket_id`: 2 rows repeat another row's id\n         e.g. INC\\u{1b}[2J1\n         hint: export each ticket once\n"
        );
        assert_eq!(findings_in_short(&[f.clone(), f]), "2 findings: 2 warnings");
        assert_eq!(findings_in_short(&[]), "no findings");
    }
}
