"""The models in a workspace, and the model of its run. Needs no torch."""

from __future__ import annotations

import math
import os
from dataclasses import dataclass
from pathlib import Path

from trainer_core.errors import UserError
from trainer_core.input_files import list_matching
from trainer_core.weights.container.reader import open_weights
from trainer_core.workspace.layout import Workspace, deploy_path

_BEST = "_best.pth"  # end of the name of a best model


@dataclass(frozen=True)
class RunModel:
    """A model of a run.

    Attributes:
        path: its file.
        label: what tells it from the others of the run, such as "best, step 4000".
        is_start: whether its weights are those with which the run started, because no later ones are better.
    """

    path: Path
    label: str
    is_start: bool = False


def find_models(root: Path) -> list[RunModel]:
    """Return the best model, the newest model, and each checkpoint, newest first (its deploy sibling, if any).

    Weights that are in several files are listed once. Models under an earlier name of the run follow those of its
    present name.
    """
    workspace = Workspace(root)
    best, newest = _find_exported(workspace)
    found: list[RunModel] = []
    steps = {path: _read_step(path) for path in (*best, *newest)}
    of_newest = {steps[path] for path in newest}
    for path in best:
        twin = path.with_name(path.name.replace(_BEST, ".pth"))
        is_newest = steps[path] is not None and steps.get(twin) == steps[path]
        newest = [other for other in newest if other != twin or not is_newest]
        found.append(_label_best(path, steps[path], is_newest=is_newest))
    found += [RunModel(path, _add_step("newest", steps[path])) for path in newest]
    others = [(step, path) for step, path in reversed(workspace.step_checkpoints()) if step not in of_newest]
    return found + [RunModel(_deploy_sibling(path), f"step {step}") for step, path in others]


def model_of(workspace: Workspace) -> Path | None:
    """Return the model of the run: the best one, else the newest; None before the run has written one.

    The last line in the terminal, the result card of the window and `RunFinished.model` all use this function.
    """
    best, newest = _find_exported(workspace)
    return next(iter([*best, *newest]), None)


def _find_exported(workspace: Workspace) -> tuple[list[Path], list[Path]]:
    """Return the best and the newest models, those of the present name of the run first."""
    exported = sorted(list_matching(workspace.models, "*.pth"), key=_age)
    return [path for path in exported if path.name.endswith(_BEST)], [
        path for path in exported if not path.name.endswith(_BEST)
    ]


def _read_step(model: Path) -> int | None:
    """Return the step of a model as its file states it, None if it cannot be read."""
    try:
        tree = open_weights(model).tree
    except UserError:
        return None
    meta = tree.get("meta") if isinstance(tree, dict) else None
    step = meta.get("step") if isinstance(meta, dict) else None
    return step if isinstance(step, int) else None


def _label_best(path: Path, step: int | None, *, is_newest: bool) -> RunModel:
    if step == 0:
        return RunModel(path, "start, best checked so far", is_start=True)
    return RunModel(path, _add_step("best and newest" if is_newest else "best", step))


def _add_step(label: str, step: int | None) -> str:
    return label if step is None else f"{label}, step {step}"


def _age(model: Path) -> tuple[float, str]:
    """Return what sorts models by age, the newest first."""
    try:
        return -model.stat().st_mtime, model.name
    except OSError:  # it was deleted
        return math.inf, model.name


def _deploy_sibling(checkpoint: Path) -> Path:
    sibling = deploy_path(checkpoint)
    return sibling if os.path.isfile(sibling) else checkpoint
