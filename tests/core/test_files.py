"""Durable files: complete or not there at all."""

from __future__ import annotations

import errno
import os
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.small_disk import fill, small_disk
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


def _write_like_a_library(target: Path, swallowed: bool) -> None:
    """Write more than fits; the library then raises an error of its own, or none."""
    with files.atomic_write(target) as file:
        try:
            for _ in range(9):
                file.write(b"0" * 9000)
        except OSError:
            if not swallowed:
                raise RuntimeError("unexpected pos 3 vs 2") from None


def _is_folder(descriptor: int) -> bool:
    import stat

    return stat.S_ISDIR(os.fstat(descriptor).st_mode)


# -- files that cannot be written -----------------------------------------------------------------


@pytest.mark.parametrize("swallowed", [False, True])
def test_the_error_of_a_full_disk_survives_a_library_that_replaces_or_ignores_it(
    tmp_path: Path, swallowed: bool
) -> None:
    with small_disk(tmp_path / "disk", 16) as disk:
        with pytest.raises(files.WriteError, match=r"new cannot be written: the disk is full \(No space") as caught:
            _write_like_a_library(disk / "new", swallowed)
        assert files.is_lack_of_room(caught.value) and not list(disk.iterdir())


@pytest.mark.parametrize("number", ["EROFS", "EDQUOT", "EIO", "ESTALE", "ENOTCONN", "EACCES", "ENOENT"])
@pytest.mark.parametrize("call", ["write", "fsync", "replace"])
def test_every_error_of_the_system_becomes_one_sentence_and_changes_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: str, call: str
) -> None:
    target = tmp_path / "a.json"
    target.write_text("old")
    code = getattr(errno, number)

    def fail(*arguments: Any) -> None:
        raise OSError(code, os.strerror(code))

    if call == "write":
        monkeypatch.setattr(files._RecordingWriter, "flush", fail)
    else:
        monkeypatch.setattr(os, call, fail)
    with pytest.raises(files.WriteError) as caught:
        files.write_bytes(target, b"new")
    monkeypatch.undo()
    assert caught.value.errno == code and os.strerror(code) in str(caught.value)
    assert str(caught.value).startswith(f"{target} cannot be written: ")
    assert target.read_text() == "old" and [p.name for p in tmp_path.iterdir()] == ["a.json"]


def test_a_file_system_that_cannot_sync_still_gets_its_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(descriptor: int) -> None:
        code = errno.EIO if _is_folder(descriptor) else errno.EOPNOTSUPP
        raise OSError(code, os.strerror(code))

    monkeypatch.setattr(os, "fsync", fail)
    files.write_bytes(tmp_path / "x", b"1")
    assert (tmp_path / "x").read_bytes() == b"1"


def test_a_drive_of_macos_that_knows_no_full_sync_gets_a_plain_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fcntl = pytest.importorskip("fcntl")
    synced: list[int] = []

    def refuse(descriptor: int, command: int) -> None:
        raise OSError(errno.ENOTSUP, "Operation not supported")

    monkeypatch.setattr(sys, "platform", "darwin")
    monkeypatch.setattr(fcntl, "F_FULLFSYNC", 51, raising=False)
    monkeypatch.setattr(fcntl, "fcntl", refuse)
    monkeypatch.setattr(os, "fsync", synced.append)
    with open(tmp_path / "x", "wb") as file:
        files.sync_file(file.fileno())
    assert len(synced) == 1


def test_the_longest_name_that_the_system_allows_is_written(tmp_path: Path) -> None:
    target = tmp_path / ("ü" * 127)
    files.write_bytes(target, b"1")
    assert [p.name for p in tmp_path.iterdir()] == [target.name]


@pytest.mark.parametrize("full", [False, True])
def test_a_file_system_without_links_gets_a_whole_copy_or_keeps_the_old_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, full: bool
) -> None:
    def refuse(*names: object) -> None:
        raise OSError(errno.EPERM, "Operation not permitted")

    monkeypatch.setattr(os, "link", refuse)
    with small_disk(tmp_path / "disk", 64) as disk:
        source, target = disk / "step5", disk / "final"
        source.write_bytes(b"1" * 20_000)
        target.write_bytes(b"old")
        if full:
            fill(disk, leave_kilobytes=8)
            with pytest.raises(files.WriteError, match="final cannot be written: the disk is full"):
                files.link_or_copy(source, target)
            assert target.read_bytes() == b"old"
        else:
            files.link_or_copy(source, target)
            assert target.read_bytes() == source.read_bytes()
        assert not list(disk.glob("*.tmp"))


def test_a_link_that_is_there_already_leaves_no_stray(tmp_path: Path) -> None:
    source, target = tmp_path / "a", tmp_path / "b"
    source.write_bytes(b"1")
    for _ in range(2):
        files.link_or_copy(source, target)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a", "b"]


def test_a_name_that_is_too_long_for_an_addition_is_shortened_between_characters() -> None:
    used: set[str] = set()
    for name in ("x" * 251, "\u5199" * 83, "a\udce9" * 120):
        for _ in range(2):
            assert len(os.fsencode(f"{files.unique_name(name, used)}_compare.png")) <= 255
    assert files.unique_name("short", used) == "short" and len(used) == 7
