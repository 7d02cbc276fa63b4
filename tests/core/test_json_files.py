"""JSON files that anyone may have written: what cannot be used gives a sentence, what is newer is never rewritten."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest

from tests.small_runs import make_photos, profile_file
from trainer_core.camera import CameraProfile
from trainer_core.data.splits import read_splits, splits_to_json
from trainer_core.errors import NewerFileError, UserError
from trainer_core.json_files import check_version, parse_json, read_json
from trainer_core.planning.plan import make_plan
from trainer_core.workspace.layout import Workspace

NESTED = "[" * 100_000
WITHOUT_TORCH: dict[str, Any] = {"device": "cpu", "amp": False}


def read_by_settings(path: Path) -> Any:
    return Workspace(path.parent).read_settings()


def read_by_splits(path: Path) -> Any:
    return read_splits(path)


READERS = {
    "training_config.json": read_by_settings,
    "dataset_splits.json": read_by_splits,
    "watch.json": CameraProfile.load,
}


@pytest.mark.parametrize("name", READERS)
@pytest.mark.parametrize("content", ["", "null", "[]", "{", NESTED, '{"a":' * 100_000, '"\\ud800"', "\ufeff{}", "NaN"])
def test_content_that_cannot_be_used_gives_one_sentence(name: str, content: str, tmp_path: Path) -> None:
    path = tmp_path / name
    path.write_text(content, encoding="utf-8")
    with pytest.raises(UserError, match=name):
        READERS[name](path)
    assert path.read_text("utf-8") == content


@pytest.mark.parametrize("name", READERS)
def test_bytes_that_are_no_text_give_one_sentence(name: str, tmp_path: Path) -> None:
    (tmp_path / name).write_bytes(b'{"schema": "\xff\xfe"}')
    with pytest.raises(UserError, match=name):
        READERS[name](tmp_path / name)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="this system has no named pipes")
@pytest.mark.parametrize("name", ["training_config.json", "dataset_splits.json"])
def test_a_named_pipe_is_refused_instead_of_waited_for(name: str, tmp_path: Path) -> None:
    os.mkfifo(tmp_path / name)
    with pytest.raises(UserError, match="not a regular file"):
        READERS[name](tmp_path / name)


def test_a_missing_file_is_not_a_damaged_one(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    for path in (tmp_path / "none.json", tmp_path / "file" / "none.json"):
        with pytest.raises(FileNotFoundError):
            read_json(path, advice="Choose another file.")


def test_a_file_above_the_limit_is_refused_and_one_at_the_limit_is_read(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    path.write_bytes(b'"12345678"')
    assert read_json(path, advice="", max_bytes=10) == "12345678"
    with pytest.raises(UserError, match="too large"):
        read_json(path, advice="", max_bytes=9)


def test_deep_nesting_is_no_json() -> None:
    with pytest.raises(ValueError, match="nested too deeply"):
        parse_json(NESTED)


@pytest.mark.parametrize("version", ["1", None, [], {}, 1.0, 1e30, True, 0, -1])
def test_a_version_that_is_no_number_is_refused(version: Any) -> None:
    with pytest.raises(UserError, match='"schema" is') as caught:
        check_version({"schema": version}, "schema", 1, "a.json", advice="Restore it.")
    assert not isinstance(caught.value, NewerFileError)


def test_only_a_newer_version_is_refused_as_newer() -> None:
    for version in (1, 2):
        check_version({"schema": version}, "schema", 2, "a.json", advice="")
    with pytest.raises(NewerFileError, match="schema 3; this version reads up to 2"):
        check_version({"schema": 3}, "schema", 2, "a.json", advice="")


@pytest.mark.parametrize(
    "content",
    [
        {"schema": 1, "camera_profile": "a\0b"},
        {"schema": 1, "learning_rate": 10**400},
        {"schema": 1, "learning_rate": -(10**400)},
        {"schema": 1, "steps": 10**400},
        {"schema": 1, "betas": [0.9, 10**400]},
        {"schema": 1, "workspace_id": 5},
        {"schema": 1, "workspace_id": None},
        {"schema": 1, "workspace_id": ""},
        {"schema": 1, "scale": [2]},
        {"schema": 1, "scale": {"a": 2}},
        {"schema": None},
    ],
)
def test_an_odd_setting_gives_one_sentence_with_the_file(content: dict[str, Any], tmp_path: Path) -> None:
    path = tmp_path / "training_config.json"
    path.write_text(json.dumps(content), "utf-8")
    with pytest.raises(UserError, match=r"training_config\.json") as caught:
        Workspace(tmp_path).read_settings()
    assert not isinstance(caught.value, NewerFileError)


@pytest.mark.parametrize("value", [10**400, "1", True, None, float("inf"), [1]])
def test_an_odd_number_in_a_camera_profile_gives_one_sentence(value: Any, tmp_path: Path) -> None:
    path = profile_file(tmp_path)
    content = json.loads(path.read_text("utf-8"))
    content["ranges"]["gamma"] = [0.5, value]
    path.write_text(json.dumps(content), "utf-8")
    with pytest.raises(UserError, match="gamma must be a number"):
        CameraProfile.load(path)


NEWER = {"training_config.json": {"schema": 2}, "dataset_splits.json": {"version": 2, "train": {"photo0.png": 1}}}


@pytest.mark.parametrize("name", NEWER)
@pytest.mark.parametrize("options", [{}, {"resplit": True}, {"resume_from": "latest"}])
def test_a_workspace_file_of_a_newer_version_stops_the_run_and_stays_as_it_is(
    name: str, options: dict[str, Any], tmp_path: Path
) -> None:
    photos, workspace = make_photos(tmp_path / "photos", 3), tmp_path / "w"
    (workspace / "checkpoints").mkdir(parents=True)
    (workspace / "checkpoints" / "scale4_step1.pth").write_bytes(b"x")
    (workspace / name).write_text(json.dumps(NEWER[name]), "utf-8")
    with pytest.raises(NewerFileError, match=name):
        make_plan({"source_dir": str(photos), "workspace": str(workspace), **WITHOUT_TORCH, **options})
    assert json.loads((workspace / name).read_text("utf-8")) == NEWER[name]


def test_unknown_keys_of_the_recorded_split_stay_in_it(tmp_path: Path) -> None:
    photos, workspace = make_photos(tmp_path / "photos", 3), tmp_path / "w"
    workspace.mkdir()
    content = {"version": 1, "train": ["photo0.png"], "val": ["photo1.png"], "added_later": [5]}
    (workspace / "dataset_splits.json").write_text(json.dumps(content), "utf-8")
    plan = make_plan({"source_dir": str(photos), "workspace": str(workspace), **WITHOUT_TORCH})
    assert splits_to_json(plan.splits)["added_later"] == [5]
