"""Take unknown parameter names for RRDB's when their shapes, in the file's order, are an RRDB network's."""

from __future__ import annotations

from collections.abc import Mapping

from trainer_core.model.spec import NetworkSpec
from trainer_core.weights.rrdb.dimensions import Shape
from trainer_core.weights.rrdb.key_names import Translation

BY_ORDER = "by order"
_OUTSIDE_BODY = 4  # conv_first, conv_body, conv_hr, conv_last
_PER_BLOCK = 15


def match_by_order(shapes: Mapping[str, Shape]) -> Translation | None:
    """The only RRDB network whose parameters come in this order, or None if there is none.

    Each convolution's bias must follow its weight, as every program writes them.
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
        plain = NetworkSpec(2**ups, feat, blocks, grow, weights[0][1][1], outputs, 1)  # as if nothing were unshuffled
        wanted = plain.shapes()
        given = [item for pair in zip(weights, biases) for item in pair]
        if list(wanted.values()) == [shape for _, shape in given]:
            names = dict(zip(wanted, (key for key, _ in given)))
            return Translation(BY_ORDER, names, tuple(set(shapes) - set(names.values())))
    return None
