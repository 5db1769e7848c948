//! The one place where the clock, the environment and the machine's name are read. It does not know what they are for.

use std::sync::OnceLock;
use std::time::{SystemTime, UNIX_EPOCH};

use forewarn_frames::time::{self, Micros};
use forewarn_settings::settings::Environment;

/// Microseconds since 1970-01-01T00:00:00Z.
pub(crate) fn now() -> Micros {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |d| d.as_micros() as Micros)
}

/// `2025-12-31T23:59:59Z`.
pub(crate) fn rfc3339(at: Micros) -> String {
    let second = at.rem_euclid(time::DAY) / 1_000_000;
    let day = time::format_day(time::day_number(at));
    format!("{day}T{:02}:{:02}:{:02}Z", second / 3600, second / 60 % 60, second % 60)
}

/// The machine's name, or `unknown`.
pub(crate) fn host() -> String {
    let from_kernel = std::fs::read_to_string("/proc/sys/kernel/hostname").ok();
    from_kernel
        .or_else(|| std::env::var("HOSTNAME").ok())
        .or_else(|| std::env::var("COMPUTERNAME").ok())
        .map(|name| name.trim().to_owned())
        .filter(|name| !name.is_empty())
        .unwrap_or_else(|| "unknown".to_owned())
}

/// The name of this process among all runs: when it began and its number, like `20251231T235959Z-4711`. Every line of a JSON
/// log has it, and so have `run-log.json`, `last-error.json` and the mark of a run under way.
pub(crate) fn run_id() -> &'static str {
    static ID: OnceLock<String> = OnceLock::new();
    ID.get_or_init(|| {
        let began = rfc3339(now()).replace(['-', ':'], "");
        format!("{began}-{}", std::process::id())
    })
}

/// What the environment says of a run; an empty variable counts as none.
pub(crate) fn environment() -> Environment {
    let get = |name: &str| std::env::var(name).ok().filter(|v| !v.is_empty());
    Environment { out: get("FOREWARN_OUT"), as_of: get("FOREWARN_AS_OF"), seed: get("FOREWARN_SEED") }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test stops where its own input is wrong")]
mod tests {
    #[test]
    fn times_are_shown_to_the_second() {
        assert_eq!(super::rfc3339(1_451_606_399_999_999), "2015-12-31T23:59:59Z");
        assert_eq!(super::rfc3339(-1), "1969-12-31T23:59:59Z");
    }
}
