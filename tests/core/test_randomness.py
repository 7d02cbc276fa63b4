"""trainer_core.randomness: one layout of keys for all random numbers, and nobody who draws beside it."""

from __future__ import annotations

import ast
from pathlib import Path

import numpy as np
import pytest

from trainer_core.randomness import Stream, make_generator, make_torch_generator

CORE = Path(__file__).resolve().parents[2] / "trainer_core"
SEEDS = (0, 1, 2, 1337, 2**31 - 1, -1)


def numbers(seed: int, stream: Stream, n: int, part: int = 0) -> bytes:
    return make_generator(seed, stream, n, part).random(4).tobytes()


@pytest.mark.parametrize("n", [0, 1, 2, 9, 123_456_789, 2**63])
def test_no_two_streams_of_one_sample_coincide(n: int) -> None:
    found = [numbers(seed, stream, n) for seed in SEEDS for stream in Stream]
    assert len(set(found)) == len(SEEDS) * len(Stream)


def test_no_two_numbers_or_parts_of_a_stream_coincide() -> None:
    found = [numbers(7, stream, n, part) for stream in Stream for n in range(12) for part in range(3)]
    assert len(set(found)) == len(Stream) * 12 * 3


def test_a_stream_never_runs_into_its_neighbors() -> None:
    """Each draw raises a word of the counter that no number and no part sets."""
    long = make_generator(7, Stream.PATCH, 0).random(40_000)
    others = [make_generator(7, stream, n).random(4) for stream in Stream for n in range(3)]
    starts = {other[0] for other in others if not np.array_equal(other, long[:4])}
    assert len(starts) == len(others) - 1
    assert not starts.intersection(long.tolist())


def test_the_same_question_has_the_same_answer_and_the_values_of_the_streams_stay() -> None:
    assert numbers(1337, Stream.CAMERA, 5) == numbers(1337, Stream.CAMERA, 5)
    assert make_generator(1337, Stream.PATCH, 0).random(3).round(3).tolist() == [0.527, 0.507, 0.154]
    assert {stream.name: stream.value for stream in Stream} == {
        "ORDER": 1,
        "PATCH": 2,
        "VALIDATION": 3,
        "SCENE": 4,
        "TEXTURE": 5,
        "EXAMPLE": 6,
        "CAMERA": 7,
        "NOISE": 8,
        "OFFSET": 9,
        "SIMULATION": 10,
        "WEIGHTS": 11,
        "DISCRIMINATOR": 12,
        "BLIND": 13,
    }


def test_torch_s_generators_follow_the_streams_too() -> None:
    torch = pytest.importorskip("torch")
    found = {torch.rand(4, generator=make_torch_generator(3, stream, n)) for stream in Stream for n in range(3)}
    assert len({tuple(values.tolist()) for values in found}) == 3 * len(Stream)


def test_nothing_else_makes_a_generator() -> None:
    allowed = {
        "randomness.py": {"np.random.Philox", "np.random.Generator", "torch.Generator"},
        "verbs/export.py": {"torch.Generator"},  # a fixed image, to compare two programs on
    }
    found: dict[str, set[str]] = {}
    for path in CORE.rglob("*.py"):
        name = path.relative_to(CORE).as_posix()
        for call in (node for node in ast.walk(ast.parse(path.read_text("utf-8"))) if isinstance(node, ast.Call)):
            function = ast.unparse(call.func)
            draws = function.startswith(("np.random.", "random.", "torch.rand", "torch.manual_seed", "torch.Generator"))
            given = any(keyword.arg == "generator" for keyword in call.keywords) or function.endswith("().manual_seed")
            if draws and not given and not name.startswith("calibration/") and "fork_rng" not in function:
                found.setdefault(name, set()).add(function.split("(")[0])
    assert found == allowed
