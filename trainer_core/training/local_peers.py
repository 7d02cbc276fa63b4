"""Peers that the main process of a run starts on its own machine, each a process of its own with few threads.

They are connected through the loopback interface alone, and meet in a file, so nothing of them can be reached from
other machines. A peer ends with the main process, however that ends.
"""

from __future__ import annotations

import contextlib
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
_GO = "go\n"
_INTERFACE = "GLOO_SOCKET_IFNAME"
_LOOPBACK = "127.0.0.1"
_END_TIMEOUT = 10.0  # seconds that a peer may take to end
_SHARED_SIGNALS = ("SIGINT", "SIGHUP", "SIGTERM")  # which may reach all processes of a run; the main one decides


class LocalPeers:
    """Peers on this machine, which start in the background; `close` ends them.

    Args:
        count: number of peers.
        threads: torch's threads in each of them.

    Raises:
        OSError: the system cannot start them.
    """

    def __init__(self, count: int, *, threads: int) -> None:
        self._size = count + 1
        self._folder = Path(tempfile.mkdtemp(prefix="wqv-peers-"))
        self._processes: list[subprocess.Popen[str]] = []
        self._group: ProcessGroup | None = None
        try:
            with _blocked_signals():
                for rank in range(1, self._size):
                    self._processes.append(self._start(rank, threads))
        except OSError:
            self.close()
            raise

    def _start(self, rank: int, threads: int) -> subprocess.Popen[str]:
        variables = {**os.environ, **_describe(rank, self._size), "OMP_NUM_THREADS": str(threads)}
        interface = _find_loopback()
        if interface:
            variables.setdefault(_INTERFACE, interface)
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

    def _describe_end(self, rank: int, code: int) -> str:
        with contextlib.suppress(OSError):
            lines = read_regular(_log_of(self._folder, rank)).decode("utf-8", "replace").split("\n")
            reason = next((line.strip() for line in reversed(lines) if line.strip()), "")
            if reason:
                return f"It ended with code {code}: {reason[:300]}"
        return f"It ended with code {code}."

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
                raise PeerLost("It has ended.") from error
        self._group = ProcessGroup(_describe(0, self._size), str(self._folder / "meeting"))
        with _loopback_alone():
            self._group.join()
        return self._group

    def close(self) -> None:
        """End the peers, and the connection with them; further calls do nothing."""
        if self._group is not None:
            self._group.end(0)
            self._group.leave()
            self._group = None
        for process in self._processes:
            if process.stdin is not None:
                with contextlib.suppress(OSError):
                    process.stdin.close()  # which ends a peer that was not joined
        limit = time.monotonic() + _END_TIMEOUT
        for process in self._processes:
            try:
                process.wait(max(0.0, limit - time.monotonic()))
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        self._processes = []
        shutil.rmtree(self._folder, ignore_errors=True)


def main(folder: str) -> None:
    """Assist in a run as the peer that the environment describes; the main process starts this."""
    for name in _SHARED_SIGNALS:
        if hasattr(signal, name):
            signal.signal(getattr(signal, name), signal.SIG_IGN)
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
    """Return the name of the loopback interface, "" if there is none."""
    found = (name for name, places in psutil.net_if_addrs().items() if any(p.address == _LOOPBACK for p in places))
    return next(found, "")


@contextlib.contextmanager
def _loopback_alone() -> Iterator[None]:
    """Let gloo use the loopback interface in the `with` block, unless the environment names another one."""
    interface = _find_loopback()
    if _INTERFACE in os.environ or not interface:
        yield
        return
    os.environ[_INTERFACE] = interface
    try:
        yield
    finally:
        del os.environ[_INTERFACE]


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
