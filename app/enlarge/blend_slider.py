"""A slider for the share of the other model in a blend of two models."""

from __future__ import annotations

from PySide6.QtCore import Qt, QTimer, Signal
from PySide6.QtWidgets import QHBoxLayout, QPushButton, QSlider, QWidget

from app.widgets.icons import set_icon
from app.widgets.plain_text import PlainLabel, plain_tooltip
from app.widgets.theme import SPACING

_DELAY = 300  # milliseconds after the latest move, because each share is upscaled
_STEP = 5  # percent


class BlendSlider(QWidget):
    """Slider from the model (0 %) to the other one (100 %), with a button to export the blend."""

    share_changed = Signal(float)  # 0..1
    export_requested = Signal()

    def __init__(self) -> None:
        super().__init__()
        self._label = PlainLabel("&Blend")
        self._label.setProperty("role", "heading")
        self.slider = QSlider(Qt.Orientation.Horizontal)
        self.slider.setRange(0, 100)
        self.slider.setSingleStep(_STEP)
        self.slider.setPageStep(2 * _STEP)
        self.slider.setAccessibleName("Share of the other model")
        self._label.setBuddy(self.slider)
        self._value = PlainLabel()
        self._value.setProperty("role", "muted")
        self._value.setMinimumWidth(self._value.fontMetrics().horizontalAdvance("100 % of the other model") + SPACING)
        self.export_button = QPushButton("Export blend …")
        self.export_button.setAutoDefault(False)
        set_icon(self.export_button, "export")
        self.export_button.clicked.connect(lambda: self.export_requested.emit())
        self._reason = ""
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.setInterval(_DELAY)
        self._timer.timeout.connect(lambda: self.share_changed.emit(self.share))
        self.slider.valueChanged.connect(self._on_moved)
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(SPACING)
        row.addWidget(self._label)
        row.addWidget(self.slider, 1)
        row.addWidget(self._value)
        row.addWidget(self.export_button)
        self._show_share()

    @property
    def share(self) -> float:
        """The share of the other model, 0..1."""
        return self.slider.value() / 100

    def reset(self) -> None:
        """Return to 0 % without a signal."""
        self._timer.stop()
        self.slider.blockSignals(True)
        self.slider.setValue(0)
        self.slider.blockSignals(False)
        self._show_share()

    def set_available(self, is_available: bool, reason: str) -> None:
        """Enable the slider, disable it, or show a reason in its place why the two models cannot be blended."""
        self._reason = "" if is_available else reason
        self._label.setEnabled(is_available)
        self.slider.setEnabled(is_available)
        for widget in (self._label, self.slider, self.export_button):
            widget.setVisible(not self._reason)
        self._value.setWordWrap(bool(self._reason))
        tip = "Mixes the weights of both models, for example to soften a sharp one."
        self.setToolTip(plain_tooltip(tip if is_available else reason))
        if not is_available:
            self.reset()
        self._show_share()

    def _on_moved(self) -> None:
        self._show_share()
        self._timer.start()

    def _show_share(self) -> None:
        value = self.slider.value()
        self._value.setText(self._reason or (f"{value} % of the other model" if value else "Off"))
        self.export_button.setEnabled(value > 0)
