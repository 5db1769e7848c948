//! The tests of the Python package: an environment of its own in the target folder, the package put together from the library
//! that cargo built, then pytest with the examples in comments, and mypy. It does not know what is tested.

use std::ffi::OsString;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::{Done, cargo, say, start};

const CRATE: &str = "crates/forewarn-py";
const REQUIREMENTS: &str = "crates/forewarn-py/requirements-test.txt";

/// Where everything lies.
struct Places {
    /// The target folder.
    target: PathBuf,
    /// The environment.
    venv: PathBuf,
    /// The folder that holds the package `forewarn`.
    package: PathBuf,
}

impl Places {
    fn find() -> Result<Self, u8> {
        let target = std::env::var_os("CARGO_TARGET_DIR").unwrap_or_else(|| "target".into());
        let target =
            std::path::absolute(target).map_err(|e| failed("find the target folder", Path::new(""), &e))?;
        let python = target.join("python");
        Ok(Self { venv: python.join("venv"), package: python.join("package"), target })
    }

    fn program(&self, name: &str) -> PathBuf {
        let (folder, ending) = if cfg!(windows) { ("Scripts", ".exe") } else { ("bin", "") };
        self.venv.join(folder).join(format!("{name}{ending}"))
    }
}

fn failed(doing: &str, path: &Path, error: &io::Error) -> u8 {
    say(&format!("error: could not {doing} `{}`\n  Cause: {error}\n", path.display()));
    2
}

/// The name of Python here, where it can make environments.
fn python() -> Result<&'static str, u8> {
    let can = |name: &&str| {
        let mut command = Command::new(name);
        command.args(["-c", "import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 10))"]);
        command.stdout(Stdio::null()).stderr(Stdio::null()).status().is_ok_and(|s| s.success())
    };
    ["python3", "python"].into_iter().find(can).ok_or_else(|| {
        say("error: the tests of the Python package need Python 3.10 or later with its module `venv`\n\n\
             hint: install `python3` and `python3-venv`\n");
        2
    })
}

/// Makes the environment where it is missing, or was made by other requirements.
fn environment(at: &Places) -> Done {
    let wanted = fs::read(REQUIREMENTS).map_err(|e| failed("read", Path::new(REQUIREMENTS), &e))?;
    let made = at.venv.join("requirements-test.txt");
    if fs::read(&made).is_ok_and(|found| found == wanted) && at.program("pytest").exists() {
        return Ok(());
    }
    let python = python()?;
    start(Command::new(python).args(["-m", "venv", "--clear"]).arg(&at.venv), python)?;
    let install = ["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "-r", REQUIREMENTS];
    start(Command::new(at.program("python")).args(install), "pip")?;
    // Written last: an environment that was left half made is made anew.
    fs::write(&made, wanted).map_err(|e| failed("write", &made, &e))
}

/// Puts the package together: the Python half, and the library as the module that it imports.
fn assemble(at: &Places) -> Done {
    let (from, to) = (Path::new(CRATE).join("python").join("forewarn"), at.package.join("forewarn"));
    let _ = fs::remove_dir_all(&to);
    fs::create_dir_all(&to).map_err(|e| failed("make", &to, &e))?;
    let entries = fs::read_dir(&from).map_err(|e| failed("list", &from, &e))?;
    for entry in entries.flatten().filter(|e| e.path().is_file()) {
        let copy = to.join(entry.file_name());
        fs::copy(entry.path(), &copy).map_err(|e| failed("write", &copy, &e))?;
    }
    let (prefix, suffix) = (std::env::consts::DLL_PREFIX, std::env::consts::DLL_SUFFIX);
    let library = at.target.join("debug").join(format!("{prefix}_forewarn{suffix}"));
    let module = to.join(if cfg!(windows) { "_forewarn.pyd" } else { "_forewarn.abi3.so" });
    // The library is large, and a second name for it costs nothing.
    let linked = fs::hard_link(&library, &module).or_else(|_| fs::copy(&library, &module).map(|_| ()));
    linked.map_err(|e| failed("copy", &library, &e))
}

/// Builds, puts the package together and tests it; `run` is a run folder of the shipped fleet that the program just wrote.
pub(crate) fn test(args: &[OsString], run: Option<&Path>) -> Done {
    let at = Places::find()?;
    environment(&at)?;
    // All together: chosen alone, a package may ask less of a shared library, and Polars would be compiled a second time.
    cargo(&["build", "--workspace"], args)?;
    assemble(&at)?;
    let program = at.target.join("debug").join(format!("forewarn{}", std::env::consts::EXE_SUFFIX));
    let tests = [CRATE, "/tests"].concat();
    let settings = [CRATE, "/pyproject.toml"].concat();
    let mut pytest = Command::new(at.program("python"));
    pytest.args(["-B", "-m", "pytest", "-q", "-c", &settings, "--rootdir", ".", "--doctest-modules"]);
    pytest.args(["--doctest-glob=*.md"]).arg(at.package.join("forewarn")).arg(&tests).arg("docs/python.md");
    pytest.env("PYTHONPATH", &at.package).env("FOREWARN_PROGRAM", program);
    if let Some(run) = run {
        pytest.env("FOREWARN_RUN", run);
    }
    say("$ pytest\n");
    start(&mut pytest, "pytest")?;
    let mut mypy = Command::new(at.program("python"));
    mypy.args(["-m", "mypy", "--config-file", &settings, "--cache-dir"])
        .arg(at.target.join("python").join("mypy"));
    mypy.arg(at.package.join("forewarn")).arg(tests + "/typed_caller.py");
    say("$ mypy\n");
    start(mypy.env("MYPYPATH", &at.package), "mypy")
}
