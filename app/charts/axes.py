"""Axes with short labels: steps as 800, 12k or 1.5M, times in seconds, minutes, hours or days.

A logarithmic axis has labels at round numbers such as 1, 2 and 5.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import pyqtgraph as pg
from PySide6.QtGui import QFontMetrics

from app.widgets.theme import scale_width, theme

_MIN_LABEL_DISTANCE = 20  # minimum pixels between two labels of the logarithmic axis at the default text size
_VALUE_AXIS_WIDTH = 54  # pixels; room for 23.188 or 0.0512, because pyqtgraph drops labels that do not fit
_SCIENTIFIC_BELOW = 2e-3
_OVERHANG = 4  # pixels that a label may extend beyond the left end of its axis
_TIME_UNITS = ((86400, "days"), (3600, "hours"), (60, "min"), (1, "s"))  # seconds and name, from long to short
_MIN_UNITS = 2  # an axis that ends sooner has the next shorter unit
_ROUND_DIGITS = (1, 2, 5)
_DIGITS = (  # sets of digits that are nearly evenly spaced on a logarithmic axis
    (1,),
    (1, 3),
    _ROUND_DIGITS,
    (1, 2, 3, 5),
    (1, 2, 3, 4, 6),
    range(1, 10),
)


class _Axis(pg.AxisItem):
    """Axis whose labels can be hidden without changing its size.

    A shrinking axis would leave pixels of its labels behind.
    """

    def __init__(self, side: str) -> None:
        super().__init__(side)
        self.enableAutoSIPrefix(False)
        self.labels_visible = True

    def set_labels_visible(self, visible: bool) -> None:
        """Show the labels, or hide them and keep the bare line."""
        self.labels_visible = visible
        self.picture = None
        self.update()

    def tickStrings(self, values: Sequence[float], scale: float, spacing: float) -> list[str]:
        """Return the labels of these values, empty while the labels are hidden."""
        return self._format_labels(values, scale, spacing) if self.labels_visible else [""] * len(values)

    def _format_labels(self, values: Sequence[float], scale: float, spacing: float) -> list[str]:
        labels: list[str] = super().tickStrings(values, scale, spacing)
        return labels


class HorizontalAxis(_Axis):
    """The horizontal axis: whole steps, thousands as "k" and millions as "M", or the time in the unit that suits it."""

    def __init__(self) -> None:
        super().__init__("bottom")
        self.is_time = False
        self.setHeight(scale_width(21))  # with or without labels

    @property
    def caption(self) -> str:
        """What the labels count: "step", or a unit of time."""
        return _time_unit(self.range[1])[1] if self.is_time else "step"

    def tickValues(self, minVal: float, maxVal: float, size: float) -> list[tuple[float, list[float]]]:
        """Return pairs of spacing and tick positions, which are round numbers of steps or of the unit of time."""
        unit = _time_unit(maxVal)[0] if self.is_time else 1
        ticks = super().tickValues(minVal / unit, maxVal / unit, size)
        return [(spacing * unit, [value * unit for value in values]) for spacing, values in ticks]

    def _format_labels(self, values: Sequence[float], scale: float, spacing: float) -> list[str]:
        """Drop labels that would overlap the caption in the corner."""
        metrics, (left, right) = QFontMetrics(theme().font()), self.range
        unit = _time_unit(right)[0]
        labels = [_time_label(value / unit) if self.is_time else step_label(value) for value in values]
        positions = [(value - left) / (right - left) * self.width() for value in values]
        fits = [x + _OVERHANG >= metrics.horizontalAdvance(label) / 2 for x, label in zip(positions, labels)]
        return [label if label_fits else "" for label, label_fits in zip(labels, fits)]


class ValueAxis(_Axis):
    """The vertical axis; a logarithmic one shows the evenly spaced round numbers that fit."""

    def __init__(self) -> None:
        super().__init__("left")
        self.setWidth(scale_width(_VALUE_AXIS_WIDTH))  # fixed, so that curves do not move when labels change

    def tickValues(self, minVal: float, maxVal: float, size: float) -> list[tuple[float, list[float]]]:
        """Return pairs of spacing and tick positions; on a logarithmic axis positions are exponents of ten."""
        if not self.logMode:
            ticks: list[tuple[float, list[float]]] = super().tickValues(minVal, maxVal, size)
            return ticks[:2]
        values = log_ticks(10.0**minVal, 10.0**maxVal, max(2, int(size / scale_width(_MIN_LABEL_DISTANCE))))
        return [(1.0, [math.log10(value) for value in values])]

    def _format_labels(self, values: Sequence[float], scale: float, spacing: float) -> list[str]:
        """Return the labels; small values such as learning rates as 1.5e-4, because 0.00015 would not fit."""
        if self.logMode or max(map(abs, values), default=1.0) > _SCIENTIFIC_BELOW:
            return super()._format_labels(values, scale, spacing)
        return [f"{value:.3g}" if value == 0 else _scientific(value) for value in values]

    def logTickStrings(self, values: Sequence[float], scale: float, spacing: float) -> list[str]:
        """Return the labels of these exponents of ten."""
        return [f"{10.0**value:.3g}" for value in values]


def _scientific(value: float) -> str:
    """Return a number as text such as "1.5e-4"."""
    digits, exponent = f"{value:.2e}".split("e")
    return f"{float(digits):g}e{int(exponent)}"


def step_label(step: float) -> str:
    """Return the label of a step such as "800", "12k" or "1.5M"; "" for a fraction or a negative number."""
    if step < 0 or abs(step - round(step)) > 1e-6:
        return ""
    for size, letter in ((1e6, "M"), (1e4, "k")):
        if step >= size:
            return f"{step / (1e3 if letter == 'k' else size):.10g}{letter}"
    return str(round(step))


def _time_unit(seconds: float) -> tuple[int, str]:
    """Return the seconds and the name of the unit for an axis that ends at `seconds`."""
    return next((unit for unit in _TIME_UNITS if seconds >= _MIN_UNITS * unit[0]), _TIME_UNITS[-1])


def _time_label(value: float) -> str:
    """Return the label of a time in its unit, "" for a negative one."""
    return "" if value < 0 else f"{value:.6g}"


def log_ticks(low: float, high: float, maximum: int) -> list[float]:
    """Return at most `maximum` round numbers from `low` to `high`, spread evenly over a logarithmic axis."""
    if not (0 < low < high and math.isfinite(high)):
        return []
    first, last = math.ceil(math.log10(low) - 1e-9), math.floor(math.log10(high) + 1e-9)
    if last - first >= maximum:
        return [10.0**decade for decade in range(first, last + 1, math.ceil((last - first + 1) / maximum))]
    fitting: list[float] = []
    for digits in _DIGITS:
        values = [digit * 10.0**decade for decade in range(first - 1, last + 1) for digit in digits]
        inside = [value for value in values if low <= value <= high]
        if len(inside) <= maximum and len(fitting) < 4:
            fitting = inside
    return fitting if len(fitting) >= 2 else _linear_ticks(low, high, maximum)


def _linear_ticks(low: float, high: float, maximum: int) -> list[float]:
    rough = (high - low) / max(1, maximum - 1)
    unit = 10.0 ** math.floor(math.log10(rough))
    spacing = next(n * unit for n in (*_ROUND_DIGITS, 10) if n * unit >= rough * 0.999)
    return [float(value) for value in np.arange(math.ceil(low / spacing), math.floor(high / spacing) + 1) * spacing]
