"""Taking over the workspace for a run: archive or restore runs, render scenes, write split and settings.

`trainer` calls `take_over_workspace` under the workspace's lock; nothing else writes before the first step.
"""

from __future__ import annotations

import shutil
from dataclasses import replace
from typing import Any

from trainer_core.data.splits import splits_to_json
from trainer_core.events import EventSink, Notice
from trainer_core.files import write_json
from trainer_core.input_files import read_regular
from trainer_core.planning.photos import SourcePhotos
from trainer_core.planning.plan import DEMO_SCENES, RunPlan, find_run_photos
from trainer_core.scenes.painter import write_scenes
from trainer_core.workspace.layout import Workspace
from trainer_core.workspace.unfinished import find_unfinished_run


def take_over_workspace(plan: RunPlan, warm_start: dict[str, Any] | None, sink: EventSink) -> RunPlan:
    """Archive the previous run or restore the resumed one, then write scenes, split and settings.

    The workspace must exist and be locked.

    Args:
        plan: the plan with the settings of a resumed checkpoint merged in.
        warm_start: record of the warm start for the settings file; None without one.
        sink: receives a notice before the built-in scenes are rendered, which takes a while.

    Returns:
        The plan with the photos, the present path of the checkpoint, the workspace's id in `stored`, and notices about
        a previous run that was moved.
    """
    workspace = plan.workspace
    notices = _move_runs(plan)
    checkpoint = plan.checkpoint
    if checkpoint is not None and not checkpoint.exists():  # it was restored with its run
        checkpoint = workspace.checkpoints_folder / checkpoint.name
    photos = plan.photos or _make_scenes(plan, sink)
    for folder in (workspace.checkpoints_folder, workspace.models, workspace.previews):
        folder.mkdir(exist_ok=True)
    write_json(workspace.splits_file, splits_to_json(photos.splits))
    plan = replace(plan, photos=photos, checkpoint=checkpoint, notices=notices)
    workspace_id = store_settings(plan, warm_start)
    return replace(plan, stored=replace(plan.stored, workspace_id=workspace_id))


def store_settings(plan: RunPlan, warm_start: dict[str, Any] | None) -> str:
    """Write `training_config.json` and return the workspace's id, which the first write creates."""
    return plan.workspace.write_settings(plan.config, plan.derived, warm_start)


def _move_runs(plan: RunPlan) -> tuple[str, ...]:
    """Archive the current run unless it is the one resumed; restore the resumed one if it is archived."""
    workspace = plan.workspace
    archive = workspace.archive_containing(plan.checkpoint) if plan.checkpoint else None
    if plan.checkpoint is not None and archive is None:
        return ()
    unfinished = find_unfinished_run(workspace, ())
    folder = workspace.archive_run()
    if archive is not None:
        workspace.restore_run(archive)
    if folder is None:
        return ()
    text = f"The previous run was moved to {folder}."
    if unfinished is None:
        return (text,)
    moved = folder / "checkpoints" / unfinished.checkpoint.name
    return (
        f"{text} It is unfinished (step {unfinished.step}); to continue it, use --resume {moved}. "
        "Next time, use --resume latest to continue the unfinished run instead of starting a new one.",
    )


def _make_scenes(plan: RunPlan, sink: EventSink) -> SourcePhotos:
    """Render the built-in scenes unless the workspace has them already."""
    _write_scenes(plan.workspace, plan.config.seed, sink)
    return find_run_photos(plan.config)


def _write_scenes(workspace: Workspace, seed: int, sink: EventSink) -> None:
    done = workspace.scenes / ".complete"
    expected = f"seed {seed} {DEMO_SCENES}"
    if done.is_file() and read_regular(done) == expected.encode():
        return
    sink(Notice("info", f"Rendering {sum(DEMO_SCENES.values())} built-in scenes …"))
    if workspace.scenes.exists():
        shutil.rmtree(workspace.scenes)
    write_scenes(
        workspace.scenes, seed=seed, train=DEMO_SCENES["train"], val=DEMO_SCENES["val"], test=DEMO_SCENES["test"]
    )
    done.write_text(expected, "utf-8")
