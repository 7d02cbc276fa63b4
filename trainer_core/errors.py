"""`UserError`, raised for every problem that the user can correct.

The command line prints message and hint and exits with code 2; the window shows the message beside the field or in
a dialog. Any other exception is an error of the program, which the window shows with a report.
"""

from __future__ import annotations


class UserError(Exception):
    """Bad input, described in one clear sentence: what happened, where, and what to do.

    Args:
        message: the sentence for the user, plain text.
        hint: the command or option that helps; the window omits it and offers buttons instead.
    """

    def __init__(self, message: str, *, hint: str = "") -> None:
        super().__init__(message if not hint else f"{message} {hint}")
        self.message = message
        self.hint = hint


class NewerFileError(UserError):
    """A file of a newer version of this program, which this version neither reads nor rewrites."""
