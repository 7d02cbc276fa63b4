"""`PhotoError`, the reason why one file cannot be used as a photo."""

from __future__ import annotations

from trainer_core.errors import UserError


class PhotoError(UserError):
    """A photo that cannot be used; the message is the reason alone, without the file's name."""
