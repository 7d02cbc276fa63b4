"""A slider over the steps that have a preview, and a button that plays the previews as a film."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Callable

from PySide6.QtCore import Qt, QTimer, Signal
from PySide6.QtGui import QHideEvent
from PySide6.QtWidgets import QHBoxLayout, QSlider, QToolButton, QWidget

from app.widgets.icons import set_icon
from app.widgets.theme import SPACING

_FRAME_INTERVAL = 250  # milliseconds per preview


class Timeline(QWidget):
    """Slider and play button, enabled once there is more than one step; always visible, so that nothing moves then.

    Args:
        is_ready: whether the image of the selected step is on the screen; the film waits for it.
    """

    step_changed = Signal()

    def __init__(self, is_ready: Callable[[], bool]) -> None:
        super().__init__()
        self._is_ready = is_ready
        self._steps: list[int] = []
        self.play_button = QToolButton()
        self.play_button.setAccessibleName("Play the earlier previews")
        self.play_button.setToolTip("Play the earlier previews (Space).")
        self.play_button.clicked.connect(self.toggle_playing)
        self.slider = QSlider(Qt.Orientation.Horizontal)
        self.slider.setAccessibleName("Earlier previews")
        self.slider.setToolTip("Drag to see earlier previews of this run (N: next, P: previous).")
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
        """The selected step, None if there is none."""
        return self._steps[self.slider.value()] if self._steps else None

    @property
    def is_playing(self) -> bool:
        """Whether the film runs."""
        return self._play_timer.isActive()

    def show_steps(self, steps: Sequence[int]) -> None:
        """Replace the steps without emitting `step_changed`.

        The newest step is selected if the newest was selected before, else the step nearest to the previous one.
        """
        selected = None if self.slider.value() == self.slider.maximum() and not self.is_playing else self.step
        self._steps = list(steps)
        last = max(0, len(steps) - 1)
        self.slider.blockSignals(True)
        self.slider.setRange(0, last)
        self.slider.setValue(last if selected is None else _index_of_nearest(self._steps, selected))
        self.slider.blockSignals(False)
        self.setEnabled(len(steps) > 1)

    def select_nearest(self, step: int) -> None:
        """Stop the film and select the preview nearest to this step."""
        self.stop()
        if self._steps:
            self.slider.setValue(_index_of_nearest(self._steps, step))

    def select_neighbor(self, offset: int) -> None:
        """Stop the film and select the preview `offset` places later, or the last one on that side."""
        self.stop()
        self.slider.setValue(self.slider.value() + offset)

    def toggle_playing(self) -> None:
        """Play from the selected step to the newest, from the first if the newest is selected; pause if playing."""
        if self.is_playing:
            self._play_timer.stop()
        elif len(self._steps) > 1:
            if self.slider.value() == self.slider.maximum():
                self.slider.setValue(0)
            self._play_timer.start()
        self._show_playing()

    def stop(self) -> None:
        """Stop the film."""
        self._play_timer.stop()
        self._show_playing()

    def _play_next(self) -> None:
        if not self._is_ready():
            return  # the disk is slower than the film
        self.slider.setValue(self.slider.value() + 1)
        if self.slider.value() == self.slider.maximum():
            self.stop()

    def _show_playing(self) -> None:
        set_icon(self.play_button, "pause" if self.is_playing else "start")

    def hideEvent(self, event: QHideEvent) -> None:
        """Stop the film when the tab is hidden."""
        self.stop()
        super().hideEvent(event)


def _index_of_nearest(steps: Sequence[int], step: int) -> int:
    return min(range(len(steps)), key=lambda index: abs(steps[index] - step), default=0)
