"""Measuring a network on fixed synthetic frames: PSNR, SSIM and sharpness beside bicubic, and preview images.

`evaluation` uses one `Validator` per split. Its frames are made once, with camera parameters that never change, so
that all validations of a run and of its resumed sessions are comparable. Between validations the frames wait on the
CPU, targets with 16 bits per value. Networks run in float32, like the exported file.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor, nn

from trainer_core.camera import Camera
from trainer_core.camera.precision import disable_tf32
from trainer_core.data.frames import Frame
from trainer_core.events import PreviewImage
from trainer_core.pixels import enlarge_bicubic, round_to_8bit, to_tensor, to_uint8
from trainer_core.training.batches import Batch, make_frame_batch
from trainer_core.training.losses import l1
from trainer_core.training.metrics import cut_border, grain, psnr, spectrum_distance, ssim

FRAME_SEED = 0x57515631  # validation frames do not depend on the run's seed
_LEVELS = 65535  # of the stored targets
_MIN_SPREAD = 0.01  # standard deviation of a target that is not flat itself


@dataclass(frozen=True)
class ValidationResult:
    """Means over the frames of one split, PSNR in dB, and preview images of the first frames.

    `spectrum` is the spectrum distance in dB and `grain` in levels of 255, both None if they were not measured.
    `contrast` is the standard deviation of the frames divided by that of their targets, over targets that have any.
    `l1` is the mean absolute pixel error of whole frames, not rounded, as the training loss has it.
    """

    psnr: float
    ssim: float
    images: tuple[PreviewImage, ...] = ()
    contrast: float = 1.0
    spectrum: float | None = None
    grain: float | None = None
    l1: float = 0.0


class _Scores(NamedTuple):
    """Scores of one frame; spectrum distance and grain only if they are measured."""

    psnr: float
    ssim: float
    l1: float
    spectrum: float | None = None
    grain: float | None = None


@dataclass(frozen=True)
class _FrameCase:
    """A frame, on the CPU.

    Attributes:
        name: name of the photo.
        lr: [1, 3, h, w] in 0..1.
        target: uint16 [1, 1 or 3, h*scale, w*scale]; one channel if all are equal.
        spread: standard deviation of the target.
        bicubic_psnr: PSNR of bicubic enlargement.
    """

    name: str
    lr: Tensor
    target: np.ndarray
    spread: float
    bicubic_psnr: float

    def upload_lr(self, device: torch.device) -> Tensor:
        """Return the LR image on `device`."""
        return self.lr.to(device)

    def upload_target(self, device: torch.device) -> Tensor:
        """Return the target [1, 3, h*scale, w*scale] in 0..1 on `device`."""
        return torch.from_numpy(self.target.astype(np.float32)).to(device).div_(_LEVELS).expand(-1, 3, -1, -1)


class Validator:
    """Fixed frames of one split; `baseline` holds the scores of bicubic enlargement on them.

    `check_stop` is called between frames; what it raises ends the work on them. `report` is called with the number of
    each frame that is measured, from 1, and of all frames. `measures_sharpness` adds spectrum distance and grain.
    """

    @disable_tf32()
    def __init__(
        self,
        frames: Sequence[Frame],
        camera: Camera,
        *,
        scale: int,
        device: torch.device,
        check_stop: Callable[[], None] = lambda: None,
        report: Callable[[int, int], None] = lambda number, total: None,
        measures_sharpness: bool = False,
    ) -> None:
        self._check_stop, self._report = check_stop, report
        self._measures_sharpness = measures_sharpness
        self._scale, self._device = scale, device
        self._cases: list[_FrameCase] = []
        scores = []
        for index, frame in enumerate(frames):
            check_stop()
            batch = make_frame_batch(frame, camera, seed=FRAME_SEED, index=index, device=device)
            case = _make_case(frame.name, batch)
            enlarged = to_tensor(_enlarge_lr(case, scale), device)[None]
            target = case.upload_target(device)
            scores.append(self._compute_scores(enlarged, target))
            self._cases.append(replace(case, spread=float(target.std()), bicubic_psnr=scores[-1].psnr))
        self.baseline = _mean_result(scores)

    def __len__(self) -> int:
        return len(self._cases)

    @torch.no_grad()
    @disable_tf32()
    def measure(self, network: nn.Module, *, image_count: int = 0) -> ValidationResult:
        """Measure `network` on every frame; the first `image_count` frames are returned as preview images."""
        network.eval()
        scores: list[_Scores] = []
        images: list[PreviewImage] = []
        contrasts: list[float] = []
        for number, case in enumerate(self._cases, 1):
            self._check_stop()
            self._report(number, len(self._cases))
            sr, score = self._run(network, case)
            scores.append(score)
            if case.spread > _MIN_SPREAD:
                contrasts.append(float(round_to_8bit(sr).std()) / case.spread)
            if len(images) < image_count:
                images.append(_make_image(case, sr, score.psnr, self._scale))
        return replace(_mean_result(scores, tuple(images)), contrast=float(np.mean(contrasts)) if contrasts else 1.0)

    @torch.no_grad()
    @disable_tf32()
    def render(
        self, network: nn.Module, count: int, *, report: Callable[[int, int], None] = lambda number, total: None
    ) -> tuple[PreviewImage, ...]:
        """Run `network` on the first `count` frames only and return their preview images; `report` receives these."""
        network.eval()
        images: list[PreviewImage] = []
        cases = self._cases[:count]
        for number, case in enumerate(cases, 1):
            self._check_stop()
            report(number, len(cases))
            sr, score = self._run(network, case)
            images.append(_make_image(case, sr, score.psnr, self._scale))
        return tuple(images)

    def _run(self, network: nn.Module, case: _FrameCase) -> tuple[Tensor, _Scores]:
        sr = network(case.upload_lr(self._device))
        return sr, self._compute_scores(sr, case.upload_target(self._device))

    def _compute_scores(self, sr: Tensor, hr: Tensor) -> _Scores:
        a, b = cut_border(round_to_8bit(sr), self._scale), cut_border(hr, self._scale)
        scores = _Scores(float(psnr(a, b)), float(ssim(a, b)), float(l1(sr, hr)))
        if not self._measures_sharpness:
            return scores
        a, b = a.cpu(), b.cpu()
        return scores._replace(spectrum=float(spectrum_distance(a, b)), grain=float(grain(a, b)))


def _mean_result(scores: list[_Scores], images: tuple[PreviewImage, ...] = ()) -> ValidationResult:
    psnrs, ssims, errors, spectra, grains = zip(*scores)
    return ValidationResult(
        float(np.mean(psnrs)),
        float(np.mean(ssims)),
        images,
        spectrum=_mean_known(spectra),
        grain=_mean_known(grains),
        l1=float(np.mean(errors)),
    )


def _mean_known(values: Sequence[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return float(np.mean(known)) if known else None


def _make_case(name: str, batch: Batch) -> _FrameCase:
    hr = batch.hr[:, :1] if batch.hr.stride(1) == 0 else batch.hr  # a mono target repeats one channel
    target = (hr.clamp(0, 1) * _LEVELS).round().cpu().numpy().astype(np.uint16)
    return _FrameCase(name, batch.lr.cpu().contiguous(), target, spread=0.0, bicubic_psnr=0.0)


def _enlarge_lr(case: _FrameCase, scale: int) -> np.ndarray:
    """Enlarge the LR image, rounded to 8 bits, to uint8 [h*scale, w*scale, 3]."""
    return enlarge_bicubic(to_uint8(case.lr)[0], scale)


def _make_image(case: _FrameCase, output: Tensor, score: float, scale: int) -> PreviewImage:
    lr, sr, hr = (to_uint8(image)[0] for image in (case.lr, output, case.upload_target(torch.device("cpu"))))
    return PreviewImage(case.name, lr, sr, hr, _enlarge_lr(case, scale), score, case.bicubic_psnr)
