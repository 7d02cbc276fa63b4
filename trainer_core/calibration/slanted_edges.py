"""Rendered slanted edges: they measure the camera alone, while edges in photos also depend on focus and light."""

from __future__ import annotations

import numpy as np

from trainer_core.camera import Camera

_EDGES_PER_FRAME = 4
_SLANT = 0.12  # radians, standard deviation: a slanted line passes the pixels at every phase
_MAX_CONTRAST = 0.35


def render_slanted_edges(camera: Camera, count: int, seed: int) -> np.ndarray:
    """Render `count` frames of flat grays, uint8 [count, H, W, 3] at the camera's frame and scale.

    The grays of a frame meet in four straight edges, two nearly vertical and two nearly horizontal. Frame n depends on
    (seed, n) alone.
    """
    return np.stack([_render_frame(camera, np.random.default_rng([seed, n])) for n in range(count)])


def _render_frame(camera: Camera, generator: np.random.Generator) -> np.ndarray:
    width, height = camera.frame_width * camera.scale, camera.frame_height * camera.scale
    y, x = np.mgrid[:height, :width]
    gray = np.full((height, width), generator.uniform(0.25, 0.6))
    for edge in range(_EDGES_PER_FRAME):
        angle = generator.normal(0, _SLANT) + edge % 2 * np.pi / 2
        past_edge = x * np.cos(angle) + y * np.sin(angle) > generator.uniform(0.2, 0.8) * min(width, height)
        gray = np.where(past_edge, gray + generator.uniform(-_MAX_CONTRAST, _MAX_CONTRAST), gray)
    return np.repeat((255 * gray.clip(0.05, 0.95)).astype(np.uint8)[..., None], 3, 2)
