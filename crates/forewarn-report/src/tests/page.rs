//! What the page says, how large it is, and that it is always the same.

use forewarn_frames::output::{RunTables, ranking_frame};

use super::fixture::{empty, large, plain, ranking, run};
use crate::{MAX_BYTES, render};

/// The page's text without tags and script, and with single spaces.
pub(crate) fn words(html: &str) -> String {
    let body = html.split_once("<body>").unwrap().1;
    let body = body.split_once("<script>").map_or(body, |b| b.0);
    let mut out = String::new();
    let mut inside = false;
    for c in body.chars() {
        match c {
            '<' => inside = true,
            '>' => {
                inside = false;
                out.push(' ');
            }
            c if !inside => out.push(if c == '\u{a0}' { ' ' } else { c }),
            _ => {}
        }
    }
    out.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[test]
fn the_first_screen_answers() {
    let page = words(&render(&run(60, &plain)).unwrap());
    for want in [
        "You can visit 20 assets this week: expect 9.1 (6–12) of 31 failures within 30 days caught. Waiting costs an expected",
        "EUR after the cost of the visits. Can it be trusted? The earlier lists named 45 % of the failures at least a day ahead; picking by own incident rate would have named 19 %.",
        "The other 12 stand in what to do this week",
        "Of these, on the list of 20 9.1",
        "Look at this before you rely on the list",
        "the newest reading is 9 days old; at most 3 days are allowed",
        "Assets watched 60",
        "Failures expected in the next 30 days",
        "plausibly 24 to 39",
        "Yes, for choosing what to visit: gradient boosting ranked better",
        "When it said 42 %",
    ] {
        assert!(page.contains(want), "missing: {want}\n{}", page.chars().take(3000).collect::<String>());
    }
    let before = page.split("Look at this before").next().unwrap();
    assert!(!before.contains("Rank"), "the banner stands before the list");
}

#[test]
fn a_card_says_when_how_and_what_moved() {
    let mut tables = run(60, &plain);
    let page = words(&render(&tables).unwrap());
    for want in [
        "Remaining life 40 days (80 % interval 12 to 60)",
        "Remaining life 58 days (80 % interval 21 to more than 90)",
        "How it may fail disk 44 %, other 19 %",
        "Since the night before up from 9: 2 more tickets in 7 days (now 5)",
    ] {
        assert!(page.contains(want), "missing: {want}");
    }
    // What most assets have: a life beyond the longest horizon, no modes, no move.
    let mut rows = ranking(60, &plain, false);
    for r in &mut rows {
        (r.remaining_life_days, r.remaining_life_low, r.remaining_life_high) = (None, None, None);
        (r.failure_mode, r.modes, r.previous_rank, r.move_reason) = (None, Vec::new(), None, None);
    }
    tables.ranking = ranking_frame(&rows).unwrap();
    let page = words(&render(&tables).unwrap());
    assert!(page.contains("Remaining life more than 90 days"));
    // Once, where the words are explained.
    assert_eq!(page.matches("How it may fail").count(), 1);
    assert!(!page.contains("Since the night before"));
}

#[test]
fn a_card_shows_what_was_recorded() {
    let mut tables = run(60, &plain);
    let page = words(&render(&tables).unwrap());
    let cards = page.split(" Cards Everything about").nth(1).unwrap();
    for want in [
        "Latest tickets 2025-12-29 INC0010073 P2 Hardware &#x2f; Disk 2025-12-20 INC0010074 P3 Software",
        "2025-10-22 failed disk",
        "2025-12-01 patch KB5051",
        "2025-12-03 on the list, place 7 12 %",
        "smart_197 by day, the last 90 days between 41.1 and 59.9; 56.7 at last",
        "No ticket names it.",
        "No failure, visit, patch or other event is recorded.",
    ] {
        assert!(cards.contains(want), "missing: {want}\n{}", &cards[..6_000]);
    }
    // Links are there only where the config says where they lead.
    tables.facts.ticket_url = Some("https://desk.example/t/{id}?a&b".to_owned());
    let linked = render(&tables).unwrap();
    let link = "<a href=\"https:&#x2f;&#x2f;desk.example&#x2f;t&#x2f;INC0010073?a&amp;b\" rel=\"noreferrer noopener\">";
    assert!(linked.contains(link), "{link}");
    assert_eq!(words(&linked), page);
    // A run that saved no such table says nothing of it.
    tables.cards = empty().cards;
    assert!(!words(&render(&tables).unwrap()).contains("Latest tickets"));
}

#[test]
fn no_probability_is_said_to_be_certain() {
    let page = words(&render(&run(60, &plain)).unwrap());
    let ranked = page.split("All ranked assets").nth(2).unwrap().split("Cards").next().unwrap();
    // The second is the end of the bars' axis.
    assert!(!ranked.contains(" 0 %"));
    assert_eq!(ranked.matches(" 100 %").count(), 1);
}

#[test]
fn a_baseline_that_was_not_beaten_is_said_plainly() {
    let mut tables = run(60, &plain);
    tables.facts.beats_baseline = false;
    tables.facts.chosen_model = "own_rate".to_owned();
    let page = words(&render(&tables).unwrap());
    assert!(page.contains("No model did better than the simple baseline in the backtest, so this list is ranked by the baseline: own incident rate."));
    assert!(
        page.contains(
            "No model did better than the best simple baseline, so the ranking is by that baseline"
        )
    );
    assert!(!page.contains("times as many as picking"));
}

#[test]
fn what_a_list_catches_is_said_only_where_it_is_known() {
    let check = |edit: fn(&mut RunTables), want: &str| {
        let mut tables = run(60, &plain);
        // Where earlier lists are not known, the backtest speaks.
        tables.track_record = empty().track_record;
        edit(&mut tables);
        let page = words(&render(&tables).unwrap());
        let answer =
            page.split("Assets watched").next().unwrap().split("and what to do first").nth(1).unwrap();
        assert!(answer.contains(want), "{answer} lacks {want}");
    };
    check(|t| t.facts.capacity_visits = 20, "caught about 69 % (80 % interval 62–76 %)");
    // Between two points of the curve.
    check(|t| t.facts.capacity_visits = 21, "caught about 71 %");
    check(|t| t.plot_series = empty().plot_series, "what share of failures it would catch is not known");
    check(|t| t.facts.chosen_model = "another".to_owned(), "is not known");
    check(|t| t.facts.capacity_per_days = 1, "20 assets today:");
    check(|t| t.facts.capacity_per_days = 14, "20 assets in the next 14 days:");
    check(|t| t.facts.caught = None, "Visit these 20 assets this week.");
    check(
        |t| t.facts.ranked_by = "probability".into(),
        "No costs are configured, so the list is by probability",
    );
}

#[test]
fn problems_are_told_with_their_growth() {
    let page = render(&run(60, &plain)).unwrap();
    let part = &page[page.find("id=\"problems\"").unwrap()..page.find("id=\"trust\"").unwrap()];
    let part = part.replace('\u{a0}', " ");
    for want in [
        "5,000 of",
        "2 are surely growing",
        "grows</span> 3.1× (1.8× to 5.2×)",
        "shrinks</span> 0.3× (0.1× to 0.7×)",
        "<td>1.1× (0.6× to 1.9×)",
        "grows</span> 12× (at least 2.4×)",
        "Tickets a week, the last 26 weeks",
        "oldest first: 0, 1, 2, 3",
        "2025-01-03",
    ] {
        assert!(part.contains(want), "missing: {want}\n{part}");
    }
    assert_eq!(part.matches("<svg class=\"spark\"").count(), 5);
}

#[test]
fn the_same_tables_give_the_same_bytes() {
    assert_eq!(render(&run(60, &plain)).unwrap(), render(&run(60, &plain)).unwrap());
}

#[test]
fn empty_tables_make_a_page() {
    let page = words(&render(&empty()).unwrap());
    for want in [
        "There is no asset to rank.",
        "The list is empty.",
        "No asset was ranked.",
        "Not known yet: there is no backtest.",
        "No backtest curve was saved",
        "No metrics were saved",
        "This run holds no comparison of probabilities with outcomes",
        "Nothing was counted as failure",
        "The checks found nothing to report.",
        "No five tickets say the same",
    ] {
        assert!(page.contains(want), "missing: {want}\n{page}");
    }
    assert!(!page.contains("NaN"));
}

#[test]
fn each_table_may_be_the_only_empty_one() {
    let full = run(30, &plain);
    let none = empty();
    let cases: [fn(&mut RunTables, &RunTables); 21] = [
        |t, e| t.orders = e.orders.clone(),
        |t, e| t.plan = e.plan.clone(),
        |t, e| t.exposure = e.exposure.clone(),
        |t, e| t.service = e.service.clone(),
        |t, e| t.track_record = e.track_record.clone(),
        |t, e| t.listed = e.listed.clone(),
        |t, e| t.drift = e.drift.clone(),
        |t, e| t.cards = e.cards.clone(),
        |t, e| t.ranking = e.ranking.clone(),
        |t, e| t.risk = e.risk.clone(),
        |t, e| t.labels = e.labels.clone(),
        |t, e| t.calibration = e.calibration.clone(),
        |t, e| t.metrics = e.metrics.clone(),
        |t, e| t.plot_series = e.plot_series.clone(),
        |t, e| t.findings = e.findings.clone(),
        |t, e| t.recurrences = e.recurrences.clone(),
        |t, e| t.measures = e.measures.clone(),
        |t, e| t.degradations = e.degradations.clone(),
        |t, e| t.problems = e.problems.clone(),
        |t, e| t.forecasts = e.forecasts.clone(),
        |t, e| t.workload = e.workload.clone(),
    ];
    for case in cases {
        let mut tables = full.clone();
        case(&mut tables, &none);
        assert!(!words(&render(&tables).unwrap()).contains("NaN"));
    }
}

#[test]
fn workload_is_said_against_the_usual() {
    let page = words(&render(&run(30, &plain)).unwrap());
    for want in [
        "In the next 7 days 211 incidents are expected (80 % interval 190–243); usual are 186 (167–205).",
        "In the next 4 weeks 845 incidents are expected",
        "there are too few weeks to say what is usual",
        "▲ above its usual range",
        "Service Desk",
        "Incidents of late and to come",
    ] {
        assert!(page.contains(want), "missing: {want}\n{page}");
    }
    assert!(!words(&render(&empty()).unwrap()).contains("Workload"));
}

#[test]
fn a_table_of_another_schema_is_refused() {
    let mut tables = run(5, &plain);
    tables.risk = tables.labels.clone();
    assert!(render(&tables).unwrap_err().to_string().starts_with("table `risk`"));
}

#[test]
fn a_large_fleet_makes_no_large_page() {
    let html = render(&large(100_000)).unwrap();
    assert!(html.len() <= MAX_BYTES, "{} bytes", html.len());
    assert!(
        words(&html).contains("The first 500 of 100,000 assets. The other 99,500 are in ranking.parquet")
    );
    assert_eq!(html.matches("<details class=\"card").count(), 50);
}

#[test]
fn the_page_needs_no_network_and_runs_one_script() {
    let html = render(&run(60, &plain)).unwrap();
    assert!(html.contains("content=\"default-src 'none'; script-src 'sha256-"));
    assert_eq!(html.matches("<script").count(), 1);
    // The policy runs no script but the one that it names, and no attribute that is one.
    for refused in [
        "'unsafe-eval'",
        "'unsafe-hashes'",
        " onclick=",
        " onload=",
        "<img",
        "<iframe",
        "@import",
        "url(",
        "src=\"http",
        "href=\"http",
        "javascript:",
    ] {
        assert!(!html.contains(refused), "{refused}");
    }
    // Every link leads to a place on the page.
    for link in html.split("href=\"#").skip(1) {
        let id = link.split('"').next().unwrap();
        assert!(html.contains(&format!(" id=\"{id}\"")), "no place for #{id}");
    }
}
