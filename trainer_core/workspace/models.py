"""The models that a run has left in its workspace so far, the one to use first (no torch)."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from trainer_core.workspace.layout import Workspace, deploy_path


@dataclass(frozen=True)
class RunModel:
    """A model file and what it is of its run, such as "best" or "step 4000"."""

    path: Path
    label: str


def find_models(root: Path) -> list[RunModel]:
    """The best model, the newest, then each checkpoint from the newest on; a checkpoint's compact file where it is."""
    workspace = Workspace(root)
    exported = sorted(workspace.models.glob("*.pth")) if workspace.models.is_dir() else []
    best = [RunModel(path, "best") for path in exported if path.stem.endswith("_best")]
    newest = [RunModel(path, "newest") for path in exported if not path.stem.endswith("_best")]
    steps = [RunModel(_compact_sibling(path), f"step {step}") for step, path in reversed(workspace.step_checkpoints())]
    return best + newest + steps


def model_of(workspace: Workspace) -> Path | None:
    """The model of the run: the best one, else the newest; None before the run has written any.

    The one policy for the terminal's last line, the window's result card and `RunFinished.model`.
    """
    exported = (model.path for model in find_models(workspace.root) if model.path.parent == workspace.models)
    return next(exported, None)


def _compact_sibling(checkpoint: Path) -> Path:
    compact = deploy_path(checkpoint)
    return compact if compact.is_file() else checkpoint
