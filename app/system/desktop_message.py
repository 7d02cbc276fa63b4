"""Tells the desktop something where there is no tray: `org.freedesktop.Notifications`, through a helper program.

As in `awake`: Qt's own D-Bus calls cannot send the unsigned number that this one needs unless they ask
first and wait for the answer. Without such a program or without a desktop nothing happens.
"""

from __future__ import annotations

import html
import os
import shutil
import sys

from PySide6.QtCore import QProcess

_APP = "WQV Upscale Trainer"
_SERVICE = "org.freedesktop.Notifications"


def send_notification(title: str, text: str, milliseconds: int) -> None:
    """Show it; returns at once."""
    command = _command(title, html.escape(text, quote=False), milliseconds)  # servers read the text as markup
    if command is None or not sys.platform.startswith("linux"):
        return
    process = QProcess()
    process.setProgram(command[0])
    process.setArguments(command[1:])
    process.setStandardOutputFile(QProcess.nullDevice())
    process.setStandardErrorFile(QProcess.nullDevice())
    process.startDetached()


def _command(title: str, text: str, milliseconds: int) -> list[str] | None:
    if not os.environ.get("DBUS_SESSION_BUS_ADDRESS") and not os.environ.get("XDG_RUNTIME_DIR"):
        return None  # nobody is there who could show it
    if shutil.which("notify-send"):
        return ["notify-send", f"--app-name={_APP}", f"--expire-time={milliseconds}", "--", title, text]
    if shutil.which("gdbus"):
        what = [_quote(word) for word in (_APP, "", title, text)]
        return [
            "gdbus",
            "call",
            "--session",
            "--timeout=5",
            f"--dest={_SERVICE}",
            f"--object-path=/{_SERVICE.replace('.', '/')}",
            f"--method={_SERVICE}.Notify",
            what[0],
            "0",
            *what[1:],
            "[]",
            "{}",
            str(milliseconds),
        ]
    return None


def _quote(text: str) -> str:
    """A string as gdbus reads it."""
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'
