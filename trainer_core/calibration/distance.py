"""The distance D between two sets of watch photos, over the terms of `statistics.py`.

D = sqrt(mean over terms of min(d, 6)²); d is the Wasserstein-1 distance between the values of one statistic in both
sets, divided by the term's scale (docs/camera.md).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from trainer_core.calibration.statistics import Statistics

MAX_TERM = 6.0
_QUANTILES = (np.arange(400) + 0.5) / 400

MONO_SCALES: Mapping[str, float] = {
    "mean": 1.0,
    "std": 1.0,
    "clip15": 0.10,
    "clip0": 0.03,
    "quiet rms": 0.10,
    "block std P10": 0.08,
    "block std P50": 0.25,
    "lag-1 H": 0.10,
    "lag-1 V": 0.10,
    "row alternation": 0.05,
    "column alternation": 0.05,
    "row stripes": 0.03,
    "column stripes": 0.03,
    "TV H": 0.30,
    "TV V": 0.25,
    "log TV ratio": 0.15,
    "histogram": 1.0,
    "PSD H": 0.15,
    "PSD V": 0.15,
    "PSD H-V": 0.15,
    "edge width H": 0.5,
    "edge width V": 0.5,
    "overshoot H": 0.08,
    "overshoot V": 0.08,
    "undershoot H": 0.08,
    "undershoot V": 0.08,
}
"""Scales of the terms of mono sets, in levels of 15, pixels, shares, log10 (spectra) and natural logarithms."""

COLOR_SCALES: Mapping[str, float] = {
    "Y mean": 15.0,
    "Y std": 12.0,
    "Y p1": 15.0,
    "Y p99": 12.0,
    "histogram": 15.0,
    "bytes": 800.0,
    "block std P5": 0.6,
    "block std P25": 2.0,
    "row alternation": 0.3,
    "blockiness H": 0.08,
    "blockiness V": 0.08,
    "TV H": 3.0,
    "TV V": 2.5,
    "log TV ratio": 0.15,
    "PSD H": 0.15,
    "PSD V": 0.15,
    "PSD H-V": 0.15,
    "chroma PSD": 0.2,
    "edge width H": 0.5,
    "edge width V": 0.5,
    "overshoot H": 0.08,
    "overshoot V": 0.08,
    "undershoot H": 0.08,
    "undershoot V": 0.08,
    "Cb mean": 8.0,
    "Cr mean": 6.0,
    "chroma std": 5.0,
    "shadow R-G": 10.0,
    "shadow B-G": 10.0,
    "middle R-G": 10.0,
    "middle B-G": 12.0,
    "highlight R-G": 6.0,
    "highlight B-G": 6.0,
    "corner shading": 0.15,
}
"""Scales of the terms of color sets, in codes of 255, JPEG bytes, pixels, log10 (spectra) and natural logarithms."""

SCALES: Mapping[str, Mapping[str, float]] = {"mono": MONO_SCALES, "color": COLOR_SCALES}

EDGE_TERMS = tuple(f"{name} {axis}" for axis in "HV" for name in ("edge width", "overshoot", "undershoot"))
"""The terms of both kinds that are measured at edges."""


def distance(
    real: Sequence[Statistics],
    synthetic: Sequence[Statistics],
    scales: Mapping[str, float],
    edge_photos: Sequence[Statistics] | None = None,
) -> tuple[float, dict[str, float]]:
    """Compute D and the distance of each term in units of its scale, at most `MAX_TERM`.

    Args:
        real: statistics of the captures.
        synthetic: statistics of the synthetic photos.
        scales: term -> its scale; the terms to compare.
        edge_photos: statistics of synthetic photos of slanted edges, for `EDGE_TERMS` instead of `synthetic`.
    """

    def term(name: str) -> float:
        return _term_distance(name, real, edge_photos if edge_photos is not None and name in EDGE_TERMS else synthetic)

    terms = {name: min(term(name) / scale, MAX_TERM) for name, scale in scales.items()}
    return float(np.sqrt(np.mean(np.square(list(terms.values()))))), terms


def _term_distance(name: str, real: Sequence[Statistics], synthetic: Sequence[Statistics]) -> float:
    if "PSD" in name:
        pair = (np.stack([image[name] for image in group]) for group in (real, synthetic))
        return float(np.mean([_wasserstein(a, b) for a, b in zip(*(table.T for table in pair))]))
    return _wasserstein(*(np.concatenate([image[name] for image in group]) for group in (real, synthetic)))


def _wasserstein(a: np.ndarray, b: np.ndarray) -> float:
    if not len(a) or not len(b):
        return 0.0 if len(a) == len(b) else float("inf")
    return float(np.abs(np.quantile(a, _QUANTILES) - np.quantile(b, _QUANTILES)).mean())
