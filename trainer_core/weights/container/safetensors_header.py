"""Reader of the header of a `.safetensors` file: 8 bytes of length, then JSON; the values follow without gaps."""

from __future__ import annotations

import json
import struct
from typing import Any, BinaryIO

from trainer_core.weights.container.limits import Limits
from trainer_core.weights.container.refusal import WeightsError, require
from trainer_core.weights.container.tensor_info import StorageRef, TensorInfo, is_size, make_tensor, row_major
from trainer_core.weights.container.zip_records import ByteRange, read_exactly

_DTYPES = {
    "F64": "float64",
    "F32": "float32",
    "F16": "float16",
    "BF16": "bfloat16",
    "I64": "int64",
    "I32": "int32",
    "I16": "int16",
    "I8": "int8",
    "U8": "uint8",
    "BOOL": "bool",
}


def could_be_safetensors(head: bytes) -> bool:
    """Whether a file that begins with `head` may be a safetensors file."""
    return len(head) > 9 and head[8:9] == b"{" and head[5:8] == b"\0\0\0"


def read_safetensors(
    file: BinaryIO, file_bytes: int, limits: Limits
) -> tuple[dict[str, TensorInfo], dict[str, ByteRange], dict[str, str]]:
    """Read the tensors by name, the byte range of their values by storage key, and `__metadata__`.

    Raises:
        WeightsError: the header is damaged, exceeds a limit, or does not account for every byte of the file.
    """
    (length,) = struct.unpack("<Q", read_exactly(file, 0, 8))
    require(length <= limits.header_bytes, f"its header has {length} bytes, more than {limits.header_bytes}")
    header = _parse_json(read_exactly(file, 8, length))
    metadata = header.pop("__metadata__", {})
    is_text = isinstance(metadata, dict) and all(isinstance(value, str) for value in metadata.values())
    require(is_text, "its metadata contains a value that is not text")
    require(len(header) <= limits.entries, f"it has {len(header)} tensors, more than {limits.entries}")
    tensors: dict[str, TensorInfo] = {}
    records: dict[str, ByteRange] = {}
    for name, entry in header.items():
        tensors[name], records[name] = _read_entry(name, entry, 8 + length, limits)
    _check_coverage(records, 8 + length, file_bytes)
    total = sum(tensor.numel for tensor in tensors.values())
    require(total <= limits.elements, f"the tensors have more than {limits.elements} elements")
    return tensors, records, metadata


def _parse_json(text: bytes) -> dict[str, Any]:
    try:
        header: dict[str, Any] = json.loads(
            text.decode("utf-8"),
            object_pairs_hook=_reject_duplicates,
            parse_int=_parse_integer,
            parse_float=_reject_float,
            parse_constant=_reject_float,
        )
    except (ValueError, RecursionError) as error:
        raise WeightsError("its header is damaged: it is not valid JSON") from error
    require(isinstance(header, dict), "its header is damaged: it is not a JSON object")
    return header


def _reject_duplicates(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    result = dict(pairs)
    require(len(result) == len(pairs), "its header names a tensor twice")
    return result


def _parse_integer(digits: str) -> int:
    require(len(digits) <= 15, "its header contains a number that is too large")
    return int(digits)


def _reject_float(_: str) -> Any:
    raise WeightsError("its header contains a number that is not a size")


def _read_entry(name: str, entry: Any, start: int, limits: Limits) -> tuple[TensorInfo, ByteRange]:
    require(len(name) <= limits.name_characters, f"a name has {len(name)} characters")
    valid = isinstance(entry, dict) and set(entry) == {"dtype", "shape", "data_offsets"}
    require(valid, f"tensor {name!r} has an unknown description")
    kind = entry["dtype"] if isinstance(entry["dtype"], str) else ""
    require(
        kind in _DTYPES,
        f"its tensor {name!r} has the type {kind[:40]!r}. Use a file with float32, float16 or bfloat16 values",
    )
    shape, span = entry["shape"], entry["data_offsets"]
    numbers = isinstance(shape, list) and isinstance(span, list) and all(is_size(number) for number in shape + span)
    require(
        numbers and len(span) == 2 and len(shape) <= limits.dimensions,
        f"tensor {name!r} has an invalid shape or position",
    )
    numel = 1
    for side in shape:
        numel *= side
        require(numel <= limits.elements, f"the tensors have more than {limits.elements} elements")
    storage = StorageRef(name, _DTYPES[kind], numel)
    require(span[1] - span[0] == storage.nbytes, f"tensor {name!r} does not match the size of its values")
    tensor = make_tensor(storage, 0, tuple(shape), row_major(tuple(shape)), limits)
    return tensor, ByteRange(start + span[0], storage.nbytes)


def _check_coverage(records: dict[str, ByteRange], start: int, file_bytes: int) -> None:
    at = start
    for record in sorted(records.values(), key=lambda record: (record.start, record.size)):
        require(record.start == at, "its tensors overlap or leave gaps")
        at += record.size
    require(at == file_bytes, "the file is truncated or has extra bytes at its end")
