"""The checkpoints of a run: their steps, the newest one, and the one that `--resume` names. Needs no torch."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Any

from trainer_core.errors import UserError
from trainer_core.events import is_superseded
from trainer_core.files import file_identity, is_same_folder, real_path
from trainer_core.input_files import check_regular, list_matching, open_regular, read_lines
from trainer_core.sinks.journal import parse_line
from trainer_core.weights.container.reader import WeightsError, open_weights
from trainer_core.workspace.layout import DEPLOY_SUFFIX, LATEST, Workspace

_STEP_NAME = re.compile(rf"scale[248]_step(\d+)(?:{DEPLOY_SUFFIX})?\.pth")
_MARKS = ("RunStarted", "CheckpointSaved", "RunFinished")  # events of the journal
_LABELS = ("step", "final", "best")  # of checkpoints at one step, the first one is resumed


def read_step(path: Path) -> int | None:
    """Return the step of a checkpoint, a deploy sibling or a model from its name or its header; None if unknown."""
    named = _STEP_NAME.fullmatch(path.name)
    if named:
        return int(named.group(1))
    try:
        tree = open_weights(path).tree
    except WeightsError:
        return None
    content: Any = tree.get("meta", tree) if isinstance(tree, dict) else {}
    step = content.get("step") if isinstance(content, dict) else None
    return step if isinstance(step, int) and not isinstance(step, bool) else None


def has_header(path: Path) -> bool:
    """Whether the header of a checkpoint or a deploy sibling can be read."""
    try:
        open_weights(path)
    except WeightsError:
        return False
    return True


def list_checkpoints(workspace: Workspace) -> list[tuple[int, Path]]:
    """Return (step, raw checkpoint) of all checkpoints of the current run, newest first.

    The best and the final checkpoint count with their steps. A file that the run abandoned when it was resumed from an
    earlier step is left out; a file whose step is unknown as well.
    """
    found = [(step, 0, path) for step, path in workspace.step_checkpoints()]
    for rank, label in enumerate(_LABELS[1:], 1):
        for path in list_matching(workspace.checkpoints_folder, f"scale[248]_{label}.pth"):
            step = read_step(path)
            if step is not None:
                found.append((step, rank, path))
    abandoned = _read_abandoned_steps(workspace.journal_file)
    current = [entry for entry in found if _modified(entry[2]) >= abandoned.get(entry[0], 0.0)]
    return [(step, path) for step, _, path in sorted(current or found, key=lambda entry: (-entry[0], entry[1]))]


def list_unreadable_checkpoints(workspace: Workspace) -> list[Path]:
    """Return the best and final checkpoints whose steps cannot be read, folders and dangling links included."""
    paths = [
        path for label in _LABELS[1:] for path in list_matching(workspace.checkpoints_folder, f"scale[248]_{label}.pth")
    ]
    return [path for path in paths if read_step(path) is None]


def has_final_checkpoint(workspace: Workspace, step: int) -> bool:
    """Whether the run has a final checkpoint of this step; one of an earlier step is of a run that was extended."""
    return any(read_step(path) == step for path in list_matching(workspace.checkpoints_folder, "scale[248]_final.pth"))


def is_ended(workspace: Workspace, step: int) -> bool:
    """Whether the run ended at `step` and nothing of its end is missing, as far as final checkpoint and journal tell.

    A process that was killed while it ended leaves `.lock.json` or a journal without the end of the run.
    """
    if not has_final_checkpoint(workspace, step) or os.path.exists(workspace.root / ".lock.json"):
        return False
    marks = [record for record in _read_marks(workspace.journal_file) if record["event"] != "CheckpointSaved"]
    return not marks or marks[-1].get("outcome") == "completed"


def reported_saves(workspace: Workspace, step: int) -> frozenset[str]:
    """Return the kinds of the checkpoints of `step` ("step", "best", "final") whose saves the journal reports.

    The report is the last part of a save, so the files of a save without one may be incomplete.
    """
    kinds: set[str] = set()
    for record in _read_marks(workspace.journal_file):
        if record["event"] == "CheckpointSaved" and record.get("step") == step:
            kinds.add(str(record.get("kind")))
        elif record["event"] == "RunStarted" and is_superseded("CheckpointSaved", step, record.get("start_step")):
            kinds.clear()
    return frozenset(kinds)


def list_deploy_siblings(workspace: Workspace) -> list[tuple[int, Path]]:
    """Return (step, deploy sibling) of the current run, newest first, with or without their raw checkpoints."""
    found = [
        (read_step(path), path) for path in list_matching(workspace.checkpoints_folder, f"scale*{DEPLOY_SUFFIX}.pth")
    ]
    return sorted(((step, path) for step, path in found if step is not None), key=lambda entry: -entry[0])


def locate_checkpoint(workspace: Workspace, resume_from: str) -> Path:
    """Return the checkpoint to resume: the raw checkpoint, or the deploy sibling if there is no raw one.

    For "latest" it is the newest one whose header can be read; the trainer verifies the rest, and falls back.

    Args:
        workspace: the workspace to resume in.
        resume_from: a path, or "latest". The path of a deploy sibling means its raw checkpoint if that exists.

    Raises:
        UserError: the file does not exist, or is outside this workspace.
    """
    if resume_from == LATEST:
        return _locate_latest(workspace)
    path = Path(resume_from)
    try:
        check_regular(path)
    except OSError as error:
        problem = "does not exist" if isinstance(error, FileNotFoundError) else f"cannot be read: {error.strerror}"
        raise UserError(
            f"--resume: {path} {problem}. Use a checkpoint from {workspace.checkpoints_folder}, or latest."
        ) from error
    if not _is_inside(path, workspace.root):
        raise UserError(
            f"--resume: {path} is outside the workspace {workspace.root}. Give the workspace it belongs to, "
            "or use --init-weights to start a new run from its weights."
        )
    moved = _find_moved_run(workspace, path)
    if moved is not None:
        raise UserError(
            f"--resume: {path} belongs to the run in {moved}. Move that folder into {workspace.previous_runs} to bring "
            "the run back, or give it as the workspace to continue there."
        )
    own = workspace.checkpoints_folder / path.name
    if file_identity(own) == file_identity(path):
        path = own  # spelled like the workspace, whose other files are compared with it
    if path.stem.endswith(DEPLOY_SUFFIX):
        raw = path.with_name(path.name.replace(f"{DEPLOY_SUFFIX}.pth", ".pth"))
        return raw if os.path.isfile(raw) else path
    return path


def _find_moved_run(workspace: Workspace, path: Path) -> Path | None:
    """Return the run inside the workspace, but not in its `previous_runs`, that contains a checkpoint."""
    if archive_containing(workspace, path) is not None:
        return None
    for parent in real_path(path).parents:
        if is_same_folder(parent, workspace.root):
            return None
        if os.path.isfile(parent / workspace.settings_file.name):
            return parent
    return None


def archive_containing(workspace: Workspace, checkpoint: Path) -> Path | None:
    """Return the archived run that contains a checkpoint, or None for a checkpoint of the current run."""
    for parent in real_path(checkpoint).parents:
        if is_same_folder(parent.parent, workspace.previous_runs):
            return parent
    return None


def _locate_latest(workspace: Workspace) -> Path:
    folder = workspace.checkpoints_folder
    try:
        names = [path.name for path in folder.iterdir()] if folder.exists() else []
    except OSError as error:
        raise UserError(
            f"The folder {folder} cannot be read: {error.strerror or error}. Check that it is a folder that you may "
            "read, then resume again."
        ) from error
    found = list_checkpoints(workspace) or list_deploy_siblings(workspace)
    if found:
        return next((path for _, path in found if has_header(path)), found[0][1])
    unusable = f" None of its {len(names)} files is a checkpoint." if names else ""
    raise UserError(f"There is no checkpoint to resume from in {folder}.{unusable} Start without --resume.")


def _read_abandoned_steps(journal: Path) -> dict[int, float]:
    """Return step -> time at which the run, resumed from an earlier step, abandoned the checkpoint of that step."""
    saved: set[int] = set()
    abandoned: dict[int, float] = {}
    for record in _read_marks(journal):
        step, start, time = record.get("step"), record.get("start_step"), record.get("time")
        if record["event"] == "CheckpointSaved" and isinstance(step, int):
            saved.add(step)
            abandoned.pop(step, None)
        elif record["event"] == "RunStarted" and isinstance(start, int) and isinstance(time, (int, float)):
            abandoned.update({step: float(time) for step in saved if step > start})
            saved = {step for step in saved if step <= start}
    return abandoned


def _read_marks(journal: Path) -> list[dict[str, Any]]:
    """Read only the records of sessions and of checkpoints, which are few."""
    try:
        with open_regular(journal) as file:
            lines = [line for line in read_lines(file) if any(b'"%s"' % mark.encode() in line for mark in _MARKS)]
    except OSError:
        return []
    records = [parse_line(line.decode("utf-8", "replace")) for line in lines]
    return [record for record in records if record and record["event"] in _MARKS]


def _modified(path: Path) -> float:
    try:
        return path.lstat().st_mtime
    except OSError:
        return 0.0


def _is_inside(path: Path, folder: Path) -> bool:
    return any(is_same_folder(parent, folder) for parent in real_path(path).parents)
