"""The settings form: one row for every setting of the schema, the frequent ones in sight, the others in folded groups.

Made from the schema alone, so that a new field appears here by itself.
"""

from __future__ import annotations

from PySide6.QtCore import QPoint, Qt, QTimer, Signal
from PySide6.QtWidgets import QFrame, QLabel, QScrollArea, QVBoxLayout, QWidget

from app.form.group import FoldedGroup
from app.form.row import Row
from app.form.wording import sentence
from app.project import Project
from app.theme import SPACE
from trainer_core.settings.config import SETTINGS
from trainer_core.settings.schema import Setting


class SettingsForm(QScrollArea):
    """Shows a project's settings and hands every edit to it."""

    show_unusable = Signal()

    def __init__(self, project: Project) -> None:
        super().__init__()
        self._project = project
        self.rows: dict[str, Row] = {}
        self._groups: dict[str, FoldedGroup] = {}
        self._content = QWidget()
        self._layout = QVBoxLayout(self._content)
        self._layout.setContentsMargins(2 * SPACE, SPACE, SPACE, SPACE)
        self._layout.setSpacing(SPACE + SPACE // 4)
        self._fill()
        self.setWidget(self._content)
        self.setWidgetResizable(True)
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        project.changed.connect(self.refresh)
        self.refresh()

    def _fill(self) -> None:
        for setting in SETTINGS.values():
            if not setting.advanced:
                self._layout.addWidget(self._row(setting))
        more = QLabel("More settings")
        more.setProperty("role", "muted")
        self._layout.addSpacing(SPACE)
        self._layout.addWidget(more)
        self._folded = QVBoxLayout()
        self._folded.setSpacing(0)
        self._layout.addLayout(self._folded)
        for setting in SETTINGS.values():
            if setting.advanced:
                self._group(setting.group).add(self._row(setting))
        self._layout.addStretch(1)

    def _row(self, setting: Setting) -> Row:
        row = Row(setting)
        row.edited.connect(self._project.set)
        row.chosen.connect(self._project.choose)
        row.reset.connect(self._project.reset)
        row.more.connect(self.show_unusable)
        self.rows[row.setting.name] = row
        return row

    def _group(self, title: str) -> FoldedGroup:
        if title not in self._groups:
            self._groups[title] = FoldedGroup(title)
            self._folded.addWidget(self._groups[title])
        return self._groups[title]

    def refresh(self) -> None:
        """Show what holds now."""
        draft, wrong = self._project.draft, self._project.wrong
        config = draft.config
        changed = dict.fromkeys(self._groups, 0)
        for name, row in self.rows.items():
            value, default = getattr(config, name), draft.default(name)
            row.show_setting(value, default)
            fault = wrong.get(name, "")
            note = sentence(fault) or self._project.note(name)
            row.show_note(note, wrong=bool(fault), more="" if fault else self._project.more(name))
            if row.setting.advanced and value != default:
                changed[row.setting.group] += 1
        for title, group in self._groups.items():
            group.say(changed[title])

    def go_to(self, name: str) -> None:
        """Bring a setting into sight and put the cursor there."""
        row = self.rows[name]
        if row.setting.advanced:
            self._groups[row.setting.group].unfold(True)
        QTimer.singleShot(0, lambda: self.ensureWidgetVisible(row))  # once the group has been laid out
        row.entry.setFocus(Qt.FocusReason.OtherFocusReason)

    def setting_at(self, place: QPoint) -> str:
        """The setting whose row is at a place on the screen, or ""."""
        for name, row in self.rows.items():
            if row.isVisible() and row.rect().contains(row.mapFromGlobal(place)):
                return name
        return ""

    def lock(self, locked: bool) -> None:
        """While a run is under way its settings can be read, not changed."""
        self._content.setEnabled(not locked)
