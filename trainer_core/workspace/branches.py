"""Branches of a run: what a run leaves behind when it goes back to an earlier step, set aside as a previous run."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterable
from pathlib import Path

from trainer_core.files import link_or_copy, rename_file, sync_folder
from trainer_core.previews.files import parse_file_name
from trainer_core.workspace.checkpoints import read_step
from trainer_core.workspace.layout import COPIED_FILES, Workspace

_SHARED_FILES = ("trainer.log", "journal.jsonl")  # they tell of both branches: the archive gets copies


def set_aside_newer(workspace: Workspace, step: int, *, damaged: Iterable[Path] = ()) -> Path | None:
    """Move every checkpoint, model and preview newer than `step` to `previous_runs/<time>/`; delete nothing.

    The folder becomes a previous run that can be resumed: it gets copies of the settings, the split, the log and the
    journal, and the best checkpoint and model if both branches share them. The newest files move first, so that a crash
    leaves a run whose newest checkpoint is complete. Call it only while holding the workspace's lock.

    Args:
        workspace: the workspace of the run.
        step: the step to which the run goes back; its own files stay.
        damaged: checkpoints that move whatever their step.

    Returns:
        The folder; None if nothing is newer and nothing is damaged.

    Raises:
        OSError: a file cannot be copied or moved.
    """
    moved = [path for path in damaged if os.path.lexists(path)]
    known = [(read_step(path), path) for path in _run_files(workspace) if path not in moved]
    newer = sorted(((s, path) for s, path in known if s is not None and s > step), key=lambda entry: -entry[0])
    moved += [path for _, path in newer]
    if not moved:
        return None
    archive = workspace.make_archive_folder()
    for name in (*COPIED_FILES, *_SHARED_FILES):
        if (workspace.root / name).is_file():
            shutil.copyfile(workspace.root / name, archive / name)
    for _, path in known:
        if path not in moved and "_best" in path.name:
            target = archive / path.relative_to(workspace.root)
            target.parent.mkdir(exist_ok=True)
            link_or_copy(path, target)
    previews = sorted(workspace.previews.glob("step*.png"))
    moved += [path for path in previews if (parse_file_name(path) or (0, ""))[0] > step]
    for path in moved:
        target = archive / path.relative_to(workspace.root)
        target.parent.mkdir(exist_ok=True)
        rename_file(path, target)
    for folder in {path.parent for path in moved}:
        sync_folder(archive / folder.relative_to(workspace.root))
        sync_folder(folder)
    return archive


def _run_files(workspace: Workspace) -> list[Path]:
    """Return the checkpoints, then their deploy siblings, then the models."""
    checkpoints = sorted(workspace.checkpoints_folder.glob("scale[248]_*.pth"), key=lambda path: "_deploy" in path.name)
    return checkpoints + sorted(workspace.models.glob("*.pth"))
