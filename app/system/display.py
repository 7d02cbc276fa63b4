"""Display check before Qt starts, because Qt aborts the process if it cannot open a display.

It connects to the X server through Qt's own library or to the Wayland compositor through its socket, and loads the
libraries of Qt's X11 plugin. It needs only the standard library and takes milliseconds. Only another platform in
QT_QPA_PLATFORM is tried in a process of its own, which Qt may abort.
"""

from __future__ import annotations

import ctypes
import importlib.util
import os
import socket
import subprocess
import sys
from functools import partial
from pathlib import Path
from typing import Callable

_TIMEOUT = 3.0  # seconds for a compositor to answer
_TRIAL_TIMEOUT = 30.0  # seconds for a process that only starts Qt
# Debian's packages with the libraries that Qt's X11 plugin needs and that desktops do not always have.
X11_PACKAGES = (
    "libxcb-cursor0 libxcb-icccm4 libxcb-image0 libxcb-keysyms1 libxcb-render-util0 libxcb-shape0 libxcb-xkb1 "
    "libxkbcommon-x11-0 libegl1"
)
_TRIAL = """
import sys
sys.path[:] = {path!r}
from PySide6.QtGui import QGuiApplication
sys.exit(QGuiApplication([]).primaryScreen() is None)
"""


def display_problem() -> str:
    """Return why no window can be shown, as a sentence, or ""."""
    is_linux = sys.platform.startswith("linux")
    if not is_linux and not os.environ.get("QT_QPA_PLATFORM"):
        return ""  # there is always a display
    probes = _probes()
    if not probes:
        return "There is no display (neither DISPLAY nor WAYLAND_DISPLAY is set)."
    problems = []
    for probe in probes:
        problem = probe()
        if not problem:
            return ""  # Qt also uses the first one that works
        problems.append(problem)
    return " ".join(problems)


def _probes() -> list[Callable[[], str]]:
    """Return a check for each platform that Qt would try."""
    chosen = os.environ.get("QT_QPA_PLATFORM", "")
    if chosen:
        names = [name.split(":")[0] for name in chosen.split(";")]
    else:
        by_variable = {"WAYLAND_DISPLAY": "wayland", "DISPLAY": "xcb"}
        names = [name for variable, name in by_variable.items() if os.environ.get(variable)]
    known = {"xcb": _x11_problem, "wayland": _wayland_problem} if sys.platform.startswith("linux") else {}
    known.update(dict.fromkeys(("offscreen", "minimal", "windows", "cocoa"), _no_problem))
    return [known.get(name) or partial(_trial_problem, name) for name in names]


def _no_problem() -> str:
    return ""


def _trial_problem(name: str) -> str:
    """Return why Qt does not start on a platform, as a process of its own finds out."""
    environment = {**os.environ, "QT_QPA_PLATFORM": name}
    command = [sys.executable, "-c", _TRIAL.format(path=sys.path)]
    try:
        trial = subprocess.run(command, env=environment, capture_output=True, timeout=_TRIAL_TIMEOUT)
    except (OSError, subprocess.TimeoutExpired):
        return f"Qt does not start with QT_QPA_PLATFORM={name}. Unset that variable."
    if trial.returncode == 0:
        return ""
    first = next(iter(trial.stderr.decode("utf-8", "replace").strip().splitlines()), "")
    if not first:
        return f"Qt cannot open a window with QT_QPA_PLATFORM={name}. Unset that variable."
    return f"Qt cannot open a window with QT_QPA_PLATFORM={name} ({first}). Unset that variable."


def _x11_problem() -> str:
    name = os.environ.get("DISPLAY", "")
    if not name:
        return "There is no display (DISPLAY is not set)."
    try:
        plugin = _x11_plugin()
        if plugin is not None:
            ctypes.CDLL(str(plugin))
        xcb = ctypes.CDLL("libxcb.so.1")
    except OSError as error:
        return (
            f"The window needs a system library that is missing ({error}). Install it (on Debian and Ubuntu: "
            f"sudo apt install {X11_PACKAGES}) and start again."
        )
    return "" if _can_connect(xcb) else f"The display {name} (DISPLAY) does not respond or does not accept this user."


def _can_connect(xcb: ctypes.CDLL) -> bool:
    xcb.xcb_connect.restype = ctypes.c_void_p
    xcb.xcb_connect.argtypes = [ctypes.c_char_p, ctypes.c_void_p]
    xcb.xcb_connection_has_error.argtypes = xcb.xcb_disconnect.argtypes = [ctypes.c_void_p]
    connection = xcb.xcb_connect(None, None)
    refused = bool(xcb.xcb_connection_has_error(connection))
    xcb.xcb_disconnect(connection)
    return not refused


def _x11_plugin() -> Path | None:
    """Return the path of Qt's X11 plugin in PySide6's wheel, None if it is not there."""
    found = importlib.util.find_spec("PySide6")
    folders = (found.submodule_search_locations if found else None) or []
    paths = (Path(folder, "Qt", "plugins", "platforms", "libqxcb.so") for folder in folders)
    return next((path for path in paths if path.is_file()), None)


def _wayland_problem() -> str:
    name = os.environ.get("WAYLAND_DISPLAY") or "wayland-0"
    path = os.path.join(os.environ.get("XDG_RUNTIME_DIR", ""), name)  # join keeps an absolute name
    try:
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
            connection.settimeout(_TIMEOUT)
            connection.connect(path)
    except OSError as error:
        return f"The display {name} (WAYLAND_DISPLAY) does not respond ({error.strerror or error})."
    return ""
