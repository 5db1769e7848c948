//! The nearest valid names to one that is not: for hints. It does not know what is named.

/// Up to `n` of `names` that are near enough to `found` to be what was meant, the nearest first.
pub fn nearest<'a>(found: &str, names: impl IntoIterator<Item = &'a str>, n: usize) -> Vec<&'a str> {
    let plain = |s: &str| s.to_lowercase().replace(['-', ' '], "_");
    let found = plain(found);
    let mut near: Vec<(f64, &str)> = names
        .into_iter()
        .map(|name| {
            let name_plain = plain(name);
            // A name that begins or ends with what was typed is near even where much of it is missing.
            let part = found.len() >= 3 && (name_plain.starts_with(&found) || name_plain.ends_with(&found));
            let score = strsim::jaro_winkler(&found, &name_plain)
                .max(strsim::normalized_damerau_levenshtein(&found, &name_plain));
            (if part { score.max(0.9) } else { score }, name)
        })
        .filter(|(score, _)| *score >= 0.75)
        .collect();
    near.sort_by(|a, b| b.0.total_cmp(&a.0).then_with(|| a.1.cmp(b.1)));
    near.into_iter().take(n).map(|(_, name)| name).collect()
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test stops where its own input is wrong")]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_name_comes_first_and_far_ones_do_not_come() {
        let keys = ["horizons_days", "rank_by_days", "cutoff_every", "refit_every", "train_from"];
        let check = |found: &str, want: Option<&str>| {
            assert_eq!(nearest(found, keys, 1).first().copied(), want, "{found}");
        };
        check("horizon_days", Some("horizons_days"));
        check("Horizons-Days", Some("horizons_days"));
        check("refit", Some("refit_every"));
        check("rank_by", Some("rank_by_days"));
        check("color", None);
        check("", None);
        check("\u{1F4A5}", None);
    }
}
