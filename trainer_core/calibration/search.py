"""Fit a camera's ranges to real captures: a random hill climb, on few photos first and on all of them at the end.

A candidate changes one to four parameters of the best profile so far: the middle of a range moves and its width
scales, within `bounds`; what scenes decide stays. It is kept when the photos it makes come closer to the captures: when
D + AUC − 0.5 sinks, where D takes its edges from drawn steps (`steps`): photographs have other edges than the captures'
scenes, and the camera must not be made soft or sharp for that. The way from the start (`drift`) is added, divided by
the number of captures: what a few captures do not ask for stays where it was, instead of following their scenes. All
candidates of a stage photograph the same frames with the same draws and the same noise, so a stage compares nothing but
ranges; the next has more frames and other draws, and starts from the best few of the last.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from trainer_core.calibration.bounds import BOUNDS, watch_parameters
from trainer_core.calibration.photo_set import PhotoSet
from trainer_core.calibration.slanted_edges import render_slanted_edges
from trainer_core.calibration.synthetic import simulate_photos
from trainer_core.camera import CameraProfile, build_camera
from trainer_core.camera.profile import KINDS

FitProgress = Callable[[int, int, float], None]

AUC_WEIGHT = 1.0
_STAGES = ((0.25, 0.65), (0.5, 0.9), (1.0, 1.0))  # share of the frames, share of the candidates by its end
_MIN_FRAMES = 12
_EDGE_FRAMES = 8
_BEAM_WIDTH = 4
_MAX_CHANGED = 4
_INITIAL_STEP_SIZE, _FINAL_STEP_SIZE = 0.20, 0.05  # of the bounds' width
_WIDTH_CHANGE = 0.4
_DRIFT_WEIGHT = 3.0  # divided by the captures; this much for one capture and one parameter moved by its bounds' width
_MIN_WIDTH = 0.3  # of the bounds' width: a few captures cannot prove that a watch never varies


@dataclass(frozen=True)
class Score:
    """How far synthetic photos are from the captures: D with its terms, and the classifier's AUC."""

    distance: float
    auc: float
    terms: dict[str, float]

    @property
    def total(self) -> float:
        """What a fit makes small; the AUC counts from 0.5."""
        return self.distance + AUC_WEIGHT * max(0.0, self.auc - 0.5)


def score_profile(profile: CameraProfile, real: PhotoSet, frames: np.ndarray, scale: int, seed: int) -> Score:
    """Photograph `frames` (see `synthetic.cut_frame`) and compare with the captures."""
    return score_photos(real, PhotoSet.measure(simulate_photos(profile, frames, scale, seed), profile.kind), seed)


def score_photos(real: PhotoSet, synthetic: PhotoSet, seed: int, drawn: PhotoSet | None = None) -> Score:
    """Both measures; the AUC is the mean over two divisions into folds. For `drawn` see `distance`."""
    distance, terms = real.distance_to(synthetic, drawn)
    auc = np.mean([real.separability_from(synthetic, fold_seed) for fold_seed in (seed, seed + 1)])
    return Score(distance, float(auc), terms)


def fit_profile(
    start: CameraProfile,
    real: PhotoSet,
    frames: np.ndarray,
    scale: int,
    *,
    candidates: int,
    free: Sequence[str] | None = None,
    seed: int = 0,
    progress: FitProgress | None = None,
) -> CameraProfile:
    """The profile found from `start`; the same arguments give the same one.

    Args:
        start: of the captures' kind.
        real: at least three captures.
        frames: uint8 [n, H, W, 3], see `synthetic.cut_frame`.
        scale: HR pixels of a frame per LR pixel.
        candidates: how many to try.
        free: parameters that may change, all with bounds; by default `of_the_watch`.
        progress: called with the candidates tried, their number, and the best total so far.
    """
    generator = np.random.default_rng(seed)
    names = list(free or watch_parameters(start.kind))
    steps = render_slanted_edges(build_camera(start, scale), _EDGE_FRAMES, seed)

    def total(profile: CameraProfile, some: np.ndarray, stage: int) -> float:
        photos, drawn = (
            PhotoSet.measure(simulate_photos(profile, clean, scale, seed + stage), start.kind)
            for clean in (some, steps)
        )
        found = score_photos(real, photos, seed + stage, drawn).total
        return found + _DRIFT_WEIGHT / len(real) * profile_drift(start, profile)

    leaders = [start]
    evaluated = 0
    for stage, (share, end) in enumerate(_STAGES):
        some = frames[: max(min(_MIN_FRAMES, len(frames)), round(share * len(frames)))]
        ranked = sorted(((total(profile, some, stage), profile) for profile in leaders), key=_sort_key)
        while evaluated < round(end * candidates):
            step = _INITIAL_STEP_SIZE * (_FINAL_STEP_SIZE / _INITIAL_STEP_SIZE) ** (evaluated / candidates)
            candidate = _mutate(ranked[0][1], names, generator, step)
            ranked = sorted([*ranked, (total(candidate, some, stage), candidate)], key=_sort_key)[:_BEAM_WIDTH]
            evaluated += 1
            if progress is not None:
                progress(evaluated, candidates, ranked[0][0])
        leaders = [profile for _, profile in ranked]
    return leaders[0]


def profile_drift(start: CameraProfile, profile: CameraProfile) -> float:
    """How far two profiles of a kind lie apart: over all parameters, the sum of the mean square by which a range's ends
    moved, in units of its bounds' width (of logarithms where the parameter is drawn log-uniformly).
    """
    apart = (_relative_range(profile, name) - _relative_range(start, name) for name in BOUNDS[start.kind])
    return float(sum(np.square(moved).mean() for moved in apart))


def _relative_range(profile: CameraProfile, name: str) -> np.ndarray:
    """The parameter's range ends, or its probability, where 0 and 1 are its bounds."""
    ends = profile.ranges.get(name) or (profile.chances[name],)
    values = np.array([*BOUNDS[profile.kind][name], *ends])
    if KINDS[profile.kind].parameters()[name].distribution == "log":
        values = np.log(values)
    low, high, *places = values
    return (np.array(places) - low) / (high - low)


def _sort_key(entry: tuple[float, CameraProfile]) -> float:
    return entry[0]


def _mutate(profile: CameraProfile, free: Sequence[str], generator: np.random.Generator, step: float) -> CameraProfile:
    bounds = BOUNDS[profile.kind]
    count = min(len(free), int(generator.integers(1, _MAX_CHANGED + 1)))
    names = generator.choice(free, count, replace=False).tolist()
    ranges, chances = dict(profile.ranges), dict(profile.chances)
    for name in names:
        low, high = bounds[name]
        if name in chances:
            moved = chances[name] + generator.normal(0, step) * (high - low)
            chances[name] = round(float(np.clip(moved, low, high)), 3)
        elif KINDS[profile.kind].parameters()[name].distribution == "log":
            start, end, low, high = (math.log(value) for value in (*ranges[name], low, high))
            start, end = (math.exp(value) for value in _mutate_range(start, end, low, high, generator, step))
            ranges[name] = _round_range(start, end)
        else:
            ranges[name] = _round_range(*_mutate_range(*ranges[name], low, high, generator, step))
    return dataclasses.replace(profile, ranges=ranges, chances=chances)


def _mutate_range(
    start: float, end: float, low: float, high: float, generator: np.random.Generator, step: float
) -> tuple[float, float]:
    """The range start..end, moved and stretched, within low..high."""
    middle = (start + end) / 2 + generator.normal(0, step) * (high - low)
    least = _MIN_WIDTH * (high - low)
    width = max(least, max(end - start, least) * math.exp(generator.normal(0, _WIDTH_CHANGE)))
    middle = float(np.clip(middle, low + least / 2, high - least / 2))
    return max(low, middle - width / 2), min(high, middle + width / 2)


def _round_range(start: float, end: float) -> tuple[float, float]:
    return round(start, 4), round(end, 4)
