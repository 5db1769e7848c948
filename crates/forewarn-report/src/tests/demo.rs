//! Pages to be opened in a browser: by a person, and by the tests in `tests/browser`. Nothing is written unless the
//! variable `FOREWARN_REPORT_DEMO` names a folder.
#![expect(clippy::disallowed_methods, reason = "whoever set the variable asked for the files")]

use std::path::Path;

use forewarn_frames::Severity;
use forewarn_frames::output::{RunTables, ranking_frame};

use super::fixture::{empty, large, plain, ranking, run};
use super::hostile::PAYLOADS;
use crate::render;

/// A run without costs, whose models beat nothing.
fn bare() -> RunTables {
    let mut bare = run(620, &plain);
    bare.ranking = ranking_frame(&ranking(620, &plain, false)).unwrap();
    bare.findings.retain(|f| f.severity != Severity::Error);
    bare.facts.beats_baseline = false;
    bare.facts.chosen_model = "own_rate".to_owned();
    bare
}

#[test]
fn demo_pages_can_be_looked_at() {
    let pages = |dir: &Path| {
        let save = |name: &str, tables: &RunTables| {
            std::fs::write(dir.join(format!("{name}.html")), render(tables).unwrap()).unwrap();
        };
        save("report-demo", &run(62, &plain));
        save("report-empty", &empty());
        save("report-bare", &bare());
        save("report-large", &large(100_000));
        save("report-long", &run(62, &|field, text| format!("{text}<b>\u{202e}{field}{}", "W".repeat(300))));
        save("hostile-plain", &run(60, &plain));
        save("hostile-formula", &run(60, &|_, text| format!("=1+1{text}")));
        for (i, payload) in PAYLOADS.iter().enumerate() {
            // The plain text follows, so that ids and names stay different from each other.
            save(&format!("hostile-{i:02}"), &run(60, &|_, text| format!("{payload}{text}")));
        }
    };
    if let Ok(dir) = std::env::var("FOREWARN_REPORT_DEMO") {
        std::fs::create_dir_all(&dir).unwrap();
        pages(Path::new(&dir));
    }
}
