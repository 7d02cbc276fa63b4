"""Read the chunks of a PNG file without Pillow: to find one, and to leave out texts that are too long.

Pillow refuses a photo for a text of more than 1 MiB in it, such as the editing history that Photoshop leaves. Texts
have no influence on the pixels, so `leave_out_long_texts` hides long ones instead of raising that limit.
"""

from __future__ import annotations

import io
import struct
import zlib
from collections.abc import Iterator
from typing import BinaryIO, NamedTuple

_FRAME = 12  # bytes of a chunk besides its content: length, type, checksum
_SIGNATURE = 8
_MAX_EARLY_CHUNKS = 1000
_MAX_CHUNK_BYTES = 1 << 16  # of a chunk that is read whole
_MAX_TEXT_BYTES = 1 << 20
_TEXT_KINDS = (b"tEXt", b"zTXt", b"iTXt")


class PngChunk(NamedTuple):
    """A chunk of a PNG file: its type, and where its content lies."""

    kind: bytes
    start: int
    length: int


def iterate_chunks(file: BinaryIO) -> Iterator[PngChunk]:
    """Yield the chunks of a PNG file that are complete."""
    size, start = file.seek(0, io.SEEK_END), _SIGNATURE
    while start + _FRAME <= size:
        file.seek(start)
        length, kind = struct.unpack(">I4s", file.read(8))
        if start + _FRAME + length > size:
            return
        yield PngChunk(kind, start + 8, length)
        start += _FRAME + length


def read_early_chunk(file: BinaryIO, kind: bytes) -> bytes:
    """Return the content of the first chunk of this type before the pixels, or b""; the position is kept."""
    position = file.tell()
    try:
        for number, chunk in enumerate(iterate_chunks(file)):
            if chunk.kind == kind:
                file.seek(chunk.start)
                return file.read(min(chunk.length, _MAX_CHUNK_BYTES))
            if chunk.kind == b"IDAT" or number > _MAX_EARLY_CHUNKS:
                break
        return b""
    finally:
        file.seek(position)


def leave_out_long_texts(file: BinaryIO) -> BinaryIO:
    """Return `file` at its beginning, without the texts of more than 1 MiB when they are unpacked."""
    long = [chunk for chunk in iterate_chunks(file) if chunk.kind in _TEXT_KINDS and _is_long(file, chunk)]
    size = file.seek(0, io.SEEK_END)
    file.seek(0)
    if not long:
        return file
    starts = [0, *(chunk.start + chunk.length + 4 for chunk in long)]
    ends = [*(chunk.start - 8 for chunk in long), size]
    return _Parts(file, list(zip(starts, ends)))  # type: ignore[return-value]


def _is_long(file: BinaryIO, chunk: PngChunk) -> bool:
    if chunk.length > _MAX_TEXT_BYTES:
        return True
    if chunk.kind == b"tEXt":
        return False
    file.seek(chunk.start)
    content = file.read(chunk.length)
    # The packed text follows the NUL after the keyword and a flag; in iTXt a second flag and two texts precede it.
    flag, packed = content.partition(b"\0")[2][:1], content.partition(b"\0")[2][1:]
    if chunk.kind == b"iTXt":
        if flag != b"\1":
            return False
        packed = packed[1:].partition(b"\0")[2].partition(b"\0")[2]
    unpacker = zlib.decompressobj()
    try:
        return len(unpacker.decompress(packed, _MAX_TEXT_BYTES + 1)) > _MAX_TEXT_BYTES
    except zlib.error:
        return False


class _Parts(io.RawIOBase):
    """A file that consists of parts of another one, each from a start to an end."""

    def __init__(self, file: BinaryIO, parts: list[tuple[int, int]]) -> None:
        super().__init__()
        self._file, self._parts, self._position = file, parts, 0
        self._size = sum(end - start for start, end in parts)

    def readable(self) -> bool:
        """Whether bytes can be read: always."""
        return True

    def seekable(self) -> bool:
        """Whether the position can be set: always."""
        return True

    def tell(self) -> int:
        """Return the position."""
        return self._position

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        """Set the position and return it."""
        base = {io.SEEK_SET: 0, io.SEEK_CUR: self._position, io.SEEK_END: self._size}[whence]
        self._position = max(0, base + offset)
        return self._position

    def read(self, size: int | None = -1) -> bytes:
        """Return the next `size` bytes, or all that are left."""
        left = self._size - self._position if size is None or size < 0 else size
        found, skipped = [], self._position
        for start, end in self._parts:
            if skipped >= end - start:
                skipped -= end - start
                continue
            self._file.seek(start + skipped)
            found.append(self._file.read(min(left, end - start - skipped)))
            left, skipped = left - len(found[-1]), 0
            if left <= 0:
                break
        content = b"".join(found)
        self._position += len(content)
        return content
