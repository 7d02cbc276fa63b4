"""From what the user gave to a run that can start: settings resolved, the warm start identified, figures derived.

Nothing here writes; `--config-only` and the window's summary are made of it.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Optional

from trainer_core.data.photos import Scan, scan
from trainer_core.data.splits import Splits, make_splits, read_splits
from trainer_core.errors import UserError
from trainer_core.model.spec import NetworkSpec
from trainer_core.planning.hardware import Hardware, memory_estimate
from trainer_core.settings.config import SETTINGS, TrainerConfig
from trainer_core.settings.merge import network_fields, resolve
from trainer_core.settings.presets import NETWORK_FIELDS, PRESETS
from trainer_core.settings.stored import Stored, to_json
from trainer_core.weights.warm_start import WarmStartSource
from trainer_core.weights.warm_start import plan as plan_warm_start
from trainer_core.workspace.layout import LATEST, Workspace

DEMO_SCENES = {"train": 72, "val": 10, "test": 6}


@dataclass(frozen=True)
class RunPlan:
    """Resolved settings, with where they came from."""

    config: TrainerConfig
    stored: Stored
    warm: Optional[WarmStartSource]
    notices: tuple[str, ...]

    @property
    def workspace(self) -> Workspace:
        """The workspace of the run."""
        return Workspace(self.config.workspace_path)


def plan_run(given: Mapping[str, Any]) -> RunPlan:
    """Merge `given` (explicit settings by field name) with what the workspace stores, and look at the warm start.

    Raises:
        UserError: a setting, the stored file or the warm-start file cannot be used.
    """
    given = _absolute(given)
    workspace = Workspace(Path(given["workspace"]))
    if workspace.root.exists() and not workspace.root.is_dir():
        raise UserError(f"The workspace {workspace.root} is a file. Choose a folder.")
    if given.get("demo"):
        given["source_dir"] = str(workspace.scenes)
    stored = workspace.read_settings()
    given.update(_camera_kind(given, stored))
    if given.get("resume_from"):
        if given.get("init_weights"):
            raise UserError(
                "--resume and --init-weights exclude each other: continue a run, or start one from weights."
            )
        return RunPlan(_for_resume(given, stored), stored, None, stored.notices)
    warm = _warm_start(given, stored)
    config = resolve(given, stored.values, network_fields(warm.spec) if warm else {})
    notices = stored.notices + (_overruled(config, warm, given) if warm else ())
    return RunPlan(config, stored, warm, notices)


def network_of(config: TrainerConfig) -> NetworkSpec:
    """The generator that these settings describe."""
    return NetworkSpec(config.scale, config.num_feat, config.num_block, config.num_grow_ch)


def find_photos(config: TrainerConfig, wanted: Callable[[], bool] = lambda: True) -> tuple[Scan, Splits]:
    """The usable photos and their division, as recorded in the workspace or made now; writes nothing.

    Args:
        wanted: once it is false, the search is given up.

    Raises:
        UserError: there is no usable photo.
        ScanGivenUp: see `wanted`.
    """
    workspace = Workspace(config.workspace_path)
    recorded = None if config.resplit else read_splits(workspace.splits_file)
    inside = () if config.demo else (workspace.root,)
    found = scan(Path(config.source_dir), exclude=inside, keep=recorded_names(recorded), wanted=wanted)
    return found, make_splits(found, train_split=config.train_split, val_split=config.val_split, recorded=recorded)


def recorded_names(recorded: Optional[Mapping[str, Any]]) -> frozenset[str]:
    """The photo names in a recorded split; they win over twins with other names."""
    lists = (recorded.get(side) for side in ("train", "val", "test")) if isinstance(recorded, Mapping) else ()
    return frozenset(name for names in lists if isinstance(names, list) for name in names if isinstance(name, str))


def derive(config: TrainerConfig, hardware: Hardware, photos: Mapping[str, int]) -> dict[str, Any]:
    """The figures that follow from the settings: the `derived` part of `training_config.json`."""
    spec = network_of(config)
    return {
        "device": hardware.device,
        "device_name": hardware.name,
        "precision": hardware.precision,
        "network": spec.describe(),
        "parameters": spec.parameter_count(),
        "images": dict(photos),
        "effective_batch_size": config.effective_batch,
        "memory_estimate_mb": round(memory_estimate(config, spec, hardware.precision) / 1e6),
    }


def config_only(plan: RunPlan) -> dict[str, Any]:
    """What `--config-only` prints: the settings, `derived` and `warm_start`; touches nothing."""
    from trainer_core.planning.hardware import choose

    counts = DEMO_SCENES if plan.config.demo else photo_counts(*find_photos(plan.config))
    derived = derive(plan.config, choose(plan.config), counts)
    warm = plan.warm.as_dict() if plan.warm else None
    return to_json(plan.config, stored=plan.stored, derived=derived, warm_start=warm)


def photo_counts(found: Scan, splits: Splits) -> dict[str, int]:
    """Photos per split, and how many are unusable."""
    counts = {"train": len(splits.train), "val": len(splits.val), "test": len(splits.test)}
    return {**counts, "unusable": len(found.rejected)}


def _absolute(given: Mapping[str, Any]) -> dict[str, Any]:
    is_path = {name for name, value in given.items() if SETTINGS[name].is_path and value and value != LATEST}
    return {name: os.path.abspath(value) if name in is_path else value for name, value in given.items()}


def _camera_kind(given: Mapping[str, Any], stored: Stored) -> dict[str, Any]:
    """Mono or colour as the camera profile says, where there is one."""
    path = given["camera_profile"] if "camera_profile" in given else stored.values.get("camera_profile")
    if not path:
        return {}
    from trainer_core.camera import CameraProfile

    mono = CameraProfile.load(Path(path)).kind == "mono"
    if given.get("monochrome_style", mono) != mono:
        kind, flag = ("mono", "--no-monochrome-style") if mono else ("colour", "--monochrome-style")
        raise UserError(
            f"The camera profile {path} is of a {kind} watch, which contradicts {flag}. "
            f"Leave {flag} out, or the profile (--no-camera-profile)."
        )
    return {"monochrome_style": mono}


def _for_resume(given: Mapping[str, Any], stored: Stored) -> TrainerConfig:
    values = dict(stored.values)
    if "max_minutes" not in given:
        values.pop("max_minutes", None)  # already turned into steps; the checkpoint knows if not
    return resolve(given, values)


def _warm_start(given: Mapping[str, Any], stored: Stored) -> Optional[WarmStartSource]:
    path = given["init_weights"] if "init_weights" in given else stored.values.get("init_weights")
    if not path:
        return None
    arch = given.get("init_arch") or stored.values.get("init_arch", "auto")
    if "init_weights" not in given and not Path(path).is_file():
        raise UserError(
            f"The warm start recorded in this workspace, {path}, is gone. "
            "Give --init-weights with its new place, or --no-init-weights."
        )
    return plan_warm_start(Path(path), arch=arch)


def _overruled(config: TrainerConfig, warm: WarmStartSource, given: Mapping[str, Any]) -> tuple[str, ...]:
    if "preset" not in given or network_of(config) == network_of(config.replace(**_preset_network(config))):
        return ()
    asked, taken = network_of(config.replace(**_preset_network(config))), network_of(config)
    return (
        f"The warm-start file decides the network: {taken.describe()} instead of the preset's {asked.describe()}. "
        "Give --num-block, --num-feat or --num-grow-ch to change that.",
    )


def _preset_network(config: TrainerConfig) -> dict[str, int]:
    return {name: PRESETS[config.preset][name] for name in NETWORK_FIELDS}
