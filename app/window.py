"""Main window: creates and lays out the views, shows a run in them, and restores its geometry.

It is the `RunViews` of `RunController`, which handles what the views report.
"""

from __future__ import annotations

from PySide6.QtCore import QSize, Qt, Signal
from PySide6.QtGui import QCloseEvent, QDragEnterEvent, QDropEvent
from PySide6.QtWidgets import QMainWindow, QSplitter, QVBoxLayout, QWidget

from app.charts.comparison import RunComparison
from app.charts.panel import ChartPanel
from app.charts.saving import ChartSaving
from app.drops import DropHandler
from app.export.deployment import Deployment
from app.export.result_card import ResultCard
from app.form.form import SettingsForm
from app.form.project import Project
from app.form.unusable_files import show_unusable_files
from app.form.watch_card import WatchCard
from app.menus import Menus
from app.preview.panel import PreviewPanel
from app.preview.pins import PinnedPhotosModel
from app.run.bar import RunBar
from app.run.controller import RunController
from app.run.last_run import LastRunCard
from app.run.log_panel import LogPanel
from app.run.notifier import Notifier
from app.run.other_process import OtherProcessCard
from app.run.progress_line import ProgressLine
from app.run.session import Session, SessionState
from app.run.status_line import StatusLine
from app.run.training_thread import TrainingThread
from app.run.view_tabs import ViewTabs
from app.runs.start_page import StartPage
from app.runs.workspace_contents import WorkspaceContents
from app.simulation.panel import SimulationPanel
from app.simulation.simulator import NO_SOURCE, READY, PairSimulator
from app.system.settings_store import open_settings_store
from app.widgets.card_slot import CardSlot
from app.widgets.cards import MessageStrip, ResumeCard
from app.widgets.crash_card import CrashCard
from app.widgets.dropped_files import paths_of
from app.widgets.icons import icon
from app.widgets.page_stack import PageStack
from app.widgets.placement import restore_placement, save_placement
from app.widgets.questions import ask_question
from app.widgets.scrolling_page import ScrollingPage
from app.widgets.side_by_side import SideBySide
from app.widgets.theme import SPACING, scale_width, theme_colors
from app.widgets.width_sharing import Row, WidthSharing
from trainer_core.events import Event, RunFinished

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
        self.start_page = StartPage(self.project.background)
        self.pairs = PairSimulator(self.project, self.training, self)
        self.simulation = SimulationPanel(self.pairs, self.project, self.training.submit)
        self.charts, self.preview, self.log = ChartPanel(), PreviewPanel(), LogPanel()
        self.message_strip, self.resume_card, self.result_card = MessageStrip(), ResumeCard(), ResultCard()
        self.crash_card, self.other_process_card = CrashCard(), OtherProcessCard()
        self.last_run_card, self.watch_card = LastRunCard(), WatchCard(self.project)
        self.status_line = StatusLine()
        self.progress_line = ProgressLine(self.session, lambda: self.project.draft.config.max_minutes)
        offers = (self.watch_card, self.last_run_card, self.other_process_card, self.resume_card, self.result_card)
        self.card_slot = CardSlot(self.progress_line, (self.crash_card, self.message_strip, *offers))
        self.progress_line.refreshed.connect(self.status_line.refresh)  # so that both show the same step
        self._closing, self._has_run, self.has_stuck_work = False, False, False
        self._lay_out()
        self.controller = RunController(self, self.other_process_card)
        self.comparison = RunComparison(self.charts, self.project)
        self.chart_saving = ChartSaving(self.charts, self.project.background)
        self.pins = PinnedPhotosModel(self.project, self.session, self)
        self.deployment = Deployment(self.project, self.pins, self.training.submit, self)
        self.menus = Menus(self, self.controller, self.project, self.deployment)
        self.menus.show_state(self.session.state)
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
        left.setMinimumWidth(_min_form_width())
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
        views = (self.simulation, "What the watch sees"), (self._views, "Progress"), (self.log, "Log")
        self._tabs = ViewTabs([(ScrollingPage(_make_column(view, top=SPACING)), title) for view, title in views])
        self._pages = PageStack()
        self._pages.addWidget(self.start_page)
        self._pages.addWidget(self._tabs)
        right = QWidget()
        column = QVBoxLayout(right)
        column.setContentsMargins(SPACING, SPACING, 2 * SPACING, SPACING)
        column.setSpacing(SPACING)
        column.addWidget(self.card_slot)
        column.addWidget(self._pages, 1)
        page = ScrollingPage(right)
        page.setMinimumWidth(_MIN_RIGHT_WIDTH)
        return page

    def _connect(self) -> None:
        controller, bar = self.controller, self.run_bar
        bar.start_requested.connect(controller.start)
        bar.demo.connect(controller.ask_to_load_demo)
        bar.pause.connect(controller.pause_or_resume)
        bar.stop.connect(controller.stop)
        bar.discard.connect(controller.discard)
        bar.save.connect(controller.save_now)
        bar.preview.connect(controller.preview_now)
        bar.go_to.connect(self.form.focus_setting)
        self.card_slot.primary_action_changed.connect(lambda is_offered: bar.set_start_primary(not is_offered))
        self.preview.captures_requested.connect(self.pins.choose)
        self.simulation.captures_requested.connect(self.pins.choose)
        self.pins.workspace_missing.connect(self.form.focus_setting)
        self.preview.unpin_requested.connect(self.pins.ask_to_unpin)
        self.pins.pinned.connect(self.preview.select_next_pinned)
        self.pins.unpinned.connect(self.preview.remove_pinned)
        self.pins.captures_found.connect(self.preview.set_has_captures)
        self.form.unusable_requested.connect(lambda: show_unusable_files(self.project.source, self))
        for part in (self.comparison, self.chart_saving, self.deployment, self.preview):
            part.message_posted.connect(self.message_strip.show_message)
        self.start_page.enlarging_requested.connect(self.deployment.open_enlarging)
        self.start_page.dropped_to_enlarge.connect(self.deployment.open_enlarging)
        self.start_page.dropped_to_train.connect(self.drops.handle_drop_to_train)
        self._tabs.enlarging_requested.connect(self.deployment.open_enlarging)
        self.start_page.demo_requested.connect(lambda: controller.ask_to_load_demo(begin=True))
        self.start_page.photos_requested.connect(lambda: controller.choose_path("source_dir"))
        self.start_page.recent_work.open_requested.connect(controller.open_workspace)
        self.start_page.recent_work.resume_requested.connect(controller.resume_workspace)
        self.project.changed.connect(self._choose_page)
        self.project.edit_moved.connect(self.form.show_setting)
        rows: list[Row] = [self._tabs, *self._split.findChildren(SideBySide)]
        WidthSharing(self._split, _min_form_width(), self._find_view_pages(), rows)
        self.simulation.message_posted.connect(self.message_strip.show_message)
        self.simulation.folder_added.connect(self.pins.pin_folder)
        self.pins.captures_pinned.connect(self.simulation.add_captures)
        self.project.workspace_opened.connect(lambda _: self.pins.find_files_then(self.simulation.show_pinned))
        self.resume_card.resume.connect(controller.resume)
        self.result_card.resume_requested.connect(controller.resume)
        self.charts.step_chosen.connect(self.preview.show_step)
        self.result_card.copy_requested.connect(self.deployment.copy_to_viewer)
        self.result_card.trial_requested.connect(self.deployment.open_trial)
        self.result_card.export_requested.connect(self.deployment.open_export)
        self.notifier.pause.connect(controller.pause_or_resume)
        self.notifier.stop.connect(controller.stop)

    # -- a run in the views ----------------------------------------------------------------------

    @property
    def dialog_parent(self) -> QWidget:
        """This window, to which the dialogs belong."""
        return self

    @property
    def result_text(self) -> str:
        """The text of the card about the run of the workspace, or ""."""
        return self.result_card.text or self.resume_card.text

    def on_event(self, event: Event) -> None:
        """Show an event in curves, pictures, log and both lines."""
        for part in (self.charts, self.preview, self.log, self.status_line, self.progress_line):
            part.on_event(event)

    def show_state(self, state: SessionState) -> None:
        """Enable and lock what the state of the run allows, and show it in the title."""
        for part in (self.run_bar, self.status_line, self.progress_line, self.menus, self.notifier):
            part.show_state(state)
        self.card_slot.set_running(state is not SessionState.IDLE)
        self.form.set_locked(state is not SessionState.IDLE)
        self.simulation.set_idle(state is SessionState.IDLE)
        self.show_title("" if state in (SessionState.IDLE, SessionState.STARTING) else state.value)

    def show_title(self, state: str) -> None:
        """Show a state in the window's title; "" shows none."""
        self.setWindowTitle(f"{state} – {self.TITLE}" if state else self.TITLE)

    def show_contents(self, contents: WorkspaceContents) -> None:
        """Show the curves and pictures of a workspace, without a card."""
        self.start_page.refresh()
        self.charts.show_figures(contents.figures)
        self.progress_line.show_run(contents.events)
        self.preview.load_folder(contents.workspace.previews)
        self.show_run(bool(contents.events))

    def show_result(self, finished: RunFinished, loads_in: str, *, resumable: bool) -> None:
        """Show the card of a run that has ended."""
        self.start_page.refresh()
        self.result_card.show_result(finished, loads_in, resumable=resumable, record=self.progress_line.record)

    def show_last_run(self, contents: WorkspaceContents) -> None:
        """Show the card of the finished run of a workspace, if there is one."""
        self.result_card.show_last_run(contents)

    def hide_cards(self) -> None:
        """Hide the cards about the run of the workspace."""
        self.resume_card.dismiss()
        self.result_card.dismiss()

    def clear_pictures(self) -> None:
        """Clear the pictures."""
        self.preview.clear()

    def clear_run(self) -> None:
        """Clear everything that is shown of a run."""
        for part in (self.charts, self.preview, self.log):
            part.clear()
        for line in (self.status_line, self.progress_line):
            line.clear_run()

    def choose_captures(self) -> None:
        """Choose photos of the watch to pin."""
        self.pins.choose()

    def show_run(self, has_run: bool) -> None:
        """Show the views of a run, or the simulation and the start page without one."""
        self._has_run = has_run
        self._tabs.setCurrentIndex(1 if has_run else 0)
        self._choose_page()

    def _choose_page(self) -> None:
        """Show the start page until there is a run or a simulated pair."""
        if self._has_run or self.pairs.state == READY:
            self._pages.setCurrentWidget(self._tabs)
        elif self.pairs.state == NO_SOURCE:
            self._pages.setCurrentWidget(self.start_page)

    # -- opening and closing ---------------------------------------------------------------------

    def start_background_work(self) -> None:
        """Start the training thread and find the hardware; call it after the first paint."""
        self.training.start()
        self.controller.find_hardware()

    def apply_arguments(self, workspace: str | None, demo: bool = False, begin: bool = False) -> None:
        """Apply the options of the command line; without any, restore the last session.

        Whatever is opened, the unfinished run of the last session is offered.
        """
        if demo:
            self.controller.load_demo(workspace or "")
        elif workspace:
            self.controller.open_workspace(workspace)
        else:
            self.controller.restore_session()
        self.project.forget_edits()
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
        self.simulation.stop()
        self.project.close()
        self.preview.close()
        self.controller.close()
        self.deployment.close()
        if self.training.isRunning():
            self.training.close()
        self.has_stuck_work = self.training.isRunning() or self.project.background.is_busy
        event.accept()
        self.closed.emit()

    def _ask_before_closing(self) -> None:
        keep_training = (
            ("Keep training in the tray", self.notifier.hide_window)
            if self.notifier.has_tray
            else ("Minimize and keep training", self.showMinimized)
        )
        answers = [("Stop and save", self.close_at_once), keep_training]
        ask_question(
            self,
            "Training is running",
            "“Stop and save” saves the training and closes the window; you can resume it later.",
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

    # -- drops ---------------------------------------------------------------------------------

    def dragEnterEvent(self, event: QDragEnterEvent) -> None:
        """Accept a drag with local files or folders of other programs."""
        if paths_of(event.mimeData()) and event.source() is None:
            event.acceptProposedAction()

    def dropEvent(self, event: QDropEvent) -> None:
        """Pass the dropped paths, and the setting under the pointer, to the drop handler."""
        event.acceptProposedAction()
        target_setting = self.form.setting_at(self.mapToGlobal(event.position().toPoint()))
        self.drops.handle_drop(paths_of(event.mimeData()), target_setting=target_setting)

    def _find_view_pages(self) -> list[ScrollingPage]:
        """Find the pages that may get width from the form: not the cards, which move nothing."""
        slot, pages = self.card_slot, self._split.findChildren(ScrollingPage)
        return [page for page in pages if page is not slot and not slot.isAncestorOf(page)]

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


def _min_form_width() -> int:
    return max(_MIN_FORM_WIDTH, scale_width(285))


def _make_column(view: QWidget, *, top: int = 0) -> QWidget:
    """Return a widget that holds `view` alone; a page that scrolls needs a layout."""
    column = QWidget()
    layout = QVBoxLayout(column)
    layout.setContentsMargins(0, top, 0, 0)
    layout.addWidget(view)
    return column
