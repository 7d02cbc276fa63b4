"""Damaged checkpoints and models: whatever a disk or a copy does to the bytes, no other weights come out of them.

The short form damages each file 60 times; `--long` does it 1,000 times.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from pathlib import Path
from typing import Callable

import pytest

torch = pytest.importorskip("torch")

from tests.small_runs import TINY, make_photos
from trainer_core.errors import UserError
from trainer_core.planning.plan import make_plan
from trainer_core.training import checkpoint
from trainer_core.training.trainer import Trainer
from trainer_core.weights.container.reader import load_tree

Damage = Callable[[bytearray, random.Random], None]


def flip_a_bit(data: bytearray, rng: random.Random) -> None:
    data[rng.randrange(len(data))] ^= 1 << rng.randrange(8)


def overwrite_a_block(data: bytearray, rng: random.Random) -> None:
    start, length = rng.randrange(len(data)), rng.choice([1, 16, 512, 4096])
    data[start : start + length] = rng.randbytes(len(data[start : start + length]))


def clear_a_block(data: bytearray, rng: random.Random) -> None:
    """What a crash of the file system leaves: zeros instead of a sector or a page."""
    start = rng.randrange(len(data)) // 512 * 512
    end = start + rng.choice([512, 4096])
    data[start:end] = bytes(len(data[start:end]))


def swap_two_blocks(data: bytearray, rng: random.Random) -> None:
    size = rng.choice([4, 512])
    one, two = (rng.randrange(len(data) // size) * size for _ in range(2))
    data[one : one + size], data[two : two + size] = data[two : two + size], data[one : one + size]


def truncate(data: bytearray, rng: random.Random) -> None:
    del data[rng.randrange(len(data)) :]


def lose_the_beginning(data: bytearray, rng: random.Random) -> None:
    del data[: rng.randrange(1, len(data))]


def insert_bytes(data: bytearray, rng: random.Random) -> None:
    at = rng.randrange(len(data))
    data[at:at] = rng.randbytes(rng.choice([1, 2, 64]))


def append_bytes(data: bytearray, rng: random.Random) -> None:
    data += rng.randbytes(rng.choice([1, 512]))


def repeat_itself(data: bytearray, rng: random.Random) -> None:
    data += data[: rng.randrange(1, len(data))]


def convert_line_ends(data: bytearray, rng: random.Random) -> None:
    """What a transfer as text does."""
    data[:] = data.replace(b"\n", b"\r\n") if rng.random() < 0.5 else data.replace(b"\r", b"").replace(b"\n", b"")


DAMAGES: tuple[Damage, ...] = (
    flip_a_bit,
    overwrite_a_block,
    clear_a_block,
    swap_two_blocks,
    truncate,
    lose_the_beginning,
    insert_bytes,
    append_bytes,
    repeat_itself,
    convert_line_ends,
)


def damaged(content: bytes, count: int, seed: int) -> Iterator[tuple[str, bytes]]:
    """Yield `count` damaged copies that differ from `content`, each kind of damage in turn."""
    rng, number = random.Random(seed), 0
    while number < count:
        damage = DAMAGES[number % len(DAMAGES)]
        data = bytearray(content)
        damage(data, rng)
        if data != content:
            number += 1
            yield damage.__name__, bytes(data)


@pytest.fixture(scope="module")
def workspace(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("corruption")
    photos = make_photos(folder / "photos", 4)
    settings = {**TINY, "source_dir": str(photos), "workspace": str(folder / "w"), "scale": 2, "steps": 2}
    Trainer(make_plan(settings), lambda event: None).run()
    return folder / "w"


@pytest.fixture(params=[60, pytest.param(1000, marks=pytest.mark.long)])
def count(request: pytest.FixtureRequest) -> int:
    return int(request.param)


def read_checkpoint(path: Path) -> str:
    return checkpoint.compute_digest(vars(checkpoint.load_checkpoint(path)))


def read_model(path: Path) -> str:
    return checkpoint.compute_digest(load_tree(path)["params"])


@pytest.mark.parametrize(
    ("name", "read"), [("checkpoints/scale2_final.pth", read_checkpoint), ("models/wqv_neosr_x2.pth", read_model)]
)
def test_a_damaged_file_is_refused_or_gives_exactly_what_was_written(
    workspace: Path, name: str, read: Callable[[Path], str], count: int, tmp_path: Path
) -> None:
    content, path = (workspace / name).read_bytes(), tmp_path / "damaged.pth"
    expected = read(workspace / name)
    refused = 0
    for kind, data in damaged(content, count, seed=count):
        path.write_bytes(data)
        try:
            found = read(path)
        except UserError:
            refused += 1
        else:
            assert found == expected, f"{kind} went unnoticed"
    # A few bytes of a zip, such as times and padding, hold nothing that is read.
    assert refused > 0.7 * count
