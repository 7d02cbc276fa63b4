"""The captures of a calibration: `read_fit_captures(paths)` reads those of one watch and names what cannot be used."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from trainer_core.data.captures import Capture, read_captures
from trainer_core.data.folder_walk import FolderWalk
from trainer_core.errors import UserError
from trainer_core.input_files import CHECK_PATH, explain_missing
from trainer_core.pixels import has_color
from trainer_core.watches import WATCHES

MIN_CAPTURES = 12
_MIN_SIDE = 64  # LR px: smaller crops are too small for spectra and edges
_DRAWN_SHARE = 0.97  # of the pixels in the two most frequent tones; photos have up to 0.45
_Refused = list[tuple[Path, str]]


@dataclass(frozen=True)
class FitCaptures:
    """Captures of one watch.

    Attributes:
        kind: "mono" or "color".
        pixels: the different captures, uint8 as in `Capture`, in an order that does not depend on the files' names.
        refused: files that are not used, with the reason.
    """

    kind: str
    pixels: list[np.ndarray]
    refused: list[tuple[Path, str]] = field(default_factory=list)

    def describe(self) -> str:
        """Return how many captures of which watch there are, and how many files are not used."""
        text = f"{len(self.pixels)} captures from a {WATCHES[self.kind].description}"
        if not self.refused:
            return f"{text}."
        return f"{text}. Not used: {len(self.refused)}; the first: {self.refused[0][1]}"


def read_fit_captures(paths: Sequence[Path], check_stop: Callable[[], None] = lambda: None) -> FitCaptures:
    """Read the captures in files and folders, subfolders included; `check_stop` is called before each file.

    Raises:
        UserError: a path does not exist, the captures are too few, or they come from two kinds of watch.
    """
    refused: _Refused = []
    unique = _without_duplicates(_iterate_captures(paths, refused, check_stop))
    kind = _detect_kind(unique, refused)
    return FitCaptures(kind, [capture.pixels for capture in unique], refused)


def _iterate_captures(paths: Sequence[Path], refused: _Refused, check_stop: Callable[[], None]) -> Iterator[Capture]:
    for path in _iterate_files(paths):
        check_stop()
        try:
            for capture in read_captures(path):
                problem = _capture_problem(capture.pixels)
                if problem:
                    refused.append((path, f"{path} {problem}."))
                else:
                    yield capture
        except UserError as error:
            refused.append((path, error.message))


def _iterate_files(paths: Sequence[Path]) -> Iterator[Path]:
    for path in paths:
        if os.path.isdir(path):
            yield from sorted(file for _, file in FolderWalk(path).iterate_files() if os.path.isfile(file))
        elif os.path.exists(path):
            yield path
        else:
            raise UserError(f"{explain_missing(path, 'file or folder')} {CHECK_PATH}")


def _capture_problem(pixels: np.ndarray) -> str:
    if min(pixels.shape[:2]) < _MIN_SIDE:
        return f"is too small; each side needs at least {_MIN_SIDE} pixels"
    if pixels.min() == pixels.max():
        return "has only one tone, so nothing can be measured in it"
    if pixels.ndim == 3 and not has_color(pixels):
        return "has the size of the color watch, but no colors. Use the original file, not an edited copy"
    counts = np.bincount(pixels.reshape(pixels.shape[0] * pixels.shape[1], -1)[:, 0], minlength=256)
    if np.sort(counts)[-2:].sum() >= _DRAWN_SHARE * counts.sum():
        return "has hardly more than two tones: a drawing or a picture of the art mode, not a photo"
    return ""


def _without_duplicates(captures: Iterator[Capture]) -> list[Capture]:
    """Return each image once, sorted by its pixels: users often have the same photo in several formats."""
    unique = {capture.pixels.tobytes(): capture for capture in captures}
    return [unique[content] for content in sorted(unique)]


def _detect_kind(captures: list[Capture], refused: _Refused) -> str:
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
