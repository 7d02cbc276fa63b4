"""Runs a real X server without a monitor, with keyboard and mouse input and screenshots.

Xvfb is the server, xdotool moves the mouse and presses keys, the pixels come from the server's own memory. There is no
window manager: the test gives the focus and sends the request to close itself.
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
from typing import Callable

import numpy as np

SIZE = (1280, 800)
TIMEOUT = 240.0  # seconds; a busy machine needs many, a good one next to none
_PROGRAMS = ("Xvfb", "xdotool")
_BUTTON = (5, 90)  # pixels, height and width: of the color's area above the text of a primary button, at least


def missing_programs() -> list[str]:
    """List the programs that are not installed; on other systems than Linux there is no X server."""
    if not sys.platform.startswith("linux"):
        return ["an X server"]
    return [name for name in _PROGRAMS if shutil.which(name) is None]


def wait_for(what: str, condition: Callable[[], object], explain: Callable[[], str]) -> None:
    """Wait until the condition holds; past the deadline fail with the text of `explain`."""
    deadline = time.monotonic() + TIMEOUT
    while not condition():
        if time.monotonic() > deadline:
            raise AssertionError(f"waited {TIMEOUT:.0f} s for {what}\n{explain()}")
        time.sleep(0.05)


class XServer:
    """Starts one X server; `close` ends it."""

    def __init__(self) -> None:
        self._folder = tempfile.TemporaryDirectory()
        reading, writing = os.pipe()
        command = ["Xvfb", "-displayfd", str(writing), "-screen", "0", f"{SIZE[0]}x{SIZE[1]}x24"]
        self._server = subprocess.Popen(
            [*command, "-nolisten", "tcp", "-noreset", "-fbdir", self._folder.name],
            pass_fds=[writing],
            stderr=subprocess.DEVNULL,
        )
        os.close(writing)
        with os.fdopen(reading) as answer:
            number = answer.readline().strip()  # it ends when the server does
        assert number, "the X server did not start"
        self.display = f":{number}"

    def end(self) -> None:
        """End the server, as a crash of it does; `close` must still be called."""
        self._server.kill()
        self._server.wait()

    def close(self) -> None:
        """End the server and delete its files."""
        self._server.terminate()
        self._server.wait()
        self._folder.cleanup()

    # -- windows -------------------------------------------------------------------------------

    def windows(self, *, name: str = "", window_class: str = "") -> list[str]:
        """List the numbers of the visible windows whose title or WM_CLASS matches a regular expression."""
        wanted = ["--class", window_class] if window_class else ["--name", name]
        return self._do("search", "--onlyvisible", *wanted).split()

    def titles(self) -> list[str]:
        """List the titles of all visible windows."""
        return [self._do("getwindowname", window).strip() for window in self.windows(name=".")]

    def give_focus(self, window: str) -> None:
        """Focus a window, as a window manager does with a new one."""
        self._do("windowfocus", window)

    def request_close(self, window: str) -> None:
        """Send WM_DELETE_WINDOW, as a window manager does when the close button is clicked."""
        x11 = ctypes.CDLL("libX11.so.6")
        x11.XOpenDisplay.restype = ctypes.c_void_p
        display = ctypes.c_void_p(x11.XOpenDisplay(self.display.encode()))
        x11.XInternAtom.restype = ctypes.c_ulong
        protocols, delete = (x11.XInternAtom(display, name, False) for name in (b"WM_PROTOCOLS", b"WM_DELETE_WINDOW"))
        message = _ClientMessage(kind=33, window=int(window), message_type=protocols, format=32)
        message.data[0] = delete
        x11.XSendEvent(display, ctypes.c_ulong(int(window)), False, ctypes.c_long(0), ctypes.byref(message))
        x11.XCloseDisplay(display)

    # -- input ---------------------------------------------------------------------------------

    def press(self, *keys: str) -> None:
        """Press keys, such as "ctrl+Return", in the window that has the focus."""
        self._do("key", "--delay", "50", *keys)

    def click(self, x: int, y: int) -> None:
        """Click with the left button."""
        self._do("mousemove", str(x), str(y), "click", "1")

    def begin_drag(self, start: tuple[int, int], end: tuple[int, int]) -> None:
        """Drag with the left button from `start` to `end`, in steps, as a hand does; `drop` ends the drag."""
        self._do("mousemove", *map(str, start), "mousedown", "1")
        for part in (0.1, 0.3, 0.6, 0.9, 1.0):
            place = [round(a + part * (b - a)) for a, b in zip(start, end)]
            self._do("mousemove", "--sync", *map(str, place), "sleep", "0.1")  # the hand, not a wait

    def drop(self) -> None:
        """Release the left button."""
        self._do("mouseup", "1")

    def _do(self, *words: str) -> str:
        """Run xdotool; a window that does not exist is no error."""
        environment = {**os.environ, "DISPLAY": self.display}
        return subprocess.run(
            ["xdotool", *words],
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
            timeout=TIMEOUT,
        ).stdout

    # -- pixels --------------------------------------------------------------------------------

    def screenshot(self) -> np.ndarray:
        """Return the pixels of the screen, uint8 RGB [H, W, 3], from the server's X window dump."""
        dump = Path(self._folder.name, "Xvfb_screen0").read_bytes()
        header = np.frombuffer(dump, ">u4", 25)
        begin, row = int(header[0] + 12 * header[19]), int(header[12])  # behind the header and the color map
        pixels = np.frombuffer(dump, np.uint8, SIZE[1] * row, begin).reshape(SIZE[1], row // 4, 4)
        order = slice(2, None, -1) if sys.byteorder == "little" else slice(1, None)
        return pixels[:, : SIZE[0], order]

    def color_share(self, color: str) -> float:
        """Return the share of the screen with this color (#rrggbb), from 0 to 1."""
        return float(_matches_color(self.screenshot(), color).mean())

    def find_button(self, color: str, *, left: int) -> tuple[int, int] | None:
        """Find a point on the topmost button of this color (#rrggbb) right of `left`: on its edge above the text."""
        solid = _matches_color(self.screenshot()[:, left:], color)
        found = np.argwhere(np.lib.stride_tricks.sliding_window_view(solid, _BUTTON).all(axis=(2, 3)))
        return (left + int(found[0][1]) + _BUTTON[1] // 2, int(found[0][0]) + _BUTTON[0] // 2) if len(found) else None


class _ClientMessage(ctypes.Structure):
    """XClientMessageEvent of Xlib.h, as large as an XEvent."""

    _fields_ = (
        ("kind", ctypes.c_int),
        ("serial", ctypes.c_ulong),
        ("sent", ctypes.c_int),
        ("display", ctypes.c_void_p),
        ("window", ctypes.c_ulong),
        ("message_type", ctypes.c_ulong),
        ("format", ctypes.c_int),
        ("data", ctypes.c_long * 5),
        ("rest", ctypes.c_long * 24),
    )


def _matches_color(picture: np.ndarray, color: str) -> np.ndarray:
    matches: np.ndarray = (picture == list(bytes.fromhex(color[1:]))).all(axis=2)
    return matches
