"""Measuring a network on fixed synthetic frames: PSNR and SSIM beside bicubic, and preview images.

`evaluation` uses one `Validator` per split. Its frames are made once, with camera parameters that never change, so
that all validations of a run and of its resumed sessions are comparable. Networks run in float32, like the exported
file.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor, nn

from trainer_core.camera import Camera
from trainer_core.data.frames import Frame
from trainer_core.events import PreviewImage
from trainer_core.pixels import enlarge_bicubic, round_to_8bit, to_tensor, to_uint8
from trainer_core.training.batches import Batch, make_frame_batch
from trainer_core.training.metrics import cut_border, psnr, ssim

FRAME_SEED = 0x57515631  # validation frames do not depend on the run's seed
MAX_FRAMES = {"val": 24, "test": 12}
_MIN_SPREAD = 0.01  # standard deviation of a target that is not flat itself


@dataclass(frozen=True)
class ValidationResult:
    """Means over the frames of one split, PSNR in dB, and preview images of the first frames.

    `contrast` is the standard deviation of the frames divided by that of their targets, over targets that have any.
    """

    psnr: float
    ssim: float
    images: tuple[PreviewImage, ...] = ()
    contrast: float = 1.0


@dataclass(frozen=True)
class _FrameCase:
    name: str
    batch: Batch
    bicubic: Tensor
    bicubic_psnr: float


class Validator:
    """Fixed frames of one split; `baseline` holds the scores of bicubic enlargement on them.

    `check_stop` is called between frames; what it raises ends the work on them.
    """

    def __init__(
        self,
        frames: Sequence[Frame],
        camera: Camera,
        *,
        scale: int,
        device: torch.device,
        check_stop: Callable[[], None] = lambda: None,
    ) -> None:
        self._check_stop = check_stop
        self._scale = scale
        self._cases: list[_FrameCase] = []
        scores = []
        for index, frame in enumerate(frames):
            check_stop()
            batch = make_frame_batch(frame, camera, seed=FRAME_SEED, index=index, device=device)
            enlarged = _enlarge_lr(batch.lr, scale)
            score = self._compute_scores(enlarged, batch.hr)
            scores.append(score)
            self._cases.append(_FrameCase(frame.name, batch, enlarged, score[0]))
        self.baseline = _mean_result(scores)

    def __len__(self) -> int:
        return len(self._cases)

    @torch.no_grad()
    def measure(self, network: nn.Module, *, image_count: int = 0) -> ValidationResult:
        """Measure `network` on every frame; the first `image_count` frames are returned as preview images."""
        network.eval()
        scores: list[tuple[float, float]] = []
        images: list[PreviewImage] = []
        contrasts: list[float] = []
        for case in self._cases:
            self._check_stop()
            sr = network(case.batch.lr)
            score = self._compute_scores(sr, case.batch.hr)
            scores.append(score)
            spread = float(case.batch.hr.std())
            if spread > _MIN_SPREAD:
                contrasts.append(float(round_to_8bit(sr).std()) / spread)
            if len(images) < image_count:
                images.append(_make_image(case, sr, score[0]))
        return replace(_mean_result(scores, tuple(images)), contrast=float(np.mean(contrasts)) if contrasts else 1.0)

    @torch.no_grad()
    def render(self, network: nn.Module, count: int) -> tuple[PreviewImage, ...]:
        """Run `network` on the first `count` frames only and return their preview images."""
        network.eval()
        images: list[PreviewImage] = []
        for case in self._cases[:count]:
            self._check_stop()
            sr = network(case.batch.lr)
            images.append(_make_image(case, sr, self._compute_scores(sr, case.batch.hr)[0]))
        return tuple(images)

    def _compute_scores(self, sr: Tensor, hr: Tensor) -> tuple[float, float]:
        a, b = cut_border(round_to_8bit(sr), self._scale), cut_border(hr, self._scale)
        return float(psnr(a, b)), float(ssim(a, b))


def _mean_result(scores: list[tuple[float, float]], images: tuple[PreviewImage, ...] = ()) -> ValidationResult:
    psnrs, ssims = zip(*scores)
    return ValidationResult(float(np.mean(psnrs)), float(np.mean(ssims)), images)


def _enlarge_lr(lr: Tensor, scale: int) -> Tensor:
    """Enlarge an LR image [1, 3, h, w], rounded to 8 bits, to [1, 3, h*scale, w*scale] in 0..1."""
    return to_tensor(enlarge_bicubic(to_uint8(lr)[0], scale))[None].to(lr.device)


def _make_image(case: _FrameCase, output: Tensor, score: float) -> PreviewImage:
    lr, sr, hr, enlarged = (to_uint8(image)[0] for image in (case.batch.lr, output, case.batch.hr, case.bicubic))
    return PreviewImage(case.name, lr, sr, hr, enlarged, score, case.bicubic_psnr)
