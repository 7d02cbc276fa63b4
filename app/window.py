"""The main window: puts the parts in place, remembers where it was. What they do to each other is the conductor's."""

from __future__ import annotations

from typing import Optional

from PySide6.QtCore import Qt
from PySide6.QtGui import QCloseEvent, QDragEnterEvent, QDropEvent
from PySide6.QtWidgets import QMainWindow, QSplitter, QStackedWidget, QTabWidget, QVBoxLayout, QWidget

from app.actions import Actions
from app.cards import MessageStrip, ResultCard, ResumeCard
from app.charts.panel import ChartPanel
from app.conductor import Conductor
from app.drops import Drops, paths_of
from app.form.form import SettingsForm
from app.form.unusable import show_unusable
from app.icons import icon
from app.log_panel import LogPanel
from app.preview.panel import PreviewPanel
from app.project import Project
from app.questions import ask
from app.remembered import remembered
from app.run_bar import RunBar
from app.runs.welcome import Welcome
from app.session import Session
from app.status import StatusLine
from app.system.notify import Notifier
from app.theme import SPACE, colours
from app.training_thread import TrainingThread
from trainer_core.config import TrainerConfig

_FORM_WIDTH = 380
_SIZE = (1240, 780)


class Window(QMainWindow):
    """Composition only."""

    TITLE = "WQV Upscale Trainer"

    def __init__(self, config_class: type = TrainerConfig) -> None:
        super().__init__()
        self.setWindowTitle(self.TITLE)
        self.setWindowIcon(icon("app", colours().accent))
        self.setAcceptDrops(True)
        self.training = TrainingThread(self)
        self.session = Session(self.training, self)
        self.project = Project(self.training.ask, self, config_class)
        self.notifier = Notifier(self, self.windowIcon())
        self.form = SettingsForm(self.project)
        self.run_bar = RunBar(self.project)
        self.welcome = Welcome()
        self.charts, self.preview, self.log = ChartPanel(), PreviewPanel(), LogPanel()
        self.messages, self.resume_card, self.result_card = MessageStrip(), ResumeCard(), ResultCard()
        self.status = StatusLine()
        self._closing = False
        self._lay_out()
        self.conductor = Conductor(self)
        self.menus = Actions(self, self.conductor)
        self.menus.show_state(self.session.state)
        self.drops = Drops(self.project, self.session)
        self._connect()
        self._restore()

    # -- layout --------------------------------------------------------------------------------

    def _lay_out(self) -> None:
        left = QWidget()
        column = QVBoxLayout(left)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        column.addWidget(self.form, 1)
        column.addWidget(self.run_bar)
        left.setMinimumWidth(340)
        self._split = QSplitter(Qt.Orientation.Horizontal)
        self._split.addWidget(left)
        self._split.addWidget(self._right())
        self._split.setStretchFactor(1, 1)
        self._split.setCollapsible(0, False)
        self._split.setCollapsible(1, False)
        self._split.setSizes([_FORM_WIDTH, _SIZE[0] - _FORM_WIDTH])
        self.setCentralWidget(self._split)
        self.setStatusBar(self.status)

    def _right(self) -> QWidget:
        self._views = QSplitter(Qt.Orientation.Vertical)
        self._views.addWidget(self.preview)
        self._views.addWidget(self.charts)
        self._views.setStretchFactor(0, 3)
        self._views.setStretchFactor(1, 2)
        self._views.setChildrenCollapsible(False)
        self._views.setSizes([3 * _SIZE[1], 2 * _SIZE[1]])
        self._views.setHandleWidth(SPACE)
        self._tabs = QTabWidget()
        self._tabs.setDocumentMode(True)
        self._tabs.setAccessibleName("Views of the run")
        self._tabs.addTab(_padded(self._views), "Progress")
        self._tabs.addTab(_padded(self.log), "Log")
        self._pages = QStackedWidget()
        self._pages.addWidget(self.welcome)
        self._pages.addWidget(self._tabs)
        right = QWidget()
        column = QVBoxLayout(right)
        column.setContentsMargins(SPACE, SPACE, 2 * SPACE, SPACE)
        column.setSpacing(SPACE)
        for card in (self.messages, self.resume_card, self.result_card):
            column.addWidget(card)
        column.addWidget(self._pages, 1)
        return right

    def _connect(self) -> None:
        conductor, bar = self.conductor, self.run_bar
        bar.start.connect(conductor.start)
        bar.demo.connect(conductor.begin_demo)
        bar.pause.connect(conductor.pause_or_resume)
        bar.stop.connect(conductor.stop)
        bar.discard.connect(conductor.discard)
        bar.save.connect(conductor.save_now)
        bar.preview.connect(conductor.preview_now)
        bar.go_to.connect(self.form.go_to)
        self.form.show_unusable.connect(lambda: show_unusable(self.project.source, self))
        self.welcome.demo.connect(conductor.begin_demo)
        self.welcome.open_workspace.connect(conductor.open_workspace)
        self.resume_card.resume.connect(conductor.resume)
        self.result_card.deploy.connect(conductor.deploy)
        self.notifier.clicked.connect(self._come_back)

    def show_run(self, there_is_one: bool) -> None:
        """The views of a run, or the welcome."""
        self._pages.setCurrentIndex(1 if there_is_one else 0)

    # -- the beginning and the end -------------------------------------------------------------

    def begin_work(self) -> None:
        """After the first paint: the training thread, which finds the hardware."""
        self.training.start()
        self.conductor.find_hardware()

    def open_at_start(self, workspace: Optional[str], *, demo: bool = False, begin: bool = False) -> None:
        """What the command line asked for."""
        if demo and workspace:
            self.project.begin_demo(workspace)
        elif demo:
            self.conductor.begin_demo()
        elif workspace:
            self.conductor.open_workspace(workspace)
        if begin:
            self.conductor.start_when_ready()

    def closeEvent(self, event: QCloseEvent) -> None:
        if self.session.active and not self._closing:
            event.ignore()
            self._ask_before_closing()
            return
        if self.session.active:
            event.ignore()  # `run_is_over` closes
            return
        self._remember()
        self.project.close()
        self.conductor.close()
        if self.training.isRunning():
            self.training.close()
        event.accept()

    def _ask_before_closing(self) -> None:
        answers = [("Stop and save", self.close_at_once)]
        if self.notifier.has_tray:
            answers.append(("Keep training in the tray", self._go_to_tray))
        ask(self, "A training is running", "It can be stopped and saved, to be resumed later.", answers)

    def close_at_once(self) -> None:
        """Stop and save, then close."""
        self._closing = True
        self.session.stop()
        if not self.session.active:
            self.close()

    def run_is_over(self) -> None:
        """Close if that was waited for."""
        if self._closing:
            self.close()
        elif self.isHidden():
            self._come_back()

    def _go_to_tray(self) -> None:
        self.notifier.show_running(f"{self.TITLE}: training")
        self.hide()

    def _come_back(self) -> None:
        self.show()
        self.raise_()
        self.activateWindow()

    # -- drops ---------------------------------------------------------------------------------

    def dragEnterEvent(self, event: QDragEnterEvent) -> None:
        if paths_of(event.mimeData()):
            event.acceptProposedAction()

    def dropEvent(self, event: QDropEvent) -> None:
        event.acceptProposedAction()
        onto = self.form.setting_at(self.mapToGlobal(event.position().toPoint()))
        for path in paths_of(event.mimeData()):
            self.drops.take(path, onto=onto)

    # -- memory --------------------------------------------------------------------------------

    def _remember(self) -> None:
        store = remembered()
        store.setValue("window/geometry", self.saveGeometry())
        store.setValue("window/split", self._split.saveState())
        store.setValue("window/views", self._views.saveState())

    def _restore(self) -> None:
        store = remembered()
        self.resize(*_SIZE)
        geometry, split, views = (store.value(f"window/{name}") for name in ("geometry", "split", "views"))
        if geometry is not None:
            self.restoreGeometry(geometry)
        if split is not None:
            self._split.restoreState(split)
        if views is not None:
            self._views.restoreState(views)


def _padded(widget: QWidget) -> QWidget:
    page = QWidget()
    layout = QVBoxLayout(page)
    layout.setContentsMargins(0, SPACE, 0, 0)
    layout.addWidget(widget)
    return page
