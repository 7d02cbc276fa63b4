"""Where a file dialog begins: in the last folder, else in the user's, never in the program's."""

from __future__ import annotations

from pathlib import Path

import pytest
from PySide6.QtCore import QStandardPaths
from PySide6.QtWidgets import QApplication

from app.widgets.file_filters import PICTURES, start_folder, store_folder


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
