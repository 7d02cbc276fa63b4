"""The area of a plot inside its axes: the left button draws a rectangle to zoom to, with Shift it moves the curves.

A flat rectangle zooms the horizontal axis only, and the vertical range still fits the visible points. The wheel zooms
the horizontal axis, as pyqtgraph does it; the middle button moves, too.
"""

from __future__ import annotations

from typing import Any

import pyqtgraph as pg
from PySide6.QtCore import QRectF, Qt
from PySide6.QtGui import QColor

from app.widgets.theme import theme_colors

_MIN_WIDTH = 6  # pixels; a narrower rectangle is a slip of the hand
_MIN_HEIGHT = 12  # pixels; a lower rectangle spans the whole height
_OPACITY = 0.2  # of the rectangle


class PlotView(pg.ViewBox):  # type: ignore[misc]  # pyqtgraph has no types for it
    """View of the curves whose range the mouse changes."""

    def __init__(self) -> None:
        super().__init__(enableMenu=False)
        self.setMouseEnabled(x=True, y=False)
        self.setAutoVisible(y=True)
        self._draws_rectangle = False

    def mouseDragEvent(self, ev: Any, axis: int | None = None) -> None:
        """Draw the rectangle, and zoom to it at the end; with Shift, on an axis or with another button, move."""
        if ev.isStart():
            has_shift = bool(ev.modifiers() & Qt.KeyboardModifier.ShiftModifier)
            self._draws_rectangle = axis is None and ev.button() == Qt.MouseButton.LeftButton and not has_shift
        if self._draws_rectangle:
            ev.accept()
            self._draw_rectangle(QRectF(ev.buttonDownPos(), ev.pos()), is_finished=ev.isFinish())
            return
        self.setMouseEnabled(y=not self.autoRangeEnabled()[1])  # moves up and down if the range is not fitted
        super().mouseDragEvent(ev, axis)
        self.setMouseEnabled(y=False)

    def _draw_rectangle(self, corners: QRectF, *, is_finished: bool) -> None:
        rectangle = corners.normalized().intersected(self.rect())
        is_flat = rectangle.height() < _MIN_HEIGHT
        if is_flat:
            rectangle = QRectF(rectangle.left(), 0, rectangle.width(), self.rect().height())
        if not is_finished:
            self.updateScaleBox(rectangle.topLeft(), rectangle.bottomRight())
            return
        self.rbScaleBox.hide()
        if rectangle.width() >= _MIN_WIDTH:
            area = self.childGroup.mapRectFromParent(rectangle)
            if not is_flat:
                self.setYRange(area.top(), area.bottom(), padding=0)
            self.setXRange(area.left(), area.right(), padding=0)

    def apply_theme(self) -> None:
        """Apply the colors of the theme to the rectangle."""
        shade = QColor(theme_colors().accent)
        self.rbScaleBox.setPen(pg.mkPen(shade))
        shade.setAlphaF(_OPACITY)
        self.rbScaleBox.setBrush(shade)
