//! Reads one time from text. It does not know zones, files or tables: a time without an offset stays local.

use forewarn_frames::time::{DAY, Micros, day_of};

/// A time as a text says it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Stamp {
    /// Microseconds since 1970: UTC where `zoned`, else by the local clock.
    pub(crate) at: Micros,
    /// Whether the text says its offset.
    pub(crate) zoned: bool,
    /// Whether the order of day and month was a choice (`3/4/2025`).
    pub(crate) chosen_order: bool,
}

const SECOND: Micros = 1_000_000;

struct Cursor<'a> {
    b: &'a [u8],
    i: usize,
}

impl Cursor<'_> {
    fn peek(&self) -> Option<u8> {
        self.b.get(self.i).copied()
    }

    fn eat(&mut self, c: u8) -> bool {
        let hit = self.peek() == Some(c);
        self.i += usize::from(hit);
        hit
    }

    fn eat_any(&mut self, set: &[u8]) -> Option<u8> {
        let c = self.peek().filter(|c| set.contains(c))?;
        self.i += 1;
        Some(c)
    }

    fn spaces(&mut self) {
        while self.peek() == Some(b' ') {
            self.i += 1;
        }
    }

    /// A run of digits: its value and length; `None` without one or with more than 9.
    fn digits(&mut self) -> Option<(i32, usize)> {
        let start = self.i;
        let mut value = 0i32;
        while let Some(c @ b'0'..=b'9') = self.peek() {
            if self.i - start == 9 {
                return None;
            }
            value = value * 10 + i32::from(c - b'0');
            self.i += 1;
        }
        (self.i > start).then_some((value, self.i - start))
    }

    fn exact(&mut self, n: usize) -> Option<i32> {
        let part = self.b.get(self.i..self.i + n)?;
        if !part.iter().all(u8::is_ascii_digit) {
            return None;
        }
        self.i += n;
        Some(part.iter().fold(0, |v, c| v * 10 + i32::from(c - b'0')))
    }

    fn word(&mut self) -> &[u8] {
        let start = self.i;
        while self.peek().is_some_and(|c| c.is_ascii_alphabetic()) {
            self.i += 1;
        }
        &self.b[start..self.i]
    }
}

fn month_of(word: &[u8]) -> Option<i32> {
    const NAMES: [&[u8]; 12] = [
        b"january",
        b"february",
        b"march",
        b"april",
        b"may",
        b"june",
        b"july",
        b"august",
        b"september",
        b"october",
        b"november",
        b"december",
    ];
    let word = word.to_ascii_lowercase();
    NAMES
        .iter()
        .position(|n| {
            **n == *word
                || (word.len() == 3 && n.starts_with(&word))
                || word == b"sept" && n.starts_with(b"sept")
        })
        .map(|i| i as i32 + 1)
}

fn full_year(value: i32, len: usize) -> Option<i32> {
    match len {
        4 => Some(value),
        2 => Some(if value < 70 { 2000 + value } else { 1900 + value }),
        _ => None,
    }
}

/// Local midnight of a civil date; `None` where there is no such day.
fn midnight(year: i32, month: i32, day: i32) -> Option<Micros> {
    if !(1..=9999).contains(&year) || !(1..=12).contains(&month) || day < 1 {
        return None;
    }
    let (ny, nm) = if month == 12 { (year + 1, 1) } else { (year, month + 1) };
    let first = day_of(year, month as u32, 1);
    let n_days = day_of(ny, nm as u32, 1) - first;
    (day <= n_days).then(|| Micros::from(first + day - 1) * DAY)
}

/// Reads a time, or says no.
///
/// Year first with `-`, `/` or `.`; `31.01.2025` is day first always; `1/31/2025` and `1-31-2025` are month first unless
/// `day_first`; month names (`23/Nov/26`, `Nov 23, 2026`); digits alone are 8 (`20250131`) or an epoch of 9–10 (seconds),
/// 12–13 (milliseconds), 15–16 (microseconds) or 18–19 (nanoseconds). Then a time of day, 12 or 24 hours, and an offset.
/// Two-digit years are 1970 to 2069.
pub(crate) fn parse_time(text: &str, day_first: bool) -> Option<Stamp> {
    let text = text.trim();
    let bytes = text.as_bytes();
    if bytes.first().is_some_and(|c| c.is_ascii_digit() || *c == b'-')
        && bytes[1..].iter().all(|c| c.is_ascii_digit() || *c == b'.')
        && let Some(stamp) = digits_alone(text)
    {
        return Some(stamp);
    }
    let mut c = Cursor { b: bytes, i: 0 };
    let mut chosen_order = false;
    let day = if c.peek()?.is_ascii_alphabetic() {
        let month = month_of(c.word())?;
        c.eat_any(b" -/")?;
        let (day, _) = c.digits()?;
        c.eat(b',');
        c.eat_any(b" -/")?;
        let (year, len) = c.digits()?;
        midnight(full_year(year, len)?, month, day)?
    } else {
        let (first, len) = c.digits()?;
        if len == 8 {
            midnight(first / 10_000, first / 100 % 100, first % 100)?
        } else {
            let sep = c.eat_any(b"-/. ")?;
            if len == 4 {
                let month = if c.peek()?.is_ascii_alphabetic() { month_of(c.word())? } else { c.digits()?.0 };
                if !c.eat(sep) {
                    return None;
                }
                let (day, n) = c.digits()?;
                if n > 2 {
                    return None;
                }
                midnight(first, month, day)?
            } else if len > 2 {
                return None;
            } else if c.peek()?.is_ascii_alphabetic() {
                let month = month_of(c.word())?;
                c.eat_any(b"-/. ")?;
                let (year, len) = c.digits()?;
                midnight(full_year(year, len)?, month, first)?
            } else {
                if sep == b' ' {
                    return None;
                }
                let (second, n) = c.digits()?;
                if n > 2 || !c.eat(sep) {
                    return None;
                }
                let (year, len) = c.digits()?;
                let year = full_year(year, len)?;
                chosen_order = sep != b'.';
                let (month, day) = if sep == b'.' || day_first { (second, first) } else { (first, second) };
                midnight(year, month, day)?
            }
        }
    };
    if c.peek().is_none() {
        return Some(Stamp { at: day, zoned: false, chosen_order });
    }
    c.eat(b',');
    if !c.eat(b'T') && !c.eat(b't') {
        if c.peek() != Some(b' ') {
            return None;
        }
        c.spaces();
    }
    let (at, zoned) = time_of_day(&mut c)?;
    Some(Stamp { at: day + at, zoned, chosen_order })
}

/// Microseconds since midnight, the offset taken off where there is one.
fn time_of_day(c: &mut Cursor<'_>) -> Option<(Micros, bool)> {
    let start = c.i;
    let (mut hour, len) = c.digits()?;
    let (mut minute, mut second, mut fraction) = (0, 0, 0);
    let mut compact = false;
    if len == 4 || len == 6 {
        c.i = start;
        (hour, minute) = (c.exact(2)?, c.exact(2)?);
        second = if len == 6 { c.exact(2)? } else { 0 };
        compact = true;
    } else if len > 2 {
        return None;
    } else if c.eat(b':') {
        minute = c.exact(2)?;
        if c.eat(b':') {
            second = c.exact(2)?;
        } else {
            compact = true;
        }
    }
    if (!compact || len == 6) && c.eat_any(b".,").is_some() {
        let start = c.i;
        let mut scale = SECOND;
        while let Some(d @ b'0'..=b'9') = c.peek() {
            scale /= 10;
            fraction += Micros::from(d - b'0') * scale;
            c.i += 1;
        }
        if c.i == start {
            return None;
        }
    }
    c.spaces();
    let half = c.i;
    let word: Vec<u8> = c.word().to_ascii_lowercase();
    match word.as_slice() {
        b"am" | b"pm" => {
            if !(1..=12).contains(&hour) {
                return None;
            }
            hour = hour % 12 + if word == b"pm" { 12 } else { 0 };
            c.spaces();
        }
        _ => c.i = half,
    }
    let whole = hour == 24 && minute == 0 && second == 0 && fraction == 0;
    if (hour > 23 && !whole) || minute > 59 || second > 60 {
        return None;
    }
    let mut at = Micros::from(hour * 3600 + minute * 60 + second) * SECOND + fraction;
    let mut zoned = false;
    match c.peek() {
        None => {}
        Some(sign @ (b'+' | b'-')) => {
            c.i += 1;
            let h = c.exact(2)?;
            let m = if c.peek().is_none() {
                0
            } else {
                c.eat(b':');
                c.exact(2)?
            };
            if h > 18 || m > 59 {
                return None;
            }
            let offset = Micros::from(h * 3600 + m * 60) * SECOND;
            at += if sign == b'+' { -offset } else { offset };
            zoned = true;
        }
        Some(_) => match c.word().to_ascii_lowercase().as_slice() {
            b"z" | b"utc" | b"gmt" => zoned = true,
            _ => return None,
        },
    }
    c.peek().is_none().then_some((at, zoned))
}

/// Digits alone: a compact date, or an epoch by its length.
fn digits_alone(text: &str) -> Option<Stamp> {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    let negative = whole.starts_with('-');
    let n = whole.len() - usize::from(negative);
    let value: i64 = whole.parse().ok()?;
    if n == 8 && !negative && fraction.is_empty() {
        let (value, zoned) = (value as i32, false);
        return midnight(value / 10_000, value / 100 % 100, value % 100).map(|at| Stamp {
            at,
            zoned,
            chosen_order: false,
        });
    }
    if !fraction.bytes().all(|c| c.is_ascii_digit()) {
        return None;
    }
    let mut part = 0;
    let mut scale = SECOND;
    for c in fraction.bytes().take(6) {
        scale /= 10;
        part += Micros::from(c - b'0') * scale;
    }
    let at = match n {
        9 | 10 => value * SECOND + if negative { -part } else { part },
        12 | 13 => value * 1_000,
        15 | 16 => value,
        18 | 19 => value.div_euclid(1_000),
        _ => return None,
    };
    Some(Stamp { at, zoned: true, chosen_order: false })
}

/// The microseconds in one unit of a numeric epoch column, by its greatest magnitude: below 10^11 seconds, below 10^14
/// milliseconds, below 10^17 microseconds, else nanoseconds (as -1000).
pub(crate) fn epoch_scale(greatest: f64) -> f64 {
    match greatest {
        g if g < 1e11 => 1e6,
        g if g < 1e14 => 1e3,
        g if g < 1e17 => 1.0,
        _ => 1e-3,
    }
}

/// A date written as the number 20250131, where it can be one from 1900 to 2100.
pub(crate) fn compact_date(value: i64) -> Option<Micros> {
    if !(19_000_101..=21_001_231).contains(&value) {
        return None;
    }
    midnight((value / 10_000) as i32, (value / 100 % 100) as i32, (value % 100) as i32)
}

#[cfg(test)]
mod tests {
    use super::*;
    use forewarn_frames::time::{HOUR, format_minute};

    #[test]
    fn every_format_is_read_or_refused() {
        // Local texts end in nothing, texts with an offset in Z.
        let check = |text: &str, day_first: bool, expected: &str| {
            let found = parse_time(text, day_first)
                .map_or("-".into(), |s| format!("{}{}", format_minute(s.at), if s.zoned { "Z" } else { "" }));
            assert_eq!(found, expected, "{text:?}, day_first = {day_first}");
        };
        for (text, expected) in [
            ("2025-01-31T13:45:59", "2025-01-31 13:45"),
            ("2025-01-31 13:45", "2025-01-31 13:45"),
            ("2025-01-31 13:45:01.123456789", "2025-01-31 13:45"),
            ("2025-01-31T13:45:00Z", "2025-01-31 13:45Z"),
            ("2025-01-31T13:45:00.5+01:00", "2025-01-31 12:45Z"),
            ("2025-01-31T13:45:00+0530", "2025-01-31 08:15Z"),
            ("2025-01-31 23:45-05", "2025-02-01 04:45Z"),
            ("2025-01-31 13:45:00 UTC", "2025-01-31 13:45Z"),
            ("20250131T134500Z", "2025-01-31 13:45Z"),
            ("20250131", "2025-01-31 00:00"),
            ("2025/01/31 7:05", "2025-01-31 07:05"),
            ("2025-01-31", "2025-01-31 00:00"),
            ("2025-12-31T24:00:00", "2026-01-01 00:00"),
            (" 2/23/1997 13:00 ", "1997-02-23 13:00"),
            ("2/23/97 1:00 pm", "1997-02-23 13:00"),
            ("12/1/2025 12:05 AM", "2025-12-01 00:05"),
            ("31.01.2025 13:45", "2025-01-31 13:45"),
            ("1.2.2025", "2025-02-01 00:00"),
            ("23/Nov/26 5:00 AM", "2026-11-23 05:00"),
            ("23-Nov-2026 17:00", "2026-11-23 17:00"),
            ("23 November 2026", "2026-11-23 00:00"),
            ("Nov 23, 2026 5:00 PM", "2026-11-23 17:00"),
            ("1738331100", "2025-01-31 13:45Z"),
            ("1738331100000", "2025-01-31 13:45Z"),
            ("1738331100.25", "2025-01-31 13:45Z"),
            ("02-23-1997 13:00", "1997-02-23 13:00"),
            ("29.2.2024", "2024-02-29 00:00"),
            ("29.2.2023", "-"),
            ("23/2/1997", "-"),
            ("2025-13-01", "-"),
            ("2025-01-31 25:00", "-"),
            ("2025-01-31 13:45:00 CEST", "-"),
            ("2025-01-31x", "-"),
            ("5-Apr", "-"),
            ("yesterday", "-"),
            ("", "-"),
            ("-", "-"),
            ("12345", "-"),
            ("é025-01-31", "-"),
        ] {
            check(text, false, expected);
        }
        check("3/4/2025", false, "2025-03-04 00:00");
        check("3/4/2025", true, "2025-04-03 00:00");
        check("23-11-2026 05:00", true, "2026-11-23 05:00");
        assert_eq!(parse_time("1970-01-01T01:00:00.25", false).unwrap().at, HOUR + 250_000);
        assert!(
            parse_time("3/4/2025", false).unwrap().chosen_order
                && !parse_time("3.4.2025", false).unwrap().chosen_order
        );
    }
}
