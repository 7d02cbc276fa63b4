"""The writer of `.pth` files: what torch and the strict reader make of a file that was written without torch."""

from __future__ import annotations

import io
import threading
import zipfile
from pathlib import Path
from typing import Any

import pytest

torch = pytest.importorskip("torch")

from trainer_core.weights.container.reader import load_tree
from trainer_core.weights.container.writer import view_as_arrays, write_tree

TYPES = ("float64", "float32", "float16", "bfloat16", "int64", "int32", "int16", "int8", "uint8", "bool")


def make_tree() -> dict[str, Any]:
    torch.manual_seed(1)
    tensors = {name: (torch.rand(3, 2, 5) * 2 + 0.5).to(getattr(torch, name)) for name in TYPES}
    return {
        "params": {**tensors, "scalar": torch.tensor(4.5), "empty": torch.empty(0, 3)},
        "strided": torch.rand(4, 6).t(),
        "channels last": torch.rand(2, 3, 4, 5).contiguous(memory_format=torch.channels_last),
        "meta": {"step": 7, "big": 1 << 70, "list": [1, 2.5, None, True, "Käse\ud800"], "pair": (1, 2)},
    }


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A file that another thread than torch's wrote."""
    tree = view_as_arrays(make_tree())
    with open(tmp_path / "tree.pth", "wb") as file:
        thread = threading.Thread(target=write_tree, args=(file, tree))
        thread.start()
        thread.join()
    return tmp_path / "tree.pth"


def is_equal(one: Any, two: Any) -> bool:
    if isinstance(one, torch.Tensor):
        return bool(one.dtype == two.dtype and torch.equal(one, two))
    if isinstance(one, dict):
        return list(one) == list(two) and all(is_equal(value, two[key]) for key, value in one.items())
    return type(one) is type(two) and bool(one == two)


@pytest.mark.parametrize("mapped", [False, True])
def test_torch_loads_the_file_as_its_own(path: Path, mapped: bool) -> None:
    assert is_equal(torch.load(path, weights_only=True, mmap=mapped), make_tree())


def test_the_strict_reader_loads_the_file(path: Path) -> None:
    assert is_equal(load_tree(path), make_tree())


def test_the_pickle_and_the_records_are_those_of_torch(path: Path) -> None:
    buffer = io.BytesIO()
    tree = make_tree()
    torch.save(
        {**tree, "strided": tree["strided"].contiguous(), "channels last": tree["channels last"].contiguous()}, buffer
    )
    ours, theirs = (zipfile.ZipFile(source) for source in (path, buffer))
    names = set(theirs.namelist())
    assert set(ours.namelist()) <= names and {n for n in names if "/data" in n} <= set(ours.namelist())
    for name in ours.namelist():
        assert ours.read(name) == theirs.read(name), name


def test_values_begin_where_they_can_be_mapped_into_memory(path: Path) -> None:
    with zipfile.ZipFile(path) as archive:
        for record in archive.infolist():
            header = record.header_offset + 26
            names, extra = (int.from_bytes(path.read_bytes()[at : at + 2], "little") for at in (header, header + 2))
            assert (record.header_offset + 30 + names + extra) % 64 == 0


def test_the_arrays_are_views_of_contiguous_tensors() -> None:
    tensor = torch.zeros(4)
    values = view_as_arrays({"a": tensor})["a"]
    tensor += 1
    assert values.content.view("<f4").tolist() == [1, 1, 1, 1] and (values.dtype, values.shape) == ("float32", (4,))
