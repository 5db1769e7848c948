//! The readers of what forewarn keeps itself: config, model, history, orders and saved tables.

use std::io;
use std::path::Path;
use std::sync::OnceLock;

use forewarn_engine::StoredModel;
use forewarn_frames::Cutoff;
use forewarn_frames::output::{LEDGER, RunFacts, RunTables, TABLES, TableSchema};
use forewarn_frames::rollup::{Roller, RollerSettings, Written};
use forewarn_report::{Export, exports, facts_json, files, read_features, read_tables, render};
use forewarn_sources::check_parquet;
use polars::prelude::*;

use crate::damage::{damage, damage_parquet};
use crate::files::folder;
use crate::{config_file, folders, history, ordered, settings};

/// The text of a config file.
pub fn config(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let path = Path::new("conf/forewarn.toml");
    let said = |f: crate::errors::Failure| assert!(f.render(false).starts_with("error: "));
    match config_file::parse(text, "conf/forewarn.toml") {
        Err(f) => said(f),
        Ok(file) => match settings::Settings::resolve(
            file,
            path,
            &settings::Flags::default(),
            &settings::Environment::default(),
        ) {
            Err(f) => said(f),
            Ok(s) => {
                let shown = s.to_table(true).to_string();
                // What is shown can be read again, and means the same.
                let again = config_file::parse(&shown, "shown").expect("what is shown is a config");
                let again = settings::Settings::resolve(
                    again,
                    path,
                    &settings::Flags::default(),
                    &settings::Environment::default(),
                );
                assert_eq!(
                    again.expect("what is shown is valid").to_table(false).to_string(),
                    s.to_table(false).to_string()
                );
            }
        },
    }
}

const MODELS: [&[u8]; 2] = [
    include_bytes!("../../crates/forewarn-engine/golden/model-v1.json"),
    include_bytes!("../../crates/forewarn-engine/golden/model-v2.json"),
];

/// A model file as it is (from 128 on), or damage to a valid one of either version.
pub fn model(data: &[u8]) {
    let Some((kind, rest)) = data.split_first() else { return };
    let bytes = if *kind >= 128 {
        rest.to_vec()
    } else {
        let mut file = MODELS[usize::from(kind & 1)].to_vec();
        damage(&mut file, rest);
        file
    };
    match StoredModel::from_bytes(&bytes) {
        // A checksum of 64 bits is not met by chance.
        Ok(m) => assert!(m.version() == 1 || MODELS.contains(&bytes.as_slice())),
        Err(e) => assert!(e.to_string().len() < 10_000, "{e}"),
    }
}

fn roller_settings() -> RollerSettings {
    RollerSettings { counters: ["disk".to_owned()].into(), threads: 1, ..RollerSettings::default() }
}

/// Telemetry as far as it was rolled up: a head, and a part.
fn rolled() -> &'static [Vec<u8>; 2] {
    static BYTES: OnceLock<[Vec<u8>; 2]> = OnceLock::new();
    BYTES.get_or_init(|| {
        let mut roller = Roller::new(roller_settings());
        let source = roller.source(0, &["cpu".to_owned(), "disk".to_owned()], false);
        let hours: Vec<i64> = (0..40).flat_map(|h| [h, h]).collect();
        let rows = DataFrame::new(
            hours.len(),
            vec![
                Column::new("asset_id".into(), ["a", "b"].repeat(40)),
                Column::new("ts".into(), hours.iter().map(|h| h * 3_600_000_000).collect::<Vec<_>>())
                    .cast(&DataType::Datetime(TimeUnit::Microseconds, None))
                    .expect("whole numbers are times"),
                Column::new("cpu".into(), hours.iter().map(|h| (*h % 7) as f64).collect::<Vec<_>>()),
                Column::new("disk".into(), hours.iter().map(|h| *h as f64).collect::<Vec<_>>()),
            ],
        );
        roller.push(source, &rows.expect("columns are as long")).expect("the rows are valid");
        let (mut head, mut part) = (Vec::new(), Vec::new());
        roller.write_head(&mut head).expect("memory takes it");
        roller.write_part(&Written::default(), &mut part).expect("memory takes it");
        [head, part]
    })
}

/// Rolled up telemetry as it is kept between nights, past the hashes that guard it: any bytes as a head (from 128 on), or
/// damage to a valid head or part.
pub fn cache(data: &[u8]) {
    let Some((kind, rest)) = data.split_first() else { return };
    let [mut head, mut part] = rolled().clone();
    match *kind {
        128.. => head = rest.to_vec(),
        64.. => damage(&mut head, rest),
        _ => damage(&mut part, rest),
    }
    if let Ok(mut roller) = Roller::read_head(roller_settings(), &mut head.as_slice()) {
        let _ = roller.read_part(&mut part.as_slice());
    }
}

/// Two rows of a table's schema.
fn filled(schema: &TableSchema) -> DataFrame {
    let columns = schema.columns.iter().map(|(name, kind, _)| {
        let text = ["a", "2"];
        let list = |s: Series| Series::new((*name).into(), [s.clone(), s]).into_column();
        match kind.dtype() {
            DataType::String => Column::new((*name).into(), text),
            DataType::Float64 => Column::new((*name).into(), [0.5, 0.25]),
            DataType::Int64 => Column::new((*name).into(), [1_i64, 2]),
            DataType::Boolean => Column::new((*name).into(), [true, false]),
            DataType::List(inner) if *inner == DataType::String => list(Series::new("".into(), text)),
            dtype => Column::new((*name).into(), [16_800_i64 * 86_400_000_000; 2])
                .cast(&dtype)
                .unwrap_or_else(|_| Column::full_null((*name).into(), 2, &dtype)),
        }
    });
    DataFrame::new(2, columns.collect()).expect("columns are as long")
}

fn parquet_of(df: &DataFrame) -> Vec<u8> {
    let mut bytes = Vec::new();
    ParquetWriter::new(&mut bytes).finish(&mut df.clone()).expect("the table can be written");
    bytes
}

/// The files of a run folder.
fn run_folder() -> &'static [(String, Vec<u8>)] {
    static FILES: OnceLock<Vec<(String, Vec<u8>)>> = OnceLock::new();
    FILES.get_or_init(|| {
        let facts = RunFacts {
            as_of: "2016-01-01".into(),
            trained_as_of: "2016-01-01".into(),
            ..RunFacts::default()
        };
        let mut all = files(&RunTables::empty(facts.clone())).expect("the tables are valid");
        for schema in TABLES {
            let name = format!("{}.parquet", schema.name);
            if let Some(file) = all.iter_mut().find(|f| f.0 == name) {
                file.1 = parquet_of(&filled(schema));
            }
        }
        let facts = facts_json(&facts).expect("facts are JSON");
        all.push(("manifest.json".into(), serde_json::json!({ "facts": facts }).to_string().into_bytes()));
        all
    })
}

/// The number of a file, whether it is damaged (below 128) or replaced, and by what; then the folder is read and shown.
pub fn saved(data: &[u8]) {
    let [n, kind, rest @ ..] = data else { return };
    let all = run_folder();
    let (name, bytes) = &all[usize::from(*n) % all.len()];
    let mut bytes = bytes.clone();
    match (*kind >= 128, name.ends_with(".parquet")) {
        (true, _) => bytes = rest.to_vec(),
        (false, true) => damage_parquet(&mut bytes, rest),
        (false, false) => damage(&mut bytes, rest),
    }
    let read = |file: &str| -> io::Result<Vec<u8>> {
        if file == name {
            // As the binary reads it.
            if file.ends_with(".parquet") {
                check_parquet(&bytes, file).map_err(|e| io::Error::other(e.to_string()))?;
            }
            return Ok(bytes.clone());
        }
        let found = all.iter().find(|f| f.0 == file).map(|f| f.1.clone());
        found.ok_or_else(|| io::Error::from(io::ErrorKind::NotFound))
    };
    let Ok(tables) = read_tables(&read) else { return };
    let _ = render(&tables);
    if let Ok(features) = read_features(&read)
        && let Ok(all) = exports(&tables, &features, &[Export::Csv, Export::Json])
    {
        all.for_each(|file| drop(file));
    }
}

/// Damage to a night of the ledger or to a file of orders, or another file in its place.
pub fn history_files(data: &[u8]) {
    let [kind, rest @ ..] = data else { return };
    let out = folder().join("out");
    let ledger = out.join("history/2016-01-01.parquet");
    let orders = out.join("history/orders/2016-01-01.json");
    std::fs::create_dir_all(out.join("history/orders")).expect("the folder can be made");
    static NIGHT: OnceLock<Vec<u8>> = OnceLock::new();
    let night = NIGHT.get_or_init(|| parquet_of(&filled(&LEDGER)));
    let written: &[u8] = br#"{"as_of":"2016-01-01","orders":[{"order_id":"fw-1","asset_ids":["a","b"]}]}"#;
    let (mut l, mut o) = (night.clone(), written.to_vec());
    match kind {
        0..64 => damage_parquet(&mut l, rest),
        64..128 => damage(&mut o, rest),
        128..192 => l = rest.to_vec(),
        _ => o = rest.to_vec(),
    }
    std::fs::write(ledger, l).and_then(|()| std::fs::write(orders, o)).expect("files can be written");
    let as_of = Cutoff::parse("2016-02-01").expect("it is a date");
    let Ok(lock) = crate::lock::Lock::take(&out, ".lock") else { return };
    let read = history::read(&lock, &out, as_of, 7);
    assert!(read.is_ok(), "a file that cannot be used is a finding");
    let (orders, findings) = ordered::before(&out, as_of);
    let _ = (ordered::fingerprint(&orders), findings);
}
