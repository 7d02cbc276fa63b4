"""Shapes and colors of the built-in scenes: random outlines, and palettes like those of photos; `painter` uses them."""

from __future__ import annotations

import colorsys
import math

import numpy as np

Color = tuple[float, float, float]  # sRGB, 0 to 1
_Random = np.random.Generator


def random_palette(rng: _Random) -> list[Color]:
    """Draw a palette of 6 to 11 colors around three hues, dark to bright: mostly muted, a few vivid."""
    hues = [_random_hue(rng), _random_hue(rng), _random_hue(rng)]
    colors = []
    for _ in range(int(rng.integers(6, 12))):
        hue = (hues[int(rng.integers(3))] + rng.normal(0, 0.04)) % 1
        saturation = rng.beta(1.3, 3.6) if rng.random() < 0.88 else rng.uniform(0.4, 0.9)
        colors.append(colorsys.hsv_to_rgb(float(hue), float(saturation), float(rng.beta(1.0, 1.2)) * 0.95 + 0.04))
    return colors


def _random_hue(rng: _Random) -> float:
    """Draw a hue in 0..1: most often earth and skin, then sky, then foliage or any hue."""
    middle, spread = ((0.08, 0.03), (0.58, 0.04), (0.26, 0.05), (0.5, 0.5))[
        int(rng.choice(4, p=(0.45, 0.25, 0.15, 0.15)))
    ]
    return float(middle + rng.uniform(-1, 1) * spread) % 1


def random_outline(rng: _Random) -> np.ndarray:
    """Draw a closed outline of about unit radius: ellipse, box, polygon or irregular blob; float [corners, 2]."""
    kind = rng.random()
    if kind < 0.25:
        t = np.linspace(0, 2 * math.pi, 40, endpoint=False)
        points = np.stack([np.cos(t), np.sin(t) * rng.uniform(0.25, 1)], axis=1)
    elif kind < 0.55:
        half_height, slant = rng.uniform(0.08, 1), rng.normal(0, 0.15)
        points = np.array([[-1, -half_height], [1, -half_height - slant], [1, half_height + slant], [-1, half_height]])
    elif kind < 0.72:
        t = np.sort(rng.uniform(0, 2 * math.pi, int(rng.integers(3, 9))))
        points = np.stack([np.cos(t), np.sin(t)], axis=1)
    else:
        t = np.linspace(0, 2 * math.pi, 80, endpoint=False)
        order = np.arange(1, 14)[:, None]
        waves = rng.normal(0, 0.35, order.shape) / order * np.cos(order * t + rng.uniform(0, 6.3, order.shape))
        points = np.stack([np.cos(t), np.sin(t) * rng.uniform(0.3, 1)], axis=1) * (1 + waves.sum(axis=0))[:, None]
    rotated: np.ndarray = points @ rotation_matrix(
        float(rng.choice([0.0, rng.normal(0, 0.1), rng.uniform(0, 2 * math.pi)]))
    )
    return rotated


def rotation_matrix(angle: float) -> np.ndarray:
    """Return the matrix that rotates points [n, 2] by `angle` in radians: `points @ matrix`."""
    return np.array([[math.cos(angle), math.sin(angle)], [-math.sin(angle), math.cos(angle)]])
