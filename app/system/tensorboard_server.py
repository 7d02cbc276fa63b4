"""TensorBoard inside this process, on the loopback interface only, for as long as the window is open.

Importing it takes seconds, so a thread of its own does that. Each folder gets a server once; asked again, the browser
shows it again. All threads are daemons and no child process is started: the program ends without waiting for them.
"""

from __future__ import annotations

import contextlib
import threading
from pathlib import Path
from typing import Any

from PySide6.QtCore import QObject, QUrl, Signal, Slot
from PySide6.QtGui import QDesktopServices

from trainer_core.errors import UserError

_PATTERN = "*tfevents*"


class TensorBoardServers(QObject):
    """The servers of this window."""

    message_posted = Signal(str, str)  # level, text
    _served = Signal(str, object)  # folder, server
    _failed = Signal(str, str, str)  # folder, level, text

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._servers: dict[str, Any] = {}
        self._starting: set[str] = set()
        self._served.connect(self._on_served)
        self._failed.connect(self._on_failed)

    def open(self, folder: Path) -> None:
        """Show what lies in a run's TensorBoard folder in the browser; returns at once."""
        name = str(folder)
        if name in self._servers:
            self._on_served(name, self._servers[name])
        elif name not in self._starting:
            self._starting.add(name)
            self.message_posted.emit("info", "TensorBoard is starting; your browser opens in a few seconds.")
            threading.Thread(target=self._start, args=(folder,), name="TensorBoard's start", daemon=True).start()

    def close(self) -> None:
        """Serve no more. Does not wait."""
        for server in self._servers.values():
            threading.Thread(target=_shut_down, args=(server,), daemon=True).start()
        self._servers.clear()

    def _start(self, folder: Path) -> None:
        """In the thread."""
        with contextlib.suppress(RuntimeError):  # the window is gone meanwhile
            try:
                server = start_server(folder)
            except UserError as error:
                self._failed.emit(str(folder), "info", error.message)
            except Exception as error:
                self._failed.emit(str(folder), "error", f"TensorBoard could not be started: {error}")
            else:
                self._served.emit(str(folder), server)

    @Slot(str, object)
    def _on_served(self, folder: str, server: Any) -> None:
        self._starting.discard(folder)
        self._servers[folder] = server
        address = server.get_url()
        opened = QDesktopServices.openUrl(QUrl(address))
        where = "is open in your browser" if opened else "waits for a browser"
        self.message_posted.emit("info", f"TensorBoard {where}, at {address} until this window is closed.")

    @Slot(str, str, str)
    def _on_failed(self, folder: str, level: str, text: str) -> None:
        self._starting.discard(folder)
        self.message_posted.emit(level, text)


def start_server(folder: Path) -> Any:
    """Start a server for a folder on a free port; it has `get_url()` and `shutdown()`.

    Raises:
        UserError: there is nothing to show, or TensorBoard is not installed.
    """
    if next(folder.rglob(_PATTERN), None) is None:
        raise UserError(
            "The run in this workspace has written no TensorBoard files. They are written by a training that is "
            "started with the setting TensorBoard switched on."
        )
    try:
        from tensorboard import program
    except ImportError as error:
        raise UserError(
            f"TensorBoard cannot be used ({error}). Install it with: python -m pip install tensorboard"
        ) from error
    servers = []

    def make_server(application: Any, flags: Any) -> Any:
        servers.append(program.WerkzeugServer(application, flags))
        return servers[0]

    server = program.TensorBoard(server_class=make_server)
    place = ["--logdir", str(folder), "--host", "127.0.0.1", "--port", "0"]
    server.configure(argv=[None, *place, "--load_fast", "false"])  # the fast loader is a child process
    server.launch()
    return servers[0]


def _shut_down(server: Any) -> None:
    server.shutdown()
    server.server_close()
