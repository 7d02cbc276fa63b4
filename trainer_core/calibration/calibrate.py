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
from typing import Optional

import numpy as np

from trainer_core.calibration.photo_set import PhotoSet
from trainer_core.calibration.search import Progress, Score, compare, fit
from trainer_core.calibration.synthetic import cut_frame, imitate
from trainer_core.camera import Camera, CameraProfile, build_camera
from trainer_core.data.captures import Capture, read_captures
from trainer_core.data.photos import PhotoError, decode, scan
from trainer_core.errors import UserError
from trainer_core.files import write_json
from trainer_core.scenes.painter import scene
from trainer_core.watches import WATCHES

LEAST_CAPTURES = 12
LEAST_PHOTOS = 12
FRAMES = 48
CANDIDATES = {"mono": 500, "color": 300}
_LEAST_SIDE = 64  # LR pixels; spectra and edges of smaller crops say nothing
_SCALE = 2  # sampling is exact at any scale, and frames of photos need not be large
_SCENE_SIDE = 384
_SEED = 1
_FRESH_SEEDS = (101, 102, 103)  # draws that the fit has not seen
_HALVINGS = 8


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
    halves: tuple[float, float, float]
    refused: list[tuple[Path, str]] = field(default_factory=list)

    def text(self) -> str:
        """A small table for people."""
        watch = WATCHES[self.profile.kind]
        names = f"built-in {watch.profile}", f"fitted {self.profile.name}"
        rest, *imitations = self.halves
        lines = [
            f"{self.captures} captures of a {watch.description}; smaller is closer, C2ST 0.5 cannot be told apart:",
            f"{'':24}{'D':>8}{'C2ST':>8}{'D, half of them':>18}",
            *(
                f"{name[:23]:24}{found.distance:8.3f}{found.auc:8.3f}{half:18.3f}"
                for name, found, half in zip(names, (self.builtin, self.fitted), imitations)
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
    frames: int = FRAMES,
    candidates: Optional[int] = None,
    progress: Optional[Progress] = None,
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
    found = _different(_read([Path(entry) for entry in captures], refused))
    kind = _kind(found, refused)
    _check_target(out)
    start = CameraProfile.builtin(WATCHES[kind].profile)
    real = PhotoSet.measure([capture.pixels for capture in found], kind)
    clean = _clean_frames(photos, frames, build_camera(start, _SCALE), refused)
    tries = CANDIDATES[kind] if candidates is None else candidates
    best = fit(start, real, clean, _SCALE, candidates=tries, seed=_SEED, progress=progress)
    (builtin, some), (fitted, others) = (_fresh_look(profile, real, clean) for profile in (start, best))
    profile = dataclasses.replace(best, name=out.stem, notes=_notes(len(real), builtin, fitted))
    write_json(out, profile.to_json())
    return Calibration(profile, len(real), builtin, fitted, _halves(real, some, others), refused)


def _read(paths: list[Path], refused: list[tuple[Path, str]]) -> Iterator[Capture]:
    for path in _files(paths):
        try:
            for capture in read_captures(path):
                fault = _fault(capture.pixels)
                if fault:
                    refused.append((path, f"{path} {fault}."))
                else:
                    yield capture
        except UserError as error:
            refused.append((path, error.message))


def _fault(pixels: np.ndarray) -> str:
    if min(pixels.shape[:2]) < _LEAST_SIDE:
        return f"is cut too small; at least {_LEAST_SIDE} pixels a side are needed"
    return "is one flat tone and tells nothing of the watch" if pixels.min() == pixels.max() else ""


def _files(paths: list[Path]) -> Iterator[Path]:
    for path in paths:
        if path.is_dir():
            files = (entry for entry in path.rglob("*") if entry.is_file())
            yield from sorted(file for file in files if not _hidden(file.relative_to(path)))
        elif path.exists():
            yield path
        else:
            raise UserError(f"There is no file {path}.")


def _hidden(path: Path) -> bool:
    return any(part.startswith(".") for part in path.parts)


def _different(captures: Iterator[Capture]) -> list[Capture]:
    """Each picture once, since files are often kept both as they came and converted; in an order of its own."""
    pictures = {capture.pixels.tobytes(): capture for capture in captures}
    return [pictures[content] for content in sorted(pictures)]


def _kind(captures: list[Capture], refused: list[tuple[Path, str]]) -> str:
    counts = {kind: sum(capture.kind == kind for capture in captures) for kind in WATCHES}
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
    try:
        with tempfile.TemporaryFile(dir=out.parent):
            pass
    except OSError as error:
        raise UserError(f"Nothing can be written to {out.parent} ({error.strerror}). Choose another folder.") from error


def _clean_frames(photos: Path | str | None, count: int, camera: Camera, refused: list[tuple[Path, str]]) -> np.ndarray:
    """`count` frames of clean content, as `synthetic.cut_frame` gives them: of photographs, evenly spread over the
    folder, or of built-in scenes."""
    if photos is None:
        content: Iterator[np.ndarray] = (scene(_SEED, index, _SCENE_SIDE) for index in range(count))
    else:
        content = _photographs(Path(photos), count, refused)
    frames = [cut_frame(picture, camera, _SEED, n) for n, picture in enumerate(content)]
    if photos is not None and len(frames) < min(count, LEAST_PHOTOS):
        raise UserError(f"{photos} holds {len(frames)} usable photos; at least {LEAST_PHOTOS} are needed.")
    return np.stack(frames)


def _photographs(folder: Path, count: int, refused: list[tuple[Path, str]]) -> Iterator[np.ndarray]:
    """One at a time: large ones do not fit into memory together."""
    found = scan(folder).photos
    for place in np.linspace(0, len(found) - 1, min(count, len(found))).round().astype(int):
        path = found[place].path
        try:
            yield decode(path)
        except PhotoError as error:
            refused.append((path, f"{path}: {error.message}."))


def _fresh_look(profile: CameraProfile, real: PhotoSet, frames: np.ndarray) -> tuple[Score, PhotoSet]:
    """The mean score over fresh draws, and the photos of the first of them."""
    looks = [PhotoSet.measure(imitate(profile, frames, _SCALE, seed), real.kind) for seed in _FRESH_SEEDS]
    scores = [compare(real, look, seed) for look, seed in zip(looks, _FRESH_SEEDS)]
    terms = {name: float(np.mean([each.terms[name] for each in scores])) for name in scores[0].terms}
    mean = Score(float(np.mean([s.distance for s in scores])), float(np.mean([s.auc for s in scores])), terms)
    return mean, looks[0]


def _halves(real: PhotoSet, builtin: PhotoSet, fitted: PhotoSet) -> tuple[float, float, float]:
    """Mean D of half of the captures to the other half, and to as many photos of each imitation."""
    half = len(real) // 2
    found = []
    for seed in range(_HALVINGS):
        generator = np.random.default_rng(seed)
        order = generator.permutation(len(real)).tolist()
        one, other = real.pick(order[:half]), real.pick(order[half:])
        some = generator.permutation(len(builtin))[: len(other)].tolist()
        found.append([one.distance_to(rival)[0] for rival in (other, builtin.pick(some), fitted.pick(some))])
    rest, of_builtin, of_fitted = np.mean(found, 0).tolist()
    return rest, of_builtin, of_fitted


def _notes(captures: int, builtin: Score, fitted: Score) -> str:
    return (
        f"Fitted to {captures} captures: D {fitted.distance:.2f}, C2ST {fitted.auc:.2f}; "
        f"the built-in profile has D {builtin.distance:.2f}, C2ST {builtin.auc:.2f}."
    )
