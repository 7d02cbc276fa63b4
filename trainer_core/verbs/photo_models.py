"""The models with which `enlarge` enlarges photos: the built-in one for the watch of each photo, or one of the user's.

A scale without a built-in model is computed from that of another scale: a larger result is averaged, a smaller one is
enlarged further by interpolation. benchmarks/results/starters.md shows what that costs.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
from PIL import Image

from trainer_core.errors import UserError, explain_out_of_memory
from trainer_core.pixels import has_color
from trainer_core.starters.registry import choose_nearest_starter, describe_choice, find_starters
from trainer_core.thread_choice import TorchThreads
from trainer_core.verbs.mean_color import match_mean_color
from trainer_core.verbs.mirroring import average_mirrored
from trainer_core.verbs.upscale import Upscaler, choose_upscaling_hardware, describe_kept_gray
from trainer_core.watches import Watch

DEFAULT_SCALE = 4
SCALES = (2, 4, 8)


class PhotoModel:
    """A loaded model and what is done with its results.

    Args:
        upscaler: the model.
        scale: factor of the results; they are resized if the model has another one.
        mirrors: the mirrored inputs to average, names of `mirroring.MIRRORS`.

    Attributes:
        turned_gray: number of color photos that a gray model turned gray.
        kept_gray: number of gray photos whose results a color model would have tinted.
    """

    def __init__(self, upscaler: Upscaler, scale: int, mirrors: tuple[str, ...] = ()) -> None:
        self.upscaler = upscaler
        self.scale = scale
        self.mirrors = mirrors
        self.turned_gray = self.kept_gray = 0

    @property
    def description(self) -> str:
        """Name and network, such as "wqv1_x4_starter (RRDB x4 64/6/32, step 4000, gray only)"."""
        mirrored = f", averaged with {len(self.mirrors)} mirrored" if self.mirrors else ""
        return f"{self.upscaler.name} ({self.upscaler.description}){mirrored}"

    def enlarge(self, photo: np.ndarray, report: Callable[[int, int], None] | None = None) -> np.ndarray:
        """Enlarge a photo to uint8 [H*scale, W*scale, 3], with its mean color.

        Args:
            photo: uint8 [H, W, 3].
            report: called with the number of finished tiles and of all tiles.
        """
        runs, finished = 1 + len(self.mirrors), 0

        def run(picture: np.ndarray) -> np.ndarray:
            nonlocal finished
            progress = (lambda tiles, count: report(finished * count + tiles, runs * count)) if report else None
            result = self.upscaler(picture, progress)
            finished += 1
            return result

        with explain_out_of_memory("hold the result", hint="Or enlarge parts of the picture."):
            result = resize_result(average_mirrored(run, photo, self.mirrors), self.upscaler.spec.scale, self.scale)
            if has_color(photo) and not self.upscaler.gray:
                return match_mean_color(result, photo)
        self.turned_gray += has_color(photo)
        self.kept_gray += not self.upscaler.gray and not has_color(photo)
        return result

    def find_notices(self) -> Iterator[str]:
        """Yield sentences on the results so far."""
        if self.turned_gray:
            photos = f"{self.turned_gray} color photo{'s' * (self.turned_gray > 1)}"
            yield f"{self.upscaler.name} is a gray model; it turned {photos} gray."
        if self.kept_gray:
            yield describe_kept_gray(self.upscaler.name, self.kept_gray)
        if self.upscaler.is_unusable:
            yield self.upscaler.unusable_notice


def resize_result(pixels: np.ndarray, scale: int, wanted: int) -> np.ndarray:
    """Resize what a model of `scale` made to the scale `wanted`."""
    if wanted == scale:
        return pixels
    image = Image.fromarray(pixels)
    if wanted < scale:
        return np.array(image.reduce(scale // wanted))
    size = (image.width * wanted // scale, image.height * wanted // scale)
    return np.array(image.resize(size, Image.Resampling.BICUBIC))


class PhotoModels:
    """The models for photos, each loaded when the first photo needs it.

    Args:
        scale: 2, 4 or 8; None for 4 or, with `model`, for its scale.
        model: a weight file for all photos; None for the built-in models.
        best: average mirrored inputs where that helps.
        device: as for `Upscaler`.

    Attributes:
        hardware: the device and precision of all models.
        threads: receives the durations of tiles, if set.

    Raises:
        UserError: the arguments contradict each other, there are no built-in models, or `model` cannot be used.
    """

    def __init__(self, *, scale: int | None, model: Path | str | None, best: bool, device: str) -> None:
        if scale not in (None, *SCALES):
            raise UserError(f"--scale must be 2, 4 or 8, not {scale}.")
        if model is not None and best:
            raise UserError("--best is for the built-in models, whose cards say what helps. Omit --best or --model.")
        if model is None and not find_starters():
            raise UserError(describe_choice(()), hint="Name it with --model.")
        self.hardware = choose_upscaling_hardware(device)
        self.threads: TorchThreads | None = None
        self._scale, self._best, self._device = scale or DEFAULT_SCALE, best, device
        self._own = None if model is None else self._load_own(Path(model), scale)
        self._built_in: dict[str, PhotoModel] = {}
        self._notices: list[str] = []

    def choose(self, watch: Watch) -> PhotoModel:
        """Return the model for photos of a watch.

        Raises:
            UserError: there is no built-in model for it; the message names those that are present.
        """
        model = self._own or self._built_in.get(watch.kind) or self._load_built_in(watch)
        model.upscaler.threads = self.threads
        return model

    def find_notices(self) -> list[str]:
        """Return sentences on what the user may not expect of the results."""
        models = [self._own] if self._own else list(self._built_in.values())
        return [*self._notices, *(notice for model in models for notice in model.find_notices())]

    def _load_own(self, path: Path, scale: int | None) -> PhotoModel:
        upscaler = Upscaler(path, device=self._device)
        found = upscaler.spec.scale
        if scale not in (None, found):
            raise UserError(f"{path} enlarges x{found}, not x{scale}. Omit --scale, or choose another model.")
        return PhotoModel(upscaler, found)

    def _load_built_in(self, watch: Watch) -> PhotoModel:
        starter = choose_nearest_starter(watch, self._scale)
        upscaler = Upscaler(starter.path, device=self._device)
        if starter.scale != self._scale:
            missing = f"There is no built-in model for the {watch.kind} watch at x{self._scale}"
            self._notices.append(f"{missing}; the results are those of {starter.name}, resized.")
        if self._best and not starter.mirrors:
            self._notices.append(f"Averaging mirrored photos does not help {starter.name}: --best has no effect on it.")
        mirrors = starter.mirrors if self._best else ()
        model = self._built_in[watch.kind] = PhotoModel(upscaler, self._scale, mirrors)
        return model
