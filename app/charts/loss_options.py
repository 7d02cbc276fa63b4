"""How the loss is drawn: smoothed over how many steps, on which axis. Chosen beside the charts, remembered."""

from __future__ import annotations

from typing import Any

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QComboBox, QHBoxLayout, QWidget

from app.settings_store import open_settings_store
from app.theme import SPACING

_SMOOTHING, _AXIS = "charts/smoothing", "charts/loss_axis"
_SPANS = {1: "Raw", 10: "Smooth 10", 40: "Smooth 40", 200: "Smooth 200", 1000: "Smooth 1000"}
_DEFAULT_SPAN = 40
_AXES = {"log": "Log", "linear": "Linear"}


class LossOptions(QWidget):
    """Two small choices."""

    changed = Signal()

    def __init__(self) -> None:
        super().__init__()
        self.smoothing = _make_combo_box("Smoothing of the loss", "Over how many steps the loss is averaged", _SPANS)
        self.axis = _make_combo_box("Axis of the loss", "Logarithmic or linear axis of the loss", _AXES)
        _select(self.smoothing, _DEFAULT_SPAN)
        for key, box in self._boxes():
            _select(box, open_settings_store().value(key))
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(SPACING // 2)
        for key, box in self._boxes():
            row.addWidget(box)
            box.activated.connect(lambda place, key=key, box=box: self._choose(key, box))

    @property
    def smoothing_span(self) -> int:
        """Steps to average over; 1 leaves the loss as it came."""
        span: int = self.smoothing.currentData()
        return span

    @property
    def is_logarithmic(self) -> bool:
        """Whether the axis is logarithmic."""
        return bool(self.axis.currentData() == "log")

    def _boxes(self) -> tuple[tuple[str, QComboBox], ...]:
        return (_SMOOTHING, self.smoothing), (_AXIS, self.axis)

    def _choose(self, key: str, box: QComboBox) -> None:
        open_settings_store().setValue(key, box.currentData())
        self.changed.emit()


def _make_combo_box(name: str, explanation: str, words: dict[Any, str]) -> QComboBox:
    box = QComboBox()
    box.setAccessibleName(name)
    box.setToolTip(explanation)
    for value, text in words.items():
        box.addItem(text, value)
    return box


def _select(box: QComboBox, value: object) -> None:
    """What was remembered, as text or not; a value that is not offered leaves what is chosen."""
    for place in range(box.count()):
        if str(box.itemData(place)) == str(value):
            box.setCurrentIndex(place)
