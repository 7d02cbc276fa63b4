"""The divergence detector: silent in healthy runs, in time in sick ones, and the same after a resume."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from trainer_core.training.divergence import DivergenceDetector, can_be_best

LOGS: dict[str, dict[str, Any]] = json.loads(
    (Path(__file__).parents[1] / "data" / "divergence_logs.json").read_text("utf-8")
)
HARMED = 110  # step after which a healthy start was damaged
NAN = float("nan")


def find_alarm(numbers: list[list[Any]], *, resumed_at: int | None = None) -> tuple[int, str] | None:
    """The step of the first alarm and its reason, with the detector stored and restored at a step."""
    detector, step = DivergenceDetector(), 0
    for entry in numbers:
        values: list[Any] = [NAN if value is None else value for value in entry]
        if len(values) == 2:
            step += 1
            problem = detector.add_step(*values)
        else:
            problem = detector.add_validation(*values)
        if problem:
            return step, problem
        if step == resumed_at:
            detector = DivergenceDetector(json.loads(json.dumps(detector.state())))
    return None


def test_there_are_twenty_healthy_logs_and_eight_sick_ones() -> None:
    assert sum(not log["sick"] for log in LOGS.values()) >= 20 and sum(log["sick"] for log in LOGS.values()) >= 8


@pytest.mark.parametrize("name", [name for name, log in LOGS.items() if not log["sick"]])
def test_no_alarm_in_a_healthy_run(name: str) -> None:
    assert len(LOGS[name]["numbers"]) > 140 and find_alarm(LOGS[name]["numbers"]) is None


@pytest.mark.parametrize("name", [name for name, log in LOGS.items() if log["sick"]])
def test_an_alarm_within_ten_steps_of_the_harm(name: str) -> None:
    found = find_alarm(LOGS[name]["numbers"])
    assert found and found[0] <= HARMED + 10 and (name.startswith("lr") or found[0] >= HARMED)


@pytest.mark.parametrize("name", LOGS)
def test_a_resumed_run_decides_like_an_uninterrupted_one(name: str) -> None:
    numbers = LOGS[name]["numbers"]
    assert {find_alarm(numbers, resumed_at=step) for step in (1, 5, 60, 111)} == {find_alarm(numbers)}


def test_one_exploded_loss_is_enough_and_one_hard_patch_is_not() -> None:
    detector = DivergenceDetector()
    assert not any(detector.add_step(loss) for loss in (0.05, 0.04, 0.06, 2.0, 0.05))
    assert "rose to 60" in detector.add_step(60.0)


def test_losses_near_zero_make_no_ordinary_loss_an_alarm() -> None:
    """Photos without detail, such as black ones, have losses of 0 with `--degradation bicubic`."""
    detector = DivergenceDetector()
    assert not any(detector.add_step(loss) for loss in (*[0.0] * 20, 0.03, *[0.09] * 20, 4.9))
    assert "rose to 5.1" in detector.add_step(5.1)


def test_a_very_good_psnr_is_no_collapse_where_bicubic_is_perfect() -> None:
    assert not DivergenceDetector().add_validation(200, 45.0, 100.0, 1.0) and can_be_best(200, 45.0, 100.0)
    assert DivergenceDetector().add_validation(200, 35.0, 100.0, 1.0) and not can_be_best(200, 35.0, 100.0)


def test_skipped_steps_in_a_row_are_divergence() -> None:
    detector = DivergenceDetector()
    assert not detector.add_step(NAN, 19) and "20 steps in a row" in detector.add_step(NAN, 20)


@pytest.mark.parametrize(
    ("scores", "reason"),
    [
        ((200, NAN, 25.0, 1.0), "not a number"),
        ((50, float("inf"), 25.0, 1.0), "not a number"),
        ((50, 25.5, 25.0, 0.0), "lost their contrast"),
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
