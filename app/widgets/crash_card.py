"""Card that announces a crash of the previous session and opens its report."""

from __future__ import annotations

from PySide6.QtWidgets import QWidget

from app.widgets.cards import Card
from app.widgets.errors import ErrorReport, show_report

_ADVICE = (
    "Your files are unharmed. If a run was interrupted, open its workspace to resume it. "
    "If the program crashes again, save this report and include it in a bug report."
)


class CrashCard(Card):
    """Card for a crash report, hidden until `show_crash` receives one."""

    def __init__(self) -> None:
        super().__init__()
        self._report = ErrorReport("The program crashed", "")
        self.show_button = self._button("Show report", "info", self._show)

    def show_crash(self, crash_report: str) -> None:
        """Offer the report of an earlier crash; do nothing if it is ""."""
        if crash_report:
            cause = "An error in the program, a library or a driver ended the last session."
            self._report = ErrorReport("The program crashed", cause, _ADVICE, crash_report)
            self.set_content(
                "wrong", "warning", "The program crashed the last time it ran", "A crash report is available."
            )

    def _show(self) -> None:
        parent: QWidget = self.window()
        show_report(self._report, parent, unfold=True)
        self.dismiss()
