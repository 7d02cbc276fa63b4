"""Measuring a run as it goes: validations, the best one so far, the test, previews on screen and on disk."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import torch

from trainer_core.camera import Camera
from trainer_core.data.frames import validation_frames
from trainer_core.data.photos import Photo
from trainer_core.events import EventSink, Notice, PreviewImage, PreviewReady, Validated
from trainer_core.model.rrdb import RRDBNet
from trainer_core.planning.plan import RunPlan
from trainer_core.previews.files import file_name, image_keys, write_preview
from trainer_core.training.cameras import make_region_spec
from trainer_core.training.learner import Learner
from trainer_core.training.pinned_previews import PinnedPreviews
from trainer_core.training.saver import exported_weights
from trainer_core.training.validation import FRAME_SEED, MAX_FRAMES, Validator

_MIN_IMPROVEMENT = 1e-4  # dB; less is not a better model
_PLATEAU = 10  # validations without a better one before it is announced


@dataclass
class ValidationRecord:
    """What validations found so far; primitives only, kept in the checkpoint."""

    best_psnr: float | None = None
    best_step: int | None = None
    since_best: int = 0
    last: dict[str, Any] = field(default_factory=dict)
    test_psnr: float | None = None


class Evaluator:
    """Runs the average network, exactly as it would be exported, on fixed frames."""

    def __init__(self, plan: RunPlan, camera: Camera, learner: Learner, sink: EventSink) -> None:
        self.record = ValidationRecord()
        self._config = plan.config
        self._camera = camera
        self._learner = learner
        self._sink = sink
        self._folder = plan.workspace.previews
        self._ema_network = RRDBNet(plan.spec).to(learner.device)
        self._ema_network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        self._ema_network.requires_grad_(False)
        self._val = self._make_validator(plan.splits.val, "val")
        self._test = self._make_validator(plan.splits.test, "test")
        self._pinned = PinnedPreviews(
            plan.workspace.preview_photos,
            plan.spec,
            mono=plan.config.monochrome_style,
            device=learner.device,
            sink=sink,
        )

    def _make_validator(self, photos: Sequence[Photo], split: str) -> Validator | None:
        if not photos:
            return None
        region = make_region_spec(self._config, self._camera)
        frames = validation_frames(
            photos, region, seed=FRAME_SEED, limit=MAX_FRAMES[split], on_bad_photo=self._on_bad_photo
        )
        if not frames:
            return None
        return Validator(frames, self._camera, scale=self._config.scale, device=self._learner.device)

    def _on_bad_photo(self, name: str, reason: str) -> None:
        self._sink(Notice("warning", f"{name} could not be read for validation and is left out: {reason}"))

    @property
    def can_validate(self) -> bool:
        """Whether there is any photo to validate on."""
        return self._val is not None

    @property
    def has_plateaued(self) -> bool:
        """Whether `--early-stop` says that enough validations brought nothing better."""
        return self._config.early_stop is not None and self.record.since_best >= self._config.early_stop

    def estimate_validation_seconds(self) -> float:
        """An estimate from one frame, before the first validation."""
        if self._val is None:
            return 0.0
        self._load_ema_weights()
        started = time.monotonic()
        self._val.render(self._ema_network, 1)
        return (time.monotonic() - started) * (len(self._val) + len(self._pinned))

    def validate(self, step: int, *, with_preview: bool, with_test: bool = False) -> bool:
        """Measure and tell; True when this is the best model so far."""
        if self._val is None:
            if with_preview:
                self.preview(step)
            return False
        self._load_ema_weights()
        pictures = self._config.image_log_max_samples if with_preview else 0
        started = time.monotonic()
        found = self._val.measure(self._ema_network, pictures=pictures)
        is_best = self.record.best_psnr is None or found.psnr > self.record.best_psnr + _MIN_IMPROVEMENT
        self._update_record(step, found.psnr, found.ssim, is_best)
        base = self._val.baseline
        self._sink(
            Validated(
                step,
                "val",
                found.psnr,
                found.ssim,
                base.psnr,
                base.ssim,
                is_best,
                len(self._val),
                time.monotonic() - started,
            )
        )
        if with_preview:
            self._emit_preview(step, found.render)
        if is_best or with_test:
            self._measure_test(step, is_best)
        return is_best

    def preview(self, step: int) -> None:
        """Pictures only."""
        self._load_ema_weights()
        count = self._config.image_log_max_samples
        self._emit_preview(step, self._val.render(self._ema_network, count) if self._val is not None else ())

    def _measure_test(self, step: int, is_best: bool) -> None:
        if self._test is None:
            return
        started = time.monotonic()
        found, base = self._test.measure(self._ema_network), self._test.baseline
        if is_best:
            self.record.test_psnr = found.psnr
        self._sink(
            Validated(
                step,
                "test",
                found.psnr,
                found.ssim,
                base.psnr,
                base.ssim,
                is_best,
                len(self._test),
                time.monotonic() - started,
            )
        )

    def _update_record(self, step: int, psnr: float, ssim: float, is_best: bool) -> None:
        record, base = self.record, self._val.baseline if self._val else None
        record.last = {"step": step, "psnr": psnr, "ssim": ssim, "bicubic_psnr": base.psnr if base else None}
        if is_best:
            record.best_psnr, record.best_step, record.since_best = psnr, step, 0
            return
        record.since_best += 1
        if record.since_best == _PLATEAU and self._config.early_stop is None:
            self._sink(
                Notice(
                    "info",
                    f"PSNR has not improved for {_PLATEAU} validations; the best was at step {record.best_step}.",
                )
            )

    def _load_ema_weights(self) -> None:
        self._ema_network.load_state_dict(exported_weights(self._learner.ema.state(), self._config))

    def _emit_preview(self, step: int, frames: tuple[PreviewImage, ...]) -> None:
        samples = (*frames, *self._pinned.render(self._ema_network))
        files = []
        for key, sample in zip(image_keys(samples), samples):
            path = self._folder / file_name(step, key)
            try:
                write_preview(sample, path)
                files.append(str(path))
            except OSError as error:
                self._sink(Notice("warning", f"The preview could not be written: {error}"))
                break
        if samples:
            self._sink(PreviewReady(step, samples, tuple(files)))
