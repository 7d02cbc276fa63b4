"""Saving a run: checkpoints with their deploy siblings, the models, and the deletion of old checkpoints.

The order matters: a new checkpoint is written and verified before an older one is deleted.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from torch import Tensor

import trainer_core
from trainer_core.events import CheckpointSaved, EventSink
from trainer_core.files import link_or_copy
from trainer_core.model.spec import NetworkSpec
from trainer_core.settings.config import TrainerConfig
from trainer_core.training import checkpoint
from trainer_core.training.checkpoint import TrainingState
from trainer_core.watches import select_watch
from trainer_core.weights.export import pad_for_viewer, prepare_export_state, write_deployable
from trainer_core.workspace.checkpoints import reported_saves
from trainer_core.workspace.layout import Workspace, deploy_path


class CheckpointSaver:
    """Writer of the checkpoints and models of one run, which deletes old checkpoints.

    Attributes:
        newest: the newest checkpoint of a step that was written and read back; its models may still be missing.
    """

    def __init__(self, workspace: Workspace, config: TrainerConfig, spec: NetworkSpec, sink: EventSink) -> None:
        self._workspace = workspace
        self._config = config
        self._spec = spec
        self._sink = sink
        self._reported: frozenset[str] = frozenset()  # saves of the resumed step that the journal has already
        self._resumed_step: int | None = None
        self.newest: Path | None = None
        self._half_saved: Tensor | None = None  # the last layer of a state whose checkpoint is written, but no model

    def complete_save(self, state: TrainingState, path: Path, *, is_last: bool) -> None:
        """Complete the save of the checkpoint that a run resumes, if an earlier process was killed during it.

        Args:
            state: the state in the checkpoint.
            path: the checkpoint; only one in the folder of checkpoints is completed.
            is_last: the run ends at this step, so `save_step` follows in any case.

        Raises:
            OSError: a file cannot be written.
        """
        self._resumed_step, self._reported = state.step, reported_saves(self._workspace, state.step)
        is_best = path == self._workspace.checkpoint_path(self._config.scale, "best")
        if not is_best and (
            is_last or path != self._workspace.checkpoint_path(self._config.scale, f"step{state.step}")
        ):
            return
        model = self._workspace.model_path(self._config.scale, best=is_best)
        kinds = {"best"} if is_best else {"step", "final"}
        if not (kinds & self._reported and deploy_path(path).exists() and model.exists()):
            self._complete(state, path, "best" if is_best else "step", started=time.monotonic())

    def save_step(self, state: TrainingState, *, final: bool) -> Path:
        """Write the checkpoint of this step, its deploy sibling and the latest model.

        Args:
            state: the state to save.
            final: also give checkpoint and sibling their `_final` names.

        Returns:
            The path of the checkpoint.

        Raises:
            OSError: a file cannot be written, or the checkpoint cannot be read back.
        """
        started = time.monotonic()
        path = self._workspace.checkpoint_path(self._config.scale, f"step{state.step}")
        weights = state.params["conv_last.weight"]
        if self._half_saved is None or not weights.equal(self._half_saved) or not path.is_file():
            self.newest, self._half_saved = self._write_checkpoint(state, f"step{state.step}"), weights
        self._complete(state, path, "final" if final else "step", started=started)
        self._half_saved = None
        return path

    def save_best(self, state: TrainingState) -> Path:
        """Write the best checkpoint so far, its deploy sibling and the best model; return the checkpoint's path.

        Raises:
            OSError: a file cannot be written, or the checkpoint cannot be read back.
        """
        started = time.monotonic()
        path = self._write_checkpoint(state, "best")
        self._complete(state, path, "best", started=started)
        return path

    def _complete(self, state: TrainingState, path: Path, kind: str, *, started: float) -> None:
        """Do what follows a written checkpoint: sibling, model, final names, deletion of old ones, and the report."""
        models, loads_in = self._write_deploy_files(state, path, best=kind == "best")
        if kind == "final":
            for source in (path, deploy_path(path)):
                link_or_copy(source, source.with_name(source.name.replace(f"step{state.step}", "final")))
        if kind != "best":
            self._delete_old_checkpoints(newest=state.step)
        if state.step != self._resumed_step or kind not in self._reported:
            self._sink(CheckpointSaved(state.step, str(path), kind, models, loads_in, time.monotonic() - started))

    def _write_checkpoint(self, state: TrainingState, label: str) -> Path:
        path = self._workspace.checkpoint_path(self._config.scale, label)
        path.parent.mkdir(exist_ok=True)
        checkpoint.save_checkpoint(path, state)
        return path

    def _write_deploy_files(self, state: TrainingState, path: Path, *, best: bool) -> tuple[tuple[str, ...], str]:
        exported = make_export_state(state.params_ema, self._config)
        meta = _export_metadata(state, self._config)
        write_deployable(deploy_path(path), exported, self._spec, meta)
        model = self._workspace.model_path(self._config.scale, best=best)
        model.parent.mkdir(exist_ok=True)
        padded, padded_spec = exported, self._spec
        if not self._config.compact_export:
            padded, padded_spec = pad_for_viewer(exported, self._spec)
        report = write_deployable(model, padded, padded_spec, meta, padded_from=self._spec)
        return (str(model), str(deploy_path(path))), report.summary()

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
        "camera": select_watch(mono=config.monochrome_style).profile,
        "degradation": config.degradation,
        "trainer": f"wqv-upscale-trainer {trainer_core.__version__}",
    }
    if config.camera_profile:
        meta["camera_profile"] = Path(config.camera_profile).name
    if measured:
        meta.update({key: measured[key] for key in ("psnr", "ssim", "bicubic_psnr")}, psnr_step=measured["step"])
    return meta
