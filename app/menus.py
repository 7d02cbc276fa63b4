"""Menu bar: every command with its shortcut."""

from __future__ import annotations

from functools import partial
from typing import Callable, Protocol

from PySide6.QtCore import QEvent, QObject, Qt
from PySide6.QtGui import QAction, QActionGroup, QKeyEvent, QKeySequence
from PySide6.QtWidgets import QLineEdit, QMainWindow, QMenu, QPlainTextEdit

from app.export.deployment import Deployment
from app.form.project import Project
from app.form.settings_files import SettingsTransfer
from app.help.windows import Help
from app.run.session import CONTROLLABLE_STATES, SessionState
from app.runs.recent_workspaces import read_recent_workspaces
from app.widgets.plain_text import button_text
from app.widgets.theme import CHOICES, theme


class Commands(Protocol):
    """Commands that the menus call; `RunController` implements them."""

    settings_files: SettingsTransfer

    def start(self) -> None:
        """Start a run, or focus the first setting with a problem."""

    def ask_to_load_demo(self) -> None:
        """Select the built-in scenes, after a question if that replaces choices."""

    def pause_or_resume(self) -> None:
        """Pause or resume the run."""

    def stop(self) -> None:
        """Save a checkpoint and stop the run."""

    def discard(self) -> None:
        """Stop the run without saving, after a question."""

    def save_now(self) -> None:
        """Request a checkpoint."""

    def preview_now(self) -> None:
        """Request a preview."""

    def open_tensorboard(self) -> None:
        """Open the run's TensorBoard files in the browser."""

    def choose_path(self, name: str) -> None:
        """Open the file dialog of a path setting."""

    def add_to_queue(self) -> None:
        """Add the training of the form to the queue, or ask for another one while it runs."""

    def show_queue(self) -> None:
        """Show the queue of trainings."""

    def choose_captures(self) -> None:
        """Choose photos of the watch to pin."""

    def open_workspace(self, path: str) -> None:
        """Open a workspace with its settings and photos."""

    def about(self) -> None:
        """Show the versions."""


class Menus:
    """Menu bar of the window; `show_state` enables and disables its actions."""

    def __init__(self, window: QMainWindow, commands: Commands, project: Project, deployment: Deployment) -> None:
        self._window, self._commands, self._project, self._deployment = window, commands, project, deployment
        self._is_idle = True
        self.shortcuts: list[QKeySequence] = []
        self._idle_actions: list[QAction] = []
        self._run_actions: list[QAction] = []
        self._active_actions: list[QAction] = []
        self._add_file_menu()
        self._add_edit_menu()
        self._add_run_menu()
        self._add_model_menu()
        self._add_view_menu()
        self._shortcut_filter = _ShortcutFilter(window, self.shortcuts)
        self._add_help_menu()

    def _add_file_menu(self) -> None:
        commands, menu = self._commands, self._window.menuBar().addMenu("&File")
        self._add_action(
            menu, "Choose &photos …", lambda: commands.choose_path("source_dir"), "Ctrl+P", self._idle_actions
        )
        open_ = QKeySequence.StandardKey.Open
        self._add_action(
            menu, "Open &workspace …", lambda: commands.choose_path("workspace"), open_, self._idle_actions
        )
        self._recent = menu.addMenu("&Recent workspaces")
        self._recent.aboutToShow.connect(self._fill_recent)
        self._idle_actions.append(self._recent.menuAction())
        self._add_action(
            menu,
            "Choose a model to &start from …",
            lambda: commands.choose_path("init_weights"),
            "Ctrl+W",
            self._idle_actions,
        )
        self._add_action(menu, "&Add watch photos …", commands.choose_captures, None, [])
        menu.addSeparator()
        self._add_action(menu, "&Import settings …", commands.settings_files.choose_import, None, self._idle_actions)
        self._add_action(menu, "&Export settings …", commands.settings_files.choose_export, None, self._idle_actions)
        menu.addSeparator()
        self._add_action(menu, "&Quit", self._window.close, QKeySequence.StandardKey.Quit, [])

    def _add_edit_menu(self) -> None:
        project, menu = self._project, self._window.menuBar().addMenu("&Edit")
        self._undo = self._add_action(menu, "&Undo", project.undo, "Ctrl+Z", [])
        self._redo = self._add_action(menu, "&Redo", project.redo, "Ctrl+Shift+Z", [])
        project.changed.connect(self._show_edits)

    def _show_edits(self) -> None:
        """Enable Undo and Redo if there is an edit for them, except while a run locks the form."""
        self._undo.setEnabled(self._is_idle and self._project.can_undo)
        self._redo.setEnabled(self._is_idle and self._project.can_redo)

    def _add_run_menu(self) -> None:
        commands, menu = self._commands, self._window.menuBar().addMenu("&Run")
        self._add_action(menu, "&Start training", commands.start, "Ctrl+Return", self._idle_actions)
        self._add_action(menu, "Try the two-minute &demo", commands.ask_to_load_demo, None, self._idle_actions)
        self._add_to_queue = self._add_action(menu, "Add to &queue", commands.add_to_queue, None, [])
        self._add_action(menu, "Q&ueue …", commands.show_queue, None, [])
        menu.addSeparator()
        self._pause = self._add_action(menu, "&Pause", commands.pause_or_resume, "Ctrl+Space", self._run_actions)
        self._add_action(menu, "St&op and save", commands.stop, "Ctrl+.", self._active_actions)
        self._add_action(menu, "Stop &without saving …", commands.discard, None, self._active_actions)
        menu.addSeparator()
        self._add_action(menu, "Save &now", commands.save_now, QKeySequence.StandardKey.Save, self._run_actions)
        self._add_action(menu, "Pre&view now", commands.preview_now, "Ctrl+R", self._run_actions)
        menu.addSeparator()
        self._add_action(menu, "&Copy as command", commands.settings_files.copy_command, "Ctrl+Shift+C", [])

    def _add_model_menu(self) -> None:
        deployment, menu = self._deployment, self._window.menuBar().addMenu("&Model")
        self._add_action(menu, "Enlarge &photos …", deployment.open_enlarging, "Ctrl+L", [])
        self._add_action(menu, "Enlarge photos with &trained model …", deployment.open_trial, "Ctrl+T", [])
        self._add_action(menu, "&Export …", deployment.open_export, "Ctrl+E", [])
        self._add_action(menu, "&Copy to WQV-Viewer", deployment.copy_to_viewer, None, [])
        self._add_action(menu, "Copy &built-in models to WQV-Viewer", deployment.copy_starters_to_viewer, None, [])
        self._add_action(menu, "Change WQV-Viewer's &folder …", deployment.choose_viewer_folder, None, [])

    def _add_view_menu(self) -> None:
        view = self._window.menuBar().addMenu("&View")
        self._add_action(view, "Open &TensorBoard", self._commands.open_tensorboard, "Ctrl+Shift+T", [])
        menu = view.addMenu("T&heme")
        group = QActionGroup(self._window)
        for choice in CHOICES:
            action = self._add_action(menu, f"&{choice.capitalize()}", partial(theme().set_choice, choice), None, [])
            action.setCheckable(True)
            action.setChecked(theme().choice == choice)
            group.addAction(action)

    def _add_help_menu(self) -> None:
        window_help, menu = Help(self._window), self._window.menuBar().addMenu("&Help")
        manual = self._add_action(menu, "&Manual", window_help.open_manual_here, "F1", [])
        self._add_action(menu, "&Glossary", window_help.open_glossary, None, [])
        sheet = self._add_action(menu, "&Keyboard shortcuts", window_help.open_shortcuts, "Shift+F1", [])
        for action in (manual, sheet):
            action.setShortcutContext(Qt.ShortcutContext.ApplicationShortcut)  # also in "Enlarge photos"
        menu.addSeparator()
        self._add_action(menu, "&About …", self._commands.about, None, [])

    def show_state(self, state: SessionState) -> None:
        """Enable the actions that are possible in this state."""
        self._is_idle = state is SessionState.IDLE
        self._show_edits()
        for actions, enabled in (
            (self._idle_actions, self._is_idle),
            (self._run_actions, state in CONTROLLABLE_STATES),
            (self._active_actions, state not in (SessionState.IDLE, SessionState.STOPPING)),
        ):
            for action in actions:
                action.setEnabled(enabled)
        self._add_to_queue.setText("Add to &queue" if self._is_idle else "Add to &queue …")
        self._pause.setText("&Resume" if state in (SessionState.PAUSING, SessionState.PAUSED) else "&Pause")

    def _fill_recent(self) -> None:
        self._recent.clear()
        for path in read_recent_workspaces():
            self._add_action(
                self._recent, button_text(str(path)), partial(self._commands.open_workspace, str(path)), None, []
            )
        if self._recent.isEmpty():
            self._recent.addAction("None yet").setEnabled(False)

    def _add_action(
        self,
        menu: QMenu,
        text: str,
        callback: Callable[[], object],
        shortcut: str | QKeySequence.StandardKey | None,
        group: list[QAction],
    ) -> QAction:
        action = QAction(text, menu)
        action.triggered.connect(lambda: callback())
        if shortcut is not None:
            action.setShortcut(QKeySequence(shortcut))
            self.shortcuts.append(action.shortcut())
        menu.addAction(action)
        group.append(action)
        return action


class _ShortcutFilter(QObject):
    """Filter that gives the window's shortcuts precedence over keys of its text fields, such as Ctrl+E on Linux."""

    def __init__(self, window: QMainWindow, shortcuts: list[QKeySequence]) -> None:
        super().__init__(window)
        self._shortcuts = shortcuts
        for kind in (QLineEdit, QPlainTextEdit):
            for field in window.findChildren(kind):
                field.installEventFilter(self)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Leave the key of a shortcut to the menu."""
        if event.type() == QEvent.Type.ShortcutOverride:
            assert isinstance(event, QKeyEvent)
            if QKeySequence(event.keyCombination()) in self._shortcuts:
                event.ignore()
                return True
        return super().eventFilter(watched, event)
