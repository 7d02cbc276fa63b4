"""The error of a refused weight file, and the assertion with which the readers of this package raise it."""

from __future__ import annotations

from trainer_core.errors import UserError


class WeightsError(UserError):
    """A file that cannot be used as weights; inside this package its message is the reason alone."""


def require(condition: bool, reason: str) -> None:
    """Refuse the file with `reason` unless `condition` holds.

    Raises:
        WeightsError: `condition` is false.
    """
    if not condition:
        raise WeightsError(reason)
