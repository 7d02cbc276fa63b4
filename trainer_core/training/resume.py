"""Resuming a run: load and check its checkpoint, merge it into the plan and report what changed since.

`start` calls `load_state` and `merge_checkpoint`; `loop` emits the notices of `make_resume_notices`.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

from torch import Tensor

from trainer_core.errors import UserError
from trainer_core.events import Notice
from trainer_core.model.rrdb import RRDBNet
from trainer_core.planning.plan import RunPlan
from trainer_core.settings.config import SETTINGS, TrainerConfig
from trainer_core.settings.presets import NETWORK_FIELDS
from trainer_core.training import checkpoint
from trainer_core.training.checkpoint import TrainingState
from trainer_core.training.checkpoint_fields import is_count
from trainer_core.weights.warm_start import apply_warm_start, identify_source
from trainer_core.workspace.checkpoints import has_final_checkpoint
from trainer_core.workspace.layout import DEPLOY_SUFFIX, LATEST

# Settings whose change makes a resumed run differ from an uninterrupted one.
_RESUME_SENSITIVE_SETTINGS = tuple(name for name, setting in SETTINGS.items() if setting.fixed_on_resume)


def load_state(plan: RunPlan) -> TrainingState | None:
    """Load and check the checkpoint that `plan` resumes; None for a new run.

    Raises:
        UserError: the file is damaged, or belongs to another workspace or another scale.
    """
    path = plan.checkpoint
    if path is None:
        return None
    if path.stem.endswith(DEPLOY_SUFFIX):
        return state_from_deployable(path, plan.config)
    try:
        state = checkpoint.load_checkpoint(path)
    except UserError as error:
        if plan.config.resume_from != LATEST:
            raise
        older = [p for _, p in plan.workspace.step_checkpoints() if p != path]
        hint = f" Use the previous checkpoint: --resume {older[-1]}" if older else ""
        raise UserError(error.message + hint) from error
    if plan.stored.workspace_id and state.workspace_id != plan.stored.workspace_id:
        raise UserError(
            f"{path} belongs to another workspace. Resume it there, or use --init-weights to start from its weights."
        )
    if state.spec["scale"] != plan.config.scale:
        raise UserError(
            f"{path} belongs to an x{state.spec['scale']} run, but --scale is {plan.config.scale}. "
            f"Use --scale {state.spec['scale']}."
        )
    return state


def merge_checkpoint(plan: RunPlan, state: TrainingState) -> RunPlan:
    """Return the plan with the settings that the checkpoint decides: the network and an unmeasured time budget.

    Raises:
        UserError: the run has no steps left.
    """
    config = plan.config.replace(**{name: state.spec[name] for name in NETWORK_FIELDS})
    total = state.plan.get("total_steps")
    if config.max_minutes is None and total is None and state.plan.get("max_minutes"):
        config = config.replace(max_minutes=state.plan["max_minutes"])  # stopped before the budget was measured
    # At its last step a run without a final checkpoint of it was interrupted while it ended; resuming ends it.
    ended = has_final_checkpoint(plan.workspace, state.step)
    if config.max_minutes is None and config.steps <= state.step and (ended or config.steps < state.step):
        raise UserError(
            f"The checkpoint is already at step {state.step} of {config.steps}. Set a larger --steps to continue."
        )
    return replace(plan, config=config)


def make_resume_notices(plan: RunPlan, state: TrainingState) -> list[Notice]:
    """Return a notice for each difference from an uninterrupted run; `plan.photos` must be set."""
    notices = []
    if not state.optimizer:
        text = "The raw checkpoint is missing. Continuing from its deploy sibling with a new optimizer."
        notices.append(Notice("warning", text))
    changed = [
        f"{name} {state.config[name]} -> {_to_plain(getattr(plan.config, name))}"
        for name in _RESUME_SENSITIVE_SETTINGS
        if name in state.config and state.config[name] != _to_plain(getattr(plan.config, name))
    ]
    if changed:
        notices.append(Notice("warning", f"Resumed with changed settings: {', '.join(changed)}."))
    now = checkpoint.collect_versions()
    updated = [f"{k} {v} -> {now.get(k)}" for k, v in state.versions.items() if now.get(k) != v]
    if updated:
        text = (
            f"The result will not be bit-identical to that of an uninterrupted run, because versions changed: "
            f"{', '.join(updated)}."
        )
        notices.append(Notice("info", text))
    return notices + _photo_notices(plan, state)


def _photo_notices(plan: RunPlan, state: TrainingState) -> list[Notice]:
    before, now = set(state.photos), {photo.name for photo in plan.splits.train}
    if not before or before == now:
        return []
    text = (
        f"The training photos have changed since the checkpoint: {len(before - now)} missing, {len(now - before)} new."
    )
    return [Notice("warning", f"{text} Continuing with the current photos.")]


def state_from_deployable(path: Path, config: TrainerConfig) -> TrainingState:
    """Make a state from the deploy sibling of a missing checkpoint: its weights with a new optimizer."""
    source = identify_source(path)
    scale = source.spec.scale
    if scale != config.scale:
        raise UserError(f"{path} is an x{scale} network, but --scale is {config.scale}. Use --scale {scale}.")
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


def _to_plain(value: Any) -> Any:
    return list(value) if isinstance(value, tuple) else value
