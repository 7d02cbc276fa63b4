"""The charts of a run: loss, PSNR beside bicubic, learning rate. Events fill arrays; a timer draws once a second at
most, only charts that have something new and are in sight, and less often when drawing takes long: the training runs
on the same cores.
"""

from __future__ import annotations

import time
from typing import Optional

from PySide6.QtCore import QTimer, Signal
from PySide6.QtGui import QShowEvent
from PySide6.QtWidgets import QHBoxLayout, QPushButton, QVBoxLayout, QWidget

from app.charts.chart import Chart
from app.charts.figures import Figures
from app.charts.loss_options import LossLook
from app.charts.plot import Line, Look
from app.icons import dress
from app.theme import SPACE, theme
from trainer_core.events import CheckpointSaved, Event, RunStarted, StepDone, Validated

_PERIOD = 1000  # milliseconds
_LEAST_PSNR = 0.05  # dB; less is no difference to look at
_SOON = 50  # milliseconds until a drawing after a rest, or one that the user waits for
_SHARE = 4  # times the last drawing's duration that passes until the next one, at least


class ChartPanel(QWidget):
    """Hears every event of a run; `load` shows a run that was, `compare_with` one beside it."""

    step_chosen = Signal(int)  # a chart was clicked there

    def __init__(self) -> None:
        super().__init__()
        self.loss_look = LossLook()
        self.loss = Chart("Loss", empty="The loss appears with the first steps.", log=self.loss_look.log)
        self.psnr = Chart("PSNR", "dB", empty="PSNR appears with the first validation.", form=".2f", least=_LEAST_PSNR)
        self.rate = Chart("Learning rate", empty="The learning rate appears with the first steps.", form=".2e")
        self.figures = Figures()
        self.other: Optional[Figures] = None
        self._other_name = ""
        self._stale: set[Chart] = set()
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.timeout.connect(self._draw_if_needed)
        self._lay_out()
        for chart in self._charts():
            chart.chosen.connect(self.step_chosen)
        self.loss_look.changed.connect(self._take_look)
        theme().changed.connect(self._plan_all)

    def _charts(self) -> tuple[Chart, ...]:
        return self.loss, self.psnr, self.rate

    def _lay_out(self) -> None:
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(SPACE // 2)
        switches, charts = QHBoxLayout(), QHBoxLayout()
        switches.setSpacing(SPACE // 2)
        charts.setSpacing(SPACE)
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
            switch.toggled.connect(self._plan_all)
            if chart is self.loss:
                switch.toggled.connect(self.loss_look.setVisible)
            chart.setVisible(shown)
            switches.addWidget(switch)
            charts.addWidget(chart, 1)
        switches.addStretch(1)
        switches.addWidget(self.loss_look)
        self.compare_button = QPushButton("Compare with …")
        self.compare_button.setToolTip("Draw another run's loss and PSNR beside this one's")
        dress(self.compare_button, "compare")
        switches.addWidget(self.compare_button)
        layout.addLayout(switches)
        layout.addLayout(charts, 1)

    # -- events --------------------------------------------------------------------------------

    def hear(self, event: Event) -> None:
        """Take in one event."""
        if isinstance(event, RunStarted) and event.start_step == 0:
            self.clear()
        self.figures.take(event)
        self._plan(*self._touched_by(event))

    def _touched_by(self, event: Event) -> tuple[Chart, ...]:
        if isinstance(event, StepDone):
            return self.loss, self.rate
        if isinstance(event, Validated):
            return (self.psnr,)
        if isinstance(event, CheckpointSaved):
            return self.loss, self.psnr
        return self._charts() if isinstance(event, RunStarted) else ()

    def load(self, figures: Figures) -> None:
        """Show a run that was."""
        self.figures = figures
        for chart in self._charts():
            chart.show_all()
        self._plan_all()

    def clear(self) -> None:
        """Empty charts."""
        self.load(Figures())

    def compare_with(self, name: str, figures: Optional[Figures]) -> None:
        """Draw another run's loss and PSNR behind this one's; None draws no other."""
        self.other, self._other_name = figures, name
        self._plan_all()

    # -- drawing -------------------------------------------------------------------------------

    def draw(self) -> None:
        """Draw the charts that are to be seen, now."""
        for chart in self._charts():
            if chart.isVisible():
                self._draw(chart)

    def _draw(self, chart: Chart) -> None:
        figures = self.figures
        if chart is self.loss:
            chart.show_lines(self._loss_lines(), ticks=figures.checkpoints)
        elif chart is self.psnr:
            lines = [Line("PSNR", figures.psnr)]
            lines += [Line(self._other_name, self.other.psnr, look=Look.OTHER)] if self.other else []
            chart.show_lines(lines, ticks=figures.checkpoints, mark=figures.best, reference=figures.bicubic)
        else:
            chart.show_lines([Line("learning rate", figures.rate, series=2)])

    def _loss_lines(self) -> list[Line]:
        lines, span = [], self.loss_look.span
        for number, (name, component) in enumerate(self.figures.losses.items()):
            name = name if len(self.figures.losses) > 1 else "loss"
            if span > 1:
                lines.append(Line(name, component.raw, number, Look.FAINT))
            lines.append(Line(name, component.smooth(span), number))
        if self.other and "total" in self.other.losses:
            lines.append(Line(self._other_name, self.other.losses["total"].smooth(span), look=Look.OTHER))
        return lines

    def _take_look(self) -> None:
        self.loss.set_log(self.loss_look.log)
        self._plan_all()

    def _plan(self, *charts: Chart) -> None:
        self._stale.update(charts)
        if not self._timer.isActive() and self._to_draw():
            self._timer.start(_SOON)

    def _plan_all(self) -> None:
        """As the user sees other charts now, without the rest between two drawings."""
        if self._timer.remainingTime() > _SOON:
            self._timer.stop()
        self._plan(*self._charts())

    def _to_draw(self) -> list[Chart]:
        return [chart for chart in self._charts() if chart in self._stale and chart.isVisible()]

    def _draw_if_needed(self) -> None:
        charts = self._to_draw()
        if not charts:
            return
        began = time.monotonic()
        for chart in charts:
            self._draw(chart)
        self._stale.difference_update(charts)
        took = 1000 * (time.monotonic() - began)
        self._timer.start(max(_PERIOD, int(_SHARE * took)))  # a late event finds the timer running

    def showEvent(self, event: QShowEvent) -> None:
        super().showEvent(event)
        self._plan_all()
