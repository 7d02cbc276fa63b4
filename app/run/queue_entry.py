"""The choices of a training for the queue: settings of the form or of a file, with other photos and workspace."""

from __future__ import annotations

import os
import re
from collections.abc import Collection
from pathlib import Path
from typing import Any

from trainer_core.errors import UserError
from trainer_core.json_files import read_json
from trainer_core.planning.readiness import workspace_problem
from trainer_core.settings.config import SETTINGS, TrainerConfig
from trainer_core.settings.stored import StoredSettings, parse_stored_settings, settings_to_json
from trainer_core.workspace.layout import Workspace


def make_choices(
    photos: str, workspace: str, settings_file: Path | None, config: TrainerConfig, used: Collection[str]
) -> dict[str, Any]:
    """Return the choices of a training, for `app.form.last_session.parse_choices`.

    Args:
        photos: the source folder; "" for the built-in scenes, if `config` uses them.
        workspace: a folder without a run.
        settings_file: settings to use in place of those of `config`.
        config: settings of the form.
        used: workspaces of other trainings.

    Raises:
        UserError: a folder or the file cannot be used.
    """
    if photos and not os.path.isdir(photos):
        raise UserError(f"{photos} is not a folder. Choose a folder with sharp photos.")
    if not photos and not config.demo:
        raise UserError("Choose a folder with sharp photos to learn from.")
    _check_workspace(workspace, used)
    values = _read_file(settings_file) if settings_file is not None else _read_config(config)
    places = {"source_dir": photos} if photos else {"demo": True}
    return {**values, **places, "workspace": os.path.abspath(workspace)}


def _check_workspace(workspace: str, used: Collection[str]) -> None:
    if not workspace:
        raise UserError("Choose a folder for the results.")
    folder = Path(os.path.abspath(workspace))
    if not os.path.isdir(folder.parent):
        raise UserError(f"There is no folder {folder.parent}. Choose a folder for the results in an existing one.")
    problem = workspace_problem(folder)
    if problem:
        raise UserError(f"{folder} cannot be used: {problem}. Choose another folder for the results.")
    if str(folder) in used:
        raise UserError(f"Another training has its results in {folder}. Choose another folder.")
    if os.path.exists(Workspace(folder).journal_file):
        raise UserError(f"There is a run in {folder} already. Choose an empty folder for the results.")


def _read_file(path: Path) -> dict[str, Any]:
    stored = parse_stored_settings(read_json(path, advice="Choose another file."), str(path))
    return _read_config(TrainerConfig().replace(**stored.values))


def _read_config(config: TrainerConfig) -> dict[str, Any]:
    """Return the settings of a run that a file stores, as JSON values."""
    content = settings_to_json(config, stored=StoredSettings(), derived=None, warm_start=None)
    return {name: value for name, value in content.items() if name in SETTINGS and SETTINGS[name].stored}


def propose_workspace(workspace: Path, used: Collection[str]) -> Path:
    """Return a folder beside a workspace that does not exist and is not used: NAME_2, NAME_3 and so on."""
    name, number = re.sub(r"_\d+$", "", workspace.name), 2
    while str(folder := workspace.with_name(f"{name}_{number}")) in used or os.path.exists(folder):
        number += 1
    return folder
