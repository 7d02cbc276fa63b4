"""Everything before the first step: first all that can be refused without writing, then the workspace is settled.

`check` reads and may raise `UserError`; `settle` is called with the workspace locked, puts an earlier run
aside or picks it up, and writes the settings and the split.
"""

from __future__ import annotations

import shutil
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Optional

from torch import Tensor

from trainer_core.camera import Camera
from trainer_core.data.frames import RegionSpec
from trainer_core.data.photos import Scan
from trainer_core.data.splits import Splits, to_json
from trainer_core.errors import UserError
from trainer_core.events import EventSink, Notice
from trainer_core.files import write_json
from trainer_core.model.initialise import initialise
from trainer_core.model.rrdb import RRDBNet
from trainer_core.model.spec import NetworkSpec
from trainer_core.planning.hardware import Hardware, MemoryNeed, choose, free_memory, memory_estimate
from trainer_core.planning.plan import DEMO_SCENES, derive, find_photos, network_of, photo_counts
from trainer_core.scenes.painter import write_scenes
from trainer_core.settings.config import SETTINGS, TrainerConfig
from trainer_core.settings.presets import NETWORK_FIELDS
from trainer_core.training import checkpoint
from trainer_core.training.batches import camera_for, region_for
from trainer_core.training.checkpoint import TrainingState
from trainer_core.training.saver import checkpoint_bytes, needed_disk
from trainer_core.weights.warm_start import WarmStartReport, WarmStartSource
from trainer_core.weights.warm_start import apply as apply_warm_start
from trainer_core.weights.warm_start import plan as plan_warm_start
from trainer_core.workspace.layout import DEPLOY_SUFFIX, LATEST, Workspace

# Settings whose change makes a resumed run differ from an uninterrupted one.
_FIXED_SETTINGS = tuple(name for name, setting in SETTINGS.items() if setting.fixed_on_resume)


@dataclass(frozen=True)
class Prepared:
    """A run that can start. `photos` are the counts per split."""

    config: TrainerConfig
    workspace: Workspace
    hardware: Hardware
    spec: NetworkSpec
    camera: Camera
    region: RegionSpec
    scan: Optional[Scan] = None
    splits: Splits = field(default_factory=lambda: Splits((), (), (), "made"))
    photos: dict[str, int] = field(default_factory=dict)
    warm: Optional[WarmStartSource] = None
    resumed: Optional[TrainingState] = None
    resumed_path: Optional[Path] = None
    workspace_id: str = ""
    notices: tuple[Notice, ...] = ()


def check(config: TrainerConfig) -> Prepared:
    """Look at everything a run needs; nothing is written.

    Raises:
        UserError: the device, the photos, the warm start or the checkpoint cannot be used.
    """
    workspace = Workspace(config.workspace_path)
    resumed_path = workspace.locate_checkpoint(config.resume_from) if config.resume_from else None
    resumed = _load(resumed_path, workspace, config) if resumed_path else None
    notices: list[Notice] = []
    if resumed:
        config = _with_resumed(config, resumed, workspace, notices)
    warm = None
    if config.init_weights and not resumed:
        warm = plan_warm_start(Path(config.init_weights), arch=config.init_arch)
    camera = camera_for(config)
    prepared = Prepared(
        config, workspace, choose(config), network_of(config), camera, region_for(config, camera),
        warm=warm, resumed=resumed, resumed_path=resumed_path, notices=tuple(notices),
    )  # fmt: skip
    if not config.demo:
        prepared = _with_photos(prepared)
    return _with_resources(prepared)


def settle(prepared: Prepared, tell: EventSink) -> Prepared:
    """Make the workspace this run's: earlier files aside or taken up, scenes, settings and split written.

    Args:
        tell: hears of what takes a while.
    """
    workspace, config = prepared.workspace, prepared.config
    notices = [*_take_over(prepared)]
    if prepared.resumed_path is not None and not prepared.resumed_path.exists():  # it was brought back with its run
        prepared = replace(prepared, resumed_path=workspace.checkpoints / prepared.resumed_path.name)
    if config.demo:
        _write_scenes(workspace, config, tell)
        prepared = _with_photos(prepared)
    for folder in (workspace.checkpoints, workspace.models, workspace.previews):
        folder.mkdir(exist_ok=True)
    write_json(workspace.splits_file, to_json(prepared.splits))
    workspace_id = _write_settings(prepared)
    return replace(prepared, workspace_id=workspace_id, notices=(*prepared.notices, *notices))


def record_steps(prepared: Prepared, config: TrainerConfig) -> None:
    """Store settings that changed while the run goes on: a time budget turned into steps."""
    _write_settings(replace(prepared, config=config))


def starting_network(prepared: Prepared) -> tuple[RRDBNet, Optional[WarmStartReport]]:
    """The generator with its first weights, on the CPU, and what a warm start brought."""
    network = RRDBNet(prepared.spec)
    initialise(network, prepared.config.seed)
    report = apply_warm_start(prepared.warm, network) if prepared.warm else None
    if report is not None:
        record = {"file": prepared.config.init_weights, **report.as_dict()}
        _write_settings(prepared, warm_start=record)
    return network, report


# -- checks ------------------------------------------------------------------------------------


def _load(path: Path, workspace: Workspace, config: TrainerConfig) -> TrainingState:
    if path.stem.endswith(DEPLOY_SUFFIX):
        return _from_deployed(path, config)
    try:
        state = checkpoint.load(path)
    except UserError as error:
        if config.resume_from != LATEST:
            raise
        older = [p for _, p in workspace.step_checkpoints() if p != path]
        hint = f" The one before it: --resume {older[-1]}" if older else ""
        raise UserError(error.message + hint) from error
    stored = workspace.read_settings()
    if stored.workspace_id and state.workspace_id != stored.workspace_id:
        raise UserError(
            f"{path} belongs to another workspace. Resume it there, or use --init-weights to start from its weights."
        )
    if state.spec["scale"] != config.scale:
        raise UserError(
            f"{path} is a x{state.spec['scale']} run, but --scale is {config.scale}. "
            f"Give --scale {state.spec['scale']}."
        )
    return state


def _from_deployed(path: Path, config: TrainerConfig) -> TrainingState:
    """The raw checkpoint is gone: its deployed weights with a fresh optimiser."""
    source = plan_warm_start(path)
    if source.spec.scale != config.scale:
        raise UserError(f"{path} is a x{source.spec.scale} network, but --scale is {config.scale}.")
    network = RRDBNet(source.spec)
    apply_warm_start(source, network)
    weights: dict[str, Tensor] = {name: p.detach() for name, p in network.named_parameters()}
    step = int(source.meta.get("step", 0))
    return TrainingState(
        params=weights, params_ema=weights, optimizer={}, scaler=None, step=step, samples=step * config.effective_batch,
        ema_updates=step, run_id=f"from-{path.stem}", workspace_id="", spec=source.spec.as_dict(), config={}, photos=[],
    )  # fmt: skip


def _with_resumed(
    config: TrainerConfig, state: TrainingState, workspace: Workspace, notices: list[Notice]
) -> TrainerConfig:
    """The settings with what only the checkpoint can decide; differences are told."""
    config = config.replace(**{name: state.spec[name] for name in NETWORK_FIELDS})
    if not state.optimizer:
        notices.append(
            Notice(
                "warning", "The raw checkpoint is gone: continuing from its deployed weights with a fresh optimiser."
            )
        )
    total = state.plan.get("total_steps")
    if config.max_minutes is None and total is None and state.plan.get("max_minutes"):
        config = config.replace(max_minutes=state.plan["max_minutes"])  # stopped before the budget was measured
    ended = workspace.checkpoint_path(config.scale, "final").exists()  # else the end itself was interrupted
    if config.max_minutes is None and config.steps <= state.step and (ended or config.steps < state.step):
        raise UserError(
            f"The checkpoint is already at step {state.step} of {config.steps}. Give a larger --steps to train on."
        )
    changed = [
        f"{name} {state.config[name]} -> {_plain(getattr(config, name))}"
        for name in _FIXED_SETTINGS
        if name in state.config and state.config[name] != _plain(getattr(config, name))
    ]
    if changed:
        notices.append(Notice("warning", f"Resumed with changed settings: {', '.join(changed)}."))
    now = checkpoint.versions()
    moved = [f"{k} {v} -> {now.get(k)}" for k, v in state.versions.items() if now.get(k) != v]
    if moved:
        notices.append(Notice("info", f"Not bit for bit what an uninterrupted run gives: {', '.join(moved)}."))
    return config


def _with_photos(prepared: Prepared) -> Prepared:
    found, splits = find_photos(prepared.config)
    counts = photo_counts(found, splits)
    notices = list(prepared.notices)
    if found.rejected:
        lines = "\n".join(f"  {r.name}: {r.reason}" for r in found.rejected)
        notices.append(Notice("warning", f"{len(found.rejected)} files cannot be used and are skipped:\n{lines}"))
    if splits.unused:
        notices.append(Notice("warning", f"{len(splits.unused)} photos outside train, val and test are not used."))
    if splits.val_is_train:
        notices.append(Notice("warning", "Too few photos to keep any aside: validation uses the training photos."))
    if prepared.resumed and prepared.resumed.photos:
        notices += _changed_folder(prepared.resumed.photos, [p.name for p in splits.train])
    return replace(prepared, scan=found, splits=splits, photos=counts, notices=tuple(notices))


def _changed_folder(before: list[str], now: list[str]) -> list[Notice]:
    gone, new = len(set(before) - set(now)), len(set(now) - set(before))
    if not gone and not new:
        return []
    text = f"The training photos changed since the checkpoint: {gone} gone, {new} new."
    return [Notice("warning", f"{text} The run goes on with those there are.")]


def _with_resources(prepared: Prepared) -> Prepared:
    """Disk and memory, checked and said.

    Raises:
        UserError: not even one checkpoint fits on the disk.
    """
    config, spec = prepared.config, prepared.spec
    root = next(p for p in (prepared.workspace.root, *prepared.workspace.root.parents) if p.exists())
    free_disk, disk = shutil.disk_usage(root).free, needed_disk(config, spec)
    if free_disk < 1.5 * checkpoint_bytes(spec):
        raise UserError(
            f"Only {free_disk / 1e6:.0f} MB are free on the disk of {root}; one checkpoint takes "
            f"{checkpoint_bytes(spec) / 1e6:.0f} MB. Make room or choose another workspace."
        )
    hardware = prepared.hardware
    memory = MemoryNeed(memory_estimate(config, spec, hardware.precision), free_memory(hardware))
    text = f"Disk: {free_disk / 1e9:.1f} GB free, up to {disk / 1e9:.2f} GB needed. Memory: {memory}."
    advice = " Lower --batch-size and raise --grad-accum-steps if it runs out." if memory.too_much else ""
    notice = Notice("warning" if free_disk < disk or memory.too_much else "info", text + advice)
    return replace(prepared, notices=(*prepared.notices, notice))


# -- the workspace -----------------------------------------------------------------------------


def _take_over(prepared: Prepared) -> list[Notice]:
    """Put the current run aside unless it is the one resumed; bring an archived one back if that is."""
    workspace = prepared.workspace
    archive = workspace.archive_of(prepared.resumed_path) if prepared.resumed_path else None
    if prepared.resumed_path is not None and archive is None:
        return []
    unfinished = _unfinished(workspace)
    folder = workspace.put_run_aside()
    notices = []
    if folder is not None:
        text = f"The earlier run's files were moved to {folder}."
        if unfinished:
            step, name = unfinished
            text += f" It was unfinished ({step}); to continue it use --resume {folder / 'checkpoints' / name}"
            text += ", or --resume latest before starting a new one."
        notices.append(Notice("info", text))
    if archive is not None:
        workspace.bring_run_back(archive)
    return notices


def _unfinished(workspace: Workspace) -> Optional[tuple[str, str]]:
    """("step 400", its file name) when the current run has checkpoints but no final one."""
    steps = workspace.step_checkpoints()
    if not steps or any(workspace.checkpoints.glob("scale*_final.pth")):
        return None
    step, path = steps[-1]
    return f"step {step}", path.name


def _write_scenes(workspace: Workspace, config: TrainerConfig, tell: EventSink) -> None:
    done = workspace.scenes / ".complete"
    wanted = f"seed {config.seed} {DEMO_SCENES}"
    if done.is_file() and done.read_text("utf-8") == wanted:
        return
    tell(Notice("info", f"Making {sum(DEMO_SCENES.values())} scenes to train on …"))
    if workspace.scenes.exists():
        shutil.rmtree(workspace.scenes)
    write_scenes(
        workspace.scenes,
        seed=config.seed,
        train=DEMO_SCENES["train"],
        val=DEMO_SCENES["val"],
        test=DEMO_SCENES["test"],
    )
    done.write_text(wanted, "utf-8")


def _write_settings(prepared: Prepared, warm_start: Any = None) -> str:
    derived = derive(prepared.config, prepared.hardware, prepared.photos)
    if warm_start is None and prepared.warm is not None:
        warm_start = prepared.warm.as_dict()
    return prepared.workspace.write_settings(prepared.config, derived, warm_start)


def _plain(value: Any) -> Any:
    return list(value) if isinstance(value, tuple) else value
