"""The full training state as one file, saved and restored bit for bit.

`save_checkpoint` writes a file of tensors and primitives only, so that it loads with `weights_only=True`. It contains
a SHA-256 of everything else, which `load_checkpoint` verifies, because `torch.load` detects few flipped bits. The keys
`params` and `params_ema` let other programs find the weights in it.
"""

from __future__ import annotations

import errno
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
from trainer_core.files import WriteError, atomic_write
from trainer_core.json_files import check_version
from trainer_core.torch_threads import single_threaded
from trainer_core.training.checkpoint_fields import check_fields
from trainer_core.training.failures import Diverged
from trainer_core.weights.container.reader import has_values, load_tree, open_weights
from trainer_core.weights.container.refusal import WeightsError
from trainer_core.weights.container.tensor_checks import all_finite, bytes_of
from trainer_core.weights.container.tensor_info import TensorInfo

KIND = "wqv-upscale-trainer checkpoint"
FORMAT = 1
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


def collect_versions() -> dict[str, Any]:
    """Return the versions and the number of threads on which bit-identical results depend."""
    return {
        "trainer": trainer_core.__version__,
        "torch": str(torch.__version__),  # not a plain string, and the strict reader refuses other classes
        "numpy": np.__version__,
        "python": platform.python_version(),
        "threads": torch.get_num_threads(),
    }


@single_threaded()
def save_checkpoint(path: Path, state: TrainingState) -> None:
    """Write `state` durably; it replaces an older file only after it was read back and verified.

    Raises:
        Diverged: a weight or a moment is not finite; nothing is written.
        WriteError: the file cannot be written, for example because the disk is full, or it cannot be read back.
    """
    tree: dict[str, Any] = {"kind": KIND, "format": FORMAT, **vars(state)}
    tree["photos"] = json.dumps(state.photos)  # a single value, because the strict reader limits their number
    _check_finite(tree)
    tree[_DIGEST] = compute_digest(tree)
    with atomic_write(path) as file:
        torch.save(tree, file)
        file.flush()
        _verify(Path(file.name), tree, path)


@single_threaded()
def load_checkpoint(path: Path) -> TrainingState:
    """Read and verify a checkpoint written by `save_checkpoint`.

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
    """Compute the SHA-256 of a tree of dictionaries, lists, tensors and primitives, independent of file layout."""
    hasher = hashlib.sha256()
    _update_hash(hasher, tree)
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
    if isinstance(tree, Tensor):
        hasher.update(f"T{tree.dtype}{tuple(tree.shape)}".encode())
        hasher.update(bytes_of(tree).data)
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
    for part in ("params", "params_ema", "optimizer"):
        for name, tensor in _tensors(tree[part], part):
            if tensor.is_floating_point() and not all_finite(tensor):
                raise Diverged(f"{name} contains values that are not finite")


def _verify(written: Path, expected: Any, name: Path) -> None:
    """Read a written file with the strict reader and compare it with the tree, bit for bit."""
    pairs: list[tuple[TensorInfo, Tensor]] = []
    try:
        file = open_weights(written)
        is_same = _pair_tensors(file.tree, expected, pairs) and has_values(file, pairs)
    except WeightsError as error:
        raise WriteError(name, OSError(errno.EIO, f"it cannot be read back: {error.message}")) from error
    if not is_same:
        raise WriteError(name, OSError(errno.EIO, "it reads back differently"))


def _pair_tensors(written: Any, expected: Any, pairs: list[tuple[TensorInfo, Tensor]]) -> bool:
    """Whether two trees are equal but for the values of their tensors, which are appended to `pairs`."""
    if isinstance(expected, Tensor):
        pairs.append((written, expected))
        return isinstance(written, TensorInfo)
    if type(written) is not type(expected):
        return False
    if isinstance(expected, dict):
        return list(written) == list(expected) and all(
            _pair_tensors(written[key], value, pairs) for key, value in expected.items()
        )
    if isinstance(expected, (list, tuple)):
        return len(written) == len(expected) and all(_pair_tensors(*two, pairs) for two in zip(written, expected))
    return bool(written == expected)


def _tensors(tree: Any, name: str) -> list[tuple[str, Tensor]]:
    if isinstance(tree, Tensor):
        return [(name, tree)]
    if isinstance(tree, dict):
        return [item for key, value in tree.items() for item in _tensors(value, f"{name}.{key}")]
    return []
