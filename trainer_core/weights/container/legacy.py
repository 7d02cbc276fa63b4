"""Reader of the layout that `torch.save` used before 1.6, called by `reader` for files that begin with `MAGIC`.

The file holds five pickles: a magic number, the protocol version, facts about the machine that wrote it, the object,
and a list of storage keys. After them come, per key, the number of elements (8 bytes, little-endian) and the values.
"""

from __future__ import annotations

import struct
from typing import Any, BinaryIO

from trainer_core.weights.container.limits import Limits
from trainer_core.weights.container.pickle_machine import read_pickle
from trainer_core.weights.container.refusal import require
from trainer_core.weights.container.tensor_info import StorageRef
from trainer_core.weights.container.tree import find_storages
from trainer_core.weights.container.zip_records import ByteRange, read_exactly

MAGIC = b"\x80\x02\x8a\x0al\xfc\x9cF\xf9 j\xa8P\x19."
_PROTOCOL_VERSION = 1001


def read_legacy(file: BinaryIO, file_bytes: int, limits: Limits) -> tuple[Any, dict[str, ByteRange]]:
    """Read the tree of the object and, by storage key, the byte range of the values.

    Raises:
        WeightsError: the file is damaged, has another layout, or exceeds a limit.
    """
    data = read_exactly(file, 0, min(file_bytes, limits.pickle_bytes))
    version, at = read_pickle(data, len(MAGIC), limits)
    require(version == _PROTOCOL_VERSION, f"the file has an unknown format version: {version!r}"[:100])
    machine, at = read_pickle(data, at, limits)
    require(isinstance(machine, dict), "the file's header is damaged")
    require(
        machine.get("little_endian") is True,
        "it was written on a big-endian machine; save it again on a little-endian machine, such as a PC",
    )
    tree, at = read_pickle(data, at, limits)
    keys, at = read_pickle(data, at, limits)
    require(isinstance(keys, list) and all(isinstance(key, str) for key in keys), "the list of storages is damaged")
    require(len(keys) == len(set(keys)) <= limits.entries, "the list of storages has duplicates or is too long")
    storages = find_storages(tree)
    require(set(storages) <= set(keys), "some tensors have no values: their storages are not in the list")
    return tree, _locate_storages(file, at, file_bytes, [(key, storages.get(key)) for key in keys])


def _locate_storages(
    file: BinaryIO, offset: int, file_bytes: int, wanted: list[tuple[str, StorageRef | None]]
) -> dict[str, ByteRange]:
    records = {}
    for key, storage in wanted:
        (numel,) = struct.unpack("<q", read_exactly(file, offset, 8))
        require(storage is not None, "it contains values that belong to no tensor")
        assert storage is not None
        require(numel == storage.numel, f"a storage has {numel} elements instead of {storage.numel}")
        records[key] = ByteRange(offset + 8, storage.nbytes)
        offset += 8 + storage.nbytes
        require(offset <= file_bytes, "the file is truncated")
    require(offset == file_bytes, "the file has extra bytes at its end")
    return records
