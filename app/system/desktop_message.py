"""Notifications on desktops without a tray: `org.freedesktop.Notifications`, sent by `notify-send` or `gdbus`.

It uses a helper program because Qt's D-Bus calls cannot send the unsigned number of this method without first waiting
for an answer of the service. Without a helper program or without a desktop it does nothing.
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
    """Show a notification for a time in milliseconds; return at once."""
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
        return None  # there is no desktop session
    if shutil.which("notify-send"):
        return ["notify-send", f"--app-name={_APP}", f"--expire-time={milliseconds}", "--", title, text]
    if shutil.which("gdbus"):
        texts = [_quote(word) for word in (_APP, "", title, text)]
        return [
            "gdbus",
            "call",
            "--session",
            "--timeout=5",
            f"--dest={_SERVICE}",
            f"--object-path=/{_SERVICE.replace('.', '/')}",
            f"--method={_SERVICE}.Notify",
            texts[0],
            "0",
            *texts[1:],
            "[]",
            "{}",
            str(milliseconds),
        ]
    return None


def _quote(text: str) -> str:
    """Return a text quoted for gdbus."""
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'
