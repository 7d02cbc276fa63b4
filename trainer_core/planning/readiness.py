"""The checklist that the window shows beside its Start button. Writes nothing and needs no torch."""

from __future__ import annotations

import os
import shutil
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from trainer_core.data.photos import Scan
from trainer_core.data.splits import Splits
from trainer_core.input_files import MISSING, find_access_problem
from trainer_core.pasted_path import describe_foreign_path
from trainer_core.planning.photos import find_captures_problem
from trainer_core.settings.config import TrainerConfig
from trainer_core.text import format_bytes
from trainer_core.watches import Watch, select_watch

OK, PENDING, ERROR, WARNING = "ok", "pending", "error", "warning"


@dataclass(frozen=True)
class Check:
    """One line of the checklist: its state, its text and the setting it concerns."""

    state: str  # OK, PENDING, ERROR (blocks the start) or WARNING (does not block it)
    text: str
    setting: str


@dataclass(frozen=True)
class SourceStatus:
    """State of the source folder: its photos, or a problem, or neither while the search runs.

    Attributes:
        has_captures_only: whether the problem is that all its pictures are photos from the watch.
        captured: kinds of the watches that took the captures among the photos.
    """

    scan: Scan | None = None
    splits: Splits | None = None
    problem: str = ""
    has_captures_only: bool = False
    captured: frozenset[str] = frozenset()

    def summary(self) -> str:
        """Return one line with the number of photos, their shorter sides and the split."""
        if self.scan is None or self.splits is None:
            return self.problem or "checking the photos …"
        photos = self.scan.photos
        sides = [min(p.width, p.height) for p in photos]
        size = f"{min(sides)} px" if min(sides) == max(sides) else f"{min(sides)} to {max(sides)} px"
        parts = [f"1 photo, {size}" if len(photos) == 1 else f"{len(photos)} photos, {size}"]
        parts.append(f"{len(self.splits.train)} to learn from, {len(self.splits.val) + len(self.splits.test)} to check")
        if self.scan.rejected:
            parts.append(f"{len(self.scan.rejected)} unusable")
        if self.scan.passed_over:
            parts.append(f"{len(self.scan.passed_over)} passed over")
        return " · ".join(parts)


def build_checklist(
    config: TrainerConfig,
    problems: Mapping[str, str],
    source: SourceStatus,
    *,
    needed_bytes: int | None = None,
    pending: Collection[str] = (),
    captured: Collection[str] = (),
) -> tuple[Check, ...]:
    """Return the checklist, in the order of the form.

    Args:
        config: the current settings.
        problems: field name -> sentence, from `settings.rules.find_problems`.
        source: the state of the source folder.
        needed_bytes: the disk space that the run needs; None if it is unknown.
        pending: fields whose file is still being read.
        captured: kinds of the watches that took the user's captures.
    """
    checks = [_source_check(config, source), _workspace_check(config, needed_bytes)]
    other = find_unchosen_watch(config, captured)
    if other is not None:
        text = f"Your watch photos are from a {' or '.join(other.models)}. Choose it as your watch"
        checks.append(Check(WARNING, text, "monochrome_style"))
    settings = {name: text for name, text in problems.items() if name not in ("source_dir", "workspace")}
    checks += [Check(ERROR, with_short_path(text, getattr(config, name)), name) for name, text in settings.items()]
    waiting = [name for name in pending if name not in (*settings, "source_dir", "workspace")]
    checks += [Check(PENDING, f"Reading {Path(getattr(config, name) or '').name} …", name) for name in waiting]
    if config.gan_weight > 0 and not config.init_weights:
        text = "To make a network sharper, start from a trained one, or resume its run"
        checks.append(Check(WARNING, text, "init_weights"))
    return tuple(checks)


def find_unchosen_watch(config: TrainerConfig, captured: Collection[str]) -> Watch | None:
    """Return the watch that took the user's captures, if none of them is from the chosen one.

    Args:
        config: the current settings.
        captured: kinds of the watches that took them.
    """
    if not captured or select_watch(mono=config.monochrome_style).kind in captured:
        return None
    return select_watch(mono=not config.monochrome_style)


def with_short_path(text: str, path: Any) -> str:
    """Return `text` with the path cut to what lies below it or its name: a line has room for a reason or a path."""
    if not isinstance(path, str) or not Path(path).name:
        return text
    return text.replace(os.path.join(path, ""), "").replace(path, Path(path).name)


def workspace_problem(folder: Path) -> str:
    """Return the reason why a folder cannot be the workspace, or ""."""
    foreign = describe_foreign_path(folder)
    if foreign:
        return foreign.rstrip(".")
    for place in (folder, *folder.parents):
        problem = find_access_problem(place)
        if problem and problem != MISSING:
            return f"it {problem}" if place == folder else f"{place} {problem}"
        if not problem and not os.path.isdir(place):
            return "it is a file, not a folder" if place == folder else f"it lies in a file, {place}"
        if not problem:
            return "" if os.access(place, os.W_OK | os.X_OK) else f"you may not write in {place}"
    return f"{folder.anchor or folder} {MISSING}"


def _source_check(config: TrainerConfig, source: SourceStatus) -> Check:
    if config.demo:
        return Check(OK, "Built-in scenes instead of photos", "source_dir")
    if not config.source_dir:
        return Check(ERROR, "Choose a folder with sharp photos to learn from", "source_dir")
    if source.problem:
        return Check(ERROR, with_short_path(source.problem, config.source_dir), "source_dir")
    if source.scan is None:
        return Check(PENDING, "Checking the photos …", "source_dir")
    captures = find_captures_problem(source.scan)
    if captures:
        state = WARNING if config.resume_from else ERROR
        return Check(state, with_short_path(captures, config.source_dir), "source_dir")
    count = len(source.scan.photos)
    return Check(OK, "1 photo" if count == 1 else f"{count} photos", "source_dir")


def _workspace_check(config: TrainerConfig, needed: int | None) -> Check:
    if not config.workspace:
        return Check(ERROR, "Choose where the results go", "workspace")
    folder = Path(os.path.abspath(config.workspace))
    problem = workspace_problem(folder)
    if problem:
        return Check(ERROR, f"Where the results go: {with_short_path(problem, str(folder))}", "workspace")
    free = _free_bytes(folder)
    if free is None:
        return Check(OK, "Where the results go: writable", "workspace")
    if needed is not None and free < needed:
        text = f"Disk: {format_bytes(free)} free, up to {format_bytes(needed)} needed"
        return Check(WARNING, text, "workspace")
    return Check(OK, f"Where the results go: {format_bytes(free)} free", "workspace")


def _free_bytes(folder: Path) -> int | None:
    """Return the free bytes of the disk that holds `folder` or will hold it; None if the system does not say."""
    try:
        return shutil.disk_usage(next(parent for parent in (folder, *folder.parents) if os.path.exists(parent))).free
    except (OSError, StopIteration):
        return None
