//! Ids of problems that last: by the first ticket, and handed on from an earlier night by the tickets in common. It does
//! not know what the tickets say.

use std::collections::{BTreeMap, BTreeSet};

use polars::prelude::*;

use crate::EngineError;

/// Part of an earlier problem's tickets that a group must hold to be that problem.
const SAME: f64 = 0.5;

/// The id of each group, given its tickets by time. A group that holds most tickets of a problem of the `earlier` night is
/// that problem; any other is named after its first ticket. No two ids are the same.
pub(super) fn ids(groups: &[Vec<&str>], earlier: Option<&DataFrame>) -> Result<Vec<String>, EngineError> {
    let mut group_of: BTreeMap<&str, usize> = BTreeMap::new();
    for (g, tickets) in groups.iter().enumerate() {
        group_of.extend(tickets.iter().map(|t| (*t, g)));
    }
    let mut out: Vec<Option<String>> = vec![None; groups.len()];
    let mut taken: BTreeSet<String> = BTreeSet::new();
    let mut claims: Vec<(usize, String, usize)> = Vec::new();
    if let Some(df) = earlier {
        let (id, tickets) = (df.column("problem_id")?.str()?, df.column("ticket_ids")?.list()?);
        for i in 0..df.height() {
            let (Some(id), Some(tickets)) = (id.get(i), tickets.get_as_series(i)) else { continue };
            let mut shared: BTreeMap<usize, usize> = BTreeMap::new();
            let mut n = 0;
            for t in tickets.str()?.iter().flatten() {
                n += 1;
                if let Some(g) = group_of.get(t) {
                    *shared.entry(*g).or_insert(0) += 1;
                }
            }
            let claim =
                |(g, k): (usize, usize)| (k as f64 >= SAME * f64::from(n)).then(|| (k, id.to_owned(), g));
            claims.extend(shared.into_iter().filter_map(claim));
        }
    }
    // The claim with most tickets in common comes first.
    claims.sort_by(|a, b| b.0.cmp(&a.0).then(a.1.cmp(&b.1)).then(a.2.cmp(&b.2)));
    for (_, id, g) in claims {
        if out[g].is_none() && !taken.contains(&id) {
            taken.insert(id.clone());
            out[g] = Some(id);
        }
    }
    for (tickets, id) in groups.iter().zip(&mut out) {
        if id.is_none() {
            let free = tickets.iter().map(|t| format!("P-{t}")).find(|t| !taken.contains(t));
            *id = free.inspect(|t| {
                taken.insert(t.clone());
            });
        }
    }
    Ok(out.into_iter().map(Option::unwrap_or_default).collect())
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use super::*;

    fn night(rows: &[(&str, &[&str])]) -> DataFrame {
        let lists: Vec<Series> = rows.iter().map(|r| Series::new("".into(), r.1)).collect();
        let id = rows.iter().map(|r| r.0).collect::<Vec<_>>();
        DataFrame::new(
            rows.len(),
            vec![Column::new("problem_id".into(), id), Column::new("ticket_ids".into(), lists)],
        )
        .unwrap()
    }

    #[test]
    fn the_first_ticket_names_a_problem_and_an_earlier_night_hands_it_on() {
        let groups = [vec!["a", "b", "c"], vec!["d", "e"], vec!["f", "g"]];
        assert_eq!(ids(&groups, None).unwrap(), ["P-a", "P-d", "P-f"]);
        // Most tickets of P-x are in the first group; P-y was split in halves, and the first half keeps it; one ticket
        // of three is no claim.
        let earlier = night(&[("P-x", &["b", "c"]), ("P-y", &["d", "f"]), ("P-z", &["g", "q", "r"])]);
        assert_eq!(ids(&groups, Some(&earlier)).unwrap(), ["P-x", "P-y", "P-f"]);
        // An id that is handed on is not given twice.
        let earlier = night(&[("P-d", &["a", "b"])]);
        assert_eq!(ids(&groups, Some(&earlier)).unwrap(), ["P-d", "P-e", "P-f"]);
    }
}
