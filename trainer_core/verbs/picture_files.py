"""Pictures to enlarge and enlarged pictures: read what a watch or a camera wrote, save durably as PNG (no torch)."""

from __future__ import annotations

import io
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw

from trainer_core.data.captures import PALM_SUFFIX, has_size_of_a_dump, read_captures
from trainer_core.data.photos import EXTENSIONS, PhotoError, decode
from trainer_core.errors import UserError
from trainer_core.files import atomic_write

MOST_PIXELS = 64_000_000  # of an enlarged picture that is kept in memory to look at
_CAPTION = 14  # pixels above each picture of a comparison


def picture_files(paths: Sequence[Path]) -> Iterator[Path]:
    """The files among `paths`, and of each folder its photos, Palm databases and raw dumps, sorted by name.

    Raises:
        UserError: a path is missing, or a folder holds none.
    """
    for path in paths:
        if path.is_dir():
            found = sorted(file for file in path.iterdir() if file.is_file() and _may_hold_pictures(file))
            if not found:
                raise UserError(
                    f"There is no photo in {path}, neither a picture nor a Palm database nor a watch's dump. "
                    "Name the folder or the files that hold your photos."
                )
            yield from found
        elif path.exists():
            yield path
        else:
            raise UserError(f"There is no file {path}.")


def _may_hold_pictures(file: Path) -> bool:
    """By its name; of raw dumps, which may be called anything, by its size."""
    return file.suffix.lower() in EXTENSIONS | {PALM_SUFFIX} or has_size_of_a_dump(file)


def pictures_in(file: Path) -> list[tuple[str, np.ndarray]]:
    """Name and uint8 [H, W, 3] of each picture in a file: watch photos with their true levels, or any photo.

    Raises:
        UserError: there is none, or it cannot be read.
    """
    try:
        return [(capture.name, _rgb(capture.pixels)) for capture in read_captures(file)]
    except UserError as error:
        if file.suffix.lower() not in EXTENSIONS:
            raise UserError(error.message) from error
    try:
        return [(file.stem, decode(file))]
    except PhotoError as error:
        raise UserError(f"{file} cannot be used: {error.message}.") from error


def has_colour(picture: np.ndarray) -> bool:
    """Whether a picture, uint8 [H, W, 3], is not all gray."""
    return bool((picture != picture[..., :1]).any())


def bicubic(picture: np.ndarray, scale: int) -> np.ndarray:
    """uint8 [H, W, 3] -> uint8 [H*scale, W*scale, 3], as other programs enlarge.

    Raises:
        UserError: that is more than `MOST_PIXELS`.
    """
    size = (picture.shape[1] * scale, picture.shape[0] * scale)
    if size[0] * size[1] > MOST_PIXELS:
        raise UserError(
            f"Enlarged x{scale} this picture would have {size[0]}x{size[1]} pixels; more than "
            f"{MOST_PIXELS // 10**6} million are not shown. Take a part of it, or a smaller copy."
        )
    return np.array(Image.fromarray(picture).resize(size, Image.Resampling.BICUBIC))


def side_by_side(lr: np.ndarray, results: Sequence[tuple[str, np.ndarray]], scale: int) -> Image.Image:
    """Bicubic and each model's result in a row, with their names above; results of other scales are fitted.

    Args:
        lr: uint8 [H, W, 3].
        results: (name, uint8 [h, w, 3]) of each model; two may bear the same name.
    """
    width, height = lr.shape[1] * scale, lr.shape[0] * scale
    panels = [(f"bicubic x{scale}", lr), *results]
    canvas = Image.new("RGB", (width * len(panels), height + _CAPTION))
    draw = ImageDraw.Draw(canvas)
    for place, (name, pixels) in enumerate(panels):
        picture = Image.fromarray(pixels)
        if picture.size != (width, height):
            picture = picture.resize((width, height), Image.Resampling.BICUBIC)
        canvas.paste(picture, (place * width, _CAPTION))
        draw.text((place * width + 4, 1), name.encode("ascii", "replace").decode("ascii"), fill="white")
    return canvas


def save_png(image: Image.Image, target: Path, *, inputs: Sequence[Path] = ()) -> Path:
    """Write a picture durably as PNG; `target`.

    Raises:
        UserError: `target` is one of the `inputs`, or cannot be written.
    """
    refuse_overwriting(target, inputs)
    buffer = io.BytesIO()
    image.save(buffer, "PNG")
    try:
        with atomic_write(target) as file:
            file.write(buffer.getvalue())
    except OSError as error:
        raise UserError(f"{target} cannot be written: {error.strerror or error}.") from error
    return target


def refuse_overwriting(target: Path, inputs: Sequence[Path]) -> None:
    """Protect what was read.

    Raises:
        UserError: `target` is one of `inputs`.
    """
    if target.exists() and any(file.exists() and target.samefile(file) for file in inputs):
        raise UserError(f"{target} is one of the photos to enlarge. Choose another folder or name.")


def _rgb(pixels: np.ndarray) -> np.ndarray:
    return np.repeat(pixels[..., None], 3, axis=2) if pixels.ndim == 2 else pixels
