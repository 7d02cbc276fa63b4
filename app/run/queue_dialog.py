"""The dialog of the queue: lists the trainings that wait, starts and removes them."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtWidgets import QHBoxLayout, QListWidget, QPushButton, QVBoxLayout, QWidget

from app.form.last_session import LastSession
from app.help.sections import QUEUE, set_section
from app.run.queue import RunQueue
from app.run.queue_addition import QueueAddition
from app.widgets.buttons import make_button
from app.widgets.dialogs import Dialog
from app.widgets.icons import set_icon
from app.widgets.plain_text import plain_tooltip, visible
from app.widgets.term_label import TermLabel
from app.widgets.theme import SPACING
from trainer_core.settings.config import TrainerConfig
from trainer_core.watches import select_watch

_EXPLANATION = (
    "Once you press “Start the queue”, these trainings start by themselves, each when the one before is complete. "
    "Run > Add to queue adds the training that is set up on the left of the window; “Add another” adds one with other "
    "photos or settings, also during training."
)
_MIN_WIDTH = 480  # pixels


class QueueDialog(Dialog):
    """List of the trainings that wait."""

    def __init__(self, queue: RunQueue, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._queue = queue
        self.setWindowTitle("Queue of trainings")
        set_section(self, QUEUE)
        self.setMinimumWidth(_MIN_WIDTH)
        explanation = TermLabel(_EXPLANATION)
        explanation.setWordWrap(True)
        self.list = QListWidget()
        self.list.setAccessibleName("Trainings in the queue")
        self.start_button, self.remove_button = QPushButton(), QPushButton("Remove")
        self.add_button = make_button("Add another …", "add", self._add_another)
        self.start_button.clicked.connect(self._start_or_stop)
        self.remove_button.clicked.connect(lambda: queue.remove(self.list.currentRow()))
        set_icon(self.remove_button, "close")
        close = QPushButton("Close")
        close.clicked.connect(self.close)
        row = QHBoxLayout()
        for button in (self.start_button, self.add_button, self.remove_button):
            row.addWidget(button)
        row.addStretch(1)
        row.addWidget(close)
        layout = QVBoxLayout(self.contents)
        layout.setContentsMargins(*[2 * SPACING] * 4)
        layout.setSpacing(SPACING)
        for part in (explanation, self.list):
            layout.addWidget(part)
        layout.addLayout(row)
        self.list.currentRowChanged.connect(lambda number: self.remove_button.setEnabled(number >= 0))
        queue.changed.connect(self._refresh)
        self._refresh()

    def _refresh(self) -> None:
        number = self.list.currentRow()
        self.list.clear()
        for entry in self._queue.entries:
            self.list.addItem(visible(_describe(entry)))
            self.list.item(self.list.count() - 1).setToolTip(plain_tooltip(str(entry.paths.get("workspace", ""))))
        self.list.setCurrentRow(min(max(number, 0), self.list.count() - 1))
        running = self._queue.is_running
        self.start_button.setText("Stop after this training" if running else "Start the queue")
        set_icon(self.start_button, "pause" if running else "start")
        self.start_button.setEnabled(running or self.list.count() > 0)
        self.remove_button.setEnabled(self.list.currentRow() >= 0)

    def _add_another(self) -> None:
        QueueAddition(self._queue, self).open_and_delete()

    def _start_or_stop(self) -> None:
        if self._queue.is_running:
            self._queue.stop()
        else:
            self._queue.start()


def _describe(entry: LastSession) -> str:
    """Return workspace, watch, scale and time limit of a training."""
    config = TrainerConfig().replace(**entry.values)
    name = Path(entry.paths["workspace"]).name if "workspace" in entry.paths else "folder not found"
    parts = [select_watch(mono=config.monochrome_style).models[0], f"x{config.scale}"]
    parts += [f"{config.max_minutes:g} minutes"] if config.max_minutes else [f"{config.steps} steps"]
    return f"{name}: {', '.join(parts)}"
