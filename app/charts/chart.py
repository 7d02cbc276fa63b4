"""One chart: its title and legend, the plot, and a crosshair that reads out the nearest point, by mouse or keyboard.

Keys: Left and Right go from point to point (with Shift by a tenth of what is in sight), + and - zoom, 0 or Home shows
everything, Return shows the preview of that step, Escape hides the crosshair.
"""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from typing import Optional

import numpy as np
from PySide6.QtCore import QEvent, QObject, QPointF, QRectF, Qt, Signal
from PySide6.QtGui import QColor, QKeyEvent, QMouseEvent, QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QHBoxLayout, QLabel, QVBoxLayout, QWidget

from app.charts.plot import Line, Look, Plot
from app.theme import SPACE, colours, theme

_NEAR = 6  # pixels within which a click means the tick
_ZOOM = 1.5
_EDGE = 2  # pixels for the frame
_SIGNS = {Look.PLAIN: "●", Look.OTHER: "╌"}
_HINT = "Drag to move, wheel to zoom, double click to see everything; click to see the preview of that step"


class Chart(QWidget):
    """Give it its lines with `show_lines`; says with `chosen` which step was clicked. `empty` stands where none are,
    `least` is the smallest range of values that fills its height.
    """

    chosen = Signal(int)

    def __init__(
        self, title: str, unit: str = "", *, empty: str, form: str = ".4g", log: bool = False, least: float = 0.0
    ) -> None:
        super().__init__()
        self._unit, self._form = unit, form
        self._lines: Sequence[Line] = ()
        self._ticks: Sequence[float] = ()
        self._at: Optional[float] = None  # the step of the crosshair
        self.plot = Plot(log=log, least=least)
        self.plot.scene().sigMouseMoved.connect(self._follow_mouse)
        self.plot.scene().sigMouseClicked.connect(self._click)
        self.plot.viewport().installEventFilter(self)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setAccessibleName(f"Chart: {title}")
        self._lay_out(f"{title} ({unit})" if unit else title, empty)
        self.plot.view.sigResized.connect(self._fit_empty)
        theme().changed.connect(self._dress)
        self._dress()

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
        self._box.setContentsMargins(SPACE, SPACE // 2, SPACE, 0)
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
        head.setContentsMargins(SPACE, SPACE // 2, SPACE, 0)
        head.setSpacing(SPACE)
        head.addWidget(heading, 0, Qt.AlignmentFlag.AlignTop)
        head.addWidget(self._legend, 1)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(_EDGE, _EDGE, _EDGE, _EDGE)
        layout.setSpacing(0)
        layout.addLayout(head)
        layout.addWidget(self.plot, 1)
        self.setMinimumHeight(120)

    # -- content -------------------------------------------------------------------------------

    def show_lines(
        self,
        lines: Sequence[Line],
        *,
        ticks: Sequence[float] = (),
        mark: Optional[tuple[float, float]] = None,
        reference: Optional[float] = None,
    ) -> None:
        """Draw these curves, ticks at these steps, a ring around a point, a level line (bicubic)."""
        self._lines, self._ticks = lines, ticks
        self.plot.draw(lines, ticks=ticks, mark=mark, reference=reference)
        self._empty.setVisible(not self.plot.filled)
        self._corner.setVisible(self.plot.filled)
        legend = self._legend_text(reference)
        if legend != self._legend.text():
            self._legend.setText(legend)
        if self._at is not None:
            self._read_again(self._at)

    @property
    def legend(self) -> str:
        """The names in the legend, without the signs before them."""
        return ", ".join(line.name for line in self._named())

    @property
    def read_out(self) -> str:
        """What the crosshair says, "" while it is hidden."""
        return "" if self._at is None else self.accessibleDescription()

    def set_log(self, log: bool) -> None:
        """Whether the vertical axis is logarithmic."""
        self.plot.set_log(log)

    def show_all(self) -> None:
        """Undo zoom and moves."""
        self.plot.show_all()

    def _named(self) -> list[Line]:
        plain = [line for line in self._lines if line.look is Look.PLAIN]
        other = [line for line in self._lines if line.look is Look.OTHER]
        return (plain if len(plain) > 1 or other else []) + other

    def _legend_text(self, reference: Optional[float]) -> str:
        parts = [f"{_sign(line)}&nbsp;{_unbroken(line.name)}" for line in self._named()]
        if reference is not None:
            parts.append(f'<span style="color:{colours().muted}">┈&nbsp;bicubic&nbsp;{self._value(reference)}</span>')
        return "&nbsp; ".join(parts)

    # -- the crosshair -------------------------------------------------------------------------

    def _follow_mouse(self, where: QPointF) -> None:
        x = self.plot.step_at(where)
        line = self._first()
        if x is None or line is None:
            self._leave()
        else:
            self._point_at(float(line.points.x[line.points.nearest(x)]))

    def _first(self) -> Optional[Line]:
        """The curve whose points the crosshair stops at."""
        return next((line for line in self._lines if line.look is Look.PLAIN and len(line.points)), None)

    def _point_at(self, x: float) -> None:
        self._at = x
        found = [(line, line.points.at(x)) for line in self._lines if line.look is not Look.FAINT]
        values = [(line, *point) for line, point in found if point is not None and np.isfinite(point[1])]
        head = f"step {x:.0f}"
        words = [f"{line.name} {self._value(y)}{_elsewhere(step, x)}" for line, step, y in values]
        self.setAccessibleDescription(", ".join([head, *words]))
        parts = [f"{_sign(line)}&nbsp;{_unbroken(word)}" for (line, _, _), word in zip(values, words)]
        self._box.setText("&nbsp; ".join([f"<b>{_unbroken(head)}</b>", *parts]))
        self._fit_box()
        self._box.show()
        self._box.raise_()
        self.plot.cross_at(x)

    def _read_again(self, x: float) -> None:
        """The lines are others now: a longer average, another run."""
        if self._first() is None:
            self._leave()
        else:
            self._point_at(x)

    def _fit_box(self) -> None:
        width = self.width() - 2 * _EDGE
        height = max(self._box.heightForWidth(width), self.plot.y() - _EDGE)
        self._box.setGeometry(_EDGE, _EDGE, width, height)

    def _fit_empty(self) -> None:
        """Between the axes."""
        room = self.plot.mapFromScene(self.plot.view.sceneBoundingRect()).boundingRect()
        self._empty.setGeometry(room.adjusted(SPACE, 0, -SPACE, 0))

    def _leave(self) -> None:
        self._at = None
        self._box.hide()
        self.plot.cross_at(None)
        self.setAccessibleDescription("")

    def _value(self, value: float) -> str:
        return f"{value:{self._form}}{' ' if self._unit else ''}{self._unit}"

    # -- mouse and keys ------------------------------------------------------------------------

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if event.type() == QEvent.Type.Leave:
            self._leave()
        elif event.type() == QEvent.Type.MouseButtonDblClick:
            self.show_all()
        elif event.type() == QEvent.Type.Resize:
            self._corner.adjustSize()
            self._corner.move(SPACE, self.plot.height() - self._corner.height() - 1)
        return super().eventFilter(watched, event)

    def _click(self, event: QMouseEvent) -> None:
        x = self.plot.step_at(event.scenePos())  # type: ignore[attr-defined]  # pyqtgraph's own event
        if x is None or event.button() != Qt.MouseButton.LeftButton:
            return
        tick = min(self._ticks, key=lambda tick: abs(tick - x), default=x)
        near = abs(self.plot.pixels(tick) - self.plot.pixels(x)) <= _NEAR
        self.chosen.emit(round(tick if near else x))

    def keyPressEvent(self, event: QKeyEvent) -> None:
        key = Qt.Key(event.key())
        if key in (Qt.Key.Key_Left, Qt.Key.Key_Right):
            far = bool(event.modifiers() & Qt.KeyboardModifier.ShiftModifier)
            self._move(-1 if key == Qt.Key.Key_Left else 1, far=far)
        elif key in (Qt.Key.Key_Plus, Qt.Key.Key_Equal, Qt.Key.Key_Minus):
            middle = sum(self.plot.span) / 2 if self._at is None else self._at
            self.plot.zoom(1 / _ZOOM if key == Qt.Key.Key_Minus else _ZOOM, around=middle)
        elif key in (Qt.Key.Key_0, Qt.Key.Key_Home):
            self.show_all()
        elif key in (Qt.Key.Key_Return, Qt.Key.Key_Enter) and self._at is not None:
            self.chosen.emit(round(self._at))
        elif key == Qt.Key.Key_Escape and self._at is not None:
            self._leave()
        else:
            super().keyPressEvent(event)

    def _move(self, way: int, *, far: bool) -> None:
        """To the next point this way, or by a tenth of what is in sight; the first time to the newest point there."""
        line = self._first()
        if line is None:
            return
        points, (left, right) = line.points, self.plot.span
        number = points.nearest(right if self._at is None else self._at)
        if self._at is not None:
            aim = self._at + way * (right - left) / 10
            next_one = min(max(number + way, 0), len(points) - 1)
            number = points.nearest(aim) if far else next_one
        x = float(points.x[number])
        self.plot.bring_into_sight(x)
        self._point_at(x)

    # -- looks ---------------------------------------------------------------------------------

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setBrush(QColor(colours().base))
        painter.setPen(QPen(QColor(colours().accent if self.hasFocus() else colours().border), 1))
        painter.drawRoundedRect(QRectF(self.rect()).adjusted(0.5, 0.5, -0.5, -0.5), 6, 6)
        painter.end()

    def _dress(self) -> None:
        self.plot.dress()
        c = colours()
        self._box.setStyleSheet(f"background: {c.base}; border-radius: 4px;")


def _sign(line: Line) -> str:
    return f'<span style="color:{line.colour().name()}">{_SIGNS[line.look]}</span>'


def _unbroken(text: str) -> str:
    return escape(text).replace(" ", "&nbsp;")


def _elsewhere(step: float, x: float) -> str:
    """Where a point lies that is not exactly at the crosshair."""
    return "" if step == x else f" (step {step:.0f})"
