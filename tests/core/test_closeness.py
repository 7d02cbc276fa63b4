"""The result of a calibration in words: every term counts once, and a distance has one word."""

from __future__ import annotations

from collections import Counter

import pytest

from trainer_core.calibration.closeness import ASPECTS, CLOSE, DIFFERENT, FAR, Closeness, list_closeness
from trainer_core.calibration.distance import SCALES


@pytest.mark.parametrize("kind", ["mono", "color"])
def test_every_term_of_the_distance_belongs_to_one_aspect(kind: str) -> None:
    terms = Counter(name for names in ASPECTS[kind].values() for name in names)
    assert terms == Counter(list(SCALES[kind]))


def test_a_distance_is_close_up_to_what_captures_differ_by_and_far_beyond_twice_that() -> None:
    words = [Closeness("Noise", distance).words for distance in (0, 1, 1.01, 2, 2.01)]
    assert words == [CLOSE, CLOSE, DIFFERENT, DIFFERENT, FAR]


def test_an_aspect_is_the_root_mean_square_of_its_terms() -> None:
    terms = {**dict.fromkeys(SCALES["mono"], 0.5), "edge width H": 3.0, "edge width V": 4.0}
    found = {each.aspect: each.distance for each in list_closeness("mono", terms)}
    assert found["Sharpness"] == pytest.approx((25 / 2) ** 0.5)
    assert found["Noise"] == pytest.approx(0.5)
