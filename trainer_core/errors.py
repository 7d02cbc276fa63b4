"""The one error a user may cause: `UserError`. Whatever the user can put right raises it.

The command line prints message and hint and exits with code 2; the window shows the message beside the field or in
a dialog. Anything else that escapes is a fault of the program and is shown with a report.
"""

from __future__ import annotations


class UserError(Exception):
    """Bad input, said in one clear sentence: what was found, where, and what to do.

    Args:
        message: the sentence shown to the user, plain text.
        hint: the command or option that helps; the window has buttons for it and leaves the hint out.
    """

    def __init__(self, message: str, *, hint: str = "") -> None:
        super().__init__(message if not hint else f"{message} {hint}")
        self.message = message
        self.hint = hint
