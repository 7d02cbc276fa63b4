"""Stopping between two steps: validations, previews and the work before the first step end without a trace."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

torch = pytest.importorskip("torch")

from tests.small_runs import TINY, make_photos, watch_photo
from trainer_core.control import RunControl, StopMode, Stopped
from trainer_core.data.photos import ScanCanceled
from trainer_core.events import Event, Notice, PreviewReady, RunFinished, RunStarted, StepDone, Validated
from trainer_core.model.rrdb import RRDBNet
from trainer_core.model.spec import NetworkSpec
from trainer_core.planning.plan import make_plan
from trainer_core.scenes import painter
from trainer_core.training import checkpoint, stepping
from trainer_core.training.interruption import make_interruptible
from trainer_core.training.trainer import RunResult, Trainer
from trainer_core.workspace.layout import Workspace


class StopAtCheck(RunControl):
    """Stops the run at the `number`-th check for a stop once `arm` was called."""

    def __init__(self, number: int) -> None:
        super().__init__()
        self._left = number
        self._armed = False

    def arm(self) -> None:
        self._armed = True

    def raise_if_stopped(self) -> None:
        if self._armed:
            self._left -= 1
            if self._left == 0:
                self.stop()
        super().raise_if_stopped()


@pytest.fixture(scope="module")
def photos(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_photos(tmp_path_factory.mktemp("photos"), 6)


def train(
    photos: Path, workspace: Path, control: RunControl | None = None, arm_at: int = -1, **given: Any
) -> tuple[RunResult, list[Event]]:
    """Train; `arm_at`: the step at which a `StopAtCheck` begins to count."""
    events: list[Event] = []

    def sink(event: Event) -> None:
        events.append(event)
        if isinstance(control, StopAtCheck) and isinstance(event, StepDone) and event.step == arm_at:
            control.arm()

    settings = {**({} if given.get("resume_from") else TINY), "source_dir": str(photos), "workspace": str(workspace)}
    return Trainer(make_plan({**settings, **given}), sink, control).run(), events


def only(kind: type, events: list[Event]) -> list[Any]:
    return [event for event in events if isinstance(event, kind)]


def final_state(workspace: Path) -> tuple[str, dict[str, Any]]:
    state = checkpoint.load_checkpoint(workspace / "checkpoints" / "scale4_final.pth")
    bits = [state.params, state.params_ema, state.optimizer["state"], state.step, state.samples, state.ema_updates]
    return checkpoint.compute_digest([*bits, state.discriminator]), state.best


SETTINGS: dict[str, Any] = dict(steps=6, val_interval=3, checkpoint_interval=100, num_block=2)


@pytest.fixture(scope="module")
def uninterrupted(photos: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[str, dict[str, Any]]:
    workspace = tmp_path_factory.mktemp("straight")
    train(photos, workspace, **SETTINGS)
    return final_state(workspace)


@pytest.mark.parametrize("number", [1, 6, 30])  # at its start, within a frame, in the test
def test_a_stop_during_a_validation_leaves_no_result_and_the_resumed_run_has_the_same_bits(
    number: int, photos: Path, tmp_path: Path, uninterrupted: tuple[str, dict[str, Any]]
) -> None:
    result, events = train(photos, tmp_path, StopAtCheck(number), arm_at=3, **SETTINGS)
    assert (result.outcome, result.step) == ("stopped", 3)
    assert not only(Validated, events) and [event.step for event in only(PreviewReady, events)] == [0]
    saved = checkpoint.load_checkpoint(tmp_path / "checkpoints" / "scale4_step3.pth")
    assert saved.best["best_psnr"] is None and not saved.best["last"]
    assert not (tmp_path / "checkpoints" / "scale4_best.pth").exists()
    result, events = train(photos, tmp_path, resume_from="latest")
    assert result.outcome == "completed"
    assert [event.step for event in only(Validated, events) if event.split == "val"] == [3, 6]
    assert final_state(tmp_path) == uninterrupted


def test_a_stop_during_the_first_preview_ends_the_run_before_its_first_step(photos: Path, tmp_path: Path) -> None:
    control, events = RunControl(), []

    def sink(event: Event) -> None:
        events.append(event)
        if isinstance(event, RunStarted):
            control.stop()

    given = {**TINY, **SETTINGS, "source_dir": str(photos), "workspace": str(tmp_path)}
    result = Trainer(make_plan(given), sink, control).run()
    assert (result.outcome, result.step) == ("stopped", 0)
    assert not only(PreviewReady, events) and not only(StepDone, events)


def test_a_stop_during_the_last_validation_is_ended_by_a_resume(
    photos: Path, tmp_path: Path, uninterrupted: tuple[str, dict[str, Any]]
) -> None:
    result, _ = train(photos, tmp_path, StopAtCheck(2), arm_at=6, **SETTINGS)
    assert (result.outcome, result.step) == ("stopped", 6)
    assert not (tmp_path / "checkpoints" / "scale4_final.pth").exists()
    result, _ = train(photos, tmp_path, resume_from="latest")
    assert result.outcome == "completed" and final_state(tmp_path) == uninterrupted


def test_a_complete_validation_counts_even_if_its_preview_is_interrupted(photos: Path, tmp_path: Path) -> None:
    control = RunControl()
    events: list[Event] = []

    def sink(event: Event) -> None:
        events.append(event)
        if isinstance(event, Validated):
            control.stop()

    watch_photo(tmp_path / "preview_photos" / "capture.png")
    given = {**TINY, **SETTINGS, "source_dir": str(photos), "workspace": str(tmp_path)}
    result = Trainer(make_plan(given), sink, control).run()
    assert result.outcome == "stopped" and only(Validated, events)[0].step == 3
    assert [event.step for event in only(PreviewReady, events)] == [0]
    best = checkpoint.load_checkpoint(tmp_path / "checkpoints" / "scale4_best.pth")
    assert best.step == 3 and best.best["best_step"] == 3


@pytest.mark.parametrize("more", [{}, {"gan_weight": 0.05, "gan_features": 4}], ids=["plain", "adversarial"])
def test_a_long_step_ends_between_two_micro_batches_and_is_done_again(
    more: dict[str, Any], photos: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = {**SETTINGS, "grad_accum_steps": 4, "steps": 4, **more}
    train(photos, tmp_path / "a", **settings)
    monkeypatch.setattr(stepping, "_MAX_SECONDS_AFTER_STOP", -1.0)
    result, _ = train(photos, tmp_path / "b", StopAtCheck(3), arm_at=2, **settings)
    assert (result.outcome, result.step) == ("stopped", 2)
    train(photos, tmp_path / "b", resume_from="latest")
    assert final_state(tmp_path / "b")[0] == final_state(tmp_path / "a")[0]


def test_a_stop_is_noticed_between_two_blocks_of_the_network() -> None:
    calls = itertools.count(1)

    def check_stop() -> None:
        if next(calls) == 3:
            raise Stopped

    network = RRDBNet(NetworkSpec(2, 8, 4, 4))
    reached: list[int] = []
    for number, block in enumerate(network.body):
        block.register_forward_hook(lambda *_, number=number: reached.append(number))
    make_interruptible(network, check_stop)
    with pytest.raises(Stopped), torch.no_grad():
        network(torch.zeros(1, 3, 8, 8))
    assert reached == [0]
    assert network(torch.zeros(1, 3, 8, 8)).shape == (1, 3, 16, 16)


def test_a_stop_while_scenes_are_rendered_moves_no_run(
    photos: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    train(photos, tmp_path, **SETTINGS)
    before = {path.name for path in (tmp_path / "checkpoints").iterdir()}
    rendered: list[int] = []
    control = RunControl()

    def render(seed: int, index: int, size: int) -> Any:
        rendered.append(index)
        control.stop(StopMode.SAVE)
        return original(seed, index, 64)

    original: Callable[..., Any] = painter.render_scene
    monkeypatch.setattr(painter, "render_scene", render)
    result, events = train(photos, tmp_path, control, demo=True)
    assert result.outcome == "stopped" and rendered == [0]
    assert "Stopped before the first step. No run was changed." in [notice.text for notice in only(Notice, events)]
    assert {path.name for path in (tmp_path / "checkpoints").iterdir()} == before
    assert not Workspace(tmp_path).previous_runs.exists()


def test_a_stop_before_the_first_step_of_a_resumed_run_reports_its_step(photos: Path, tmp_path: Path) -> None:
    train(photos, tmp_path, StopAtCheck(1), arm_at=3, **SETTINGS)

    class StopInFrames(RunControl):
        def raise_if_stopped(self) -> None:
            if self.has_begun:
                self.stop()
            super().raise_if_stopped()

    _, events = train(photos, tmp_path, StopInFrames(), resume_from="latest")
    (finished,) = only(RunFinished, events)
    assert (finished.outcome, finished.step) == ("stopped", 3)
    assert finished.checkpoint.endswith("scale4_step3.pth")


def test_a_stop_ends_the_search_for_photos(photos: Path, tmp_path: Path) -> None:
    with pytest.raises(ScanCanceled):
        make_plan({**TINY, "source_dir": str(photos), "workspace": str(tmp_path / "w")}, lambda: False)
    assert not (tmp_path / "w").exists()


def test_a_stop_ends_the_reading_of_a_warm_start(photos: Path, tmp_path: Path) -> None:
    train(photos, tmp_path / "a", steps=1)
    weights = tmp_path / "a" / "models" / "wqv_neosr_x4.pth"
    control = StopAtCheck(6)
    control.arm()
    result, events = train(photos, tmp_path / "b", control, init_weights=str(weights))
    assert result.outcome == "stopped" and not (tmp_path / "b").exists()
    assert "Stopped before the first step" in only(Notice, events)[-1].text
