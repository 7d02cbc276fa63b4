"""The charts of a run: loss, PSNR beside bicubic, learning rate. Events fill arrays; a timer draws ten times a second
at most, only while something is new and the charts are in sight, and less often when drawing takes long.
"""

from __future__ import annotations

import time
from collections.abc import Iterable

from PySide6.QtCore import QTimer
from PySide6.QtGui import QShowEvent
from PySide6.QtWidgets import QHBoxLayout, QPushButton, QVBoxLayout, QWidget

from app.charts.chart import Chart
from app.charts.points import Smooth
from app.theme import SPACE
from trainer_core.events import CheckpointSaved, Event, RunStarted, StepDone, Validated

_PERIOD = 100  # milliseconds
_SHARE = 4  # times the last drawing's duration that passes until the next one, at least


class ChartPanel(QWidget):
    """Hears every event of a run."""

    def __init__(self) -> None:
        super().__init__()
        self.loss = Chart("Loss", log=True)
        self.psnr = Chart("PSNR", " dB")
        self.rate = Chart("Learning rate")
        self._smooth: dict[str, Smooth] = {}
        self._best = float("-inf")
        self._dirty = False
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.timeout.connect(self._draw)
        self._lay_out()

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
            chart.setVisible(shown)
            switches.addWidget(switch)
            charts.addWidget(chart, 1)
        switches.addStretch(1)
        layout.addLayout(switches)
        layout.addLayout(charts, 1)

    # -- events --------------------------------------------------------------------------------

    def hear(self, event: Event) -> None:
        """Take in one event."""
        self._take(event)
        self._plan()

    def load(self, events: Iterable[Event]) -> None:
        """Show a run that was."""
        self.clear()
        for event in events:
            self._take(event)
        self._plan()

    def clear(self) -> None:
        """Empty charts."""
        for chart in (self.loss, self.psnr, self.rate):
            chart.clear_points()
        for smooth in self._smooth.values():
            smooth.clear()
        self._best = float("-inf")
        self._plan()

    def _take(self, event: Event) -> None:
        if isinstance(event, StepDone):
            self._take_step(event)
        elif isinstance(event, Validated) and event.split == "val":
            self.psnr.curve("PSNR").append(event.step, event.psnr)
            self.psnr.refer_to(event.bicubic_psnr, f"bicubic {event.bicubic_psnr:.2f} dB")
            if event.psnr > self._best:
                self._best = event.psnr
                self.psnr.mark(event.step, event.psnr)
        elif isinstance(event, CheckpointSaved):
            self.loss.tick(event.step)
            self.psnr.tick(event.step)
        elif isinstance(event, RunStarted) and event.start_step == 0:
            self.clear()

    def _take_step(self, event: StepDone) -> None:
        single = {name: value for name, value in event.losses.items() if name != "total"}
        parts = single if len(single) > 1 else {}
        for number, (name, value) in enumerate({"total": event.losses.get("total", float("nan")), **parts}.items()):
            smooth = self._smooth.setdefault(name, Smooth())
            self.loss.curve(f"{name} (raw)", series=number, faint=True).append(event.step, value)
            self.loss.curve(name, series=number).append(event.step, smooth(value))
        self.rate.curve("learning rate", series=2).append(event.step, event.learning_rate)

    # -- drawing -------------------------------------------------------------------------------

    def _plan(self) -> None:
        self._dirty = True
        if not self._timer.isActive() and self.isVisible():
            self._timer.start(_PERIOD)

    def _draw(self) -> None:
        if not self._dirty or not self.isVisible():
            return
        self._dirty = False
        began = time.monotonic()
        for chart in (self.loss, self.psnr, self.rate):
            if chart.isVisible():
                chart.draw()
        took = 1000 * (time.monotonic() - began)
        self._timer.start(max(_PERIOD, int(_SHARE * took)))  # a late event finds the timer running

    def showEvent(self, event: QShowEvent) -> None:
        super().showEvent(event)
        self._plan()
