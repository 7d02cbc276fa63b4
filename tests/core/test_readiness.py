"""The checklist before a start, and which folder can be a workspace."""

from __future__ import annotations

from pathlib import Path

from PIL import Image

from trainer_core.planning.plan import find_run_photos
from trainer_core.planning.readiness import ERROR, OK, PENDING, SourceStatus, build_checklist, workspace_problem
from trainer_core.settings.config import TrainerConfig


def test_the_checklist_says_what_is_missing_and_where(tmp_path: Path) -> None:
    empty = build_checklist(TrainerConfig(), {}, SourceStatus())
    assert [(c.state, c.setting) for c in empty] == [(ERROR, "source_dir"), (ERROR, "workspace"), (OK, "scale")]
    Image.new("RGB", (64, 48)).save(tmp_path / "a.png")
    config = TrainerConfig(source_dir=str(tmp_path), workspace=str(tmp_path / "run"))
    assert build_checklist(config, {}, SourceStatus())[0].state == PENDING
    source = SourceStatus(*find_run_photos(config))
    assert source.summary().startswith("1 photo, 48 px")
    assert [c.state for c in build_checklist(config, {}, source)] == [OK, OK, OK]
    wrong = build_checklist(config, {"batch_size": "too many"}, source)
    assert wrong[-1].text == "too many"
    assert wrong[-1].setting == "batch_size"


def test_a_file_cannot_be_the_workspace(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    assert "a file" in workspace_problem(tmp_path / "file")
    assert "not a folder" in workspace_problem(tmp_path / "file" / "below")
    assert workspace_problem(tmp_path / "new" / "deep") == ""
