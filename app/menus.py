"""The menus: everything that can be done, with its shortcut."""

from __future__ import annotations

from functools import partial
from typing import Callable, Protocol

from PySide6.QtGui import QAction, QActionGroup, QKeySequence
from PySide6.QtWidgets import QMainWindow, QMenu

from app.deploy.deployment import Deployment
from app.form.settings_files import SettingsTransfer
from app.runs.recent_workspaces import read_recent_workspaces
from app.session import CONTROLLABLE_STATES, SessionState
from app.theme import CHOICES, theme


class Commands(Protocol):
    """What the menus call."""

    settings_files: SettingsTransfer
    deployment: Deployment

    def start(self) -> None: ...
    def ask_to_load_demo(self) -> None: ...
    def pause_or_resume(self) -> None: ...
    def stop(self) -> None: ...
    def discard(self) -> None: ...
    def save_now(self) -> None: ...
    def preview_now(self) -> None: ...
    def open_tensorboard(self) -> None: ...
    def choose_path(self, name: str) -> None: ...
    def open_workspace(self, path: str) -> None: ...
    def about(self) -> None: ...


class Menus:
    """Builds the menu bar; `show_state` keeps it true."""

    def __init__(self, window: QMainWindow, commands: Commands) -> None:
        self._window, self._doer = window, commands
        self._idle: list[QAction] = []
        self._run_actions: list[QAction] = []
        self._active: list[QAction] = []
        self._file_menu()
        self._run_menu()
        self._model_menu()
        self._view_menu()
        about = window.menuBar().addMenu("&Help").addAction("&About …")
        about.triggered.connect(lambda: commands.about())

    def _file_menu(self) -> None:
        doer, menu = self._doer, self._window.menuBar().addMenu("&File")
        self._add_action(menu, "Choose &photos …", lambda: doer.choose_path("source_dir"), "Ctrl+P", self._idle)
        open_ = QKeySequence.StandardKey.Open
        self._add_action(menu, "Open &workspace …", lambda: doer.choose_path("workspace"), open_, self._idle)
        self._recent = menu.addMenu("&Recent workspaces")
        self._recent.aboutToShow.connect(self._fill_recent)
        self._idle.append(self._recent.menuAction())
        self._add_action(menu, "Choose warm &start …", lambda: doer.choose_path("init_weights"), "Ctrl+W", self._idle)
        menu.addSeparator()
        self._add_action(menu, "&Import settings …", doer.settings_files.choose_import, None, self._idle)
        self._add_action(menu, "&Export settings …", doer.settings_files.choose_export, None, self._idle)
        menu.addSeparator()
        self._add_action(menu, "&Quit", self._window.close, QKeySequence.StandardKey.Quit, [])

    def _run_menu(self) -> None:
        doer, menu = self._doer, self._window.menuBar().addMenu("&Run")
        self._add_action(menu, "&Start training", doer.start, "Ctrl+Return", self._idle)
        self._add_action(menu, "&Try it with built-in scenes", doer.ask_to_load_demo, None, self._idle)
        menu.addSeparator()
        self._pause = self._add_action(menu, "&Pause", doer.pause_or_resume, "Ctrl+Space", self._run_actions)
        self._add_action(menu, "St&op and save", doer.stop, "Ctrl+.", self._active)
        self._add_action(menu, "&Discard …", doer.discard, None, self._active)
        menu.addSeparator()
        self._add_action(menu, "Save &now", doer.save_now, QKeySequence.StandardKey.Save, self._run_actions)
        self._add_action(menu, "Pre&view now", doer.preview_now, "Ctrl+R", self._run_actions)
        menu.addSeparator()
        self._add_action(menu, "&Copy as command", doer.settings_files.copy_command, "Ctrl+Shift+C", [])

    def _model_menu(self) -> None:
        deployment, menu = self._doer.deployment, self._window.menuBar().addMenu("&Model")
        self._add_action(menu, "&Try on photos …", deployment.open_trial, "Ctrl+T", [])
        self._add_action(menu, "&Export …", deployment.open_export, "Ctrl+E", [])
        self._add_action(menu, "&Copy to WQV-Viewer", deployment.copy_to_viewer, None, [])
        self._add_action(menu, "Change WQV-Viewer's &folder …", deployment.choose_viewer_folder, None, [])

    def _view_menu(self) -> None:
        view = self._window.menuBar().addMenu("&View")
        self._add_action(view, "Open &TensorBoard", self._doer.open_tensorboard, "Ctrl+Shift+T", [])
        menu = view.addMenu("T&heme")
        group = QActionGroup(self._window)
        for choice in CHOICES:
            action = self._add_action(menu, f"&{choice.capitalize()}", partial(theme().set_choice, choice), None, [])
            action.setCheckable(True)
            action.setChecked(theme().choice == choice)
            group.addAction(action)

    def show_state(self, state: SessionState) -> None:
        """Follow the session."""
        for actions, enabled in (
            (self._idle, state is SessionState.IDLE),
            (self._run_actions, state in CONTROLLABLE_STATES),
            (self._active, state not in (SessionState.IDLE, SessionState.STOPPING)),
        ):
            for action in actions:
                action.setEnabled(enabled)
        self._pause.setText("&Resume" if state in (SessionState.PAUSING, SessionState.PAUSED) else "&Pause")

    def _fill_recent(self) -> None:
        self._recent.clear()
        for path in read_recent_workspaces():
            self._add_action(self._recent, str(path), partial(self._doer.open_workspace, str(path)), None, [])
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
        action = QAction(text, self._window)
        action.triggered.connect(lambda: callback())
        if shortcut is not None:
            action.setShortcut(QKeySequence(shortcut))
        menu.addAction(action)
        group.append(action)
        return action
