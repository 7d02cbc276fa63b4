"""Saving a run whatever its disk does: a write that fails is announced once, kept, repeated, and at the end waited for.

`loop` passes every write of a run to one `Saving`. While the run goes on, a failed write costs no step: it is repeated
as soon as it can succeed. At the end `Saving.insist` waits for room, another folder or the user's decision to give up.
"""

from __future__ import annotations

import errno
import math
import os
import time
from pathlib import Path
from typing import Callable

from trainer_core.control import RunControl, SaveAnswer
from trainer_core.data.splits import splits_to_json
from trainer_core.errors import UserError
from trainer_core.events import EventSink, Notice, SaveBlocked
from trainer_core.files import WriteError, is_lack_of_room, write_json
from trainer_core.planning.plan import RunPlan
from trainer_core.settings.stored import settings_to_json
from trainer_core.text import format_bytes
from trainer_core.training.failures import NotSaved, explain_system_error
from trainer_core.training.resources import estimate_save_bytes, free_bytes, has_few_free_files
from trainer_core.training.saver import CheckpointSaver
from trainer_core.training.start import RunStart
from trainer_core.workspace.layout import Workspace
from trainer_core.workspace.lock import WorkspaceLock

_FIRST_DELAY, _MAX_DELAY = 15.0, 300.0  # seconds between two tries while the run goes on
_WAIT_DELAY = 10.0  # seconds between two tries at the end, if nothing says that the next one will succeed
_POLL = 0.2  # seconds

_NAMES = {"checkpoint": "checkpoint and models", "best": "best checkpoint and model", "settings": "number of steps"}

Write = Callable[[], object]


class Saving:
    """The writes of one run.

    Args:
        plan: the plan, with its workspace.
        start: what the run started from.
        lock: the lock of the workspace.
        control: asked for the user's answers while the end of the run waits.
        sink: receives the notices.

    Attributes:
        saver: writes the checkpoints, into the workspace or the folder chosen instead.
        workspace: the workspace that `saver` writes to.
    """

    def __init__(
        self, plan: RunPlan, start: RunStart, lock: WorkspaceLock, control: RunControl, sink: EventSink
    ) -> None:
        self._plan, self._record = plan, start.warm_start_record
        self._lock: WorkspaceLock | None = lock
        self._control, self._sink = control, sink
        self._failed: dict[str, tuple[str, Write]] = {}  # name and write, by what they write
        self._error: OSError | None = None  # the latest
        self._is_announced = False
        self._delay, self._next_try = _FIRST_DELAY, 0.0
        self._disks = _device_of(plan.workspace.root.parent), _device_of(plan.workspace.root)
        self._needed = estimate_save_bytes(plan.config, plan.spec)
        self.workspace = plan.workspace
        self.saver = CheckpointSaver(plan.workspace, plan.config, plan.spec, sink)

    # -- while the run goes on -----------------------------------------------------------------

    def write(self, what: str, action: Write, *, step: int, announce: bool = True) -> bool:
        """Do `action` and return whether it succeeded; else keep it in place of an earlier one for the same `what`.

        Args:
            what: "checkpoint", "best" or "settings".
            action: raises an `OSError` if it fails; it must be possible to repeat it.
            step: step of the run, for the notice.
            announce: whether a failure that is the first one gives a notice.
        """
        try:
            self._prepare_workspace()
            action()
        except OSError as error:
            self._failed[what], self._error = (f"{_NAMES[what]} of step {step}", action), error
            self._next_try = time.monotonic() + self._delay
            if announce and not self._is_announced:
                self._is_announced = True
                text = f"Step {step} is not saved. {self._explain()} Training continues and saves when it can."
                self._sink(Notice("error", text))
            return False
        self._failed.pop(what, None)
        if not self._failed and self._is_announced:
            self._is_announced, self._delay = False, _FIRST_DELAY
            self._sink(Notice("info", f"Step {step}: files can be written again, and everything is saved."))
        return True

    @property
    def is_behind(self) -> bool:
        """Whether a write failed and was not repeated successfully."""
        return bool(self._failed)

    def forget(self, newest: Path | None) -> None:
        """Forget the failed writes of checkpoints, because the run goes back to `newest`, its newest checkpoint."""
        for what in ("checkpoint", "best"):
            self._failed.pop(what, None)
        self.saver.newest = newest

    def retry(self, *, step: int) -> None:
        """Repeat the failed writes, if there are any and they may succeed now."""
        if not self._failed or time.monotonic() < self._next_try:
            return
        self._next_try = time.monotonic() + self._delay
        if self._may_succeed():
            self._delay = min(2 * self._delay, _MAX_DELAY)
            self._repeat(step)

    def store_settings(self, config_plan: RunPlan) -> None:
        """Write the settings of a plan that changed.

        Raises:
            OSError: the file cannot be written.
        """
        self._plan = config_plan
        content = settings_to_json(
            self._plan.config, stored=self._plan.stored, derived=self._plan.derived, warm_start=self._record
        )
        write_json(self.workspace.settings_file, content)

    def _repeat(self, step: int) -> bool:
        for what, (_, action) in list(self._failed.items()):
            self.write(what, action, step=step)
        return not self._failed

    def _may_succeed(self) -> bool:
        """Whether a try is worth its time: if the disk was full, whether there is room for a checkpoint now."""
        if self._error is None or not is_lack_of_room(self._error):
            return True
        free = free_bytes(self.workspace.root)
        return free is None or free >= self._needed

    def _explain(self) -> str:
        """Say why the latest write failed and how much room it needs."""
        error = self._error
        assert error is not None
        if not is_lack_of_room(error):
            return explain_system_error(error)
        free = free_bytes(self.workspace.root)
        room = f"; {format_bytes(free)} free" if free is not None else ""
        if free is not None and free >= self._needed and has_few_free_files(self.workspace.root):
            room = "; it takes no further files"
        return f"{error}. One save needs {format_bytes(self._needed)}{room}."

    # -- the workspace -------------------------------------------------------------------------

    def _prepare_workspace(self) -> None:
        """Make the workspace again if it was deleted, and check that no other trainer came in.

        Nothing is written below the mount point of a lost drive, which would be another disk.
        """
        root, (parent_disk, disk) = self.workspace.root, self._disks
        if not root.is_dir():
            if _device_of(root.parent) != parent_disk:
                raise WriteError(root, OSError(errno.ENODEV, os.strerror(errno.ENODEV)))
            root.mkdir()
            self._write_description()
            self._sink(Notice("warning", f"The workspace {root} was deleted, so it was made again."))
        elif _device_of(root) != disk and not self.workspace.settings_file.is_file():
            raise WriteError(root, OSError(errno.ENODEV, os.strerror(errno.ENODEV)))
        if self._lock is not None:
            notice = self._lock.check()
            if notice:
                self._sink(Notice("warning", notice))

    def _write_description(self) -> None:
        """Write split and settings, without which the checkpoints could not be resumed."""
        write_json(self.workspace.splits_file, splits_to_json(self._plan.splits))
        self.store_settings(self._plan)

    def _move_to(self, folder: Path) -> None:
        """Save into a new workspace inside `folder` from now on.

        Raises:
            OSError: it cannot be created.
        """
        name, number = self._plan.workspace.root.name, 2
        root = folder / name
        while root.exists():
            root, number = folder / f"{name}_{number}", number + 1
        workspace = Workspace(root)
        try:
            workspace.create()
        except UserError as error:
            raise OSError(error.message) from error
        self.workspace, self._lock, self._disks = workspace, None, (_device_of(folder), _device_of(root))
        self.saver = CheckpointSaver(workspace, self._plan.config, self._plan.spec, self._sink)
        self._write_description()
        text = f"This run is saved to {root} from now on. To continue it, use that folder as the workspace."
        self._sink(Notice("warning", text))

    # -- the end of the run --------------------------------------------------------------------

    def insist(self, what: str, action: Write, *, step: int) -> None:
        """Do `action` and all failed writes; if one fails, wait until it succeeds or the wait ends.

        Raises:
            NotSaved: the user ended the wait, or nothing changed for the patience of the control.
        """
        deadline = time.monotonic() + self._control.save_patience
        done = self.write(what, action, step=step, announce=False) and self._repeat(step)
        while not done:
            self._is_announced = True
            left = deadline - time.monotonic()
            with self._control.waiting_for_room():
                self._sink(SaveBlocked(step, self._explain(), left if math.isfinite(left) else None))
                answer = self._wait(step, deadline)
            if answer is None:
                return
            if answer.gives_up:
                names = " and ".join(name for name, _ in self._failed.values())
                raise NotSaved(f"Not saved: {names}. {self._explain()}")
            done = self._try_answer(answer, step)

    def _wait(self, step: int, deadline: float) -> SaveAnswer | None:
        """Wait for an answer and return it; None if the failed writes succeeded without one."""
        next_try = time.monotonic() + _WAIT_DELAY
        while time.monotonic() < deadline:
            answer = self._control.wait_for_save_answer(_POLL)
            if answer is not None:
                return answer
            has_room = self._error is not None and is_lack_of_room(self._error) and self._may_succeed()
            if has_room or time.monotonic() >= next_try:
                next_try = time.monotonic() + _WAIT_DELAY
                if self._repeat(step):
                    return None
        return SaveAnswer(gives_up=True)

    def _try_answer(self, answer: SaveAnswer, step: int) -> bool:
        try:
            if answer.folder is not None:
                self._move_to(answer.folder)
        except OSError as error:
            self._error = error
            return False
        return self._repeat(step)


def _device_of(folder: Path) -> int | None:
    try:
        return folder.stat().st_dev
    except OSError:
        return None
