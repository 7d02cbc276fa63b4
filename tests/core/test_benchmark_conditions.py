"""Every benchmark prints the conditions of its figures."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest

from benchmarks import conditions
from trainer_core.machine import name_processor

ROOT = Path(__file__).resolve().parents[2]
SCRIPTS = [
    path
    for path in sorted((ROOT / "benchmarks").glob("*.py"))
    if '__name__ == "__main__"' in path.read_text("utf-8") and path.name != "starters.py"  # it writes them into a card
]


def test_the_conditions_name_processor_load_torch_date_and_commit() -> None:
    pytest.importorskip("torch")
    text = conditions.describe_conditions()
    assert text.startswith(f"{name_processor()}, ")
    assert re.search(
        r"\d+ processors, .+, load .+, torch \d[^ ]+, \d{4}-\d\d-\d\d, (commit [0-9a-f]{7,}|no commit)", text
    )


def test_a_changed_file_and_a_folder_without_git_are_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(conditions, "_ROOT", tmp_path)
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path.parent))
    assert conditions._describe_commit() == "no commit"
    git = ["git", "-C", str(tmp_path), "-c", "user.name=A", "-c", "user.email=a@b"]
    (tmp_path / "a.py").write_text("1")
    for words in (["init", "-q"], ["add", "a.py"], ["commit", "-qm", "Add a"]):
        subprocess.run([*git, *words], check=True)
    assert re.fullmatch(r"commit [0-9a-f]{7,}", conditions._describe_commit())
    (tmp_path / "a.py").write_text("2")
    assert conditions._describe_commit().endswith(" with changes")


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda path: path.stem)
def test_a_benchmark_prints_the_conditions_above_its_figures(script: Path) -> None:
    assert "describe_conditions()" in script.read_text("utf-8")


def test_there_are_benchmarks() -> None:
    assert len(SCRIPTS) > 15
