"""Values of tensors of an open weight file, read into torch one storage at a time; called by `reader`."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import BinaryIO

import torch
from torch import Tensor

from trainer_core.torch_threads import single_threaded
from trainer_core.weights.container.refusal import require
from trainer_core.weights.container.tensor_checks import all_finite
from trainer_core.weights.container.tensor_info import FLOATS, StorageRef, TensorInfo
from trainer_core.weights.container.zip_records import ByteRange, read_into

_MAX_EXTRA_COPY_BYTES = 16 << 20  # of copies of strided tensors, beyond the size of their storages


@single_threaded()
def materialize(
    file: BinaryIO,
    records: dict[str, ByteRange],
    wanted: Iterable[TensorInfo],
    check_stop: Callable[[], None] = lambda: None,
) -> dict[TensorInfo, Tensor]:
    """Read the wanted tensors: contiguous, on the CPU, with the data types of the file, in the order of the file.

    `check_stop` is called before each storage; what it raises ends the reading.

    Raises:
        WeightsError: a checksum does not match, a value is not finite, or copies would need far more memory than the
            file.
    """
    by_storage: dict[StorageRef, list[TensorInfo]] = {}
    for info in dict.fromkeys(wanted):
        by_storage.setdefault(info.storage, []).append(info)
    copy_budget = sum(storage.nbytes for storage in by_storage) + _MAX_EXTRA_COPY_BYTES
    tensors: dict[TensorInfo, Tensor] = {}
    for storage, infos in sorted(by_storage.items(), key=lambda item: records[item[0].key].start):
        check_stop()
        flat = _read_storage(file, records[storage.key], storage)
        for info in infos:
            if not info.is_contiguous:
                copy_budget -= info.numel * flat.element_size()
                require(copy_budget >= 0, "too many tensors share the same values with different strides")
            tensors[info] = _make_view(flat, info)
    return tensors


def _make_view(flat: Tensor, info: TensorInfo) -> Tensor:
    if info.is_contiguous:
        return flat[info.offset : info.offset + info.numel].view(info.shape)
    return flat.as_strided(info.shape, info.stride, info.offset).contiguous()


def _read_storage(file: BinaryIO, record: ByteRange, storage: StorageRef) -> Tensor:
    """Read the values of one storage, [numel], directly into the memory of the tensor."""
    raw = torch.empty(record.size, dtype=torch.uint8)
    dtype = getattr(torch, storage.dtype)
    if not record.size:
        return raw.view(dtype)
    read_into(file, record, raw.numpy().data)
    require(storage.dtype != "bool" or int(raw.max()) <= 1, "a boolean value is neither 0 nor 1")
    flat = raw.view(dtype)
    is_usable = storage.dtype not in FLOATS or all_finite(flat)
    require(is_usable, "it contains values that are not finite (NaN or infinity)")
    return flat
