"""Durable files: complete or not there at all."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from trainer_core import files


def test_a_failed_write_leaves_the_old_content_and_no_stray_file(tmp_path: Path) -> None:
    target = tmp_path / "a.json"
    files.write_json(target, {"x": 1})
    with pytest.raises(RuntimeError, match="power cut"):
        _fail_after_writing(target)
    assert target.read_text() == '{\n  "x": 1\n}\n'
    assert [p.name for p in tmp_path.iterdir()] == ["a.json"]


def test_write_sync_rename_and_folder_sync_happen_in_that_order(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    order = []
    real_fsync, real_replace = os.fsync, os.replace

    def fsync(descriptor: int) -> None:
        order.append("folder" if _is_folder(descriptor) else "file")
        real_fsync(descriptor)

    def replace(source: Path, target: Path) -> None:
        order.append("rename")
        real_replace(source, target)

    monkeypatch.setattr(os, "fsync", fsync)
    monkeypatch.setattr(os, "replace", replace)
    with files.atomic_write(tmp_path / "x") as file:
        file.write(b"1")
    assert order == ["file", "rename", "folder"]


def _fail_after_writing(target: Path) -> None:
    with files.atomic_write(target) as file:
        file.write(b"half")
        raise RuntimeError("power cut")


def _is_folder(descriptor: int) -> bool:
    import stat

    return stat.S_ISDIR(os.fstat(descriptor).st_mode)
