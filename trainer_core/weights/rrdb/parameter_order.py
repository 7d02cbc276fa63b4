"""Identification of RRDB under unknown parameter names, by the shapes of the parameters in the order of the file."""

from __future__ import annotations

from collections.abc import Mapping

from trainer_core.model.spec import NetworkSpec
from trainer_core.weights.rrdb.dimensions import Shape
from trainer_core.weights.rrdb.key_names import Translation

BY_ORDER = "by order"
_OUTSIDE_BODY = 4  # conv_first, conv_body, conv_hr, conv_last
_PER_BLOCK = 15


def match_by_order(shapes: Mapping[str, Shape]) -> Translation | None:
    """Translate the names if the shapes, in order, are those of an RRDB network; return None otherwise.

    The weight of each convolution must come before its bias, as every program writes them.
    """
    weights = [(key, shape) for key, shape in shapes.items() if len(shape) == 4]
    biases = [(key, shape) for key, shape in shapes.items() if len(shape) == 1]
    if len(weights) != len(biases) or len(weights) < _OUTSIDE_BODY + _PER_BLOCK:
        return None
    feat, grow, outputs = weights[0][1][0], weights[1][1][0], weights[-1][1][0]
    for ups in range(4):
        blocks, rest = divmod(len(weights) - _OUTSIDE_BODY - ups, _PER_BLOCK)
        if rest:
            continue
        plain = NetworkSpec(
            2**ups, feat, blocks, grow, weights[0][1][1], outputs, 1
        )  # 1: the inputs are counted without pixel-unshuffle
        expected = plain.shapes()
        given = [item for pair in zip(weights, biases) for item in pair]
        if list(expected.values()) == [shape for _, shape in given]:
            names = dict(zip(expected, (key for key, _ in given)))
            used = set(names.values())
            return Translation(BY_ORDER, names, tuple(key for key in shapes if key not in used))
    return None
