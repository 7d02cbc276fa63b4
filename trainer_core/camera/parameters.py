"""The parameters of the camera models (name, unit, limits, distribution), and the draw of their values for a sample.

A profile gives a range (low, high) for each uniform or log-uniform parameter and a probability for each chance, within
the limits given here. Units: "px" are LR pixels, "level" is 1/15 of full scale (mono),
"code" is 1/255 of full scale (color), "linear" means 1.0 is the clipping point of the sensor.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np

from trainer_core.randomness import Stream, make_generator

if TYPE_CHECKING:
    from torch import Tensor

ParamsT = TypeVar("ParamsT", bound="Params")


@dataclass(frozen=True)
class Parameter:
    """One parameter of a camera model.

    Args:
        unit: see the module.
        minimum: smallest value that a profile may have (0 for a chance).
        maximum: largest value that a profile may have (1 for a chance).
        distribution: "uniform", "log" (log-uniform) or "chance" (1 with the profile's probability, else 0).
        description: one line for documentation and messages.
        legacy_value: value for profiles from before this parameter existed; None if it always existed.
    """

    unit: str
    minimum: float
    maximum: float
    distribution: str
    description: str
    legacy_value: float | None = None


def _uniform_parameter(
    unit: str, minimum: float, maximum: float, description: str, legacy_value: float | None = None
) -> Any:
    return field(metadata={"parameter": Parameter(unit, minimum, maximum, "uniform", description, legacy_value)})


def _log_uniform_parameter(unit: str, minimum: float, maximum: float, description: str) -> Any:
    return field(metadata={"parameter": Parameter(unit, minimum, maximum, "log", description)})


def _probability_parameter(description: str) -> Any:
    return field(metadata={"parameter": Parameter("probability", 0.0, 1.0, "chance", description)})


@dataclass(frozen=True)
class Params:
    """Parameter values of B samples, float32 [B] each. Fields are drawn in order: append, never reorder.

    The fields are tensors; for metering they are arrays.
    """

    @classmethod
    def parameters(cls) -> dict[str, Parameter]:
        """Return name -> parameter, in drawing order."""
        return {entry.name: entry.metadata["parameter"] for entry in fields(cls)}

    @classmethod
    def from_columns(cls: type[ParamsT], table: Any) -> ParamsT:
        """Split the first columns of a tensor or an array [B, at least the number of parameters] into fields."""
        return cls(*(table[:, place] for place in range(len(cls.parameters()))))

    def table(self) -> np.ndarray:
        """Return the values as an array [B, number of parameters], float32."""
        columns = [getattr(self, entry.name).cpu().numpy() for entry in fields(self)]
        return np.stack(columns, 1) if columns else np.zeros((1, 0), np.float32)


@dataclass(frozen=True)
class MonoParams(Params):
    """Parameters of mono photos (WQV-1 and WQV-2)."""

    psf_v: Tensor = _uniform_parameter("px", 0.0, 4.0, "optical and electronic blur along columns, Gaussian sigma")
    psf_h: Tensor = _uniform_parameter("px", 0.0, 4.0, "optical and electronic blur along rows, Gaussian sigma")
    vignette: Tensor = _uniform_parameter("1", 0.0, 0.8, "share of the center's light lost at a frame corner")
    centre_x: Tensor = _uniform_parameter("half frame", -0.5, 0.5, "vignette center, to the right of the middle")
    centre_y: Tensor = _uniform_parameter("half frame", -0.5, 0.5, "vignette center, below the middle")
    flare: Tensor = _uniform_parameter("1", 0.0, 0.5, "stray light, as a share of the frame's mean light")
    mean_level: Tensor = _uniform_parameter("level", 1.0, 14.0, "target mean of the exposure control")
    head_room: Tensor = _uniform_parameter("linear", 1.0, 4.0, "clipping point of the sensor, as a multiple of white")
    gain: Tensor = _log_uniform_parameter("1", 0.01, 20.0, "amplifier gain; sensor noise is proportional to it")
    indoor: Tensor = _probability_parameter("dark place: `indoor_gain` replaces `gain`")
    indoor_gain: Tensor = _log_uniform_parameter("1", 0.01, 20.0, "amplifier gain in dark places")
    gamma: Tensor = _uniform_parameter("1", 0.2, 2.0, "exponent of the tone curve")
    pedestal: Tensor = _uniform_parameter("level", 0.0, 5.0, "black level")
    sharpen_h: Tensor = _uniform_parameter("1", 0.0, 3.0, "edge enhancer along rows, weight of each neighbor")
    sharpen_v: Tensor = _uniform_parameter("1", 0.0, 3.0, "edge enhancer along columns, weight of each neighbor")
    coring: Tensor = _uniform_parameter("level", 0.0, 3.0, "detail below this is not enhanced")
    noise: Tensor = _uniform_parameter("level", 0.0, 2.0, "noise after the enhancer, standard deviation")
    odd_rows: Tensor = _uniform_parameter("level", -1.0, 1.0, "brightness of odd rows above even rows")
    odd_columns: Tensor = _uniform_parameter("level", -1.0, 1.0, "brightness of odd columns above even columns")
    row_noise: Tensor = _uniform_parameter("level", 0.0, 1.0, "row-wise offset, standard deviation")
    column_noise: Tensor = _uniform_parameter("level", 0.0, 1.0, "column-wise offset, standard deviation")
    sharpen_bias: Tensor = _uniform_parameter(
        "1", -0.9, 0.9, "edge enhancer: share by which bright fringes grow and dark ones shrink", 0.0
    )


@dataclass(frozen=True)
class ColorParams(Params):
    """Parameters of color photos (WQV-3 and WQV-10)."""

    psf_v: Tensor = _uniform_parameter("px", 0.0, 4.0, "optical and electronic blur along columns, Gaussian sigma")
    psf_h: Tensor = _uniform_parameter("px", 0.0, 4.0, "optical and electronic blur along rows, Gaussian sigma")
    unfocused: Tensor = _probability_parameter("out of focus: `defocus` adds to both blurs")
    defocus: Tensor = _uniform_parameter("px", 0.0, 4.0, "additional blur if out of focus, Gaussian sigma")
    vignette: Tensor = _uniform_parameter("1", 0.0, 0.9, "share of the center's light lost at a frame corner")
    red_corners: Tensor = _uniform_parameter("1", -0.5, 1.0, "gain of red at a frame corner, relative to green")
    blue_corners: Tensor = _uniform_parameter("1", -0.5, 1.0, "gain of blue at a frame corner, relative to green")
    centre_x: Tensor = _uniform_parameter("half frame", -0.5, 0.5, "vignette center, to the right of the middle")
    centre_y: Tensor = _uniform_parameter("half frame", -0.5, 0.5, "vignette center, below the middle")
    red_balance: Tensor = _uniform_parameter(
        "log gain", -1.0, 1.0, "natural logarithm of the gain of red relative to green"
    )
    blue_balance: Tensor = _uniform_parameter(
        "log gain", -1.0, 1.0, "natural logarithm of the gain of blue relative to green"
    )
    flare: Tensor = _uniform_parameter("1", 0.0, 0.5, "stray light, as a share of the frame's mean light")
    mean_luma: Tensor = _uniform_parameter("code", 20.0, 235.0, "target mean luma of the exposure control")
    head_room: Tensor = _uniform_parameter("linear", 1.0, 4.0, "clipping point of the sensor, as a multiple of white")
    gain: Tensor = _log_uniform_parameter("1", 0.01, 20.0, "amplifier gain; sensor noise is proportional to it")
    line_leak: Tensor = _uniform_parameter(
        "1", -0.5, 0.5, "share of red minus blue that leaks into luma, alternating by row"
    )
    gamma: Tensor = _uniform_parameter("1", 0.2, 2.0, "exponent of the tone curve")
    black: Tensor = _uniform_parameter("code", 0.0, 80.0, "black level of green")
    red_black: Tensor = _uniform_parameter("code", -40.0, 80.0, "black level of red minus black level of green")
    blue_black: Tensor = _uniform_parameter("code", -40.0, 80.0, "black level of blue minus black level of green")
    saturation: Tensor = _uniform_parameter("1", 0.0, 3.0, "factor on both color differences")
    chroma_blur: Tensor = _uniform_parameter("px", 0.0, 4.0, "blur of both color differences, Gaussian sigma")
    sharpen_h: Tensor = _uniform_parameter("1", 0.0, 3.0, "edge enhancer of luma along rows, weight of each neighbor")
    sharpen_v: Tensor = _uniform_parameter(
        "1", 0.0, 3.0, "edge enhancer of luma along columns, weight of each neighbor"
    )
    coring: Tensor = _uniform_parameter("code", 0.0, 50.0, "detail below this is not enhanced")
    noise: Tensor = _uniform_parameter("code", 0.0, 20.0, "luma noise after the enhancer, standard deviation")
    odd_rows: Tensor = _uniform_parameter("code", -10.0, 10.0, "brightness of odd rows above even rows")
    annex_k: Tensor = _probability_parameter("JPEG tables of Annex K instead of the watch's own")
    sharpen_bias: Tensor = _uniform_parameter(
        "1", -0.9, 0.9, "edge enhancer: share by which bright fringes grow and dark ones shrink", 0.0
    )


def draw_table(
    cls: type[Params],
    ranges: Mapping[str, tuple[float, float]],
    chances: Mapping[str, float],
    seed: int,
    indices: Sequence[int],
) -> np.ndarray:
    """Draw the values of the samples `indices` of the run `seed`: [B, number of parameters], float32.

    Each sample has its own generator of `Stream.CAMERA`, so that its values do not depend on other draws or samples.
    """
    parameters = cls.parameters()
    uniforms = np.stack([make_generator(seed, Stream.CAMERA, n).random(len(parameters)) for n in indices])
    columns = [
        _apply_distribution(parameter, uniforms[:, place], ranges.get(name, (0.0, 0.0)), chances.get(name, 0.0))
        for place, (name, parameter) in enumerate(parameters.items())
    ]
    return np.stack(columns, 1).astype(np.float32)


def _apply_distribution(
    parameter: Parameter, u: np.ndarray, limits: tuple[float, float], probability: float
) -> np.ndarray:
    low, high = limits
    if parameter.distribution == "chance":
        return (u < probability).astype(np.float64)
    if parameter.distribution == "log":
        return low * (high / low) ** u
    return low + (high - low) * u
