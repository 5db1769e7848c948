//! Tests of the settings: precedence and validation.
#![allow(clippy::unwrap_used, reason = "a test stops where its own input is wrong")]

use super::*;
use crate::config_file::parse;

fn resolve(text: &str, flags: &Flags, env: &Environment) -> Outcome<Settings> {
    Settings::resolve(parse(text, "conf/forewarn.toml").unwrap(), Path::new("conf/forewarn.toml"), flags, env)
}

fn plain(text: &str) -> Outcome<Settings> {
    resolve(text, &Flags::default(), &Environment::default())
}

#[test]
fn defaults_hold_where_nothing_is_said() {
    let s = plain("").unwrap();
    assert_eq!((s.out.as_path(), s.reading.base.as_path()), (Path::new("conf/reports"), Path::new("conf")));
    assert_eq!((s.as_of, s.history_from, s.time_zone.as_str(), s.engine.seed), (None, None, "UTC", 0));
    assert_eq!(s.engine.risk.horizons.iter().map(|h| h.get()).collect::<Vec<_>>(), [7, 30, 90]);
    assert_eq!(
        (s.engine.risk.rank_by.get(), s.engine.risk.cutoff_every, s.engine.risk.refit_every),
        (30, Every::Weeks(1), Every::Months(1))
    );
    assert_eq!((s.engine.capacity.visits, s.engine.capacity.per_days), (20, 7));
    assert_eq!((s.checks.fail_at, s.checks.max_bad_files), (Severity::Error, 0.1));
    assert_eq!(s.export, [Export::Csv, Export::Xlsx]);
}

#[test]
fn flags_stand_over_the_environment_and_that_over_the_file() {
    let file = "[run]\nas_of = \"2021-01-01\"\nout = \"from-file\"\nseed = 1\n";
    let env = Environment {
        as_of: Some("2022-02-02".into()),
        out: Some("from-env".into()),
        seed: Some("2".into()),
    };
    let flags = Flags {
        as_of: Some("2023-03-03".into()),
        out: Some("from-flag".into()),
        seed: Some(3),
        ..Flags::default()
    };
    let check = |flags: &Flags, env: &Environment, as_of: &str, out: &str, seed: u64| {
        let s = resolve(file, flags, env).unwrap();
        assert_eq!(
            (s.as_of.unwrap().to_string().as_str(), s.out.to_str().unwrap(), s.engine.seed),
            (as_of, out, seed)
        );
    };
    check(&flags, &env, "2023-03-03", "from-flag", 3);
    check(&Flags::default(), &env, "2022-02-02", "from-env", 2);
    check(&Flags::default(), &Environment::default(), "2021-01-01", "conf/from-file", 1);
}

#[test]
fn what_says_where_and_how_long_is_no_part_of_what_a_run_is() {
    let s =
        plain("[export]\ntextfile = \"m/f.prom\"\n[retention]\nkeep_runs = 30\nkeep_days = 90\n").unwrap();
    assert_eq!(s.textfile.as_deref(), Some(Path::new("conf/m/f.prom")));
    assert_eq!(s.retention, Retention { keep_runs: Some(30), keep_days: Some(90) });
    let (printed, kept) = (s.to_table(true), s.to_table(false));
    assert_eq!(printed["retention"]["keep_days"].as_integer(), Some(90));
    assert!(printed["export"].get("textfile").is_some());
    assert_eq!(kept, plain("").unwrap().to_table(false), "a manifest is the same with and without them");
    let check = |text: &str, named: &str| {
        let e = plain(text).unwrap_err();
        assert!(e.message.contains(named), "{text}: {}", e.message);
    };
    check("[export]\ntextfile = \"m/f.txt\"\n", "`export.textfile`");
    check("[retention]\nkeep_runs = 1\n", "`retention.keep_runs`");
    check("[retention]\nkeep_days = 0\n", "`retention.keep_days`");
    check("[report]\nticket_url = \"https://a:hunter2@desk.example/{id}\"\n", "`report.ticket_url`");
    assert_eq!(plain("").unwrap().retention, Retention::default());
}

#[test]
fn data_moves_the_inputs_and_not_the_output() {
    let s =
        resolve("", &Flags { data: Some("elsewhere".into()), ..Flags::default() }, &Environment::default())
            .unwrap();
    assert_eq!(
        (s.reading.base.as_path(), s.out.as_path()),
        (Path::new("elsewhere"), Path::new("conf/reports"))
    );
}

#[test]
fn an_invalid_value_names_where_what_and_what_is_allowed() {
    let check = |text: &str, want: &str| assert_eq!(plain(text).unwrap_err().message, want);
    check(
        "[run]\nas_of = \"31.12.2015\"\n",
        "invalid `run.as_of` in `conf/forewarn.toml`: found `31.12.2015`, expected a date like `2025-12-31`",
    );
    check(
        "[risk]\nhorizons_days = [7, 0]\nrank_by_days = 7\n",
        "invalid `risk.horizons_days` in `conf/forewarn.toml`: found 0, expected whole numbers from 1 to 3650",
    );
    check(
        "[risk]\nrank_by_days = 45\n",
        "invalid `risk.rank_by_days` in `conf/forewarn.toml`: found 45, expected one of `risk.horizons_days` (7, 30, 90)",
    );
    check(
        "[risk]\ncutoff_every = \"monthly\"\n",
        "invalid `risk.cutoff_every` in `conf/forewarn.toml`: found `monthly`, expected a step like `1d`, `1w`, `8w` or `1mo`",
    );
    check(
        "[capacity]\nvisits = 0\n",
        "invalid `capacity.visits` in `conf/forewarn.toml`: found 0, expected a whole number from 1 to 1000000",
    );
    check(
        "[checks]\nmax_bad_files = 10.0\n",
        "invalid `checks.max_bad_files` in `conf/forewarn.toml`: found 10, expected a share from 0 to 1",
    );
    check(
        "[limits]\nmax_rows = 5000000000\n",
        "invalid `limits.max_rows` in `conf/forewarn.toml`: found `5000000000`, expected a whole number from 1 to 4000000000",
    );
    check(
        "[checks]\nranges = { t = { min = 9, max = 1 } }\n",
        "invalid `checks.ranges.t` in `conf/forewarn.toml`: found `min` 9 and `max` 1, expected `min` below `max`",
    );
    check(
        "[cost]\ncurrency = \"€\"\n",
        "invalid `cost.currency` in `conf/forewarn.toml`: found `€`, expected three capital letters like `EUR`",
    );
    check(
        "[run]\nas_of = \"2015-01-01\"\nhistory_from = \"2016-01-01\"\n",
        "invalid `run.history_from` in `conf/forewarn.toml`: found 2016-01-01, expected a date before `as_of` (2015-01-01)",
    );
    check(
        "[[threshold]]\nmetric = \"x\"\n",
        "invalid `threshold[0]` in `conf/forewarn.toml`: found neither `above` nor `below`, expected at least one number",
    );
    let flags = Flags { as_of: Some("today".into()), ..Flags::default() };
    let e = resolve("", &flags, &Environment::default()).unwrap_err();
    assert_eq!(e.message, "invalid `--as-of`: found `today`, expected a date like `2025-12-31`");
    let env = Environment { seed: Some("x".into()), ..Environment::default() };
    assert_eq!(
        resolve("", &Flags::default(), &env).unwrap_err().message,
        "invalid `FOREWARN_SEED` in the environment: found `x`, expected a whole number from 0"
    );
}

#[test]
fn the_options_of_sources_are_checked_with_the_rest() {
    let e = plain("[tickets]\npath = \"a.csv\"\npreset = \"servicnow\"\n").unwrap_err();
    assert!(
        e.message.starts_with(
            "invalid `tickets.preset` in `conf/forewarn.toml`: found `servicnow`, expected one of "
        ),
        "{e:?}"
    );
    assert_eq!(e.hints, ["did you mean `servicenow`?"]);
    let s = plain("[run]\ntime_zone = \"Europe/Berlin\"\n[checks]\nmax_bad_files = 0.5\n").unwrap();
    assert_eq!((s.time_zone.as_str(), s.reading.max_bad_files), ("Europe/Berlin", 0.5));
    let s = plain("[limits]\nmax_columns = 7\n").unwrap();
    assert_eq!((s.reading.limits.max_columns, s.reading.limits.max_ratio), (7, 500));
    assert_eq!(s.to_table(false)["limits"].to_string(), "{ max_columns = 7 }");
    assert!(plain("[run]\ntime_zone = \"Europe/Berlim\"\n").is_ok(), "nothing is read in that zone");
}

#[test]
fn a_wrong_name_brings_the_nearest() {
    let e = plain("[checks]\nmax_age_days = { ticket = 7 }\n").unwrap_err();
    assert!(e.message.contains("found `ticket`, expected one of `assets`"), "{e:?}");
    assert_eq!(e.hints, ["a similar name exists: `tickets`"]);
    let e = plain("[[counts]]\nby = \"sites\"\n").unwrap_err();
    assert_eq!(e.hints, ["a similar name exists: `site`"]);
    let e = plain("[export]\ntables = [\"csv\", \"xls\"]\n").unwrap_err();
    assert_eq!(
        e.message,
        "invalid `export.tables` in `conf/forewarn.toml`: found `xls`, expected one of `csv`, `xlsx`, `json`"
    );
    assert_eq!(e.hints, ["a similar name exists: `xlsx`"]);
}

#[test]
fn formats_of_an_export_are_single_and_in_their_order() {
    let check = |written: &str, want: &[Export], printed: &str| {
        let s = plain(&format!("[export]\ntables = {written}\n")).unwrap();
        assert_eq!(s.export, want, "{written}");
        assert_eq!(s.to_table(false)["export"]["tables"].to_string(), printed);
    };
    check("[]", &[], "[]");
    check("[\"json\"]", &[Export::Json], "[\"json\"]");
    check("[\"xlsx\", \"csv\", \"xlsx\"]", &[Export::Csv, Export::Xlsx], "[\"csv\", \"xlsx\"]");
}

#[test]
fn everything_invalid_is_named_at_once() {
    let e = plain("[risk]\ncutoff_every = \"x\"\n[capacity]\nvisits = 0\n[privacy]\ntext = \"all\"\n")
        .unwrap_err();
    assert_eq!((e.message.as_str(), e.causes.len()), ("3 settings are invalid", 3));
}

#[test]
fn a_link_to_a_ticket_is_an_address() {
    let url = |text: &str| plain(&format!("[report]\nticket_url = \"{text}\"\n"));
    assert_eq!(url("https://desk/{id}").unwrap().ticket_url.as_deref(), Some("https://desk/{id}"));
    let e = url("javascript:alert({id})").unwrap_err();
    assert!(
        e.message.contains("report.ticket_url") && e.message.contains("https://desk.example.org"),
        "{}",
        e.message
    );
}

#[test]
fn horizons_are_sorted_and_single_and_the_ranking_has_one_of_them() {
    let horizons = |text: &str| {
        let r = plain(text).unwrap().engine.risk;
        (r.horizons.iter().map(|h| h.get()).collect::<Vec<_>>(), r.rank_by.get())
    };
    assert_eq!(horizons("[risk]\nhorizons_days = [90, 7, 90]\n"), (vec![7, 90], 7));
    assert_eq!(horizons("[risk]\nhorizons_days = [90, 30]\n"), (vec![30, 90], 30));
    assert_eq!(horizons("[risk]\nhorizons_days = [90, 7]\nrank_by_days = 90\n"), (vec![7, 90], 90));
}

#[test]
fn printed_settings_can_be_read_again_and_mean_the_same() {
    let text = "[run]\nas_of = \"2025-12-31\"\n[tickets]\npath = \"a.csv\"\npreset = \"servicenow\"\ncolumns = { asset_id = \"ci\", title = { sql = \"a || b\" } }\n[failure]\nfrom = \"tickets\"\n\
        where = \"priority <= 2\"\n[checks]\nmax_age_days = { tickets = 7 }\nranges = { t = { min = 1 } }\n[cost]\nvisit = 80.0\n[report]\nticket_url = \"https://desk/{id}\"\n\
        [[threshold]]\nmetric = \"disk\"\nabove = 90\n";
    let printed = toml::to_string(&plain(text).unwrap().to_table(false)).unwrap();
    let again = toml::to_string(&plain(&printed).unwrap().to_table(false)).unwrap();
    assert_eq!(printed, again);
    assert!(!printed.contains("reports"), "{printed}");
}
