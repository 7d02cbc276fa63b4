"""Functions on the tree of a weight file: dictionaries, lists and tuples with `TensorInfo` or plain leaves."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from trainer_core.weights.container.refusal import require
from trainer_core.weights.container.tensor_info import StorageRef, TensorInfo


def iterate_leaves(tree: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[tuple[Any, ...], Any]]:
    """Yield (path of keys and indices, leaf) for each leaf in order."""
    if isinstance(tree, dict):
        for key, value in tree.items():
            yield from iterate_leaves(value, (*path, key))
    elif isinstance(tree, (list, tuple)):
        for index, value in enumerate(tree):
            yield from iterate_leaves(value, (*path, index))
    else:
        yield path, tree


def find_storages(tree: Any) -> dict[str, StorageRef]:
    """Return the storages of all tensors in the tree by key.

    Raises:
        WeightsError: one key has two types or sizes.
    """
    found: dict[str, StorageRef] = {}
    for _, leaf in iterate_leaves(tree):
        if isinstance(leaf, TensorInfo):
            known = found.setdefault(leaf.storage.key, leaf.storage)
            require(known == leaf.storage, "two tensors describe the same storage differently")
    return found


def replace_tensors(tree: Any, tensors: dict[TensorInfo, Any]) -> Any:
    """Return a copy of the tree with each `TensorInfo` replaced by its entry in `tensors`."""
    if isinstance(tree, dict):
        return {key: replace_tensors(value, tensors) for key, value in tree.items()}
    if isinstance(tree, (list, tuple)):
        return type(tree)(replace_tensors(value, tensors) for value in tree)
    return tensors[tree] if isinstance(tree, TensorInfo) else tree
