"""The charts of a run: loss, PSNR beside bicubic, learning rate. Events fill arrays; a timer draws ten times a second
at most, only while something is new and the charts are in sight, and less often when drawing takes long.
"""

from __future__ import annotations

import time
from typing import Optional

from PySide6.QtCore import QTimer, Signal
from PySide6.QtGui import QShowEvent
from PySide6.QtWidgets import QHBoxLayout, QPushButton, QVBoxLayout, QWidget

from app.charts.chart import Chart
from app.charts.figures import Figures
from app.charts.loss_look import LossLook
from app.charts.plot import Line, Look
from app.icons import dress
from app.theme import SPACE, theme
from trainer_core.events import Event, RunStarted

_PERIOD = 100  # milliseconds
_SHARE = 4  # times the last drawing's duration that passes until the next one, at least


class ChartPanel(QWidget):
    """Hears every event of a run; `load` shows a run that was, `compare_with` one beside it."""

    step_chosen = Signal(int)  # a chart was clicked there

    def __init__(self) -> None:
        super().__init__()
        self.loss_look = LossLook()
        self.loss = Chart("Loss", empty="The loss appears with the first steps.", log=self.loss_look.log)
        self.psnr = Chart("PSNR", "dB", empty="PSNR appears with the first validation.", form=".2f")
        self.rate = Chart("Learning rate", empty="The learning rate appears with the first steps.", form=".2e")
        self.figures = Figures()
        self.other: Optional[Figures] = None
        self._other_name = ""
        self._dirty = False
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.timeout.connect(self._draw_if_needed)
        self._lay_out()
        for chart in self._charts():
            chart.chosen.connect(self.step_chosen)
        self.loss_look.changed.connect(self._take_look)
        theme().changed.connect(self._plan)

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
            switch.toggled.connect(self._plan)
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
        self._plan()

    def load(self, figures: Figures) -> None:
        """Show a run that was."""
        self.figures = figures
        for chart in self._charts():
            chart.show_all()
        self._plan()

    def clear(self) -> None:
        """Empty charts."""
        self.load(Figures())

    def compare_with(self, name: str, figures: Optional[Figures]) -> None:
        """Draw another run's loss and PSNR behind this one's; None draws no other."""
        self.other, self._other_name = figures, name
        self._plan()

    # -- drawing -------------------------------------------------------------------------------

    def draw(self) -> None:
        """Draw the charts that are to be seen, now."""
        figures = self.figures
        if self.loss.isVisible():
            self.loss.show_lines(self._loss_lines(), ticks=figures.checkpoints)
        if self.psnr.isVisible():
            lines = [Line("PSNR", figures.psnr)]
            lines += [Line(self._other_name, self.other.psnr, look=Look.OTHER)] if self.other else []
            self.psnr.show_lines(lines, ticks=figures.checkpoints, mark=figures.best, reference=figures.bicubic)
        if self.rate.isVisible():
            self.rate.show_lines([Line("learning rate", figures.rate, series=2)])

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
        self._plan()

    def _plan(self) -> None:
        self._dirty = True
        if not self._timer.isActive() and self.isVisible():
            self._timer.start(_PERIOD)

    def _draw_if_needed(self) -> None:
        if not self._dirty or not self.isVisible():
            return
        self._dirty = False
        began = time.monotonic()
        self.draw()
        took = 1000 * (time.monotonic() - began)
        self._timer.start(max(_PERIOD, int(_SHARE * took)))  # a late event finds the timer running

    def showEvent(self, event: QShowEvent) -> None:
        super().showEvent(event)
        self._plan()
