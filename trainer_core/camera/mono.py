"""The camera of the WQV-1 and WQV-2: 120x120 pixels, 16 grays, with the stages of research section 5.1 in order.

scene luminance → point-spread function and sampling → shading and stray light → exposure → sensor clip → sensor noise
→ tone → edge enhancer → electronic noise and fixed pattern → rounding to 16 levels. The target is the clean HR
luminance through shading, stray light, exposure and tone only. Not simulated: the watch's modes Merge (two
halves) and Art (two tones).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

from trainer_core.camera.interface import Camera
from trainer_core.camera.metering import decode_thumbnail, luminance, radius_squared
from trainer_core.camera.parameters import MonoParams, draw_table
from trainer_core.camera.precision import disable_tf32
from trainer_core.camera.profile import CameraProfile
from trainer_core.camera.stages import per_sample
from trainer_core.camera.stages.enhancer import enhance_columns, enhance_rows
from trainer_core.camera.stages.exposure import find_exposure
from trainer_core.camera.stages.light import decode_luminance
from trainer_core.camera.stages.noise import MONO_SENSOR, NoiseSource
from trainer_core.camera.stages.optics import count_weights, sample_image, sampling_weights
from trainer_core.camera.stages.pattern import column_parity, parity_offsets, row_parity
from trainer_core.camera.stages.quantizer import quantize
from trainer_core.camera.stages.shading import RadialField, falloff
from trainer_core.camera.stages.tone import apply_tone_curve
from trainer_core.camera.view import FrameView
from trainer_core.watches import WQV1

WHITE_LEVEL = 15.0


class MonoCamera(Camera):
    """The camera of the mono watch.

    Args:
        profile: a profile of kind "mono".
        scale: HR pixels per LR pixel.
        levels: number of gray levels of the LR image (the watch has 16).
        noise_strength: factor on all random noise; the fixed pattern is not noise.
        frame_side: LR pixels along each axis of the frame (the watch has 120).
    """

    region_multiple = WQV1.jpeg_grid
    margin = 4

    def __init__(
        self,
        profile: CameraProfile,
        scale: int,
        *,
        levels: int = WQV1.gray_levels,
        noise_strength: float = 1.0,
        frame_side: int = WQV1.frame_width,
    ) -> None:
        self.name = profile.name
        self.scale = scale
        self.frame_width = self.frame_height = frame_side
        self.profile = profile
        self._levels = levels
        self._noise_strength = noise_strength
        self._largest_sigma = max(profile.ranges["psf_v"][1], profile.ranges["psf_h"][1])

    def draw_table(self, seed: int, indices: Sequence[int]) -> np.ndarray:
        """Draw the parameters of samples; see `Camera.draw_table`."""
        return draw_table(MonoParams, self.profile.ranges, self.profile.chances, seed, indices)

    def draw(self, seed: int, indices: Sequence[int]) -> MonoParams:
        """Draw the parameters of samples as tensors on the CPU."""
        return MonoParams.from_columns(torch.from_numpy(self.draw_table(seed, indices)))

    def meter(self, table: np.ndarray, thumbnail: np.ndarray) -> np.ndarray:
        """Append gain, stray light after the gain, and the weights of the optics; see `Camera.meter`."""
        params: Any = MonoParams.from_columns(table)
        frame_size = (self.frame_height, self.frame_width)
        radius = radius_squared(thumbnail.shape[1:3], frame_size, params.centre_x, params.centre_y)
        frame = luminance(decode_thumbnail(thumbnail))
        frame *= np.maximum(1 - radius * params.vignette[:, None, None, None], 0)
        stray = params.flare * frame.mean((1, 2, 3))
        black = params.pedestal[:, None]
        light = frame + stray[:, None, None, None]
        gain = find_exposure(light, params.gamma, black, np.full_like(black, WHITE_LEVEL), params.mean_level)
        optics = [sampling_weights(sigma, self.scale, self._largest_sigma) for sigma in (params.psf_v, params.psf_h)]
        return np.concatenate((table, gain[:, None], (stray * gain)[:, None], *optics), 1)

    @torch.no_grad()
    @disable_tf32()
    def simulate(self, view: FrameView, values: Tensor, generator: torch.Generator) -> tuple[Tensor, Tensor]:
        """See `Camera.simulate`."""
        params = MonoParams.from_columns(values)
        count = count_weights(self.scale, self._largest_sigma)
        metered = values[:, len(MonoParams.parameters()) :]
        exposure, stray, down, across = torch.split(metered, [1, 1, count, count], 1)
        noise = NoiseSource(generator, self._noise_strength)
        field = RadialField(view, params.centre_x, params.centre_y)
        scene = decode_luminance(view.hr)

        sampled = sample_image(scene, down, across, self.scale)
        light = self._expose(sampled, field, 1, stray, exposure, params)
        light = light + noise.sensor_noise(light, self._amplifier_gain(params), MONO_SENSOR)
        levels = self._quantize_output(
            apply_tone_curve(light, params.gamma, params.pedestal, WHITE_LEVEL), view, params, noise
        )
        lr = quantize(levels, WHITE_LEVEL, self._levels)

        clean = self._expose(scene, field, self.scale, stray, exposure, params)
        target = apply_tone_curve(clean, params.gamma, params.pedestal, WHITE_LEVEL).div_(WHITE_LEVEL).clamp_(0, 1)
        return lr.expand(-1, 3, -1, -1), target.expand(-1, 3, -1, -1)

    @staticmethod
    def _expose(
        light: Tensor, field: RadialField, scale: int, stray: Tensor, exposure: Tensor, params: MonoParams
    ) -> Tensor:
        height, width = light.shape[-2:]
        shaded = light * falloff(field.evaluate_on_region(height, width, scale), params.vignette)
        exposed = shaded.mul_(per_sample(exposure)).add_(per_sample(stray))
        return torch.minimum(exposed, per_sample(params.head_room))

    @staticmethod
    def _amplifier_gain(params: MonoParams) -> Tensor:
        return torch.where(params.indoor > 0, params.indoor_gain, params.gain)

    @staticmethod
    def _quantize_output(levels: Tensor, view: FrameView, params: MonoParams, noise: NoiseSource) -> Tensor:
        sharp = enhance_rows(levels, params.sharpen_h, params.coring, params.sharpen_bias)
        sharp = enhance_columns(sharp, params.sharpen_v, params.coring, params.sharpen_bias)
        height, width = sharp.shape[-2:]
        rows = parity_offsets(row_parity(view, height), params.odd_rows) + noise.row_noise(sharp, params.row_noise)
        columns = parity_offsets(column_parity(view, width), params.odd_columns)
        columns = columns + noise.column_noise(sharp, params.column_noise)
        return sharp + rows + columns + noise.image_noise(sharp, params.noise)
