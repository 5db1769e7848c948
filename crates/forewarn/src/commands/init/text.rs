//! The words of a new `forewarn.toml`: what was found, said in the config's own keys, and the other keys as comments. It
//! does not know files.

use std::fmt::Write as _;

use forewarn_sources::Guess;

use super::{Group, SURE, ending, needs};

/// The whole config.
pub(super) fn config(groups: &[Group]) -> String {
    let mut out = HEAD.to_owned();
    let best = |table: &str| {
        let of_table = groups.iter().filter(|g| g.is(table));
        of_table.max_by(|a, b| a.score().total_cmp(&b.score()).then_with(|| b.names.cmp(&a.names)))
    };
    let (assets, tickets, failures, history) =
        (best("assets"), best("tickets"), best("failures"), best("asset_history"));
    let actions = best("actions");
    let telemetry: Vec<&Group> = groups.iter().filter(|g| g.is("telemetry")).collect();
    let events: Vec<&Group> = groups.iter().filter(|g| g.is("events")).collect();
    // Backblaze's own files: the telemetry names the drives, and says on which day one failed.
    let flagged = telemetry.iter().find(|g| g.sniff.columns.iter().any(|c| c == "failure"));

    match assets {
        Some(group) => out += &source("[assets]", group, ""),
        None if flagged.is_some() => out += ASSETS_OF_TELEMETRY,
        None => out += NO_ASSETS,
    }
    if let Some(group) = history {
        out += &source("[asset_history]", group, "");
    }
    match tickets {
        Some(group) => out += &source("[tickets]", group, ""),
        None => out += NO_TICKETS,
    }
    for group in &telemetry {
        let long = ["metric", "value"].iter().all(|name| group.sniff.columns.iter().any(|c| c == name));
        let layout = if long { "layout = \"long\"\n" } else { "" };
        out += &source(
            "[[telemetry]]",
            group,
            &format!("{layout}# on_change = true             # a row comes only when a value changes\n"),
        );
    }
    for group in &events {
        let kind = group
            .guess()
            .filter(|g| g.missing.contains(&"kind"))
            .map(|_| format!("kind = {}\n", quoted(&kind_of(group))));
        out += &source("[[events]]", group, &kind.unwrap_or_default());
    }
    out += &match (failures, flagged, tickets) {
        (Some(group), _, _) => failure_file(group),
        (None, Some(_), _) => FAILURE_FLAG.to_owned(),
        (None, None, Some(_)) => FAILURE_TICKETS.to_owned(),
        (None, None, None) => NO_FAILURE.to_owned(),
    };
    match actions {
        Some(group) => out += &source("[actions]", group, ""),
        None => out += NO_ACTIONS,
    }
    let used = [assets, tickets, failures, history, actions];
    let left: Vec<&Group> = groups
        .iter()
        .filter(|g| !used.iter().flatten().chain(&telemetry).chain(&events).any(|u| std::ptr::eq(*u, *g)))
        .collect();
    if !left.is_empty() {
        out += "\n# Files that are not used:\n";
    }
    for group in left {
        let _ = writeln!(out, "# {} ({} rows): {}", path(group), group.sniff.n_rows, why_not(group.guess()));
    }
    out += TAIL;
    out
}

fn why_not(guess: Option<&Guess>) -> String {
    let Some(guess) = guess else { return "like no table".to_owned() };
    let needs = needs(guess);
    if !needs.is_empty() {
        let list = needs.iter().map(|n| format!("`{n}`")).collect::<Vec<_>>().join(", ");
        format!("most like {}, where {list} would have to be mapped with `columns`", guess.table)
    } else if guess.score < SURE {
        format!("perhaps {}", guess.table)
    } else {
        format!("like {}, for which another file fits better", guess.table)
    }
}

/// One source of a table.
fn source(header: &str, group: &Group, more: &str) -> String {
    let mut out = format!("\n# {} rows\n{header}\npath = {}\n", group.sniff.n_rows, path(group));
    out += &keys(group);
    out += more;
    out
}

fn keys(group: &Group) -> String {
    let mut out = String::new();
    let Some(guess) = group.guess() else { return out };
    if guess.preset != "generic" {
        let _ = writeln!(out, "preset = {}", quoted(guess.preset));
    }
    if !guess.proposed.is_empty() {
        let map: Vec<String> =
            guess.proposed.iter().map(|(name, column)| format!("{name} = {}", quoted(column))).collect();
        let _ = writeln!(out, "columns = {{ {} }}", map.join(", "));
    }
    if group.sniff.day_first {
        out += "day_first = true               # 31/12/2025 is met, 12/31/2025 is not\n";
    }
    out
}

fn failure_file(group: &Group) -> String {
    let mut inside = vec![format!("path = {}", path(group))];
    inside.extend(keys(group).lines().map(|l| l.split('#').next().unwrap_or_default().trim().to_owned()));
    format!(
        "\n# What counts as a failure: {} rows of a file.\n[failure]\nfailures = {{ {} }}\n\
         # terminal = false             # if a failed asset is repaired and goes on; by default it leaves\n",
        group.sniff.n_rows,
        inside.join(", ")
    )
}

/// One path, a pattern where a folder holds nothing else of that ending, or a list.
fn path(group: &Group) -> String {
    let full = |name: &str| {
        let path = group.dir.join(name);
        quoted(&path.to_string_lossy().replace('\\', "/"))
    };
    match group.names.as_slice() {
        [one] => full(one),
        [first, ..] if group.whole => full(&format!("*.{}", ending(first).unwrap_or_default())),
        all => format!("[{}]", all.iter().map(|n| full(n)).collect::<Vec<_>>().join(", ")),
    }
}

/// What kind of event a file of such a name holds.
fn kind_of(group: &Group) -> String {
    let name = group.names[0].to_lowercase();
    let kinds = ["patch", "change", "replacement", "visit", "alert", "error", "maintenance"];
    let known = kinds.iter().find(|k| name.contains(*k) || (**k == "visit" && name.contains("maint")));
    known.map_or_else(|| "event".to_owned(), |k| (*k).to_owned())
}

fn quoted(text: &str) -> String {
    toml::Value::String(text.to_owned()).to_string()
}

const HEAD: &str = "\
# forewarn: which assets fail next. Written by `forewarn init`; every line may be changed.
# Paths are relative to this file. Check the data with `forewarn check`, then `forewarn run`.

[run]
out = \"reports\"                 # one folder per date, and `latest`
# as_of = \"2025-12-31\"          # default: the midnight after the newest record
# time_zone = \"Europe/Berlin\"   # for timestamps without an offset; default: UTC
# history_from = \"2023-01-01\"   # ignore older records
";

const ASSETS_OF_TELEMETRY: &str = "
# The assets are those that the telemetry names.
[assets]
from = \"telemetry\"
";

const NO_ASSETS: &str = "
# No inventory was found. Without one, an asset counts from the first record that names it.
# [assets]
# path = \"cmdb/*.csv\"
# preset = \"servicenow\"
";

const NO_TICKETS: &str = "
# No tickets were found.
# [tickets]
# path = \"incidents.csv\"
# preset = \"servicenow\"
# columns = { asset_id = \"cmdb_ci\" }
";

const FAILURE_TICKETS: &str = "
# What counts as a failure: for now every ticket on an asset. Say it more narrowly, and the list gets better.
[failure]
from = \"tickets\"
# where = \"category = 'Hardware' AND priority <= 2\"
# mode = \"subcategory\"         # how it failed; by default the subcategory, or the category
# terminal = true              # if a failed asset leaves for good
";

const FAILURE_FLAG: &str = "
# What counts as a failure: a reading whose column `failure` is 1. The asset leaves then.
[failure]
from = \"telemetry\"
where = \"failure = 1\"
terminal = true
";

const NO_FAILURE: &str = "
# What counts as a failure? Nothing that was found says so; one of these is needed.
# [failure]
# from = \"tickets\"             # or \"events\", \"telemetry\"
# where = \"category = 'Hardware' AND priority <= 2\"
# failures = { path = \"failures.csv\" }
";

const NO_ACTIONS: &str = "
# What was done on the assets of the list, as you note it: `asset_id, at, what, until`, where `what` is visited, replaced,
# dismissed or snoozed. Such an asset is held back, and the next track record tells it from a false alarm.
# [actions]
# path = \"actions.csv\"
";

const TAIL: &str = "
[risk]
horizons_days = [7, 30, 90]
rank_by_days = 30
# cutoff_every = \"1w\"           # the step between training cutoffs
# refit_every = \"1mo\"           # how often models are trained anew
# leave_out = [\"rma_status\"]     # columns of the data that are not learned from

[capacity]
visits = 20                    # how many assets can be looked after
per_days = 7                   # in that many days

[checks]
fail_at = \"error\"              # a finding of this severity ends a run with exit code 1
# max_age_days = { tickets = 7 }
# ranges = { temperature = { min = -20, max = 90 } }

[export]
tables = [\"csv\", \"xlsx\"]       # every table, beside Parquet; also \"json\"; [] for none

[report]
# ticket_url = \"https://desk.example.org/ticket/{id}\"   # makes ticket ids of the report links
";

#[cfg(test)]
#[path = "text_tests.rs"]
mod tests;
