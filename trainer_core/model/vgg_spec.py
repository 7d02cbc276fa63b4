"""The layers of VGG19 that the perceptual loss uses, up to relu3_3 (no torch).

`training.vgg` builds them; the estimate of memory counts with them.
"""

from __future__ import annotations

from typing import NamedTuple

CHANNELS = 3  # of the images
_INDEX_BYTES = 8  # of the place of a maximum, which pooling keeps for its backward pass
_ERROR_BYTES = 4  # of a difference of features, in float32


class Layer(NamedTuple):
    """A convolution with a kernel of 3x3, and its rectifier.

    Attributes:
        number: of the layer in torchvision's `features`.
        inputs, outputs: channels.
        shrink: side of the image divided by the side of the output.
        is_pooled: whether pooling halves the sides of its output for the next layer.
    """

    number: int
    inputs: int
    outputs: int
    shrink: int
    is_pooled: bool = False

    @property
    def shapes(self) -> dict[str, tuple[int, ...]]:
        """Name in torchvision's file -> shape of kernel and bias."""
        name = f"features.{self.number}"
        return {f"{name}.weight": (self.outputs, self.inputs, 3, 3), f"{name}.bias": (self.outputs,)}


LAYERS = (
    Layer(0, CHANNELS, 64, 1),
    Layer(2, 64, 64, 1, is_pooled=True),
    Layer(5, 64, 128, 2),
    Layer(7, 128, 128, 2, is_pooled=True),
    Layer(10, 128, 256, 4),
    Layer(12, 256, 256, 4),
    Layer(14, 256, 256, 4),
)


def count_parameters() -> int:
    """Count the values of all kernels and biases."""
    return sum(9 * layer.inputs * layer.outputs + layer.outputs for layer in LAYERS)


def count_kept_bytes(value_bytes: int) -> float:
    """Count the bytes that the loss of an image keeps for its backward pass, per pixel of the image.

    They are the input and the output of each layer, what pooling makes of it with the places of the maxima, and the
    differences of the last features.

    Args:
        value_bytes: bytes of a value in the precision of the run.
    """
    pooled = sum(layer.outputs / (2 * layer.shrink) ** 2 for layer in LAYERS if layer.is_pooled)
    values = CHANNELS + sum(layer.outputs / layer.shrink**2 for layer in LAYERS) + pooled
    errors = LAYERS[-1].outputs / LAYERS[-1].shrink ** 2
    return values * value_bytes + pooled * _INDEX_BYTES + errors * _ERROR_BYTES
