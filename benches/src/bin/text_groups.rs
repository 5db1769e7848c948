//! `text_groups TEXTS.csv TEXT_COLUMN CLASS_COLUMN [LABELS.csv]`: groups texts as the nightly run does, and says how well
//! the groups agree with known classes, which the grouping does not see.
#![expect(clippy::print_stdout, clippy::disallowed_methods, reason = "a command of its own")]

use std::error::Error;
use std::fmt::Write as _;
use std::path::PathBuf;
use std::time::Instant;

use forewarn_benches::v_measure;
use forewarn_models::text::{Lexicon, TextGroups, TextGroupsParams};
use polars::prelude::{CsvReadOptions, SerReader};

fn main() -> Result<(), Box<dyn Error>> {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let [path, text, class, rest @ ..] = args.as_slice() else {
        return Err("usage: text_groups TEXTS.csv TEXT_COLUMN CLASS_COLUMN [LABELS.csv]".into());
    };
    let options = CsvReadOptions::default().with_infer_schema_length(Some(0));
    let df = options.try_into_reader_with_file_path(Some(PathBuf::from(path)))?.finish()?;
    let texts = df.column(text)?.str()?.clone();
    let classes: Vec<String> =
        df.column(class)?.str()?.iter().map(|c| c.unwrap_or_default().to_owned()).collect();
    let start = Instant::now();
    let texts: Vec<Vec<&str>> = texts.iter().map(|t| t.into_iter().collect()).collect();
    let bags = Lexicon::default().bags(&texts);
    let groups = TextGroups::fit(&bags, &TextGroupsParams::default())?;
    let seconds = start.elapsed().as_secs_f64();
    // Texts of no group count as one group.
    let labels: Vec<String> = (0..bags.len())
        .map(|i| groups.group_of(i).map_or_else(|| "none".to_owned(), |g| g.to_string()))
        .collect();
    println!(
        "texts {} groups {} in none {} V-measure {:.4} seconds {seconds:.1}",
        bags.len(),
        groups.n_groups(),
        labels.iter().filter(|l| *l == "none").count(),
        v_measure(&labels, &classes),
    );
    if let [out] = rest {
        let mut text = "group\n".to_owned();
        for label in &labels {
            writeln!(text, "{label}")?;
        }
        std::fs::write(out, text)?;
    }
    Ok(())
}
