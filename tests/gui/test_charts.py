"""The charts: what they draw, how they are read by mouse and by keyboard, another run beside this one, their cost."""

from __future__ import annotations

import dataclasses
import math
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pyqtgraph as pg
import pytest
from PySide6.QtCore import QEvent, QPoint, QPointF, Qt
from PySide6.QtGui import QAccessible, QColor, QMouseEvent, QPainter, QPicture
from PySide6.QtWidgets import QApplication, QComboBox, QLabel, QPushButton, QVBoxLayout, QWidget

from app.charts.axes import log_ticks, step_label
from app.charts.chart import Chart
from app.charts.curves import CurveStyle
from app.charts.panel import ChartPanel
from app.runs.figures import RunFigures
from app.runs.points import ExponentialAverage, Points
from app.system.settings_store import open_settings_store
from app.widgets.theme import theme
from trainer_core.events import CheckpointSaved, Event, RolledBack, RunStarted, StepDone, Validated

NO_BUTTON = Qt.MouseButton.NoButton


def step(number: int, **losses: float) -> StepDone:
    losses = losses or {"l1": 0.1}
    return StepDone(number, None, {**losses, "total": sum(losses.values())}, 1e-4, 1.0, 10.0, number / 10, None, 10**9)


def slow_step(number: int) -> StepDone:
    """A step that took a minute."""
    return dataclasses.replace(step(number), elapsed=60.0 * number)


def validated(number: int, psnr: float, bicubic: float = 22.0) -> Validated:
    return Validated(number, "val", psnr, 0.9, bicubic, 0.8, False, 4, 0.1)


def begun(start_step: int) -> RunStarted:
    return RunStarted("id", "w", 4, True, start_step, None, "cpu", "fp32", 1, {})


def figures_of(*events: Event) -> RunFigures:
    figures = RunFigures()
    for event in events:
        figures.add_event(event)
    return figures


def test_the_charts_and_their_library_are_loaded_when_they_are_needed(qapp: Any, qtbot: Any) -> None:
    code = "import sys, app.window; sys.exit('pyqtgraph' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], cwd=Path(__file__).parents[2]).returncode == 0
    panel = ChartPanel()
    qtbot.addWidget(panel)
    panel.on_event(step(1))
    panel.show_figures(figures_of(*map(step, range(1, 6))))
    panel.time_switch.toggle()
    panel.time_switch.toggle()
    assert not panel.findChildren(Chart)
    panel.show()
    qtbot.waitUntil(lambda: drawn(panel.loss, "loss") == 5)
    assert len(panel.findChildren(Chart)) == 5


def test_tab_leads_from_the_tools_through_the_charts_to_what_follows(qapp: Any, qtbot: Any) -> None:
    window, panel, after = QWidget(), ChartPanel(), QPushButton("after")
    qtbot.addWidget(window)
    layout = QVBoxLayout(window)
    layout.addWidget(panel)
    layout.addWidget(after)
    window.show()
    window.activateWindow()
    panel.save_button.setFocus(Qt.FocusReason.TabFocusReason)
    reached: list[QWidget | None] = []
    while window.focusWidget() is not after:
        qtbot.keyClick(window.focusWidget(), Qt.Key.Key_Tab)
        assert len(reached) < 9
        reached.append(window.focusWidget())
    assert reached == [panel.loss, panel.psnr, after]


@pytest.fixture
def panel(qapp: Any, qtbot: Any) -> ChartPanel:
    """Charts in sight, with twenty steps, two validations and a checkpoint."""
    made = ChartPanel()
    qtbot.addWidget(made)
    made.resize(900, 320)
    steps = [step(number) for number in range(1, 21)]
    made.show_figures(
        figures_of(*steps, validated(10, 24.0), CheckpointSaved(12, "x.pth", "step"), validated(20, 25.0))
    )
    made.show()
    qtbot.waitUntil(lambda: drawn(made.loss, "loss") == 20)
    return made


def curve(chart: Chart, name: str, look: CurveStyle = CurveStyle.PLAIN) -> pg.PlotDataItem | None:
    """Find a curve in the plot."""
    curves = (item for item in chart.plot.getPlotItem().listDataItems() if isinstance(item, pg.PlotDataItem))
    return next((item for item in curves if (item.name(), item.zValue()) == (name, look.value)), None)


def drawn(chart: Chart, name: str, look: CurveStyle = CurveStyle.PLAIN) -> int:
    """Count the points of a curve that the plot was given."""
    found = curve(chart, name, look)
    data = found.getOriginalDataset()[0] if found else None
    return 0 if data is None else len(data)


def horizontal(chart: Chart, name: str, look: CurveStyle = CurveStyle.PLAIN) -> np.ndarray:
    """The x of the points of a curve."""
    found = curve(chart, name, look)
    assert found is not None
    return np.asarray(found.getOriginalDataset()[0])


def label(chart: Chart, name: str) -> QLabel:
    """Find the chart's "empty", "legend" or "read_out"."""
    found = chart.findChild(QLabel, name)
    assert found is not None
    return found


def place(chart: Chart, x: float) -> QPoint:
    """Where a step is in the plot, half-way up."""
    left = chart.plot.mapFromScene(QPointF(chart.plot.x_to_pixels(x), 0)).x()
    return QPoint(left, chart.plot.height() // 2)


def test_points_grow_and_find_the_nearest_within_their_reach() -> None:
    points = Points()
    assert points.nearest_point(3) is None
    for number in range(5000):
        points.append(number, 2 * number)
    assert (len(points), points.x[-1], points.y[-1]) == (5000, 4999, 9998)
    assert points.nearest_point(7.4) == (7, 14)
    assert points.nearest_point(1e9) is None
    points.rewind(7.5)
    assert (len(points), points.x[-1]) == (8, 7)


def test_smoothing_starts_at_the_first_value_and_survives_nan() -> None:
    smooth = ExponentialAverage()
    first, gap, endless, last = smooth(np.array([5.0, np.nan, np.inf, 6.0]))
    assert (first, gap, endless) == pytest.approx((5.0, 5.0, 5.0))
    assert 5.0 < last < 6.0
    assert np.isnan(ExponentialAverage()(np.array([np.nan])))


@pytest.mark.parametrize("span", [2, 10, 1000])
def test_smoothing_in_pieces_of_any_length_is_the_average_that_its_definition_says(span: int) -> None:
    values = np.random.default_rng(0).lognormal(-3, 1, 5000)
    total = weight = 0.0
    expected = []
    for value in values:
        total, weight = (part + (new - part) / span for part, new in ((total, value), (weight, 1.0)))
        expected.append(total / weight)
    smooth = ExponentialAverage(span)
    pieces = [smooth(piece) for piece in np.split(values, [0, 1, 2, 700, 4000])]
    assert np.concatenate(pieces) == pytest.approx(np.array(expected), rel=1e-9)


def drawings(chart: Any) -> list[float]:
    """The times at which a chart is drawn from now on."""
    times: list[float] = []
    show_lines = chart.show_curves

    def note(*arguments: Any, **more: Any) -> None:
        times.append(time.monotonic())
        show_lines(*arguments, **more)

    chart.show_curves = note
    return times


def test_charts_draw_new_events_at_most_once_a_second(qapp: Any, qtbot: Any) -> None:
    panel = ChartPanel()
    qtbot.addWidget(panel)
    loss, psnr = drawings(panel.loss), drawings(panel.psnr)
    panel.show()
    began = time.monotonic()
    number = 0
    while time.monotonic() - began < 2.6:
        number += 1
        panel.on_event(step(number))
        qtbot.wait(1)
    assert len(loss) >= 3 and min(np.diff(loss)) >= 0.9  # a timer of Qt may be 5 % early
    assert loss[0] - began < 0.3, "the first steps are seen at once"
    assert len(psnr) == 1, "nothing new"
    panel.on_event(validated(number, 31.0))
    panel.on_event(CheckpointSaved(number, "x.pth", "step"))
    qtbot.waitUntil(lambda: drawn(panel.psnr, "PSNR") == 1)
    assert drawn(panel.loss, "loss") == number
    assert len(psnr) == 2


def test_what_the_user_chooses_is_drawn_at_once(qapp: Any, qtbot: Any) -> None:
    panel = ChartPanel()
    qtbot.addWidget(panel)
    loss = drawings(panel.loss)
    panel.show()
    panel.on_event(step(1))
    qtbot.waitUntil(lambda: len(loss) == 1)
    panel.loss_options.changed.emit()
    qtbot.waitUntil(lambda: len(loss) == 2)
    assert loss[1] - loss[0] < 0.4


def test_a_drawing_leaves_nothing_for_the_painting_to_move(qapp: Any, qtbot: Any) -> None:
    panel = ChartPanel()
    qtbot.addWidget(panel)
    panel.show()
    qtbot.wait(100)
    for number in range(1, 50):
        panel.on_event(step(number))
    panel.draw()
    moved: list[object] = []
    panel.loss.plot.view.sigRangeChanged.connect(lambda *range: moved.append(range))
    panel.loss.plot.viewport().repaint()
    assert panel.loss.plot.visible_range[1] >= 49
    assert not moved


def numbers(chart: Chart) -> tuple[list[str], list[str]]:
    """Those that the vertical axis should have at least, and those that are drawn."""
    axis = chart.plot.getPlotItem().getAxis("left")
    low, high = axis.range
    spacing, values = axis.tickValues(low, high, axis.height())[0]
    edge = 0.06 * (high - low)  # where a number would reach beyond the axis
    values = [value for value in values if low + edge <= value <= high - edge]
    painter = QPainter(picture := QPicture())
    texts = [text for _, _, text in axis.generateDrawSpecs(painter)[2]]
    painter.end()
    del picture
    return axis.tickStrings(values, axis.scale, spacing), texts


@pytest.mark.parametrize("gain", [0.0, 1e-4, 0.006, 0.03, 0.06, 0.4, 3.0])
def test_a_psnr_close_to_bicubic_has_numbers_all_the_same(panel: ChartPanel, gain: float) -> None:
    panel.clear()
    panel.on_event(validated(40, 23.1876 + gain, 23.1876))
    panel.draw()
    wanted, drawn_ = numbers(panel.psnr)
    assert wanted and set(wanted) <= set(drawn_)


@pytest.mark.parametrize("rate", [1e-3, 2e-4, 2.5e-4, 1e-4, 3e-5])
def test_every_learning_rate_has_numbers(panel: ChartPanel, qtbot: Any, rate: float) -> None:
    panel.clear()
    panel.rate.show()
    for number in range(1, 50):
        losses = {"total": 1.0}
        panel.on_event(StepDone(number, 50, losses, rate * (1 - number / 60), 1.0, 2.0, 1.0, 1.0, 10**9))
    panel.draw()
    wanted, drawn_ = numbers(panel.rate)
    assert wanted and set(wanted) <= set(drawn_)


def choose(qtbot: Any, box: QComboBox, text: str) -> None:
    """With the keys alone."""
    box.setFocus()
    qtbot.keyClick(box, Qt.Key.Key_Home)
    while box.currentText() != text:
        before = box.currentText()
        qtbot.keyClick(box, Qt.Key.Key_Down)
        assert box.currentText() != before


def smoothed(panel: ChartPanel) -> np.ndarray:
    found = curve(panel.loss, "loss")
    assert found is not None
    return np.asarray(found.getOriginalDataset()[1])


def test_the_smoothing_of_the_loss_is_chosen_by_keyboard_and_remembered(panel: ChartPanel, qtbot: Any) -> None:
    values = [0.1 + 0.05 * (number % 2) for number in range(60)]
    panel.show_figures(figures_of(*(step(number, l1=value) for number, value in enumerate(values, 1))))
    spreads = []
    for text in ("Smooth 10", "Smooth 200"):
        choose(qtbot, panel.loss_options.smoothing, text)
        panel.draw()
        assert drawn(panel.loss, "loss", CurveStyle.FAINT) == 60, "what came stays to be seen"
        spreads.append(np.ptp(smoothed(panel)[-10:]))
    assert 0.05 > spreads[0] > 2 * spreads[1]
    choose(qtbot, panel.loss_options.smoothing, "Raw")
    panel.draw()
    assert smoothed(panel) == pytest.approx(np.array(values))
    assert drawn(panel.loss, "loss", CurveStyle.FAINT) == 0
    again = ChartPanel()
    qtbot.addWidget(again)
    assert again.loss_options.smoothing.currentText() == "Raw"


def test_the_axis_of_the_loss_is_chosen_by_keyboard_and_remembered(panel: ChartPanel, qtbot: Any) -> None:
    axis = panel.loss.plot.getPlotItem().getAxis("left")
    panel.loss.plot.view.setXRange(5, 15, padding=0)
    assert axis.logMode
    assert panel.loss_options.axis.text() == "Log scale", "a tab is named Log"
    qtbot.keyClick(panel.loss_options.axis, Qt.Key.Key_Space)
    panel.draw()
    assert not axis.logMode
    low, high = panel.loss.plot.view.viewRange()[1]
    assert low < 0.1 < high, "the loss itself, not its exponent"
    assert panel.loss.plot.visible_range == pytest.approx((5, 15))
    again = ChartPanel()
    qtbot.addWidget(again)
    assert not again.loss.plot.getPlotItem().getAxis("left").logMode


@pytest.mark.parametrize("stored", ["nonsense", "7", ""])
def test_a_look_that_cannot_be_used_is_the_usual_one(qapp: Any, qtbot: Any, stored: str) -> None:
    for key in ("charts/smoothing", "charts/loss_axis"):
        open_settings_store().setValue(key, stored)
    panel = ChartPanel()
    qtbot.addWidget(panel)
    assert (panel.loss_options.smoothing_span, panel.loss_options.is_logarithmic) == (40, True)


def test_the_look_of_the_loss_goes_with_its_chart(panel: ChartPanel, qtbot: Any) -> None:
    switch = next(button for button in panel.findChildren(QPushButton) if button.text() == "Loss")
    qtbot.mouseClick(switch, Qt.MouseButton.LeftButton)
    assert not panel.loss_options.isVisible()
    qtbot.mouseClick(switch, Qt.MouseButton.LeftButton)
    assert panel.loss_options.isVisible()


def test_what_a_resumed_run_drops_is_not_in_its_average(panel: ChartPanel) -> None:
    panel.figures.losses["total"].smooth(40)
    panel.on_event(begun(12))
    panel.on_event(step(13, l1=0.2))
    fresh = figures_of(*(step(number) for number in range(1, 13)), step(13, l1=0.2))
    assert panel.figures.losses["total"].smooth(40).y == pytest.approx(fresh.losses["total"].smooth(40).y)


def test_a_resumed_run_drops_what_it_does_again_and_a_new_one_everything(panel: ChartPanel) -> None:
    panel.on_event(begun(12))
    assert panel.figures.losses["total"].raw.x[-1] == 12
    assert list(panel.figures.psnr.x) == [10]
    assert panel.figures.checkpoints == [12]
    panel.on_event(step(13))
    assert list(panel.figures.losses["total"].raw.x[-2:]) == [12, 13]
    panel.on_event(begun(0))
    assert not panel.figures
    assert panel.figures.best is None


def test_the_mouse_reads_out_the_nearest_point(panel: ChartPanel, qtbot: Any) -> None:
    viewport = panel.psnr.plot.viewport()
    qtbot.mouseMove(viewport, place(panel.psnr, 11.2))
    qtbot.waitUntil(lambda: panel.psnr.read_out == "step 10, PSNR 24.00 dB")
    qtbot.wait(20)  # the plot looks at the mouse a hundred times a second
    qtbot.mouseMove(viewport, place(panel.psnr, 18.9))
    qtbot.waitUntil(lambda: panel.psnr.read_out == "step 20, PSNR 25.00 dB (best)")
    assert "○" in label(panel.psnr, "read_out").text()  # as the ring in the plot
    box = label(panel.psnr, "read_out")
    assert box.isVisible()
    assert panel.psnr.rect().contains(box.geometry())
    qtbot.wait(20)
    qtbot.mouseMove(viewport, QPoint(1, 1))  # on the axis
    qtbot.waitUntil(lambda: panel.psnr.read_out == "")
    assert not box.isVisible()


def test_the_keyboard_reads_out_zooms_and_chooses(panel: ChartPanel, qtbot: Any) -> None:
    chart = panel.loss
    chart.setFocus()
    assert chart.hasFocus()
    qtbot.keyClick(chart, Qt.Key.Key_Left)
    assert chart.read_out.startswith("step 20, loss 0.1")
    raw, smooth = panel.figures.losses["total"].raw, smoothed(panel)
    assert chart.read_out == f"step 20, loss {raw.y[-1]:.4g} (smoothed {smooth[-1]:.4g})"
    qtbot.keyClick(chart, Qt.Key.Key_Left)
    assert chart.read_out.startswith("step 19")
    spoken = QAccessible.queryAccessibleInterface(chart)
    assert spoken.text(QAccessible.Text.Description) == chart.read_out
    assert "Loss" in spoken.text(QAccessible.Text.Name)
    qtbot.keyClick(chart, Qt.Key.Key_Left, Qt.KeyboardModifier.ShiftModifier)
    assert chart.read_out.startswith("step 17")
    qtbot.keyClick(chart, Qt.Key.Key_Right)
    assert chart.read_out.startswith("step 18")
    with qtbot.waitSignal(panel.step_chosen) as chosen:
        qtbot.keyClick(chart, Qt.Key.Key_Return)
    assert chosen.args == [18]
    left, right = chart.plot.visible_range
    qtbot.keyClick(chart, Qt.Key.Key_Plus)
    assert chart.plot.visible_range[1] - chart.plot.visible_range[0] == pytest.approx((right - left) / 1.5)
    for _ in range(12):
        qtbot.keyClick(chart, Qt.Key.Key_Left)
    assert chart.read_out.startswith("step 6")
    assert chart.plot.visible_range[0] <= 6 <= chart.plot.visible_range[1]
    qtbot.keyClick(chart, Qt.Key.Key_Home)
    qtbot.waitUntil(lambda: chart.plot.visible_range == pytest.approx((left, right), abs=0.5))
    qtbot.keyClick(chart, Qt.Key.Key_Escape)
    assert chart.read_out == ""


def test_no_number_reaches_into_the_corner_that_says_step(panel: ChartPanel) -> None:
    axis = panel.loss.plot.getPlotItem().getAxis("bottom")
    axis.setRange(49, 307)
    assert axis.tickStrings([50, 100, 307], 1.0, 50) == ["", "100", "307"]
    axis.setRange(-2, 307)
    assert axis.tickStrings([0, 100], 1.0, 50) == ["0", "100"]


def test_axes_have_numbers_as_soon_as_a_curve_has_points(qapp: Any, qtbot: Any) -> None:
    panel = ChartPanel()
    qtbot.addWidget(panel)
    panel.show()
    panel.draw()

    def numbered(chart: Chart) -> list[bool]:
        return [chart.plot.getPlotItem().getAxis(side).labels_visible for side in ("left", "bottom")]

    assert numbered(panel.loss) == numbered(panel.psnr) == [False, False]
    panel.on_event(step(1))
    qtbot.waitUntil(lambda: numbered(panel.loss) == [True, True])
    assert numbered(panel.psnr) == [False, False]
    panel.on_event(validated(1, 24.0))
    qtbot.waitUntil(lambda: numbered(panel.psnr) == [True, True])
    panel.clear()
    qtbot.waitUntil(lambda: numbered(panel.loss) == numbered(panel.psnr) == [False, False])


def test_the_read_out_follows_what_is_drawn(panel: ChartPanel, qtbot: Any) -> None:
    panel.on_event(step(21, l1=0.9))
    qtbot.waitUntil(lambda: drawn(panel.loss, "loss") == 21)
    panel.loss.setFocus()
    qtbot.keyClick(panel.loss, Qt.Key.Key_Left)
    before = panel.loss.read_out
    choose(qtbot, panel.loss_options.smoothing, "Raw")
    qtbot.waitUntil(lambda: panel.loss.read_out == "step 21, loss 0.9")
    assert before.startswith("step 21") and before != panel.loss.read_out
    panel.clear()
    qtbot.waitUntil(lambda: panel.loss.read_out == "")


def test_empty_charts_say_what_they_wait_for_clear_of_the_axes(qapp: Any, qtbot: Any) -> None:
    panel = ChartPanel()
    qtbot.addWidget(panel)
    panel.resize(640, 170)
    panel.show()
    said = {}
    for chart in (panel.loss, panel.psnr):
        empty = label(chart, "empty")
        qtbot.waitUntil(lambda chart=chart, empty=empty: empty.isVisible() and empty.width() < chart.plot.width())
        said[chart] = empty.text()
        between = chart.plot.mapFromScene(chart.plot.view.sceneBoundingRect()).boundingRect()
        assert between.contains(empty.geometry())
        assert empty.heightForWidth(empty.width()) <= empty.height()
    assert "first steps" in said[panel.loss] and "first check" in said[panel.psnr]
    panel.on_event(step(1))
    qtbot.waitUntil(lambda: not label(panel.loss, "empty").isVisible())
    assert label(panel.psnr, "empty").isVisible()


def test_an_empty_chart_has_nothing_of_the_run_before(panel: ChartPanel, qtbot: Any) -> None:
    def numbered() -> list[bool]:
        axes = [panel.loss.plot.getPlotItem().getAxis(side) for side in ("left", "bottom")]
        return [axis.labels_visible for axis in axes]

    assert numbered() == [True, True]
    panel.loss.plot.view.setXRange(5, 9)
    panel.clear()
    panel.draw()
    assert numbered() == [False, False]
    assert panel.loss.plot.visible_range[1] < 5
    for number in range(1, 4):
        panel.on_event(step(number))
    panel.draw()
    qtbot.waitUntil(lambda: 3 <= panel.loss.plot.visible_range[1] < 5)
    assert numbered() == [True, True]


def test_focus_can_be_seen(panel: ChartPanel, qtbot: Any) -> None:
    panel.activateWindow()
    panel.loss.setFocus()
    qtbot.waitUntil(panel.loss.hasFocus)
    accent = theme().colors.accent
    edge = panel.loss.grab().toImage().pixelColor(panel.loss.width() // 2, 0)
    other = panel.psnr.grab().toImage().pixelColor(panel.psnr.width() // 2, 0)
    assert edge.name() == accent
    assert other.name() != accent


def test_a_click_names_the_step_and_near_a_tick_the_checkpoint_s(panel: ChartPanel, qtbot: Any) -> None:
    chart = panel.loss
    for x, named in ((5.0, 5), (12.2, 12)):
        with qtbot.waitSignal(panel.step_chosen) as chosen:
            qtbot.mouseClick(chart.plot.viewport(), Qt.MouseButton.LeftButton, pos=place(chart, x))
        assert chosen.args == [named]


def drag(qtbot: Any, chart: Chart, start: QPoint, end: QPoint, modifier: Any = Qt.KeyboardModifier.NoModifier) -> None:
    """Drag the mouse over a plot with the left button."""
    viewport, left = chart.plot.viewport(), Qt.MouseButton.LeftButton
    qtbot.mousePress(viewport, left, modifier, start)
    for share in (0.3, 0.6, 1.0):
        at = QPointF(start) + QPointF(end - start) * share
        where = QPointF(viewport.mapToGlobal(at.toPoint()))
        event = QMouseEvent(QEvent.Type.MouseMove, at, where, Qt.MouseButton.NoButton, left, modifier)
        QApplication.sendEvent(viewport, event)
        qtbot.wait(20)  # the plot looks at the mouse a hundred times a second
    qtbot.mouseRelease(viewport, left, modifier, end)


def test_a_rectangle_zooms_to_what_it_encloses_and_a_double_click_shows_everything(
    panel: ChartPanel, qtbot: Any
) -> None:
    view = panel.psnr.plot.view
    everything = view.viewRange()

    def pixel(step: float, psnr: float) -> QPoint:
        point: QPoint = panel.psnr.plot.mapFromScene(view.mapViewToScene(QPointF(step, psnr)))
        return point

    with qtbot.assertNotEmitted(panel.step_chosen):
        drag(qtbot, panel.psnr, pixel(12, 24.0), pixel(18, 24.8))
    (left, right), (low, high) = view.viewRange()
    assert (left, right) == pytest.approx((12, 18), abs=0.2) and (low, high) == pytest.approx((24.0, 24.8), abs=0.1)
    assert not view.rbScaleBox.isVisible()
    panel.on_event(validated(21, 30.0))
    panel.draw()
    assert view.viewRange() == [pytest.approx([left, right]), pytest.approx([low, high])]
    drag(qtbot, panel.psnr, pixel(13, 24.2), pixel(15, 24.4), Qt.KeyboardModifier.ShiftModifier)
    (left, right), (low, high) = view.viewRange()
    assert (left, low) == pytest.approx((10, 23.8), abs=0.1) and (right, high) == pytest.approx((16, 24.6), abs=0.1)
    panel.figures.psnr.rewind(20)
    panel.draw()
    qtbot.mouseDClick(panel.psnr.plot.viewport(), Qt.MouseButton.LeftButton, pos=pixel(13, 24.2))
    qtbot.waitUntil(lambda: np.allclose(view.viewRange(), everything, atol=0.1))


def test_a_flat_rectangle_zooms_the_steps_only_and_a_narrow_one_nothing(panel: ChartPanel, qtbot: Any) -> None:
    view = panel.loss.plot.view
    before = view.viewRange()
    height = QPoint(0, 3)
    drag(qtbot, panel.loss, place(panel.loss, 10), place(panel.loss, 10) + QPoint(4, 40))
    assert view.viewRange() == before
    drag(qtbot, panel.loss, place(panel.loss, 15), place(panel.loss, 5) + height)
    assert panel.loss.plot.visible_range == pytest.approx((5, 15), abs=0.2)
    assert view.autoRangeEnabled()[1] and not view.autoRangeEnabled()[0]
    drag(qtbot, panel.loss, place(panel.loss, 10), place(panel.loss, 12), Qt.KeyboardModifier.ShiftModifier)
    assert panel.loss.plot.visible_range == pytest.approx((3, 13), abs=0.3)
    assert view.autoRangeEnabled()[1]


def test_the_best_point_is_ringed_and_bicubic_is_visible(panel: ChartPanel, qtbot: Any) -> None:
    assert panel.figures.best == (20, 25.0)
    panel.on_event(validated(30, 24.5))
    qtbot.waitUntil(lambda: drawn(panel.psnr, "PSNR") == 3)
    (ring,) = (item for item in panel.psnr.plot.listDataItems() if isinstance(item, pg.ScatterPlotItem))
    assert ring.getData()[0][0] == 20
    low, high = panel.psnr.plot.view.viewRange()[1]
    assert low <= 22.0 < 25.0 <= high
    assert "plain enlargement" in label(panel.psnr, "legend").text().replace("&nbsp;", " ")


def test_an_adversarial_stage_shows_the_spectrum_distance_and_marks_the_model_that_is_the_best(
    panel: ChartPanel, qtbot: Any
) -> None:
    assert not panel.spectrum.isVisible() and not panel._spectrum_switch.isVisible()

    def sharper(number: int, psnr: float, spectrum: float, *, best: bool) -> Validated:
        sharp = dataclasses.replace(validated(number, psnr), spectrum=spectrum, bicubic_spectrum=4.0)
        return dataclasses.replace(sharp, is_best=best)

    events = [sharper(0, 25.0, 3.0, best=True), sharper(10, 24.5, 1.5, best=True), sharper(20, 24.4, 2.0, best=False)]
    panel.show_figures(figures_of(step(1), *events))
    assert panel.spectrum.isVisible() and panel._spectrum_switch.isVisible()
    assert (panel.figures.best, panel.figures.best_spectrum) == ((10, 24.5), (10, 1.5))
    qtbot.waitUntil(lambda: drawn(panel.spectrum, "spectrum distance") == 3)
    (ring,) = (item for item in panel.spectrum.plot.listDataItems() if isinstance(item, pg.ScatterPlotItem))
    assert ring.getData()[0][0] == 10
    assert "plain enlargement" in label(panel.spectrum, "legend").text().replace("&nbsp;", " ")
    panel.on_event(begun(5))
    assert (panel.figures.best, list(panel.figures.spectrum.x)) == ((0, 25.0), [0])
    panel.clear()
    assert not panel.spectrum.isVisible() and not panel._spectrum_switch.isVisible()


def test_the_validation_loss_is_drawn_beside_the_loss_that_it_is_compared_with(panel: ChartPanel, qtbot: Any) -> None:
    assert not curve(panel.loss, "validation loss")  # a journal of an earlier version

    def checked(number: int, loss: float) -> Validated:
        return dataclasses.replace(validated(number, 24.0), loss=loss)

    for event in (step(30), checked(30, 0.2), step(40), checked(40, 0.15)):
        panel.on_event(event)
    qtbot.waitUntil(lambda: drawn(panel.loss, "validation loss") == 2)  # joined, since a line needs two
    assert panel.loss.legend == "loss, validation loss"
    item = curve(panel.loss, "validation loss")
    assert item is not None and item.opts["pen"].color().name() == theme().colors.series[-1]
    panel.loss.setFocus()
    qtbot.keyClick(panel.loss, Qt.Key.Key_Left)
    assert panel.loss.read_out == "step 40, loss 0.1 (smoothed 0.1), validation loss 0.15"
    panel.loss_options.axis.click()
    panel.time_switch.click()
    qtbot.waitUntil(lambda: horizontal(panel.loss, "validation loss")[0] < 10)
    panel.on_event(begun(30))
    assert list(panel.figures.validation_loss.x) == [30]
    terms = {"l1": 0.1, "gan": 0.2}
    panel.show_figures(figures_of(step(1, **terms), checked(1, 0.2), step(2, **terms), checked(2, 0.1)))
    qtbot.waitUntil(lambda: panel.loss.legend == "total, l1, gan, validation l1")
    assert drawn(panel.loss, "validation l1") == 2
    panel.show_figures(figures_of(checked(0, 0.2)))  # before the first step there is nothing to compare
    qtbot.waitUntil(lambda: panel.loss.legend == "")
    assert drawn(panel.loss, "validation l1") == 0


def test_terms_of_the_loss_are_named_with_their_colors(panel: ChartPanel, qtbot: Any) -> None:
    assert panel.loss.legend == ""  # one term needs no legend
    panel.show_figures(figures_of(step(1, pixel=0.1, perceptual=0.2), step(2, pixel=0.1, perceptual=0.2)))
    qtbot.waitUntil(lambda: panel.loss.legend == "total, pixel, perceptual")
    for color in theme().colors.series[:3]:
        assert color in label(panel.loss, "legend").text()
    panel.loss.setFocus()
    qtbot.keyClick(panel.loss, Qt.Key.Key_Left)
    assert panel.loss.read_out == (
        "step 2, total 0.3 (smoothed 0.3), pixel 0.1 (smoothed 0.1), perceptual 0.2 (smoothed 0.2)"
    )


def test_another_run_is_drawn_beside_this_one_and_taken_away_again(panel: ChartPanel, qtbot: Any) -> None:
    panel.show_others({"last week": figures_of(*(step(number) for number in range(1, 41)), validated(40, 23.0))})
    qtbot.waitUntil(lambda: drawn(panel.loss, "last week", CurveStyle.OTHER) == 40)
    assert panel.loss.legend == "this run, last week"
    assert panel.psnr.legend == "this run, last week"
    panel.loss.setFocus()
    qtbot.keyClick(panel.loss, Qt.Key.Key_Left)
    assert panel.loss.read_out == "step 20, this run 0.1 (smoothed 0.1), last week 0.1 (smoothed)"
    qtbot.waitUntil(lambda: panel.loss.plot.visible_range[1] >= 40)
    panel.show_others({})
    qtbot.waitUntil(lambda: drawn(panel.loss, "last week", CurveStyle.OTHER) == 0)
    assert panel.loss.legend == ""


def test_several_runs_are_drawn_in_different_colors(panel: ChartPanel, qtbot: Any) -> None:
    runs = {name: figures_of(step(1), step(2), validated(2, 23.0)) for name in ("first", "second")}
    panel.show_others(runs, run="mine")
    qtbot.waitUntil(lambda: drawn(panel.psnr, "second", CurveStyle.OTHER) == 1)
    assert panel.loss.legend == "mine, first, second" and panel.psnr.legend == "mine, first, second"
    colors = [found.opts["pen"].color().name() for name in runs if (found := curve(panel.psnr, name, CurveStyle.OTHER))]
    assert len(set(colors)) == 2
    panel.show_others({"second": runs["second"]})
    qtbot.waitUntil(lambda: panel.loss.legend == "this run, second")
    panel.show_figures(figures_of(step(1, pixel=0.1, perceptual=0.2)))
    qtbot.waitUntil(lambda: panel.loss.legend == "this run: total, pixel, perceptual, second")


def test_a_curve_of_a_single_point_is_a_dot_until_it_has_a_second_one(panel: ChartPanel, qtbot: Any) -> None:
    panel.ssim.show()
    panel.show_figures(figures_of(step(1), validated(1, 22.0)))
    panel.show_others({"short": figures_of(step(1), validated(1, 23.0)), "long": figures_of(*map(step, (1, 2)))})
    qtbot.waitUntil(lambda: drawn(panel.psnr, "short", CurveStyle.OTHER) == 1)

    def symbol(chart: Chart, name: str, look: CurveStyle = CurveStyle.PLAIN) -> object:
        found = curve(chart, name, look)
        assert found is not None
        return found.opts["symbol"]

    def has_color(chart: Chart, value: float, color: str) -> bool:
        middle = chart.plot.mapFromScene(chart.plot.view.mapViewToScene(QPointF(1, value)))
        found: QColor = (
            chart.plot.grab().toImage().pixelColor(middle)
        )  # a little paler where a line of the grid crosses it
        wanted = QColor(color)
        return max(abs(found.red() - wanted.red()), abs(found.blue() - wanted.blue())) < 32

    assert symbol(panel.loss, "loss") == symbol(panel.psnr, "PSNR") == symbol(panel.ssim, "SSIM") == "o"
    assert symbol(panel.loss, "long", CurveStyle.OTHER) is None
    assert has_color(panel.psnr, 22.0, theme().colors.series[0])
    assert has_color(panel.psnr, 23.0, theme().colors.muted)
    panel.on_event(step(2))
    panel.on_event(validated(2, 22.5))
    qtbot.waitUntil(lambda: symbol(panel.psnr, "PSNR") is None)


@pytest.mark.filterwarnings("error::RuntimeWarning")
def test_a_single_point_without_a_value_is_not_drawn(panel: ChartPanel, qtbot: Any) -> None:
    panel.show_figures(figures_of(step(1, l1=math.nan)))
    qtbot.waitUntil(lambda: drawn(panel.loss, "loss") == 1)
    found = curve(panel.loss, "loss")
    assert found is not None and found.opts["symbol"] is None


def choose_axis(panel: ChartPanel, qtbot: Any, *, by_time: bool) -> None:
    if panel.time_switch.isChecked() is not by_time:
        qtbot.mouseClick(panel.time_switch, Qt.MouseButton.LeftButton)
    panel.draw()


def test_the_curves_are_drawn_by_time_and_the_choice_is_remembered(panel: ChartPanel, qtbot: Any) -> None:
    panel.show_others({"slow": figures_of(*(slow_step(number) for number in range(1, 11)), validated(5, 23.0))})
    choose_axis(panel, qtbot, by_time=True)
    assert horizontal(panel.loss, "loss")[[0, -1]] == pytest.approx([0.1, 2.0])
    assert horizontal(panel.psnr, "PSNR") == pytest.approx([1.0, 2.0])
    assert horizontal(panel.loss, "slow", CurveStyle.OTHER)[-1] == pytest.approx(600)
    assert horizontal(panel.psnr, "slow", CurveStyle.OTHER) == pytest.approx([300])
    (ring,) = (item for item in panel.psnr.plot.listDataItems() if isinstance(item, pg.ScatterPlotItem))
    assert ring.getData()[0][0] == pytest.approx(2.0)
    qtbot.waitUntil(lambda: panel.loss.plot.visible_range[1] >= 600)
    again = ChartPanel()
    qtbot.addWidget(again)
    assert again.time_switch.isChecked() and again.loss.plot.x_caption != "step"
    choose_axis(panel, qtbot, by_time=False)
    assert horizontal(panel.loss, "loss")[-1] == 20
    qtbot.waitUntil(lambda: panel.loss.plot.visible_range[1] < 30)


def test_a_chart_by_time_reads_out_time_and_step_and_a_click_chooses_the_step(panel: ChartPanel, qtbot: Any) -> None:
    panel.show_figures(figures_of(*(slow_step(number) for number in range(1, 21)), validated(20, 25.0)))
    choose_axis(panel, qtbot, by_time=True)
    chart = panel.loss
    chart.setFocus()
    qtbot.keyClick(chart, Qt.Key.Key_Left)
    assert chart.read_out.startswith("20:00 (step 20), loss 0.1")
    with qtbot.waitSignal(panel.step_chosen) as chosen:
        qtbot.keyClick(chart, Qt.Key.Key_Return)
    assert chosen.args == [20]
    with qtbot.waitSignal(panel.step_chosen) as chosen:
        qtbot.mouseClick(chart.plot.viewport(), Qt.MouseButton.LeftButton, pos=place(chart, 305))
    assert chosen.args == [5]
    choose_axis(panel, qtbot, by_time=False)
    assert chart.read_out == ""


def test_a_resumed_run_continues_its_time_and_a_rollback_does_not_count_it_twice() -> None:
    figures = figures_of(begun(0), *(step(number) for number in range(1, 21)))
    assert figures.time.seconds_at(np.array([0, 5, 12.5])) == pytest.approx([0, 0.5, 1.25])
    figures.add_event(begun(10))
    figures.add_event(step(11))
    assert figures.time.seconds_at(np.array([10, 11])) == pytest.approx([1.0, 2.1])
    rolled_back = RolledBack(20, 11, "the loss rose", 1e-4, 1)
    for event in (step(20), rolled_back, begun(11), dataclasses.replace(step(12), elapsed=2.1)):
        figures.add_event(event)
    assert figures.time.seconds_at(np.array([10, 11, 12])) == pytest.approx([1.0, 2.1, 3.1])
    assert figures.time.step_at(3.1) == pytest.approx(12)
    assert RunFigures().time.seconds_at(np.array([3])) == 0


@pytest.mark.parametrize(
    ("seconds", "caption", "labels"),
    [
        (100, "s", ["20", "40", "60", "80"]),
        (600, "min", ["2", "4", "6", "8"]),
        (5 * 3600, "hours", ["1", "2", "3", "4"]),
        (5 * 86400, "days", ["1", "2", "3", "4"]),
    ],
)
def test_a_time_axis_has_round_numbers_of_the_unit_that_suits_it(
    panel: ChartPanel, qtbot: Any, seconds: int, caption: str, labels: list[str]
) -> None:
    choose_axis(panel, qtbot, by_time=True)
    panel.loss.plot.view.setXRange(0, seconds, padding=0)
    assert panel.loss.plot.x_caption == caption
    assert caption in [found.text() for found in panel.loss.plot.findChildren(QLabel)]
    axis = panel.loss.plot.getPlotItem().getAxis("bottom")
    shown = [text for spacing, at in axis.tickValues(*axis.range, 300) for text in axis.tickStrings(at, 1.0, spacing)]
    assert set(labels) <= set(shown)


def test_curves_are_used_again_however_often_a_run_is_loaded(panel: ChartPanel, qtbot: Any) -> None:
    panel.show_others({"other": figures_of(step(1), step(2))})
    panel.draw()
    before = len(panel.loss.plot.items())
    for _ in range(30):
        panel.show_figures(figures_of(step(1), step(2), step(3)))
        panel.draw()
    assert len(panel.loss.plot.items()) == before


def test_a_loss_that_is_zero_or_not_a_number_is_a_gap(panel: ChartPanel, qtbot: Any) -> None:
    values = (0.1, 0.0, float("nan"), float("inf"), 0.1)
    panel.show_figures(figures_of(*(step(number, l1=value) for number, value in enumerate(values, 1))))
    qtbot.waitUntil(lambda: drawn(panel.loss, "loss") == 5)
    panel.grab()
    panel.loss.setFocus()
    qtbot.keyClick(panel.loss, Qt.Key.Key_Left)
    assert panel.loss.read_out.startswith("step 5")
    low, high = panel.loss.plot.view.viewRange()[1]
    assert np.isfinite([low, high]).all()


def test_labels_can_be_read() -> None:
    assert [step_label(x) for x in (-20, 0, 0.5, 800, 9500, 12000, 12500, 1500000)] == [
        "",
        "0",
        "",
        "800",
        "9500",
        "12k",
        "12.5k",
        "1.5M",
    ]
    assert log_ticks(0.01, 1.2, 4) == pytest.approx([0.01, 0.1, 1.0])
    assert log_ticks(0.041, 0.072, 5) == pytest.approx([0.05, 0.06, 0.07])
    assert log_ticks(0.0, 1.0, 5) == []
    for low, high in ((0.0401, 0.0409), (0.002, 0.3), (1e-9, 10.0)):
        ticks = log_ticks(low, high, 6)
        assert 2 <= len(ticks) <= 7
        assert all(low <= tick <= high for tick in ticks)


def test_the_theme_may_change_with_the_curves_drawn(panel: ChartPanel, qtbot: Any) -> None:
    try:
        theme().set_choice("dark")
        loss = curve(panel.loss, "loss")
        assert loss is not None
        qtbot.waitUntil(lambda: loss.opts["pen"].color().name() == theme().colors.series[0])
    finally:
        theme().set_choice("system")


@pytest.mark.long
def test_a_hundred_thousand_steps_draw_quickly(qapp: Any, qtbot: Any) -> None:
    panel = ChartPanel()
    qtbot.addWidget(panel)
    terms = {"pixel": 0.05, "perceptual": 0.02, "frequency": 0.01}
    steps = [step(n, **{name: size + 0.001 * (n % 7) for name, size in terms.items()}) for n in range(1, 100001)]
    panel.show_figures(figures_of(*steps, *(validated(n, 20 + n / 1e5) for n in range(100, 100001, 100))))
    panel.show_others({"other": panel.figures})
    panel.rate.show()
    panel.resize(1200, 400)
    panel.show()
    qtbot.wait(500)
    durations = []
    for span in (1000, 10, 200, 40) * 2:
        panel.loss_options.smoothing.setCurrentIndex(
            panel.loss_options.smoothing.findData(span)
        )  # all is averaged again
        began = time.monotonic()
        panel.draw()
        for chart in (panel.loss, panel.psnr, panel.rate):
            chart.plot.viewport().repaint()
        durations.append(time.monotonic() - began)
    assert min(durations) < 0.25  # 0.05 on an idle machine; tests run on busy ones
