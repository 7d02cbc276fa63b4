"""A desktop that receives notifications, as a program: `notified_desktop.py BUS_ADDRESS FILE`.

It prints "ready" once it answers, and appends each notification to the file as a line of JSON: title and text. It is a
program of its own because Qt's D-Bus thread looks up the slots of a Python object without waiting for the
interpreter's lock; in the busy process of the tests that sometimes crashes.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

from PySide6.QtCore import ClassInfo, QCoreApplication, QObject, Slot
from PySide6.QtDBus import QDBusConnection


@ClassInfo({"D-Bus Interface": "org.freedesktop.Notifications"})  # type: ignore[call-arg]
class Desktop(QObject):  # type: ignore[operator]
    """The notification service of a desktop."""

    def __init__(self, messages: Path) -> None:
        super().__init__()
        self._messages = messages

    @Slot("QString", "uint", "QString", "QString", "QString", "QStringList", "QVariantMap", "int", result="uint")
    def Notify(self, app: str, old: int, icon: str, title: str, text: str, acts: Any, hints: Any, time: int) -> int:
        with self._messages.open("a", encoding="utf-8") as file:
            file.write(json.dumps([title, text]) + "\n")
        return 1


def main(address: str, messages: Path) -> int:
    """Answer until the process is ended."""
    application = QCoreApplication(["notified-desktop"])
    bus, desktop = QDBusConnection.connectToBus(address, "desktop"), Desktop(messages)
    export = QDBusConnection.RegisterOption.ExportAllSlots
    if not bus.registerObject("/org/freedesktop/Notifications", desktop, export):
        return 1
    if not bus.registerService("org.freedesktop.Notifications"):
        return 1
    print("ready", flush=True)
    return application.exec()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], Path(sys.argv[2])))
