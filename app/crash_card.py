"""Says that the program crashed the last time, and shows the report."""

from __future__ import annotations

from PySide6.QtWidgets import QWidget

from app.cards import Card
from app.errors import ErrorReport, show_report

_ADVICE = (
    "Your files are unharmed; an unfinished run is offered for resuming when its workspace is opened. "
    "If it comes back, save this report and pass it on."
)


class CrashCard(Card):
    """Hidden unless `tell` has something to say."""

    def __init__(self) -> None:
        super().__init__()
        self._report = ErrorReport("The program crashed", "")
        self.show_button = self._button("Show report", "info", self._show)
        self.buttons.addStretch(1)

    def show_crash(self, crash_report: str) -> None:
        """Offer the report of an earlier crash; "" is none."""
        if crash_report:
            cause = "The last time, this program was ended by a fault in itself, in a library or in a driver."
            self._report = ErrorReport("The program crashed", cause, _ADVICE, crash_report)
            self.set_content(
                "wrong", "warning", "The program crashed the last time", "What is known about it is in a report."
            )

    def _show(self) -> None:
        parent: QWidget = self.window()
        show_report(self._report, parent, unfold=True)
        self.hide()
