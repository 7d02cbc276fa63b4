"""Fit a camera profile to the captures of one watch, for `--camera-profile`: `calibrate(captures, out)`.

The ranges of the built-in profile of the same kind are the start; `realism.search` moves them until synthetic photos
look like the captures. Clean content comes from the built-in scenes, or better from photographs of one's own.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Optional

import numpy as np

from trainer_core.camera import CameraProfile, build_camera
from trainer_core.data.captures import Capture, read_captures
from trainer_core.data.photos import PhotoError, decode, scan
from trainer_core.data.scenes import scene
from trainer_core.errors import UserError
from trainer_core.files import write_json
from trainer_core.realism.imitation import cut_frames
from trainer_core.realism.photo_set import PhotoSet
from trainer_core.realism.search import Progress, Score, fit, score

LEAST_CAPTURES = 12
FRAMES = 48
CANDIDATES = {"mono": 500, "color": 300}
_BUILTIN = {"mono": "wqv1", "color": "wqv10"}
_LEAST_SIDE = 64  # LR pixels; spectra and edges of smaller crops say nothing
_SCALE = 2  # sampling is exact at any scale, and frames of photos need not be large
_SCENE_SIDE = 384
_SEED = 1
_FRESH_SEEDS = (101, 102, 103)  # draws that the fit has not seen


@dataclass(frozen=True)
class Calibration:
    """What a calibration came to.

    Attributes:
        profile: as written.
        captures: how many different ones were used.
        builtin: how far the built-in profile's photos are from the captures, mean over fresh draws.
        fitted: how far those of `profile` are.
        halves: D between two halves of the captures: what as few photos of one watch differ by themselves.
        refused: files that are no captures, with the reason.
    """

    profile: CameraProfile
    captures: int
    builtin: Score
    fitted: Score
    halves: float
    refused: list[tuple[Path, str]] = field(default_factory=list)

    def text(self) -> str:
        """A small table for people."""
        kind = "mono (WQV-1, WQV-2)" if self.profile.kind == "mono" else "colour (WQV-3, WQV-10)"
        rows = ((f"built-in {_BUILTIN[self.profile.kind]}", self.builtin), (f"fitted {self.profile.name}", self.fitted))
        lines = [
            f"{self.captures} captures of a {kind} watch; smaller is closer, C2ST 0.5 cannot be told apart:",
            f"{'':24}{'D':>8}{'C2ST':>8}",
            *(f"{name[:23]:24}{found.distance:8.3f}{found.auc:8.3f}" for name, found in rows),
            f"{'half of them / the rest':24}{self.halves:8.3f}",
        ]
        if self.fitted.total >= self.builtin.total:
            lines.append("The fit is no closer than the built-in profile: there is nothing to gain from it.")
        return "\n".join(lines)


def calibrate(
    captures: Sequence[Path | str],
    out: Path | str,
    *,
    photos: Path | str | None = None,
    frames: int = FRAMES,
    candidates: Optional[int] = None,
    progress: Optional[Progress] = None,
) -> Calibration:
    """Write the profile `out`, fitted to captures of one watch; the same captures give the same profile.

    Args:
        captures: files and folders, in any form that `read_captures` knows.
        photos: folder of clean photographs to take the content from, instead of the built-in scenes.
        frames: synthetic photos of the last stage.
        candidates: how many sets of ranges to try; by default enough for some minutes.
        progress: called with the candidates tried, their number, and the best total so far.

    Raises:
        UserError: too few captures, two kinds of them, or `out` cannot be written to.
    """
    out = Path(out)
    refused: list[tuple[Path, str]] = []
    found = _different(_read([Path(entry) for entry in captures], refused))
    kind = _kind(found, refused)
    _check_target(out)
    start = CameraProfile.builtin(_BUILTIN[kind])
    real = PhotoSet.measure([capture.pixels for capture in found], kind)
    clean = cut_frames(_content(photos, frames), build_camera(start, _SCALE), _SEED)
    tries = CANDIDATES[kind] if candidates is None else candidates
    best = fit(start, real, clean, _SCALE, candidates=tries, seed=_SEED, progress=progress)
    builtin, fitted = (_fresh_score(profile, real, clean) for profile in (start, best))
    profile = dataclasses.replace(best, name=out.stem, notes=_notes(len(real), builtin, fitted))
    write_json(out, profile.to_json())
    return Calibration(profile, len(real), builtin, fitted, _halves(real), refused)


def _read(paths: list[Path], refused: list[tuple[Path, str]]) -> Iterator[Capture]:
    for path in _files(paths):
        try:
            for capture in read_captures(path):
                if min(capture.pixels.shape[:2]) >= _LEAST_SIDE:
                    yield capture
                else:
                    refused.append((path, f"{path} is cut too small; at least {_LEAST_SIDE} pixels a side are needed."))
        except UserError as error:
            refused.append((path, error.message))


def _files(paths: list[Path]) -> Iterator[Path]:
    for path in paths:
        if path.is_dir():
            yield from sorted(entry for entry in path.iterdir() if entry.is_file() and not entry.name.startswith("."))
        elif path.exists():
            yield path
        else:
            raise UserError(f"There is no file {path}.")


def _different(captures: Iterator[Capture]) -> list[Capture]:
    """Each picture once: files are often kept both as they came and converted."""
    return list({capture.pixels.tobytes(): capture for capture in captures}.values())


def _kind(captures: list[Capture], refused: list[tuple[Path, str]]) -> str:
    counts = {kind: sum(capture.kind == kind for capture in captures) for kind in ("mono", "color")}
    if all(counts.values()):
        raise UserError(
            f"These are {counts['mono']} mono and {counts['color']} colour captures, so of two watches. "
            "Give the captures of one watch only."
        )
    if len(captures) < LEAST_CAPTURES:
        more = f" The first of {len(refused)} refused files: {refused[0][1]}" if refused else ""
        raise UserError(
            f"{len(captures)} different captures are too few to fit a camera to; give at least {LEAST_CAPTURES}.{more}"
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


def _content(photos: Path | str | None, count: int) -> list[np.ndarray]:
    """Clean pictures, uint8 [H, W, 3]: up to `count` photographs, evenly spread over the folder, or scenes."""
    if photos is None:
        return [scene(_SEED, index, _SCENE_SIDE) for index in range(count)]
    found = scan(Path(photos)).photos
    places = np.linspace(0, len(found) - 1, min(count, len(found))).round().astype(int)
    try:
        return [decode(found[place].path) for place in places]
    except PhotoError as error:
        raise UserError(f"A photo in {photos} cannot be used: {error.message}.") from error


def _fresh_score(profile: CameraProfile, real: PhotoSet, frames: np.ndarray) -> Score:
    scores = [score(profile, real, frames, _SCALE, seed) for seed in _FRESH_SEEDS]
    terms = {name: float(np.mean([each.terms[name] for each in scores])) for name in scores[0].terms}
    return Score(float(np.mean([s.distance for s in scores])), float(np.mean([s.auc for s in scores])), terms)


def _halves(real: PhotoSet) -> float:
    orders = [np.random.default_rng(seed).permutation(len(real)).tolist() for seed in range(8)]
    half = len(real) // 2
    return float(np.mean([real.pick(order[:half]).distance_to(real.pick(order[half:]))[0] for order in orders]))


def _notes(captures: int, builtin: Score, fitted: Score) -> str:
    return (
        f"Fitted to {captures} captures: D {fitted.distance:.2f}, C2ST {fitted.auc:.2f}; "
        f"the built-in profile has D {builtin.distance:.2f}, C2ST {builtin.auc:.2f}."
    )
