"""The curves of a chart: points, color and style, without the library that draws them."""

from __future__ import annotations

from enum import Enum
from typing import NamedTuple

from PySide6.QtGui import QColor

from app.runs.points import Points
from app.widgets.theme import theme_colors

VALIDATION_SERIES = -1  # the last color, which up to four terms of the training loss leave free
_FAINT_OPACITY = 0.35  # share of the curve's color, the rest is background


class CurveStyle(Enum):
    """Style of a curve; the value is its position from back to front."""

    FAINT = 0  # raw values behind the smoothed curve
    OTHER = 1  # curve of another run
    PLAIN = 2


class Curve(NamedTuple):
    """A curve to draw: name, points, index of its color (of another run: its number among them), and style."""

    name: str
    points: Points
    series: int = 0
    style: CurveStyle = CurveStyle.PLAIN

    def color(self) -> QColor:
        """Return the color of the curve in the current theme."""
        if self.style is CurveStyle.OTHER:
            return QColor((theme_colors().muted, *theme_colors().series[1:])[self.series % len(theme_colors().series)])
        color = QColor(theme_colors().series[self.series % len(theme_colors().series)])
        return blend_with_background(color) if self.style is CurveStyle.FAINT else color


def blend_with_background(color: QColor) -> QColor:
    """Return the color mixed with the background; transparency would add up where a curve crosses itself."""
    background = QColor(theme_colors().base)

    def mix(front: int, back: int) -> int:
        return round(_FAINT_OPACITY * front + (1 - _FAINT_OPACITY) * back)

    return QColor(
        mix(color.red(), background.red()), mix(color.green(), background.green()), mix(color.blue(), background.blue())
    )
