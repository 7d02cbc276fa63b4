"""A trial: loads one or two models, upscales the selected photo with them tile by tile, and stores the results.

Two models of the same dimensions can be blended: the blend is a third model, which has no file.

Each tile is one job of the training thread, so that a run continues between two tiles and a cancel takes effect soon.
Only that thread uses the models; this module holds their descriptions and the upscaled images.
"""

from __future__ import annotations

from collections.abc import Generator
from pathlib import Path
from typing import TYPE_CHECKING, Any, Callable

import numpy as np
from PySide6.QtCore import QObject, Signal

from app.enlarge.enlargement import Enlargement, Model, TrialPhoto, UpscaledPhoto
from app.preview.pictures import SR
from app.system.background import Background
from trainer_core.errors import UserError
from trainer_core.starters.registry import choose_nearest_starter
from trainer_core.verbs.mean_color import match_mean_color
from trainer_core.verbs.picture_files import enlarge_for_display
from trainer_core.watches import Watch

if TYPE_CHECKING:
    from trainer_core.verbs.upscale import Tile, Upscaler

TileIterator = Generator["Tile", None, None]
AskThread = Callable[[Callable[[], Any], Callable[[Any], None], Callable[[Exception], None]], None]

THIS_MODEL, OTHER_MODEL, BLEND = SR, "Other network", "Blend"
MODEL_ROLES = (THIS_MODEL, OTHER_MODEL)
_ROLES = (*MODEL_ROLES, BLEND)
DEFAULT_SCALE = 4  # of the built-in models
TILE = 128  # LR pixels: takes the largest network one or two seconds on two cores
_CACHE_BYTES = 512 << 20  # limit for the results of other photos than the selected one and of other models


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
        self._results: dict[tuple[Path, str, str, str], UpscaledPhoto] = {}  # see `_result_key`
        self._tiles: TileIterator | None = None  # advanced and closed in the training thread
        self._job_number = 0  # of the newest upscaling; the answers of earlier ones are dropped
        self._blend_number = 0  # of the newest request for a blend
        self._starters: dict[Path, Upscaler] = {}  # of `iterate_enlarging`; used only in the training thread
        self.is_built_in = False  # whether the model of `THIS_MODEL` is the built-in one for the photo
        self.scale = DEFAULT_SCALE  # wanted of the built-in models
        self.models: dict[str, Model] = {}
        self.photo: TrialPhoto | None = None
        self.busy = ""  # role of the model that is upscaling, "" if none is

    # -- models and photo ----------------------------------------------------------------------

    def load_model(self, role: str, path: Path | None) -> None:
        """Load a model for `role`, reading its file again if it is loaded; None removes the role's model."""
        if role == THIS_MODEL:
            self.is_built_in = False
        self._request(role, path)

    def use_built_in(self) -> None:
        """Use the built-in model that suits the photo, and the next one for each photo to come."""
        self.is_built_in = True
        self._request(THIS_MODEL, None)
        self._request_starter()

    def set_scale(self, scale: int) -> None:
        """Choose the scale of the built-in models; where a watch has none, the nearest scale takes its place."""
        self.scale = scale
        if self.is_built_in:
            self._request_starter()

    def _request_starter(self) -> None:
        """Load the built-in model that suits the photo, unless it is loaded."""
        if self.photo is None:
            return
        try:
            path = choose_nearest_starter(self.photo.watch, self.scale).path
        except UserError as error:
            self.failed.emit(error)
            return
        if path != self._requested_paths.get(THIS_MODEL):
            self._replace(THIS_MODEL, None)
            self._request(THIS_MODEL, path)

    def _request(self, role: str, path: Path | None) -> None:
        self._requested_paths[role] = path
        self.blend(0)
        if self.busy == role:
            self.cancel()
            self.continue_upscaling()
        if path is None:
            self._replace(role, None)
            self._ask_thread(lambda: self._upscalers.pop(role, None), lambda _: None, lambda _: None)
            return
        self._ask_thread(
            lambda: self._load(role, path),
            lambda model: self._replace(role, model) if self._requested_paths.get(role) == path else None,
            lambda error: self._refuse(role, path, error),
        )

    def _refuse(self, role: str, path: Path, error: Exception) -> None:
        """Report that a file cannot be loaded; the role's previous model stays."""
        if self._requested_paths.get(role) == path:
            self._requested_paths[role] = self.models[role].path if role in self.models else None
        self.model_refused.emit(role, error)
        if not self.busy:
            self.continue_upscaling()

    def _load(self, role: str, path: Path) -> Model:
        """Load a model; runs in the training thread."""
        from trainer_core.verbs.upscale import Upscaler

        self._upscalers[role] = upscaler = Upscaler(path, tile=TILE)
        return Model(path, upscaler.description, upscaler.spec, upscaler.gray, upscaler.sha256)

    def _replace(self, role: str, model: Model | None) -> None:
        """Replace the model of a role; the results of models to compare with stay, to show them again at once."""
        self.cancel()
        if role != OTHER_MODEL:
            self._results = {key: result for key, result in self._results.items() if key[2] != role}
        self.models.pop(role, None)
        if model is not None:
            self.models[role] = model
            self.model_loaded.emit(role)
        self.continue_upscaling()

    @property
    def can_blend(self) -> bool:
        """Whether there are two models, of the same dimensions, and none is being loaded."""
        this, other = (self.models.get(role) for role in MODEL_ROLES)
        if this is None or other is None or this.spec != other.spec:
            return False
        return all(self.is_ready(role) for role in MODEL_ROLES)

    @property
    def main_role(self) -> str:
        """The role of the model whose results are saved: `BLEND` if there is a blend, else `THIS_MODEL`."""
        return BLEND if BLEND in self.models else THIS_MODEL

    @property
    def has_gray_model(self) -> bool:
        """Whether the model of `main_role` makes every photo gray; a built-in one is chosen to suit each photo."""
        if self.is_built_in and self.main_role == THIS_MODEL:
            return False
        return self.main_role in self.models and self.models[self.main_role].gray

    def blend(self, share: float) -> None:
        """Upscale with a blend of both models as well; a share of 0 of the other model removes it."""
        self._blend_number += 1
        number = self._blend_number
        if not share or not self.can_blend:
            self._replace_blend(None)
            self._ask_thread(lambda: self._upscalers.pop(BLEND, None), lambda _: None, lambda _: None)
            return
        this, other = (self.models[role].path for role in MODEL_ROLES)

        def make() -> Model:
            upscaler = self._upscalers[THIS_MODEL].blend_with(self._upscalers[OTHER_MODEL], share)
            self._upscalers[BLEND] = upscaler
            return Model(this, f"{share:.0%} of {other.name}", upscaler.spec, upscaler.gray, "")

        self._ask_thread(
            make,
            lambda model: self._replace_blend(model) if number == self._blend_number else None,
            lambda error: self.failed.emit(error) if number == self._blend_number else None,
        )

    def _replace_blend(self, model: Model | None) -> None:
        """Replace the blend without a change of what the two models do."""
        if self.busy == BLEND:
            self.cancel()
        self._results = {key: result for key, result in self._results.items() if key[2] != BLEND}
        self.models.pop(BLEND, None)
        if model is not None:
            self.models[BLEND] = model
        if not self.busy:
            self.continue_upscaling()
        else:
            self.changed.emit()

    def show_photo(self, photo: TrialPhoto | None) -> None:
        """Select a photo, or none, and upscale it with every model that has no result for it yet."""
        self.cancel()
        self.photo = photo
        if self.is_built_in:
            self._request_starter()
        self.continue_upscaling()

    def remove_photo(self, file: Path) -> None:
        """Drop the results of a file's photos, also of the one that is being upscaled."""
        if self.photo is not None and self.photo.file == file:
            self.cancel()
        self._results = {key: result for key, result in self._results.items() if key[0] != file}

    def close(self) -> None:
        """Free the models, the photo and all results."""
        self.cancel()
        self._requested_paths, self.models, self._results, self.photo = {}, {}, {}, None
        self._blend_number += 1
        self.is_built_in = False
        self._ask_thread(self._free_models, lambda _: None, lambda _: None)

    def _free_models(self) -> None:
        """Free all models; runs in the training thread."""
        self._upscalers.clear()
        self._starters.clear()

    # -- results -------------------------------------------------------------------------------

    def result(self, role: str) -> UpscaledPhoto | None:
        """Return the selected photo upscaled by the model of `role`, complete or not; None if there is no result."""
        return self._results.get(self._result_key(role)) if self.photo else None

    def _result_key(self, role: str) -> tuple[Path, str, str, str]:
        """Return what a result belongs to: file and name of the photo, role and digest of the model."""
        assert self.photo is not None
        model = self.models.get(role)
        return self.photo.file, self.photo.name, role, model.sha256 if model is not None else ""

    # -- other photos --------------------------------------------------------------------------

    def iterate_enlarging(self, photo: TrialPhoto) -> Generator[None, None, Enlargement]:
        """Return the steps that upscale any photo with the model of `main_role`; each runs in the training thread.

        The steps yield after each tile and return the result.
        """
        return self._iterate_enlarging(photo, self.main_role, self.is_built_in and self.main_role == THIS_MODEL)

    def _iterate_enlarging(self, photo: TrialPhoto, role: str, is_built_in: bool) -> Generator[None, None, Enlargement]:
        upscaler = self._find_starter(photo.watch) if is_built_in else self._upscalers[role]
        height, width = photo.pixels.shape[:2]
        pixels = np.empty((height * upscaler.scale, width * upscaler.scale, 3), np.uint8)
        for tile in upscaler.iterate_tiles(photo.pixels):
            tile.paste_into(pixels)
            yield
        if is_built_in and not upscaler.gray:
            pixels = match_mean_color(pixels, photo.pixels)
        return Enlargement(pixels, upscaler.scale, f"{upscaler.name} ({upscaler.description})", upscaler.sha256)

    def _find_starter(self, watch: Watch) -> Upscaler:
        from trainer_core.verbs.upscale import Upscaler

        starter = choose_nearest_starter(watch, self.scale)
        if starter.path not in self._starters:
            self._starters[starter.path] = Upscaler(starter.path, tile=TILE)
        return self._starters[starter.path]

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
        """Upscale the photo with the first model that has no result for it yet, then with the next.

        A model that is being replaced is left out.
        """
        self.busy = ""
        pending = [role for role in _ROLES if self.is_ready(role) and self.photo and self.result(role) is None]
        if pending:
            self._start_upscaling(pending[0])
        self.changed.emit()

    def is_ready(self, role: str) -> bool:
        """Whether the role has a model and no other file is being loaded for it."""
        model = self.models.get(role)
        return model is not None and (role == BLEND or self._requested_paths.get(role) == model.path)

    def loading_path(self, role: str) -> Path | None:
        """Return the file that is being loaded for the role, None if there is none."""
        return None if self.is_ready(role) else self._requested_paths.get(role)

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
        if result.is_complete and role == THIS_MODEL and self.is_built_in and not result.model.gray:
            assert self.photo is not None
            result.pixels = match_mean_color(result.pixels, self.photo.pixels)
        self.changed.emit()

    def _evict_results(self) -> None:
        """Drop the oldest results of other photos and models while these exceed `_CACHE_BYTES`."""
        current = {self._result_key(role) for role in _ROLES}
        others = [key for key in self._results if key not in current]
        size = sum(self._results[key].pixels.nbytes * 2 for key in others)
        while others and size > _CACHE_BYTES:
            size -= self._results.pop(others.pop(0)).pixels.nbytes * 2

    def _on_failed(self, job_number: int, error: Exception) -> None:
        if job_number == self._job_number:
            self.cancel()
            self.failed.emit(error)
