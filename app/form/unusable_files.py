"""The list of files of the source folder that cannot be used, each with its reason."""

from __future__ import annotations

from PySide6.QtWidgets import QWidget

from app.errors import ErrorReport, show_report
from trainer_core.planning.readiness import SourceStatus


def show_unusable_files(source: SourceStatus, parent: QWidget) -> None:
    """Show the unusable files of the source folder in a dialog; do nothing if there are none."""
    if source.scan is None or not source.scan.rejected:
        return
    lines = "\n".join(f"{entry.name}: {entry.reason}" for entry in source.scan.rejected)
    count = len(source.scan.rejected)
    cause = f"{count} file{'s' * (count != 1)} in {source.scan.root} cannot be used and will be skipped."
    show_report(ErrorReport("Unusable files", cause, "", lines), parent, unfold=True)
