"""Encoder of an RRDB network as an ONNX model; it writes the protocol buffers itself and needs no ONNX package.

The model has opset 13, fp32 or fp16 weights, an input `image` [1, in, height, width] in 0..1 of any height and width,
and an output `enlarged`. SpaceToDepth orders channels by position first, torch by channel first, so `conv_first` is
reordered. Field numbers: onnx.proto3 of the ONNX project.
"""

from __future__ import annotations

import struct
from collections.abc import Mapping, Sequence
from typing import Union

import torch
from torch import Tensor

from trainer_core.model.rrdb import LEAKY_SLOPE, RESIDUAL_SCALE
from trainer_core.model.spec import NetworkSpec

_IR_VERSION, _OPSET = 7, 13
_FLOAT, _HALF = 1, 10
_FLOAT_ATTRIBUTE, _INT_ATTRIBUTE, _STRING_ATTRIBUTE, _INTS_ATTRIBUTE = 1, 2, 3, 7

Attribute = Union[int, float, str, Sequence[int]]


def encode_onnx(state: Mapping[str, Tensor], spec: NetworkSpec, *, half: bool = False, producer: str = "") -> bytes:
    """Encode a network as the content of an `.onnx` file.

    Args:
        state: weights of `spec` by BasicSR name.
        spec: dimensions of the network.
        half: use fp16 for weights, arithmetic, input and output.
        producer: name and version of the program, stored in the file.
    """
    kind = _HALF if half else _FLOAT
    graph = _Graph(state, spec, half)
    graph.build()
    body = b"".join(_encode_bytes_field(1, node) for node in graph.nodes) + _encode_bytes_field(2, b"rrdb")
    body += b"".join(_encode_bytes_field(5, tensor) for tensor in graph.tensors)
    body += _encode_bytes_field(11, _encode_value_info("image", kind, (1, spec.num_in_ch, "height", "width")))
    body += _encode_bytes_field(
        12, _encode_value_info("enlarged", kind, (1, spec.num_out_ch, "enlarged_height", "enlarged_width"))
    )
    opset = _encode_varint_field(2, _OPSET)
    return (
        _encode_varint_field(1, _IR_VERSION)
        + _encode_bytes_field(2, producer.encode())
        + _encode_bytes_field(7, body)
        + _encode_bytes_field(8, opset)
    )


class _Graph:
    """The nodes and constants of the model, encoded one by one."""

    def __init__(self, state: Mapping[str, Tensor], spec: NetworkSpec, half: bool) -> None:
        self.nodes: list[bytes] = []
        self.tensors: list[bytes] = []
        self._state = state
        self._spec = spec
        self._half = half
        self._count = 0

    def build(self) -> None:
        """Add the forward pass of RRDBNet node by node."""
        spec = self._spec
        self._add_constant("residual_scale", torch.tensor(RESIDUAL_SCALE))
        self.tensors.append(
            _encode_tensor("doubling", torch.tensor([1.0, 1.0, 2.0, 2.0]))
        )  # Resize requires fp32 here even with fp16 weights
        x = "image"
        if spec.unshuffle_factor > 1:
            x = self._add_node("SpaceToDepth", (x,), blocksize=spec.unshuffle_factor)
        first = self._add_convolution("conv_first", x)
        trunk = first
        for block in range(spec.num_block):
            trunk = self._add_block(f"body.{block}", trunk)
        x = self._add_node("Add", (first, self._add_convolution("conv_body", trunk)))
        for k in range(spec.up_convolutions):
            x = self._add_node(
                "Resize",
                (x, "", "doubling"),
                mode="nearest",
                coordinate_transformation_mode="asymmetric",
                nearest_mode="floor",
            )
            x = self._add_activation(f"conv_up{k + 1}", x)
        self._add_convolution("conv_last", self._add_activation("conv_hr", x), output="enlarged")

    def _add_block(self, name: str, x: str) -> str:
        inner = x
        for dense in (1, 2, 3):
            inner = self._add_dense_block(f"{name}.rdb{dense}", inner)
        return self._add_node("Add", (self._add_node("Mul", (inner, "residual_scale")), x))

    def _add_dense_block(self, name: str, x: str) -> str:
        grown = [x]
        for k in (1, 2, 3, 4):
            joined = self._add_node("Concat", tuple(grown), axis=1) if k > 1 else x
            grown.append(self._add_activation(f"{name}.conv{k}", joined))
        last = self._add_convolution(f"{name}.conv5", self._add_node("Concat", tuple(grown), axis=1))
        return self._add_node("Add", (self._add_node("Mul", (last, "residual_scale")), x))

    def _add_activation(self, layer: str, x: str) -> str:
        return self._add_node("LeakyRelu", (self._add_convolution(layer, x),), alpha=float(LEAKY_SLOPE))

    def _add_convolution(self, layer: str, x: str, output: str = "") -> str:
        weight = self._state[f"{layer}.weight"]
        if layer == "conv_first":
            weight = _reorder_unshuffle(weight, self._spec.unshuffle_factor)
        self._add_constant(f"{layer}.weight", weight)
        self._add_constant(f"{layer}.bias", self._state[f"{layer}.bias"])
        names = (x, f"{layer}.weight", f"{layer}.bias")
        return self._add_node("Conv", names, output, kernel_shape=(3, 3), pads=(1, 1, 1, 1), strides=(1, 1))

    def _add_constant(self, name: str, values: Tensor) -> None:
        self.tensors.append(_encode_tensor(name, values.half() if self._half else values.float()))

    def _add_node(self, kind: str, inputs: tuple[str, ...], output: str = "", **attributes: Attribute) -> str:
        self._count += 1
        output = output or f"{kind.lower()}_{self._count}"
        node = b"".join(_encode_bytes_field(1, name.encode()) for name in inputs) + _encode_bytes_field(
            2, output.encode()
        )
        node += _encode_bytes_field(3, f"{kind}_{self._count}".encode()) + _encode_bytes_field(4, kind.encode())
        self.nodes.append(
            node + b"".join(_encode_bytes_field(5, _encode_attribute(*item)) for item in attributes.items())
        )
        return output


def _reorder_unshuffle(weight: Tensor, factor: int) -> Tensor:
    """Reorder the inputs of [F, C * f * f, 3, 3] from (C, row, column) to (row, column, C)."""
    features, inputs = weight.shape[:2]
    split = weight.reshape(features, inputs // factor**2, factor, factor, 3, 3)
    return split.permute(0, 2, 3, 1, 4, 5).reshape(features, inputs, 3, 3)


# -- protocol buffers --------------------------------------------------------------------------


def _encode_varint(value: int) -> bytes:
    result = bytearray()
    while value > 0x7F:
        result.append(value & 0x7F | 0x80)
        value >>= 7
    result.append(value)
    return bytes(result)


def _encode_varint_field(number: int, value: int) -> bytes:
    return _encode_varint(number << 3) + _encode_varint(value)


def _encode_bytes_field(number: int, content: bytes) -> bytes:
    return _encode_varint(number << 3 | 2) + _encode_varint(len(content)) + content


def _encode_attribute(name: str, value: Attribute) -> bytes:
    head = _encode_bytes_field(1, name.encode())
    if isinstance(value, float):
        return head + _encode_varint(2 << 3 | 5) + struct.pack("<f", value) + _encode_varint_field(20, _FLOAT_ATTRIBUTE)
    if isinstance(value, int):
        return head + _encode_varint_field(3, value) + _encode_varint_field(20, _INT_ATTRIBUTE)
    if isinstance(value, str):
        return head + _encode_bytes_field(4, value.encode()) + _encode_varint_field(20, _STRING_ATTRIBUTE)
    return head + b"".join(_encode_varint_field(8, item) for item in value) + _encode_varint_field(20, _INTS_ATTRIBUTE)


def _encode_tensor(name: str, values: Tensor) -> bytes:
    kind = _HALF if values.dtype == torch.float16 else _FLOAT
    dimensions = b"".join(_encode_varint_field(1, side) for side in values.shape)
    raw = values.contiguous().cpu().numpy().astype(values.numpy().dtype.newbyteorder("<"), copy=False).tobytes()
    return (
        dimensions + _encode_varint_field(2, kind) + _encode_bytes_field(8, name.encode()) + _encode_bytes_field(9, raw)
    )


def _encode_value_info(name: str, kind: int, shape: tuple[int | str, ...]) -> bytes:
    dimensions = b"".join(
        _encode_bytes_field(
            1, _encode_varint_field(1, side) if isinstance(side, int) else _encode_bytes_field(2, side.encode())
        )
        for side in shape
    )
    tensor = _encode_varint_field(1, kind) + _encode_bytes_field(2, dimensions)
    return _encode_bytes_field(1, name.encode()) + _encode_bytes_field(2, _encode_bytes_field(1, tensor))
