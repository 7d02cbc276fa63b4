"""What a run still needs before it can start, to show beside a Start button. Writes nothing, needs no torch."""

from __future__ import annotations

import os
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from trainer_core.data.photos import Scan
from trainer_core.data.splits import Splits
from trainer_core.settings.config import TrainerConfig

OK, PENDING, ERROR, WARNING = "ok", "waiting", "wrong", "doubtful"


@dataclass(frozen=True)
class Check:
    """One line: its state, what it says, and the setting that mends it."""

    state: str  # OK, WAITING (being looked at), WRONG, or DOUBTFUL (a run may start, and fail)
    text: str
    setting: str


@dataclass(frozen=True)
class SourceStatus:
    """What is known of the source folder: found photos, or why there are none, or neither yet."""

    scan: Scan | None = None
    splits: Splits | None = None
    problem: str = ""

    def summary(self) -> str:
        """Photos, their shorter sides and the split in one line."""
        if self.scan is None or self.splits is None:
            return self.problem or "looking at the photos …"
        photos = self.scan.photos
        sides = [min(p.width, p.height) for p in photos]
        size = f"{min(sides)} px" if min(sides) == max(sides) else f"{min(sides)} to {max(sides)} px"
        parts = [f"{len(photos)} photo{'s' * (len(photos) != 1)}, {size}"]
        parts.append(f"{len(self.splits.train)}/{len(self.splits.val)}/{len(self.splits.test)} train/val/test")
        if self.scan.rejected:
            parts.append(f"{len(self.scan.rejected)} unusable")
        return " · ".join(parts)


def build_checklist(config: TrainerConfig, problems: Mapping[str, str], source: SourceStatus) -> tuple[Check, ...]:
    """The lines in the order in which a user fills in the form.

    Args:
        wrong: field name -> sentence, as `settings.complaints` gives it.
    """
    settings = {name: text for name, text in problems.items() if name not in ("source_dir", "workspace")}
    checks = [_source_check(config, source), _workspace_check(config)]
    checks += [Check(ERROR, text, name) for name, text in settings.items()]
    if not settings:
        checks.append(Check(OK, "All settings are valid", "scale"))
    return tuple(checks)


def workspace_problem(folder: Path) -> str:
    """Why a folder cannot become the workspace, "" if it can."""
    if folder.exists() and not folder.is_dir():
        return "it is a file, not a folder"
    existing = next((parent for parent in (folder, *folder.parents) if parent.exists()), None)
    if existing is None or not existing.is_dir():
        return f"{existing} is not a folder"
    return "" if os.access(existing, os.W_OK | os.X_OK) else f"{existing} cannot be written to"


def _source_check(config: TrainerConfig, source: SourceStatus) -> Check:
    if config.demo:
        return Check(OK, "Built-in scenes instead of photos", "source_dir")
    if not config.source_dir:
        return Check(ERROR, "Choose the folder with your photos", "source_dir")
    if source.problem:
        return Check(ERROR, source.problem, "source_dir")
    if source.scan is None:
        return Check(PENDING, "Looking at the photos …", "source_dir")
    return Check(OK, f"{len(source.scan.photos)} photos", "source_dir")


def _workspace_check(config: TrainerConfig) -> Check:
    if not config.workspace:
        return Check(ERROR, "Choose a workspace for the results", "workspace")
    folder = Path(os.path.abspath(config.workspace))
    fault = workspace_problem(folder)
    if fault:
        return Check(ERROR, f"The workspace cannot be used: {fault}", "workspace")
    existing = next(parent for parent in (folder, *folder.parents) if parent.exists())
    free = shutil.disk_usage(existing).free
    return Check(OK, f"Workspace is writable, {free / 1e9:.0f} GB free", "workspace")
