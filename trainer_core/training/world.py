"""The processes that train one run, as its code sees them: a `World` of this one alone does nothing.

`process_group.ProcessGroup` is one of several.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import torch


class World:
    """A process that trains alone.

    Attributes:
        rank: number of this process; 0 is the main process, which writes, logs and validates.
        size: number of processes.
        local_rank: number of this process on its machine.
        local_size: number of processes on this machine.
        is_local: whether the main process started its peers, on its machine; they inherit its priority.
        stop_signal: number of the signal that asked this process to stop; 0 without one.
        on_stop_signal: called in the main process with the number of a signal that only a peer received.
        on_wait: called with a sentence when the main process has waited for its peers for a minute.
        is_stopping: whether the main process was asked to stop in another way than by a signal.
        failure_is_known: whether all processes know of the failure that `together` raised; each other failure concerns
            this process alone. An exchange after it resets this.
    """

    rank, size, local_rank, local_size = 0, 1, 0, 1
    is_local = False
    failure_is_known = True

    def __init__(self) -> None:
        self.stop_signal = 0
        self.on_stop_signal: Callable[[int], None] = lambda number: None
        self.on_wait: Callable[[str], None] = lambda text: None
        self.is_stopping: Callable[[], bool] = lambda: False

    def join(self) -> None:
        """Connect with the other processes."""

    def send(self, message: Mapping[str, Any]) -> None:
        """Send a message of JSON values from the main process to its peers."""

    def receive(self) -> dict[str, Any]:
        """Wait for the next message of the main process and return it."""
        raise NotImplementedError

    def broadcast(self, tensor: torch.Tensor) -> None:
        """Send a tensor on the CPU from the main process into that of its peers."""

    @contextlib.contextmanager
    def together(self) -> Iterator[None]:
        """Do the `with` block in all processes, and raise in each what failed in one.

        Raises:
            Stopped: a process was asked to stop, or, in a peer, any process failed.
            PeerLost: a process has ended or does not answer.
        """
        yield

    def add_up(self, tensors: Sequence[torch.Tensor]) -> None:
        """Replace each tensor by its sum over all processes."""

    def is_same_everywhere(self, number: int) -> bool:
        """Return whether all processes pass the same number below 2**62; each of them has to call this."""
        return True

    def collect(self, text: str) -> list[str]:
        """Return the texts of all processes that pass one, after the name of each; all of them have to call this."""
        return [text] if text else []

    def end(self, code: int) -> None:
        """End the run in all processes; `code` is their exit code. Does nothing before `join` and after a failure."""
