"""Fit a camera profile to the captures of one watch, for `--camera-profile`: `calibrate(captures, out)`.

The ranges of the built-in profile of the same kind are the start; `realism.search` moves them until synthetic photos
look like the captures. Clean content comes from the built-in scenes, or better from photographs of one's own.
"""

from __future__ import annotations

import dataclasses
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
from trainer_core.data.photos import PhotoError, decode, scan_photos
from trainer_core.errors import UserError
from trainer_core.files import write_json
from trainer_core.scenes.painter import render_scene
from trainer_core.watches import WATCHES

MIN_CAPTURES = 12
MIN_PHOTOS = 12
DEFAULT_FRAMES = 48
DEFAULT_CANDIDATES = {"mono": 500, "color": 300}
_MIN_CAPTURE_SIDE = 64  # LR pixels; spectra and edges of smaller crops say nothing
_SCALE = 2  # sampling is exact at any scale, and frames of photos need not be large
_SCENE_SIDE = 384
_SEED = 1
_HELD_OUT_SEEDS = (101, 102, 103)  # draws that the fit has not seen
_SPLIT_HALF_REPEATS = 8


@dataclass(frozen=True)
class Calibration:
    """What a calibration came to.

    Attributes:
        profile: as written.
        captures: how many different ones were used.
        builtin: how far the built-in profile's photos are from the captures, mean over fresh draws.
        fitted: how far those of `profile` are.
        halves: mean D of one half of the captures to the other half, and to as many synthetic photos of the built-in
            and of the fitted profile: how much of D is due to few photos alone.
        refused: files that are no captures, with the reason.
    """

    profile: CameraProfile
    captures: int
    builtin: Score
    fitted: Score
    split_half_distances: tuple[float, float, float]
    refused: list[tuple[Path, str]] = field(default_factory=list)

    def format_table(self) -> str:
        """A small table for people."""
        watch = WATCHES[self.profile.kind]
        names = f"built-in {watch.profile}", f"fitted {self.profile.name}"
        rest, *synthetic_sets = self.split_half_distances
        lines = [
            f"{self.captures} captures of a {watch.description}; smaller is closer, C2ST 0.5 cannot be told apart:",
            f"{'':24}{'D':>8}{'C2ST':>8}{'D, half of them':>18}",
            *(
                f"{name[:23]:24}{found.distance:8.3f}{found.auc:8.3f}{half:18.3f}"
                for name, found, half in zip(names, (self.builtin, self.fitted), synthetic_sets)
            ),
            f"{'the other half':24}{'':16}{rest:18.3f}",
            "Measured with draws that the fit has not seen, on the captures that it was fitted to.",
        ]
        if self.fitted.total >= self.builtin.total:
            lines.append("The fit is no closer than the built-in profile: there is nothing to gain from it.")
        return "\n".join(lines)


def calibrate(
    captures: Sequence[Path | str],
    out: Path | str,
    *,
    photos: Path | str | None = None,
    frames: int = DEFAULT_FRAMES,
    candidates: int | None = None,
    progress: FitProgress | None = None,
) -> Calibration:
    """Write the profile `out`, fitted to captures of one watch; the same captures give the same profile, whatever
    their files are called, on the same machine.

    Args:
        captures: files and folders (subfolders included), in any form that `read_captures` knows.
        photos: folder of clean photographs to take the content from, instead of the built-in scenes.
        frames: synthetic photos of the last stage, at least three.
        candidates: how many sets of ranges to try; by default enough for some minutes.
        progress: called with the candidates tried, their number, and the best total so far.

    Raises:
        UserError: too few captures, two kinds of them, too few photos, or `out` cannot be written to.
    """
    out = Path(out)
    refused: list[tuple[Path, str]] = []
    found = _without_duplicates(_read([Path(entry) for entry in captures], refused))
    kind = _detect_kind(found, refused)
    _check_target(out)
    start = CameraProfile.builtin(WATCHES[kind].profile)
    real = PhotoSet.measure([capture.pixels for capture in found], kind)
    clean = _clean_frames(photos, frames, build_camera(start, _SCALE), refused)
    tries = DEFAULT_CANDIDATES[kind] if candidates is None else candidates
    best = fit_profile(start, real, clean, _SCALE, candidates=tries, seed=_SEED, progress=progress)
    (builtin, some), (fitted, others) = (_score_on_new_draws(profile, real, clean) for profile in (start, best))
    profile = dataclasses.replace(best, name=out.stem, notes=_profile_notes(len(real), builtin, fitted))
    write_json(out, profile.to_json())
    return Calibration(profile, len(real), builtin, fitted, _split_half_distances(real, some, others), refused)


def _read(paths: list[Path], refused: list[tuple[Path, str]]) -> Iterator[Capture]:
    for path in _list_files(paths):
        try:
            for capture in read_captures(path):
                fault = _capture_problem(capture.pixels)
                if fault:
                    refused.append((path, f"{path} {fault}."))
                else:
                    yield capture
        except UserError as error:
            refused.append((path, error.message))


def _capture_problem(pixels: np.ndarray) -> str:
    if min(pixels.shape[:2]) < _MIN_CAPTURE_SIDE:
        return f"is cut too small; at least {_MIN_CAPTURE_SIDE} pixels a side are needed"
    return "is one flat tone and tells nothing of the watch" if pixels.min() == pixels.max() else ""


def _list_files(paths: list[Path]) -> Iterator[Path]:
    for path in paths:
        if path.is_dir():
            files = (entry for entry in path.rglob("*") if entry.is_file())
            yield from sorted(file for file in files if not _is_hidden(file.relative_to(path)))
        elif path.exists():
            yield path
        else:
            raise UserError(f"There is no file {path}.")


def _is_hidden(path: Path) -> bool:
    return any(part.startswith(".") for part in path.parts)


def _without_duplicates(captures: Iterator[Capture]) -> list[Capture]:
    """Each picture once, since files are often kept both as they came and converted; in an order of its own."""
    pictures = {capture.pixels.tobytes(): capture for capture in captures}
    return [pictures[content] for content in sorted(pictures)]


def _detect_kind(captures: list[Capture], refused: list[tuple[Path, str]]) -> str:
    counts = {kind: sum(capture.kind == kind for capture in captures) for kind in WATCHES}
    if all(counts.values()):
        raise UserError(
            f"These are {counts['mono']} mono and {counts['color']} color captures, so of two watches. "
            "Give the captures of one watch only."
        )
    if len(captures) < MIN_CAPTURES:
        more = f" The first of {len(refused)} refused files: {refused[0][1]}" if refused else ""
        raise UserError(
            f"{len(captures)} different captures are too few to fit a camera to; give at least {MIN_CAPTURES}.{more}"
        )
    return captures[0].kind


def _check_target(out: Path) -> None:
    """Before minutes of work: the result will find its place and replaces nothing but an earlier profile."""
    if not out.parent.is_dir():
        raise UserError(f"The folder {out.parent} for the profile does not exist.")
    if out.exists():
        try:
            CameraProfile.load(out)
        except UserError as error:
            raise UserError(f"{out} exists and is no camera profile. Choose another name with -o.") from error
    try:
        with tempfile.TemporaryFile(dir=out.parent):
            pass
    except OSError as error:
        raise UserError(f"Nothing can be written to {out.parent} ({error.strerror}). Choose another folder.") from error


def _clean_frames(photos: Path | str | None, count: int, camera: Camera, refused: list[tuple[Path, str]]) -> np.ndarray:
    """`count` frames of clean content, as `synthetic.cut_frame` gives them: of photographs, evenly spread over the
    folder, or of built-in scenes.
    """
    if photos is None:
        content: Iterator[np.ndarray] = (render_scene(_SEED, index, _SCENE_SIDE) for index in range(count))
    else:
        content = _read_photographs(Path(photos), count, refused)
    frames = [cut_clean_frame(picture, camera, _SEED, n) for n, picture in enumerate(content)]
    if photos is not None and len(frames) < min(count, MIN_PHOTOS):
        raise UserError(f"{photos} holds {len(frames)} usable photos; at least {MIN_PHOTOS} are needed.")
    return np.stack(frames)


def _read_photographs(folder: Path, count: int, refused: list[tuple[Path, str]]) -> Iterator[np.ndarray]:
    """One at a time: large ones do not fit into memory together."""
    found = scan_photos(folder).photos
    for place in np.linspace(0, len(found) - 1, min(count, len(found))).round().astype(int):
        path = found[place].path
        try:
            yield decode(path)
        except PhotoError as error:
            refused.append((path, f"{path}: {error.message}."))


def _score_on_new_draws(profile: CameraProfile, real: PhotoSet, frames: np.ndarray) -> tuple[Score, PhotoSet]:
    """The mean score over fresh draws, and the photos of the first of them."""
    looks = [PhotoSet.measure(simulate_photos(profile, frames, _SCALE, seed), real.kind) for seed in _HELD_OUT_SEEDS]
    scores = [score_photos(real, look, seed) for look, seed in zip(looks, _HELD_OUT_SEEDS)]
    terms = {name: float(np.mean([each.terms[name] for each in scores])) for name in scores[0].terms}
    mean = Score(float(np.mean([s.distance for s in scores])), float(np.mean([s.auc for s in scores])), terms)
    return mean, looks[0]


def _split_half_distances(real: PhotoSet, builtin: PhotoSet, fitted: PhotoSet) -> tuple[float, float, float]:
    """Mean D of half of the captures to the other half, and to as many photos of each imitation."""
    half = len(real) // 2
    found = []
    for seed in range(_SPLIT_HALF_REPEATS):
        generator = np.random.default_rng(seed)
        order = generator.permutation(len(real)).tolist()
        one, other = real.subset(order[:half]), real.subset(order[half:])
        some = generator.permutation(len(builtin))[: len(other)].tolist()
        found.append(
            [
                one.distance_to(other_synthetic)[0]
                for other_synthetic in (other, builtin.subset(some), fitted.subset(some))
            ]
        )
    rest, builtin_distance, fitted_distance = np.mean(found, 0).tolist()
    return rest, builtin_distance, fitted_distance


def _profile_notes(captures: int, builtin: Score, fitted: Score) -> str:
    return (
        f"Fitted to {captures} captures: D {fitted.distance:.2f}, C2ST {fitted.auc:.2f}; "
        f"the built-in profile has D {builtin.distance:.2f}, C2ST {builtin.auc:.2f}."
    )
