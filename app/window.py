"""Main window: creates and lays out the views, and restores its geometry; `RunController` handles what they report."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtCore import QSize, Qt, Signal
from PySide6.QtGui import QCloseEvent, QDragEnterEvent, QDropEvent
from PySide6.QtWidgets import QMainWindow, QSplitter, QStackedWidget, QTabWidget, QVBoxLayout, QWidget

from app.cards import MessageStrip, ResumeCard
from app.charts.panel import ChartPanel
from app.crash_card import CrashCard
from app.deploy.result_card import ResultCard
from app.drops import DropHandler, paths_of
from app.form.form import SettingsForm
from app.form.unusable_files import show_unusable_files
from app.icons import icon
from app.last_run import LastRunCard
from app.last_session import is_first_start
from app.log_panel import LogPanel
from app.menus import Menus
from app.placement import restore_placement, save_placement
from app.preview.panel import PreviewPanel
from app.preview.pins import PinnedPhotosModel
from app.project import Project
from app.questions import ask_question
from app.run_bar import RunBar
from app.run_controller import RunController
from app.runs.other_process import OtherProcessCard
from app.runs.welcome import WelcomePage
from app.scrolling_page import ScrollingPage
from app.session import Session
from app.settings_store import open_settings_store
from app.simulation.panel import SimulationPanel
from app.simulation.simulator import NO_SOURCE, READY, PairSimulator
from app.status_line import StatusLine
from app.system.notifier import Notifier
from app.theme import SPACING, scale_width, theme_colors
from app.training_thread import TrainingThread

_FORM_WIDTH, _MIN_FORM_WIDTH = 380, 340
_SIZE = (1240, 780)
_MIN_RIGHT_WIDTH = 360  # pixels; narrower views scroll


class Window(QMainWindow):
    """Main window, made of the views and connected to the controller."""

    TITLE = "WQV Upscale Trainer"
    closed = Signal()  # not emitted when the window is hidden in the tray

    def __init__(self) -> None:
        super().__init__()
        self.setWindowTitle(self.TITLE)
        self.setWindowIcon(icon("app", theme_colors().accent))
        self.setAcceptDrops(True)
        self.training = TrainingThread(self)
        self.session = Session(self.training, self)
        self.project = Project(self)
        self.notifier = Notifier(self, self.windowIcon())
        self.form = SettingsForm(self.project)
        self.run_bar = RunBar(self.project)
        self.welcome = WelcomePage()
        self.pairs = PairSimulator(self.project, self.training, self)
        self.simulation = SimulationPanel(self.pairs, self.project.background)
        self.charts, self.preview, self.log = ChartPanel(), PreviewPanel(), LogPanel()
        self.message_strip, self.resume_card, self.result_card = MessageStrip(), ResumeCard(), ResultCard()
        self.crash_card, self.other_process_card = CrashCard(), OtherProcessCard()
        self.last_run_card = LastRunCard()
        self.status_line = StatusLine()
        self._closing, self._has_run, self.has_stuck_work = False, False, False
        self._lay_out()
        self.controller = RunController(self)
        self.menus = Menus(self, self.controller)
        self.menus.show_state(self.session.state)
        self.pins = PinnedPhotosModel(self.project, self.session, self)
        self.drops = DropHandler(self.project, self.session, self.pins, self.controller.settings_files.import_from)
        self._connect()
        self._restore_geometry()

    # -- layout --------------------------------------------------------------------------------

    def _lay_out(self) -> None:
        left = QWidget()
        column = QVBoxLayout(left)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        column.addWidget(self.form, 1)
        column.addWidget(self.run_bar)
        left.setMinimumWidth(max(_MIN_FORM_WIDTH, scale_width(300)))
        self._split = QSplitter(Qt.Orientation.Horizontal)
        self._split.addWidget(left)
        self._split.addWidget(self._make_right_side())
        self._split.setStretchFactor(1, 1)
        self._split.setCollapsible(0, False)
        self._split.setCollapsible(1, False)
        self._split.setSizes([_FORM_WIDTH, _SIZE[0] - _FORM_WIDTH])
        self.setCentralWidget(ScrollingPage(_make_column(self._split)))
        self.setStatusBar(self.status_line)
        self.setAnimated(False)  # else every change of the status line starts an animation

    def _make_right_side(self) -> QWidget:
        self._views = QSplitter(Qt.Orientation.Vertical)
        self._views.addWidget(self.preview)
        self._views.addWidget(self.charts)
        self._views.setStretchFactor(0, 3)
        self._views.setStretchFactor(1, 2)
        self._views.setChildrenCollapsible(False)
        self._views.setSizes([3 * _SIZE[1], 2 * _SIZE[1]])
        self._views.setHandleWidth(SPACING)
        self._tabs = QTabWidget()
        self._tabs.setDocumentMode(True)
        self._tabs.setAccessibleName("Views of the run")
        for view, title in ((self.simulation, "What the watch sees"), (self._views, "Progress"), (self.log, "Log")):
            self._tabs.addTab(ScrollingPage(_make_column(view, top=SPACING)), title)
        self._pages = QStackedWidget()
        self._pages.addWidget(self.welcome)
        self._pages.addWidget(self._tabs)
        right = QWidget()
        column = QVBoxLayout(right)
        column.setContentsMargins(SPACING, SPACING, 2 * SPACING, SPACING)
        column.setSpacing(SPACING)
        for card in (
            self.crash_card,
            self.message_strip,
            self.last_run_card,
            self.other_process_card,
            self.resume_card,
            self.result_card,
        ):
            column.addWidget(card)
        column.addWidget(self._pages, 1)
        page = ScrollingPage(right)
        page.setMinimumWidth(_MIN_RIGHT_WIDTH)
        return page

    def _connect(self) -> None:
        conductor, bar = self.controller, self.run_bar
        bar.start_requested.connect(conductor.start)
        bar.demo.connect(conductor.ask_to_load_demo)
        bar.pause.connect(conductor.pause_or_resume)
        bar.stop.connect(conductor.stop)
        bar.discard.connect(conductor.discard)
        bar.save.connect(conductor.save_now)
        bar.preview.connect(conductor.preview_now)
        bar.go_to.connect(self.form.focus_setting)
        self.preview.captures_requested.connect(self.pins.choose)
        self.simulation.captures_requested.connect(self.pins.choose)
        self.pins.workspace_missing.connect(self.form.focus_setting)
        self.preview.unpin_requested.connect(self.pins.ask_to_unpin)
        self.pins.pinned.connect(self.preview.select_next_pinned)
        self.pins.unpinned.connect(self.preview.remove_pinned)
        self.form.unusable_requested.connect(lambda: show_unusable_files(self.project.source, self))
        self.welcome.enlarging_requested.connect(conductor.deployment.open_enlarging)
        self.welcome.demo_requested.connect(conductor.ask_to_load_demo)
        self.welcome.workspace_chosen.connect(conductor.open_workspace)
        self.project.changed.connect(self._choose_page)
        for page in self._split.findChildren(ScrollingPage):
            page.too_narrow.connect(self._give_width, Qt.ConnectionType.QueuedConnection)
        self.simulation.message_posted.connect(self.message_strip.show_message)
        self.simulation.unclaimed_dropped.connect(self.drops.handle_drop)
        self.simulation.dropped.connect(self._pin_captures)
        self.pins.captures_pinned.connect(self.simulation.add_captures)
        self.resume_card.resume.connect(conductor.resume)
        self.result_card.resume_requested.connect(conductor.resume)
        self.charts.step_chosen.connect(self.preview.show_step)
        self.result_card.copy_requested.connect(conductor.deployment.copy_to_viewer)
        self.result_card.trial_requested.connect(conductor.deployment.open_trial)
        self.result_card.export_requested.connect(conductor.deployment.open_export)
        self.notifier.window_requested.connect(self._restore_from_tray)
        self.notifier.pause.connect(conductor.pause_or_resume)
        self.notifier.stop.connect(conductor.stop)
        self.notifier.quit.connect(self._quit_from_tray)

    def show_run(self, has_run: bool) -> None:
        """Show the views of a run, or the simulation and the welcome page without one."""
        self._has_run = has_run
        self._tabs.setCurrentIndex(1 if has_run else 0)
        self._choose_page()

    def _choose_page(self) -> None:
        """Show the welcome page until there is a run or a simulated pair."""
        if self._has_run or self.pairs.state == READY:
            self._pages.setCurrentWidget(self._tabs)
        elif self.pairs.state == NO_SOURCE:
            self._pages.setCurrentWidget(self.welcome)

    # -- opening and closing ---------------------------------------------------------------------

    def start_background_work(self) -> None:
        """Start the training thread and find the hardware; call it after the first paint."""
        self.training.start()
        self.controller.find_hardware()

    def apply_arguments(
        self, workspace: str | None, demo: bool = False, begin: bool = False, first_demo: str | None = None
    ) -> None:
        """Apply the options of the command line; without any, restore the last session.

        Whatever is opened, the unfinished run of the last session is offered.
        """
        if demo:
            self.controller.load_demo(workspace or "")
        elif workspace:
            self.controller.open_workspace(workspace)
        elif first_demo and is_first_start():
            self.controller.load_demo(first_demo)
        else:
            self.controller.restore_session()
        self.controller.last_run.offer()
        if begin:
            self.controller.start_when_ready()

    def closeEvent(self, event: QCloseEvent) -> None:
        """Close the window; while training runs, ask first or wait for the checkpoint."""
        if self.session.is_active and not self._closing:
            event.ignore()
            self._ask_before_closing()
            return
        if self.session.is_active:
            event.ignore()  # `on_run_ended` closes it
            return
        self._save_geometry()
        self.hide()  # at once, because the next calls wait for running jobs
        self.pairs.stop()
        self.project.close()
        self.preview.close()
        self.controller.close()
        if self.training.isRunning():
            self.training.close()
        self.has_stuck_work = self.training.isRunning() or self.project.background.is_busy
        event.accept()
        self.closed.emit()

    def _ask_before_closing(self) -> None:
        keep_training = (
            ("Keep training in the tray", self._minimize_to_tray)
            if self.notifier.has_tray
            else ("Minimize and keep training", self.showMinimized)
        )
        answers = [("Stop and save", self.close_at_once), keep_training]
        ask_question(
            self,
            "Training is running",
            "“Stop and save” writes a checkpoint and closes the window; you can resume the run later.",
            answers,
        )

    def close_at_once(self) -> None:
        """Stop and save the run, then close the window."""
        self._closing = True
        self.session.stop()
        if not self.session.is_active:
            self.close()

    def on_run_ended(self) -> None:
        """Close the window if the user asked for it; if it is in the tray, show it without taking the focus."""
        if self._closing:
            self.close()
        elif self.isHidden():
            self.setAttribute(Qt.WidgetAttribute.WA_ShowWithoutActivating, True)
            self.show()
            self.setAttribute(Qt.WidgetAttribute.WA_ShowWithoutActivating, False)

    def _minimize_to_tray(self) -> None:
        self.notifier.show_icon()
        self.hide()

    def _quit_from_tray(self) -> None:
        self._restore_from_tray()  # the question needs a visible parent
        self.close()

    def _restore_from_tray(self) -> None:
        self.notifier.hide_icon()
        self.setWindowState(self.windowState() & ~Qt.WindowState.WindowMinimized)
        self.show()
        self.raise_()
        self.activateWindow()

    # -- drops ---------------------------------------------------------------------------------

    def dragEnterEvent(self, event: QDragEnterEvent) -> None:
        """Accept a drag with local files or folders."""
        if paths_of(event.mimeData()):
            event.acceptProposedAction()

    def dropEvent(self, event: QDropEvent) -> None:
        """Pass the dropped paths, and the setting under the pointer, to the drop handler."""
        event.acceptProposedAction()
        target_setting = self.form.setting_at(self.mapToGlobal(event.position().toPoint()))
        self.drops.handle_drop(paths_of(event.mimeData()), target_setting=target_setting)

    def _pin_captures(self, captures: list[Path]) -> None:
        """Pin captures that the user dropped on the simulation, so that the previews show them too."""
        self.pins.pin(captures)

    def _give_width(self) -> None:
        """Give the views the width that they lack, as far as the form can spare it."""
        pages = [page for page in self._split.findChildren(ScrollingPage) if page.isVisible()]
        lacking = max((page.horizontalScrollBar().maximum() for page in pages), default=0)
        form, views = self._split.sizes()
        spare = min(lacking, form - _MIN_FORM_WIDTH)
        if spare > 0:
            self._split.setSizes([form - spare, views + spare])

    # -- geometry --------------------------------------------------------------------------------

    def _save_geometry(self) -> None:
        self.controller.save_session()
        save_placement(self, "window")
        store = open_settings_store()
        store.setValue("window/split", self._split.saveState())
        store.setValue("window/views", self._views.saveState())

    def _restore_geometry(self) -> None:
        restore_placement(self, "window", QSize(*_SIZE))
        store = open_settings_store()
        split, views = (store.value(f"window/{name}") for name in ("split", "views"))
        if split is not None:
            self._split.restoreState(split)
        if views is not None:
            self._views.restoreState(views)


def _make_column(view: QWidget, *, top: int = 0) -> QWidget:
    """Return a widget that holds `view` alone; a page that scrolls needs a layout."""
    column = QWidget()
    layout = QVBoxLayout(column)
    layout.setContentsMargins(0, top, 0, 0)
    layout.addWidget(view)
    return column
