"""`wqv-upscale-trainer <source_dir> <workspace_dir> [options]`: parse the command line, train and print.

Under `torchrun` every process runs this; the main process trains and prints, its peers assist it in silence.

Exit codes: 0 completed, 1 failed (after saving what it could) or not saved, 2 bad input or usage, 130, 143 or 129
interrupted by Ctrl+C, SIGTERM or SIGHUP after saving. A second signal ends the process at once, and so does the first
one before the run writes anything; while a run waits because it cannot be saved, a second signal ends the wait.
Signals that the parent process ignores, as `nohup` does, stay ignored.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import json
import math
import os
import sys
import time
from collections.abc import Callable, Sequence
from typing import Any

import trainer_core
from trainer_core import environment
from trainer_core.control import RunControl, SaveAnswer
from trainer_core.errors import UserError, is_out_of_memory
from trainer_core.files import explain_error
from trainer_core.requirements import find_unsafe_library
from trainer_core.settings.config import SETTINGS, NumberOrAuto
from trainer_core.settings.schema import AUTO, INT_OR_AUTO, Setting, format_value
from trainer_core.signals import TerminationSignals
from trainer_core.text import ArgumentParser, OutputError, configure_streams, escape_lines, print_lines, wait_for_reader
from trainer_core.training.failures import PeerLost
from trainer_core.training.process_group import check_restart, read_world
from trainer_core.training.world import World

PROGRAM = "wqv-upscale-trainer"
_EPILOG = """\
examples:
  wqv-upscale-trainer photos runs/mono --scale 4 --monochrome-style --preset light --max-minutes 60
  wqv-upscale-trainer photos runs/mono --resume latest
  wqv-upscale-trainer photos runs/x4 --init-weights models/realesrgan/RealESRGAN_x4plus.pth
  wqv-upscale-trainer --demo runs/demo

several GPUs or machines (docs/several_devices.md):
  torchrun --nproc-per-node 4 -m trainer_core photos runs/x4 --preset full

exit codes: 0 completed, 1 failed (saved if possible) or not saved, 2 invalid input or usage, 130/143/129 interrupted
and saved (a second signal ends at once, without saving)"""
_ECHO_SECONDS = 5.0  # torchrun passes on the signals that a terminal sends to all processes as well
_CONFIG_ONLY = (
    'print the resolved settings as JSON, with the device that would train under "derived", and exit '
    "(with --device cpu --no-amp, PyTorch is not imported)"
)


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line and return its exit code."""
    world = read_world()
    with _SignalHandler(RunControl(), world) as signals:
        environment.replace_missing_streams()
        environment.configure_libraries()
        configure_streams()
        if world.rank:
            return _assist(argv, signals, world)
        code = 1
        try:
            code = _run(argv, signals, world)
        finally:
            world.end(code)
        return code


def _run(argv: Sequence[str] | None, signals: _SignalHandler, world: World) -> int:
    parser = build_parser()
    arguments = vars(parser.parse_args(argv))
    events = arguments.pop("events", None)
    config_only = arguments.pop("config_only", False)
    given = _with_paths(arguments, parser)
    obstacle = _find_obstacle()
    if obstacle:
        print_lines(f"{PROGRAM}: error: {obstacle}", stream=sys.stderr)
        return 2
    try:
        return _print_config(given) if config_only else _train(given, events, signals, world)
    except UserError as error:
        print_lines(*escape_lines(f"{PROGRAM}: error: {error}"), stream=sys.stderr)
        return 2
    except PeerLost as error:  # before the run wrote anything
        print_lines(f"{PROGRAM}: error: {error} No run was changed.", stream=sys.stderr)
        return signals.exit_code or 1
    except OutputError as error:
        return error.report(f"{PROGRAM}: error")
    except OSError as error:
        if signals.control.has_begun:
            raise
        print_lines(*escape_lines(f"{PROGRAM}: error: {explain_error(error)}"), stream=sys.stderr)
        return 2


def _assist(argv: Sequence[str] | None, signals: _SignalHandler, world: World) -> int:
    """Train as a peer of the main process.

    Mistakes in the command line are found here as well, so that no process waits for others that have ended. The main
    process alone reports them, and the first process of each other machine what is wrong there.
    """
    with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
        parser = build_parser()
        arguments = vars(parser.parse_args(argv))
        if arguments.get("config_only"):
            return _run(argv, signals, world)
        _with_paths(arguments, parser)
    obstacle = _find_obstacle()
    if obstacle:
        if world.local_rank == 0:
            print_lines(f"{PROGRAM}: error: {obstacle}", stream=sys.stderr)
        return 2
    from trainer_core.sleep_inhibitor import inhibited_sleep
    from trainer_core.training.peers import assist

    try:
        world.join()
        with inhibited_sleep() if world.local_rank == 0 else contextlib.nullcontext():  # once on each machine
            return assist(world, signals.control)
    except Exception as error:
        if not isinstance(error, (PeerLost, UserError)) and not is_out_of_memory(error):
            raise
        if (signals.control.has_begun or world.local_rank == 0) and not signals.exit_code:
            reason = "Memory ran out in it. Use a smaller --batch-size." if is_out_of_memory(error) else error
            print_lines(f"{PROGRAM}: process {world.rank + 1} of {world.size} ends: {reason}", stream=sys.stderr)
        return signals.exit_code or (2 if isinstance(error, UserError) else 1)
    finally:
        world.end(1)


def _find_obstacle() -> str | None:
    """Return what keeps this program from running on this machine, as a sentence, or None."""
    return find_unsafe_library() or environment.find_lost_folder()


def build_parser() -> argparse.ArgumentParser:
    """Build the parser from the settings schema; its result holds only the options that were given."""
    parser = ArgumentParser(
        prog=PROGRAM,
        usage="%(prog)s <source_dir> <workspace_dir> [options]",
        description="Train an RRDB network that upscales Casio WQV wrist camera photos.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        argument_default=argparse.SUPPRESS,
        allow_abbrev=False,
    )
    parser.add_argument("source_dir", nargs="?", help="folder of clean photos, including subfolders; opened read-only")
    parser.add_argument("workspace", metavar="workspace_dir", nargs="?", help="folder for checkpoints, models and logs")
    parser.add_argument("--version", action="version", version=f"%(prog)s {trainer_core.__version__}")
    parser.add_argument("--config-only", action="store_true", help=_CONFIG_ONLY)
    parser.add_argument("--events", choices=("jsonl",), help="write every event to stdout, one JSON object per line")
    groups: dict[str, argparse._ArgumentGroup] = {}
    for setting in SETTINGS.values():
        if setting.flag:
            group = groups.get(setting.group) or parser.add_argument_group(setting.group)
            groups[setting.group] = group
            _add_option(group, setting)
    return parser


def _add_option(group: argparse._ArgumentGroup, setting: Setting) -> None:
    text = _option_help(setting)
    if setting.kind == "switch":
        action = argparse.BooleanOptionalAction
        group.add_argument(setting.flag, dest=setting.name, action=action, default=argparse.SUPPRESS, help=text)
        return
    facts: dict[str, Any] = {"dest": setting.name, "help": text, "metavar": _metavar(setting)}
    if setting.numbered:
        facts.update(type=_checked(setting), metavar="{" + setting.limits.replace(", ", ",") + "}")
    elif setting.kind == "choice":
        facts.update(choices=setting.choices, type=type(setting.choices[0]))
    elif setting.kind == "pair":
        facts.update(nargs=2, type=float, metavar=("B1", "B2"))
    else:
        facts["type"] = {"int": int, "float": float, INT_OR_AUTO: _parse_number_or_auto}.get(setting.kind, str)
    group.add_argument(setting.flag, **facts)
    if setting.optional and setting.stored:
        off = "--no-" + setting.flag.lstrip("-")
        group.add_argument(
            off, dest=setting.name, action="store_const", const=None, help="ignore the value stored in the workspace"
        )


def _checked(setting: Setting) -> Callable[[str], str]:
    """Return a function that passes the values of a choice, in lower case, and refuses others."""

    def check(text: str) -> str:
        value = text.lower()
        if setting.problem(value):
            raise argparse.ArgumentTypeError(setting.problem(text))
        return value

    return check


def _option_help(setting: Setting) -> str:
    facts = [f"default {format_value(setting.default)}"]
    if setting.limits and setting.kind != "choice":
        facts.insert(0, f"{setting.limits} {setting.unit}".strip())
    text = f"{setting.help} ({'; '.join(facts)})"
    return text.replace("%", "%%")


def _metavar(setting: Setting) -> str | None:
    names = {"int": "N", "float": "X", INT_OR_AUTO: "N", "name": "NAME", "file": "PATH", "folder": "DIR"}
    return names.get(setting.kind)  # argparse lists the values of a choice itself


def _parse_number_or_auto(text: str) -> NumberOrAuto:
    try:
        return AUTO if text == AUTO else int(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"must be {AUTO} or a whole number, not {text!r}") from None


def _with_paths(arguments: dict[str, Any], parser: argparse.ArgumentParser) -> dict[str, Any]:
    """Name the positional paths: source and workspace; with --demo a single path is the workspace."""
    source, workspace = arguments.pop("source_dir", None), arguments.pop("workspace", None)
    if arguments.get("demo") and workspace is None:
        source, workspace = None, source
    if workspace is None or (source is None and not arguments.get("demo")):
        parser.error("give a source folder and a workspace folder (with --demo, only the workspace folder)")
    if source is not None and arguments.get("demo"):
        parser.error(f"--demo trains on built-in scenes, not on {source}; leave out --demo or the source folder")
    arguments = {name: tuple(value) if isinstance(value, list) else value for name, value in arguments.items()}
    return {**arguments, "workspace": workspace, **({} if source is None else {"source_dir": source})}


def _print_config(given: dict[str, Any]) -> int:
    from trainer_core.planning.plan import make_plan, resolved_config_json

    plan = make_plan(given)
    for notice in plan.notices:
        print_lines(*escape_lines(notice), stream=sys.stderr)
    print_lines(*json.dumps(resolved_config_json(plan), indent=2).split("\n"))
    return 0


def _train(given: dict[str, Any], events: str | None, signals: _SignalHandler, world: World) -> int:
    from trainer_core.events import Fanout, Notice
    from trainer_core.planning.plan import make_plan
    from trainer_core.priority import set_priority
    from trainer_core.sinks.console import ConsoleSink
    from trainer_core.sinks.journal import JsonlStdoutSink
    from trainer_core.sleep_inhibitor import inhibited_sleep
    from trainer_core.training.peers import check_devices, share_out_batch
    from trainer_core.training.trainer import Trainer

    world.join()
    check_restart(world, resumes=bool(given.get("resume_from")))
    plan = make_plan(given)
    priority_problem = set_priority(plan.config.priority)
    if world.size > 1:
        check_devices(plan.hardware, world)
        plan = share_out_batch(plan, world.size)

    def is_stopping() -> bool:
        return signals.exit_code != 0

    console = ConsoleSink(log_interval=plan.config.log_interval, is_stopping=is_stopping)
    sink = Fanout(console, *([JsonlStdoutSink(sys.stdout, is_stopping)] if events else []))
    try:
        if priority_problem:
            sink(Notice("warning", priority_problem))
        with inhibited_sleep():
            outcome = Trainer(plan, sink, signals.control, world).run().outcome
    finally:
        console.close()
    return {"completed": 0, "failed": 1}.get(outcome, signals.exit_code)


class _SignalHandler(TerminationSignals):
    """Handler of the signals that end a program.

    The first signal stops the run; before the run writes anything, it ends the process at once, and so does a second
    one. Under torchrun a signal may come twice, from the terminal and from torchrun: then those within five seconds
    count as one.

    Args:
        control: control of the run.
        world: the processes that train together; a signal that reaches one stops all.

    Attributes:
        control: control of the run.
        exit_code: 128 plus the number of the first signal, else 0.
    """

    def __init__(self, control: RunControl, world: World | None = None) -> None:
        super().__init__()
        self.control = control
        self.exit_code = 0
        self._world = world or World()
        self._latest = -math.inf
        self._world.on_stop_signal = self.handle

    def handle(self, number: int) -> None:
        """Stop the run or end the process."""
        code, now = 128 + number, time.monotonic()
        if self._world.size > 1 and now - self._latest < _ECHO_SECONDS:
            return
        self._latest, self._world.stop_signal = now, number
        if self.control.is_waiting_for_room:
            self._end_wait(code)
            return
        if self.exit_code:
            os._exit(code)
        if not self.control.has_begun:
            self._print("Interrupted before the first step. No run was changed.")
            os._exit(code)
        self.exit_code = code
        self.control.stop()
        self._print("Stopping and saving. Press Ctrl+C again to quit at once, without saving.")

    def _print(self, text: str) -> None:
        if self._world.rank == 0:
            _write_to_terminal(text)

    def _end_wait(self, code: int) -> None:
        """End the wait of a run that cannot be saved, unless this is the first signal."""
        if self.exit_code:
            self.control.answer_save(SaveAnswer(gives_up=True))
            self._print("Ending without saving.")
        else:
            self.exit_code = code
            self._print("The last steps are not saved yet. Press Ctrl+C again to end without saving them.")


def _write_to_terminal(text: str) -> None:
    with contextlib.suppress(OSError, ValueError):  # it may be closed
        if sys.stderr is None or wait_for_reader(sys.stderr, lambda: True, patience=0):
            os.write(2, f"\n{text}\n".encode())


if __name__ == "__main__":
    sys.exit(main())
