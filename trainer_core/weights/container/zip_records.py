"""Reader of the records of a zip archive as `torch.save` writes it; it trusts none of the numbers in the file.

Records must be stored uncompressed. The directory at the end must agree with the header of each record, names must be
unique, and records must not overlap, so that every program reads the same content.
Layout: PKWARE's APPNOTE, sections 4.3 to 4.5.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import BinaryIO

from trainer_core.weights.container.limits import Limits
from trainer_core.weights.container.refusal import require

_END, _END64, _LOCATOR64 = b"PK\5\6", b"PK\6\6", b"PK\6\7"
_END_BYTES, _END64_BYTES, _LOCATOR64_BYTES = 22, 56, 20
_ENTRY, _HEADER = b"PK\1\2", b"PK\3\4"
_ENTRY_BYTES, _HEADER_BYTES = 46, 30
_ENCRYPTED, _SIZES_FOLLOW = 1, 8


@dataclass(frozen=True)
class ByteRange:
    """Start and size of a piece of the file in bytes, and its CRC-32 (0: unknown)."""

    start: int
    size: int
    crc: int = 0


def read_records(
    file: BinaryIO, file_bytes: int, limits: Limits, check_names: Callable[[list[str]], object]
) -> dict[str, ByteRange]:
    """Read the records by name, in the order of the directory.

    Args:
        file: the archive.
        file_bytes: its size.
        limits: what is accepted.
        check_names: refuses an archive that holds no weights by the names in it, before any record is checked.

    Raises:
        WeightsError: the archive is damaged, ambiguous, compressed, encrypted or too large.
    """
    count, size, start = _find_directory(file, file_bytes)
    require(count <= limits.entries, f"the archive has {count} records, more than {limits.entries}")
    require(size <= count * (_ENTRY_BYTES + 2 * limits.name_characters), "the archive's directory is too large")
    directory = read_exactly(file, start, size)
    records: dict[str, ByteRange] = {}
    spans = [(start, file_bytes)]
    entries, at = [], 0
    for _ in range(count):
        entry = _read_entry(directory, at, limits)
        entries.append(entry[:4])
        at = entry[4]
    check_names([name for name, *_ in entries])
    for name, header, record, is_plain in entries:
        require(is_plain, f"record {name!r} is compressed, which weights never are, and may be a zip bomb")
        require(name not in records, f"the archive has two records called {name!r}")
        data = _check_header(file, header, name, record, start)
        records[name] = ByteRange(data, record.size, record.crc)
        spans.append((header, data + record.size))
    require(at == size, "the archive's directory has extra bytes")
    spans.sort()
    require(all(one[1] <= two[0] for one, two in zip(spans, spans[1:])), "records of the archive overlap")
    return records


def read_exactly(file: BinaryIO, start: int, size: int) -> bytes:
    """Read `size` bytes from position `start`.

    Raises:
        WeightsError: the file ends earlier.
    """
    file.seek(start)
    data = file.read(size)
    require(len(data) == size, "the file is truncated")
    return data


def read_record(file: BinaryIO, record: ByteRange) -> bytes:
    """Read a small record into memory and check its CRC.

    Raises:
        WeightsError: the record is damaged.
    """
    data = read_exactly(file, record.start, record.size)
    check_crc(data, record)
    return data


def read_into(file: BinaryIO, record: ByteRange, memory: memoryview) -> None:
    """Read a record into memory of its size and check its CRC.

    Raises:
        WeightsError: the file ends earlier, or the record is damaged.
    """
    file.seek(record.start)
    require(file.readinto(memory) == record.size, "the file is truncated")  # type: ignore[attr-defined]
    check_crc(memory, record)


def check_crc(data: bytes | memoryview, record: ByteRange) -> None:
    """Refuse data whose checksum is wrong; a record without checksum passes.

    Raises:
        WeightsError: the checksum does not match.
    """
    require(not record.crc or zlib.crc32(data) == record.crc, "it is damaged: a checksum does not match")


def _find_directory(file: BinaryIO, file_bytes: int) -> tuple[int, int, int]:
    """Return the number of entries, the size and the start of the directory at the end of the file."""
    require(file_bytes >= _END_BYTES, "the file is truncated")
    tail = read_exactly(file, file_bytes - _END_BYTES, _END_BYTES)
    require(tail[:4] == _END, "the file is truncated or is not an archive of weights")
    disk, first_disk, here, count, size, start, comment = struct.unpack("<4H2IH", tail[4:])
    require((disk, first_disk, here, comment) == (0, 0, count, 0), "the archive is split or has a comment")
    end = file_bytes - _END_BYTES
    large_end = end - _LOCATOR64_BYTES - _END64_BYTES
    if large_end >= 0 and read_exactly(file, end - _LOCATOR64_BYTES, 4) == _LOCATOR64:
        _check_zip64_end(
            read_exactly(file, large_end, _END64_BYTES + _LOCATOR64_BYTES), (count, size, start), large_end
        )
        end = large_end
    require(start + size == end, "the archive's directory is not where its end record says")
    return count, size, start


def _check_zip64_end(data: bytes, small: tuple[int, int, int], offset: int) -> None:
    """Check that the zip64 end record, which torch always writes, agrees with the short one."""
    length, _, _, disk, first_disk, here, *large = struct.unpack("<QHHII4Q", data[4:_END64_BYTES])
    locator_disk, locator, disks = struct.unpack("<IQI", data[_END64_BYTES + 4 :])
    same = data[:4] == _END64 and length == _END64_BYTES - 12 and tuple(large) == small and here == small[0]
    require(
        same and (disk, first_disk, locator_disk, locator, disks) == (0, 0, 0, offset, 1),
        "the two end records of the archive differ",
    )


def _read_entry(directory: bytes, offset: int, limits: Limits) -> tuple[str, int, ByteRange, bool, int]:
    """Return name, position of the header, record without position, if it is plain, and the next entry's offset."""
    require(
        directory[offset : offset + 4] == _ENTRY and offset + _ENTRY_BYTES <= len(directory),
        "the archive's directory is damaged",
    )
    flags, method, crc, packed, size, names, extras, comments, disk, header = struct.unpack(
        "<8xHH4xIII3HH6xI", directory[offset : offset + _ENTRY_BYTES]
    )
    raw = directory[offset + _ENTRY_BYTES : offset + _ENTRY_BYTES + names]
    name = raw.decode("utf-8", "backslashreplace")
    require(0 < names == len(raw) <= limits.name_characters, "a record of the archive has an invalid name")
    require(not flags & _ENCRYPTED, "the archive is encrypted")
    require(disk == 0, "the archive is split")
    end = offset + _ENTRY_BYTES + names + extras + comments
    return name, header, ByteRange(0, size, crc), method == 0 and packed == size, end


def _check_header(file: BinaryIO, offset: int, name: str, record: ByteRange, directory: int) -> int:
    """Return where the data of the record begins, once its header agrees with the directory."""
    require(offset + _HEADER_BYTES <= directory, f"record {name!r} is outside the archive")
    header = read_exactly(file, offset, _HEADER_BYTES)
    flags, method, crc, packed, size, names, extras = struct.unpack("<6xHH4xIIIHH", header)
    sizes_follow = bool(flags & _SIZES_FOLLOW) and (crc, packed, size) == (0, 0, 0)
    same = header[:4] == _HEADER and method == 0 and not flags & _ENCRYPTED
    require(
        same and (sizes_follow or (crc, packed, size) == (record.crc, record.size, record.size)),
        f"record {name!r} has two different headers",
    )
    require(
        read_exactly(file, offset + _HEADER_BYTES, names) == name.encode("utf-8"),
        f"record {name!r} has two different names",
    )
    start: int = offset + _HEADER_BYTES + names + extras
    require(start + record.size <= directory, f"record {name!r} is outside the archive")
    return start
