"""The lock of a workspace: one trainer at a time, on file systems with locks and, as far as possible, without.

The system's lock on `.lock` ends with the process. `.lock.json` says who holds it. `WorkspaceLock.check`, called before
each save, notices a `.lock` that someone deleted, through which a second trainer may have come in.
"""

from __future__ import annotations

import contextlib
import errno
import os
import socket
import stat
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Callable

import psutil

from trainer_core.errors import UserError
from trainer_core.files import WriteError, describe_error, file_identity, write_json
from trainer_core.input_files import read_regular
from trainer_core.json_files import parse_json

_CLOCK_TOLERANCE = 10.0  # seconds between the clocks of files and of processes
_MAX_HOLDER_BYTES = 1 << 16
_HOLDER_SECONDS = 3.0  # seconds in which a new holder of the lock has written its name
_NO_LOCKS = tuple(
    getattr(errno, name) for name in ("ENOLCK", "ENOTSUP", "EOPNOTSUPP", "ENOSYS", "EINVAL") if hasattr(errno, name)
)
_HELD = (errno.EAGAIN, errno.EWOULDBLOCK, errno.EACCES)

if sys.platform == "win32":
    from filelock import FileLock, Timeout

    def _lock_file(path: Path) -> Callable[[], None]:
        lock = FileLock(path, timeout=0, thread_local=False)  # the saving thread may have to take it again
        try:
            lock.acquire()
        except Timeout:
            raise BlockingIOError(errno.EAGAIN, os.strerror(errno.EAGAIN)) from None
        return lock.release

else:
    import fcntl

    def _lock_file(path: Path) -> Callable[[], None]:
        """Lock `path`, which is created if missing, and return the function that releases it.

        Raises:
            BlockingIOError: another process holds it.
            OSError: it cannot be locked.
        """
        descriptor = _open_lock_file(path)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            os.close(descriptor)
            if error.errno in _HELD:
                raise BlockingIOError(error.errno, error.strerror) from error
            raise
        return lambda: os.close(descriptor)

    def _open_lock_file(path: Path) -> int:
        flags = os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC  # no waiting for the other end of a pipe
        try:
            return os.open(path, flags | os.O_RDWR | os.O_CREAT, 0o666)
        except PermissionError:
            return os.open(path, flags | os.O_RDONLY)  # a file of another user can be locked as well


@dataclass(frozen=True)
class LockHolder:
    """The trainer named by `.lock.json`; `since` is in seconds since 1970."""

    process: int
    host: str
    since_text: str
    since: float

    @property
    def is_here(self) -> bool:
        """Whether it ran on this machine."""
        return self.host == socket.gethostname()

    @property
    def is_running(self) -> bool:
        """Whether it runs on this machine; a process younger than the lock only reuses the number of an ended one."""
        try:
            found = psutil.Process(self.process)
            begun_before = found.create_time() <= self.since + _CLOCK_TOLERANCE
            return self.is_here and found.status() != psutil.STATUS_ZOMBIE and bool(begun_before)
        except (psutil.Error, ValueError, OverflowError):
            return False

    def __str__(self) -> str:
        return f"process {self.process} on {self.host} (since {self.since_text})"


def read_lock_holder(root: Path) -> LockHolder | None:
    """Return the holder of the lock as `.lock.json` names it; None if it names none."""
    file = root / ".lock.json"
    try:
        data = parse_json(read_regular(file, _MAX_HOLDER_BYTES))
        return LockHolder(int(data["pid"]), str(data["host"]), str(data["since"]), file.stat().st_mtime)
    except (OSError, ValueError, KeyError, TypeError):
        return None


class WorkspaceLock:
    """The lock of one workspace.

    Attributes:
        notices: sentences about what this file system does not guarantee.
    """

    def __init__(self, root: Path) -> None:
        self._root, self._path, self._holder_file = root, root / ".lock", root / ".lock.json"
        self._release: Callable[[], None] | None = None  # None on a file system without locks
        self._identity: tuple[int, int] | None = None
        self._is_held = False
        self.notices: list[str] = []

    def acquire(self) -> None:
        """Take the lock.

        Raises:
            UserError: another process holds it, or the file cannot be locked.
            OSError: `.lock.json` cannot be written.
        """
        self._refuse_wrong_kind()
        deadline = time.monotonic() + _HOLDER_SECONDS
        while not self._try_to_acquire():
            holder = read_lock_holder(self._root)
            if (holder and (holder.is_running or not holder.is_here)) or time.monotonic() > deadline:
                raise UserError(
                    f"The workspace {self._root} is in use by {holder or 'another process'}. Stop that run first."
                )
            time.sleep(0.05)  # the new holder is about to write its name, or is just ending
        self._identity, self._is_held = file_identity(self._path), True
        self._write_holder()
        self._test_sync()

    def release(self) -> None:
        """Release the lock; a second call has no effect."""
        holder = read_lock_holder(self._root) if self._is_held else None
        if holder is not None and self._is_own(holder):
            with contextlib.suppress(OSError):
                self._holder_file.unlink()
        self._is_held = False
        if self._release is not None:
            self._release()
            self._release = None

    def check(self) -> str:
        """Check that no other trainer has come in; return a notice if the lock had to be restored, else "".

        Raises:
            WriteError: another process trains in the workspace as well (EBUSY), or the lock cannot be restored.
        """
        try:
            return self._check()
        except WriteError:
            raise
        except OSError as error:
            raise WriteError(self._path, error) from error

    def _check(self) -> str:
        holder = read_lock_holder(self._root)
        if file_identity(self._path) == self._identity:
            if holder is not None and not self._is_own(holder) and holder.is_running:
                raise self._shared(holder)
            return ""
        try:
            release = _lock_file(self._path)
        except BlockingIOError:
            raise self._shared(holder) from None
        except OSError as error:
            if error.errno not in _NO_LOCKS:
                raise
            release = None
        if self._release is not None:
            self._release()
        self._release, self._identity = release, file_identity(self._path)
        self._write_holder()
        return (
            f"The file {self._path} was deleted or replaced, so a second training could have started here. "
            "It is locked again. Do not delete it while a run is under way."
        )

    def _shared(self, holder: LockHolder | None) -> WriteError:
        text = f"{holder or 'another process'} trains in this workspace as well, because {self._path.name} was deleted"
        return WriteError(self._root, OSError(errno.EBUSY, text))

    def _is_own(self, holder: LockHolder) -> bool:
        return holder.process == os.getpid() and holder.is_here

    def _refuse_wrong_kind(self) -> None:
        for path in (self._path, self._holder_file):
            try:
                kind = path.lstat().st_mode
            except OSError:
                continue
            if not stat.S_ISREG(kind):
                raise UserError(f"{path} must be a file, but is a folder, a link or a device. Delete it and try again.")

    def _try_to_acquire(self) -> bool:
        """Try once; without locks, trust the name in `.lock.json`."""
        try:
            self._release = _lock_file(self._path)
        except BlockingIOError:
            return False
        except OSError as error:
            if error.errno not in _NO_LOCKS:
                raise UserError(self._explain(error)) from error
            self._acquire_without_locks()
        return True

    def _acquire_without_locks(self) -> None:
        holder = read_lock_holder(self._root)
        if holder is not None and not self._is_own(holder):
            if holder.is_running:
                raise UserError(f"The workspace {self._root} is in use by {holder}. Stop that run first.")
            if not holder.is_here:
                raise UserError(
                    f"The workspace {self._root} may be in use by {holder}. Its file system has no locks, so this "
                    f"cannot be checked. If that run has ended, delete {self._holder_file} and try again."
                )
        self.notices.append(
            f"The file system of {self._root} has no locks, so a second training in this workspace is not always "
            "noticed. Start only one at a time."
        )

    def _explain(self, error: OSError) -> str:
        text = f"The workspace {self._root} cannot be locked: {describe_error(error)}"
        if isinstance(error, PermissionError):
            return (
                f"{text}. {self._path} belongs to {_owner(self._path)}. Become its owner, or choose another workspace."
            )
        return f"{text}. Check the drive, or choose another workspace."

    def _write_holder(self) -> None:
        since = time.strftime("%Y-%m-%d %H:%M:%S")
        write_json(self._holder_file, {"pid": os.getpid(), "host": socket.gethostname(), "since": since})

    def _test_sync(self) -> None:
        """Add a notice if the file system cannot make files durable."""
        if os.name != "posix":
            return
        for path in (self._holder_file, self._root):
            try:
                descriptor = os.open(path, os.O_RDONLY)
                try:
                    os.fsync(descriptor)
                finally:
                    os.close(descriptor)
            except OSError as error:
                self.notices.append(
                    f"The file system of {self._root} does not confirm that files are on the disk "
                    f"({error.strerror}), so a power failure can destroy the newest ones."
                )
                return


def _owner(path: Path) -> str:
    try:
        return f"the user {path.owner()}"
    except (OSError, KeyError, NotImplementedError):
        return "another user"
