"""Peers that the main process of a run starts on its own machine, each a process of its own with few threads.

They are connected through the loopback interface alone, and meet in a file, so nothing of them can be reached from
other machines. A peer ends with the main process, however that ends. It has the files of the program that the main
process has: if they have changed since, no peer is started.
"""

from __future__ import annotations

import contextlib
import importlib.util
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import psutil

import trainer_core
from trainer_core import environment
from trainer_core.control import RunControl, Stopped
from trainer_core.input_files import read_regular
from trainer_core.training.failures import PeerLost
from trainer_core.training.process_group import ProcessGroup

# The modules of the main process, and none of the current folder.
_CODE = (
    "import sys; sys.path[:] = sys.argv[1].split(chr(10)); from trainer_core.training import local_peers; "
    "local_peers.main(*sys.argv[2:])"
)
_PREFIX = "wqv-peers-"  # of temporary folders, before the number of the main process
_GO = "go\n"
_INTERFACE = "GLOO_SOCKET_IFNAME"
_LOOPBACK = "127.0.0.1"
_SIGKILL = getattr(signal, "SIGKILL", 9)
_END_TIMEOUT = 10.0  # seconds that a peer may take to end
_LOSS_TIMEOUT = 2.0  # seconds in which a peer that closed its connection has ended, too
_OOM_SCORE = Path("/proc/self/oom_score_adj")  # Linux ends the process with the highest number if memory runs out
_SHARED_SIGNALS = ("SIGINT", "SIGHUP", "SIGTERM")  # which may reach all processes of a run; the main one decides


class LocalPeers:
    """Peers on this machine, which start in the background; `close` ends them.

    Args:
        count: number of peers.
        threads: torch's threads in each of them.

    Raises:
        OSError: the system cannot start them.
        PeerLost: they would not be those of the main process, or could be reached from other machines.
    """

    def __init__(self, count: int, *, threads: int) -> None:
        if _describe_program() != _PROGRAM:
            raise PeerLost("The files of this program have changed since it was started.")
        self._size, self._interface = count + 1, _find_loopback()
        _remove_old_folders()
        self._folder = Path(tempfile.mkdtemp(prefix=f"{_PREFIX}{os.getpid()}-"))
        self._processes: list[subprocess.Popen[str]] = []
        self._group: ProcessGroup | None = None
        try:
            with _blocked_signals():
                for rank in range(1, self._size):
                    self._processes.append(self._start(rank, threads))
        except BaseException:
            self.close()
            raise

    def _start(self, rank: int, threads: int) -> subprocess.Popen[str]:
        own = {_INTERFACE: self._interface, "OMP_NUM_THREADS": str(threads)}
        variables = {**os.environ, **_describe(rank, self._size), **own}
        with _log_of(self._folder, rank).open("w", encoding="utf-8") as log:
            return subprocess.Popen(
                [sys.executable, "-c", _CODE, "\n".join(sys.path), str(self._folder)],
                env=variables,
                stdin=subprocess.PIPE,
                stdout=subprocess.DEVNULL,
                stderr=log,
                text=True,
                creationflags=getattr(subprocess, "CREATE_NO_WINDOW", 0),
            )

    def are_ready(self) -> bool:
        """Return whether all peers can be joined.

        Raises:
            PeerLost: one of them has ended.
        """
        for rank, process in enumerate(self._processes, 1):
            if process.poll() is not None:
                raise PeerLost(self._describe_end(rank, process.returncode))
        return all(_sign_of(self._folder, rank).exists() for rank in range(1, self._size))

    def explain_loss(self) -> str:
        """Return a sentence on a peer that has ended, "" if all are alive."""
        limit = time.monotonic() + _LOSS_TIMEOUT
        while time.monotonic() < limit:
            for rank, process in enumerate(self._processes, 1):
                if process.poll() is not None:
                    return self._describe_end(rank, process.returncode)
            time.sleep(0.05)
        return ""

    def _describe_end(self, rank: int, code: int) -> str:
        if code == -_SIGKILL:
            return "A process that was started for this run was killed, perhaps because memory ran out."
        ended = f"A process that was started for this run ended with code {code}"
        with contextlib.suppress(OSError):
            lines = read_regular(_log_of(self._folder, rank)).decode("utf-8", "replace").split("\n")
            reason = next((line.strip() for line in reversed(lines) if line.strip()), "")
            if reason:
                return f"{ended} ({reason[:300].rstrip('.')})."
        return f"{ended}."

    def join(self) -> ProcessGroup:
        """Connect with the peers, which must be ready, and return the world of all.

        Raises:
            PeerLost: one of them has ended.
        """
        for process in self._processes:
            assert process.stdin is not None, "it is a pipe"
            try:
                process.stdin.write(_GO)
                process.stdin.flush()
            except OSError as error:
                raise PeerLost("A process that was started for this run has ended.") from error
        self._group = ProcessGroup(_describe(0, self._size), str(self._folder / "meeting"))
        with _interface(self._interface):
            self._group.join()
        return self._group

    def close(self) -> None:
        """End the peers, and the connection with them; further calls do nothing."""
        group, patience = self._group, _END_TIMEOUT
        if group is not None:
            patience = _END_TIMEOUT if group.is_connected else 0.0  # else they wait for this process
            group.end(0)
        for process in self._processes:
            if process.stdin is not None:
                with contextlib.suppress(OSError):
                    process.stdin.close()  # which ends a peer that was not joined
        limit = time.monotonic() + patience
        for process in self._processes:
            try:
                process.wait(max(0.0, limit - time.monotonic()))
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        self._processes, self._group = [], None
        if group is not None:
            group.leave()  # whose threads end when no peer is left
        shutil.rmtree(self._folder, ignore_errors=True)


def main(folder: str) -> None:
    """Assist in a run as the peer that the environment describes; the main process starts this."""
    for name in _SHARED_SIGNALS:
        if hasattr(signal, name):
            signal.signal(getattr(signal, name), signal.SIG_IGN)
    with contextlib.suppress(OSError):
        _OOM_SCORE.write_text("1000")  # so that the main process goes on
    environment.configure_libraries()
    from trainer_core.training.peers import assist  # imports torch

    world = ProcessGroup(os.environ, str(Path(folder) / "meeting"))
    _sign_of(Path(folder), world.rank).touch()
    if sys.stdin.readline() != _GO:
        return
    with contextlib.suppress(PeerLost, Stopped):  # the main process reports what happened
        world.join()
        try:
            assist(world, RunControl())
        finally:
            world.end(1)


def _describe(rank: int, size: int) -> dict[str, str]:
    """Return the variables by which torchrun describes a process."""
    facts = {"RANK": rank, "LOCAL_RANK": rank, "WORLD_SIZE": size, "LOCAL_WORLD_SIZE": size}
    return {name: str(value) for name, value in facts.items()}


def _sign_of(folder: Path, rank: int) -> Path:
    return folder / f"ready{rank}"


def _log_of(folder: Path, rank: int) -> Path:
    return folder / f"peer{rank}.log"


def _find_loopback() -> str:
    """Return the name of the loopback interface.

    Raises:
        PeerLost: there is none.
    """
    for name, places in psutil.net_if_addrs().items():
        if any(place.address == _LOOPBACK for place in places):
            return str(name)
    raise PeerLost("This computer has no loopback interface.")


def _describe_program() -> list[tuple[str, int, int]]:
    """Return name, size and time of the files of this program and of its libraries that a peer would import."""
    files = sorted(Path(trainer_core.__file__).parent.rglob("*.py"))
    for library in ("torch", "numpy", "PIL"):
        found = importlib.util.find_spec(library)
        files += [Path(found.origin).with_name("version.py")] if found and found.origin else []
        files += [Path(found.origin).with_name("_version.py")] if found and found.origin else []
    facts = ((str(file), file.stat()) for file in files if file.is_file())
    return [(name, status.st_size, status.st_mtime_ns) for name, status in facts]


_PROGRAM = _describe_program()  # as it is when this module is imported, with the other ones


def _remove_old_folders() -> None:
    """Remove the folders that killed processes left."""
    for folder in Path(tempfile.gettempdir()).glob(f"{_PREFIX}*"):
        number = folder.name[len(_PREFIX) :].partition("-")[0]
        if number.isdigit() and not psutil.pid_exists(int(number)):
            shutil.rmtree(folder, ignore_errors=True)


@contextlib.contextmanager
def _interface(name: str) -> Iterator[None]:
    """Let gloo use this interface in the `with` block."""
    before = os.environ.get(_INTERFACE)
    os.environ[_INTERFACE] = name
    try:
        yield
    finally:
        if before is None:
            del os.environ[_INTERFACE]
        else:
            os.environ[_INTERFACE] = before


@contextlib.contextmanager
def _blocked_signals() -> Iterator[None]:
    """Block the shared signals in the `with` block; processes that start there never receive them."""
    if os.name != "posix":  # `main` ignores them a moment later
        yield
        return
    numbers = {getattr(signal, name) for name in _SHARED_SIGNALS}
    before = signal.pthread_sigmask(signal.SIG_BLOCK, numbers)
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
