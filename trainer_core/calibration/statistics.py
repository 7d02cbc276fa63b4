"""Statistics of one watch photo, for the comparison of synthetic photos with captures.

For each term a photo gives one value, a spectrum (nine bands, averaged) or many values that are pooled over photos
(edges, pixels); it gives none if it lacks what the term measures, such as edges in a photo of a wall. Mono terms are
those listed in docs/camera.md.
Units: levels of 15 (mono), codes of 255 (color), pixels, shares, log10 for spectra, otherwise natural logarithms.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Union

import numpy as np

from trainer_core.pixels import luma

Statistics = dict[str, np.ndarray]
"""Term -> the values of one photo: [1], [9] or [any number]."""

Value = Union[float, np.ndarray]
"""A number, or an empty array if the photo gives none."""

BANDS = np.linspace(0.05, 0.5, 10)  # cycles per pixel
_BLOCK = 8
_QUIET_SHARE = 0.1


def mono_statistics(levels: np.ndarray) -> Statistics:
    """Compute the statistics of one mono photo, float [h, w] in levels 0..15."""
    quiet = list(_quiet_residuals(levels, 1.0, 14.0))
    block_std = _block_std(levels)
    values: dict[str, Value] = {
        "mean": levels.mean(),
        "std": levels.std(),
        "clip15": (levels >= 15).mean(),
        "clip0": (levels <= 0).mean(),
        "quiet rms": np.sqrt(np.mean([np.square(block).mean() for block in quiet])) if quiet else np.empty(0),
        "block std P10": np.percentile(block_std, 10),
        "block std P50": np.percentile(block_std, 50),
        "lag-1 H": _lag_one(quiet),
        "lag-1 V": _lag_one([block.T for block in quiet]),
        "histogram": levels[::2, ::2].ravel(),
    }
    for axis, image in (("row", levels), ("column", levels.T)):
        values[f"{axis} alternation"], values[f"{axis} stripes"] = _line_offsets(image, 1.5, 1.0, 14.0)
    values.update(_sharpness_terms(levels, step=4.0, flat=0.7, lowest=0.9, highest=14.1))
    return {name: np.atleast_1d(np.asarray(value, float)) for name, value in values.items()}


def color_statistics(rgb: np.ndarray, jpeg_bytes: int) -> Statistics:
    """Compute the statistics of one color photo, uint8 [144, 176, 3], whose JPEG has `jpeg_bytes` bytes."""
    red, green, blue = (rgb[..., channel].astype(float) for channel in range(3))
    y = luma(rgb)
    cb, cr = (blue - y) / 1.772, (red - y) / 1.402
    block_std = _block_std(y)
    values: dict[str, Value] = {
        "Y mean": y.mean(),
        "Y std": y.std(),
        "Y p1": np.percentile(y, 1),
        "Y p99": np.percentile(y, 99),
        "histogram": y[::2, ::2].ravel(),
        "bytes": float(jpeg_bytes),
        "block std P5": np.percentile(block_std, 5),
        "block std P25": np.percentile(block_std, 25),
        "row alternation": _line_offsets(y, 12.0, 5.0, 250.0)[0],
        "blockiness H": _blockiness(y),
        "blockiness V": _blockiness(y.T),
        "chroma PSD": (_spectrum(cb) + _spectrum(cr) + _spectrum(cb.T) + _spectrum(cr.T)) / 4,
        "Cb mean": cb.mean(),
        "Cr mean": cr.mean(),
        "chroma std": np.sqrt(cb.var() + cr.var()),
        "corner shading": _corner_shading(y),
    }
    for name, low, high in (("shadow", 0, 2), ("middle", 40, 60), ("highlight", 98, 100)):
        chosen = (y >= np.percentile(y, low)) & (y <= np.percentile(y, high))
        values[f"{name} R-G"] = (red - green)[chosen].mean()
        values[f"{name} B-G"] = (blue - green)[chosen].mean()
    values.update(_sharpness_terms(y, step=50.0, flat=9.0, lowest=8.0, highest=247.0))
    return {name: np.atleast_1d(np.asarray(value, float)) for name, value in values.items()}


def _split_blocks(image: np.ndarray) -> np.ndarray:
    height, width = (size // _BLOCK * _BLOCK for size in image.shape)
    tiles = image[:height, :width].reshape(height // _BLOCK, _BLOCK, width // _BLOCK, _BLOCK)
    blocks: np.ndarray = tiles.swapaxes(1, 2).reshape(-1, _BLOCK, _BLOCK)
    return blocks


def _block_std(image: np.ndarray) -> np.ndarray:
    return np.asarray(_split_blocks(image).std((1, 2)))


def _quiet_residuals(image: np.ndarray, lowest: float, highest: float) -> Iterator[np.ndarray]:
    """Yield the residuals from a fitted plane of the quietest tenth of the 8x8 blocks without clipped pixels."""
    blocks = _split_blocks(image)
    blocks = blocks[(blocks.min((1, 2)) >= lowest) & (blocks.max((1, 2)) <= highest)]
    if not len(blocks):
        return
    place = np.arange(_BLOCK) - (_BLOCK - 1) / 2
    norm = _BLOCK * np.square(place).sum()
    slope_x = (blocks * place).sum((1, 2)) / norm
    slope_y = (blocks * place[:, None]).sum((1, 2)) / norm
    plane = slope_x[:, None, None] * place + slope_y[:, None, None] * place[:, None]
    residuals = blocks - blocks.mean((1, 2), keepdims=True) - plane
    order = np.argsort(residuals.std((1, 2)))
    yield from residuals[order[: max(4, int(len(order) * _QUIET_SHARE))]]


def _lag_one(blocks: Sequence[np.ndarray]) -> Value:
    """Compute the autocorrelation of neighbors along rows; 0 for white noise, since the plane fit is corrected for."""
    power = sum(float(np.square(block).mean()) for block in blocks)
    if not power:
        return np.empty(0)
    return sum(float((block[:, 1:] * block[:, :-1]).mean()) for block in blocks) / power - _PLANE_LAG_ONE


def _white_noise_lag_one() -> float:
    """Compute the autocorrelation of white noise from whose block a fitted plane was subtracted.

    It is the ratio of the expected products of neighbors to the expected squares.
    """
    y, x = np.mgrid[:_BLOCK, :_BLOCK] - (_BLOCK - 1) / 2
    plane = np.linalg.qr(np.stack((np.ones(_BLOCK**2), x.ravel(), y.ravel()), 1))[0]
    covariance = np.eye(_BLOCK**2) - plane @ plane.T
    place = np.arange(_BLOCK**2).reshape(_BLOCK, _BLOCK)
    return float(covariance[place[:, 1:], place[:, :-1]].mean() / np.diag(covariance).mean())


_PLANE_LAG_ONE = _white_noise_lag_one()


def _line_offsets(image: np.ndarray, largest: float, lowest: float, highest: float) -> tuple[Value, Value]:
    """Return how much brighter odd rows are, and the remaining standard deviation of row offsets.

    Both come from second differences: the offset of a single row counts once, independent offsets of all rows √1.5
    times.
    """
    second = image[1:-1] - (image[:-2] + image[2:]) / 2
    inside = (image > lowest) & (image < highest)
    usable = inside[1:-1] & inside[:-2] & inside[2:] & (np.abs(second) <= largest)
    counts = usable.sum(1)
    means = np.where(usable, second, 0).sum(1) / np.maximum(counts, 1)
    odd, even = means[0::2][counts[0::2] > 20], means[1::2][counts[1::2] > 20]
    if len(odd) < 3 or len(even) < 3:
        return np.empty(0), np.empty(0)
    stripes = np.concatenate((odd - np.median(odd), even - np.median(even)))
    return float(np.median(odd) - np.median(even)) / 2, float(np.median(np.abs(stripes))) * 1.4826


def _blockiness(image: np.ndarray) -> Value:
    steps = np.abs(np.diff(image, axis=1)).mean(0)
    border = np.arange(len(steps)) % _BLOCK == _BLOCK - 1
    return _log_ratio(steps[border].mean(), steps[~border].mean())


def _log_ratio(a: float, b: float) -> Value:
    return float(np.log(a / b)) if a > 0 and b > 0 else np.empty(0)


def _corner_shading(y: np.ndarray) -> float:
    height, width = y.shape
    v, u = height // 5, width // 5
    corners = np.mean([y[:v, :u].mean(), y[:v, -u:].mean(), y[-v:, :u].mean(), y[-v:, -u:].mean()])
    return float(np.log((corners + 1) / (y[2 * v : 3 * v, 2 * u : 3 * u].mean() + 1)))


def _sharpness_terms(image: np.ndarray, *, step: float, flat: float, lowest: float, highest: float) -> Statistics:
    """Compute total variation, spectra and edge terms along rows (H) and columns (V)."""
    values: Statistics = {}
    for axis, rows in (("H", image), ("V", image.T)):
        values[f"TV {axis}"] = np.array(np.abs(np.diff(rows, axis=1)).mean())
        values[f"PSD {axis}"] = _spectrum(rows)
        width, overshoots, undershoots = _edge_profiles(rows, step, flat, lowest, highest)
        values[f"edge width {axis}"], values[f"overshoot {axis}"], values[f"undershoot {axis}"] = (
            width,
            overshoots,
            undershoots,
        )
    values["log TV ratio"] = np.asarray(_log_ratio(float(values["TV H"]), float(values["TV V"])))
    values["PSD H-V"] = values["PSD H"] - values["PSD V"]
    return values


def _spectrum(rows: np.ndarray) -> np.ndarray:
    """Compute log10 of the mean power in `BANDS` along rows (Hann window); white noise has its variance in each."""
    length = rows.shape[1]
    window = np.hanning(length)
    centered = (rows - rows.mean(1, keepdims=True)) * window
    power = np.square(np.abs(np.fft.rfft(centered, axis=1))).mean(0) / np.square(window).sum()
    band = np.digitize(np.fft.rfftfreq(length), BANDS) - 1
    return np.asarray(np.log10([power[band == index].mean() + 1e-9 for index in range(len(BANDS) - 1)]))


def _edge_profiles(
    rows: np.ndarray, step: float, flat: float, lowest: float, highest: float
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Measure 10-90 % widths, overshoots and undershoots of the clean edges along rows.

    A clean edge has flat, unclipped plateaus 4-6 px away. Only the sharper half of them counts: wide edges depend
    on the scene (defocus, shadows), not on the camera.
    """
    windows = np.lib.stride_tricks.sliding_window_view(rows, 13, axis=1).reshape(-1, 13)
    left, right = windows[:, :3], windows[:, -3:]
    low, high = left.mean(1), right.mean(1)
    plateaus = (left.std(1) < flat) & (right.std(1) < flat) & (np.abs(high - low) >= step)
    unclipped = (np.minimum(low, high) > lowest) & (np.maximum(low, high) < highest)
    profiles = windows[plateaus & unclipped]
    low, high = profiles[:, :3].mean(1, keepdims=True), profiles[:, -3:].mean(1, keepdims=True)
    profiles = np.where(high > low, profiles, profiles[:, ::-1])
    low, high = np.minimum(low, high), np.maximum(low, high)
    profiles = (profiles - low) / (high - low)
    centered = np.abs(np.argmax(np.diff(profiles, axis=1), axis=1) - 5.5) <= 0.5
    profiles = profiles[centered]
    if not len(profiles):
        return np.empty(0), np.empty(0), np.empty(0)
    width = _crossing_positions(profiles, 0.9) - _crossing_positions(profiles, 0.1)
    sharp = width <= np.median(width)
    return width[sharp], (profiles[:, 6:].max(1) - 1)[sharp], -profiles[:, :7].min(1)[sharp]


def _crossing_positions(profiles: np.ndarray, level: float) -> np.ndarray:
    """Return where profiles that rise from 0 to 1 cross `level` nearest to their middle, interpolated, in pixels."""
    below, above = profiles[:, :-1], profiles[:, 1:]
    far = np.abs(np.arange(below.shape[1]) - 5.5)
    place = np.where((below < level) & (above >= level), far, np.inf)
    place[np.isinf(place).all(1), 5] = 0.0
    start = place.argmin(1)
    line = np.arange(len(profiles))
    rise = (above - below)[line, start]
    return np.asarray(start + (level - below[line, start]) / np.where(rise > 1e-6, rise, 1.0))
