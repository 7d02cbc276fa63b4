"""The parts by themselves: curves, pictures, errors, waking, the thread."""

from __future__ import annotations

import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PySide6.QtCore import QPoint, Qt
from PySide6.QtWidgets import QApplication, QWidget

from app.charts.panel import ChartPanel
from app.charts.points import Points, Smooth
from app.errors import ErrorDialog, ErrorHook
from app.preview.panel import PreviewPanel
from app.session import Session, State
from app.system.awake import awake
from app.training_thread import TrainingThread
from trainer_core.events import CheckpointSaved, PreviewReady, Sample, StepDone, Validated


def step(number: int, loss: float = 0.1) -> StepDone:
    return StepDone(number, None, {"l1": loss, "total": loss}, 1e-4, 1.0, 10.0, number / 10, None, 10**9)


def sample(shade: int) -> Sample:
    lr = np.full((12, 10, 3), shade, np.uint8)
    large = np.full((48, 40, 3), shade + 20, np.uint8)
    return Sample("photo.png", lr, large, large, large, 30.0, 29.0)


def test_points_grow_and_find_the_nearest() -> None:
    points = Points()
    assert points.at(3) is None
    for number in range(5000):
        points.append(number, 2 * number)
    assert (len(points), points.x[-1], points.y[-1]) == (5000, 4999, 9998)
    assert points.at(7.4) == (7, 14)
    assert points.at(1e9) == (4999, 9998)


def test_smoothing_starts_at_the_first_value_and_survives_nan() -> None:
    smooth = Smooth()
    assert smooth(5.0) == pytest.approx(5.0)
    assert smooth(float("nan")) == pytest.approx(5.0)
    assert 5.0 < smooth(6.0) < 6.0


def test_charts_draw_what_they_heard_not_more_often_than_ten_times_a_second(qtbot: Any) -> None:
    panel = ChartPanel()
    qtbot.addWidget(panel)
    drawn: list[float] = []
    draw = panel.loss.draw
    panel.loss.draw = lambda: (drawn.append(time.monotonic()), draw())  # type: ignore[method-assign]
    panel.show()
    for number in range(1, 300):
        panel.hear(step(number))
        qtbot.wait(1)
    panel.hear(Validated(299, "val", 31.0, 0.9, 30.0, 0.8, True, 4, 0.1))
    panel.hear(CheckpointSaved(299, "x.pth", "step"))
    qtbot.wait(300)
    assert drawn
    assert min(np.diff(drawn)) >= 0.095
    line = panel.loss._curves["total"][0]
    assert len(line.getOriginalDataset()[0]) == 299


@pytest.mark.long
def test_a_hundred_thousand_steps_draw_quickly(qtbot: Any) -> None:
    panel = ChartPanel()
    qtbot.addWidget(panel)
    panel.load(step(number, 0.1 + 0.01 * (number % 7)) for number in range(1, 100001))
    panel.resize(900, 400)
    panel.show()
    qtbot.wait(200)
    durations = []
    for _ in range(5):
        began = time.monotonic()
        panel.loss.draw()
        panel.loss.repaint()
        durations.append(time.monotonic() - began)
    assert min(durations) < 0.25  # 0.05 on an idle machine; tests run on busy ones


def test_previews_are_shown_compared_and_found_again_on_disk(qtbot: Any, tmp_path: Path) -> None:
    from trainer_core.training.validation import strip

    panel = PreviewPanel()
    qtbot.addWidget(panel)
    panel.show()
    for number, shade in ((4, 40), (8, 80)):
        path = tmp_path / f"step{number:08d}_1.png"
        strip(sample(shade)).save(path)
        panel.hear(PreviewReady(number, (sample(shade),), (str(path),)))
    view = panel.view
    assert view.pictures is not None
    assert view.pictures.step == 8
    view.setFocus()
    for key, mode in ((Qt.Key.Key_1, "LR"), (Qt.Key.Key_3, "HR"), (Qt.Key.Key_B, "Side by side"), (Qt.Key.Key_2, "SR")):
        qtbot.keyClick(view, key)
        assert view.mode == mode
    qtbot.keyClick(view, Qt.Key.Key_Plus)
    assert view.zoom >= 1
    shown = view.grab().toImage().pixelColor(QPoint(view.width() // 2, view.height() // 2))
    assert shown.red() == 100
    panel._time.setValue(0)
    assert view.pictures.step == 4
    other = PreviewPanel()
    qtbot.addWidget(other)
    other.load(tmp_path)
    assert other.view.pictures is not None
    assert other.view.pictures.images["LR"].pixelColor(3, 3).red() == 80


def test_an_escaped_error_is_shown_once_and_the_window_lives(qtbot: Any, capsys: pytest.CaptureFixture[str]) -> None:
    window = QWidget()
    qtbot.addWidget(window)
    window.show()
    hook = ErrorHook(window)
    before = sys.excepthook
    hook.install()
    try:
        for _ in range(2):
            try:
                raise RuntimeError("the sky fell")
            except RuntimeError as error:
                sys.excepthook(RuntimeError, error, error.__traceback__)
        qtbot.waitUntil(lambda: bool(window.findChildren(ErrorDialog)))
    finally:
        hook.remove()
    assert sys.excepthook is before
    dialogs = window.findChildren(ErrorDialog)
    assert len(dialogs) == 1
    assert "the sky fell" in dialogs[0]._report.as_text()
    assert "the sky fell" in capsys.readouterr().err
    dialogs[0].reject()


def test_a_request_that_fails_comes_back_as_its_error(qapp: QApplication, qtbot: Any) -> None:
    thread = TrainingThread()
    thread.start()
    errors: list[Exception] = []
    thread.ask(lambda: 1 / 0, print, errors.append)
    qtbot.waitUntil(lambda: bool(errors))
    assert isinstance(errors[0], ZeroDivisionError)
    thread.close()


def test_a_training_that_cannot_be_planned_ends_in_idle(qapp: QApplication, qtbot: Any, tmp_path: Path) -> None:
    thread = TrainingThread()
    session = Session(thread)
    thread.start()
    with qtbot.waitSignal(session.ended, timeout=30000) as ended:
        session.start({"workspace": str(tmp_path / "run"), "source_dir": str(tmp_path / "nowhere")})
    assert session.state is State.IDLE
    assert ended.args[0].outcome == "refused"
    assert "does not exist" in str(ended.args[0].error)
    thread.close()


def test_the_machine_is_kept_awake_and_let_go_twice_without_harm() -> None:
    hold = awake()
    for _ in range(2):
        hold.hold()
        hold.hold()
        hold.release()
        hold.release()
