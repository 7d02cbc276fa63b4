"""Fit a camera profile to the captures of one watch, for `--camera-profile`: `calibrate(captures, out)`.

The fit starts from the ranges of the built-in profile of the same kind; `search` moves them until synthetic photos look
like the captures. The clean content is built-in scenes or, better, the user's own photos. The window runs the parts of
`calibrate` itself: `read_fit_captures` and `make_clean_frames`, which need no torch, `iterate_calibration` and
`save_profile`.
"""

from __future__ import annotations

import dataclasses
import os
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from trainer_core.calibration.captures import FitCaptures, read_fit_captures
from trainer_core.calibration.clean_frames import DEFAULT_FRAMES, FIT_SCALE, make_clean_frames
from trainer_core.calibration.photo_set import PhotoSet
from trainer_core.calibration.search import FitProgress, FitStep, FitSteps, Score, iterate_fit, run_fit, score_photos
from trainer_core.calibration.synthetic import simulate_photos
from trainer_core.camera import CameraProfile
from trainer_core.errors import UserError, explain_out_of_memory
from trainer_core.files import write_json
from trainer_core.input_files import MISSING, explain_missing, find_access_problem
from trainer_core.watches import WATCHES

DEFAULT_CANDIDATES = {"mono": 500, "color": 300}
_SEED = 1
_HELD_OUT_SEEDS = (101, 102, 103)  # seeds that the fit does not use
_SPLIT_HALF_REPEATS = 8


@dataclass(frozen=True)
class Calibration:
    """The result of a calibration.

    Attributes:
        profile: the fitted profile.
        captures: number of different captures used.
        builtin: score of the built-in profile, the mean over new draws.
        fitted: score of `profile`, likewise.
        split_half_distances: mean D from one half of the captures to the other half, and to as many synthetic photos of
            the built-in and of the fitted profile; it shows how much of D comes from the small number of photos.
        refused: files and photos that were not used, with the reason.
    """

    profile: CameraProfile
    captures: int
    builtin: Score
    fitted: Score
    split_half_distances: tuple[float, float, float]
    refused: list[tuple[Path, str]] = field(default_factory=list)

    def format_table(self) -> str:
        """Format both scores and the distances of half sets as a table to print."""
        watch = WATCHES[self.profile.kind]
        names = f"built-in {watch.profile}", f"fitted {self.profile.name}"
        other_half, *synthetic_halves = self.split_half_distances
        lines = [
            f"{self.captures} captures from a {watch.description}; smaller is closer, C2ST 0.5 means "
            "indistinguishable:",
            f"{'':24}{'D':>8}{'C2ST':>8}{'D to capture half':>18}",
            *(
                f"{name[:23]:24}{score.distance:8.3f}{score.auc:8.3f}{half:18.3f}"
                for name, score, half in zip(names, (self.builtin, self.fitted), synthetic_halves)
            ),
            f"{'other half of captures':24}{'':16}{other_half:18.3f}",
            "Measured with new random parameters, on the captures that the profile was fitted to.",
        ]
        if not self.is_closer:
            lines.append("The fitted profile is no closer than the built-in one. Keep using the built-in profile.")
        return "\n".join(lines)

    @property
    def is_closer(self) -> bool:
        """Whether the fitted profile is closer to the captures than the built-in one."""
        return self.fitted.total < self.builtin.total


@explain_out_of_memory("calibrate", hint="Or give fewer or smaller files.")
def calibrate(
    captures: Sequence[Path | str],
    out: Path | str,
    *,
    photos: Path | str | None = None,
    frames: int = DEFAULT_FRAMES,
    candidates: int | None = None,
    progress: FitProgress | None = None,
) -> Calibration:
    """Fit a profile to captures of one watch and write it to `out`.

    On one machine, the same captures give the same profile; the names of their files do not matter.

    Args:
        captures: files and folders (subfolders included), in any format that `read_captures` knows.
        out: the profile file to write.
        photos: folder of clean photos for the content; None for the built-in scenes.
        frames: number of synthetic photos in the last stage, at least three.
        candidates: number of candidate profiles to try; the default takes some minutes.
        progress: called with the number of candidates tried, the number of all, and the best total so far.

    Raises:
        UserError: the captures are too few or of two kinds, the photos are too few, or `out` cannot be written.
    """
    out = Path(out)
    real = read_fit_captures([Path(entry) for entry in captures])
    check_profile_file(out)
    clean = make_clean_frames(None if photos is None else Path(photos), frames, real.kind, real.refused)
    calibration = run_fit(iterate_calibration(real, clean, candidates=candidates), progress)
    return save_profile(calibration, out)


def iterate_calibration(
    captures: FitCaptures, frames: np.ndarray, *, candidates: int | None = None
) -> FitSteps[Calibration]:
    """Fit a profile and measure it, in steps (see `run_fit`); the profile has no name yet.

    Args:
        captures: the captures of one watch.
        frames: the clean frames, see `make_clean_frames`.
        candidates: number of candidate profiles to try; the default takes some minutes.
    """
    start = CameraProfile.builtin(WATCHES[captures.kind].profile)
    real = PhotoSet.measure(captures.pixels, captures.kind)
    count = DEFAULT_CANDIDATES[captures.kind] if candidates is None else candidates
    best = yield from iterate_fit(start, real, frames, FIT_SCALE, candidates=count, seed=_SEED)
    measured = []
    for profile in (start, best):
        photos = []
        for seed in _HELD_OUT_SEEDS:
            photos.append(PhotoSet.measure(simulate_photos(profile, frames, FIT_SCALE, seed), real.kind))
            yield FitStep(count, count, 0.0)
        measured.append((_mean_score(real, photos), photos[0]))
    (builtin, builtin_photos), (fitted, fitted_photos) = measured
    profile = dataclasses.replace(best, notes=_format_notes(len(real), builtin, fitted))
    halves = _split_half_distances(real, builtin_photos, fitted_photos)
    return Calibration(profile, len(real), builtin, fitted, halves, captures.refused)


def save_profile(calibration: Calibration, out: Path) -> Calibration:
    """Write the fitted profile to `out` and return the calibration with the profile as written, named after the file.

    Raises:
        UserError: see `check_profile_file`.
        WriteError: the file cannot be written.
    """
    check_profile_file(out)
    profile = dataclasses.replace(calibration.profile, name=out.stem)
    write_json(out, profile.to_json())
    return dataclasses.replace(calibration, profile=profile)


def check_profile_file(out: Path) -> None:
    """Check that `out` can be written and replaces nothing but a camera profile.

    Raises:
        UserError: it cannot, or it would replace another file.
    """
    if not os.path.isdir(out.parent):
        raise UserError(f"{explain_missing(out.parent, 'folder')} Create it or choose another one.")
    if find_access_problem(out) not in ("", MISSING):
        raise UserError(f"{explain_missing(out)} Choose another name.")
    if os.path.exists(out):
        try:
            CameraProfile.load(out)
        except UserError as error:
            raise UserError(f"{out} already exists and is not a camera profile. Choose another name.") from error
    try:
        with tempfile.TemporaryFile(dir=out.parent):
            pass
    except OSError as error:
        raise UserError(
            f"Cannot write to the folder {out.parent} ({error.strerror}). Choose another folder."
        ) from error


def _mean_score(real: PhotoSet, sets: Sequence[PhotoSet]) -> Score:
    """Return the mean score of the photos of several draws, one set for each of `_HELD_OUT_SEEDS`."""
    scores = [score_photos(real, photos, seed) for photos, seed in zip(sets, _HELD_OUT_SEEDS)]
    terms = {name: float(np.mean([score.terms[name] for score in scores])) for name in scores[0].terms}
    return Score(float(np.mean([s.distance for s in scores])), float(np.mean([s.auc for s in scores])), terms)


def _split_half_distances(real: PhotoSet, builtin: PhotoSet, fitted: PhotoSet) -> tuple[float, float, float]:
    """Return the mean D from half of the captures to the other half, and to as many photos of each profile."""
    half = len(real) // 2
    distances = []
    for seed in range(_SPLIT_HALF_REPEATS):
        generator = np.random.default_rng(seed)
        order = generator.permutation(len(real)).tolist()
        one, other = real.subset(order[:half]), real.subset(order[half:])
        chosen = generator.permutation(len(builtin))[: len(other)].tolist()
        compared = (other, builtin.subset(chosen), fitted.subset(chosen))
        distances.append([one.distance_to(photos)[0] for photos in compared])
    other_half, builtin_distance, fitted_distance = np.mean(distances, 0).tolist()
    return other_half, builtin_distance, fitted_distance


def _format_notes(captures: int, builtin: Score, fitted: Score) -> str:
    return (
        f"Fitted to {captures} captures: D {fitted.distance:.2f}, C2ST {fitted.auc:.2f}; "
        f"the built-in profile has D {builtin.distance:.2f}, C2ST {builtin.auc:.2f}."
    )
