"""Real trainings through the window: start, watch, pause, stop, resume, discard, close, close_window, deploy."""

from __future__ import annotations

import contextlib
import shutil
import threading
import time
import weakref
from pathlib import Path
from typing import Any, Callable

import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QApplication, QPushButton

from app.form.last_session import save_session
from app.run.session import SessionState
from app.runs.recent_workspaces import read_recent_workspaces
from app.start import make_window
from app.widgets.errors import ErrorDialog
from app.window import Window
from tests.core.networks import network_of, saved
from tests.gui.window_driver import answer, close_window, fill_form, visible_text
from tests.openings import counted_openings
from tests.small_runs import TINY, make_workspace, profile_file
from trainer_core.control import RunControl
from trainer_core.data.photos import ScanCanceled
from trainer_core.events import RunStarted, Validated
from trainer_core.model.spec import NetworkSpec
from trainer_core.sinks.journal import format_json_line, read_journal
from trainer_core.training.learner import Learner

_LONG = 240_000  # milliseconds; a busy machine needs them


def click(qtbot: Any, button: QPushButton) -> None:
    qtbot.mouseClick(button, Qt.MouseButton.LeftButton)


def state(window: Window) -> SessionState:
    """Return the state now: mypy takes an attribute for unchanged after an assertion about it."""
    return window.session.state


def start(window: Window, qtbot: Any, *, until: int = 3) -> None:
    qtbot.waitUntil(lambda: window.project.is_ready, timeout=_LONG)
    click(qtbot, window.run_bar.start_button)
    assert window.session.state is SessionState.STARTING
    qtbot.waitUntil(lambda: window.session.step >= until, timeout=_LONG)


def wait_idle(window: Window, qtbot: Any) -> None:
    qtbot.waitUntil(lambda: not window.session.is_active, timeout=_LONG)


def test_start_pause_resume_stop_then_the_resume_offer(
    window: Window, qtbot: Any, photos: Path, tmp_path: Path
) -> None:
    workspace = tmp_path / "run"
    fill_form(window, photos, workspace, steps=100000, val_interval=4, image_log_interval=4)
    start(window, qtbot)
    bar = window.run_bar
    assert not window.form.rows["steps"].entry.isEnabled()
    qtbot.waitUntil(lambda: window.preview.view.pictures is not None, timeout=_LONG)
    figures = window.charts.figures
    qtbot.waitUntil(lambda: len(figures.losses["total"].raw) >= 3 and len(figures.psnr) >= 1)

    click(qtbot, bar.pause_button)
    assert state(window) is SessionState.PAUSING and bar.pause_button.text() == "Resume"
    qtbot.waitUntil(lambda: state(window) is SessionState.PAUSED, timeout=_LONG)
    paused_at = window.session.step
    answered: list[int] = []
    window.training.submit(lambda: 42, answered.append, lambda error: None)
    qtbot.waitUntil(lambda: answered == [42])  # small requests are served while paused
    assert window.session.step == paused_at
    click(qtbot, bar.pause_button)
    qtbot.waitUntil(lambda: window.session.step > paused_at, timeout=_LONG)

    click(qtbot, bar.stop_button)
    assert state(window) is SessionState.STOPPING
    wait_idle(window, qtbot)
    assert window.run_bar.start_button.isVisible()
    assert "Stopped and saved" in window.result_card.text
    assert "WQV-Viewer" in window.result_card.text
    assert list((workspace / "checkpoints").glob("scale4_step*.pth"))

    stopped_at = window.session.step
    other = make_window()
    other.show()
    other.start_background_work()
    other.controller.open_workspace(str(workspace))
    qtbot.waitUntil(lambda: "unfinished run" in other.resume_card.text, timeout=_LONG)
    assert f"step {stopped_at}" in other.resume_card.text
    qtbot.waitUntil(lambda: other.preview.view.pictures is not None)  # the earlier previews, from disk
    click(qtbot, other.resume_card.resume_button)
    qtbot.waitUntil(lambda: other.session.step > stopped_at, timeout=_LONG)
    close_window(other, qtbot)
    starts = [r["start_step"] for r in read_journal(workspace / "journal.jsonl") if r["event"] == "RunStarted"]
    assert starts == [0, stopped_at]


def test_a_stopped_training_goes_on_in_the_same_window_and_start_asks(
    window: Window, qtbot: Any, photos: Path, tmp_path: Path
) -> None:
    workspace = tmp_path / "run"
    fill_form(window, photos, workspace, steps=100000)
    start(window, qtbot)
    click(qtbot, window.run_bar.stop_button)
    wait_idle(window, qtbot)
    first = window.session.step
    click(qtbot, window.run_bar.start_button)
    assert not window.session.is_active
    answer(window, qtbot, "Resume")
    qtbot.waitUntil(lambda: window.session.step > first, timeout=_LONG)
    click(qtbot, window.run_bar.stop_button)
    wait_idle(window, qtbot)
    second = window.session.step
    assert window.result_card.resume_button.isVisible()
    click(qtbot, window.result_card.resume_button)
    qtbot.waitUntil(lambda: window.session.step > second, timeout=_LONG)
    click(qtbot, window.run_bar.stop_button)
    wait_idle(window, qtbot)
    assert _starts(workspace) == [0, first, second]
    click(qtbot, window.run_bar.start_button)
    answer(window, qtbot, "Start over")
    qtbot.waitUntil(lambda: window.session.is_active and window.session.step > 0, timeout=_LONG)
    assert _starts(workspace) == [0] and list((workspace / "previous_runs").iterdir())


def _starts(workspace: Path) -> list[int]:
    return [r["start_step"] for r in read_journal(workspace / "journal.jsonl") if r["event"] == "RunStarted"]


def fail_at_the_next_step(
    window: Window, qtbot: Any, text: str, where: str = "trainer_core.training.learner.Learner.update"
) -> ErrorDialog:
    """The report of it."""

    def fail(*more: Any, **others: Any) -> None:
        raise RuntimeError(text)

    with pytest.MonkeyPatch.context() as broken:
        broken.setattr(where, fail)
        wait_idle(window, qtbot)
    return next(child for child in window.findChildren(ErrorDialog) if child.isVisible())


def _content_width(button: QPushButton) -> int:
    """Return the width of text and icon, without the padding, which the style may reduce."""
    icon = 0 if button.icon().isNull() else button.iconSize().width() + 4
    return button.fontMetrics().horizontalAdvance(button.text()) + icon


def _find_narrow(qtbot: Any, dialog: ErrorDialog, buttons: dict[str, QPushButton]) -> list[str]:
    """Wait until the dialog has its final size; return the buttons that are narrower than their text then."""

    def find() -> list[str]:
        return [
            f"{text}: {button.width()} of {_content_width(button)} in {dialog.width()}"
            for text, button in buttons.items()
            if button.width() < _content_width(button)
        ]

    with contextlib.suppress(qtbot.TimeoutError):
        qtbot.waitUntil(lambda: not find(), timeout=3000)
    return find()


def test_a_failed_training_goes_on_in_the_same_window(window: Window, qtbot: Any, photos: Path, tmp_path: Path) -> None:
    fill_form(window, photos, tmp_path / "run", steps=100000)
    start(window, qtbot)
    fail_at_the_next_step(window, qtbot, "the processor is on strike").reject()
    failed_at = window.session.step
    assert window.result_card.resume_button.isVisible()
    click(qtbot, window.result_card.resume_button)
    qtbot.waitUntil(lambda: window.session.step > failed_at, timeout=_LONG)
    assert _starts(tmp_path / "run") == [0, failed_at]


def test_what_needs_less_memory_is_applied_and_the_training_goes_on(
    window: Window, qtbot: Any, photos: Path, tmp_path: Path
) -> None:
    fill_form(window, photos, tmp_path / "run", steps=100000)
    window.project.set_value("batch_size", 4)
    start(window, qtbot)
    text, around_it = "DefaultCPUAllocator: can't allocate memory.", "trainer_core.training.stepping.Stepper.do_step"
    dialog = fail_at_the_next_step(window, qtbot, text, around_it)
    assert "Out of memory with Batch size 4" in visible_text(dialog)
    failed_at = window.session.step
    buttons = {button.text(): button for button in dialog.findChildren(QPushButton)}
    assert not _find_narrow(qtbot, dialog, buttons)
    click(qtbot, buttons["Apply and resume"])
    qtbot.waitUntil(lambda: window.session.step > failed_at, timeout=_LONG)
    assert _starts(tmp_path / "run") == [0, failed_at]
    assert window.project.workspace is not None
    stored = window.project.workspace.read_settings().values
    assert (stored["batch_size"], stored["grad_accum_steps"]) == (2, 2)
    window.controller.stop()
    wait_idle(window, qtbot)


def test_resuming_in_the_same_window_continues_the_time_budget(
    window: Window, qtbot: Any, photos: Path, tmp_path: Path
) -> None:
    fill_form(window, photos, tmp_path / "run", max_minutes=0.5)
    start(window, qtbot)
    qtbot.waitUntil(lambda: bool(_plans(tmp_path / "run")), timeout=_LONG)
    click(qtbot, window.run_bar.stop_button)
    wait_idle(window, qtbot)
    stopped_at, plan = window.session.step, _plans(tmp_path / "run")
    click(qtbot, window.result_card.resume_button)
    qtbot.waitUntil(lambda: window.session.step > stopped_at, timeout=_LONG)
    totals = [r["total_steps"] for r in read_journal(tmp_path / "run" / "journal.jsonl") if r["event"] == "RunStarted"]
    assert totals == [None, plan[-1]]


def test_a_later_window_resumes_a_time_budget_to_the_steps_that_its_card_names(
    window: Window, qtbot: Any, photos: Path, tmp_path: Path
) -> None:
    fill_form(window, photos, tmp_path / "run", max_minutes=0.5)
    start(window, qtbot)
    qtbot.waitUntil(lambda: bool(_plans(tmp_path / "run")), timeout=_LONG)
    click(qtbot, window.run_bar.stop_button)
    wait_idle(window, qtbot)
    planned = _plans(tmp_path / "run")[-1]
    again = make_window()
    again.show()
    again.start_background_work()
    save_session({"workspace": str(tmp_path / "run"), "max_minutes": 0.5})  # as the start had saved it
    again.apply_arguments(None)
    qtbot.waitUntil(again.resume_card.isVisible, timeout=_LONG)
    assert f" of {planned}" in again.resume_card.text
    click(qtbot, again.resume_card.resume_button)
    wait_until = again.session.step + 1
    qtbot.waitUntil(lambda: again.session.step > wait_until, timeout=_LONG)
    totals = [r["total_steps"] for r in read_journal(tmp_path / "run" / "journal.jsonl") if r["event"] == "RunStarted"]
    assert totals == [None, planned]
    close_window(again, qtbot)


def _plans(workspace: Path) -> list[int]:
    events = read_journal(workspace / "journal.jsonl") if (workspace / "journal.jsonl").exists() else []
    return [r["total_steps"] for r in events if r["event"] == "PlanChanged"]


def test_a_late_word_of_an_earlier_pause_is_no_pause(
    window: Window, qtbot: Any, photos: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fill_form(window, photos, tmp_path / "run", steps=100000)
    start(window, qtbot)
    click(qtbot, window.run_bar.pause_button)
    qtbot.waitUntil(lambda: window.session.state is SessionState.PAUSED, timeout=_LONG)
    time.sleep(0.6)  # the window is busy, and what the waiting thread says queues up
    monkeypatch.setattr(RunControl, "wait_while_paused", lambda control, timeout=None: True)  # the next is not reached
    window.session.pause_or_resume()
    window.session.pause_or_resume()
    QApplication.processEvents()
    assert window.session.state is SessionState.PAUSING


def test_a_run_that_is_passed_while_typing_leaves_nothing_behind(
    window: Window, qtbot: Any, photos: Path, tmp_path: Path
) -> None:
    passed = _cut_off(tmp_path / "mono", photos)
    for name in ("mono", "mono2"):
        window.project.set_value("workspace", str(tmp_path / name))
        qtbot.waitUntil(lambda: not window.project.is_busy, timeout=_LONG)
        assert read_recent_workspaces() == []
    assert not window.project.draft.config.source_dir
    window.project.set_value("workspace", str(passed))
    qtbot.waitUntil(lambda: not window.project.is_busy, timeout=_LONG)
    close_window(window, qtbot)
    assert read_recent_workspaces() == [passed]  # here the typing ended


def test_a_run_cut_off_before_its_first_checkpoint_deserves_a_word(
    window: Window, qtbot: Any, photos: Path, tmp_path: Path
) -> None:
    window.controller.open_workspace(str(_cut_off(tmp_path / "mono", photos)))
    card = window.resume_card
    qtbot.waitUntil(lambda: "ended before its first save" in card.text, timeout=_LONG)
    window.message_strip.show_message("info", "A later message, such as that on the weights to start from.")
    window.message_strip.dismiss()
    assert card.isVisible() and "Press Start training" in card.text
    assert not card.offers_to_resume and not card.resume_button.isVisible()


def test_a_workspace_of_version_0_1_0_opens_with_the_offer_to_resume(
    window: Window, qtbot: Any, photos: Path, tmp_path: Path
) -> None:
    stored = Path(__file__).parents[1] / "data" / "workspace_0.1.0"
    workspace = Path(shutil.copytree(stored, tmp_path / "stored"))
    window.controller.open_workspace(str(workspace))
    qtbot.waitUntil(window.resume_card.isVisible, timeout=_LONG)
    config = window.project.draft.config
    assert (config.scale, config.steps, config.num_feat) == (2, 12, 8)
    assert window.charts.figures.losses


@pytest.mark.parametrize("resumed_from", [None, "state_000000000.pt"])
def test_a_run_that_continues_from_its_first_checkpoint_keeps_pictures_and_charts(
    window: Window, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, resumed_from: str | None
) -> None:
    cleared: list[str] = []
    monkeypatch.setattr(window.preview, "clear", lambda: cleared.append("pictures"))
    window.charts.on_event(Validated(0, "val", 24.0, 0.6, 22.0, 0.5, True, 8, 1.0))
    started = RunStarted("1", str(tmp_path), 4, True, 0, 9, "cpu", "fp32", 1, {}, resumed_from)
    window.session.event_received.emit(started)
    assert (cleared, len(window.charts.figures.psnr)) == ((["pictures"], 0) if resumed_from is None else ([], 1))


def _cut_off(workspace: Path, photos: Path) -> Path:
    """A run that was killed in its first step."""
    make_workspace(workspace, source_dir=str(photos))
    started = RunStarted("1", str(workspace), 4, True, 0, 9, "cpu", "fp32", 1, {})
    (workspace / "journal.jsonl").write_text(format_json_line(started) + "\n", "utf-8")
    return workspace


def test_a_window_that_did_nothing_changes_no_workspace(
    window: Window, qtbot: Any, photos: Path, tmp_path: Path
) -> None:
    window.project.propose_choices("cpu")
    close_window(window, qtbot)
    workspace = make_workspace(tmp_path / "run", source_dir=str(photos), preset="nano", batch_size=3)
    again = make_window()
    again.apply_arguments(None)
    again.controller.open_workspace(str(workspace))
    config = again.project.draft.config
    assert (config.preset, config.num_feat, config.batch_size) == ("nano", TINY["num_feat"], 3)
    close_window(again, qtbot)


def test_start_asks_before_a_finished_run_is_moved_and_clears_the_old_pictures(
    window: Window, qtbot: Any, photos: Path, tmp_path: Path
) -> None:
    workspace = tmp_path / "run"
    fill_form(window, photos, workspace, steps=2)
    start(window, qtbot, until=2)
    wait_idle(window, qtbot)
    qtbot.waitUntil(lambda: window.preview.view.pictures is not None, timeout=_LONG)
    qtbot.waitUntil(lambda: window.project.is_ready, timeout=_LONG)
    click(qtbot, window.run_bar.start_button)
    answer(window, qtbot, "Cancel")
    assert not window.session.is_active and not (workspace / "previous_runs").exists()
    assert window.charts.figures.losses
    click(qtbot, window.run_bar.start_button)
    answer(window, qtbot, "Start new run")
    assert window.session.state is SessionState.STARTING
    assert window.preview.view.pictures is None and not window.charts.figures.losses
    wait_idle(window, qtbot)
    assert len(list((workspace / "previous_runs").iterdir())) == 1


def test_another_workspace_takes_the_offers_of_the_last_one_away(
    window: Window, qtbot: Any, photos: Path, tmp_path: Path
) -> None:
    fill_form(window, photos, tmp_path / "run", steps=100000)
    start(window, qtbot)
    click(qtbot, window.run_bar.stop_button)
    wait_idle(window, qtbot)
    window.project.set_path("workspace", str(tmp_path / "other"))
    assert not window.result_card.isVisible() and not window.resume_card.isVisible()
    qtbot.waitUntil(lambda: window.project.is_ready, timeout=_LONG)
    assert not window.charts.figures.losses
    window.controller.resume()
    assert not window.session.is_active
    window.project.set_path("workspace", str(tmp_path / "run"))
    qtbot.waitUntil(lambda: "unfinished run" in window.resume_card.text, timeout=_LONG)
    assert window.charts.figures.losses
    window.project.set_value("workspace", "")
    assert not window.resume_card.isVisible()


def test_a_plain_start_takes_up_where_the_window_was_cut_off(
    window: Window, qtbot: Any, photos: Path, tmp_path: Path
) -> None:
    fill_form(window, photos, tmp_path / "run", steps=100000)
    start(window, qtbot)
    again = make_window()  # as after a kill: the first one never came to remember anything at its end
    again.show()
    again.start_background_work()
    click(qtbot, window.run_bar.stop_button)
    wait_idle(window, qtbot)
    again.apply_arguments(None)
    qtbot.waitUntil(lambda: "unfinished run" in again.resume_card.text, timeout=_LONG)
    assert again.project.draft.config.source_dir == str(photos)
    close_window(again, qtbot)


def test_choices_that_were_never_started_are_there_again(
    window: Window, qtbot: Any, photos: Path, tmp_path: Path
) -> None:
    window.project.set_value("learning_rate", 3e-4)
    window.project.set_value("betas", (0.8, 0.95))
    window.project.set_path("source_dir", str(photos))
    window.project.set_path("workspace", str(tmp_path / "gone" / "run"))
    close_window(window, qtbot)
    again = make_window()
    again.apply_arguments(None)
    config = again.project.draft.config
    assert (config.learning_rate, config.betas, config.source_dir) == (3e-4, (0.8, 0.95), str(photos))
    assert not config.workspace  # its folder is not there
    close_window(again, qtbot)


def test_the_built_in_scenes_take_no_choice_away_without_a_question(
    window: Window, qtbot: Any, photos: Path, tmp_path: Path
) -> None:
    fill_form(window, photos, tmp_path / "run")
    click(qtbot, window.run_bar.demo_button)
    assert window.project.draft.config.source_dir == str(photos)
    answer(window, qtbot, "Use scenes")
    assert window.project.draft.config.demo


def test_a_start_reads_each_file_once(window: Window, qtbot: Any, photos: Path, tmp_path: Path) -> None:
    weights, profile = saved(network_of(NetworkSpec(4, 8, 1, 4)), tmp_path / "a.pth"), profile_file(tmp_path)
    fill_form(window, photos, tmp_path / "run", steps=100000)
    window.project.set_path("init_weights", str(weights))
    window.project.set_path("camera_profile", str(profile))
    notes = ("init_weights", "camera_profile")
    qtbot.waitUntil(lambda: all(window.project.note(name) for name in notes), timeout=_LONG)
    qtbot.waitUntil(lambda: window.project.is_ready, timeout=_LONG)
    with counted_openings() as counts:
        start(window, qtbot, until=1)
    assert (counts[str(profile)], counts[str(photos)]) == (1, 1)
    assert counts[str(weights)] == 2, "its header for the plan, its tensors for the network"


def test_a_folder_passed_while_typing_is_not_searched_to_the_end(
    window: Window, qtbot: Any, photos: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun: list[Callable[[], bool]] = []

    def endless(config: Any, wanted: Callable[[], bool]) -> Any:
        begun.append(wanted)
        deadline = time.monotonic() + 30
        while wanted() and time.monotonic() < deadline:
            time.sleep(0.01)
        raise ScanCanceled

    monkeypatch.setattr("app.form.lookups.find_run_photos", endless)
    window.project.set_path("source_dir", str(photos.parent))
    qtbot.waitUntil(lambda: len(begun) == 1)
    window.project.set_path("source_dir", str(photos))
    qtbot.waitUntil(lambda: len(begun) == 2)
    assert not begun[0]() and begun[1]()
    before = time.monotonic()
    close_window(window, qtbot)
    assert time.monotonic() - before < 20 and not begun[1]()


def test_a_run_that_ends_shows_the_model_and_copies_it(
    window: Window, qtbot: Any, photos: Path, tmp_path: Path
) -> None:
    fill_form(window, photos, tmp_path / "run", steps=4, compact_export=False, monochrome_style=False)
    start(window, qtbot, until=0)
    wait_idle(window, qtbot)
    assert "Training is complete" in window.result_card.text
    assert "Loads in WQV-Viewer" in window.result_card.text
    viewer = tmp_path / "viewer" / "models" / "custom"
    viewer.mkdir(parents=True)
    window.deployment.install(window.result_card.model, str(viewer))
    qtbot.waitUntil(lambda: "Copied to" in window.message_strip.text, timeout=_LONG)
    assert [path.name for path in viewer.iterdir()] == [Path(window.result_card.model).name]
    assert "step 4" in window.log.text
    moved = tmp_path / "elsewhere"
    (tmp_path / "run").rename(moved)
    window.controller.open_workspace(str(moved))
    qtbot.waitUntil(lambda: Path(window.result_card.model).parent == moved / "models", timeout=_LONG)


def test_the_best_model_of_a_discarded_run_can_be_used_and_another_folder_shows_nothing_of_it(
    window: Window, qtbot: Any, photos: Path, tmp_path: Path
) -> None:
    workspace = tmp_path / "run"
    fill_form(window, photos, workspace, steps=100000, val_interval=2, checkpoint_interval=100000)
    start(window, qtbot)
    best = workspace / "models" / "wqv_neosr_x4_best.pth"
    qtbot.waitUntil(best.is_file, timeout=_LONG)
    window.controller.save_now()
    qtbot.waitUntil(lambda: "Saved at step" in window.message_strip.text, timeout=_LONG)
    (workspace / "models" / "wqv_neosr_x4.pth").unlink()
    window.session.stop(discard=True)
    wait_idle(window, qtbot)
    assert window.result_card.model == str(best) and window.result_card.model_button.isVisible()
    assert window.status_line.text("step") and "left" not in window.progress_line.text
    again = tmp_path / "copy"
    shutil.copytree(workspace, again)
    window.controller.open_workspace(str(tmp_path / "new"))
    qtbot.waitUntil(lambda: not window.project.is_busy, timeout=_LONG)
    assert (window.log.text, window.status_line.text("step"), window.result_card.text) == ("", "", "")


def test_discard_asks_and_closing_asks(window: Window, qtbot: Any, photos: Path, tmp_path: Path) -> None:
    workspace = tmp_path / "run"
    fill_form(window, photos, workspace, steps=100000, val_interval=100000, checkpoint_interval=100000)
    start(window, qtbot)
    click(qtbot, window.run_bar.discard_button)
    answer(window, qtbot, "Keep training")
    assert window.session.state is SessionState.TRAINING
    window.close()
    assert window.isVisible()
    answer(window, qtbot, "Cancel")
    click(qtbot, window.run_bar.discard_button)
    answer(window, qtbot, "Stop without saving")
    wait_idle(window, qtbot)
    assert not list((workspace / "checkpoints").glob("*.pth"))


def test_closing_while_training_stops_saves_and_goes(
    qapp: QApplication, qtbot: Any, photos: Path, tmp_path: Path
) -> None:
    window = make_window()
    window.show()
    window.start_background_work()
    fill_form(window, photos, tmp_path / "run", steps=100000)
    start(window, qtbot)
    window.close()
    answer(window, qtbot, "Stop and save")
    qtbot.waitUntil(lambda: not window.isVisible() and not window.training.isRunning(), timeout=_LONG)
    assert list((tmp_path / "run" / "checkpoints").glob("scale4_step*.pth"))
    window.deleteLater()


def test_a_closed_window_is_out_of_sight_before_the_work_under_way_is_done(window: Window, qtbot: Any) -> None:
    busy, seen = threading.Event(), []

    def work() -> None:
        busy.set()
        deadline = time.monotonic() + 10
        while window.isVisible() and time.monotonic() < deadline:
            time.sleep(0.01)
        seen.append(window.isVisible())

    window.training.submit(work, lambda done: None, lambda error: None)
    assert busy.wait(_LONG / 1000)
    window.close()
    assert seen == [False]
    window.deleteLater()


def test_what_the_trainer_refuses_is_shown_and_the_window_is_ready_again(
    window: Window, qtbot: Any, photos: Path, tmp_path: Path
) -> None:
    fill_form(window, photos, tmp_path / "run", steps=4)
    qtbot.waitUntil(lambda: window.project.is_ready, timeout=_LONG)
    for photo in photos.iterdir():
        photo.unlink()
    click(qtbot, window.run_bar.start_button)
    wait_idle(window, qtbot)
    dialog = next(child for child in window.findChildren(ErrorDialog) if child.isVisible())
    assert "contains no files" in visible_text(dialog)
    dialog.reject()
    assert window.run_bar.start_button.isVisible()


def test_a_run_that_goes_on_after_a_failure_begins_with_the_memory_of_the_first_one_freed(
    window: Window, qtbot: Any, photos: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made: list[weakref.ref[Learner]] = []
    alive: list[bool] = []
    make = Learner.__init__

    def watched(self: Learner, *arguments: Any, **more: Any) -> None:
        alive.append(any(learner() is not None for learner in made))
        made.append(weakref.ref(self))
        make(self, *arguments, **more)

    monkeypatch.setattr(Learner, "__init__", watched)
    fill_form(window, photos, tmp_path / "run", steps=100000)
    start(window, qtbot)
    fail_at_the_next_step(window, qtbot, "the processor is on strike").reject()
    failed_at = window.session.step
    click(qtbot, window.result_card.resume_button)
    qtbot.waitUntil(lambda: window.session.step > failed_at, timeout=_LONG)
    assert len(alive) >= 2 and not any(alive)
