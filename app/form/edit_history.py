"""The edits of the settings that can be taken back and made again: the choices before each of them."""

from __future__ import annotations

import math
import time
from dataclasses import dataclass

from trainer_core.planning.draft import DraftState

_PAUSE = 1.0  # seconds; what is typed into a field without a longer pause is one edit


@dataclass(frozen=True)
class Edit:
    """An edit that can be taken back, or made again.

    Attributes:
        name: the setting that it changed, "" for several.
        state: the choices to return to.
    """

    name: str
    state: DraftState


class EditHistory:
    """Edits in their order; a new one drops those that were taken back."""

    def __init__(self) -> None:
        self._undoable: list[Edit] = []
        self._redoable: list[Edit] = []
        self._typed_at = -math.inf  # when the last edit was typed

    @property
    def can_undo(self) -> bool:
        """Whether an edit can be taken back."""
        return bool(self._undoable)

    @property
    def can_redo(self) -> bool:
        """Whether an edit that was taken back can be made again."""
        return bool(self._redoable)

    def record(self, name: str, before: DraftState, *, typed: bool) -> None:
        """Record an edit.

        Args:
            name: the setting that it changed, "" for several.
            before: the choices before it.
            typed: whether it may be a part of a longer text, which is one edit.
        """
        now = time.monotonic()
        goes_on = typed and now - self._typed_at < _PAUSE and self._undoable and self._undoable[-1].name == name
        if not goes_on:
            self._undoable.append(Edit(name, before))
        self._redoable.clear()
        self._typed_at = now if typed else -math.inf

    def undo(self, current: DraftState) -> Edit | None:
        """Return the edit to take back, None if there is none; `current` are the choices now."""
        return self._move(self._undoable, self._redoable, current)

    def redo(self, current: DraftState) -> Edit | None:
        """Return the edit to make again, None if there is none; `current` are the choices now."""
        return self._move(self._redoable, self._undoable, current)

    def clear(self) -> None:
        """Drop all edits."""
        self._undoable.clear()
        self._redoable.clear()

    def _move(self, source: list[Edit], target: list[Edit], current: DraftState) -> Edit | None:
        self._typed_at = -math.inf
        if not source:
            return None
        edit = source.pop()
        target.append(Edit(edit.name, current))
        return edit
