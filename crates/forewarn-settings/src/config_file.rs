//! Reads the config, from a file or from a table that a program made, and says where it is wrong: file, line, section, key,
//! and the nearest valid name. It does not know what the keys mean.

use std::fs::File;
use std::io::Read;
use std::path::Path;

use crate::errors::{Failure, Outcome};
use crate::nearest::nearest;
use crate::options::Options;

/// The config as options, and as the table it was written as.
#[derive(Debug, Clone)]
pub struct ConfigFile {
    /// The options.
    pub options: Options,
    /// The same as a table, in the order of the file.
    pub table: toml::Table,
}

/// No config is longer, in bytes; a device has no end.
const MOST_BYTES: u64 = 16 << 20;

/// Reads and parses the file.
///
/// # Errors
///
/// It is not there, is longer than any config, is no TOML, or has an unknown key or a value of another type.
pub fn read(path: &Path) -> Outcome<ConfigFile> {
    let mut text = String::new();
    match File::open(path).and_then(|file| file.take(MOST_BYTES + 1).read_to_string(&mut text)) {
        Ok(n) if n as u64 > MOST_BYTES => Err(Failure::input(format!(
            "config file `{}` holds more than {MOST_BYTES} bytes",
            path.display()
        ))
        .hint("name the config with `--config`; data files are named in it")),
        Ok(_) => parse(&text, &path.display().to_string()),
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => {
            Err(Failure::input(format!("config file not found: `{}`", path.display()))
                .hint("write one with `forewarn init`, or name it with `--config`"))
        }
        Err(e) => Err(Failure::io("read the config file", path, &e)),
    }
}

/// Parses the text of the file `name`.
///
/// # Errors
///
/// See [`read`].
pub fn parse(text: &str, name: &str) -> Outcome<ConfigFile> {
    parsed(text, name, true)
}

/// The config that a program made as a table; `name` is what messages call it.
///
/// # Errors
///
/// It has an unknown key or a value of another type.
pub fn of_table(table: &toml::Table, name: &str) -> Outcome<ConfigFile> {
    let text = toml::to_string(table)
        .map_err(|e| Failure::input(format!("invalid config in {name}")).cause(e.to_string()))?;
    parsed(&text, name, false)
}

/// `lines` says whether somebody has the text before their eyes.
fn parsed(text: &str, name: &str, lines: bool) -> Outcome<ConfigFile> {
    // A file saved by Windows tools may begin with a byte order mark.
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let options: Options = toml::from_str(text).map_err(|e| explain(text, name, lines, &e))?;
    let table: toml::Table = toml::from_str(text).map_err(|e| explain(text, name, lines, &e))?;
    Ok(ConfigFile { options, table })
}

/// The words of the reader of TOML without the names of our types.
fn plain(message: &str) -> String {
    let words = message.split(' ').collect::<Vec<_>>();
    let mut out: Vec<&str> = Vec::new();
    for (i, word) in words.iter().enumerate() {
        let before = i.checked_sub(1).map(|k| words[k]);
        match *word {
            "struct" if words.get(i + 1).is_some_and(|next| next.ends_with("Options")) => out.push("a table"),
            name if before == Some("struct") && name.ends_with("Options") => {}
            "u64" | "u32" | "usize" if before == Some("expected") => out.push("a whole number from 0 on"),
            "i64" | "i32" if before == Some("expected") => out.push("a whole number"),
            "f64" if before == Some("expected") => out.push("a number"),
            other => out.push(other),
        }
    }
    out.join(" ")
}

fn explain(text: &str, name: &str, lines: bool, error: &toml::de::Error) -> Failure {
    let at = error.span().map(|s| s.start.min(text.len()));
    let line = at.map(|at| text[..at].matches('\n').count() + 1);
    let shown = line.filter(|_| lines);
    let place = shown.map_or_else(|| format!("`{name}`"), |line| format!("`{name}`, line {line}"));
    let section = line.and_then(|line| section_of(text, line));
    let message = plain(&error.message().trim().replace('\n', ": "));
    let Some((kind, found, allowed)) = unknown(&message) else {
        let key = line.and_then(|line| key_on(text, line));
        return match (key, section) {
            (Some(key), Some(section)) => {
                Failure::input(format!("invalid `{key}` in `[{section}]` of {place}: {message}"))
            }
            (Some(key), None) => Failure::input(format!("invalid `{key}` in {place}: {message}")),
            _ => Failure::input(format!("invalid config in {place}: {message}")),
        };
    };
    let within = section.map_or_else(|| "in ".to_owned(), |s| format!("in `[{s}]` of "));
    let failure = Failure::input(format!("unknown {kind} `{found}` {within}{place}"));
    let failure = match nearest(&found, allowed.iter().map(String::as_str), 1).first() {
        Some(near) => failure.hint(format!("a similar {kind} exists: `{near}`")),
        None => failure,
    };
    let list = allowed.iter().map(|a| format!("`{a}`")).collect::<Vec<_>>().join(", ");
    if list.is_empty() { failure } else { failure.hint(format!("valid {kind}s here: {list}")) }
}

/// Takes serde's words for an unknown field or variant apart: what kind, what was found, what is allowed.
fn unknown(message: &str) -> Option<(&'static str, String, Vec<String>)> {
    let (kind, rest) = message
        .strip_prefix("unknown field ")
        .map(|r| ("key", r))
        .or_else(|| message.strip_prefix("unknown variant ").map(|r| ("value", r)))?;
    let (found, allowed) = rest.split_once("`, ").unwrap_or((rest, ""));
    let allowed = allowed.split('`').skip(1).step_by(2).map(str::to_owned).collect();
    Some((kind, found.trim_matches('`').to_owned(), allowed))
}

/// The last `[section]` or `[[section]]` that opens at or above a line.
fn section_of(text: &str, line: usize) -> Option<String> {
    let header = text.lines().take(line).filter_map(|l| {
        let inner = l.trim().strip_prefix('[')?;
        let inner = inner.strip_prefix('[').unwrap_or(inner);
        let (name, _) = inner.split_once(']')?;
        // A line of a list may begin with `[` too; a section's name has neither quotes nor commas.
        name.chars()
            .all(|c| c.is_alphanumeric() || matches!(c, '_' | '-' | '.' | ' '))
            .then(|| name.trim().to_owned())
    });
    header.last()
}

/// The key that a line sets.
fn key_on(text: &str, line: usize) -> Option<String> {
    let (key, _) = text.lines().nth(line - 1)?.split_once('=')?;
    let key = key.trim().trim_matches('"');
    (!key.is_empty() && key.chars().all(|c| c.is_alphanumeric() || matches!(c, '_' | '-' | '.')))
        .then(|| key.to_owned())
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test stops where its own input is wrong")]
mod tests {
    use super::*;

    fn failure(text: &str) -> String {
        parse(text, "forewarn.toml").unwrap_err().render(false)
    }

    #[test]
    fn an_unknown_key_is_refused_with_its_line_and_the_nearest_name() {
        assert_eq!(
            failure("[run]\nout = \"x\"\n\n[risk]\nhorizon_days = [7]\n"),
            "error: unknown key `horizon_days` in `[risk]` of `forewarn.toml`, line 5\n\
             \n\
             hint: a similar key exists: `horizons_days`\n\
             hint: valid keys here: `horizons_days`, `rank_by_days`, `cutoff_every`, `refit_every`, `train_from`, `leave_out`, `keep`\n"
        );
        let text = failure("[capcity]\nvisits = 1\n");
        assert!(text.starts_with("error: unknown key `capcity` in "), "{text}");
        assert!(text.contains("hint: a similar key exists: `capacity`\n"), "{text}");
    }

    #[test]
    fn a_value_of_another_type_names_key_and_line() {
        let text = failure("[risk]\nhorizons_days = \"7\"\n");
        assert!(
            text.starts_with(
                "error: invalid `horizons_days` in `[risk]` of `forewarn.toml`, line 2: invalid type: string"
            ),
            "{text}"
        );
        let text = failure("[risk\n");
        assert!(text.starts_with("error: invalid config in `forewarn.toml`, line 1: "), "{text}");
    }

    #[test]
    fn dates_may_be_text_or_toml_dates() {
        for value in ["\"2025-12-31\"", "2025-12-31"] {
            let options = parse(&format!("[run]\nas_of = {value}\n"), "f").unwrap().options;
            assert_eq!(options.run.unwrap().as_of.unwrap().0, "2025-12-31");
        }
        assert!(failure("[run]\nas_of = 5\n").contains("a date like"));
    }

    #[cfg(unix)]
    #[test]
    fn a_config_without_an_end_is_refused() {
        let error = read(Path::new("/dev/zero")).unwrap_err().render(false);
        assert!(
            error.starts_with("error: config file `/dev/zero` holds more than 16777216 bytes"),
            "{error}"
        );
    }

    #[test]
    fn a_byte_order_mark_and_windows_line_ends_are_no_matter() {
        assert_eq!(
            parse("\u{feff}[run]\r\nout = \"x\"\r\n", "f").unwrap().options.run.unwrap().out.as_deref(),
            Some("x")
        );
    }
}
