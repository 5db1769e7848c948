//! How much memory there is for this process, and what happens before it is used up: the limits of its control groups
//! (version 1 and 2, and their parents'), of its address space, and of the machine. It does not know what uses the memory.
//!
//! Elsewhere than on Linux no limit is known, and none is watched.

use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::errors::{Exit, Failure, Outcome};
use crate::words;

/// How often the watcher looks.
const PAUSE: Duration = Duration::from_millis(20);
/// Version 1 says "no limit" by a number near the largest one.
const NO_LIMIT: u64 = 1 << 60;

/// What limits the process, with how much of it is in use, bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Bound {
    by: By,
    /// The limit.
    pub(crate) limit: u64,
    /// What is in use, without what the system can take back at once (cached files).
    pub(crate) used: u64,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum By {
    Group(PathBuf),
    AddressSpace,
    Machine,
}

impl fmt::Display for By {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            By::Group(path) => write!(f, "the control group `{}`", path.display()),
            By::AddressSpace => f.write_str("this process (`ulimit -v`)"),
            By::Machine => f.write_str("this machine"),
        }
    }
}

/// What this process may use, bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Budget {
    /// The least of all limits.
    pub(crate) limit: u64,
    /// What is left of that limit which leaves the least.
    pub(crate) available: u64,
    by: By,
}

impl Budget {
    /// As things are now; `None` where nothing is known.
    pub(crate) fn now() -> Option<Self> {
        Self::of(&System::here().bounds())
    }

    fn of(bounds: &[Bound]) -> Option<Self> {
        let left = |b: &Bound| b.limit.saturating_sub(b.used);
        let tightest = bounds.iter().min_by_key(|b| left(b))?;
        Some(Self {
            limit: bounds.iter().map(|b| b.limit).min()?,
            available: left(tightest),
            by: tightest.by.clone(),
        })
    }

    /// Whether `needed` bytes can be had.
    ///
    /// # Errors
    ///
    /// They cannot (74).
    pub(crate) fn check(&self, needed: u64) -> Outcome<()> {
        if needed <= self.available {
            return Ok(());
        }
        Err(hints(
            Failure::new(
                Exit::NoRoom,
                format!(
                    "too little memory: the inputs need {} at the least, and {} of {} are left",
                    words::bytes(needed),
                    words::bytes(self.available),
                    self.by
                ),
            )
            .cause("nothing was read and nothing was changed"),
        ))
    }
}

fn hints(failure: Failure) -> Failure {
    failure
        .hint("give it more memory (`MemoryMax=` of a systemd unit, `resources.limits.memory` of a pod)")
        .hint("or ignore older records with `run.history_from`, or use fewer threads with `--threads`")
}

/// Where the system's own files are looked for.
#[derive(Debug, Clone)]
struct System {
    root: PathBuf,
}

impl System {
    fn here() -> Self {
        Self { root: PathBuf::from("/") }
    }

    fn text(&self, path: &str) -> String {
        fs::read_to_string(self.root.join(path)).unwrap_or_default()
    }

    /// Everything that limits this process.
    fn bounds(&self) -> Vec<Bound> {
        self.groups()
            .into_iter()
            .filter_map(|g| g.bound())
            .chain(self.address_space())
            .chain(self.machine())
            .collect()
    }

    /// The machine: memory and swap.
    fn machine(&self) -> Option<Bound> {
        let text = self.text("proc/meminfo");
        let kib = |name: &str| field(&text, name).map(|n| n * 1024);
        let limit = kib("MemTotal:")? + kib("SwapTotal:").unwrap_or(0);
        let free = kib("MemAvailable:")? + kib("SwapFree:").unwrap_or(0);
        Some(Bound { by: By::Machine, limit, used: limit.saturating_sub(free) })
    }

    /// `ulimit -v`
    fn address_space(&self) -> Option<Bound> {
        let limits = self.text("proc/self/limits");
        let line = limits.lines().find_map(|l| l.strip_prefix("Max address space"))?;
        let limit = line.split_whitespace().next()?.parse().ok()?;
        let used = field(&self.text("proc/self/status"), "VmSize:")? * 1024;
        Some(Bound { by: By::AddressSpace, limit, used })
    }

    /// The control groups of this process and their parents, as far as they can be seen from here.
    fn groups(&self) -> Vec<Group> {
        let (mounts, member) = (self.text("proc/self/mountinfo"), self.text("proc/self/cgroup"));
        let mut out = Vec::new();
        for line in mounts.lines() {
            let Some((own, kind)) = line.split_once(" - ") else { continue };
            let own: Vec<&str> = own.split(' ').collect();
            let kind: Vec<&str> = kind.split(' ').collect();
            let (Some(top), Some(at)) = (own.get(3), own.get(4)) else { continue };
            let second = kind.first() == Some(&"cgroup2");
            let first = kind.first() == Some(&"cgroup")
                && kind.get(2).is_some_and(|options| options.split(',').any(|o| o == "memory"));
            if !first && !second {
                continue;
            }
            let place = member.lines().find_map(|l| {
                let (_, rest) = l.split_once(':')?;
                let (controllers, path) = rest.split_once(':')?;
                let ours = if second {
                    controllers.is_empty()
                } else {
                    controllers.split(',').any(|c| c == "memory")
                };
                ours.then_some(path)
            });
            let Some(place) = place else { continue };
            // In a container the mount may begin below the top of the tree that the kernel names.
            let place = Path::new(place);
            let below = place.strip_prefix(top).or_else(|_| place.strip_prefix("/")).unwrap_or(Path::new(""));
            let at = self.root.join(unescaped(at).trim_start_matches('/'));
            let mut folder = at.join(below);
            if !folder.is_dir() {
                folder.clone_from(&at);
            }
            out.extend(
                folder
                    .ancestors()
                    .take_while(|a| a.starts_with(&at))
                    .map(|a| Group { path: a.to_owned(), second }),
            );
        }
        out
    }
}

/// A control group.
#[derive(Debug)]
struct Group {
    path: PathBuf,
    second: bool,
}

impl Group {
    /// Its limit and use; `None` where it has no limit.
    fn bound(&self) -> Option<Bound> {
        let names = if self.second {
            ["memory.max", "memory.current", "inactive_file", "active_file"]
        } else {
            ["memory.limit_in_bytes", "memory.usage_in_bytes", "total_inactive_file", "total_active_file"]
        };
        let number = |name: &str| fs::read_to_string(self.path.join(name)).ok()?.trim().parse::<u64>().ok();
        let limit = number(names[0]).filter(|limit| *limit < NO_LIMIT)?;
        let stat = fs::read_to_string(self.path.join("memory.stat")).unwrap_or_default();
        let cached: u64 = names[2..].iter().filter_map(|name| field(&stat, name)).sum();
        let used = number(names[1])?.saturating_sub(cached);
        Some(Bound { by: By::Group(self.path.clone()), limit, used })
    }
}

/// The number behind a name at the beginning of a line.
fn field(text: &str, name: &str) -> Option<u64> {
    let mut lines = text.lines().map(str::split_whitespace);
    lines.find_map(|mut words| if words.next() == Some(name) { words.next()?.parse().ok() } else { None })
}

/// A path of `mountinfo`, in which blanks are written in octal digits.
fn unescaped(path: &str) -> String {
    path.replace("\\040", " ").replace("\\011", "\t").replace("\\134", "\\")
}

/// Whether a bound is about to be hit: almost reached and rising, or reached within the next looks at this pace.
fn is_near(bound: &Bound, before: u64) -> bool {
    let grew = bound.used.saturating_sub(before);
    let share = |percent: u64| bound.limit / 100 * percent;
    bound.used >= share(98)
        || (bound.used >= share(95) && grew > 0)
        || (bound.used >= share(85) && bound.used.saturating_add(3 * grew) >= bound.limit)
}

/// Watches from a thread of its own, and calls `end` before the kernel ends the process. `end` must end it: allocations go
/// on meanwhile.
pub(crate) fn watch(end: impl FnOnce(&Failure) + Send + 'static) {
    let system = System::here();
    let mut before = system.bounds();
    if before.is_empty() {
        return;
    }
    std::thread::spawn(move || {
        loop {
            std::thread::sleep(PAUSE);
            let now = system.bounds();
            let was = |b: &Bound| before.iter().find(|a| a.by == b.by).map_or(b.used, |a| a.used);
            if let Some(bound) = now.iter().find(|b| is_near(b, was(b))) {
                let message = format!(
                    "memory is running out: {} of the {} of {} are in use; nothing was changed",
                    words::bytes(bound.used),
                    words::bytes(bound.limit),
                    bound.by
                );
                end(&hints(Failure::new(Exit::NoRoom, message)));
                return;
            }
            before = now;
        }
    });
}

#[cfg(test)]
#[path = "memory_tests.rs"]
mod tests;
