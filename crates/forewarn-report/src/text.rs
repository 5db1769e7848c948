//! Text from tickets, ids and files, made harmless in one place: nothing in it is invisible, nothing turns the reading
//! direction, nothing starts a formula. It does not know HTML; the template engine escapes.

use std::borrow::Cow;

/// The length at which foreign text ends with an ellipsis, in characters.
pub(crate) const LONG: usize = 200;

/// How many combining marks may stand on one letter; more would paint over the lines above and below.
const MARKS: usize = 4;

/// Characters that are not seen, or that change how others are read: zero-width ones, bidirectional controls, fillers,
/// tags, and what is no text at all, which XML refuses.
fn is_unseen(c: char) -> bool {
    matches!(c,
        '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{115f}' | '\u{1160}' | '\u{17b4}' | '\u{17b5}'
        | '\u{180b}'..='\u{180f}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}'
        | '\u{3164}' | '\u{feff}' | '\u{ffa0}' | '\u{fff0}'..='\u{fffb}' | '\u{1bca0}'..='\u{1bca3}'
        | '\u{fffe}' | '\u{ffff}' | '\u{1d173}'..='\u{1d17a}' | '\u{e0000}'..='\u{e0fff}')
}

fn is_mark(c: char) -> bool {
    matches!(c, '\u{300}'..='\u{36f}' | '\u{483}'..='\u{489}' | '\u{1ab0}'..='\u{1aff}' | '\u{1dc0}'..='\u{1dff}'
        | '\u{20d0}'..='\u{20ff}' | '\u{fe20}'..='\u{fe2f}')
}

/// One line of at most `limit` characters: white space runs become one space, unseen characters become visible
/// (`⟨U+202E⟩`, `␀`), and longer text ends with an ellipsis. It reads no further than it must.
pub(crate) fn foreign(text: &str, limit: usize) -> String {
    let mut out = String::new();
    let mut n = 0;
    let mut marks = 0;
    for c in text.chars() {
        if n >= limit {
            out.push('…');
            break;
        }
        if c.is_whitespace() && c != '\u{a0}' && c != '\u{202f}' {
            if !out.is_empty() && !out.ends_with(' ') {
                out.push(' ');
                n += 1;
            }
            continue;
        }
        marks = if is_mark(c) { marks + 1 } else { 0 };
        if marks > MARKS {
            continue;
        }
        n += push_visible(&mut out, c);
    }
    out.truncate(out.trim_end().len());
    out
}

/// Appends `c`, made visible where it is not; how many characters that took.
fn push_visible(out: &mut String, c: char) -> usize {
    let code = u32::from(c);
    if code < 0x20 {
        // The block of control pictures follows the order of the controls.
        out.push(char::from_u32(0x2400 + code).unwrap_or('\u{fffd}'));
        1
    } else if code == 0x7f {
        out.push('\u{2421}');
        1
    } else if c.is_control() || is_unseen(c) {
        let shown = format!("⟨U+{code:04X}⟩");
        out.push_str(&shown);
        shown.len()
    } else {
        out.push(c);
        1
    }
}

/// The same characters made visible, whatever the length: the last gate before the page.
pub(crate) fn visible(text: &str) -> Cow<'_, str> {
    if !text.chars().any(|c| c.is_control() || is_unseen(c)) {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        push_visible(&mut out, c);
    }
    Cow::Owned(out)
}

/// The text as a cell of a CSV file: a spreadsheet would run what starts like a formula, so that gets a leading `'`.
/// The full-width signs count too, because some spreadsheets fold them.
pub(crate) fn cell(text: &str) -> Cow<'_, str> {
    let starts = |t: &str| t.starts_with(['=', '+', '-', '@', '\t', '\r', '＝', '＋', '－', '＠']);
    let seen = text.trim_start_matches(|c: char| c.is_whitespace() || c == '\0' || is_unseen(c));
    if starts(text) || starts(seen) || text.trim_start_matches(' ').starts_with(['\t', '\r']) {
        Cow::Owned(format!("'{text}"))
    } else {
        Cow::Borrowed(text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unseen_characters_are_seen() {
        let check = |text: &str, want: &str| assert_eq!(foreign(text, 40), want, "{text:?}");
        check("plain", "plain");
        check(" a \n\t b ", "a b");
        check("a\u{202e}b", "a⟨U+202E⟩b");
        check("a\0b\u{7f}", "a␀b␡");
        check("a\u{200b}", "a⟨U+200B⟩");
        check("Ünïcödé 日本", "Ünïcödé 日本");
        check(&"x".repeat(1_000_000), &format!("{}…", "x".repeat(40)));
        check(&format!("e{}", "\u{301}".repeat(500)), &format!("e{}", "\u{301}".repeat(MARKS)));
        assert_eq!(visible("a\u{feff}b"), "a⟨U+FEFF⟩b");
    }

    #[test]
    fn formulas_are_stopped() {
        for text in
            ["=1", "+1", "-1", "@x", "\tx", "\rx", "  =1", "\u{a0}=1", "\u{200b}=1", "＝1", "\n=1", " \t1"]
        {
            assert!(cell(text).starts_with('\''), "{text:?}");
        }
        for text in ["", "a=1", "1-1", "x@y", "  a"] {
            assert_eq!(cell(text), text);
        }
    }
}
