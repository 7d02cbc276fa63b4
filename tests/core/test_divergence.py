"""The divergence detector: silent in healthy runs, in time in sick ones, and the same after a resume."""

from __future__ import annotations

from typing import Any

import pytest

from trainer_core.training.divergence import DivergenceDetector, can_be_best

NAN = float("nan")


def test_one_exploded_loss_is_enough_and_one_hard_patch_is_not() -> None:
    detector = DivergenceDetector()
    assert not any(detector.add_step(loss) for loss in (0.05, 0.04, 0.06, 2.0, 0.05))
    assert "rose to 60" in detector.add_step(60.0)


def test_skipped_steps_in_a_row_are_divergence() -> None:
    detector = DivergenceDetector()
    assert not detector.add_step(NAN, 19) and "20 steps in a row" in detector.add_step(NAN, 20)


@pytest.mark.parametrize(
    ("scores", "reason"),
    [
        ((200, NAN, 25.0, 1.0), "not a number"),
        ((50, float("inf"), 25.0, 1.0), "not a number"),
        ((50, 25.5, 25.0, 0.0), "flat pictures"),
        ((200, 21.9, 25.0, 1.0), "fell to 21.90 dB"),
        ((200, 22.1, 25.0, 1.0), ""),
        ((50, 14.0, 25.0, 1.0), ""),
    ],
)
def test_validations_after_one_above_bicubic(scores: tuple[int, float, float, float], reason: str) -> None:
    detector = DivergenceDetector()
    assert not detector.add_validation(40, 25.4, 25.0, 0.9)
    problem = detector.add_validation(*scores)
    assert reason in problem and bool(reason) == bool(problem)
    assert detector.healthy_step == (40 if reason else scores[0])


def test_a_poor_warm_start_is_no_divergence() -> None:
    detector = DivergenceDetector()
    assert not detector.add_validation(0, 9.0, 25.0, 0.01)
    assert not detector.add_validation(120, 10.0, 25.0, 0.3)
    assert detector.add_validation(140, 5.0, 25.0, 0.3)


def test_only_a_finite_psnr_near_bicubic_can_be_the_best() -> None:
    assert can_be_best(200, 24.0, 25.0) and can_be_best(50, 15.0, 25.0)
    assert not any(can_be_best(200, psnr, 25.0) for psnr in (21.0, NAN, float("inf")))


@pytest.mark.parametrize("stored", [{}, {"losses": "x", "lowest": NAN, "was_above": 1, "healthy_step": -1}])
def test_odd_history_in_a_checkpoint_is_ignored(stored: dict[str, Any]) -> None:
    assert DivergenceDetector(stored).state() == DivergenceDetector().state()
