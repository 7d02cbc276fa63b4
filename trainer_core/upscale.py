"""Enlarge photos with a model: any picture, any RRDB file, in tiles where the picture is large.

A tile is computed with a margin around it that is cut off afterwards. What a pixel depends on reaches further than
the margin, but so weakly (each block adds a fifth of a fifth) that tiles agree with the whole picture within one
level of 255; no blending is needed.
"""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Optional

import numpy as np
import torch
import torch.nn.functional as F
from PIL import Image, ImageDraw
from torch import Tensor

from trainer_core.data.captures import read_captures
from trainer_core.data.photos import EXTENSIONS, PhotoError, decode
from trainer_core.errors import UserError
from trainer_core.files import atomic_write
from trainer_core.model.spec import NetworkSpec
from trainer_core.weights.network import load_network

DEFAULT_TILE = 256  # LR pixels; a watch's photo is one tile
MARGIN = 32  # LR pixels around a tile
_LUMA = (0.299, 0.587, 0.114)
_CAPTION = 14  # pixels above each picture of a comparison

Progress = Callable[[str, int, int], None]


@dataclass
class Upscaled:
    """What `upscale` did: the files written, and the inputs that could not be used with the reason."""

    written: list[Path] = field(default_factory=list)
    refused: list[tuple[Path, str]] = field(default_factory=list)


class Upscaler:
    """A model ready to enlarge pictures.

    Args:
        model: an RRDB weight file.
        device: "auto", "cuda" or "cpu".
        half: compute in fp16 (CUDA) or bf16 (CPU).
        tile: largest side of a tile in LR pixels, 0 for no tiling.

    Raises:
        UserError: the model cannot be used, or there is no such device.
    """

    def __init__(
        self, model: Path | str, *, device: str = "auto", half: bool = False, tile: int = DEFAULT_TILE
    ) -> None:
        if tile < 0 or 0 < tile < MARGIN:
            raise UserError(f"--tile {tile}: give at least {MARGIN} pixels, or 0 for no tiles.")
        self._device = _device(device)
        self._dtype = torch.float32 if not half else torch.float16 if self._device.type == "cuda" else torch.bfloat16
        network, source = load_network(model)
        self.name = source.path.stem
        self.spec: NetworkSpec = source.spec
        self._network = network.to(self._device, self._dtype)
        self._network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        self._tile = tile

    @torch.inference_mode()
    def __call__(self, image: np.ndarray, progress: Optional[Callable[[int, int], None]] = None) -> np.ndarray:
        """Enlarge `image`, uint8 [H, W, 3] -> uint8 [H*scale, W*scale, 3].

        Args:
            progress: called with the tiles done and their number.
        """
        height, width = image.shape[:2]
        scale = self.spec.scale
        lr = self._prepared(image)
        result = np.empty((height * scale, width * scale, 3), np.uint8)
        tiles = list(_tiles(lr.shape[2], lr.shape[3], self._tile, self.spec.unshuffle_factor))
        for done, (top, bottom, left, right) in enumerate(tiles):
            sr = self._tile_of(lr, top, bottom, left, right)
            target = result[
                top * scale : bottom * scale, left * scale : right * scale
            ]  # the filling-up is cut off here
            target[:] = sr[: target.shape[0], : target.shape[1]]
            if progress is not None:
                progress(done + 1, len(tiles))
        return result

    def _prepared(self, image: np.ndarray) -> Tensor:
        """[1, in, H', W'] in 0..1; H' and W' are filled up by reflection to what pixel-unshuffle needs."""
        lr = torch.from_numpy(np.array(image)).permute(2, 0, 1).float().div_(255)[None]
        if self.spec.num_in_ch == 1:
            lr = (lr * torch.tensor(_LUMA).view(1, 3, 1, 1)).sum(1, keepdim=True)
        factor = self.spec.unshuffle_factor
        return F.pad(lr, (0, -lr.shape[3] % factor, 0, -lr.shape[2] % factor), mode="reflect")

    def _tile_of(self, lr: Tensor, top: int, bottom: int, left: int, right: int) -> np.ndarray:
        """The enlarged window as uint8 [h, w, 3], computed with a margin."""
        start_y, start_x = max(top - MARGIN, 0), max(left - MARGIN, 0)
        window = lr[..., start_y : bottom + MARGIN, start_x : right + MARGIN]
        try:
            sr = self._network(window.to(self._device, self._dtype, memory_format=torch.channels_last))
        except torch.OutOfMemoryError as error:
            raise UserError(f"The {self._device.type} ran out of memory. Give a smaller --tile, such as 96.") from error
        scale = self.spec.scale
        y, x = (top - start_y) * scale, (left - start_x) * scale
        sr = sr[0, :, y : y + (bottom - top) * scale, x : x + (right - left) * scale]
        levels = sr.float().clamp_(0, 1).mul_(255).round_().to("cpu", torch.uint8)
        return levels.expand(3, -1, -1).permute(1, 2, 0).numpy()


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
    progress: Optional[Progress] = None,
) -> Upscaled:
    """Enlarge photos, folders of photos and watch files; writes `out_dir/NAME.png`.

    Args:
        compare: also write `NAME_compare.png`: bicubic, this model, and `compare_with` if given.
        progress: called with a picture's name, the tiles done and their number.

    Raises:
        UserError: a model cannot be used, there is no picture, or `out_dir` cannot be written to.
    """
    out_dir = Path(out_dir)
    files = list(_files([Path(image) for image in images]))
    ours = Upscaler(model, device=device, half=half, tile=tile)
    models = [ours] + ([Upscaler(compare_with, device=device, half=half, tile=tile)] if compare_with else [])
    done = Upscaled()
    names: set[str] = set()
    _make_folder(out_dir)
    for file in files:
        try:
            for name, picture in _pictures(file):
                target = out_dir / f"{_unused(name, names)}.png"
                _refuse_overwriting(target, files)
                done.written += _enlarge(picture, target, models, compare or compare_with is not None, progress)
        except UserError as error:
            done.refused.append((file, error.message))
    return done


def _enlarge(
    picture: np.ndarray, target: Path, models: list[Upscaler], compare: bool, progress: Optional[Progress]
) -> list[Path]:
    report = (lambda done, total: progress(target.stem, done, total)) if progress else None
    results = [(model.name, model(picture, report)) for model in (models if compare else models[:1])]
    _save(Image.fromarray(results[0][1]), target)
    if not compare:
        return [target]
    beside = target.with_name(f"{target.stem}_compare.png")
    _save(side_by_side(picture, results, models[0].spec.scale), beside)
    return [target, beside]


def side_by_side(lr: np.ndarray, results: Sequence[tuple[str, np.ndarray]], scale: int) -> Image.Image:
    """Bicubic and each model's result in a row, with their names above; results of other scales are fitted.

    Args:
        lr: uint8 [H, W, 3].
        results: (name, uint8 [h, w, 3]) of each model; two may bear the same name.
    """
    width, height = lr.shape[1] * scale, lr.shape[0] * scale
    panels = [(f"bicubic x{scale}", lr), *results]
    canvas = Image.new("RGB", (width * len(panels), height + _CAPTION))
    draw = ImageDraw.Draw(canvas)
    for place, (name, pixels) in enumerate(panels):
        picture = Image.fromarray(pixels)
        if picture.size != (width, height):
            picture = picture.resize((width, height), Image.Resampling.BICUBIC)
        canvas.paste(picture, (place * width, _CAPTION))
        draw.text((place * width + 4, 1), name.encode("ascii", "replace").decode("ascii"), fill="white")
    return canvas


def _files(images: list[Path]) -> Iterator[Path]:
    for image in images:
        if image.is_dir():
            found = sorted(p for p in image.iterdir() if p.suffix.lower() in EXTENSIONS | {".pdb"} and p.is_file())
            if not found:
                raise UserError(f"There is no photo in {image}.")
            yield from found
        elif image.exists():
            yield image
        else:
            raise UserError(f"There is no file {image}.")


def _pictures(file: Path) -> list[tuple[str, np.ndarray]]:
    """Name and uint8 [H, W, 3] of each picture in a file: watch photos with their true levels, or any photo."""
    try:
        return [(capture.name, _rgb(capture.pixels)) for capture in read_captures(file)]
    except UserError as error:
        if file.suffix.lower() not in EXTENSIONS:
            raise UserError(error.message) from error
    try:
        return [(file.stem, decode(file))]
    except PhotoError as error:
        raise UserError(f"{file} cannot be used: {error.message}.") from error


def _rgb(pixels: np.ndarray) -> np.ndarray:
    return np.repeat(pixels[..., None], 3, axis=2) if pixels.ndim == 2 else pixels


def _tiles(height: int, width: int, tile: int, multiple: int) -> Iterator[tuple[int, int, int, int]]:
    """Windows (top, bottom, left, right) that cover the picture; they begin at multiples of `multiple`."""
    step = tile // multiple * multiple or max(height, width)
    for top in range(0, height, step):
        for left in range(0, width, step):
            yield top, min(top + step, height), left, min(left + step, width)


def _device(name: str) -> torch.device:
    cuda = torch.cuda.is_available()
    if name == "cuda" and not cuda:
        raise UserError("--device cuda: this PyTorch finds no CUDA GPU. Use --device cpu.")
    return torch.device("cuda" if cuda and name != "cpu" else "cpu")


def _unused(name: str, names: set[str]) -> str:
    candidate, number = name, 1
    while candidate.lower() in names:
        number += 1
        candidate = f"{name}_{number}"
    names.add(candidate.lower())
    return candidate


def _refuse_overwriting(target: Path, files: list[Path]) -> None:
    if target.exists() and any(target.samefile(file) for file in files):
        raise UserError(f"{target} is one of the photos to enlarge. Choose another folder with -o.")


def _make_folder(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UserError(f"The folder {folder} cannot be made: {error.strerror}.") from error


def _save(image: Image.Image, path: Path) -> None:
    buffer = io.BytesIO()
    image.save(buffer, "PNG")
    with atomic_write(path) as file:
        file.write(buffer.getvalue())
