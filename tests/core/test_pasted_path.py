"""Pasted paths: quotation marks, addresses, escapes and invisible marks; what exists keeps its name."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.small_runs import make_photos
from trainer_core.errors import UserError
from trainer_core.pasted_path import clean_path, describe_foreign_path, to_path
from trainer_core.planning.plan import make_plan
from trainer_core.planning.readiness import workspace_problem
from trainer_core.verbs.output_files import make_folder


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "My photos, 50 % \u00e9"
    made.mkdir()
    return made


def test_what_surrounds_a_copied_path_is_removed(folder: Path) -> None:
    for text in (
        f'"{folder}"',
        f"'{folder}'",
        f"  {folder} \n",
        f' "{folder}" ',
        f"\u201c{folder}\u201d",
        f"\u202a{folder}",
        f"\u202a{folder}\u202c",
        folder.as_uri(),
        f'"{folder.as_uri()}"',
        folder.as_uri().replace("file:///", "file://localhost/"),
        folder.as_uri().replace("file://", "FILE:"),
    ):
        assert to_path(text) == folder, text


@pytest.mark.skipif(os.name == "nt", reason="paths of POSIX systems")
def test_escapes_and_unencoded_addresses_are_understood(folder: Path, tmp_path: Path) -> None:
    assert to_path(str(folder).replace(" ", "\\ ").replace(",", "\\,")) == folder
    assert clean_path(f"file://{folder.as_posix().replace('%', '%25')}") == str(folder)
    assert clean_path(f"file://{tmp_path}/what?#1.png") == f"{tmp_path}/what?#1.png"
    assert clean_path("file://server/share") == "file://server/share"
    assert os.fsencode(clean_path("file:///a%E9")) == b"/a\xe9"


@pytest.mark.skipif(os.name == "nt", reason="no quotation marks in names on Windows")
def test_what_exists_keeps_its_name_and_nothing_becomes_the_current_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ('"quoted"', "'a'", " spaces ", "back\\slash", "file:x"):
        Path(name).mkdir()
        assert clean_path(name) == name
    assert clean_path('""') == '""' and clean_path("~") == os.path.expanduser("~")
    assert clean_path(r"not\here") == r"not\here" and clean_path("a\0b") == "a\0b"


@pytest.mark.parametrize("text", ["smb://nas/photos", "sftp://me@host/photos", "https://example.org/a", "mtp://x/y"])
def test_an_address_is_never_taken_for_a_name_in_the_current_folder(
    text: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    photos = make_photos(tmp_path / "p", 3)
    sentence = f"{text} is not a path on this computer. Connect the drive or share, then choose its folder."
    for source, workspace in ((text, "w"), (str(photos), text)):
        with pytest.raises(UserError) as refusal:
            make_plan({"source_dir": source, "workspace": workspace, "device": "cpu", "amp": False})
        assert refusal.value.message == sentence
    with pytest.raises(UserError) as refusal:
        make_folder(Path(text))
    assert refusal.value.message == sentence
    assert workspace_problem(Path(os.path.abspath(text))) == sentence[:-1]
    assert os.listdir(tmp_path) == ["p"]


@pytest.mark.skipif(os.name == "nt", reason="names of POSIX systems")
def test_a_path_of_windows_is_no_name_on_another_system_unless_it_exists(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    for text in (r"C:\Photos\2026", r"\\nas\photos", "smb://a/b"):
        path = Path(os.path.abspath(text))
        assert describe_foreign_path(path).startswith(f"{text} is not a path on this computer")
        path.mkdir(parents=True)
        assert describe_foreign_path(path) == ""
    for text in ("a:b", "10:30 walk", "notes: b/c", "C:", "re: sea/x", "trip:"):
        assert describe_foreign_path(Path(os.path.abspath(text))) == "", text


def test_a_plan_understands_pasted_paths(tmp_path: Path) -> None:
    photos = make_photos(tmp_path / "my photos", 3)
    plan = make_plan(
        {"source_dir": photos.as_uri(), "workspace": f'"{tmp_path / "run"}"', "device": "cpu", "amp": False}
    )
    assert plan.config.source_dir == str(photos) and plan.workspace.root == tmp_path / "run"
