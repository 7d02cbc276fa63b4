"""The charts of a run: loss, PSNR beside bicubic, learning rate. Events fill arrays; a timer draws once a second at
most, only charts that have something new and are in sight, and less often when drawing takes long: the training runs
on the same cores.
"""

from __future__ import annotations

import time

from PySide6.QtCore import QTimer, Signal
from PySide6.QtGui import QShowEvent
from PySide6.QtWidgets import QHBoxLayout, QPushButton, QVBoxLayout, QWidget

from app.charts.chart import Chart
from app.charts.figures import RunFigures
from app.charts.loss_options import LossOptions
from app.charts.plot import Curve, CurveStyle
from app.icons import set_icon
from app.theme import SPACING, theme
from trainer_core.events import CheckpointSaved, Event, RunStarted, StepDone, Validated

_DRAW_INTERVAL = 1000  # milliseconds
_MIN_PSNR_RANGE = 0.05  # dB; less is no difference to look at
_REDRAW_DELAY = 50  # milliseconds until a drawing after a rest, or one that the user waits for
_MAX_DRAW_SHARE = 4  # times the last drawing's duration that passes until the next one, at least


class ChartPanel(QWidget):
    """Hears every event of a run; `load` shows a run that was, `compare_with` one beside it."""

    step_chosen = Signal(int)  # a chart was clicked there

    def __init__(self) -> None:
        super().__init__()
        self.loss_options = LossOptions()
        self.loss = Chart("Loss", empty="The loss appears with the first steps.", log=self.loss_options.is_logarithmic)
        self.psnr = Chart(
            "PSNR", "dB", empty="PSNR appears with the first validation.", form=".2f", least=_MIN_PSNR_RANGE
        )
        self.rate = Chart("Learning rate", empty="The learning rate appears with the first steps.", form=".2e")
        self.figures = RunFigures()
        self.other: RunFigures | None = None
        self._other_name = ""
        self._stale: set[Chart] = set()
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.timeout.connect(self._draw_if_needed)
        self._lay_out()
        for chart in self._charts():
            chart.step_clicked.connect(self.step_chosen)
        self.loss_options.changed.connect(self._apply_loss_options)
        theme().changed.connect(self._redraw_soon)

    def _charts(self) -> tuple[Chart, ...]:
        return self.loss, self.psnr, self.rate

    def _lay_out(self) -> None:
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(SPACING // 2)
        switches, charts = QHBoxLayout(), QHBoxLayout()
        switches.setSpacing(SPACING // 2)
        charts.setSpacing(SPACING)
        for chart, name, shown in (
            (self.loss, "Loss", True),
            (self.psnr, "PSNR", True),
            (self.rate, "Learning rate", False),
        ):
            switch = QPushButton(name)
            switch.setCheckable(True)
            switch.setChecked(shown)
            switch.setToolTip(f"Show or hide the chart: {name}")
            switch.toggled.connect(chart.setVisible)
            switch.toggled.connect(self._redraw_soon)
            if chart is self.loss:
                switch.toggled.connect(self.loss_options.setVisible)
            chart.setVisible(shown)
            switches.addWidget(switch)
            charts.addWidget(chart, 1)
        switches.addStretch(1)
        switches.addWidget(self.loss_options)
        self.compare_button = QPushButton("Compare with …")
        self.compare_button.setToolTip("Draw another run's loss and PSNR beside this one's")
        set_icon(self.compare_button, "compare")
        switches.addWidget(self.compare_button)
        layout.addLayout(switches)
        layout.addLayout(charts, 1)

    # -- events --------------------------------------------------------------------------------

    def on_event(self, event: Event) -> None:
        """Take in one event."""
        if isinstance(event, RunStarted) and event.start_step == 0:
            self.clear()
        self.figures.add_event(event)
        self._schedule_draw(*self._charts_for(event))

    def _charts_for(self, event: Event) -> tuple[Chart, ...]:
        if isinstance(event, StepDone):
            return self.loss, self.rate
        if isinstance(event, Validated):
            return (self.psnr,)
        if isinstance(event, CheckpointSaved):
            return self.loss, self.psnr
        return self._charts() if isinstance(event, RunStarted) else ()

    def show_figures(self, figures: RunFigures) -> None:
        """Show a run that was."""
        self.figures = figures
        for chart in self._charts():
            chart.reset_view()
        self._redraw_soon()

    def clear(self) -> None:
        """Empty charts."""
        self.show_figures(RunFigures())

    def compare_with(self, name: str, figures: RunFigures | None) -> None:
        """Draw another run's loss and PSNR behind this one's; None draws no other."""
        self.other, self._other_name = figures, name
        self._redraw_soon()

    # -- drawing -------------------------------------------------------------------------------

    def draw(self) -> None:
        """Draw the charts that are to be seen, now."""
        for chart in self._charts():
            if chart.isVisible():
                self._draw(chart)

    def _draw(self, chart: Chart) -> None:
        figures = self.figures
        if chart is self.loss:
            chart.show_curves(self._loss_lines(), ticks=figures.checkpoints)
        elif chart is self.psnr:
            lines = [Curve("PSNR", figures.psnr)]
            lines += [Curve(self._other_name, self.other.psnr, look=CurveStyle.OTHER)] if self.other else []
            chart.show_curves(lines, ticks=figures.checkpoints, marker=figures.best, reference=figures.bicubic)
        else:
            chart.show_curves([Curve("learning rate", figures.rate, series=2)])

    def _loss_lines(self) -> list[Curve]:
        lines, span = [], self.loss_options.smoothing_span
        for number, (name, component) in enumerate(self.figures.losses.items()):
            name = name if len(self.figures.losses) > 1 else "loss"
            if span > 1:
                lines.append(Curve(name, component.raw, number, CurveStyle.FAINT))
            lines.append(Curve(name, component.smooth(span), number))
        if self.other and "total" in self.other.losses:
            lines.append(Curve(self._other_name, self.other.losses["total"].smooth(span), look=CurveStyle.OTHER))
        return lines

    def _apply_loss_options(self) -> None:
        self.loss.set_log(self.loss_options.is_logarithmic)
        self._redraw_soon()

    def _schedule_draw(self, *charts: Chart) -> None:
        self._stale.update(charts)
        if not self._timer.isActive() and self._visible_stale_charts():
            self._timer.start(_REDRAW_DELAY)

    def _redraw_soon(self) -> None:
        """As the user sees other charts now, without the rest between two drawings."""
        if self._timer.remainingTime() > _REDRAW_DELAY:
            self._timer.stop()
        self._schedule_draw(*self._charts())

    def _visible_stale_charts(self) -> list[Chart]:
        return [chart for chart in self._charts() if chart in self._stale and chart.isVisible()]

    def _draw_if_needed(self) -> None:
        charts = self._visible_stale_charts()
        if not charts:
            return
        began = time.monotonic()
        for chart in charts:
            self._draw(chart)
        self._stale.difference_update(charts)
        draw_seconds = 1000 * (time.monotonic() - began)
        self._timer.start(
            max(_DRAW_INTERVAL, int(_MAX_DRAW_SHARE * draw_seconds))
        )  # a late event finds the timer running

    def showEvent(self, event: QShowEvent) -> None:
        super().showEvent(event)
        self._redraw_soon()
