"""Start of the window; the order of the steps matters.

1. `environment.configure_libraries`: thread settings, which torch reads when it is imported;
2. on Windows torch, because its libraries do not load after Qt's;
3. the crash log, so that it records every later error;
4. `QApplication`, the theme, then `LC_NUMERIC` back to "C", because Qt sets it to the user's, where 0.5 may be "0,5";
5. the window, built without a style sheet (`Theme.unstyled`) and shown at once;
6. only after its first paint the training thread, which imports torch on all systems but Windows;
7. signals: Ctrl+C in the terminal stops, saves and closes the window, a second one quits at once.

The program ends when the window is closed, not when it is hidden: training may continue in the tray. When the display
server ends, the program saves the training first (`system/lost_display.py`).
"""

from __future__ import annotations

import locale
import os
import signal
import sys
from functools import partial
from types import FrameType
from typing import TYPE_CHECKING, Any

from trainer_core import environment

if TYPE_CHECKING:
    from app.system.crash_log import CrashLog
    from app.window import Window

APPLICATION_NAME = "WQV Upscale Trainer"


def run_application(*, workspace: str | None = None, demo: bool = False, begin: bool = False) -> int:
    """Open the window, wait until it is closed and return the exit code: 0, or 128 plus the number of a signal.

    Args:
        workspace: a folder to open.
        demo: select the built-in scenes.
        begin: start training as soon as the settings are checked.
    """
    environment.configure_libraries()
    environment.replace_missing_streams()
    if os.name == "nt":
        import torch  # noqa: F401

    from PySide6.QtCore import QTimer

    from app.system.crash_log import CrashLog, state_folder

    _set_application_name()
    log = CrashLog(state_folder())
    log.start()
    application = make_application()
    application.setQuitOnLastWindowClosed(False)

    from app.system.first_paint import call_after_first_paint
    from app.system.garbage_collector import GarbageCollector
    from app.system.settings_store import set_aside_damaged_store
    from app.widgets.errors import ExceptionHook

    damaged = set_aside_damaged_store()
    window = make_window()
    if damaged is not None:
        text = f"The window's stored choices were damaged and are reset. A copy of the file is kept: {damaged}"
        QTimer.singleShot(0, lambda: window.message_strip.show_message("warning", text))
    collector = GarbageCollector(window)
    window.closed.connect(lambda: application.exit(0))
    log.on_qt_message = partial(_follow_display, window, log)
    hook = ExceptionHook(window, log.add_entry)
    hook.install()
    window.show()

    def start_training_thread() -> None:
        window.start_background_work()
        collector.freeze_torch(window.training.submit)

    call_after_first_paint(window, start_training_thread)
    QTimer.singleShot(0, lambda: window.apply_arguments(workspace, demo, begin))
    QTimer.singleShot(0, lambda: window.crash_card.show_crash(log.pop_crash_report()))
    signals = _SignalHandler(window)
    application.exec()
    signals.close()
    collector.close()
    hook.remove()
    log.finish()
    if window.has_stuck_work:  # reading a drive that does not answer; Qt would wait for it
        os._exit(signals.exit_code)
    return signals.exit_code


def _follow_display(window: Window, log: CrashLog, message: str) -> None:
    """Save the training and leave if a message of Qt says that the display is lost."""
    from app.system.lost_display import is_loss_of_display, leave_without_display

    if is_loss_of_display(message):
        leave_without_display(window.session.end_without_signals, log)


def make_application() -> Any:
    """Return the `QApplication` with theme and locale set, a new one if there is none."""
    from PySide6.QtWidgets import QApplication

    from app.widgets import theme

    # Qt fills large areas with helper threads, which would take cores from the training with each repaint.
    os.environ.setdefault("QT_NO_GUI_THREADPOOL", "1")
    _set_application_name()
    application = QApplication.instance() or QApplication(sys.argv[:1])
    assert isinstance(application, QApplication)
    application.setApplicationDisplayName(APPLICATION_NAME)
    theme.install_theme(application)
    locale.setlocale(locale.LC_NUMERIC, "C")
    return application


def make_window() -> Window:
    """Return a new main window, which is not visible yet."""
    from app.widgets.theme import theme
    from app.window import Window

    with theme().unstyled():
        return Window()


def _set_application_name() -> None:
    """Set the names that Qt uses for the user's folders of this program."""
    from PySide6.QtCore import QCoreApplication

    QCoreApplication.setApplicationName("upscale-trainer")
    QCoreApplication.setOrganizationName("WQV")


class _SignalHandler:
    """Handler of Ctrl+C, SIGTERM and SIGHUP: the first closes the window, a second one quits at once."""

    def __init__(self, window: Any) -> None:
        from PySide6.QtCore import QTimer

        self.exit_code = 0
        self._window = window
        for name in ("SIGINT", "SIGTERM", "SIGHUP", "SIGBREAK"):
            number = getattr(signal, name, None)
            if number is not None and signal.getsignal(number) is not signal.SIG_IGN:  # as under nohup
                signal.signal(number, self._on_signal)
        self._timer = QTimer(window)
        self._timer.timeout.connect(lambda: None)  # lets Python handle signals, which Qt's event loop prevents
        self._timer.start(200)

    def _on_signal(self, number: int, frame: FrameType | None) -> None:
        code = 128 + number
        if self.exit_code:
            os._exit(code)
        self.exit_code = code
        self._window.close_at_once()

    def close(self) -> None:
        """Stop checking for signals."""
        self._timer.stop()
