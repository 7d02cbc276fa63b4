"""The drawing part of a chart: curves over steps, drawn by pyqtgraph under the conditions that make it quick.

Thin pens without anti-aliasing, arrays instead of lists, peak down-sampling set after the curve is in the plot. Curves
live as long as the plot and are filled again and again. The vertical range fits what is in sight; the wheel and the
mouse move and zoom over the steps.
"""

from __future__ import annotations

from collections.abc import Sequence
from enum import Enum
from typing import NamedTuple

import pyqtgraph as pg
from PySide6.QtCore import QPointF, Qt
from PySide6.QtGui import QColor

from app.charts.axes import StepAxis, ValueAxis
from app.charts.points import Points
from app.theme import theme, theme_colors

_TICK_SHARE = 0.05  # of the plot's height
_FAINT_OPACITY = 0.35  # of the color in a faint curve
_MIN_POINTS = 4  # steps that fill the width when nothing more can be seen by zooming


class CurveStyle(Enum):
    """How a curve is drawn; the value is its place in the pile."""

    FAINT = 0  # as it came, behind its smoothed self
    OTHER = 1  # of another run
    PLAIN = 2


class Curve(NamedTuple):
    """A curve to draw: its name, its points, the number of its color."""

    name: str
    points: Points
    series: int = 0
    look: CurveStyle = CurveStyle.PLAIN

    def color(self) -> QColor:
        """In the present theme."""
        if self.look is CurveStyle.OTHER:
            return QColor(theme_colors().muted)
        color = QColor(theme_colors().series[self.series % len(theme_colors().series)])
        return _blend_with_background(color) if self.look is CurveStyle.FAINT else color


def _blend_with_background(color: QColor) -> QColor:
    """Mixed with the background; a transparent color would add up where a curve crosses itself."""
    ground = QColor(theme_colors().base)

    def mixed(mine: int, behind: int) -> int:
        return round(_FAINT_OPACITY * mine + (1 - _FAINT_OPACITY) * behind)

    return QColor(
        mixed(color.red(), ground.red()), mixed(color.green(), ground.green()), mixed(color.blue(), ground.blue())
    )


class Plot(pg.PlotWidget):
    """Call `draw` with everything that is to be seen. `least` is the smallest vertical range."""

    def __init__(self, *, log: bool, min_range: float) -> None:
        self.view = pg.ViewBox(enableMenu=False)
        super().__init__(viewBox=self.view, axisItems={"left": ValueAxis(), "bottom": StepAxis()})
        self._curves: dict[tuple[str, CurveStyle], pg.PlotDataItem] = {}
        self._lines: Sequence[Curve] = ()
        self._pen_cache: dict[tuple[str, CurveStyle], int] = {}
        item = self.getPlotItem()
        self.set_log(log)
        item.setMenuEnabled(False)
        item.ctrlMenu.setParent(self, item.ctrlMenu.windowFlags())  # it would outlive the plot by itself
        item.hideButtons()
        item.showGrid(x=False, y=True, alpha=0.12)
        self.view.setMouseEnabled(x=True, y=False)
        self.view.setAutoVisible(y=True)
        self.view.setLimits(minXRange=_MIN_POINTS, minYRange=min_range)
        self._ticks = pg.VTickGroup(yrange=[0, _TICK_SHARE])
        self._cross = pg.InfiniteLine(angle=90, movable=False)
        self._cross.hide()
        self._reference = pg.InfiniteLine(angle=0, movable=False)
        self._reference.hide()
        self._mark = pg.ScatterPlotItem(size=11, symbol="o")
        self.addItem(self._reference)
        for extra in (self._ticks, self._cross, self._mark):
            item.addItem(extra, ignoreBounds=True)
        for part in (self, self.viewport()):
            part.setFocusPolicy(Qt.FocusPolicy.NoFocus)  # the chart around it has the keys
        self.setFrameShape(pg.PlotWidget.Shape.NoFrame)
        self._update_axes()

    def draw(
        self,
        lines: Sequence[Curve],
        *,
        ticks: Sequence[float] = (),
        mark: tuple[float, float] | None = None,
        reference: float | None = None,
    ) -> None:
        """Show these curves and no others, ticks at these steps, a ring around a point, a level line."""
        self._lines = lines
        for key in self._curves.keys() - {(line.name, line.look) for line in lines}:
            self._curves[key].setData([], [])
        for line in lines:
            self._curve(line).setData(line.points.x, line.points.y)
        self._ticks.setXVals(list(ticks))
        self._mark.setData(*([[mark[0]], [mark[1]]] if mark else [[], []]))
        if self.has_curves is not self._numbered:
            self._update_axes()
        self._reference.setVisible(reference is not None)
        if reference is not None:
            self._reference.setValue(reference)
        self.scene().prepareForPaint()  # within a painting, the ranges it moves would have all painted again

    @property
    def has_curves(self) -> bool:
        """Whether there is anything to see."""
        return any(len(line.points) for line in self._lines)

    def _update_axes(self) -> None:
        """Axes without curves have no numbers, and their ranges are not those of the curves that were."""
        self._numbered = self.has_curves
        for side in ("left", "bottom"):
            self.getPlotItem().getAxis(side).set_labels_visible(self._numbered)
        if not self._numbered:
            self.view.setRange(xRange=(0, 1), yRange=(0, 1), padding=0)
            self.getPlotItem().enableAutoRange()

    def set_log(self, log: bool) -> None:
        """Whether the vertical axis is logarithmic. Which steps are in sight stays, as far as the user chose them."""
        all_steps, span = self.view.autoRangeEnabled()[0], self.visible_range
        self.getPlotItem().setLogMode(y=log)  # which shows everything
        if not all_steps:
            self.view.setXRange(*span, padding=0)

    def _curve(self, line: Curve) -> pg.PlotDataItem:
        key = line.name, line.look
        if key not in self._curves:
            dashed = line.look is CurveStyle.OTHER  # which is slow where a curve is not smooth
            factor = 1 if dashed else 2
            curve = self.getPlotItem().plot(name=line.name, connect="finite", autoDownsampleFactor=factor)
            curve.setDownsampling(auto=True, method="mean" if dashed else "peak")
            curve.setClipToView(True)
            curve.setZValue(line.look.value)
            self._curves[key] = curve
        if self._pen_cache.get(key) != line.series:
            style = Qt.PenStyle.DashLine if line.look is CurveStyle.OTHER else Qt.PenStyle.SolidLine
            self._curves[key].setPen(pg.mkPen(line.color(), width=self._pen_width(line.look), style=style))
            self._pen_cache[key] = line.series
        return self._curves[key]

    def _pen_width(self, look: CurveStyle) -> int:
        """In pixels of the screen, of which a fine one has two where another has one."""
        return 1 if look is CurveStyle.FAINT else max(1, round(self.devicePixelRatioF()))

    def apply_theme(self) -> None:
        """Take the theme's colors; the curves do when they are drawn next."""
        c = theme_colors()
        self._pen_cache.clear()
        self.setBackground(c.base)
        for side in ("left", "bottom"):
            axis = self.getPlotItem().getAxis(side)
            axis.setPen(c.border)
            axis.setTextPen(c.muted)
            axis.setTickFont(theme().font())
        self._ticks.setPen(pg.mkPen(_blend_with_background(QColor(c.text)), width=1))
        self._cross.setPen(pg.mkPen(c.muted, width=1, style=Qt.PenStyle.DotLine))
        self._reference.setPen(pg.mkPen(c.muted, width=1, style=Qt.PenStyle.DotLine))
        self._mark.setPen(pg.mkPen(c.success, width=2))
        self._mark.setBrush(None)

    # -- places --------------------------------------------------------------------------------

    def show_crosshair(self, x: float | None) -> None:
        """Show the crosshair at this step, or not at all."""
        self._cross.setVisible(x is not None)
        if x is not None:
            self._cross.setValue(x)

    def step_at(self, position: QPointF) -> float | None:
        """The step under a point of the scene, None beside the curves."""
        if not self.view.sceneBoundingRect().contains(position):
            return None
        return float(self.view.mapSceneToView(position).x())

    def x_to_pixels(self, x: float) -> float:
        """Where a step is, counted from the left."""
        return float(self.view.mapViewToScene(QPointF(x, 0)).x())

    @property
    def visible_range(self) -> tuple[float, float]:
        """The first and the last step in sight."""
        left, right = self.view.viewRange()[0]
        return float(left), float(right)

    def show_all(self) -> None:
        """Everything there is, also what is to come."""
        reach = [line.points.x[[0, -1]] for line in self._lines if len(line.points)]
        if reach:  # curves that are clipped to the view would only be asked for what is in sight now
            self.view.setXRange(min(first for first, _ in reach), max(last for _, last in reach))
        self.getPlotItem().enableAutoRange()

    def zoom(self, factor: float, around: float) -> None:
        """More (above 1) or less, keeping one step where it is."""
        self.view.scaleBy(x=1 / factor, center=QPointF(around, 0))

    def scroll_to(self, x: float) -> None:
        """Move sideways if the step is not to be seen."""
        left, right = self.visible_range
        if not left <= x <= right:
            half = (right - left) / 2
            self.view.setXRange(x - half, x + half, padding=0)
