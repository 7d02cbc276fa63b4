"""What a run will take, said beside Start: for the device and precision that the settings choose."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from PySide6.QtWidgets import QLabel

from app.form.entries import NumberEntry
from app.run import estimate
from app.run.session import SessionState
from app.run.status_line import StatusLine
from app.window import Window
from tests.gui.window_driver import fill_form, unwrapped
from trainer_core.errors import UserError
from trainer_core.events import PlanChanged, RunStarted, StepDone
from trainer_core.planning.hardware import Hardware
from trainer_core.settings.config import TrainerConfig

_GB = 10**9
_LONG = 240_000  # milliseconds; a busy machine needs them
_FEW_STEPS = ("Time for about 270 steps; 600 advised", "max_minutes")


@pytest.fixture
def free(monkeypatch: pytest.MonkeyPatch) -> dict[str, int]:
    """A machine with a GPU; its free bytes by device. A step takes the GPU 0.01 seconds, the processor one."""
    bytes_ = {"cpu": 16 * _GB, "cuda": 6 * _GB}

    def choose(config: TrainerConfig) -> Hardware:
        if config.device == "cpu":
            return Hardware("cpu", "fp32", "Some Processor")
        return Hardware("cuda", "bf16" if config.amp else "fp32", "Some GPU")

    monkeypatch.setattr(estimate, "choose_hardware", choose)
    monkeypatch.setattr(estimate, "available_memory", lambda hardware: bytes_[hardware.device])
    seconds = {"cpu": 1.0, "cuda": 0.01}
    monkeypatch.setattr(estimate, "measure_step_seconds", lambda config, spec, hardware, *_: seconds[hardware.device])
    return bytes_


def doubts(window: Window) -> list[tuple[str, str]]:
    lines = [line for line in window.run_bar.checklist.lines if line.isVisible()]
    return [
        (unwrapped(line.toolTip()), line.property("setting")) for line in lines if "warning" in line.accessibleName()
    ]


def test_the_estimate_names_the_time_on_this_machine(window: Window, qtbot: Any, photos: Path, tmp_path: Path) -> None:
    fill_form(window, photos, tmp_path / "run", steps=100000)
    bar = window.run_bar
    qtbot.waitUntil(lambda: "on this computer" in bar.estimate, timeout=240_000)
    assert "GB of memory" in bar.estimate and "RRDB" not in bar.estimate
    assert any("million parameters" in label.toolTip() for label in bar.findChildren(QLabel) if label.isVisible())
    window.project.set_value("max_minutes", 12.0)
    assert bar.estimate.startswith("12 minutes (time limit). ")
    window.project.set_value("batch_size", 0)
    assert bar.estimate == ""


def test_the_time_comes_first_and_is_bold(
    free: dict[str, int], window: Window, qtbot: Any, photos: Path, tmp_path: Path
) -> None:
    fill_form(window, photos, tmp_path / "run", steps=10000)
    bar = window.run_bar
    qtbot.waitUntil(lambda: bar.estimate.startswith("About 3 hours on this computer. About "), timeout=_LONG)
    (label,) = [label for label in bar.findChildren(QLabel) if label.text().startswith("About 3 hours")]
    assert label.isVisible() and label.font().bold()


def test_more_than_a_day_is_doubted_and_a_time_limit_ends_the_doubt(
    free: dict[str, int], window: Window, qtbot: Any, photos: Path, tmp_path: Path
) -> None:
    fill_form(window, photos, tmp_path / "run", steps=200000)
    doubt = ("Training takes 3 days. Set a time limit of a day or less to end it earlier", "max_minutes")
    qtbot.waitUntil(lambda: doubts(window) == [doubt], timeout=_LONG)
    window.project.set_value("max_minutes", 60.0)
    assert doubts(window) == []
    window.project.set_value("max_minutes", 3 * 24 * 60.0)
    assert doubts(window) == [doubt]


def test_a_time_limit_that_is_too_short_for_a_large_network_is_doubted(
    free: dict[str, int], window: Window, qtbot: Any, photos: Path, tmp_path: Path
) -> None:
    fill_form(window, photos, tmp_path / "run", device="cpu", preset="light", max_minutes=5.0)
    row = window.form.rows["max_minutes"]
    qtbot.waitUntil(lambda: doubts(window) == [_FEW_STEPS], timeout=_LONG)
    (line,) = [line for line in window.run_bar.checklist.lines if line.full_text == _FEW_STEPS[0]]
    assert line.height() < 2 * line.fontMetrics().lineSpacing(), "one line"
    assert row.note == "Allow more time, or Quick try with the same time."
    window.project.set_value("max_minutes", 15.0)
    assert doubts(window) == [] and row.note == "Pauses do not count."
    window.project.set_value("max_minutes", 5.0)
    assert doubts(window) == [_FEW_STEPS]


def wait_for_time(window: Window, qtbot: Any) -> None:
    """Wait until the form is checked and the time of a step with the network of its settings is known."""
    qtbot.waitUntil(lambda: not window.project.is_busy, timeout=_LONG)
    qtbot.waitUntil(lambda: planned_steps(window) == "about 270", timeout=_LONG)


def planned_steps(window: Window) -> str:
    entry = window.form.rows["steps"].entry
    assert isinstance(entry, NumberEntry)
    return entry.line.text()


@pytest.mark.parametrize("start", [None, "starter"])
@pytest.mark.parametrize("scale", [2, 4, 8])
def test_quick_try_is_not_advised_where_it_is_chosen(
    free: dict[str, int],
    window: Window,
    qtbot: Any,
    photos: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    scale: int,
    start: str | None,
) -> None:
    monkeypatch.setattr(estimate, "_MEASURE_DELAY", 0)
    more = {"max_minutes": 5.0, "scale": scale, "init_weights": start, "preset": "nano"}
    fill_form(window, photos, tmp_path / "run", device="cpu", **more)
    wait_for_time(window, qtbot)
    assert window.project.draft.config.num_feat == (32 if start is None else 48)
    assert doubts(window) == []


@pytest.mark.parametrize("scale", [2, 8])
def test_a_network_as_large_as_that_of_quick_try_is_not_doubted(
    free: dict[str, int],
    window: Window,
    qtbot: Any,
    photos: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    scale: int,
) -> None:
    monkeypatch.setattr(estimate, "_MEASURE_DELAY", 0)
    more = {"max_minutes": 5.0, "scale": scale, "init_weights": None, "preset": "light"}
    fill_form(window, photos, tmp_path / "run", device="cpu", **more)
    for name, value in (("num_feat", 32), ("num_block", 4), ("num_grow_ch", 16)):
        window.project.set_value(name, value)
    wait_for_time(window, qtbot)
    assert doubts(window) == []
    window.project.set_value("num_block", 5)
    wait_for_time(window, qtbot)
    assert doubts(window) == [_FEW_STEPS]


def test_few_steps_are_not_doubted_where_a_run_can_be_resumed(
    free: dict[str, int], window: Window, qtbot: Any, photos: Path, tmp_path: Path
) -> None:
    fill_form(window, photos, tmp_path / "run", device="cpu", preset="light", max_minutes=5.0)
    qtbot.waitUntil(lambda: doubts(window) == [_FEW_STEPS], timeout=_LONG)
    window.run_bar.show_continuation((), can_resume=True)
    assert doubts(window) == []
    window.run_bar.show_continuation(())
    assert doubts(window) == [_FEW_STEPS]


def test_under_a_time_limit_the_steps_are_gray_and_those_that_follow_from_it(
    free: dict[str, int], window: Window, qtbot: Any, photos: Path, tmp_path: Path
) -> None:
    fill_form(window, photos, tmp_path / "run", steps=10000)
    row = window.form.rows["steps"]
    assert isinstance(row.entry, NumberEntry)
    line = row.entry.line
    assert line.isEnabled() and line.text() == "10000"
    window.project.set_value("max_minutes", 60.0)
    assert not line.isEnabled() and row.note == "Set by the time limit."
    qtbot.waitUntil(lambda: line.text() == "about 3300", timeout=_LONG)
    window.session.event_received.emit(PlanChanged(20, 3456))
    assert line.text() == "3456"
    window.project.set_value("max_minutes", None)
    assert line.isEnabled() and line.text() == "200000" and row.note == ""


def test_the_time_is_measured_again_with_an_adversarial_stage(
    free: dict[str, int], window: Window, qtbot: Any, photos: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(estimate, "measure_step_seconds", lambda config, *_: 1.0 if config.gan_weight else 0.01)
    fill_form(window, photos, tmp_path / "run", steps=10000)
    bar = window.run_bar
    qtbot.waitUntil(lambda: "About 2 minutes" in bar.estimate, timeout=_LONG)
    window.project.set_value("gan_weight", 0.05)
    qtbot.waitUntil(lambda: "About 3 hours" in bar.estimate, timeout=_LONG)


@pytest.mark.parametrize(("name", "value"), [("optimizer", "muon"), ("memory", "low")])
def test_the_time_is_measured_again_with_another_optimizer_and_with_less_memory(
    free: dict[str, int],
    window: Window,
    qtbot: Any,
    photos: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    name: str,
    value: str,
) -> None:
    monkeypatch.setattr(
        estimate, "measure_step_seconds", lambda config, *_: 1.0 if getattr(config, name) == value else 0.01
    )
    fill_form(window, photos, tmp_path / "run", steps=10000, optimizer="adam")
    bar = window.run_bar
    qtbot.waitUntil(lambda: "About 2 minutes" in bar.estimate, timeout=_LONG)
    window.project.set_value(name, value)
    qtbot.waitUntil(lambda: "About 3 hours" in bar.estimate, timeout=_LONG)


def test_the_estimate_is_for_the_device_that_the_settings_choose(
    free: dict[str, int], window: Window, qtbot: Any, photos: Path, tmp_path: Path
) -> None:
    fill_form(window, photos, tmp_path / "run", steps=10000, device="auto", amp=True, batch_size=64, num_feat=64)
    bar = window.run_bar
    qtbot.waitUntil(lambda: "About 2 minutes" in bar.estimate, timeout=_LONG)
    assert "6.0 GB free" in bar.estimate
    assert window.status_line.text("device") == "Some GPU · bf16"
    half = bar.estimate
    window.project.set_value("amp", False)
    qtbot.waitUntil(lambda: window.status_line.text("device") == "Some GPU · fp32", timeout=_LONG)
    assert bar.estimate.split("; ")[-1] != half.split("; ")[-1]  # twice the memory for the activations
    window.project.set_value("device", "cpu")
    qtbot.waitUntil(lambda: "About 3 hours" in bar.estimate, timeout=_LONG)
    assert "16.0 GB free" in bar.estimate
    assert window.status_line.text("device") == "Some Processor · fp32"


def test_too_little_memory_is_doubted_beside_a_start_that_works(
    free: dict[str, int], window: Window, qtbot: Any, photos: Path, tmp_path: Path
) -> None:
    free["cpu"] = _GB // 50
    fill_form(window, photos, tmp_path / "run", steps=100000)
    qtbot.waitUntil(lambda: bool(doubts(window)), timeout=_LONG)
    text, setting = doubts(window)[0]
    assert text.startswith("Memory may run out: about 0.1") and "0.0 GB free. Use Batch size auto, Memory low" in text
    assert setting == "batch_size"
    qtbot.waitUntil(lambda: window.project.is_ready, timeout=_LONG)
    window.run_bar.start_button.click()
    qtbot.waitUntil(lambda: window.session.step >= 1, timeout=_LONG)
    window.controller.stop()
    qtbot.waitUntil(lambda: not window.session.is_active, timeout=_LONG)
    free["cpu"] = 16 * _GB
    window.project.set_value("steps", 99)
    qtbot.waitUntil(lambda: not doubts(window), timeout=_LONG)


def test_an_automatic_batch_size_is_shown_as_the_patches_that_fit(
    free: dict[str, int], window: Window, qtbot: Any, photos: Path, tmp_path: Path
) -> None:
    free["cpu"] = _GB
    fill_form(window, photos, tmp_path / "run", steps=100, device="cpu", patch_size=32, num_feat=64, num_block=4)
    window.project.set_value("batch_size", "auto")
    bar = window.run_bar
    qtbot.waitUntil(lambda: "8 patches at a time" in bar.estimate, timeout=_LONG)
    assert not doubts(window)
    window.project.set_value("memory", "low")
    assert "16 patches at a time" in bar.estimate


def test_a_time_measured_while_the_machine_was_busy_is_measured_again(
    free: dict[str, int], window: Window, qtbot: Any, photos: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    times = [20.0, 10.0, 30.0]  # from the last to the first
    monkeypatch.setattr(estimate, "_REMEASURE_DELAY", 100)
    monkeypatch.setattr(estimate, "measure_step_seconds", lambda *_: times.pop())
    fill_form(window, photos, tmp_path / "run", steps=3600)
    bar = window.run_bar
    qtbot.waitUntil(lambda: "About 33 hours" in bar.estimate, timeout=_LONG)
    qtbot.waitUntil(lambda: "About 11 hours" in bar.estimate, timeout=_LONG)
    qtbot.waitUntil(lambda: not times, timeout=_LONG)
    qtbot.wait(300)
    assert "About 11 hours" in bar.estimate


def test_a_device_that_is_not_there_is_said_before_the_start(
    free: dict[str, int], window: Window, qtbot: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    def choose(config: TrainerConfig) -> Hardware:
        raise UserError("--device cuda: there is none.")

    monkeypatch.setattr(estimate, "choose_hardware", choose)
    window.project.set_value("device", "cuda")
    qtbot.waitUntil(lambda: doubts(window) == [("Device cuda: there is none.", "device")], timeout=_LONG)
    window.project.set_value("batch_size", 0)
    assert not doubts(window)


def test_a_visible_run_names_its_own_device_and_how_full_its_memory_is(qapp: Any, qtbot: Any) -> None:
    status = StatusLine()
    qtbot.addWidget(status)
    started = RunStarted("1", "w", 4, True, 0, 9, "cuda", "bf16", 1, {}, None, "Their GPU", 24 * _GB)
    status.show_device("This Processor · fp32")
    status.on_event(started)
    status.show_device("This Processor · bf16")
    assert status.text("device") == "Their GPU · bf16"
    status.on_event(StepDone(1, 9, {"total": 1.0}, 1e-4, 1.0, 1.0, 1.0, 1.0, 6 * _GB))
    qtbot.waitUntil(lambda: status.text("memory") == "6.0 of 24 GB", timeout=_LONG)
    status.show_state(SessionState.IDLE)
    assert status.text("device") == "This Processor · bf16"
    status.on_event(RunStarted("2", "w", 4, True, 0, 9, "cpu", "fp32", 1, {}))  # of an older program
    assert status.text("device") == "cpu · fp32"
    status.on_event(StepDone(1, 9, {"total": 1.0}, 1e-4, 1.0, 1.0, 1.0, 1.0, 6 * _GB))
    qtbot.waitUntil(lambda: status.text("memory") == "6.00 GB", timeout=_LONG)
    status.clear_run()
    assert status.text("device") == "This Processor · bf16"
