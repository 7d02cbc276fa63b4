"""The table of a calibration's result: how close the built-in and the fitted profile come, in words and figures.

It has the same rows and the same size with a result as without one.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import Qt
from PySide6.QtGui import QFontMetrics
from PySide6.QtWidgets import QFrame, QGridLayout

from app.widgets.plain_text import PlainLabel
from app.widgets.theme import SPACING, theme
from trainer_core.calibration.closeness import (
    ASPECTS,
    CLOSE,
    DIFFERENT,
    FAR,
    describe_distance,
    describe_separability,
    list_closeness,
)

if TYPE_CHECKING:
    from trainer_core.calibration.calibrate import Calibration

_ROLES = {CLOSE: "success", DIFFERENT: "", FAR: "error"}
_OVERALL, _SEPARABILITY = "All together", "Recognized as simulated"
_ROWS = max(len(aspects) for aspects in ASPECTS.values()) + 2


class ClosenessTable(QFrame):
    """Table with a row for each aspect and a column for each profile."""

    def __init__(self) -> None:
        super().__init__()
        self.setProperty("role", "card")
        grid = QGridLayout(self)
        grid.setContentsMargins(SPACING + SPACING // 2, SPACING, SPACING + SPACING // 2, SPACING)
        grid.setHorizontalSpacing(SPACING)
        grid.setVerticalSpacing(SPACING // 2)
        grid.setColumnStretch(0, 1)
        for column, title in ((1, "Built-in profile"), (3, "Your profile")):
            heading = PlainLabel(title)
            heading.setProperty("role", "muted")
            grid.addWidget(heading, 0, column, 1, 2)
        self._rows = [self._make_row(grid, number + 1) for number in range(_ROWS)]
        self.show_aspects("mono")

    def _make_row(self, grid: QGridLayout, row: int) -> list[PlainLabel]:
        """Return the labels of a row: its name, then a word and a figure for each profile."""
        labels, metrics = [PlainLabel() for _ in range(5)], QFontMetrics(theme().font())
        for column, label in enumerate(labels):
            grid.addWidget(label, row, column)
        for label in labels[1::2]:
            label.setMinimumWidth(metrics.horizontalAdvance(f"{DIFFERENT} "))
        for label in labels[2::2]:
            label.setProperty("role", "muted")
            label.setMinimumWidth(metrics.horizontalAdvance("0.000"))
            label.setAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
        return labels

    def show_aspects(self, kind: str) -> None:
        """Show the names of the rows for a kind of watch, without a result."""
        names = [_OVERALL, _SEPARABILITY, *ASPECTS[kind]]
        for number, labels in enumerate(self._rows):
            name = names[number] if number < len(names) else ""
            labels[0].setText(name)
            _set_role(labels[0], "heading" if name == _OVERALL else "")
            for label in labels[1:]:
                label.clear()

    def show_result(self, calibration: Calibration) -> None:
        """Show a result."""
        kind = calibration.profile.kind
        self.show_aspects(kind)
        for profile, score in enumerate((calibration.builtin, calibration.fitted)):
            self._show_cell(0, profile, describe_distance(score.distance), score.distance)
            self._show_cell(1, profile, describe_separability(score.auc), score.auc)
            for row, each in enumerate(list_closeness(kind, score.terms), 2):
                self._show_cell(row, profile, each.words, each.distance)

    def _show_cell(self, row: int, profile: int, words: str, figure: float) -> None:
        word_label, figure_label = self._rows[row][1 + 2 * profile : 3 + 2 * profile]
        word_label.setText(words)
        _set_role(word_label, _ROLES.get(words, ""))
        figure_label.setText(f"{figure:.2f}")

    @property
    def texts(self) -> list[list[str]]:
        """The texts of all rows."""
        return [[label.text() for label in labels] for labels in self._rows]


def _set_role(label: PlainLabel, role: str | None) -> None:
    label.setProperty("role", role or "")
    label.style().unpolish(label)
    label.style().polish(label)
