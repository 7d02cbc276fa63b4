"""Fingerprints of photos, by which a resumed run recognizes them, whatever their names, folders and times are."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable

from trainer_core.data.photo_error import DECODE_TIMEOUT
from trainer_core.data.photos import Photo
from trainer_core.input_files import open_regular
from trainer_core.workers import WorkerPool

DIGITS = 16
_THREADS = 8
_BLOCK = 1 << 14
_BLOCKS = 16  # of a large file, evenly spaced, the first and the last included
_WHOLE_BYTES = _BLOCK * _BLOCKS  # files up to this size are read whole


def compute_fingerprints(photos: Iterable[Photo], check_stop: Callable[[], None] = lambda: None) -> dict[str, str]:
    """Return name -> fingerprint, 16 hexadecimal digits of the size and content of the file.

    Of files above 256 KiB only 16 blocks are read, so that thousands of photos take seconds. A file that cannot be read
    or not within a minute, is left out. `check_stop` is called often; what it raises ends the work.
    """
    photos = list({photo.name: photo for photo in photos}.values())
    with WorkerPool(_THREADS, name="fingerprints", timeout=DECODE_TIMEOUT) as pool:
        digests = pool.map(_compute_fingerprint, photos, on_timeout=lambda photo: "", check_stop=check_stop)
        return {photo.name: digest for photo, digest in zip(photos, digests) if digest}


def combine_fingerprints(fingerprints: Iterable[str]) -> str:
    """Return one fingerprint of a set of photos, which depends on neither their order nor their names."""
    return hashlib.sha256("\n".join(sorted(fingerprints)).encode("ascii")).hexdigest()[:DIGITS]


def _compute_fingerprint(photo: Photo) -> str:
    try:
        with open_regular(photo.path) as file:
            size = file.seek(0, 2)
            digest = hashlib.sha256(str(size).encode())
            whole = size <= _WHOLE_BYTES
            for start in (0,) if whole else (number * (size - _BLOCK) // (_BLOCKS - 1) for number in range(_BLOCKS)):
                file.seek(start)
                digest.update(file.read(_WHOLE_BYTES if whole else _BLOCK))
    except OSError:
        return ""
    return digest.hexdigest()[:DIGITS]
