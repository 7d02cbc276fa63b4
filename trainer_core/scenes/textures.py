"""Gray textures for the built-in scenes: surfaces seen from near and far, 8 bits, with a mean near 128.

`render_texture(seed, number)` renders a square of `TEXTURE_SIDE` pixels; the number selects the kind. Natural surfaces
are noise with a power-law spectrum or occluding strokes, man-made ones are regular patterns with irregularities.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import lru_cache

import numpy as np
from PIL import Image, ImageChops, ImageDraw, ImageFont

from trainer_core.randomness import Stream, make_generator

TEXTURE_SIDE = 640
TEXTURE_COUNT = 36
_LETTERS = "etaoinshrdlucmfwypvbgkjqxz"

_Random = np.random.Generator


@lru_cache(maxsize=TEXTURE_COUNT)
def render_texture(seed: int, number: int) -> Image.Image:
    """Render texture `number` (0 to `TEXTURE_COUNT` - 1) of `seed` as a square image, mode "L"; do not change it."""
    rng = make_generator(seed, Stream.TEXTURE, number)
    return _KINDS[number % len(_KINDS)](rng)


def fractal_noise(rng: _Random, side: int, exponent: float, stretch: float = 1.0) -> np.ndarray:
    """Draw noise with amplitude ~ 1 / f^exponent, zero mean, unit deviation; float32 [side, side], seamless.

    A `stretch` above 1 elongates it along the rows (wood, water, brushed metal).
    """
    across, down = np.fft.rfftfreq(side) * stretch, np.fft.fftfreq(side)
    frequency = np.hypot(across[None, :], down[:, None])
    frequency[0, 0] = 1.0
    white = np.fft.rfft2(rng.standard_normal((side, side), dtype=np.float32))
    field: np.ndarray = np.fft.irfft2(white * frequency**-exponent, s=(side, side))
    field -= field.mean()
    field /= field.std() + 1e-9
    return field.astype(np.float32, copy=False)


def random_word(rng: _Random) -> str:
    """Draw a word of 2 to 8 letters, lower or upper case, with the frequent letters of English; sometimes a number."""
    count = int(rng.integers(2, 9))
    indices = np.minimum(rng.exponential(7.0, count).astype(int), len(_LETTERS) - 1)
    letters = "".join(_LETTERS[index] for index in indices)
    style = rng.random()
    if style < 0.15:
        return str(rng.integers(0, 10**count))
    return letters.upper() if style < 0.5 else letters.capitalize() if style < 0.75 else letters


def _to_gray(field: np.ndarray, deviation: float = 46.0) -> Image.Image:
    return Image.fromarray(np.clip(128 + deviation * field, 0, 255).astype(np.uint8))


def _add_grain(image: Image.Image, rng: _Random, strength: float) -> Image.Image:
    """Add fine irregularities to `image`, as real surfaces have them."""
    return ImageChops.overlay(image, _to_gray(fractal_noise(rng, TEXTURE_SIDE, float(rng.uniform(0.4, 1.2))), strength))


def _render_clouds(rng: _Random) -> Image.Image:
    return _to_gray(fractal_noise(rng, TEXTURE_SIDE, float(rng.uniform(1.3, 1.9))))


def _render_rough(rng: _Random) -> Image.Image:
    return _to_gray(fractal_noise(rng, TEXTURE_SIDE, float(rng.uniform(0.5, 1.1))), 40)


def _render_wood(rng: _Random) -> Image.Image:
    return _to_gray(fractal_noise(rng, TEXTURE_SIDE, float(rng.uniform(0.9, 1.3)), float(rng.uniform(5, 20))))


def _render_marble(rng: _Random) -> Image.Image:
    field = fractal_noise(rng, TEXTURE_SIDE, 1.5)
    return _to_gray(1.3 * np.sin(field * rng.uniform(2, 7)) + 0.3 * fractal_noise(rng, TEXTURE_SIDE, 1.0), 40)


def _render_creases(rng: _Random) -> Image.Image:
    """Render sharp ridges between smooth slopes: rock, cloth, water."""
    field = np.abs(fractal_noise(rng, TEXTURE_SIDE, float(rng.uniform(1.2, 1.6)), float(rng.choice([1.0, 1.0, 3.0]))))
    return _to_gray((0.8 - field) * 1.2 + 0.2 * fractal_noise(rng, TEXTURE_SIDE, 0.9), 50)


def _render_strokes(rng: _Random) -> Image.Image:
    """Render grass, fur or straw: thousands of overlapping thin strokes in roughly the same direction."""
    image = _to_gray(fractal_noise(rng, TEXTURE_SIDE, 1.3), 30)
    draw = ImageDraw.Draw(image)
    direction, spread = rng.uniform(0, math.pi), rng.uniform(0.1, 0.5)
    length, count = float(rng.uniform(10, 60)), 2600
    x, y = rng.uniform(0, TEXTURE_SIDE, (2, count))
    angle, reach = rng.normal(direction, spread, count), length * rng.lognormal(0, 0.4, count)
    tone = np.clip(rng.normal(128, 48, count), 0, 255)
    ends = np.stack([x, y, x + reach * np.cos(angle), y + reach * np.sin(angle)], axis=1)
    for line, gray, width in zip(ends.tolist(), tone.astype(int).tolist(), rng.integers(1, 5, count).tolist()):
        draw.line(line, fill=gray, width=width)
    return image


def _render_leaves(rng: _Random) -> Image.Image:
    """Render foliage, gravel or crowds: small shapes that occlude one another, with radii ~ r^-3."""
    image = _to_gray(fractal_noise(rng, TEXTURE_SIDE, 1.2), 40)
    draw = ImageDraw.Draw(image)
    min_radius = float(rng.uniform(2, 6))
    count = 2200
    radius = np.minimum(min_radius / np.sqrt(rng.uniform(1e-4, 1, count)), 60)
    aspect, angle = rng.uniform(0.25, 1, count), rng.uniform(0, math.pi, count)
    x, y = rng.uniform(0, TEXTURE_SIDE, (2, count))
    tone = np.clip(rng.normal(128, 50, count), 0, 255).astype(int)
    corner = np.linspace(0, 2 * math.pi, 9)[:-1] + 0.3
    along, aside = radius[:, None] * np.cos(corner), (radius * aspect)[:, None] * np.sin(corner)
    px = x[:, None] + along * np.cos(angle)[:, None] - aside * np.sin(angle)[:, None]
    py = y[:, None] + along * np.sin(angle)[:, None] + aside * np.cos(angle)[:, None]
    outlines = np.stack([px, py], axis=2).reshape(count, -1)
    for outline, gray in zip(outlines.tolist(), tone.tolist()):
        draw.polygon(outline, fill=gray)
    return _add_grain(image, rng, 16)


def _render_bricks(rng: _Random) -> Image.Image:
    mortar = int(rng.integers(40, 220))
    image = Image.new("L", (TEXTURE_SIDE, TEXTURE_SIDE), mortar)
    draw = ImageDraw.Draw(image)
    height = int(rng.integers(12, 60))
    width, gap = int(height * rng.uniform(1, 3.2)), int(rng.integers(1, 5))
    shift = width // 2 if rng.random() < 0.7 else 0
    for row in range(TEXTURE_SIDE // height + 1):
        for column in range(-1, TEXTURE_SIDE // width + 1):
            left, top = column * width + shift * (row % 2), row * height
            tone = int(np.clip(rng.normal(128, 26), 0, 255))
            draw.rectangle((left, top, left + width - gap - 1, top + height - gap - 1), fill=tone)
    return _add_grain(image, rng, 34)


def _render_stripes(rng: _Random) -> Image.Image:
    """Render blinds, planks or printed cloth: bars of a few widths and tones."""
    widths = rng.integers(3, int(rng.integers(8, 60)), int(rng.integers(2, 6)))
    tones = rng.integers(40, 216, len(widths))
    period = np.repeat(tones, widths)
    row = np.resize(period, TEXTURE_SIDE).astype(np.uint8)
    return _add_grain(Image.fromarray(np.repeat(row[None], TEXTURE_SIDE, axis=0)), rng, 26)


def _render_weave(rng: _Random) -> Image.Image:
    y, x = np.mgrid[0:TEXTURE_SIDE, 0:TEXTURE_SIDE].astype(np.float32)
    period = float(rng.uniform(5, 40))
    bend = 0.4 * fractal_noise(rng, TEXTURE_SIDE, 1.8)
    over = np.sin(2 * math.pi * x / period + bend) * np.sin(2 * math.pi * y / period + bend)
    hard = np.tanh(over * rng.uniform(1, 8))
    return _to_gray(hard + 0.4 * fractal_noise(rng, TEXTURE_SIDE, 1.0), 40)


def _render_windows(rng: _Random) -> Image.Image:
    """Render a facade: rows of window frames with panes of different brightness."""
    image = _to_gray(fractal_noise(rng, TEXTURE_SIDE, 1.3), 14)
    draw = ImageDraw.Draw(image)
    pitch_x, pitch_y = int(rng.integers(30, 130)), int(rng.integers(40, 150))
    inner, frame = rng.uniform(0.4, 0.8, 2), int(rng.integers(20, 240))
    for top in range(pitch_y // 5, TEXTURE_SIDE, pitch_y):
        for left in range(pitch_x // 5, TEXTURE_SIDE, pitch_x):
            right, bottom = left + int(pitch_x * inner[0]), top + int(pitch_y * inner[1])
            pane = int(np.clip(rng.normal(70, 45), 0, 255))
            draw.rectangle((left, top, right, bottom), fill=pane, outline=frame, width=max(1, pitch_x // 20))
            draw.line(((left + right) // 2, top, (left + right) // 2, bottom), fill=frame, width=max(1, pitch_x // 30))
            draw.line((left, (top + bottom) // 2, right, (top + bottom) // 2), fill=frame, width=max(1, pitch_x // 30))
    return _add_grain(image, rng, 12)


def _render_print(rng: _Random) -> Image.Image:
    paper, ink = (210, 40) if rng.random() < 0.7 else (50, 210)
    image = Image.new("L", (TEXTURE_SIDE, TEXTURE_SIDE), paper)
    draw = ImageDraw.Draw(image)
    size = int(rng.integers(14, 60))
    font = ImageFont.load_default(size=size)
    for top in range(size // 2, TEXTURE_SIDE, int(size * 1.4)):
        draw.text((size, top), " ".join(random_word(rng) for _ in range(1 + 1200 // (size * 4))), fill=ink, font=font)
    return _add_grain(image, rng, 14)


_KINDS: tuple[Callable[[_Random], Image.Image], ...] = (
    _render_clouds,
    _render_strokes,
    _render_rough,
    _render_leaves,
    _render_creases,
    _render_bricks,
    _render_wood,
    _render_leaves,
    _render_windows,
    _render_marble,
    _render_rough,
    _render_stripes,
    _render_strokes,
    _render_creases,
    _render_print,
    _render_weave,
    _render_leaves,
    _render_clouds,
)
