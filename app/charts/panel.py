"""The charts of a run: loss, PSNR and spectrum distance beside bicubic, and learning rate.

Events fill arrays. A timer draws at most once a second, and only the visible charts with new data. It draws less often
if drawing takes long, because the training runs on the same cores.
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
from app.plain_text import plain_tooltip
from app.theme import SPACING, theme
from trainer_core.events import CheckpointSaved, Event, RunStarted, StepDone, Validated

_DRAW_INTERVAL = 1000  # milliseconds
_MIN_PSNR_RANGE = 0.05  # dB; smaller differences do not matter
_REDRAW_DELAY = 50  # milliseconds before the first drawing after a pause, or one that the user requested
_MIN_PAUSE_RATIO = 4  # minimum pause between drawings, as a multiple of the duration of the last one


class ChartPanel(QWidget):
    """Panel of charts; `on_event` adds live events, `show_figures` shows a stored run, `compare_with` adds a second."""

    step_chosen = Signal(int)  # the user clicked a chart at this step

    def __init__(self) -> None:
        super().__init__()
        self.loss_options = LossOptions()
        self.loss = Chart("Loss", empty="The loss appears after the first steps.", log=self.loss_options.is_logarithmic)
        self.psnr = Chart(
            "PSNR",
            "dB",
            empty="PSNR appears after the first validation.",
            number_format=".2f",
            min_range=_MIN_PSNR_RANGE,
        )
        self.spectrum = Chart(
            "Spectrum distance",
            "dB",
            empty="It appears after the first validation of an adversarial stage.",
            number_format=".2f",
        )
        self.rate = Chart(
            "Learning rate", empty="The learning rate appears after the first steps.", number_format=".2e"
        )
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
        return self.loss, self.psnr, self.spectrum, self.rate

    def _lay_out(self) -> None:
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(SPACING // 2)
        switches, charts = QHBoxLayout(), QHBoxLayout()
        switches.setSpacing(SPACING // 2)
        charts.setSpacing(SPACING)
        for chart, name, visible in (
            (self.loss, "Loss", True),
            (self.psnr, "PSNR", True),
            (self.spectrum, "Spectrum distance", False),
            (self.rate, "Learning rate", False),
        ):
            switch = QPushButton(name)
            switch.setCheckable(True)
            switch.setChecked(visible)
            switch.setToolTip(plain_tooltip(f'Show or hide the chart "{name}"'))
            switch.toggled.connect(chart.setVisible)
            switch.toggled.connect(self._redraw_soon)
            if chart is self.loss:
                switch.toggled.connect(self.loss_options.setVisible)
            if chart is self.spectrum:
                self._spectrum_switch = switch
                switch.hide()  # until a run measures it
            chart.setVisible(visible)
            switches.addWidget(switch)
            charts.addWidget(chart, 1)
        switches.addStretch(1)
        switches.addWidget(self.loss_options)
        self.compare_button = QPushButton("Compare with …")
        self.compare_button.setToolTip("Draw the loss and PSNR of another run in these charts")
        set_icon(self.compare_button, "compare")
        switches.addWidget(self.compare_button)
        layout.addLayout(switches)
        layout.addLayout(charts, 1)

    # -- events --------------------------------------------------------------------------------

    def on_event(self, event: Event) -> None:
        """Add an event of the run; a new run clears the charts."""
        if isinstance(event, RunStarted) and event.start_step == 0:
            self.clear()
        self.figures.add_event(event)
        self._offer_spectrum()
        self._schedule_draw(*self._charts_for(event))

    def _charts_for(self, event: Event) -> tuple[Chart, ...]:
        if isinstance(event, StepDone):
            return self.loss, self.rate
        if isinstance(event, Validated):
            return self.psnr, self.spectrum
        if isinstance(event, CheckpointSaved):
            return self.loss, self.psnr, self.spectrum
        return self._charts() if isinstance(event, RunStarted) else ()

    def show_figures(self, figures: RunFigures) -> None:
        """Show the figures of a stored run, with all its steps, instead of the current ones."""
        self.figures = figures
        self._offer_spectrum()
        for chart in self._charts():
            chart.reset_view()
        self._redraw_soon()

    def _offer_spectrum(self) -> None:
        """Show the spectrum distance and its switch from the first value of a run on, and hide them in other runs."""
        is_measured = len(self.figures.spectrum) > 0
        if self._spectrum_switch.isHidden() == is_measured:
            self._spectrum_switch.setVisible(is_measured)
            self._spectrum_switch.setChecked(is_measured)

    def clear(self) -> None:
        """Remove all curves of the run."""
        self.show_figures(RunFigures())

    def compare_with(self, name: str, figures: RunFigures | None) -> None:
        """Draw the loss and PSNR of another run behind those of this one; None ends the comparison."""
        self.other, self._other_name = figures, name
        self._redraw_soon()

    # -- drawing -------------------------------------------------------------------------------

    def draw(self) -> None:
        """Draw the visible charts now."""
        for chart in self._charts():
            if chart.isVisible():
                self._draw(chart)

    def _draw(self, chart: Chart) -> None:
        figures = self.figures
        if chart is self.loss:
            chart.show_curves(self._loss_curves(), ticks=figures.checkpoints)
        elif chart is self.psnr:
            curves = [Curve("PSNR", figures.psnr)]
            curves += [Curve(self._other_name, self.other.psnr, style=CurveStyle.OTHER)] if self.other else []
            chart.show_curves(curves, ticks=figures.checkpoints, marker=figures.best, reference=figures.bicubic)
        elif chart is self.spectrum:
            curves = [Curve("spectrum distance", figures.spectrum)]
            curves += [Curve(self._other_name, self.other.spectrum, style=CurveStyle.OTHER)] if self.other else []
            marker, reference = figures.best_spectrum, figures.bicubic_spectrum
            chart.show_curves(curves, ticks=figures.checkpoints, marker=marker, reference=reference)
        elif chart is self.rate:
            chart.show_curves([Curve("learning rate", figures.rate, series=2)])

    def _loss_curves(self) -> list[Curve]:
        curves, span = [], self.loss_options.smoothing_span
        for number, (name, term) in enumerate(self.figures.losses.items()):
            name = name if len(self.figures.losses) > 1 else "loss"
            if span > 1:
                curves.append(Curve(name, term.raw, number, CurveStyle.FAINT))
            curves.append(Curve(name, term.smooth(span), number))
        if self.other and "total" in self.other.losses:
            curves.append(Curve(self._other_name, self.other.losses["total"].smooth(span), style=CurveStyle.OTHER))
        return curves

    def _apply_loss_options(self) -> None:
        self.loss.set_log(self.loss_options.is_logarithmic)
        self._redraw_soon()

    def _schedule_draw(self, *charts: Chart) -> None:
        self._stale.update(charts)
        if not self._timer.isActive() and self._visible_stale_charts():
            self._timer.start(_REDRAW_DELAY)

    def _redraw_soon(self) -> None:
        """Redraw every visible chart soon, skipping the throttle."""
        if self._timer.remainingTime() > _REDRAW_DELAY:
            self._timer.stop()
        self._schedule_draw(*self._charts())

    def _visible_stale_charts(self) -> list[Chart]:
        return [chart for chart in self._charts() if chart in self._stale and chart.isVisible()]

    def _draw_if_needed(self) -> None:
        charts = self._visible_stale_charts()
        if not charts:
            return
        start = time.monotonic()
        for chart in charts:
            self._draw(chart)
        self._stale.difference_update(charts)
        duration = 1000 * (time.monotonic() - start)  # milliseconds
        # The running timer holds back the drawing of later events.
        self._timer.start(max(_DRAW_INTERVAL, int(_MIN_PAUSE_RATIO * duration)))

    def showEvent(self, event: QShowEvent) -> None:
        """Draw the charts that received data while the panel was hidden."""
        super().showEvent(event)
        self._redraw_soon()
