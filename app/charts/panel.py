"""The charts of a run: losses, PSNR, SSIM and spectrum distance beside bicubic, and learning rate.

Events fill arrays. A timer draws at most once a second, and only the visible charts with new data. It draws less often
if drawing takes long, because the training runs on the same cores. The charts, and the library that draws them, are
made when they are first shown, because making them takes a fifth of the processor time that building the window takes.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Callable, NamedTuple

import numpy as np
from PySide6.QtCore import QTimer, Signal
from PySide6.QtGui import QShowEvent
from PySide6.QtWidgets import QPushButton, QToolButton, QVBoxLayout, QWidget

from app.charts.curves import VALIDATION_SERIES, Curve, CurveStyle
from app.charts.loss_options import LossOptions
from app.help.sections import WATCHING, set_section
from app.runs.figures import RunFigures
from app.runs.points import Points
from app.system.settings_store import open_settings_store
from app.widgets.flow_layout import FlowLayout
from app.widgets.icons import set_icon
from app.widgets.plain_text import plain_tooltip
from app.widgets.side_by_side import SideBySide
from app.widgets.theme import SPACING, theme
from trainer_core.events import CheckpointSaved, Event, RunStarted, StepDone, Validated

if TYPE_CHECKING:
    from app.charts.chart import Chart

_TIME_KEY = "charts/by_time"
_DRAW_INTERVAL = 1000  # milliseconds
_MIN_PSNR_RANGE = 0.05  # dB; smaller differences do not matter
_REDRAW_DELAY = 50  # milliseconds before the first drawing after a pause, or one that the user requested
_MIN_PAUSE_RATIO = 4  # minimum pause between drawings, as a multiple of the duration of the last one


class _Charts(NamedTuple):
    """The charts, in their order; the panel has a switch for each."""

    loss: Chart
    psnr: Chart
    ssim: Chart
    spectrum: Chart
    rate: Chart


_SWITCHES = (  # of each chart: text, accessible name, and whether the chart is shown at first
    ("Loss", "Loss", True),
    ("PSNR", "PSNR", True),
    ("SSIM", "SSIM", False),
    ("Spectrum", "Spectrum distance", False),
    ("Rate", "Learning rate", False),
)


class ChartPanel(QWidget):
    """Panel of charts; `on_event` adds live events, `show_figures` shows a stored run, `show_others` adds more runs."""

    step_chosen = Signal(int)  # the user clicked a chart at this step

    def __init__(self) -> None:
        super().__init__()
        set_section(self, WATCHING)
        self.loss_options = LossOptions()
        self.time_switch = _make_time_switch()
        self._made: _Charts | None = None
        self.figures = RunFigures()
        self.others: dict[str, RunFigures] = {}  # by name
        self._run = ""  # name of this run beside the others, "" without others
        self._stale: set[Chart] = set()
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.timeout.connect(self._draw_if_needed)
        self._lay_out()
        self.loss_options.changed.connect(self._apply_loss_options)
        self.time_switch.toggled.connect(self._apply_time_switch)
        theme().changed.connect(self._redraw_soon)

    # -- the charts ----------------------------------------------------------------------------

    @property
    def loss(self) -> Chart:
        """The chart of the loss."""
        return self.make_charts().loss

    @property
    def psnr(self) -> Chart:
        """The chart of the PSNR."""
        return self.make_charts().psnr

    @property
    def ssim(self) -> Chart:
        """The chart of the SSIM."""
        return self.make_charts().ssim

    @property
    def spectrum(self) -> Chart:
        """The chart of the spectrum distance."""
        return self.make_charts().spectrum

    @property
    def rate(self) -> Chart:
        """The chart of the learning rate."""
        return self.make_charts().rate

    def _charts(self) -> tuple[Chart, ...]:
        """Return the charts; none before they are needed."""
        return self._made or ()

    def make_charts(self) -> _Charts:
        """Return the charts; they are made at the first call, or when the panel is shown."""
        if self._made is not None:
            return self._made
        from app.charts.chart import Chart

        self._made = _Charts(
            Chart("Loss", empty="The loss appears after the first steps.", log=self.loss_options.is_logarithmic),
            Chart(
                "PSNR",
                "dB",
                empty="PSNR appears after the first check.",
                number_format=".2f",
                min_range=_MIN_PSNR_RANGE,
            ),
            Chart("SSIM", empty="SSIM appears after the first check.", number_format=".3f"),
            Chart(
                "Spectrum distance",
                "dB",
                empty="It appears after the first check of an adversarial stage.",
                number_format=".2f",
            ),
            Chart("Learning rate", empty="The learning rate appears after the first steps.", number_format=".2e"),
        )
        for chart, switch in zip(self._made, self._switches):
            chart.step_clicked.connect(self.step_chosen)
            switch.toggled.connect(chart.setVisible)
            self.charts.add(chart)
            chart.setVisible(switch.isChecked())
        for before, after in zip((self.save_button, *self._made), self._made):
            QWidget.setTabOrder(before, after)  # else the charts follow everything that the window got before
        self._set_time_axes()
        self._redraw_soon()
        return self._made

    def _lay_out(self) -> None:
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(SPACING // 2)
        self.charts = SideBySide(SPACING)
        shown, options = QWidget(), QWidget()  # each continues in a second line where there is no room
        switches, tools = FlowLayout(shown, SPACING // 2), FlowLayout(options, SPACING // 2)
        self._switches = [_make_switch(*values) for values in _SWITCHES]
        for switch in self._switches:
            switch.toggled.connect(self._redraw_soon)
            switches.addWidget(switch)
        self._switches[0].toggled.connect(self.loss_options.setVisible)
        self._spectrum_switch = self._switches[3]
        self._spectrum_switch.hide()  # until a run measures it
        tools.addWidget(self.loss_options)
        tools.addWidget(self.time_switch)
        self.compare_button = QPushButton("Compare runs")
        self.compare_button.setProperty("role", "segment")
        self.compare_button.setToolTip("Draw the curves of other trainings in these charts.")
        tools.addWidget(self.compare_button)
        self.save_button = QToolButton()
        self.save_button.setPopupMode(QToolButton.ToolButtonPopupMode.InstantPopup)
        self.save_button.setAccessibleName("Save the charts")
        self.save_button.setToolTip("Save the charts as a picture, or the figures as a table.")
        set_icon(self.save_button, "save")
        tools.addWidget(self.save_button)
        controls = SideBySide(SPACING // 2, is_whole=True)
        controls.add(shown)
        controls.add(options, 0)
        layout.addWidget(controls)
        layout.addWidget(self.charts, 1)

    # -- events --------------------------------------------------------------------------------

    def on_event(self, event: Event) -> None:
        """Add an event of the run; a new run clears the charts."""
        if isinstance(event, RunStarted) and event.is_new:
            self.clear()
        self.figures.add_event(event)
        self._offer_spectrum()
        self._schedule_draw(*self._charts_for(event))

    def _charts_for(self, event: Event) -> tuple[Chart, ...]:
        charts = self._made
        if charts is None:
            return ()
        if isinstance(event, StepDone):
            return charts.loss, charts.rate
        if isinstance(event, Validated):
            return charts.loss, charts.psnr, charts.ssim, charts.spectrum
        if isinstance(event, CheckpointSaved):
            return charts.loss, charts.psnr, charts.ssim, charts.spectrum
        return charts if isinstance(event, RunStarted) else ()

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

    def show_others(self, others: Mapping[str, RunFigures], *, run: str = "this run") -> None:
        """Draw the curves of other runs, by name, behind those of this one; none ends the comparison.

        Args:
            others: figures by the name of their run.
            run: the name of this run, for the legends.
        """
        self.others, self._run = dict(others), run if others else ""
        self._redraw_soon()

    # -- drawing -------------------------------------------------------------------------------

    def draw(self) -> None:
        """Draw the visible charts now."""
        for chart in self._charts():
            if chart.isVisible():
                self._draw(chart)

    def _draw(self, chart: Chart) -> None:
        figures, run, ticks = self.figures, self._run, self._place_steps(self.figures.checkpoints)
        if chart is self.loss:
            chart.show_curves(self._loss_curves(), ticks=ticks, run=run)
        elif chart is self.psnr:
            curves = [Curve("PSNR", self._place(figures, figures.psnr))]
            curves += self._other_curves(lambda other: other.psnr)
            marker = self._place_point(figures.best)
            chart.show_curves(curves, ticks=ticks, marker=marker, reference=figures.bicubic, run=run)
        elif chart is self.ssim:
            curves = [Curve("SSIM", self._place(figures, figures.ssim))]
            curves += self._other_curves(lambda other: other.ssim)
            chart.show_curves(curves, ticks=ticks, reference=figures.bicubic_ssim, run=run)
        elif chart is self.spectrum:
            curves = [Curve("spectrum distance", self._place(figures, figures.spectrum))]
            curves += self._other_curves(lambda other: other.spectrum)
            marker, reference = self._place_point(figures.best_spectrum), figures.bicubic_spectrum
            chart.show_curves(curves, ticks=ticks, marker=marker, reference=reference, run=run)
        elif chart is self.rate:
            chart.show_curves([Curve("learning rate", self._place(figures, figures.rate), series=2)])

    def _loss_curves(self) -> list[Curve]:
        curves, span = [], self.loss_options.smoothing_span
        for number, (name, term) in enumerate(self.figures.losses.items()):
            name = name if len(self.figures.losses) > 1 else "loss"
            if span > 1:
                curves.append(Curve(name, self._place(self.figures, term.raw), number, CurveStyle.FAINT))
            curves.append(Curve(name, self._place(self.figures, term.smooth(span)), number))
        if curves and len(self.figures.validation_loss):
            name = "validation l1" if "l1" in self.figures.losses else "validation loss"
            points = self._place(self.figures, self.figures.validation_loss)
            curves.append(Curve(name, points, VALIDATION_SERIES))
        with_loss = {name: other for name, other in self.others.items() if "total" in other.losses}
        return curves + self._other_curves(lambda other: other.losses["total"].smooth(span), with_loss)

    def _other_curves(
        self, points_of: Callable[[RunFigures], Points], others: Mapping[str, RunFigures] | None = None
    ) -> list[Curve]:
        """Return a curve of each other run, in the color that the run has in all charts."""
        shown = self.others if others is None else others
        return [
            Curve(name, self._place(other, points_of(other)), number, CurveStyle.OTHER)
            for number, (name, other) in enumerate(self.others.items())
            if name in shown
        ]

    def _place(self, figures: RunFigures, points: Points) -> Points:
        """Return the points of a run over the chosen horizontal axis."""
        return figures.time.place(points) if self.time_switch.isChecked() else points

    def _place_steps(self, steps: Sequence[float]) -> list[float]:
        return self.figures.time.seconds_at(np.array(steps)).tolist() if self.time_switch.isChecked() else list(steps)

    def _place_point(self, point: tuple[float, float] | None) -> tuple[float, float] | None:
        return point and (self._place_steps([point[0]])[0], point[1])

    def _set_time_axes(self) -> None:
        for chart in self._charts():
            chart.set_time_axis(
                (lambda seconds: self.figures.time.step_at(seconds)) if self.time_switch.isChecked() else None
            )

    def _apply_time_switch(self, is_by_time: bool) -> None:
        open_settings_store().setValue(_TIME_KEY, is_by_time)
        self._set_time_axes()
        self.draw()
        for chart in self._charts():
            chart.reset_view()
        self._redraw_soon()

    def _apply_loss_options(self) -> None:
        if self._made is not None:
            self._made.loss.set_log(self.loss_options.is_logarithmic)
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
        """Make the charts at the first time, and draw those that received data while the panel was hidden."""
        super().showEvent(event)
        self.make_charts()
        self._redraw_soon()


def _make_switch(text: str, name: str, is_shown: bool) -> QPushButton:
    """Return the switch that shows or hides a chart."""
    switch = QPushButton(text)
    switch.setProperty("role", "segment")
    switch.setAccessibleName(name)
    switch.setCheckable(True)
    switch.setChecked(is_shown)
    switch.setToolTip(plain_tooltip(f'Show or hide the chart "{name}".'))
    return switch


def _make_time_switch() -> QPushButton:
    """Return the switch of the horizontal axis, as the last session left it."""
    switch = QPushButton("By time")
    switch.setProperty("role", "segment")
    switch.setCheckable(True)
    switch.setChecked(open_settings_store().value(_TIME_KEY) in (True, "true"))
    switch.setToolTip(
        plain_tooltip("Draw the curves over the time that the run has trained, without pauses, instead of its steps.")
    )
    return switch
