"""Texts before a window can open: on the terminal or, for a command without a console on Windows, in a box."""

from __future__ import annotations

import ctypes
import sys
from typing import Any

from trainer_core.text import ArgumentParser, print_lines


def show_text(text: str, title: str) -> None:
    """Print a text to standard error; where there is none, as on Windows, show it in a box of the system and wait."""
    windows = getattr(ctypes, "windll", None)
    if sys.stderr is None and windows is not None:
        windows.user32.MessageBoxW(None, text, title, 0)
    else:
        print_lines(*text.rstrip("\n").split("\n"), stream=sys.stderr)


class WindowArgumentParser(ArgumentParser):
    """Parser of the window's command, whose help and errors are seen without a console as well."""

    def _print_message(self, message: str, file: Any = None) -> None:
        if file is None and message:
            show_text(message, self.prog)
        elif message:
            super()._print_message(message, file)
