"""The list of what is not used of the source folder: unusable files and what is passed over, each with its reason."""

from __future__ import annotations

from PySide6.QtWidgets import QWidget

from app.widgets.errors import ErrorReport, show_report
from trainer_core.planning.readiness import SourceStatus

_UNUSABLE = (  # for one, for more
    "1 file cannot be used and will be skipped.",
    "{count} files cannot be used and will be skipped.",
)
_PASSED_OVER = (
    "1 file or folder is passed over because it is not one of your photos.",
    "{count} files or folders are passed over because they are not your photos.",
)


def show_unusable_files(source: SourceStatus, parent: QWidget) -> None:
    """Show what is not used of the source folder in a dialog; do nothing if everything is used."""
    if source.scan is None or not source.scan.rejected + source.scan.passed_over:
        return
    rejected, passed_over = source.scan.rejected, source.scan.passed_over
    causes = []
    if rejected:
        causes.append(_UNUSABLE[len(rejected) != 1].format(count=len(rejected)))
    if passed_over:
        causes.append(_PASSED_OVER[len(passed_over) != 1].format(count=len(passed_over)))
    lines = "\n".join(f"{entry.name}: {entry.reason}" for entry in rejected + passed_over)
    title = "Unusable files" if rejected else "Passed over"
    show_report(ErrorReport(title, f"{source.scan.root}: {' '.join(causes)}", "", lines), parent, unfold=True)
