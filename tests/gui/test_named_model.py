"""Names of models: each tells from which run a model is, and no two models share one."""

from __future__ import annotations

import os
import time
from pathlib import Path

from app.enlarge.named_model import NamedModel, find_recent_models, find_run_models, name_file, name_starter, tell_apart
from app.runs.recent_workspaces import add_recent_workspace
from tests.core.starter_files import use_starters
from trainer_core.starters.registry import find_starters

_JUNE = time.mktime((2001, 6, 30, 12, 0, 0, 0, 0, -1))


def write(path: Path, at: float = _JUNE) -> Path:
    """An empty file with a date."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"")
    os.utime(path, (at, at))
    return path


def names(models: list[NamedModel]) -> list[str]:
    return [model.name for model in models]


def test_a_name_says_run_model_scale_and_date(tmp_path: Path) -> None:
    write(tmp_path / "mono" / "models" / "wqv_neosr_x8_best.pth")
    write(tmp_path / "mono" / "models" / "wqv_neosr_x8.pth", time.time())
    write(tmp_path / "mono" / "checkpoints" / "scale8_step40.pth")
    now = time.strftime("%d %b, %H:%M", time.localtime((tmp_path / "mono/models/wqv_neosr_x8.pth").stat().st_mtime))
    assert names(find_run_models(tmp_path / "mono")) == [
        "mono · best · x8 · 30 Jun 2001",
        f"mono · newest · x8 · {now}",
        "mono · step 40 · x8 · 30 Jun 2001",
    ]


def test_of_other_runs_the_models_are_found_without_the_checkpoints(tmp_path: Path) -> None:
    for run in ("one", "two"):
        write(tmp_path / run / "models" / "wqv_neosr_x4_best.pth")
        write(tmp_path / run / "checkpoints" / "scale4_step40.pth")
        add_recent_workspace(tmp_path / run)
    assert names(find_recent_models(tmp_path / "two")) == ["one · best · x4 · 30 Jun 2001"]
    assert [name.partition(" ")[0] for name in names(find_recent_models(None))] == ["two", "one"]


def test_folders_of_the_same_name_are_named_with_the_folders_around_them(tmp_path: Path) -> None:
    for run in ("may/run", "june/run", "july/other"):
        write(tmp_path / run / "models" / "wqv_neosr_x4_best.pth")
        add_recent_workspace(tmp_path / run)
    found = [*find_run_models(tmp_path / "may/run"), *find_recent_models(tmp_path / "may/run")]
    assert [Path(name.partition(" ")[0]) for name in names(found)] == [Path("may/run"), Path("other"), Path("june/run")]


def test_models_under_an_earlier_name_of_a_run_are_named_after_their_files_too(tmp_path: Path) -> None:
    for file in ("a_x4_best.pth", "b_x4_best.pth"):
        write(tmp_path / "mono" / "models" / file)
    first, second = names(find_run_models(tmp_path / "mono"))
    assert second.startswith(f"{first} · ") and second.endswith("_x4_best.pth")


def test_a_sentence_uses_the_shortest_names_that_differ(tmp_path: Path) -> None:
    best = write(tmp_path / "mono" / "models" / "wqv_neosr_x4_best.pth")
    older = write(tmp_path / "mono" / "models" / "old_x4_best.pth", _JUNE - 86400)
    first, second = find_run_models(tmp_path / "mono")
    assert (first.path, second.path) == (best, older)
    assert tell_apart([first, second]) == ("mono, best, x4, 30 Jun 2001", "mono, best, x4, 29 Jun 2001")
    other = name_file(tmp_path / "files" / "ours_x4.pth")
    assert other.name == "ours_x4.pth · folder files"
    assert tell_apart([first, other]) == ("mono (best)", "ours_x4")
    same = name_file(tmp_path / "x" / "files" / "ours_x4.pth")
    assert tell_apart([other, same]) == (str(other.path), str(same.path))


def test_a_built_in_model_is_named_after_its_watch_and_scale(tmp_path: Path, monkeypatch: object) -> None:
    use_starters(monkeypatch, tmp_path / "starters", "wqv10_x4")  # type: ignore[arg-type]
    (model,) = map(name_starter, find_starters())
    assert (model.name, model.short_name) == (
        "Built-in model · color watch · x4",
        "the built-in model (color watch, x4)",
    )
