"""Whether a window can be shown here, found out before Qt is asked, which ends the whole process where it cannot.

Asks the display itself: an X server through the library that Qt uses too, a Wayland compositor through its socket,
and the loader for the libraries of Qt's X11 plugin. Needs only the standard library, and milliseconds.
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
    """Why no window can be shown, in a sentence, or "". Only Linux can be without a display."""
    if not sys.platform.startswith("linux"):
        return ""
    probes = _probes()
    if not probes:
        return "There is no display (neither DISPLAY nor WAYLAND_DISPLAY is set)."
    problems = []
    for probe in probes:
        fault = probe()
        if not fault:
            return ""  # Qt takes the first one that works, too
        problems.append(fault)
    return " ".join(problems)


def _probes() -> list[Callable[[], str]]:
    """One for each platform that Qt would try."""
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
    return "" if _can_connect(xcb) else f"The display {name} (DISPLAY) does not answer, or does not let this user in."


def _can_connect(xcb: ctypes.CDLL) -> bool:
    xcb.xcb_connect.restype = ctypes.c_void_p
    xcb.xcb_connect.argtypes = [ctypes.c_char_p, ctypes.c_void_p]
    xcb.xcb_connection_has_error.argtypes = xcb.xcb_disconnect.argtypes = [ctypes.c_void_p]
    connection = xcb.xcb_connect(None, None)
    refused = bool(xcb.xcb_connection_has_error(connection))
    xcb.xcb_disconnect(connection)
    return not refused


def _x11_plugin() -> Path | None:
    """Qt's plugin for X11, where PySide6's wheels have it."""
    found = importlib.util.find_spec("PySide6")
    folders = (found.submodule_search_locations if found else None) or []
    paths = (Path(folder, "Qt", "plugins", "platforms", "libqxcb.so") for folder in folders)
    return next((path for path in paths if path.is_file()), None)


def _wayland_problem() -> str:
    name = os.environ.get("WAYLAND_DISPLAY") or "wayland-0"
    place = os.path.join(os.environ.get("XDG_RUNTIME_DIR", ""), name)  # an absolute name stays as it is
    try:
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
            connection.settimeout(_TIMEOUT)
            connection.connect(place)
    except OSError as error:
        return f"The display {name} (WAYLAND_DISPLAY) does not answer ({error.strerror or error})."
    return ""
