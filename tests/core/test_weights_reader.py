"""The strict reader gives what torch.load gives, for every legitimate layout, and keeps its limits."""

from __future__ import annotations

import collections
import io
import json
import os
import pickle
import struct
import zipfile
from dataclasses import fields, replace
from pathlib import Path
from typing import Any, Callable

import pytest

torch = pytest.importorskip("torch")

from tests.core.hostile_files import archive, dict_of, entry, legacy, safetensors, storage, tensor, text
from tests.core.hostile_files import pickle as as_pickle
from trainer_core.weights.container.limits import Limits
from trainer_core.weights.container.reader import load_tensors, load_tree, open_weights
from trainer_core.weights.container.refusal import WeightsError

SHARED = Path(__file__).resolve().parents[3] / "shared" / "weights" / "realesr-animevideov3.pth"


def same(one: Any, two: Any) -> bool:
    """Equal down to types and bits."""
    if isinstance(one, torch.Tensor):
        plain = type(two) is torch.Tensor and two.is_contiguous() and not two.requires_grad
        return plain and one.dtype == two.dtype and one.shape == two.shape and bool((one == two).all())
    if isinstance(one, dict):
        return isinstance(two, dict) and list(one) == list(two) and all(same(one[key], two[key]) for key in one)
    if isinstance(one, (list, tuple)):
        kind = tuple if isinstance(one, tuple) else list
        return type(two) is kind and len(one) == len(two) and all(map(same, one, two))
    return type(one) is type(two) and one == two


def adam_state() -> dict[str, Any]:
    network = torch.nn.Conv2d(3, 4, 3)
    optimizer = torch.optim.Adam(network.parameters(), betas=(0.9, 0.99))
    network(torch.rand(1, 3, 8, 8)).sum().backward()
    optimizer.step()
    return {"model": network.state_dict(), "optimizer": optimizer.state_dict()}


def tied() -> dict[str, Any]:
    flat = torch.arange(24.0)
    return {"a": flat, "b": flat[4:12].view(2, 4), "c": flat.view(4, 6).t(), "d": flat[::2]}


WHOLE = ("int64", "int32", "int16", "int8", "uint8")
LAYOUTS: dict[str, Callable[[], Any]] = {
    "dictionary": lambda: {"w": torch.randn(3, 4), "b": torch.randn(5)},
    "ordered": lambda: collections.OrderedDict(w=torch.randn(3), x=collections.OrderedDict()),
    "module state with its metadata": lambda: torch.nn.Sequential(torch.nn.Conv2d(3, 4, 3)).state_dict(),
    "optimizer": adam_state,
    "parameters": lambda: {"w": torch.nn.Parameter(torch.randn(3, 4))},
    "half": lambda: {"w": torch.randn(7).half(), "v": torch.randn(7).bfloat16(), "d": torch.randn(7).double()},
    "whole numbers": lambda: {k: torch.arange(5).to(getattr(torch, k)) for k in WHOLE},
    "switches": lambda: {"m": torch.tensor([True, False, True])},
    "channels last": lambda: {"w": torch.randn(2, 3, 4, 5).to(memory_format=torch.channels_last)},
    "transposed": lambda: {"w": torch.randn(3, 4).t()},
    "shared storages": tied,
    "without elements": lambda: {"e": torch.empty(0, 3), "s": torch.tensor(3.5), "one": torch.ones(1, 1, 1, 1)},
    "random generator": lambda: {"rng": torch.get_rng_state()},
    "primitives": lambda: {
        "n": None,
        "t": True,
        "i": -5,
        "l": 2**70,
        "f": 0.1,
        "inf": float("-inf"),
        "s": "é\n",
        "y": b"\0\xff",
        "e": b"",
        "tuple": (1, (2,)),
        "list": [1, [2]],
        3: {4: "five"},
        "size": torch.Size([1, 2]),
    },
    "a bare tensor": lambda: torch.randn(4),
    "a list": lambda: [torch.randn(2), {"a": 1}],
}


FORMS: dict[str, dict[str, Any]] = {
    "zip": {},
    "legacy": {"_use_new_zipfile_serialization": False},
    "protocol 4": {"pickle_protocol": 4},
}


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("layout", LAYOUTS)
def test_the_tree_equals_torch_s_own(layout: str, form: str, tmp_path: Path) -> None:
    path = tmp_path / "file.pth"
    torch.save(LAYOUTS[layout](), path, **FORMS[form])
    expected = torch.load(path, weights_only=False)
    found = load_tree(path)
    expected = tuple(expected) if isinstance(expected, torch.Size) else expected
    assert same(_plain(expected), found)
    assert open_weights(path).file_format == ("legacy" if form == "legacy" else "zip")


def _plain(tree: Any) -> Any:
    """torch's tree with parameters as tensors, sizes as tuples, ordered dictionaries as dictionaries."""
    if isinstance(tree, torch.Tensor):
        return tree.detach()
    if isinstance(tree, dict):
        return {key: _plain(value) for key, value in tree.items()}
    if isinstance(tree, tuple):
        return tuple(_plain(value) for value in tree)
    return [_plain(value) for value in tree] if isinstance(tree, list) else tree


def test_safetensors_are_read_with_their_metadata(tmp_path: Path) -> None:
    save_file = pytest.importorskip("safetensors.torch").save_file
    tensors = {"a": torch.randn(3, 4), "h": torch.randn(5).half(), "e": torch.empty(0), "s": torch.tensor(2)}
    save_file(tensors, tmp_path / "m.safetensors", metadata={"format": "pt"})
    found = load_tree(tmp_path / "m.safetensors")
    assert found.keys() == tensors.keys() and all(same(tensors[key], found[key]) for key in tensors)
    assert open_weights(tmp_path / "m.safetensors").metadata == {"format": "pt"}


def test_tensors_that_share_values_share_them_when_loaded(tmp_path: Path) -> None:
    weight = torch.randn(8)
    torch.save({"a": weight, "b": weight}, tmp_path / "tied.pth")
    found = load_tree(tmp_path / "tied.pth")
    assert found["a"].data_ptr() == found["b"].data_ptr()


def test_python_2_dictionaries_are_understood(tmp_path: Path) -> None:
    body = b"ccollections\nOrderedDict\n(](](U\x01w" + tensor() + b"eetR"
    (tmp_path / "old.pth").write_bytes(archive(as_pickle(body)))
    assert load_tree(tmp_path / "old.pth")["w"].shape == (2, 4)


def test_attributes_attached_to_a_dictionary_are_dropped(tmp_path: Path) -> None:
    body = b"ccollections\nOrderedDict\n)R" + dict_of(items=text("shadow")) + b"b"
    (tmp_path / "built.pth").write_bytes(archive(as_pickle(body)))
    assert load_tree(tmp_path / "built.pth") == {}


def test_a_file_written_to_memory_and_one_with_directories_load(tmp_path: Path) -> None:
    buffer = io.BytesIO()
    torch.save({"w": torch.ones(2)}, buffer)
    (tmp_path / "ü ß.pt").write_bytes(buffer.getvalue())
    assert load_tree(tmp_path / "ü ß.pt")["w"].tolist() == [1, 1]


@pytest.mark.skipif(not SHARED.is_file(), reason="needs ../shared/weights")
def test_a_genuine_file_equals_torch_s_own() -> None:
    expected = torch.load(SHARED, map_location="cpu", weights_only=True)
    assert same(_plain(expected), load_tree(SHARED))


def test_every_flipped_bit_of_the_values_is_noticed(tmp_path: Path) -> None:
    buffer = io.BytesIO()
    torch.save({"w": torch.rand(64)}, buffer)
    data = buffer.getvalue()
    start = data.find(struct.pack("<f", float(torch.load(io.BytesIO(data))["w"][0])))
    for position in range(start, start + 256, 5):
        broken = bytearray(data)
        broken[position] ^= 1 << position % 8
        (tmp_path / "w.pth").write_bytes(bytes(broken))
        with pytest.raises(WeightsError, match="checksum"):
            load_tree(tmp_path / "w.pth")


def test_a_file_that_changes_between_header_and_values_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "w.pth"
    torch.save({"w": torch.rand(64)}, path)
    header = open_weights(path)
    torch.save({"w": torch.rand(640)}, path)
    with pytest.raises(WeightsError, match="changed"):
        load_tensors(header, header.tensors().values())


def test_only_the_tensors_asked_for_must_be_sound(tmp_path: Path) -> None:
    torch.save({"good": torch.ones(3), "bad": torch.tensor([float("nan")])}, tmp_path / "w.pth")
    header = open_weights(tmp_path / "w.pth")
    assert len(load_tensors(header, [header.tensors()["good"]])) == 1
    with pytest.raises(WeightsError, match="not finite"):
        load_tree(tmp_path / "w.pth")


def test_large_values_whose_sum_overflows_are_finite(tmp_path: Path) -> None:
    torch.save({"w": torch.full((9,), 1e308, dtype=torch.float64)}, tmp_path / "w.pth")
    assert len(load_tree(tmp_path / "w.pth")["w"]) == 9


def test_a_missing_file_is_said_plainly(tmp_path: Path) -> None:
    with pytest.raises(WeightsError, match="There is no file"):
        open_weights(tmp_path / "none.pth")


# -- limits: at the limit accepted, one beyond refused ------------------------------------------

GOOD = archive()
HEADER = len(safetensors()) - 8 - 32
FILES: dict[str, tuple[bytes, Limits, Limits]] = {
    "file bytes": (GOOD, Limits(file_bytes=len(GOOD)), Limits(file_bytes=len(GOOD) - 1)),
    "records": (GOOD, Limits(entries=2), Limits(entries=1)),
    "pickle bytes": (archive(as_pickle(b"N")), Limits(pickle_bytes=4), Limits(pickle_bytes=3)),
    "operations": (archive(as_pickle(b"N0N")), Limits(opcodes=5), Limits(opcodes=4)),
    "values in the tree": (archive(as_pickle(b"](NNe")), Limits(nodes=3), Limits(nodes=2)),
    "elements": (GOOD, Limits(elements=8), Limits(elements=7)),
    "depth": (archive(as_pickle(b"]]]]aaa")), Limits(depth=4), Limits(depth=3)),
    "dimensions": (GOOD, Limits(dimensions=2), Limits(dimensions=1)),
    "names": (
        archive(as_pickle(dict_of(seventeen_letters=b"N"))),
        Limits(name_characters=17),
        Limits(name_characters=16),
    ),
    "header bytes": (safetensors(), Limits(header_bytes=HEADER), Limits(header_bytes=HEADER - 1)),
    "tensors": (safetensors(), Limits(entries=1), Limits(entries=0)),
    "elements of safetensors": (safetensors(), Limits(elements=8), Limits(elements=7)),
    "storages": (legacy(), Limits(entries=1), Limits(entries=0)),
}


@pytest.mark.parametrize("name", FILES)
def test_a_limit_holds_to_the_unit(name: str, tmp_path: Path) -> None:
    data, enough, too_little = FILES[name]
    (tmp_path / "f.pth").write_bytes(data)
    load_tree(tmp_path / "f.pth", limits=enough)
    with pytest.raises(WeightsError):
        load_tree(tmp_path / "f.pth", limits=too_little)


def test_the_limits_in_force_leave_room_for_the_largest_checkpoint_and_no_more(tmp_path: Path) -> None:
    full = Limits()
    huge = tmp_path / "huge.pth"
    with open(huge, "wb") as file:
        file.truncate(full.file_bytes + 1)  # sparse
    with pytest.raises(WeightsError, match="MB, more than"):
        open_weights(huge)
    from trainer_core.model.spec import NetworkSpec

    spec = NetworkSpec(8)
    assert spec.parameter_count() * 16 * 10 < full.file_bytes
    assert len(spec.shapes()) * 5 * 50 < full.opcodes


def test_every_limit_is_tested_to_the_unit() -> None:
    names = {f.name for f in fields(Limits)}
    changed = [
        {name for name in names if getattr(little, name) != getattr(Limits(), name)} for _, _, little in FILES.values()
    ]
    assert set().union(*changed) == names and all(len(one) == 1 for one in changed)


def _safetensors_of(size: int, dtype: str, shape: list[int], header_bytes: int = 0, name: str = "w") -> bytes:
    """The header of a safetensors file with one tensor of `size` bytes, padded with spaces."""
    header = json.dumps({name: entry(shape, 0, size, dtype)}).encode()
    return safetensors(header + b" " * (header_bytes - len(header)), b"")


def _file_of(size: int) -> bytes:
    """A header that makes a file of `size` bytes; its values fill the rest."""
    return _safetensors_of(size - 8 - 1024, "F64", [(size - 8 - 1024) // 8], 1024)


def _empty_records(count: int) -> dict[str, Any]:
    return {f"x{number}": b"" for number in range(count)}


# limit -> the beginning of a file with exactly n of it; the rest, up to the size that it states, are zeros
IN_FORCE: dict[str, Callable[[int], bytes]] = {
    "entries": lambda n: archive(**_empty_records(n - 2)),
    "pickle_bytes": lambda n: archive(as_pickle(text("x" * (n - 8)))),
    "opcodes": lambda n: archive(as_pickle(b"N" + b"q\0" * (n - 3))),
    "nodes": lambda n: archive(as_pickle(b"](" + b"N" * (n - 1) + b"e")),
    "depth": lambda n: archive(as_pickle(b"]" * n + b"a" * (n - 1))),
    "name_characters": lambda n: _safetensors_of(1, "I8", [1], name="x" * n),
    "dimensions": lambda n: _safetensors_of(1, "I8", [1] * n),
    "header_bytes": lambda n: _safetensors_of(1, "I8", [1], n),
    "elements": lambda n: _safetensors_of(n, "I8", [n]),
    "file_bytes": _file_of,
}


@pytest.mark.parametrize(
    "name", [pytest.param(n, marks=[pytest.mark.long] if n in ("nodes", "opcodes") else []) for n in IN_FORCE]
)
def test_a_limit_in_force_holds_to_the_unit(name: str, tmp_path: Path) -> None:
    limit, path = getattr(Limits(), name), tmp_path / "f.pth"
    limits = replace(Limits(), opcodes=2 * Limits().opcodes) if name == "nodes" else Limits()
    sizes = {"elements": lambda n, head: len(head) + n, "file_bytes": lambda n, head: n}
    for count, is_allowed in ((limit, True), (limit + 1, False)):
        head = IN_FORCE[name](count)
        path.write_bytes(head)
        missing = 0 if head.startswith(b"PK") else 1
        os.truncate(path, sizes[name](count, head) if name in sizes else len(head) + missing)  # sparse
        if is_allowed:
            open_weights(path, limits=limits)
        else:
            with pytest.raises(WeightsError):
                open_weights(path, limits=limits)


def test_nothing_here_is_a_pickle_that_python_could_not_read() -> None:
    """The opcode assembler of these tests writes what it means to."""
    assert pickle.loads(as_pickle(dict_of(a=b"N", b=b"](NNe"))) == {"a": None, "b": [None, None]}


def test_storages_of_unknown_kinds_are_named(tmp_path: Path) -> None:
    body = dict_of(w=tensor(store=storage(8, b"QInt8Storage")))
    (tmp_path / "q.pth").write_bytes(archive(as_pickle(body)))
    with pytest.raises(WeightsError, match=r"torch\.QInt8Storage"):
        load_tree(tmp_path / "q.pth")


def test_values_of_unknown_types_are_named_with_what_to_do(tmp_path: Path) -> None:
    (tmp_path / "e.safetensors").write_bytes(safetensors({"w": entry([8], 0, 32, "F8_E4M3")}))
    torch.save({"w": torch.zeros(4, dtype=torch.uint16)}, tmp_path / "u.pth")
    for name, kind in (("e.safetensors", "F8_E4M3"), ("u.pth", "_rebuild_tensor_v3")):
        with pytest.raises(WeightsError, match=f"{kind}.*Use a file with float32, float16 or bfloat16 values"):
            open_weights(tmp_path / name)


@pytest.mark.parametrize(
    ("names", "words"),
    [(["a.npy"], "NumPy"), (["x/model.pth"], "model.pth; unpack it first"), (["x/code/a.py"], "TorchScript")],
)
def test_compressed_archives_of_other_kinds_are_called_what_they_are(
    names: list[str], words: str, tmp_path: Path
) -> None:
    with zipfile.ZipFile(tmp_path / "a.pth", "w", zipfile.ZIP_DEFLATED) as file:
        for name in names:
            file.writestr(name, bytes(100))
    with pytest.raises(WeightsError, match=words):
        open_weights(tmp_path / "a.pth")
