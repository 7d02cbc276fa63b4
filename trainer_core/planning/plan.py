"""The plan of a run, resolved from explicit settings: configuration, warm start, camera profile, hardware, photos.

`make_plan` opens each file once; the trainer, `--config-only` and the window use the plan. Nothing here writes files.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import trainer_core
from trainer_core.data.fingerprints import combine_fingerprints, compute_fingerprints
from trainer_core.data.photos import ScanCanceled
from trainer_core.data.splits import Splits, read_splits
from trainer_core.errors import NewerFileError, UserError
from trainer_core.files import is_same_folder
from trainer_core.input_files import MISSING, find_access_problem
from trainer_core.model.spec import NetworkSpec
from trainer_core.pasted_path import describe_foreign_path
from trainer_core.planning.changes import Change, UnacceptedChanges, find_changes, find_renamed
from trainer_core.planning.command_line import with_absolute_paths
from trainer_core.planning.hardware import Hardware, available_memory, choose_hardware, count_processes, estimate_memory
from trainer_core.planning.micro_batch import fit_micro_batch, resumed_micro_batch
from trainer_core.planning.photos import SourcePhotos, find_photos, keep_splits, refuse_captures
from trainer_core.planning.resumed_run import find_workspace_id, read_resumed_run
from trainer_core.planning.run_record import hash_profile
from trainer_core.planning.starting_weights import find_start_network, identify_start
from trainer_core.settings.config import STARTER, TrainerConfig
from trainer_core.settings.merge import merge_settings, resolve_settings
from trainer_core.settings.presets import NETWORK_FIELDS, PRESETS
from trainer_core.settings.schema import AUTO
from trainer_core.settings.stored import StoredSettings, settings_to_json
from trainer_core.weights.warm_start import WarmStartSource
from trainer_core.workspace.checkpoints import locate_checkpoint
from trainer_core.workspace.layout import Workspace

if TYPE_CHECKING:
    from trainer_core.camera import CameraProfile

DEMO_SCENES = {"train": 72, "val": 10, "test": 6}


@dataclass(frozen=True)
class RunPlan:
    """All decisions before the start of a run.

    Args:
        config: the merged settings.
        stored: the stored settings of the workspace.
        micro_batch: patches that go through the network at a time.
        warm_start: the identified weight file to start from; None without a warm start and for a resume.
        profile: the camera profile; None for the built-in camera.
        photos: the photos and their split; None for built-in scenes, which the run renders when it takes over the
            workspace.
        checkpoint: the file to resume from; None for a new run.
        fingerprints: photo name -> fingerprint; those of a new run are computed when it takes over the workspace.
        changes: the differences from the checkpoint.
        unusable: files of the workspace that cannot be used, to be set aside.
        notices: sentences for the user (level info), not yet passed to a sink.
    """

    config: TrainerConfig
    stored: StoredSettings
    workspace: Workspace
    hardware: Hardware
    micro_batch: int
    warm_start: WarmStartSource | None = None
    profile: CameraProfile | None = None
    photos: SourcePhotos | None = None
    checkpoint: Path | None = None
    fingerprints: Mapping[str, str] = field(default_factory=dict)
    changes: tuple[Change, ...] = ()
    unusable: tuple[Path, ...] = ()
    notices: tuple[str, ...] = ()

    @property
    def spec(self) -> NetworkSpec:
        """The generator to train."""
        return network_spec(self.config)

    @property
    def splits(self) -> Splits:
        """The split of the photos, which must exist (see `photos`)."""
        assert self.photos is not None, "a run renders the built-in scenes when it takes over the workspace"
        return self.photos.splits

    @property
    def photo_counts(self) -> dict[str, int]:
        """Number of photos (or of built-in scenes to render) per split, and of unusable files."""
        return self.photos.counts if self.photos else dict(DEMO_SCENES)

    @property
    def derived(self) -> dict[str, Any]:
        """Figures derived from the settings: the `derived` object of `training_config.json`."""
        spec, hardware = self.spec, self.hardware
        train = [self.fingerprints.get(photo.name, "") for photo in self.splits.train] if self.fingerprints else []
        return {
            "trainer": trainer_core.PROGRAM,
            "device": hardware.device,
            "device_name": hardware.label,
            "precision": hardware.precision,
            "network": spec.describe(),
            "parameters": spec.parameter_count(),
            "images": self.photo_counts,
            "photos_fingerprint": combine_fingerprints(train) if train else None,
            "effective_batch_size": self.config.effective_batch,
            "micro_batch_size": self.micro_batch,
            "memory_estimate_mb": round(estimate_memory(self.config, spec, hardware, self.micro_batch) / 1e6),
        }


def make_plan(given: Mapping[str, Any], should_continue: Callable[[], bool] = lambda: True) -> RunPlan:
    """Merge explicit settings with the stored ones, and open the files that they name.

    This scans the source folder, identifies the warm-start file from its header, reads the camera profile and locates
    the checkpoint to resume, which the trainer loads.

    Args:
        given: explicit settings by field name.
        should_continue: called before each file of the source folder.

    Raises:
        ScanCanceled: `should_continue` returned False.
        UnacceptedChanges: the run to resume was trained with other photos, another watch or another camera profile, and
            the settings do not accept that.
        UserError: a setting, a file it names, the source folder or the device cannot be used, or most photos of a new
            run are from the watch.
    """
    given = with_absolute_paths(given)
    workspace = Workspace(Path(given["workspace"]))
    foreign = describe_foreign_path(workspace.root)
    if foreign:
        raise UserError(foreign)
    problem = find_access_problem(workspace.root) or ("" if os.path.isdir(workspace.root) else "is a file")
    if problem not in ("", MISSING):
        raise UserError(f"The workspace {workspace.root} {problem}. Choose a folder.")
    if given.get("demo"):
        given["source_dir"] = str(workspace.scenes)
    if given.get("resume_from"):
        if given.get("init_weights"):
            raise UserError("Use either --resume (to continue a run) or --init-weights (to start a new one), not both.")
        return _plan_resume(given, workspace, should_continue)
    stored = workspace.read_settings()
    profile = _load_profile(given, stored)
    warm = _find_warm_start(given, stored)
    network = find_start_network(_find_init_weights(given, stored), warm)
    config = resolve_settings(given, stored.values, network.exact, network.minimum)
    hardware = choose_hardware(config)
    micro_batch = _fit_micro_batch(config, hardware)
    photos = None if config.demo else find_run_photos(config, should_continue)
    if photos:
        refuse_captures(photos)
    return RunPlan(
        config,
        replace(stored, workspace_id=stored.workspace_id or find_workspace_id(workspace)),
        workspace,
        hardware,
        micro_batch,
        warm,
        profile,
        photos=photos,
        notices=(
            *hardware.notices,
            *stored.notices,
            *(_network_conflict_notices(config, given) if warm else _untrained_notices(config)),
            *_micro_batch_notices(config, micro_batch),
        ),
    )


def _plan_resume(given: dict[str, Any], workspace: Workspace, should_continue: Callable[[], bool]) -> RunPlan:
    def check_stop() -> None:
        if not should_continue():
            raise ScanCanceled

    run = read_resumed_run(workspace, locate_checkpoint(workspace, given["resume_from"]))
    profile = _load_profile(given, run.stored)
    config = resolve_settings(given, run.stored.values)
    recorded = None if config.resplit else run.recorded_split
    photos = None if config.demo else _find_photos(config, recorded, should_continue)
    fingerprints = compute_fingerprints(photos.splits.all_photos, check_stop) if photos else {}
    if photos and recorded and run.record:
        photos = keep_splits(photos, find_renamed(run.record, fingerprints), recorded, config)
    hardware = choose_hardware(config)
    recorded_size = resumed_micro_batch(config, run.record.config, run.record.micro_batch) if run.record else None
    micro_batch = recorded_size or _fit_micro_batch(config, hardware)
    plan = RunPlan(
        config,
        run.stored,
        workspace,
        hardware,
        micro_batch,
        profile=profile,
        photos=photos,
        checkpoint=run.checkpoint,
        fingerprints=fingerprints,
        unusable=run.unusable,
        notices=hardware.notices + run.notices + _micro_batch_notices(config, micro_batch),
    )
    if run.record is None:
        return plan
    changes = find_changes(
        run.record,
        config,
        photos=photos,
        fingerprints=plan.fingerprints,
        camera=hash_profile(profile, mono=config.monochrome_style),
        hardware=hardware,
    )
    critical = [change for change in changes if change.must_be_accepted]
    if critical and not (config.accept_changes and all(change.is_possible for change in critical)):
        raise UnacceptedChanges(run.checkpoint, critical)
    return replace(plan, changes=changes)


def network_spec(config: TrainerConfig) -> NetworkSpec:
    """Return the spec of the generator that these settings describe."""
    return NetworkSpec(config.scale, config.num_feat, config.num_block, config.num_grow_ch)


def find_run_photos(config: TrainerConfig, should_continue: Callable[[], bool] = lambda: True) -> SourcePhotos:
    """Find the photos of a run with these settings; photos in the recorded split of its workspace keep their split.

    Args:
        config: the settings; without a workspace, there is no recorded split.
        should_continue: called before each file; the search ends with `ScanCanceled` once it returns False.

    Raises:
        UserError: there is no usable photo, or the recorded split cannot be used.
        ScanCanceled: see `should_continue`.
    """
    workspace = Workspace(config.workspace_path) if config.workspace else None
    recorded = _read_recorded_splits(workspace, resplit=config.resplit) if workspace else None
    return _find_photos(config, recorded, should_continue)


def _find_photos(
    config: TrainerConfig, recorded: Mapping[str, Any] | None, should_continue: Callable[[], bool]
) -> SourcePhotos:
    workspace = Path(config.workspace) if config.workspace and not config.demo else None
    if workspace and is_same_folder(config.source_dir, workspace):
        raise UserError(
            f"The source folder and the workspace are the same folder, {workspace}. Choose another folder for the "
            f"workspace, such as {workspace / 'run'}."
        )
    return find_photos(
        Path(config.source_dir),
        train_split=config.train_split,
        val_split=config.val_split,
        exclude=(workspace,) if workspace else (),
        recorded=recorded,
        accept_captures=config.accept_captures,
        should_continue=should_continue,
    )


def _read_recorded_splits(workspace: Workspace, *, resplit: bool) -> dict[str, Any] | None:
    """Read the recorded split; with `resplit` there is none, but that of a newer version is still refused."""
    try:
        recorded = read_splits(workspace.splits_file)
    except NewerFileError:
        raise
    except UserError:
        if not resplit:
            raise
        return None
    return None if resplit else recorded


def resolved_config_json(plan: RunPlan) -> dict[str, Any]:
    """Build the output of `--config-only`: the settings, `derived` and `warm_start`."""
    warm = plan.warm_start.as_dict() if plan.warm_start else None
    return settings_to_json(plan.config, stored=plan.stored, derived=plan.derived, warm_start=warm)


def _load_profile(given: dict[str, Any], stored: StoredSettings) -> CameraProfile | None:
    """Read the camera profile, which also decides the watch in `given`; None if the settings name none."""
    path = given["camera_profile"] if "camera_profile" in given else stored.values.get("camera_profile")
    if not path:
        return None
    if "camera_profile" not in given and not os.path.isfile(path):
        raise UserError(
            f"The camera profile stored in this workspace, {path}, {_describe_loss(path)}. "
            "Set its new path with --camera-profile, or use the built-in one (--no-camera-profile)."
        )
    from trainer_core.camera import CameraProfile

    profile = CameraProfile.load(Path(path))
    mono = profile.kind == "mono"
    if given.get("monochrome_style", mono) != mono:
        kind, flag = ("mono", "--no-monochrome-style") if mono else ("color", "--monochrome-style")
        raise UserError(
            f"The camera profile {path} is for a {kind} watch, which contradicts {flag}. "
            f"Omit {flag}, or omit the profile (--no-camera-profile)."
        )
    given["monochrome_style"] = mono
    return profile


def _describe_loss(path: str) -> str:
    problem = find_access_problem(path)
    return "no longer exists" if problem in ("", MISSING) else problem


def _find_init_weights(given: Mapping[str, Any], stored: StoredSettings) -> str | None:
    name: str | None = given["init_weights"] if "init_weights" in given else stored.values.get("init_weights")
    return name or None


def _find_warm_start(given: Mapping[str, Any], stored: StoredSettings) -> WarmStartSource | None:
    name = _find_init_weights(given, stored)
    if name is None:
        return None
    arch = given.get("init_arch") or stored.values.get("init_arch", "auto")
    if name != STARTER and "init_weights" not in given and not os.path.isfile(name):
        raise UserError(
            f"The warm-start file stored in this workspace, {name}, {_describe_loss(name)}. "
            "Set its new path with --init-weights, or start without it (--no-init-weights)."
        )
    return identify_start(name, merge_settings(given, stored.values), arch=arch)


def _network_conflict_notices(config: TrainerConfig, given: Mapping[str, Any]) -> tuple[str, ...]:
    requested, used = network_spec(config.replace(**_preset_network(config))), network_spec(config)
    if "preset" not in given or used == requested:
        return ()
    weights = "The built-in model" if config.init_weights == STARTER else "The warm-start file"
    return (
        f"{weights} sets the network: {used.describe()} instead of the preset's "
        f"{requested.describe()}. Set --num-block, --num-feat or --num-grow-ch to change that.",
    )


def _untrained_notices(config: TrainerConfig) -> tuple[str, ...]:
    if config.gan_weight <= 0:
        return ()
    return (
        "--gan-weight makes a trained network sharper, but this run starts from an untrained one. "
        "Use --init-weights starter or a model of your own, or train without --gan-weight first.",
    )


def _fit_micro_batch(config: TrainerConfig, hardware: Hardware) -> int:
    free = available_memory(hardware) // count_processes(config, hardware) if config.batch_size == AUTO else 0
    return fit_micro_batch(config, network_spec(config), hardware, free)


def _micro_batch_notices(config: TrainerConfig, micro_batch: int) -> tuple[str, ...]:
    """Return a sentence on the choice of an automatic batch size."""
    if config.batch_size != AUTO:
        return ()
    count = config.effective_batch // micro_batch
    batches, patches = f"micro-batch{'es' * (count > 1)}", f"patch{'es' * (micro_batch > 1)}"
    return (f"--batch-size auto: {count} {batches} of {micro_batch} {patches} per step.",)


def _preset_network(config: TrainerConfig) -> dict[str, int]:
    return {name: PRESETS[config.preset][name] for name in NETWORK_FIELDS}
