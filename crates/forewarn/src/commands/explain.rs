//! `forewarn explain`: one asset's card from a run folder.

use std::fmt::Write as _;

use forewarn_frames::output::RunTables;
use forewarn_report::{Format, life_words, read_tables, table_text};
use polars::prelude::{BooleanChunked, DataFrame, NewChunkedArray};
use serde_json::{Value, json};

use crate::cli::{ExplainArgs, TableFormat};
use crate::context::Context;
use crate::errors::{Exit, Failure, Outcome, visible};
use crate::nearest::nearest;
use crate::settings::Flags;
use crate::{folders, words};

/// Prints the card.
pub(super) fn explain(args: &ExplainArgs, context: &Context) -> Outcome<Exit> {
    let place = match &args.run {
        Some(dir) => dir.clone(),
        None => super::settings(&args.config, Flags::default())?.out,
    };
    let dir = folders::find_run(&place)?;
    let tables =
        read_tables(&|file| folders::read(&dir.join(file))).map_err(|e| super::unreadable(&dir, &e))?;
    let Some(asset) = rows(&tables.ranking, &args.asset)?.into_iter().next() else {
        return Err(unknown(&args.asset, &tables, &dir.display().to_string()));
    };
    let mut risk = rows(&tables.risk, &args.asset)?;
    risk.sort_by_key(|r| r["horizon_days"].as_i64());
    let worse = rows(&tables.degradations, &args.asset)?;
    let text = match args.format {
        TableFormat::Table => card(&asset, &risk, &worse, &tables),
        TableFormat::Csv => csv(&asset),
        TableFormat::Json => {
            let all =
                json!({ "as_of": tables.facts.as_of, "asset": asset, "risk": risk, "degradations": worse });
            format!("{all:#}\n")
        }
    };
    context.ui.data(&text)?;
    Ok(Exit::Done)
}

/// The rows of one asset as JSON objects.
fn rows(df: &DataFrame, asset: &str) -> Outcome<Vec<Value>> {
    let internal = |e: &dyn std::fmt::Display| {
        Failure::bug("a table of the run folder cannot be searched").cause(e.to_string())
    };
    let ids = df.column("asset_id").and_then(|c| c.str().cloned()).map_err(|e| internal(&e))?;
    let mine: Vec<bool> = ids.iter().map(|id| id == Some(asset)).collect();
    let mine = df.filter(&BooleanChunked::from_slice("".into(), &mine)).map_err(|e| internal(&e))?;
    let text = table_text(&mine, Format::Json).map_err(|e| super::unwritable(&e))?;
    serde_json::from_str(&text).map_err(|e| internal(&e))
}

fn unknown(asset: &str, tables: &RunTables, dir: &str) -> Failure {
    let failure = Failure::input(format!("no asset `{asset}` in the ranking of `{dir}`"));
    let ids: Vec<String> = match tables.ranking.column("asset_id").and_then(|c| c.str().cloned()) {
        Ok(ids) => ids.iter().flatten().map(str::to_owned).collect(),
        Err(_) => Vec::new(),
    };
    let near = nearest(asset, ids.iter().map(String::as_str), 3);
    if near.is_empty() {
        failure.hint(format!(
            "the ranking has {}; it holds assets that were in service",
            words::count(ids.len() as u64, "asset")
        ))
    } else {
        let list = near.iter().map(|n| format!("`{n}`")).collect::<Vec<_>>().join(", ");
        failure.hint(format!("assets with a similar id: {list}"))
    }
}

fn text<'a>(row: &'a Value, key: &str) -> Option<&'a str> {
    row[key].as_str().filter(|t| !t.is_empty())
}

fn interval(row: &Value) -> String {
    let p = |key: &str| words::percent(row[key].as_f64().unwrap_or(f64::NAN));
    format!("{}  ({} to {})", p("probability"), p("probability_low"), p("probability_high"))
}

/// How the rank moved since the night before, where that is known.
fn moved(asset: &Value) -> Option<String> {
    let reason = text(asset, "move_reason");
    let from = match (asset["previous_rank"].as_i64(), asset["rank"].as_i64()) {
        (Some(before), Some(now)) if before > now => format!("up from {before} the night before"),
        (Some(before), Some(now)) if before < now => format!("down from {before} the night before"),
        (Some(_), _) => "rank unchanged since the night before".to_owned(),
        (None, _) => return reason.map(str::to_owned),
    };
    Some(reason.map_or(from.clone(), |reason| format!("{from}: {reason}")))
}

fn card(asset: &Value, risk: &[Value], worse: &[Value], tables: &RunTables) -> String {
    let facts = &tables.facts;
    let what: Vec<&str> = ["kind", "model", "site"].iter().filter_map(|key| text(asset, key)).collect();
    let mut out = text(asset, "asset_id").unwrap_or_default().to_owned();
    if !what.is_empty() {
        let _ = write!(out, "  ({})", what.join(", "));
    }
    let _ = writeln!(
        out,
        "\nrank {} of {} as of {}, by the risk of failing within {} days",
        asset["rank"], facts.n_assets, facts.as_of, facts.rank_by_days
    );
    if let Some(moved) = moved(asset) {
        let _ = writeln!(out, "{moved}");
    }
    if text(asset, "status") == Some("unknown") {
        out += "too little was seen of it: the numbers are those of its kind and model\n";
    }
    out += "\nprobability of failing, with the 80 % interval\n";
    for row in risk {
        let mark = if row["horizon_days"] == facts.rank_by_days { "  <- ranked by" } else { "" };
        let _ = writeln!(out, "  within {:>4} days  {}{mark}", row["horizon_days"], interval(row));
    }
    let days = |key: &str| asset[key].as_f64();
    let longest = risk.last().and_then(|r| Some((r["horizon_days"].as_i64()?, r["probability"].as_f64()?)));
    let life = life_words(
        days("remaining_life_days"),
        days("remaining_life_low"),
        days("remaining_life_high"),
        longest,
    );
    if !life.is_empty() {
        let _ = writeln!(out, "\nremaining life: {life}");
    }
    let modes: Vec<String> = asset["modes"]
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(|m| Some(format!("{} {}", text(m, "mode")?, words::percent(m["probability"].as_f64()?))))
        .collect();
    if !modes.is_empty() {
        let _ = writeln!(out, "how it may fail within {} days: {}", facts.rank_by_days, modes.join(", "));
    }
    if let Some(action) = text(asset, "action") {
        let _ = writeln!(out, "what to do: {action}");
    }
    let reasons = asset["reasons"].as_array().map(Vec::as_slice).unwrap_or_default();
    if !reasons.is_empty() {
        let _ = writeln!(
            out,
            "\nreasons, in log-odds: what raises the risk has a plus (model `{}`)",
            facts.chosen_model
        );
    }
    for reason in reasons {
        let said = text(reason, "text").or(text(reason, "feature")).unwrap_or_default();
        let _ = writeln!(out, "  {:+6.2}  {said}", reason["contribution"].as_f64().unwrap_or(f64::NAN));
    }
    // What the whole fleet shows says nothing of one asset.
    let own = || worse.iter().filter(|r| r["n_assets"].as_i64().is_none_or(|n| n <= 1));
    if own().next().is_some() {
        out += "\nwhat gets worse or is unusual in its telemetry\n";
    }
    for row in own() {
        let since = text(row, "since").map_or("", |t| t.get(..10).unwrap_or(t));
        let near = text(row, "related").map_or_else(String::new, |r| format!(" (near: {r})"));
        let _ = writeln!(out, "  since {since}  {}{near}", text(row, "text").unwrap_or_default());
    }
    visible(&out)
}

/// The reasons, one a row.
fn csv(asset: &Value) -> String {
    // Quoted always, and never run as a formula by a spreadsheet.
    let cell = |v: &Value| match v {
        Value::Null => String::new(),
        Value::String(s) => {
            let guard = if s.starts_with(['=', '+', '-', '@', '\t', '\r']) { "'" } else { "" };
            format!("\"{guard}{}\"", s.replace('"', "\"\""))
        }
        other => other.to_string(),
    };
    let mut out = "asset_id,feature,value,unit,contribution,text\n".to_owned();
    for reason in asset["reasons"].as_array().into_iter().flatten() {
        let cells = ["feature", "value", "unit", "contribution", "text"].map(|key| cell(&reason[key]));
        let _ = writeln!(out, "{},{}", cell(&asset["asset_id"]), cells.join(","));
    }
    out
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test stops where its own input is wrong")]
mod tests {
    use super::*;

    #[test]
    fn a_move_is_told_with_its_reason() {
        let check = |row: Value, want: Option<&str>| assert_eq!(moved(&row).as_deref(), want);
        check(
            json!({ "rank": 3, "previous_rank": 12, "move_reason": "2 more tickets in 7 days (now 5)" }),
            Some("up from 12 the night before: 2 more tickets in 7 days (now 5)"),
        );
        check(json!({ "rank": 3, "previous_rank": 1 }), Some("down from 1 the night before"));
        check(json!({ "rank": 3, "previous_rank": 3 }), Some("rank unchanged since the night before"));
        check(
            json!({ "rank": 3, "previous_rank": null, "move_reason": "new: first seen yesterday" }),
            Some("new: first seen yesterday"),
        );
        check(json!({ "rank": 3, "previous_rank": null }), None);
    }

    #[test]
    fn the_csv_of_reasons_is_safe_in_a_spreadsheet() {
        let asset = json!({ "asset_id": "=1+1", "reasons": [
            { "feature": "base", "value": null, "unit": "", "contribution": -3.5, "text": "say \"hi\"" },
        ]});
        assert_eq!(
            csv(&asset),
            "asset_id,feature,value,unit,contribution,text\n\"'=1+1\",\"base\",,\"\",-3.5,\"say \"\"hi\"\"\"\n"
        );
    }
}
