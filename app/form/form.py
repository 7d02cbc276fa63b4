"""The settings form: a row for each question, in their order, and one for each other setting behind *Expert*.

The form is built from the schema and the questions of `wording`, so that a new setting appears without a change here;
only the sharpness is a name for several settings.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from PySide6.QtCore import QPoint, Qt, QTimer, Signal
from PySide6.QtWidgets import QFrame, QScrollArea, QVBoxLayout, QWidget

from app.form.entries import ChoiceEntry, NumberEntry
from app.form.group import FoldedGroup
from app.form.project import Project
from app.form.row import Row, make_row
from app.form.sharpness import SharpnessRow
from app.help.sections import RUNNING, set_section
from app.widgets.scroll_bar import reserve_scroll_bar
from app.widgets.theme import SPACING
from app.widgets.wording import FORM_QUESTIONS, with_form_labels
from trainer_core.settings.config import SETTINGS
from trainer_core.settings.rules import find_overruled
from trainer_core.settings.schema import Setting


class SettingsForm(QScrollArea):
    """Scrollable form that shows the settings of a project and passes every edit to it."""

    unusable_requested = Signal()  # to list the unusable files of the source folder

    def __init__(self, project: Project) -> None:
        super().__init__()
        set_section(self, RUNNING)
        self._project = project
        self.rows: dict[str, Row] = {}
        self._groups: dict[str, FoldedGroup] = {}
        self._planned_steps = ""
        self._requests: Mapping[str, str] = {}  # setting that a training needs -> note while the setting is empty
        self._advice: Mapping[str, str] = {}  # setting -> note if there is no other one
        self._content = QWidget()
        self._layout = QVBoxLayout(self._content)
        self._layout.setContentsMargins(2 * SPACING, SPACING // 2, SPACING, SPACING)
        self._layout.setSpacing(SPACING // 4)  # the room for the notes separates the rows
        self._build_rows()
        self.setWidget(self._content)
        self.setWidgetResizable(True)
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        reserve_scroll_bar(self)
        self.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        project.changed.connect(self.refresh)
        self.refresh()

    def _build_rows(self) -> None:
        for name in FORM_QUESTIONS:
            self._layout.addWidget(self._make_row(SETTINGS[name]))
        self.expert = FoldedGroup("Expert")
        self.expert.unfolded.connect(lambda: self._scroll_to_contents(self.expert))
        self._layout.addWidget(self.expert)
        self.sharpness = SharpnessRow(self._project)
        experts = [setting for name, setting in SETTINGS.items() if name not in FORM_QUESTIONS]
        for title in dict.fromkeys(setting.group for setting in experts):
            self._add_group(title, [setting for setting in experts if setting.group == title])
        self._layout.addStretch(1)

    def _make_row(self, setting: Setting) -> Row:
        row = make_row(setting)
        row.edited.connect(self._project.set_value)
        row.path_chosen.connect(self._project.set_path)
        row.reset_clicked.connect(self._project.reset_value)
        row.more_clicked.connect(self.unusable_requested)
        row.remedy_clicked.connect(self._project.apply_remedy)
        self.rows[setting.name] = row
        return row

    def _add_group(self, title: str, settings: Sequence[Setting]) -> None:
        group = self._groups[title] = FoldedGroup(title)
        group.unfolded.connect(lambda: self._scroll_to_contents(group))
        self.expert.add(group)
        if title == self.sharpness.setting.group:
            group.add(self.sharpness)
        for setting in settings:
            group.add(self._make_row(setting))

    def refresh(self) -> None:
        """Show the values, problems and notes of the project."""
        draft, problems = self._project.draft, self._project.problems
        config = draft.config
        changed, overruled = dict.fromkeys(self._groups, 0), find_overruled(config)
        for name, row in self.rows.items():
            value, default = getattr(config, name), draft.default(name)
            row.show_setting(value, default)
            problem = problems.get(name, "")
            problem = problem or ("" if value else self._requests.get(name, ""))
            note = with_form_labels(problem) or self._project.note(name) or self._advice.get(name, "")
            more, details = self._project.details_label(name), self._project.note_details(name)
            row.set_note(note, invalid=bool(problem), more=more, details="" if problem else details)
            row.show_remedy(*self._project.remedy(name))
            if value != default and name not in {*FORM_QUESTIONS, *overruled}:
                changed[row.setting.group] += 1
        self._show_steps()
        self.sharpness.refresh()
        for title, group in self._groups.items():
            group.show_changed_count(changed[title])
        self.expert.show_changed_count(sum(changed.values()))

    def show_planned_steps(self, text: str) -> None:
        """Show the steps that follow from the time limit, "" while they are not known."""
        self._planned_steps = text
        self._show_steps()

    def show_advice(self, advice: Mapping[str, str]) -> None:
        """Show below settings, given by name, what to do about a warning."""
        if advice != self._advice:
            self._advice = advice
            self.refresh()

    def _show_steps(self) -> None:
        """Gray the steps while the time limit decides, and show those that follow from it."""
        entry, config = self.rows["steps"].entry, self._project.draft.config
        assert isinstance(entry, NumberEntry)
        entry.show_result(None if config.max_minutes is None else self._planned_steps)

    def show_choices(self, name: str, labels: Mapping[str, str]) -> None:
        """Offer these values for a setting with a list of choices, with their texts."""
        entry = self.rows[name].entry
        assert isinstance(entry, ChoiceEntry)
        entry.show_choices(labels)

    def show_setting(self, name: str) -> None:
        """Scroll to a setting, if there is one with this name, and unfold its group."""
        row = self.rows.get(name)
        if row is None:
            return
        if name not in FORM_QUESTIONS:
            self.expert.set_open(True)
            self._groups[row.setting.group].set_open(True)
        QTimer.singleShot(0, lambda: self.ensureWidgetVisible(row))  # after the layout of the unfolded group

    def _scroll_to_contents(self, group: FoldedGroup) -> None:
        """Scroll so that an unfolded group begins at the top at most, and shows as much as there is room for."""

        def scroll() -> None:
            margin = max(0, group.height() - self.viewport().height())
            bottom = group.mapTo(self._content, QPoint(0, group.height() - margin - 1)).y()
            self.ensureVisible(0, bottom, 0, 0)

        QTimer.singleShot(0, self, scroll)  # after the layout of the unfolded group

    def focus_setting(self, name: str) -> None:
        """Show a setting and give its entry the keyboard focus."""
        self.show_setting(name)
        self.rows[name].entry.setFocus(Qt.FocusReason.OtherFocusReason)

    def ask_for(self, problems: Mapping[str, str]) -> None:
        """Say beside each empty field what a training needs there, and focus the first of the settings."""
        config = self._project.draft.config
        self._requests = {name: text for name, text in problems.items() if not getattr(config, name, None)}
        self.refresh()
        self.focus_setting(next(iter(problems)))

    def setting_at(self, global_position: QPoint) -> str:
        """Return the name of the setting whose row is at this screen position, or ""."""
        for name, row in self.rows.items():
            if row.isVisible() and row.rect().contains(row.mapFromGlobal(global_position)):
                return name
        return ""

    def set_locked(self, locked: bool) -> None:
        """Make the form read-only while a run is under way, or editable again."""
        self._content.setEnabled(not locked)
