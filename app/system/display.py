"""Display check before Qt starts, because Qt aborts the process if it cannot open a display.

It connects to the X server through Qt's own library or to the Wayland compositor through its socket, and loads the
libraries of Qt's X11 plugin. It needs only the standard library and takes milliseconds.
"""

from __future__ import annotations

import ctypes
import importlib.util
import os
import socket
import sys
from pathlib import Path
from typing import Callable

_TIMEOUT = 3.0  # seconds for a compositor to answer


def display_problem() -> str:
    """Return why no window can be shown, as a sentence, or ""; always "" on systems other than Linux."""
    if not sys.platform.startswith("linux"):
        return ""
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
    known = {"xcb": _x11_problem, "wayland": _wayland_problem}
    return [known.get(name, _no_problem_known) for name in names]


def _no_problem_known() -> str:
    return ""  # such as "offscreen", which needs no display


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
        return f"A system library that the window needs is missing ({error})."
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
