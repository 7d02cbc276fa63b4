"""The end of the program when the display server has ended: Qt then leaves at once, so the training is saved before.

Qt reports the loss in a message and calls `exit` as soon as the message is handled. No widget can be used any more.
"""

from __future__ import annotations

import os
import sys
from typing import Callable

from app.system.crash_log import CrashLog
from trainer_core.text import print_lines

_MESSAGES = ("The X11 connection broke", "The Wayland connection broke")  # of Qt's platform plugins
_SAVED = "The connection to the display broke. The training is saved; start the program again to continue."
_NOT_SAVED = (
    "The connection to the display broke, and the training did not end in time. Start the program again to continue "
    "from its newest checkpoint."
)
_NO_RUN = "The connection to the display broke. Start the program again."


def is_loss_of_display(message: str) -> bool:
    """Whether a message of Qt says that the connection to the display server broke."""
    return message.startswith(_MESSAGES)


def leave_without_display(end_run: Callable[[], bool | None], log: CrashLog) -> None:
    """Save the training, say so on standard error and in the log, and end the process with exit code 1.

    Args:
        end_run: saves and ends the training; returns whether it ended in time, None if there was none.
        log: is finished, because this is no crash.
    """
    has_ended = end_run()
    text = _NO_RUN if has_ended is None else _SAVED if has_ended else _NOT_SAVED
    log.add_entry(text)
    print_lines(text, stream=sys.stderr)
    log.finish()
    os._exit(1)  # the destructors of Qt would use the connection
