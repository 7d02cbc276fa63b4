"""Photos under one or two models: loads the models, enlarges the chosen photo piece by piece, keeps the results.

Every piece is one request to the training thread, so a training goes on in between and nobody waits long for a
cancel. The models themselves are touched in that thread only; here are their names and what they have made.
"""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Callable, Optional

import numpy as np
from PySide6.QtCore import QObject, Signal

from app.background import Background
from trainer_core.pixels import has_color
from trainer_core.verbs.picture_files import bicubic

if TYPE_CHECKING:
    from trainer_core.verbs.upscale import Tile, Upscaler

Pieces = Generator["Tile", None, None]
Ask = Callable[[Callable[[], Any], Callable[[Any], None], Callable[[Exception], None]], None]

OURS, OTHER = "This model", "Other model"
ROLES = (OURS, OTHER)
_TILE = 128  # LR pixels: a second or two of work for the largest network on two cores
_KEPT_BYTES = 512 << 20  # of results of other photos than the present one


@dataclass(frozen=True)
class Model:
    """A loaded model."""

    path: Path
    description: str
    scale: int
    gray: bool


@dataclass(frozen=True, eq=False)
class Photo:
    """A picture to enlarge: uint8 [H, W, 3]."""

    file: Path
    name: str
    pixels: np.ndarray

    @cached_property
    def coloured(self) -> bool:
        """Whether it is not all gray."""
        return has_color(self.pixels)


@dataclass(eq=False)
class Enlarged:
    """What a model has made of a photo; until `complete`, the parts to come show bicubic."""

    model: Model
    pixels: np.ndarray
    bicubic: np.ndarray
    done: int = 0
    count: int = 0

    @property
    def complete(self) -> bool:
        """Whether every part is the model's."""
        return 0 < self.count == self.done


class Bench(QObject):
    """`use` models, `look_at` a photo; `changed` says that there is more to see."""

    changed = Signal()
    loaded = Signal(str)  # the role of a model
    refused = Signal(str, object)  # a role whose model cannot be used, and the error
    failed = Signal(object)  # the error of an enlargement

    def __init__(self, ask: Ask, background: Background, parent: Optional[QObject] = None) -> None:
        super().__init__(parent)
        self._ask, self._background = ask, background
        self._upscalers: dict[str, Upscaler] = {}  # the training thread's
        self._wanted: dict[str, Optional[Path]] = {}
        self._results: dict[tuple[Path, str, str], Enlarged] = {}
        self._pieces: Optional[Pieces] = None  # advanced and closed in the training thread
        self._run = 0  # counts enlargements; answers of earlier ones are dropped
        self.models: dict[str, Model] = {}
        self.photo: Optional[Photo] = None
        self.busy = ""  # the role that is being worked for

    # -- what to work with ---------------------------------------------------------------------

    def use(self, role: str, path: Optional[Path]) -> None:
        """Load a model (again, if its file may have changed), or do without one."""
        self._wanted[role] = path
        if path is None:
            self._replace(role, None)
            self._ask(lambda: self._upscalers.pop(role, None), lambda _: None, lambda _: None)
            return
        self._ask(
            lambda: self._load(role, path),
            lambda model: self._replace(role, model) if self._wanted.get(role) == path else None,
            lambda error: self.refused.emit(role, error),
        )

    def _load(self, role: str, path: Path) -> Model:
        """In the training thread."""
        from trainer_core.verbs.upscale import Upscaler

        self._upscalers[role] = made = Upscaler(path, tile=_TILE)
        return Model(path, made.description, made.spec.scale, made.gray)

    def _replace(self, role: str, model: Optional[Model]) -> None:
        self.cancel()
        self._results = {key: result for key, result in self._results.items() if key[2] != role}
        self.models.pop(role, None)
        if model is not None:
            self.models[role] = model
            self.loaded.emit(role)
        self.go_on()

    def look_at(self, photo: Optional[Photo]) -> None:
        """Enlarge this photo now, as far as it is not done."""
        self.cancel()
        self.photo = photo
        self.go_on()

    def forget_photo(self, file: Path) -> None:
        """Drop what was made of it."""
        self._results = {key: result for key, result in self._results.items() if key[0] != file}

    def close(self) -> None:
        """Free the models and everything that was made."""
        self.cancel()
        self._wanted, self.models, self._results, self.photo = {}, {}, {}, None
        self._ask(self._upscalers.clear, lambda _: None, lambda _: None)

    # -- what there is -------------------------------------------------------------------------

    def result(self, role: str) -> Optional[Enlarged]:
        """What a model has made of the photo, finished or not."""
        return self._results.get(self._key(role)) if self.photo else None

    def _key(self, role: str) -> tuple[Path, str, str]:
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
        self._results = {key: result for key, result in self._results.items() if result.complete}
        self.changed.emit()

    def go_on(self) -> None:
        """Begin with the first model that has not enlarged the photo yet."""
        self.busy = ""
        open_ = [role for role in ROLES if role in self.models and self.photo and self.result(role) is None]
        if open_:
            self._begin(open_[0])
        self.changed.emit()

    def _begin(self, role: str) -> None:
        assert self.photo is not None
        self.busy, self._run = role, self._run + 1
        run, pixels, model = self._run, self.photo.pixels, self.models[role]

        def started(beside: np.ndarray) -> None:
            if run == self._run:
                self._results[self._key(role)] = Enlarged(model, beside.copy(), beside)
                self._pieces = self._make_pieces(role, pixels)
                self._next(run, role, self._pieces)
                self.changed.emit()

        self._background.run("bicubic", lambda: bicubic(pixels, model.scale), started, lambda e: self._fail(run, e))

    def _make_pieces(self, role: str, pixels: np.ndarray) -> Pieces:
        yield from self._upscalers[role].tiles(pixels)

    def _next(self, run: int, role: str, pieces: Pieces) -> None:
        def done(tile: Tile) -> None:
            if run != self._run:
                return
            if tile.number < tile.count:
                self._next(run, role, pieces)
                self._take(tile, role)
            else:
                self._pieces = None
                self._take(tile, role)
                self._make_room()
                self.go_on()

        self._ask(lambda: next(pieces), done, lambda error: self._fail(run, error))

    def _take(self, tile: Tile, role: str) -> None:
        result = self._results[self._key(role)]
        tile.paste_into(result.pixels)
        result.done, result.count = tile.number, tile.count
        self.changed.emit()

    def _make_room(self) -> None:
        """Drop the oldest results of other photos when there are too many."""
        here = {self._key(role) for role in ROLES}
        others = [key for key in self._results if key not in here]
        size = sum(self._results[key].pixels.nbytes * 2 for key in others)
        while others and size > _KEPT_BYTES:
            size -= self._results.pop(others.pop(0)).pixels.nbytes * 2

    def _fail(self, run: int, error: Exception) -> None:
        if run == self._run:
            self.cancel()
            self.failed.emit(error)
