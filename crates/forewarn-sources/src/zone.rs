//! Local clock times to UTC by an IANA zone, with one rule for the hours that a clock change drops or repeats. It does not
//! know text or tables.

use forewarn_frames::time::{DAY, Micros};
use polars::prelude::*;

/// A zone by its IANA name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Zone(Option<TimeZone>);

/// How many times fell into a clock change.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct ClockChanges {
    /// Places of times that the clock skipped: they move forward by the gap.
    pub(crate) skipped: Vec<usize>,
    /// Places of times that the clock showed twice: the earlier is taken.
    pub(crate) repeated: Vec<usize>,
}

impl Zone {
    /// UTC.
    pub(crate) const UTC: Self = Self(None);

    /// The zone of that name; `None` if there is no such zone.
    pub(crate) fn parse(name: &str) -> Option<Self> {
        if matches!(name, "UTC" | "Etc/UTC" | "Z") {
            return Some(Self::UTC);
        }
        TimeZone::opt_try_new(Some(name)).ok().map(Self)
    }

    /// Local microseconds to UTC microseconds.
    pub(crate) fn to_utc(
        &self,
        local: &[Option<Micros>],
    ) -> PolarsResult<(Vec<Option<Micros>>, ClockChanges)> {
        let mut changes = ClockChanges::default();
        let Some(zone) = &self.0 else { return Ok((local.to_vec(), changes)) };
        let (mut earliest, latest) = (resolve(zone, local, "earliest")?, resolve(zone, local, "latest")?);
        for (i, l) in local.iter().enumerate() {
            match (l, earliest[i]) {
                (Some(_), None) => changes.skipped.push(i),
                (Some(_), e) if e != latest[i] => changes.repeated.push(i),
                _ => {}
            }
        }
        if !changes.skipped.is_empty() {
            // The offset in force before the gap, applied across it, moves a time forward by exactly the gap.
            for back in [DAY, 2 * DAY] {
                let before: Vec<Option<Micros>> =
                    changes.skipped.iter().map(|i| local[*i].map(|l| l.saturating_sub(back))).collect();
                for (i, at) in changes.skipped.iter().zip(resolve(zone, &before, "latest")?) {
                    earliest[*i] = earliest[*i].or(at.map(|at| at + back));
                }
            }
        }
        Ok((earliest, changes))
    }
}

fn resolve(zone: &TimeZone, local: &[Option<Micros>], ambiguous: &str) -> PolarsResult<Vec<Option<Micros>>> {
    // Outside these years the calendar library has no answer; such a time is left as UTC.
    let plausible = |at: &Micros| (-60_000_000_000_000_000..250_000_000_000_000_000).contains(at);
    let naive = Column::new("t".into(), local.iter().map(|l| l.filter(plausible)).collect::<Vec<_>>())
        .cast(&DataType::Datetime(TimeUnit::Microseconds, None))?;
    let df = DataFrame::new(local.len(), vec![naive])?
        .lazy()
        .select([col("t")
            .dt()
            .replace_time_zone(Some(zone.clone()), lit(ambiguous), NonExistent::Null)
            .cast(DataType::Int64)])
        .collect()?;
    let utc = df.column("t")?.i64()?;
    Ok(utc.iter().zip(local).map(|(u, l)| if l.is_some_and(|l| !plausible(&l)) { *l } else { u }).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::times::parse_time;
    use forewarn_frames::time::format_minute;

    #[test]
    fn gaps_move_forward_and_repeats_take_the_earlier() {
        let check = |zone: &str, local: &str, utc: &str, skipped: usize, repeated: usize| {
            let at = parse_time(local, false).unwrap().at;
            let (out, changes) = Zone::parse(zone).unwrap().to_utc(&[Some(at), None]).unwrap();
            assert_eq!((format_minute(out[0].unwrap()).as_str(), out[1]), (utc, None), "{zone} {local}");
            assert_eq!(
                (changes.skipped.len(), changes.repeated.len()),
                (skipped, repeated),
                "{zone} {local}"
            );
        };
        for (zone, local, utc, skipped, repeated) in [
            ("UTC", "2025-03-30 02:30", "2025-03-30 02:30", 0, 0),
            ("Europe/Berlin", "2025-03-30 01:59", "2025-03-30 00:59", 0, 0),
            ("Europe/Berlin", "2025-03-30 02:30", "2025-03-30 01:30", 1, 0),
            ("Europe/Berlin", "2025-03-30 03:00", "2025-03-30 01:00", 0, 0),
            ("Europe/Berlin", "2025-10-26 02:30", "2025-10-26 00:30", 0, 1),
            ("Europe/Berlin", "2025-07-01 12:00", "2025-07-01 10:00", 0, 0),
            ("America/New_York", "2025-03-09 02:30", "2025-03-09 07:30", 1, 0),
            ("America/New_York", "2025-11-02 01:30", "2025-11-02 05:30", 0, 1),
            ("America/New_York", "2025-11-02 02:00", "2025-11-02 07:00", 0, 0),
            ("Australia/Lord_Howe", "2025-10-05 02:15", "2025-10-04 15:45", 1, 0),
            ("Australia/Lord_Howe", "2025-04-06 01:45", "2025-04-05 14:45", 0, 1),
            ("Pacific/Apia", "2011-12-30 12:00", "2011-12-30 22:00", 1, 0),
        ] {
            check(zone, local, utc, skipped, repeated);
        }
        assert_eq!(Zone::parse("Mars/Olympus"), None);
    }
}
