"""A desktop that can be told something, in a program of its own: `notified_desktop.py BUS_ADDRESS FILE`.

It says "ready" on standard output once it answers, and appends what it is told to the file: a line of JSON each,
title and text. It stands outside the tests' own process because Qt's D-Bus thread looks up a Python object's slots
while the interpreter's lock is held elsewhere, which crashes now and then in a process that is at work.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

from PySide6.QtCore import ClassInfo, QCoreApplication, QObject, Slot
from PySide6.QtDBus import QDBusConnection


@ClassInfo({"D-Bus Interface": "org.freedesktop.Notifications"})
class Desktop(QObject):
    """What a desktop offers."""

    def __init__(self, told: Path) -> None:
        super().__init__()
        self._told = told

    @Slot("QString", "uint", "QString", "QString", "QString", "QStringList", "QVariantMap", "int", result="uint")
    def Notify(self, app: str, old: int, icon: str, title: str, text: str, acts: Any, hints: Any, time: int) -> int:
        with self._told.open("a", encoding="utf-8") as told:
            told.write(json.dumps([title, text]) + "\n")
        return 1


def main(address: str, told: Path) -> int:
    """Answer until the process is ended."""
    application = QCoreApplication(["notified-desktop"])
    bus, desktop = QDBusConnection.connectToBus(address, "desktop"), Desktop(told)
    export = QDBusConnection.RegisterOption.ExportAllSlots
    if not bus.registerObject("/org/freedesktop/Notifications", desktop, export):
        return 1
    if not bus.registerService("org.freedesktop.Notifications"):
        return 1
    print("ready", flush=True)
    return application.exec()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], Path(sys.argv[2])))
