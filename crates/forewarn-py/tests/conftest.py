"""What several tests use: the shipped fleet, the program's run of it, and the same run in memory."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

import forewarn

ROOT = Path(__file__).resolve().parents[3]
CONFIG = ROOT / "datasets" / "fleet" / "forewarn.toml"


@pytest.fixture(scope="session")
def fleet() -> forewarn.Fleet:
    """The shipped fleet, from its files."""
    return forewarn.Fleet(CONFIG, progress=False)


@pytest.fixture(scope="session")
def run(fleet: forewarn.Fleet) -> forewarn.Run:
    """The nightly run in memory."""
    return fleet.run(progress=False)


@pytest.fixture(scope="session")
def model(fleet: forewarn.Fleet) -> forewarn.RiskModel:
    """A model of the shipped fleet."""
    return forewarn.RiskModel().fit(fleet, progress=False)


@pytest.fixture(scope="session")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The run folder that the program writes of it. `FOREWARN_RUN` may name one that was made before, and
    `FOREWARN_PROGRAM` the program."""
    if made := os.environ.get("FOREWARN_RUN"):
        return Path(made)
    out = tmp_path_factory.mktemp("program")
    program = os.environ["FOREWARN_PROGRAM"]
    subprocess.run([program, "run", "--quiet", "-c", CONFIG, "--out", out], check=True)
    return out / "latest"
