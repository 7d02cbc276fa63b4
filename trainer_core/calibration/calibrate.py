"""Fit a camera profile to the captures of one watch, for `--camera-profile`: `calibrate(captures, out)`.

The fit starts from the ranges of the built-in profile of the same kind; `search` moves them until synthetic photos look
like the captures. The clean content is built-in scenes or, better, the user's own photos.
"""

from __future__ import annotations

import dataclasses
import os
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from trainer_core.calibration.photo_set import PhotoSet
from trainer_core.calibration.search import FitProgress, Score, fit_profile, score_photos
from trainer_core.calibration.synthetic import cut_clean_frame, simulate_photos
from trainer_core.camera import Camera, CameraProfile, build_camera
from trainer_core.data.captures import Capture, read_captures
from trainer_core.data.folder_walk import FolderWalk
from trainer_core.data.photos import PhotoError, decode, scan_photos
from trainer_core.errors import UserError, explain_out_of_memory
from trainer_core.files import write_json
from trainer_core.input_files import MISSING, explain_missing, find_access_problem
from trainer_core.pixels import has_color
from trainer_core.scenes.painter import render_scene
from trainer_core.watches import WATCHES

MIN_CAPTURES = 12
MIN_PHOTOS = 12
DEFAULT_FRAMES = 48
DEFAULT_CANDIDATES = {"mono": 500, "color": 300}
_MIN_CAPTURE_SIDE = 64  # LR px: smaller crops are too small for spectra and edges
_DRAWN_SHARE = 0.97  # of the pixels in the two most frequent tones; photos have up to 0.45
_SCALE = 2  # sampling is exact at any scale, and a small one allows smaller photos
_SCENE_SIDE = 384
_SEED = 1
_HELD_OUT_SEEDS = (101, 102, 103)  # seeds that the fit does not use
_SPLIT_HALF_REPEATS = 8


@dataclass(frozen=True)
class Calibration:
    """The result of a calibration.

    Attributes:
        profile: the fitted profile, as written to the file.
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
        if self.fitted.total >= self.builtin.total:
            lines.append("The fitted profile is no closer than the built-in one. Keep using the built-in profile.")
        return "\n".join(lines)


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
    refused: list[tuple[Path, str]] = []
    unique = _without_duplicates(_read_captures([Path(entry) for entry in captures], refused))
    kind = _detect_kind(unique, refused)
    _check_target(out)
    start = CameraProfile.builtin(WATCHES[kind].profile)
    real = PhotoSet.measure([capture.pixels for capture in unique], kind)
    clean = _cut_clean_frames(photos, frames, build_camera(start, _SCALE), refused)
    count = DEFAULT_CANDIDATES[kind] if candidates is None else candidates
    best = fit_profile(start, real, clean, _SCALE, candidates=count, seed=_SEED, progress=progress)
    (builtin, builtin_photos), (fitted, fitted_photos) = (
        _score_on_new_draws(profile, real, clean) for profile in (start, best)
    )
    profile = dataclasses.replace(best, name=out.stem, notes=_format_notes(len(real), builtin, fitted))
    write_json(out, profile.to_json())
    halves = _split_half_distances(real, builtin_photos, fitted_photos)
    return Calibration(profile, len(real), builtin, fitted, halves, refused)


def _read_captures(paths: list[Path], refused: list[tuple[Path, str]]) -> Iterator[Capture]:
    for path in _list_files(paths):
        try:
            for capture in read_captures(path):
                problem = _capture_problem(capture.pixels)
                if problem:
                    refused.append((path, f"{path} {problem}."))
                else:
                    yield capture
        except UserError as error:
            refused.append((path, error.message))


def _capture_problem(pixels: np.ndarray) -> str:
    if min(pixels.shape[:2]) < _MIN_CAPTURE_SIDE:
        return f"is too small; each side needs at least {_MIN_CAPTURE_SIDE} pixels"
    if pixels.min() == pixels.max():
        return "has only one tone, so nothing can be measured in it"
    if pixels.ndim == 3 and not has_color(pixels):
        return "has the size of the color watch, but no colors. Use the original file, not an edited copy"
    counts = np.bincount(pixels.reshape(pixels.shape[0] * pixels.shape[1], -1)[:, 0], minlength=256)
    if np.sort(counts)[-2:].sum() >= _DRAWN_SHARE * counts.sum():
        return "has hardly more than two tones: a drawing or a picture of the art mode, not a photo"
    return ""


def _list_files(paths: list[Path]) -> Iterator[Path]:
    for path in paths:
        if os.path.isdir(path):
            yield from sorted(file for _, file in FolderWalk(path).iterate_files() if os.path.isfile(file))
        elif os.path.exists(path):
            yield path
        else:
            raise UserError(explain_missing(path, "file or folder"))


def _without_duplicates(captures: Iterator[Capture]) -> list[Capture]:
    """Return each image once, sorted by its pixels: users often have the same photo in several formats."""
    unique = {capture.pixels.tobytes(): capture for capture in captures}
    return [unique[content] for content in sorted(unique)]


def _detect_kind(captures: list[Capture], refused: list[tuple[Path, str]]) -> str:
    counts = {kind: sum(capture.kind == kind for capture in captures) for kind in WATCHES}
    if all(counts.values()):
        raise UserError(
            f"The captures come from two kinds of watch: {counts['mono']} mono and {counts['color']} color. "
            "Use captures from one watch only."
        )
    if len(captures) < MIN_CAPTURES:
        first = f" Refused files: {len(refused)}; the first: {refused[0][1]}" if refused else ""
        raise UserError(
            f"A fit needs at least {MIN_CAPTURES} different captures; usable here: {len(captures)}. Add more "
            f"captures.{first}"
        )
    return captures[0].kind


def _check_target(out: Path) -> None:
    """Check before minutes of work that `out` can be written and replaces nothing but a camera profile."""
    if not os.path.isdir(out.parent):
        raise UserError(f"{explain_missing(out.parent, 'folder')} Create it or choose another one.")
    if find_access_problem(out) not in ("", MISSING):
        raise UserError(f"{explain_missing(out)} Choose another name with -o.")
    if os.path.exists(out):
        try:
            CameraProfile.load(out)
        except UserError as error:
            raise UserError(
                f"{out} already exists and is not a camera profile. Choose another name with -o."
            ) from error
    try:
        with tempfile.TemporaryFile(dir=out.parent):
            pass
    except OSError as error:
        raise UserError(
            f"Cannot write to the folder {out.parent} ({error.strerror}). Choose another folder with -o."
        ) from error


def _cut_clean_frames(
    photos: Path | str | None, count: int, camera: Camera, refused: list[tuple[Path, str]]
) -> np.ndarray:
    """Cut `count` clean frames of photos, evenly spread over the folder, or of scenes; see `cut_clean_frame`."""
    if photos is None:
        content: Iterator[np.ndarray] = (render_scene(_SEED, index, _SCENE_SIDE) for index in range(count))
    else:
        content = _read_photos(Path(photos), count, refused)
    frames = [cut_clean_frame(image, camera, _SEED, n) for n, image in enumerate(content)]
    if photos is not None and len(frames) < min(count, MIN_PHOTOS):
        raise UserError(
            f"{photos} must contain at least {MIN_PHOTOS} usable photos, but has {len(frames)}. Add photos."
        )
    return np.stack(frames)


def _read_photos(folder: Path, count: int, refused: list[tuple[Path, str]]) -> Iterator[np.ndarray]:
    """Yield photos one at a time, because large ones do not fit into memory together."""
    scan = scan_photos(folder)
    refused += [(folder / entry.name, f"{folder / entry.name}: {entry.reason}.") for entry in scan.rejected]
    photos = scan.photos
    for index in np.linspace(0, len(photos) - 1, min(count, len(photos))).round().astype(int):
        path = photos[index].path
        try:
            yield decode(path)
        except PhotoError as error:
            refused.append((path, f"{path}: {error.message}."))


def _score_on_new_draws(profile: CameraProfile, real: PhotoSet, frames: np.ndarray) -> tuple[Score, PhotoSet]:
    """Return the mean score over new draws, and the photos of the first draw."""
    sets = [PhotoSet.measure(simulate_photos(profile, frames, _SCALE, seed), real.kind) for seed in _HELD_OUT_SEEDS]
    scores = [score_photos(real, photos, seed) for photos, seed in zip(sets, _HELD_OUT_SEEDS)]
    terms = {name: float(np.mean([score.terms[name] for score in scores])) for name in scores[0].terms}
    mean = Score(float(np.mean([s.distance for s in scores])), float(np.mean([s.auc for s in scores])), terms)
    return mean, sets[0]


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
