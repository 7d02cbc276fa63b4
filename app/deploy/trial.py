"""A trial: loads one or two models, upscales the selected photo with them tile by tile, and stores the results.

Each tile is one job of the training thread, so that a run continues between two tiles and a cancel takes effect soon.
Only that thread uses the models; this module holds their descriptions and the upscaled images.
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
_TILE = 128  # LR pixels: takes the largest network one or two seconds on two cores
_CACHE_BYTES = 512 << 20  # limit for the results of photos other than the selected one


@dataclass(frozen=True)
class Model:
    """Facts about a loaded model."""

    path: Path
    description: str
    scale: int
    gray: bool


@dataclass(frozen=True, eq=False)
class TrialPhoto:
    """A photo to upscale: `pixels` are uint8 [H, W, 3]."""

    file: Path
    name: str
    pixels: np.ndarray

    @cached_property
    def has_color(self) -> bool:
        """Whether any pixel is not gray."""
        return has_color(self.pixels)


@dataclass(eq=False)
class UpscaledPhoto:
    """A photo upscaled by a model: uint8 [H*scale, W*scale, 3], with bicubic in the tiles that are not done yet."""

    model: Model
    pixels: np.ndarray
    bicubic: np.ndarray
    tiles_done: int = 0
    tile_count: int = 0

    @property
    def is_complete(self) -> bool:
        """Whether the model has upscaled every tile."""
        return 0 < self.tile_count == self.tiles_done


class Trial(QObject):
    """Upscaling of one photo (`show_photo`) by one or two models (`load_model`); each new tile emits `changed`."""

    changed = Signal()
    model_loaded = Signal(str)  # the role of a model
    model_refused = Signal(str, object)  # role, Exception
    failed = Signal(object)  # Exception, from upscaling

    def __init__(self, ask_thread: AskThread, background: Background, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._ask_thread, self._background = ask_thread, background
        self._upscalers: dict[str, Upscaler] = {}  # used only in the training thread
        self._requested_paths: dict[str, Path | None] = {}  # by role, the newest request
        self._results: dict[tuple[Path, str, str], UpscaledPhoto] = {}
        self._tiles: TileIterator | None = None  # advanced and closed in the training thread
        self._job_number = 0  # of the newest upscaling; the answers of earlier ones are dropped
        self.models: dict[str, Model] = {}
        self.photo: TrialPhoto | None = None
        self.busy = ""  # role of the model that is upscaling, "" if none is

    # -- models and photo ----------------------------------------------------------------------

    def load_model(self, role: str, path: Path | None) -> None:
        """Load a model for `role`, reading its file again if it is loaded; None removes the role's model."""
        self._requested_paths[role] = path
        if path is None:
            self._replace(role, None)
            self._ask_thread(lambda: self._upscalers.pop(role, None), lambda _: None, lambda _: None)
            return
        self._ask_thread(
            lambda: self._load(role, path),
            lambda model: self._replace(role, model) if self._requested_paths.get(role) == path else None,
            lambda error: self.model_refused.emit(role, error),
        )

    def _load(self, role: str, path: Path) -> Model:
        """Load a model; runs in the training thread."""
        from trainer_core.verbs.upscale import Upscaler

        self._upscalers[role] = upscaler = Upscaler(path, tile=_TILE)
        return Model(path, upscaler.description, upscaler.spec.scale, upscaler.gray)

    def _replace(self, role: str, model: Model | None) -> None:
        self.cancel()
        self._results = {key: result for key, result in self._results.items() if key[2] != role}
        self.models.pop(role, None)
        if model is not None:
            self.models[role] = model
            self.model_loaded.emit(role)
        self.continue_upscaling()

    def show_photo(self, photo: TrialPhoto | None) -> None:
        """Select a photo, or none, and upscale it with every model that has no result for it yet."""
        self.cancel()
        self.photo = photo
        self.continue_upscaling()

    def remove_photo(self, file: Path) -> None:
        """Drop the results of a file's photos."""
        self._results = {key: result for key, result in self._results.items() if key[0] != file}

    def close(self) -> None:
        """Free the models, the photo and all results."""
        self.cancel()
        self._requested_paths, self.models, self._results, self.photo = {}, {}, {}, None
        self._ask_thread(self._upscalers.clear, lambda _: None, lambda _: None)

    # -- results -------------------------------------------------------------------------------

    def result(self, role: str) -> UpscaledPhoto | None:
        """Return the selected photo upscaled by the model of `role`, complete or not; None if there is no result."""
        return self._results.get(self._result_key(role)) if self.photo else None

    def _result_key(self, role: str) -> tuple[Path, str, str]:
        assert self.photo is not None
        return self.photo.file, self.photo.name, role

    # -- upscaling -----------------------------------------------------------------------------

    def cancel(self) -> None:
        """Stop after the current tile and drop the results that are not complete."""
        self._job_number += 1
        self.busy = ""
        if self._tiles is not None:
            self._ask_thread(self._tiles.close, lambda _: None, lambda _: None)
            self._tiles = None
        self._results = {key: result for key, result in self._results.items() if result.is_complete}
        self.changed.emit()

    def continue_upscaling(self) -> None:
        """Upscale the photo with the first model that has no result for it yet, then with the next."""
        self.busy = ""
        pending = [role for role in MODEL_ROLES if role in self.models and self.photo and self.result(role) is None]
        if pending:
            self._start_upscaling(pending[0])
        self.changed.emit()

    def _start_upscaling(self, role: str) -> None:
        assert self.photo is not None
        self.busy, self._job_number = role, self._job_number + 1
        job_number, pixels, model = self._job_number, self.photo.pixels, self.models[role]

        def start(bicubic: np.ndarray) -> None:
            if job_number == self._job_number:
                self._results[self._result_key(role)] = UpscaledPhoto(model, bicubic.copy(), bicubic)
                self._tiles = self._make_tiles(role, pixels)
                self._compute_next_tile(job_number, role, self._tiles)
                self.changed.emit()

        self._background.run_job(
            "bicubic", lambda: enlarge_for_display(pixels, model.scale), start, lambda e: self._on_failed(job_number, e)
        )

    def _make_tiles(self, role: str, pixels: np.ndarray) -> TileIterator:
        yield from self._upscalers[role].iterate_tiles(pixels)

    def _compute_next_tile(self, job_number: int, role: str, tiles: TileIterator) -> None:
        def done(tile: Tile) -> None:
            if job_number != self._job_number:
                return
            if tile.number < tile.count:
                self._compute_next_tile(job_number, role, tiles)
                self._add_tile(tile, role)
            else:
                self._tiles = None
                self._add_tile(tile, role)
                self._evict_results()
                self.continue_upscaling()

        self._ask_thread(lambda: next(tiles), done, lambda error: self._on_failed(job_number, error))

    def _add_tile(self, tile: Tile, role: str) -> None:
        result = self._results[self._result_key(role)]
        tile.paste_into(result.pixels)
        result.tiles_done, result.tile_count = tile.number, tile.count
        self.changed.emit()

    def _evict_results(self) -> None:
        """Drop the oldest results of other photos while these exceed `_CACHE_BYTES`."""
        current = {self._result_key(role) for role in MODEL_ROLES}
        others = [key for key in self._results if key not in current]
        size = sum(self._results[key].pixels.nbytes * 2 for key in others)
        while others and size > _CACHE_BYTES:
            size -= self._results.pop(others.pop(0)).pixels.nbytes * 2

    def _on_failed(self, job_number: int, error: Exception) -> None:
        if job_number == self._job_number:
            self.cancel()
            self.failed.emit(error)
