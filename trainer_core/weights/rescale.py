"""Conversion of RRDB weights to another scale or number of channels, preserving the function where possible.

* More pixel-unshuffle (x4 -> x2): each input weight is repeated for the pixels folded together and divided by
  their number; the result equals the old network on the area-averaged input.
* Less pixel-unshuffle (x2 -> x4): the weights of folded pixels are summed; the result equals the old network on the
  enlarged (nearest) input.
* Gray to RGB and back: input weights are divided or summed, outputs copied or averaged; the function on gray photos
  stays the same.
* Another doubling (x4 -> x8): the last up-convolution is copied, which keeps the features useful but not the function.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor

from trainer_core.model.spec import NetworkSpec


@dataclass(frozen=True)
class RescaledWeights:
    """Converted weights and the names of parameters by what happened to them.

    Args:
        state: weights by BasicSR name.
        spec: dimensions of the converted network.
        mapped: parameters changed without changing the function.
        copied: parameters copied from another layer.
        dropped: parameters that the converted network does not have.
    """

    state: dict[str, Tensor]
    spec: NetworkSpec
    mapped: frozenset[str]
    copied: frozenset[str]
    dropped: tuple[str, ...]


@torch.no_grad()
def rescale(state: Mapping[str, Tensor], source: NetworkSpec, target: NetworkSpec) -> RescaledWeights:
    """Convert `state` to the scale and channels of `target`; features, blocks and growth stay those of `source`."""
    result = dict(state)
    spec = dataclasses.replace(
        source, scale=target.scale, unshuffle=target.unshuffle, num_in_ch=target.num_in_ch, num_out_ch=target.num_out_ch
    )
    mapped: set[str] = set()
    if (source.num_in_ch, source.unshuffle_factor) != (spec.num_in_ch, spec.unshuffle_factor):
        result["conv_first.weight"] = _map_input_weights(state["conv_first.weight"], source, spec)
        mapped.add("conv_first.weight")
    if source.num_out_ch != spec.num_out_ch:
        for name in ("conv_last.weight", "conv_last.bias"):
            if name in state:
                result[name] = _map_channels(state[name], spec.num_out_ch, share=False)
                mapped.add(name)
    copied = _copy_up_convolutions(result, source.up_convolutions, spec.up_convolutions)
    shapes = spec.shapes()
    dropped = tuple(name for name in result if name not in shapes)
    return RescaledWeights(
        {name: values for name, values in result.items() if name not in dropped},
        spec,
        frozenset(mapped),
        copied,
        dropped,
    )


def _map_input_weights(weight: Tensor, source: NetworkSpec, target: NetworkSpec) -> Tensor:
    """Convert the weight of conv_first, [features, channels x factor^2, 3, 3], ordered (channel, row, column)."""
    features, old, new = weight.shape[0], source.unshuffle_factor, target.unshuffle_factor
    split = weight.reshape(features, source.num_in_ch, old, old, 3, 3).transpose(0, 1)
    split = _map_channels(split, target.num_in_ch, share=True).transpose(0, 1)
    if new > old:
        ratio = new // old
        split = split.repeat_interleave(ratio, 2).repeat_interleave(ratio, 3) / ratio**2
    elif new < old:
        ratio = old // new
        split = split.reshape(features, target.num_in_ch, new, ratio, new, ratio, 3, 3).sum((3, 5))
    return split.reshape(features, target.num_in_ch * new**2, 3, 3).contiguous()


def _map_channels(values: Tensor, count: int, *, share: bool) -> Tensor:
    """Change the first axis from 1 to 3 or 3 to 1; inputs (`share`) keep their sum, outputs keep their mean."""
    if len(values) == count:
        return values
    total = values.sum(0, keepdim=True)
    merged = total if share else total / len(values)
    return merged.expand(count, *values.shape[1:]) / (count if share else 1)


def _copy_up_convolutions(state: dict[str, Tensor], source_count: int, target_count: int) -> frozenset[str]:
    copied = set()
    for k in range(source_count, target_count):
        for kind in ("weight", "bias"):
            if f"conv_up{source_count}.{kind}" in state:
                state[f"conv_up{k + 1}.{kind}"] = state[f"conv_up{source_count}.{kind}"].clone()
                copied.add(f"conv_up{k + 1}.{kind}")
    return frozenset(copied)
