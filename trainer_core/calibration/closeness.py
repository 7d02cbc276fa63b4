"""The result of a calibration in words: how close simulated watch photos are to the captures, aspect by aspect."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from trainer_core.calibration.distance import EDGE_TERMS

CLOSE, DIFFERENT, FAR = "close", "somewhat different", "far"
_SEPARABILITY = ((0.6, "hardly"), (0.75, "often"))  # largest AUC, and how often the classifier is right
_NEARLY_ALWAYS = "nearly always"
_MAX_CLOSE, _MAX_DIFFERENT = 1.0, 2.0  # units of a term's scale: what captures differ by among themselves, and twice it

_SPECTRUM_TERMS = ("TV H", "TV V", "log TV ratio", "PSD H", "PSD V", "PSD H-V")
_EDGE_WIDTHS = tuple(name for name in EDGE_TERMS if name.startswith("edge width"))
_FRINGES = tuple(name for name in EDGE_TERMS if name not in _EDGE_WIDTHS)
_CASTS = tuple(f"{tone} {cast}" for tone in ("shadow", "middle", "highlight") for cast in ("R-G", "B-G"))

ASPECTS: Mapping[str, Mapping[str, Sequence[str]]] = {
    "mono": {
        "Brightness": ("mean", "std", "clip15", "clip0", "histogram"),
        "Sharpness": _EDGE_WIDTHS,
        "Fringes at edges": _FRINGES,
        "Fine detail": _SPECTRUM_TERMS,
        "Noise": ("quiet rms", "block std P10", "block std P50", "lag-1 H", "lag-1 V"),
        "Line pattern": ("row alternation", "column alternation", "row stripes", "column stripes"),
    },
    "color": {
        "Brightness": ("Y mean", "Y std", "Y p1", "Y p99", "histogram", "corner shading"),
        "Sharpness": _EDGE_WIDTHS,
        "Fringes at edges": _FRINGES,
        "Fine detail": _SPECTRUM_TERMS,
        "Noise": ("block std P5", "block std P25"),
        "Line pattern": ("row alternation",),
        "Colors": ("Cb mean", "Cr mean", "chroma std", "chroma PSD", *_CASTS),
        "JPEG blocks": ("blockiness H", "blockiness V", "bytes"),
    },
}
"""Kind of watch -> aspect in a user's words -> the terms of D that measure it; each term belongs to one aspect."""


@dataclass(frozen=True)
class Closeness:
    """How far simulated photos are from the captures in one aspect: the root mean square of its terms, as in D."""

    aspect: str
    distance: float

    @property
    def words(self) -> str:
        """The distance in words: `CLOSE`, `DIFFERENT` or `FAR`."""
        return describe_distance(self.distance)


def describe_distance(distance: float) -> str:
    """Return a distance in words; close is what the captures of one watch differ by among themselves."""
    return CLOSE if distance <= _MAX_CLOSE else DIFFERENT if distance <= _MAX_DIFFERENT else FAR


def describe_separability(auc: float) -> str:
    """Return in a word how often the classifier tells simulated photos from captures."""
    return next((words for limit, words in _SEPARABILITY if auc <= limit), _NEARLY_ALWAYS)


def list_closeness(kind: str, terms: Mapping[str, float]) -> list[Closeness]:
    """Return the closeness in each aspect of a watch of this kind, from the terms of a score."""
    return [
        Closeness(aspect, math.sqrt(sum(terms[name] ** 2 for name in names) / len(names)))
        for aspect, names in ASPECTS[kind].items()
    ]
