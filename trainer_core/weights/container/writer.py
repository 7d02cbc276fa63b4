"""The only writer of `.pth` files: the layout of `torch.save`, written without a call of torch.

`view_as_arrays` is called by the thread that calls torch; `write_tree` may then write the tree in any other thread, so
training goes on while its checkpoint is being written.
"""

from __future__ import annotations

import io
import pickle
import struct
import zipfile
from collections import OrderedDict
from dataclasses import dataclass
from typing import Any, BinaryIO

import numpy as np
import torch
from torch import Tensor

from trainer_core.weights.container.pickle_machine import STORAGES
from trainer_core.weights.container.tensor_checks import bytes_of
from trainer_core.weights.container.tensor_info import ITEM_BYTES, row_major

_FOLDER = "archive"  # the name that torch gives it where it does not know that of the file
_ALIGNMENT = 64  # bytes; values that begin there can be mapped into memory
_HEADER_BYTES = 30  # of a record in a zip archive, before its name
_PADDING_TAG, _PADDING_HEAD = b"FB", 4
_STORAGE_TYPES = {dtype: getattr(torch, name) for name, dtype in STORAGES.items()}


@dataclass(frozen=True, eq=False)
class TensorValues:
    """Values of a tensor for threads that do not call torch.

    Args:
        dtype: element type by its torch name, such as "float32".
        shape: its dimensions.
        content: its bytes in row-major order, uint8 [n].
    """

    dtype: str
    shape: tuple[int, ...]
    content: np.ndarray


def view_as_arrays(tree: Any) -> Any:
    """Return the same tree with `TensorValues` for its tensors, which are on the CPU; contiguous ones are shared."""
    if isinstance(tree, Tensor):
        return TensorValues(str(tree.dtype).replace("torch.", ""), tuple(tree.shape), bytes_of(tree))
    if isinstance(tree, dict):
        return {key: view_as_arrays(value) for key, value in tree.items()}
    if isinstance(tree, (list, tuple)):
        return type(tree)(view_as_arrays(value) for value in tree)
    return tree


def write_tree(file: BinaryIO, tree: Any) -> None:
    """Write dictionaries, lists, tuples, primitives and `TensorValues` to an empty file that is open for writing.

    Raises:
        OSError: the file cannot be written.
    """
    content = io.BytesIO()
    pickler = _Pickler(content)
    pickler.dump(tree)
    with zipfile.ZipFile(file, "w") as archive:
        _write_record(archive, "data.pkl", content.getbuffer())
        _write_record(archive, "byteorder", b"little")
        for key, values in enumerate(pickler.values):
            _write_record(archive, f"data/{key}", values.content.data)
        _write_record(archive, "version", b"3\n")


class _Storage:
    """Stands for the values of a tensor in the pickle, which names their record."""

    def __init__(self, description: tuple[Any, ...]) -> None:
        self.description = description


class _Pickler(pickle.Pickler):
    """Pickler of the tree, which collects the values that belong into records of their own."""

    def __init__(self, file: BinaryIO) -> None:
        super().__init__(file, protocol=2)
        self.values: list[TensorValues] = []

    def persistent_id(self, value: Any) -> Any:
        """Return the description of a storage; everything else has none."""
        return value.description if isinstance(value, _Storage) else None

    def reducer_override(self, value: Any) -> Any:
        """Return the call that builds a tensor."""
        if not isinstance(value, TensorValues):
            return NotImplemented
        number = len(value.content) // ITEM_BYTES[value.dtype]
        storage = _Storage(("storage", _STORAGE_TYPES[value.dtype], str(len(self.values)), "cpu", number))
        self.values.append(value)
        hooks: OrderedDict[Any, Any] = OrderedDict()  # of a tensor that needs gradients; always empty
        arguments = (storage, 0, value.shape, row_major(value.shape), False, hooks)
        return torch._utils._rebuild_tensor_v2, arguments


def _write_record(archive: zipfile.ZipFile, name: str, content: Any) -> None:
    record = zipfile.ZipInfo(f"{_FOLDER}/{name}")
    assert archive.fp is not None
    start = archive.fp.tell() + _HEADER_BYTES + len(record.filename) + _PADDING_HEAD
    padding = -start % _ALIGNMENT
    record.extra = struct.pack("<2sH", _PADDING_TAG, padding) + b"Z" * padding
    record.file_size = len(content)
    with archive.open(record, "w") as opened:
        opened.write(content)
