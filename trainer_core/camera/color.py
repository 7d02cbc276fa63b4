"""The camera of the WQV-3 and WQV-10: 176x144 pixels, color JPEG, with the stages of research section 5.2 in order.

linear RGB → point-spread function and sampling → shading, white balance and stray light → exposure → sensor clip →
sensor noise, color mosaic and line leak → tone with colored blacks → color differences → luma edge enhancer → luma
noise and row pattern → rounding → JPEG. The target is the clean HR scene through shading, white balance, stray light,
exposure, tone and saturation only: color casts, colored shadows and pale colors are part of the watch's look and stay.
Without saturation in the target, networks learned to exaggerate every color of a capture.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from trainer_core.camera.interface import Camera
from trainer_core.camera.jpeg import jpeg_round_trip, select_tables
from trainer_core.camera.parameters import ColorParams, Params, draw_parameters
from trainer_core.camera.precision import disable_tf32
from trainer_core.camera.profile import CameraProfile
from trainer_core.camera.stages import per_sample
from trainer_core.camera.stages.chroma import saturate, shape_chroma
from trainer_core.camera.stages.enhancer import enhance_columns, enhance_rows
from trainer_core.camera.stages.exposure import find_exposure
from trainer_core.camera.stages.light import decode_srgb
from trainer_core.camera.stages.mosaic import leak_lines, mosaic_color
from trainer_core.camera.stages.noise import COLOR_SENSOR, NoiseSource
from trainer_core.camera.stages.optics import sample_image
from trainer_core.camera.stages.pattern import column_parity, parity_offsets, row_parity
from trainer_core.camera.stages.shading import RadialField, color_falloff
from trainer_core.camera.stages.tone import apply_tone_curve
from trainer_core.camera.stages.white_balance import channel_gains
from trainer_core.camera.stages.ycbcr import to_rgb, to_ycbcr
from trainer_core.camera.view import FrameView
from trainer_core.pixels import LUMA
from trainer_core.uploads import constant
from trainer_core.watches import WQV10

WHITE_CODE = 255.0


@dataclass(frozen=True)
class _Exposure:
    """Values metered on the whole frame: channel gains, stray light after the gains, and blacks, [B, 3] each."""

    gains: Tensor
    stray: Tensor
    black: Tensor


class ColorCamera(Camera):
    """The camera of the color watch.

    Args:
        profile: a profile of kind "color".
        scale: HR pixels per LR pixel.
        noise_strength: factor on all random noise.
    """

    region_multiple = WQV10.jpeg_grid
    margin = 8
    frame_width = WQV10.frame_width
    frame_height = WQV10.frame_height

    def __init__(self, profile: CameraProfile, scale: int, *, noise_strength: float = 1.0) -> None:
        self.name = profile.name
        self.scale = scale
        self.profile = profile
        self._noise_strength = noise_strength
        ranges = profile.ranges
        sharpest = max(ranges["psf_v"][1], ranges["psf_h"][1])
        self._largest_sigma = (sharpest**2 + ranges["defocus"][1] ** 2) ** 0.5
        self._largest_chroma_blur = ranges["chroma_blur"][1]

    def draw(self, seed: int, indices: Sequence[int]) -> ColorParams:
        """Draw the parameters of samples; see `Camera.draw`."""
        return draw_parameters(ColorParams, self.profile.ranges, self.profile.chances, seed, indices)

    @torch.no_grad()
    @disable_tf32()
    def __call__(self, view: FrameView, params: Params, generator: torch.Generator) -> tuple[Tensor, Tensor]:
        """See `Camera.__call__`."""
        assert isinstance(params, ColorParams)
        raw, target = self.render_before_jpeg(view, params, generator)
        return jpeg_round_trip(raw, *select_tables(params.annex_k)) / WHITE_CODE, target

    @torch.no_grad()
    def render_before_jpeg(
        self, view: FrameView, params: ColorParams, generator: torch.Generator
    ) -> tuple[Tensor, Tensor]:
        """Return the input of the watch's JPEG encoder, whole numbers 0..255 [B, 3, h, w], and the target."""
        noise = NoiseSource(generator, self._noise_strength)
        field = RadialField(view, params.centre_x, params.centre_y)
        exposure = self._meter_exposure(view, field, params)
        scene = decode_srgb(view.hr)

        light = self._expose(self._sample_image(scene, params), field, 1, exposure, params)
        light = self._read_out(light, view, params, noise)
        codes = self._quantize_output(
            apply_tone_curve(light, params.gamma, exposure.black, WHITE_CODE), view, params, noise
        )

        clean = self._expose(scene, field, self.scale, exposure, params)
        y, differences = to_ycbcr(apply_tone_curve(clean, params.gamma, exposure.black, WHITE_CODE))
        target = to_rgb(y, saturate(differences, y, params.saturation)).div_(WHITE_CODE).clamp_(0, 1)
        return codes.round_().clamp_(0, WHITE_CODE), target

    def _meter_exposure(self, view: FrameView, field: RadialField, params: ColorParams) -> _Exposure:
        gains = channel_gains(params.red_balance, params.blue_balance)
        shading = self._lens_shading(field.evaluate_on_thumbnail(), params)
        frame = decode_srgb(view.thumbnail) * shading * per_sample(gains)
        stray = params.flare.unsqueeze(1) * frame.mean((2, 3))
        offsets = torch.stack((params.red_black, torch.zeros_like(params.black), params.blue_black), 1)
        black = params.black.unsqueeze(1) + offsets
        weights = constant(black.device, _luma_weights)
        k = find_exposure(
            frame + per_sample(stray),
            params.gamma,
            black * weights,
            (WHITE_CODE * weights).expand_as(black),
            params.mean_luma,
        ).unsqueeze(1)
        return _Exposure(gains * k, stray * k, black)

    def _sample_image(self, scene: Tensor, params: ColorParams) -> Tensor:
        defocus = params.defocus * params.unfocused
        down, across = torch.hypot(params.psf_v, defocus), torch.hypot(params.psf_h, defocus)
        return sample_image(scene, down, across, self.scale, self._largest_sigma)

    @staticmethod
    def _lens_shading(radius_squared: Tensor, params: ColorParams) -> Tensor:
        return color_falloff(radius_squared, params.vignette, params.red_corners, params.blue_corners)

    def _expose(
        self, light: Tensor, field: RadialField, scale: int, exposure: _Exposure, params: ColorParams
    ) -> Tensor:
        height, width = light.shape[-2:]
        shading = self._lens_shading(field.evaluate_on_region(height, width, scale), params)
        exposed = (light * shading).mul_(per_sample(exposure.gains)).add_(per_sample(exposure.stray))
        return torch.minimum(exposed, per_sample(params.head_room))

    @staticmethod
    def _read_out(light: Tensor, view: FrameView, params: ColorParams, noise: NoiseSource) -> Tensor:
        odd_row, odd_column = row_parity(view, light.shape[-2]), column_parity(view, light.shape[-1])
        noisy = light + noise.sensor_noise(light, params.gain, COLOR_SENSOR)
        return leak_lines(mosaic_color(noisy, odd_row, odd_column), odd_row, params.line_leak)

    def _quantize_output(self, codes: Tensor, view: FrameView, params: ColorParams, noise: NoiseSource) -> Tensor:
        y, differences = to_ycbcr(codes)
        differences = shape_chroma(differences, y, params.saturation, params.chroma_blur, self._largest_chroma_blur)
        sharp = enhance_rows(y, params.sharpen_h, params.coring, params.sharpen_bias)
        sharp = enhance_columns(sharp, params.sharpen_v, params.coring, params.sharpen_bias)
        rows = parity_offsets(row_parity(view, y.shape[-2]), params.odd_rows)
        return to_rgb(sharp + rows + noise.image_noise(sharp, params.noise), differences)


def _luma_weights() -> np.ndarray:
    return np.array(LUMA, np.float32)
