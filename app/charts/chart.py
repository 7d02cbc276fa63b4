"""One chart over the steps of a run: curves, a reference line, a marked point, checkpoint ticks, a read-out.

pyqtgraph draws 100,000 points in milliseconds under conditions that are kept here: pens exactly one pixel wide,
arrays instead of lists, peak down-sampling set after the curve is in the plot. Curves live as long as the chart.
"""

from __future__ import annotations

from typing import Optional

import numpy as np
import pyqtgraph as pg
from PySide6.QtCore import QPointF, Qt
from PySide6.QtGui import QColor

from app.charts.points import Points
from app.theme import colours, theme

_TICK_SHARE = 0.05  # of the chart's height


class Chart(pg.PlotWidget):
    """A titled plot; add curves, fill their points, call `draw`."""

    def __init__(self, title: str, unit: str = "", *, log: bool = False) -> None:
        super().__init__()
        self._title, self._unit, self._log = title, unit, log
        self._curves: dict[str, tuple[pg.PlotDataItem, Points, int, bool]] = {}
        self._ticks: list[float] = []
        item = self.getPlotItem()
        item.setLogMode(y=log)
        item.setMenuEnabled(False)
        item.hideButtons()
        item.showGrid(x=True, y=True, alpha=0.15)
        item.setClipToView(True)
        self._tick_marks = pg.VTickGroup(yrange=[0, _TICK_SHARE])
        self._cross = pg.InfiniteLine(angle=90, movable=False)
        self._cross.hide()
        for extra in (self._tick_marks, self._cross):
            item.addItem(extra, ignoreBounds=True)
        self._reference: Optional[pg.InfiniteLine] = None
        self._mark: Optional[pg.ScatterPlotItem] = None
        self.scene().sigMouseMoved.connect(self._read_out)
        self.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        for widget in (self, self.viewport()):
            widget.setAccessibleName(f"Chart: {title}")
        self.setToolTip("Drag to move, wheel to zoom, double click to see everything")
        self.setMinimumHeight(120)
        theme().changed.connect(self._dress)
        self._dress()

    # -- content -------------------------------------------------------------------------------

    def curve(self, name: str, *, series: int = 0, faint: bool = False) -> Points:
        """The points of the curve with this name; it is added when it is new."""
        if name not in self._curves:
            line = self.getPlotItem().plot(connect="finite")
            line.setDownsampling(auto=True, method="peak")
            line.setClipToView(True)
            self._curves[name] = line, Points(), series, faint
            self._dress()
        return self._curves[name][1]

    def refer_to(self, value: float, label: str) -> None:
        """A dashed horizontal line."""
        if self._reference is None:
            self._reference = pg.InfiniteLine(
                angle=0, label=label, labelOpts={"position": 0.98, "anchors": [(1, 1), (1, 1)]}
            )
            self.addItem(self._reference)
            self._dress()
        self._reference.setValue(value)
        self._reference.show()

    def mark(self, x: float, y: float) -> None:
        """A ring around one point."""
        if self._mark is None:
            self._mark = pg.ScatterPlotItem(size=11, symbol="o")
            self.addItem(self._mark)
            self._dress()
        self._mark.setData([x], [y])

    def tick(self, x: float) -> None:
        """A checkpoint at this step."""
        self._ticks.append(x)

    def clear_points(self) -> None:
        """Nothing but the axes."""
        for _, points, _, _ in self._curves.values():
            points.clear()
        self._ticks.clear()
        if self._mark is not None:
            self._mark.setData([], [])
        if self._reference is not None:
            self._reference.hide()
        self.getPlotItem().enableAutoRange()

    # -- drawing -------------------------------------------------------------------------------

    def draw(self) -> None:
        """Hand the points to the curves."""
        for line, points, _, _ in self._curves.values():
            line.setData(points.x, points.y)
        self._tick_marks.setXVals(self._ticks)

    def mouseDoubleClickEvent(self, event: object) -> None:
        self.getPlotItem().enableAutoRange()

    def _read_out(self, where: QPointF) -> None:
        inside = self.sceneBoundingRect().contains(where)
        self._cross.setVisible(inside)
        if not inside:
            self._say_title()
            return
        x = self.getPlotItem().vb.mapSceneToView(where).x()
        found = {name: points.at(x) for name, (_, points, _, faint) in self._curves.items() if not faint}
        texts = [
            f"{name} {point[1]:.4g}{self._unit}" for name, point in found.items() if point and np.isfinite(point[1])
        ]
        steps = [point[0] for point in found.values() if point]
        if steps:
            self._cross.setValue(steps[0])
            self._say_title(f"step {steps[0]:.0f}: {', '.join(texts)}")

    def _say_title(self, text: str = "") -> None:
        self.getPlotItem().setTitle(
            text or self._title, color=colours().text if not text else colours().accent, size="9pt"
        )

    def _dress(self) -> None:
        c = colours()
        self.setBackground(c.base)
        for side in ("left", "bottom"):
            axis = self.getPlotItem().getAxis(side)
            axis.setPen(c.border)
            axis.setTextPen(c.muted)
        for line, _, series, faint in self._curves.values():
            colour = QColor(c.series[series % len(c.series)])
            if faint:
                colour.setAlpha(90)
            line.setPen(pg.mkPen(colour, width=1))
        self._tick_marks.setPen(pg.mkPen(c.muted, width=1))
        self._cross.setPen(pg.mkPen(c.muted, width=1, style=Qt.PenStyle.DotLine))
        if self._reference is not None:
            self._reference.setPen(pg.mkPen(c.muted, width=1, style=Qt.PenStyle.DashLine))
            self._reference.label.setColor(c.muted)
        if self._mark is not None:
            self._mark.setPen(pg.mkPen(c.good, width=2))
            self._mark.setBrush(None)
        self._say_title()
