"""How good the exported network is: fixed synthetic frames, PSNR and SSIM beside bicubic, and pictures.

The frames are made once, with camera parameters that never change, so that every validation of a run (and of
its resumed parts) measures the same thing. Networks run in float32, as the exported file will.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

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


@dataclass(frozen=True)
class ValidationResult:
    """Means over the frames of one split; PSNR in dB."""

    psnr: float
    ssim: float
    render: tuple[PreviewImage, ...] = ()


@dataclass(frozen=True)
class _FrameCase:
    name: str
    pair: Batch
    bicubic: Tensor
    bicubic_psnr: float


class Validator:
    """The fixed frames of one split, and what bicubic makes of them (`baseline`)."""

    def __init__(self, frames: Sequence[Frame], camera: Camera, *, scale: int, device: torch.device) -> None:
        self._scale = scale
        self._cases: list[_FrameCase] = []
        scores = []
        for index, frame in enumerate(frames):
            pair = make_frame_batch(frame, camera, seed=FRAME_SEED, index=index, device=device)
            enlarged = _enlarge_lr(pair.lr, scale)
            score = self._compute_scores(enlarged, pair.hr)
            scores.append(score)
            self._cases.append(_FrameCase(frame.name, pair, enlarged, score[0]))
        self.baseline = _mean_result(scores)

    def __len__(self) -> int:
        return len(self._cases)

    @torch.no_grad()
    def measure(self, network: nn.Module, *, pictures: int = 0) -> ValidationResult:
        """Run `network` on every frame; the first `pictures` of them come back as samples."""
        network.eval()
        scores: list[tuple[float, float]] = []
        samples: list[PreviewImage] = []
        for case in self._cases:
            sr = network(case.pair.lr)
            score = self._compute_scores(sr, case.pair.hr)
            scores.append(score)
            if len(samples) < pictures:
                samples.append(_make_sample(case, sr, score[0]))
        return _mean_result(scores, tuple(samples))

    @torch.no_grad()
    def render(self, network: nn.Module, count: int) -> tuple[PreviewImage, ...]:
        """The first `count` frames through `network`, without measuring the others."""
        network.eval()
        samples: list[PreviewImage] = []
        for case in self._cases[:count]:
            sr = network(case.pair.lr)
            samples.append(_make_sample(case, sr, self._compute_scores(sr, case.pair.hr)[0]))
        return tuple(samples)

    def _compute_scores(self, sr: Tensor, hr: Tensor) -> tuple[float, float]:
        a, b = cut_border(round_to_8bit(sr), self._scale), cut_border(hr, self._scale)
        return float(psnr(a, b)), float(ssim(a, b))


def _mean_result(scores: list[tuple[float, float]], pictures: tuple[PreviewImage, ...] = ()) -> ValidationResult:
    psnrs, ssims = zip(*scores)
    return ValidationResult(float(np.mean(psnrs)), float(np.mean(ssims)), pictures)


def _enlarge_lr(lr: Tensor, scale: int) -> Tensor:
    """Enlarge the LR image [1, 3, h, w], rounded to 8 bit, to [1, 3, h*scale, w*scale] in 0..1."""
    return to_tensor(enlarge_bicubic(to_uint8(lr)[0], scale))[None].to(lr.device)


def _make_sample(case: _FrameCase, output: Tensor, score: float) -> PreviewImage:
    lr, sr, hr, enlarged = (to_uint8(image)[0] for image in (case.pair.lr, output, case.pair.hr, case.bicubic))
    return PreviewImage(case.name, lr, sr, hr, enlarged, score, case.bicubic_psnr)
