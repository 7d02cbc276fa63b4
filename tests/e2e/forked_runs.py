"""Runs in several processes, forked from one that has imported torch; started by `test_processes`.

Reads JSON lines from standard input and answers each with a line. A request with "arguments" starts the command line
in "size" processes as torchrun would, and answers with their numbers; one with "wait" waits for these processes and
answers with their exit codes. "fault" names a function of this module that is called first in process "rank" of a
run, or in all. Process r of a run writes its output to the file "log" with the suffix .r.
"""

from __future__ import annotations

import dataclasses
import json
import os
import socket
import sys
from typing import Any

from trainer_core import environment

environment.configure_libraries()

import torch

from trainer_core import cli
from trainer_core.planning import hardware
from trainer_core.settings.config import TrainerConfig
from trainer_core.training import adam, batches, compiling, learner, peers, process_group, takeover, trainer

assert trainer and peers, "imported before the first fork, as what an optimizer imports"
torch.optim.Adam([torch.nn.Parameter(torch.zeros(1))])


def run_out_of_memory() -> None:
    """Let memory run out in the third micro-batch."""
    _fail_at_third_call(batches.BatchMaker, "make_batch", MemoryError("out of memory"))


def break_down() -> None:
    """Let the third micro-batch fail."""
    _fail_at_third_call(batches.BatchMaker, "make_batch", ValueError("no such thing"))


def run_out_in_the_sum() -> None:
    """Let memory run out where the gradients of the second step are to be added up."""
    _fail_at_third_call(torch, "_foreach_copy_", MemoryError("out of memory"))


def run_out_before_the_update() -> None:
    """Let memory run out in the third step after the gradients are added up."""
    _fail_at_third_call(learner.Learner, "_count_skips", MemoryError("out of memory"))


def run_out_in_the_update() -> None:
    """Let memory run out in the third update of the weights."""
    _fail_at_third_call(adam.Adam, "step", MemoryError("out of memory"))


def _fail_at_third_call(owner: Any, name: str, error: Exception, *, fails_again: bool = False) -> None:
    real, count = getattr(owner, name), [0]

    def function(*arguments: Any, **more: Any) -> Any:
        count[0] += 1
        if count[0] == 3 or (fails_again and count[0] == 4):
            raise error
        return real(*arguments, **more)

    setattr(owner, name, function)


def lose_patience() -> None:
    """Wait for seconds where a run waits for minutes."""
    process_group._NOTICE_DELAY, process_group._STEP_TIMEOUT, process_group._STOP_PATIENCE = 1.0, 6.0, 1.0


def add_up_as_on_gpus() -> None:
    """Add up gradients as on GPUs, in a group of their own; gloo takes the place of NCCL."""
    process_group._can_sum_on_gpu, process_group._GPU_BACKEND = lambda tensor: True, "gloo"


def explode() -> None:
    """Let the weights explode after the seventh update."""
    real, count = learner.Learner.update, [0]

    def update(self: learner.Learner, *arguments: Any, learning_rate: float, **more: Any) -> None:
        real(self, *arguments, learning_rate=learning_rate, **more)
        count[0] += 1
        if count[0] == 7:
            with torch.no_grad():
                for parameter in self.network.parameters():
                    parameter.mul_(50)

    learner.Learner.update = update  # type: ignore


def print_updates() -> None:
    """Print a line after each update of the weights."""
    real = learner.Learner.update

    def update(self: learner.Learner, *arguments: Any, **more: Any) -> None:
        real(self, *arguments, **more)
        print("updated the weights", flush=True)

    learner.Learner.update = update  # type: ignore


def change_a_bit() -> None:
    """Change the last bit of one weight after the fourth update."""
    real, count = learner.Learner.update, [0]

    def update(self: learner.Learner, *arguments: Any, **more: Any) -> None:
        real(self, *arguments, **more)
        count[0] += 1
        if count[0] == 4:
            _change_a_bit_of(self)

    learner.Learner.update = update  # type: ignore


def load_other_weights() -> None:
    """Load weights of which one differs in its last bit."""
    real = learner.Learner.restart

    def restart(self: learner.Learner, params: dict[str, torch.Tensor]) -> None:
        real(self, params)
        _change_a_bit_of(self)

    learner.Learner.restart = restart  # type: ignore


def _change_a_bit_of(one: learner.Learner) -> None:
    weight = next(one.network.parameters()).detach().view(torch.int32)[0, 0, 0]
    weight[0] ^= 1


def lose_the_folder() -> None:
    """Let the current folder be deleted."""
    environment.find_lost_folder = lambda: "The current folder no longer exists."


def disconnect() -> None:
    """Let no process connect."""

    def fail(*arguments: Any, **more: Any) -> None:
        raise RuntimeError("no route")

    torch.distributed.init_process_group = fail


def compute_in_bf16() -> None:
    """Be a machine whose processor is faster in another precision."""

    def choose(config: TrainerConfig) -> hardware.Hardware:
        return dataclasses.replace(hardware.choose_hardware(config), precision="bf16")

    _replace(peers, "choose_hardware", choose)


def compute_on_a_gpu() -> None:
    """Be a machine that trains on another kind of device."""
    _replace(peers, "choose_hardware", lambda config: hardware.Hardware("mps", "fp32", "Apple GPU"))


def miss_the_photos() -> None:
    """Be a machine without the photos."""
    real = os.path.exists
    os.path.exists = lambda path: not str(path).endswith(".png") and real(path)


def run_out_while_preparing() -> None:
    """Be a machine whose memory is full."""

    def fail(*arguments: Any) -> None:
        raise MemoryError("out of memory")

    _replace(peers, "Learner", fail)


def end_while_preparing() -> None:
    """Let the process end when the main process asks it to prepare."""
    _replace(peers, "make_camera", lambda *arguments: os._exit(3))


def render_few_scenes() -> None:
    """Let the built-in scenes be few, so that they are rendered quickly."""
    _replace(takeover, "DEMO_SCENES", {"train": 4, "val": 1, "test": 1})


def _replace(owner: Any, name: str, value: Any) -> None:
    setattr(owner, name, value)


def miss_a_compiler() -> None:
    """Be a machine that cannot compile."""
    _replace(peers, "try_compiling", lambda *arguments: "no compiler")


def lose_the_compiler() -> None:
    """Let memory run out in the third micro-batch, and the peer not compile for smaller ones."""
    run_out_of_memory()
    _compile_once(ranks=("1",))


def lose_the_compiler_and_memory() -> None:
    """Let the peer not compile for smaller micro-batches, in the first of which the main process has no memory."""
    error = MemoryError("out of memory")
    _fail_at_third_call(batches.BatchMaker, "make_batch", error, fails_again=os.environ["RANK"] == "0")
    _compile_once(ranks=("1",))


def lose_all_compilers() -> None:
    """Let memory run out in the third micro-batch, and no process compile for smaller ones."""
    run_out_of_memory()
    _compile_once(ranks=("0", "1"))


def _compile_once(ranks: tuple[str, ...]) -> None:
    count = [0]

    def backend(graph: Any, inputs: Any) -> Any:
        count[0] += 1
        if count[0] > 1 and os.environ["RANK"] in ranks:
            raise OSError("the compiler has gone")
        return graph.forward

    _replace(compiling, "_BACKEND", backend)


def _start(request: dict[str, Any]) -> list[int]:
    size = request["size"]
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    numbers = []
    for rank in range(size):
        child = os.fork()
        if not child:
            if size > 1:
                facts = {"RANK": rank, "LOCAL_RANK": rank, "WORLD_SIZE": size, "LOCAL_WORLD_SIZE": size}
                os.environ.update({name: str(value) for name, value in facts.items()})
                os.environ.update(MASTER_ADDR="127.0.0.1", MASTER_PORT=str(port), **request.get("environment", {}))
            _run_child(request, rank)
        numbers.append(child)
    return numbers


def _run_child(request: dict[str, Any], rank: int) -> None:
    code = 70
    try:
        log = os.open(f"{request['log']}.{rank}", os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
        for descriptor in (1, 2):
            os.dup2(log, descriptor)
        if request.get("fault") and request.get("rank", rank) == rank:
            globals()[request["fault"]]()
        code = cli.main(request["arguments"])
    except SystemExit as error:
        code = int(error.code or 0)
    finally:
        sys.stderr.flush()
        os._exit(code)


if __name__ == "__main__":
    for line in sys.stdin:
        asked = json.loads(line)
        if "wait" in asked:
            answer = [os.waitstatus_to_exitcode(os.waitpid(number, 0)[1]) for number in asked["wait"]]
        else:
            answer = _start(asked)
        print(json.dumps(answer), flush=True)
