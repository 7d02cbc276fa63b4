"""The run to resume: its checkpoint, and the settings and split that belong to it.

They stand beside the checkpoint, in the workspace or in the archive of a previous run. Where such a file is missing or
cannot be used, the checkpoint's own settings and split count, also for single settings that it lacks. Nothing here
writes files.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from trainer_core.data.splits import read_splits
from trainer_core.errors import NewerFileError, UserError
from trainer_core.input_files import list_matching
from trainer_core.planning.run_record import RunRecord, read_record
from trainer_core.settings.stored import SCHEMA_VERSION, StoredSettings, parse_stored_settings
from trainer_core.workspace.checkpoints import archive_containing, list_checkpoints
from trainer_core.workspace.layout import Workspace


@dataclass(frozen=True)
class ResumedRun:
    """A run to resume.

    Attributes:
        record: what the checkpoint says of the run; None if it cannot be read.
        stored: the settings of the run.
        recorded_split: its split, as `dataset_splits.json` holds it; None if there is none.
        unusable: files that cannot be used, to be set aside once the run has locked the workspace.
        notices: sentences for the user.
    """

    checkpoint: Path
    record: RunRecord | None
    stored: StoredSettings
    recorded_split: Mapping[str, Any] | None
    unusable: tuple[Path, ...] = ()
    notices: tuple[str, ...] = ()


def read_resumed_run(workspace: Workspace, checkpoint: Path) -> ResumedRun:
    """Read what belongs to the run of a checkpoint of this workspace.

    Raises:
        NewerFileError: a newer version of this program wrote its settings or its split.
        UserError: they cannot be used, and the checkpoint has none either.
    """
    home = Workspace(archive_containing(workspace, checkpoint) or workspace.root)
    record = read_record(checkpoint)
    stored, settings_notice = _read_settings(home, record)
    split, split_notice = _read_split(home, record)
    found = ((home.settings_file, settings_notice), (home.splits_file, split_notice))
    return ResumedRun(
        checkpoint,
        record,
        stored,
        split,
        unusable=tuple(file for file, notice in found if notice and os.path.lexists(file)),
        notices=tuple(notice for _, notice in found if notice) + stored.notices,
    )


def settings_of(record: RunRecord) -> StoredSettings:
    """Return the settings in a checkpoint, with the id of its workspace, as if they were stored.

    Raises:
        UserError: a value cannot be used.
    """
    stored = parse_stored_settings({**record.config, "schema": SCHEMA_VERSION}, str(record.checkpoint))
    return replace(stored, unknown={}, notices=(), workspace_id=record.workspace_id or None)


def find_run_settings(workspace: Workspace) -> StoredSettings | None:
    """Return the settings in the newest checkpoint of a workspace, with a notice; None without one."""
    for _, path in list_checkpoints(workspace):
        record = read_record(path)
        if record is not None and record.config:
            try:
                stored = settings_of(record)
            except UserError:
                return None
            text = f"The settings in {path.name} are shown, because those of the workspace are missing."
            return replace(stored, notices=(text,))
    return None


def find_workspace_id(workspace: Workspace) -> str | None:
    """Return the workspace's id from its checkpoints, those of previous runs included; None without any."""
    folders = [workspace.checkpoints_folder, *reversed(list_matching(workspace.previous_runs, "*/checkpoints"))]
    checkpoints = (path for folder in folders for path in list_matching(folder, "scale[248]_*.pth"))
    records = (read_record(path) for path in checkpoints)
    return next((record.workspace_id for record in records if record and record.workspace_id), None)


def _read_settings(home: Workspace, record: RunRecord | None) -> tuple[StoredSettings, str]:
    """Return the settings, and a notice if they are those of the checkpoint."""
    try:
        stored = home.read_settings()
    except NewerFileError:
        raise
    except UserError as error:
        if record is None:
            raise
        return settings_of(record), _fallback_notice(error.message, "settings", record)
    if record is None:
        return stored, ""
    if os.path.exists(home.settings_file):  # not a link to nothing
        return _complete_settings(stored, record, home.settings_file), ""
    return settings_of(record), _fallback_notice(f"{home.settings_file} is missing.", "settings", record)


def _complete_settings(stored: StoredSettings, record: RunRecord, file: Path) -> StoredSettings:
    """Return the stored settings with what they lack from the checkpoint, and a notice that names it."""
    try:
        own = settings_of(record)
    except UserError:
        return stored
    missing = [name for name in own.values if name not in stored.values]
    if not missing:
        return replace(stored, workspace_id=stored.workspace_id or own.workspace_id)
    count = f"{len(missing)} settings" if len(missing) > 1 else f"the setting {missing[0]}"
    text = f"{file} lacks {count}. Continuing with the values in {record.checkpoint.name}."
    return replace(
        stored,
        values={**own.values, **stored.values},
        notices=(*stored.notices, text),
        workspace_id=stored.workspace_id or own.workspace_id,
    )


def _read_split(home: Workspace, record: RunRecord | None) -> tuple[Mapping[str, Any] | None, str]:
    """Return the recorded split, and a notice if it is that of the checkpoint."""
    split = record.recorded_split if record else None
    try:
        recorded = read_splits(home.splits_file)
    except NewerFileError:
        raise
    except UserError as error:
        if record is None or split is None:
            raise
        return split, _fallback_notice(error.message, "split", record)
    if recorded is not None or record is None or split is None:
        return recorded, ""
    return split, _fallback_notice(f"{home.splits_file} is missing.", "split", record)


def _fallback_notice(problem: str, what: str, record: RunRecord) -> str:
    return f"Continuing with the {what} in {record.checkpoint.name}, because: {problem}"
