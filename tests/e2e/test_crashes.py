"""Killed processes, before every file operation and at random moments: nothing is lost, and the bits are the same."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("torch")
pytestmark = pytest.mark.skipif(os.name == "nt", reason="runs are forked and killed by SIGKILL")

KILLS = int(os.environ.get("WQV_KILLS", "200"))  # of the long form


def crash(folder: Path, *arguments: str) -> dict[str, Any]:
    command = [sys.executable, "-m", "tests.e2e.crashes", str(folder), *arguments]
    done = subprocess.run(command, capture_output=True, text=True, cwd=Path(__file__).parents[2])
    assert done.returncode == 0, done.stderr
    result: dict[str, Any] = json.loads(done.stdout)
    return result


def test_a_killed_run_leaves_nothing_behind_and_ends_with_the_same_bits(tmp_path: Path) -> None:
    result = crash(tmp_path, "--points", "3", "--kills", "3", "--steps", "40")
    assert result["points"]["points"] == 3 and result["points"]["operations"] > 100 and result["kills"]["kills"] >= 3
    assert not result["points"]["faults"] and not result["kills"]["faults"]


@pytest.mark.long
@pytest.mark.parametrize("scenario", ["run", "back", "restart"])
def test_a_run_may_be_killed_at_every_file_operation(tmp_path: Path, scenario: str) -> None:
    result = crash(tmp_path, "--points", "-1", "--scenario", scenario)["points"]
    print(json.dumps(result))
    assert result["points"] == result["operations"] and not result["faults"]


@pytest.mark.long
def test_runs_may_be_killed_at_any_moment(tmp_path: Path) -> None:
    result = crash(tmp_path, "--kills", str(KILLS))["kills"]
    print(json.dumps(result))
    assert result["kills"] >= KILLS and not result["faults"]
