"""Dimensions of an RRDB network, inferred from the shapes of its parameters or read from metadata."""

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
    """Infer the spec of a network from its parameters; `meta["spec"]` is used if it gives the same shapes.

    Args:
        shapes: shapes by BasicSR name; some may be missing.
        meta: metadata of the file.

    Raises:
        WeightsError: too many parameters are missing, or the kind or size of the network is not supported.
    """
    stored = spec_from_metadata(meta.get("spec"))
    if stored and stored.shapes() == dict(shapes):
        return stored
    first, last = _find_convolution_shape(shapes, "conv_first"), _find_convolution_shape(shapes, "conv_last")
    grown = _find_convolution_shape(shapes, "body.0.rdb1.conv1")
    blocks = 1 + max(int(match.group(1)) for name in shapes for match in [re.match(r"body\.(\d+)\.", name)] if match)
    ups = 0
    while f"conv_up{ups + 1}.weight" in shapes:
        ups += 1
    unshuffle, inputs = _infer_unshuffle_factor(first[1], last[0])
    scale = 2**ups // unshuffle
    require(
        scale in (1, 2, 4, 8) and 2**ups % unshuffle == 0,
        f"its number of up-convolutions ({ups}) does not give x1, x2, x4 or x8",
    )
    is_default = NetworkSpec(scale).unshuffle_factor == unshuffle
    return check_spec_limits(
        NetworkSpec(scale, first[0], blocks, grown[0], inputs, last[0], 0 if is_default else unshuffle)
    )


def spec_from_metadata(value: object) -> NetworkSpec | None:
    """Return the spec that the metadata of a file stores as `value`, or None if it is missing or invalid."""
    names = {field.name for field in fields(NetworkSpec)}
    if not isinstance(value, Mapping) or not {"scale"} <= set(value) <= names:
        return None
    if any(type(number) is not int or not 0 <= number <= 512 for number in value.values()):
        return None
    spec = NetworkSpec(**value)
    is_small = all(1 <= getattr(spec, name) <= maximum for name, maximum in _MAX_DIMENSIONS.items())
    has_channels = {spec.num_in_ch, spec.num_out_ch} <= set(_CHANNELS)
    return spec if is_small and has_channels and spec.scale in (1, 2, 4, 8) and spec.unshuffle in (0, 1, 2, 4) else None


def check_spec_limits(spec: NetworkSpec) -> NetworkSpec:
    """Return `spec` unchanged if its dimensions are supported.

    Raises:
        WeightsError: a dimension is larger than in any real network, or the channels are not gray or RGB.
    """
    for name, maximum in _MAX_DIMENSIONS.items():
        require(
            1 <= getattr(spec, name) <= maximum,
            f"its {name} is {getattr(spec, name)}; the supported range is 1 to {maximum}",
        )
    has_channels = {spec.num_in_ch, spec.num_out_ch} <= set(_CHANNELS)
    require(
        has_channels,
        f"it has {spec.num_in_ch} input and {spec.num_out_ch} output channels; only gray (1) and RGB (3) are supported",
    )
    return spec


def _find_convolution_shape(shapes: Mapping[str, Shape], layer: str) -> Shape:
    shape = shapes.get(f"{layer}.weight", ())
    require(
        len(shape) == 4 and shape[2:] == (3, 3),
        f"it looks like RRDB, but {layer} is missing or is not a 3x3 convolution",
    )
    return shape


def _infer_unshuffle_factor(inputs: int, outputs: int) -> tuple[int, int]:
    """Return the pixel-unshuffle factor and the input channels: 12 inputs for RGB are 2x2 pixels, 48 are 4x4."""
    for factor in (2, 4):
        if inputs == outputs * factor**2:
            return factor, outputs
    if outputs in _CHANNELS and inputs in (4, 12, 16, 48):  # gray to RGB or the reverse
        return (2, inputs // 4) if inputs in (4, 12) else (4, inputs // 16)
    return 1, inputs
