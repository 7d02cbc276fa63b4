"""Names of models that tell one from another: the run, which of its models, scale and date.

The weight files of all runs have the same names, so a file name alone does not say which model is meant.
"""

from __future__ import annotations

import os
import re
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from app.runs.recent_workspaces import read_recent_workspaces
from trainer_core.starters.card import Starter
from trainer_core.workspace.layout import Workspace
from trainer_core.workspace.models import RunModel, find_models

_DOT = " · "  # between the parts of a name
_SCALE = re.compile(r"(?:x|scale)([248])(?![0-9])")


@dataclass(frozen=True)
class NamedModel:
    """A weight file and its names.

    Attributes:
        path: the file.
        name: name in a list, such as "mono · best, step 4000 · x4 · 30 Nov, 14:05".
        short_name: name in a sentence, such as "mono (best, step 4000)"; two models may share it (`tell_apart`).
        is_start: whether it is the start of its run, which no later model of the run has improved.
        scale: its upscale factor, 0 if its name does not say it.
        watch: the kind of the watch that it is for, "" if that is unknown.
    """

    path: Path
    name: str
    short_name: str
    is_start: bool = False
    scale: int = 0
    watch: str = ""

    def fits(self, scale: int, watch: str) -> bool:
        """Whether it is a model to compare with one of this scale and watch, as far as is known."""
        return self.scale in (0, scale) and self.watch in ("", watch)


def find_run_models(root: Path) -> list[NamedModel]:
    """Return all models of the run in a workspace, best first."""
    return _name_models(root, find_models(root), _name_runs([root, *read_recent_workspaces()]))


def find_recent_models(root: Path | None) -> list[NamedModel]:
    """Return the best and the newest model of each run in the recent workspaces but `root`."""
    roots = read_recent_workspaces()
    names = _name_runs(roots if root is None else [root, *roots])
    found: list[NamedModel] = []
    for other in roots:
        if other != root:
            models = [model for model in find_models(other) if model.path.parent == Workspace(other).models]
            found += _name_models(other, models, names)
    return found


def name_starter(starter: Starter) -> NamedModel:
    """Name a built-in model."""
    watch, scale = f"{starter.watch.kind} watch", f"x{starter.scale}"
    name = _DOT.join(("Built-in model", watch, scale))
    return NamedModel(
        starter.path, name, f"the built-in model ({watch}, {scale})", False, starter.scale, starter.watch.kind
    )


def name_file(path: Path) -> NamedModel:
    """Name any other weight file, without reading anything."""
    return NamedModel(path, f"{path.name}{_DOT}folder {path.parent.name}", path.stem, scale=_find_scale(path))


def tell_apart(models: Sequence[NamedModel]) -> tuple[str, ...]:
    """Return a different name for each of some models, for a sentence, as short as possible."""
    choices = ([model.short_name for model in models], [model.name.replace(_DOT, ", ") for model in models])
    return tuple(next((names for names in choices if len(set(names)) == len(names)), [str(m.path) for m in models]))


def _name_models(root: Path, models: Sequence[RunModel], names: dict[Path, str]) -> list[NamedModel]:
    found: list[NamedModel] = []
    for model in models:
        scale = _find_scale(model.path)
        parts = (names[root], model.label, f"x{scale}" if scale else "", _format_date(model.path))
        name = _DOT.join(filter(None, parts))
        if any(name == other.name for other in found):  # of an earlier name of the run
            name += _DOT + model.path.name
        short_name = f"{names[root]} ({model.label})"
        found.append(NamedModel(model.path, name, short_name, model.is_start, scale))
    return found


def _find_scale(path: Path) -> int:
    """Return the scale that the name of a weight file says, 0 if none."""
    found = _SCALE.search(path.stem)
    return int(found.group(1)) if found else 0


def _name_runs(roots: Sequence[Path]) -> dict[Path, str]:
    """Name each run after its folder; where two folders have one name, after the folders around them as well."""
    names = {}
    for root in dict.fromkeys(roots):
        ends = (Path(*root.parts[-count:]) for count in range(1, len(root.parts) + 1))
        others = [other for other in roots if other != root]
        names[root] = str(
            next(end for end in ends if not any(other.parts[-len(end.parts) :] == end.parts for other in others))
        )
    return names


def _format_date(model: Path) -> str:
    """Return when a file was written: day and time, for another year than this one day and year."""
    try:
        date = time.localtime(os.stat(model).st_mtime)
    except OSError:  # it was deleted
        return ""
    return time.strftime("%d %b, %H:%M" if date.tm_year == time.localtime().tm_year else "%d %b %Y", date)
