"""RRDB in everybody's names: recognized with full key lists, agreed on by spandrel; other networks refused by name."""

from __future__ import annotations

import dataclasses
import importlib
import json
from pathlib import Path
from typing import Any

import pytest

torch = pytest.importorskip("torch")

from torch import Tensor

from tests.core.networks import network_of
from trainer_core.model.rrdb import RRDBNet
from trainer_core.model.spec import NetworkSpec
from trainer_core.weights.container.reader import open_weights
from trainer_core.weights.container.refusal import WeightsError
from trainer_core.weights.network import load_network
from trainer_core.weights.rrdb.dialects import identify
from trainer_core.weights.warm_start import identify_source

SHARED = Path(__file__).resolve().parents[3] / "shared" / "weights" / "realesr-animevideov3.pth"
SPEC = NetworkSpec(4, num_feat=16, num_block=2, num_grow_ch=32)  # growth 32 is what spandrel knows


def old_names(spec: NetworkSpec) -> dict[str, str]:
    """Map our names to old ESRGAN's: model.0, model.1.sub.i.RDBj.convk.0, model.1.sub.N and so on."""
    ups = spec.up_convolutions
    layers = {"conv_first": "model.0", "conv_body": f"model.1.sub.{spec.num_block}"}
    layers.update({f"conv_up{k}": f"model.{3 * k}" for k in range(1, ups + 1)})
    layers.update({"conv_hr": f"model.{3 * ups + 2}", "conv_last": f"model.{3 * ups + 4}"})
    for block in range(spec.num_block):
        for dense in (1, 2, 3):
            for k in (1, 2, 3, 4, 5):
                layers[f"body.{block}.rdb{dense}.conv{k}"] = f"model.1.sub.{block}.RDB{dense}.conv{k}.0"
    return {f"{ours}.{kind}": f"{theirs}.{kind}" for ours, theirs in layers.items() for kind in ("weight", "bias")}


def bsrgan_names(spec: NetworkSpec) -> dict[str, str]:
    """Ours -> BSRGAN's and RealSR's."""
    words = {"conv_body": "trunk_conv", "conv_hr": "HRconv"}
    words.update({f"conv_up{k}": f"upconv{k}" for k in range(1, spec.up_convolutions + 1)})
    result = {}
    for name in spec.shapes():
        layer, kind = name.rsplit(".", 1)
        theirs = words.get(layer, layer.replace("body.", "RRDB_trunk.").replace("rdb", "RDB"))
        result[name] = f"{theirs}.{kind}"
    return result


def renamed(state: dict[str, Tensor], names: dict[str, str]) -> dict[str, Tensor]:
    return {names[name]: values for name, values in state.items()}


def prefixed(state: dict[str, Tensor], prefix: str) -> dict[str, Tensor]:
    return {prefix + name: values for name, values in state.items()}


def contents(state: dict[str, Tensor], spec: NetworkSpec) -> dict[str, tuple[Any, str, str, bool]]:
    """What programs write: content, dialect, container, whether it is the average."""
    other = {name: values + 1 for name, values in state.items()}
    old, bsr = renamed(state, old_names(spec)), renamed(state, bsrgan_names(spec))
    return {
        "BasicSR, both": ({"params": other, "params_ema": state}, "BasicSR", "params_ema", True),
        "BasicSR, params": ({"params": state}, "BasicSR", "params", False),
        "flat": (state, "BasicSR", "", False),
        "neosr": ({"params": {**prefixed(state, "module."), "n_averaged": torch.tensor(9)}}, "BasicSR", "params", True),
        "old ESRGAN": (old, "old ESRGAN", "", False),
        "old ESRGAN, params_ema": ({"params_ema": old}, "old ESRGAN", "params_ema", True),
        "BSRGAN": (bsr, "BSRGAN/RealSR", "", False),
        "RealSR wrapped": ({"state_dict": prefixed(bsr, "module.")}, "BSRGAN/RealSR", "state_dict", False),
        "earlier trainer, raw": (
            {"generator": other, "ema": state, "optimizer": {"state": {0: {"exp_avg": torch.ones(3)}}}, "step": 7},
            "BasicSR",
            "ema",
            True,
        ),
        "earlier trainer, no average": ({"generator": state, "step": 7}, "BasicSR", "generator", False),
        "ours, raw": (
            {
                "kind": "wqv-upscale-trainer checkpoint",
                "params": other,
                "params_ema": state,
                "optimizer": {},
                "step": 3,
                "spec": spec.as_dict(),
            },
            "BasicSR",
            "params_ema",
            True,
        ),
        "ours, deploy": ({"params": state, "meta": {"spec": spec.as_dict(), "step": 3}}, "BasicSR", "params", False),
        "DataParallel": (prefixed(state, "module."), "BasicSR", "", False),
        "compiled": ({"params": prefixed(state, "_orig_mod.")}, "BasicSR", "params", False),
        "compiled inside": ({n.replace("body.", "body._orig_mod."): v for n, v in state.items()}, "BasicSR", "", False),
        "both wrappers": (prefixed(state, "_orig_mod.module."), "BasicSR", "", False),
        "netG": ({"model": {"params": prefixed(state, "netG.")}}, "BasicSR", "model.params", False),
        "parameters": ({name: torch.nn.Parameter(values) for name, values in state.items()}, "BasicSR", "", False),
        "fp16": ({"params": {name: values.half() for name, values in state.items()}}, "BasicSR", "params", False),
        "bf16": ({"params": {name: values.bfloat16() for name, values in state.items()}}, "BasicSR", "params", False),
    }


@pytest.mark.parametrize("name", list(contents(RRDBNet(SPEC).state_dict(), SPEC)))
def test_every_dialect_is_recognized_and_computes_the_same(name: str, tmp_path: Path) -> None:
    network = network_of(SPEC)
    content, dialect, container, is_ema = contents(network.state_dict(), SPEC)[name]
    torch.save(content, tmp_path / "m.pth")
    found = identify(open_weights(tmp_path / "m.pth"))
    assert (found.dialect, found.container, found.is_ema, found.spec) == (dialect, container, is_ema, SPEC)
    assert found.is_complete and not found.unexpected and list(found.names) == list(SPEC.shapes())
    read, _ = load_network(tmp_path / "m.pth")
    lr = torch.rand(1, 3, 8, 8)
    tolerance = {"fp16": 2e-2, "bf16": 2e-1}.get(name, 0.0)
    assert (read(lr) - network(lr)).abs().max() <= tolerance


@pytest.mark.parametrize("dialect", ["BasicSR", "old ESRGAN", "BSRGAN"])
@pytest.mark.parametrize("scale", [1, 2, 4, 8])
def test_spandrel_reads_the_dialects_as_we_do(dialect: str, scale: int, tmp_path: Path) -> None:
    spandrel = pytest.importorskip("spandrel")
    spec = dataclasses.replace(SPEC, scale=scale)
    network = network_of(spec)
    names = {"old ESRGAN": old_names(spec), "BSRGAN": bsrgan_names(spec)}.get(dialect, {n: n for n in spec.shapes()})
    state = renamed(network.state_dict(), names)
    torch.save(state, tmp_path / "m.pth")
    lr = torch.rand(1, 3, 16, 16)
    theirs = spandrel.ModelLoader(device="cpu").load_from_file(tmp_path / "m.pth")
    ours, source = load_network(tmp_path / "m.pth")
    assert source.spec == spec and theirs.scale == scale
    assert torch.equal(theirs.model(lr), network(lr)) and torch.equal(ours(lr), network(lr))


@pytest.mark.parametrize("scale", [2, 4, 8])
def test_a_safetensors_file_from_spandrel_s_own_network_is_read(scale: int, tmp_path: Path) -> None:
    """traiNNer-redux trains spandrel's ESRGAN and saves it flat: genuine old names, not our copy of them."""
    spandrel = pytest.importorskip("spandrel")
    save_file = pytest.importorskip("safetensors.torch").save_file
    spec = dataclasses.replace(SPEC, scale=scale)
    network = network_of(spec)
    theirs = spandrel.ModelLoader(device="cpu").load_from_state_dict(dict(network.state_dict())).model
    assert "model.1.sub.0.RDB1.conv1.0.weight" in theirs.state_dict()
    save_file(theirs.state_dict(), tmp_path / "m.safetensors", metadata={"format": "pt"})
    read, source = load_network(tmp_path / "m.safetensors")
    assert source.dialect == "old ESRGAN" and source.spec == spec
    lr = torch.rand(1, 3, 8, 8)
    assert torch.equal(read(lr), network(lr))


def test_the_full_size_key_lists_are_those_of_the_published_files() -> None:
    for scale, tensors, parameters in ((2, 702, 16_703_171), (4, 702, 16_697_987), (8, 704, 16_734_915)):
        spec = NetworkSpec(scale)
        assert (len(spec.shapes()), spec.parameter_count()) == (tensors, parameters)
        for names in (old_names(spec), bsrgan_names(spec)):
            found = identify({names[name]: shape for name, shape in spec.shapes().items()})
            assert found.spec == spec and found.is_complete and len(found.names) == tensors
    assert old_names(NetworkSpec(4))["conv_last.weight"] == "model.10.weight"
    assert old_names(NetworkSpec(8))["conv_hr.bias"] == "model.11.bias"


SPECS = [
    NetworkSpec(1),
    NetworkSpec(2),
    NetworkSpec(4, 32, 1, 16),
    NetworkSpec(8, 24, 6, 8),
    NetworkSpec(1, num_block=1, unshuffle=1),
    NetworkSpec(2, num_block=2, unshuffle=1),
    NetworkSpec(4, num_block=1, num_in_ch=1, num_out_ch=1),
    NetworkSpec(2, num_block=1, num_in_ch=1, num_out_ch=1),
    NetworkSpec(4, num_block=1, num_in_ch=1),
    NetworkSpec(2, num_block=1, num_in_ch=1),
    NetworkSpec(4, num_block=1, num_out_ch=1),
]


@pytest.mark.parametrize("spec", SPECS, ids=str)
def test_dimensions_are_inferred_from_shapes(spec: NetworkSpec) -> None:
    assert identify(spec.shapes()).spec == spec


@pytest.mark.parametrize("spec", SPECS, ids=str)
def test_unknown_names_are_taken_for_rrdb_when_forced_and_the_shapes_fit(spec: NetworkSpec) -> None:
    unknown = {f"layer_{k}": shape for k, shape in enumerate(spec.shapes().values())}
    with pytest.raises(WeightsError, match="--init-arch rrdb"):
        identify(unknown)
    found = identify(unknown, force_rrdb=True)
    assert found.spec == spec and list(found.names.values()) == list(unknown)
    del unknown["layer_3"]
    with pytest.raises(WeightsError, match="do not fit"):
        identify(unknown, force_rrdb=True)


def test_missing_misshaped_and_surplus_tensors_are_named() -> None:
    shapes = dict(SPEC.shapes())
    del shapes["conv_hr.bias"]
    shapes["body.1.rdb2.conv3.weight"] = (5, 5, 3, 3)
    shapes["extra.weight"] = (2,)
    with pytest.raises(WeightsError, match=r"extra\.weight.*--init-arch rrdb"):
        identify(shapes)
    found = identify(shapes, force_rrdb=True)
    assert found.missing == ("conv_hr.bias",)
    assert found.misshaped == ("body.1.rdb2.conv3.weight",)
    assert found.unexpected == ("extra.weight",)
    assert not found.is_complete


def variant(dialect: str, extra: dict[str, tuple[int, ...]], *without: str) -> dict[str, tuple[int, ...]]:
    """Shapes of an RRDB network under a program's names, with other tensors, and without some of its own."""
    names = {"old ESRGAN": old_names(SPEC), "BSRGAN": bsrgan_names(SPEC)}.get(dialect, {n: n for n in SPEC.shapes()})
    shapes = {names[name]: shape for name, shape in SPEC.shapes().items()}
    return {**{key: shape for key, shape in shapes.items() if not key.startswith(without)}, **extra}


PS, FEAT = (64, 16, 3, 3), (16, 16, 3, 3)  # a convolution before a pixel shuffle, and an ordinary one
VARIANTS: list[tuple[str, dict[str, tuple[int, ...]]]] = [
    (r"ESRGAN\+.*rdb1\.conv1x1", variant("BasicSR", {"body.0.rdb1.conv1x1.weight": (32, 16, 1, 1)})),
    (r"ESRGAN\+", variant("old ESRGAN", {"model.1.sub.0.RDB1.conv1x1.weight": (32, 16, 1, 1)})),
    (r"ESRGAN\+", variant("BSRGAN", {"RRDB_trunk.0.RDB3.conv1x1.weight": (32, 16, 1, 1)})),
    (
        "SPSR",
        variant("old ESRGAN", {"f_HR_conv1.0.weight": (3, 16, 3, 3), "b_fea_conv.weight": FEAT}, "model.8", "model.10"),
    ),
    ("SRFlow", {f"RRDB.{k}": s for k, s in variant("BSRGAN", {}).items()} | {"flowUpsamplerNet.layers.0.w": (3, 3)}),
    ("batch normalization", variant("BasicSR", {"body.0.rdb1.bn.running_mean": (32,)})),
    ("normalization", variant("BasicSR", {"body.0.rdb1.conv1.weight_u": (32,)})),
    ("LoRA", variant("BasicSR", {"body.0.rdb1.conv1.lora_A": (4, 16)})),
    ("pixel-shuffle", variant("BasicSR", {"conv_up1.weight": PS, "conv_up1.bias": (64,)})),
    ("pixel-shuffle", variant("BasicSR", {"upsampler.0.weight": PS}, "conv_up")),
    ("pixel-shuffle", variant("old ESRGAN", {"model.2.weight": PS, "model.5.weight": PS}, "model.3", "model.6")),
    (r"body\.0\.ca\.fc", variant("BasicSR", {"body.0.ca.fc.weight": (4, 16)})),
    (r"body\.0\.rdb1\.conv6", variant("BasicSR", {"body.0.rdb1.conv6.weight": FEAT})),
    (r"body\.1\.rdb4", variant("BasicSR", {"body.1.rdb4.conv1.weight": FEAT})),
    (r"conv_up4", variant("BasicSR", {"conv_up4.weight": FEAT})),
    (r"model\.1\.sub\.0\.weight", variant("old ESRGAN", {"model.1.sub.0.weight": FEAT})),
    (r"model\.7\.weight", variant("old ESRGAN", {"model.7.weight": FEAT})),
    (r"encoder\.conv", {f"net_g.{k}": s for k, s in variant("BasicSR", {}).items()} | {"encoder.conv.weight": FEAT}),
]


@pytest.mark.parametrize(("name", "shapes"), VARIANTS, ids=[row[0] for row in VARIANTS])
def test_tensors_that_the_network_would_ignore_are_refused_by_name(name: str, shapes: dict[str, Any]) -> None:
    with pytest.raises(WeightsError, match=name):
        identify(shapes)


def test_a_known_variant_is_refused_even_if_forced() -> None:
    for name, shapes in VARIANTS[:11]:
        with pytest.raises(WeightsError, match=name):
            identify(shapes, force_rrdb=True)


def test_networks_that_training_stores_beside_the_generator_are_accepted() -> None:
    shapes = {f"net_g.{name}": shape for name, shape in SPEC.shapes().items()}
    beside = {"net_d.conv0.weight": (8, 3, 3, 3), "cri_perceptual.vgg.0.weight": (8, 3, 3, 3), "step": ()}
    found = identify({**shapes, **beside})
    assert found.spec == SPEC and found.is_complete and not found.is_ema
    assert found.unexpected == ("net_d.conv0.weight", "cri_perceptual.vgg.0.weight")
    found = identify({**shapes, **{f"net_g_ema.{name}": shape for name, shape in SPEC.shapes().items()}})
    assert found.is_ema and found.names["conv_hr.bias"] == "net_g_ema.conv_hr.bias"


def test_an_x3_network_is_not_taken_for_a_plain_x2(tmp_path: Path) -> None:
    plain = dataclasses.replace(SPEC, scale=2, unshuffle=1)
    state = renamed(network_of(plain).state_dict(), old_names(plain))
    for name in ("3x_photo.pth", "photo_x3.pth"):
        torch.save(state, tmp_path / name)
        with pytest.raises(WeightsError, match="x3"):
            identify(open_weights(tmp_path / name))
    torch.save({"params": state, "meta": {"scale": 3}}, tmp_path / "m.pth")
    with pytest.raises(WeightsError, match="x3"):
        identify(open_weights(tmp_path / "m.pth"))
    torch.save(state, tmp_path / "2x_photo.pth")
    found = identify(open_weights(tmp_path / "2x_photo.pth"))
    assert found.spec == plain and "x3 network has the same" in found.note
    assert not identify(dataclasses.replace(SPEC, scale=2).shapes()).note


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (dict(num_feat=513), "num_feat"),
        (dict(num_block=129), "num_block"),
        (dict(num_grow_ch=257), "num_grow_ch"),
        (dict(num_in_ch=5), "channels"),
        (dict(num_out_ch=4), "channels"),
        (dict(scale=16), "up-convolutions"),
    ],
)
def test_dimensions_beyond_the_caps_are_refused(change: dict[str, int], reason: str) -> None:
    with pytest.raises(WeightsError, match=reason):
        identify(dataclasses.replace(NetworkSpec(4, 8, 1, 4), **change).shapes())


@pytest.mark.parametrize("change", [dict(num_feat=512), dict(num_block=128), dict(num_grow_ch=256)], ids=str)
def test_dimensions_at_the_caps_are_accepted(change: dict[str, int]) -> None:
    spec = dataclasses.replace(NetworkSpec(4, 8, 1, 4), **change)
    assert identify(spec.shapes()).spec == spec


def test_metadata_cannot_claim_other_dimensions_than_the_tensors_have(tmp_path: Path) -> None:
    for metadata in (
        NetworkSpec(8).as_dict(),
        {"scale": "4"},
        {"scale": 4, "num_feat": 10**9},
        "x",
        {"scale": 4, "__class__": 1},
    ):
        torch.save({"params": RRDBNet(SPEC).state_dict(), "meta": {"spec": metadata}}, tmp_path / "m.pth")
        assert identify(open_weights(tmp_path / "m.pth")).spec == SPEC


def test_safetensors_metadata_are_read_as_meta(tmp_path: Path) -> None:
    save_file = pytest.importorskip("safetensors.torch").save_file
    metadata = {"meta": json.dumps({"step": 5}), "author": "someone"}
    save_file(RRDBNet(SPEC).state_dict(), tmp_path / "m.safetensors", metadata=metadata)
    assert identify(open_weights(tmp_path / "m.safetensors")).meta == {"step": 5, "author": "someone"}


@pytest.mark.skipif(not SHARED.is_file(), reason="needs ../shared/weights")
def test_a_genuine_srvgg_file_is_refused_by_name() -> None:
    for arch in ("auto", "rrdb"):
        with pytest.raises(WeightsError, match="SRVGG"):
            identify_source(SHARED, arch=arch)


SWIN = dict(img_size=16, window_size=8, depths=[2], num_heads=[2], embed_dim=8, upscale=2)
FOREIGN: list[tuple[str, str, dict[str, Any], str]] = [
    ("Compact", "Compact", {}, "SRVGG"),
    ("SwinIR", "SwinIR", SWIN, "SwinIR"),
    ("Swin2SR", "Swin2SR", SWIN, "Swin2SR"),
    ("HAT", "HAT", SWIN, "HAT"),
    ("DAT", "DAT", dict(img_size=16, split_size=[2, 4], depth=[2], num_heads=[2], embed_dim=8), "DAT"),
    ("RGT", "RGT", dict(img_size=16, split_size=[8, 8], depth=[2], num_heads=[2], embed_dim=8), "RGT"),
    ("DRCT", "DRCT", dict(img_size=16, window_size=8, depths=[2], num_heads=[2], embed_dim=24, gc=8), "DRCT"),
    ("SPAN", "SPAN", dict(num_in_ch=3, num_out_ch=3, feature_channels=8), "SPAN"),
    ("OmniSR", "OmniSR", dict(num_feat=16), "OmniSR"),
    ("PLKSR", "RealPLKSR", dict(dim=16, n_blocks=1), "PLKSR"),
    ("MoSR", "MoSR", dict(n_block=1, dim=16), "MoSR"),
    ("SAFMN", "SAFMN", dict(dim=8, n_blocks=1), "SAFMN"),
    ("SCUNet", "SCUNet", dict(config=[1] * 7, dim=32), "SCUNet"),
    ("DnCNN", "DnCNN", dict(nc=8), "DnCNN"),
    ("RealCUGAN", "UpCunet4x", {}, "RealCUGAN"),
]


@pytest.mark.parametrize(("module", "kind", "options", "name"), FOREIGN, ids=[row[1] for row in FOREIGN])
def test_other_networks_are_refused_by_their_name(module: str, kind: str, options: dict[str, Any], name: str) -> None:
    pytest.importorskip("spandrel")
    network = getattr(importlib.import_module(f"spandrel.architectures.{module}"), kind)(**options)
    shapes = {key: tuple(values.shape) for key, values in network.state_dict().items()}
    for prefix in ("", "module."):
        with pytest.raises(WeightsError, match=f"{name}.*only RRDB"):
            identify({prefix + key: shape for key, shape in shapes.items()}, force_rrdb=True)


def test_files_without_a_network_are_refused(tmp_path: Path) -> None:
    for content in ({"step": 3}, [torch.ones(3)], torch.ones(3), {"optimizer": {"state": {0: torch.ones(3)}}}):
        torch.save(content, tmp_path / "m.pth")
        with pytest.raises(WeightsError):
            identify(open_weights(tmp_path / "m.pth"))


def test_a_quantized_network_is_refused(tmp_path: Path) -> None:
    state = {
        name: (100 * values).to(torch.int8) for name, values in network_of(NetworkSpec(4, 8, 1, 4)).state_dict().items()
    }
    torch.save(state, tmp_path / "x4.pth")
    with pytest.raises(WeightsError, match="weights are integers"):
        load_network(tmp_path / "x4.pth")
