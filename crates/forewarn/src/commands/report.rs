//! `forewarn report`: renders the page of a run folder again from its saved tables, or exports these.

use std::fs;
use std::path::Path;

use forewarn_report::{Export, exports, read_features, read_tables, render};

use crate::cli::{ExportFormat, ReportArgs};
use crate::context::Context;
use crate::errors::{Exit, Failure, Outcome};
use crate::folders;

/// Writes `report.html` again, or the exports: the same bytes for the same tables and version.
pub(super) fn report(args: &ReportArgs, context: &Context) -> Outcome<Exit> {
    let dir = folders::find_run(&args.run_dir)?;
    if let Some(to) = &args.to {
        return export(&dir, &args.export, to, context);
    }
    let tables =
        read_tables(&|file| folders::read(&dir.join(file))).map_err(|e| super::unreadable(&dir, &e))?;
    let page = render(&tables).map_err(|e| super::unwritable(&e))?;
    let path = dir.join("report.html");
    folders::replace_file(&path, page.as_bytes())?;
    context.ui.data(&format!("{}\n", path.display()))?;
    Ok(Exit::Done)
}

/// Writes the saved tables to the folder `to` and says where each file is.
fn export(dir: &Path, formats: &[ExportFormat], to: &Path, context: &Context) -> Outcome<Exit> {
    let read = |file: &str| folders::read(&dir.join(file));
    let tables = read_tables(&read).map_err(|e| super::unreadable(dir, &e))?;
    let features = read_features(&read).map_err(|e| super::unreadable(dir, &e))?;
    // Its manifest lists what a run folder holds, and how it was made.
    if let (Ok(run), Some(there)) = (dir.canonicalize(), to.ancestors().find_map(|a| a.canonicalize().ok()))
        && there.starts_with(&run)
    {
        return Err(Failure::input(format!("`--to` names the run folder itself: `{}`", to.display()))
            .hint("name another folder: a run folder stays as its run left it"));
    }
    let formats: Vec<Export> = formats
        .iter()
        .map(|format| match format {
            ExportFormat::Csv => Export::Csv,
            ExportFormat::Xlsx => Export::Xlsx,
            ExportFormat::Json => Export::Json,
        })
        .collect();
    for file in exports(&tables, &features, &formats).map_err(|e| super::unwritable(&e))? {
        let (name, bytes) = file.map_err(|e| super::unwritable(&e))?;
        let path = to.join(name);
        if let Some(folder) = path.parent() {
            fs::create_dir_all(folder).map_err(|e| Failure::io("make the folder", folder, &e))?;
        }
        folders::replace_file(&path, &bytes)?;
        context.ui.data(&format!("{}\n", path.display()))?;
    }
    Ok(Exit::Done)
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use forewarn_frames::output::{RunFacts, RunTables};

    use crate::folders::Fingerprint;

    /// The bytes of a text in base 64 with padding, in hexadecimal digits.
    fn hex(base64: &str) -> String {
        const DIGITS: &str = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
        let digits = base64.chars().filter_map(|c| DIGITS.find(c));
        let bits: Vec<u32> =
            digits.flat_map(|d| (0..6).rev().map(move |k| u32::from(d >> k & 1 == 1))).collect();
        let halves = bits.chunks_exact(4).map(|half| half.iter().fold(0, |sum, bit| 2 * sum + bit));
        halves.filter_map(|half| char::from_digit(half, 16)).take(64).collect()
    }

    #[test]
    fn the_page_names_its_script_by_the_right_hash() {
        // Here and not beside the page, whose crate has no other use for hashes.
        let page = forewarn_report::render(&RunTables::empty(RunFacts::default())).unwrap();
        let between = |start: &str, end: &str| page.split_once(start).unwrap().1.split_once(end).unwrap().0;
        let script = between("<script>", "</script>");
        let named = between("script-src 'sha256-", "'");
        assert_eq!(
            hex(named),
            Fingerprint::of_bytes(script.as_bytes()).sha256,
            "`SCRIPT_HASH` is not of `page.js`"
        );
    }
}
