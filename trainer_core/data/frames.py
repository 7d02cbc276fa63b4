"""The geometry of a watch frame on a photo: which rectangle it shows, in which orientation, and where a region lies.

A frame is `frame_width` x `frame_height` LR pixels of the watch, `scale` times that in HR. Its size on the photo is
log-uniform, from one photo pixel per HR pixel up to the whole shorter side. A photo that is smaller than the frame is
never enlarged to fill it: it is used at its own size, and the frame reaches beyond it. All computations use the
orientation of the frame; `PhotoView` converts to that of the photo. Training samples are regions of random frames
(`draw_placement`); validation uses fixed whole frames (`validation_frames`).
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np

from trainer_core.data.decoding import decode_reduced
from trainer_core.data.photo_error import DECODE_TIMEOUT, PhotoError, timeout_error
from trainer_core.data.photos import Photo, name_bytes
from trainer_core.data.pyramid import Box, Pyramid, enlarge, enlarged_size
from trainer_core.errors import UserError
from trainer_core.randomness import Stream, make_generator
from trainer_core.watches import WQV10
from trainer_core.workers import WorkerPool

FRAME_THUMBNAIL_SIDE = 40
"""Side of the square thumbnail that comes with every region and frame, also where the frame is not square."""

MAX_FRAMES = {"val": 24, "test": 12}
"""Frames that a run measures, by split."""

_MIN_ZOOM = 1.1  # below it, resampling would cost sharpness and add no variety
_JPEG_UNIT = WQV10.jpeg_grid
_MIN_UNIT = 4
_DECODING_THREADS = 2
_MIN_FRAMES = 8  # per validation


@dataclass(frozen=True)
class FrameSpec:
    """The watch's frame in LR pixels (mono 120x120, color 176x144) and the scale from LR to HR."""

    frame_width: int
    frame_height: int
    scale: int


@dataclass(frozen=True)
class RegionSpec(FrameSpec):
    """A frame and the size of a training sample: `region` x `region` LR pixels, starting at multiples of `multiple`.

    Raises:
        ValueError: the region does not fit into the frame.
    """

    region: int
    multiple: int

    def __post_init__(self) -> None:
        if not 0 < self.region <= min(self.frame_width, self.frame_height) or self.multiple < 1 or self.scale < 1:
            raise ValueError(
                f"a region of {self.region} does not fit into a {self.frame_width}x{self.frame_height} frame"
            )

    @property
    def hr_side(self) -> int:
        """Side of a region in HR pixels."""
        return self.region * self.scale


@dataclass(frozen=True)
class PhotoView:
    """A rectangle of a photo in the orientation of a frame: cut, then transposed, mirrored and flipped, in this order.

    `box` is in the orientation of the frame; `width` and `height` are those of the photo, in its own orientation.
    """

    box: Box
    transposed: bool
    mirrored: bool
    flipped: bool
    width: int
    height: int

    def cut(self, pyramid: Pyramid, width: int, height: int) -> np.ndarray:
        """Cut the rectangle: uint8 [height, width, 3], contiguous, in the orientation of the frame."""
        size = (height, width) if self.transposed else (width, height)
        pixels = pyramid.cut(self._box_on_photo(), *size)
        if self.transposed:
            pixels = pixels.transpose(1, 0, 2)
        return np.ascontiguousarray(pixels[:: -1 if self.flipped else 1, :: -1 if self.mirrored else 1])

    def _box_on_photo(self) -> Box:
        width, height = (self.height, self.width) if self.transposed else (self.width, self.height)
        left, right, top, bottom = (self.box.left, self.box.right, self.box.top, self.box.bottom)
        if self.mirrored:
            left, right = width - right, width - left
        if self.flipped:
            top, bottom = height - bottom, height - top
        return Box(top, left, bottom, right) if self.transposed else Box(left, top, right, bottom)


@dataclass(frozen=True)
class Placement:
    """The position of one region: `left`, `top` in LR pixels of the frame, and the views of region and frame.

    `frame` is clipped where the frame reaches beyond the photo.
    """

    left: int
    top: int
    region: PhotoView
    frame: PhotoView


@dataclass(frozen=True)
class Frame:
    """A whole frame for validation, or the part of it that its photo fills.

    Attributes:
        hr: uint8 [h * scale, w * scale, 3], sRGB; w and h are those of the frame, or smaller multiples of 4.
        left, top: where `hr` starts in the frame, LR pixels; multiples of 16.
        name: name of the photo.
        thumbnail: uint8 [40, 40, 3], the area average of `hr`.
    """

    hr: np.ndarray
    left: int
    top: int
    name: str
    thumbnail: np.ndarray


def draw_placement(width: int, height: int, spec: RegionSpec, rng: np.random.Generator) -> Placement:
    """Draw orientation, size and position of a frame on a `width` x `height` photo, and a region of it.

    The photo must be at least `spec.hr_side` on each side. Exactly six numbers are drawn from `rng`.
    """
    size, turn, *along = rng.random(6).tolist()
    bits = int(turn * 8)
    transposed, mirrored, flipped = bool(bits & 4), bool(bits & 2), bool(bits & 1)
    sides = (height, width) if transposed else (width, height)
    frames = (spec.frame_width * spec.scale, spec.frame_height * spec.scale)
    zoom = max(1.0, min(sides[0] / frames[0], sides[1] / frames[1])) ** size
    zoom = zoom if zoom >= _MIN_ZOOM else 1.0
    left, x, x_frame = _place_on_axis(sides[0], spec.frame_width, spec, zoom, along[0], along[1])
    top, y, y_frame = _place_on_axis(sides[1], spec.frame_height, spec, zoom, along[2], along[3])
    side = spec.hr_side * zoom
    region = Box(x, y, min(x + side, sides[0]), min(y + side, sides[1]))
    frame = Box(x_frame[0], y_frame[0], x_frame[1], y_frame[1])
    return Placement(
        left,
        top,
        PhotoView(region, transposed, mirrored, flipped, width, height),
        PhotoView(frame, transposed, mirrored, flipped, width, height),
    )


def _place_on_axis(
    side: int, frame: int, spec: RegionSpec, zoom: float, which: float, where: float
) -> tuple[int, float, tuple[float, float]]:
    """Return for one axis the region's start in the frame (LR px) and on the photo, and the frame's span on the photo.

    `which` selects the region's position in the frame, uniformly; `where` selects the frame's position on the photo.
    A frame that fits lies within the photo; a larger one contains the photo, with the region still within the photo.
    """
    start = int(which * ((frame - spec.region) // spec.multiple + 1)) * spec.multiple
    pixel = spec.scale * zoom  # photo pixels per LR pixel
    slack = side - frame * pixel
    if slack >= 0:
        origin = where * slack
    else:
        lowest = max(slack, -start * pixel)
        highest = min(0.0, side - (start + spec.region) * pixel)
        origin = lowest + where * (highest - lowest)
    if zoom == 1.0:  # whole pixels need no resampling
        origin = float(round(origin))
    span = (max(origin, 0.0), min(origin + frame * pixel, float(side)))
    return start, max(origin + start * pixel, 0.0), span


def validation_frames(
    photos: Sequence[Photo],
    spec: FrameSpec,
    *,
    seed: int,
    limit: int = 24,
    on_bad_photo: Callable[[str, str], None] | None = None,
    check_stop: Callable[[], None] = lambda: None,
) -> list[Frame]:
    """Cut fixed frames of up to `limit` photos, chosen by hash: the same for the same photos, spec and seed.

    Each photo gives the largest centered frame that fits; with fewer than eight photos, each also gives smaller frames
    at other positions and in other orientations. A photo that cannot be decoded, or not within a minute, is skipped and
    reported to `on_bad_photo` as (name, reason). `check_stop` is called often; what it raises ends the work.

    Raises:
        UserError: none of the photos can be decoded.
    """
    order = sorted(photos, key=lambda photo: _hash_rank(photo, seed))
    frames: list[list[Frame]] = []
    reason = "there are no validation photos"
    crops = -(-_MIN_FRAMES // max(1, min(len(order), limit)))
    cut = partial(_cut_photo_frames, spec=spec, seed=seed, crops=crops)
    with WorkerPool(_DECODING_THREADS, name="frames", timeout=DECODE_TIMEOUT) as pool:
        for start in range(0, len(order), limit):
            some = order[start : start + limit - len(frames)]
            results = pool.map(cut, some, on_timeout=lambda photo: timeout_error(), check_stop=check_stop)
            for photo, result in zip(some, results):
                if isinstance(result, list):
                    frames.append(result)
                    continue
                reason = f"{photo.name}: {result.message}"
                if on_bad_photo is not None:
                    on_bad_photo(photo.name, result.message)
            if len(frames) >= limit:
                break
    if not frames:
        raise UserError(f"No validation photo can be decoded ({reason}). Check the source folder.")
    return _interleave(frames)[: max(_MIN_FRAMES, len(frames))]


def cut_frame(
    pixels: np.ndarray,
    spec: FrameSpec,
    name: str,
    *,
    size: float = 1.0,
    x_position: float = 0.5,
    y_position: float = 0.5,
) -> Frame:
    """Cut one upright frame of a decoded photo.

    Args:
        size: 1 for the largest frame that fits, 0 for one photo pixel per HR pixel.
        x_position: 0 (left) to 1 (right).
        y_position: 0 (top) to 1 (bottom).
    """
    return _cut_frame(_build_pyramid(pixels, spec), spec, name, [size, x_position, y_position, 0.0])


def _build_pyramid(pixels: np.ndarray, spec: FrameSpec) -> Pyramid:
    height, width = pixels.shape[:2]
    return Pyramid(enlarge(pixels, *enlarged_size(width, height, _JPEG_UNIT * spec.scale)))


def _interleave(frames: list[list[Frame]]) -> list[Frame]:
    return [photo_frames[crop] for crop in range(len(frames[0])) for photo_frames in frames]


def _hash_rank(photo: Photo, seed: int) -> bytes:
    return hashlib.sha256(str(seed).encode() + b"\0" + name_bytes(photo.name)).digest()


def _cut_photo_frames(photo: Photo, *, spec: FrameSpec, seed: int, crops: int) -> list[Frame] | PhotoError:
    number = int.from_bytes(_hash_rank(photo, 0)[:8], "big")
    positions = [_draw_position(seed, number, crop) for crop in range(crops)]
    zoom = min(_zoom(photo.width, photo.height, spec, draws) for draws in positions)
    try:
        pixels, reduction = decode_reduced(photo.path, _largest_reduction(zoom))
    except PhotoError as error:
        return error
    pyramid = Pyramid(pixels, reduction) if reduction > 1 else _build_pyramid(pixels, spec)
    return [_cut_frame(pyramid, spec, photo.name, draws) for draws in positions]


def _largest_reduction(zoom: float) -> int:
    """Return the reduction at which a frame still has a photo pixel for each of its HR pixels."""
    return max(reduction for reduction in (1, 2, 4, 8) if reduction <= max(zoom, 1.0))


def _zoom(width: int, height: int, spec: FrameSpec, draws: list[float]) -> float:
    """Return the photo pixels per HR pixel of a frame on a `width` x `height` photo."""
    size, _, _, turn = draws
    sides = (height, width) if int(turn * 8) & 4 else (width, height)
    zoom = max(1.0, min(sides[0] / spec.frame_width, sides[1] / spec.frame_height) / spec.scale) ** size
    return zoom if zoom >= _MIN_ZOOM else 1.0


def _draw_position(seed: int, number: int, crop: int) -> list[float]:
    """Draw size (1: largest), two positions (0.5: centered) and orientation (0: upright); crop 0 is fixed."""
    return (
        [1.0, 0.5, 0.5, 0.0] if crop == 0 else make_generator(seed, Stream.VALIDATION, number, crop).random(4).tolist()
    )


def _cut_frame(pyramid: Pyramid, spec: FrameSpec, name: str, draws: list[float]) -> Frame:
    _, across, down, turn = draws
    bits = int(turn * 8)
    width, height = pyramid.width, pyramid.height
    sides = (height, width) if bits & 4 else (width, height)
    zoom = _zoom(width, height, spec, draws)
    columns, rows = (
        _covered_pixels(sides[0], spec.frame_width, spec.scale),
        _covered_pixels(sides[1], spec.frame_height, spec.scale),
    )
    x, y = (sides[0] - columns * spec.scale * zoom) * across, (sides[1] - rows * spec.scale * zoom) * down
    if zoom == 1.0:
        x, y = float(int(x)), float(int(y))
    right, bottom = min(x + columns * spec.scale * zoom, sides[0]), min(y + rows * spec.scale * zoom, sides[1])
    view = PhotoView(
        Box(max(x, 0.0), max(y, 0.0), right, bottom), bool(bits & 4), bool(bits & 2), bool(bits & 1), width, height
    )
    return Frame(
        view.cut(pyramid, columns * spec.scale, rows * spec.scale),
        int((spec.frame_width - columns) * across) // _JPEG_UNIT * _JPEG_UNIT,
        int((spec.frame_height - rows) * down) // _JPEG_UNIT * _JPEG_UNIT,
        name,
        view.cut(pyramid, FRAME_THUMBNAIL_SIDE, FRAME_THUMBNAIL_SIDE),
    )


def _covered_pixels(side: int, frame: int, scale: int) -> int:
    """Return how many LR pixels of the frame a photo of this side fills at its own size."""
    whole = side // scale
    if whole >= frame:
        return frame
    unit = _JPEG_UNIT if whole >= _JPEG_UNIT else _MIN_UNIT
    return whole // unit * unit
