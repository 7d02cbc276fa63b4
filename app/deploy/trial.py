"""Photos under one or two models: loads the models, enlarges the chosen photo piece by piece, keeps the results.

Every piece is one request to the training thread, so a training goes on in between and nobody waits long for a
cancel. The models themselves are touched in that thread only; here are their names and what they have made.
"""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Callable

import numpy as np
from PySide6.QtCore import QObject, Signal

from app.background import Background
from trainer_core.pixels import has_color
from trainer_core.verbs.picture_files import enlarge_for_display

if TYPE_CHECKING:
    from trainer_core.verbs.upscale import Tile, Upscaler

TileIterator = Generator["Tile", None, None]
AskThread = Callable[[Callable[[], Any], Callable[[Any], None], Callable[[Exception], None]], None]

THIS_MODEL, OTHER_MODEL = "This model", "Other model"
MODEL_ROLES = (THIS_MODEL, OTHER_MODEL)
_TILE = 128  # LR pixels: a second or two of work for the largest network on two cores
_CACHE_BYTES = 512 << 20  # of results of other photos than the present one


@dataclass(frozen=True)
class Model:
    """A loaded model."""

    path: Path
    description: str
    scale: int
    gray: bool


@dataclass(frozen=True, eq=False)
class TrialPhoto:
    """A picture to enlarge: uint8 [H, W, 3]."""

    file: Path
    name: str
    pixels: np.ndarray

    @cached_property
    def has_color(self) -> bool:
        """Whether it is not all gray."""
        return has_color(self.pixels)


@dataclass(eq=False)
class UpscaledPhoto:
    """What a model has made of a photo; until `complete`, the parts to come show bicubic."""

    model: Model
    pixels: np.ndarray
    bicubic: np.ndarray
    tiles_done: int = 0
    tile_count: int = 0

    @property
    def is_complete(self) -> bool:
        """Whether every part is the model's."""
        return 0 < self.tile_count == self.tiles_done


class Trial(QObject):
    """`use` models, `look_at` a photo; `changed` says that there is more to see."""

    changed = Signal()
    model_loaded = Signal(str)  # the role of a model
    model_refused = Signal(str, object)  # a role whose model cannot be used, and the error
    failed = Signal(object)  # the error of an enlargement

    def __init__(self, ask: AskThread, background: Background, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._ask, self._background = ask, background
        self._upscalers: dict[str, Upscaler] = {}  # the training thread's
        self._wanted: dict[str, Path | None] = {}
        self._results: dict[tuple[Path, str, str], UpscaledPhoto] = {}
        self._pieces: TileIterator | None = None  # advanced and closed in the training thread
        self._run = 0  # counts enlargements; answers of earlier ones are dropped
        self.models: dict[str, Model] = {}
        self.photo: TrialPhoto | None = None
        self.busy = ""  # the role that is being worked for

    # -- what to work with ---------------------------------------------------------------------

    def load_model(self, role: str, path: Path | None) -> None:
        """Load a model (again, if its file may have changed), or do without one."""
        self._wanted[role] = path
        if path is None:
            self._replace(role, None)
            self._ask(lambda: self._upscalers.pop(role, None), lambda _: None, lambda _: None)
            return
        self._ask(
            lambda: self._load(role, path),
            lambda model: self._replace(role, model) if self._wanted.get(role) == path else None,
            lambda error: self.model_refused.emit(role, error),
        )

    def _load(self, role: str, path: Path) -> Model:
        """In the training thread."""
        from trainer_core.verbs.upscale import Upscaler

        self._upscalers[role] = made = Upscaler(path, tile=_TILE)
        return Model(path, made.description, made.spec.scale, made.gray)

    def _replace(self, role: str, model: Model | None) -> None:
        self.cancel()
        self._results = {key: result for key, result in self._results.items() if key[2] != role}
        self.models.pop(role, None)
        if model is not None:
            self.models[role] = model
            self.model_loaded.emit(role)
        self.continue_upscaling()

    def show_photo(self, photo: TrialPhoto | None) -> None:
        """Enlarge this photo now, as far as it is not done."""
        self.cancel()
        self.photo = photo
        self.continue_upscaling()

    def remove_photo(self, file: Path) -> None:
        """Drop what was made of it."""
        self._results = {key: result for key, result in self._results.items() if key[0] != file}

    def close(self) -> None:
        """Free the models and everything that was made."""
        self.cancel()
        self._wanted, self.models, self._results, self.photo = {}, {}, {}, None
        self._ask(self._upscalers.clear, lambda _: None, lambda _: None)

    # -- what there is -------------------------------------------------------------------------

    def result(self, role: str) -> UpscaledPhoto | None:
        """What a model has made of the photo, finished or not."""
        return self._results.get(self._result_key(role)) if self.photo else None

    def _result_key(self, role: str) -> tuple[Path, str, str]:
        assert self.photo is not None
        return self.photo.file, self.photo.name, role

    # -- the work ------------------------------------------------------------------------------

    def cancel(self) -> None:
        """Stop after the piece that is being computed; what is unfinished is dropped."""
        self._run += 1
        self.busy = ""
        if self._pieces is not None:
            self._ask(self._pieces.close, lambda _: None, lambda _: None)
            self._pieces = None
        self._results = {key: result for key, result in self._results.items() if result.is_complete}
        self.changed.emit()

    def continue_upscaling(self) -> None:
        """Begin with the first model that has not enlarged the photo yet."""
        self.busy = ""
        open_ = [role for role in MODEL_ROLES if role in self.models and self.photo and self.result(role) is None]
        if open_:
            self._start_upscaling(open_[0])
        self.changed.emit()

    def _start_upscaling(self, role: str) -> None:
        assert self.photo is not None
        self.busy, self._run = role, self._run + 1
        run, pixels, model = self._run, self.photo.pixels, self.models[role]

        def started(beside: np.ndarray) -> None:
            if run == self._run:
                self._results[self._result_key(role)] = UpscaledPhoto(model, beside.copy(), beside)
                self._pieces = self._make_tiles(role, pixels)
                self._compute_next_tile(run, role, self._pieces)
                self.changed.emit()

        self._background.run_job(
            "bicubic", lambda: enlarge_for_display(pixels, model.scale), started, lambda e: self._on_failed(run, e)
        )

    def _make_tiles(self, role: str, pixels: np.ndarray) -> TileIterator:
        yield from self._upscalers[role].iterate_tiles(pixels)

    def _compute_next_tile(self, run: int, role: str, pieces: TileIterator) -> None:
        def done(tile: Tile) -> None:
            if run != self._run:
                return
            if tile.number < tile.count:
                self._compute_next_tile(run, role, pieces)
                self._add_tile(tile, role)
            else:
                self._pieces = None
                self._add_tile(tile, role)
                self._evict_results()
                self.continue_upscaling()

        self._ask(lambda: next(pieces), done, lambda error: self._on_failed(run, error))

    def _add_tile(self, tile: Tile, role: str) -> None:
        result = self._results[self._result_key(role)]
        tile.paste_into(result.pixels)
        result.tiles_done, result.tile_count = tile.number, tile.count
        self.changed.emit()

    def _evict_results(self) -> None:
        """Drop the oldest results of other photos when there are too many."""
        here = {self._result_key(role) for role in MODEL_ROLES}
        others = [key for key in self._results if key not in here]
        size = sum(self._results[key].pixels.nbytes * 2 for key in others)
        while others and size > _CACHE_BYTES:
            size -= self._results.pop(others.pop(0)).pixels.nbytes * 2

    def _on_failed(self, run: int, error: Exception) -> None:
        if run == self._run:
            self.cancel()
            self.failed.emit(error)
