"""Runs that diverge: they go back to their last good state by themselves, and nothing good is overwritten."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

torch = pytest.importorskip("torch")

from tests.small_runs import TINY, make_photos
from trainer_core.control import RunControl
from trainer_core.events import CheckpointSaved, Event, Notice, RolledBack, RunFinished, StepDone, Validated
from trainer_core.planning.plan import make_plan
from trainer_core.sinks.journal import read_journal
from trainer_core.training import checkpoint, loop
from trainer_core.training.failures import Diverged
from trainer_core.training.learner import Learner
from trainer_core.training.muon import find_inner_kernels
from trainer_core.training.rollback import give_up
from trainer_core.training.trainer import RunResult, Trainer
from trainer_core.workspace.layout import Workspace

Harm = Callable[[Learner], None]


@pytest.fixture(scope="module")
def photos(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_photos(tmp_path_factory.mktemp("photos"), 6)


def train(photos: Path, workspace: Path, stop_at: int | None = None, **given: Any) -> tuple[RunResult, list[Event]]:
    control, events = RunControl(), []

    def sink(event: Event) -> None:
        events.append(event)
        if isinstance(event, StepDone) and event.step == stop_at:
            control.stop()

    base = {} if given.get("resume_from") else {**TINY, "steps": 20, "val_interval": 100, "checkpoint_interval": 4}
    settings = {**base, "source_dir": str(photos), "workspace": str(workspace), **given}
    return Trainer(make_plan(settings), sink, control).run(), events


def only(kind: type, events: list[Event]) -> list[Any]:
    return [event for event in events if isinstance(event, kind)]


def explode(learner: Learner) -> None:
    with torch.no_grad():
        for parameter in learner.network.parameters():
            parameter.mul_(50)


def zero(learner: Learner) -> None:
    with torch.no_grad():
        for values in (*learner.network.parameters(), *learner.ema.state().values()):
            values.zero_()


def poison_moment(learner: Learner) -> None:
    next(iter(learner._optimizer.state.values()))["exp_avg"][0] = float("nan")


def poison_ema(learner: Learner) -> None:
    next(iter(learner.ema.state().values()))[0] = float("inf")


@pytest.fixture
def harm(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """A function that damages the weights after given updates, as long as the learning rate is high enough."""
    real = Learner.update

    def install(damage: Harm, *steps: int, above: float = 0.0) -> None:
        count = 0

        def update(self: Learner, *args: Any, learning_rate: float, **kwargs: Any) -> None:
            nonlocal count
            real(self, *args, learning_rate=learning_rate, **kwargs)
            count += 1
            if count in steps or (not steps and learning_rate > above):
                damage(self)

        monkeypatch.setattr(Learner, "update", update)

    return install


def digest(path: Path) -> str:
    state = checkpoint.load_checkpoint(path)
    return checkpoint.compute_digest([state.params, state.params_ema, state.optimizer, state.step, state.samples])


@pytest.mark.parametrize(
    "damage", [explode, *(pytest.param(d, marks=pytest.mark.long) for d in (zero, poison_moment, poison_ema))]
)
def test_a_run_that_diverges_once_goes_back_and_completes(
    photos: Path, tmp_path: Path, harm: Callable[..., None], damage: Harm
) -> None:
    harm(damage, 10)
    result, events = train(photos, tmp_path, val_interval=2)
    (event,) = only(RolledBack, events)
    assert result.outcome == "completed" and result.step == 20
    assert event.to_step == 8 and event.from_step <= 12 and event.count == 1
    assert event.learning_rate == TINY["learning_rate"] / 2
    rates = [step.learning_rate for step in only(StepDone, events) if step.step == 9]
    assert rates[1] == rates[0] / 2
    assert "half the learning rate" in (tmp_path / "trainer.log").read_text("utf-8")


def test_a_run_before_its_first_checkpoint_goes_back_to_its_start(
    photos: Path, tmp_path: Path, harm: Callable[..., None]
) -> None:
    harm(explode, 2)
    result, events = train(photos, tmp_path)
    assert result.outcome == "completed" and [event.to_step for event in only(RolledBack, events)] == [0]


def test_a_run_that_cannot_go_back_saves_nothing_of_what_it_left(
    photos: Path, tmp_path: Path, harm: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*args: Any, **kwargs: Any) -> None:
        raise OSError(5, "Input/output error")

    harm(explode, 10)
    monkeypatch.setattr(loop, "go_back", fail)
    result, events = train(photos, tmp_path)
    assert result.outcome == "failed" and [event.step for event in only(CheckpointSaved, events)] == [4, 8]
    assert Workspace(tmp_path).step_checkpoints()[-1][0] == 8


def test_exploded_weights_overwrite_nothing_and_latest_is_the_last_good_checkpoint(
    photos: Path, tmp_path: Path, harm: Callable[..., None]
) -> None:
    train(photos, tmp_path, stop_at=8)
    good = digest(tmp_path / "checkpoints" / "scale4_step8.pth")
    model = (tmp_path / "models" / "wqv_neosr_x4.pth").read_bytes()
    harm(explode)
    result, events = train(photos, tmp_path, resume_from="latest")
    assert result.outcome == "failed" and result.step == 8
    assert [event.count for event in only(RolledBack, events)] == [1, 2, 3]
    assert "--resume latest" in (result.error or "") and "lower --lr than 0.000125" in (result.error or "")
    assert not only(CheckpointSaved, events)
    assert digest(tmp_path / "checkpoints" / "scale4_step8.pth") == good
    assert (tmp_path / "models" / "wqv_neosr_x4.pth").read_bytes() == model
    assert Workspace(tmp_path).step_checkpoints()[-1][0] == 8
    assert only(RunFinished, events)[0].checkpoint == str(tmp_path / "checkpoints" / "scale4_step8.pth")


def test_the_advice_of_a_run_that_gave_up_leads_to_a_healthy_run(
    photos: Path, tmp_path: Path, harm: Callable[..., None]
) -> None:
    train(photos, tmp_path, stop_at=8)
    harm(explode, above=1e-6)
    train(photos, tmp_path, resume_from="latest")
    result, events = train(photos, tmp_path, resume_from="latest", learning_rate=1e-6)
    assert result.outcome == "completed" and not only(RolledBack, events)


def test_a_run_resumed_after_its_rollback_gives_the_same_bits(
    photos: Path, tmp_path: Path, harm: Callable[..., None]
) -> None:
    harm(explode, 10)
    train(photos, tmp_path / "a")
    harm(explode, 10)
    train(photos, tmp_path / "b", stop_at=15)
    harm(explode, 0)
    _, events = train(photos, tmp_path / "b", resume_from="latest")
    assert digest(tmp_path / "a/checkpoints/scale4_final.pth") == digest(tmp_path / "b/checkpoints/scale4_final.pth")
    assert not only(RolledBack, events) and not [n for n in only(Notice, events) if n.level == "warning"]


def test_going_back_to_steps_of_another_optimizer_begins_the_inner_kernels_without_moments(
    photos: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    train(photos, tmp_path, stop_at=8, optimizer="muon")
    real, counts = Learner.update, []

    def update(self: Learner, *args: Any, **kwargs: Any) -> None:
        real(self, *args, **kwargs)
        counts.append({float(self._optimizer.state[kernel]["step"]) for kernel in find_inner_kernels(self.network)})
        if len(counts) == 2:
            explode(self)

    monkeypatch.setattr(Learner, "update", update)
    _, events = train(photos, tmp_path, resume_from="latest", optimizer="adam")
    (event,) = only(RolledBack, events)
    assert event.to_step == 8
    abandoned = event.from_step - event.to_step
    assert counts[0] == counts[abandoned] == {1.0} and counts[abandoned - 1] == {float(abandoned)}


def test_the_files_and_events_of_the_abandoned_steps_are_set_aside(
    photos: Path, tmp_path: Path, harm: Callable[..., None]
) -> None:
    harm(zero, 9)
    _, events = train(photos, tmp_path, val_interval=6, checkpoint_interval=2)
    (event,) = only(RolledBack, events)
    assert event.to_step == 6 and event.folder
    assert (Path(event.folder) / "checkpoints" / "scale4_step8.pth").exists()
    steps = [record["step"] for record in read_journal(tmp_path / "journal.jsonl") if record["event"] == "StepDone"]
    assert steps == sorted(set(steps)) and steps[-1] == 20


def test_a_first_validation_far_below_bicubic_is_no_best(
    photos: Path, tmp_path: Path, harm: Callable[..., None]
) -> None:
    harm(zero)
    result, events = train(photos, tmp_path, val_interval=2, checkpoint_interval=100)
    assert result.outcome == "failed" and result.best_psnr is None and "start again" in (result.error or "")
    assert not only(Validated, events) and not list((tmp_path / "checkpoints").iterdir())


@pytest.mark.parametrize(("checkpoint", "is_kept"), [(Path("scale2_step10.pth"), True), (None, False)])
def test_a_run_that_gives_up_says_that_a_state_is_kept_only_if_there_is_one(
    checkpoint: Path | None, is_kept: bool
) -> None:
    text = str(give_up(Diverged("the loss rose"), checkpoint, 0.125, "bf16"))
    assert ("state is kept" in text, "--resume latest" in text) == (is_kept, is_kept)


def test_a_run_in_fp16_that_gives_up_names_fp32_first() -> None:
    texts = [str(give_up(Diverged("the loss rose"), None, 0.125, precision)) for precision in ("fp16", "bf16")]
    assert "start again with --no-amp" in texts[0] and "lower --lr" in texts[0]
    assert "--no-amp" not in texts[1]
