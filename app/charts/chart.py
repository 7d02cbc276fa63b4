"""One chart: its title and legend, the plot, and a crosshair that reads out the nearest point, by mouse or keyboard.

Keys: Left and Right go from point to point (with Shift by a tenth of what is in sight), + and - zoom, 0 or Home shows
everything, Return shows the preview of that step, Escape hides the crosshair.
"""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

import numpy as np
from PySide6.QtCore import QEvent, QObject, QPointF, QRectF, Qt, Signal
from PySide6.QtGui import QColor, QKeyEvent, QMouseEvent, QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QHBoxLayout, QLabel, QVBoxLayout, QWidget

from app.charts.plot import Curve, CurveStyle, Plot
from app.theme import SPACING, theme, theme_colors

_HOVER_PIXELS = 6  # pixels within which a click means the tick
_ZOOM = 1.5
_EDGE_PIXELS = 2  # pixels for the frame
_LEGEND_SYMBOLS = {CurveStyle.PLAIN: "●", CurveStyle.OTHER: "╌"}
_HINT = "Drag to move, wheel to zoom, double click to see everything; click to see the preview of that step"


class Chart(QWidget):
    """Give it its lines with `show_lines`; says with `chosen` which step was clicked. `empty` stands where none are,
    `least` is the smallest range of values that fills its height.
    """

    step_clicked = Signal(int)

    def __init__(
        self, title: str, unit: str = "", *, empty: str, form: str = ".4g", log: bool = False, least: float = 0.0
    ) -> None:
        super().__init__()
        self._unit, self._form = unit, form
        self._lines: Sequence[Curve] = ()
        self._ticks: Sequence[float] = ()
        self._at: float | None = None  # the step of the crosshair
        self.plot = Plot(log=log, min_range=least)
        self.plot.scene().sigMouseMoved.connect(self._follow_mouse)
        self.plot.scene().sigMouseClicked.connect(self._click)
        self.plot.viewport().installEventFilter(self)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setAccessibleName(f"Chart: {title}")
        self._lay_out(f"{title} ({unit})" if unit else title, empty)
        self.plot.view.sigResized.connect(self._place_empty_text)
        theme().changed.connect(self._apply_theme)
        self._apply_theme()

    def _lay_out(self, title: str, empty: str) -> None:
        heading = QLabel(title)
        heading.setProperty("role", "heading")
        heading.setToolTip(_HINT)
        self._legend = QLabel()
        self._legend.setObjectName("legend")
        self._legend.setTextFormat(Qt.TextFormat.RichText)
        self._legend.setWordWrap(True)
        self._legend.setAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignTop)
        self._box = QLabel(self)  # the read-out, over title and legend, which it repeats
        self._box.setObjectName("read_out")
        self._box.setTextFormat(Qt.TextFormat.RichText)
        self._box.setWordWrap(True)
        self._box.setAttribute(Qt.WidgetAttribute.WA_TransparentForMouseEvents)
        self._box.setContentsMargins(SPACING, SPACING // 2, SPACING, 0)
        self._box.setAlignment(Qt.AlignmentFlag.AlignTop)
        self._box.hide()
        self._empty = QLabel(empty, self.plot)
        self._empty.setObjectName("empty")
        self._empty.setProperty("role", "muted")
        self._empty.setWordWrap(True)
        self._empty.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self._empty.setAttribute(Qt.WidgetAttribute.WA_TransparentForMouseEvents)
        self._corner = QLabel("step", self.plot)
        self._corner.setProperty("role", "muted")
        self._corner.setAttribute(Qt.WidgetAttribute.WA_TransparentForMouseEvents)
        head = QHBoxLayout()
        head.setContentsMargins(SPACING, SPACING // 2, SPACING, 0)
        head.setSpacing(SPACING)
        head.addWidget(heading, 0, Qt.AlignmentFlag.AlignTop)
        head.addWidget(self._legend, 1)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(_EDGE_PIXELS, _EDGE_PIXELS, _EDGE_PIXELS, _EDGE_PIXELS)
        layout.setSpacing(0)
        layout.addLayout(head)
        layout.addWidget(self.plot, 1)
        self.setMinimumHeight(120)

    # -- content -------------------------------------------------------------------------------

    def show_curves(
        self,
        lines: Sequence[Curve],
        *,
        ticks: Sequence[float] = (),
        marker: tuple[float, float] | None = None,
        reference: float | None = None,
    ) -> None:
        """Draw these curves, ticks at these steps, a ring around a point, a level line (bicubic)."""
        self._lines, self._ticks = lines, ticks
        self.plot.draw(lines, ticks=ticks, mark=marker, reference=reference)
        self._empty.setVisible(not self.plot.has_curves)
        self._corner.setVisible(self.plot.has_curves)
        legend = self._legend_text(reference)
        if legend != self._legend.text():
            self._legend.setText(legend)
        if self._at is not None:
            self._update_read_out(self._at)

    @property
    def legend(self) -> str:
        """The names in the legend, without the signs before them."""
        return ", ".join(line.name for line in self._legend_curves())

    @property
    def read_out(self) -> str:
        """What the crosshair says, "" while it is hidden."""
        return "" if self._at is None else self.accessibleDescription()

    def set_log(self, log: bool) -> None:
        """Whether the vertical axis is logarithmic."""
        self.plot.set_log(log)

    def reset_view(self) -> None:
        """Undo zoom and moves."""
        self.plot.show_all()

    def _legend_curves(self) -> list[Curve]:
        plain = [line for line in self._lines if line.look is CurveStyle.PLAIN]
        other = [line for line in self._lines if line.look is CurveStyle.OTHER]
        return (plain if len(plain) > 1 or other else []) + other

    def _legend_text(self, reference: float | None) -> str:
        parts = [f"{_legend_symbol(line)}&nbsp;{_non_breaking(line.name)}" for line in self._legend_curves()]
        if reference is not None:
            parts.append(
                f'<span style="color:{theme_colors().muted}">┈&nbsp;bicubic&nbsp;{self._value(reference)}</span>'
            )
        return "&nbsp; ".join(parts)

    # -- the crosshair -------------------------------------------------------------------------

    def _follow_mouse(self, where: QPointF) -> None:
        x = self.plot.step_at(where)
        line = self._crosshair_curve()
        if x is None or line is None:
            self._hide_crosshair()
        else:
            self._point_at(float(line.points.x[line.points.nearest_index(x)]))

    def _crosshair_curve(self) -> Curve | None:
        """The curve whose points the crosshair stops at."""
        return next((line for line in self._lines if line.look is CurveStyle.PLAIN and len(line.points)), None)

    def _point_at(self, x: float) -> None:
        self._at = x
        found = [(line, line.points.nearest_point(x)) for line in self._lines if line.look is not CurveStyle.FAINT]
        values = [(line, *point) for line, point in found if point is not None and np.isfinite(point[1])]
        head = f"step {x:.0f}"
        words = [f"{line.name} {self._value(y)}{_offset_note(step, x)}" for line, step, y in values]
        self.setAccessibleDescription(", ".join([head, *words]))
        parts = [f"{_legend_symbol(line)}&nbsp;{_non_breaking(word)}" for (line, _, _), word in zip(values, words)]
        self._box.setText("&nbsp; ".join([f"<b>{_non_breaking(head)}</b>", *parts]))
        self._place_read_out()
        self._box.show()
        self._box.raise_()
        self.plot.show_crosshair(x)

    def _update_read_out(self, x: float) -> None:
        """The lines are others now: a longer average, another run."""
        if self._crosshair_curve() is None:
            self._hide_crosshair()
        else:
            self._point_at(x)

    def _place_read_out(self) -> None:
        width = self.width() - 2 * _EDGE_PIXELS
        height = max(self._box.heightForWidth(width), self.plot.y() - _EDGE_PIXELS)
        self._box.setGeometry(_EDGE_PIXELS, _EDGE_PIXELS, width, height)

    def _place_empty_text(self) -> None:
        """Between the axes."""
        room = self.plot.mapFromScene(self.plot.view.sceneBoundingRect()).boundingRect()
        self._empty.setGeometry(room.adjusted(SPACING, 0, -SPACING, 0))

    def _hide_crosshair(self) -> None:
        self._at = None
        self._box.hide()
        self.plot.show_crosshair(None)
        self.setAccessibleDescription("")

    def _value(self, value: float) -> str:
        return f"{value:{self._form}}{' ' if self._unit else ''}{self._unit}"

    # -- mouse and keys ------------------------------------------------------------------------

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if event.type() == QEvent.Type.Leave:
            self._hide_crosshair()
        elif event.type() == QEvent.Type.MouseButtonDblClick:
            self.reset_view()
        elif event.type() == QEvent.Type.Resize:
            self._corner.adjustSize()
            self._corner.move(SPACING, self.plot.height() - self._corner.height() - 1)
        return super().eventFilter(watched, event)

    def _click(self, event: QMouseEvent) -> None:
        x = self.plot.step_at(event.scenePos())  # type: ignore[attr-defined]  # pyqtgraph's own event
        if x is None or event.button() != Qt.MouseButton.LeftButton:
            return
        tick = min(self._ticks, key=lambda tick: abs(tick - x), default=x)
        near = abs(self.plot.x_to_pixels(tick) - self.plot.x_to_pixels(x)) <= _HOVER_PIXELS
        self.step_clicked.emit(round(tick if near else x))

    def keyPressEvent(self, event: QKeyEvent) -> None:
        key = Qt.Key(event.key())
        if key in (Qt.Key.Key_Left, Qt.Key.Key_Right):
            far = bool(event.modifiers() & Qt.KeyboardModifier.ShiftModifier)
            self._move_crosshair(-1 if key == Qt.Key.Key_Left else 1, far=far)
        elif key in (Qt.Key.Key_Plus, Qt.Key.Key_Equal, Qt.Key.Key_Minus):
            middle = sum(self.plot.visible_range) / 2 if self._at is None else self._at
            self.plot.zoom(1 / _ZOOM if key == Qt.Key.Key_Minus else _ZOOM, around=middle)
        elif key in (Qt.Key.Key_0, Qt.Key.Key_Home):
            self.reset_view()
        elif key in (Qt.Key.Key_Return, Qt.Key.Key_Enter) and self._at is not None:
            self.step_clicked.emit(round(self._at))
        elif key == Qt.Key.Key_Escape and self._at is not None:
            self._hide_crosshair()
        else:
            super().keyPressEvent(event)

    def _move_crosshair(self, direction: int, *, far: bool) -> None:
        """To the next point this way, or by a tenth of what is in sight; the first time to the newest point there."""
        line = self._crosshair_curve()
        if line is None:
            return
        points, (left, right) = line.points, self.plot.visible_range
        number = points.nearest_index(right if self._at is None else self._at)
        if self._at is not None:
            aim = self._at + direction * (right - left) / 10
            next_one = min(max(number + direction, 0), len(points) - 1)
            number = points.nearest_index(aim) if far else next_one
        x = float(points.x[number])
        self.plot.scroll_to(x)
        self._point_at(x)

    # -- looks ---------------------------------------------------------------------------------

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setBrush(QColor(theme_colors().base))
        painter.setPen(QPen(QColor(theme_colors().accent if self.hasFocus() else theme_colors().border), 1))
        painter.drawRoundedRect(QRectF(self.rect()).adjusted(0.5, 0.5, -0.5, -0.5), 6, 6)
        painter.end()

    def _apply_theme(self) -> None:
        self.plot.apply_theme()
        c = theme_colors()
        self._box.setStyleSheet(f"background: {c.base}; border-radius: 4px;")


def _legend_symbol(line: Curve) -> str:
    return f'<span style="color:{line.color().name()}">{_LEGEND_SYMBOLS[line.look]}</span>'


def _non_breaking(text: str) -> str:
    return escape(text).replace(" ", "&nbsp;")


def _offset_note(step: float, x: float) -> str:
    """Where a point lies that is not exactly at the crosshair."""
    return "" if step == x else f" (step {step:.0f})"
