"""The result of a blind comparison: which model is preferred, how often each was better, and where the answers are."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QFrame, QGridLayout, QHBoxLayout, QVBoxLayout, QWidget

from app.enlarge.named_model import NamedModel, tell_apart
from app.system.file_manager import open_folder
from app.widgets.buttons import make_button
from app.widgets.elided import ElidedLabel
from app.widgets.plain_text import PlainLabel, keep_units, plain_tooltip
from app.widgets.theme import SPACING, scale_width
from trainer_core.blind.comparison import BlindResult

_WIDTH = 560  # pixels
_INTERVAL_TIP = (
    "With very many photos, your share of preferences would most likely lie within this interval.\n"
    "If it contains 50 %, both models may be equally good."
)


class BlindVerdict(QWidget):
    """Page with a result (`show_result`) and the file of its answers (`show_record`)."""

    def __init__(self) -> None:
        super().__init__()
        self.heading, self.share, self.record = PlainLabel(), PlainLabel(), ElidedLabel()
        self.heading.setProperty("role", "subtitle")
        for label in (self.share, self.record):
            label.setProperty("role", "muted")
        self.share.setToolTip(plain_tooltip(_INTERVAL_TIP))
        self.rows = [(PlainLabel(), PlainLabel()) for _ in range(3)]  # a name, and how often it was better
        self._folder = Path()
        self.folder_button = make_button("Show folder", "folder", lambda: open_folder(self._folder))
        card = QFrame()
        card.setProperty("role", "card")
        card.setMaximumWidth(scale_width(_WIDTH))
        column = QVBoxLayout(card)
        column.setContentsMargins(*[3 * SPACING] * 4)
        column.setSpacing(2 * SPACING)
        column.addWidget(self.heading)
        column.addLayout(self._make_table())
        column.addWidget(self.share)
        column.addWidget(self._make_record_row())
        for label in (self.heading, self.share):
            label.setWordWrap(True)
        row = QHBoxLayout(self)
        row.addStretch(1)
        row.addWidget(card, 100, Qt.AlignmentFlag.AlignVCenter)
        row.addStretch(1)

    def _make_table(self) -> QGridLayout:
        table = QGridLayout()
        table.setHorizontalSpacing(3 * SPACING)
        table.setVerticalSpacing(SPACING)
        table.setColumnStretch(0, 1)
        for place, (name, count) in enumerate(self.rows):
            name.setWordWrap(True)
            table.addWidget(name, place, 0)
            table.addWidget(count, place, 1, Qt.AlignmentFlag.AlignRight)
        return table

    def _make_record_row(self) -> QWidget:
        self._record_row = QWidget()
        policy = self._record_row.sizePolicy()
        policy.setRetainSizeWhenHidden(True)  # so that nothing moves when the answers are saved
        self._record_row.setSizePolicy(policy)
        row = QHBoxLayout(self._record_row)
        row.setContentsMargins(0, 0, 0, 0)
        row.addWidget(self.record, 1)
        row.addWidget(self.folder_button)
        return self._record_row

    def show_result(self, result: BlindResult, models: tuple[NamedModel, NamedModel]) -> None:
        """Show the result for two models, whose answers are being saved."""
        first, second = tell_apart(models)
        self.heading.setText(result.describe_verdict(first, second))
        better = ((models[0].name, result.first), (models[1].name, result.second))
        lines = [(name, f"better in {number} of {result.count}") for name, number in better]
        for labels, texts in zip(self.rows, [*lines, ("No difference", f"in {result.equal} of {result.count}")]):
            for label, text in zip(labels, texts):
                label.setText(text)
        self.share.setText(keep_units(result.describe_share(first)) if result.first + result.second else "")
        self._record_row.hide()

    def show_record(self, record: Path) -> None:
        """Show in which file the answers are, with a button for its folder."""
        self._folder = record.parent
        self.record.set_text(f"The answers are in {record}.", f"The answers are in {record.name}.")
        self._record_row.show()
