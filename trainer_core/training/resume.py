"""Resuming a run: merge its checkpoint into the plan and report what changed since.

`start` calls `merge_checkpoint` with the state that `loading` verified; `loop` emits the notices of
`make_resume_notices`.
"""

from __future__ import annotations

from dataclasses import replace

from trainer_core.errors import UserError
from trainer_core.events import Notice
from trainer_core.planning.micro_batch import resumed_micro_batch
from trainer_core.planning.plan import RunPlan
from trainer_core.settings.presets import NETWORK_FIELDS
from trainer_core.training import checkpoint
from trainer_core.training.checkpoint import TrainingState
from trainer_core.training.time_budget import resumed_steps
from trainer_core.workspace.checkpoints import archive_containing, is_ended


def merge_checkpoint(plan: RunPlan, state: TrainingState) -> RunPlan:
    """Return the plan with what the checkpoint decides: the network, the steps of a time budget, and the micro-batch.

    Raises:
        UserError: the run has no steps left.
    """
    config = plan.config.replace(**{name: state.spec[name] for name in NETWORK_FIELDS})
    total = resumed_steps(config, state.plan, state.step)
    if total is not None:
        config = config.replace(steps=total)
    minutes = state.plan.get("seconds", 0.0) / 60
    if config.max_minutes is not None and minutes >= config.max_minutes != state.plan.get("max_minutes"):
        raise UserError(
            f"The run has been trained for {minutes:.1f} minutes, and --max-minutes {config.max_minutes:g} counts all "
            "of them. Set more minutes to continue."
        )
    # At its last step a run that is not ended was interrupted while it ended; resuming ends it.
    archive = archive_containing(plan.workspace, plan.checkpoint) if plan.checkpoint else None
    ended = is_ended(replace(plan.workspace, root=archive) if archive else plan.workspace, state.step)
    if total is not None and total <= state.step and (ended or total < state.step):
        option = "--steps" if config.max_minutes is None else "--max-minutes"
        place = f"already at step {state.step} of {total}"
        if total < state.step:
            place = f"at step {state.step}, beyond the requested {total} step{'s' * (total != 1)}"
        raise UserError(f"The checkpoint is {place}. Set a larger {option} to continue.")
    # The plan has the size in the newest checkpoint, or a smaller one that several processes can share.
    recorded = resumed_micro_batch(config, state.config, state.plan.get("micro_batch"))
    return replace(plan, config=config, micro_batch=min(recorded or plan.micro_batch, plan.micro_batch))


def make_resume_notices(plan: RunPlan, state: TrainingState, processes: int) -> list[Notice]:
    """Return a notice for each difference from an uninterrupted run, which `processes` continue."""
    notices = []
    if not state.optimizer:
        text = "The raw checkpoint is missing or damaged. Continuing from its deploy sibling with a new optimizer."
        notices.append(Notice("warning", text))
    notices += [Notice("warning", change.text) for change in plan.changes]
    now = checkpoint.collect_versions(plan.hardware.kind, processes)
    before = {**state.versions, "processes": state.versions.get("processes", 1)} if state.versions else {}
    updated = [f"{k} {v} -> {now[k]}" for k, v in before.items() if k in now and now[k] != v]
    if updated:
        text = (
            f"The result will not be bit-identical to that of an uninterrupted run, because versions changed: "
            f"{', '.join(updated)}."
        )
        notices.append(Notice("info", text))
    return notices
