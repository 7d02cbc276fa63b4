"""The main window: puts the parts in place, remembers where it was. What they do to each other is the conductor's."""

from __future__ import annotations

from pathlib import Path
from typing import Optional

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QCloseEvent, QDragEnterEvent, QDropEvent
from PySide6.QtWidgets import QMainWindow, QSplitter, QStackedWidget, QTabWidget, QVBoxLayout, QWidget

from app.cards import MessageStrip, ResumeCard
from app.charts.panel import ChartPanel
from app.crash_card import CrashCard
from app.deploy.result_card import ResultCard
from app.drops import Drops, paths_of
from app.form.form import SettingsForm
from app.form.unusable_files import show_unusable
from app.icons import icon
from app.log_panel import LogPanel
from app.menus import Actions
from app.preview.panel import PreviewPanel
from app.preview.pins import Pins
from app.project import Project
from app.questions import ask
from app.run_bar import RunBar
from app.run_controller import Conductor
from app.runs.other_process import ElsewhereCard
from app.runs.welcome import Welcome
from app.session import Session
from app.settings_store import remembered
from app.status_line import StatusLine
from app.system.notifier import Notifier
from app.theme import SPACE, colours, scaled
from app.training_thread import TrainingThread
from app.watch_view.panel import WatchView
from app.watch_view.simulator import NOTHING, READY, PairMaker

_FORM_WIDTH = 380
_SIZE = (1240, 780)


class Window(QMainWindow):
    """Composition only."""

    TITLE = "WQV Upscale Trainer"
    closed = Signal()  # for good; hidden in the tray it is not

    def __init__(self) -> None:
        super().__init__()
        self.setWindowTitle(self.TITLE)
        self.setWindowIcon(icon("app", colours().accent))
        self.setAcceptDrops(True)
        self.training = TrainingThread(self)
        self.session = Session(self.training, self)
        self.project = Project(self)
        self.notifier = Notifier(self, self.windowIcon())
        self.form = SettingsForm(self.project)
        self.run_bar = RunBar(self.project)
        self.welcome = Welcome()
        self.pairs = PairMaker(self.project, self.training, self)
        self.watch = WatchView(self.pairs, self.project.background)
        self.charts, self.preview, self.log = ChartPanel(), PreviewPanel(), LogPanel()
        self.messages, self.resume_card, self.result_card = MessageStrip(), ResumeCard(), ResultCard()
        self.crash_card, self.elsewhere_card = CrashCard(), ElsewhereCard()
        self.status = StatusLine()
        self._closing, self._has_run = False, False
        self._lay_out()
        self.conductor = Conductor(self)
        self.menus = Actions(self, self.conductor)
        self.menus.show_state(self.session.state)
        self.pins = Pins(self.project, self.session, self)
        self.drops = Drops(self.project, self.session, self.pins, self.conductor.settings_files.import_from)
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
        left.setMinimumWidth(max(340, scaled(300)))
        self._split = QSplitter(Qt.Orientation.Horizontal)
        self._split.addWidget(left)
        self._split.addWidget(self._right())
        self._split.setStretchFactor(1, 1)
        self._split.setCollapsible(0, False)
        self._split.setCollapsible(1, False)
        self._split.setSizes([_FORM_WIDTH, _SIZE[0] - _FORM_WIDTH])
        self.setCentralWidget(self._split)
        self.setStatusBar(self.status)
        self.setAnimated(False)  # nothing docks here, yet every new word in the status line would begin an animation

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
        self._tabs.addTab(_padded(self.watch), "What the watch sees")
        self._tabs.addTab(_padded(self._views), "Progress")
        self._tabs.addTab(_padded(self.log), "Log")
        self._pages = QStackedWidget()
        self._pages.addWidget(self.welcome)
        self._pages.addWidget(self._tabs)
        right = QWidget()
        column = QVBoxLayout(right)
        column.setContentsMargins(SPACE, SPACE, 2 * SPACE, SPACE)
        column.setSpacing(SPACE)
        for card in (self.crash_card, self.messages, self.elsewhere_card, self.resume_card, self.result_card):
            column.addWidget(card)
        column.addWidget(self._pages, 1)
        return right

    def _connect(self) -> None:
        conductor, bar = self.conductor, self.run_bar
        bar.start.connect(conductor.start)
        bar.demo.connect(conductor.try_demo)
        bar.pause.connect(conductor.pause_or_resume)
        bar.stop.connect(conductor.stop)
        bar.discard.connect(conductor.discard)
        bar.save.connect(conductor.save_now)
        bar.preview.connect(conductor.preview_now)
        bar.go_to.connect(self.form.go_to)
        self.pins.missing.connect(self.form.go_to)
        self.preview.unpin.connect(self.pins.ask_to_unpin)
        self.pins.pinned.connect(self.preview.await_pinned)
        self.pins.unpinned.connect(self.preview.forget_pinned)
        self.form.show_unusable.connect(lambda: show_unusable(self.project.source, self))
        self.welcome.demo.connect(conductor.try_demo)
        self.welcome.open_workspace.connect(conductor.open_workspace)
        self.project.changed.connect(self._choose_page)
        self.watch.told.connect(self.messages.tell)
        self.watch.left_over.connect(self.drops.take)
        self.watch.dropped.connect(self._pin)
        self.pins.offered.connect(self.watch.add_captures)
        self.resume_card.resume.connect(conductor.resume)
        self.result_card.resume.connect(conductor.resume)
        self.charts.step_chosen.connect(self.preview.show_step)
        self.result_card.deploy.connect(conductor.deployment.copy_to_viewer)
        self.result_card.try_out.connect(conductor.deployment.try_on_photos)
        self.result_card.export.connect(conductor.deployment.export)
        self.notifier.show_window.connect(self._come_back)
        self.notifier.pause.connect(conductor.pause_or_resume)
        self.notifier.stop.connect(conductor.stop)
        self.notifier.quit.connect(self._quit_from_tray)

    def show_run(self, there_is_one: bool) -> None:
        """The views of a run, or what comes before one."""
        self._has_run = there_is_one
        self._tabs.setCurrentIndex(1 if there_is_one else 0)
        self._choose_page()

    def _choose_page(self) -> None:
        """The welcome, until there is a run or something for the watch to see."""
        if self._has_run or self.pairs.state == READY:
            self._pages.setCurrentWidget(self._tabs)
        elif self.pairs.state == NOTHING:
            self._pages.setCurrentWidget(self.welcome)

    # -- the beginning and the end -------------------------------------------------------------

    def begin_work(self) -> None:
        """After the first paint: the training thread, which finds the hardware."""
        self.training.start()
        self.conductor.find_hardware()

    def open_at_start(self, workspace: Optional[str], *, demo: bool = False, begin: bool = False) -> None:
        """What the command line asked for."""
        if demo:
            self.conductor.begin_demo(workspace or "")
        elif workspace:
            self.conductor.open_workspace(workspace)
        else:
            self.conductor.reopen()
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
        self.hide()  # at once, though an import or an export under way is waited for
        self.pairs.stop()
        self.project.close()
        self.preview.close()
        self.conductor.close()
        if self.training.isRunning():
            self.training.close()
        event.accept()
        self.closed.emit()

    def _ask_before_closing(self) -> None:
        out_of_sight = (
            ("Keep training in the tray", self._go_to_tray)
            if self.notifier.has_tray
            else ("Minimise and keep training", self.showMinimized)
        )
        answers = [("Stop and save", self.close_at_once), out_of_sight]
        ask(
            self,
            "A training is running",
            "Stop and save closes the window once the checkpoint is written; the training can be resumed later.",
            answers,
        )

    def close_at_once(self) -> None:
        """Stop and save, then close."""
        self._closing = True
        self.session.stop()
        if not self.session.active:
            self.close()

    def run_is_over(self) -> None:
        """Close if that was waited for; back from the tray without taking the focus from another program."""
        if self._closing:
            self.close()
        elif self.isHidden():
            self.setAttribute(Qt.WidgetAttribute.WA_ShowWithoutActivating, True)
            self.show()
            self.setAttribute(Qt.WidgetAttribute.WA_ShowWithoutActivating, False)

    def _go_to_tray(self) -> None:
        self.notifier.show_running()
        self.hide()

    def _quit_from_tray(self) -> None:
        self._come_back()  # the question needs a window to belong to
        self.close()

    def _come_back(self) -> None:
        self.notifier.hide()
        self.setWindowState(self.windowState() & ~Qt.WindowState.WindowMinimized)
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
        self.drops.take(paths_of(event.mimeData()), onto=onto)

    def _pin(self, captures: list[Path]) -> None:
        """What is compared before the start is followed in the previews."""
        self.pins.pin(captures)

    # -- memory --------------------------------------------------------------------------------

    def _remember(self) -> None:
        self.conductor.remember()
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
