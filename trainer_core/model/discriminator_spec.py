"""The layers of the discriminator, from its number of features alone (no torch).

`discriminator` builds them; the estimates of memory and time and the check of a checkpoint count with them.
"""

from __future__ import annotations

from typing import NamedTuple

CHANNELS = 3  # of the images
SHRINK = 8  # from an image to its smallest features; sides must be multiples of it


class Layer(NamedTuple):
    """A convolution.

    Attributes:
        name: of the layer.
        inputs, outputs: channels.
        kernel: side of its kernel; 4 halves the sides, 3 leaves them.
        shrink: side of the image divided by the side of the output.
        is_normalized: whether spectral normalization replaces a bias.
    """

    name: str
    inputs: int
    outputs: int
    kernel: int
    shrink: int
    is_normalized: bool = True

    @property
    def shape(self) -> tuple[int, int, int, int]:
        """The shape of the weight."""
        return self.outputs, self.inputs, self.kernel, self.kernel


def list_layers(features: int) -> tuple[Layer, ...]:
    """Return the layers of a discriminator with `features` channels at full resolution."""
    one, two, four, eight = features, 2 * features, 4 * features, 8 * features
    return (
        Layer("first", CHANNELS, one, 3, 1, is_normalized=False),
        Layer("down1", one, two, 4, 2),
        Layer("down2", two, four, 4, 4),
        Layer("down3", four, eight, 4, 8),
        Layer("up1", eight, four, 3, 4),
        Layer("up2", four, two, 3, 2),
        Layer("up3", two, one, 3, 1),
        Layer("refine1", one, one, 3, 1),
        Layer("refine2", one, one, 3, 1),
        Layer("last", one, 1, 3, 1, is_normalized=False),
    )


def parameter_shapes(features: int) -> dict[str, tuple[int, ...]]:
    """Return name -> shape of each parameter, in their order."""
    shapes: dict[str, tuple[int, ...]] = {}
    for layer in list_layers(features):
        shapes[f"{layer.name}.weight"] = layer.shape
        if not layer.is_normalized:
            shapes[f"{layer.name}.bias"] = (layer.outputs,)
    return shapes


def direction_shapes(features: int) -> dict[str, tuple[int, ...]]:
    """Return name -> shape of each direction of spectral normalization, in their order."""
    return {f"{layer.name}.direction": (layer.outputs,) for layer in list_layers(features) if layer.is_normalized}


def count_parameters(features: int) -> int:
    """Count the values of all weights and biases."""
    total = 0
    for shape in parameter_shapes(features).values():
        size = 1
        for side in shape:
            size *= side
        total += size
    return total


def count_multiplications(features: int) -> float:
    """Count the multiplications of a forward pass per pixel of the image."""
    return sum(layer.inputs * layer.outputs * layer.kernel**2 / layer.shrink**2 for layer in list_layers(features))
