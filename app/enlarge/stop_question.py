"""The question before the window "Enlarge photos" closes while it saves photos."""

from __future__ import annotations

from typing import Callable

from PySide6.QtWidgets import QWidget

from app.enlarge.batch import Batch
from app.widgets.questions import ask_question


def ask_to_stop_saving(batch: Batch, stop: Callable[[], object], parent: QWidget) -> None:
    """Ask before a batch is stopped; the question closes by itself when the batch ends."""

    def describe() -> str:
        if batch.count == 1:
            return "The photo is not saved yet."
        if batch.saved_count == 1:
            return f"1 of {batch.count} photos is saved."
        return f"{batch.saved_count} of {batch.count} photos are saved."

    box = ask_question(
        parent, "Stop saving?", describe(), [("Stop", stop)], cancel="Continue saving", cancel_is_default=True
    )

    def update() -> None:
        if batch.is_running:
            box.setInformativeText(describe())
        elif box.clickedButton() is None:
            box.reject()

    batch.changed.connect(update)
    box.finished.connect(lambda: batch.changed.disconnect(update))
