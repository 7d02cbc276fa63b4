"""A training of another process, live in the window; and other runs to compare with."""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QMessageBox

from app.charts.comparison import ComparableRun
from app.run.other_process import STATUS_TEXT
from app.run.session import SessionState
from app.window import Window
from tests.gui.window_driver import fill_form
from tests.small_runs import TINY, flags, picture
from trainer_core.events import Event, PreviewReady, RunFinished, RunStarted, StepDone, Validated
from trainer_core.files import write_json
from trainer_core.sinks.journal import format_json_line
from trainer_core.workspace.layout import Workspace

ROOT = Path(__file__).resolve().parents[2]
_LONG = 240_000  # milliseconds


def begun(workspace: Path, start_step: int = 0, devices: int = 1) -> RunStarted:
    place = str(start_step), str(workspace), 4, True, start_step, 50
    return RunStarted(*place, "cpu", "fp32", 1, {"train": 4}, devices=devices)


def step(number: int) -> StepDone:
    return StepDone(number, 50, {"l1": 0.1, "total": 0.1}, 1e-4, 1.0, 10.0, 1.0, 1.0, 1)


class OtherProcess:
    """A process that holds a workspace; the test writes its journal."""

    def __init__(self, root: Path) -> None:
        self.root = root
        root.mkdir(parents=True, exist_ok=True)
        self.process = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(120)"])

    def hold(self) -> None:
        write_json(self.root / ".lock.json", {"pid": self.process.pid, "host": socket.gethostname(), "since": ""})

    def write(self, *events: Event) -> None:
        with open(self.root / "journal.jsonl", "a", encoding="utf-8") as file:
            file.write("".join(format_json_line(event) + "\n" for event in events))

    def end(self) -> None:
        self.process.kill()
        self.process.wait()
        (self.root / ".lock.json").unlink(missing_ok=True)


@pytest.fixture
def other(tmp_path: Path) -> Iterator[OtherProcess]:
    made = OtherProcess(tmp_path / "elsewhere")
    yield made
    made.end()


def steps_drawn(window: Window) -> int:
    losses = window.charts.figures.losses
    return len(losses["total"].raw) if losses else 0


def open_while_it_trains(window: Window, qtbot: Any, other: OtherProcess, *, steps: int = 3) -> None:
    other.hold()
    other.write(begun(other.root), *(step(number) for number in range(1, steps + 1)))
    window.controller.open_workspace(str(other.root))
    qtbot.waitUntil(lambda: window.other_process_card.isVisible() and steps_drawn(window) == steps)


def test_what_another_process_trains_appears_live(window: Window, qtbot: Any, other: OtherProcess) -> None:
    open_while_it_trains(window, qtbot, other)
    assert f"{STATUS_TEXT}: step 3 of 50" in window.other_process_card.text
    assert str(other.process.pid) in window.other_process_card.text
    assert STATUS_TEXT in window.windowTitle()
    assert window.status_line.text("state") == STATUS_TEXT
    other.write(step(4), Validated(4, "val", 31.0, 0.9, 30.0, 0.8, True, 4, 0.1))
    qtbot.waitUntil(lambda: steps_drawn(window) == 4 and len(window.charts.figures.psnr) == 1)
    assert (window.other_process_card.bar.value(), window.other_process_card.bar.maximum()) == (4, 50)
    assert "PSNR 31.00" in window.log.text
    assert "Training x4" in window.log.text  # what came before is there, too
    previews = other.root / "previews"
    previews.mkdir()
    strip = picture(1, 4 * 48, 48)
    strip.save(previews / "step00000004_1.png")
    other.write(PreviewReady(4, (), (str(previews / "step00000004_1.png"),)))
    qtbot.waitUntil(lambda: window.preview.view.pictures is not None)
    assert window.session.state is SessionState.IDLE


def test_a_run_in_several_processes_shows_its_devices(window: Window, qtbot: Any, other: OtherProcess) -> None:
    other.hold()
    other.write(begun(other.root, devices=2), step(1))
    window.controller.open_workspace(str(other.root))
    qtbot.waitUntil(lambda: "2 × cpu · fp32" in window.status_line.text("device"))
    assert "on 2 x cpu (fp32)" in window.log.text


def test_start_says_who_trains_here_until_another_workspace_is_chosen(
    window: Window, qtbot: Any, photos: Path, tmp_path: Path, other: OtherProcess
) -> None:
    fill_form(window, photos, other.root)
    open_while_it_trains(window, qtbot, other)
    bar = window.run_bar
    assert not window.project.is_ready
    reason = next(line for line in bar.checklist.lines if str(other.process.pid) in line.full_text)
    assert "error" in reason.accessibleName()
    qtbot.mouseClick(bar.start_button, Qt.MouseButton.LeftButton)
    assert not window.session.is_active
    assert window.form.rows["workspace"].isAncestorOf(window.focusWidget())
    window.project.set_path("workspace", str(tmp_path / "new"))
    assert not window.other_process_card.isVisible()
    assert STATUS_TEXT not in window.windowTitle()
    assert steps_drawn(window) == 0
    other.write(step(4))
    qtbot.waitUntil(lambda: window.project.is_ready, timeout=_LONG)
    qtbot.wait(700)
    assert steps_drawn(window) == 0  # the other one is followed no more


def test_its_end_brings_what_it_left(window: Window, qtbot: Any, other: OtherProcess) -> None:
    open_while_it_trains(window, qtbot, other)
    checkpoints = other.root / "checkpoints"
    checkpoints.mkdir()
    (checkpoints / "scale4_step4.pth").write_bytes(b"")
    other.write(step(4), RunFinished("stopped", 4))
    other.end()
    qtbot.waitUntil(lambda: "unfinished run at step 4" in window.resume_card.text)
    assert not window.other_process_card.isVisible()
    assert window.windowTitle() == window.TITLE
    assert "workspace" not in window.project.problems
    assert steps_drawn(window) == 4


def test_a_run_that_begins_after_its_workspace_was_opened_is_noticed(
    window: Window, qtbot: Any, other: OtherProcess
) -> None:
    window.controller.open_workspace(str(other.root))
    qtbot.waitUntil(lambda: not window.project.is_busy)
    other.hold()
    qtbot.waitUntil(lambda: window.other_process_card.isVisible())  # before it has written anything
    assert "preparing" in window.other_process_card.text
    other.write(begun(other.root), step(1))
    qtbot.waitUntil(lambda: steps_drawn(window) == 1)


def test_a_new_run_replaces_the_archived_one(window: Window, qtbot: Any, other: OtherProcess) -> None:
    open_while_it_trains(window, qtbot, other, steps=5)
    Workspace(other.root).archive_run()
    other.write(begun(other.root), step(1), step(2))
    qtbot.waitUntil(lambda: steps_drawn(window) == 2)
    assert "step 2 of 50" in window.other_process_card.text
    other.write(step(3))
    qtbot.waitUntil(lambda: steps_drawn(window) == 3)


def test_a_start_that_waits_is_off_when_another_process_trains(
    window: Window, qtbot: Any, photos: Path, other: OtherProcess
) -> None:
    other.hold()
    fill_form(window, photos, other.root)
    window.controller.start_when_ready()
    qtbot.waitUntil(lambda: window.other_process_card.isVisible())
    other.end()
    qtbot.waitUntil(lambda: window.project.is_ready, timeout=_LONG)
    assert not window.session.is_active


@pytest.mark.skipif(os.name == "nt", reason="there is no such signal")
def test_a_command_line_run_is_followed_and_stopped_from_here(
    window: Window, qtbot: Any, photos: Path, tmp_path: Path
) -> None:
    workspace = tmp_path / "run"
    settings = {**TINY, "steps": 100000, "val_interval": 5, "image_log_interval": 5}
    command = [sys.executable, "-m", "trainer_core", str(photos), str(workspace), *flags(settings)]
    process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        qtbot.waitUntil(lambda: (workspace / "journal.jsonl").exists(), timeout=_LONG)
        window.controller.open_workspace(str(workspace))
        qtbot.waitUntil(lambda: steps_drawn(window) > 3, timeout=_LONG)
        before = steps_drawn(window)
        qtbot.waitUntil(lambda: steps_drawn(window) > before, timeout=_LONG)
        qtbot.waitUntil(lambda: window.preview.view.pictures is not None, timeout=_LONG)
        qtbot.mouseClick(window.other_process_card.stop_button, Qt.MouseButton.LeftButton)
        box = next(child for child in window.findChildren(QMessageBox) if child.isVisible())
        assert process.poll() is None  # asks first
        qtbot.mouseClick(box.defaultButton(), Qt.MouseButton.LeftButton)
        assert not window.other_process_card.stop_button.isEnabled()  # a second time would leave at once
        qtbot.waitUntil(lambda: process.poll() is not None, timeout=_LONG)
        assert process.returncode == 128 + signal.SIGINT
        qtbot.waitUntil(lambda: "the run was stopped" in window.resume_card.text, timeout=_LONG)
        assert list((workspace / "checkpoints").glob("scale4_step*.pth"))
    finally:
        process.kill()
        process.wait()


# -- runs to compare with ----------------------------------------------------------------------


def test_earlier_runs_and_other_workspaces_can_be_drawn_beside(
    window: Window, qtbot: Any, tmp_path: Path, other: OtherProcess
) -> None:
    other.write(begun(other.root), *(step(number) for number in range(1, 31)))
    aside = Workspace(other.root).archive_run()
    assert aside is not None
    started, archived = 1_700_000_000, aside / "journal.jsonl"
    archived.write_text(re.sub(r'"time": [\d.]+', f'"time": {started}', archived.read_text("utf-8"), count=1), "utf-8")
    other.write(begun(other.root), step(1), step(2))
    window.controller.open_workspace(str(other.root))
    qtbot.waitUntil(lambda: steps_drawn(window) == 2)
    menu = window.comparison.menu
    qtbot.mouseClick(window.charts.compare_button, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(menu.isVisible)
    assert next(action.text() for action in menu.actions() if action.isCheckable()) == "None"
    earlier = next(action for action in menu.actions() if action.isCheckable() and action.text() != "None")
    assert earlier.text() == time.strftime("%d %b %Y, %H:%M", time.localtime(started)), "when it was trained, not moved"
    earlier.trigger()
    menu.hide()
    loss = window.charts.loss
    qtbot.waitUntil(lambda: loss.legend == f"{other.root.name}, {earlier.text()}")
    curve = next(item for item in loss.plot.listDataItems() if item.name() == earlier.text())
    assert len(curve.getOriginalDataset()[0]) == 30
    window.comparison.toggle(ComparableRun("nothing", tmp_path))
    qtbot.waitUntil(lambda: "contains no run to compare" in window.message_strip.text)
    assert earlier.text() in loss.legend
    window.comparison.clear()
    qtbot.waitUntil(lambda: loss.legend == "")


def test_a_click_in_a_chart_shows_the_preview_of_that_step(window: Window, qtbot: Any, other: OtherProcess) -> None:
    previews = other.root / "previews"
    previews.mkdir()
    for number in (10, 20, 30):
        picture(number, 4 * 48, 48).save(previews / f"step{number:08d}_1.png")
    other.write(begun(other.root), *(step(number) for number in range(1, 31)))
    window.controller.open_workspace(str(other.root))
    qtbot.waitUntil(lambda: window.preview.view.pictures is not None and steps_drawn(window) == 30)
    pictures = window.preview.view.pictures
    assert pictures is not None and pictures.step == 30
    window.charts.loss.step_clicked.emit(19)
    qtbot.waitUntil(lambda: window.preview.view.pictures is not None and window.preview.view.pictures.step == 20)
