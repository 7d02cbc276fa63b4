"""Real trainings through the window: start, watch, pause, stop, resume, discard, close, finish, deploy."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QApplication, QMessageBox, QPushButton

from app.errors import ErrorDialog
from app.session import State
from app.window import Window
from tests.gui.handling import fill_in, finish
from trainer_core.sinks.journal import read_journal

_LONG = 60000  # milliseconds; a busy machine needs them


def click(qtbot: Any, button: QPushButton) -> None:
    qtbot.mouseClick(button, Qt.MouseButton.LeftButton)


def start(window: Window, qtbot: Any, *, until: int = 3) -> None:
    qtbot.waitUntil(lambda: window.project.ready, timeout=_LONG)
    click(qtbot, window.run_bar.start_button)
    assert window.session.state is State.STARTING
    qtbot.waitUntil(lambda: window.session.step >= until, timeout=_LONG)


def wait_idle(window: Window, qtbot: Any) -> None:
    qtbot.waitUntil(lambda: not window.session.active, timeout=_LONG)


def answer(window: Window, qtbot: Any, label: str) -> None:
    box = next(child for child in window.findChildren(QMessageBox) if child.isVisible())
    click(qtbot, next(button for button in box.buttons() if button.text() == label))


def test_start_pause_resume_stop_then_the_resume_offer(
    window: Window, qtbot: Any, photos: Path, tmp_path: Path
) -> None:
    workspace = tmp_path / "run"
    fill_in(window, photos, workspace, steps=100000, val_interval=4, image_log_interval=4)
    start(window, qtbot)
    bar = window.run_bar
    assert not window.form.rows["steps"].entry.isEnabled()
    qtbot.waitUntil(lambda: window.preview.view.pictures is not None, timeout=_LONG)
    figures = window.charts.figures
    qtbot.waitUntil(lambda: len(figures.losses["total"].raw) >= 3 and len(figures.psnr) >= 1)

    click(qtbot, bar.pause_button)
    assert window.session.state is State.PAUSED
    qtbot.wait(500)
    paused_at = window.session.step
    answered: list[int] = []
    window.training.ask(lambda: 42, answered.append, lambda error: None)
    qtbot.waitUntil(lambda: answered == [42])  # small requests are served while paused
    assert window.session.step == paused_at
    click(qtbot, bar.pause_button)
    qtbot.waitUntil(lambda: window.session.step > paused_at, timeout=_LONG)

    click(qtbot, bar.stop_button)
    assert window.session.state is State.STOPPING
    wait_idle(window, qtbot)
    assert window.run_bar.start_button.isVisible()
    assert "Stopped and saved" in window.result_card.text
    assert "WQV-Viewer" in window.result_card.text
    assert list((workspace / "checkpoints").glob("scale4_step*.pth"))

    stopped_at = window.session.step
    other = Window()
    other.show()
    other.begin_work()
    other.conductor.open_workspace(str(workspace))
    qtbot.waitUntil(lambda: "unfinished run" in other.resume_card.text, timeout=_LONG)
    assert f"step {stopped_at}" in other.resume_card.text
    qtbot.waitUntil(lambda: other.preview.view.pictures is not None)  # the earlier previews, from disk
    click(qtbot, other.resume_card.resume_button)
    qtbot.waitUntil(lambda: other.session.step > stopped_at, timeout=_LONG)
    finish(other, qtbot)
    starts = [r["start_step"] for r in read_journal(workspace / "journal.jsonl") if r["event"] == "RunStarted"]
    assert starts == [0, stopped_at]


def test_a_run_that_ends_shows_the_model_and_copies_it(
    window: Window, qtbot: Any, photos: Path, tmp_path: Path
) -> None:
    fill_in(window, photos, tmp_path / "run", steps=4, compact_export=False, monochrome_style=False)
    start(window, qtbot, until=0)
    wait_idle(window, qtbot)
    assert "complete at step 4" in window.result_card.text
    assert "Loads in WQV-Viewer" in window.result_card.text
    viewer = tmp_path / "viewer" / "models" / "custom"
    viewer.mkdir(parents=True)
    window.conductor.deployment.install(window.result_card.model, str(viewer))
    qtbot.waitUntil(lambda: "Copied to" in window.messages.text, timeout=_LONG)
    assert [path.name for path in viewer.iterdir()] == [Path(window.result_card.model).name]
    assert "step 4" in window.log.text
    moved = tmp_path / "elsewhere"
    (tmp_path / "run").rename(moved)
    window.conductor.open_workspace(str(moved))
    qtbot.waitUntil(lambda: Path(window.result_card.model).parent == moved / "models", timeout=_LONG)


def test_discard_asks_and_closing_asks(window: Window, qtbot: Any, photos: Path, tmp_path: Path) -> None:
    workspace = tmp_path / "run"
    fill_in(window, photos, workspace, steps=100000, val_interval=100000, checkpoint_interval=100000)
    start(window, qtbot)
    click(qtbot, window.run_bar.discard_button)
    answer(window, qtbot, "Go on training")
    assert window.session.state is State.TRAINING
    window.close()
    assert window.isVisible()
    answer(window, qtbot, "Cancel")
    click(qtbot, window.run_bar.discard_button)
    answer(window, qtbot, "Discard")
    wait_idle(window, qtbot)
    assert not list((workspace / "checkpoints").glob("*.pth"))


def test_closing_while_training_stops_saves_and_goes(
    qapp: QApplication, qtbot: Any, photos: Path, tmp_path: Path
) -> None:
    window = Window()
    window.show()
    window.begin_work()
    fill_in(window, photos, tmp_path / "run", steps=100000)
    start(window, qtbot)
    window.close()
    answer(window, qtbot, "Stop and save")
    qtbot.waitUntil(lambda: not window.isVisible() and not window.training.isRunning(), timeout=_LONG)
    assert list((tmp_path / "run" / "checkpoints").glob("scale4_step*.pth"))
    window.deleteLater()


def test_what_the_trainer_refuses_is_shown_and_the_window_is_ready_again(
    window: Window, qtbot: Any, photos: Path, tmp_path: Path
) -> None:
    fill_in(window, photos, tmp_path / "run", steps=4)
    qtbot.waitUntil(lambda: window.project.ready, timeout=_LONG)
    for photo in photos.iterdir():
        photo.unlink()
    click(qtbot, window.run_bar.start_button)
    wait_idle(window, qtbot)
    dialog = next(child for child in window.findChildren(ErrorDialog) if child.isVisible())
    assert "holds no file" in dialog._report.cause
    dialog.reject()
    assert window.run_bar.start_button.isVisible()
