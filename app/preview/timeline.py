"""A slider over the steps with a preview, and a button that plays them as a film."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Callable

from PySide6.QtCore import Qt, QTimer, Signal
from PySide6.QtGui import QHideEvent
from PySide6.QtWidgets import QHBoxLayout, QSlider, QToolButton, QWidget

from app.icons import set_icon
from app.theme import SPACING

_FRAME_INTERVAL = 250  # milliseconds a picture


class Timeline(QWidget):
    """Hidden until there is more than one step.

    Args:
        ready: whether the picture of the present step is on the screen; a film waits for it.
    """

    step_changed = Signal()

    def __init__(self, ready: Callable[[], bool]) -> None:
        super().__init__()
        self._ready = ready
        self._steps: list[int] = []
        self.play_button = QToolButton()
        self.play_button.setAccessibleName("Play the earlier previews")
        self.play_button.setToolTip("Play the earlier previews (Space)")
        self.play_button.clicked.connect(self.toggle_playing)
        self.slider = QSlider(Qt.Orientation.Horizontal)
        self.slider.setAccessibleName("Earlier previews")
        self.slider.setToolTip("Earlier previews of this run")
        self.slider.valueChanged.connect(lambda: self.step_changed.emit())
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(SPACING // 2)
        row.addWidget(self.play_button)
        row.addWidget(self.slider, 1)
        self._play_timer = QTimer(self)
        self._play_timer.setInterval(_FRAME_INTERVAL)
        self._play_timer.timeout.connect(self._play_next)
        self._show_playing()

    @property
    def step(self) -> int | None:
        """The step that is looked at, None without any."""
        return self._steps[self.slider.value()] if self._steps else None

    @property
    def is_playing(self) -> bool:
        """Whether the film runs."""
        return self._play_timer.isActive()

    def show_steps(self, steps: Sequence[int]) -> None:
        """Go along with the newest if that was looked at, else stay as near as possible. Says nothing."""
        selected = None if self.slider.value() == self.slider.maximum() and not self.is_playing else self.step
        self._steps = list(steps)
        last = max(0, len(steps) - 1)
        self.slider.blockSignals(True)
        self.slider.setRange(0, last)
        self.slider.setValue(last if selected is None else _nearest(self._steps, selected))
        self.slider.blockSignals(False)
        self.setVisible(len(steps) > 1)

    def select_nearest(self, step: int) -> None:
        """Look at the preview nearest to this step."""
        self.stop()
        if self._steps:
            self.slider.setValue(_nearest(self._steps, step))

    def toggle_playing(self) -> None:
        """From here to the newest, or from the first when the newest is shown."""
        if self.is_playing:
            self._play_timer.stop()
        elif len(self._steps) > 1:
            if self.slider.value() == self.slider.maximum():
                self.slider.setValue(0)
            self._play_timer.start()
        self._show_playing()

    def stop(self) -> None:
        """End the film."""
        self._play_timer.stop()
        self._show_playing()

    def _play_next(self) -> None:
        if not self._ready():
            return  # the disk is slower than the film
        self.slider.setValue(self.slider.value() + 1)
        if self.slider.value() == self.slider.maximum():
            self.stop()

    def _show_playing(self) -> None:
        set_icon(self.play_button, "pause" if self.is_playing else "start")

    def hideEvent(self, event: QHideEvent) -> None:
        """No film without a viewer."""
        self.stop()
        super().hideEvent(event)


def _nearest(steps: Sequence[int], step: int) -> int:
    return min(range(len(steps)), key=lambda place: abs(steps[place] - step), default=0)
