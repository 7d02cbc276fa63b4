"""The models in a workspace, and the model of its run. Needs no torch."""

from __future__ import annotations

import math
import os
from dataclasses import dataclass
from pathlib import Path

from trainer_core.input_files import list_matching
from trainer_core.workspace.layout import Workspace, deploy_path


@dataclass(frozen=True)
class RunModel:
    """A model file and its label, such as "best" or "step 4000"."""

    path: Path
    label: str


def find_models(root: Path) -> list[RunModel]:
    """Return the best model, the newest model, and each checkpoint, newest first (its deploy sibling, if any).

    Models under an earlier name of the run follow those of its present name.
    """
    workspace = Workspace(root)
    exported = sorted(list_matching(workspace.models, "*.pth"), key=_age)
    best = [RunModel(path, "best") for path in exported if path.stem.endswith("_best")]
    newest = [RunModel(path, "newest") for path in exported if not path.stem.endswith("_best")]
    steps = [RunModel(_deploy_sibling(path), f"step {step}") for step, path in reversed(workspace.step_checkpoints())]
    return best + newest + steps


def model_of(workspace: Workspace) -> Path | None:
    """Return the model of the run: the best one, else the newest; None before the run has written one.

    The last line in the terminal, the result card of the window and `RunFinished.model` all use this function.
    """
    exported = (model.path for model in find_models(workspace.root) if model.path.parent == workspace.models)
    return next(exported, None)


def _age(model: Path) -> tuple[float, str]:
    """Return what sorts models by age, the newest first."""
    try:
        return -model.stat().st_mtime, model.name
    except OSError:  # it was deleted
        return math.inf, model.name


def _deploy_sibling(checkpoint: Path) -> Path:
    sibling = deploy_path(checkpoint)
    return sibling if os.path.isfile(sibling) else checkpoint
