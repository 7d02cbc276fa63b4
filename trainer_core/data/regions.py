"""Cut training samples from photos: sample n of a run is a pure function of (seed, n) and the list of photos.

`RegionSource` reads the photos pass by pass, in seeded blocks that fit into its cache; within a block the regions of
all photos are shuffled. Threads decode photos in advance, once per pass, or only once if all photos fit. Resuming needs
one integer: the number of the next sample.

A sample whose photo cannot be used is cut from the next photo of its block that can, at the position drawn for n; so it
depends on which photos cannot be used, too. A damaged photo is not used again. One that the system cannot read, or that
is not decoded within a minute, is replaced for this pass only (`photo_troubles`). If many cannot be read at once, the
drive is probably gone: the samples then wait for their own photos for a while.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from functools import lru_cache, partial
from types import TracebackType
from typing import TypeVar, Union

import numpy as np

from trainer_core.control import Stopped
from trainer_core.data.decoding import DECODING_BYTES, decode
from trainer_core.data.frames import FRAME_THUMBNAIL_SIDE, RegionSpec, draw_placement
from trainer_core.data.memory_gate import MemoryGate
from trainer_core.data.photo_error import DECODE_TIMEOUT, PhotoError, timeout_error
from trainer_core.data.photo_troubles import PhotoTroubles
from trainer_core.data.photos import Photo
from trainer_core.data.pyramid import Pyramid, enlarge, enlarged_size
from trainer_core.randomness import Stream, make_generator
from trainer_core.workers import WorkerPool

DEFAULT_CACHE_BYTES = 512 * 1024 * 1024
_BATCHES_AHEAD = 3
_PYRAMID_OVERHEAD = 4 / 3
_RETRY_DELAY = 1.0  # seconds before a photo that the system could not read is read once more

PreparedT = TypeVar("PreparedT")
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
        on_bad_photo: called once per photo that cannot be used, with (name, reason), from the thread that iterates over
            the batches.
        on_wait: called likewise, with the reason, when the samples begin to wait for photos that cannot be read.
        check_stop: called while a batch is not ready; what it raises ends the iteration.

    Attributes:
        enlarged: names of photos smaller than one HR region, which are enlarged to its size.

    Raises:
        UserError: while sampling, if more than a fifth of the photos (and more than one) cannot be used.
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
        on_bad_photo: Callable[[str, str], None] = lambda name, reason: None,
        on_wait: Callable[[str], None] = lambda reason: None,
        check_stop: Callable[[], None] = lambda: None,
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
        # caches of functions of plain values: one of a method would keep this object and its callbacks alive
        plan_pass = partial(_plan_pass, self._decoded_sizes, self._block_bytes, regions_per_photo, seed)
        self._blocks_of_pass = lru_cache(maxsize=4)(plan_pass)
        self._order_of_block = lru_cache(maxsize=8)(partial(_shuffle_block, regions_per_photo, seed))
        self._decode_pool = WorkerPool(max(1, threads), name="decode", timeout=DECODE_TIMEOUT)
        self._cut_pool = WorkerPool(max(1, threads), name="cut")
        self._gate = MemoryGate(cache_bytes)
        self._decoded: dict[int, Future[_Decoded]] = {}
        self._latest_block = -1  # the first sample of the newest block of which samples are being cut
        self._troubles = PhotoTroubles([photo.name for photo in self.photos], on_bad_photo, on_wait)
        self._check_stop = check_stop
        self._closing = threading.Event()
        self._decoded_lock = threading.Lock()

    def __enter__(self) -> RegionSource:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Stop the threads and drop work that has not begun; further calls do nothing."""
        self._closing.set()
        self._cut_pool.close()
        self._decode_pool.close()
        self._decoded.clear()

    def iterate_batches(self, start: int, size: int, *, stride: int | None = None) -> Iterator[list[Region]]:
        """Yield lists of `size` consecutive samples, endlessly; use one iterator at a time.

        Args:
            start: first sample of the first list.
            size: samples of a list.
            stride: from the first sample of a list to that of the next one; None for `size`, which omits no sample.

        Raises:
            UserError: too many photos cannot be used.
        """
        return self.iterate_prepared(start, size, lambda regions: regions, stride=stride)

    def iterate_prepared(
        self, start: int, size: int, prepare: Callable[[list[Region]], PreparedT], *, stride: int | None = None
    ) -> Iterator[PreparedT]:
        """Yield what `prepare` makes, in the cutting threads, of the lists of `iterate_batches`."""
        if size < 1:
            raise ValueError("a batch needs at least one sample")
        stride = stride or size
        pending: deque[Future[PreparedT]] = deque()
        self._latest_block = -1
        try:
            while True:
                while len(pending) <= _BATCHES_AHEAD:
                    first = start + len(pending) * stride
                    if pending and len(self._find_blocks(start, first + size)) > 2:
                        break  # the cache holds two blocks
                    decoded = self._decode_ahead(start, first + size)
                    numbers = range(first, first + size)
                    pending.append(self._cut_pool.submit(partial(self._cut_regions, numbers, decoded, prepare)))
                batch = self._cut_pool.wait(pending.popleft(), self._look_after_threads)
                start += stride
                self._troubles.report()
                yield batch
        finally:
            for future in pending:
                future.cancel()

    def _look_after_threads(self) -> None:
        self._check_stop()
        self._decode_pool.give_up_stuck_work()
        self._troubles.report()

    # Choice of the photo: passes, blocks, and the order within a block.

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
        with self._decoded_lock:
            reached = max(block.first for block in blocks if block.first < stop)
            if reached > self._latest_block:  # a new block, of a new pass if all photos fit: try them again
                self._latest_block, self._troubles.current_pass = reached, reached // self.samples_per_pass
                for photo in [photo for photo, future in self._decoded.items() if _is_momentary_failure(future)]:
                    del self._decoded[photo]
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
            self._decoded[photo] = self._submit(photo)

    def _submit(self, photo: int) -> Future[_Decoded]:
        return self._decode_pool.submit(
            partial(self._decode, photo), lambda: self._troubles.add(photo, timeout_error())
        )

    def _decode(self, index: int) -> _Decoded:
        photo = self.photos[index]
        with self._gate.reserve(photo.width * photo.height * DECODING_BYTES):
            return self._decode_now(index)

    def _decode_now(self, index: int) -> _Decoded:
        """Decode a photo, at the second try if the system cannot read it at first."""
        try:
            try:
                pixels = decode(self.photos[index].path)
            except PhotoError as error:
                if not error.is_momentary or self._troubles.is_troubled(index):
                    raise
                self._closing.wait(_RETRY_DELAY)
                pixels = decode(self.photos[index].path)
            if pixels.shape[:2] != (self.photos[index].height, self.photos[index].width):
                raise PhotoError("the file changed after the folder was scanned")
        except PhotoError as error:
            return self._troubles.add(index, error)
        self._troubles.remove(index)
        return Pyramid(enlarge(pixels, *self._sizes[index]))

    # Cutting, in threads.

    def _cut_regions(
        self, numbers: range, decoded: dict[int, Future[_Decoded]], prepare: Callable[[list[Region]], PreparedT]
    ) -> PreparedT:
        return prepare([self._cut_region(n, decoded) for n in numbers])

    def _cut_region(self, n: int, decoded: dict[int, Future[_Decoded]]) -> Region:
        turn = 0
        while True:
            for index in self._photo_candidates(n):
                future: Future[_Decoded] | None = decoded.get(index) or self._submit(index)
                while future is not None:
                    photo = future.result()
                    if isinstance(photo, Pyramid):
                        return self._make_region(n, index, photo)
                    future = self._find_next_try(index, future, photo, is_first_turn=turn == 0)
            turn += 1  # photos that failed in one turn may have been read since

    def _find_next_try(
        self, index: int, failed: Future[_Decoded], error: PhotoError, *, is_first_turn: bool
    ) -> Future[_Decoded] | None:
        """Return another try to decode the photo, or None if the next photo is to replace it."""
        if is_first_turn or self._troubles.is_troubled(index):
            if not self._troubles.should_wait(error):
                return None
            if self._closing.wait(_RETRY_DELAY):
                raise Stopped
        with self._decoded_lock:
            current = self._decoded.get(index)
            if current is not None and current is not failed and not _is_momentary_failure(current):
                return current
            again = self._submit(index)
            if current is not None:
                self._decoded[index] = again
            return again

    def _make_region(self, n: int, index: int, photo: Pyramid) -> Region:
        placement = draw_placement(*self._sizes[index], self.spec, make_generator(self.seed, Stream.PATCH, n))
        hr = placement.region.cut(photo, self.spec.hr_side, self.spec.hr_side)
        thumbnail = placement.frame.cut(photo, FRAME_THUMBNAIL_SIDE, FRAME_THUMBNAIL_SIDE)
        return Region(hr, placement.left, placement.top, thumbnail, n, self.photos[index].name)


def _plan_pass(
    decoded_sizes: Sequence[int], block_bytes: int, regions_per_photo: int, seed: int, number: int
) -> tuple[_Block, ...]:
    order = make_generator(seed, Stream.ORDER, number).permutation(len(decoded_sizes)).tolist()
    blocks: list[_Block] = []
    members: list[int] = []
    used = 0
    first = number * len(decoded_sizes) * regions_per_photo
    for photo in order:
        if members and used + decoded_sizes[photo] > block_bytes:
            blocks.append(_Block(first, tuple(members)))
            first += len(members) * regions_per_photo
            members, used = [], 0
        members.append(photo)
        used += decoded_sizes[photo]
    blocks.append(_Block(first, tuple(members)))
    return tuple(blocks)


def _shuffle_block(regions_per_photo: int, seed: int, block: _Block) -> list[int]:
    """Return positions in `block.photos`, one for each sample of the block."""
    count = len(block.photos)
    shuffled = make_generator(seed, Stream.ORDER, block.first, 1).permutation(count * regions_per_photo)
    return [int(position) for position in shuffled % count]


def _is_momentary_failure(future: Future[_Decoded]) -> bool:
    if not future.done() or future.exception() is not None:
        return False
    result = future.result()
    return isinstance(result, PhotoError) and result.is_momentary
