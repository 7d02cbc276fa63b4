"""Where a file dialog begins: in the last folder, else in the user's, never in the program's."""

from __future__ import annotations

from pathlib import Path

import pytest
from PySide6.QtCore import QStandardPaths
from PySide6.QtWidgets import QApplication, QFileDialog, QWidget

from app.widgets.file_filters import PICTURES, start_folder, start_path, store_folder
from app.window import Window


def test_the_last_folder_is_proposed_as_long_as_it_exists(
    qapp: QApplication, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pictures, last = tmp_path / "Pictures", tmp_path / "last"
    monkeypatch.setattr(QStandardPaths, "writableLocation", lambda location: str(pictures))
    assert start_folder("test_folder", PICTURES) == Path.home()
    pictures.mkdir()
    assert start_folder("test_folder", PICTURES) == pictures
    last.mkdir()
    store_folder("test_folder", last / "a.png")
    assert start_folder("test_folder", PICTURES) == last
    last.rmdir()
    assert start_folder("test_folder", PICTURES) == pictures


def test_a_field_begins_at_its_present_path_or_above_it(qapp: QApplication, tmp_path: Path) -> None:
    store_folder("test_folder", tmp_path / "a.png")
    present, other = tmp_path / "photos", tmp_path / "other"
    present.mkdir()
    assert start_path(str(present), "test_folder", PICTURES) == present
    assert start_path(str(present / "new" / "run"), "test_folder", PICTURES) == present
    for useless in ("", "starter", f"{other.anchor}nowhere"):
        assert start_path(useless, "test_folder", PICTURES) == tmp_path


@pytest.mark.parametrize(("name", "begins_in"), [("source_dir", "chosen"), ("workspace", "")])
def test_the_dialogs_of_the_form_begin_in_the_folder_used_last(
    window: Window, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, begins_in: str
) -> None:
    chosen, begins = tmp_path / "chosen", []
    chosen.mkdir()

    def choose(parent: QWidget, title: str, start: str) -> str:
        begins.append(start)
        return str(chosen)

    monkeypatch.setattr(QFileDialog, "getExistingDirectory", choose)
    window.controller.choose_path(name)
    window.controller.choose_path(name)
    window.project.set_path(name, "")
    window.controller.choose_path(name)
    assert begins[1:] == [str(chosen), str(tmp_path / begins_in)]
