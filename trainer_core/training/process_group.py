"""The processes that train one run: those that `torchrun` started, or this one and the peers that it starts itself.

`read_world` finds out which. In a `ProcessGroup` the main process (rank 0) sends messages, and every process adds its
gradients to those of the others. A `World` of one never imports torch.distributed.

Each wait for the others is bounded, and notices a signal. Processes on one machine, and processes that end, are noticed
at once; the bounds are for a machine or a network that is lost without a word.
"""

from __future__ import annotations

import contextlib
import datetime
import json
import math
import os
import socket
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from trainer_core.control import Stopped
from trainer_core.errors import UserError, is_out_of_memory
from trainer_core.training.failures import NotCompiled, PeerLost
from trainer_core.training.world import World

if TYPE_CHECKING:
    import torch

_VARIABLES = ("RANK", "WORLD_SIZE", "LOCAL_RANK", "LOCAL_WORLD_SIZE", "MASTER_ADDR", "MASTER_PORT")
_RESTARTS = "TORCHELASTIC_RESTART_COUNT"
_JOIN_TIMEOUT = 10 * 60.0  # seconds for all processes to start
_LOCAL_JOIN_TIMEOUT = 60.0  # the same for processes that have started and wait for this one
_STEP_TIMEOUT = 30 * 60.0  # seconds for a peer's share of a step
_MESSAGE_TIMEOUT = 6 * 3600.0  # seconds between two messages of the main process; it may validate or wait for room
_LOCAL_MESSAGE_TIMEOUT = 20 * 86400.0  # the same on one machine, where its end is noticed at once; it may be paused
_STOP_PATIENCE = 10.0  # seconds that the main process waits for its peers after a signal to stop
_NOTICE_DELAY = 60.0  # seconds after which a wait is reported
_POLL = 0.2  # seconds; between two, Python handles signals
_GPU_POLL = 0.0005  # seconds between two looks at a sum on the GPU
_GPU_BACKEND = "nccl"
_GPU_MARGIN = 60.0  # seconds by which this module notices an unanswered sum before NCCL does
_PACKET = 512  # bytes of a message that are sent at once
_TEXT = 4096  # bytes of a reason

# the worst of these is reported; a step without the compiler runs out of memory again if it needs more
_DONE, _STOPPED, _REFUSED, _OUT_OF_MEMORY, _NOT_COMPILED, _FAILED = range(6)


class ProcessGroup(World):
    """One of several processes, connected by torch.distributed: gloo, and NCCL for sums on CUDA devices.

    Args:
        environment: the variables of torchrun, or those that describe the process alike.
        meeting_file: path of a file by which processes of one machine find each other; "" for the address of torchrun.
    """

    def __init__(self, environment: Mapping[str, str], meeting_file: str = "") -> None:
        super().__init__()
        self._meeting_file, self.is_local = meeting_file, bool(meeting_file)
        self._message_timeout = _LOCAL_MESSAGE_TIMEOUT if self.is_local else _MESSAGE_TIMEOUT
        self.rank, self.size = int(environment["RANK"]), int(environment["WORLD_SIZE"])
        self.local_rank, self.local_size = int(environment["LOCAL_RANK"]), int(environment["LOCAL_WORLD_SIZE"])
        self.is_restarted = environment.get(_RESTARTS, "0") != "0"
        self.failure_is_known = False
        self._is_joined = False
        self._group: Any = None
        self._gpu_group: Any = None  # made by the first sum, when all processes are known to train on such GPUs
        self._flat: torch.Tensor | None = None
        self._views: list[torch.Tensor] = []
        self._sums_on_gpu = False

    def join(self) -> None:
        """Connect with the other processes, on the GPU with the number of this process if there is one."""
        import torch
        import torch.distributed as dist

        for gpus in (torch.cuda, torch.xpu):
            if not self.is_local and gpus.device_count() >= self.local_size:
                gpus.set_device(self.local_rank)
        try:
            if self.is_local:
                self._join_locally()
            else:
                dist.init_process_group("gloo", timeout=datetime.timedelta(seconds=_JOIN_TIMEOUT))
                self._group = dist.new_group(backend="gloo", timeout=datetime.timedelta(seconds=_MESSAGE_TIMEOUT))
        except (RuntimeError, ValueError) as error:
            if self.is_local:
                raise PeerLost(f"The processes cannot connect ({_first_line(error)}).") from error
            raise UserError(
                f"The processes that torchrun started cannot connect ({_first_line(error)}). "
                "Check the address and the port given to torchrun."
            ) from error
        self._is_joined = True

    def _join_locally(self) -> None:
        """Connect with processes that are ready; a wait for one that has ended since then cannot be interrupted."""
        import torch.distributed as dist

        hook, limit = sys.excepthook, datetime.timedelta(seconds=_LOCAL_JOIN_TIMEOUT)
        store: Any = dist.FileStore(self._meeting_file, self.size)  # type: ignore[attr-defined]
        try:
            dist.init_process_group("gloo", store=store, rank=self.rank, world_size=self.size, timeout=limit)
        finally:
            sys.excepthook = hook  # torch replaces it
        self._group = dist.new_group(backend="gloo", timeout=limit)
        dist.distributed_c10d._set_pg_timeout(datetime.timedelta(seconds=_LOCAL_MESSAGE_TIMEOUT), self._group)

    def send(self, message: Mapping[str, Any]) -> None:
        """Send a message of JSON values from the main process to its peers."""
        import torch

        content = json.dumps(message).encode()
        content = len(content).to_bytes(8, "big") + content + bytes(max(0, _PACKET - 8 - len(content)))
        tensor = torch.frombuffer(bytearray(content), dtype=torch.uint8)
        self._broadcast(tensor[:_PACKET], _STEP_TIMEOUT)
        if len(tensor) > _PACKET:
            self._broadcast(tensor[_PACKET:], _STEP_TIMEOUT)

    def receive(self) -> dict[str, Any]:
        """Wait for the next message of the main process and return it."""
        import torch

        tensor = torch.empty(_PACKET, dtype=torch.uint8)
        self._broadcast(tensor, self._message_timeout)
        content = tensor.numpy().tobytes()
        length, content = int.from_bytes(content[:8], "big"), content[8:]
        if length > len(content):
            rest = torch.empty(length - len(content), dtype=torch.uint8)
            self._broadcast(rest, _STEP_TIMEOUT)
            content += rest.numpy().tobytes()
        message: dict[str, Any] = json.loads(content[:length])
        return message

    def broadcast(self, tensor: torch.Tensor) -> None:
        """Send a tensor on the CPU from the main process into that of its peers."""
        self._broadcast(tensor, _STEP_TIMEOUT)

    @contextlib.contextmanager
    def together(self) -> Iterator[None]:
        """Do the `with` block in all processes, and raise in each what failed in one."""
        try:
            yield
        except BaseException as error:
            with contextlib.suppress(PeerLost, Stopped):
                kind, reasons = self._agree(_kind_of(error), str(error) or type(error).__name__)
                self.failure_is_known = True
                if kind == _NOT_COMPILED and not self.rank:  # here or in a peer
                    raise NotCompiled(*reasons) from error
            raise
        kind, reasons = self._agree(_DONE, "")
        if kind == _DONE:
            return
        self.failure_is_known = True
        if kind == _STOPPED or self.rank:
            raise Stopped
        if kind == _NOT_COMPILED:
            raise NotCompiled(*reasons)
        if kind == _FAILED and self.is_local:
            raise PeerLost(" ".join(reasons))
        errors = {_REFUSED: UserError, _OUT_OF_MEMORY: MemoryError}
        raise errors.get(kind, RuntimeError)(" ".join(reasons))

    def add_up(self, tensors: Sequence[torch.Tensor]) -> None:
        """Replace each tensor by its sum over all processes; if that fails here, nothing can be sent any more."""
        try:
            self._add_up(tensors)
        except BaseException:
            self._abandon()  # the others wait in the sum, where they notice the end of this process
            raise

    def _add_up(self, tensors: Sequence[torch.Tensor]) -> None:
        import torch

        if self._flat is None:
            self._sums_on_gpu = _can_sum_on_gpu(tensors[0])
            device = tensors[0].device if self._sums_on_gpu else torch.device("cpu")  # where gloo adds up
            self._flat = torch.empty(sum(tensor.numel() for tensor in tensors), device=device)
            parts = torch.split(self._flat, [tensor.numel() for tensor in tensors])
            self._views = [part.as_strided(t.shape, t.stride()) for part, t in zip(parts, tensors)]
        torch._foreach_copy_(self._views, list(tensors))
        self._wait(self._begin_sum, _STEP_TIMEOUT, is_on_gpu=self._sums_on_gpu)
        torch._foreach_copy_(list(tensors), self._views)

    def _begin_sum(self) -> Any:
        import torch.distributed as dist

        if not self._sums_on_gpu:
            return dist.all_reduce(self._flat, group=self._group, async_op=True)
        if self._gpu_group is None:
            # by default a thread of NCCL ends the process when a sum fails, and the run would not be saved
            os.environ.setdefault("TORCH_NCCL_ASYNC_ERROR_HANDLING", "0")
            limit = datetime.timedelta(seconds=_STEP_TIMEOUT + _GPU_MARGIN)
            self._gpu_group = dist.new_group(backend=_GPU_BACKEND, timeout=limit)
        return dist.all_reduce(self._flat, group=self._gpu_group, async_op=True)

    def _abandon(self) -> None:
        """Exchange nothing more; give up a sum that waits on the GPU, where it can hold up copies of the weights."""
        self._is_joined = False
        if self._gpu_group is not None:
            with contextlib.suppress(Exception):
                self._gpu_group.abort()

    def is_same_everywhere(self, number: int) -> bool:
        """Return whether all processes pass the same number below 2**62; each of them has to call this."""
        import torch
        import torch.distributed as dist

        ends = torch.tensor([number, -number])
        self._wait(lambda: dist.all_reduce(ends, dist.ReduceOp.MAX, self._group, async_op=True), _STEP_TIMEOUT)
        highest, lowest = ends.tolist()
        return bool(highest == -lowest)

    def collect(self, text: str) -> list[str]:
        """Return the texts of all processes that pass one, after the name of each; all of them have to call this."""
        import torch
        import torch.distributed as dist

        own = f"Process {self.rank + 1} of {self.size} ({socket.gethostname()}): {text}".encode() if text else b""
        texts = [torch.zeros(_TEXT, dtype=torch.uint8) for _ in range(self.size)]
        content = own[:_TEXT] + bytes(max(0, _TEXT - len(own)))
        mine = torch.frombuffer(bytearray(content), dtype=torch.uint8)
        self._wait(lambda: dist.all_gather(texts, mine, self._group, async_op=True), _STEP_TIMEOUT)
        decoded = (each.numpy().tobytes().rstrip(b"\0").decode("utf-8", "replace") for each in texts)
        return [each for each in decoded if each]

    def end(self, code: int) -> None:
        """End the run in all processes; `code` is their exit code. Does nothing before `join` and after a failure."""
        if not self._is_joined:
            return
        import torch.distributed as dist

        with contextlib.suppress(PeerLost, Stopped):
            if self.rank == 0:
                self.send({"kind": "end", "code": code})
        self._is_joined = False
        with contextlib.suppress(RuntimeError):
            dist.destroy_process_group()

    @property
    def is_connected(self) -> bool:
        """Whether messages reach the other processes, as far as this one knows."""
        return self._is_joined

    def leave(self) -> None:
        """Leave the other processes, so that this one can join others."""
        import torch.distributed as dist

        self._abandon()
        with contextlib.suppress(RuntimeError, ValueError, AssertionError):
            dist.destroy_process_group()

    def _agree(self, kind: int, reason: str) -> tuple[int, list[str]]:
        """Return the worst of all kinds, and the reasons of the processes with it; pass on a signal to stop."""
        import torch
        import torch.distributed as dist

        both = torch.tensor([kind, self.stop_signal])
        self._wait(lambda: dist.all_reduce(both, dist.ReduceOp.MAX, self._group, async_op=True), _STEP_TIMEOUT)
        worst, number = both.tolist()
        if number and not self.stop_signal and self.rank == 0:
            self.on_stop_signal(number)
        if worst == _DONE:
            return worst, []
        return worst, self.collect(reason if kind == worst else "")

    def _broadcast(self, tensor: torch.Tensor, timeout: float) -> None:
        import torch.distributed as dist

        self._wait(lambda: dist.broadcast(tensor, 0, self._group, async_op=True), timeout)

    def _wait(self, begin: Callable[[], Any], timeout: float, *, is_on_gpu: bool = False) -> None:
        """Begin work with the other processes and wait for its end.

        Work on a GPU is waited for as well, so that no weights are updated with a sum that is never complete.

        Raises:
            PeerLost: it failed, or did not end in time; nothing can be sent any more.
            Stopped: the main process was asked to stop, and its peers do not answer; likewise.
        """
        self.failure_is_known = False
        if not self._is_joined:
            raise PeerLost(_LOST)
        started, is_reported, stop_by = time.monotonic(), False, math.inf
        try:
            work = begin()
            while not _has_ended(work, is_on_gpu):
                now = time.monotonic()
                waited = now - started
                if self.rank == 0 and (self.stop_signal or self.is_stopping()):
                    stop_by = min(stop_by, now + _STOP_PATIENCE)
                if now > stop_by:
                    self._abandon()
                    raise Stopped
                if waited > timeout:
                    raise PeerLost(f"The other processes of this run did not answer for {timeout / 60:.0f} minutes.")
                if waited > _NOTICE_DELAY and not is_reported:
                    is_reported = True
                    self.on_wait(f"Waiting for the other processes of this run, up to {timeout / 60:.0f} minutes.")
        except RuntimeError as error:
            self._abandon()
            if isinstance(error, PeerLost):
                raise
            text = f"The gradients cannot be added up on the GPUs ({_first_line(error)})." if is_on_gpu else _LOST
            raise PeerLost(text) from error


_LOST = "Another process of this run has ended or cannot be reached."


def _can_sum_on_gpu(tensor: torch.Tensor) -> bool:
    import torch.distributed as dist

    return tensor.is_cuda and dist.is_nccl_available()


def _has_ended(work: Any, is_on_gpu: bool) -> bool:
    """Wait for work for a moment and return whether it has ended.

    Raises:
        RuntimeError: it failed.
    """
    if is_on_gpu:
        if not work.is_completed():  # a wait with a limit would give it up afterwards
            time.sleep(_GPU_POLL)
            return False
    else:
        try:
            work.wait(datetime.timedelta(seconds=_POLL))
            return True
        except RuntimeError:
            if not work.is_completed():
                return False
    work.wait()  # it has ended, well or not
    return True


def read_world(environment: Mapping[str, str] = os.environ) -> World:
    """Return the processes that train together, as the variables of torchrun describe them."""
    if not all(environment.get(name) for name in _VARIABLES) or environment["WORLD_SIZE"] == "1":
        return World()
    return ProcessGroup(environment)


def check_restart(world: World, *, resumes: bool) -> None:
    """Refuse to begin a new run where torchrun restarted the processes of one.

    Raises:
        UserError: this is a restart, and the command does not resume.
    """
    if isinstance(world, ProcessGroup) and world.is_restarted and not resumes:
        raise UserError(
            "torchrun restarted the processes, which would begin a new run. Use --max-restarts 0, and continue the run "
            "with --resume latest."
        )


def _kind_of(error: BaseException) -> int:
    if isinstance(error, UserError):
        return _REFUSED
    if isinstance(error, Stopped):
        return _STOPPED
    if isinstance(error, NotCompiled):
        return _NOT_COMPILED
    return _OUT_OF_MEMORY if is_out_of_memory(error) else _FAILED


def _first_line(error: Exception) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0][:200].rstrip(".")
