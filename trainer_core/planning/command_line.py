"""The command line that starts a run with given settings, for "Copy as command" and for systems without a window."""

from __future__ import annotations

import os
import shlex
import subprocess
from collections.abc import Mapping
from typing import Any

from trainer_core.pasted_path import clean_path
from trainer_core.settings.config import SETTINGS
from trainer_core.settings.schema import Setting
from trainer_core.workspace.layout import LATEST

PROGRAM = "wqv-upscale-trainer"


def format_command(given: Mapping[str, Any]) -> str:
    """Return the command, quoted for this system's shell.

    Args:
        given: explicit settings by field name, as for `planning.plan.make_plan`. Missing folders appear as
            `<source_dir>` and `<workspace_dir>`.
    """
    words = command_arguments(given)
    if os.name == "nt":
        return subprocess.list2cmdline(words)
    return " ".join(word if word.startswith("<") else shlex.quote(word) for word in words)


def with_absolute_paths(given: Mapping[str, Any]) -> dict[str, Any]:
    """Return `given` with absolute paths, so that the command works in any folder."""
    values = {name: value for name, value in given.items() if SETTINGS[name].is_path and value}
    paths = {name: str(value) for name, value in values.items() if value not in (LATEST, SETTINGS[name].word)}
    return {**given, **{name: os.path.abspath(clean_path(path)) for name, path in paths.items()}}


def command_arguments(given: Mapping[str, Any]) -> list[str]:
    """Return the words of the command, unquoted; see `format_command`."""
    workspace = str(given.get("workspace") or "<workspace_dir>")
    source = [] if given.get("demo") else [str(given.get("source_dir") or "<source_dir>")]
    words = [PROGRAM, *source, workspace]
    for setting in SETTINGS.values():
        if setting.flag and setting.name in given:
            words += _option_arguments(setting, given[setting.name])
    return words


def _option_arguments(setting: Setting, value: Any) -> list[str]:
    bare = setting.flag[2:]
    if setting.kind == "switch":
        return [f"--{bare}" if value else f"--no-{bare}"]
    if value is None:
        return [f"--no-{bare}"] if setting.optional and setting.stored else []
    if setting.kind == "pair":
        return [setting.flag, *(_format_number(item) for item in value)]
    return [setting.flag, _format_number(value) if isinstance(value, float) else str(value)]


def _format_number(value: float) -> str:
    """Format a number in the shortest form that reads back as the same number."""
    short = f"{value:g}"
    return short if float(short) == value else repr(value)
