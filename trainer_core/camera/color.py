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
from typing import Any

import numpy as np
import torch
from torch import Tensor

from trainer_core.camera.interface import Camera
from trainer_core.camera.jpeg import jpeg_round_trip, select_tables
from trainer_core.camera.metering import decode_thumbnail, radius_squared
from trainer_core.camera.parameters import ColorParams, draw_table
from trainer_core.camera.precision import disable_tf32
from trainer_core.camera.profile import CameraProfile
from trainer_core.camera.stages import per_sample
from trainer_core.camera.stages.chroma import saturate, shape_chroma
from trainer_core.camera.stages.enhancer import enhance_columns, enhance_rows
from trainer_core.camera.stages.exposure import find_exposure
from trainer_core.camera.stages.light import decode_srgb
from trainer_core.camera.stages.mosaic import leak_lines, mosaic_color
from trainer_core.camera.stages.noise import COLOR_SENSOR, NoiseSource
from trainer_core.camera.stages.optics import count_weights, sample_image, sampling_weights
from trainer_core.camera.stages.pattern import column_parity, parity_offsets, row_parity
from trainer_core.camera.stages.shading import RadialField, color_falloff
from trainer_core.camera.stages.tone import apply_tone_curve
from trainer_core.camera.stages.white_balance import channel_gains
from trainer_core.camera.stages.ycbcr import to_rgb, to_ycbcr
from trainer_core.camera.view import FrameView
from trainer_core.pixels import LUMA
from trainer_core.watches import WQV10

WHITE_CODE = 255.0


@dataclass(frozen=True)
class _Metered:
    """Values metered on the whole frame: channel gains, stray light after the gains, and blacks, [B, 3] each.

    `down`, `across` and `chroma` are weights of the optics and of the blur of colors, [B, n].
    """

    gains: Tensor
    stray: Tensor
    black: Tensor
    down: Tensor
    across: Tensor
    chroma: Tensor


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

    def draw_table(self, seed: int, indices: Sequence[int]) -> np.ndarray:
        """Draw the parameters of samples; see `Camera.draw_table`."""
        return draw_table(ColorParams, self.profile.ranges, self.profile.chances, seed, indices)

    def draw(self, seed: int, indices: Sequence[int]) -> ColorParams:
        """Draw the parameters of samples as tensors on the CPU."""
        return ColorParams.from_columns(torch.from_numpy(self.draw_table(seed, indices)))

    def meter(self, table: np.ndarray, thumbnail: np.ndarray) -> np.ndarray:
        """Append the columns of `_Metered`; see `Camera.meter`."""
        params: Any = ColorParams.from_columns(table)
        none = np.zeros_like(params.black)
        gains = channel_gains(params.red_balance, params.blue_balance)
        black = params.black[:, None] + np.stack((params.red_black, none, params.blue_black), 1)
        frame_size = (self.frame_height, self.frame_width)
        radius = radius_squared(thumbnail.shape[1:3], frame_size, params.centre_x, params.centre_y)
        corners = np.stack((params.red_corners, none, params.blue_corners), 1)[:, :, None, None]
        shading = (1 + corners * radius) * np.maximum(1 - radius * params.vignette[:, None, None, None], 0)
        frame = decode_thumbnail(thumbnail) * shading * gains[:, :, None, None]
        stray = params.flare[:, None] * frame.mean((2, 3))
        weights = np.array(LUMA, np.float32)
        white = np.broadcast_to(WHITE_CODE * weights, black.shape)
        light = frame + stray[:, :, None, None]
        k = find_exposure(light, params.gamma, black * weights, white, params.mean_luma)[:, None]
        defocus = params.defocus * params.unfocused
        sigmas = (np.hypot(params.psf_v, defocus), np.hypot(params.psf_h, defocus))
        optics = [sampling_weights(sigma, self.scale, self._largest_sigma) for sigma in sigmas]
        chroma = sampling_weights(params.chroma_blur, 1, self._largest_chroma_blur)
        return np.concatenate((table, gains * k, stray * k, black, *optics, chroma), 1, dtype=np.float32)

    @torch.no_grad()
    @disable_tf32()
    def simulate(self, view: FrameView, values: Tensor, generator: torch.Generator) -> tuple[Tensor, Tensor]:
        """See `Camera.simulate`."""
        raw, target = self.render_before_jpeg(view, values, generator)
        annex_k = ColorParams.from_columns(values).annex_k
        return jpeg_round_trip(raw, *select_tables(annex_k)) / WHITE_CODE, target

    @torch.no_grad()
    def render_before_jpeg(self, view: FrameView, values: Tensor, generator: torch.Generator) -> tuple[Tensor, Tensor]:
        """Return the input of the watch's JPEG encoder, whole numbers 0..255 [B, 3, h, w], and the target."""
        params, metered = ColorParams.from_columns(values), self._split_metered(values)
        noise = NoiseSource(generator, self._noise_strength)
        field = RadialField(view, params.centre_x, params.centre_y)
        scene = decode_srgb(view.hr)

        sampled = sample_image(scene, metered.down, metered.across, self.scale)
        light = self._read_out(self._expose(sampled, field, 1, metered, params), view, params, noise)
        codes = apply_tone_curve(light, params.gamma, metered.black, WHITE_CODE)
        codes = self._quantize_output(codes, view, params, metered.chroma, noise)

        clean = self._expose(scene, field, self.scale, metered, params)
        y, differences = to_ycbcr(apply_tone_curve(clean, params.gamma, metered.black, WHITE_CODE))
        target = to_rgb(y, saturate(differences, y, params.saturation)).div_(WHITE_CODE).clamp_(0, 1)
        return codes.round_().clamp_(0, WHITE_CODE), target

    def _split_metered(self, values: Tensor) -> _Metered:
        optics = count_weights(self.scale, self._largest_sigma)
        sizes = [3, 3, 3, optics, optics, count_weights(1, self._largest_chroma_blur)]
        return _Metered(*torch.split(values[:, len(ColorParams.parameters()) :], sizes, 1))

    @staticmethod
    def _lens_shading(radius_squared: Tensor, params: ColorParams) -> Tensor:
        return color_falloff(radius_squared, params.vignette, params.red_corners, params.blue_corners)

    def _expose(self, light: Tensor, field: RadialField, scale: int, metered: _Metered, params: ColorParams) -> Tensor:
        height, width = light.shape[-2:]
        shading = self._lens_shading(field.evaluate_on_region(height, width, scale), params)
        exposed = (light * shading).mul_(per_sample(metered.gains)).add_(per_sample(metered.stray))
        return torch.minimum(exposed, per_sample(params.head_room))

    @staticmethod
    def _read_out(light: Tensor, view: FrameView, params: ColorParams, noise: NoiseSource) -> Tensor:
        odd_row, odd_column = row_parity(view, light.shape[-2]), column_parity(view, light.shape[-1])
        noisy = light + noise.sensor_noise(light, params.gain, COLOR_SENSOR)
        return leak_lines(mosaic_color(noisy, odd_row, odd_column), odd_row, params.line_leak)

    @staticmethod
    def _quantize_output(
        codes: Tensor, view: FrameView, params: ColorParams, chroma: Tensor, noise: NoiseSource
    ) -> Tensor:
        y, differences = to_ycbcr(codes)
        differences = shape_chroma(differences, y, params.saturation, chroma)
        sharp = enhance_rows(y, params.sharpen_h, params.coring, params.sharpen_bias)
        sharp = enhance_columns(sharp, params.sharpen_v, params.coring, params.sharpen_bias)
        rows = parity_offsets(row_parity(view, y.shape[-2]), params.odd_rows)
        return to_rgb(sharp + rows + noise.image_noise(sharp, params.noise), differences)
