//! What a command works by: flags over environment over config file, resolved and validated, no options left. It does
//! not know what is done with them.

mod decisions;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use forewarn_engine::{Capacity, CountBy, CountLevel, Period, RiskSettings, TextShown, Threshold};
use forewarn_frames::{Cutoff, Every, Horizon, Severity};
use forewarn_report::Export;
use forewarn_sources::{SourceError, SourceOptions, SourceSettings};

use crate::config_file::ConfigFile;
use crate::errors::{Failure, Outcome};
use crate::nearest::nearest;
use crate::options::{
    ChecksOptions, CountOptions, ExportOptions, Options, RetentionOptions, RiskOptions, ThresholdOptions,
};
use crate::ticket_url;

/// The tables whose age can be limited.
const TABLES: [&str; 7] =
    ["assets", "asset_history", "tickets", "telemetry", "events", "failures", "actions"];

/// The tables that say what is read.
const SOURCE_TABLES: [&str; 7] =
    ["assets", "asset_history", "tickets", "telemetry", "events", "failure", "actions"];
/// The tables that are shown as they were written.
const COPIED_TABLES: [&str; 6] = ["limits", "cost", "measure", "counts", "privacy", "threshold"];

/// The newest runs are always kept: the latest, and the one before it, from which the next night of the same date hands on
/// the ids of problems.
pub const LEAST_RUNS: usize = 2;

/// Which run folders are kept; with neither rule every run is, and with both a run goes only where both let it go.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Retention {
    /// So many of the newest by as-of.
    pub keep_runs: Option<u32>,
    /// Those whose as-of lies within so many days before the newest one.
    pub keep_days: Option<u32>,
}

/// What the environment says of a run, as text still.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Environment {
    /// `FOREWARN_OUT`
    pub out: Option<String>,
    /// `FOREWARN_AS_OF`
    pub as_of: Option<String>,
    /// `FOREWARN_SEED`
    pub seed: Option<String>,
}

/// What the command line says; it stands over everything else.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Flags {
    /// `--data`
    pub data: Option<PathBuf>,
    /// `--as-of`
    pub as_of: Option<String>,
    /// `--out`
    pub out: Option<PathBuf>,
    /// `--seed`
    pub seed: Option<u64>,
    /// `--train-from`
    pub train_from: Option<String>,
}

/// `[checks]`, resolved.
#[derive(Debug, Clone, PartialEq)]
pub struct Checks {
    /// The severity at which a run ends with exit code 1.
    pub fail_at: Severity,
    /// The greatest age by table, days.
    pub max_age_days: BTreeMap<String, i64>,
    /// The greatest share of a table's files that may be set aside.
    pub max_bad_files: f64,
    /// The plausible values by metric.
    pub ranges: BTreeMap<String, (Option<f64>, Option<f64>)>,
}

/// Everything a command works by.
#[derive(Debug, Clone)]
pub struct Settings {
    /// The folder of the run folders.
    pub out: PathBuf,
    /// Where observation ends, where that is given.
    pub as_of: Option<Cutoff>,
    /// Older records are ignored.
    pub history_from: Option<Cutoff>,
    /// The zone of timestamps without an offset.
    pub time_zone: String,
    /// The currency of all costs.
    pub currency: Option<String>,
    /// What the engine is told.
    pub engine: forewarn_engine::Settings,
    /// The data checks.
    pub checks: Checks,
    /// The formats in which the tables are written beside Parquet, in their order.
    pub export: Vec<Export>,
    /// Whether the tickets to be opened are written as a file for ServiceNow.
    pub tickets_file: bool,
    /// Where a ticket can be read, `{id}` standing for its id.
    pub ticket_url: Option<String>,
    /// The file for a monitor's textfile collector.
    pub textfile: Option<PathBuf>,
    /// Which run folders are kept.
    pub retention: Retention,
    /// What is read, resolved: paths, presets, zones.
    pub reading: SourceSettings,
    /// The tables that are shown as they were written, found valid.
    written: toml::Table,
}

/// A text and where it was given.
struct Given {
    origin: String,
    text: String,
}

fn flag(name: &str, text: Option<&String>) -> Option<Given> {
    text.map(|t| Given { origin: format!("`{name}`"), text: t.clone() })
}

fn environment(name: &str, text: Option<&String>) -> Option<Given> {
    text.map(|t| Given { origin: format!("`{name}` in the environment"), text: t.clone() })
}

/// What is wrong, all of it.
struct Problems<'a> {
    file: &'a str,
    found: Vec<(String, Option<String>)>,
}

impl Problems<'_> {
    fn key(&self, key: &str, text: Option<&String>) -> Option<Given> {
        text.map(|t| Given { origin: self.place(key), text: t.clone() })
    }

    fn place(&self, key: &str) -> String {
        format!("`{key}` in `{}`", self.file)
    }

    fn add(&mut self, origin: &str, found: impl std::fmt::Display, allowed: &str) {
        self.found.push((format!("invalid {origin}: found {found}, expected {allowed}"), None));
    }

    /// A name that is none of `allowed`.
    fn add_name(&mut self, key: &str, found: &str, allowed: &[&str]) {
        let list = allowed.iter().map(|a| format!("`{a}`")).collect::<Vec<_>>().join(", ");
        let near = nearest(found, allowed.iter().copied(), 1)
            .first()
            .map(|n| format!("a similar name exists: `{n}`"));
        let place = self.place(key);
        self.found.push((format!("invalid {place}: found `{found}`, expected one of {list}"), near));
    }

    fn date(&mut self, given: Option<Given>) -> Option<Cutoff> {
        let given = given?;
        let date = Cutoff::parse(&given.text).ok();
        if date.is_none() {
            self.add(&given.origin, format!("`{}`", given.text), "a date like `2025-12-31`");
        }
        date
    }

    fn every(&mut self, key: &str, text: Option<&String>, default: Every) -> Every {
        let Some(text) = text else { return default };
        Every::parse(text).unwrap_or_else(|_| {
            let place = self.place(key);
            self.add(&place, format!("`{text}`"), "a step like `1d`, `1w`, `8w` or `1mo`");
            default
        })
    }

    fn whole(&mut self, key: &str, value: Option<i64>, default: i64, from: i64, to: i64) -> i64 {
        let value = value.unwrap_or(default);
        if !(from..=to).contains(&value) {
            let place = self.place(key);
            self.add(&place, value, &format!("a whole number from {from} to {to}"));
            return default;
        }
        value
    }

    fn end(self) -> Outcome<()> {
        let hints: Vec<String> = self.found.iter().filter_map(|(_, hint)| hint.clone()).collect();
        let mut texts: Vec<String> = self.found.into_iter().map(|(text, _)| text).collect();
        let mut failure = match texts.len() {
            0 => return Ok(()),
            1 => Failure::input(texts.remove(0)),
            n => Failure::input(format!("{n} settings are invalid")),
        };
        failure.causes = texts;
        failure.hints = hints;
        Err(failure)
    }
}

impl Settings {
    /// Flags over environment over the config file at `config`, then the defaults.
    ///
    /// # Errors
    ///
    /// Every invalid value at once: where it was given, what was found, what is allowed.
    pub fn resolve(file: ConfigFile, config: &Path, flags: &Flags, env: &Environment) -> Outcome<Self> {
        let name = config.display().to_string();
        let mut problems = Problems { file: &name, found: Vec::new() };
        let p = &mut problems;
        let written = file.table;
        let Options {
            run,
            assets,
            asset_history,
            tickets,
            telemetry,
            events,
            failure,
            actions,
            risk,
            capacity,
            cost,
            measure,
            counts,
            checks,
            limits,
            export,
            retention,
            report,
            privacy,
            threshold,
        } = file.options;
        let run = run.unwrap_or_default();
        let risk = risk.unwrap_or_default();
        let capacity = capacity.unwrap_or_default();
        let text = |date: &Option<crate::options::DateText>| date.as_ref().map(|d| d.0.clone());

        let as_of = flag("--as-of", flags.as_of.as_ref())
            .or(environment("FOREWARN_AS_OF", env.as_of.as_ref()))
            .or(p.key("run.as_of", text(&run.as_of).as_ref()));
        let as_of = p.date(as_of);
        let given = p.key("run.history_from", text(&run.history_from).as_ref());
        let history_from = p.date(given);
        if let (Some(from), Some(to)) = (history_from, as_of)
            && from >= to
        {
            let place = p.place("run.history_from");
            p.add(&place, from, &format!("a date before `as_of` ({to})"));
        }
        let train_from = flag("--train-from", flags.train_from.as_ref())
            .or(p.key("risk.train_from", text(&risk.train_from).as_ref()));
        let train_from = p.date(train_from);

        let env_seed = env.seed.as_ref().and_then(|text| {
            // TOML has no whole numbers beyond those of 64 bits with a sign.
            let seed = text.parse().ok().filter(|s: &u64| i64::try_from(*s).is_ok());
            if seed.is_none() {
                p.add("`FOREWARN_SEED` in the environment", format!("`{text}`"), "a whole number from 0");
            }
            seed
        });
        let seed = flags.seed.or(env_seed).or(run.seed).unwrap_or(0);

        // Paths in the file are relative to it; those of flags and environment to where the user stands.
        let home = config.parent().unwrap_or(Path::new("")).to_owned();
        let out = flags
            .out
            .clone()
            .or(env.out.as_ref().map(PathBuf::from))
            .or(run.out.as_ref().map(|out| home.join(out)))
            .unwrap_or_else(|| home.join("reports"));
        let base = flags.data.clone().unwrap_or_else(|| home.clone());

        let engine = forewarn_engine::Settings {
            risk: risk_settings(p, &risk, train_from),
            capacity: Capacity {
                visits: p.whole("capacity.visits", capacity.visits, 20, 1, 1_000_000) as u32,
                per_days: p.whole("capacity.per_days", capacity.per_days, 7, 1, 365) as u32,
            },
            costs: decisions::costs(p, cost.as_ref()),
            remedies: decisions::remedies(p, measure.as_deref().unwrap_or_default()),
            counts: count_levels(p, counts.as_deref().unwrap_or_default()),
            thresholds: thresholds(p, threshold.as_deref().unwrap_or_default()),
            seed,
            text: match privacy.as_ref().and_then(|x| x.text.as_deref()) {
                Some("none") => TextShown::None,
                Some("full") => TextShown::Full,
                _ => TextShown::Titles,
            },
        };
        let checks = checks_settings(p, checks.unwrap_or_default());
        let export = export.unwrap_or_default();
        let columns_of = export.tickets.as_deref().unwrap_or("servicenow");
        if !["servicenow", "none"].contains(&columns_of) {
            p.add_name("export.tickets", columns_of, &["servicenow", "none"]);
        }
        let tickets_file = columns_of != "none";
        let textfile = export.textfile.as_ref().map(|path| home.join(path));
        if export.textfile.as_deref().is_some_and(|path| !path.to_ascii_lowercase().ends_with(".prom")) {
            let found = format!("`{}`", export.textfile.as_deref().unwrap_or_default());
            p.add(
                &p.place("export.textfile"),
                found,
                "a file name that ends with `.prom`, which the collector looks for",
            );
        }
        let retention = retention_settings(p, &retention.unwrap_or_default());
        let export = export_formats(p, export);
        let currency = decisions::currency(p, cost.as_ref());
        let text_shown = privacy.as_ref().and_then(|x| x.text.as_deref());
        if let Some(text) = text_shown.filter(|t| !["none", "titles", "full"].contains(t)) {
            p.add_name("privacy.text", text, &["none", "titles", "full"]);
        }
        let ticket_url = report.and_then(|r| r.ticket_url);
        if ticket_url.as_ref().is_some_and(|url| ticket_url::is_secret(url)) {
            p.add(&p.place("report.ticket_url"), ticket_url::SECRET, ticket_url::ALLOWED);
        } else if let Some(url) = ticket_url.as_ref().filter(|url| !ticket_url::is_valid(url)) {
            p.add(&p.place("report.ticket_url"), format!("`{url}`"), ticket_url::ALLOWED);
        }
        let sources = SourceOptions {
            assets,
            asset_history,
            tickets,
            telemetry: telemetry.unwrap_or_default(),
            events: events.unwrap_or_default(),
            failure,
            actions,
        };
        problems.end()?;
        let time_zone = run.time_zone.unwrap_or_else(|| "UTC".to_owned());
        let reading = sources.resolve(&base, Some(&time_zone)).map_err(|e| in_file(e, &name))?;
        let limits = limits.unwrap_or_default().resolve().map_err(|e| in_file(e, &name))?;
        let reading = SourceSettings { max_bad_files: checks.max_bad_files, limits, ..reading };
        Ok(Self {
            out,
            as_of,
            history_from,
            time_zone,
            currency,
            engine,
            checks,
            export,
            tickets_file,
            ticket_url,
            textfile,
            retention,
            reading,
            written,
        })
    }

    /// The settings as TOML. `places` adds what says where and how long, and not what: those stay out of a manifest, since
    /// the same inputs give the same bytes wherever they lie.
    pub fn to_table(&self, places: bool) -> toml::Table {
        use toml::Value;
        let text = |t: &dyn std::fmt::Display| Value::String(t.to_string());
        let mut all = toml::Table::new();
        let mut run = toml::Table::new();
        if let Some(as_of) = self.as_of {
            run.insert("as_of".into(), text(&as_of));
        }
        run.insert("time_zone".into(), text(&self.time_zone));
        if places {
            run.insert("out".into(), text(&self.out.display()));
        }
        if let Some(from) = self.history_from {
            run.insert("history_from".into(), text(&from));
        }
        run.insert("seed".into(), Value::Integer(self.engine.seed as i64));
        all.insert("run".into(), Value::Table(run));

        self.copy_written(&SOURCE_TABLES, &mut all);

        let r = &self.engine.risk;
        let mut risk = toml::Table::new();
        risk.insert(
            "horizons_days".into(),
            Value::Array(r.horizons.iter().map(|h| Value::Integer(h.get().into())).collect()),
        );
        risk.insert("rank_by_days".into(), Value::Integer(r.rank_by.get().into()));
        risk.insert("cutoff_every".into(), text(&r.cutoff_every));
        risk.insert("refit_every".into(), text(&r.refit_every));
        if let Some(from) = r.train_from {
            risk.insert("train_from".into(), text(&from));
        }
        for (key, names) in [("leave_out", &r.leave_out), ("keep", &r.keep)] {
            if !names.is_empty() {
                let names = names.iter().map(|n| Value::String(n.clone())).collect();
                risk.insert(key.into(), Value::Array(names));
            }
        }
        all.insert("risk".into(), Value::Table(risk));
        let mut capacity = toml::Table::new();
        capacity.insert("visits".into(), Value::Integer(self.engine.capacity.visits.into()));
        capacity.insert("per_days".into(), Value::Integer(self.engine.capacity.per_days.into()));
        all.insert("capacity".into(), Value::Table(capacity));

        let mut checks = toml::Table::new();
        checks.insert("fail_at".into(), text(&self.checks.fail_at));
        checks.insert("max_bad_files".into(), Value::Float(self.checks.max_bad_files));
        let ages = self.checks.max_age_days.iter().map(|(k, v)| (k.clone(), Value::Integer(*v)));
        let ages: toml::Table = ages.collect();
        if !ages.is_empty() {
            checks.insert("max_age_days".into(), Value::Table(ages));
        }
        let ranges = self.checks.ranges.iter().map(|(metric, (min, max))| {
            let ends = [("min", min), ("max", max)];
            let range = ends.iter().filter_map(|(n, v)| v.map(|v| ((*n).to_owned(), Value::Float(v))));
            (metric.clone(), Value::Table(range.collect()))
        });
        let ranges: toml::Table = ranges.collect();
        if !ranges.is_empty() {
            checks.insert("ranges".into(), Value::Table(ranges));
        }
        all.insert("checks".into(), Value::Table(checks));
        let formats = self.export.iter().map(|e| Value::String(e.name().to_owned())).collect();
        let tickets = if self.tickets_file { "servicenow" } else { "none" };
        let mut export = toml::Table::from_iter([
            ("tables".to_owned(), Value::Array(formats)),
            ("tickets".to_owned(), Value::String(tickets.to_owned())),
        ]);
        if let Some(path) = self.textfile.as_ref().filter(|_| places) {
            export.insert("textfile".into(), text(&path.display()));
        }
        all.insert("export".into(), Value::Table(export));
        let keep = [("keep_runs", self.retention.keep_runs), ("keep_days", self.retention.keep_days)];
        let keep = keep.into_iter().filter_map(|(k, n)| Some((k.to_owned(), Value::Integer(n?.into()))));
        let keep: toml::Table = keep.collect();
        if places && !keep.is_empty() {
            all.insert("retention".into(), Value::Table(keep));
        }
        if let Some(url) = &self.ticket_url {
            all.insert(
                "report".into(),
                Value::Table([("ticket_url".to_owned(), text(url))].into_iter().collect()),
            );
        }
        self.copy_written(&COPIED_TABLES, &mut all);
        all
    }

    fn copy_written(&self, names: &[&str], to: &mut toml::Table) {
        to.extend(
            names.iter().filter_map(|name| Some(((*name).to_owned(), self.written.get(*name)?.clone()))),
        );
    }
}

/// A source's error about its options, with the file's name.
fn in_file(error: SourceError, file: &str) -> Failure {
    match error {
        SourceError::Config { key, found, allowed, hint } => {
            let found = if found.is_empty() { "nothing".to_owned() } else { format!("`{found}`") };
            Failure::input(format!("invalid `{key}` in `{file}`: found {found}, expected {allowed}"))
                .hint(hint.unwrap_or_default())
        }
        other => Failure::from(other),
    }
}

/// `[retention]`, resolved.
fn retention_settings(p: &mut Problems<'_>, given: &RetentionOptions) -> Retention {
    let mut whole = |key: &str, value: Option<i64>, least: usize, most: i64| {
        let kept = p.whole(&format!("retention.{key}"), value, least as i64, least as i64, most);
        value.and_then(|_| u32::try_from(kept).ok())
    };
    Retention {
        keep_runs: whole("keep_runs", given.keep_runs, LEAST_RUNS, 100_000),
        keep_days: whole("keep_days", given.keep_days, 1, 36_500),
    }
}

fn risk_settings(p: &mut Problems<'_>, risk: &RiskOptions, train_from: Option<Cutoff>) -> RiskSettings {
    let written = risk.horizons_days.clone().unwrap_or_else(|| vec![7, 30, 90]);
    let mut horizons: Vec<Horizon> = Vec::new();
    for days in &written {
        match Horizon::days(*days) {
            Ok(h) => horizons.push(h),
            Err(_) => p.add(&p.place("risk.horizons_days"), days, "whole numbers from 1 to 3650"),
        }
    }
    if written.is_empty() {
        p.add(&p.place("risk.horizons_days"), "an empty list", "at least one horizon");
    }
    horizons.sort();
    horizons.dedup();
    let list = horizons.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
    let usual = horizons.iter().find(|h| h.get() == 30).or(horizons.first()).copied();
    let asked =
        risk.rank_by_days.map(|days| (days, horizons.iter().find(|h| i64::from(h.get()) == days).copied()));
    if let Some((days, None)) = asked {
        p.add(&p.place("risk.rank_by_days"), days, &format!("one of `risk.horizons_days` ({list})"));
    }
    // Where nothing valid was given a problem stands above, and this value is never used.
    let rank_by = asked
        .and_then(|(_, h)| h)
        .or(usual)
        .unwrap_or(Horizon::days(30).unwrap_or_else(|_| unreachable!("30 is a valid horizon")));
    RiskSettings {
        horizons,
        rank_by,
        cutoff_every: p.every("risk.cutoff_every", risk.cutoff_every.as_ref(), Every::Weeks(1)),
        refit_every: p.every("risk.refit_every", risk.refit_every.as_ref(), Every::Months(1)),
        train_from,
        leave_out: names_once(risk.leave_out.as_ref()),
        keep: names_once(risk.keep.as_ref()),
    }
}

/// A list of names, sorted, each once.
fn names_once(written: Option<&Vec<String>>) -> Vec<String> {
    let mut names = written.cloned().unwrap_or_default();
    names.sort();
    names.dedup();
    names
}

fn checks_settings(p: &mut Problems<'_>, checks: ChecksOptions) -> Checks {
    let fail_at = match checks.fail_at.as_deref().map(|text| (text, Severity::parse(text))) {
        None => Severity::Error,
        Some((_, Some(severity))) => severity,
        Some((text, None)) => {
            p.add_name("checks.fail_at", text, &["info", "warning", "error"]);
            Severity::Error
        }
    };
    let max_age_days = checks.max_age_days.unwrap_or_default();
    for (table, days) in &max_age_days {
        if !TABLES.contains(&table.as_str()) {
            p.add_name("checks.max_age_days", table, &TABLES);
        }
        p.whole(&format!("checks.max_age_days.{table}"), Some(*days), 1, 0, 36_500);
    }
    let max_bad_files = checks.max_bad_files.unwrap_or(0.1);
    if !(0.0..=1.0).contains(&max_bad_files) {
        p.add(&p.place("checks.max_bad_files"), max_bad_files, "a share from 0 to 1");
    }
    let mut ranges = BTreeMap::new();
    for (metric, range) in checks.ranges.unwrap_or_default() {
        let place = p.place(&format!("checks.ranges.{metric}"));
        match (range.min, range.max) {
            (None, None) => p.add(&place, "neither `min` nor `max`", "at least one of them"),
            (Some(min), Some(max)) if !matches!(min.partial_cmp(&max), Some(std::cmp::Ordering::Less)) => {
                p.add(&place, format!("`min` {min} and `max` {max}"), "`min` below `max`");
            }
            _ => {}
        }
        ranges.insert(metric, (range.min, range.max));
    }
    Checks { fail_at, max_age_days, max_bad_files, ranges }
}

/// `[export]`, resolved: each format once, in the order in which they are written.
fn export_formats(p: &mut Problems<'_>, export: ExportOptions) -> Vec<Export> {
    let Some(written) = export.tables else { return vec![Export::Csv, Export::Xlsx] };
    for found in written.iter().filter(|found| Export::parse(found).is_none()) {
        p.add_name("export.tables", found, &Export::ALL.map(Export::name));
    }
    Export::ALL.into_iter().filter(|e| written.iter().any(|w| w == e.name())).collect()
}

/// `[[counts]]`, resolved; what is left open is chosen from the data.
fn count_levels(p: &mut Problems<'_>, counts: &[CountOptions]) -> Vec<CountLevel> {
    let mut out = Vec::new();
    for (i, count) in counts.iter().enumerate() {
        let by = CountBy::parse(&count.by);
        if by.is_none() {
            p.add_name(&format!("counts[{i}].by"), &count.by, &CountBy::ALL.map(CountBy::name));
        }
        let every = count.every.as_deref().and_then(Period::parse);
        if let Some(found) = count.every.as_deref().filter(|_| every.is_none()) {
            p.add_name(&format!("counts[{i}].every"), found, &["1d", "1w", "1mo"]);
        }
        p.whole(&format!("counts[{i}].horizon"), count.horizon, 28, 1, 366);
        let horizon = count.horizon.and_then(|h| usize::try_from(h).ok());
        p.whole(&format!("counts[{i}].least"), count.least, 20, 1, 1_000_000);
        let least = count.least.and_then(|n| u32::try_from(n).ok());
        out.extend(by.map(|by| CountLevel { by, every, horizon, least }));
    }
    out
}

/// `[[threshold]]`, resolved.
fn thresholds(p: &mut Problems<'_>, given: &[ThresholdOptions]) -> Vec<Threshold> {
    for (i, threshold) in given.iter().enumerate() {
        if threshold.metric.trim().is_empty() {
            p.add(&p.place(&format!("threshold[{i}].metric")), "an empty text", "the name of a metric");
        }
        let levels = || [threshold.above, threshold.below].into_iter().flatten();
        if levels().count() == 0 {
            p.add(&p.place(&format!("threshold[{i}]")), "neither `above` nor `below`", "at least one number");
        }
        if let Some(bad) = levels().find(|v| !v.is_finite()) {
            p.add(&p.place(&format!("threshold[{i}]")), bad, "a finite number");
        }
    }
    let level = |t: &ThresholdOptions| Threshold { metric: t.metric.clone(), above: t.above, below: t.below };
    given.iter().map(level).collect()
}

#[cfg(test)]
#[path = "settings_tests.rs"]
mod tests;
