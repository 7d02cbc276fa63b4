"""The files of the source folder that cannot be used, each with its reason."""

from __future__ import annotations

from PySide6.QtWidgets import QWidget

from app.errors import Report, show_report
from trainer_core.planning.readiness import Source


def show_unusable(source: Source, parent: QWidget) -> None:
    """Open the list, if there is anything in it."""
    if source.found is None or not source.found.rejected:
        return
    lines = "\n".join(f"{entry.name}: {entry.reason}" for entry in source.found.rejected)
    count = len(source.found.rejected)
    cause = f"{count} file{'s' * (count != 1)} in {source.found.root} cannot be used; the training goes without them."
    show_report(Report("Unusable files", cause, "", lines), parent, unfold=True)
