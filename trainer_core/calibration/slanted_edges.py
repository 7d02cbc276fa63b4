"""Steps drawn for the purpose: their edges tell of the camera alone, those of photographs also of focus and light."""

from __future__ import annotations

import numpy as np

from trainer_core.camera import Camera

_LINES = 4  # a frame
_SLANT = 0.12  # radians, standard deviation: a slanted line passes the pixels at every phase
_MOST_CONTRAST = 0.35


def draw_steps(camera: Camera, count: int, seed: int) -> np.ndarray:
    """`count` frames of flat grays, uint8 [count, H, W, 3] at the camera's frame and scale.

    The grays of a frame meet in four straight lines, two of them nearly upright and two nearly level. Frame n depends
    on (seed, n) alone.
    """
    return np.stack([_frame(camera, np.random.default_rng([seed, n])) for n in range(count)])


def _frame(camera: Camera, generator: np.random.Generator) -> np.ndarray:
    width, height = camera.frame_width * camera.scale, camera.frame_height * camera.scale
    y, x = np.mgrid[:height, :width]
    gray = np.full((height, width), generator.uniform(0.25, 0.6))
    for line in range(_LINES):
        angle = generator.normal(0, _SLANT) + line % 2 * np.pi / 2
        beyond = x * np.cos(angle) + y * np.sin(angle) > generator.uniform(0.2, 0.8) * min(width, height)
        gray = np.where(beyond, gray + generator.uniform(-_MOST_CONTRAST, _MOST_CONTRAST), gray)
    return np.repeat((255 * gray.clip(0.05, 0.95)).astype(np.uint8)[..., None], 3, 2)
