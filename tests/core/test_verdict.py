"""The verdict: a gain in words, and the gain of a run from its events."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from trainer_core import verdict
from trainer_core.events import RunStarted, StepDone, Validated
from trainer_core.verdict import MIN_BETTER, MIN_MUCH_BETTER, PLATEAU, GainRecord, Verdict, describe_gain, rate_gain

MANUAL = Path(__file__).resolve().parents[2] / "docs" / "manual.md"


def started(step: int = 0, run: str = "a") -> RunStarted:
    return RunStarted(run, "w", 4, True, step, 100, "cpu", "fp32", 1, {})


def validated(step: int, gain: float, *, is_best: bool, split: str = "val", spectrum: float | None = None) -> Validated:
    return Validated(step, split, 20.0 + gain, 0.6, 20.0, 0.5, is_best, 8, 1.0, spectrum)


@pytest.mark.parametrize(
    ("gain", "expected"),
    [
        (-0.1, Verdict.NOT_BETTER),
        (0.0, Verdict.HARDLY_BETTER),
        (MIN_BETTER - 0.01, Verdict.HARDLY_BETTER),
        (MIN_BETTER, Verdict.BETTER),
        (MIN_MUCH_BETTER - 0.01, Verdict.BETTER),
        (MIN_MUCH_BETTER, Verdict.MUCH_BETTER),
    ],
)
def test_a_gain_has_its_verdict(gain: float, expected: Verdict) -> None:
    assert rate_gain(gain) is expected


def test_a_gain_is_described_with_its_verdict() -> None:
    assert describe_gain(1.43) == "+1.4 dB over plain enlargement: better"
    assert describe_gain(1.43, verdict_first=True) == "Better: +1.4 dB over plain enlargement"
    assert describe_gain(1.43, has_plateaued=True) == "+1.4 dB over plain enlargement: better, no longer improving"
    assert describe_gain(-0.6, is_sharpened=True) == "-0.6 dB over plain enlargement"


def test_the_record_follows_the_best_of_its_run() -> None:
    record = GainRecord([started(), StepDone(1, 100, {}, 1e-3, 0.1, 1.0, 1.0, 99.0, 1)])
    assert record.text == ""
    record.add_event(validated(10, 0.2, is_best=True))
    record.add_event(validated(10, 5.0, is_best=True, split="test"))
    assert record.text == "+0.2 dB over plain enlargement: hardly better"
    record.add_event(validated(20, 2.2, is_best=True))
    record.add_event(validated(30, 1.9, is_best=False))
    assert record.text == "+2.2 dB over plain enlargement: much better"
    record.add_event(started(10))
    assert record.text == "+0.2 dB over plain enlargement: hardly better", "the run went back"
    record.add_event(started(0, "b"))
    assert record.text == ""


def test_the_gain_of_the_first_weights_is_no_merit_of_the_run() -> None:
    record = GainRecord([started(), validated(0, 1.5, is_best=True)])
    assert record.is_unchecked and record.text == "+1.5 dB over plain enlargement: before this training"
    assert record.short_text == "+1.5 dB: before this training"
    record.add_event(validated(10, 1.2, is_best=False))
    assert not record.is_unchecked
    assert record.text == "+1.5 dB over plain enlargement: not better than its start yet"
    record.add_event(validated(20, 1.6, is_best=True))
    assert record.text == "+1.6 dB over plain enlargement (+1.5 dB before this training): better"
    assert record.short_text == "+1.6 dB: better"


def test_a_run_without_a_best_shows_its_newest_gain_and_a_sharpened_one_has_no_verdict() -> None:
    assert GainRecord([validated(1, -4.0, is_best=False)]).text == "-4.0 dB over plain enlargement: not better yet"
    sharp = [validated(1, 1.0, is_best=True, spectrum=9.0), validated(2, 0.4, is_best=True, spectrum=3.0)]
    assert GainRecord(sharp).text == "+0.4 dB over plain enlargement"


def test_a_run_no_longer_improves_after_so_many_validations_without_a_new_best() -> None:
    record = GainRecord([validated(1, 1.0, is_best=True)])
    for step in range(2, PLATEAU + 1):
        record.add_event(validated(step, 0.9, is_best=False))
    assert not record.has_plateaued
    record.add_event(validated(PLATEAU + 1, 0.9, is_best=False))
    assert record.has_plateaued and record.text.endswith("better, no longer improving")
    record.add_event(validated(PLATEAU + 2, 1.1, is_best=True))
    assert not record.has_plateaued


def test_the_manual_lists_every_verdict_with_its_limit() -> None:
    table = MANUAL.read_text("utf-8").split("| Verdict | Gain |\n")[1].split("\n\n")[0]
    rows = dict(re.findall(r"^\| \*(.+?)\* \| (.+?) \|$", table, re.MULTILINE))
    assert list(rows) == [entry.value for entry in Verdict]
    limits = (verdict.MIN_HARDLY_BETTER, MIN_BETTER, MIN_MUCH_BETTER, PLATEAU)
    found = [re.findall(r"\d+(?:\.\d+)?", text) for text in rows.values()]
    assert {float(number) for numbers in found for number in numbers} == {float(limit) for limit in limits}
