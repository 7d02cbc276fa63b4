"""Taking over the workspace: the only part of a run that writes before its first step."""

from __future__ import annotations

import shutil
from dataclasses import replace
from typing import Any

from trainer_core.data.splits import splits_to_json
from trainer_core.events import EventSink, Notice
from trainer_core.files import write_json
from trainer_core.planning.photos import SourcePhotos
from trainer_core.planning.plan import DEMO_SCENES, RunPlan, find_run_photos
from trainer_core.scenes.painter import write_scenes
from trainer_core.workspace.layout import Workspace
from trainer_core.workspace.unfinished import find_unfinished_run


def take_over_workspace(plan: RunPlan, warm_start: dict[str, Any] | None, sink: EventSink) -> RunPlan:
    """Move an earlier run aside, or bring the resumed one back, and write scenes, split and settings.

    The workspace must exist and be locked.

    Args:
        warm_start: the record of a warm start, for the settings file.
        sink: receives a notice before the built-in scenes are made, which takes a while.

    Returns:
        The plan with photos, the checkpoint where it lies now, the workspace's id in `stored`, and as `notices` what
        happened to an earlier run.
    """
    workspace = plan.workspace
    notices = _move_runs(plan)
    checkpoint = plan.checkpoint
    if checkpoint is not None and not checkpoint.exists():  # it was brought back with its run
        checkpoint = workspace.checkpoints_folder / checkpoint.name
    photos = plan.photos or _make_scenes(plan, sink)
    for folder in (workspace.checkpoints_folder, workspace.models, workspace.previews):
        folder.mkdir(exist_ok=True)
    write_json(workspace.splits_file, splits_to_json(photos.splits))
    plan = replace(plan, photos=photos, checkpoint=checkpoint, notices=notices)
    workspace_id = store_settings(plan, warm_start)
    return replace(plan, stored=replace(plan.stored, workspace_id=workspace_id))


def store_settings(plan: RunPlan, warm_start: dict[str, Any] | None) -> str:
    """Write `training_config.json`; the workspace's id, made on the first write, is returned."""
    return plan.workspace.write_settings(plan.config, plan.derived, warm_start)


def _move_runs(plan: RunPlan) -> tuple[str, ...]:
    """Put the current run aside unless it is the one resumed; bring an archived one back if that is."""
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
    text = f"The earlier run's files were moved to {folder}."
    if unfinished is not None:
        moved = folder / "checkpoints" / unfinished.checkpoint.name
        text += f" It was unfinished (step {unfinished.step}); to continue it use --resume {moved}"
        text += ", or --resume latest before starting a new one."
    return (text,)


def _make_scenes(plan: RunPlan, sink: EventSink) -> SourcePhotos:
    """Make the built-in scenes unless the workspace has them already."""
    _write_scenes(plan.workspace, plan.config.seed, sink)
    return find_run_photos(plan.config)


def _write_scenes(workspace: Workspace, seed: int, sink: EventSink) -> None:
    done = workspace.scenes / ".complete"
    wanted = f"seed {seed} {DEMO_SCENES}"
    if done.is_file() and done.read_text("utf-8") == wanted:
        return
    sink(Notice("info", f"Making {sum(DEMO_SCENES.values())} scenes to train on …"))
    if workspace.scenes.exists():
        shutil.rmtree(workspace.scenes)
    write_scenes(
        workspace.scenes, seed=seed, train=DEMO_SCENES["train"], val=DEMO_SCENES["val"], test=DEMO_SCENES["test"]
    )
    done.write_text(wanted, "utf-8")
