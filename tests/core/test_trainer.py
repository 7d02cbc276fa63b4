"""Real short runs: what they leave behind, that they resume bit for bit, and how they fail."""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from tests.small_runs import TINY, make_photos
from trainer_core import cli, thread_choice
from trainer_core.control import RunControl, RunRequest, StopMode
from trainer_core.data import photo_troubles
from trainer_core.data.regions import RegionSource
from trainer_core.errors import UserError
from trainer_core.events import (
    CheckpointSaved,
    Event,
    Notice,
    PlanChanged,
    PreviewReady,
    RolledBack,
    RunFinished,
    RunStarted,
    StepDone,
    Validated,
)
from trainer_core.model.rrdb import RRDBNet
from trainer_core.planning.hardware import choose_hardware
from trainer_core.planning.plan import DEMO_SCENES, make_plan
from trainer_core.settings.config import TrainerConfig
from trainer_core.training import checkpoint, samples
from trainer_core.training.clock import Cadences, RunClock
from trainer_core.training.loop import TrainingLoop
from trainer_core.training.trainer import RunResult, Trainer
from trainer_core.weights.container.reader import load_tree, open_weights
from trainer_core.weights.rrdb.dialects import identify
from trainer_core.workspace.layout import Workspace

Listener = Callable[[Event, RunControl], None]


@pytest.fixture(scope="module")
def photos(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_photos(tmp_path_factory.mktemp("photos"), 6)


def train(
    photos: Path, workspace: Path, listener: Listener | None = None, **given: Any
) -> tuple[RunResult, list[Event]]:
    control, events = RunControl(), []

    def sink(event: Event) -> None:
        events.append(event)
        if listener:
            listener(event, control)

    base = {} if given.get("resume_from") else TINY
    settings = {**base, "source_dir": str(photos), "workspace": str(workspace), **given}
    return Trainer(make_plan(settings), sink, control).run(), events


def stop_at(step: int, how: StopMode = StopMode.SAVE) -> Listener:
    return lambda event, control: control.stop(how) if isinstance(event, StepDone) and event.step == step else None


def only(kind: type, events: list[Event]) -> list[Any]:
    return [event for event in events if isinstance(event, kind)]


def losses_by_step(events: list[Event]) -> dict[int, str]:
    return {event.step: event.losses["total"].hex() for event in only(StepDone, events)}


def state_digest(path: Path) -> str:
    state = checkpoint.load_checkpoint(path)
    return checkpoint.compute_digest([state.params, state.params_ema, state.optimizer, state.step, state.samples])


def test_a_run_leaves_the_workspace_of_the_manual(photos: Path, tmp_path: Path) -> None:
    result, events = train(photos, tmp_path, steps=6, val_interval=3, checkpoint_interval=3, tensorboard=True)
    assert result.outcome == "completed" and result.step == 6
    files = {str(p.relative_to(tmp_path)) for p in tmp_path.rglob("*") if p.is_file()}
    expected = {
        "training_config.json",
        "dataset_splits.json",
        "trainer.log",
        "journal.jsonl",
        "checkpoints/scale4_step3.pth",
        "checkpoints/scale4_step3_deploy.pth",
        "checkpoints/scale4_step6.pth",
        "checkpoints/scale4_step6_deploy.pth",
        "checkpoints/scale4_final.pth",
        "checkpoints/scale4_final_deploy.pth",
        "checkpoints/scale4_best.pth",
        "checkpoints/scale4_best_deploy.pth",
        "models/wqv_neosr_x4.pth",
        "models/wqv_neosr_x4_best.pth",
        "previews/step00000006_1.png",
    }
    assert expected <= files and any(f.startswith("tensorboard/") for f in files)
    assert not [f for f in files if f.endswith(".tmp")]
    assert only(RunFinished, events)[0].model == str(tmp_path / "models" / "wqv_neosr_x4_best.pth")
    assert only(RunStarted, events)[0].device_name == choose_hardware(TrainerConfig()).name != ""
    log = (tmp_path / "trainer.log").read_text("utf-8")
    assert "PSNR" in log and "bicubic" in log and log[:2] == "20"
    config = json.loads((tmp_path / "training_config.json").read_text())
    assert config["schema"] == 1 and config["warm_start"] is None
    assert config["derived"]["images"] == {"train": 5, "val": 1, "test": 0, "unusable": 0}


@pytest.mark.parametrize("mono", [True, False])
@pytest.mark.parametrize("scale", [2, 4, 8])
def test_every_scale_trains_exports_and_reloads_as_the_validated_network(
    photos: Path, tmp_path: Path, scale: int, mono: bool
) -> None:
    result, events = train(photos, tmp_path, steps=2, scale=scale, monochrome_style=mono, compact_export=False)
    assert result.outcome == "completed"
    validated = only(Validated, events)[0]
    padded, compact = result.model, tmp_path / "checkpoints" / f"scale{scale}_final_deploy.pth"
    assert padded is not None
    lr = torch.rand(1, 3, 16, 16, generator=torch.Generator().manual_seed(3))
    outputs = []
    for path in (compact, padded):
        spec = identify(open_weights(path)).spec
        network = RRDBNet(spec)
        network.load_state_dict(load_tree(path)["params"])
        with torch.no_grad():
            outputs.append(network(lr))
        assert spec.scale == scale
    assert (outputs[0] - outputs[1]).abs().max() < 1e-5
    if mono:
        assert torch.equal(outputs[0][:, 0], outputs[0][:, 2])
    meta = load_tree(compact)["meta"]
    assert meta["psnr"] == validated.psnr and meta["step"] == 2


@pytest.mark.parametrize("optimizer", ["adam", "muon"])
def test_resumed_runs_give_the_same_bits_as_an_uninterrupted_one(photos: Path, tmp_path: Path, optimizer: str) -> None:
    settings: dict[str, Any] = dict(steps=9, val_interval=4, checkpoint_interval=100, grad_accum_steps=2)
    settings["optimizer"] = optimizer
    _, straight = train(photos, tmp_path / "a", **settings)
    wanted, losses = state_digest(tmp_path / "a" / "checkpoints" / "scale4_final.pth"), losses_by_step(straight)
    _, part = train(photos, tmp_path / "b", stop_at(2), **settings)
    seen = losses_by_step(part)
    for stop in (5, 7, 99):
        _, part = train(photos, tmp_path / "b", stop_at(stop), resume_from="latest")
        assert not only(RunStarted, part)[0].resumed_from.endswith("final.pth")
        seen.update(losses_by_step(part))
    assert seen == losses
    assert state_digest(tmp_path / "b" / "checkpoints" / "scale4_final.pth") == wanted
    assert not [n for n in only(Notice, part) if n.level == "warning"]


def test_a_resumed_run_may_get_more_steps(photos: Path, tmp_path: Path) -> None:
    train(photos, tmp_path, steps=3)
    with pytest.raises(UserError, match="at step 3, beyond the requested 2 steps"):
        train(photos, tmp_path, resume_from="latest", steps=2)
    with pytest.raises(UserError, match="already at step 3 of 3"):
        train(photos, tmp_path, resume_from="latest")
    result, _ = train(photos, tmp_path, resume_from="latest", steps=5)
    assert result.step == 5


def test_a_run_cut_off_at_its_very_end_is_ended_by_a_resume(photos: Path, tmp_path: Path) -> None:
    train(photos, tmp_path, steps=3)
    for name in ("scale4_final.pth", "scale4_final_deploy.pth"):
        (tmp_path / "checkpoints" / name).unlink()
    result, _ = train(photos, tmp_path, resume_from="latest")
    assert result.outcome == "completed" and (tmp_path / "checkpoints" / "scale4_final.pth").exists()


def test_stop_saves_and_discard_does_not(photos: Path, tmp_path: Path) -> None:
    result, _ = train(photos, tmp_path / "a", stop_at(2), steps=9)
    assert result.outcome == "stopped" and (tmp_path / "a/checkpoints/scale4_step2.pth").exists()
    result, _ = train(photos, tmp_path / "b", stop_at(2, StopMode.DISCARD), steps=9)
    assert result.outcome == "discarded" and not list((tmp_path / "b/checkpoints").iterdir())


def test_requests_are_served_between_steps(photos: Path, tmp_path: Path) -> None:
    def ask(event: Event, control: RunControl) -> None:
        if isinstance(event, StepDone) and event.step == 2:
            control.request(RunRequest.SAVE)
            control.request(RunRequest.VALIDATE)

    _, events = train(photos, tmp_path, ask, steps=4)
    assert [e.step for e in only(CheckpointSaved, events) if e.kind == "step"] == [2]
    assert [e.step for e in only(Validated, events) if e.split == "val"] == [2, 4]


def test_a_requested_validation_that_is_due_anyway_is_done_once(photos: Path, tmp_path: Path) -> None:
    def ask(event: Event, control: RunControl) -> None:
        if isinstance(event, StepDone) and event.step == 2:
            control.request(RunRequest.VALIDATE)

    _, events = train(photos, tmp_path, ask, steps=4, val_interval=2, image_log_interval=100)
    assert [e.step for e in only(Validated, events) if e.split == "val"] == [2, 4]
    assert [event.step for event in only(PreviewReady, events)] == [0, 2, 4], "one that was requested shows itself"


def test_the_time_left_of_a_run_includes_what_is_done_beside_the_steps(
    photos: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Cadences, "estimate_overhead", lambda self, left, planned: 1e6)
    _, events = train(photos, tmp_path, steps=3)
    assert [done.seconds_left > 1e5 for done in only(StepDone, events)] == [True, True, False]


@pytest.mark.parametrize(("interval", "steps"), [("auto", [0, 2, 4, 5]), (3, [0, 3, 5])])
def test_previews_come_with_validations_or_every_so_many_steps(
    photos: Path, tmp_path: Path, interval: Any, steps: list[int]
) -> None:
    _, events = train(photos, tmp_path, steps=5, val_interval=2, image_log_interval=interval)
    assert [event.step for event in only(PreviewReady, events)] == steps


def test_the_untrained_network_is_shown_before_the_first_step_but_not_checked(photos: Path, tmp_path: Path) -> None:
    _, events = train(photos, tmp_path, stop_at(1), steps=4, val_interval=2)
    (preview,), (step,) = only(PreviewReady, events), only(StepDone, events)
    assert preview.step == 0 and events.index(preview) < events.index(step)
    (image,) = preview.images
    assert image.psnr is None and image.bicubic_psnr is None
    apart = np.abs(np.asarray(image.sr, float) - np.asarray(image.bicubic, float))
    assert apart.mean() < 10, "it interpolates"
    assert (tmp_path / "previews" / "step00000000_1.png").is_file()
    assert not only(Validated, events) and not any(event.kind == "best" for event in only(CheckpointSaved, events))
    _, events = train(photos, tmp_path, resume_from="latest")
    assert [event.step for event in only(PreviewReady, events)] == [2, 4], "a resumed run has shown it"


def test_the_first_preview_changes_no_bit_of_the_training(
    photos: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    train(photos, tmp_path / "with", steps=2)
    monkeypatch.setattr(TrainingLoop, "_show_start", lambda loop: None)
    train(photos, tmp_path / "without", steps=2)
    states = [state_digest(tmp_path / name / "checkpoints" / "scale4_final.pth") for name in ("with", "without")]
    assert states[0] == states[1]


def test_only_the_newest_checkpoints_are_kept_and_the_best(photos: Path, tmp_path: Path) -> None:
    train(photos, tmp_path, steps=8, checkpoint_interval=1, keep_checkpoints=2)
    names = {p.name for p in (tmp_path / "checkpoints").iterdir()}
    steps = {name for name in names if "step" in name}
    assert steps == {f"scale4_step{n}{d}.pth" for n in (7, 8) for d in ("", "_deploy")}
    assert {"scale4_best.pth", "scale4_final.pth"} <= names


def test_a_new_run_puts_the_earlier_one_aside_and_names_how_to_continue_it(photos: Path, tmp_path: Path) -> None:
    train(photos, tmp_path, stop_at(2), steps=9)
    before = state_digest(tmp_path / "checkpoints" / "scale4_step2.pth")
    _, events = train(photos, tmp_path, stop_at(1), steps=9)
    text = next(n.text for n in only(Notice, events) if "moved to" in n.text)
    assert "--resume latest" in text and "step 2" in text
    (folder,) = (tmp_path / "previous_runs").iterdir()
    kept = folder / "checkpoints" / "scale4_step2.pth"
    assert state_digest(kept) == before and (folder / "training_config.json").exists()
    result, events = train(photos, tmp_path, stop_at(3), resume_from=str(kept))
    assert only(RunStarted, events)[0].start_step == 2 and result.step == 3
    assert (tmp_path / "checkpoints" / "scale4_step2.pth").exists()


def test_resume_refuses_what_is_not_this_workspaces_and_what_is_damaged(photos: Path, tmp_path: Path) -> None:
    train(photos, tmp_path / "a", steps=2)
    train(photos, tmp_path / "b", steps=2)
    mine, foreign = (tmp_path / w / "checkpoints" / "scale4_step2.pth" for w in "ab")
    with pytest.raises(UserError, match="outside the workspace"):
        train(photos, tmp_path / "a", resume_from=str(foreign))
    smuggled = mine.with_name("scale4_step7.pth")
    smuggled.write_bytes(foreign.read_bytes())
    with pytest.raises(UserError, match="belongs to another workspace"):
        train(photos, tmp_path / "a", resume_from=str(smuggled))
    data = bytearray(mine.read_bytes())
    data[len(data) // 2] ^= 4
    smuggled.write_bytes(bytes(data))
    with pytest.raises(UserError, match=r"scale4_step7\.pth.*--resume .*scale4_step2\.pth"):
        train(photos, tmp_path / "a", resume_from=str(smuggled), steps=9)
    with pytest.raises(UserError, match="not a checkpoint of this trainer"):
        train(photos, tmp_path / "a", resume_from=str(tmp_path / "a/models/wqv_neosr_x4.pth"), steps=9)
    with pytest.raises(UserError, match="--scale"):
        train(photos, tmp_path / "a", resume_from=str(mine), scale=2, steps=9)


def test_a_deploy_file_alone_continues_the_weights_with_a_fresh_optimizer(photos: Path, tmp_path: Path) -> None:
    train(photos, tmp_path, stop_at(2), steps=9)
    (tmp_path / "checkpoints" / "scale4_step2.pth").unlink()
    deployed = tmp_path / "checkpoints" / "scale4_step2_deploy.pth"
    result, events = train(photos, tmp_path, stop_at(3), resume_from=str(deployed))
    assert result.step == 3
    assert any("new optimizer" in n.text for n in only(Notice, events))


def test_a_run_with_a_new_optimizer_that_is_saved_before_its_first_step_can_be_resumed(
    photos: Path, tmp_path: Path
) -> None:
    train(photos, tmp_path, stop_at(2), steps=9)
    (tmp_path / "checkpoints" / "scale4_step2.pth").unlink()

    def save_at_once(event: Event, control: RunControl) -> None:
        if isinstance(event, RunStarted):
            control.pause()
            control.request(RunRequest.SAVE)
        elif isinstance(event, CheckpointSaved):
            control.stop()

    deployed = tmp_path / "checkpoints" / "scale4_step2_deploy.pth"
    result, _ = train(photos, tmp_path, save_at_once, resume_from=str(deployed))
    assert result.step == 2 and (tmp_path / "checkpoints" / "scale4_step2.pth").is_file()
    result, events = train(photos, tmp_path, stop_at(3), resume_from="latest")
    assert result.step == 3
    assert not [notice.text for notice in only(Notice, events) if "damaged" in notice.text]


def test_a_checkpoint_loads_as_weights_only_and_serves_other_programs(photos: Path, tmp_path: Path) -> None:
    train(photos, tmp_path, steps=2)
    tree = torch.load(tmp_path / "checkpoints" / "scale4_final.pth", weights_only=True)
    assert set(tree["params"]) == set(tree["params_ema"])


def test_a_changed_folder_and_changed_settings_are_reported_on_resume(photos: Path, tmp_path: Path) -> None:
    source = make_photos(tmp_path / "photos", 6)
    train(source, tmp_path / "w", stop_at(2), steps=9)
    make_photos(source, 9)
    _, events = train(source, tmp_path / "w", stop_at(3), resume_from="latest", learning_rate=5e-4)
    warnings = " ".join(n.text for n in only(Notice, events) if n.level == "warning")
    assert "photos have changed" in warnings and "learning_rate 0.001 -> 0.0005" in warnings


def test_a_warm_start_is_recorded_and_replayed_until_switched_off(photos: Path, tmp_path: Path) -> None:
    train(photos, tmp_path / "a", steps=2, compact_export=False)
    seed = tmp_path / "a" / "models" / "wqv_neosr_x4.pth"  # padded to 64/23/32: the small network comes back
    _, events = train(photos, tmp_path / "b", steps=1, init_weights=str(seed), num_feat=8, num_block=1, num_grow_ch=4)
    assert only(Validated, events)[0].step == 0
    assert any(notice.text.endswith("The network is checked before the first step.") for notice in only(Notice, events))
    config = json.loads((tmp_path / "b" / "training_config.json").read_text())
    assert config["init_weights"] == str(seed) and config["warm_start"]["file"] == str(seed)
    settings = {"source_dir": str(photos), "workspace": str(tmp_path / "b")}
    assert make_plan(settings).warm_start is not None and make_plan(settings).config.num_feat == 8
    assert make_plan({**settings, "init_weights": None}).warm_start is None
    with pytest.raises(UserError, match="Use either --resume"):
        make_plan({**settings, "init_weights": str(seed), "resume_from": "latest"})
    assert make_plan({**settings, "resume_from": "latest"}).config.init_weights == str(seed)


def test_a_run_can_start_from_the_model_of_the_run_it_moves_aside(photos: Path, tmp_path: Path) -> None:
    first, _ = train(photos, tmp_path, steps=1)
    result, events = train(photos, tmp_path, steps=1, init_weights=str(first.model))
    assert result.outcome == "completed" and len(list((tmp_path / "previous_runs").iterdir())) == 1
    assert any("copied exactly (100.0 %)" in notice.text for notice in only(Notice, events))


def test_damaged_weights_are_refused_before_the_earlier_run_is_moved(photos: Path, tmp_path: Path) -> None:
    train(photos, tmp_path / "w", steps=1)
    state = load_tree(tmp_path / "w" / "models" / "wqv_neosr_x4.pth")["params"]
    state["conv_first.weight"][0] = float("nan")
    torch.save({"params": state}, tmp_path / "bad.pth")
    with pytest.raises(UserError, match="bad"):
        train(photos, tmp_path / "w", steps=1, init_weights=str(tmp_path / "bad.pth"))
    assert Workspace(tmp_path / "w").step_checkpoints() and not (tmp_path / "w" / "previous_runs").exists()


def test_a_time_budget_leaves_the_record_of_the_warm_start_as_it_is(
    photos: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from trainer_core.training import time_budget

    first, _ = train(photos, tmp_path / "a", steps=1)
    monkeypatch.setattr(time_budget, "_MIN_SECONDS", 0.0)
    train(photos, tmp_path / "b", stop_at(20), max_minutes=0.2, init_weights=str(first.model))
    config = json.loads((tmp_path / "b" / "training_config.json").read_text())
    assert config["steps"] != TrainerConfig().steps and config["warm_start"]["exact"]["percent"] == 100


def test_a_non_finite_batch_never_reaches_the_weights(photos: Path, tmp_path: Path) -> None:
    from trainer_core.training import batches

    real = batches.BatchMaker.make_batch

    def poisoned(self: batches.BatchMaker, prepared: batches.PreparedBatch) -> batches.Batch:
        batch = real(self, prepared)
        return batches.Batch(batch.lr * float("nan"), batch.hr) if prepared.first == 4 else batch

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(batches.BatchMaker, "make_batch", poisoned)
        result, events = train(photos, tmp_path, steps=5)
    assert result.outcome == "completed"
    assert [e.skipped_steps for e in only(StepDone, events)] == [0, 0, 1, 1, 1]
    state = checkpoint.load_checkpoint(tmp_path / "checkpoints" / "scale4_final.pth")
    assert all(torch.isfinite(t).all() for t in (*state.params.values(), *state.params_ema.values()))
    assert int(state.optimizer["state"][0]["step"]) == 4


def test_gradients_that_stay_non_finite_end_the_run_with_a_reason(photos: Path, tmp_path: Path) -> None:
    from trainer_core.training import batches

    broken = lambda self, regions: batches.Batch(  # noqa: E731
        torch.full((2, 3, 16, 16), float("inf")), torch.zeros(2, 3, 64, 64)
    )
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(batches.BatchMaker, "make_batch", broken)
        result, events = train(photos, tmp_path, steps=50)
    assert result.outcome == "failed" and "lower --lr" in (result.error or "") and result.step == 0
    assert [event.from_step for event in events if isinstance(event, RolledBack)] == [20, 20, 20]


def test_out_of_memory_with_the_smallest_batch_saves_and_gives_advice(photos: Path, tmp_path: Path) -> None:
    from trainer_core.training.learner import Learner

    real = Learner.update

    def hungry(self: Learner, *args: Any, **kwargs: Any) -> None:
        if kwargs["learning_rate"] > 0 and self.ema.updates == 3:
            raise RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried to allocate 9 bytes.")
        real(self, *args, **kwargs)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Learner, "update", hungry)
        result, events = train(photos, tmp_path, steps=9, batch_size=4)
    assert result.outcome == "failed"
    assert only(RunFinished, events)[-1].remedy == {} and "one patch at a time" in (result.error or "")
    assert Workspace(tmp_path).step_checkpoints()[-1][0] == 3


def test_a_run_that_cannot_be_built_ends_as_a_failure(photos: Path, tmp_path: Path) -> None:
    from trainer_core.training.learner import Learner

    def hungry(*arguments: Any) -> None:
        raise RuntimeError("CUDA out of memory.")

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Learner, "__init__", hungry)
        result, events = train(photos, tmp_path, steps=9)
    assert (result.outcome, result.step, result.model) == ("failed", 0, None)
    assert "Use --batch-size 1" in (result.error or "") and not only(RunStarted, events)
    assert only(RunFinished, events)[0].remedy == {"batch_size": 1, "grad_accum_steps": 2}


def test_a_full_disk_costs_a_checkpoint_but_not_the_run(photos: Path, tmp_path: Path) -> None:
    real = checkpoint.write_checkpoint
    full = {"scale4_step2.pth", "scale4_best.pth"}

    def save(path: Path, tree: Any) -> None:
        if path.name in full:
            full.remove(path.name)
            raise OSError(28, f"the disk is full: could not write {path}")
        real(path, tree)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(checkpoint, "write_checkpoint", save)
        result, events = train(photos, tmp_path, steps=4, checkpoint_interval=2, val_interval=2)
    assert result.outcome == "completed" and (tmp_path / "checkpoints" / "scale4_final.pth").exists()
    assert sum("the disk is full" in n.text for n in only(Notice, events) if n.level == "error") == 1
    assert checkpoint.load_checkpoint(tmp_path / "checkpoints" / "scale4_best.pth").step in (2, 4)
    assert not list(tmp_path.rglob("*.tmp"))


def test_a_resumed_time_budget_continues_with_the_plan_of_its_checkpoint(photos: Path, tmp_path: Path) -> None:
    from trainer_core.training import time_budget

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(time_budget, "_MIN_SECONDS", 0.0)
        _, events = train(photos, tmp_path, stop_at(20), max_minutes=5.0)
    plans = [[event.step, event.total_steps] for event in only(PlanChanged, events)]
    total = only(StepDone, events)[-1].total_steps
    state = checkpoint.load_checkpoint(Workspace(tmp_path).step_checkpoints()[-1][1])
    assert (state.plan["total_steps"], state.plan["plan_changes"]) == (total, plans) and plans
    assert json.loads((tmp_path / "training_config.json").read_text())["steps"] == total
    _, events = train(photos, tmp_path, stop_at(21), resume_from="latest")
    assert only(RunStarted, events)[0].total_steps == total
    _, events = train(photos, tmp_path, stop_at(22), resume_from="latest", steps=500)
    assert only(RunStarted, events)[0].total_steps == 500
    state = checkpoint.load_checkpoint(Workspace(tmp_path).step_checkpoints()[-1][1])
    assert state.plan["max_minutes"] is None, "steps end the budget"


def test_a_checkpoint_records_the_number_of_threads_and_a_resumed_run_begins_with_it(
    photos: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    counts: list[int] = []

    def count(event: Event, control: RunControl) -> None:
        if isinstance(event, StepDone):
            counts.append(torch.get_num_threads())

    before = torch.get_num_threads()
    train(photos, tmp_path, count, steps=2, threads=2)
    assert counts == [2, 2] and torch.get_num_threads() == before
    state = checkpoint.load_checkpoint(Workspace(tmp_path).step_checkpoints()[-1][1])
    assert state.versions["threads"] == 2
    monkeypatch.delenv("OMP_NUM_THREADS")
    train(photos, tmp_path, count, steps=3, threads=None, resume_from="latest")
    assert counts[2:] == [2] and torch.get_num_threads() == before


def test_a_checkpoint_saved_during_a_trial_of_threads_records_the_chosen_number(
    photos: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def try_one_thread(choice: thread_choice.ThreadChoice, seconds: float, others: float) -> None:
        choice.count = 1

    monkeypatch.delenv("OMP_NUM_THREADS")
    monkeypatch.setattr(thread_choice, "count_processors", lambda: 2)
    monkeypatch.setattr(thread_choice.ThreadChoice, "add_step", try_one_thread)
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    try:
        train(photos, tmp_path, steps=2)
    finally:
        torch.set_num_threads(before)
    state = checkpoint.load_checkpoint(Workspace(tmp_path).step_checkpoints()[-1][1])
    assert state.versions["threads"] == 2


@pytest.mark.parametrize(("options", "level"), [([], "low"), (["--priority", "normal"], "normal")])
def test_the_command_line_yields_to_other_programs_unless_asked_otherwise(
    options: list[str], level: str, photos: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    levels: list[str] = []
    monkeypatch.setattr("trainer_core.priority.set_priority", levels.append)
    monkeypatch.setattr(Trainer, "run", lambda self: RunResult("completed", 0, None, None))
    assert cli.main([str(photos), str(tmp_path / "w"), "--device", "cpu", "--no-amp", *options]) == 0
    assert levels == [level]


def test_a_complete_run_reports_that_it_exceeded_its_budget(
    photos: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(RunClock, "describe_overrun", lambda clock: "too long")
    for listener, expected in ((None, [Notice("info", "too long")]), (stop_at(1), [])):
        _, events = train(photos, tmp_path / str(len(expected)), listener, steps=2)
        assert [event for event in only(Notice, events) if event.text == "too long"] == expected
        assert isinstance(events[-1], RunFinished)


def test_a_budget_that_is_used_up_already_is_refused(photos: Path, tmp_path: Path) -> None:
    train(photos, tmp_path, steps=2)
    with pytest.raises(UserError, match=r"--max-minutes 0\.001 counts all of them"):
        train(photos, tmp_path, max_minutes=0.001, resume_from="latest")


def test_early_stop_ends_a_run_that_no_longer_improves(photos: Path, tmp_path: Path) -> None:
    result, _ = train(photos, tmp_path, steps=50, val_interval=1, early_stop=2, learning_rate=1e-9, ema_decay=0.0)
    assert result.outcome == "completed" and result.step == 3
    assert (tmp_path / "checkpoints" / "scale4_final.pth").exists()


def test_bad_sources_are_refused_before_anything_is_written(photos: Path, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    for source in (tmp_path / "missing", tmp_path / "empty"):
        with pytest.raises(UserError):
            train(source, tmp_path / "w", steps=1)
    with pytest.raises(UserError):
        train(photos, tmp_path / "w", init_weights=str(tmp_path / "no.pth"))
    assert not (tmp_path / "w").exists()


def test_pre_staged_folders_are_used_as_they_are(tmp_path: Path) -> None:
    for side, count in (("train", 3), ("val", 2)):
        make_photos(tmp_path / "photos" / side, count, width=200 + 4 * count)
    _, events = train(tmp_path / "photos", tmp_path / "w", steps=1)
    assert only(RunStarted, events)[0].photos == {"train": 3, "val": 2, "test": 0, "unusable": 0}


def test_a_demo_makes_its_scenes_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for split, count in (("train", 3), ("val", 1), ("test", 1)):
        monkeypatch.setitem(DEMO_SCENES, split, count)
    for _ in range(2):
        _, events = train(tmp_path / "unused", tmp_path / "w", steps=1, demo=True, max_minutes=None)
        assert only(RunStarted, events)[0].photos == {"train": 3, "val": 1, "test": 1, "unusable": 0}
        made = [notice for notice in only(Notice, events) if "built-in scenes" in notice.text]
        assert len(made) == (0 if (tmp_path / "w" / "previous_runs").exists() else 1)


def test_what_the_plan_found_is_said_once_and_first(photos: Path, tmp_path: Path) -> None:
    (tmp_path / "training_config.json").write_text('{"schema": 1, "color_of_the_strap": "black"}')
    _, events = train(photos, tmp_path, steps=1)
    assert isinstance(events[0], Notice) and "color_of_the_strap" in events[0].text
    assert sum("color_of_the_strap" in notice.text for notice in only(Notice, events)) == 1


def test_photos_that_vanish_during_a_run_end_it_as_a_failure_with_a_checkpoint(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(photo_troubles, "PATIENCE", 0.0)
    source = make_photos(tmp_path / "photos", 8)

    def delete_photos(event: Event, control: RunControl) -> None:
        if isinstance(event, StepDone) and event.step == 2:
            for path in sorted(source.iterdir())[:6]:
                path.unlink()

    monkeypatch.setattr(samples, "RegionSource", partial(RegionSource, cache_bytes=0))  # reads each photo in each pass
    result, events = train(source, tmp_path / "w", delete_photos, steps=200, val_interval=1000, patches_per_image=2)
    assert result.outcome == "failed" and "training photos cannot be decoded" in (result.error or "")
    assert only(RunFinished, events)[-1].error == result.error
    assert checkpoint.load_checkpoint(tmp_path / "w" / "checkpoints" / f"scale4_step{result.step}.pth").step >= 2
    assert not [notice for notice in only(Notice, events) if notice.level == "error"]


def test_source_photos_are_not_touched(photos: Path, tmp_path: Path) -> None:
    before = {p: (p.read_bytes(), p.stat().st_mtime_ns) for p in photos.iterdir()}
    train(photos, tmp_path, steps=2)
    assert {p: (p.read_bytes(), p.stat().st_mtime_ns) for p in photos.iterdir()} == before


def test_models_carry_the_name_of_the_run(photos: Path, tmp_path: Path) -> None:
    result, _ = train(photos, tmp_path, steps=2, model_name="harbor")
    assert result.model is not None and result.model.name.startswith("harbor_x4")
    assert {path.name for path in (tmp_path / "models").iterdir()} <= {"harbor_x4.pth", "harbor_x4_best.pth"}
    renamed, _ = train(photos, tmp_path, steps=3, resume_from="latest", model_name="garden")
    assert renamed.model is not None and renamed.model.name.startswith("garden_x4")
