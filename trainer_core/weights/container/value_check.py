"""Search of an open weight file for values that no network can use, in a few megabytes of memory (no torch)."""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import BinaryIO

import numpy as np

from trainer_core.weights.container.refusal import require
from trainer_core.weights.container.tensor_info import FLOATS, StorageRef
from trainer_core.weights.container.zip_records import ByteRange, read_exactly

_CHUNK_BYTES = 1 << 22
_BFLOAT16_EXPONENT = 0x7F80  # all bits set: infinity or NaN


@dataclass(frozen=True)
class UnusableValues:
    """Numbers of values that are NaN or infinite, and of finite ones beyond the range of float32."""

    not_finite: int = 0
    beyond_float32: int = 0

    def __add__(self, other: UnusableValues) -> UnusableValues:
        return UnusableValues(self.not_finite + other.not_finite, self.beyond_float32 + other.beyond_float32)

    def __bool__(self) -> bool:
        return bool(self.not_finite or self.beyond_float32)


def count_unusable_values(
    file: BinaryIO, records: dict[str, ByteRange], storages: Iterable[StorageRef]
) -> dict[StorageRef, UnusableValues]:
    """Count the unusable values of each storage that has any, and check the checksums.

    Raises:
        WeightsError: the file is truncated, or a checksum does not match.
    """
    found = {}
    for storage in sorted(set(storages), key=lambda storage: records[storage.key].start):
        counts = UnusableValues()
        for chunk in _iterate_chunks(file, records[storage.key]):
            counts += _count(chunk, storage.dtype)
        if counts:
            found[storage] = counts
    return found


def _iterate_chunks(file: BinaryIO, record: ByteRange) -> Iterator[bytes]:
    """Yield the bytes of a storage; each element lies in one chunk."""
    crc = 0
    for start in range(0, record.size, _CHUNK_BYTES):
        chunk = read_exactly(file, record.start + start, min(_CHUNK_BYTES, record.size - start))
        crc = zlib.crc32(chunk, crc)
        yield chunk
    require(not record.crc or crc == record.crc, "it is damaged: a checksum does not match")


def _count(chunk: bytes, dtype: str) -> UnusableValues:
    if dtype not in FLOATS:
        return UnusableValues()
    if dtype == "bfloat16":
        exponents = np.frombuffer(chunk, "<u2") & _BFLOAT16_EXPONENT
        return UnusableValues(int(np.count_nonzero(exponents == _BFLOAT16_EXPONENT)))
    values = np.frombuffer(chunk, np.dtype(dtype).newbyteorder("<"))
    not_finite = values.size - int(np.count_nonzero(np.isfinite(values)))
    if dtype != "float64":
        return UnusableValues(not_finite)
    with np.errstate(over="ignore", invalid="ignore"):
        in_float32 = int(np.count_nonzero(np.isfinite(values.astype(np.float32))))
    return UnusableValues(not_finite, values.size - not_finite - in_float32)
