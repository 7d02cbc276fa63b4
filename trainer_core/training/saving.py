"""Saving a run beside its training, whatever its disk does.

`loop` passes every write of a run to one `Saving`, which prepares it in the thread that calls torch and writes it in a
thread of its own. A write that fails is announced once and repeated as soon as it can succeed, and costs no step. At
the end `Saving.insist` waits for room, another folder or the user's decision to give up.
"""

from __future__ import annotations

import contextlib
import errno
import math
import os
import time
from collections import deque
from concurrent.futures import Future
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Callable

from trainer_core.control import Activity, RunControl, SaveAnswer
from trainer_core.data.splits import splits_to_json
from trainer_core.errors import UserError
from trainer_core.events import CheckpointSaved, EventSink, Notice, SaveBlocked
from trainer_core.files import WriteError, is_lack_of_room, write_json
from trainer_core.planning.hardware import SAVES_UNDER_WAY
from trainer_core.planning.plan import RunPlan
from trainer_core.settings.stored import settings_to_json
from trainer_core.text import format_bytes
from trainer_core.training.failures import NotSaved, explain_system_error
from trainer_core.training.resources import estimate_save_bytes, free_bytes, has_few_free_files
from trainer_core.training.saver import CheckpointSaver, Write
from trainer_core.training.start import RunStart
from trainer_core.workers import WorkerPool
from trainer_core.workspace.layout import Workspace
from trainer_core.workspace.lock import WorkspaceLock

_FIRST_DELAY, _MAX_DELAY = 15.0, 300.0  # seconds between two tries while the run goes on
_WAIT_DELAY = 10.0  # seconds between two tries at the end, if nothing says that the next one will succeed
_POLL = 0.2  # seconds

_NAMES = {"checkpoint": "checkpoint and models", "best": "best checkpoint and model", "settings": "number of steps"}

Prepare = Callable[[], Write]
"""Prepares a write in the thread that calls torch; may be called again if the write fails."""


@dataclass
class _UnderWay:
    """A prepared write. It begins when the one before it is reported, so that a kill never loses more than one report.

    Args:
        what: what it writes.
        name: name of that in messages.
        prepare: prepares the write again if it fails.
        write: the write.
        result: its result; None before it begins.
    """

    what: str
    name: str
    prepare: Prepare
    write: Write
    result: Future[CheckpointSaved | None] | None = None


class Saving:
    """The writes of one run. All methods are called by the thread of the run.

    Args:
        plan: the plan, with its workspace.
        start: what the run started from.
        lock: the lock of the workspace.
        control: asked for the user's answers while the end of the run waits.
        sink: receives the notices.

    Attributes:
        saver: writes the checkpoints, into the workspace or the folder chosen instead.
        workspace: the workspace that `saver` writes to.
        seconds: seconds that the latest checkpoint took to write and verify.
    """

    def __init__(
        self, plan: RunPlan, start: RunStart, lock: WorkspaceLock, control: RunControl, sink: EventSink
    ) -> None:
        self._plan, self._start, self._record = plan, start, start.warm_start_record
        self._lock: WorkspaceLock | None = lock
        self._control, self._sink = control, sink
        self._pool = WorkerPool(1, name="saving")
        self.seconds = 0.0
        self._under_way: deque[_UnderWay] = deque()
        self._failed: dict[str, tuple[str, Prepare]] = {}  # name and write, by what they write
        self._error: OSError | None = None  # the latest
        self._is_announced = self._is_ending = False
        self._delay, self._next_try = _FIRST_DELAY, 0.0
        self._disks = _device_of(plan.workspace.root.parent), _device_of(plan.workspace.root)
        self._needed = estimate_save_bytes(plan.config, plan.spec)
        self.workspace = plan.workspace
        self.saver = CheckpointSaver(plan.workspace, plan.config, plan.spec, plan.checkpoint)

    # -- while the run goes on -----------------------------------------------------------------

    def complete_resumed(self, *, is_last: bool) -> None:
        """Complete the checkpoint that this session resumed, if the process that wrote it was killed; wait for it.

        Args:
            is_last: the run ends at the step of this checkpoint.
        """
        state, path = self._start.state, self.saver.newest
        if state is not None and state.optimizer and path is not None:
            write = self.saver.prepare_completion(state, path, is_last=is_last)
            if write is not None:
                self.write("checkpoint", lambda: write, step=state.step)
                self.collect(step=state.step, leave=0)

    def write(self, what: str, prepare: Prepare, *, step: int) -> None:
        """Begin a write. If it fails, it is kept in place of an earlier one for the same `what`.

        It waits for an earlier write if two are under way.

        Args:
            what: "checkpoint", "best" or "settings".
            prepare: called at once; what the `Write` that it returns writes belongs to this moment of the run.
            step: step of the run, for the notices.

        Raises:
            Diverged: the state must not be saved.
        """
        self.collect(step=step, leave=SAVES_UNDER_WAY - 1)
        name = f"{_NAMES[what]} of step {step}"
        try:
            self._prepare_workspace()
            write = prepare()
        except OSError as error:
            self._add_failure(what, name, prepare, error)
        else:
            self._under_way.append(_UnderWay(what, name, prepare, write))
        self._begin_next()
        self._announce(step)

    def _begin_next(self) -> None:
        if self._under_way and self._under_way[0].result is None:
            self._under_way[0].result = self._pool.submit(self._under_way[0].write)

    def collect(self, *, step: int, leave: int | None = None) -> None:
        """Report the writes that have ended.

        Args:
            step: step of the run, for the notices.
            leave: wait until at most this number of writes is under way; None to wait for none.
        """
        has_ended = False
        while self._under_way:
            first = self._under_way[0]
            assert first.result is not None
            if not first.result.done() and (leave is None or len(self._under_way) <= leave):
                break
            has_ended = True
            try:
                with self._control.during(Activity.SAVING):
                    saved = self._pool.wait(first.result)
            except OSError as error:
                self._add_failure(first.what, first.name, first.prepare, error)
            else:
                self._failed.pop(first.what, None)
                if saved is not None:
                    self.seconds = saved.seconds
                    self._sink(saved)
            finally:
                self._under_way.popleft()
                self._begin_next()
        if has_ended:
            self._announce(step)

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
        """Report the writes that have ended, and repeat the failed ones, if they may succeed now."""
        self.collect(step=step)
        if not self._failed or self._under_way or time.monotonic() < self._next_try:
            return
        self._next_try = time.monotonic() + self._delay
        if self._may_succeed():
            self._delay = min(2 * self._delay, _MAX_DELAY)
            self._begin_again(step)

    def prepare_settings(self, plan: RunPlan) -> Write:
        """Prepare the settings of a plan that changed."""
        self._plan = plan
        content, file = self._settings(), self.workspace.settings_file
        return lambda: write_json(file, content)

    def _settings(self) -> dict[str, Any]:
        plan = self._plan
        return settings_to_json(plan.config, stored=plan.stored, derived=plan.derived, warm_start=self._record)

    def _begin_again(self, step: int) -> None:
        """Begin the failed writes again."""
        for what, (_, prepare) in list(self._failed.items()):
            self.write(what, prepare, step=step)

    def _repeat(self, step: int) -> bool:
        """Repeat the failed writes and return whether all succeeded."""
        self._begin_again(step)
        self.collect(step=step, leave=0)
        return not self._failed

    def _add_failure(self, what: str, name: str, prepare: Prepare, error: OSError) -> None:
        self._failed[what], self._error = (name, prepare), error
        self._next_try = time.monotonic() + self._delay

    def _announce(self, step: int) -> None:
        """Say that writing fails or works again, once."""
        if self._failed and not self._is_announced:
            self._is_announced = True
            text = f"Step {step} is not saved. {self._explain()} Training continues and saves when it can."
            if not self._is_ending:  # else `SaveBlocked` follows
                self._sink(Notice("error", text))
        elif not self._failed and not self._under_way and self._is_announced:
            self._is_announced, self._delay = False, _FIRST_DELAY
            self._sink(Notice("info", f"Step {step}: files can be written again, and everything is saved."))

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
        write_json(self.workspace.settings_file, self._settings())

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
        self.saver = CheckpointSaver(workspace, self._plan.config, self._plan.spec, self.saver.newest)
        self._write_description()
        text = f"This run is saved to {root} from now on. To continue it, use that folder as the workspace."
        self._sink(Notice("warning", text))

    # -- the end of the run --------------------------------------------------------------------

    def close(self) -> None:
        """End the thread after the write that has begun; nothing is reported any more."""
        for entry in self._under_way:
            if entry.result is not None:
                with contextlib.suppress(Exception):
                    self._pool.wait(entry.result)
        self._pool.close()

    def insist(self, what: str, prepare: Prepare, *, step: int) -> None:
        """Do a write and all failed ones; if one fails, wait until it succeeds or the wait ends.

        Raises:
            Diverged: the state must not be saved.
            NotSaved: the user ended the wait, or nothing changed for the patience of the control.
        """
        deadline = time.monotonic() + self._control.save_patience
        self._is_ending = True
        self.write(what, prepare, step=step)
        self.collect(step=step, leave=0)
        done = what not in self._failed and self._repeat(step)
        while not done:
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
