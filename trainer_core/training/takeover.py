"""Taking over the workspace for a run: archive or restore runs, render scenes, write split and settings.

`trainer` calls `take_over_workspace` under the workspace's lock; nothing else writes before the first step.
"""

from __future__ import annotations

import os
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

from trainer_core.control import Activity, RunControl
from trainer_core.data.fingerprints import compute_fingerprints
from trainer_core.data.splits import splits_to_json
from trainer_core.events import EventSink, Notice
from trainer_core.files import write_json
from trainer_core.input_files import read_regular
from trainer_core.planning.photos import SourcePhotos
from trainer_core.planning.plan import DEMO_SCENES, RunPlan, find_run_photos
from trainer_core.scenes.painter import write_scenes
from trainer_core.training.loading import find_verified
from trainer_core.training.start import RunStart
from trainer_core.workspace.branches import set_aside_newer
from trainer_core.workspace.checkpoints import archive_containing, read_step
from trainer_core.workspace.layout import Workspace
from trainer_core.workspace.unfinished import find_unfinished_run


def take_over_workspace(start: RunStart, sink: EventSink, control: RunControl) -> RunPlan:
    """Archive the previous run or restore the resumed one, then write scenes, split and settings.

    A run that resumes from an earlier step sets its newer files aside first. The workspace must exist and be locked.

    Args:
        start: what the run starts from.
        sink: receives a notice before the built-in scenes are rendered, which takes a while.
        control: a stop ends the work between two scenes or photos, before any run is moved; scenes are counted.

    Returns:
        The plan with the photos and their fingerprints, the present path of the checkpoint, the workspace's id in
        `stored`, and notices about files that were moved.
    """
    plan, workspace = start.plan, start.plan.workspace
    photos = plan.photos or _make_scenes(plan, sink, control)
    fingerprints = plan.fingerprints or compute_fingerprints(photos.splits.all_photos, control.raise_if_stopped)
    notices = _set_aside(plan) + _move_runs(plan)
    checkpoint = _find(plan.checkpoint, workspace) if plan.checkpoint else None
    if start.state is not None:
        notices += _leave_branch(workspace, start.step, [_find(entry.path, workspace) for entry in start.passed_over])
    for folder in (workspace.checkpoints_folder, workspace.models, workspace.previews):
        folder.mkdir(exist_ok=True)
    write_json(workspace.splits_file, splits_to_json(photos.splits))
    plan = replace(plan, photos=photos, checkpoint=checkpoint, fingerprints=fingerprints, notices=notices)
    workspace_id = store_settings(plan, start.warm_start_record)
    return replace(plan, stored=replace(plan.stored, workspace_id=workspace_id))


def store_settings(plan: RunPlan, warm_start: dict[str, Any] | None) -> str:
    """Write `training_config.json` and return the workspace's id, which the first write creates."""
    stored_id = plan.stored.workspace_id
    return plan.workspace.write_settings(plan.config, plan.derived, warm_start, workspace_id=stored_id)


def _set_aside(plan: RunPlan) -> tuple[str, ...]:
    """Rename the files that cannot be used, so that they are not overwritten; return a notice for each."""
    return tuple(f"{file} was moved to {plan.workspace.set_aside(file)}." for file in plan.unusable)


def _move_runs(plan: RunPlan) -> tuple[str, ...]:
    """Archive the current run unless it is the one resumed; restore the resumed one if it is archived."""
    workspace = plan.workspace
    archive = archive_containing(workspace, _find(plan.checkpoint, workspace)) if plan.checkpoint else None
    if plan.checkpoint is not None and archive is None:
        return ()
    unfinished = find_unfinished_run(workspace) is not None
    folder = workspace.archive_run()
    if archive is not None:
        workspace.restore_run(archive)
    if folder is None:
        return ()
    text = f"The previous run was moved to {folder}."
    newest = find_verified(replace(workspace, root=folder)) if unfinished else None
    if newest is None:
        return (text,)
    return (
        f"{text} It is unfinished (step {read_step(newest)}); to continue it, use --resume {newest}. "
        "Next time, use --resume latest to continue the unfinished run instead of starting a new one.",
    )


def _find(checkpoint: Path, workspace: Workspace) -> Path:
    """Return the present path of a checkpoint that may have been restored with its run."""
    return checkpoint if os.path.lexists(checkpoint) else workspace.checkpoints_folder / checkpoint.name


def _leave_branch(workspace: Workspace, step: int, damaged: list[Path]) -> tuple[str, ...]:
    """Set aside what is newer than the resumed step, and what is damaged; return a notice if there was anything."""
    folder = set_aside_newer(workspace, step, damaged=damaged)
    if folder is None:
        return ()
    text = f"The run goes back to step {step}. Its newer files were moved to {folder}."
    if damaged:
        text = f"The run continues from step {step}. Damaged and newer files were moved to {folder}."
    newest = find_verified(replace(workspace, root=folder))
    is_newer = newest is not None and (read_step(newest) or 0) > step
    return (f"{text} To continue from them instead, use --resume {newest}." if is_newer else text,)


def _make_scenes(plan: RunPlan, sink: EventSink, control: RunControl) -> SourcePhotos:
    """Render the built-in scenes unless the workspace has them already."""
    with control.during(Activity.RENDERING):
        _write_scenes(plan.workspace, plan.config.seed, sink, control)
    return find_run_photos(plan.config)


def _write_scenes(workspace: Workspace, seed: int, sink: EventSink, control: RunControl) -> None:
    done = workspace.scenes / ".complete"
    expected = f"seed {seed} {DEMO_SCENES}"
    if done.is_file() and read_regular(done) == expected.encode():
        return
    sink(Notice("info", f"Rendering {sum(DEMO_SCENES.values())} built-in scenes …"))
    if workspace.scenes.exists():
        shutil.rmtree(workspace.scenes)
    write_scenes(
        workspace.scenes,
        seed=seed,
        train=DEMO_SCENES["train"],
        val=DEMO_SCENES["val"],
        test=DEMO_SCENES["test"],
        check_stop=control.raise_if_stopped,
        report=control.count_activity,
    )
    done.write_text(expected, "utf-8")
