//! Turns raw cells into text, numbers and UTC times, and keeps count of what could not be read. It does not know files
//! beyond their row numbers, nor tables.

use forewarn_frames::checks::Rejected;
use forewarn_frames::time::{DAY, Micros};
use polars::prelude::*;

use crate::error::shortened;
use crate::read::RowNumbers;
use crate::times::{compact_date, epoch_scale, parse_time};
use crate::zone::Zone;

/// How times of a source are read.
#[derive(Debug, Clone)]
pub(crate) struct TimeRules {
    /// The zone of text without an offset.
    pub(crate) text: Zone,
    /// The zone of typed times without a zone.
    pub(crate) typed: Zone,
    /// Whether `3/4/2025` is in April.
    pub(crate) day_first: bool,
    /// Whether the config says so.
    pub(crate) day_first_set: bool,
    /// Whether local midnight stands for a day of the calendar, the same in every zone, as people write it by hand.
    pub(crate) whole_days: bool,
}

/// A column that was read and the cells that could not be.
#[derive(Debug)]
pub(crate) struct Converted {
    pub(crate) column: Column,
    pub(crate) rejected: Vec<Rejected>,
}

/// The dtype of every time in a frame.
pub(crate) const TIME: DataType = DataType::Datetime(TimeUnit::Microseconds, None);

/// The cells of `bad` as a fact: up to five of them with their row in the file.
pub(crate) fn rejected(
    check: &'static str,
    column: &str,
    bad: &[usize],
    row_left_out: bool,
    rows: &RowNumbers,
    cell: impl Fn(usize) -> String,
) -> Rejected {
    let sample =
        bad.iter().take(5).map(|i| format!("row {}: {:?}", rows.get(*i), shortened(&cell(*i)))).collect();
    Rejected { check, column: column.to_owned(), n_rows: bad.len() as u64, row_left_out, sample }
}

/// A cell as text, for samples.
pub(crate) fn cell_text(c: &Column, i: usize) -> String {
    match c.get(i) {
        Ok(AnyValue::Null) | Err(_) => String::new(),
        Ok(v) => v.get_str().map_or_else(|| v.to_string(), ToOwned::to_owned),
    }
}

/// Whether a text stands for nothing.
pub(crate) fn is_missing_text(s: &str) -> bool {
    matches!(s, "" | "?" | "null" | "NULL" | "N/A" | "n/a" | "#N/A" | "(empty)")
}

/// Whether a text in a number column stands for nothing.
fn is_missing_number(s: &str) -> bool {
    is_missing_text(s)
        || matches!(s, "-" | "NA" | "None" | "none")
        || ["nan", "inf", "+inf", "-inf", "infinity", "+infinity", "-infinity"]
            .iter()
            .any(|m| s.eq_ignore_ascii_case(m))
}

/// A number that stands for nothing: not finite, or the greatest double that some collectors write.
fn is_missing_value(v: f64) -> bool {
    !v.is_finite() || v.abs() >= 1.797e308
}

/// The cells as text. A column of fractions that are all whole is one of whole numbers with gaps, as pandas holds it: `101`,
/// not `101.0`.
pub(crate) fn as_text(c: &Column) -> PolarsResult<Column> {
    /// Beyond it not every whole number is a double.
    const MOST: f64 = 9e15;
    if c.dtype().is_float() {
        let cells = c.cast(&DataType::Float64)?;
        let is_whole = |v: f64| v.fract() == 0.0 && v.abs() <= MOST;
        if cells.f64()?.iter().flatten().filter(|v| v.is_finite()).all(is_whole) {
            let whole = cells.f64()?.iter().map(|v| v.filter(|v| v.is_finite()).map(|v| format!("{v:.0}")));
            return Ok(whole.collect::<StringChunked>().with_name(c.name().clone()).into_column());
        }
    }
    c.cast(&DataType::String)
}

/// Trimmed text; sentinels are missing.
pub(crate) fn to_text(c: &Column, name: &str) -> PolarsResult<Column> {
    let text = as_text(c)?;
    let mut out = StringChunkedBuilder::new(name.into(), text.len());
    for cell in text.str()?.iter() {
        out.append_option(cell.map(str::trim).filter(|s| !is_missing_text(s)));
    }
    Ok(out.finish().into_column())
}

/// A text in a number column that is none and stands for none.
#[derive(Debug, Clone, Copy, PartialEq)]
struct NoNumber;

/// One number from text; `Ok(None)` is missing.
fn number(s: &str) -> Result<Option<f64>, NoNumber> {
    let s = s.trim();
    if is_missing_number(s) {
        return Ok(None);
    }
    match s.parse::<f64>() {
        Ok(v) => Ok(Some(v).filter(|v| !is_missing_value(*v))),
        Err(_) if s.eq_ignore_ascii_case("true") => Ok(Some(1.0)),
        Err(_) if s.eq_ignore_ascii_case("false") => Ok(Some(0.0)),
        Err(_) => Err(NoNumber),
    }
}

/// A level of priority or criticality: `2`, `P2`, `Sev 2`, `2 - High`, or a word from critical (1) to lowest (5).
fn level(s: &str) -> Result<Option<f64>, NoNumber> {
    if let Ok(v) = number(s) {
        return Ok(v);
    }
    let lower = s.trim().to_lowercase();
    let rest = ["priority", "severity", "sev", "prio", "p", "s"].iter().find_map(|p| {
        lower
            .strip_prefix(p)
            .map(|r| r.trim_start_matches([' ', '-', '_']))
            .filter(|r| r.starts_with(|c: char| c.is_ascii_digit()))
    });
    let body = rest.unwrap_or(&lower);
    let n_digits = body.bytes().take_while(u8::is_ascii_digit).count();
    if n_digits == 1 && !body[1..].starts_with(|c: char| c.is_alphanumeric() || c == '.' || c == ',') {
        return body[..1].parse().map(Some).map_err(|_| NoNumber);
    }
    Ok(Some(match body {
        "critical" | "highest" | "urgent" | "blocker" | "very high" => 1.0,
        "high" | "major" => 2.0,
        "moderate" | "medium" | "normal" => 3.0,
        "low" | "minor" => 4.0,
        "planning" | "lowest" | "very low" | "trivial" => 5.0,
        _ => return Err(NoNumber),
    }))
}

/// Numbers; `levels` also reads display values like `2 - High`.
pub(crate) fn to_number(
    c: &Column,
    name: &str,
    label: &str,
    levels: bool,
    rows: &RowNumbers,
) -> PolarsResult<Converted> {
    let (column, bad) = numbers(c, name, levels)?;
    let mut out = Vec::new();
    if !bad.is_empty() {
        out.push(rejected("unparseable_numbers", label, &bad, false, rows, |i| cell_text(c, i)));
    }
    Ok(Converted { column, rejected: out })
}

/// Numbers and the places of cells that are none.
pub(crate) fn numbers(c: &Column, name: &str, levels: bool) -> PolarsResult<(Column, Vec<usize>)> {
    let mut bad = Vec::new();
    let values: Float64Chunked = match c.dtype() {
        DataType::String => {
            let mut last: Option<(&str, Option<f64>)> = None;
            let mut out = Vec::with_capacity(c.len());
            for (i, cell) in c.str()?.iter().enumerate() {
                let Some(s) = cell else {
                    out.push(None);
                    continue;
                };
                if let Some((l, v)) = last
                    && l == s
                {
                    out.push(v);
                    continue;
                }
                if let Ok(v) = if levels { level(s) } else { number(s) } {
                    last = Some((s, v));
                    out.push(v);
                } else {
                    bad.push(i);
                    out.push(None);
                }
            }
            out.into_iter().collect()
        }
        d if d.is_primitive_numeric()
            || matches!(d, DataType::Boolean | DataType::Null | DataType::Decimal(..)) =>
        {
            let cast = c.cast(&DataType::Float64)?;
            let ca = cast.f64()?;
            if ca.iter().any(|v| v.is_some_and(is_missing_value)) {
                ca.iter().map(|v| v.filter(|v| !is_missing_value(*v))).collect()
            } else {
                ca.clone()
            }
        }
        _ => {
            bad.extend((0..c.len()).filter(|i| !matches!(c.get(*i), Ok(AnyValue::Null) | Err(_))));
            Float64Chunked::full_null("".into(), c.len())
        }
    };
    Ok((values.with_name(name.into()).into_column(), bad))
}

/// UTC times; `required` says whether a row without one is left out.
pub(crate) fn to_time(
    c: &Column,
    name: &str,
    label: &str,
    required: bool,
    rules: &TimeRules,
    rows: &RowNumbers,
) -> PolarsResult<Converted> {
    let mut out = Vec::new();
    let mut bad = Vec::new();
    let n = c.len();
    let ints = |c: &Column| -> PolarsResult<Vec<Option<i64>>> {
        Ok(c.cast(&DataType::Int64)?.i64()?.iter().collect())
    };
    let mut check = "unparseable_times";
    // Local values wait for the zone, `fixed` are UTC already.
    let (local, fixed, zone): (Vec<Option<Micros>>, Vec<Option<Micros>>, &Zone) = match c.dtype() {
        DataType::String => {
            let read = read_texts(c, rules.day_first)?;
            if ambiguous(c, &read.bad, read.chosen, rules.day_first)? {
                check = "ambiguous_dates";
            } else if !rules.day_first_set {
                out.extend(order_of_days(c, &read, rules.day_first, label, rows)?);
            }
            bad = read.bad;
            (read.local, read.fixed, &rules.text)
        }
        DataType::Date => (ints(&c.cast(&TIME)?)?, vec![None; n], &rules.typed),
        DataType::Datetime(unit, zone) => {
            let scaled = ints(c)?.into_iter().map(|v| {
                v.map(|v| match unit {
                    TimeUnit::Nanoseconds => v.div_euclid(1_000),
                    TimeUnit::Microseconds => v,
                    TimeUnit::Milliseconds => v.saturating_mul(1_000),
                })
            });
            if zone.is_some() {
                (vec![None; n], scaled.collect(), &rules.typed)
            } else {
                (scaled.collect(), vec![None; n], &rules.typed)
            }
        }
        d if d.is_integer() => {
            let values = ints(c)?;
            let dates: Vec<Option<Micros>> = values.iter().map(|v| v.and_then(compact_date)).collect();
            if values.iter().zip(&dates).all(|(v, d)| v.is_some() == d.is_some()) {
                (dates, vec![None; n], &rules.typed)
            } else {
                let scale =
                    epoch_scale(values.iter().flatten().map(|v| v.unsigned_abs() as f64).fold(0.0, f64::max));
                let at =
                    |v: i64| if scale >= 1.0 { v.saturating_mul(scale as i64) } else { v.div_euclid(1_000) };
                (vec![None; n], values.into_iter().map(|v| v.map(at)).collect(), &rules.typed)
            }
        }
        d if d.is_float() => {
            let cast = c.cast(&DataType::Float64)?;
            let values: Vec<Option<f64>> =
                cast.f64()?.iter().map(|v| v.filter(|v| !is_missing_value(*v))).collect();
            let scale = epoch_scale(values.iter().flatten().map(|v| v.abs()).fold(0.0, f64::max));
            (
                vec![None; n],
                values.into_iter().map(|v| v.map(|v| (v * scale).round() as i64)).collect(),
                &rules.typed,
            )
        }
        DataType::Null => (vec![None; n], vec![None; n], &rules.typed),
        _ => {
            bad.extend((0..n).filter(|i| !matches!(c.get(*i), Ok(AnyValue::Null) | Err(_))));
            (vec![None; n], vec![None; n], &rules.typed)
        }
    };
    if !bad.is_empty() {
        out.push(rejected(check, label, &bad, required, rows, |i| cell_text(c, i)));
    }
    let (utc, changes) = zone.to_utc(&local)?;
    let mut moved = changes.skipped;
    moved.extend(changes.repeated);
    moved.sort_unstable();
    if !moved.is_empty() {
        out.push(rejected("clock_change", label, &moved, false, rows, |i| cell_text(c, i)));
    }
    let day = |t: &Micros| rules.whole_days && t.rem_euclid(DAY) == 0;
    let utc = utc.into_iter().zip(local).map(|(utc, local)| local.filter(day).or(utc));
    let values: Int64Chunked = utc.zip(fixed).map(|(l, f)| f.or(l)).collect();
    let column = values.with_name(name.into()).into_column().cast(&TIME)?;
    Ok(Converted { column, rejected: out })
}

struct ReadTexts {
    local: Vec<Option<Micros>>,
    fixed: Vec<Option<Micros>>,
    bad: Vec<usize>,
    /// How many cells left the order of day and month to choice.
    chosen: usize,
}

fn read_texts(c: &Column, day_first: bool) -> PolarsResult<ReadTexts> {
    let n = c.len();
    let mut out = ReadTexts { local: vec![None; n], fixed: vec![None; n], bad: Vec::new(), chosen: 0 };
    let mut last: Option<(&str, crate::times::Stamp)> = None;
    for (i, cell) in c.str()?.iter().enumerate() {
        let Some(s) = cell else { continue };
        let stamp = match last {
            Some((l, stamp)) if l == s => stamp,
            _ => match parse_time(s, day_first) {
                Some(stamp) => stamp,
                None if is_missing_number(s.trim()) => continue,
                None => {
                    out.bad.push(i);
                    continue;
                }
            },
        };
        last = Some((s, stamp));
        out.chosen += usize::from(stamp.chosen_order);
        if stamp.zoned { out.fixed[i] = Some(stamp.at) } else { out.local[i] = Some(stamp.at) }
    }
    Ok(out)
}

/// What a column says of the order of day and month, where the config does not: that dates in it can be read in this order
/// alone, or how many can be read in both while none can be in one alone. Of the latter nothing says that they are right.
fn order_of_days(
    c: &Column,
    read: &ReadTexts,
    day_first: bool,
    label: &str,
    rows: &RowNumbers,
) -> PolarsResult<Option<Rejected>> {
    let text = c.str()?;
    let is_read = |i: usize| read.local[i].is_some() || read.fixed[i].is_some();
    let tells = |i: usize| is_read(i) && text.get(i).is_some_and(|s| parse_time(s, !day_first).is_none());
    // Most columns are of one form: where no date left a choice and the first is read the same in both orders, all are.
    let first = (0..text.len()).find(|i| is_read(*i));
    if read.chosen == 0 && !first.is_some_and(tells) {
        return Ok(None);
    }
    if (0..text.len()).any(tells) {
        return Ok(Some(rejected("proven_dates", label, &[], false, rows, |_| String::new())));
    }
    let chosen: Vec<usize> = (0..text.len())
        .filter(|i| text.get(*i).and_then(|s| parse_time(s, day_first)).is_some_and(|t| t.chosen_order))
        .collect();
    Ok(Some(rejected("unproven_dates", label, &chosen, false, rows, |i| cell_text(c, i))))
}

/// Whether a sizeable share (more than one in twenty) cannot be read in this order of day and month, and every one of these
/// can be in the other.
fn ambiguous(c: &Column, bad: &[usize], chosen: usize, day_first: bool) -> PolarsResult<bool> {
    if bad.is_empty() || bad.len() * 20 <= chosen + bad.len() {
        return Ok(false);
    }
    let text = c.str()?;
    let other = |s: &str| parse_time(s, !day_first).is_some_and(|t| t.chosen_order);
    Ok(bad.iter().all(|i| text.get(*i).is_some_and(other))
        && text.iter().flatten().all(|s| parse_time(s, !day_first).is_some() || is_missing_number(s.trim())))
}

/// `Incident`, `sc_request`, `Change Request`, … to `incident`, `request`, `problem`, `change`; other text in lower case.
pub(crate) fn ticket_type(c: &Column) -> PolarsResult<Column> {
    let mut out = StringChunkedBuilder::new(c.name().clone(), c.len());
    for cell in c.str()?.iter() {
        let kind = cell.map(|s| {
            let lower = s.to_lowercase();
            let known = ["incident", "problem", "change", "request"].into_iter().find(|k| lower.contains(k));
            known.map_or(lower, ToOwned::to_owned)
        });
        out.append_option(kind);
    }
    Ok(out.finish().into_column())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn levels_are_read_from_display_values() {
        let check = |text: &str, expected: Result<Option<f64>, NoNumber>| {
            assert_eq!(level(text), expected, "{text:?}");
        };
        for (text, expected) in [
            ("2", 2.0),
            ("2 - High", 2.0),
            ("1-Critical", 1.0),
            ("P3", 3.0),
            ("Sev 2", 2.0),
            ("Priority 4", 4.0),
            ("Highest", 1.0),
            ("medium", 3.0),
            ("2 - somewhat critical", 2.0),
        ] {
            check(text, Ok(Some(expected)));
        }
        check("?", Ok(None));
        check("", Ok(None));
        check("whenever", Err(NoNumber));
        check("2x", Err(NoNumber));
        check("2024-01-01", Err(NoNumber));
    }

    #[test]
    fn sentinels_of_numbers_are_missing() {
        let check = |text: &str, expected: Result<Option<f64>, NoNumber>| {
            assert_eq!(number(text), expected, "{text:?}");
        };
        for text in
            ["", "?", "NA", "NaN", "null", "-", "N/A", "+Inf", "-inf", "1.7976931348623157E308", "Infinity"]
        {
            check(text, Ok(None));
        }
        check(" 1.5e3 ", Ok(Some(1500.0)));
        check("-1", Ok(Some(-1.0)));
        check("true", Ok(Some(1.0)));
        check("1,5", Err(NoNumber));
        check("hot", Err(NoNumber));
    }
}
