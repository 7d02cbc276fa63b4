"""The checklist before a start, and which folder can be a workspace."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import pytest
from PIL import Image

from tests.small_runs import make_photos, watch_photo
from trainer_core.planning.plan import find_run_photos
from trainer_core.planning.readiness import (
    ERROR,
    OK,
    PENDING,
    WARNING,
    SourceStatus,
    build_checklist,
    workspace_problem,
)
from trainer_core.settings.config import TrainerConfig


def test_the_checklist_says_what_is_missing_and_where(tmp_path: Path) -> None:
    empty = build_checklist(TrainerConfig(), {}, SourceStatus())
    assert [(c.state, c.setting) for c in empty] == [(ERROR, "source_dir"), (ERROR, "workspace")]
    Image.new("RGB", (64, 48)).save(tmp_path / "a.png")
    config = TrainerConfig(source_dir=str(tmp_path), workspace=str(tmp_path / "run"))
    assert build_checklist(config, {}, SourceStatus())[0].state == PENDING
    source = SourceStatus(*find_run_photos(config))
    assert source.summary().startswith("1 photo, 48 px")
    assert [c.state for c in build_checklist(config, {}, source)] == [OK, OK]
    wrong = build_checklist(config, {"batch_size": "too many"}, source)
    assert wrong[-1].text == "too many"
    assert wrong[-1].setting == "batch_size"


def test_a_folder_of_mostly_watch_photos_cannot_start_a_run_but_can_continue_one(tmp_path: Path) -> None:
    make_photos(tmp_path, 1)
    for seed in range(2):
        watch_photo(tmp_path / f"watch{seed}.png", seed)
    config = TrainerConfig(source_dir=str(tmp_path), workspace=str(tmp_path / "run"))
    source = SourceStatus(*find_run_photos(config))
    check = build_checklist(config, {}, source)[0]
    assert (check.state, check.setting) == (ERROR, "source_dir")
    assert check.text.startswith("Choose ordinary photos; add watch photos")
    resumed = build_checklist(config.replace(resume_from="latest"), {}, source)[0]
    assert (resumed.state, resumed.text) == (WARNING, check.text)
    accepted = config.replace(accept_captures=True)
    check = build_checklist(accepted, {}, SourceStatus(*find_run_photos(accepted)))[0]
    assert (check.state, check.text) == (OK, "3 photos")


@pytest.mark.parametrize(
    ("mono", "captured", "models"),
    [
        (False, {"mono"}, "WQV-1 or WQV-2"),
        (True, {"color"}, "WQV-3 or WQV-10"),
        (True, {"mono", "color"}, ""),
        (True, (), ""),
    ],
)
def test_captures_of_the_watch_that_is_not_chosen_are_a_warning(
    mono: bool, captured: frozenset[str], models: str
) -> None:
    checks = build_checklist(TrainerConfig(monochrome_style=mono), {}, SourceStatus(), captured=captured)
    warnings = [check.text for check in checks if check.state == WARNING]
    assert warnings == ([f"Your watch photos are from a {models}. Choose it as your watch"] if models else [])


def test_a_file_cannot_be_the_workspace(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    assert "a file" in workspace_problem(tmp_path / "file")
    refused = build_checklist(TrainerConfig(demo=True, workspace=str(tmp_path / "file")), {}, SourceStatus())[1]
    assert (refused.state, refused.text) == (ERROR, "Where the results go: it is a file, not a folder")
    assert workspace_problem(tmp_path / "file" / "below").startswith("it lies in a file")
    assert workspace_problem(tmp_path / "new" / "deep") == ""


class Usage(NamedTuple):
    free: int


def test_a_disk_without_room_for_the_run_is_a_warning_with_both_numbers(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("shutil.disk_usage", lambda folder: Usage(1_200_000))
    config = TrainerConfig(demo=True, workspace=str(tmp_path))
    full = build_checklist(config, {}, SourceStatus(), needed_bytes=214_000_000)[1]
    assert (full.state, full.text) == (WARNING, "Disk: 1.2 MB free, up to 214 MB needed")
    free = build_checklist(config, {}, SourceStatus(), needed_bytes=900_000)[1]
    assert (free.state, free.text) == (OK, "Where the results go: 1.2 MB free")


def test_settings_are_not_called_valid_while_a_file_is_read_or_another_line_is_wrong(tmp_path: Path) -> None:
    config = TrainerConfig(demo=True, workspace=str(tmp_path), init_weights=str(tmp_path / "big.pth"))
    reading = build_checklist(config, {}, SourceStatus(), pending=["init_weights"])
    assert (reading[-1].state, reading[-1].text) == (PENDING, "Reading big.pth …")
    assert not [check for check in reading if "valid" in check.text]
    wrong = build_checklist(TrainerConfig(workspace=str(tmp_path)), {}, SourceStatus())
    assert [check.setting for check in wrong] == ["source_dir", "workspace"]


def test_a_line_names_the_file_and_leaves_the_room_to_the_reason(tmp_path: Path) -> None:
    weights = tmp_path / "a" / "very" / "long" / "way" / "to" / "some.pth"
    config = TrainerConfig(demo=True, workspace=str(tmp_path), init_weights=str(weights))
    checks = build_checklist(config, {"init_weights": f"{weights} is an SRVGG network."}, SourceStatus())
    assert checks[-1].text == "some.pth is an SRVGG network."
