"""What the window's command says before a window can open, with a terminal and, on Windows, without one."""

from __future__ import annotations

import ctypes
import sys
from types import SimpleNamespace

import pytest

from app.__main__ import build_parser
from app.system.console import show_text


def without_console(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Return the texts of the boxes that Windows will show for a command without a console."""
    shown: list[str] = []
    user32 = SimpleNamespace(MessageBoxW=lambda parent, text, title, kind: shown.append(text))
    monkeypatch.setattr(ctypes, "windll", SimpleNamespace(user32=user32), raising=False)
    monkeypatch.setattr(sys, "stdout", None)
    monkeypatch.setattr(sys, "stderr", None)
    return shown


def test_a_text_goes_to_standard_error(capsys: pytest.CaptureFixture[str]) -> None:
    show_text("There is no display.\n  run this", "title")
    assert capsys.readouterr().err == "There is no display.\n  run this\n"


def test_without_a_console_it_is_shown_in_a_box(monkeypatch: pytest.MonkeyPatch) -> None:
    boxes = without_console(monkeypatch)
    show_text("There is no display.", "title")
    assert boxes == ["There is no display."]


@pytest.mark.parametrize(
    ("option", "expected"), [("--version", "wqv-upscale-trainer-gui "), ("--no-such-option", "--no-such-option")]
)
def test_without_a_console_version_and_usage_errors_are_shown_too(
    monkeypatch: pytest.MonkeyPatch, option: str, expected: str
) -> None:
    boxes = without_console(monkeypatch)
    with pytest.raises(SystemExit):
        build_parser().parse_args([option])
    assert expected in boxes[-1]
