"""Photo-like built-in scenes, with which the program can be tried without any photos.

`render_scene` renders one; `write_scenes` writes the set of a demo. A scene is a dead-leaves image (Lee, Mumford &
Huang, "Occlusion models for natural images", 2001): shapes with radii ~ r^-3 occlude one another, which gives the
scale statistics of photos. The shapes have textures, light and shadows; sky, ground, depth of field, lettering, bars,
wires and faces are added. Everything is drawn at twice the size and area-averaged, so that edges are as soft as a
lens's.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image, ImageChops, ImageDraw, ImageFilter, ImageFont

from trainer_core.files import write_bytes
from trainer_core.pixels import png_bytes
from trainer_core.randomness import Stream, make_generator
from trainer_core.scenes.shapes import Color, random_outline, random_palette, rotation_matrix
from trainer_core.scenes.textures import TEXTURE_COUNT, TEXTURE_SIDE, random_word, render_texture

_SUPERSAMPLING = 2
_BILINEAR = Image.Resampling.BILINEAR
_Random = np.random.Generator


@dataclass(frozen=True)
class _LeafKind:
    """Properties that the leaves of a group share.

    Attributes:
        outline: closed outline of unit radius, [corners, 2].
        color: base color.
        detail: contrast of the texture.
        shading: contrast of the light.
        softness: blur of the edge in pixels; negative: as a fraction of the radius.
        shadow: reach of the shadow as a fraction of the shorter side.
        is_rotated: whether each leaf has its own angle.
    """

    outline: np.ndarray
    color: Color
    detail: float
    shading: float
    softness: float
    shadow: float
    is_rotated: bool


_Leaf = tuple[float, float, float, _LeafKind]  # radius, x, y


def render_scene(seed: int, index: int, size: int = 640) -> np.ndarray:
    """Render scene `index` of `seed`: uint8 [size, size, 3], sRGB; the same arguments give the same scene."""
    painter = _Painter(seed, make_generator(seed, Stream.SCENE, index), size * _SUPERSAMPLING)
    painter.paint()
    return _add_camera_effects(_adjust_exposure(painter.canvas, painter.rng).reduce(_SUPERSAMPLING), painter.rng)


def write_scenes(
    folder: Path,
    *,
    seed: int,
    train: int = 72,
    val: int = 10,
    test: int = 6,
    size: int = 512,
    check_stop: Callable[[], None] = lambda: None,
    report: Callable[[int, int], None] = lambda number, total: None,
) -> None:
    """Write scenes as PNG into train/, val/ and test/ of `folder`; existing files are not rendered again.

    Before each scene, `check_stop` is called, and what it raises ends the work; then `report`, with the number of the
    scene, from 1, and of all scenes.
    """
    splits = ["train"] * train + ["val"] * val + ["test"] * test
    for index, split in enumerate(splits):
        check_stop()
        report(index + 1, len(splits))
        path = folder / split / f"scene_{seed}_{index:04d}.png"
        if not path.exists():
            path.parent.mkdir(parents=True, exist_ok=True)
            write_bytes(path, png_bytes(render_scene(seed, index, size), compress_level=1))


class _Painter:
    """Canvas of one scene with its light, palette and textures."""

    def __init__(self, seed: int, rng: _Random, side: int) -> None:
        self.seed = seed
        self.rng = rng
        self.side = side
        self.canvas = Image.new("RGB", (side, side))
        self.light = float(rng.uniform(0, 2 * math.pi))
        self.palette = random_palette(rng)
        self.bulge = ImageChops.invert(Image.radial_gradient("L"))
        self.textures = rng.choice(TEXTURE_COUNT, 9, replace=False).tolist()

    def paint(self) -> None:
        """Paint the scene from far to near."""
        rng, side = self.rng, self.side
        busy = float(np.exp(rng.uniform(math.log(0.2), math.log(1.4))))
        self._paint_background()
        self._paint_leaves(side * 0.06, side * 0.5, 0.3 * busy)
        if rng.random() < 0.35:
            self._blur_background(float(rng.uniform(2, 14)))
        self._paint_leaves(side * 0.025, side * float(rng.uniform(0.1, 0.35)), 0.15 * busy)
        if rng.random() < 0.4:
            self._paint_face()
        for _ in range(rng.poisson(1.2)):
            self._paint_bars()
        for _ in range(rng.poisson(1.0)):
            self._paint_lettering()
        self._paint_leaves(side * 0.008, side * 0.08, 0.012 * busy)

    # Surfaces.

    def _pick_color(self) -> Color:
        base = self.palette[int(self.rng.integers(len(self.palette)))]
        gain = self.rng.lognormal(0, 0.25)
        return (base[0] * gain, base[1] * gain, base[2] * gain)

    def _render_surface(self, width: int, height: int, color: Color, *, shading: float, detail: float) -> Image.Image:
        """Render a lit and textured rectangle: texture and light give the brightness, which scales the color."""
        gray = self._pick_texture(width, height) if detail > 0 else Image.new("L", (width, height), 128)
        share = shading / (shading + detail + 1e-6)
        if shading > 0:
            gray = Image.blend(gray, self._light_gradient(width, height), share)
        # The blend reduces both contrasts; the curve restores them.
        ramp = np.exp((np.arange(256) - 128) / 64 * (shading + detail))
        curves = [np.clip(255 * channel * ramp**warmth, 0, 255) for channel, warmth in zip(color, (1.05, 1.0, 0.93))]
        return Image.merge("RGB", (gray, gray, gray)).point(np.concatenate(curves).astype(int).tolist())

    def _pick_texture(self, width: int, height: int) -> Image.Image:
        rng = self.rng
        image = render_texture(self.seed, self.textures[int(rng.integers(len(self.textures)))])
        zoom = max(float(np.exp(rng.uniform(math.log(0.45), math.log(1.6)))), max(width, height) / TEXTURE_SIDE)
        is_transposed = bool(rng.random() < 0.5)
        size = (height, width) if is_transposed else (width, height)
        across, down = min(size[0] / zoom, TEXTURE_SIDE), min(size[1] / zoom, TEXTURE_SIDE)
        left, top = float(rng.uniform(0, TEXTURE_SIDE - across)), float(rng.uniform(0, TEXTURE_SIDE - down))
        cut = image.resize(
            size, _BILINEAR, (left, top, min(left + across, TEXTURE_SIDE), min(top + down, TEXTURE_SIDE)), 2.0
        )
        return cut.transpose(Image.Transpose.TRANSPOSE) if is_transposed else cut

    def _light_gradient(self, width: int, height: int) -> Image.Image:
        """Render a gray gradient that is brighter towards the light: a plane or a bulge."""
        if self.rng.random() < 0.4:
            x, y = 128 - 70 * math.cos(self.light), 128 - 70 * math.sin(self.light)
            box = (x / 2, y / 2, x / 2 + 128, y / 2 + 128)
            return self.bulge.resize((width, height), _BILINEAR, box)
        angle = self.light + self.rng.normal(0, 0.5)
        corners = np.array([[-1.0, 1.0], [-1.0, 1.0]]) * math.cos(angle) + np.array([[-1.0], [1.0]]) * math.sin(angle)
        small = Image.fromarray((128 + 60 * corners).astype(np.uint8))
        return small.resize((width, height), _BILINEAR, (0.5, 0.5, 1.5, 1.5))

    def _paste(self, surface: Image.Image, mask: Image.Image, left: int, top: int, shadow: float = 0.0) -> None:
        if shadow > 0:
            reach = max(2, int(shadow * min(mask.size)))
            dark = mask.filter(ImageFilter.BoxBlur(reach / 2)).point(lambda value: value * 0.55)
            shift = (left - int(reach * math.cos(self.light)), top - int(reach * math.sin(self.light)))
            self.canvas.paste((8, 8, 12), shift, dark)
        self.canvas.paste(surface, (left, top), mask)

    # Parts of the scene.

    def _paint_background(self) -> None:
        rng, side = self.rng, self.side
        far = self._render_surface(
            side,
            side,
            self._pick_color(),
            shading=float(rng.uniform(0, 0.5)),
            detail=float(rng.choice([0.05, 0.2, 0.6])),
        )
        self.canvas.paste(far)
        if rng.random() < 0.6:
            horizon = int(side * rng.uniform(0.3, 0.85))
            ground = self._render_surface(
                side, side - horizon, self._pick_color(), shading=0.2, detail=float(rng.uniform(0.1, 0.9))
            )
            self.canvas.paste(ground, (0, horizon))

    def _paint_leaves(self, min_radius: float, max_radius: float, coverage: float) -> None:
        """Paint leaves with radii ~ r^-3, so that each octave of radii covers about the same part of the scene."""
        rng = self.rng
        octaves = math.log2(max_radius / min_radius)
        mean_area = math.log(max_radius / min_radius) / (min_radius**-2 - max_radius**-2) * 2 * math.pi * 0.5
        count = int(rng.poisson(octaves * coverage * self.side**2 / mean_area))
        leaves: list[_Leaf] = []
        while count > 0:
            members = min(count, int(rng.geometric(0.25)))
            radius = min_radius / math.sqrt(rng.uniform((min_radius / max_radius) ** 2, 1))
            kind = self._random_leaf_kind()
            x, y = rng.uniform(-0.05, 1.05, 2) * self.side
            for _ in range(members):
                size = radius * float(rng.lognormal(0, 0.2))
                leaves.append((size, float(x + rng.normal(0, 2.5 * size)), float(y + rng.normal(0, 1.5 * size)), kind))
                x, y = x + rng.normal(0, radius), y + rng.normal(0, radius)
            count -= members
        depth = -np.log([size for size, *_ in leaves] or [1.0]) + rng.normal(0, 0.6, max(1, len(leaves)))
        for index in np.argsort(depth).tolist()[: len(leaves)]:
            self._paint_leaf(*leaves[index])

    def _random_leaf_kind(self) -> _LeafKind:
        rng = self.rng
        soft = float(rng.uniform(0.5, 1.5)) if rng.random() < 0.3 else 0.0
        return _LeafKind(
            outline=random_outline(rng),
            color=self._pick_color(),
            detail=min(float(rng.exponential(0.5)), 1.3) if rng.random() < 0.8 else 0.0,
            shading=float(rng.exponential(0.35)),
            softness=soft if rng.random() < 0.93 else -0.15,
            shadow=float(rng.uniform(0.03, 0.15)) if rng.random() < 0.4 else 0.0,
            is_rotated=rng.random() < 0.5,
        )

    def _paint_leaf(self, radius: float, x: float, y: float, kind: _LeafKind) -> None:
        outline = kind.outline * radius
        if kind.is_rotated:
            outline = outline @ rotation_matrix(self.rng.uniform(0, 2 * math.pi))
        outline = outline + np.array([x, y])
        low = np.maximum(np.floor(outline.min(axis=0)).astype(int), 0)
        high = np.minimum(np.ceil(outline.max(axis=0)).astype(int) + 1, self.side)
        width, height = (high - low).tolist()
        if width < 3 or height < 3:
            return
        mask = Image.new("L", (width, height))
        ImageDraw.Draw(mask).polygon((outline - low).ravel().tolist(), fill=255)
        if kind.softness:
            mask = mask.filter(ImageFilter.BoxBlur(kind.softness if kind.softness > 0 else -kind.softness * radius))
        gain = self.rng.lognormal(0, 0.15)
        color = (kind.color[0] * gain, kind.color[1] * gain, kind.color[2] * gain)
        surface = self._render_surface(
            width, height, color, shading=kind.shading, detail=kind.detail if radius > 8 else 0
        )
        self._paste(surface, mask, int(low[0]), int(low[1]), kind.shadow if radius > 12 else 0.0)

    def _blur_background(self, radius: float) -> None:
        quarter = self.canvas.reduce(4).filter(ImageFilter.BoxBlur(radius / 4)).filter(ImageFilter.BoxBlur(radius / 4))
        self.canvas = quarter.resize(self.canvas.size, _BILINEAR)

    def _paint_bars(self) -> None:
        """Paint wires, branches or railings: thin lines, single or in parallel rows."""
        rng, side = self.rng, self.side
        draw = ImageDraw.Draw(self.canvas)
        width = int(np.exp(rng.uniform(0, 2.7)))
        fill = _to_rgb8(self._pick_color())
        angle = rng.choice([0, math.pi / 2, rng.uniform(0, math.pi)])
        along, across = np.array([math.cos(angle), math.sin(angle)]), np.array([-math.sin(angle), math.cos(angle)])
        start, length, pitch = rng.uniform(0, side, 2), side * rng.uniform(0.2, 1.5), width * rng.uniform(2, 8)
        for row in range(int(rng.integers(1, 14))):
            middle = start + across * pitch * row
            bend = across * rng.normal(0, 6)
            points = [middle - along * length / 2, middle + bend, middle + along * length / 2]
            draw.line([tuple(point) for point in points], fill=fill, width=width, joint="curve")

    def _paint_lettering(self) -> None:
        rng, side = self.rng, self.side
        size = int(np.exp(rng.uniform(math.log(14), math.log(side / 4))))
        text = "\n".join(random_word(rng) for _ in range(int(rng.integers(1, 4))))
        font = ImageFont.load_default(size=size)
        probe = ImageDraw.Draw(self.canvas).multiline_textbbox((0, 0), text, font=font)
        box = (int(probe[2]) + size, int(probe[3]) + size)
        if max(box) > 2 * side:
            return
        ink = Image.new("L", box)
        ImageDraw.Draw(ink).multiline_text((size // 2, size // 2), text, fill=255, font=font)
        angle = float(rng.normal(0, 8) if rng.random() < 0.7 else rng.uniform(0, 360))
        corner = (int(rng.uniform(-0.1, 0.7) * side), int(rng.uniform(0, 0.9) * side))
        first, second = self._pick_color(), self._pick_color()
        if rng.random() < 0.6:  # on a plate
            plate = Image.new("L", box, 255).rotate(angle, _BILINEAR, expand=True)
            self._paste(self._render_surface(*plate.size, first, shading=0.15, detail=0.05), plate, *corner, 0.03)
            contrast = 0.25 if sum(first) > 1.2 else 3.0
            second = (first[0] * contrast, first[1] * contrast, first[2] * contrast + 0.05)
        rotated = ink.rotate(angle, _BILINEAR, expand=True)
        self._paste(self._render_surface(*rotated.size, second, shading=0.1, detail=0.05), rotated, *corner)

    def _paint_face(self) -> None:
        """Paint skin, hair, eyes and mouth of a face, the most frequent subject of photos, as soft shapes."""
        rng, side = self.rng, self.side
        high = float(side * np.exp(rng.uniform(math.log(0.06), math.log(0.5))))
        wide, x, y = high * 0.74, rng.uniform(0.15, 0.85) * side, rng.uniform(0.2, 0.8) * side
        tone = float(rng.uniform(0.25, 0.85))
        skin, dark = (tone, tone * 0.74, tone * 0.6), (tone * 0.25, tone * 0.16, tone * 0.12)
        hair = float(rng.uniform(0.03, 0.4))
        self._paint_blob(x, y - high * 0.12, wide * 1.2, high * 1.1, (hair, hair * 0.8, hair * 0.6), 0.5, 0.02)
        self._paint_blob(x, y + high * 0.75, wide * 2, high * 0.7, self._pick_color(), 0.3, 0.02)
        self._paint_blob(x, y, wide, high, skin, 0.08, 0.05)
        lips, nose, white = (
            (tone * 0.75, tone * 0.3, tone * 0.3),
            (tone * 0.7, tone * 0.48, tone * 0.4),
            (0.8, 0.78, 0.75),
        )
        parts = [(0.02, 0.13, 0.14, 0.05, nose), (0.0, 0.26, 0.32, 0.07, lips)]
        for eye in (-0.22, 0.22):
            parts += [(eye, -0.1, 0.2, 0.04, dark), (eye, -0.02, 0.15, 0.06, white), (eye, -0.02, 0.06, 0.06, dark)]
        for part_x, part_y, part_w, part_h, color in parts:
            self._paint_blob(x + part_x * wide, y + part_y * high, part_w * wide, part_h * high, color, 0.02, 0.12)

    def _paint_blob(
        self, x: float, y: float, wide: float, high: float, color: Color, detail: float, softness: float
    ) -> None:
        width, height = max(4, int(wide)), max(4, int(high))
        pad = 1 + int(softness * min(width, height))
        mask = Image.new("L", (width + 2 * pad, height + 2 * pad))
        ImageDraw.Draw(mask).ellipse((pad, pad, width + pad, height + pad), fill=255)
        mask = mask.filter(ImageFilter.BoxBlur(pad / 2))
        surface = self._render_surface(*mask.size, color, shading=0.35, detail=detail)
        self._paste(surface, mask, int(x - mask.width / 2), int(y - mask.height / 2))


def _to_rgb8(color: Color) -> tuple[int, int, int]:
    red, green, blue = (int(min(255, 255 * channel)) for channel in color)
    return red, green, blue


def _adjust_exposure(image: Image.Image, rng: _Random) -> Image.Image:
    """Give `image` the contrast and the mean brightness of a photo."""
    sample = np.asarray(image.resize((128, 128), Image.Resampling.NEAREST))
    low, high = np.percentile(sample, (1, 99))
    spread = max(float(high - low), 40.0)
    middle = float(np.clip(rng.normal(0.48, 0.13), 0.15, 0.85))
    mean = float(np.clip((sample - low) / spread, 0.0, 1.0).mean())
    gamma = float(np.clip(math.log(middle) / math.log(mean + 1e-3), 0.45, 1.8))
    black, white = rng.uniform(0, 25), rng.uniform(215, 258)
    curve = np.clip((np.arange(256) - low) / spread, 0.0, 1.0) ** gamma * (white - black) + black
    return image.point(np.clip(curve + 0.5, 0, 255).astype(int).tolist() * 3)


def _add_camera_effects(image: Image.Image, rng: _Random) -> np.ndarray:
    """Add the effects of a camera: sometimes a slight blur, light fall-off towards the corners, and grain."""
    if rng.random() < 0.25:
        image = image.filter(ImageFilter.GaussianBlur(float(rng.uniform(0.2, 0.7))))
    axis = np.linspace(-1, 1, image.width, dtype=np.float32) ** 2
    fall_off = 1 - np.float32(rng.uniform(0, 0.25)) * (axis[:, None] + axis[None, :]) / 2
    grain = rng.standard_normal(fall_off.shape, dtype=np.float32) * np.float32(rng.uniform(0.2, 2.0))
    pixels: np.ndarray = np.asarray(image) * fall_off[..., None] + (grain + np.float32(0.5))[..., None]
    clipped: np.ndarray = np.clip(pixels, 0, 255).astype(np.uint8)
    return clipped
