"""Noise of the sensor, in linear light, and of the electronics after the enhancer.

Sensor noise has a part that grows with the square root of light (photon shot noise) and a constant part (read noise);
both scale with the amplifier's gain. Their ratio fits the captures but is not measured: flat areas of mono captures in
daylight have 0.2-0.35 level before rounding, nearly the same from level 4 to 12.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from trainer_core.camera.stages import per_sample


@dataclass(frozen=True)
class SensorNoise:
    """Standard deviations of the sensor noise at gain 1, in units of white.

    Args:
        shot: shot noise at white; proportional to the square root of the light.
        read: read noise, at any light.
    """

    shot: float
    read: float


MONO_SENSOR = SensorNoise(shot=0.017, read=0.007)
COLOR_SENSOR = SensorNoise(shot=0.015, read=0.006)


class NoiseSource:
    """Noise for images from one generator; the numbers are drawn on its device, then moved to that of the image."""

    def __init__(self, generator: torch.Generator, strength: float = 1.0) -> None:
        self._generator = generator
        self._strength = strength

    def image_noise(self, image: Tensor, sigma: Tensor) -> Tensor:
        """Draw independent noise for every pixel of [B, C, h, w], of standard deviation `sigma` [B] x strength."""
        return self._normal(image.shape, image.device) * (per_sample(sigma) * self._strength)

    def row_noise(self, image: Tensor, sigma: Tensor) -> Tensor:
        """Draw one offset per row: [B, 1, h, 1]."""
        shape = (image.shape[0], 1, image.shape[2], 1)
        return self._normal(shape, image.device) * (per_sample(sigma) * self._strength)

    def column_noise(self, image: Tensor, sigma: Tensor) -> Tensor:
        """Draw one offset per column: [B, 1, 1, w]."""
        shape = (image.shape[0], 1, 1, image.shape[3])
        return self._normal(shape, image.device) * (per_sample(sigma) * self._strength)

    def sensor_noise(self, light: Tensor, gain: Tensor, sensor: SensorNoise) -> Tensor:
        """Draw shot and read noise for linear light [B, C, h, w], at amplifier gain [B]."""
        deviation = (light.clamp_min(0) * sensor.shot**2 + sensor.read**2).sqrt()
        return deviation * self.image_noise(light, gain)

    def _normal(self, shape: tuple[int, ...], device: torch.device) -> Tensor:
        numbers = torch.randn(shape, generator=self._generator, device=self._generator.device)
        return numbers.to(device)
