"""The window's start, in this order, each step for a reason:

1. `environment.prepare`: thread settings, which torch reads when it is imported;
2. on Windows torch, because its libraries do not load once Qt's are there;
3. `QApplication`, the theme, then `LC_NUMERIC` back to "C", because Qt sets it to the user's, where 0.5 may be "0,5";
4. the window, shown at once;
5. only then the training thread, which imports torch elsewhere than on Windows;
6. signals: Ctrl+C in the terminal closes the window the way the user would.
"""

from __future__ import annotations

import locale
import os
import signal
import sys
from types import FrameType
from typing import Any, Optional

from trainer_core import environment

APPLICATION = "WQV Upscale Trainer"


def run(*, workspace: Optional[str] = None, demo: bool = False, begin: bool = False) -> int:
    """Open the window and stay until it is closed; the exit code.

    Args:
        workspace: a folder to open.
        demo: fill in the built-in scenes.
        begin: start to train as soon as everything is ready.
    """
    environment.prepare()
    if os.name == "nt":
        import torch  # noqa: F401

    from PySide6.QtCore import QTimer

    application = make_application()

    from app.errors import ErrorHook
    from app.window import Window

    window = Window()
    hook = ErrorHook(window)
    hook.install()
    window.show()
    QTimer.singleShot(0, window.begin_work)
    QTimer.singleShot(0, lambda: window.open_at_start(workspace, demo=demo, begin=begin))
    wake = _listen_to_signals(window)
    code: int = application.exec()
    wake.stop()
    hook.remove()
    return code


def make_application() -> Any:
    """The one `QApplication`, with the theme and the locale as the trainer needs it."""
    from PySide6.QtWidgets import QApplication

    from app import theme

    application = QApplication.instance() or QApplication(sys.argv[:1])
    assert isinstance(application, QApplication)
    application.setApplicationName("upscale-trainer")
    application.setOrganizationName("WQV")
    application.setApplicationDisplayName(APPLICATION)
    theme.install(application)
    locale.setlocale(locale.LC_NUMERIC, "C")
    return application


def _listen_to_signals(window: Any) -> Any:
    """Let Python look at signals five times a second; Qt's loop alone would not."""
    from PySide6.QtCore import QTimer

    def leave(number: int, frame: Optional[FrameType]) -> None:
        window.close_at_once()

    for name in ("SIGINT", "SIGTERM"):
        signal.signal(getattr(signal, name), leave)
    timer = QTimer(window)
    timer.timeout.connect(lambda: None)
    timer.start(200)
    return timer
