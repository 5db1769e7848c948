//! `forewarn report`: renders the page of a run folder again from its saved tables.

use forewarn_report::{read_tables, render};

use crate::cli::ReportArgs;
use crate::context::Context;
use crate::errors::{Exit, Outcome};
use crate::folders;

/// Writes `report.html` again, the same bytes for the same tables and version.
pub(super) fn report(args: &ReportArgs, context: &Context) -> Outcome<Exit> {
    let dir = folders::find_run(&args.run_dir)?;
    let tables =
        read_tables(&|file| std::fs::read(dir.join(file))).map_err(|e| super::unreadable(&dir, &e))?;
    let page = render(&tables).map_err(|e| super::unwritable(&e))?;
    let path = dir.join("report.html");
    folders::replace_file(&path, page.as_bytes())?;
    context.ui.data(&format!("{}\n", path.display()))?;
    Ok(Exit::Done)
}
