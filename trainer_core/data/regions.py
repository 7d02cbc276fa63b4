"""Cut training samples from photos: sample n of a run is a pure function of (seed, n) and the list of photos.

`RegionSource` reads the photos pass by pass, in seeded blocks that fit into its cache; within a block the regions of
all photos are shuffled. Threads decode photos in advance, once per pass, or only once if all photos fit. Resuming needs
one integer: the number of the next sample.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from functools import lru_cache
from types import TracebackType
from typing import Union

import numpy as np

from trainer_core.data.decoding import DECODING_BYTES, PhotoError, decode
from trainer_core.data.frames import FRAME_THUMBNAIL_SIDE, RegionSpec, draw_placement
from trainer_core.data.memory_gate import MemoryGate
from trainer_core.data.photos import Photo
from trainer_core.data.pyramid import Pyramid, enlarge, enlarged_size
from trainer_core.errors import UserError
from trainer_core.randomness import Stream, make_generator

DEFAULT_CACHE_BYTES = 512 * 1024 * 1024
_BATCHES_AHEAD = 3
_PYRAMID_OVERHEAD = 4 / 3
_MAX_FAILURE_SHARE = 0.2

_Decoded = Union[Pyramid, PhotoError]  # evaluated at run time, where Python 3.9 has no X | Y


@dataclass(frozen=True)
class Region:
    """One training sample.

    Attributes:
        hr: uint8 [region * scale, region * scale, 3], sRGB.
        left, top: where the region starts in the frame, LR pixels.
        thumbnail: uint8 [40, 40, 3], the area average of the frame (of the part that lies on the photo).
        index: the number n of the sample.
        photo: name of the photo.
    """

    hr: np.ndarray
    left: int
    top: int
    thumbnail: np.ndarray
    index: int
    photo: str


@dataclass(frozen=True)
class _Block:
    """Indices of photos that are in memory together, and the number of the block's first sample."""

    first: int
    photos: tuple[int, ...]


class RegionSource:
    """The training samples of a run, cut from `photos`; a context manager, because it owns threads.

    Args:
        photos: the training photos, in a fixed order (`Splits.train`).
        spec: frame and region.
        seed: the run's seed.
        regions_per_photo: samples cut from each photo in a pass.
        cache_bytes: limit for decoded photos in memory, including those decoded in advance, and another time for those
            being decoded.
        threads: number of decoding threads, and of cutting threads.
        on_bad_photo: called once per photo that cannot be decoded, with (name, reason), from the thread that iterates
            over the batches. The next photo of the block replaces it.

    Attributes:
        enlarged: names of photos smaller than one HR region, which are enlarged to its size.

    Raises:
        UserError: while sampling, if more than a fifth of the photos (and more than one) cannot be decoded.
    """

    def __init__(
        self,
        photos: Sequence[Photo],
        spec: RegionSpec,
        *,
        seed: int,
        regions_per_photo: int = 16,
        cache_bytes: int = DEFAULT_CACHE_BYTES,
        threads: int = 2,
        on_bad_photo: Callable[[str, str], None] | None = None,
    ) -> None:
        if not photos or regions_per_photo < 1:
            raise ValueError("a region source needs photos and at least one region per photo")
        self.photos = tuple(photos)
        self.spec = spec
        self.seed = seed
        self.regions_per_photo = regions_per_photo
        self.samples_per_pass = len(self.photos) * regions_per_photo
        self._sizes = [enlarged_size(photo.width, photo.height, spec.hr_side) for photo in self.photos]
        self.enlarged = tuple(p.name for p, size in zip(self.photos, self._sizes) if size != (p.width, p.height))
        self._decoded_sizes = [int(width * height * 3 * _PYRAMID_OVERHEAD) for width, height in self._sizes]
        all_fit = sum(self._decoded_sizes) <= cache_bytes
        self._block_bytes = cache_bytes if all_fit else cache_bytes // 2  # the other half: the next block
        self._blocks_of_pass = lru_cache(maxsize=4)(self._plan_pass)
        self._order_of_block = lru_cache(maxsize=8)(self._shuffle_block)
        self._decode_pool = ThreadPoolExecutor(max(1, threads), thread_name_prefix="decode")
        self._cut_pool = ThreadPoolExecutor(max(1, threads), thread_name_prefix="cut")
        self._gate = MemoryGate(cache_bytes)
        self._decoded: dict[int, Future[_Decoded]] = {}
        self._bad_photos: dict[str, str] = {}
        self._reported: set[str] = set()
        self._on_bad_photo = on_bad_photo

    def __enter__(self) -> RegionSource:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Stop the threads and drop work that has not begun; further calls do nothing."""
        self._cut_pool.shutdown(wait=False, cancel_futures=True)
        self._decode_pool.shutdown(wait=False, cancel_futures=True)
        self._decoded.clear()

    def iterate_batches(self, start: int, size: int) -> Iterator[list[Region]]:
        """Yield samples start, start+1, ... in lists of `size`, endlessly; use one iterator at a time.

        Raises:
            UserError: too many photos cannot be decoded.
        """
        if size < 1:
            raise ValueError("a batch needs at least one sample")
        pending: deque[Future[list[Region]]] = deque()
        try:
            while True:
                while len(pending) <= _BATCHES_AHEAD:
                    first = start + len(pending) * size
                    if pending and len(self._find_blocks(start, first + size)) > 2:
                        break  # the cache holds two blocks
                    decoded = self._decode_ahead(start, first + size)
                    numbers = range(first, first + size)
                    pending.append(self._cut_pool.submit(self._cut_regions, numbers, decoded))
                batch = pending.popleft().result()
                start += size
                self._report_bad_photos()
                yield batch
        finally:
            for future in pending:
                future.cancel()

    # Choice of the photo: passes, blocks, and the order within a block.

    def _plan_pass(self, number: int) -> tuple[_Block, ...]:
        order = make_generator(self.seed, Stream.ORDER, number).permutation(len(self.photos)).tolist()
        blocks: list[_Block] = []
        members: list[int] = []
        used = 0
        first = number * self.samples_per_pass
        for photo in order:
            if members and used + self._decoded_sizes[photo] > self._block_bytes:
                blocks.append(_Block(first, tuple(members)))
                first += len(members) * self.regions_per_photo
                members, used = [], 0
            members.append(photo)
            used += self._decoded_sizes[photo]
        blocks.append(_Block(first, tuple(members)))
        return tuple(blocks)

    def _shuffle_block(self, block: _Block) -> list[int]:
        """Return positions in `block.photos`, one for each sample of the block."""
        count = len(block.photos)
        shuffled = make_generator(self.seed, Stream.ORDER, block.first, 1).permutation(count * self.regions_per_photo)
        return [int(position) for position in shuffled % count]

    def _find_blocks(self, start: int, stop: int) -> list[_Block]:
        """Return the blocks of samples start..stop-1, at least two: the second is decoded in advance."""
        blocks: list[_Block] = []
        number = start // self.samples_per_pass
        while True:
            for block in self._blocks_of_pass(number):
                if block.first + len(block.photos) * self.regions_per_photo <= start:
                    continue
                if block.first >= stop and len(blocks) >= 2:
                    return blocks
                blocks.append(block)
            number += 1

    def _photo_candidates(self, n: int) -> Iterator[int]:
        """Yield the photo of sample `n`, then its replacements: the others of its block, then all others."""
        block = self._find_blocks(n, n + 1)[0]
        position = self._order_of_block(block)[n - block.first]
        yield from block.photos[position:] + block.photos[:position]
        yield from (photo for photo in range(len(self.photos)) if photo not in block.photos)

    # Decoding, in threads.

    def _decode_ahead(self, start: int, stop: int) -> dict[int, Future[_Decoded]]:
        """Decode the photos of samples start..stop-1 and of one more block; release all others."""
        blocks = self._find_blocks(start, stop)
        needed = {photo for block in blocks for photo in block.photos}
        for photo in [photo for photo in self._decoded if photo not in needed]:
            del self._decoded[photo]
        for block in blocks:
            if any(photo not in self._decoded for photo in block.photos):
                for position in dict.fromkeys(self._order_of_block(block)):  # in the order of first use
                    self._request(block.photos[position])
        return {photo: self._decoded[photo] for photo in needed}

    def _request(self, photo: int) -> None:
        if photo not in self._decoded:
            self._decoded[photo] = self._decode_pool.submit(self._decode, photo)

    def _decode(self, index: int) -> _Decoded:
        photo = self.photos[index]
        with self._gate.reserve(photo.width * photo.height * DECODING_BYTES):
            return self._decode_now(index, photo)

    def _decode_now(self, index: int, photo: Photo) -> _Decoded:
        try:
            pixels = decode(photo.path)
            if pixels.shape[:2] != (photo.height, photo.width):
                raise PhotoError("the file changed after the folder was scanned")
        except PhotoError as error:
            self._bad_photos[photo.name] = error.message
            return error
        return Pyramid(enlarge(pixels, *self._sizes[index]))

    # Cutting, in threads.

    def _cut_regions(self, numbers: range, decoded: dict[int, Future[_Decoded]]) -> list[Region]:
        return [self._cut_region(n, decoded) for n in numbers]

    def _cut_region(self, n: int, decoded: dict[int, Future[_Decoded]]) -> Region:
        for index in self._photo_candidates(n):
            future = decoded.get(index)
            photo = future.result() if future is not None else self._decode(index)
            if isinstance(photo, Pyramid):
                return self._make_region(n, index, photo)
            self._check_failure_rate(photo)
        raise AssertionError("unreachable: the last failure ends the loop")

    def _make_region(self, n: int, index: int, photo: Pyramid) -> Region:
        placement = draw_placement(*self._sizes[index], self.spec, make_generator(self.seed, Stream.PATCH, n))
        hr = placement.region.cut(photo, self.spec.hr_side, self.spec.hr_side)
        thumbnail = placement.frame.cut(photo, FRAME_THUMBNAIL_SIDE, FRAME_THUMBNAIL_SIDE)
        return Region(hr, placement.left, placement.top, thumbnail, n, self.photos[index].name)

    def _check_failure_rate(self, latest: PhotoError) -> None:
        failed, total = len(self._bad_photos), len(self.photos)
        if failed == total or failed > max(1, math.floor(_MAX_FAILURE_SHARE * total)):
            raise UserError(
                f"{failed} of {total} training photos cannot be decoded (latest reason: {latest.message}). "
                "Check the source folder, then resume."
            )

    def _report_bad_photos(self) -> None:
        for name, reason in list(self._bad_photos.items()):
            if name not in self._reported:
                self._reported.add(name)
                if self._on_bad_photo is not None:
                    self._on_bad_photo(name, reason)
