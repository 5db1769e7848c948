//! Tests of the memory limits, on trees of files like those of Linux.
#![expect(clippy::unwrap_used, reason = "a test stops where its own input is wrong")]

use super::*;

const GB: u64 = 1 << 30;

/// A tree of files in a folder of its own.
struct Tree(PathBuf);

impl Tree {
    fn new(name: &str, files: &[(&str, &str)]) -> Self {
        let root = std::env::temp_dir().join(format!("forewarn-memory-{}-{name}", std::process::id()));
        let _ = fs::remove_dir_all(&root);
        for (path, text) in files {
            let path = root.join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        }
        Self(root)
    }

    fn limits(&self) -> Vec<(u64, u64)> {
        let system = System { root: self.0.clone() };
        system.bounds().iter().map(|b| (b.limit, b.used)).collect()
    }
}

impl Drop for Tree {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

#[test]
fn limits_are_found_in_every_layout() {
    let check = |name: &str, files: &[(&str, &str)], want: &[(u64, u64)]| {
        assert_eq!(Tree::new(name, files).limits(), want, "{name}");
    };
    check(
        "a unit of systemd and its slice, version 2",
        &[
            ("proc/self/mountinfo", "30 23 0:26 / /sys/fs/cgroup rw,nosuid - cgroup2 cgroup2 rw"),
            ("proc/self/cgroup", "0::/system.slice/forewarn.service\n"),
            ("sys/fs/cgroup/system.slice/forewarn.service/memory.max", "4294967296\n"),
            ("sys/fs/cgroup/system.slice/forewarn.service/memory.current", "1000\n"),
            (
                "sys/fs/cgroup/system.slice/forewarn.service/memory.stat",
                "anon 5\ninactive_file 300\nactive_file 100\n",
            ),
            ("sys/fs/cgroup/system.slice/memory.max", "2147483648\n"),
            ("sys/fs/cgroup/system.slice/memory.current", "5000\n"),
        ],
        &[(4 * GB, 600), (2 * GB, 5000)],
    );
    check(
        "no limit, version 2",
        &[
            ("proc/self/mountinfo", "30 23 0:26 / /sys/fs/cgroup rw - cgroup2 cgroup2 rw"),
            ("proc/self/cgroup", "0::/a"),
            ("sys/fs/cgroup/a/memory.max", "max\n"),
            ("sys/fs/cgroup/a/memory.current", "1000\n"),
        ],
        &[],
    );
    check(
        "a container that sees the top of its own tree, version 1",
        &[
            (
                "proc/self/mountinfo",
                "1 0 0:9 /docker/ab /sys/fs/cgroup/memory ro - cgroup cgroup rw,memory\n2 0 0:9 / /sys/fs/cgroup/cpu ro - cgroup cgroup rw,cpu",
            ),
            ("proc/self/cgroup", "5:cpu:/x\n4:memory:/docker/ab\n0::/\n"),
            ("sys/fs/cgroup/memory/memory.limit_in_bytes", "536870912"),
            ("sys/fs/cgroup/memory/memory.usage_in_bytes", "9000"),
            (
                "sys/fs/cgroup/memory/memory.stat",
                "inactive_file 1\ntotal_inactive_file 2000\ntotal_active_file 3000\n",
            ),
        ],
        &[(GB / 2, 4000)],
    );
    check(
        "the largest number is no limit, version 1",
        &[
            ("proc/self/mountinfo", "1 0 0:9 / /sys/fs/cgroup/memory ro - cgroup cgroup rw,memory"),
            ("proc/self/cgroup", "4:memory:/a/b\n"),
            ("sys/fs/cgroup/memory/a/b/memory.limit_in_bytes", "9223372036854771712"),
            ("sys/fs/cgroup/memory/a/b/memory.usage_in_bytes", "9000"),
        ],
        &[],
    );
    check(
        "the machine and the address space",
        &[
            (
                "proc/meminfo",
                "MemTotal: 1000 kB\nMemFree: 1 kB\nMemAvailable: 600 kB\nSwapTotal: 24 kB\nSwapFree: 24 kB\n",
            ),
            (
                "proc/self/limits",
                "Limit  Soft Limit  Hard Limit  Units\nMax address space   2048000   unlimited   bytes\n",
            ),
            ("proc/self/status", "VmPeak: 7 kB\nVmSize:\t    1000 kB\n"),
        ],
        &[(2_048_000, 1_024_000), (1024 * 1024, 400 * 1024)],
    );
    check("elsewhere", &[], &[]);
}

#[test]
fn the_tightest_bound_says_what_is_left() {
    let bound = |limit: u64, used: u64| Bound { by: By::AddressSpace, limit, used };
    let machine = Bound { by: By::Machine, limit: 9, used: 1 };
    let budget = Budget::of(&[bound(100, 95), machine]).unwrap();
    assert_eq!((budget.limit, budget.available), (9, 5));
    assert!(budget.check(5).is_ok());
    let e = budget.check(6).unwrap_err();
    assert_eq!(e.exit, Exit::NoRoom);
    assert!(e.message.contains("`ulimit -v`"), "{}", e.message);
    assert_eq!(Budget::of(&[]), None);
}

#[test]
fn the_end_is_near_when_it_comes_closer() {
    let check = |used: u64, before: u64, want: bool| {
        assert_eq!(
            is_near(&Bound { by: By::Machine, limit: 1000, used }, before),
            want,
            "{before} to {used}"
        );
    };
    check(500, 100, false);
    check(849, 700, false);
    check(860, 800, true);
    check(860, 820, false);
    check(949, 949, false);
    check(955, 955, false);
    check(955, 954, true);
    check(985, 990, true);
}

#[cfg(target_os = "linux")]
#[test]
fn this_machine_has_memory() {
    let budget = Budget::now().unwrap();
    assert!(budget.available > 0 && budget.available <= budget.limit.max(budget.available), "{budget:?}");
    assert!(budget.limit > 1 << 20);
}
