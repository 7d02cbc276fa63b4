"""The only reader of weight files: `.pth` and `.pt` (zip or legacy) and `.safetensors`, recognized by their content.

`open_weights` reads the header, and `check_values` searches for values that cannot be used; both need no torch.
`load_tree` and `load_tensors` read contiguous tensors into CPU memory. They never unpickle. They check limits,
checksums where the file has them, and that every value read is finite, and need at most as much memory as the size of
the file plus a few megabytes.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

from trainer_core.input_files import open_regular
from trainer_core.weights.container.file_kind import describe_foreign_file
from trainer_core.weights.container.legacy import MAGIC, read_legacy
from trainer_core.weights.container.limits import DEFAULT_LIMITS, Limits
from trainer_core.weights.container.pickle_machine import read_pickle
from trainer_core.weights.container.refusal import WeightsError, require
from trainer_core.weights.container.safetensors_header import could_be_safetensors, read_safetensors
from trainer_core.weights.container.tensor_info import StorageRef, TensorInfo
from trainer_core.weights.container.tree import find_storages, iterate_leaves, replace_tensors
from trainer_core.weights.container.value_check import UnusableValues, count_unusable_values
from trainer_core.weights.container.zip_records import ByteRange, read_record, read_records

if TYPE_CHECKING:
    from torch import Tensor

__all__ = ["WeightsError", "WeightsFile", "check_values", "load_tensors", "load_tree", "open_weights"]


@dataclass(frozen=True)
class WeightsFile:
    """Header of a weight file.

    Args:
        path: path of the file.
        file_format: "zip", "legacy" or "safetensors".
        tree: dictionaries, lists and tuples with `TensorInfo` or plain leaves; a flat dictionary for safetensors.
        metadata: texts that a safetensors file stores beside its tensors.
        records: byte range of the values by storage key.
        fingerprint: size, modification time and inode, to detect a change between reading header and values.
    """

    path: Path
    file_format: str
    tree: Any
    metadata: dict[str, str] = field(default_factory=dict)
    records: dict[str, ByteRange] = field(default_factory=dict, repr=False)
    fingerprint: tuple[int, ...] = ()

    @property
    def file_bytes(self) -> int:
        """The size of the file in bytes."""
        return self.fingerprint[0]

    def tensors(self) -> dict[str, TensorInfo]:
        """Return all tensors by their dotted path in the tree."""
        return {
            ".".join(map(str, path)): leaf for path, leaf in iterate_leaves(self.tree) if isinstance(leaf, TensorInfo)
        }


def open_weights(path: Path | str, *, limits: Limits = DEFAULT_LIMITS) -> WeightsFile:
    """Read the header of a weight file.

    Raises:
        WeightsError: the file cannot be read, is not a weight file, or is damaged, dangerous or too large.
    """
    path = Path(path)
    with _open_file(path, limits) as (file, file_bytes, fingerprint):
        head = file.read(512)
        if head.startswith(b"PK\3\4"):
            tree, records = _read_zip(file, file_bytes, limits)
            return WeightsFile(path, "zip", tree, {}, records, fingerprint)
        if head.startswith(MAGIC):
            tree, records = read_legacy(file, file_bytes, limits)
            return WeightsFile(path, "legacy", tree, {}, records, fingerprint)
        if could_be_safetensors(head):
            tensors, records, metadata = read_safetensors(file, file_bytes, limits)
            return WeightsFile(path, "safetensors", tensors, metadata, records, fingerprint)
        raise WeightsError(describe_foreign_file(head))


def load_tree(path: Path | str, *, limits: Limits = DEFAULT_LIMITS) -> Any:
    """Read the whole file with its tensors; tensors that share values in the file share memory.

    Raises:
        WeightsError: as `open_weights`, or a value is damaged or not finite.
    """
    file = open_weights(path, limits=limits)
    wanted = [leaf for _, leaf in iterate_leaves(file.tree) if isinstance(leaf, TensorInfo)]
    return replace_tensors(file.tree, load_tensors(file, wanted, limits=limits))


def check_values(file: WeightsFile, *, limits: Limits = DEFAULT_LIMITS) -> dict[StorageRef, UnusableValues]:
    """Count the values of each storage that are not finite or beyond float32; storages without any are left out.

    Raises:
        WeightsError: the file changed since its header was read, or is damaged.
    """
    with open_unchanged(file, limits) as opened:
        return count_unusable_values(opened, file.records, find_storages(file.tree).values())


def load_tensors(
    file: WeightsFile,
    wanted: Iterable[TensorInfo],
    *,
    limits: Limits = DEFAULT_LIMITS,
    check_stop: Callable[[], None] = lambda: None,
) -> dict[TensorInfo, Tensor]:
    """Read some tensors of `file`: contiguous, on the CPU, with the data types of the file.

    `check_stop` is called before each storage; what it raises ends the reading.

    Raises:
        WeightsError: the file changed since its header was read, or a value is damaged or not finite.
    """
    from trainer_core.weights.container.materialize import materialize

    with open_unchanged(file, limits) as opened:
        return materialize(opened, file.records, wanted, check_stop)


@contextlib.contextmanager
def open_unchanged(file: WeightsFile, limits: Limits = DEFAULT_LIMITS) -> Iterator[BinaryIO]:
    """Open a file whose header was read.

    Raises:
        WeightsError: the file changed since then.
    """
    with _open_file(file.path, limits) as (opened, _, fingerprint):
        require(fingerprint == file.fingerprint, "the file changed while it was being read")
        yield opened


@contextlib.contextmanager
def _open_file(path: Path, limits: Limits) -> Iterator[tuple[BinaryIO, int, tuple[int, ...]]]:
    """Open a file and yield it with its size in bytes and fingerprint; errors get the path of the file in front."""
    try:
        with open_regular(path) as file:
            status = os.fstat(file.fileno())
            require(status.st_size > 0, "the file is empty (0 bytes)")
            size = status.st_size
            require(
                size <= limits.file_bytes,
                f"the file is {size / 1e6:.0f} MB, more than the limit of {limits.file_bytes / 1e6:.0f} MB",
            )
            yield file, size, (size, status.st_mtime_ns, status.st_ino)
    except WeightsError as error:
        raise WeightsError(f"{path} cannot be used as weights: {error.message.rstrip('.')}.") from error
    except FileNotFoundError as error:
        raise WeightsError(f"There is no file {path}.") from error
    except (OSError, ValueError) as error:  # ValueError: a NUL in the name
        reason = getattr(error, "strerror", None) or error
        raise WeightsError(f"{path} cannot be read: {reason}.") from error


def _read_zip(file: BinaryIO, file_bytes: int, limits: Limits) -> tuple[Any, dict[str, ByteRange]]:
    entries = read_records(file, file_bytes, limits, _find_archive_folder)
    folder = _find_archive_folder(entries)
    pickle = entries[f"{folder}/data.pkl"]
    require(pickle.size <= limits.pickle_bytes, f"its pickle has {pickle.size} bytes, more than {limits.pickle_bytes}")
    order = entries.get(f"{folder}/byteorder")
    if order is not None:
        require(order.size <= 16, "its byte order is unknown")
        require(
            read_record(file, order) == b"little",
            "it was written on a big-endian machine; save it again on a little-endian machine, such as a PC",
        )
    tree, end = read_pickle(read_record(file, pickle), 0, limits)
    require(end == pickle.size, "extra bytes follow the pickle")
    storages = find_storages(tree)
    return tree, {key: _find_record(entries, folder, storage) for key, storage in storages.items()}


def _find_archive_folder(entries: Iterable[str]) -> str:
    """Return the name of the folder that contains all records.

    Raises:
        WeightsError: the names in the archive are not those of weights.
    """
    names = [name.split("/") for name in entries]
    if any(parts[-1] == "constants.pkl" or "code" in parts[1:-1] for parts in names):
        raise WeightsError("it is a TorchScript program, not weights, and programs are never run. Use the plain .pth")
    pickles = [parts for parts in names if parts[-1] == "data.pkl"]
    inner = [parts[-1] for parts in names if parts[-1].endswith((".pth", ".pt", ".ckpt", ".safetensors"))]
    require(bool(pickles) or not inner, f"it is an archive that contains {', '.join(inner[:3])}; unpack it first")
    arrays = all(parts[-1].endswith(".npy") for parts in names)
    require(bool(pickles) or not arrays, "it is a NumPy archive; save its arrays as .safetensors")
    require(bool(pickles), "it is an archive, but not from PyTorch: it contains no data.pkl")
    require(
        len(pickles) == 1 and len(pickles[0]) == 2, "the archive has several data.pkl files, or one in the wrong folder"
    )
    return pickles[0][0]


def _find_record(entries: dict[str, ByteRange], folder: str, storage: StorageRef) -> ByteRange:
    record = entries.get(f"{folder}/data/{storage.key}")
    if record is None:
        raise WeightsError(f"the values of storage {storage.key!r} are missing")
    require(
        record.size == storage.nbytes, f"storage {storage.key!r} has {record.size} bytes instead of {storage.nbytes}"
    )
    return record
