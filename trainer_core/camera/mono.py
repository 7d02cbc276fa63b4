"""The camera of the WQV-1 and WQV-2: 120x120 pixels, 16 grays, with the stages of research section 5.1 in order.

scene luminance → point-spread function and sampling → shading and stray light → exposure → sensor clip → sensor noise
→ tone → edge enhancer → electronic noise and fixed pattern → rounding to 16 levels. The target is the clean HR
luminance through shading, stray light, exposure and tone only. Not simulated: the watch's modes Merge (two
halves) and Art (two tones).
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from trainer_core.camera.interface import Camera
from trainer_core.camera.parameters import MonoParams, Params, draw_parameters
from trainer_core.camera.precision import disable_tf32
from trainer_core.camera.profile import CameraProfile
from trainer_core.camera.stages import per_sample
from trainer_core.camera.stages.enhancer import enhance_columns, enhance_rows
from trainer_core.camera.stages.exposure import find_exposure
from trainer_core.camera.stages.light import decode_luminance
from trainer_core.camera.stages.noise import MONO_SENSOR, NoiseSource
from trainer_core.camera.stages.optics import sample_image
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

    def draw(self, seed: int, indices: Sequence[int]) -> MonoParams:
        """Draw the parameters of samples; see `Camera.draw`."""
        return draw_parameters(MonoParams, self.profile.ranges, self.profile.chances, seed, indices)

    @torch.no_grad()
    @disable_tf32()
    def __call__(self, view: FrameView, params: Params, generator: torch.Generator) -> tuple[Tensor, Tensor]:
        """See `Camera.__call__`."""
        assert isinstance(params, MonoParams)
        noise = NoiseSource(generator, self._noise_strength)
        field = RadialField(view, params.centre_x, params.centre_y)
        stray, exposure = self._meter_exposure(view, field, params)
        scene = decode_luminance(view.hr)

        sampled = sample_image(scene, params.psf_v, params.psf_h, self.scale, self._largest_sigma)
        light = self._expose(sampled, field, 1, stray, exposure, params)
        light = light + noise.sensor_noise(light, self._amplifier_gain(params), MONO_SENSOR)
        levels = self._quantize_output(
            apply_tone_curve(light, params.gamma, params.pedestal, WHITE_LEVEL), view, params, noise
        )
        lr = quantize(levels, WHITE_LEVEL, self._levels)

        clean = self._expose(scene, field, self.scale, stray, exposure, params)
        target = apply_tone_curve(clean, params.gamma, params.pedestal, WHITE_LEVEL).div_(WHITE_LEVEL).clamp_(0, 1)
        return lr.expand(-1, 3, -1, -1), target.expand(-1, 3, -1, -1)

    def _meter_exposure(self, view: FrameView, field: RadialField, params: MonoParams) -> tuple[Tensor, Tensor]:
        """Meter stray light [B] and exposure [B] on the whole frames."""
        frame = decode_luminance(view.thumbnail) * falloff(field.evaluate_on_thumbnail(), params.vignette)
        stray = params.flare * frame.mean((1, 2, 3))
        black = params.pedestal.unsqueeze(1)
        white = torch.full_like(black, WHITE_LEVEL)
        return stray, find_exposure(frame + per_sample(stray), params.gamma, black, white, params.mean_level)

    @staticmethod
    def _expose(
        light: Tensor, field: RadialField, scale: int, stray: Tensor, exposure: Tensor, params: MonoParams
    ) -> Tensor:
        height, width = light.shape[-2:]
        shaded = light * falloff(field.evaluate_on_region(height, width, scale), params.vignette)
        exposed = shaded.add_(per_sample(stray)).mul_(per_sample(exposure))
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
