"""Files that a verb writes: their folders, images as PNG, and never one of the files that it reads. Needs no torch."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from pathlib import Path

import numpy as np

from trainer_core.errors import UserError
from trainer_core.files import file_identity, write_bytes
from trainer_core.pixels import png_bytes


def make_folder(folder: Path) -> None:
    """Make `folder` and those above it, where they do not exist.

    Raises:
        UserError: it cannot be made.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UserError(f"The folder {folder} cannot be made: {error.strerror}.") from error


def refuse_overwriting(target: Path, inputs: Collection[tuple[int, int] | None], reason: str) -> None:
    """Protect the files that are read, under whatever name or link `target` leads to them.

    Args:
        inputs: their `file_identity`.
        reason: follows "TARGET is " in the message.

    Raises:
        UserError: `target` is one of `inputs`.
    """
    identity = file_identity(target)
    if identity is not None and identity in inputs:
        raise UserError(f"{target} is {reason}")


def save_png(pixels: np.ndarray, target: Path, *, inputs: Iterable[Path] = ()) -> Path:
    """Write uint8 [H, W] or [H, W, 3] durably as PNG and return `target`.

    Args:
        inputs: photos that are read.

    Raises:
        UserError: `target` is one of `inputs`, or cannot be written.
    """
    reason = "one of the photos to enlarge. Choose another folder or name."
    refuse_overwriting(target, {file_identity(file) for file in inputs}, reason)
    content = png_bytes(pixels)
    try:
        write_bytes(target, content)
    except OSError as error:
        raise UserError(f"{target} cannot be written: {error.strerror or error}.") from error
    return target
