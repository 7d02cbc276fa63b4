"""Python's garbage collector, tamed for a window: it runs in the window's thread alone, and passes over torch.

A collection stops all threads, and may come in any of them. In the training thread it could destroy Qt objects, which
must die in the window's thread. And torch brings 450,000 objects that live to the end: looking through all of them
takes up to half a second on a busy machine, during which the window stands still (`benchmarks/window_latency.py`).
"""

from __future__ import annotations

import gc
from typing import Callable

from PySide6.QtCore import QObject, QTimer

_INTERVAL = 1000  # milliseconds between two looks whether there is enough to collect


class GarbageCollector(QObject):
    """Takes over from the automatic collector until `close`."""

    def __init__(self, parent: QObject) -> None:
        super().__init__(parent)
        gc.disable()
        self._timer = QTimer(self)
        self._timer.timeout.connect(self._collect)
        self._timer.start(_INTERVAL)

    def freeze_torch(self, ask: Callable[..., None]) -> None:
        """Let torch be imported by `ask` (`TrainingThread.ask`), then never look through what is there by then."""
        ask(_import_torch, lambda done: gc.freeze(), lambda error: None)

    def close(self) -> None:
        """Give the automatic collector back."""
        self._timer.stop()
        gc.unfreeze()
        gc.enable()

    def _collect(self) -> None:
        """The oldest generation that is due, as the automatic collector would."""
        counts, thresholds = gc.get_count(), gc.get_threshold()
        for generation in (2, 1, 0):
            if counts[generation] > thresholds[generation] > 0:
                gc.collect(generation)
                return


def _import_torch() -> None:
    import torch._dynamo  # noqa: F401  half of torch's modules; the first optimizer would import it
