"""Read tensors' values from an opened weight file into torch, one storage at a time."""

from __future__ import annotations

from collections.abc import Iterable
from typing import BinaryIO

import torch
from torch import Tensor

from trainer_core.weights.container.refusal import require
from trainer_core.weights.container.tensor_info import FLOATS, StorageRef, TensorInfo
from trainer_core.weights.container.zip_records import ByteRange, check_crc

_MAX_UNUSED_BYTES = (
    16 << 20
)  # that copies of tensors with strides may take beyond the size of what they are copied from


def materialize(
    file: BinaryIO, records: dict[str, ByteRange], wanted: Iterable[TensorInfo]
) -> dict[TensorInfo, Tensor]:
    """Contiguous CPU tensors of the file's types, in the file's order.

    Raises:
        WeightsError: a checksum does not match, a value is not finite, or copies would outgrow the file.
    """
    by_storage: dict[StorageRef, list[TensorInfo]] = {}
    for info in dict.fromkeys(wanted):
        by_storage.setdefault(info.storage, []).append(info)
    may_copy = sum(storage.nbytes for storage in by_storage) + _MAX_UNUSED_BYTES
    tensors: dict[TensorInfo, Tensor] = {}
    for storage, infos in sorted(by_storage.items(), key=lambda item: records[item[0].key].start):
        flat = _read_storage(file, records[storage.key], storage)
        for info in infos:
            if not info.is_contiguous:
                may_copy -= info.numel * flat.element_size()
                require(may_copy >= 0, "too many tensors look at the same values in different ways")
            tensors[info] = _view_of(flat, info)
    return tensors


def _view_of(flat: Tensor, info: TensorInfo) -> Tensor:
    if info.is_contiguous:
        return flat[info.offset : info.offset + info.numel].view(info.shape)
    return flat.as_strided(info.shape, info.stride, info.offset).contiguous()


def _read_storage(file: BinaryIO, record: ByteRange, storage: StorageRef) -> Tensor:
    """The values of one storage, [numel]; read straight into the tensor's own memory."""
    raw = torch.empty(record.size, dtype=torch.uint8)
    dtype = getattr(torch, storage.dtype)
    if not record.size:
        return raw.view(dtype)
    memory = raw.numpy().data
    file.seek(record.start)
    require(file.readinto(memory) == record.size, "the file is cut off")  # type: ignore[attr-defined]
    check_crc(memory, record)
    require(storage.dtype != "bool" or int(raw.max()) <= 1, "a switch is neither on nor off")
    flat = raw.view(dtype)
    require(storage.dtype not in FLOATS or _all_finite(flat), "it holds values that are not finite (NaN or infinity)")
    return flat


def _all_finite(flat: Tensor) -> bool:
    """A finite sum proves it at once; a sum may overflow, so one that is not finite proves nothing."""
    return bool(torch.isfinite(flat.sum(dtype=torch.float64))) or bool(torch.isfinite(flat).all())
