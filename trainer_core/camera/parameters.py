"""The parameters of the camera models: name, unit, physical limits, law; and how a sample's values are drawn.

A profile gives a range (low, high) for each uniform or log-uniform parameter and a probability for each chance; the
limits here bound what a profile may ask for. Units: "px" are LR pixels, "level" is 1/15 of full scale (mono),
"code" is 1/255 of full scale (color), "linear" means 1.0 is the clipping point of the sensor.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np

from trainer_core.randomness import Stream, make_generator

if TYPE_CHECKING:
    import torch
    from torch import Tensor

ParamsT = TypeVar("ParamsT", bound="Params")


@dataclass(frozen=True)
class Parameter:
    """One parameter of a camera model.

    Args:
        unit: see the module.
        lowest: smallest value a profile may ask for (0 for a chance).
        highest: largest value a profile may ask for (1 for a chance).
        law: "uniform", "log" (log-uniform) or "chance" (1 with the profile's probability, else 0).
        meaning: one line for documentation and messages.
        before: value of a profile that was written before there was this parameter; None where there always was.
    """

    unit: str
    minimum: float
    maximum: float
    distribution: str
    description: str
    legacy_value: float | None = None


def _uniform_parameter(unit: str, lowest: float, highest: float, meaning: str, before: float | None = None) -> Any:
    return field(metadata={"parameter": Parameter(unit, lowest, highest, "uniform", meaning, before)})


def _log_uniform_parameter(unit: str, lowest: float, highest: float, meaning: str) -> Any:
    return field(metadata={"parameter": Parameter(unit, lowest, highest, "log", meaning)})


def _probability_parameter(meaning: str) -> Any:
    return field(metadata={"parameter": Parameter("probability", 0.0, 1.0, "chance", meaning)})


@dataclass(frozen=True)
class Params:
    """Values for B samples; every field is float32 [B]. Fields are drawn in order: append, never reorder."""

    @classmethod
    def parameters(cls) -> dict[str, Parameter]:
        """Name -> description, in drawing order."""
        return {entry.name: entry.metadata["parameter"] for entry in fields(cls)}

    @classmethod
    def from_columns(cls: type[ParamsT], table: Tensor) -> ParamsT:
        """Split [B, number of parameters] into fields."""
        return cls(*table.unbind(1))

    def to(self: ParamsT, device: torch.device) -> ParamsT:
        """The same values on `device`, moved in one transfer."""
        import torch

        columns = [getattr(self, entry.name) for entry in fields(self)]
        if not columns:
            return self
        return type(self).from_columns(torch.stack(columns, 1).to(device, non_blocking=True))


@dataclass(frozen=True)
class MonoParams(Params):
    """One mono photograph each (WQV-1 and WQV-2)."""

    psf_v: Tensor = _uniform_parameter("px", 0.0, 4.0, "optical and electronic blur along columns, Gaussian sigma")
    psf_h: Tensor = _uniform_parameter("px", 0.0, 4.0, "optical and electronic blur along rows, Gaussian sigma")
    vignette: Tensor = _uniform_parameter("1", 0.0, 0.8, "light lost at a frame corner, of the light in the center")
    centre_x: Tensor = _uniform_parameter("half frame", -0.5, 0.5, "vignette center, to the right")
    centre_y: Tensor = _uniform_parameter("half frame", -0.5, 0.5, "vignette center, downwards")
    flare: Tensor = _uniform_parameter("1", 0.0, 0.5, "stray light, as a share of the frame's mean light")
    mean_level: Tensor = _uniform_parameter("level", 1.0, 14.0, "mean that the exposure control aims at")
    head_room: Tensor = _uniform_parameter("linear", 1.0, 4.0, "where the sensor clips, in units of white")
    gain: Tensor = _log_uniform_parameter("1", 0.01, 20.0, "amplifier gain, which the sensor's noise follows")
    indoor: Tensor = _probability_parameter("a dark place, where `indoor_gain` replaces `gain`")
    indoor_gain: Tensor = _log_uniform_parameter("1", 0.01, 20.0, "amplifier gain in dark places")
    gamma: Tensor = _uniform_parameter("1", 0.2, 2.0, "exponent of the tone curve")
    pedestal: Tensor = _uniform_parameter("level", 0.0, 5.0, "level of black")
    sharpen_h: Tensor = _uniform_parameter("1", 0.0, 3.0, "edge enhancer along rows, the weight of each neighbor")
    sharpen_v: Tensor = _uniform_parameter("1", 0.0, 3.0, "edge enhancer along columns, the weight of each neighbor")
    coring: Tensor = _uniform_parameter("level", 0.0, 3.0, "detail below this is not enhanced")
    noise: Tensor = _uniform_parameter("level", 0.0, 2.0, "noise behind the enhancer, standard deviation")
    odd_rows: Tensor = _uniform_parameter("level", -1.0, 1.0, "how much brighter odd rows are")
    odd_columns: Tensor = _uniform_parameter("level", -1.0, 1.0, "how much brighter odd columns are")
    row_noise: Tensor = _uniform_parameter("level", 0.0, 1.0, "row-wise offset, standard deviation")
    column_noise: Tensor = _uniform_parameter("level", 0.0, 1.0, "column-wise offset, standard deviation")
    sharpen_bias: Tensor = _uniform_parameter(
        "1", -0.9, 0.9, "edge enhancer: share gained by bright fringes, lost by dark", 0.0
    )


@dataclass(frozen=True)
class ColorParams(Params):
    """One color photograph each (WQV-3 and WQV-10)."""

    psf_v: Tensor = _uniform_parameter("px", 0.0, 4.0, "optical and electronic blur along columns, Gaussian sigma")
    psf_h: Tensor = _uniform_parameter("px", 0.0, 4.0, "optical and electronic blur along rows, Gaussian sigma")
    unfocused: Tensor = _probability_parameter("out of focus: `defocus` adds to both blurs")
    defocus: Tensor = _uniform_parameter("px", 0.0, 4.0, "blur of an unfocused photograph, Gaussian sigma")
    vignette: Tensor = _uniform_parameter("1", 0.0, 0.9, "light lost at a frame corner, of the light in the center")
    red_corners: Tensor = _uniform_parameter("1", -0.5, 1.0, "red gained there beside green")
    blue_corners: Tensor = _uniform_parameter("1", -0.5, 1.0, "blue gained there beside green")
    centre_x: Tensor = _uniform_parameter("half frame", -0.5, 0.5, "vignette center, to the right")
    centre_y: Tensor = _uniform_parameter("half frame", -0.5, 0.5, "vignette center, downwards")
    red_balance: Tensor = _uniform_parameter("log gain", -1.0, 1.0, "natural logarithm of red's gain beside green")
    blue_balance: Tensor = _uniform_parameter("log gain", -1.0, 1.0, "natural logarithm of blue's gain beside green")
    flare: Tensor = _uniform_parameter("1", 0.0, 0.5, "stray light, as a share of the frame's mean light")
    mean_luma: Tensor = _uniform_parameter("code", 20.0, 235.0, "mean luma that the exposure control aims at")
    head_room: Tensor = _uniform_parameter("linear", 1.0, 4.0, "where the sensor clips, in units of white")
    gain: Tensor = _log_uniform_parameter("1", 0.01, 20.0, "amplifier gain, which the sensor's noise follows")
    line_leak: Tensor = _uniform_parameter("1", -0.5, 0.5, "red minus blue that leaks into luma, alternating by row")
    gamma: Tensor = _uniform_parameter("1", 0.2, 2.0, "exponent of the tone curve")
    black: Tensor = _uniform_parameter("code", 0.0, 80.0, "level of green's black")
    red_black: Tensor = _uniform_parameter("code", -40.0, 80.0, "red's black above green's")
    blue_black: Tensor = _uniform_parameter("code", -40.0, 80.0, "blue's black above green's")
    saturation: Tensor = _uniform_parameter("1", 0.0, 3.0, "factor on both color differences")
    chroma_blur: Tensor = _uniform_parameter("px", 0.0, 4.0, "blur of both color differences, Gaussian sigma")
    sharpen_h: Tensor = _uniform_parameter(
        "1", 0.0, 3.0, "edge enhancer of luma along rows, the weight of each neighbor"
    )
    sharpen_v: Tensor = _uniform_parameter(
        "1", 0.0, 3.0, "edge enhancer of luma along columns, the weight of each neighbor"
    )
    coring: Tensor = _uniform_parameter("code", 0.0, 50.0, "detail below this is not enhanced")
    noise: Tensor = _uniform_parameter("code", 0.0, 20.0, "luma noise behind the enhancer, standard deviation")
    odd_rows: Tensor = _uniform_parameter("code", -10.0, 10.0, "how much brighter odd rows are")
    annex_k: Tensor = _probability_parameter("JPEG tables of Annex K instead of the watch's own")
    sharpen_bias: Tensor = _uniform_parameter(
        "1", -0.9, 0.9, "edge enhancer: share gained by bright fringes, lost by dark", 0.0
    )


def draw_parameters(
    cls: type[ParamsT],
    ranges: Mapping[str, tuple[float, float]],
    chances: Mapping[str, float],
    seed: int,
    indices: Sequence[int],
) -> ParamsT:
    """Values of the samples `indices` of the run `seed`, float32 on the CPU.

    Sample n draws from `Stream.CAMERA`: the result does not depend on what else is drawn, in which order, or on how
    many samples there are.
    """
    import torch

    parameters = cls.parameters()
    uniforms = np.stack([make_generator(seed, Stream.CAMERA, n).random(len(parameters)) for n in indices])
    columns = [
        _apply_distribution(parameter, uniforms[:, place], ranges.get(name, (0.0, 0.0)), chances.get(name, 0.0))
        for place, (name, parameter) in enumerate(parameters.items())
    ]
    return cls.from_columns(torch.from_numpy(np.stack(columns, 1).astype(np.float32)))


def _apply_distribution(
    parameter: Parameter, u: np.ndarray, limits: tuple[float, float], probability: float
) -> np.ndarray:
    low, high = limits
    if parameter.distribution == "chance":
        return (u < probability).astype(np.float64)
    if parameter.distribution == "log":
        return low * (high / low) ** u
    return low + (high - low) * u
