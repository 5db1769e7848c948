"""Runs the notebooks in `notebooks/` as an analyst would, from the first cell to the last, and compares what they print with
what is committed, or writes it. It does not know what is in them.

    python crates/forewarn-py/notebooks.py                # says what differs
    python crates/forewarn-py/notebooks.py --write        # renews the outputs; names of notebooks limit it to them

The package, and what `requirements-test.txt` names, must be importable. `cargo xtask python` leaves both in the target folder:

    PYTHONPATH=target/python/package target/python/venv/bin/python crates/forewarn-py/notebooks.py --write
"""

from __future__ import annotations

import argparse
import difflib
import os
import sys
import time
from pathlib import Path
from typing import Any

import nbformat
from nbclient import NotebookClient

ROOT = Path(__file__).resolve().parents[2]
FOLDER = ROOT / "notebooks"
SECONDS = 600
"""How long one cell may take. Tests share their machine with others."""


def names() -> list[str]:
    """The notebooks, in the order in which they are read."""
    return sorted(path.stem for path in FOLDER.glob("*.ipynb"))


def read(name: str) -> Any:
    return nbformat.read(FOLDER / f"{name}.ipynb", as_version=4)


def missing(notebook: Any) -> str | None:
    """Why a notebook cannot run here: the data that its metadata name, by the variable that may say where it is."""
    needs = notebook.metadata.get("needs")
    if needs is None or (FOLDER / os.environ.get(needs["variable"], needs["default"])).exists():
        return None
    return f"its data is not here: `{needs['default']}` from `notebooks/`, or `{needs['variable']}`"


def run(notebook: Any) -> Any:
    """A copy with the outputs of now; raises what a cell raises."""
    made = nbformat.from_dict(notebook)
    client = NotebookClient(made, timeout=SECONDS, kernel_name="python3", resources={"metadata": {"path": str(FOLDER)}})
    client.execute()
    return made


def printed(cell: Any) -> str:
    """What a cell says in words and numbers. A picture is none, nor is the name that stands for it."""
    parts = []
    for output in cell.get("outputs", []):
        if output.output_type == "stream":
            parts.append(f"{output.text}" if output.name == "stdout" else f"[{output.name}] {output.text}")
        elif output.output_type in ("display_data", "execute_result") and "image/png" not in output.data:
            parts.append(output.data.get("text/plain", ""))
    return "\n".join(part.rstrip("\n") for part in parts)


def differences(committed: Any, made: Any) -> list[str]:
    """Line by line, what was committed and what came out, of all cells that print something else."""
    out = []
    for i, (old, new) in enumerate(zip(committed.cells, made.cells, strict=True)):
        before, after = printed(old).splitlines(), printed(new).splitlines()
        if before != after:
            out += difflib.unified_diff(before, after, f"cell {i}, committed", f"cell {i}, now", lineterm="", n=1)
    return out


def bare(notebook: Any) -> Any:
    """Without what tells of this machine or this hour: only words, code and outputs stay."""
    for cell in notebook.cells:
        cell.metadata = {}
        for output in cell.get("outputs", []):
            if "metadata" in output:
                output.metadata = {}
            # The picture is there already; its name in text says how large it is in pixels.
            if "image/png" in output.get("data", {}):
                output.data = {"image/png": output.data["image/png"], "text/plain": "<Figure>"}
    kept = {key: notebook.metadata[key] for key in ("needs",) if key in notebook.metadata}
    kernel = {"display_name": "Python 3", "language": "python", "name": "python3"}
    notebook.metadata = nbformat.from_dict(kept | {"kernelspec": kernel, "language_info": {"name": "python"}})
    return notebook


def write(name: str, notebook: Any) -> None:
    # Line by line, so that differences can be read.
    (FOLDER / f"{name}.ipynb").write_text(nbformat.writes(bare(notebook)) + "\n", encoding="utf-8")


def main() -> int:
    parser = argparse.ArgumentParser(description="Runs the notebooks and compares their outputs, or writes them.")
    parser.add_argument("--write", action="store_true", help="write what comes out")
    parser.add_argument("names", nargs="*", default=names(), help="default: all")
    asked = parser.parse_args()
    failed = 0
    for name in asked.names:
        committed = read(name)
        if why := missing(committed):
            print(f"{name}: left out, {why}")
            continue
        start = time.monotonic()
        made = run(committed)
        found = differences(committed, made)
        if asked.write:
            write(name, made)
        print(f"{name}: {time.monotonic() - start:.0f} s, {'as committed' if not found else 'other outputs'}")
        if found and not asked.write:
            print("\n".join(found))
            failed += 1
    return min(failed, 1)


if __name__ == "__main__":
    sys.exit(main())
