"""Saving a run: checkpoints with their deploy siblings, the models, and the deletion of old checkpoints.

Each save has two halves: a `prepare_` method, called by the thread that calls torch, makes arrays of the state and
returns the `Write` that writes them, in any thread. The order matters: a new checkpoint is written and verified before
an older one is deleted.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Callable, Optional

import numpy as np
from torch import Tensor

import trainer_core
from trainer_core.events import CheckpointSaved
from trainer_core.files import link_or_copy
from trainer_core.model.spec import NetworkSpec
from trainer_core.settings.config import TrainerConfig
from trainer_core.training import checkpoint
from trainer_core.training.checkpoint import TrainingState
from trainer_core.watches import select_watch
from trainer_core.weights.export import Deployable, pad_for_viewer, prepare_deployable, prepare_export_state
from trainer_core.workspace.checkpoints import reported_saves
from trainer_core.workspace.layout import Workspace, deploy_path

Write = Callable[[], Optional[CheckpointSaved]]
"""Writes files without a call of torch, raises an `OSError` if it fails, and returns what was saved."""


class CheckpointSaver:
    """Writer of the checkpoints and models of one run, which deletes old checkpoints.

    Attributes:
        newest: the newest checkpoint of the run: resumed, or written and read back; its models may still be missing.
    """

    def __init__(self, workspace: Workspace, config: TrainerConfig, spec: NetworkSpec, newest: Path | None) -> None:
        self._workspace = workspace
        self._config = config
        self._spec = spec
        self._reported: frozenset[str] = frozenset()  # saves of the resumed step that the journal has already
        self._resumed_step: int | None = None
        self.newest = newest
        self._half_saved: np.ndarray | None = None  # last layer of a state whose checkpoint is written, but no model

    def prepare_completion(self, state: TrainingState, path: Path, *, is_last: bool) -> Write | None:
        """Prepare what is missing of the checkpoint that a run resumes, if an earlier process was killed saving it.

        Args:
            state: the state in the checkpoint.
            path: the checkpoint; only one in the folder of checkpoints is completed.
            is_last: the run ends at this step, so it is saved again in any case.
        """
        self._resumed_step, self._reported = state.step, reported_saves(self._workspace, state.step)
        is_best = path == self._workspace.checkpoint_path(self._config.scale, "best")
        if not is_best and (
            is_last or path != self._workspace.checkpoint_path(self._config.scale, f"step{state.step}")
        ):
            return None
        model = self._model_path(best=is_best)
        kinds = {"best"} if is_best else {"step", "final"}
        if kinds & self._reported and deploy_path(path).exists() and model.exists():
            return None
        return self._prepare_models(state, path, "best" if is_best else "step", started=time.monotonic())

    def prepare_step(self, state: TrainingState, *, final: bool) -> Write:
        """Prepare the checkpoint of this step, its deploy sibling and the latest model.

        Args:
            state: the state to save; its tensors must not change until it is written.
            final: also give checkpoint and sibling their `_final` names.

        Raises:
            Diverged: a value in the state is not finite.
        """
        started = time.monotonic()
        path = self._workspace.checkpoint_path(self._config.scale, f"step{state.step}")
        tree = checkpoint.prepare_checkpoint(state)
        write_models = self._prepare_models(state, path, "final" if final else "step", started=started)

        def write() -> CheckpointSaved | None:
            weights = tree["params"]["conv_last.weight"].content
            if self._half_saved is None or not np.array_equal(weights, self._half_saved) or not path.is_file():
                self._write_checkpoint(path, tree)
                self.newest, self._half_saved = path, weights
            saved = write_models()
            self._half_saved = None
            return saved

        return write

    def prepare_best(self, state: TrainingState) -> Write:
        """Prepare the best checkpoint so far, its deploy sibling and the best model; see `prepare_step`."""
        started = time.monotonic()
        path = self._workspace.checkpoint_path(self._config.scale, "best")
        tree = checkpoint.prepare_checkpoint(state)
        write_models = self._prepare_models(state, path, "best", started=started)

        def write() -> CheckpointSaved | None:
            self._write_checkpoint(path, tree)
            return write_models()

        return write

    def _prepare_models(self, state: TrainingState, path: Path, kind: str, *, started: float) -> Write:
        """Prepare what follows a written checkpoint: sibling, model, final names, deletion of old ones, the report."""
        sibling, model = self._prepare_deployables(state, path, best=kind == "best")
        step = state.step

        def write() -> CheckpointSaved | None:
            sibling.write()
            model.path.parent.mkdir(exist_ok=True)
            model.write()
            if kind == "final":
                for source in (path, deploy_path(path)):
                    link_or_copy(source, source.with_name(source.name.replace(f"step{step}", "final")))
            if kind != "best":
                self._delete_old_checkpoints(newest=step)
            if step == self._resumed_step and kind in self._reported:
                return None
            files, seconds = (str(model.path), str(sibling.path)), time.monotonic() - started
            return CheckpointSaved(step, str(path), kind, files, model.report.summary(), seconds)

        return write

    def _write_checkpoint(self, path: Path, tree: dict[str, Any]) -> None:
        path.parent.mkdir(exist_ok=True)
        checkpoint.write_checkpoint(path, tree)

    def _prepare_deployables(self, state: TrainingState, path: Path, *, best: bool) -> tuple[Deployable, Deployable]:
        """Prepare the deploy sibling of a checkpoint and the model of the run."""
        exported = make_export_state(state.params_ema, self._config)
        meta = {**_export_metadata(state, self._config), "weights_sha256": checkpoint.compute_digest(exported)}
        padded, padded_spec = exported, self._spec
        if not self._config.compact_export:
            padded, padded_spec = pad_for_viewer(exported, self._spec)
        model = self._model_path(best=best)
        return (
            prepare_deployable(deploy_path(path), exported, self._spec, meta),
            prepare_deployable(model, padded, padded_spec, meta, padded_from=self._spec),
        )

    def _model_path(self, *, best: bool) -> Path:
        return self._workspace.model_path(self._config.scale, best=best, name=self._config.model_name)

    def _delete_old_checkpoints(self, *, newest: int) -> None:
        steps = [path for step, path in self._workspace.step_checkpoints() if step <= newest and path.is_file()]
        for old in steps[: -self._config.keep_checkpoints]:
            for path in (deploy_path(old), old):  # a sibling without its checkpoint would never be deleted
                with contextlib.suppress(FileNotFoundError):
                    path.unlink()


def make_export_state(params_ema: Mapping[str, Tensor], config: TrainerConfig) -> dict[str, Tensor]:
    """Return the EMA weights as they are exported: float32 on the CPU, exactly neutral for a mono model."""
    return prepare_export_state(params_ema, mono=config.monochrome_style)


def _export_metadata(state: TrainingState, config: TrainerConfig) -> dict[str, Any]:
    measured: dict[str, Any] = state.best.get("last") or {}
    meta: dict[str, Any] = {
        "step": state.step,
        "run": state.run_id,
        "camera": select_watch(mono=config.monochrome_style).profile,
        "degradation": config.degradation,
        "trainer": trainer_core.PROGRAM,
        "hardware": f"{state.plan.get('device_name', 'unknown')}, {state.plan.get('precision', 'unknown')}",
        "photos": len(state.photos),
        "photos_fingerprint": state.plan.get("photos_fingerprint", ""),
    }
    if config.camera_profile:
        meta["camera_profile"] = Path(config.camera_profile).name
    if measured:
        meta.update({key: measured[key] for key in ("psnr", "ssim", "bicubic_psnr")}, psnr_step=measured["step"])
        if "spectrum" in measured:
            meta["spectrum"] = measured["spectrum"]
    return meta
