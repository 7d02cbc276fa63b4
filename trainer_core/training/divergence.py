"""Detection of a run that diverges, from numbers alone: losses, skipped steps and validations (no torch).

`loop` asks after each step whose loss was read, `evaluation` after each validation, before anything is saved.
The thresholds and the reason for each are in docs/decisions/16-divergence.md.
"""

from __future__ import annotations

import math
import statistics
from collections import deque
from collections.abc import Mapping
from typing import Any

WINDOW = 9  # losses whose median counts, so that a few hard patches do not
LOSS_FACTOR = 20.0  # median of the window, as a multiple of the lowest one of the run
STEP_FACTOR = 1000.0  # a single loss, as a multiple of the lowest median
LEAST_LOSS = 0.005  # a lower one is compared like this one: patches without detail have losses near 0
MAX_CONSECUTIVE_SKIPS = 20  # steps in a row without finite gradients
MARGIN = 3.0  # dB below bicubic, once a validation was above it; a new best may not be lower either
FAR_MARGIN = 6.0  # dB below bicubic, if no validation was above it
GRACE_STEPS = 100  # in which the PSNR of a healthy run may fall far and return
FINE_PSNR = 40.0  # dB; never a collapse, although bicubic is beyond it on frames without detail
MIN_CONTRAST = 0.05  # standard deviation of the network's frames, as a share of that of their targets


def can_be_best(step: int, psnr: float, bicubic: float) -> bool:
    """Whether a validation may be the best of a run: PSNR is finite and, after the first steps, near bicubic."""
    return math.isfinite(psnr) and (step < GRACE_STEPS or psnr >= min(bicubic - MARGIN, FINE_PSNR))


class DivergenceDetector:
    """Detector of one run. Each method returns what is wrong as a clause, "" if nothing is.

    Attributes:
        healthy_step: step of the latest validation that was healthy.
    """

    def __init__(self, stored: Mapping[str, Any] | None = None) -> None:
        """Start without history, or with that of a checkpoint (`state`)."""
        values = stored or {}
        self._losses = deque(_numbers(values.get("losses")), maxlen=WINDOW)
        lowest = _numbers([values.get("lowest")])
        self._lowest = lowest[0] if lowest else math.inf
        scores = _numbers([values.get("lowest_psnr")])
        self._lowest_psnr = scores[0] if scores else math.inf
        self._was_above = values.get("was_above") is True
        step = values.get("healthy_step")
        self.healthy_step = step if type(step) is int and step >= 0 else 0

    def state(self) -> dict[str, Any]:
        """Return the history as JSON values, so that a resumed run decides like an uninterrupted one."""
        return {
            "losses": list(self._losses),
            "lowest": self._lowest if math.isfinite(self._lowest) else None,
            "lowest_psnr": self._lowest_psnr if math.isfinite(self._lowest_psnr) else None,
            "was_above": self._was_above,
            "healthy_step": self.healthy_step,
        }

    def add_step(self, loss: float, consecutive_skips: int = 0) -> str:
        """Add the total loss of a step."""
        if consecutive_skips >= MAX_CONSECUTIVE_SKIPS:
            return f"the gradients were not finite for {consecutive_skips} steps in a row"
        if not math.isfinite(loss):
            return ""  # the step was skipped
        reference = max(self._lowest, LEAST_LOSS)
        if loss > STEP_FACTOR * reference:
            return f"the loss rose to {loss:.3g}, from {self._lowest:.3g}"
        self._losses.append(loss)
        median = statistics.median(self._losses)
        if len(self._losses) == WINDOW and median > LOSS_FACTOR * reference:
            return f"the loss rose to {median:.3g}, from {self._lowest:.3g}"
        self._lowest = min(self._lowest, median)
        return ""

    def add_validation(self, step: int, psnr: float, bicubic: float, contrast: float) -> str:
        """Add a validation after `step` steps.

        Args:
            psnr: of the network, in dB.
            bicubic: PSNR of bicubic enlargement.
            contrast: standard deviation of the network's frames divided by that of their targets.
        """
        problem = self._find_problem(step, psnr, bicubic, contrast) if step else ""  # a poor start is no divergence
        if not problem:
            self.healthy_step = step
            self._was_above = self._was_above or psnr > bicubic
            self._lowest_psnr = min(self._lowest_psnr, psnr) if math.isfinite(psnr) else self._lowest_psnr
        return problem

    def _find_problem(self, step: int, psnr: float, bicubic: float, contrast: float) -> str:
        if not math.isfinite(psnr):
            return "the PSNR is not a number"
        if contrast < MIN_CONTRAST:
            return "the network's pictures have lost their contrast"
        if step < GRACE_STEPS or psnr >= FINE_PSNR:
            return ""
        fell = f"the PSNR fell to {psnr:.2f} dB, with bicubic at {bicubic:.2f} dB"
        if self._was_above and psnr < bicubic - MARGIN:
            return fell
        return fell if psnr < min(bicubic - FAR_MARGIN, self._lowest_psnr - MARGIN) else ""


def _numbers(values: Any) -> list[float]:
    """Return the finite numbers of a list from a checkpoint."""
    return (
        [float(v) for v in values if type(v) in (int, float) and math.isfinite(v)] if isinstance(values, list) else []
    )
