"""`PhotoError`, the reason why one file cannot be used as a photo."""

from __future__ import annotations

from trainer_core.errors import UserError

DECODE_TIMEOUT = 60.0  # seconds; a drive that does not answer must not stop a run


class PhotoError(UserError):
    """A photo that cannot be used; the message is the reason alone, without the file's name.

    Attributes:
        is_momentary: whether the system could not read the file, which may work later; its content is not known to be
            damaged.
    """

    def __init__(self, message: str, *, is_momentary: bool = False) -> None:
        super().__init__(message)
        self.is_momentary = is_momentary


def timeout_error() -> PhotoError:
    """Return the error of a photo that was not read within `DECODE_TIMEOUT`."""
    return PhotoError(f"cannot be read: no answer for {DECODE_TIMEOUT:.0f} seconds", is_momentary=True)
