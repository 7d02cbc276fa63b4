"""A message about a file that the user chose says what to do, once."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any, Callable

import pytest

pytest.importorskip("torch")

from trainer_core.camera.profile import CameraProfile
from trainer_core.errors import UserError, end_with_advice
from trainer_core.verbs.picture_files import find_pictures, read_pictures
from trainer_core.verbs.simulate import simulate
from trainer_core.weights.warm_start import identify_source


def message_of(action: Callable[[], Any]) -> str:
    with pytest.raises(UserError) as caught:
        action()
    return caught.value.message


def test_a_reason_without_advice_gets_some() -> None:
    assert end_with_advice("it is empty", "Use another copy.") == "it is empty. Use another copy."
    assert end_with_advice("it is a web page; download it again.", "Use another copy.") == (
        "it is a web page; download it again."
    )
    for path in ("/home/me/St. Ives/a.pth", "C:\\My; files\\a.pth"):
        assert end_with_advice(f"{path} is empty", "Use another copy.") == f"{path} is empty. Use another copy."


@pytest.mark.parametrize("content", [None, b"", b"just a note", b"%PDF-1.4", b"\x80\x04K\x01."])
def test_a_file_that_is_no_weight_file_says_to_choose_another(content: bytes | None, tmp_path: Path) -> None:
    path = tmp_path / "note.txt"
    if content is not None:
        path.write_bytes(content)
    text = message_of(lambda: identify_source(path))
    assert text.startswith(f"There is no file {path}. " if content is None else f"{path} cannot be used as weights: ")
    assert text.endswith(". Choose another weight file, or another copy of this one.")


def test_a_weight_file_with_its_own_advice_gets_no_other(tmp_path: Path) -> None:
    (tmp_path / "a.pth").write_bytes(b"<!doctype html>")
    assert message_of(lambda: identify_source(tmp_path / "a.pth")).endswith("download the file again.")


def test_photos_that_are_missing_or_unusable_say_what_to_do(tmp_path: Path) -> None:
    (tmp_path / "note.png").write_bytes(b"just a note")
    check_path = f"There is no file {tmp_path / 'nothere'}. Check its name and its folder."
    assert message_of(lambda: list(find_pictures([tmp_path / "nothere"]))) == check_path
    assert message_of(lambda: simulate([tmp_path / "nothere"], tmp_path / "out", camera="wqv1", scale=4)) == check_path
    assert message_of(lambda: read_pictures(tmp_path / "note.png")).endswith("Use another copy, or leave it out.")


def test_a_camera_profile_that_cannot_be_read_says_to_choose_another(tmp_path: Path) -> None:
    (tmp_path / "note.json").write_text("just a note", "utf-8")
    for name in ("nothere.json", "note.json"):
        text = message_of(partial(CameraProfile.load, tmp_path / name))
        assert text.endswith("Choose another camera profile.")
