"""The checklist that the window shows beside its Start button. Writes nothing and needs no torch."""

from __future__ import annotations

import os
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from trainer_core.data.photos import Scan
from trainer_core.data.splits import Splits
from trainer_core.settings.config import TrainerConfig

OK, PENDING, ERROR, WARNING = "ok", "pending", "error", "warning"


@dataclass(frozen=True)
class Check:
    """One line of the checklist: its state, its text and the setting it concerns."""

    state: str  # OK, PENDING, ERROR (blocks the start) or WARNING (does not block it)
    text: str
    setting: str


@dataclass(frozen=True)
class SourceStatus:
    """State of the source folder: its photos, or a problem, or neither while the search runs."""

    scan: Scan | None = None
    splits: Splits | None = None
    problem: str = ""

    def summary(self) -> str:
        """Return one line with the number of photos, their shorter sides and the split."""
        if self.scan is None or self.splits is None:
            return self.problem or "checking the photos …"
        photos = self.scan.photos
        sides = [min(p.width, p.height) for p in photos]
        size = f"{min(sides)} px" if min(sides) == max(sides) else f"{min(sides)} to {max(sides)} px"
        parts = [f"{len(photos)} photo{'s' * (len(photos) != 1)}, {size}"]
        parts.append(f"{len(self.splits.train)}/{len(self.splits.val)}/{len(self.splits.test)} train/val/test")
        if self.scan.rejected:
            parts.append(f"{len(self.scan.rejected)} unusable")
        if self.scan.passed_over:
            parts.append(f"{len(self.scan.passed_over)} passed over")
        return " · ".join(parts)


def build_checklist(config: TrainerConfig, problems: Mapping[str, str], source: SourceStatus) -> tuple[Check, ...]:
    """Return the checklist, in the order of the form.

    Args:
        config: the current settings.
        problems: field name -> sentence, from `settings.rules.find_problems`.
        source: the state of the source folder.
    """
    settings = {name: text for name, text in problems.items() if name not in ("source_dir", "workspace")}
    checks = [_source_check(config, source), _workspace_check(config)]
    checks += [Check(ERROR, text, name) for name, text in settings.items()]
    if not settings:
        checks.append(Check(OK, "All settings are valid", "scale"))
    return tuple(checks)


def workspace_problem(folder: Path) -> str:
    """Return the reason why a folder cannot be the workspace, or ""."""
    if folder.exists() and not folder.is_dir():
        return "it is a file, not a folder"
    existing = next((parent for parent in (folder, *folder.parents) if parent.exists()), None)
    if existing is None or not existing.is_dir():
        return f"{existing} is not a folder"
    return "" if os.access(existing, os.W_OK | os.X_OK) else f"{existing} is not writable"


def _source_check(config: TrainerConfig, source: SourceStatus) -> Check:
    if config.demo:
        return Check(OK, "Built-in scenes instead of photos", "source_dir")
    if not config.source_dir:
        return Check(ERROR, "Choose the folder with your photos", "source_dir")
    if source.problem:
        return Check(ERROR, source.problem, "source_dir")
    if source.scan is None:
        return Check(PENDING, "Checking the photos …", "source_dir")
    return Check(OK, f"{len(source.scan.photos)} photo{'s' * (len(source.scan.photos) != 1)}", "source_dir")


def _workspace_check(config: TrainerConfig) -> Check:
    if not config.workspace:
        return Check(ERROR, "Choose a workspace for the results", "workspace")
    folder = Path(os.path.abspath(config.workspace))
    problem = workspace_problem(folder)
    if problem:
        return Check(ERROR, f"The workspace cannot be used: {problem}", "workspace")
    existing = next(parent for parent in (folder, *folder.parents) if parent.exists())
    free = shutil.disk_usage(existing).free
    return Check(OK, f"The workspace is writable, {free / 1e9:.0f} GB free", "workspace")
