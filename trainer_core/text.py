"""Output of text that may contain names from files: without control characters, and in any encoding of the terminal.

Everything that this program prints passes `print_lines`, and every window label `escape_control_characters`.
`tests/core/test_text.py` finds a `print` that does not.
"""

from __future__ import annotations

import argparse
import codecs
import contextlib
import os
import select
import sys
import time
import unicodedata
from collections.abc import Callable
from typing import Any, NoReturn, TextIO

from trainer_core.files import describe_error

_PIECE = 1000  # characters, at most 4000 bytes: a pipe that takes anything takes as much without a wait
_PATIENCE = 3.0  # seconds
_JOINERS = "\u200c\u200d"  # part of the spelling of some languages, and of composed emoji
_ASCII_FORMS = {"·": "|", "…": "...", "×": "x", "−": "-", "“": '"', "”": '"'}  # characters of our own texts
_ERROR_HANDLER = "wqv-escape"


def escape_control_characters(text: str) -> str:
    """Escape every character that is not printed as itself.

    These are control characters, newlines, undecodable bytes of file names, and marks that reverse the direction of the
    text.
    """
    if text.isprintable():
        return text
    return "".join(c if _is_visible(c) else c.encode("unicode_escape").decode("ascii") for c in text)


def escape_lines(text: str) -> list[str]:
    """Split a message into lines and escape them; all but the first are indented, so that none looks like a message.

    A message has several lines if it contains a list, or a name with a newline.
    """
    first, *rest = text.split("\n")
    lines = [first, *(line if line.startswith("  ") else f"  {line}" for line in rest if line)]
    return [escape_control_characters(line) for line in lines]


def print_lines(*lines: str, stream: TextIO | None = None, is_stopping: Callable[[], bool] | None = None) -> None:
    """Print each text as exactly one line to `stream`, by default standard output, and flush it.

    Without a console (pythonw) nothing is printed, and standard error that cannot be written is ignored.

    Args:
        lines: the texts.
        stream: where to print.
        is_stopping: whether the program is to end. If the stream is a pipe from which nobody reads, it is then waited
            for no longer than a few seconds.

    Raises:
        OutputError: standard output cannot be written, or the wait for a reader is over.
        OSError: another stream cannot be written.
    """
    stream = sys.stdout if stream is None else stream
    if stream is None:
        return
    text = "".join(f"{escape_control_characters(line)}\n" for line in lines)
    if is_stopping is None:
        _write(text, stream)
        return
    for start in range(0, len(text), _PIECE):
        if not wait_for_reader(stream, is_stopping):
            raise OutputError(OSError("nobody reads it"))
        _write(text[start : start + _PIECE], stream)


def wait_for_reader(stream: TextIO, is_stopping: Callable[[], bool], patience: float = _PATIENCE) -> bool:
    """Wait until a pipe or terminal takes a piece of text; return whether it does.

    Args:
        stream: a file, pipe or terminal. Anything else, and everything on Windows, takes text at once.
        is_stopping: whether the program is to end; only then the wait ends, after `patience` seconds.
        patience: see `is_stopping`.
    """
    try:
        descriptor = stream.fileno()
    except (OSError, ValueError):
        return True
    end = None
    while os.name != "nt" and not select.select([], [descriptor], [], min(0.1, patience))[1]:
        if is_stopping():
            end = time.monotonic() + patience if end is None else end
            if time.monotonic() >= end:
                return False
    return True


def _write(text: str, stream: TextIO) -> None:
    """Write and flush `text`; see `print_lines` for the errors."""
    text = fit_to_stream(text, stream)
    try:
        stream.write(text)
        stream.flush()
    except (OSError, ValueError) as error:
        if stream in (sys.stdout, sys.stderr):
            _discard_pending(stream)
        if stream is sys.stderr:
            return
        if stream is sys.stdout and isinstance(error, OSError):
            raise OutputError(error) from error
        raise


def _discard_pending(stream: TextIO) -> None:
    """Flush what a standard stream still holds into the null device; otherwise Python fails with it at its end."""
    with contextlib.suppress(OSError, ValueError):  # a stream in memory has no descriptor
        number = stream.fileno()
        original, null = os.dup(number), os.open(os.devnull, os.O_WRONLY)
        os.dup2(null, number)
        try:
            stream.flush()
        finally:
            os.dup2(original, number)
            os.close(original)
            os.close(null)


def print_over(text: str, stream: TextIO, *, last: bool) -> None:
    """Print progress over the current line of a terminal, and end the line if it is the `last`."""
    stream.write(f"\r{fit_to_stream(escape_control_characters(text), stream)}" + "\n" * last)
    stream.flush()


def fit_to_stream(text: str, stream: TextIO) -> str:
    """Replace the characters that the encoding of `stream` lacks: by an ASCII form, or else by an escape sequence."""
    encoding = getattr(stream, "encoding", None) or "utf-8"
    return text.encode(encoding, _ERROR_HANDLER).decode(encoding)


def configure_streams() -> None:
    """Make standard output and error accept every character, as `fit_to_stream` does, also from libraries."""
    for stream in (sys.stdout, sys.stderr):
        reconfigure = getattr(stream, "reconfigure", None)
        if reconfigure is not None:
            reconfigure(errors=_ERROR_HANDLER)


class OutputError(Exception):
    """The failure to write standard output, such as a file on a full disk or a pipe whose reader has ended."""

    def __init__(self, cause: OSError) -> None:
        super().__init__(f"The output cannot be written: {describe_error(cause)}.")
        self._has_reader = not isinstance(cause, BrokenPipeError)

    def report(self, program: str) -> int:
        """Print the error and return the exit code: 2; if the reader has ended, such as `head`, only return 141."""
        if self._has_reader:
            print_lines(f"{program}: {self}", stream=sys.stderr)
        return 2 if self._has_reader else 141


class ArgumentParser(argparse.ArgumentParser):
    """Parser of a command line whose errors are short and safe to print, whatever the arguments contain."""

    def error(self, message: str) -> NoReturn:
        """Print `message` and how to get help, and exit with 2."""
        text = escape_control_characters(message)
        self.exit(2, f"{self.prog}: error: {text}\nFor the options, add --help.\n")

    def _print_message(self, message: str, file: Any = None) -> None:
        """Print help, usage or the version."""
        try:
            _write(message, file or sys.stderr)
        except OutputError as error:
            raise SystemExit(error.report(self.prog)) from error


class CommandParser(ArgumentParser):
    """Parser of one command among several; it refuses options that the command does not have."""

    def parse_known_args(self, args: Any = None, namespace: Any = None) -> tuple[Any, list[str]]:
        """Parse the arguments of the command, and refuse what is left."""
        options, unknown = super().parse_known_args(args, namespace)
        if unknown:
            self.error(f"unrecognized arguments: {' '.join(unknown)}")
        return options, unknown


def _is_visible(character: str) -> bool:
    return character.isprintable() or character in _JOINERS or unicodedata.category(character) == "Zs"


def _replace_unencodable(error: UnicodeError) -> tuple[str, int]:
    if not isinstance(error, UnicodeEncodeError):
        raise error
    characters = error.object[error.start : error.end]
    forms = (_ASCII_FORMS.get(c) or c.encode("ascii", "backslashreplace").decode("ascii") for c in characters)
    return "".join(forms), error.end


codecs.register_error(_ERROR_HANDLER, _replace_unencodable)


def format_bytes(count: float) -> str:
    """Format a number of bytes in the unit that suits it: "165 KB", "2.5 MB", "12 GB"."""
    unit, size = next(((u, s) for u, s in (("GB", 1e9), ("MB", 1e6)) if count >= s), ("KB", 1e3))
    return f"{count / size:.{int(size <= count < 9.95 * size)}f} {unit}"
