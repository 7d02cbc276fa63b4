"""Evaluation during a run: validations and the best one so far, tests, and previews on screen and on disk.

`loop` calls `Evaluator.validate` and `Evaluator.preview` when they are due.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields, replace
from typing import Any

from torch import nn

from trainer_core.camera import Camera
from trainer_core.control import Activity, RunControl, Stopped
from trainer_core.data.frames import MAX_FRAMES, validation_frames
from trainer_core.data.photos import Photo
from trainer_core.events import SAME_FRAMES_TOLERANCE, EventSink, Notice, PreviewImage, PreviewReady, Validated
from trainer_core.files import describe_error
from trainer_core.model.rrdb import RRDBNet
from trainer_core.planning.plan import RunPlan
from trainer_core.previews.files import file_name, image_keys, write_preview
from trainer_core.training.cameras import make_region_spec
from trainer_core.training.checkpoint import compute_digest
from trainer_core.training.divergence import DivergenceDetector, can_be_best
from trainer_core.training.edges import EdgeExtender
from trainer_core.training.failures import Diverged, explain_validation_memory
from trainer_core.training.interruption import make_interruptible
from trainer_core.training.learner import Learner
from trainer_core.training.pinned_previews import PinnedPreviews
from trainer_core.training.saver import make_export_state
from trainer_core.training.validation import FRAME_SEED, ValidationResult, Validator
from trainer_core.verdict import PLATEAU

_MIN_IMPROVEMENT = 1e-4  # dB by which the PSNR of a new best must exceed that of the previous one
_MIN_SPECTRUM_IMPROVEMENT = 0.01  # dB by which its spectrum distance must be smaller, if that decides
_MAX_PSNR_LOSS = 0.6  # dB below the highest PSNR of the run, for a new best by spectrum distance
_TEST_BICUBIC = "test_bicubic_psnr"


@dataclass
class ValidationRecord:
    """Results of the validations so far; primitives only, stored in the checkpoint.

    `best_spectrum` and `highest_psnr` exist where the spectrum distance decides which validation is the best.
    """

    best_psnr: float | None = None
    best_step: int | None = None
    since_best: int = 0
    last: dict[str, Any] = field(default_factory=dict)
    test_psnr: float | None = None
    best_spectrum: float | None = None
    highest_psnr: float | None = None

    def as_dict(self) -> dict[str, Any]:
        """Return the record for a checkpoint, as earlier versions wrote it where the PSNR decides."""
        own = ("best_spectrum", "highest_psnr")
        return {name: value for name, value in asdict(self).items() if name not in own or value is not None}

    @classmethod
    def restore(cls, values: Mapping[str, Any]) -> ValidationRecord:
        """Return the record of a checkpoint, without keys that this version does not know and figures that are NaN."""
        known = {entry.name for entry in fields(cls)}
        return cls(**{name: value for name, value in values.items() if name in known and value == value})


class Evaluator:
    """Evaluator of the EMA network, exactly as it would be exported, on fixed frames and pinned photos.

    A stop ends a validation or a preview, which then changes no record and emits nothing. `control` also learns of each
    phase, and the number of each frame that is measured and of each preview.

    Attributes:
        record: the results of the validations so far.
        detector: detector of divergence, which sees each validation first.
        learner: the learner whose EMA weights are evaluated.
    """

    def __init__(
        self, plan: RunPlan, camera: Camera, learner: Learner, sink: EventSink, control: RunControl, *, run_id: str
    ) -> None:
        self.record = ValidationRecord()
        self.detector = DivergenceDetector()
        self._config = plan.config
        self._camera = camera
        self.learner = learner
        self._sink = sink
        self._folder, self._run_id, self._digest = plan.workspace.previews, run_id, ""
        self._model = plan.workspace.model_path(plan.config.scale, best=False, name=plan.config.model_name).stem
        self._ema_network = RRDBNet(plan.spec).to(learner.device)
        self._ema_network.to(memory_format=plan.hardware.memory_format)  # type: ignore[call-overload]
        self._ema_network.requires_grad_(False)
        self._control, self._check_stop = control, control.raise_if_stopped
        make_interruptible(self._ema_network, self._check_stop)
        self._preview_failed, self._has_warm_start = False, plan.warm_start is not None
        self._val = self._make_validator(plan.splits.val, "val")
        self._test = self._make_validator(plan.splits.test, "test")
        self._pinned = PinnedPreviews(
            plan.workspace.preview_photos,
            plan.spec,
            mono=plan.config.monochrome_style,
            device=learner.device,
            sink=sink,
        )

    @explain_validation_memory()
    def _make_validator(self, photos: Sequence[Photo], split: str) -> Validator | None:
        if not photos:
            return None
        region = make_region_spec(self._config, self._camera)
        frames = validation_frames(
            photos,
            region,
            seed=FRAME_SEED,
            limit=MAX_FRAMES[split],
            on_bad_photo=self._on_bad_photo,
            check_stop=self._check_stop,
        )
        if not frames:
            return None
        return Validator(
            frames,
            self._camera,
            scale=self._config.scale,
            device=self.learner.device,
            check_stop=self._check_stop,
            report=self._control.count_activity,
            measures_sharpness=self._config.measures_sharpness,
        )

    def _on_bad_photo(self, name: str, reason: str) -> None:
        self._sink(Notice("warning", f"Skipped {name} in validation: {reason}"))

    def restore(self, values: Mapping[str, Any]) -> tuple[str, ...]:
        """Restore the record of a checkpoint, as far as it was measured on the present frames.

        PSNRs on other frames cannot be compared: the best one and early stopping start over. Bicubic enlargement tells
        whether frames are the same, because its PSNR depends on them alone.

        Args:
            values: `best` of the checkpoint.

        Returns:
            A sentence for each result that starts over.
        """
        self.record = record = ValidationRecord.restore(values)
        before, test_before = (record.last.get(name) for name in ("bicubic_psnr", _TEST_BICUBIC))
        if self._val is not None and _differs(before, self._val.baseline.psnr):
            self.record = ValidationRecord()
            best = "" if record.best_psnr is None else f", {record.best_psnr:.2f} dB at step {record.best_step},"
            return (
                f"The validation frames have changed since the checkpoint (bicubic {before:.2f} dB, now "
                f"{self._val.baseline.psnr:.2f} dB): the best PSNR{best} is on other frames, so the best model and "
                "early stopping start over.",
            )
        if self._test is not None and _differs(test_before, self._test.baseline.psnr):
            record.test_psnr = None
            return ("The test frames have changed since the checkpoint, so the test PSNR starts over.",)
        return ()

    @property
    def can_validate(self) -> bool:
        """Whether there are frames to validate on."""
        return self._val is not None

    @property
    def has_plateaued(self) -> bool:
        """Whether `--early-stop` validations in a row brought no new best."""
        return self._config.early_stop is not None and self.record.since_best >= self._config.early_stop

    @explain_validation_memory()
    def estimate_validation_seconds(self) -> float:
        """Estimate the seconds of a validation with preview and test from the time of one frame, after an untimed one.

        The first frame of a shape also pays for allocations and, on a GPU, for the choice of kernels.
        """
        if self._val is None:
            return 0.0
        self._load_ema_weights()
        self._val.render(self._ema_network, 1)
        started = time.monotonic()
        self._val.render(self._ema_network, 1)
        frames = len(self._val) + len(self._pinned) + (len(self._test) if self._test is not None else 0)
        return (time.monotonic() - started) * frames

    @explain_validation_memory()
    def validate(self, step: int, *, with_preview: bool, with_test: bool = False) -> bool:
        """Validate the EMA network and emit the results; test it if it is a new best.

        Args:
            step: step of the network.
            with_preview: also emit and write a preview.
            with_test: test it even if it is not a new best.

        Returns:
            Whether this is the best model so far.

        Raises:
            Diverged: the validation shows that the run diverges; nothing is recorded or emitted.
        """
        if self._val is None:
            if with_preview:
                self.preview(step)
            return False
        self._load_ema_weights()
        image_count = self._config.image_log_max_samples if with_preview else 0
        started = time.monotonic()
        result = self._val.measure(self._ema_network, image_count=image_count)
        problem = self.detector.add_validation(step, result.psnr, self._val.baseline.psnr, result.contrast)
        if problem:
            raise Diverged(problem, healthy_step=self.detector.healthy_step)
        validated = self._make_event(step, "val", self._val, result, started)
        is_best = can_be_best(step, result.psnr, self._val.baseline.psnr) and self._is_better(result)
        tested = self._measure_test(step) if is_best or with_test else None
        # Nothing is recorded or emitted before all is measured, so a stop leaves no half of a validation.
        self._update_record(step, result, is_best)
        if tested is not None and is_best:
            self.record.test_psnr = tested.psnr
        self._sink(replace(validated, is_best=is_best))
        if with_preview:
            self._control.begin_phase(Activity.PREVIEWING)
            with contextlib.suppress(Stopped):  # the validation is complete and counts
                self._emit_preview(step, result.images, self._ema_network)
        if tested is not None:
            self._sink(replace(tested, is_best=is_best))
        return is_best

    @explain_validation_memory()
    def preview(self, step: int) -> None:
        """Emit and write a preview without measuring; an untrained network sees edges that continue."""
        self._load_ema_weights()
        is_untrained = step == 0 and not self._has_warm_start
        network = EdgeExtender(self._ema_network, self._config.scale) if is_untrained else self._ema_network
        self._control.begin_phase(Activity.PREVIEWING)
        count, pinned = self._config.image_log_max_samples, len(self._pinned)
        frames: tuple[PreviewImage, ...] = ()
        if self._val is not None:
            frames = self._val.render(network, count, report=lambda n, of: self._control.count_activity(n, of + pinned))
        if is_untrained:  # a PSNR would only say that it has learned nothing
            frames = tuple(replace(frame, psnr=None, bicubic_psnr=None) for frame in frames)
        self._emit_preview(step, frames, network)

    def _measure_test(self, step: int) -> Validated | None:
        if self._test is None:
            return None
        started = time.monotonic()
        self._control.begin_phase(Activity.TESTING)
        return self._make_event(step, "test", self._test, self._test.measure(self._ema_network), started)

    def _make_event(
        self, step: int, split: str, validator: Validator, result: ValidationResult, started: float
    ) -> Validated:
        base, l1_weight = validator.baseline, self._config.l1_weight
        return Validated(
            step,
            split,
            result.psnr,
            result.ssim,
            base.psnr,
            base.ssim,
            is_best=False,
            frames=len(validator),
            seconds=time.monotonic() - started,
            spectrum=result.spectrum,
            bicubic_spectrum=base.spectrum,
            grain=result.grain,
            bicubic_grain=base.grain,
            loss=l1_weight * result.l1 if l1_weight > 0 else None,
        )

    def _is_better(self, result: ValidationResult) -> bool:
        """Whether a validation is better than the best so far."""
        record = self.record
        if not self._config.is_ranked_by_spectrum or result.spectrum is None:
            return record.best_psnr is None or result.psnr > record.best_psnr + _MIN_IMPROVEMENT
        highest = max(psnr for psnr in (record.best_psnr, record.highest_psnr, result.psnr) if psnr is not None)
        if result.psnr < highest - _MAX_PSNR_LOSS:
            return False
        return record.best_spectrum is None or result.spectrum < record.best_spectrum - _MIN_SPECTRUM_IMPROVEMENT

    def _update_record(self, step: int, result: ValidationResult, is_best: bool) -> None:
        record, base = self.record, self._val.baseline if self._val else None
        bicubic = base.psnr if base else None
        record.last = {"step": step, "psnr": result.psnr, "ssim": result.ssim, "bicubic_psnr": bicubic}
        if result.spectrum is not None:
            record.last["spectrum"] = result.spectrum
        if self._test is not None:
            record.last[_TEST_BICUBIC] = self._test.baseline.psnr
        if self._config.is_ranked_by_spectrum:
            known = (record.best_psnr, record.highest_psnr, result.psnr)
            record.highest_psnr = max(psnr for psnr in known if psnr is not None)
        if is_best:
            record.best_psnr, record.best_step, record.since_best = result.psnr, step, 0
            record.best_spectrum = result.spectrum if self._config.is_ranked_by_spectrum else None
            return
        record.since_best += 1
        if record.since_best == PLATEAU and self._config.early_stop is None:
            what = "The spectrum distance" if self._config.is_ranked_by_spectrum else "PSNR"
            text = f"{what} has not improved for {PLATEAU} validations; the best was at step {record.best_step}."
            self._sink(Notice("info", text))

    def _load_ema_weights(self) -> None:
        exported = make_export_state(self.learner.ema.state(), self._config)
        self._digest = compute_digest(exported)
        self._ema_network.load_state_dict(exported)

    def _emit_preview(self, step: int, frames: tuple[PreviewImage, ...], network: nn.Module) -> None:
        rendered = len(frames)
        pinned = self._pinned.render(
            network, report=lambda n, of: self._control.count_activity(rendered + n, rendered + of)
        )
        images = (*frames, *pinned)
        made_by, weights = f"{self._model} at step {step} of run {self._run_id}", self._digest
        files = []
        counts_files = self._control.activity_count is None  # all were there already
        for number, (key, image) in enumerate(zip(image_keys(images), images), 1):
            if counts_files:
                self._control.count_activity(number, len(images))
            path = self._folder / file_name(step, key)
            try:
                self._folder.mkdir(exist_ok=True)
                write_preview(image, path, made_by=made_by, weights=weights)
                files.append(str(path))
            except OSError as error:
                if not self._preview_failed:
                    self._sink(
                        Notice(
                            "warning", f"The preview cannot be written: {describe_error(error)}. Training continues."
                        )
                    )
                self._preview_failed = True
                break
        if self._preview_failed and len(files) == len(images) > 0:
            self._preview_failed = False
            self._sink(Notice("info", "Previews can be written again."))
        if images:
            self._sink(PreviewReady(step, images, tuple(files)))


def _differs(before: float | None, now: float) -> bool:
    return before is not None and abs(before - now) > SAME_FRAMES_TOLERANCE
