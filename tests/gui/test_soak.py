"""Rounds of everything a user does leave nothing behind; `tests/gui/soak.py` goes on for hours."""

from __future__ import annotations

from pathlib import Path

import pytest

from app.window import Window
from tests.gui.soak import Soak, growth_per_round

_EXACT = ("widgets", "objects", "timers that go on", "listeners to the theme")


def test_a_round_of_everything_leaves_nothing_behind(window: Window, tmp_path: Path) -> None:
    soak = Soak(window, tmp_path)
    soak.run_round()
    before = soak.run_round()  # the first round has filled caches
    after = soak.run_round()
    assert {name: after[name] - before[name] for name in _EXACT if after[name] > before[name]} == {}
    assert after["open files"] <= before["open files"]


@pytest.mark.long
def test_memory_threads_and_files_stay_level_over_many_rounds(window: Window, tmp_path: Path) -> None:
    soak = Soak(window, tmp_path)
    growth = growth_per_round([soak.run_round() for _ in range(30)])
    assert {name: growth[name] for name in (*_EXACT, "open files", "threads") if growth[name] > 0.2} == {}
    assert growth["memory"] < 1000, "KB per round"
