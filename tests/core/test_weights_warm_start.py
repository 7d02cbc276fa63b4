"""A warm start keeps what the file computes where there is a way, and says what it could not keep."""

from __future__ import annotations

import dataclasses
import json
import subprocess
import sys
from pathlib import Path

import pytest

torch = pytest.importorskip("torch")

import torch.nn.functional as F

from tests.core.networks import distance, network_of, noise, saved
from trainer_core.model.rrdb import RRDBNet
from trainer_core.model.spec import NetworkSpec
from trainer_core.weights.container.refusal import WeightsError
from trainer_core.weights.export import pad_for_viewer, prepare_deployable
from trainer_core.weights.network import load_network
from trainer_core.weights.warm_start import WarmStartReport, apply_warm_start, identify_source

ROOT = Path(__file__).resolve().parents[2]
X4 = NetworkSpec(4, num_feat=16, num_block=2, num_grow_ch=8)
CLOSE = 5e-6  # rounding of sums in another order


def started(path: Path, spec: NetworkSpec) -> tuple[RRDBNet, WarmStartReport]:
    """A network of `spec` with other weights, started from the file, and the report."""
    network = network_of(spec, seed=9)
    return network, apply_warm_start(identify_source(path), network)


def counts(report: WarmStartReport) -> dict[str, int]:
    return {kind: len(getattr(report, kind)) for kind in ("exact", "mapped", "partial", "missing")}


def test_the_same_network_is_taken_bit_for_bit(tmp_path: Path) -> None:
    source = network_of(X4)
    network, report = started(saved(source, tmp_path / "m.pth"), X4)
    assert torch.equal(network(noise()), source(noise()))
    assert report.function_kept and counts(report) == {"exact": 72, "mapped": 0, "partial": 0, "missing": 0}
    assert report.percent == {"exact": 100.0, "mapped": 0.0, "partial": 0.0, "missing": 0.0}


def test_x4_to_x2_equals_x4_on_the_averaged_picture(tmp_path: Path) -> None:
    source = network_of(X4)
    network, report = started(saved(source, tmp_path / "m.pth"), dataclasses.replace(X4, scale=2))
    lr = noise()
    assert distance(network(lr), source(F.avg_pool2d(lr, 2))) < CLOSE
    assert report.function_kept and report.mapped == ("conv_first.weight",)


def test_x2_to_x4_equals_x2_on_the_doubled_picture(tmp_path: Path) -> None:
    source = network_of(dataclasses.replace(X4, scale=2))
    network, report = started(saved(source, tmp_path / "m.pth"), X4)
    lr = noise()
    assert distance(network(lr), source(F.interpolate(lr, scale_factor=2))) < CLOSE
    assert report.function_kept


def test_x4_to_x8_copies_the_last_doubling_and_says_so(tmp_path: Path) -> None:
    source = network_of(X4)
    network, report = started(saved(source, tmp_path / "m.pth"), dataclasses.replace(X4, scale=8))
    assert torch.equal(network.state_dict()["conv_up3.weight"], source.state_dict()["conv_up2.weight"])
    assert report.partial == ("conv_up3.weight", "conv_up3.bias") and not report.function_kept
    assert len(report.exact) == 72


def test_x8_to_x4_leaves_the_third_doubling_out_and_says_so(tmp_path: Path) -> None:
    source = network_of(dataclasses.replace(X4, scale=8))
    network, report = started(saved(source, tmp_path / "m.pth"), X4)
    assert torch.equal(network.state_dict()["conv_up2.weight"], source.state_dict()["conv_up2.weight"])
    assert report.unexpected == ("conv_up3.weight", "conv_up3.bias") and not report.function_kept
    assert "conv_up3.weight" in report.summary()


@pytest.mark.parametrize(
    "larger",
    [dict(num_feat=24), dict(num_block=4), dict(num_grow_ch=12), dict(num_feat=20, num_block=3, num_grow_ch=16)],
    ids=str,
)
@pytest.mark.parametrize("scale", [2, 4, 8])
def test_a_larger_network_computes_what_the_smaller_did(larger: dict[str, int], scale: int, tmp_path: Path) -> None:
    spec = dataclasses.replace(X4, scale=scale)
    source = network_of(spec)
    network, report = started(saved(source, tmp_path / "m.pth"), dataclasses.replace(spec, **larger))
    assert distance(network(noise()), source(noise())) < CLOSE
    assert report.function_kept and not report.partial
    assert all(name.startswith("body.") for name in report.missing)


def test_a_larger_network_can_learn_with_its_new_parts(tmp_path: Path) -> None:
    source = network_of(X4)
    network, _ = started(saved(source, tmp_path / "m.pth"), dataclasses.replace(X4, num_feat=24, num_block=3))
    network.requires_grad_(True)
    (network(noise()) ** 2).mean().backward()
    for name in ("conv_first.weight", "conv_hr.weight", "conv_last.weight", "body.2.rdb3.conv5.weight"):
        gradient = network.get_parameter(name).grad
        assert gradient is not None and float(gradient.abs().sum()) > 0
    gradient = network.get_parameter("conv_last.weight").grad
    assert gradient is not None and float(gradient[:, 16:].abs().sum()) > 0


def test_a_smaller_network_gets_a_part_and_the_report_says_so(tmp_path: Path) -> None:
    source = network_of(X4)
    network, report = started(saved(source, tmp_path / "m.pth"), dataclasses.replace(X4, num_feat=8, num_block=1))
    assert torch.equal(network.conv_hr.weight, source.conv_hr.weight[:8, :8])
    dense = source.get_parameter("body.0.rdb1.conv3.weight")
    assert torch.equal(network.get_parameter("body.0.rdb1.conv3.weight"), torch.cat((dense[:, :8], dense[:, 16:]), 1))
    assert not report.function_kept and report.partial and "output differs from the file's" in report.summary()


@pytest.mark.parametrize("scale", [2, 4])
def test_gray_networks_become_rgb_and_back(scale: int, tmp_path: Path) -> None:
    gray = dataclasses.replace(X4, scale=scale, num_in_ch=1, num_out_ch=1)
    color = dataclasses.replace(X4, scale=scale)
    picture = noise(1)
    source = network_of(gray)
    network, report = started(saved(source, tmp_path / "g.pth"), color)
    assert distance(network(picture.expand(1, 3, 16, 16)), source(picture).expand(1, 3, -1, -1)) < CLOSE
    assert report.function_kept and set(report.mapped) == {"conv_first.weight", "conv_last.weight", "conv_last.bias"}
    source = network_of(color)
    network, _ = started(saved(source, tmp_path / "c.pth"), gray)
    expected = source(picture.expand(1, 3, 16, 16)).mean(1, keepdim=True)
    assert distance(network(picture), expected) < CLOSE


def test_the_small_network_inside_a_padded_file_comes_back_bit_for_bit(tmp_path: Path) -> None:
    source = network_of(X4)
    padded, spec = pad_for_viewer(source.state_dict(), X4)
    prepare_deployable(tmp_path / "m_x4.pth", padded, spec, {}, padded_from=X4).write()
    found = identify_source(tmp_path / "m_x4.pth")
    assert found.spec == X4 and found.identified.spec == NetworkSpec(4) and "padded from" in found.description
    network, report = started(tmp_path / "m_x4.pth", X4)
    assert torch.equal(network(noise()), source(noise())) and report.function_kept


def test_a_false_claim_of_padding_is_refused(tmp_path: Path) -> None:
    wide = dataclasses.replace(X4, num_feat=24)
    path = saved(network_of(wide), tmp_path / "m.pth", meta={"padded_from": X4.as_dict()})
    with pytest.raises(WeightsError, match="padded_from"):
        started(path, X4)
    path = saved(network_of(X4), tmp_path / "n.pth", meta={"padded_from": wide.as_dict()})
    assert identify_source(path).spec == X4  # a network larger than the file cannot be inside


def test_missing_and_surplus_tensors_are_counted(tmp_path: Path) -> None:
    source = network_of(X4)
    state = {name: values for name, values in source.state_dict().items() if not name.startswith("body.1.rdb3")}
    torch.save(
        {"params": {**state, "extra.weight": torch.ones(2), "body.0.rdb1.conv1.bias": torch.ones(5)}},
        tmp_path / "m.pth",
    )
    with pytest.raises(WeightsError, match=r"extra\.weight.*--init-arch rrdb"):
        identify_source(tmp_path / "m.pth")
    network = network_of(X4, seed=9)
    report = apply_warm_start(identify_source(tmp_path / "m.pth", arch="rrdb"), network)
    assert torch.equal(network.conv_last.weight, source.conv_last.weight)
    assert len(report.missing) == 11 and report.unexpected == ("extra.weight",)
    assert report.misshaped == ("body.0.rdb1.conv1.bias",) and not report.function_kept
    read = json.loads(json.dumps(report.as_dict()))
    assert read["missing"]["tensors"] == 11 and read["unexpected"]["names"] == ["extra.weight"]
    assert sum(read[kind]["percent"] for kind in ("exact", "mapped", "partial", "missing")) == pytest.approx(
        100, abs=0.1
    )


def test_ignored_tensors_do_not_keep_the_function(tmp_path: Path) -> None:
    torch.save({**network_of(X4).state_dict(), "extra.weight": torch.ones(2)}, tmp_path / "m.pth")
    report = apply_warm_start(identify_source(tmp_path / "m.pth", arch="rrdb"), network_of(X4, seed=9))
    assert len(report.exact) == len(X4.shapes()) and not report.function_kept
    assert "1 unexpected: extra.weight" in report.summary()


def test_one_value_in_place_of_a_weight_is_never_spread_over_it(tmp_path: Path) -> None:
    state = {**network_of(X4).state_dict(), "conv_hr.weight": torch.ones(1), "conv_body.bias": torch.ones(1)}
    torch.save(state, tmp_path / "m.pth")
    with pytest.raises(WeightsError, match=r"another shape: conv_body\.bias, conv_hr\.weight"):
        load_network(tmp_path / "m.pth")
    network = network_of(X4, seed=9)
    before = network.conv_hr.weight.clone()
    report = apply_warm_start(identify_source(tmp_path / "m.pth"), network)
    assert report.misshaped == ("conv_body.bias", "conv_hr.weight") and torch.equal(network.conv_hr.weight, before)


def test_values_beyond_float32_are_refused_when_they_are_loaded(tmp_path: Path) -> None:
    state = {name: values.double() for name, values in network_of(X4).state_dict().items()}
    torch.save(state, tmp_path / "good.pth")
    assert torch.equal(load_network(tmp_path / "good.pth")[0](noise()), network_of(X4)(noise()))
    state["conv_first.weight"][0, 0, 0, 0] = 1e300
    torch.save(state, tmp_path / "m.pth")
    with pytest.raises(WeightsError, match=r"conv_first\.weight holds values beyond the range of float32"):
        load_network(tmp_path / "m.pth")


def test_a_mere_fragment_is_refused_before_anything_starts(tmp_path: Path) -> None:
    state = network_of(dataclasses.replace(X4, num_block=9)).state_dict()
    kept = ("conv_first", "conv_last", "body.0.rdb1.conv1", "body.8.rdb1.conv1")
    torch.save({n: v for n, v in state.items() if n.startswith(kept)}, tmp_path / "m.pth")
    with pytest.raises(WeightsError, match=r"contains only \d+%"):
        identify_source(tmp_path / "m.pth")


def test_values_that_are_not_finite_are_refused(tmp_path: Path) -> None:
    source = network_of(X4)
    source.state_dict()["conv_hr.bias"][3] = float("inf")
    with pytest.raises(WeightsError, match="not finite"):
        started(saved(source, tmp_path / "m.pth"), X4)


def test_looking_at_a_file_needs_no_torch(tmp_path: Path) -> None:
    path = saved(network_of(X4), tmp_path / "m.pth")
    code = (
        "import sys\nfrom trainer_core.weights.warm_start import identify_source\n"
        "from trainer_core.verbs.inspect import inspect_file as inspect\n"
        f"assert identify_source({str(path)!r}).spec.num_feat == 16\n"
        f"inspect({str(path)!r}).format_report()\nprint('torch' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == "False"
