"""The plot of a chart: curves over steps or time, drawn by pyqtgraph with the options that make it fast.

It uses thin pens without anti-aliasing, arrays instead of lists, and peak downsampling that is set once the curve is in
the plot. Plot items are reused as long as the plot exists. The vertical range fits the visible points, unless the
user zooms to a rectangle (`app.charts.view`).
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pyqtgraph as pg
from PySide6.QtCore import QPointF, Qt
from PySide6.QtGui import QColor

from app.charts.axes import HorizontalAxis, ValueAxis
from app.charts.curves import Curve, CurveStyle, blend_with_background
from app.charts.view import PlotView
from app.widgets.theme import theme, theme_colors

_TICK_SHARE = 0.05  # height of a tick, relative to the plot
_MIN_VISIBLE = 4  # steps or seconds; the limit of zooming in
_DOT_SIZE = 7  # pixels of a point that has no neighbor to draw a line to


def _show_dot(item: pg.PlotDataItem, curve: Curve) -> None:
    """Draw a curve of a single finite point as a dot, since a line needs two."""
    symbol = "o" if np.isfinite(curve.points.x + curve.points.y).sum() == 1 else None
    if symbol != item.opts["symbol"]:
        item.setSymbolSize(_DOT_SIZE)
        item.setSymbolPen(None)
        item.setSymbol(symbol)
    if symbol is not None:
        item.setSymbolBrush(curve.color())


class Plot(pg.PlotWidget):
    """Plot widget; `draw` shows curves, ticks, marker and reference line.

    Args:
        log: whether the vertical axis is logarithmic.
        min_range: the smallest vertical range, in units of the values.
    """

    def __init__(self, *, log: bool, min_range: float) -> None:
        self.view = PlotView()
        super().__init__(viewBox=self.view, axisItems={"left": ValueAxis(), "bottom": HorizontalAxis()})
        self._items: dict[tuple[str, CurveStyle], pg.PlotDataItem] = {}
        self._curves: Sequence[Curve] = ()
        self._pen_cache: dict[tuple[str, CurveStyle], int] = {}
        item = self.getPlotItem()
        self.set_log(log)
        item.setMenuEnabled(False)
        item.ctrlMenu.setParent(self, item.ctrlMenu.windowFlags())  # without a parent the menu would outlive the plot
        item.hideButtons()
        item.showGrid(x=False, y=True, alpha=0.12)
        self.view.setLimits(minXRange=_MIN_VISIBLE, minYRange=min_range)
        self._ticks = pg.VTickGroup(yrange=[0, _TICK_SHARE])
        self._crosshair = pg.InfiniteLine(angle=90, movable=False)
        self._crosshair.hide()
        self._reference = pg.InfiniteLine(angle=0, movable=False)
        self._reference.hide()
        self._marker = pg.ScatterPlotItem(size=11, symbol="o")
        self.addItem(self._reference)
        for overlay in (self._ticks, self._crosshair, self._marker):
            item.addItem(overlay, ignoreBounds=True)
        for widget in (self, self.viewport()):
            widget.setFocusPolicy(Qt.FocusPolicy.NoFocus)  # the chart around it handles the keys
        self.setFrameShape(pg.PlotWidget.Shape.NoFrame)
        self._update_axes()

    def draw(
        self,
        curves: Sequence[Curve],
        *,
        ticks: Sequence[float] = (),
        marker: tuple[float, float] | None = None,
        reference: float | None = None,
    ) -> None:
        """Show exactly these curves, ticks at these x, a ring around `marker`, and a level line at `reference`."""
        self._curves = curves
        for key in self._items.keys() - {(curve.name, curve.style) for curve in curves}:
            self._items[key].setData([], [])
        for curve in curves:
            item = self._item(curve)
            item.setData(curve.points.x, curve.points.y)
            _show_dot(item, curve)
        self._ticks.setXVals(list(ticks))
        self._marker.setData(*([[marker[0]], [marker[1]]] if marker else [[], []]))
        if self.has_curves is not self._has_labels:
            self._update_axes()
        self._reference.setVisible(reference is not None)
        if reference is not None:
            self._reference.setValue(reference)
        self.scene().prepareForPaint()  # now, because a range that changes while painting would paint everything again

    @property
    def has_curves(self) -> bool:
        """Whether any curve has points."""
        return any(len(curve.points) for curve in self._curves)

    def _update_axes(self) -> None:
        """Hide the labels of axes without curves, and reset their ranges, which belong to former curves."""
        self._has_labels = self.has_curves
        for side in ("left", "bottom"):
            self.getPlotItem().getAxis(side).set_labels_visible(self._has_labels)
        if not self._has_labels:
            self.view.setRange(xRange=(0, 1), yRange=(0, 1), padding=0)
            self.getPlotItem().enableAutoRange()

    def set_log(self, log: bool) -> None:
        """Make the vertical axis logarithmic or linear; what the user zoomed to stays visible."""
        shows_all, span = self.view.autoRangeEnabled()[0], self.visible_range
        self.getPlotItem().setLogMode(y=log)  # this shows everything
        if not shows_all:
            self.view.setXRange(*span, padding=0)

    def set_time_axis(self, is_time: bool) -> None:
        """Make the horizontal axis one of time, in seconds, or of steps; the next `draw` needs curves over it."""
        axis = self.getPlotItem().getAxis("bottom")
        axis.is_time = is_time
        axis.picture = None

    @property
    def x_caption(self) -> str:
        """What the labels of the horizontal axis count."""
        caption: str = self.getPlotItem().getAxis("bottom").caption
        return caption

    def _item(self, curve: Curve) -> pg.PlotDataItem:
        key = curve.name, curve.style
        if key not in self._items:
            dashed = curve.style is CurveStyle.OTHER  # dashes are slow unless the curve is smooth
            factor = 1 if dashed else 2
            item = self.getPlotItem().plot(name=curve.name, connect="finite", autoDownsampleFactor=factor)
            item.setDownsampling(auto=True, method="mean" if dashed else "peak")
            item.setClipToView(True)
            item.setZValue(curve.style.value)
            self._items[key] = item
        if self._pen_cache.get(key) != curve.series:
            style = Qt.PenStyle.DashLine if curve.style is CurveStyle.OTHER else Qt.PenStyle.SolidLine
            self._items[key].setPen(pg.mkPen(curve.color(), width=self._pen_width(curve.style), style=style))
            self._pen_cache[key] = curve.series
        return self._items[key]

    def _pen_width(self, style: CurveStyle) -> int:
        """Return the pen width in device pixels."""
        return 1 if style is CurveStyle.FAINT else max(1, round(self.devicePixelRatioF()))

    def apply_theme(self) -> None:
        """Apply the colors of the theme; curves change with the next `draw`."""
        c = theme_colors()
        self._pen_cache.clear()
        self.setBackground(c.base)
        self.view.apply_theme()
        for side in ("left", "bottom"):
            axis = self.getPlotItem().getAxis(side)
            axis.setPen(c.border)
            axis.setTextPen(c.muted)
            axis.setTickFont(theme().font())
        self._ticks.setPen(pg.mkPen(blend_with_background(QColor(c.text)), width=1))
        self._crosshair.setPen(pg.mkPen(c.muted, width=1, style=Qt.PenStyle.DotLine))
        self._reference.setPen(pg.mkPen(c.muted, width=1, style=Qt.PenStyle.DotLine))
        self._marker.setPen(pg.mkPen(c.success, width=2))
        self._marker.setBrush(None)

    # -- positions -----------------------------------------------------------------------------

    def show_crosshair(self, x: float | None) -> None:
        """Show the crosshair at this x; None hides it."""
        self._crosshair.setVisible(x is not None)
        if x is not None:
            self._crosshair.setValue(x)

    def x_at(self, position: QPointF) -> float | None:
        """Return the x at a point of the scene, in steps or seconds, or None outside the axes."""
        if not self.view.sceneBoundingRect().contains(position):
            return None
        return float(self.view.mapSceneToView(position).x())

    def x_to_pixels(self, x: float) -> float:
        """Return the position of x in scene pixels from the left."""
        return float(self.view.mapViewToScene(QPointF(x, 0)).x())

    @property
    def visible_range(self) -> tuple[float, float]:
        """The first and the last visible x."""
        left, right = self.view.viewRange()[0]
        return float(left), float(right)

    def show_all(self) -> None:
        """Show everything, and follow new points."""
        ends = [curve.points.x[[0, -1]] for curve in self._curves if len(curve.points)]
        if ends:  # set the range first, because clipped curves report only their visible part
            self.view.setXRange(min(first for first, _ in ends), max(last for _, last in ends))
        self.getPlotItem().enableAutoRange()

    def zoom(self, factor: float, around: float) -> None:
        """Zoom in (factor above 1) or out around x, which keeps its position."""
        self.view.scaleBy(x=1 / factor, center=QPointF(around, 0))

    def scroll_to(self, x: float) -> None:
        """Scroll to an x that is not visible and center it."""
        left, right = self.visible_range
        if not left <= x <= right:
            half = (right - left) / 2
            self.view.setXRange(x - half, x + half, padding=0)
