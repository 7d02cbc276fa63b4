"""A blind comparison with its models and photos: upscaled, answered, and saved (no torch)."""

from __future__ import annotations

import secrets
import threading
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from trainer_core.blind.comparison import DEFAULT_PAIRS, BlindComparison
from trainer_core.blind.pair_images import PairImages, Upscaler, iterate_pair
from trainer_core.blind.record import ComparedModel, choose_record_path, write_record
from trainer_core.errors import UserError
from trainer_core.text import format_bytes

_MAX_BYTES = 1 << 30  # of all images of a comparison
_SAVING = threading.Lock()  # of all sessions, so that two never choose the same new file


class BlindSession:
    """A comparison of two models on photos.

    Args:
        models: the first and the second.
        photos: name and pixels, uint8 [H, W, 3], of each photo.
        pairs: largest number of pairs; photos are then chosen at random.
        seed: seed of the order of pairs and sides; None for a new one each time.
        out: file for the answers; None for a new one beside the first model.
        other_folder: the folder for the new file if the first model is a built-in one.
        names: names of both models for the result; None for those of the files.

    Attributes:
        names: names of both models for the result.
        comparison: the pairs and the answers.
        images: what the models made of each photo so far, by its index.
    """

    def __init__(
        self,
        models: tuple[ComparedModel, ComparedModel],
        photos: Sequence[tuple[str, np.ndarray]],
        *,
        pairs: int = DEFAULT_PAIRS,
        seed: int | None = None,
        out: Path | None = None,
        other_folder: Path = Path(),
        names: tuple[str, str] | None = None,
    ) -> None:
        self.models, self.names = models, names or _name_files(models)
        photo_names = [name for name, _ in photos]
        self.comparison = BlindComparison(photo_names, seed=secrets.randbits(31) if seed is None else seed, count=pairs)
        self.images: dict[int, PairImages] = {}
        self._photos = {pair.index: photos[pair.index][1] for pair in self.comparison.pairs}
        self._folder = other_folder if models[0].is_built_in else models[0].path.parent
        self._record = out

    @property
    def is_upscaled(self) -> bool:
        """Whether all photos are upscaled."""
        return len(self.images) == len(self.comparison.pairs)

    def iterate_upscaling(self, upscalers: Sequence[Upscaler]) -> Iterator[None]:
        """Fill `images`, and yield after each tile.

        Raises:
            UserError: the images would need too much memory, or more than there is.
        """
        scale = max(upscaler.scale for upscaler in upscalers)
        needed = sum(2 * photo.nbytes * scale**2 for photo in self._photos.values())
        if needed > _MAX_BYTES:
            raise UserError(
                f"The images of {len(self._photos)} photos would need {format_bytes(needed)} of memory, more than the "
                f"limit of {format_bytes(_MAX_BYTES)}. Compare fewer or smaller photos."
            )
        for pair in self.comparison.pairs:
            self.images[pair.index] = yield from iterate_pair(self._photos[pair.index], upscalers)

    @property
    def text(self) -> str:
        """The result of the answers so far, in sentences."""
        return self.comparison.result.describe(*self.names)

    def save(self) -> Path:
        """Write the answers so far, always to the same file, and return it; may be called in any thread.

        Raises:
            WriteError: the file cannot be written.
        """
        with _SAVING:
            if self._record is None:
                self._record = choose_record_path(self._folder, self.models)
            write_record(self._record, self.comparison, self.models, self.names)
            return self._record


def _name_files(models: tuple[ComparedModel, ComparedModel]) -> tuple[str, str]:
    first, second = (model.path for model in models)
    return (first.stem, second.stem) if first.stem != second.stem else (str(first), str(second))
