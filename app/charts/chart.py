"""One chart: title, legend, plot, and a crosshair that reads out the nearest point, by mouse or keyboard.

Keys: Left and Right move from point to point (with Shift by a tenth of the visible range), + and - zoom, 0 or Home
shows everything, Return shows the preview of the step at the crosshair, Escape hides the crosshair.
"""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from typing import Callable

import numpy as np
from PySide6.QtCore import QEvent, QObject, QPointF, QRectF, Qt, Signal
from PySide6.QtGui import QColor, QKeyEvent, QMouseEvent, QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QHBoxLayout, QLabel, QVBoxLayout, QWidget

from app.charts.curves import Curve, CurveStyle
from app.charts.plot import Plot
from app.widgets.plain_text import PlainLabel
from app.widgets.term_label import TermLabel
from app.widgets.theme import SPACING, scale_width, theme, theme_colors
from trainer_core.sinks.event_text import format_duration

_CLICK_PIXELS = 6  # pixels; a click this close to a tick selects the step of the tick
_ZOOM = 1.5
_MIN_HEIGHT = 120  # pixels, of the smallest letters
_EDGE_PIXELS = 2  # pixels that the frame takes
_LEGEND_SYMBOLS = {CurveStyle.PLAIN: "●", CurveStyle.OTHER: "╌"}
_BEST_SYMBOL = '<span style="color:{}">○</span>'
_HINT = (
    "Drag a rectangle or scroll to zoom, drag with Shift to move, double-click to show everything. "
    "Click to show the preview of that step."
)


class Chart(QWidget):
    """Chart with crosshair; `show_curves` sets its curves.

    Args:
        title: the heading, without the unit.
        unit: the unit of the values, "" for none.
        empty: the text shown while there are no curves.
        number_format: the format of values in the legend and the read-out.
        log: whether the vertical axis is logarithmic.
        min_range: the smallest vertical range, in units of the values.
    """

    step_clicked = Signal(int)

    def __init__(
        self,
        title: str,
        unit: str = "",
        *,
        empty: str,
        number_format: str = ".4g",
        log: bool = False,
        min_range: float = 0.0,
    ) -> None:
        super().__init__()
        self._unit, self._number_format = unit, number_format
        self._curves: Sequence[Curve] = ()
        self._run = ""
        self._ticks: Sequence[float] = ()
        self._marker: tuple[float, float] | None = None
        self._find_step: Callable[[float], float] | None = None  # of a time, None while the axis has steps
        self._crosshair_x: float | None = None  # None while the crosshair is hidden
        self.plot = Plot(log=log, min_range=min_range)
        self.plot.scene().sigMouseMoved.connect(self._on_mouse_moved)
        self.plot.scene().sigMouseClicked.connect(self._on_click)
        self.plot.viewport().installEventFilter(self)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setAccessibleName(f"Chart: {title}")
        self._lay_out(f"{title} ({unit})" if unit else title, empty)
        self.plot.view.sigResized.connect(self._place_empty_text)
        self.plot.view.sigXRangeChanged.connect(self._show_caption)
        theme().changed.connect(self._apply_theme)
        self._apply_theme()

    def _lay_out(self, title: str, empty: str) -> None:
        heading = TermLabel(title, _HINT)
        heading.setProperty("role", "heading")
        self._legend = QLabel()
        self._legend.setObjectName("legend")
        self._legend.setTextFormat(Qt.TextFormat.RichText)
        self._legend.setWordWrap(True)
        self._legend.setAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignTop)
        self._read_out_label = QLabel(self)  # covers title and legend, because it repeats them
        self._read_out_label.setObjectName("read_out")
        self._read_out_label.setTextFormat(Qt.TextFormat.RichText)
        self._read_out_label.setWordWrap(True)
        self._read_out_label.setAttribute(Qt.WidgetAttribute.WA_TransparentForMouseEvents)
        self._read_out_label.setContentsMargins(SPACING, SPACING // 2, SPACING, 0)
        self._read_out_label.setAlignment(Qt.AlignmentFlag.AlignTop)
        self._read_out_label.hide()
        self._empty_label = PlainLabel(empty, self.plot)
        self._empty_label.setObjectName("empty")
        self._empty_label.setProperty("role", "muted")
        self._empty_label.setWordWrap(True)
        self._empty_label.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self._empty_label.setAttribute(Qt.WidgetAttribute.WA_TransparentForMouseEvents)
        self._corner = PlainLabel(self.plot.x_caption, self.plot)
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
        self.setMinimumHeight(scale_width(_MIN_HEIGHT))

    # -- content -------------------------------------------------------------------------------

    def show_curves(
        self,
        curves: Sequence[Curve],
        *,
        ticks: Sequence[float] = (),
        marker: tuple[float, float] | None = None,
        reference: float | None = None,
        run: str = "",
    ) -> None:
        """Draw the curves of the chart; they replace those drawn before.

        Args:
            curves: what to draw; the legend names them.
            ticks: x that get a tick, such as the steps of checkpoints.
            marker: x and value of a point that gets a ring, such as the best PSNR.
            reference: the value of a horizontal line, the PSNR of plain enlargement.
            run: the name of the run, for the legend while it is compared with others.
        """
        self._curves, self._ticks, self._marker, self._run = curves, ticks, marker, run
        self.plot.draw(curves, ticks=ticks, marker=marker, reference=reference)
        self._empty_label.setVisible(not self.plot.has_curves)
        self._corner.setVisible(self.plot.has_curves)
        legend = self._legend_text(reference)
        if legend != self._legend.text():
            self._legend.setText(legend)
        if self._crosshair_x is not None:
            self._update_read_out(self._crosshair_x)

    @property
    def legend(self) -> str:
        """The names in the legend, without their symbols."""
        return ", ".join(map(self._label, self._legend_curves()))

    @property
    def read_out(self) -> str:
        """The values at the crosshair as text, "" while it is hidden."""
        return "" if self._crosshair_x is None else self.accessibleDescription()

    def set_log(self, log: bool) -> None:
        """Make the vertical axis logarithmic or linear."""
        self.plot.set_log(log)

    def set_time_axis(self, find_step: Callable[[float], float] | None) -> None:
        """Make the horizontal axis one of time; the next curves have seconds as x.

        Args:
            find_step: returns the step at a time in seconds; None makes the axis one of steps again.
        """
        self._find_step = find_step
        self._hide_crosshair()
        self.plot.set_time_axis(find_step is not None)
        self._show_caption()

    def _show_caption(self) -> None:
        if self._corner.text() != self.plot.x_caption:
            self._corner.setText(self.plot.x_caption)
            self._corner.adjustSize()

    def reset_view(self) -> None:
        """Show everything again, after zooming or moving."""
        self.plot.show_all()

    def _legend_curves(self) -> list[Curve]:
        plain = [curve for curve in self._curves if curve.style is CurveStyle.PLAIN]
        other = [curve for curve in self._curves if curve.style is CurveStyle.OTHER]
        return (plain if len(plain) > 1 or other else []) + other

    def _label(self, curve: Curve) -> str:
        """Return the name of a curve; beside other runs, the first one of this run has the name of the run."""
        own = [other for other in self._curves if other.style is CurveStyle.PLAIN]
        if not self._run or curve.style is not CurveStyle.PLAIN or curve is not own[0]:
            return curve.name
        return self._run if len(own) == 1 else f"{self._run}: {curve.name}"

    def _legend_text(self, reference: float | None) -> str:
        parts = [f"{_legend_symbol(curve)}&nbsp;{_non_breaking(self._label(curve))}" for curve in self._legend_curves()]
        if reference is not None:
            parts.append(
                f'<span style="color:{theme_colors().muted}">┈&nbsp;'
                f"{escape(f'plain enlargement {self._format_value(reference)}')}</span>"
            )
        return "&nbsp; ".join(parts)

    # -- the crosshair -------------------------------------------------------------------------

    def _on_mouse_moved(self, position: QPointF) -> None:
        x = self.plot.x_at(position)
        curve = self._crosshair_curve()
        if x is None or curve is None:
            self._hide_crosshair()
        else:
            self._show_crosshair(float(curve.points.x[curve.points.nearest_index(x)]))

    def _crosshair_curve(self) -> Curve | None:
        """Return the curve whose points the crosshair stops at, or None if it is empty."""
        return next((curve for curve in self._curves if curve.style is CurveStyle.PLAIN and len(curve.points)), None)

    def _show_crosshair(self, x: float) -> None:
        self._crosshair_x = x
        nearest = [
            (curve, curve.points.nearest_point(x)) for curve in self._curves if curve.style is not CurveStyle.FAINT
        ]
        values = [(curve, *point) for curve, point in nearest if point is not None and np.isfinite(point[1])]
        head = self._describe_x(x) if self._find_step is None else f"{self._describe_x(x)} (step {self._step_at(x)})"
        texts = [
            f"{self._label(curve)} {self._describe(curve, at, y)}{self._offset_note(at, x)}" for curve, at, y in values
        ]
        self.setAccessibleDescription(", ".join([head, *texts]))
        symbols = [
            _BEST_SYMBOL.format(theme_colors().success) if self._is_best(curve, at) else _legend_symbol(curve)
            for curve, at, _ in values
        ]
        parts = [f"{symbol}&nbsp;{_non_breaking(text)}" for symbol, text in zip(symbols, texts)]
        self._read_out_label.setText("&nbsp; ".join([f"<b>{_non_breaking(head)}</b>", *parts]))
        self._place_read_out()
        self._read_out_label.show()
        self._read_out_label.raise_()
        self.plot.show_crosshair(x)

    def _describe_x(self, x: float) -> str:
        return f"step {x:.0f}" if self._find_step is None else format_duration(x)

    def _offset_note(self, at: float, x: float) -> str:
        """Return the step or the time of a point that is not at the crosshair, else ""."""
        distance = 0 if self._find_step is None else _CLICK_PIXELS  # steps of two runs are equal, times are not
        is_near = abs(self.plot.x_to_pixels(at) - self.plot.x_to_pixels(x)) <= distance
        return "" if is_near else f" ({self._describe_x(at)})"

    def _step_at(self, x: float) -> int:
        return round(x if self._find_step is None else self._find_step(x))

    def _is_best(self, curve: Curve, x: float) -> bool:
        """Whether this point of the curve has the ring."""
        return curve.style is CurveStyle.PLAIN and self._marker is not None and self._marker[0] == x

    def _describe(self, curve: Curve, x: float, y: float) -> str:
        """Return the value of a point; for a smoothed curve also the value of the step itself."""
        raw = {c.name: c for c in self._curves if c.style is CurveStyle.FAINT}
        if curve.style is CurveStyle.OTHER and raw:
            return f"{self._format_value(y)} (smoothed)"
        point = raw[curve.name].points.nearest_point(x) if curve.name in raw else None
        if point is not None and np.isfinite(point[1]):
            return f"{self._format_value(point[1])} (smoothed {self._format_value(y)})"
        value = self._format_value(y)
        return f"{value} (best)" if self._is_best(curve, x) else value

    def _update_read_out(self, x: float) -> None:
        """Update the read-out after the curves changed."""
        if self._crosshair_curve() is None:
            self._hide_crosshair()
        else:
            self._show_crosshair(x)

    def _place_read_out(self) -> None:
        width = self.width() - 2 * _EDGE_PIXELS
        height = max(self._read_out_label.heightForWidth(width), self.plot.y() - _EDGE_PIXELS)
        self._read_out_label.setGeometry(_EDGE_PIXELS, _EDGE_PIXELS, width, height)

    def _place_empty_text(self) -> None:
        """Center the text of the empty chart between the axes."""
        area = self.plot.mapFromScene(self.plot.view.sceneBoundingRect()).boundingRect()
        self._empty_label.setGeometry(area.adjusted(SPACING, 0, -SPACING, 0))

    def _hide_crosshair(self) -> None:
        self._crosshair_x = None
        self._read_out_label.hide()
        self.plot.show_crosshair(None)
        self.setAccessibleDescription("")

    def _format_value(self, value: float) -> str:
        return f"{value:{self._number_format}}{' ' if self._unit else ''}{self._unit}"

    # -- mouse and keys ------------------------------------------------------------------------

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Handle events of the plot: hide the crosshair, reset the view, place the caption of the axis."""
        if event.type() == QEvent.Type.Leave:
            self._hide_crosshair()
        elif event.type() == QEvent.Type.MouseButtonDblClick:
            self.reset_view()
        elif event.type() == QEvent.Type.Resize:
            self._corner.adjustSize()
            self._corner.move(SPACING, self.plot.height() - self._corner.height() - 1)
        return super().eventFilter(watched, event)

    def _on_click(self, event: QMouseEvent) -> None:
        x = self.plot.x_at(event.scenePos())  # type: ignore[attr-defined]  # pyqtgraph's own event
        if x is None or event.button() != Qt.MouseButton.LeftButton:
            return
        tick = min(self._ticks, key=lambda tick: abs(tick - x), default=x)
        is_near = abs(self.plot.x_to_pixels(tick) - self.plot.x_to_pixels(x)) <= _CLICK_PIXELS
        self.step_clicked.emit(self._step_at(tick if is_near else x))

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Move the crosshair, zoom, or choose the step at the crosshair."""
        key = Qt.Key(event.key())
        if key in (Qt.Key.Key_Left, Qt.Key.Key_Right):
            far = bool(event.modifiers() & Qt.KeyboardModifier.ShiftModifier)
            self._move_crosshair(-1 if key == Qt.Key.Key_Left else 1, far=far)
        elif key in (Qt.Key.Key_Plus, Qt.Key.Key_Equal, Qt.Key.Key_Minus):
            middle = sum(self.plot.visible_range) / 2 if self._crosshair_x is None else self._crosshair_x
            self.plot.zoom(1 / _ZOOM if key == Qt.Key.Key_Minus else _ZOOM, around=middle)
        elif key in (Qt.Key.Key_0, Qt.Key.Key_Home):
            self.reset_view()
        elif key in (Qt.Key.Key_Return, Qt.Key.Key_Enter) and self._crosshair_x is not None:
            self.step_clicked.emit(self._step_at(self._crosshair_x))
        elif key == Qt.Key.Key_Escape and self._crosshair_x is not None:
            self._hide_crosshair()
        else:
            super().keyPressEvent(event)

    def _move_crosshair(self, direction: int, *, far: bool) -> None:
        """Move the crosshair from point to point; a hidden one appears at the newest visible point.

        Args:
            direction: -1 for left, 1 for right.
            far: move by a tenth of the visible range instead of to the next point.
        """
        curve = self._crosshair_curve()
        if curve is None:
            return
        points, (left, right) = curve.points, self.plot.visible_range
        number = points.nearest_index(right if self._crosshair_x is None else self._crosshair_x)
        if self._crosshair_x is not None:
            target = self._crosshair_x + direction * (right - left) / 10
            neighbor = min(max(number + direction, 0), len(points) - 1)
            number = points.nearest_index(target) if far else neighbor
        x = float(points.x[number])
        self.plot.scroll_to(x)
        self._show_crosshair(x)

    # -- appearance ----------------------------------------------------------------------------

    def paintEvent(self, event: QPaintEvent) -> None:
        """Draw the rounded frame, in the accent color while the chart has the focus."""
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setBrush(QColor(theme_colors().base))
        painter.setPen(QPen(QColor(theme_colors().accent if self.hasFocus() else theme_colors().border), 1))
        painter.drawRoundedRect(QRectF(self.rect()).adjusted(0.5, 0.5, -0.5, -0.5), 6, 6)
        painter.end()

    def _apply_theme(self) -> None:
        self.plot.apply_theme()
        c = theme_colors()
        self._read_out_label.setStyleSheet(f"background: {c.base}; border-radius: 4px;")


def _legend_symbol(curve: Curve) -> str:
    return f'<span style="color:{curve.color().name()}">{_LEGEND_SYMBOLS[curve.style]}</span>'


def _non_breaking(text: str) -> str:
    return escape(text).replace(" ", "&nbsp;")
