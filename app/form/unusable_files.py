"""The list of what is not used of the source folder: unusable files and what is passed over, each with its reason."""

from __future__ import annotations

from PySide6.QtWidgets import QWidget

from app.widgets.errors import ErrorReport, show_report
from trainer_core.planning.readiness import SourceStatus


def show_unusable_files(source: SourceStatus, parent: QWidget) -> None:
    """Show what is not used of the source folder in a dialog; do nothing if everything is used."""
    if source.scan is None or not source.scan.rejected + source.scan.passed_over:
        return
    rejected, passed_over = source.scan.rejected, source.scan.passed_over
    causes = []
    if rejected:
        causes.append(f"{len(rejected)} file{'s' * (len(rejected) != 1)} cannot be used and will be skipped.")
    if passed_over:
        plural = "s" * (len(passed_over) != 1)
        causes.append(f"{len(passed_over)} file{plural} or folder{plural} passed over: not your photos.")
    lines = "\n".join(f"{entry.name}: {entry.reason}" for entry in rejected + passed_over)
    title = "Unusable files" if rejected else "Passed over"
    show_report(ErrorReport(title, f"{source.scan.root}: {' '.join(causes)}", "", lines), parent, unfold=True)
