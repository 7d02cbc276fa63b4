"""A random choice of photos from files of which each may hold several (no torch)."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from trainer_core.errors import UserError, explain_out_of_memory
from trainer_core.randomness import Stream, make_generator
from trainer_core.verbs.picture_files import Picture, read_pictures

_PART = 1  # of the random stream; pairs have part 0

Refused = list[tuple[Path, str]]


def choose_pictures(files: Sequence[Path], count: int, refused: Refused, *, seed: int) -> list[Picture]:
    """Read files in random order until they hold `count` pictures, and return all pictures of these files.

    Args:
        files: the files.
        count: number of pictures that are enough.
        refused: receives the files that cannot be used, with the reason.
        seed: of the order.

    Raises:
        UserError: no file can be used.
    """
    pictures: list[Picture] = []
    generator = make_generator(seed, Stream.BLIND, len(files), _PART)
    for file in (files[place] for place in generator.permutation(len(files))):
        if len(pictures) >= count:
            break
        try:
            with explain_out_of_memory("read the photo"):
                pictures += read_pictures(file)
        except UserError as error:
            refused.append((file, error.message))
    if not pictures:
        raise UserError(refused[0][1] if refused else "There are no photos to compare the models on.")
    return pictures
