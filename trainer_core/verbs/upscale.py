"""Upscaling of pictures with any RRDB model; large pictures are computed in tiles.

A tile is computed with a margin that is then removed. The receptive field is larger than the margin, but its outer part
has so little weight (each block adds a fifth of a fifth) that tiles match the whole picture within one of 255 levels
without blending.
"""

from __future__ import annotations

import copy
import hashlib
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from trainer_core.errors import UserError, explain_out_of_memory
from trainer_core.files import file_identity, unique_name
from trainer_core.input_files import read_regular
from trainer_core.model.rrdb import RRDBNet
from trainer_core.model.spec import NetworkSpec
from trainer_core.pixels import has_color, luma, to_tensor, to_uint8
from trainer_core.planning.hardware import Hardware, choose_hardware
from trainer_core.settings.config import SETTINGS, TrainerConfig
from trainer_core.thread_choice import TorchThreads
from trainer_core.verbs.output_files import (
    describe_comparison,
    describe_enlargement,
    make_folder,
    refuse_mixing,
    refuse_overwriting,
    refuse_replacing_others,
    save_png,
)
from trainer_core.verbs.picture_files import Picture, compose_comparison, find_pictures, read_pictures
from trainer_core.weights.blend import blend_states, check_same_dimensions
from trainer_core.weights.network import load_network

DEFAULT_TILE = 256  # LR pixels; a watch photo fits into one tile
TILE_MARGIN = 32  # LR pixels around a tile
_SAMPLING, _FAR, _UNUSABLE_SHARE = 4, 0.5, 0.9  # of the check for results that are no picture
_MEMORY_HINT = "Or use a smaller --tile, such as 96."

TileProgress = Callable[[str, int, int], None]


@dataclass
class UpscaleResult:
    """The outcome of `upscale`.

    Args:
        written: files written.
        made_gray: number of color photos that a gray model turned gray.
        refused: files that cannot be used, with the reason.
        notices: sentences for the user.
    """

    written: list[Path] = field(default_factory=list)
    made_gray: int = 0
    notices: list[str] = field(default_factory=list)
    refused: list[tuple[Path, str]] = field(default_factory=list)


@dataclass(frozen=True)
class Tile:
    """A finished tile of the upscaled picture: uint8 [h, w, 3] with its first pixel at (top, left)."""

    top: int
    left: int
    pixels: np.ndarray
    number: int  # from 1
    count: int

    def paste_into(self, picture: np.ndarray) -> None:
        """Copy the pixels to their position in the upscaled picture."""
        height, width = self.pixels.shape[:2]
        picture[self.top : self.top + height, self.left : self.left + width] = self.pixels


class Upscaler:
    """A model ready to upscale pictures; what it makes of a gray picture is reduced to its luma, so that it stays gray.

    Args:
        model: an RRDB weight file.
        device: "auto", "cpu", "cuda", "cuda:N", "mps" or "xpu".
        half: compute in fp16 (GPU) or bf16 (CPU).
        tile: side of a tile in LR pixels, 0 for no tiling.

    Attributes:
        sha256: that of the weight file, hexadecimal; "" for a blend.
        threads: receives the duration of each tile, if the number of torch's threads follows it.

    Raises:
        UserError: the model cannot be used, the tile is too small, or the device is not available.
    """

    def __init__(
        self, model: Path | str, *, device: str = "auto", half: bool = False, tile: int = DEFAULT_TILE
    ) -> None:
        if tile < 0 or 0 < tile < TILE_MARGIN:
            raise UserError(f"--tile must be 0 (no tiles) or at least {TILE_MARGIN}, not {tile}.")
        self.hardware = choose_upscaling_hardware(device)
        self._device = self.hardware.torch_device
        self._dtype = torch.float32 if not half else torch.float16 if self.hardware.kind != "cpu" else torch.bfloat16
        with explain_out_of_memory("load the model"):
            network, source = load_network(model)
        self.name = source.path.stem
        self.sha256 = hashlib.sha256(read_regular(source.path)).hexdigest()
        self.description = source.spec.describe()
        step = source.meta.get("step")
        if isinstance(step, int):
            self.description += f", step {step}"
        self.spec: NetworkSpec = source.spec
        self.gray = _produces_gray(network)
        if self.gray:
            self.description += ", gray only"
        self._network = network.to(self._device, self._dtype)
        self._network.to(memory_format=self.hardware.memory_format)  # type: ignore[call-overload]
        self._tile = tile
        self.threads: TorchThreads | None = None
        self._sampled = self._far_outside = 0  # values of all results so far

    @property
    def scale(self) -> int:
        """The factor of the results."""
        return self.spec.scale

    def blend_with(self, other: Upscaler, share: float) -> Upscaler:
        """Return a model whose weights are a mixture: (1 - share) * this one + share * `other`.

        Raises:
            UserError: the networks have different dimensions.
        """
        check_same_dimensions(self.name, self.spec, other.name, other.spec)
        blend = copy.copy(self)
        blend.name, blend.sha256 = f"{self.name} with {share:.0%} of {other.name}", ""
        blend._network = copy.deepcopy(self._network)
        blend._network.load_state_dict(blend_states(self._network.state_dict(), other._network.state_dict(), share))
        blend.gray = self.gray and other.gray
        blend._sampled = blend._far_outside = 0
        return blend

    @property
    def is_unusable(self) -> bool:
        """Whether almost all results so far lie far outside of 0..1, which makes pictures of black and white alone."""
        return self._far_outside > _UNUSABLE_SHARE * self._sampled

    @property
    def unusable_notice(self) -> str:
        """The sentences for the user about unusable results."""
        return (
            f"Almost all results of {self.name} lie far outside of the range of a picture, so its pictures are black "
            "and white. Its weights are damaged; use another model."
        )

    def __call__(self, image: np.ndarray, progress: Callable[[int, int], None] | None = None) -> np.ndarray:
        """Upscale a picture to uint8 [H*scale, W*scale, 3].

        Args:
            image: uint8 [H, W, 3].
            progress: called with the number of finished tiles and of all tiles.
        """
        with explain_out_of_memory("hold the result", hint="Or upscale parts of the picture."):
            result = np.empty((image.shape[0] * self.spec.scale, image.shape[1] * self.spec.scale, 3), np.uint8)
        for tile in self.iterate_tiles(image):
            tile.paste_into(result)
            if progress is not None:
                progress(tile.number, tile.count)
        return result

    @torch.inference_mode()
    def iterate_tiles(self, image: np.ndarray) -> Iterator[Tile]:
        """Upscale a picture tile by tile, so that the caller can stop in between.

        Args:
            image: uint8 [H, W, 3].
        """
        height, width = (side * self.spec.scale for side in image.shape[:2])
        lr, scale, is_gray = self._to_input(image), self.spec.scale, not has_color(image)
        windows = list(_iterate_windows(lr.shape[2], lr.shape[3], self._tile, self.spec.unshuffle_factor))
        for number, (top, bottom, left, right) in enumerate(windows, 1):
            started = time.monotonic()
            sr = self._upscale_window(lr, top, bottom, left, right, is_gray=is_gray)
            if self.threads is not None:
                pixels = (bottom - top + 2 * TILE_MARGIN) * (right - left + 2 * TILE_MARGIN)
                self.threads.add_step((time.monotonic() - started) / pixels)  # the last tiles of a row are smaller
            inside = sr[: height - top * scale, : width - left * scale]  # without the padding of `_to_input`
            yield Tile(top * scale, left * scale, inside, number, len(windows))

    def _to_input(self, image: np.ndarray) -> Tensor:
        """Return the picture as [1, in, H', W'] in 0..1, padded by reflection to multiples for pixel-unshuffle."""
        lr = to_tensor(image)[None]
        if self.spec.num_in_ch == 1:
            lr = luma(lr)
        factor = self.spec.unshuffle_factor
        return F.pad(lr, (0, -lr.shape[3] % factor, 0, -lr.shape[2] % factor), mode="reflect")

    def _upscale_window(self, lr: Tensor, top: int, bottom: int, left: int, right: int, *, is_gray: bool) -> np.ndarray:
        """Upscale a window, computed with a margin, to uint8 [h, w, 3], in gray if the picture is.

        Raises:
            UserError: the memory is not enough, or the results are not finite.
        """
        start_y, start_x = max(top - TILE_MARGIN, 0), max(left - TILE_MARGIN, 0)
        window = lr[..., start_y : bottom + TILE_MARGIN, start_x : right + TILE_MARGIN]
        with explain_out_of_memory(f"upscale on {self._device.type}", hint=_MEMORY_HINT):
            sr = self._network(window.to(self._device, self._dtype, memory_format=self.hardware.memory_format))
            sampled = sr[..., ::_SAMPLING, ::_SAMPLING]
            self._far_outside += int(((sampled - 0.5).abs() > 0.5 + _FAR).sum())
            self._sampled += sampled.numel()
        if not bool(sr.isfinite().all()):
            advice = "Use another model." if self._dtype == torch.float32 else "Try it without --half."
            raise UserError(f"The results of {self.name} are not finite (NaN or infinity). {advice}")
        scale = self.spec.scale
        y, x = (top - start_y) * scale, (left - start_x) * scale
        inside = sr[0, :, y : y + (bottom - top) * scale, x : x + (right - left) * scale]
        if is_gray and not self.gray:
            inside = luma(inside.float().clamp(0, 1))
        return to_uint8(inside.expand(3, -1, -1))


def upscale(
    model: Path | str,
    images: Sequence[Path | str],
    out_dir: Path | str,
    *,
    half: bool = False,
    tile: int = DEFAULT_TILE,
    device: str = "auto",
    compare: bool = False,
    compare_with: Path | str | None = None,
    progress: TileProgress | None = None,
) -> UpscaleResult:
    """Upscale photos, folders of photos and watch files, and write `out_dir/NAME.png` for each picture.

    Args:
        model: an RRDB weight file.
        images: files, and folders with their subfolders, but for `out_dir`.
        out_dir: folder for the results, created if missing.
        half: compute in fp16 (GPU) or bf16 (CPU).
        tile: side of a tile in LR pixels, 0 for no tiling.
        device: "auto", "cpu", "cuda", "cuda:N", "mps" or "xpu".
        compare: also write `NAME_compare.png` with bicubic, this model, and `compare_with` if given.
        compare_with: a second model for the comparison; implies `compare`.
        progress: called with the name of a picture, the number of its finished tiles and of all its tiles.

    Raises:
        UserError: a model cannot be used, there is no picture, or `out_dir` cannot be created.
    """
    out_dir = Path(out_dir)
    paths = [Path(image) for image in images]
    refuse_mixing(paths, out_dir)
    files = list(find_pictures(paths, results=out_dir))
    upscaler = Upscaler(model, device=device, half=half, tile=tile)
    models = [upscaler] + ([Upscaler(compare_with, device=device, half=half, tile=tile)] if compare_with else [])
    compare = compare or compare_with is not None
    done = UpscaleResult()
    names: set[str] = set()
    kept_gray = 0
    inputs = {file_identity(file) for file in files}
    make_folder(out_dir)
    with TorchThreads(can_change=upscaler.hardware.kind == "cpu") as upscaler.threads:
        for file in files:
            try:
                with explain_out_of_memory("read the picture"):
                    pictures = read_pictures(file)
                for picture in pictures:
                    target = out_dir / f"{unique_name(picture.name, names)}.png"
                    refuse_overwriting(target, inputs, "one of the photos to upscale. Choose another folder or name.")
                    for written in (target, _comparison_of(target)) if compare else (target,):
                        refuse_replacing_others(written)
                    done.written += _upscale_picture(picture, file, target, models, compare, progress)
                    done.made_gray += upscaler.gray and has_color(picture.pixels)
                    kept_gray += not upscaler.gray and not has_color(picture.pixels)
            except UserError as error:
                done.refused.append((file, str(error) if str(file) in str(error) else f"{file}: {error}"))
    done.notices = [model.unusable_notice for model in models if model.is_unusable]
    if kept_gray:
        done.notices.append(describe_kept_gray(upscaler.name, kept_gray))
    return done


def describe_kept_gray(model: str, count: int) -> str:
    """Return the sentence about gray photos whose results a color model would have tinted."""
    if count == 1:
        return f"1 gray photo stays gray: {model} is a color model, and only the brightness of its result is used."
    return f"{count} gray photos stay gray: {model} is a color model, and only the brightness of its results is used."


@explain_out_of_memory("upscale", hint=_MEMORY_HINT)
def _upscale_picture(
    picture: Picture, file: Path, target: Path, models: list[Upscaler], compare: bool, progress: TileProgress | None
) -> list[Path]:
    report = (lambda done, total: progress(target.stem, done, total)) if progress else None
    results = [(model.name, model(picture.pixels, report)) for model in (models if compare else models[:1])]
    scale, made_by = models[0].scale, [(f"{model.name} ({model.description})", model.sha256) for model in models]
    text = describe_enlargement(picture.name, file, scale, *made_by[0])
    save_png(results[0][1], target, text=text, taken=picture.taken)
    if not compare:
        return [target]
    comparison, text = _comparison_of(target), describe_comparison(picture.name, file, scale, made_by)
    save_png(compose_comparison(picture.pixels, results, scale), comparison, text=text, taken=picture.taken)
    return [target, comparison]


def _comparison_of(target: Path) -> Path:
    return target.with_name(f"{target.stem}_compare.png")


def _iterate_windows(height: int, width: int, tile: int, multiple: int) -> Iterator[tuple[int, int, int, int]]:
    """Yield windows (top, bottom, left, right) that cover the picture and begin at multiples of `multiple`."""
    step = tile // multiple * multiple or max(height, width)
    for top in range(0, height, step):
        for left in range(0, width, step):
            yield top, min(top + step, height), left, min(left + step, width)


def _produces_gray(network: RRDBNet) -> bool:
    """Whether every output is gray: the last layer computes the same value for all channels."""
    last = network.conv_last
    return all(torch.equal(values, values[:1].expand_as(values)) for values in last.parameters())


def choose_upscaling_hardware(device: str) -> Hardware:
    """Choose the device on which a model runs.

    Raises:
        UserError: `device` is none of the known ones, or is not available.
    """
    problem = SETTINGS["device"].problem(device)
    if problem:
        raise UserError(problem)
    return choose_hardware(TrainerConfig(device=device, amp=False))
