"""Fit a camera's ranges to real captures: a random hill climb, first on few frames, at the end on all of them.

A candidate changes one to four parameters of the best profile so far: the middle of a range moves and its width
scales, within `bounds`; `SCENE_DEPENDENT` parameters stay. The search minimizes D + AUC − 0.5 between the candidate's
photos and the captures. The edge terms of D come from `slanted_edges`: the clean frames have other edges than the
scenes of the captures, and this must not make the camera soft or sharp. A penalty for the distance from the
start (`profile_drift`), divided by the number of captures, keeps parameters unchanged for which few captures give no
evidence. All candidates of a stage use the same frames, draws and noise, so that a stage compares ranges only; the next
stage has more frames and new draws, and starts from the best few candidates.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass
from typing import NamedTuple, TypeVar

import numpy as np

from trainer_core.calibration.bounds import BOUNDS, watch_parameters
from trainer_core.calibration.photo_set import PhotoSet
from trainer_core.calibration.slanted_edges import render_slanted_edges
from trainer_core.calibration.synthetic import simulate_photos
from trainer_core.camera import CameraProfile, build_camera
from trainer_core.camera.profile import KINDS

FitProgress = Callable[[int, int, float], None]
_Result = TypeVar("_Result")

AUC_WEIGHT = 1.0
_STAGES = ((0.25, 0.65), (0.5, 0.9), (1.0, 1.0))  # share of the frames, share of the candidates by its end
_MIN_FRAMES = 12
_EDGE_FRAMES = 8
_BEAM_WIDTH = 4
_MAX_CHANGED = 4
_INITIAL_STEP_SIZE, _FINAL_STEP_SIZE = 0.20, 0.05  # share of the bounds' width
_WIDTH_CHANGE = 0.4
_DRIFT_WEIGHT = 3.0  # penalty, with one capture, for one parameter moved by the width of its bounds
_MIN_WIDTH = 0.3  # share of the bounds' width: a few captures cannot prove that a watch never varies


class FitStep(NamedTuple):
    """How far a fit is: the number of candidates tried, the number of all, and the best total so far."""

    tried: int
    candidates: int
    best: float


FitSteps = Generator[FitStep, None, _Result]
"""A fit in steps of at most a second or two, so that other work can run in between; returns its result."""


@dataclass(frozen=True)
class Score:
    """Distance of synthetic photos from the captures: D with its terms, and the classifier's AUC."""

    distance: float
    auc: float
    terms: dict[str, float]

    @property
    def total(self) -> float:
        """D plus the AUC above 0.5, which a fit minimizes."""
        return self.distance + AUC_WEIGHT * max(0.0, self.auc - 0.5)


def score_profile(profile: CameraProfile, real: PhotoSet, frames: np.ndarray, scale: int, seed: int) -> Score:
    """Simulate photos of `frames` (see `clean_frames`) and compare them with the captures."""
    return score_photos(real, PhotoSet.measure(simulate_photos(profile, frames, scale, seed), profile.kind), seed)


def score_photos(real: PhotoSet, synthetic: PhotoSet, seed: int, edge_photos: PhotoSet | None = None) -> Score:
    """Compute D and the mean AUC of two divisions into folds; for `edge_photos` see `distance`."""
    distance, terms = real.distance_to(synthetic, edge_photos)
    auc = np.mean([real.separability_from(synthetic, fold_seed) for fold_seed in (seed, seed + 1)])
    return Score(distance, float(auc), terms)


def run_fit(steps: FitSteps[_Result], progress: FitProgress | None = None) -> _Result:
    """Run all steps of a fit and return its result; `progress` receives each new candidate (see `FitStep`)."""
    reported = 0
    while True:
        try:
            step = next(steps)
        except StopIteration as end:
            result: _Result = end.value
            return result
        if progress is not None and step.tried > reported:
            reported = step.tried
            progress(*step)


def iterate_fit(
    start: CameraProfile,
    real: PhotoSet,
    frames: np.ndarray,
    scale: int,
    *,
    candidates: int,
    free: Sequence[str] | None = None,
    seed: int = 0,
) -> FitSteps[CameraProfile]:
    """Search from `start` for the profile with the lowest total; the same arguments give the same profile.

    Each step tries one profile; see `run_fit`.

    Args:
        start: profile of the captures' kind.
        real: at least three captures.
        frames: uint8 [n, H, W, 3], see `clean_frames`.
        scale: HR pixels of a frame per LR pixel.
        candidates: number of candidates to try.
        free: parameters that may change, all with bounds; by default `watch_parameters`.
        seed: seed of the search, of the draws and of the noise.
    """
    generator = np.random.default_rng(seed)
    names = list(free or watch_parameters(start.kind))
    edges = render_slanted_edges(build_camera(start, scale), _EDGE_FRAMES, seed)

    def total(profile: CameraProfile, some: np.ndarray, stage: int) -> float:
        photos, edge_photos = (
            PhotoSet.measure(simulate_photos(profile, clean, scale, seed + stage), start.kind)
            for clean in (some, edges)
        )
        score = score_photos(real, photos, seed + stage, edge_photos).total
        return score + _DRIFT_WEIGHT / len(real) * profile_drift(start, profile)

    leaders = [start]
    tried = 0
    for stage, (share, end) in enumerate(_STAGES):
        some = frames[: max(min(_MIN_FRAMES, len(frames)), round(share * len(frames)))]
        ranked: list[tuple[float, CameraProfile]] = []
        for profile in leaders:
            ranked = sorted([*ranked, (total(profile, some, stage), profile)], key=_sort_key)
            yield FitStep(tried, candidates, ranked[0][0])
        while tried < round(end * candidates):
            size = _INITIAL_STEP_SIZE * (_FINAL_STEP_SIZE / _INITIAL_STEP_SIZE) ** (tried / candidates)
            candidate = _mutate(ranked[0][1], names, generator, size)
            ranked = sorted([*ranked, (total(candidate, some, stage), candidate)], key=_sort_key)[:_BEAM_WIDTH]
            tried += 1
            yield FitStep(tried, candidates, ranked[0][0])
        leaders = [profile for _, profile in ranked]
    return leaders[0]


def profile_drift(start: CameraProfile, profile: CameraProfile) -> float:
    """Compute how far two profiles of one kind are apart: the sum over all parameters of the mean square change.

    The change is that of a range's ends, in units of the width of its bounds; of their logarithms for parameters that
    are drawn log-uniformly.
    """
    changes = (_relative_range(profile, name) - _relative_range(start, name) for name in BOUNDS[start.kind])
    return float(sum(np.square(change).mean() for change in changes))


def _relative_range(profile: CameraProfile, name: str) -> np.ndarray:
    """Return the ends of a parameter's range, or its probability, scaled so that its bounds are 0 and 1."""
    ends = profile.ranges.get(name) or (profile.chances[name],)
    values = np.array([*BOUNDS[profile.kind][name], *ends])
    if KINDS[profile.kind].parameters()[name].distribution == "log":
        values = np.log(values)
    low, high = values[:2]
    relative: np.ndarray = (values[2:] - low) / (high - low)
    return relative


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
    """Return the range start..end, moved and stretched at random, within low..high."""
    middle = (start + end) / 2 + generator.normal(0, step) * (high - low)
    min_width = _MIN_WIDTH * (high - low)
    width = max(min_width, max(end - start, min_width) * math.exp(generator.normal(0, _WIDTH_CHANGE)))
    middle = float(np.clip(middle, low + min_width / 2, high - min_width / 2))
    return max(low, middle - width / 2), min(high, middle + width / 2)


def _round_range(start: float, end: float) -> tuple[float, float]:
    return round(start, 4), round(end, 4)
