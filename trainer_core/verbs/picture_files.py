"""Pictures of a watch or a camera as input of `upscale` and `enlarge`, and comparisons of results (no torch)."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw

from trainer_core.data.captures import could_be_watch_file, read_captures
from trainer_core.data.decoding import read_date_taken
from trainer_core.data.folder_walk import FolderWalk
from trainer_core.data.formats import FOREIGN_SUFFIXES, describe_foreign_suffix
from trainer_core.data.passed_over import find_file_reason
from trainer_core.data.photos import EXTENSIONS, PhotoError, decode
from trainer_core.errors import UserError, end_with_advice
from trainer_core.files import file_identity
from trainer_core.input_files import CHECK_PATH, explain_missing
from trainer_core.pixels import as_rgb, enlarge_bicubic
from trainer_core.watches import WATCHES, WQV1, WQV10, Watch

MAX_PIXELS = 64_000_000  # of an enlarged picture in memory for display
_CAPTION_HEIGHT = 14  # pixels above each picture of a comparison
_GRAY_SPREAD, _GRAY_SHARE = 12, 0.99  # levels between the channels of a gray pixel of a JPEG; share of such pixels


@dataclass(frozen=True)
class Picture:
    """A picture from a file.

    Args:
        name: the file's stem, with a number if the file holds several; usable as a file name.
        pixels: uint8 [H, W, 3].
        watch: the watch that took it, or whose photos it resembles in having color or not.
        is_capture: whether it is an unchanged photo of that watch.
        taken: when it was taken, as `read_date_taken` returns it.
    """

    name: str
    pixels: np.ndarray
    watch: Watch
    is_capture: bool
    taken: str = ""


def find_pictures(paths: Sequence[Path], *, results: Path | None = None) -> Iterator[Path]:
    """Yield the files among `paths`, and the photos, Palm databases and raw dumps in each folder and its subfolders.

    The files of a folder come before those of its subfolders. Files and subfolders that hold no photos of the user are
    passed over, such as hidden ones. A file that is named twice, or by a link, comes once.

    Args:
        paths: files and folders.
        results: a folder that is passed over as a subfolder, because results are written there.

    Raises:
        UserError: a path is missing, or a folder contains no picture.
    """
    seen: set[tuple[int, int]] = set()
    for path in paths:
        if not os.path.exists(path):
            raise UserError(f"{explain_missing(path)} {CHECK_PATH}")
        found = 0
        for file in _iterate_folder(path, results) if os.path.isdir(path) else (path,):
            found += 1
            identity = file_identity(file)
            if identity not in seen:
                yield file
            if identity is not None:
                seen.add(identity)
        if not found:
            raise UserError(
                f"{path} and its subfolders contain no photos: no pictures, Palm databases or raw watch dumps. "
                "Choose the folder or the files that contain your photos."
            )


def _iterate_folder(folder: Path, results: Path | None) -> Iterator[Path]:
    try:
        files = [file for file in folder.iterdir() if not find_file_reason(file.name) and os.path.isfile(file)]
    except OSError as error:
        raise UserError(
            f"The folder {folder} cannot be read: {error.strerror or error}. Choose another folder."
        ) from error
    yield from sorted(filter(_could_hold_pictures, files))
    is_apart = results is not None and file_identity(results) not in (None, file_identity(folder))
    for _, file in FolderWalk(folder, exclude=(results,) if results is not None and is_apart else ()).iterate_files():
        if file.parent != folder and os.path.isfile(file) and _could_hold_pictures(file):
            yield file


def _could_hold_pictures(file: Path) -> bool:
    """Whether a file may contain pictures, by its suffix, or by its size for watch files, which can have any name."""
    return file.suffix.lower() in EXTENSIONS | FOREIGN_SUFFIXES or could_be_watch_file(file)


def read_pictures(file: Path) -> list[Picture]:
    """Read each picture in a file; captures keep their exact levels.

    Raises:
        UserError: the file contains no picture, or cannot be read.
    """
    try:
        captures = read_captures(file)
    except UserError as error:
        if file.suffix.lower() not in EXTENSIONS and not describe_foreign_suffix(file.suffix):
            raise UserError(error.message) from error
    else:
        return [Picture(c.name, as_rgb(c.pixels), WATCHES[c.kind], True, c.taken) for c in captures]
    try:
        pixels = decode(file)
    except PhotoError as error:
        reason = end_with_advice(error.message, "Use another copy, or leave it out.")
        raise UserError(f"{file} cannot be used: {reason}") from error
    return [Picture(file.stem, pixels, WQV1 if _is_gray(pixels) else WQV10, False, read_date_taken(file))]


def _is_gray(pixels: np.ndarray) -> bool:
    """Whether a picture is gray, apart from the traces of color that a JPEG may add."""
    spread = pixels.max(-1) - pixels.min(-1)
    return bool((spread <= _GRAY_SPREAD).mean() >= _GRAY_SHARE)


def enlarge_for_display(picture: np.ndarray, scale: int) -> np.ndarray:
    """Enlarge uint8 [H, W, 3] to [H*scale, W*scale, 3] by bicubic interpolation.

    Raises:
        UserError: the result would have more than `MAX_PIXELS`.
    """
    size = (picture.shape[1] * scale, picture.shape[0] * scale)
    if size[0] * size[1] > MAX_PIXELS:
        raise UserError(
            f"Enlarged x{scale}, this picture would have {size[0]}x{size[1]} pixels, more than the limit of "
            f"{MAX_PIXELS // 10**6} million. Use a crop or a smaller copy."
        )
    return enlarge_bicubic(picture, scale)


def compose_comparison(lr: np.ndarray, results: Sequence[tuple[str, np.ndarray]], scale: int) -> np.ndarray:
    """Compose the bicubic image and the result of each model in a row, with their names above, as uint8 [h, w, 3].

    Args:
        lr: uint8 [H, W, 3].
        results: (name, uint8 [h, w, 3]) of each model; names may repeat.
        scale: scale of the comparison; results of other scales are resized to it.
    """
    width, height = lr.shape[1] * scale, lr.shape[0] * scale
    panels = [(f"bicubic x{scale}", lr), *results]
    canvas = Image.new("RGB", (width * len(panels), height + _CAPTION_HEIGHT))
    draw = ImageDraw.Draw(canvas)
    for place, (name, pixels) in enumerate(panels):
        picture = Image.fromarray(pixels)
        if picture.size != (width, height):
            picture = picture.resize((width, height), Image.Resampling.BICUBIC)
        canvas.paste(picture, (place * width, _CAPTION_HEIGHT))
        draw.text((place * width + 4, 1), name.encode("ascii", "replace").decode("ascii"), fill="white")
    return np.array(canvas)
