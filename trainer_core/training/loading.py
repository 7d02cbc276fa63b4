"""Loading the checkpoint of a resumed run: every byte is verified, and `latest` falls back to an older file.

`start` calls `load_resumed`. Nothing is written: `takeover` sets aside what was passed over.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path

from torch import Tensor

from trainer_core.errors import NewerFileError, UserError
from trainer_core.model.rrdb import RRDBNet
from trainer_core.planning.plan import RunPlan
from trainer_core.settings.config import TrainerConfig
from trainer_core.training import checkpoint
from trainer_core.training.checkpoint import TrainingState
from trainer_core.training.checkpoint_fields import is_count
from trainer_core.weights.warm_start import apply_warm_start, identify_source
from trainer_core.workspace.checkpoints import (
    archive_containing,
    list_checkpoints,
    list_deploy_siblings,
    list_unreadable_checkpoints,
)
from trainer_core.workspace.layout import DEPLOY_SUFFIX, LATEST, Workspace, deploy_path


class _WrongScale(UserError):
    """The checkpoint is of a run with another scale, which the user must decide."""


class _ForeignCheckpoint(UserError):
    """The checkpoint is intact, but its workspace has another id than the settings file says."""


@dataclass(frozen=True)
class PassedOver:
    """A checkpoint that could not be resumed, and the reason as a sentence."""

    path: Path
    reason: str


@dataclass(frozen=True)
class Resumed:
    """A verified checkpoint: its state, its file, and the files that were tried before it."""

    state: TrainingState
    checkpoint: Path
    passed_over: tuple[PassedOver, ...] = ()


def load_resumed(plan: RunPlan) -> Resumed | None:
    """Load and verify the checkpoint that `plan` resumes; None for a new run.

    "latest" means the newest checkpoint that verifies and, without one, the newest deploy sibling.

    Raises:
        UserError: the named file is damaged, of another workspace or scale, or of a newer version of this program; for
            "latest", no file of the run verifies, one is of another scale or a newer version, or all that verify are of
            another workspace.
    """
    path = plan.checkpoint
    if path is None:
        return None
    if plan.config.resume_from == LATEST:
        return _load_latest(plan)
    if path.stem.endswith(DEPLOY_SUFFIX):
        return Resumed(state_from_deployable(path, plan.config), path)
    try:
        return Resumed(_load(plan, path), path)
    except (NewerFileError, _WrongScale, _ForeignCheckpoint):
        raise
    except UserError as error:
        named = Path(plan.config.resume_from or "")
        if named.stem.endswith(DEPLOY_SUFFIX):  # the user named the deploy sibling, whose raw checkpoint is damaged
            return Resumed(state_from_deployable(named, plan.config), named, (PassedOver(path, error.message),))
        raise UserError(f"{error.message} {_advise(plan, path)}") from error


def find_verified(workspace: Workspace, *, without: Iterable[Path] = ()) -> Path | None:
    """Return the newest raw checkpoint of a workspace or an archived run that verifies; None if there is none."""
    excluded = set(without)
    for _, path in list_checkpoints(workspace):
        if path not in excluded and _verifies(path):
            return path
    return None


def _load_latest(plan: RunPlan) -> Resumed:
    passed_over: list[PassedOver] = []
    foreign: _ForeignCheckpoint | None = None
    workspace = plan.workspace
    candidates = [path for _, path in list_checkpoints(workspace)]
    for path in [*list_unreadable_checkpoints(workspace), *candidates]:
        try:
            return Resumed(_load(plan, path), path, tuple(passed_over))
        except (NewerFileError, _WrongScale):
            raise
        except UserError as error:
            passed_over.append(PassedOver(path, error.message))
            if foreign is None and isinstance(error, _ForeignCheckpoint):
                foreign = error
    if foreign is not None:  # an intact checkpoint is never replaced by a deploy sibling, which has no optimizer
        raise foreign
    for _, path in list_deploy_siblings(workspace):
        try:
            return Resumed(state_from_deployable(path, plan.config), path, tuple(passed_over))
        except _WrongScale:
            raise
        except UserError as error:
            passed_over.append(PassedOver(path, error.message))
    newest = next((entry for entry in passed_over if entry.path in candidates), passed_over[0])
    tried = f"None of the {len(passed_over)} files in {workspace.checkpoints_folder} can be resumed. "
    raise UserError(
        f"{tried if len(passed_over) > 1 else ''}{newest.reason} Restore the file from a copy if you have one, or "
        "start a new run without --resume; the files move to previous_runs."
    )


def _load(plan: RunPlan, path: Path) -> TrainingState:
    state = checkpoint.load_checkpoint(path)
    if plan.stored.workspace_id and state.workspace_id != plan.stored.workspace_id:
        raise _ForeignCheckpoint(
            f"{path} belongs to another workspace than {plan.workspace.settings_file}. Resume it there, or use "
            "--init-weights to start from its weights. If that settings file was copied from another workspace, move "
            "it away: the run then continues with the settings in the checkpoint."
        )
    if state.spec["scale"] != plan.config.scale:
        raise _WrongScale(
            f"{path} belongs to an x{state.spec['scale']} run, but --scale is {plan.config.scale}. "
            f"Use --scale {state.spec['scale']}."
        )
    return state


def _advise(plan: RunPlan, damaged: Path) -> str:
    """Return what to resume instead of a damaged checkpoint: a file that verifies, if there is one."""
    archive = archive_containing(plan.workspace, damaged)
    workspace = replace(plan.workspace, root=archive) if archive else plan.workspace
    other = find_verified(workspace, without=[damaged])
    if other is not None:
        return f"The newest other checkpoint that verifies is {other}: use --resume {other}."
    sibling = deploy_path(damaged)
    try:
        state_from_deployable(sibling, plan.config)
    except UserError:
        return f"No other checkpoint in {damaged.parent} verifies. Start a new run without --resume."
    return f"No other checkpoint verifies, but its weights do: --resume {sibling} continues them with a new optimizer."


def _verifies(path: Path) -> bool:
    try:
        checkpoint.load_checkpoint(path)
    except UserError:
        return False
    return True


def state_from_deployable(path: Path, config: TrainerConfig) -> TrainingState:
    """Make a state from the deploy sibling of a missing or damaged checkpoint: its weights with a new optimizer."""
    source = identify_source(path)
    scale = source.spec.scale
    if scale != config.scale:
        raise _WrongScale(f"{path} is an x{scale} network, but --scale is {config.scale}. Use --scale {scale}.")
    network = RRDBNet(source.spec)
    apply_warm_start(source, network)
    weights: dict[str, Tensor] = {name: p.detach() for name, p in network.named_parameters()}
    recorded = source.meta.get("step", 0)
    step = int(recorded) if is_count(recorded) else 0
    return TrainingState(
        params=weights,
        params_ema=weights,
        optimizer={},
        scaler=None,
        step=step,
        samples=step * config.effective_batch,
        ema_updates=step,
        run_id=f"from-{path.stem}",
        workspace_id="",
        spec=source.spec.as_dict(),
        config={},
        photos=[],
    )
