"""Options of the loss chart, smoothing and axis type, which the settings store keeps between sessions."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QComboBox, QHBoxLayout, QWidget

from app.plain_text import plain_tooltip
from app.settings_store import open_settings_store
from app.theme import SPACING

_SMOOTHING, _AXIS = "charts/smoothing", "charts/loss_axis"
_SPANS = {1: "Raw", 10: "Smooth 10", 40: "Smooth 40", 200: "Smooth 200", 1000: "Smooth 1000"}
_DEFAULT_SPAN = 40
_AXES = {"log": "Log", "linear": "Linear"}


class LossOptions(QWidget):
    """Combo boxes for loss smoothing and axis type."""

    changed = Signal()

    def __init__(self) -> None:
        super().__init__()
        self.smoothing = _make_combo_box("Loss smoothing", "Average the loss over this number of steps", _SPANS)
        self.axis = _make_combo_box("Loss axis", "Show the loss on a logarithmic or a linear axis", _AXES)
        _select(self.smoothing, _DEFAULT_SPAN)
        for key, box in self._boxes():
            _select(box, open_settings_store().value(key))
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(SPACING // 2)
        for key, box in self._boxes():
            row.addWidget(box)
            box.activated.connect(lambda index, key=key, box=box: self._choose(key, box))

    @property
    def smoothing_span(self) -> int:
        """The number of steps to average the loss over; 1 means no smoothing."""
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


def _make_combo_box(name: str, tooltip: str, labels: Mapping[Any, str]) -> QComboBox:
    box = QComboBox()
    box.setAccessibleName(name)
    box.setToolTip(plain_tooltip(tooltip))
    for value, text in labels.items():
        box.addItem(text, value)
    return box


def _select(box: QComboBox, value: object) -> None:
    """Select the stored value, which may be text; keep the selection if the value is not offered."""
    for index in range(box.count()):
        if str(box.itemData(index)) == str(value):
            box.setCurrentIndex(index)
