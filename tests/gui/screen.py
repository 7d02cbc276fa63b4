"""A real X server without a monitor, and what a user's hands and eyes do there.

Xvfb shows, xdotool moves the mouse and presses keys, the pixels come from the server's own memory. There is no window
manager: the test stands in for it where one would give the focus or pass on the wish to close.
"""

from __future__ import annotations

import ctypes
import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Callable, Optional

import numpy as np

SIZE = (1280, 800)
PATIENCE = 60.0  # seconds; a busy machine needs many, a good one next to none
_PROGRAMS = ("Xvfb", "xdotool")
_BUTTON = (5, 90)  # pixels, height and width: of the colour's area above the text of a primary button, at least


def missing_programs() -> list[str]:
    """What has to be installed before there can be a screen; elsewhere than on Linux there is none to be had."""
    if not sys.platform.startswith("linux"):
        return ["an X server"]
    return [name for name in _PROGRAMS if shutil.which(name) is None]


def wait_for(what: str, condition: Callable[[], object], explain: Callable[[], str]) -> None:
    """Until the condition holds; past the deadline fail with what `explain` gives."""
    deadline = time.monotonic() + PATIENCE
    while not condition():
        if time.monotonic() > deadline:
            raise AssertionError(f"waited {PATIENCE:.0f} s for {what}\n{explain()}")
        time.sleep(0.05)


class Screen:
    """One X server; `close` ends it."""

    def __init__(self) -> None:
        self._folder = tempfile.TemporaryDirectory()
        reading, writing = os.pipe()
        command = ["Xvfb", "-displayfd", str(writing), "-screen", "0", f"{SIZE[0]}x{SIZE[1]}x24"]
        self._server = subprocess.Popen(
            [*command, "-nolisten", "tcp", "-noreset", "-fbdir", self._folder.name],
            pass_fds=[writing], stderr=subprocess.DEVNULL,
        )  # fmt: skip
        os.close(writing)
        with os.fdopen(reading) as answer:
            number = answer.readline().strip()  # it ends when the server does
        assert number, "the X server did not start"
        self.display = f":{number}"

    def close(self) -> None:
        """End the server."""
        self._server.terminate()
        self._server.wait()
        self._folder.cleanup()

    # -- windows -------------------------------------------------------------------------------

    def windows(self, *, name: str = "", window_class: str = "") -> list[str]:
        """The numbers of the visible windows whose title or WM_CLASS matches a regular expression."""
        wanted = ["--class", window_class] if window_class else ["--name", name]
        return self._do("search", "--onlyvisible", *wanted).split()

    def titles(self) -> list[str]:
        """Of all visible windows."""
        return [self._do("getwindowname", window).strip() for window in self.windows(name=".")]

    def give_focus(self, window: str) -> None:
        """What a window manager does with a new window."""
        self._do("windowfocus", window)

    def ask_to_close(self, window: str) -> None:
        """What a window manager does when the cross is clicked: it sends WM_DELETE_WINDOW."""
        x11 = ctypes.CDLL("libX11.so.6")
        x11.XOpenDisplay.restype = ctypes.c_void_p
        display = ctypes.c_void_p(x11.XOpenDisplay(self.display.encode()))
        x11.XInternAtom.restype = ctypes.c_ulong
        protocols, delete = (x11.XInternAtom(display, name, False) for name in (b"WM_PROTOCOLS", b"WM_DELETE_WINDOW"))
        message = _ClientMessage(kind=33, window=int(window), message_type=protocols, format=32)
        message.data[0] = delete
        x11.XSendEvent(display, ctypes.c_ulong(int(window)), False, ctypes.c_long(0), ctypes.byref(message))
        x11.XCloseDisplay(display)

    # -- hands ---------------------------------------------------------------------------------

    def press(self, *keys: str) -> None:
        """Keys as the keyboard gives them to whatever has the focus, such as "ctrl+Return"."""
        self._do("key", "--delay", "50", *keys)

    def click(self, x: int, y: int) -> None:
        """With the left button."""
        self._do("mousemove", str(x), str(y), "click", "1")

    def drag(self, start: tuple[int, int], end: tuple[int, int]) -> None:
        """Hold the left button from here to there, in steps, as a hand does."""
        self._do("mousemove", *map(str, start), "mousedown", "1")
        for part in (0.1, 0.3, 0.6, 0.9, 1.0):
            place = [round(a + part * (b - a)) for a, b in zip(start, end)]
            self._do("mousemove", "--sync", *map(str, place), "sleep", "0.1")  # the hand, not a wait
        self._do("mouseup", "1")

    def _do(self, *words: str) -> str:
        """xdotool; a window that is not there is no error."""
        environment = {**os.environ, "DISPLAY": self.display}
        return subprocess.run(
            ["xdotool", *words], env=environment, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True,
            timeout=PATIENCE,
        ).stdout  # fmt: skip

    # -- eyes ----------------------------------------------------------------------------------

    def picture(self) -> np.ndarray:
        """What the screen shows, uint8 RGB [H, W, 3]; the file is an X window dump."""
        dump = Path(self._folder.name, "Xvfb_screen0").read_bytes()
        header = np.frombuffer(dump, ">u4", 25)
        begin, row = int(header[0] + 12 * header[19]), int(header[12])  # behind the header and the colour map
        pixels = np.frombuffer(dump, np.uint8, SIZE[1] * row, begin).reshape(SIZE[1], row // 4, 4)
        order = slice(2, None, -1) if sys.byteorder == "little" else slice(1, None)
        return pixels[:, : SIZE[0], order]

    def share_of(self, colour: str) -> float:
        """How much of the screen has this colour (#rrggbb), from 0 to 1."""
        return float(_has_colour(self.picture(), colour).mean())

    def find_button(self, colour: str, *, left: int) -> Optional[tuple[int, int]]:
        """A point on the topmost button of this colour (#rrggbb) right of `left`: on its edge above the text."""
        solid = _has_colour(self.picture()[:, left:], colour)
        found = np.argwhere(np.lib.stride_tricks.sliding_window_view(solid, _BUTTON).all(axis=(2, 3)))
        return (left + int(found[0][1]) + _BUTTON[1] // 2, int(found[0][0]) + _BUTTON[0] // 2) if len(found) else None


class _ClientMessage(ctypes.Structure):
    """XClientMessageEvent of Xlib.h, as large as an XEvent."""

    _fields_ = (
        ("kind", ctypes.c_int), ("serial", ctypes.c_ulong), ("sent", ctypes.c_int), ("display", ctypes.c_void_p),
        ("window", ctypes.c_ulong), ("message_type", ctypes.c_ulong), ("format", ctypes.c_int),
        ("data", ctypes.c_long * 5), ("rest", ctypes.c_long * 24),
    )  # fmt: skip


def _has_colour(picture: np.ndarray, colour: str) -> np.ndarray:
    return (picture == list(bytes.fromhex(colour[1:]))).all(axis=2)
