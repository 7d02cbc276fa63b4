"""Options of the loss chart, smoothing and axis type, which the settings store keeps between sessions."""

from __future__ import annotations

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QComboBox, QHBoxLayout, QPushButton, QWidget

from app.system.settings_store import open_settings_store
from app.widgets.plain_text import plain_tooltip
from app.widgets.theme import SPACING

_SMOOTHING, _AXIS = "charts/smoothing", "charts/loss_axis"
_SPANS = {1: "Raw", 10: "Smooth 10", 40: "Smooth 40", 200: "Smooth 200", 1000: "Smooth 1000"}
_DEFAULT_SPAN = 40
_LOG, _LINEAR = "log", "linear"  # values of the settings store


class LossOptions(QWidget):
    """Combo box for the smoothing of the loss, and a switch for its axis."""

    changed = Signal()

    def __init__(self) -> None:
        super().__init__()
        store = open_settings_store()
        self.smoothing = _make_smoothing_box()
        for span in (_DEFAULT_SPAN, store.value(_SMOOTHING)):
            _select(self.smoothing, span)
        self.smoothing.activated.connect(lambda index: self._choose(_SMOOTHING, self.smoothing_span))
        self.axis = QPushButton("Log scale")
        self.axis.setProperty("role", "segment")
        self.axis.setCheckable(True)
        self.axis.setChecked(store.value(_AXIS) != _LINEAR)
        self.axis.setAccessibleName("Logarithmic axis of the loss")
        self.axis.setToolTip(
            plain_tooltip("Show the loss on a logarithmic axis, where late progress is easier to see.")
        )
        self.axis.toggled.connect(lambda is_log: self._choose(_AXIS, _LOG if is_log else _LINEAR))
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(SPACING // 2)
        row.addWidget(self.smoothing)
        row.addWidget(self.axis)

    @property
    def smoothing_span(self) -> int:
        """The number of steps to average the loss over; 1 means no smoothing."""
        span: int = self.smoothing.currentData()
        return span

    @property
    def is_logarithmic(self) -> bool:
        """Whether the axis is logarithmic."""
        return self.axis.isChecked()

    def _choose(self, key: str, value: object) -> None:
        open_settings_store().setValue(key, value)
        self.changed.emit()


def _make_smoothing_box() -> QComboBox:
    box = QComboBox()
    box.setAccessibleName("Loss smoothing")
    box.setToolTip("Average the loss over this number of steps.")
    for span, text in _SPANS.items():
        box.addItem(text, span)
    return box


def _select(box: QComboBox, value: object) -> None:
    """Select the stored value, which may be text; keep the selection if the value is not offered."""
    for index in range(box.count()):
        if str(box.itemData(index)) == str(value):
            box.setCurrentIndex(index)
