"""The full training state as one file, saved and restored bit for bit.

`prepare_checkpoint` turns the state into a tree of arrays and primitives, in the thread that calls torch;
`write_checkpoint` writes the tree, in any thread. The file loads with `weights_only=True`. It contains a SHA-256 of
everything else, which `load_checkpoint` verifies, because `torch.load` detects few flipped bits. The keys `params` and
`params_ema` let other programs find the weights in it.
"""

from __future__ import annotations

import hashlib
import json
import platform
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

import trainer_core
from trainer_core.errors import UserError
from trainer_core.files import atomic_write
from trainer_core.json_files import check_version
from trainer_core.torch_threads import single_threaded
from trainer_core.training.checkpoint_fields import check_fields
from trainer_core.training.failures import Diverged
from trainer_core.weights.container.read_back import verify_tree
from trainer_core.weights.container.reader import load_tree
from trainer_core.weights.container.tensor_checks import all_finite
from trainer_core.weights.container.writer import TensorValues, view_as_arrays, write_tree

KIND = "wqv-upscale-trainer checkpoint"
FORMAT = 2  # the newest that this version reads
_PLAIN_FORMAT = 1  # of a state without a discriminator, which earlier versions read as well
_DIGEST = "sha256"


@dataclass
class TrainingState:
    """State of a run at one step. Tensors are on the CPU; `best` and `plan` hold primitives."""

    params: dict[str, Tensor]
    params_ema: dict[str, Tensor]
    optimizer: dict[str, Any]
    scaler: dict[str, Any] | None
    step: int
    samples: int  # samples drawn so far: the complete state of the sampler
    ema_updates: int
    run_id: str
    workspace_id: str
    spec: dict[str, Any]
    config: dict[str, Any]
    photos: list[str]
    best: dict[str, Any] = field(default_factory=dict)
    plan: dict[str, Any] = field(default_factory=dict)  # total_steps, seconds trained so far
    versions: dict[str, Any] = field(default_factory=dict)
    discriminator: dict[str, Any] | None = None  # `Adversary.state`; None without an adversarial stage


def collect_versions(device: str, processes: int = 1, *, threads: int | None = None) -> dict[str, Any]:
    """Return the versions and the number of processes on which results depend bit for bit.

    Args:
        device: kind of the device; on "cpu" results also depend on the number of threads, on "cuda" on cuDNN.
        processes: number of processes that train together.
        threads: the chosen number of threads; by default the one that torch uses, which may be that of a trial.
    """
    versions = {
        "trainer": trainer_core.__version__,
        "torch": str(torch.__version__),  # not a plain string, and the strict reader refuses other classes
        "numpy": np.__version__,
        "python": platform.python_version(),
        "processes": processes,
    }
    if device == "cpu":
        return {**versions, "threads": threads or torch.get_num_threads()}
    cudnn = torch.backends.cudnn.version() if device == "cuda" else None  # type: ignore[no-untyped-call]
    return {**versions, "cudnn": cudnn} if cudnn else versions


@single_threaded()
def prepare_checkpoint(state: TrainingState) -> dict[str, Any]:
    """Return the tree to write; its arrays are views of the tensors of `state`.

    Raises:
        Diverged: a weight or a moment is not finite.
    """
    tree: dict[str, Any] = {"kind": KIND, "format": FORMAT, **vars(state)}
    if state.discriminator is None:
        tree["format"] = _PLAIN_FORMAT
        del tree["discriminator"]
    tree["photos"] = json.dumps(state.photos)  # a single value, because the strict reader limits their number
    _check_finite(tree)
    prepared: dict[str, Any] = view_as_arrays(tree)
    return prepared


def write_checkpoint(path: Path, tree: dict[str, Any]) -> None:
    """Write a prepared tree durably; it replaces an older file only after it was read back and verified.

    Raises:
        WriteError: the file cannot be written, for example because the disk is full, or it cannot be read back.
    """
    content = {**tree, _DIGEST: compute_digest(tree)}
    with atomic_write(path) as file:
        write_tree(file, content)
        file.flush()
        verify_tree(Path(file.name), content, path)


@single_threaded()
def load_checkpoint(path: Path) -> TrainingState:
    """Read and verify a checkpoint written by `write_checkpoint`.

    Raises:
        NewerFileError: a newer version of this program wrote the file.
        UserError: the file is another program's, or damaged, or has a field that cannot be used.
    """
    tree = load_tree(path)
    if not isinstance(tree, dict) or tree.get("kind") != KIND:
        raise UserError(f"{path} is not a checkpoint of this trainer. To start from its weights, use --init-weights.")
    check_version(tree, "format", FORMAT, str(path), advice="Resume from another checkpoint in the same folder.")
    expected = tree.pop(_DIGEST, None)
    if expected != compute_digest(tree):
        raise UserError(f"{path} is damaged (its checksum does not match).")
    check_fields(tree, str(path))
    known = {entry.name: tree[entry.name] for entry in fields(TrainingState) if entry.name in tree}
    return TrainingState(**{**known, "photos": json.loads(tree["photos"])})


def compute_digest(tree: Any) -> str:
    """Compute the SHA-256 of a tree of dictionaries, lists, arrays and primitives, whatever the file layout.

    Tensors, which only the thread that calls torch may pass, count as their arrays.
    """
    hasher = hashlib.sha256()
    _update_hash(hasher, view_as_arrays(tree))
    return hasher.hexdigest()


def copy_to_cpu(tree: Any) -> Any:
    """Return the same tree with every tensor copied to the CPU, contiguous."""
    if isinstance(tree, Tensor):
        return torch.empty(tree.shape, dtype=tree.dtype).copy_(tree.detach())
    if isinstance(tree, dict):
        return {key: copy_to_cpu(value) for key, value in tree.items()}
    if isinstance(tree, (list, tuple)):
        return type(tree)(copy_to_cpu(value) for value in tree)
    return tree


def _update_hash(hasher: Any, tree: Any) -> None:
    if isinstance(tree, TensorValues):
        hasher.update(f"Ttorch.{tree.dtype}{tree.shape}".encode())
        hasher.update(tree.content.data)
    elif isinstance(tree, dict):
        hasher.update(f"D{len(tree)}".encode())
        for key, value in tree.items():
            _update_hash(hasher, key)
            _update_hash(hasher, value)
    elif isinstance(tree, (list, tuple)):
        hasher.update(f"L{len(tree)}".encode())
        for value in tree:
            _update_hash(hasher, value)
    else:
        hasher.update(json.dumps(tree).encode("ascii"))


def _check_finite(tree: dict[str, Any]) -> None:
    for part in ("params", "params_ema", "optimizer", "discriminator"):
        for name, tensor in _tensors(tree.get(part), part):
            if tensor.is_floating_point() and not all_finite(tensor):
                raise Diverged(f"{name} contains values that are not finite")


def _tensors(tree: Any, name: str) -> list[tuple[str, Tensor]]:
    if isinstance(tree, Tensor):
        return [(name, tree)]
    if isinstance(tree, dict):
        return [item for key, value in tree.items() for item in _tensors(value, f"{name}.{key}")]
    return []
