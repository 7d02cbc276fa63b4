"""The settings form: one row per setting of the schema, the basic ones always visible, the others in folded groups.

The form is built from the schema alone, so that a new setting appears without a change here; only the sharpness is a
name for several settings.
"""

from __future__ import annotations

from collections.abc import Mapping

from PySide6.QtCore import QPoint, Qt, QTimer, Signal
from PySide6.QtWidgets import QFrame, QScrollArea, QVBoxLayout, QWidget

from app.form.entries import ChoiceEntry
from app.form.group import FoldedGroup
from app.form.row import Row
from app.form.sharpness import SharpnessRow
from app.form.wording import with_form_labels
from app.plain_text import PlainLabel
from app.project import Project
from app.theme import SPACING
from trainer_core.settings.config import SETTINGS
from trainer_core.settings.schema import Setting


class SettingsForm(QScrollArea):
    """Scrollable form that shows the settings of a project and passes every edit to it."""

    unusable_requested = Signal()  # to list the unusable files of the source folder

    def __init__(self, project: Project) -> None:
        super().__init__()
        self._project = project
        self.rows: dict[str, Row] = {}
        self._groups: dict[str, FoldedGroup] = {}
        self._content = QWidget()
        self._layout = QVBoxLayout(self._content)
        self._layout.setContentsMargins(2 * SPACING, SPACING, SPACING, SPACING)
        self._layout.setSpacing(SPACING + SPACING // 4)
        self._build_rows()
        self.setWidget(self._content)
        self.setWidgetResizable(True)
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        project.changed.connect(self.refresh)
        self.refresh()

    def _build_rows(self) -> None:
        for setting in SETTINGS.values():
            if not setting.advanced:
                self._layout.addWidget(self._make_row(setting))
        self.sharpness = SharpnessRow(self._project)
        self._layout.addWidget(self.sharpness)
        more = PlainLabel("More settings")
        more.setProperty("role", "muted")
        self._layout.addSpacing(SPACING)
        self._layout.addWidget(more)
        self._folded = QVBoxLayout()
        self._folded.setSpacing(0)
        self._layout.addLayout(self._folded)
        for setting in SETTINGS.values():
            if setting.advanced:
                self._make_group(setting.group).add(self._make_row(setting))
        self._layout.addStretch(1)

    def _make_row(self, setting: Setting) -> Row:
        row = Row(setting)
        row.edited.connect(self._project.set_value)
        row.path_chosen.connect(self._project.set_path)
        row.reset_clicked.connect(self._project.reset_value)
        row.more_clicked.connect(self.unusable_requested)
        self.rows[row.setting.name] = row
        return row

    def _make_group(self, title: str) -> FoldedGroup:
        if title not in self._groups:
            self._groups[title] = FoldedGroup(title)
            self._folded.addWidget(self._groups[title])
        return self._groups[title]

    def refresh(self) -> None:
        """Show the values, problems and notes of the project."""
        draft, problems = self._project.draft, self._project.problems
        config = draft.config
        changed = dict.fromkeys(self._groups, 0)
        for name, row in self.rows.items():
            value, default = getattr(config, name), draft.default(name)
            row.show_setting(value, default)
            problem = problems.get(name, "")
            note = with_form_labels(problem) or self._project.note(name)
            row.set_note(note, invalid=bool(problem), more="" if problem else self._project.details_label(name))
            if row.setting.advanced and value != default:
                changed[row.setting.group] += 1
        self.sharpness.refresh()
        for title, group in self._groups.items():
            group.show_changed_count(changed[title])

    def show_choices(self, name: str, labels: Mapping[str, str]) -> None:
        """Offer these values for a setting with a list of choices, with their texts."""
        entry = self.rows[name].entry
        assert isinstance(entry, ChoiceEntry)
        entry.show_choices(labels)

    def focus_setting(self, name: str) -> None:
        """Scroll to a setting, unfold its group and give its entry the keyboard focus."""
        row = self.rows[name]
        if row.setting.advanced:
            self._groups[row.setting.group].set_open(True)
        QTimer.singleShot(0, lambda: self.ensureWidgetVisible(row))  # after the layout of the unfolded group
        row.entry.setFocus(Qt.FocusReason.OtherFocusReason)

    def setting_at(self, global_position: QPoint) -> str:
        """Return the name of the setting whose row is at this screen position, or ""."""
        for name, row in self.rows.items():
            if row.isVisible() and row.rect().contains(row.mapFromGlobal(global_position)):
                return name
        return ""

    def set_locked(self, locked: bool) -> None:
        """Make the form read-only while a run is under way, or editable again."""
        self._content.setEnabled(not locked)
