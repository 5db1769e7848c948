//! How numbers are written on the page: one locale, sensible digits. It does not know what a number means.

/// What stands where a number is not known.
pub(crate) const NOT_KNOWN: &str = "not known";

/// `1,234,567`.
pub(crate) fn whole(n: u64) -> String {
    let digits = n.to_string();
    let mut out = String::with_capacity(digits.len() + digits.len() / 3);
    for (i, d) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            out.push(',');
        }
        out.push(d);
    }
    out
}

/// A number of any size with about three digits that mean something: `1,234`, `12.3`, `0.0123`, `−4`.
pub(crate) fn plain(x: f64) -> String {
    if !x.is_finite() {
        return NOT_KNOWN.to_owned();
    }
    let a = x.abs();
    if a >= 1e15 || (a > 0.0 && a < 1e-6) {
        return format!("{x:.2e}").replace('-', "−");
    }
    let digits = if a == 0.0 { 0 } else { (2 - a.log10().floor() as i32).clamp(0, 8) as usize };
    fixed(x, digits, true)
}

/// With exactly so many digits after the point, the thousands apart, a real minus sign.
pub(crate) fn fixed(x: f64, digits: usize, trim: bool) -> String {
    if !x.is_finite() {
        return NOT_KNOWN.to_owned();
    }
    let text = format!("{:.digits$}", x.abs());
    let (int, frac) = text.split_once('.').unwrap_or((&text, ""));
    let frac = if trim { frac.trim_end_matches('0') } else { frac };
    let int_text = int.parse().map_or_else(|_| int.to_owned(), whole);
    let zero = int.bytes().chain(frac.bytes()).all(|b| b == b'0');
    let sign = if x < 0.0 && !zero { "−" } else { "" };
    if frac.is_empty() { format!("{sign}{int_text}") } else { format!("{sign}{int_text}.{frac}") }
}

/// A contribution with its sign: `+0.82`, `−1.30`.
pub(crate) fn signed(x: f64) -> String {
    let text = fixed(x, 2, false);
    if x.is_finite() && !text.starts_with('−') { format!("+{text}") } else { text }
}

/// The number before ` %`, never a flat 0 or 100: `34`, `3.4`, `0.3`, `< 0.1`, `> 99`.
fn percent_digits(p: f64) -> String {
    if p < 0.001 {
        "<\u{a0}0.1".to_owned()
    } else if p > 0.99 {
        ">\u{a0}99".to_owned()
    } else if p < 0.0995 {
        format!("{:.1}", p * 100.0)
    } else {
        format!("{:.0}", p * 100.0)
    }
}

/// A probability: `34 %`, `3.4 %`, `< 0.1 %`, `> 99 %`; it is never certain.
pub(crate) fn percent(p: f64) -> String {
    if p.is_finite() { format!("{}\u{a0}%", percent_digits(p)) } else { NOT_KNOWN.to_owned() }
}

/// An interval of probabilities: `21–48 %`; empty where an end is not known.
pub(crate) fn percent_range(low: f64, high: f64) -> String {
    if !low.is_finite() || !high.is_finite() {
        return String::new();
    }
    let (a, b) = (percent_digits(low), percent_digits(high));
    // A dash before "> 99" or after "< 0.1" is hard to read.
    if b.starts_with('>') || a.starts_with('<') {
        format!("{a} to {b}\u{a0}%")
    } else {
        format!("{a}–{b}\u{a0}%")
    }
}

/// A share that was counted, and so may well be none or all: `0 %`, `31 %`, `100 %`.
pub(crate) fn share(p: f64) -> String {
    if p.is_finite() && (p <= 0.0 || p >= 1.0) { format!("{:.0}\u{a0}%", p * 100.0) } else { percent(p) }
}

/// An interval of counted shares.
pub(crate) fn share_range(low: f64, high: f64) -> String {
    if !low.is_finite() || !high.is_finite() {
        return String::new();
    }
    let digits = |p: f64| share(p).trim_end_matches("\u{a0}%").to_owned();
    let (a, b) = (digits(low), digits(high));
    let dash = if a.starts_with('<') || b.starts_with('>') { " to " } else { "–" };
    format!("{a}{dash}{b}\u{a0}%")
}

/// An expected number of things: one digit where they are few.
pub(crate) fn expected(x: f64) -> String {
    if x >= 9.95 {
        fixed(x, 0, false)
    } else if x > 0.0 && x < 0.05 {
        "<\u{a0}0.1".to_owned()
    } else {
        fixed(x, 1, false)
    }
}

/// `1 asset`, `20 assets`.
pub(crate) fn counted(n: u64, one: &str, many: &str) -> String {
    format!("{}\u{a0}{}", whole(n), if n == 1 { one } else { many })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_read_well() {
        assert_eq!([0, 7, 999, 1000, 1_234_567].map(whole), ["0", "7", "999", "1,000", "1,234,567"]);
        let plains = [0.0, 1.5, 12.345, 1234.5, -0.0123, 1e18, -0.0, f64::NAN].map(plain);
        assert_eq!(plains, ["0", "1.5", "12.3", "1,234", "−0.0123", "1.00e18", "0", "not known"]);
        assert_eq!([0.816, -1.3, 0.0, -0.001].map(signed), ["+0.82", "−1.30", "+0.00", "+0.00"]);
        assert_eq!([0.04, 0.0, 5.26, 14.4].map(expected), ["<\u{a0}0.1", "0.0", "5.3", "14"]);
    }

    #[test]
    fn no_probability_is_certain() {
        let check = |p: f64, want: &str| assert_eq!(percent(p).replace('\u{a0}', " "), want);
        check(0.0, "< 0.1 %");
        check(0.0004, "< 0.1 %");
        check(0.0034, "0.3 %");
        check(0.034, "3.4 %");
        check(0.0996, "10 %");
        check(0.344, "34 %");
        check(0.9949, "> 99 %");
        check(1.0, "> 99 %");
        check(f64::NAN, "not known");
        assert_eq!(percent_range(0.21, 0.48).replace('\u{a0}', " "), "21–48 %");
        assert_eq!(percent_range(0.0, 0.995).replace('\u{a0}', " "), "< 0.1 to > 99 %");
        assert_eq!(share(0.0).replace('\u{a0}', " "), "0 %");
        assert_eq!(share_range(0.0, 1.0).replace('\u{a0}', " "), "0–100 %");
    }
}
