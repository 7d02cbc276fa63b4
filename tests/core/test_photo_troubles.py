"""Photos that cannot be used: a few failures are forgiven by a success, damage and repeated failures are not."""

from __future__ import annotations

import pytest

from trainer_core.data.photo_troubles import PhotoTroubles
from trainer_core.data.photos import PhotoError
from trainer_core.errors import UserError

MOMENTARY = PhotoError("cannot be read: Input/output error", is_momentary=True)


def make(count: int = 20) -> tuple[PhotoTroubles, list[tuple[str, str]]]:
    reported: list[tuple[str, str]] = []
    names = [f"{number}.png" for number in range(count)]
    return PhotoTroubles(names, lambda name, reason: reported.append((name, reason)), lambda reason: None), reported


def fail(troubles: PhotoTroubles, index: int, passes: range) -> None:
    for number in passes:
        troubles.current_pass = number
        troubles.add(index, MOMENTARY)


def test_three_failed_passes_make_a_photo_bad_and_two_tries_of_one_pass_count_once() -> None:
    troubles, reported = make()
    fail(troubles, 0, range(2))
    troubles.add(0, MOMENTARY)
    troubles.report()
    assert [reason for _, reason in reported] == [f"{MOMENTARY.message}; it is tried again in the next pass"]
    fail(troubles, 0, range(2, 3))
    troubles.report()
    assert reported[-1] == ("0.png", MOMENTARY.message)


def test_a_success_forgives_all_earlier_failures() -> None:
    troubles, reported = make()
    for start in (0, 2, 4):
        fail(troubles, 0, range(start, start + 2))
        troubles.remove(0)
    assert not troubles.is_troubled(0)
    troubles.report()
    assert MOMENTARY.message not in [reason for _, reason in reported]


def test_failures_of_many_photos_one_after_the_other_never_add_up() -> None:
    troubles, _ = make()
    for index in range(20):
        fail(troubles, index, range(2))
        assert not troubles.should_wait(MOMENTARY)
        troubles.remove(index)


def test_too_many_damaged_photos_end_the_run() -> None:
    troubles, _ = make()
    damaged = PhotoError("the file is truncated")
    for index in range(4):
        troubles.add(index, damaged)
        assert not troubles.should_wait(damaged)
    troubles.add(4, damaged)
    with pytest.raises(UserError, match="5 of 20 training photos cannot be decoded"):
        troubles.should_wait(damaged)
