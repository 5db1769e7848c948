//! Scoring in steps on a fleet that is split among machines: whatever the partitions of assets, the order of rows and their
//! batches, the features and the risk are those of one machine to the last bit, and bytes that crossed badly are refused.

use std::path::Path;

use forewarn_engine::steps::{self, CohortState, Readings};
use forewarn_engine::{FittedModel, RiskSettings, Settings, Silent, StoredModel};
use forewarn_features::{Catalog, CatalogWords, Condition, Limit, Sequence, Shared, SharedWords, compute};
use forewarn_frames::input::{AssetHistory, Assets, Events, Failures, Tickets};
use forewarn_frames::rollup::{Roller, RollerSettings, TelemetryKind};
use forewarn_frames::{Cutoff, Every, FrameInputs, Frames};
use forewarn_settings::config_file;
use forewarn_settings::inputs::{Reading, read};
use forewarn_settings::settings::{Environment, Flags, Settings as Config};
use polars::prelude::*;
use proptest::prelude::*;

use crate::fleet::{DAYS, Dice, Rows, START};
use crate::no_lookahead::settings;

/// The partition of an asset among `n`: by its name, so that partitions are of unlike size.
fn part_of(id: &str, n: usize) -> usize {
    id.bytes().fold(7, |h: usize, b| h.wrapping_mul(31).wrapping_add(usize::from(b))) % n
}

/// The rows of one partition; those that name no asset are in none.
fn part(df: &DataFrame, p: usize, n: usize) -> DataFrame {
    let id = df.column("asset_id").unwrap().str().unwrap();
    let keep: BooleanChunked = id.iter().map(|id| id.is_some_and(|id| part_of(id, n) == p)).collect();
    df.filter(&keep).unwrap()
}

/// The tables of one partition with the rollup of its readings. What the state says is given wrongly.
fn partition(whole: &FrameInputs, rollup: &DataFrame, p: usize, n: usize) -> FrameInputs {
    let rows = |df: &DataFrame| part(df, p, n);
    FrameInputs {
        // A partition without an asset of the inventory may come without one.
        assets: whole
            .assets
            .as_ref()
            .map(|t| rows(t.df()))
            .filter(|df| df.height() > 0)
            .map(|df| Assets::try_new(&df).unwrap()),
        asset_history: whole.asset_history.as_ref().map(|t| AssetHistory::try_new(&rows(t.df())).unwrap()),
        tickets: whole.tickets.as_ref().map(|t| Tickets::try_new(&rows(t.df())).unwrap()),
        known_late: vec![],
        telemetry: Roller::from_frame(rollup, RollerSettings::default()).unwrap(),
        events: whole.events.as_ref().map(|t| Events::try_new(&rows(t.df())).unwrap()),
        failures: Failures::try_new(&rows(whole.failures.df())).unwrap(),
        actions: None,
        terminal: !whole.terminal,
        as_of: Cutoff::from_day(0),
    }
}

/// The readings of one partition in shuffled batches of so many rows.
fn batches(readings: &[Readings], (p, n): (usize, usize), rows: usize, dice: &mut Dice) -> Vec<Readings> {
    let cut = |r: &Readings, dice: &mut Dice| {
        let mut out = Vec::new();
        for df in &r.batches {
            let mine = part(df, p, n);
            out.extend((0..mine.height()).step_by(rows).map(|from| mine.slice(from as i64, rows)));
        }
        dice.shuffle(&mut out);
        Readings { batches: out, kind: r.kind.clone() }
    };
    readings.iter().map(|r| cut(r, dice)).collect()
}

fn stacked(parts: &[DataFrame], by: &[&str]) -> DataFrame {
    let mut all = parts[0].clone();
    for p in &parts[1..] {
        all.vstack_mut(p).unwrap();
    }
    all.sort(by.to_vec(), SortMultipleOptions::default()).unwrap()
}

/// All steps on `n` machines: the merged rollup, the features, the risk.
fn on_machines(
    (whole, readings): (&FrameInputs, &[Readings]),
    (settings, model): (&Settings, &StoredModel),
    cutoff: Cutoff,
    (n, rows): (usize, usize),
) -> [DataFrame; 3] {
    let mut dice = Dice(n as u64);
    let rollups: Vec<DataFrame> = (0..n)
        .map(|p| steps::rollup(&batches(readings, (p, n), rows, &mut dice), 1 + p % 3).unwrap())
        .collect();
    let merged = steps::merge(&rollups).unwrap();
    let telemetry = Roller::from_frame(&merged, RollerSettings::default()).unwrap();
    let fleet = Frames::new(FrameInputs { telemetry, ..whole.clone() }).unwrap();
    let state = steps::cohort_state(&fleet, cutoff, settings, model, 2).unwrap().to_bytes().unwrap();
    let (mut features, mut risk) = (Vec::new(), Vec::new());
    for (p, rollup) in rollups.iter().enumerate() {
        let state = CohortState::from_bytes(&state).unwrap();
        let table = steps::features(partition(whole, rollup, p, n), &state, model, 1 + p % 3).unwrap();
        for from in (0..table.height()).step_by(rows) {
            risk.push(steps::predict(model, &table.slice(from as i64, rows), 1 + p % 2).unwrap());
        }
        features.push(table);
    }
    [merged, stacked(&features, &["asset_id"]), stacked(&risk, &["asset_id", "horizon_days"])]
}

/// Steps on one machine give the risk of the model bound to the fleet, and so do steps on any number of machines.
fn check(
    what: &str,
    given: (&FrameInputs, &[Readings]),
    settings: &Settings,
    cutoff: Cutoff,
    splits: &[(usize, usize)],
) {
    let frames = Frames::new(given.0.clone()).unwrap();
    let fitted = FittedModel::fit(&frames, settings, &Silent).unwrap();
    let risk = fitted.predict(&frames, settings, cutoff).unwrap();
    let model = StoredModel::from_bytes(&fitted.to_bytes().unwrap()).unwrap();
    let rollup = given.0.telemetry.clone().into_frame().unwrap();
    let features = on_machines(given, (settings, &model), cutoff, (1, usize::MAX >> 1))[1].clone();
    assert!(risk.height() > 20 && features.height() > 10, "{what}");
    for split in splits {
        let got = on_machines(given, (settings, &model), cutoff, *split);
        for (name, got, want) in
            [("rollup", &got[0], &rollup), ("features", &got[1], &features), ("risk", &got[2], &risk)]
        {
            assert!(got.equals_missing(want), "{what}, {split:?}, {name}: {got} {want}");
        }
    }
}

/// The readings of a small fleet, wear and heat from sources of their own: the second writes changes alone.
fn two_sources(rows: &Rows) -> Vec<Readings> {
    let r = &rows.readings;
    let column = |name: &str, values: Vec<Option<f64>>| {
        let at = Column::new("ts".into(), r.iter().map(|r| r.1).collect::<Vec<_>>());
        let at = at.cast(&DataType::Datetime(TimeUnit::Microseconds, None)).unwrap();
        let id = Column::new("asset_id".into(), r.iter().map(|r| r.0.as_str()).collect::<Vec<_>>());
        DataFrame::new(r.len(), vec![id, at, Column::new(name.into(), values)]).unwrap()
    };
    let wear = column("wear", r.iter().map(|r| Some(r.2)).collect());
    let heat = column("heat", r.iter().map(|r| r.3).collect());
    let kind = |on_change| TelemetryKind { on_change, counters: vec!["wear".into()] };
    vec![
        Readings { batches: vec![wear], kind: kind(false) },
        Readings { batches: vec![heat], kind: kind(true) },
    ]
}

#[test]
fn machines_that_share_a_small_fleet_say_what_one_says() {
    for (seed, on_change, inventory) in [(11, false, true), (12, true, false)] {
        let rows = Rows::random(seed).with_actions(seed);
        let mut whole = rows.inputs();
        let mut readings = two_sources(&rows);
        readings[1].kind.on_change = on_change;
        let frames: Vec<_> = readings
            .iter()
            .map(|r| (forewarn_frames::input::Telemetry::try_new(&r.batches[0]).unwrap(), r.kind.clone()))
            .collect();
        whole.telemetry = Roller::of(&frames).unwrap();
        if !inventory {
            whole.assets = None;
        }
        let splits = [(2, 1000), (7, 333), (40, 101)];
        check(&format!("seed {seed}"), (&whole, &readings), &settings(), rows.end, &splits);
    }
}

/// The shipped fleet as its config reads it, and its readings as they lie in the files.
fn shipped() -> (FrameInputs, Vec<Readings>, Config) {
    let folder = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../datasets/fleet"));
    let path = folder.join("forewarn.toml");
    let file = config_file::read(&path).unwrap();
    let config = Config::resolve(file, &path, &Flags::default(), &Environment::default()).unwrap();
    let inputs = read(&config, Reading::at(i64::MAX), &|_| ()).unwrap();
    let (whole, _) = inputs.observed(&config).unwrap();
    let readings = ["telemetry_daily", "telemetry_hourly"].map(|name| {
        let file = std::fs::File::open(folder.join(format!("{name}.parquet"))).unwrap();
        let mut df = ParquetReader::new(file).finish().unwrap();
        let at = df.column("ts").unwrap().cast(&DataType::Int64).unwrap();
        df.with_column(at.cast(&DataType::Datetime(TimeUnit::Microseconds, None)).unwrap()).unwrap();
        Readings { batches: vec![df], kind: TelemetryKind::default() }
    });
    (whole, readings.into(), config)
}

#[test]
fn seven_machines_that_share_the_shipped_fleet_say_what_one_says() {
    let (whole, readings, config) = shipped();
    // Learned from the last half year alone, which is quick: what is judged is how it is shared.
    let risk = RiskSettings {
        train_from: Some(whole.as_of.plus_days(-180)),
        cutoff_every: Every::Months(1),
        ..config.engine.risk.clone()
    };
    let settings = Settings { risk, ..config.engine };
    check("shipped", (&whole, &readings), &settings, whole.as_of, &[(7, 9973)]);
}

/// A condition that lets every bit of a sequence through.
struct Transparent;

impl Condition for Transparent {
    fn judge(&self, class: Option<&str>, days: &Sequence) -> [f64; 3] {
        let sum = |v: &[f32]| {
            v.iter()
                .enumerate()
                .map(|(i, v)| if v.is_nan() { 1.0 } else { f64::from(*v) } * (i as f64).sqrt())
                .sum::<f64>()
        };
        let usual = days.usual.iter().sum::<f64>() + class.map_or(0.0, |c| c.len() as f64);
        [sum(&days.values), sum(&days.exposure), usual + f64::from(u8::from(days.restarted))]
    }
}

/// Numbers by feature as bits, every missing one alike, and words, of one asset each.
type Told = Vec<(String, Vec<u64>, Vec<Option<String>>, bool)>;

fn told(history: &forewarn_frames::History<'_>, table: &forewarn_features::FeatureTable) -> Told {
    let bits = |v: f64| if v.is_nan() { u64::MAX } else { v.to_bits() };
    let row = |i: usize| {
        let numbers = table.numbers.iter().map(|c| bits(c[i])).collect();
        let words = table.words.iter().map(|c| c[i].clone()).collect();
        (history.asset_id(table.assets[i]).to_owned(), numbers, words, table.is_unknown[i])
    };
    (0..table.assets.len()).map(row).collect()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]

    #[test]
    fn what_is_taken_over_all_assets_means_the_same_beside_some_of_them(
        seed in 0u64..1000,
        day in 3i32..300,
        n in 1usize..9,
        inventory: bool,
        terminal: bool,
    ) {
        let rows = Rows::random(seed);
        let cutoff = Cutoff::from_day(START + day.min(DAYS as i32));
        let given = |inputs: FrameInputs| {
            let assets = inputs.assets.filter(|_| inventory);
            FrameInputs { assets, terminal, ..inputs }
        };
        let frames = Frames::new(given(rows.inputs())).unwrap();
        let history = frames.as_of(cutoff);
        let limits = |_: &str| vec![Limit { value: 40.0, above: true }];
        let catalog = Catalog::of(&history).with_limits(&history, &limits).with_condition(&history);
        let table = compute(&history, &catalog, &history.population(), Some(&Transparent));
        let words = Shared::of(&history, &catalog).to_words(&history);
        let sent = serde_json::to_string(&(catalog.to_words(&history), words)).unwrap();
        let mut got: Told = Vec::new();
        for p in 0..n {
            let mut mine = rows.clone();
            let here = |id: &str| part_of(id, n) == p;
            mine.assets.retain(|r| here(&r.0));
            mine.attributes.retain(|r| here(&r.0));
            mine.tickets.retain(|r| here(&r.asset));
            mine.readings.retain(|r| here(&r.0));
            mine.events.retain(|r| here(&r.0));
            mine.failures.retain(|r| here(&r.asset));
            let (catalog, shared): (CatalogWords, SharedWords) = serde_json::from_str(&sent).unwrap();
            let mut inputs = given(mine.inputs());
            for (metric, on_change, counter) in catalog.metrics() {
                inputs.telemetry.declare(metric, on_change, counter);
            }
            let frames = Frames::new(inputs).unwrap();
            let history = frames.as_of(cutoff);
            let catalog = catalog.bind(&history).unwrap();
            let shared = shared.bind(&history, &catalog).unwrap();
            got.extend(told(&history, &shared.rows(&history, &catalog, &history.population(), Some(&Transparent))));
        }
        got.sort();
        prop_assert_eq!(got, told(&history, &table));
    }
}

/// A small fleet, a model of it and the bytes of its state.
fn stated() -> (Rows, StoredModel, Vec<u8>) {
    let rows = Rows::random(3);
    let frames = Frames::new(rows.inputs()).unwrap();
    let fitted = FittedModel::fit(&frames, &settings(), &Silent).unwrap();
    let model = StoredModel::from_bytes(&fitted.to_bytes().unwrap()).unwrap();
    let state = steps::cohort_state(&frames, rows.end, &settings(), &model, 1).unwrap();
    (rows, model, state.to_bytes().unwrap())
}

/// The bytes of a state with its content changed, and a checksum that fits again.
fn sealed_again(state: &[u8], from: &str, to: &str) -> Vec<u8> {
    let text = std::str::from_utf8(state).unwrap();
    let (_, content) = text.split_once("\"state\":").unwrap();
    let content = content.strip_suffix('}').unwrap();
    assert!(content.contains(from), "{from}");
    let content = content.replacen(from, to, 1);
    let hash = content
        .bytes()
        .fold(0xcbf2_9ce4_8422_2325_u64, |h, b| (h ^ u64::from(b)).wrapping_mul(0x0000_0100_0000_01b3));
    let head = format!("\"bytes\":{},\"fnv64\":\"{hash:016x}\"", content.len());
    format!("{{\"format\":\"forewarn-state\",\"version\":1,{head},\"state\":{content}}}").into_bytes()
}

#[test]
fn what_does_not_belong_together_is_refused_by_name() {
    let (rows, model, state) = stated();
    let same = sealed_again(&state, "\"terminal\"", "\"terminal\"");
    assert!(same == state);
    let check = |bytes: Vec<u8>, want: &str| {
        let said = match CohortState::from_bytes(&bytes) {
            Err(e) => e.to_string(),
            Ok(state) => steps::features(rows.inputs(), &state, &model, 1).unwrap_err().to_string(),
        };
        assert!(said.contains(want), "{want}: {said}");
    };
    let change = |from: &str, to: &str| sealed_again(&state, from, to);
    check(b"PK".to_vec(), "is no state of a cohort: found \"PK\"");
    check(state[..state.len() - 9].to_vec(), "bytes are there");
    check([&state[..], b" "].concat(), "bytes are there");
    check(change("\"ids\":[\"A", "\"ids\":[\"Z"), "not sorted");
    check(change("\"ids\":[", "\"ids\":[\"A\","), "ranks that are not those of");
    check(change("\"name\":\"wear\"", "\"name\":\"wear\",\"x\":1"), "unknown field `x`");
    check(change("\"dimensions\":[", "\"dimensions\":[\"colour\","), "not the catalog's");
    check(change("\"first_record_at\":", "\"first_record_at\":99"), "a first record");
    check(change("\"cutoff\":\"", "\"cutoff\":\"x"), "is no date");
    check(change("\"known_late\":[", "\"known_late\":[\"mood\","), "no ticket column \"mood\"");
    check(change("\"model\":\"", "\"model\":\"0"), "the state was made with model 0");
    let mut other = rows.inputs();
    other.assets = None;
    let got = steps::features(other, &CohortState::from_bytes(&state).unwrap(), &model, 1);
    assert_eq!(got.unwrap().height(), 0, "without an inventory row no asset is in service");
    let mut more = rows.clone();
    more.assets.push(("unheard of".into(), "disk".into(), "m1".into(), None, None));
    let got = steps::features(more.inputs(), &CohortState::from_bytes(&state).unwrap(), &model, 1);
    let said = got.unwrap_err();
    assert!(said.to_string().contains("asset `unheard of` is in service"), "{said}");
    assert_eq!(said.hint(), Some("take the state over all partitions"));
    let early = steps::cohort_state(
        &Frames::new(rows.inputs()).unwrap(),
        Cutoff::from_day(START),
        &settings(),
        &model,
        1,
    );
    assert!(early.unwrap_err().to_string().contains("is not between the model's fitting"));
    let table = df!["asset_id" => ["a"], "is_unknown" => [false]].unwrap();
    let said = steps::predict(&model, &table, 1).unwrap_err().to_string();
    assert!(said.contains("`age.days`: missing") && said.contains("`asset.model`: missing"), "{said}");
}

#[test]
fn bytes_that_were_changed_are_no_panic() {
    let (rows, model, state) = stated();
    let mut d = Dice(5);
    let mut lived = 0;
    for _ in 0..400 {
        let text = std::str::from_utf8(&state).unwrap();
        let from = d.below(text.len() as u64 - 20) as usize;
        let len = 1 + d.below(12) as usize;
        let Some(old) = text.get(from..from + len).filter(|_| from > 120) else { continue };
        let new = ["", "-1", "null", "[]", "1e999", "\"x\"", "9", "{"][d.below(8) as usize];
        let changed = sealed_again(&state, old, new);
        if let Ok(state) = CohortState::from_bytes(&changed) {
            lived += 1;
            if let Ok(table) = steps::features(rows.inputs(), &state, &model, 1) {
                steps::predict(&model, &table, 1).ok();
            }
        }
        let mut bytes = state.clone();
        bytes[from] ^= 1 + d.below(255) as u8;
        assert!(CohortState::from_bytes(&bytes).is_err(), "byte {from}");
    }
    assert!(lived > 20, "{lived} of the changed states could be read");
}
