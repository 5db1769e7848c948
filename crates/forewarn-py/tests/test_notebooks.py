"""The notebooks run from the first cell to the last, and print what is committed."""

from __future__ import annotations

import re
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
import notebooks

RENEW = "PYTHONPATH=target/python/package target/python/venv/bin/python crates/forewarn-py/notebooks.py --write"


@pytest.mark.parametrize("name", notebooks.names())
def test_a_notebook_says_what_is_committed(name: str) -> None:
    committed = notebooks.read(name)
    if why := notebooks.missing(committed):
        pytest.skip(f"{name}: {why}")
    found = notebooks.differences(committed, notebooks.run(committed))
    assert not found, "\n".join([f"{name} prints something else; where that is right: `{RENEW} {name}`", *found])


def test_another_number_is_noticed() -> None:
    name = notebooks.names()[0]
    committed, changed = notebooks.read(name), notebooks.read(name)
    cell = next(c for c in changed.cells if re.search(r"\d", notebooks.printed(c)))
    for output in cell.outputs:
        if "data" in output:
            output.data["text/plain"] = re.sub(r"\d", "x", output.data.get("text/plain", ""))
        else:
            output.text = re.sub(r"\d", "x", output.text)
    assert notebooks.differences(committed, committed) == []
    assert notebooks.differences(committed, changed)


def test_the_folder_is_small_and_says_nothing_of_a_machine() -> None:
    files = sorted(notebooks.FOLDER.glob("*.ipynb"))
    assert sum(file.stat().st_size for file in files) < 1_500_000
    listed = (notebooks.FOLDER / "README.md").read_text(encoding="utf-8")
    for file in files:
        text = file.read_text(encoding="utf-8")
        assert file.name in listed, f"{file.name} is not in the README"
        assert not re.search(r"/home/|/root/|/tmp/|/Users/|execution\"|T\d\d:\d\d:\d\d\.\d+Z", text), file.name
        # Writing what was read changes nothing, so no metadata was left in by hand.
        before = notebooks.nbformat.reads(text, as_version=4)
        assert notebooks.bare(notebooks.nbformat.reads(text, as_version=4)) == before, file.name
