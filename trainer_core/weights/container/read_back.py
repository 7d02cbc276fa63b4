"""Comparison of a written weight file with what it should contain, bit for bit, without a call of torch."""

from __future__ import annotations

import contextlib
import errno
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

from trainer_core.files import WriteError
from trainer_core.weights.container.reader import WeightsFile, open_unchanged, open_weights
from trainer_core.weights.container.refusal import WeightsError
from trainer_core.weights.container.tensor_info import TensorInfo
from trainer_core.weights.container.writer import TensorValues
from trainer_core.weights.container.zip_records import read_into


def verify_tree(written: Path, expected: Any, name: Path) -> WeightsFile:
    """Read a file that `writer.write_tree` wrote and compare it with the tree; return the header of the file.

    Args:
        written: the file.
        expected: the tree.
        name: the name that the file will get, for the error.

    Raises:
        WriteError: the file cannot be read back, or differs (EIO).
    """
    pairs: list[tuple[TensorInfo, TensorValues]] = []
    with refuse_unreadable(name):
        file = open_weights(written)
        if not (_pair_tensors(file.tree, expected, pairs) and has_values(file, pairs)):
            raise make_difference(name)
        return file


def has_values(file: WeightsFile, expected: Iterable[tuple[TensorInfo, TensorValues]]) -> bool:
    """Whether contiguous tensors of `file` have the data types, shapes and bits expected.

    All are read into the same memory, of the size of the largest one, which is much faster than to read the whole file
    into new memory.

    Raises:
        WeightsError: the file changed since its header was read, or is damaged.
    """
    pairs = sorted(expected, key=lambda pair: file.records[pair[0].storage.key].start)
    memory = np.empty(max((info.storage.nbytes for info, _ in pairs), default=0), np.uint8)
    with open_unchanged(file) as opened:
        for info, values in pairs:
            if (info.dtype, info.shape) != (values.dtype, values.shape) or not info.is_contiguous:
                return False
            content = memory[: info.storage.nbytes]
            if len(content):
                read_into(opened, file.records[info.storage.key], content.data)
            start = info.offset * (len(values.content) // max(1, info.numel))
            if not _has_equal_bytes(content[start : start + len(values.content)], values.content):
                return False
    return True


@contextlib.contextmanager
def refuse_unreadable(name: Path) -> Iterator[None]:
    """Turn a `WeightsError` in the `with` block, which reads a written file, into a `WriteError` (EIO)."""
    try:
        yield
    except WeightsError as error:
        raise WriteError(name, OSError(errno.EIO, f"it cannot be read back: {error.message}")) from error


def make_difference(name: Path) -> WriteError:
    """Return the error for a file that differs from what was written (EIO)."""
    return WriteError(name, OSError(errno.EIO, "it reads back differently"))


def _has_equal_bytes(one: np.ndarray, two: np.ndarray) -> bool:
    """Compare words of 4 bytes, which is twice as fast as single bytes, where their number allows it."""
    is_whole = len(one) % 4 == 0 and len(one) == len(two)
    return np.array_equal(one.view(np.int32), two.view(np.int32)) if is_whole else np.array_equal(one, two)


def _pair_tensors(written: Any, expected: Any, pairs: list[tuple[TensorInfo, TensorValues]]) -> bool:
    """Whether two trees are equal but for the values of their tensors, which are appended to `pairs`."""
    if isinstance(expected, TensorValues):
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
