"""TensorBoard servers inside this process, on the loopback interface only, for as long as the window is open.

A separate thread imports TensorBoard, which takes seconds. Each folder gets one server; opening the folder again opens
the browser again. All threads are daemons and there is no child process, so the program ends without waiting.
"""

from __future__ import annotations

import contextlib
import threading
from pathlib import Path
from typing import Any

from PySide6.QtCore import QObject, QUrl, Signal, Slot
from PySide6.QtGui import QDesktopServices

from trainer_core.errors import UserError
from trainer_core.requirements import TENSORBOARD, format_install_command

_PATTERN = "*tfevents*"


class TensorBoardServers(QObject):
    """TensorBoard servers of the window, one per folder."""

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
        """Open a run's TensorBoard folder in the browser; return at once."""
        name = str(folder)
        if name in self._servers:
            self._on_served(name, self._servers[name])
        elif name not in self._starting:
            self._starting.add(name)
            self.message_posted.emit("info", "TensorBoard is starting; your browser opens in a few seconds.")
            threading.Thread(target=self._start, args=(folder,), name="TensorBoard's start", daemon=True).start()

    def close(self) -> None:
        """Stop the servers without waiting."""
        for server in self._servers.values():
            threading.Thread(target=_shut_down, args=(server,), daemon=True).start()
        self._servers.clear()

    def _start(self, folder: Path) -> None:
        """Start the server, in its own thread."""
        with contextlib.suppress(RuntimeError):  # the window may be destroyed by now
            try:
                server = start_server(folder)
            except UserError as error:
                self._failed.emit(str(folder), "info", error.message)
            except Exception as error:
                self._failed.emit(str(folder), "error", f"TensorBoard could not be started: {error}.")
            else:
                self._served.emit(str(folder), server)

    @Slot(str, object)
    def _on_served(self, folder: str, server: Any) -> None:
        self._starting.discard(folder)
        self._servers[folder] = server
        address = server.get_url()
        opened = QDesktopServices.openUrl(QUrl(address))
        what = f"TensorBoard is open in your browser at {address}" if opened else f"Open {address} to see TensorBoard"
        self.message_posted.emit("info", f"{what}; it runs until you close this window.")

    @Slot(str, str, str)
    def _on_failed(self, folder: str, level: str, text: str) -> None:
        self._starting.discard(folder)
        self.message_posted.emit(level, text)


def start_server(folder: Path) -> Any:
    """Start a server for a folder on a free port; it has `get_url()` and `shutdown()`.

    Raises:
        UserError: the folder has no TensorBoard files, or TensorBoard is not installed.
    """
    if next(folder.rglob(_PATTERN), None) is None:
        raise UserError(
            "The run in this workspace has written no TensorBoard files. Turn on TensorBoard in the settings and train "
            "again."
        )
    try:
        from tensorboard import program
    except ImportError as error:
        command = format_install_command(TENSORBOARD)
        raise UserError(f"TensorBoard cannot be used ({error}). To install it, run: {command}") from error
    servers = []

    def make_server(application: Any, flags: Any) -> Any:
        servers.append(program.WerkzeugServer(application, flags))
        return servers[0]

    server = program.TensorBoard(server_class=make_server)
    options = ["--logdir", str(folder), "--host", "127.0.0.1", "--port", "0"]
    server.configure(argv=[None, *options, "--load_fast", "false"])  # the fast loader is a child process
    server.launch()
    return servers[0]


def _shut_down(server: Any) -> None:
    server.shutdown()
    server.server_close()
