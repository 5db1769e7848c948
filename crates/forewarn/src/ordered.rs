//! What earlier nights ordered: `OUT/history/orders/<as-of>.json`, one file a night, never rewritten. It does not know which
//! actions deserve a ticket.
//!
//! As with predictions, a run keeps its orders when its folder can be seen; one that is stopped between the two has lost
//! nothing, since the next one looks for orders that are in a run folder and not here.

use std::fs;
use std::path::{Path, PathBuf};

use forewarn_engine::Order;
use forewarn_frames::output::ORDERS;
use forewarn_frames::{Cutoff, Finding, Severity};
use forewarn_report::read_parquet;
use polars::prelude::DataFrame;
use serde_json::{Value, json};

use crate::errors::{Failure, Outcome};
use crate::folders::{self, Fingerprint};
use crate::history;
use crate::inputs::internal;
use crate::lock::Lock;

/// What a run orders, in its folder.
const ORDERS_FILE: &str = "orders.parquet";

fn folder(out: &Path) -> PathBuf {
    out.join(history::HISTORY).join(history::ORDERS)
}

/// The night of a file of that name: `2026-01-01.json`, or `2026-01-01.2.json` of a night that was run again.
fn night(name: &str) -> Option<Cutoff> {
    let stem = name.strip_suffix(".json")?;
    let date = stem.get(..10)?;
    let again = stem[10..].strip_prefix('.').map(|n| n.parse::<u32>().is_ok());
    (stem.len() == 10 || again == Some(true)).then(|| Cutoff::parse(date).ok()).flatten()
}

/// The orders of all nights before `as_of`, oldest first, and a finding for each file that cannot be read.
pub(crate) fn before(out: &Path, as_of: Cutoff) -> (Vec<Order>, Vec<Finding>) {
    let entries = fs::read_dir(folder(out)).into_iter().flatten().flatten();
    let mut names: Vec<String> = entries
        .map(|e| e.file_name().to_string_lossy().into_owned())
        .filter(|n| Path::new(n).extension().is_some_and(|e| e == "json"))
        .collect();
    names.sort();
    let (mut orders, mut findings) = (Vec::new(), Vec::new());
    for name in names {
        if night(&name).is_some_and(|n| n >= as_of) {
            continue;
        }
        let path = folder(out).join(&name);
        match night(&name).and_then(|n| parse(&folders::read(&path).ok()?, n)) {
            Some(read) => orders.extend(read),
            None => findings.push(Finding {
                check: "unreadable_orders".into(),
                severity: Severity::Warning,
                table: "history".into(),
                column: None,
                n_rows: 0,
                sample: vec![name],
                message: "a file of earlier orders cannot be read; its tickets may be ordered again".into(),
                hint: format!("put `{}` back as it was, or remove it", path.display()),
            }),
        }
    }
    (orders, findings)
}

fn parse(bytes: &[u8], as_of: Cutoff) -> Option<Vec<Order>> {
    let value: Value = serde_json::from_slice(bytes).ok()?;
    value["orders"]
        .as_array()?
        .iter()
        .map(|o| {
            let assets = o["asset_ids"].as_array()?.iter().map(|a| a.as_str().map(str::to_owned));
            Some(Order {
                as_of,
                order_id: o["order_id"].as_str()?.to_owned(),
                asset_ids: assets.collect::<Option<_>>()?,
            })
        })
        .collect()
}

/// How many earlier orders there are, and one hash over them: what the manifest says of them.
pub(crate) fn fingerprint(orders: &[Order]) -> Value {
    let list: Vec<String> =
        orders.iter().map(|o| format!("{} {} {}", o.as_of, o.order_id, o.asset_ids.join(" "))).collect();
    json!({ "orders": orders.len(), "sha256": Fingerprint::of_bytes(list.join("\n").as_bytes()).sha256 })
}

/// Keeps what tonight orders. A night that is run again with the same orders leaves its file alone; with others it adds one.
///
/// # Errors
///
/// The file cannot be written.
pub(crate) fn keep(_lock: &Lock, out: &Path, as_of: Cutoff, orders: &DataFrame) -> Outcome<()> {
    debug_assert_eq!(ORDERS.check(orders), Ok(()));
    if orders.height() == 0 {
        return Ok(());
    }
    let listed = || -> polars::prelude::PolarsResult<Vec<Value>> {
        let (ids, lists) =
            (orders.column("order_id")?.str()?.clone(), orders.column("asset_ids")?.list()?.clone());
        (0..orders.height())
            .map(|i| {
                let assets = match lists.get_as_series(i) {
                    Some(list) => list.str()?.iter().flatten().map(str::to_owned).collect::<Vec<_>>(),
                    None => Vec::new(),
                };
                Ok(json!({ "order_id": ids.get(i), "asset_ids": assets }))
            })
            .collect()
    };
    let orders = listed().map_err(|e| internal(&e))?;
    let bytes = folders::pretty(&json!({ "as_of": as_of.to_string(), "orders": orders }));
    let folder = folder(out);
    fs::create_dir_all(&folder).map_err(|e| Failure::io("make the folder", &folder, &e))?;
    let names =
        std::iter::once(format!("{as_of}.json")).chain((2_u32..).map(|n| format!("{as_of}.{n}.json")));
    for name in names {
        let path = folder.join(name);
        match fs::read(&path) {
            Ok(there) if there == bytes => return Ok(()),
            Ok(_) => {}
            Err(_) if !path.exists() => {
                folders::replace_file(&path, &bytes)?;
                return folders::sync(&folder);
            }
            Err(e) => return Err(Failure::io("read", &path, &e)),
        }
    }
    Ok(())
}

/// Keeps what earlier runs ordered and did not come to keep, because they were stopped after their folder was switched:
/// tickets that were handed out and forgotten would be handed out again. What an interrupted run left half written is
/// removed.
///
/// # Errors
///
/// A file cannot be written.
pub(crate) fn settle(lock: &Lock, out: &Path) -> Outcome<()> {
    for entry in fs::read_dir(folder(out)).into_iter().flatten().flatten() {
        let name = entry.file_name().to_string_lossy().into_owned();
        if folders::is_temporary(&name) {
            let _ = fs::remove_file(entry.path());
        }
    }
    for (date, run) in folders::runs_by_date(out)? {
        // What cannot be read was whole once: it is the disk's fault, and the report says nothing of it either.
        if let Ok(bytes) = fs::read(run.join(ORDERS_FILE))
            && let Ok(orders) = read_parquet(&bytes, "orders")
            && ORDERS.check(&orders).is_ok()
        {
            keep(lock, out, date, &orders)?;
        }
    }
    Ok(())
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test stops where its own input is wrong")]
mod tests {
    use polars::prelude::*;

    use super::*;

    fn day(text: &str) -> Cutoff {
        Cutoff::parse(text).unwrap()
    }

    fn orders(id: &str) -> DataFrame {
        let text = |name: &str, v: &str| Column::new(name.into(), [v]);
        let due =
            Column::new("due_at".into(), [0_i64]).cast(&DataType::Datetime(TimeUnit::Microseconds, None));
        let list = Series::new("asset_ids".into(), [Series::new("".into(), ["a", "b"])]);
        DataFrame::new(
            1,
            vec![
                text("order_id", id),
                list.into(),
                text("action", "x"),
                text("title", "t"),
                text("text", "t"),
                Column::new("impact".into(), [1_i64]),
                Column::new("urgency".into(), [1_i64]),
                text("site", "s"),
                text("owner", "o"),
                due.unwrap(),
            ],
        )
        .unwrap()
    }

    #[test]
    fn nights_are_added_and_never_rewritten() {
        let dir = std::env::temp_dir().join(format!("forewarn-orders-{}", std::process::id()));
        let _ = fs::remove_dir_all(&dir);
        let lock = Lock::take(&dir, ".lock").unwrap();
        let put = |date: &str, id: &str| keep(&lock, &dir, day(date), &orders(id)).unwrap();
        put("2026-01-01", "fw-1");
        put("2026-01-01", "fw-1");
        put("2026-01-01", "fw-2");
        put("2026-01-02", "fw-3");
        let check = |date: &str, want: &[&str]| {
            let (found, findings) = before(&dir, day(date));
            let ids: Vec<&str> = found.iter().map(|o| o.order_id.as_str()).collect();
            assert_eq!((ids.as_slice(), findings.len()), (want, 0), "{date}");
        };
        check("2026-01-01", &[]);
        check("2026-01-02", &["fw-2", "fw-1"]);
        check("2026-01-03", &["fw-2", "fw-1", "fw-3"]);
        assert_eq!(before(&dir, day("2026-01-03")).0[0].asset_ids, ["a", "b"]);
        // What is no file of ours is named, and left alone.
        fs::write(folder(&dir).join("2025-12-31.json"), "{\"orders\": [").unwrap();
        fs::write(folder(&dir).join("notes.json"), "{}").unwrap();
        let (found, findings) = before(&dir, day("2026-01-03"));
        assert_eq!((found.len(), findings.len()), (3, 2));
        assert!(findings.iter().any(|f| f.sample == ["notes.json"]), "{findings:?}");
        let _ = fs::remove_dir_all(&dir);
    }
}
