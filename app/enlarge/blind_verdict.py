"""The result of a blind comparison: which model is preferred, and how often each was better."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QFrame, QGridLayout, QHBoxLayout, QVBoxLayout, QWidget

from app.enlarge.named_model import NamedModel, tell_apart
from app.widgets.plain_text import PlainLabel, keep_units
from app.widgets.theme import SPACING, scale_width
from trainer_core.blind.comparison import BlindResult

_WIDTH = 560  # pixels
_NEITHER = "No difference"


class BlindVerdict(QWidget):
    """Page with a result (`show_result`)."""

    def __init__(self) -> None:
        super().__init__()
        self.heading, self.advice = PlainLabel(), PlainLabel()
        self.heading.setProperty("role", "subtitle")
        self.advice.setProperty("role", "muted")
        self.rows = [(PlainLabel(), PlainLabel()) for _ in range(3)]  # a name, and how often it was better
        card = QFrame()
        card.setProperty("role", "card")
        card.setMaximumWidth(scale_width(_WIDTH))
        column = QVBoxLayout(card)
        column.setContentsMargins(*[3 * SPACING] * 4)
        column.setSpacing(2 * SPACING)
        column.addWidget(self.heading)
        column.addLayout(self._make_table())
        column.addWidget(self.advice)
        for label in (self.heading, self.advice):
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

    def show_result(self, result: BlindResult, models: tuple[NamedModel, NamedModel]) -> None:
        """Show the result for two models."""
        first, second = tell_apart(models)
        verdict = result.describe_verdict(first, second)
        has_preference = bool(result.first + result.second)
        self.heading.setText(verdict if result.is_clear else "No clear preference" if has_preference else _NEITHER)
        better = ((models[0].name, result.first), (models[1].name, result.second))
        lines = [(name, f"better in {number} of {result.count}") for name, number in better]
        for labels, texts in zip(self.rows, [*lines, (_NEITHER, f"in {result.equal} of {result.count}")]):
            for label, text in zip(labels, texts):
                label.setText(text)
        share = [result.describe_share(first)] if has_preference else []
        self.advice.setText(keep_units(" ".join([*share, *([] if result.is_clear else [verdict])])))
