"""What is exported is exactly what was validated, loads where the gate says, and is never half-written."""

from __future__ import annotations

import dataclasses
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

if TYPE_CHECKING:
    from torch import Tensor

torch = pytest.importorskip("torch")

from tests.core.networks import distance, network_of, noise, saved
from trainer_core.model.rrdb import RRDBNet
from trainer_core.model.spec import NetworkSpec
from trainer_core.weights import export
from trainer_core.weights.container.reader import load_tree
from trainer_core.weights.container.writer import write_tree
from trainer_core.weights.export import (
    pad_for_viewer,
    padding_problem,
    prepare_deployable,
    prepare_export_state,
    run_gate,
)
from trainer_core.weights.programs import check_programs

SMALL = NetworkSpec(4, num_feat=16, num_block=2, num_grow_ch=8)
EXACT = 1e-6


def wide_network(state: dict[str, Tensor], spec: NetworkSpec) -> RRDBNet:
    network = RRDBNet(spec).eval().requires_grad_(False)
    network.load_state_dict(state)
    return network


def test_the_content_is_plain_and_loads_safely(tmp_path: Path) -> None:
    network = network_of(SMALL)
    network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    meta = {"step": 3, "version": torch.__version__, "psnr": 20.5, "list": (1, None, True)}
    prepare_deployable(tmp_path / "m_x4.pth", network.state_dict(), SMALL, meta).write()
    tree = torch.load(tmp_path / "m_x4.pth", weights_only=True)
    assert list(tree) == ["params", "meta"] and list(tree["params"]) == list(SMALL.shapes())
    for values in tree["params"].values():
        assert type(values) is torch.Tensor and values.dtype == torch.float32 and values.is_contiguous()
    assert (
        tree["meta"]["spec"] == SMALL.as_dict()
        and tree["meta"]["scale"] == 4
        and tree["meta"]["list"] == [1, None, True]
    )
    assert "chainner" in tree["meta"]["loads_in"] and "padded_from" not in tree["meta"]
    assert zipfile.ZipFile(tmp_path / "m_x4.pth").testzip() is None
    assert load_tree(tmp_path / "m_x4.pth")["meta"] == tree["meta"]


def test_objects_in_the_metadata_are_refused_and_nothing_is_written(tmp_path: Path) -> None:
    with pytest.raises(TypeError, match="Path"):
        prepare_deployable(tmp_path / "m_x4.pth", network_of(SMALL).state_dict(), SMALL, {"path": tmp_path}).write()
    assert list(tmp_path.iterdir()) == []


def test_mono_models_are_exactly_neutral_and_keep_their_mean() -> None:
    network = network_of(SMALL)
    expected = network(noise()).mean(1)
    network.load_state_dict(prepare_export_state(network.state_dict(), mono=True))
    sr = network(noise())
    assert torch.equal(sr[:, 0], sr[:, 1]) and torch.equal(sr[:, 1], sr[:, 2])
    assert distance(sr[:, 0], expected) < EXACT


def test_exporting_leaves_the_given_tensors_alone() -> None:
    network = network_of(SMALL)
    before = network.conv_last.weight.clone()
    prepare_export_state(network.state_dict(), mono=True)["conv_first.weight"].zero_()
    assert torch.equal(network.conv_last.weight, before) and float(network.conv_first.weight.abs().sum()) > 0


@pytest.mark.parametrize("sizes", [(16, 2, 8), (32, 4, 16), (64, 6, 32), (64, 23, 16), (8, 1, 32)], ids=str)
@pytest.mark.parametrize("scale", [2, 4, 8])
def test_padding_for_the_viewer_is_exact(sizes: tuple[int, int, int], scale: int) -> None:
    spec = NetworkSpec(scale, *sizes)
    network = network_of(spec)
    for parameter in network.parameters():
        parameter.mul_(0.7)  # results of about 0..1, as of trained networks
    padded, wide = pad_for_viewer(network.state_dict(), spec)
    assert wide == NetworkSpec(scale) and not padding_problem(spec)
    lr = noise(height=8, width=8).double()  # in single precision the order of summation shows
    expected = network.double()(lr)
    assert distance(wide_network(padded, wide).double()(lr), expected) <= 1e-12 * max(1.0, float(expected.abs().max()))


def test_gray_networks_are_padded_to_rgb() -> None:
    spec = dataclasses.replace(SMALL, num_in_ch=1, num_out_ch=1)
    network = network_of(spec)
    padded, wide = pad_for_viewer(network.state_dict(), spec)
    lr = noise(1, 8, 8)
    expected = network(lr).expand(1, 3, -1, -1)
    # three products are added per value, in an order that depends on the processor
    assert distance(wide_network(padded, wide)(lr.expand(1, 3, 8, 8)), expected) <= 6 * EXACT


def test_what_cannot_be_padded_is_left_and_the_reason_given() -> None:
    for change in (
        dict(num_feat=72),
        dict(num_block=24),
        dict(num_grow_ch=40),
        dict(scale=1),
        dict(scale=2, unshuffle=1),
    ):
        spec = dataclasses.replace(NetworkSpec(4, 8, 1, 8), **change)
        state = {name: torch.zeros(1) for name in spec.shapes()}
        padded, same = pad_for_viewer(state, spec)
        assert same == spec and padded.keys() == state.keys() and padding_problem(spec)
        assert check_programs(Path("m_x4.pth"), spec).viewer


@pytest.mark.parametrize("padded", [False, True], ids=["compact", "padded"])
@pytest.mark.parametrize("sizes", [(64, 23, 32), (16, 2, 32)], ids=str)
@pytest.mark.parametrize("scale", [2, 4, 8])
def test_spandrel_loads_every_export_with_identical_output(
    scale: int, sizes: tuple[int, int, int], padded: bool, tmp_path: Path
) -> None:
    spandrel = pytest.importorskip("spandrel")
    spec = NetworkSpec(scale, *sizes)
    network = network_of(spec)
    path = tmp_path / f"wqv_neosr_x{scale}.pth"
    state, written = pad_for_viewer(network.state_dict(), spec) if padded else (network.state_dict(), spec)
    report = prepare_deployable(path, state, written, {"step": 1}, padded_from=spec if padded else None).write()
    assert report.chainner == ""
    found = spandrel.ModelLoader(device="cpu").load_from_file(path)
    assert (found.architecture.id, found.scale, found.input_channels, found.output_channels) == ("ESRGAN", scale, 3, 3)
    lr = noise(height=8, width=8)
    assert torch.equal(found.model(lr), wide_network(dict(state), written)(lr))


def test_spandrel_refuses_what_the_gate_says_it_refuses(tmp_path: Path) -> None:
    spandrel = pytest.importorskip("spandrel")
    report = prepare_deployable(tmp_path / "m_x4.pth", network_of(SMALL).state_dict(), SMALL, {}).write()
    assert "growth 32, not 8" in report.chainner
    with pytest.raises(Exception, match="size mismatch"):
        spandrel.ModelLoader(device="cpu").load_from_file(tmp_path / "m_x4.pth")


def test_a_file_that_reads_back_differently_does_not_replace_the_good_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, network = tmp_path / "m_x4.pth", network_of(SMALL)
    prepare_deployable(path, network.state_dict(), SMALL, {}).write()
    good = path.read_bytes()
    real = write_tree

    def faulty(file: Any, content: dict[str, dict[str, Any]]) -> None:
        bias = content["params"]["conv_hr.bias"]
        changed = dataclasses.replace(bias, content=bias.content ^ np.uint8(1))
        real(file, {**content, "params": {**content["params"], "conv_hr.bias": changed}})

    monkeypatch.setattr(export, "write_tree", faulty)
    with pytest.raises(OSError, match="reads back differently"):
        prepare_deployable(path, network.state_dict(), SMALL, {}).write()
    assert path.read_bytes() == good and list(tmp_path.iterdir()) == [path]


def test_the_gate_reads_a_written_file_again(tmp_path: Path) -> None:
    path, network = tmp_path / "m_x4.pth", network_of(SMALL)
    prepare_deployable(path, network.state_dict(), SMALL, {}).write()
    assert run_gate(path, network.state_dict()) == check_programs(path, SMALL)
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(bytes(data))
    with pytest.raises(OSError, match="cannot be read back"):
        run_gate(path, network.state_dict())
    saved(network_of(SMALL, seed=2), path)
    with pytest.raises(OSError, match="differently"):
        run_gate(path, network.state_dict())


def test_half_precision_files_halve_the_size(tmp_path: Path) -> None:
    network = network_of(SMALL)
    prepare_deployable(tmp_path / "h_x4.pth", network.state_dict(), SMALL, {}, half=True).write()
    tree = load_tree(tmp_path / "h_x4.pth")
    assert {values.dtype for values in tree["params"].values()} == {torch.float16}
