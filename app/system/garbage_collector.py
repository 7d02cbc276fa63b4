"""Garbage collection that runs only in the window's thread and skips the objects of torch.

An automatic collection stops all threads and may run in any of them. In the training thread it could destroy Qt
objects, which must be destroyed in the window's thread. Torch also creates 450,000 objects that live until the end:
scanning them freezes the window for up to half a second on a busy machine (`benchmarks/window_latency.py`).
"""

from __future__ import annotations

import gc
from typing import Callable

from PySide6.QtCore import QObject, QTimer

_INTERVAL = 1000  # milliseconds between two checks


class GarbageCollector(QObject):
    """Replacement of the automatic collector until `close`."""

    def __init__(self, parent: QObject) -> None:
        super().__init__(parent)
        gc.disable()
        self._timer = QTimer(self)
        self._timer.timeout.connect(self._collect)
        self._timer.start(_INTERVAL)

    def freeze_torch(self, submit: Callable[..., None]) -> None:
        """Import torch through `submit` (`TrainingThread.submit`), then exclude all existing objects from scans."""
        submit(_import_torch, lambda done: gc.freeze(), lambda error: None)

    def close(self) -> None:
        """Restore the automatic collector."""
        self._timer.stop()
        gc.unfreeze()
        gc.enable()

    def _collect(self) -> None:
        """Collect the oldest generation that is due, as the automatic collector does."""
        counts, thresholds = gc.get_count(), gc.get_threshold()
        for generation in (2, 1, 0):
            if counts[generation] > thresholds[generation] > 0:
                gc.collect(generation)
                return


def _import_torch() -> None:
    import torch._dynamo  # noqa: F401  half of torch's modules; the first optimizer would import it
