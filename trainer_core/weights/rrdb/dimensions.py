"""Infer the dimensions of an RRDB network from its parameters' shapes."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import fields
from typing import Any

from trainer_core.model.spec import NetworkSpec
from trainer_core.weights.container.refusal import require

Shape = tuple[int, ...]

_MAX_DIMENSIONS = {"num_feat": 512, "num_block": 128, "num_grow_ch": 256}
_CHANNELS = (1, 3)


def infer_spec(shapes: Mapping[str, Shape], meta: Mapping[str, Any]) -> NetworkSpec:
    """The network whose parameters have these shapes; `meta["spec"]` decides where it fits them.

    Args:
        shapes: by BasicSR's names; some may be missing.

    Raises:
        WeightsError: too much is missing, or the network is of a kind or size that is not supported.
    """
    told = spec_from_metadata(meta.get("spec"))
    if told and told.shapes() == dict(shapes):
        return told
    first, last = _convolution(shapes, "conv_first"), _convolution(shapes, "conv_last")
    grown = _convolution(shapes, "body.0.rdb1.conv1")
    blocks = 1 + max(int(match.group(1)) for name in shapes for match in [re.match(r"body\.(\d+)\.", name)] if match)
    ups = 0
    while f"conv_up{ups + 1}.weight" in shapes:
        ups += 1
    unshuffle, inputs = _unshuffle_factor(first[1], last[0])
    scale = 2**ups // unshuffle
    require(scale in (1, 2, 4, 8) and 2**ups % unshuffle == 0, f"its {ups} up-convolutions make no x1, x2, x4 or x8")
    usual = NetworkSpec(scale).unshuffle_factor == unshuffle
    return check_spec_limits(NetworkSpec(scale, first[0], blocks, grown[0], inputs, last[0], 0 if usual else unshuffle))


def spec_from_metadata(told: Any) -> NetworkSpec | None:
    """A spec as stored in a file's metadata, or None if there is none or it cannot be one."""
    names = {field.name for field in fields(NetworkSpec)}
    if not isinstance(told, Mapping) or not {"scale"} <= set(told) <= names:
        return None
    if any(type(value) is not int or not 0 <= value <= 512 for value in told.values()):
        return None
    spec = NetworkSpec(**told)
    small = all(1 <= getattr(spec, name) <= largest for name, largest in _MAX_DIMENSIONS.items())
    channels = {spec.num_in_ch, spec.num_out_ch} <= set(_CHANNELS)
    return spec if small and channels and spec.scale in (1, 2, 4, 8) and spec.unshuffle in (0, 1, 2, 4) else None


def check_spec_limits(spec: NetworkSpec) -> NetworkSpec:
    """The same spec, refused if it is larger than anything that could be meant."""
    for name, largest in _MAX_DIMENSIONS.items():
        require(
            1 <= getattr(spec, name) <= largest, f"its {name} is {getattr(spec, name)}; the most supported is {largest}"
        )
    channels = {spec.num_in_ch, spec.num_out_ch} <= set(_CHANNELS)
    require(
        channels,
        f"it takes {spec.num_in_ch} and gives {spec.num_out_ch} channels; only gray (1) and RGB (3) are supported",
    )
    return spec


def _convolution(shapes: Mapping[str, Shape], layer: str) -> Shape:
    shape = shapes.get(f"{layer}.weight", ())
    require(
        len(shape) == 4 and shape[2:] == (3, 3), f"it looks like RRDB, but {layer} is missing or no 3x3 convolution"
    )
    return shape


def _unshuffle_factor(inputs: int, outputs: int) -> tuple[int, int]:
    """Pixel-unshuffle factor and true input channels. 12 inputs for RGB are 2x2 pixels, 48 are 4x4."""
    for factor in (2, 4):
        if inputs == outputs * factor**2:
            return factor, outputs
    if outputs in _CHANNELS and inputs in (4, 12, 16, 48):  # gray to RGB or the reverse
        return (2, inputs // 4) if inputs in (4, 12) else (4, inputs // 16)
    return 1, inputs
